# SPDX-License-Identifier: Apache-2.0
"""`seehear pack`: a folder of videos becomes a library, file after file, and goes on where it was stopped.

Item ids are given in the order of the file names and starts, one after the other, so that neither the number of workers
nor an interruption changes them; they are never given twice. Clips are committed before their file is noted as done: a
pack that is killed loses at most the last seconds of work, and what it then finds half done it does not store again.
"""

import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from os import cpu_count
from pathlib import Path
from typing import Any

import numpy as np

from seehear.data.labels import Label, match, read_labels, truth_json
from seehear.data.ledger import Batch, Done
from seehear.data.packed import Profile
from seehear.data.store import Store
from seehear.data.transcode import Began, Ended, Settings, Task, sample, transcode
from seehear.errors import InputError, MediaError
from seehear.media.pool import Lost, work
from seehear.media.scan import files_of
from seehear.media.verdict import Needs, Row, refused
from seehear.progress import Bar, bar

_PATIENCE = 300.0  # s a worker may be silent over one clip
_NEEDED = {"both": "picture and sound", "pictures": "pictures", "sound": "sound"}
_SAMPLE = 12  # files tried for the prediction
_SAMPLE_SECONDS = 3.0  # ... for as long as this, once there is something to go by


def pack(
    folder: Path,
    library: str | Path,
    *,
    profile: Profile = "jpeg",
    size: int = 128,
    fps: float | None = 16.0,
    rate: int = 24000,
    seconds: float = 10.0,
    min_seconds: float = 1.0,
    labels: Path | Mapping[str, Label] | None = None,
    needs: Needs = "both",
    workers: int | None = None,
    quiet: bool = False,
) -> dict[str, Any]:
    """Transcode every usable file below `folder` (or one file) into `library`, a local path or an object-store URL.

    `size` is the shorter side in pixels, `fps` the highest frame rate (None keeps the source's), `rate` the sampling
    rate in Hz, `seconds` the longest clip, `labels` a CSV (see `data.labels`) or the labels themselves by file (such as
    those of `data.public`), of which then only these files are packed. `needs` is what a file must have: with "sound"
    those without pictures are packed too, with "pictures" those without sound. Files done before are left out. Returns
    the numbers it prints. Raises InputError for a folder without a usable file, for settings other than the library's,
    and for a full disk; what was packed until then is kept.
    """
    settings = Settings(profile, size, fps, rate, seconds, min_seconds, needs)
    _check(settings)
    started, crew = time.monotonic(), workers or cpu_count() or 1
    known_labels = read_labels(labels) if isinstance(labels, Path) else labels or {}
    found = _tasks(folder, library, labels, settings)
    store = Store(library)
    with _alone(library):
        if not store.exists():
            store.create({name: str(value) for name, value in asdict(settings).items()})
        _same_settings(store, settings)
        done = Done.of(store)
        tasks = [replace(task, known=done.held.get(task.file, "")) for task in found if not done.has(task)]
        unknown = _relabel(store, known_labels, [task.file for task in found]) if labels else []
        guess = _predict(tasks, crew)
        _say(quiet, _forecast(len(tasks), len(found) - len(tasks), guess))
        _room(library, guess["bytes"])
        counts = _run(store, tasks, done, crew, quiet)
    result = {
        "library": str(library),
        "files": len(found),
        "done_before": len(found) - len(tasks) + counts.pop("same"),
        "unknown_labels": len(unknown),
        **counts,
        "seconds_taken": time.monotonic() - started,
        "predicted_bytes": guess["bytes"],
        "predicted_seconds": guess["seconds"],
    }
    if unknown:
        _say(quiet, f"{labels}: {len(unknown)} names are no file of the folder, such as {unknown[0]}")
    _say(quiet, _summary(result))
    if not done.clips:
        _refuse(folder, done, needs)
    return result


def _check(settings: Settings) -> None:
    for name in ("size", "rate", "seconds", "min_seconds"):
        if not getattr(settings, name) > 0:
            raise InputError(f"expected a positive number for {name}, got {getattr(settings, name)}")
    if settings.fps is not None and not settings.fps > 0:
        raise InputError(f"expected a positive number for fps, got {settings.fps}")
    if settings.profile not in ("jpeg", "h264"):
        raise InputError(f"expected jpeg or h264 for profile, got {settings.profile}")


def _tasks(
    folder: Path, library: str | Path, labels: Path | Mapping[str, Label] | None, settings: Settings
) -> list[Task]:
    """All files below the folder, or those labels name; not the labels, nor the library if it lies there too."""
    root = folder if folder.is_dir() else folder.parent
    left_out = [Path(place).resolve() for place in (labels, library) if isinstance(place, str | Path)]
    tasks = []
    for path in files_of(folder):
        if not any(path.resolve().is_relative_to(place) for place in left_out):
            state = path.stat()
            name = path.relative_to(root).as_posix()
            if not isinstance(labels, Mapping) or name in labels:
                tasks.append(Task(name, path, settings, state.st_size, state.st_mtime_ns))
    return tasks


def _run(store: Store, tasks: Sequence[Task], done: Done, workers: int, quiet: bool) -> dict[str, Any]:
    """Transcode and commit; on Ctrl-C commit what there is and say how to go on."""
    batch = Batch(store, done)
    with bar("pack", len(tasks), quiet) as progress:
        try:
            _collect(batch, tasks, workers, progress)
        except KeyboardInterrupt:
            batch.commit()
            print(f"stopped; {done.clips} clips are kept: the same command goes on", file=sys.stderr)
            raise
        batch.commit()
    return batch.counts()


