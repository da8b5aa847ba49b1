# SPDX-License-Identifier: Apache-2.0
"""RUN/results.jsonl: one line a number, only ever appended to; where a number was measured twice the newest counts."""

import json
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64, Int
from torch import Tensor

Numbers = dict[str, float | None]
Items = dict[str, Float64[Tensor, "N"]]
"""What each test clip scored, by metric; NaN for a clip that was not asked."""
ROWS = ("trained", "supervised", "random", "statistics", "chance")
"""Who is measured: the run's encoders; the same nets trained with labels; random weights; plain statistics of the same
windows; features that are all equal."""


@dataclass(frozen=True)
class Result:
    """The numbers of one protocol, by row and metric; None where a number cannot be measured, `notes` say why.

    `clips` clips of `split` were measured, `windows` windows each; `data_hash` names the catalog.
    """

    protocol: str
    rows: dict[str, Numbers]
    run: str = ""
    seed: int = 0
    commit: str = "unknown"
    data_hash: str = ""
    split: str = "test"
    clips: int = 0
    windows: int = 0
    notes: tuple[str, ...] = ()

    @property
    def metrics(self) -> Numbers:
        """The numbers of the run's own encoders."""
        return self.rows.get("trained", {})

    @property
    def chance(self) -> Numbers:
        """The same numbers for features that are all equal."""
        return self.rows.get("chance", {})

    @property
    def place(self) -> str:
        """On what it was measured; memories have no windows."""
        windows = f", {self.windows} windows each" if self.windows else ""
        return f"{self.clips} clips of {self.split}{windows}, data {self.data_hash}"

    @property
    def plain(self) -> dict[str, Any]:
        """JSON values: protocol, metrics, chance, random, statistics, run, data_hash and the rest."""
        rest = {name: value for name, value in vars(self).items() if name != "rows"}
        return {"metrics": self.metrics, **{row: self.rows.get(row, {}) for row in ROWS[1:]}, **rest}


def table(result: Result) -> Any:
    """The result as a rich table: a line a metric, a column a row; single classes are left to the report.

    Metrics that nobody could measure are left out; the notes say why.
    """
    from rich.table import Table

    here = [row for row in ROWS if row in result.rows]
    shown = Table(title=f"{result.protocol}: {result.place}", caption="\n".join(result.notes) or None)
    for name in ("metric", *here):
        shown.add_column(name, justify="left" if name == "metric" else "right")
    for metric in result.metrics:
        values = [result.rows[row].get(metric) for row in here]
        if metric.split("/")[1:2] != ["class"] and any(value is not None for value in values):
            shown.add_row(metric, *("" if value is None else f"{value:.3f}" for value in values))
    return shown


def unlabelled(labels: Int[np.ndarray, "N"]) -> tuple[str, ...]:
    """The note on clips of no known class (-1) among others; none where all are known, or none is."""
    missing = int((labels < 0).sum())
    said = f"{missing} of {len(labels)} clips have no class and are not counted where classes are asked for"
    return (said,) if 0 < missing < len(labels) else ()


def append(folder: Path, result: Result) -> None:
    """Add every number of a result to RUN/results.jsonl in one write: a reader sees whole results or nothing."""
    rest = {name: value for name, value in vars(result).items() if name != "rows"}
    stamp = {**rest, "notes": list(result.notes), "time": round(time.time(), 3)}
    lines = [
        json.dumps({**stamp, "row": row, "metric": metric, "value": value}, allow_nan=False)
        for row, numbers in result.rows.items()
        for metric, value in numbers.items()
    ]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "results.jsonl").open("a+b") as file:
        # A line cut short by a crash stays a broken line of its own instead of spoiling the next one.
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - 1, 0))
        lines = lines if file.read(1) in (b"", b"\n") else ["", *lines]
        file.write(("\n".join(lines) + "\n").encode())
        file.flush()
        os.fsync(file.fileno())


def read(folder: Path) -> tuple[list[Result], int]:
    """The newest numbers of a run as one result a (protocol, split, data), and how many lines could not be read.

    The one measured last comes last. What is said of a result (clips, windows) is that of its trained row; the notes
    are those of all its rows.
    """
    path, broken = folder / "results.jsonl", 0
    newest: dict[tuple[str, str, str], Result] = {}
    notes: dict[tuple[str, str, str], dict[str, tuple[str, ...]]] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []:
        if not line.strip():
            continue
        try:
            one = json.loads(line)
            row, metric = str(one.pop("row")), str(one.pop("metric"))
            value = one.pop("value")
            one.pop("time", None)
            latest = Result(**{**one, "notes": tuple(one["notes"]), "rows": {}})
            value = None if value is None else float(value)
        except (ValueError, KeyError, TypeError, AttributeError):
            broken += 1
            continue
        key = latest.protocol, latest.split, latest.data_hash
        before = newest.pop(key, latest)
        rows = before.rows
        rows.setdefault(row, {})[metric] = value
        notes.setdefault(key, {})[row] = latest.notes
        newest[key] = replace(before if "trained" in rows and row != "trained" else latest, rows=rows)
    said = {key: tuple(dict.fromkeys(note for row in rows.values() for note in row)) for key, rows in notes.items()}
    return [replace(result, notes=said[key]) for key, result in newest.items()], broken
