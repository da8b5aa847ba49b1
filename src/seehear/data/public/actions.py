# SPDX-License-Identifier: Apache-2.0
"""UCF-101 and HMDB-51: short films of human actions with three official splits of training and test.

UCF-101: `CLASS/v_CLASS_gNN_cNN.avi` and `trainlist0N.txt`, `testlist0N.txt` (Soomro et al. 2012); the films of a group
gNN are parts of one recording.
HMDB-51: `CLASS/NAME.avi` and one `CLASS_test_splitN.txt` a class and split; each line is a name and 1 (training), 2
(test) or 0 (neither) (Kuehne et al. 2011).
"""

import re
from dataclasses import replace
from pathlib import Path, PurePosixPath

from seehear.data.public.listing import Entry, Folder, Listing, Parts, apart, by_split, class_name, meet
from seehear.data.public.tables import lines, unexpected
from seehear.errors import InputError

_UCF = re.compile(r"((\w+)/v_\w+_g\d+_c\d+\.avi)(?: +\d+)?")
_HMDB = re.compile(r"([^/\\\0]+\.avi) +([012])")
_HMDB_PARTS = ("unused", "train", "test")


def ucf101(folder: Folder, lists: Folder, split: int) -> Listing:
    """UCF-101 with one of its three splits; the class keeps its official name, such as "ApplyEyeMakeup"."""
    splits: dict[int, Parts] = {}
    for number in (1, 2, 3):
        names = {part: f"{part}list0{number}.txt" for part in ("train", "test")}
        if number == split or all(lists.found_lists(re.escape(name)) for name in names.values()):
            splits[number] = {}
            for part, name in names.items():
                _ucf_lines(lists.need(name), part, splits[number])
    return meet(f"UCF-101 split {split}", folder, map(_grouped, by_split(splits, split, "split")))


def _grouped(entry: Entry) -> Entry:
    """The entry of a film with its recording, which is all of its name but the number of the film."""
    names, label = entry
    recording = PurePosixPath(names[0]).stem.rpartition("_")[0]
    return names, replace(label, truth={**label.truth, "recording": recording})


def _ucf_lines(path: Path, part: str, parts: Parts) -> None:
    for number, text in lines(path):
        film = _UCF.fullmatch(text)
        if not film:
            raise unexpected(path, number, "a film of UCF-101 (Class/v_Class_g01_c01.avi)", text)
        apart(path, parts, film[1], film[2], part)


def hmdb51(folder: Folder, lists: Folder, split: int) -> Listing:
    """HMDB-51 with one of its three splits; films that are in neither part of it are "unused"."""
    splits: dict[int, Parts] = {}
    for match, path in lists.found_lists(r"(\w+)_test_split([123])\.txt"):
        parts = splits.setdefault(int(match[2]), {})
        for number, text in lines(path):
            film = _HMDB.fullmatch(text)
            if not film:
                raise unexpected(path, number, "a film of HMDB-51 and 0, 1 or 2 (name.avi 1)", text)
            apart(path, parts, f"{match[1]}/{film[1]}", class_name(match[1]), _HMDB_PARTS[int(film[2])])
    if split not in splits:
        raise InputError(f"{lists.root}: expected the official lists CLASS_test_split{split}.txt, found none below it")
    return meet(f"HMDB-51 split {split}", folder, by_split(splits, split, "split"))
