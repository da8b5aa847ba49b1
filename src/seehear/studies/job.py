# SPDX-License-Identifier: Apache-2.0
"""One arm with one seed: trained from where its start ended, measured, kept; each step only if it is not done yet."""

import time
from dataclasses import asdict, replace
from pathlib import Path

from seehear import atomic, checkpoint, train
from seehear.data.library import KEEP, Library
from seehear.data.loader import Loader
from seehear.errors import InputError
from seehear.run import Position, Run
from seehear.studies import store
from seehear.studies.measures import Subject, measure
from seehear.studies.store import Place
from seehear.studies.study import Arm, Study


def work(study: Study, arm: Arm, seed: int, place: Place, minutes: float | None = None) -> bool:
    """Train and measure an arm as far as `minutes` go; returns whether all of it is done.

    Raises InputError when another process is at work on it, and when the arm it starts from is not trained.
    """
    folder = place.of(study, arm, seed)
    deadline = time.monotonic() + 60 * minutes if minutes is not None else float("inf")
    with store.held(folder):
        if is_done(folder, arm):
            return True
        run, made = folder / "run", arm.build(place.library, seed, **arm.arguments)
        # A study looks at the last checkpoint only: scores on validation would cost time and choose nothing.
        made = replace(made, measure=None)
        if arm.start is not None and not (run / "last.safetensors").exists():
            begin(made, run, place.of(study, study.arm(arm.start), seed) / "run")
        _announce(folder, made)
        position = train.fit(made, run, device=place.device, resume=True, max_minutes=minutes, quiet=True)
        if position.done and time.monotonic() < deadline:
            _measure(folder, made, arm, place, position.seconds)
        return is_done(folder, arm)


def begin(run: Run, folder: Path, start: Path) -> None:
    """Make a folder in which `run` stands where the finished run in `start`, whose stages it begins with, has ended.

    What only the later stages have is as it was made, just as when all stages are trained in one go; seconds are
    counted from here. Raises InputError when `start` is not finished, or its stages, model, data, batch or seed are
    others.
    """
    tensors, progress = checkpoint.read(start / "last.safetensors")
    before, now = checkpoint.describe(start), run.describe()
    count = len(before["stages"])
    same = all(before[name] == now[name] for name in ("model", "data_hash", "batch", "seed"))
    if not progress["done"] or not same or now["stages"][:count] != before["stages"]:
        raise InputError(
            f"expected a finished run in {start} with the first {count} stages of {run.name}, found another"
        )
    own = run.tensors()
    taken = {name: tensor for name, tensor in tensors.items() if not name.startswith("optimiser.")}
    if not taken.keys() <= own.keys():
        raise InputError(
            f"expected only tensors of {run.name} in {start}, found {sorted(taken.keys() - own.keys())[:3]}"
        )
    place = Position(**progress | {"stage": count, "epoch": 0, "step": 0, "seconds": 0.0, "done": False})
    atomic.write_json(folder / "run.json", run.describe())
    checkpoint.save(folder / "last.safetensors", {**own, **taken}, asdict(place))


def is_done(folder: Path, arm: Arm) -> bool:
    """Whether an arm is trained and all its measures are there."""
    found = store.numbers(folder)
    return bool(found) and set(arm.measures) <= set(found["measured"])


def _announce(folder: Path, run: Run) -> None:
    """Say between which steps this job trains, so that others can tell how far it is."""
    path, views = folder / "run" / "last.safetensors", run.model.views.for_workers()
    learning = [stage.optimiser is not None for stage in run.stages]
    steps = [Loader(run.clips, views, run.batch, shuffle=learns).steps for learns in learning]
    planned = sum(stage.epochs * count for stage, count in zip(run.stages, steps, strict=True))
    if not (folder / "job.json").exists():
        first = checkpoint.read(path)[1]["total"] if path.exists() else 0
        atomic.write_json(folder / "job.json", {"first": first, "last": planned})


def _measure(folder: Path, run: Run, arm: Arm, place: Place, spent: float) -> None:
    """Measure what is missing, and keep it beside what is there."""
    started = time.monotonic()
    there = store.numbers(folder)
    measured, numbers, items = there.get("measured", []), there.get("numbers", {}), store.items(folder)
    missing = [name for name in arm.measures if name not in measured]
    if missing:
        sounds = Library(place.sounds) if place.sounds else None
        # Finetuning alone reads its clips more than once.
        shelf = Library(place.library, KEEP if "finetune" in missing else 0)
        subject = Subject(folder / "run", shelf, place.windows, place.device, sounds)
        for name in missing:
            found, each = measure(name, subject)
            numbers, items = numbers | found, items | {metric: one.numpy() for metric, one in each.items()}
    seconds = {"training": spent, "measuring": there.get("seconds", {}).get("measuring", 0.0)}
    seconds["measuring"] += time.monotonic() - started
    about = {"run": run.name, "arm": arm.name, "seed": run.seed, "commit": checkpoint.commit()}
    about |= {"data_hash": run.clips.catalog.hash, "clips": len(run.clips), "windows": place.windows}
    store.keep(folder, {**about, "seconds": seconds, "measured": measured + missing, "numbers": numbers}, items)
