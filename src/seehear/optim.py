# SPDX-License-Identifier: Apache-2.0
"""Optimisers as data, and learning-rate schedules as pure functions of the step (so that resuming needs no replay)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import cos, pi
from typing import Any

from torch import optim

Schedule = Callable[[int, int], float]
"""(step, steps of the stage) -> factor of the learning rate."""

Groups = Iterable[dict[str, Any]]
"""Groups of parameters: "params", and what else the loop keeps with them."""


@dataclass(frozen=True)
class Adam:
    """Adam with coupled weight decay (the papers' choice: 1e-5), or `decoupled` from the gradient (AdamW, 2019)."""

    rate: float = 2e-4
    decay: float = 1e-5
    decoupled: bool = False

    def build(self, groups: Groups) -> optim.Optimizer:
        """The optimiser of these parameters."""
        # One pass over memory for all arithmetic: a fifth of the time on the CPU.
        return optim.Adam(
            groups, lr=self.rate, weight_decay=self.decay, decoupled_weight_decay=self.decoupled, fused=True
        )


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent with momentum."""

    rate: float = 0.03
    decay: float = 1e-4
    momentum: float = 0.9

    def build(self, groups: Groups) -> optim.Optimizer:
        """The optimiser of these parameters."""
        return optim.SGD(groups, lr=self.rate, weight_decay=self.decay, momentum=self.momentum)


def constant(step: int, steps: int) -> float:
    """1 throughout."""
    return 1.0


def cosine(step: int, steps: int) -> float:
    """(1 + cos(pi step / steps)) / 2: from 1 down to 0 (Loshchilov & Hutter, 2017)."""
    return (1 + cos(pi * step / steps)) / 2


def warmed(schedule: Schedule, steps_up: int) -> Schedule:
    """A schedule that rises linearly over the first `steps_up` steps."""

    def factor(step: int, steps: int) -> float:
        return schedule(step, steps) * min((step + 1) / steps_up, 1.0)

    return factor


def milestones(factor: float, at: tuple[float, ...]) -> Schedule:
    """Multiplied by `factor` at each fraction of the stage in `at` (thesis table 2.10)."""

    def stepped(step: int, steps: int) -> float:
        return factor ** sum(step >= fraction * steps for fraction in at)

    return stepped
