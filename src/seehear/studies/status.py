# SPDX-License-Identifier: Apache-2.0
"""How far a study is: a state for every arm and seed, minutes used, minutes left. Reads small files only."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal

from seehear.studies import store
from seehear.studies.store import Place
from seehear.studies.study import Arm, Study

State = Literal["done", "running", "stopped", "failed", "waiting"]


@dataclass(frozen=True)
class Progress:
    """Where one job is: its state, the share of its steps that is taken, seconds spent, and why it failed."""

    arm: str
    seed: int
    state: State
    share: float = 0.0
    seconds: float = 0.0
    why: str = ""


def status(study: Study, place: Place, arms: Sequence[str] = (), seeds: Sequence[int] = ()) -> list[Progress]:
    """The progress of every planned job."""
    return [_progress(place.of(study, arm, seed), arm, seed) for arm, seed in study.plan(arms, seeds)]


def left(jobs: Sequence[Progress], processes: int) -> float | None:
    """Seconds until all jobs are done: each lasts as long as finished ones of its arm, or else as all finished ones.

    That is their median, because one run that was paused, or slept with the machine, should not count for many.
    None as long as nothing is finished.
    """
    took: dict[str, list[float]] = {}
    for job in jobs:
        if job.state == "done":
            took.setdefault(job.arm, []).append(job.seconds)
    if not took:
        return None
    each = median(second for seconds in took.values() for second in seconds)
    open_ = (job for job in jobs if job.state != "done")
    return sum(median(took.get(job.arm, [each])) * (1 - job.share) for job in open_) / processes


def table(jobs: Sequence[Progress]) -> Any:
    """A line an arm, a column a seed."""
    from rich.table import Table

    seeds = sorted({job.seed for job in jobs})
    shown = Table()
    for name in ("arm", *(f"seed {seed}" for seed in seeds)):
        shown.add_column(name)
    for arm in dict.fromkeys(job.arm for job in jobs):
        cells = {job.seed: _cell(job) for job in jobs if job.arm == arm}
        shown.add_row(arm, *(cells.get(seed, "") for seed in seeds))
    return shown


def _cell(job: Progress) -> str:
    if job.state in ("running", "stopped"):
        return f"{job.state} {job.share:.0%}"
    return f"done {job.seconds:.0f} s" if job.state == "done" else job.state


def _progress(folder: Path, arm: Arm, seed: int) -> Progress:
    found = store.numbers(folder)
    if found and set(arm.measures) <= set(found["measured"]):
        return Progress(arm.name, seed, "done", 1.0, sum(found["seconds"].values()))
    share, seconds = _taken(folder)
    if store.is_held(folder):
        return Progress(arm.name, seed, "running", share, seconds)
    if (folder / "failed.txt").exists():
        why = (folder / "failed.txt").read_text(encoding="utf-8").strip().splitlines()
        return Progress(arm.name, seed, "failed", share, seconds, why[-1] if why else "")
    state: State = "stopped" if (folder / "run").exists() else "waiting"
    return Progress(arm.name, seed, state, share, seconds)


def _taken(folder: Path) -> tuple[float, float]:
    """The share of an unfinished job's steps that the log knows of, and their seconds."""
    try:
        planned = json.loads((folder / "job.json").read_text(encoding="utf-8"))
        with (folder / "run" / "metrics.jsonl").open("rb") as log:
            log.seek(max(log.seek(0, 2) - 4096, 0))
            last = json.loads(log.read().decode(errors="replace").strip().splitlines()[-1])
        share = (last["step"] + 1 - planned["first"]) / max(planned["last"] - planned["first"], 1)
        return min(max(share, 0.0), 1.0), float(last.get("seconds", 0.0))
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return 0.0, 0.0
