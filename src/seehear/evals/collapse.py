# SPDX-License-Identifier: Apache-2.0
"""Have the embeddings collapsed? Measures that need neither labels nor a classifier.

mean_dot is 1 and the effective rank 1 when every clip gets the same embedding; 0 and up to 128 when they spread.
"""

import torch
from torch.nn import functional

from seehear import metrics
from seehear.evals.features import Splits


def collapse(splits: Splits, generator: torch.Generator) -> dict[str, float | None]:
    """Numbers "modality/mean_dot", ".../effective_rank" and ".../uniformity" of the test clips, and "alignment"."""
    test, numbers, unit = splits.test, dict[str, float | None](), dict[str, torch.Tensor]()
    for modality in test.modalities:
        embedding = test.embedding(modality)
        if embedding is None or len(embedding) < 2:
            continue
        unit[modality] = functional.normalize(embedding.mean(1), dim=1)
        numbers[f"{modality}/mean_dot"] = metrics.mean_dot(unit[modality])
        numbers[f"{modality}/effective_rank"] = metrics.effective_rank(unit[modality])
        numbers[f"{modality}/uniformity"] = metrics.uniformity(unit[modality])
    if len(unit) == 2:
        numbers["alignment"] = metrics.alignment(*unit.values())
    return numbers
