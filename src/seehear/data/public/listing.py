# SPDX-License-Identifier: Apache-2.0
"""What a public data set should hold, met with what is there: the labels `pack` takes, and the files that are missing.

Names in official lists are only looked up among the files found, never opened as paths: a list cannot point outside.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from seehear.data.labels import Label
from seehear.errors import InputError
from seehear.media.scan import files_of

# Pictures with sound are preferred to sound alone where both are there.
_VIDEO = (".mp4", ".mkv", ".webm", ".avi", ".mov", ".m4v", ".mpg", ".mpeg", ".flv", ".3gp")
_SOUND = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a", ".aac", ".aif", ".aiff")
_RANK = {suffix: rank for rank, suffix in enumerate((*_VIDEO, *_SOUND))}

Entry = tuple[tuple[str, ...], Label]
"""The names one clip may have, the official one first, and what is known of it."""

Parts = dict[str, tuple[str, str]]
"""The class, and the part (train, test, unused) of one split, by name."""


@dataclass(frozen=True)
class Listing:
    """The clips of a public data set that are there, by file below its folder, and the names that are not there."""

    name: str
    labels: dict[str, Label]
    missing: tuple[str, ...]

    @property
    def note(self) -> str:
        """One line: how many clips, classes and splits there are, and how many clips are missing."""
        classes = {label.label for label in self.labels.values()} - {""}
        splits = Counter(label.split for label in self.labels.values())
        parts = ", ".join(f"{split} {count}" for split, count in sorted(splits.items()))
        found = f"{self.name}: {len(self.labels)} clips of {len(classes)} classes ({parts})"
        return found + (f", {len(self.missing)} missing, such as {self.missing[0]}" if self.missing else "")


class Folder:
    """All files below a folder: media by name, whatever their suffix has become since, and lists by name."""

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise InputError(f"{root}: expected the folder of a data set, found none there")
        self.root = root
        self.media: dict[str, list[str]] = {}
        self.lists: list[Path] = []
        for path in files_of(root):
            if path.suffix.lower() in _RANK:
                self.media.setdefault(path.stem, []).append(path.relative_to(root).as_posix())
            elif path.suffix in (".csv", ".txt"):
                self.lists.append(path)

    def find(self, names: Iterable[str]) -> str | None:
        """The file of the first of these names that is there; a name with a folder is only met in one of that name."""
        for name in names:
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
                raise InputError(f"{self.root}: expected names of files below it, a list names {name[:60]!r}")
            # Only a known suffix is one: other points belong to the name.
            stem = path.stem if path.suffix.lower() in _RANK else path.name
            folder = path.parent.parts
            there = [PurePosixPath(file) for file in self.media.get(stem, [])]
            there = [file for file in there if file.parent.parts[len(file.parent.parts) - len(folder) :] == folder]
            if there:
                return str(min(there, key=lambda file: (_RANK[file.suffix.lower()], file)))
        return None

    def found_lists(self, pattern: str) -> list[tuple[re.Match[str], Path]]:
        """Every list whose name fits the pattern as a whole, in the order of names."""
        matches = ((re.fullmatch(pattern, path.name), path) for path in self.lists)
        return [(match, path) for match, path in matches if match]

    def only_list(self, pattern: str) -> Path | None:
        """The one list whose name fits the pattern, None where there is none; raises InputError for several."""
        found = [path for _, path in self.found_lists(pattern)]
        if len(found) > 1:
            raise InputError(f"{self.root}: expected one {found[0].name}, found also {found[1].relative_to(self.root)}")
        return found[0] if found else None

    def need(self, name: str) -> Path:
        """The one list of this name; raises InputError where there is none, or several."""
        found = self.only_list(re.escape(name))
        if found is None:
            raise InputError(f"{self.root}: expected the official list {name}, found none below it")
        return found


def meet(name: str, folder: Folder, entries: Iterable[Entry]) -> Listing:
    """Look up every entry; raises InputError where lists contradict each other or no clip at all is there."""
    labels: dict[str, Label] = {}
    missing = []
    for names, label in entries:
        file = folder.find(names)
        if file is None:
            missing.append(names[0])
        elif labels.setdefault(file, label) != label:
            raise InputError(f"{folder.root}: expected one entry a clip, the lists of {name} contradict on {file}")
    if not labels:
        said = "found none, and no official list of them"
        if missing:
            said = f"none of the {len(missing)} names in its lists is there, such as {missing[0]}"
        raise InputError(f"{folder.root}: expected clips of {name}, {said}")
    return Listing(name, labels, tuple(missing))


def apart(path: Path, parts: Parts, name: str, label: str, part: str) -> None:
    """Note one name of a list in `parts`; raises InputError where it is in another part already."""
    if parts.setdefault(name, (label, part)) != (label, part):
        raise InputError(f"{path}: expected one class and one part of a split for {name}, got {parts[name]} before")


def by_split(splits: Mapping[int, Parts], chosen: int, what: str) -> Iterator[Entry]:
    """Entries of a set with several official splits by number; all of them become truth columns
    "`what` 1", ..., and the `chosen` one the split.
    """
    names = dict.fromkeys(name for split in splits.values() for name in split)
    for name in names:
        known = {number: split[name] for number, split in splits.items() if name in split}
        label = next(iter(known.values()))[0]
        parts = {number: known.get(number, ("", "unused"))[1] for number in splits}
        yield (name,), Label(label, parts[chosen], truth={f"{what} {n}": part for n, part in parts.items()})


def class_name(text: str) -> str:
    """A class as people write it: lower case, single spaces for underscores."""
    return " ".join(text.replace("_", " ").lower().split())
