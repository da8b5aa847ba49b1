# SPDX-License-Identifier: Apache-2.0
"""ESC-50, ESC-10 and the acoustic scenes of DCASE: sound without pictures.

ESC (Piczak 2015): `esc50.csv` and `FOLD-SOURCE-TAKE-CLASS.wav`; or, as first published, folders `NNN - Class` of files
`FOLD-SOURCE-TAKE.ogg`, which come without a list: what is missing there is not known.
DCASE 2013 and 2014 (Stowell et al. 2015): `scenes_stereo/CLASSnn.wav` for training, `scenes_stereo_testset` for test.
DCASE since 2016 (TUT and TAU scenes): `foldN_train` and `foldN_evaluate`, .txt or .csv, lines of file and class parted
by a tabulator.
"""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from seehear.data.labels import Label
from seehear.data.public.listing import Entry, Folder, Listing, Parts, apart, by_split, class_name, meet
from seehear.data.public.tables import cells, records, unexpected
from seehear.errors import InputError

_ESC = re.compile(r"([1-5])-(\w+)-([A-Z])(-\d+)?")
_SCENES_2013 = {"scenes_stereo": "train", "scenes_stereo_testset": "test"}
_SCENE_2013 = re.compile(r"([a-z]+)\d\d")
_FOLDS = r"fold(\d+)_(train|evaluate)\.(?:txt|csv)"


def esc50(folder: Folder, lists: Folder, split: int) -> Listing:
    """ESC-50 with fold `split` as test and the others as training; truth columns `fold`, `recording` and `take`."""
    path = lists.only_list(r"esc50\.csv")
    return meet(f"ESC-50 fold {split}", folder, _esc_list(path, split) if path else _esc_folders(folder, split))


def esc10(folder: Folder, lists: Folder, split: int) -> Listing:
    """The ten classes of ESC-10, out of the list of ESC-50 or out of folders, with fold `split` as test."""
    path = lists.only_list(r"esc50\.csv")
    listing = meet(
        f"ESC-10 fold {split}", folder, _esc_list(path, split, ten=True) if path else _esc_folders(folder, split)
    )
    classes = sorted({label.label for label in listing.labels.values()})
    if len(classes) > 10:
        raise InputError(
            f"{folder.root}: expected the ten classes of ESC-10, found {len(classes)}: give a folder of them alone"
        )
    return listing


def _esc_list(path: Path, fold: int, ten: bool = False) -> Iterator[Entry]:
    for number, row in records(path, "filename", "fold", "category", "esc10"):
        match = _ESC.fullmatch(PurePosixPath(row["filename"]).stem)
        if not match or match[1] != row["fold"]:
            raise unexpected(path, number, "a file named after its fold (1-100032-A-0.wav)", row["filename"])
        if not ten or row["esc10"].lower() == "true":
            yield (row["filename"],), _esc_label(match, row["category"], fold)


def _esc_folders(folder: Folder, fold: int) -> Iterator[Entry]:
    for stem, files in folder.media.items():
        match = _ESC.fullmatch(stem)
        # Names that end in the number of a class lie in one folder, whatever their class: they need the list.
        if match and not match[4]:
            for file in files:
                # "001 - Dog bark" and "dog_bark" are one class.
                name = re.sub(r"^\d+ *- *", "", PurePosixPath(file).parent.name)
                yield (file,), _esc_label(match, name, fold)


def _esc_label(match: re.Match[str], label: str, fold: int) -> Label:
    truth = {"fold": int(match[1]), "recording": match[2], "take": match[3]}
    return Label(class_name(label), "test" if int(match[1]) == fold else "train", truth=truth)


def dcase(folder: Folder, lists: Folder, split: int) -> Listing:
    """Acoustic scenes with an official fold, in the layout of 2013 and 2014 (one fold) or in that of TUT and TAU."""
    folds: dict[int, Parts] = {}
    for match, path in lists.found_lists(_FOLDS):
        _scenes(path, "train" if match[2] == "train" else "test", folds.setdefault(int(match[1]), {}))
    if folds and split not in folds:
        raise InputError(f"{lists.root}: expected one of the folds {sorted(folds)} there, got {split}")
    if folds:
        return meet(f"DCASE scenes fold {split}", folder, by_split(folds, split, "fold"))
    if split != 1:
        raise InputError(f"{lists.root}: expected split 1, the layout of 2013 and 2014 has no other, got {split}")
    return meet("DCASE scenes 2013", folder, _scenes_2013(folder))


def _scenes(path: Path, part: str, parts: Parts) -> None:
    for number, row in cells(path, "\t"):
        if row[0] == "filename":
            continue
        if len(row) != 2 or not all(row):
            raise unexpected(path, number, "a file and its scene, parted by a tabulator", row)
        apart(path, parts, row[0], class_name(row[1]), part)


def _scenes_2013(folder: Folder) -> Iterator[Entry]:
    for stem, files in folder.media.items():
        match = _SCENE_2013.fullmatch(stem)
        for file in files:
            part = _SCENES_2013.get(PurePosixPath(file).parent.name)
            if match and part:
                yield (file,), Label(match[1], part)
