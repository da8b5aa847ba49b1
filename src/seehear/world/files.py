# SPDX-License-Identifier: Apache-2.0
"""The world as real media files: one mp4 a scene, catalog.csv with labels, splits and truth, world.json to know it by.

A pool of spawned processes renders and encodes; it needs no torch. What is finished is noted in written.csv as it
comes, so that a stopped job goes on where it was, and a finished one is recognised.
"""

import csv
import errno
import hashlib
import io
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from seehear import atomic, progress
from seehear.errors import InputError
from seehear.media.pool import Lost, work
from seehear.world.draw import FIRST
from seehear.world.plan import AnyPlan, split_of

_CHUNK = 8  # scenes a worker is handed at a time
_PATIENCE = 300.0  # s without a finished scene, after which a worker is given up


def write_world(folder: Path, plan: AnyPlan[Any], *, workers: int | None = None, quiet: bool = False) -> dict[str, Any]:
    """Write the scenes of a world into `folder` and return scenes, seconds_of_scene, seconds and hash.

    `seconds` is how long it took, `hash` is of pixels and samples before encoding. Scenes that are there already are
    kept. Raises InputError when the folder holds something else, and when the disk is full.
    """
    started = time.monotonic()
    try:
        whole = _finished(folder, plan, workers, quiet)
    except OSError as error:
        advice = "free some space and run this again, it goes on" if error.errno == errno.ENOSPC else "choose another"
        raise InputError(f"expected to write a world to {folder}, got {error.strerror}: {advice}") from error
    return {
        "scenes": len(plan),
        "seconds_of_scene": len(plan) * plan.duration,
        "seconds": round(time.monotonic() - started, 2),
        "hash": whole,
    }


def _finished(folder: Path, plan: AnyPlan[Any], workers: int | None, quiet: bool) -> str:
    """Write what is missing; returns the hash of the whole."""
    plan.scene(plan.indices[0])  # refuses what cannot be before the folder is taken
    _claim(folder, plan)
    rows = plan.indices
    hashes = {index: digest for index, digest in _written(folder).items() if (folder / name_of(index)).is_file()}
    missing = [index for index in rows if index not in hashes]
    chunks = [(folder, plan, missing[k : k + _CHUNK]) for k in range(0, len(missing), _CHUNK)]
    with (
        progress.bar("world", len(rows), quiet) as shown,
        (folder / "written.csv").open("a", encoding="utf-8") as notes,
    ):
        shown.advance(len(rows) - len(missing))
        for _, said in work(_write_chunk, chunks, workers or os.cpu_count() or 1, _PATIENCE):
            if isinstance(said, Lost):
                raise RuntimeError(f"a worker that rendered scenes was lost: {said.why}")
            index, digest = said
            if isinstance(digest, OSError):
                raise digest
            hashes[index] = digest
            notes.write(f"{index},{digest}\n")
            notes.flush()
            shown.advance(1)
    whole = hashlib.sha256("".join(hashes[index] for index in rows).encode()).hexdigest()[:16]
    atomic.write_text(folder / "catalog.csv", _table(plan, hashes))
    _describe(folder, plan, whole)
    return whole


def name_of(index: int) -> str:
    """The file of a scene: its split, and its number within it."""
    split = split_of(index)
    return f"{split}-{index - FIRST[split]:06d}.mp4"


def _write_chunk(task: tuple[Path, AnyPlan[Any], list[int]]) -> Iterator[tuple[int, str | OSError]]:
    """Render and encode some scenes; yields (index, hash of pixels and samples) after each, or what the disk said."""
    folder, plan, indices = task
    for index in indices:
        try:
            yield index, plan.write(plan.scene(index), folder / name_of(index))
        except OSError as error:
            yield index, error
            return


def _claim(folder: Path, plan: AnyPlan[Any]) -> None:
    """Make the folder this world's; raises InputError when something else is there."""
    about = folder / "world.json"
    if about.exists():
        try:
            there = json.loads(about.read_text(encoding="utf-8"))
            name, version, digest = there["name"], there["version"], there["hash"]
        except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
            raise InputError(
                f"expected the description of a world in {about}, found something else: {error}"
            ) from error
        if name != plan.name:
            raise InputError(
                f"expected an empty folder or world {plan.name}, {folder} holds world {name} "
                f"(version {version}, hash {digest or 'unfinished'}): choose another folder"
            )
        return
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"expected a new or empty folder for a world, {folder} holds other things: choose another")
    _describe(folder, plan, "")


def _describe(folder: Path, plan: AnyPlan[Any], digest: str) -> None:
    about = {"name": plan.name, "version": plan.version, "hash": digest, "plan": asdict(plan)}
    atomic.write_json(folder / "world.json", about)


def _written(folder: Path) -> dict[int, str]:
    """Hashes of the scenes noted as finished; a line cut short by a crash does not count."""
    path = folder / "written.csv"
    if not path.exists():
        return {}
    lines = [line.split(",") for line in path.read_text(encoding="utf-8").split("\n")[:-1]]
    return {int(pair[0]): pair[1] for pair in lines if len(pair) == 2 and pair[0].isdigit() and len(pair[1]) == 16}


def _table(plan: AnyPlan[Any], hashes: dict[int, str]) -> str:
    """catalog.csv: file, label, split, the truth of every scene, and its hash."""
    rows = [{"file": name_of(s.index), **plan.truth(s), "hash": hashes[s.index]} for s in plan.draw()]
    table = io.StringIO()
    writer = csv.DictWriter(table, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return table.getvalue()
