# SPDX-License-Identifier: Apache-2.0
"""How well a linear classifier reads the class from the memories of a run (thesis section 2.7.3, table 2.8).

Memories exist for training clips alone, so these are split: 30 % of the recordings are measured, as in the thesis, 10 %
choose the strength of regularisation, and the rest is fitted on. Clips of one recording stay together. The split is
drawn five times, and accuracies are averaged.
"""

from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, pstdev

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from seehear import metrics
from seehear.evals import logistic

TRIALS = 5
TEST, VALIDATION = 0.3, 0.1
"""Shares of the recordings."""


def memory_probe(
    rows: dict[str, Float32[Tensor, "N D"]],
    labels: Int64[Tensor, "N"],
    sources: Sequence[str],
    generator: torch.Generator,
) -> dict[str, float | None]:
    """Numbers "video/accuracy", "audio/accuracy" and "both/accuracy" (the two side by side), and ".../deviation".

    The deviation is that over the draws. None when fewer than three recordings have a label.
    """
    known = torch.nonzero(labels >= 0)[:, 0]
    names, recording = np.unique(np.asarray(sources)[known.numpy()], return_inverse=True)
    inputs = {name: one[known] for name, one in rows.items()}
    inputs["both"] = torch.cat(list(inputs.values()), 1)
    if len(names) < 3:
        return {f"{name}/accuracy": None for name in inputs}
    parts = [_split(torch.from_numpy(recording), len(names), generator) for _ in range(TRIALS)]
    numbers = dict[str, float | None]()
    for name, one in inputs.items():
        scores = [_accuracy(one, labels[known], part) for part in parts]
        numbers |= {f"{name}/accuracy": fmean(scores), f"{name}/deviation": pstdev(scores)}
    return numbers


def _split(recording: Int64[Tensor, "N"], count: int, generator: torch.Generator) -> list[Tensor]:
    """Rows to fit on, to choose on and to measure on."""
    place = torch.randperm(count, generator=generator)[recording]
    test = max(round(TEST * count), 1)
    ends = 0, test, test + max(round(VALIDATION * count), 1), count
    measured, chosen, fitted = (torch.nonzero((low <= place) & (place < high))[:, 0] for low, high in pairwise(ends))
    return [fitted, chosen, measured]


def _accuracy(rows: Float32[Tensor, "N D"], labels: Int64[Tensor, "N"], part: list[Tensor]) -> float:
    """Test accuracy of the classifier that does best on the rows to choose on, the most regularised of equals."""
    fitted, chosen, measured = part
    classes = int(labels.max()) + 1
    best = max(
        logistic.path(rows[fitted], labels[fitted], classes),
        key=lambda one: metrics.accuracy(one.probabilities(rows[chosen]), labels[chosen]),
    )
    return metrics.accuracy(best.probabilities(rows[measured]), labels[measured])
