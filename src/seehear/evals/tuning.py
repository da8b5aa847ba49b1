# SPDX-License-Identifier: Apache-2.0
"""One finetuning: the stages of an encoder and its classifiers, and the rate and epoch that validation prefers."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seehear import checkpoint
from seehear.checkpoint import Model
from seehear.clip import Batch
from seehear.data.catalog import Clips
from seehear.evals.block_probe import BlockClassifiers
from seehear.evals.features import Describe, Extracted, extract_all
from seehear.evals.parts import Parts
from seehear.evals.video_accuracy import video_accuracy
from seehear.nets.audio import Conv2D
from seehear.nets.video import R2Plus1D
from seehear.optim import Adam, Schedule
from seehear.run import Run, Stage
from seehear.tasks.supervised import Supervised
from seehear.tasks.task import Task
from seehear.train import fit

WINDOWS = 3
"""Windows of a validation clip that rates and epochs are chosen by."""


@dataclass(frozen=True)
class Finetuning:
    """`warm_up` epochs of the classifier alone, then `epochs` of everything, by Adam with coupled weight decay.

    The learning rate is that one of `rates` which validation prefers, times `schedule` after the warm-up; the encoder
    learns at the share `backbone` of it. Every `every` epochs validation says whether the checkpoint is the best so
    far; None keeps the last one, and needs no validation. `views` are changes to the views of the run. With `blocks`
    the encoder stays as it is, and a classifier of each of its blocks learns in all epochs, without dropout. Gradients
    are clipped to the norm `clip`.
    """

    name: str
    warm_up: int
    epochs: int
    batch: int
    rates: tuple[float, ...]
    schedule: Schedule
    decay: float = 0.0
    dropout: float = 0.5
    backbone: float = 1.0
    every: int | None = None
    views: dict[str, Any] = field(default_factory=dict)
    blocks: bool = False
    clip: float = inf

    def __post_init__(self) -> None:
        if self.every is None and len(self.rates) != 1:
            raise ValueError(f"expected one rate where validation does not choose, got {self.rates}")

    @property
    def plain(self) -> dict[str, Any]:
        """JSON values that decide the numbers; the schedule, a function, by what it does."""
        return {**vars(self), "schedule": [self.schedule(step, 100) for step in range(100)]}


@dataclass(frozen=True)
class Place:
    """Where a finetuning runs, and the folder its checkpoints go to."""

    folder: Path
    device: str = "cpu"
    workers: int = 0
    quiet: bool = False


@dataclass(frozen=True)
class Tuned:
    """A finetuned encoder with its classifier, the rate it learnt at, and its video accuracy on validation clips."""

    run: Run
    rate: float
    score: float | None


def begin(model: Model, modality: str, settings: Finetuning, clips: Clips, rate: float, seed: int) -> Run:
    """The run that finetunes a copy of one encoder of `model`, with classifiers drawn from `seed`.

    The encoder keeps the statistics of the spectrogram it was trained with, where they are known.
    """
    views = replace(model.views.only(modality), front=deepcopy(model.front), **settings.views)
    encoder = deepcopy(model.encoders[modality])
    assert isinstance(encoder, R2Plus1D | Conv2D)
    copied = Model({modality: encoder}, views, heads=False)
    classes, name, optimiser = len(clips.catalog.classes), f"encoders.{modality}", Adam(rate, settings.decay)
    task: Task
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if settings.blocks:
            task = BlockClassifiers(encoder, modality, views, classes)
            stages = [Stage("classifiers", task, settings.epochs, optimiser, settings.schedule, frozen=(name,))]
        else:
            task, shares = Supervised(copied.dimensions, classes, settings.dropout), {name: settings.backbone}
            alone = Stage("classifier", task, settings.warm_up, optimiser, frozen=(name,))
            whole = Stage("everything", task, settings.epochs, optimiser, settings.schedule, shares=shares)
            stages = [alone, whole] if settings.warm_up else [whole]
    stages = [replace(stage, clip=settings.clip) for stage in stages]
    recipe = {"name": "finetune", "arguments": {"settings": settings.name, "modality": modality, "rate": rate}}
    unknown = modality == "audio" and not bool(model.front.std.isfinite().all())
    batch = min(settings.batch, len(clips))
    return Run(f"finetune at {rate:g}", copied, clips, stages, batch, seed, fit_front=unknown, recipe=recipe)


def tune(model: Model, modality: str, settings: Finetuning, parts: Parts, place: Place, seed: int = 0) -> Tuned:
    """Train at every rate, going on where a stopped training was, and return the one that validation prefers.

    Raises KeyboardInterrupt when a training was stopped.
    """
    best: Tuned | None = None
    for rate in settings.rates:
        run, folder = begin(model, modality, settings, parts.train, rate, seed), place.folder / f"{rate:g}"
        if settings.every is not None:
            run.measure, run.measure_every = _validated(run, parts.validation), settings.every
        at = fit(run, folder, device=place.device, workers=place.workers, resume=True, quiet=place.quiet)
        if not at.done:
            raise KeyboardInterrupt
        # A training that was finished before has not moved its classifier.
        run.stages[-1].task.to(run.model.device)
        _restore(run, folder / ("last" if settings.every is None else "best"))
        if best is None or (at.best or 0.0) > (best.score or 0.0):
            best = Tuned(run, rate, at.best)
    assert best is not None
    return best


def scorer(run: Run) -> Describe:
    """Softmax [B, K] of finished views by "modality", or by "modality/block"; nothing is dropped out."""
    task = run.stages[-1].task

    def describe(views: dict[str, Tensor]) -> dict[str, Tensor]:
        learning, count = task.training, len(next(iter(views.values())))
        unknown = torch.full((count,), -1)
        said = task.eval().respond(run.model.encoders, Batch(unknown, unknown, views)).outputs
        task.train(learning)
        return {name: scores.softmax(1) for name, scores in said.items()}

    return describe


def each(said: Extracted) -> Iterator[tuple[str, Extracted]]:
    """What each classifier says alone, by "modality" or "modality/block"."""
    for name, scores in said.features.items():
        yield name, Extracted({name: scores}, said.catalog)


def _validated(run: Run, validation: Clips) -> Callable[[Model], float]:
    """Video accuracy on validation clips, of the best classifier."""

    def score(model: Model) -> float:
        describe, device = {"now": scorer(run)}, str(model.device)
        said = extract_all(describe, model.views, validation, WINDOWS, device, quiet=True)["now"]
        return max(video_accuracy(one) for _, one in each(said))

    return score


def _restore(run: Run, path: Path) -> None:
    saved, _ = checkpoint.read(path.with_suffix(".safetensors"))
    for name, tensor in run.tensors().items():
        tensor.data.copy_(saved[name])
