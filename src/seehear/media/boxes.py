# SPDX-License-Identifier: Apache-2.0
"""The boxes of MP4 and MOV files (ISO 14496-12): a size, a kind of four letters, and a body that may hold boxes.

Positions are bytes from the start of the data at hand. Every size is checked against the box around it, and depth and
number of boxes are bounded, so that any bytes may be read.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import BufferedReader, BytesIO
from pathlib import Path

File = BytesIO | BufferedReader

_MOST_BYTES = 2**26  # a larger `moov` is not searched
_MOST_BOXES = 100_000
_MOST_INSIDE = 5_000  # a track has some thirty
_MOST_DEPTH = 12
_CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"sv3d", b"proj", b"wave", b"mvex"}


@dataclass(frozen=True)
class Box:
    """A box [at, end) whose body starts at `inside`, and the boxes around it, outermost first.

    `children` is where the first box in it may be, 0 where none is looked for.
    """

    kind: bytes
    at: int
    inside: int
    end: int
    parents: tuple["Box", ...] = ()
    children: int = 0

    @property
    def entry(self) -> bool:
        """Whether it is a sample entry, the description of how a track is coded."""
        return bool(self.parents) and self.parents[-1].kind == b"stsd"


def opened_bytes(source: Path | bytes) -> File:
    """A file, or the bytes of one, for reading."""
    return BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def outermost(file: File) -> Iterator[Box]:
    """The boxes of a file in their order; ends at the first that does not fit into the file."""
    at, end = 0, file.seek(0, 2)
    for _ in range(_MOST_BOXES):
        file.seek(at)
        box = _box(file.read(16), at, end)
        if box is None:
            return
        yield box
        at = box.end


def movie(file: File) -> tuple[Box, bytes]:
    """Where the `moov` box is, and its bytes; an empty box when there is none, or none of a sensible size."""
    for box in outermost(file):
        if box.kind == b"moov" and box.end - box.at <= _MOST_BYTES:
            file.seek(box.at)
            return box, file.read(box.end - box.at)
    return Box(b"", 0, 0, 0), b""


def walk(moov: bytes) -> Iterator[Box]:
    """The boxes in the bytes of a `moov` box that matter for tags, parents before children.

    Bytes after the last box that fits are passed over.
    """
    root = _box(moov[:16], 0, len(moov))
    waiting = [] if root is None else [replace(root, children=root.inside)]
    handlers: dict[int, bytes] = {}
    seen = 0
    while waiting:
        parent = waiting.pop()
        at, parents = parent.children, (*parent.parents, parent)
        track = parents[1].at if len(parents) > 1 else 0
        while seen < _MOST_INSIDE and any(moov[at : at + 4]):
            box = _box(moov[at : at + 16], at, parent.end, parents)
            if box is None:
                break
            seen, at = seen + 1, box.end
            if box.kind == b"hdlr" and parent.kind == b"mdia":
                handlers[track] = moov[box.inside + 8 : box.inside + 12]
            first = box.inside + _head(box, handlers.get(track, b""), moov[box.inside + 8 : box.inside + 10])
            if box.inside <= first <= box.end and len(parents) < _MOST_DEPTH:
                box = replace(box, children=first)
                waiting.append(box)
            yield box


def _box(header: bytes, at: int, end: int, parents: tuple[Box, ...] = ()) -> Box | None:
    """The box that starts with the bytes `header`, if it fits before `end`."""
    if len(header) < 8:
        return None
    size, begin = int.from_bytes(header[:4]), 8
    if size == 1 and len(header) >= 16:
        size, begin = int.from_bytes(header[8:16]), 16
    elif size == 0:  # to the end of what is around it
        size = end - at
    return Box(header[4:8], at, at + begin, at + size, parents) if begin <= size <= end - at else None


def _head(box: Box, handler: bytes, version: bytes) -> int:
    """How many bytes lie before the children of a box; -1 for a box without children that matter."""
    if box.entry and handler == b"vide":
        return 78
    if box.entry and handler == b"soun":
        return 28 + {1: 16, 2: 36}.get(int.from_bytes(version), 0)  # QuickTime's versions 1 and 2 are longer
    return 8 if box.kind == b"stsd" else 0 if box.kind in _CONTAINERS else -1
