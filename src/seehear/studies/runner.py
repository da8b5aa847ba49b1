# SPDX-License-Identifier: Apache-2.0
"""Runs the jobs of a study in parallel processes, one thread each, and stops cleanly at a budget or at Ctrl-C.

A job that breaks is noted and does not stop the others; only what starts from it is not trained. Nothing that is
finished is done again, and what was stopped goes on from its last checkpoint.
"""

import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from seehear import atomic, progress
from seehear.errors import InputError
from seehear.studies.status import Progress, status
from seehear.studies.store import Place, held
from seehear.studies.study import Arm, Study

GRACE = 120.0
"""Seconds that a stopped job may take to save; then it is killed."""


def run(
    study: Study,
    place: Place,
    arms: Sequence[str] = (),
    seeds: Sequence[int] = (),
    minutes: float | None = None,
    processes: int | None = None,
    quiet: bool = False,
) -> list[Progress]:
    """Do the planned jobs of a study, or as many as `minutes` allow, and return where each is.

    Raises InputError for an unknown arm, no processes, and when another process runs this study in the same place.
    """
    if processes is not None and processes < 1:
        raise InputError(f"expected --processes of at least 1, got {processes}")
    planned = study.plan(arms, seeds)
    with held(place.folder), progress.bar(study.name, len(planned), quiet) as shown:
        _forget_lost_starts(study, place, planned, _finished(study, place, arms, seeds))
        finished = _finished(study, place, arms, seeds)
        shown.advance(len(finished))
        crew = Crew(study, place, minutes, processes or os.cpu_count() or 1, shown)
        crew.work([(arm, seed) for arm, seed in planned if (arm.name, seed) not in finished], finished)
    return status(study, place, arms, seeds)


def _finished(study: Study, place: Place, arms: Sequence[str], seeds: Sequence[int]) -> set[tuple[str, int]]:
    return {(job.arm, job.seed) for job in status(study, place, arms, seeds) if job.state == "done"}


def _forget_lost_starts(
    study: Study, place: Place, planned: Sequence[tuple[Arm, int]], finished: set[tuple[str, int]]
) -> None:
    """Have a start trained again that was measured but is not here, where something is still to go on from it.

    Numbers travel between machines; checkpoints are a thousand times as large.
    """
    for arm, seed in planned:
        if arm.start is None or (arm.name, seed) in finished:
            continue
        own, start = (place.of(study, one, seed) for one in (arm, study.arm(arm.start)))
        if not any((folder / "run" / "last.safetensors").exists() for folder in (own, start)):
            (start / "numbers.json").unlink(missing_ok=True)


class Crew:
    """The processes at work on a study."""

    def __init__(self, study: Study, place: Place, minutes: float | None, processes: int, shown: progress.Bar) -> None:
        self.study, self.place, self.processes, self.shown = study, place, processes, shown
        self.deadline = time.monotonic() + 60 * minutes if minutes is not None else None
        self.running: dict[tuple[str, int], BaseProcess] = {}

    @property
    def minutes(self) -> float | None:
        """Minutes left."""
        return None if self.deadline is None else max(self.deadline - time.monotonic(), 0.0) / 60

    def work(self, waiting: list[tuple[Arm, int]], finished: set[tuple[str, int]]) -> None:
        """Start what is ready in the order given, until all is done or the time is over."""
        try:
            while waiting or self.running:
                ready = [job for job in waiting if job[0].start is None or (job[0].start, job[1]) in finished]
                for job in ready[: self.processes - len(self.running)]:
                    if self.minutes is None or self.minutes > 0:
                        self._start(*job)
                        waiting.remove(job)
                if not self.running:
                    return
                wait([process.sentinel for process in self.running.values()])
                finished |= self._collect()
        finally:
            self._stop()

    def _start(self, arm: Arm, seed: int) -> None:
        arguments = (self.study, arm, seed, self.place, self.minutes)
        process = multiprocessing.get_context("spawn").Process(target=_serve, args=arguments, daemon=True)
        process.start()
        self.running[arm.name, seed] = process

    def _collect(self) -> set[tuple[str, int]]:
        """The jobs that have just been finished; those that broke are reported."""
        ended = {job: process for job, process in self.running.items() if not process.is_alive()}
        done = set()
        for job, process in ended.items():
            del self.running[job]
            (now,) = status(self.study, self.place, job[:1], job[1:])[-1:]
            if process.exitcode and now.state != "failed":
                why = f"its process ended with exit code {process.exitcode}"
                atomic.write_text(self._folder(job) / "failed.txt", why + "\n")
            if process.exitcode:
                print(f"{job[0]} seed {job[1]} failed: see {self._folder(job) / 'failed.txt'}", file=sys.stderr)
            if now.state == "done":
                done.add(job)
                self.shown.advance(1, f"{job[0]} seed {job[1]}: {now.seconds:.0f} s")
        return done

    def _folder(self, job: tuple[str, int]) -> Path:
        return self.place.of(self.study, self.study.arm(job[0]), job[1])

    def _stop(self) -> None:
        """Let every job save and end."""
        for process in self.running.values():
            if process.pid is not None and process.is_alive():
                os.kill(process.pid, signal.SIGINT)
        for process in self.running.values():
            process.join(GRACE)
            process.kill()


def _serve(study: Study, arm: Arm, seed: int, place: Place, minutes: float | None) -> None:
    """A job in its own process; a Ctrl-C at the terminal reaches the runner alone, which passes it on once."""
    os.setpgrp()
    # What is started in the background of a shell ignores Ctrl-C, and its children with it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=_stop_with_parent, daemon=True).start()

    import torch

    from seehear.studies.job import work

    torch.set_num_threads(1)
    failed = place.of(study, arm, seed) / "failed.txt"
    failed.unlink(missing_ok=True)
    try:
        work(study, arm, seed, place, minutes)
    except KeyboardInterrupt:
        pass
    except Exception as error:
        told = str(error) if isinstance(error, InputError) else traceback.format_exc()
        atomic.write_text(failed, told.strip() + "\n")
        sys.exit(1)


def _stop_with_parent() -> None:
    """Save and stop when the runner is gone, so that no job is left over that another runner would start too."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGINT)
