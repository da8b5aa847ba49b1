# SPDX-License-Identifier: Apache-2.0
"""Reading run folders, however far they came: every missing or damaged piece becomes a sentence, never a crash."""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seehear.errors import InputError
from seehear.evals import results
from seehear.evals.results import Result

Arrays = dict[str, np.ndarray]
LONGEST = 100_000
"""Lines of a log that are read; a page cannot show more."""


@dataclass(frozen=True)
class RunRecord:
    """What a run folder holds: its description, rows of its log, its numbers and what to draw; `missing` in words."""

    name: str
    about: dict[str, Any]
    log: list[dict[str, Any]]
    results: list[Result]
    embeddings: Arrays
    neighbours: Arrays
    missing: tuple[str, ...]

    def numbers(self, protocol: str) -> Result | None:
        """The newest result of a protocol, or None."""
        found = [result for result in self.results if result.protocol == protocol]
        return found[-1] if found else None


def read_run(folder: Path) -> RunRecord:
    """Everything there is in a run folder; raises InputError when the folder is none."""
    if not folder.is_dir():
        raise InputError(f"expected the folder of a run, found none at {folder}")
    missing: list[str] = []
    about = _description(folder / "run.json", missing)
    log = _log(folder / "metrics.jsonl", missing)
    numbers, broken = results.read(folder)
    if not numbers:
        missing.append("no numbers yet (results.jsonl): run seehear eval")
    if broken:
        missing.append(f"{broken} lines of results.jsonl could not be read and were left out")
    embeddings = _arrays(folder / "embeddings.npz", ("items", "labels", "sources", "classes"), missing)
    neighbours = _arrays(folder / "neighbours.npz", ("rows", "items", "pictures", "sounds", "queries"), missing)
    neighbours = neighbours if _same_clips(neighbours, embeddings, missing) else {}
    return RunRecord(folder.resolve().name, about, log, numbers, embeddings, neighbours, tuple(missing))


def _description(path: Path, missing: list[str]) -> dict[str, Any]:
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(about, dict):
            return about
        missing.append("run.json is not a description of a run")
    except FileNotFoundError:
        missing.append("no run.json: it is not known how these encoders were trained")
    except (OSError, ValueError):
        missing.append("run.json cannot be read")
    return {}


def _log(path: Path, missing: list[str]) -> list[dict[str, Any]]:
    if not path.is_file():
        missing.append("no training log (metrics.jsonl): no curves")
        return []
    rows, broken = [], 0
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file):
            if number >= LONGEST:
                missing.append(f"only the first {LONGEST} lines of metrics.jsonl were read")
                break
            try:
                row = json.loads(line)
                float(row["step"])
                rows.append(row)
            except (ValueError, KeyError, TypeError):
                broken += 1
    if broken:
        missing.append(f"{broken} lines of metrics.jsonl could not be read and were left out")
    return rows


def _same_clips(neighbours: Arrays, embeddings: Arrays, missing: list[str]) -> bool:
    """Whether both files come from one evaluation; a run killed between the two writes has two that do not."""
    if not neighbours or not embeddings:
        return False
    rows, there = neighbours["rows"], embeddings["items"]
    if rows.size and rows.max() < len(there) and np.array_equal(there[rows], neighbours["items"]):
        return True
    missing.append("neighbours.npz and embeddings.npz are not from one evaluation: run seehear eval again")
    return False


def _arrays(path: Path, needed: tuple[str, ...], missing: list[str]) -> Arrays:
    if not path.is_file():
        missing.append(f"no {path.name}: run seehear eval to see {path.stem} here")
        return {}
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        missing.append(f"{path.name} is damaged: run seehear eval again")
        return {}
    if any(name not in arrays for name in needed):
        missing.append(f"{path.name} is not complete: run seehear eval again")
        return {}
    return arrays
