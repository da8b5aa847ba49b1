# SPDX-License-Identifier: Apache-2.0
"""Which classes are found across modalities? The class level of `retrieval`, class by class, over all test clips.

Heads' embeddings, averaged over the windows of a clip; a query is right at k = 1, 5, 20 if any of its k nearest answers
has its class, its own included. Other clips of its own recording are left out of the gallery.
"""

import torch
from torch.nn import functional

from seehear.evals.features import Splits
from seehear.evals.map_retrieval import by_class, recalls
from seehear.evals.retrieval import RANKS

DIRECTIONS = (("video", "audio"), ("audio", "video"))


def class_retrieval(splits: Splits, generator: torch.Generator) -> dict[str, float | None]:
    """Numbers "video_to_audio/r1", "video_to_audio/class/NAME/r1" and so on; None without labels or one modality."""
    test = splits.test.labelled()
    unit = {m: functional.normalize(e.mean(1), dim=1) for m in test.modalities if (e := test.embedding(m)) is not None}
    numbers: dict[str, float | None] = {}
    sources, own = test.sources, torch.arange(len(test.catalog))

    def allowed(some: slice) -> torch.Tensor:
        return (sources[some, None] != sources) | (own[some, None] == own)

    for query, answer in DIRECTIONS:
        name = f"{query}_to_{answer}"
        if len(unit) < 2 or not len(own):
            numbers |= {f"{name}/r{k}": None for k in RANKS}
            continue
        found = recalls(unit[query], unit[answer], test.labels, test.labels, allowed)
        numbers |= {f"{name}/r{k}": float(found[:, i].mean()) for i, k in enumerate(RANKS)}
        numbers |= by_class(f"{name}/class", found, test.labels, test.catalog.classes)
    return numbers
