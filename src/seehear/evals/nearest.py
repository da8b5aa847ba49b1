# SPDX-License-Identifier: Apache-2.0
"""How well the nearest training clips tell the class: nothing is learnt (Wu et al. 2018, sec. 3.4).

Votes of the k clips of highest cosine similarity s in the pooled features, averaged over windows, weigh exp(s / .07);
k is chosen on the validation clips.
"""

import torch
from jaxtyping import Float32, Int64
from torch import Tensor
from torch.nn import functional

from seehear import metrics
from seehear.evals.features import Splits

COUNTS = (1, 5, 10, 20, 50, 200)
TEMPERATURE = 0.07


def nearest(splits: Splits, generator: torch.Generator) -> dict[str, float | None]:
    """Test accuracy "modality/accuracy" and the number of neighbours "modality/k" behind it."""
    if (known := splits.labelled()) is None:
        return {f"{modality}/accuracy": None for modality in splits.test.modalities}
    train, validation, test = known.train, known.validation, known.test
    classes, numbers = len(test.catalog.classes), dict[str, float | None]()
    for modality in test.modalities:
        shown = train.averaged(modality)
        similarity = validation.averaged(modality) @ shown.T
        counts = [k for k in COUNTS if k <= len(shown)]
        right = [metrics.accuracy(vote(similarity, train.labels, k, classes), validation.labels) for k in counts]
        k = counts[right.index(max(right))]
        scores = vote(test.averaged(modality) @ shown.T, train.labels, k, classes)
        numbers |= {f"{modality}/accuracy": metrics.accuracy(scores, test.labels), f"{modality}/k": float(k)}
    return numbers


def vote(
    similarity: Float32[Tensor, "Q N"], labels: Int64[Tensor, "N"], k: int, classes: int
) -> Float32[Tensor, "Q K"]:
    """Scores sum over the k nearest of exp((s - 1) / .07) at their class."""
    nearest, rows = similarity.topk(k, dim=1)
    votes = functional.one_hot(labels[rows], classes).float()
    return (votes * ((nearest - 1) / TEMPERATURE).exp()[:, :, None]).sum(1)
