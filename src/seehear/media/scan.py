# SPDX-License-Identifier: Apache-2.0
"""`seehear scan`: which files of a folder can be learnt from, and why not the others."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from os import cpu_count
from pathlib import Path
from typing import Any

from seehear.errors import InputError, MediaError
from seehear.media.pool import Lost, work
from seehear.media.verdict import MIN_SECONDS, REASONS, Row, examine, refused
from seehear.progress import bar

__all__ = ["REASONS", "Row", "files_of", "require_usable", "scan", "table"]

_PATIENCE = 120.0  # s without an answer before a file is given up


def scan(
    folder: Path,
    *,
    min_seconds: float = MIN_SECONDS,
    workers: int | None = None,
    quiet: bool = False,
    patience: float = _PATIENCE,
) -> list[Row]:
    """Judge every file below `folder` (or one file), in the order of their names.

    Raises InputError for a folder that is missing or empty; see `require_usable` for one without any usable video.
    """
    files = files_of(folder)
    root = folder if folder.is_dir() else folder.parent
    tasks = [(file.relative_to(root).as_posix(), file, min_seconds) for file in files]
    rows = []
    with bar("scan", len(tasks), quiet) as progress:
        for number, said in work(_examined, tasks, workers or cpu_count() or 1, patience):
            row = refused(Row(tasks[number][0]), "corrupt", said.why) if isinstance(said, Lost) else said
            rows.append(row)
            progress.advance(note=row.file)
    return mark_duplicates(rows)


def _examined(task: tuple[str, Path, float]) -> Iterator[Row]:
    yield examine(*task)


def files_of(folder: Path) -> list[Path]:
    """All regular files below a folder in the order of their names, hidden ones left out; or the one file given."""
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        raise InputError(f"{folder}: expected a folder of videos, found nothing there")
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    if not files:
        raise InputError(f"{folder}: expected a folder of videos, found no file in it")
    return files


def mark_duplicates(rows: Sequence[Row]) -> list[Row]:
    """Refuse every usable file whose bytes are those of a usable file before it, and name that one."""
    first: dict[str, str] = {}
    marked = []
    for row in rows:
        if row.usable and first.setdefault(row.hash, row.file) != row.file:
            row = replace(refused(row, "duplicate", f"of {first[row.hash]}"), duplicate_of=first[row.hash])
        marked.append(row)
    return marked


def require_usable(folder: Path, rows: Sequence[Row]) -> None:
    """Raise MediaError for one file that is not usable, InputError for a folder in which none is."""
    if any(row.usable for row in rows):
        return
    if folder.is_file():
        raise MediaError(folder, rows[0].reason, rows[0].detail or "expected a video with picture and sound")
    counts = Counter(row.reason for row in rows)
    why = ", ".join(f"{reason} {counts[reason]}" for reason in REASONS if counts[reason])
    raise InputError(f"{folder}: expected videos with picture and sound, found none usable among {len(rows)} ({why})")


def table(rows: Sequence[Row]) -> Any:
    """The rows as a table for the terminal."""
    from rich.table import Table

    usable = sum(row.usable for row in rows)
    hours = sum(row.duration for row in rows if row.usable) / 3600
    shown = Table(title=f"{usable} of {len(rows)} files usable, {hours:.2f} h")
    for name in ("file", "verdict", "length", "picture", "sound", "notes"):
        shown.add_column(name, overflow="fold")
    for row in rows:
        picture = f"{row.width}x{row.height} {row.fps:.4g} fps" if row.width else ""
        sound = f"{row.channels} ch {row.sample_rate} Hz" if row.channels else ""
        panorama = f"{row.spherical.projection} {row.spherical.stereo}" if row.spherical else ""
        ambisonic = f"ambisonic order {row.ambisonic.order}" if row.ambisonic else ""
        notes = "; ".join(text for text in (row.detail, row.streams, panorama, ambisonic) if text)
        verdict = "[green]usable[/]" if row.usable else f"[red]{row.reason}[/]"
        shown.add_row(row.file, verdict, f"{row.duration:.1f} s" if row.duration else "", picture, sound, notes)
    return shown
