# SPDX-License-Identifier: Apache-2.0
"""A study from the first scene to its page, and how far it is."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from seehear import atomic
from seehear.errors import InputError
from seehear.studies import runner
from seehear.studies.instance import instance
from seehear.studies.page import page
from seehear.studies.prepare import Size, place_of, prepare
from seehear.studies.robust import robust
from seehear.studies.sounds import hear, pack_sounds
from seehear.studies.status import left, status, table
from seehear.studies.study import Study

STUDIES: dict[str, Callable[[Size], Study]] = {"instance": instance, "robust": robust}


def conduct(
    name: str,
    out: Path,
    arms: Sequence[str] = (),
    seeds: Sequence[int] = (),
    budget: float | None = None,
    size: Size = "tiny",
    processes: int | None = None,
    device: str = "cpu",
    esc: Path | None = None,
) -> dict[str, Any]:
    """Do a study, or go on with it, and write OUT/NAME.md, .svg and .json; returns the contents of the latter.

    Beyond size tiny, NAME is that of the study and the size. `esc` is a folder of ESC-10 to measure sound encoders on
    too. Raises InputError for an unknown study or arm, when OUT is in use or holds another world, and for a folder that
    is not ESC-10.
    """
    study = _study(name, size)
    study.plan(arms, seeds)
    if esc is not None:
        pack_sounds(study, out, esc)
    study, place = hear(study, prepare(out, study.name, size, device), out)
    runner.run(study, place, arms, seeds, budget, processes)
    # The page is about the whole study, whatever part of it was done now.
    text, drawn, plain = page(study, place, status(study, place))
    atomic.write_text(out / f"{study.name}.md", text)
    atomic.write_text(out / f"{study.name}.svg", drawn)
    atomic.write_json(out / f"{study.name}.json", plain)
    return plain


def progress(
    name: str, out: Path, arms: Sequence[str] = (), seeds: Sequence[int] = (), size: Size = "tiny"
) -> tuple[Any, dict[str, Any]]:
    """How far a study is: a table of arms and seeds, and numbers; nothing is changed.

    Raises InputError for an unknown study or arm, and when there is no library in OUT yet.
    """
    study = _study(name, size)
    study, place = hear(study, place_of(out, study.name), out)
    jobs = status(study, place, arms, seeds)
    seconds = left(jobs, os.cpu_count() or 1)
    numbers: dict[str, Any] = {state: sum(job.state == state for job in jobs) for state in ("done", "running")}
    numbers |= {state: sum(job.state == state for job in jobs) for state in ("stopped", "failed", "waiting")}
    numbers["minutes_used"] = round(sum(job.seconds for job in jobs) / 60, 1)
    numbers["minutes_left"] = None if seconds is None else round(seconds / 60, 1)
    numbers["why_failed"] = {f"{job.arm}, seed {job.seed}": job.why for job in jobs if job.state == "failed"}
    return table(jobs), numbers


def _study(name: str, size: Size) -> Study:
    if name not in STUDIES:
        raise InputError(f"expected a study of {', '.join(STUDIES)}, got {name!r}")
    study = STUDIES[name](size)
    return study if size == "tiny" else replace(study, name=f"{name}-{size}")
