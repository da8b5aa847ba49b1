# SPDX-License-Identifier: Apache-2.0
"""Where a study keeps an arm: OUT/STUDY/ARM-SEED-KEY, by a key over everything that decides its result.

In it lie run/ (the trained run), numbers.json (what was measured, with run, seed, data hash, commit and seconds) and
items.npz (what each test clip scored, without pickle). job.json says how many steps are planned, failed.txt why an arm
broke, and lock is held by the process at work.
"""

import hashlib
import json
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from seehear import atomic
from seehear.errors import InputError
from seehear.studies.study import Arm, Study


@dataclass(frozen=True)
class Place:
    """The folder of a study, the library it trains on and its hash, and how arms are measured.

    `sounds` is a library of real sounds to measure on too.
    """

    folder: Path
    library: Path
    data_hash: str
    windows: int = 3
    device: str = "cpu"
    sounds: Path | None = None

    def of(self, study: Study, arm: Arm, seed: int) -> Path:
        """The folder of an arm and seed."""
        return self.folder / f"{arm.name}-{seed}-{key(study, arm, seed, self.data_hash)}"


def key(study: Study, arm: Arm, seed: int, data_hash: str) -> str:
    """Ten hexadecimal digits over study version, how the arm is built and from what, data and seed; not the commit."""
    start = key(study, study.arm(arm.start), seed, data_hash) if arm.start else ""
    built = f"{arm.build.__module__}:{arm.build.__qualname__}"
    parts = [study.name, study.version, built, dict(arm.arguments), start, data_hash, seed]
    plain = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(plain.encode()).hexdigest()[:10]


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Work in a folder alone; the lock goes with the process. Raises InputError when another one is at work there."""
    import fcntl

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(f"expected nobody at work in {folder}, another process is: wait for it") from error
        yield


def is_held(folder: Path) -> bool:
    """Whether a process is at work in a folder."""
    import fcntl

    if not (folder / "lock").exists():
        return False
    with (folder / "lock").open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def keep(folder: Path, about: Mapping[str, Any], items: Mapping[str, Float64[np.ndarray, "N"]]) -> None:
    """Write items.npz, then numbers.json, which says that both are complete."""
    with atomic.replacing(folder / "items.npz") as temporary:
        np.savez_compressed(temporary, **items)  # type: ignore[arg-type]
    atomic.write_json(folder / "numbers.json", dict(about))


def numbers(folder: Path) -> dict[str, Any]:
    """The contents of numbers.json: "measured" (names of measures), "numbers" by metric, and what is said of them.

    Empty before anything is measured. Raises InputError when the file is damaged.
    """
    path = folder / "numbers.json"
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {**found, "measured": list(found["measured"]), "numbers": dict(found["numbers"])}
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"expected the numbers of an arm in {path}, found something else: delete it") from error


def scores(folder: Path) -> dict[str, Float64[np.ndarray, "..."]]:
    """What each item scored by metric, and plain numbers where there are no items; numbers that are None are left out.

    Raises InputError when a file is damaged.
    """
    plain = {name: np.float64(value) for name, value in numbers(folder).get("numbers", {}).items() if value is not None}
    found = {name: np.asarray(value) for name, value in plain.items()}
    return found | items(folder)


def items(folder: Path) -> dict[str, Float64[np.ndarray, "N"]]:
    """What each test clip scored by metric; raises InputError when items.npz is damaged."""
    path = folder / "items.npz"
    if not path.is_file():
        return {}
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: np.asarray(file[name], dtype=np.float64) for name in file.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"expected arrays in {path}, found something else ({error}): delete it") from error
