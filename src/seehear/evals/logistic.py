# SPDX-License-Identifier: Apache-2.0
"""Multinomial logistic regression, solved to the optimum by L-BFGS on all rows at once.

min over W, b of (1/N) sum_n -log softmax(W x_n + b)[y_n] + (strength / 2) |W|^2, x standardised on the training rows.
The same optimum as scikit-learn's LogisticRegression with C = 1 / (strength N). Convex: no seed, no learning rate.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor
from torch.nn import functional

STRENGTHS = (10.0, 1.0, 0.1, 0.01, 0.001)
"""Strengths to choose from on validation, from the strongest: each solution is a good start for the next."""


@dataclass(frozen=True)
class Classifier:
    """A linear classifier of standardised features; `strength` is that of its regularisation."""

    weight: Float32[Tensor, "D K"]
    bias: Float32[Tensor, "K"]
    mean: Float32[Tensor, "D"]
    scale: Float32[Tensor, "D"]
    strength: float

    def probabilities(self, features: Float[Tensor, "*N D"]) -> Float32[Tensor, "*N K"]:
        """Softmax scores of the classes."""
        return ((features - self.mean) / self.scale @ self.weight + self.bias).softmax(-1)


def path(
    features: Float32[Tensor, "N D"],
    labels: Int64[Tensor, "N"],
    classes: int,
    strengths: tuple[float, ...] = STRENGTHS,
    tolerance: float = 3e-4,
    steps: int = 200,
) -> Iterator[Classifier]:
    """The classifiers of all strengths, each from the one before.

    Done when no component of the gradient exceeds `tolerance`, where accuracies no longer move, or after `steps`.
    """
    mean, scale = features.mean(0), features.std(0, correction=0)
    scale = torch.where(scale > 1e-6 * scale.max().clamp(min=1e-12), scale, 1.0)
    rows = (features - mean) / scale
    weight = rows.new_zeros(rows.shape[1], classes).requires_grad_()
    bias = rows.new_zeros(classes).requires_grad_()
    for strength in strengths:
        optimiser = torch.optim.LBFGS(
            [weight, bias], max_iter=steps, tolerance_grad=tolerance, tolerance_change=0, line_search_fn="strong_wolfe"
        )

        def objective(optimiser: torch.optim.LBFGS = optimiser, strength: float = strength) -> float:
            optimiser.zero_grad()
            loss = functional.cross_entropy(rows @ weight + bias, labels) + strength / 2 * weight.square().sum()
            loss.backward()
            return float(loss.detach())

        with torch.enable_grad():
            optimiser.step(objective)
        yield Classifier(weight.detach().clone(), bias.detach().clone(), mean, scale, strength)
