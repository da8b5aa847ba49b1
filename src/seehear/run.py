# SPDX-License-Identifier: Apache-2.0
"""A Run: the objects of one experiment, its stages in order, and where training is among them."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any

from torch import Tensor, nn, optim

from seehear import atomic, checkpoint, dist
from seehear.checkpoint import Model
from seehear.data.catalog import Clips
from seehear.errors import InputError
from seehear.optim import SGD, Adam, Schedule, constant
from seehear.tasks.task import Task


@dataclass(frozen=True)
class Stage:
    """`epochs` passes with one task; with `optimiser` None it only fills memories: every clip once, nothing learnt.

    `frozen` names modules of the model ("encoders.video") that keep their weights and statistics; with `freeze_norm`
    every batch norm keeps its statistics; `shares` names modules that learn at a share of the learning rate; gradients
    are clipped to the norm `clip`.
    """

    name: str
    task: Task
    epochs: int
    optimiser: Adam | SGD | None = field(default_factory=Adam)
    schedule: Schedule = constant
    frozen: tuple[str, ...] = ()
    freeze_norm: bool = False
    shares: dict[str, float] = field(default_factory=dict)
    clip: float = inf


@dataclass
class Run:
    """The objects of one experiment. `measure(model)` -> score, higher is better, decides which checkpoint is best.

    With `fit_front` the statistics of the spectrogram are estimated from these clips before the first step; a model
    that is trained further keeps those it was trained with. `notes` are what a user should know before it starts.
    """

    name: str
    model: Model
    clips: Clips
    stages: list[Stage]
    batch: int = 32
    seed: int = 0
    measure: Callable[[Model], float] | None = None
    measure_every: int = 10
    recipe: dict[str, Any] = field(default_factory=dict)
    fit_front: bool = True
    notes: tuple[str, ...] = ()

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


def flatten(optimiser: optim.Optimizer) -> dict[str, Tensor]:
    """The state of an optimiser as tensors by name."""
    state = optimiser.state_dict()["state"]
    return {f"optimiser.{n}.{key}": value for n, one in state.items() for key, value in one.items()}


def unflatten(saved: dict[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    """The inverse of `flatten`, among the other tensors of a checkpoint."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in saved.items():
        if name.startswith("optimiser."):
            _, number, key = name.split(".")
            state.setdefault(int(number), {})[key] = tensor
    return state


def start(run: Run, folder: Path | None, resume: bool) -> tuple[Position, dict[str, Tensor]]:
    """Where to start, and the tensors to start from."""
    if folder is None:
        return Position(), {}
    path = folder / "last.safetensors"
    if path.exists() and not resume:
        raise InputError(f"expected a folder without a run, {folder} holds one: add --resume, or choose another folder")
    if not path.exists():
        if dist.part()[0] == 0:
            atomic.write_json(folder / "run.json", run.describe())
        return Position(), {}
    saved, place = checkpoint.read(path)
    before, now = checkpoint.describe(folder), run.describe()
    for key in ("data_hash", "model", "stages", "seed", "batch"):
        if before.get(key) != now[key]:
            raise _another(folder, key, before.get(key), now[key])
    there, here = (checkpoint.arguments(about) for about in (before, json.loads(json.dumps(now))))
    # A library may have moved, and a run may be older than an option.
    for key in sorted(there.keys() & here.keys() - {"data"}):
        if there[key] != here[key]:
            raise _another(folder, key, there[key], here[key])
    for name, tensor in run.tensors().items():
        if name not in saved or saved[name].shape != tensor.shape:
            raise InputError(f"expected tensor {name} {list(tensor.shape)} in {path}, found none like it")
        tensor.data.copy_(saved[name])
    return Position(**place), saved


def _another(folder: Path, key: str, before: Any, now: Any) -> InputError:
    there, here = (json.dumps(one) for one in (before, now))
    # Long values are shown from shortly before where they part.
    same = next((n for n, pair in enumerate(zip(there, here, strict=False)) if pair[0] != pair[1]), 0)
    if max(len(there), len(here)) > 80:
        there, here = (f"... {one[max(same - 40, 0) : same + 40]}" for one in (there, here))
    if key == "data_hash":
        changed = f"expected the clips that the run in {folder} began with (data {there}), got others ({here})"
        return InputError(f"{changed}: resume on those, or begin a run in another folder with --start {folder}")
    return InputError(f"expected {key} {there} of the run in {folder}, got {here}: resume with the same options")
