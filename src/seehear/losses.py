# SPDX-License-Identifier: Apache-2.0
"""Losses as pure functions of scores; B anchors, K negatives.

A score is the similarity x.y / tau of two unit vectors divided by the temperature.
"""

from math import log, sqrt

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn


def noise_contrastive(
    positive: Float[Tensor, "B *P"], negative: Float[Tensor, "B K"], partition: float
) -> Float[Tensor, "B"]:
    """Noise-contrastive estimation of Eq. 2.3 (thesis), with partition function Z and uniform noise.

    P(D = 1 | s) = e^s / (e^s + K Z);  loss = -log P(D = 1 | positive) - sum_k log (1 - P(D = 1 | negative_k)).
    With several positives, the mean of their losses (Eq. 2.9). The size of the data set cancels. Written with softplus,
    because e^s overflows for small temperatures.
    """
    bias = log(negative.shape[1] * partition)
    attraction = nn.functional.softplus(bias - positive).reshape(len(positive), -1).mean(1)
    return attraction + nn.functional.softplus(negative - bias).sum(1)


def contrastive(scores: Float[Tensor, "B G"], target: Int64[Tensor, "B"]) -> Float[Tensor, "B"]:
    """InfoNCE (van den Oord et al., 2018): -log softmax(scores)[target], each anchor against G candidates."""
    return nn.functional.cross_entropy(scores, target, reduction="none")


def soft_contrastive(scores: Float[Tensor, "B G"], target: Float[Tensor, "B G"]) -> Float[Tensor, "B"]:
    """Cross-entropy -sum_g T_g log softmax(scores)_g with target distributions T (thesis Eq. 3.7, one modality)."""
    return nn.functional.cross_entropy(scores, target, reduction="none")


def agreement_weights(
    score: Float[Tensor, "B"],
    mean: Float[Tensor, ""],
    deviation: Float[Tensor, ""],
    midpoint: float = -1.0,
    spread: float = 0.5,
    floor: float = 0.25,
) -> Float[Tensor, "B"]:
    """Sample weights of thesis Eq. 3.6: low where the two modalities of an item agree less than those of most items.

    w = floor + (1 - floor) Phi((score - mean - midpoint deviation) / (sqrt(spread) deviation)), Phi the standard normal
    distribution function: the second parameter of the normal in Eq. 3.6 is a variance.
    """
    # Scores that are all equal have no spread to be measured by: they are all as good as the mean.
    distance = (score - mean) / deviation.clamp(min=1e-6)
    return floor + (1 - floor) * torch.special.ndtr((distance - midpoint) / sqrt(spread))


def pair_logistic(together: Float[Tensor, "B"], apart: Float[Tensor, "B K"]) -> Float[Tensor, "B"]:
    """Binary cross-entropy of pairs that belong together and pairs that do not, both kinds with equal weight.

    L = softplus(-s) / 2 + mean_k softplus(s_k) / 2 with logits s; log 2 for a guess (Arandjelovic & Zisserman, 2017).
    """
    return (nn.functional.softplus(-together) + nn.functional.softplus(apart).mean(1)) / 2


def pair_margin(together: Float[Tensor, "B"], apart: Float[Tensor, "B K"], margin: float = 0.99) -> Float[Tensor, "B"]:
    """Contrastive loss of distances (Korbar et al., 2018, Eq. 1), both kinds of pairs with equal weight.

    L = d^2 / 2 + mean_k max(margin - d_k, 0)^2 / 2.
    """
    return (together.square() + (margin - apart).relu().square().mean(1)) / 2
