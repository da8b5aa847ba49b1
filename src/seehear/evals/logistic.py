# SPDX-License-Identifier: Apache-2.0
"""Linear classifiers, solved by L-BFGS on all rows at once: logistic regression, support vectors.

min over W, b of (1/N) sum_n loss(W x_n + b, y_n) + (strength / 2) |W|^2, x standardised on the training rows.
With loss = -log softmax(.)[y] multinomial logistic regression, the optimum of scikit-learn's LogisticRegression; with
`squared_hinge` one support vector machine a class against all others, that of its LinearSVC (which also holds back b);
C = 1 / (strength N). Convex: no seed, no learning rate. Several problems of one size ("*B") are solved side by side.
"""

from collections.abc import Callable, Iterator
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

    weight: Float32[Tensor, "*B D K"]
    bias: Float32[Tensor, "*B 1 K"]
    mean: Float32[Tensor, "*B 1 D"]
    scale: Float32[Tensor, "*B 1 D"]
    strength: float

    def scores(self, features: Float[Tensor, "... D"]) -> Float32[Tensor, "... K"]:
        """W x + b."""
        return (features - self.mean) / self.scale @ self.weight + self.bias

    def probabilities(self, features: Float[Tensor, "... D"]) -> Float32[Tensor, "... K"]:
        """Softmax scores of the classes."""
        return self.scores(features).softmax(-1)


def squared_hinge(scores: Float32[Tensor, "N K"], labels: Int64[Tensor, "N"]) -> Float32[Tensor, ""]:
    """(1/N) sum_nk max(0, 1 - t_nk s_nk)^2, t = 1 at the label and -1 elsewhere."""
    sign = torch.full_like(scores, -1).scatter_(1, labels[:, None], 1)
    return (1 - sign * scores).clamp(min=0).square().sum(1).mean()


def path(
    features: Float32[Tensor, "*B N D"],
    labels: Int64[Tensor, "*B N"],
    classes: int,
    strengths: tuple[float, ...] = STRENGTHS,
    tolerance: float = 3e-4,
    steps: int = 200,
    loss: Callable[[Tensor, Tensor], Tensor] = functional.cross_entropy,
) -> Iterator[Classifier]:
    """The classifiers of all strengths, each from the one before.

    Done when no component of the gradient exceeds `tolerance`, where accuracies no longer move, or after `steps`.
    """
    mean, scale = features.mean(-2, keepdim=True), features.std(-2, correction=0, keepdim=True)
    scale = torch.where(scale > 1e-6 * scale.amax(-1, keepdim=True).clamp(min=1e-12), scale, 1.0)
    rows, targets = (features - mean) / scale, labels.flatten()
    problems, several = len(targets) // rows.shape[-2], rows.shape[:-2]
    weight = rows.new_zeros(*several, rows.shape[-1], classes).requires_grad_()
    bias = rows.new_zeros(*several, 1, classes).requires_grad_()
    for strength in strengths:
        optimiser = torch.optim.LBFGS(
            [weight, bias],
            max_iter=steps,
            tolerance_grad=tolerance / problems,
            tolerance_change=0,
            line_search_fn="strong_wolfe",
        )

        def objective(optimiser: torch.optim.LBFGS = optimiser, strength: float = strength) -> float:
            optimiser.zero_grad()
            # Few classes make a thin product, which is several times faster this way round.
            scores = (weight.mT @ rows.mT).mT + bias
            total = loss(scores.reshape(-1, classes), targets) + strength / 2 * weight.square().sum() / problems
            total.backward()
            return float(total.detach())

        with torch.enable_grad():
            optimiser.step(objective)
        yield Classifier(weight.detach().clone(), bias.detach().clone(), mean, scale, strength)
