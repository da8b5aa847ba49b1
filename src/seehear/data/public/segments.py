# SPDX-License-Identifier: Apache-2.0
"""Kinetics-400, VGGSound and AudioSet: segments of films on YouTube, of which many are gone.

Downloaders name the clip of film I from s to e seconds in different ways; all of these are understood, below any
folder, with any suffix: I_00000s_00000e, I_00000s, I_s_e, I_s, the same in ms, YI and I. Lists:
Kinetics-400 (Kay et al. 2017): `train.csv`, `val.csv` or `validate.csv`, `test.csv`, also with "kinetics_" before it.
VGGSound (Chen et al. 2020): `vggsound.csv`, without a header: I, s, class, split.
AudioSet (Gemmeke et al. 2017): `balanced_train_segments.csv`, `unbalanced_train_segments.csv`, `eval_segments.csv` and
`class_labels_indices.csv`.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from seehear.data.labels import Label, Value
from seehear.data.public.listing import Entry, Folder, Listing, class_name, meet
from seehear.data.public.tables import cells, records, unexpected
from seehear.errors import InputError

_FILM = re.compile(r"[A-Za-z0-9_-]{11}")
_VGGSOUND_SECONDS = 10
_KINETICS = r"(?:kinetics[\w-]*[_-])?(train|val|validate|test)\.csv"
_AUDIOSET = r"(balanced_train|unbalanced_train|eval)_segments\.csv"


def kinetics400(folder: Folder, lists: Folder) -> Listing:
    """Kinetics-400 with its splits train, val and test; lists without a class (the test's) leave the label empty."""
    found = lists.found_lists(_KINETICS)
    if not found:
        raise InputError(
            f"{lists.root}: expected the official list train.csv, val.csv or test.csv, found none below it"
        )
    return meet("Kinetics-400", folder, (entry for match, path in found for entry in _kinetics(path, match[1])))


def _kinetics(path: Path, split: str) -> Iterator[Entry]:
    for number, row in records(path, "youtube_id", "time_start", "time_end"):
        names = _names(path, number, row["youtube_id"], row["time_start"], row["time_end"])
        part = "val" if split == "validate" else split
        yield names, Label(class_name(row.get("label", "")), part, truth={"film": row["youtube_id"]})


def vggsound(folder: Folder, lists: Folder) -> Listing:
    """VGGSound with its splits train and test."""
    return meet("VGGSound", folder, _vggsound(lists.need("vggsound.csv")))


def _vggsound(path: Path) -> Iterator[Entry]:
    for number, row in cells(path):
        if len(row) != 4 or row[3] not in ("train", "test"):
            raise unexpected(path, number, "film, start, class, train or test", row)
        names = _names(path, number, row[0], row[1], _VGGSOUND_SECONDS)
        yield names, Label(class_name(row[2]), row[3], truth={"film": row[0]})


def audioset(folder: Folder, lists: Folder) -> Listing:
    """AudioSet: both training lists are "train", the evaluation list is "test", and truth column `subset` says which.

    A clip has several classes: all are in the truth column `classes`, parted by "; ", and the label is the class of a
    clip that has only one.
    """
    found = lists.found_lists(_AUDIOSET)
    if not found:
        raise InputError(f"{lists.root}: expected the official list eval_segments.csv or another, found none below it")
    path = lists.need("class_labels_indices.csv")
    names = {row["mid"]: row["display_name"] for _, row in records(path, "mid", "display_name")}
    return meet("AudioSet", folder, (entry for match, path in found for entry in _audioset(path, match[1], names)))


def _audioset(path: Path, subset: str, classes: dict[str, str]) -> Iterator[Entry]:
    split = "test" if subset == "eval" else "train"
    for number, row in cells(path, comment="#"):
        if len(row) != 4 or not all(mid in classes for mid in row[3].split(",")):
            raise unexpected(path, number, 'film, start, end, "classes of class_labels_indices.csv"', row)
        named = [classes[mid] for mid in row[3].split(",")]
        truth: dict[str, Value] = {"film": row[0], "subset": subset, "classes": "; ".join(named)}
        yield _names(path, number, *row[:3]), Label(named[0] if len(named) == 1 else "", split, truth=truth)


def _names(path: Path, number: int, film: str, start: str, end: str | int) -> tuple[str, ...]:
    """What the clip of a film may be called; `end` in s, or how many seconds it lasts."""
    try:
        first = round(float(start))
        last = first + end if isinstance(end, int) else round(float(end))
    except (ValueError, OverflowError):
        raise unexpected(path, number, "start and end in seconds", f"{start},{end}") from None
    if not _FILM.fullmatch(film) or not 0 <= first < last < 10**6:
        raise unexpected(path, number, "a film of YouTube, start and end in seconds", f"{film},{start},{end}")
    return (
        f"{film}_{first:06d}_{last:06d}",
        f"{film}_{first:06d}",
        f"{film}_{1000 * first}_{1000 * last}",
        f"{film}_{first}_{last}",
        f"{film}_{first}",
        f"Y{film}",
        film,
    )
