# SPDX-License-Identifier: Apache-2.0
"""Spherical and ambisonic tags of MP4 and MOV files, read from their boxes.

Sources: Spherical Video RFC version 1 (XML in a `uuid` box of the track), version 2 (`st3d` and `sv3d` in the visual
sample entry) and Spatial Audio RFC (`SA3D` in the audio sample entry). Angles in the file are degrees as 16.16 fixed
point numbers; here they are radians. Every size is checked against the box around it, so that any bytes may be read.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader, BytesIO
from math import radians

from seehear.media.container import Source

_SPHERICAL_UUID = bytes.fromhex("ffcc8263f8554a938814587a02521fdd")
_MOST_BYTES = 2**26  # a larger `moov` is not searched
_MOST_BOXES = 100_000
_MOST_DEPTH = 12
_MOST_XML = 2**16
_MOST_CHANNELS = 256
_CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"sv3d", b"proj", b"wave"}
_STEREO = ("mono", "top-bottom", "left-right")


@dataclass(frozen=True)
class Spherical:
    """A panorama: projection, stereo layout, and the direction of its centre in rad (yaw, pitch, roll)."""

    version: int
    projection: str
    stereo: str = "mono"
    pose: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Ambisonic:
    """Ambisonic sound: order, channel ordering, normalisation, and which channel of the track is which component."""

    order: int
    ordering: str
    normalization: str
    channels: tuple[int, ...]
    head_locked: bool = False


@dataclass(frozen=True)
class Tags:
    """What the boxes of a file say about space; None where they say nothing."""

    spherical: Spherical | None = None
    ambisonic: Ambisonic | None = None


def read_tags(source: Source) -> Tags:
    """The tags of a file or of its bytes; no tags for other containers and for boxes that make no sense."""
    with BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        moov = _moov(file)
    found: dict[int, Spherical] = {}
    ambisonic = None
    stereo, pose = "mono", (0.0, 0.0, 0.0)
    for kind, body in _walk(moov):
        if kind == b"uuid" and body[:16] == _SPHERICAL_UUID:
            found[1] = _version_1(body[16 : 16 + _MOST_XML])
        elif kind == b"st3d" and len(body) >= 5:
            stereo = _STEREO[body[4]] if body[4] < len(_STEREO) else "unknown"
        elif kind == b"prhd" and len(body) >= 16:
            yaw, pitch, roll = (radians(_signed(body, at) / 65536) for at in (4, 8, 12))
            pose = (yaw, pitch, roll)
        elif kind in (b"equi", b"cbmp", b"mshp"):
            names = {b"equi": "equirectangular", b"cbmp": "cubemap", b"mshp": "mesh"}
            found[2] = Spherical(2, names[kind])
        elif kind == b"SA3D":
            ambisonic = _sa3d(body) or ambisonic
    if 2 in found:
        found[2] = Spherical(2, found[2].projection, stereo, pose)
    return Tags(found.get(2, found.get(1)), ambisonic)


def _moov(file: BytesIO | BufferedReader) -> bytes:
    """The body of the `moov` box, found by the sizes of the boxes before it; empty when there is none."""
    file.seek(0, 2)
    end, at = file.tell(), 0
    for _ in range(_MOST_BOXES):
        file.seek(at)
        header = file.read(16)
        size, begin = _size(header, end - at)
        if not size:
            return b""
        if header[4:8] == b"moov":
            file.seek(at + begin)
            return file.read(min(size - begin, end - at - begin)) if size <= _MOST_BYTES else b""
        at += size
    return b""


def _size(header: bytes, left: int) -> tuple[int, int]:
    """Size of a box and of its header in bytes; (0, 0) when it does not fit into the `left` bytes around it."""
    if len(header) < 8:
        return 0, 0
    size, begin = int.from_bytes(header[:4]), 8
    if size == 1 and len(header) >= 16:
        size, begin = int.from_bytes(header[8:16]), 16
    elif size == 0:
        size = left
    return (size, begin) if begin <= size <= left else (0, 0)


def _walk(moov: bytes) -> Iterator[tuple[bytes, bytes]]:
    """All boxes that may hold tags, parents before children, one track after the other."""
    waiting, seen, handler = [(0, len(moov), b"", 0)], 0, b""
    while waiting:
        at, end, parent, depth = waiting.pop()
        while seen < _MOST_BOXES:
            size, begin = _size(moov[at : min(at + 16, end)], end - at)
            if not size:
                break
            seen += 1
            kind, inside = moov[at + 4 : at + 8], at + begin
            body = moov[inside : min(at + size, inside + _MOST_XML)]
            yield kind, body
            if kind == b"hdlr" and body[8:12] in (b"vide", b"soun"):
                handler = body[8:12]
            skip = _children(kind, parent, handler, body)
            if skip is not None and depth < _MOST_DEPTH:
                waiting.append((inside + skip, at + size, kind, depth + 1))
            at += size


def _children(kind: bytes, parent: bytes, handler: bytes, body: bytes) -> int | None:
    """How many bytes lie before the children of a box; None for a box without children that matter."""
    if parent == b"stsd" and handler == b"vide":
        return 78
    if parent == b"stsd" and handler == b"soun":
        return 28 + {1: 16, 2: 36}.get(int.from_bytes(body[8:10]), 0)  # QuickTime's versions 1 and 2 are longer
    return {b"stsd": 8}.get(kind, 0 if kind in _CONTAINERS else None)


def _signed(body: bytes, at: int) -> int:
    return int.from_bytes(body[at : at + 4], signed=True)


def _version_1(xml: bytes) -> Spherical:
    # Read by pattern and not by an XML parser, which hostile entities can make run for ever.
    values = dict(re.findall(rb"<GSpherical:(\w{1,40})>\s*([^<]{0,200}?)\s*</GSpherical:", xml))
    text = {key.decode("ascii"): value.decode("ascii", "replace") for key, value in values.items()}
    stereo = text.get("StereoMode", "mono")
    return Spherical(1, text.get("ProjectionType", "equirectangular"), stereo if stereo in _STEREO else "unknown")


def _sa3d(body: bytes) -> Ambisonic | None:
    """Version, head-locked bit and type, order, ordering, normalisation, number of channels and their map."""
    if len(body) < 12 or body[0] != 0:
        return None
    count = int.from_bytes(body[8:12])
    if count > _MOST_CHANNELS or len(body) < 12 + 4 * count:
        return None
    channels = tuple(int.from_bytes(body[12 + 4 * k : 16 + 4 * k]) for k in range(count))
    return Ambisonic(
        int.from_bytes(body[2:6]),
        "ACN" if body[6] == 0 else f"ordering {body[6]}",
        "SN3D" if body[7] == 0 else f"normalisation {body[7]}",
        channels,
        bool(body[1] & 0x80),
    )
