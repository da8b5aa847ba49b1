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
from jaxtyping import Float32, Float64, Int64
from torch import Tensor

from seehear import metrics
from seehear.evals import logistic
from seehear.evals.results import Items, Numbers

TRIALS = 5
TEST, VALIDATION = 0.3, 0.1
"""Shares of the recordings."""


def memory_probe(
    rows: dict[str, Float32[Tensor, "N D"]],
    labels: Int64[Tensor, "N"],
    sources: Sequence[str],
    generator: torch.Generator,
) -> Numbers:
    """Numbers "video/accuracy", "audio/accuracy" and "both/accuracy" (the two side by side), and ".../deviation".

    The deviation is that over the draws. None when fewer than three recordings have a label.
    """
    return scored_memory_probe(rows, labels, sources, generator)[0]


def scored_memory_probe(
    rows: dict[str, Float32[Tensor, "N D"]],
    labels: Int64[Tensor, "N"],
    sources: Sequence[str],
    generator: torch.Generator,
) -> tuple[Numbers, Items]:
    """The numbers, and how often each item was right of the draws in which it was measured; NaN where in none."""
    known = torch.nonzero(labels >= 0)[:, 0]
    names, recording = np.unique(np.asarray(sources)[known.numpy()], return_inverse=True)
    inputs = {name: one[known] for name, one in rows.items()}
    inputs["both"] = torch.cat(list(inputs.values()), 1)
    if len(names) < 3:
        return {f"{name}/accuracy": None for name in inputs}, {}
    parts = [_split(torch.from_numpy(recording), len(names), generator) for _ in range(TRIALS)]
    numbers, items = Numbers(), Items()
    for name, one in inputs.items():
        each = torch.full((TRIALS, len(labels)), float("nan"), dtype=torch.float64)
        for trial, part in enumerate(parts):
            each[trial, known[part[-1]]] = _hits(one, labels[known], part)
        scores = each.nanmean(1).tolist()
        numbers |= {f"{name}/accuracy": fmean(scores), f"{name}/deviation": pstdev(scores)}
        items[f"{name}/accuracy"] = each.nanmean(0)
    return numbers, items


def _split(recording: Int64[Tensor, "N"], count: int, generator: torch.Generator) -> list[Tensor]:
    """Rows to fit on, to choose on and to measure on."""
    place = torch.randperm(count, generator=generator)[recording]
    test = max(round(TEST * count), 1)
    ends = 0, test, test + max(round(VALIDATION * count), 1), count
    measured, chosen, fitted = (torch.nonzero((low <= place) & (place < high))[:, 0] for low, high in pairwise(ends))
    return [fitted, chosen, measured]


def _hits(rows: Float32[Tensor, "N D"], labels: Int64[Tensor, "N"], part: list[Tensor]) -> Float64[Tensor, "M"]:
    """Rows to measure on that the classifier gets right which does best on those to choose on, and least flexibly."""
    fitted, chosen, measured = part
    classes = int(labels.max()) + 1
    best = max(
        logistic.path(rows[fitted], labels[fitted], classes),
        key=lambda one: metrics.accuracy(one.probabilities(rows[chosen]), labels[chosen]),
    )
    return metrics.hits(best.probabilities(rows[measured]), labels[measured])