def _collect(batch: Batch, tasks: Sequence[Task], workers: int, progress: Bar) -> None:
    row = Row("")
    for number, said in work(transcode, tasks, workers, _PATIENCE):
        task = tasks[number]
        if isinstance(said, Began):
            row = said.row
            continue
        if isinstance(said, Lost):
            said = Ended(refused(row if row.file == task.file else Row(task.file), "corrupt", said.why))
        if isinstance(said, Ended):
            batch.finish(said.row, task)
            progress.advance(note=f"{batch.done.clips} clips")
        else:
            batch.add(row, said)


def _relabel(store: Store, labels: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """Put the labels of these files into the library; returns names in the CSV that are none of them."""
    matched, unknown = match(dict(labels), names)
    if not matched:
        raise InputError(f"expected labels of files in the folder, none of the {len(labels)} names is one")
    columns = store.read("labels", "source", "label", "split", "licence", "truth")
    rows = {
        row["source"]: row for row in (dict(zip(columns, v, strict=True)) for v in zip(*columns.values(), strict=True))
    }
    for source, label in matched.items():
        rows[source] = {
            "source": source,
            "label": label.label,
            "split": label.split,
            "licence": label.licence,
            "truth": truth_json(label),
        }
    store.replace("labels", list(rows.values()))
    return unknown


def _same_settings(store: Store, settings: Settings) -> None:
    # A library made before there was a setting has its default.
    there = {name: str(value) for name, value in asdict(Settings()).items()} | store.settings()
    for name, value in asdict(settings).items():
        if there[name] != str(value):
            raise InputError(
                f"{store.uri}: expected the settings it was made with, {name} {there[name]}, got {value}; "
                "give the same or pack into another library"
            )


def _predict(tasks: Sequence[Task], workers: int) -> dict[str, float]:
    """Bytes and seconds the tasks will take, from the first clips of a few files drawn by their size.

    Files at equal steps of the running sum of bytes s_i are drawn in proportion to s_i, so that the mean of made_i /
    s_i over them, times the sum of all s_i, is an unbiased estimate of all that is made.
    """
    ends = np.cumsum([task.bytes for task in tasks])
    total = float(ends[-1]) if tasks else 0.0
    drawn = np.searchsorted(ends, (np.arange(_SAMPLE) + 0.5) / _SAMPLE * total) if total else np.zeros(0, np.int64)
    # In mixed order, in case there is no time for all.
    order = np.random.default_rng(0).permutation(np.unique(drawn)).tolist()
    often = [int((drawn == index).sum()) for index in order]
    started, seen, made, spent = time.monotonic(), 0, 0.0, 0.0
    for number, said in work(sample, [tasks[index] for index in order], 1, _PATIENCE):
        seen += often[number]
        if not isinstance(said, Lost):
            made, spent = made + said[0] * often[number], spent + said[1] * often[number]
        if made and time.monotonic() - started > _SAMPLE_SECONDS:
            break
    return {"bytes": made / max(seen, 1) * total, "seconds": spent / max(seen, 1) * total / workers + 1.0}


def _room(library: str | Path, needed: float) -> None:
    """Raise InputError when a local disk has no room for what is predicted."""
    path = Path(library)
    if "://" in str(library):
        return
    while not path.exists():
        path = path.parent
    free = shutil.disk_usage(path).free
    if needed > free:
        raise InputError(f"{library}: expected room for about {_size(needed)}, the disk has {_size(free)} left")


@contextmanager
def _alone(library: str | Path) -> Iterator[None]:
    """Keep two packs out of one local library; the lock goes with the process, however it ends."""
    if "://" in str(library):
        yield
        return
    import fcntl

    path = Path(library)
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = (path / ".lock").open("w")
    except OSError as error:
        raise InputError(f"{library}: expected a folder that can be written to ({error.strerror})") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(
                f"{library}: expected a library nobody writes to, another pack is at work there"
            ) from error
        yield


def _refuse(folder: Path, done: Done, needs: Needs) -> None:
    why = ", ".join(f"{reason} {count}" for reason, count in done.refused.most_common())
    if folder.is_file():
        raise MediaError(folder, next(iter(done.refused), "unknown"), f"expected a file with {_NEEDED[needs]}")
    raise InputError(f"{folder}: expected files with {_NEEDED[needs]}, found none usable ({why})")


def _forecast(todo: int, before: int, guess: Mapping[str, float]) -> str:
    known = f", {before} done before" if before else ""
    return f"{todo} files to pack{known}: about {_size(guess['bytes'])} and {guess['seconds']:.0f} s"


def _summary(result: Mapping[str, Any]) -> str:
    refused_files = ", ".join(f"{reason} {count}" for reason, count in result["quarantined"].items())
    said = (
        f"{result['clips']} clips of {result['sources']} files, {result['hours']:.3f} h, {_size(result['bytes'])} in "
        f"{result['seconds_taken']:.0f} s"
    )
    if result["changed"]:
        said += f"; {result['changed']} files are not what they were, and the clips of what they were are still there: "
        said += "pack into a new library to be without them"
    return said + (f"; not usable: {refused_files}" if refused_files else "")


def _size(count: float | int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _say(quiet: bool, text: str) -> None:
    if not quiet:
        print(text, flush=True)
