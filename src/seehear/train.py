# SPDX-License-Identifier: Apache-2.0
"""One loop for everything that is trained.

Everything random is keyed by (seed, epoch, item) or (seed, step), schedules are functions of the step, and a checkpoint
holds every tensor that changes. Resuming is therefore loading numbers, and on the CPU it is bit-identical.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from seehear import checkpoint, dist, metrics, progress
from seehear.clip import Batch, Response
from seehear.data.loader import Cut, Loader
from seehear.errors import InputError
from seehear.logbook import Logbook
from seehear.run import Position, Run, Stage, flatten, start, unflatten
from seehear.tasks.task import Task

LOG_EVERY = 10
"""Steps between two rows of the log."""


def fit(
    run: Run,
    folder: Path | None = None,
    *,
    device: str = "auto",
    workers: int = 0,
    resume: bool = False,
    max_minutes: float | None = None,
    quiet: bool = False,
    save_seconds: float = 60.0,
) -> Position:
    """Train a run to its end, to `max_minutes`, or to Ctrl-C; the state is always saved before returning.

    Without a folder nothing is written. Raises InputError when the folder holds another run, when data or architecture
    are not those of the checkpoint, and when the loss stops being finite.
    """
    engine = dist.engine(device)
    position, saved = start(run, folder, resume)
    if run.fit_front and not saved:
        rows = np.linspace(0, len(run.clips) - 1, min(len(run.clips), 256)).astype(int).tolist()
        run.model.views.fit_front((run.clips.open(row) for row in rows), np.random.default_rng([run.seed, 1]))
    loop = Loop(run, folder, position, engine, workers, save_seconds)
    deadline = time.monotonic() + 60 * max_minutes if max_minutes is not None else float("inf")
    total = sum(stage.epochs * loop.loader(stage).steps for stage in run.stages)
    with progress.bar(run.name, total, quiet or dist.part()[0] > 0) as shown, progress.interruptible() as pressed:
        shown.advance(position.total)
        try:
            for _ in loop.steps(saved, shown):
                if dist.anywhere(pressed.is_set() or time.monotonic() > deadline, engine.device):
                    break
            loop.save("last")
            dist.wait()
        finally:
            loop.log.close()
    return position


class Loop:
    """The moving parts of `fit`: what is trained, where it is, when it was last saved and how long it waited."""

    def __init__(
        self, run: Run, folder: Path | None, position: Position, engine: dist.Engine, workers: int, save_seconds: float
    ) -> None:
        self.run, self.folder, self.at, self.engine = run, folder, position, engine
        self.workers, self.save_seconds = workers, save_seconds
        self.log = Logbook(folder, position.total)
        self.loaders: dict[bool, Loader] = {}
        self.optimiser: torch.optim.Optimizer | None = None
        self.started = time.monotonic() - position.seconds
        self.last_save = self.last_log = time.monotonic()
        self.waited, self.seen = 0.0, 0

    def steps(self, saved: dict[str, Tensor], shown: progress.Bar) -> Iterator[None]:
        """All steps from the position on, one a turn."""
        run, at = self.run, self.at
        run.model.to(self.engine.device)
        while at.stage < len(run.stages):
            stage = run.stages[at.stage]
            module = self.prepare(stage, saved)
            saved = {}
            # No two epochs of a run share their draws, whatever their stage.
            first = sum(other.epochs for other in run.stages[: at.stage])
            while at.epoch < stage.epochs:
                if at.step == 0:
                    stage.task.begin_epoch(at.epoch)
                for cut in self.timed(self.loader(stage).epoch(first + at.epoch, at.step)):
                    shown.advance(1, self.step(stage, module, cut))
                    if time.monotonic() - self.last_save > self.save_seconds:
                        self.save("last")
                    yield
                at.next_epoch()
                self.measure(stage, module)
            at.next_stage()
        at.done = True

    def step(self, stage: Stage, module: nn.Module, cut: Cut) -> str:
        """One step: views, loss, gradients, optimiser, memory, log; returns a note for the progress bar."""
        engine, at, optimiser = self.engine, self.at, self.optimiser
        views = self.run.model.views.finish(cut.to(engine.device))
        place = (self.run.seed, at.total)
        batch = Batch(cut.items.to(engine.device), cut.labels.to(engine.device), views, place)
        rate = 0.0
        with torch.set_grad_enabled(stage.optimiser is not None):
            with engine.autocast():
                total, parts, outputs = module(batch)
            if stage.optimiser is not None and optimiser is not None:
                factor = stage.schedule(at.epoch * self.loader(stage).steps + at.step, self.planned(stage))
                rate = stage.optimiser.rate * factor
                for group in optimiser.param_groups:
                    group["lr"] = rate * group["share"]
                optimiser.zero_grad(set_to_none=True)
                engine.backward(total)
                engine.clip_grad_norm_(module.parameters(), stage.clip)
                if not torch.isfinite(total):
                    raise InputError(
                        f"expected a finite loss, got {float(total.detach())} at step {at.total} ({stage.name}): "
                        "lower the learning rate, and look for broken clips with seehear scan"
                    )
                optimiser.step()
        stage.task.remember(Response({name: z.detach() for name, z in outputs.items()}), batch)
        at.step, at.total, self.seen = at.step + 1, at.total + 1, self.seen + len(cut.items) * dist.part()[1]
        return self.note(stage, total.detach(), parts, outputs, rate)

    def note(
        self, stage: Stage, total: Tensor, parts: dict[str, Tensor], outputs: dict[str, Tensor], rate: float
    ) -> str:
        """Every `LOG_EVERY` steps: a row of the log with an early view of collapse; always: the line of the bar."""
        if self.at.total % LOG_EVERY:
            return ""
        now = time.monotonic()
        speed, wait = self.seen / (now - self.last_log), self.waited / (now - self.last_log)
        row = {"step": self.at.total - 1, "epoch": self.at.epoch, "stage": stage.name, "loss": float(total), "lr": rate}
        row |= {f"loss/{name}": float(value.detach()) for name, value in parts.items()}
        for name, z in outputs.items():
            row[f"mean_dot/{name}"] = metrics.mean_dot(nn.functional.normalize(z.detach().float(), dim=1))
            row[f"effective_rank/{name}"] = metrics.effective_rank(z.detach().float())
        row |= {"clips_per_second": speed, "data_wait": wait, "seconds": now - self.started}
        self.log.write(row)
        self.last_log, self.waited, self.seen = now, 0.0, 0
        health = " ".join(f"{row[f'mean_dot/{name}']:.2f}/{row[f'effective_rank/{name}']:.0f}" for name in outputs)
        return f"{stage.name} loss {float(total):.3f} · {speed:.0f} clips/s, {wait:.0%} waiting · dot/rank {health}"

    def loader(self, stage: Stage) -> Loader:
        """Shuffled whole batches for learning; every clip once for filling a memory."""
        learns = stage.optimiser is not None
        if learns not in self.loaders:
            run, workers = self.run, self.workers if learns else 0
            views = run.model.views.for_workers()
            self.loaders[learns] = Loader(run.clips, views, run.batch, run.seed, workers, learns, dist.part())
        return self.loaders[learns]

    def planned(self, stage: Stage) -> int:
        """Steps of a whole stage."""
        return stage.epochs * self.loader(stage).steps

    def prepare(self, stage: Stage, saved: dict[str, Tensor]) -> nn.Module:
        """Freeze what is frozen, make the optimiser, and restore its state when a run resumes inside the stage."""
        stage.task.to(self.engine.device)
        module = _Step(self.run.model.encoders, stage.task)
        learns = stage.optimiser is not None
        module.train(learns).requires_grad_(learns)
        for part in module.modules():
            if stage.freeze_norm and isinstance(part, nn.modules.batchnorm._BatchNorm):
                part.eval()
        for name in stage.frozen:
            self.run.model.get_submodule(name).eval().requires_grad_(False)
        self.optimiser = None
        if stage.optimiser is None:
            return module
        self.optimiser = stage.optimiser.build(self.groups(stage, module))
        state = unflatten(saved)
        if state:
            self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": state})
        wrapped: nn.Module = self.engine.prepare(module)
        return wrapped

    def groups(self, stage: Stage, module: nn.Module) -> Iterable[dict[str, Any]]:
        """What learns, in groups that share a learning rate."""
        shares = {p: s for name, s in stage.shares.items() for p in self.run.model.get_submodule(name).parameters()}
        groups: dict[float, list[nn.Parameter]] = {}
        for parameter in module.parameters():
            if parameter.requires_grad:
                groups.setdefault(shares.get(parameter, 1.0), []).append(parameter)
        return [{"params": parameters, "share": share} for share, parameters in groups.items()]

    def timed(self, batches: Iterator[Cut]) -> Iterator[Cut]:
        """The same batches, adding up how long they were waited for."""
        while True:
            before = time.monotonic()
            cut = next(batches, None)
            self.waited += time.monotonic() - before
            if cut is None:
                return
            yield cut

    def measure(self, stage: Stage, module: nn.Module) -> None:
        """Score the model now and then, and keep the best."""
        run, at = self.run, self.at
        if run.measure is None or stage.optimiser is None or (at.epoch % run.measure_every and at.epoch < stage.epochs):
            return
        modes = {part: part.training for part in module.modules()}
        score = run.measure(run.model.eval())
        for part, mode in modes.items():
            part.training = mode
        self.log.write({"step": at.total - 1, "epoch": at.epoch, "stage": stage.name, "score": score})
        if at.best is None or score > at.best:
            at.best = score
            self.save("best")

    def save(self, which: str) -> None:
        """Write RUN/last.safetensors or RUN/best.safetensors."""
        if self.folder is None or dist.part()[0] > 0:
            return
        self.at.seconds = time.monotonic() - self.started
        tensors = self.run.tensors()
        if which == "last" and self.optimiser is not None:
            tensors |= flatten(self.optimiser)
        checkpoint.save(self.folder / f"{which}.safetensors", tensors, asdict(self.at))
        self.last_save = time.monotonic()


class _Step(nn.Module):
    """Respond and charge as one module, so that the wrapper of several processes sees one forward pass."""

    def __init__(self, encoders: nn.ModuleDict, task: Task) -> None:
        super().__init__()
        self.encoders, self.task = encoders, task

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
        response = self.task.respond(self.encoders, batch)
        loss = self.task.charge(response, batch)
        return loss.total, loss.parts, response.outputs
