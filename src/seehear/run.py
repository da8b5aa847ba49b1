# SPDX-License-Identifier: Apache-2.0
"""A Run: the objects of one experiment, its stages in order, and where training is among them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from seehear import checkpoint
from seehear.checkpoint import Model
from seehear.data.catalog import Clips
from seehear.optim import SGD, Adam, Schedule, constant
from seehear.tasks.task import Task


@dataclass(frozen=True)
class Stage:
    """`epochs` passes with one task; with `optimiser` None it only fills memories: every clip once, nothing learnt.

    `frozen` names modules of the model ("encoders.video") that keep their weights and statistics; with `freeze_norm`
    every batch norm keeps its statistics; gradients are clipped to the norm `clip`.
    """

    name: str
    task: Task
    epochs: int
    optimiser: Adam | SGD | None = field(default_factory=Adam)
    schedule: Schedule = constant
    frozen: tuple[str, ...] = ()
    freeze_norm: bool = False
    clip: float = 10.0


@dataclass
class Run:
    """The objects of one experiment. `measure(model)` -> score, higher is better, decides which checkpoint is best."""

    name: str
    model: Model
    clips: Clips
    stages: list[Stage]
    batch: int = 32
    seed: int = 0
    measure: Callable[[Model], float] | None = None
    measure_every: int = 10
    recipe: dict[str, Any] = field(default_factory=dict)

    def tensors(self) -> dict[str, Tensor]:
        """Everything that training changes, by name; what stages share (heads, banks) appears once."""
        everything = nn.ModuleDict({"model": self.model, "tasks": nn.ModuleList(s.task for s in self.stages)})
        named: dict[int, tuple[str, Tensor]] = {}
        for name, tensor in everything.state_dict(keep_vars=True).items():
            named.setdefault(id(tensor), (name, tensor))
        return dict(named.values())

    def describe(self) -> dict[str, Any]:
        """The contents of run.json."""
        return {
            "name": self.name,
            "seed": self.seed,
            "batch": self.batch,
            "recipe": self.recipe,
            "model": self.model.arguments,
            "data_hash": self.clips.catalog.hash,
            "clips": len(self.clips),
            "stages": [{"name": s.name, "epochs": s.epochs, "optimiser": repr(s.optimiser)} for s in self.stages],
            "commit": checkpoint.commit(),
            "versions": checkpoint.versions(),
        }


@dataclass
class Position:
    """The next step to take, the best score so far, and the seconds of training behind it."""

    stage: int = 0
    epoch: int = 0
    step: int = 0
    total: int = 0
    seconds: float = 0.0
    best: float | None = None
    done: bool = False

    def next_epoch(self) -> None:
        """Go to the first step of the next epoch."""
        self.epoch, self.step = self.epoch + 1, 0

    def next_stage(self) -> None:
        """Go to the first epoch of the next stage."""
        self.stage, self.epoch, self.step = self.stage + 1, 0, 0
