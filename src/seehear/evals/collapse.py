# SPDX-License-Identifier: Apache-2.0
"""How evenly embeddings spread over the sphere: measures that need neither labels nor a classifier.

Of N unit vectors x_i of a modality, and of the pairs (v_i, a_i) of both:

    mean_dot        mean over i != j of x_i . x_j: 1 when all are the same, 0 when they spread (thesis 2.4.3)
    uniformity      log mean over i < j of exp(-2 |x_i - x_j|^2): 0 when all are the same
    effective_rank  exp(-sum p log p), p = singular values / their sum: from 1 to D (Roy & Vetterli 2007)
    alignment       mean over i of |v_i - a_i|^2: 0 when picture and sound of every clip are one

Uniformity and alignment are those of Wang & Isola (2020), with t = 2 and alpha = 2.
"""

import torch
from jaxtyping import Float32
from torch import Tensor
from torch.nn import functional

from seehear import metrics
from seehear.evals.features import Splits

MOST = 4096
"""Vectors that uniformity is measured on: pairs grow with their square."""


def collapse(splits: Splits, generator: torch.Generator) -> dict[str, float | None]:
    """The calibration of the embeddings of the test clips, averaged over windows."""
    found = {modality: splits.test.embedding(modality) for modality in splits.test.modalities}
    unit = {name: functional.normalize(one.mean(1), dim=1) for name, one in found.items() if one is not None}
    return calibration(unit, generator)


def calibration(unit: dict[str, Float32[Tensor, "N D"]], generator: torch.Generator) -> dict[str, float | None]:
    """Numbers "modality/mean_dot", ".../effective_rank" and ".../uniformity", and "alignment" when there are both.

    Of more than `MOST` vectors, uniformity is that of a part drawn from the generator. Nothing for a single vector.
    """
    numbers = dict[str, float | None]()
    count = len(next(iter(unit.values()), ()))
    if count < 2:
        return numbers
    part = torch.randperm(count, generator=generator)[:MOST] if count > MOST else slice(None)
    for modality, one in unit.items():
        numbers[f"{modality}/mean_dot"] = metrics.mean_dot(one)
        numbers[f"{modality}/effective_rank"] = metrics.effective_rank(one)
        numbers[f"{modality}/uniformity"] = metrics.uniformity(one[part])
    if len(unit) == 2:
        numbers["alignment"] = metrics.alignment(*unit.values())
    return numbers
