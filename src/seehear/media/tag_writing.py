# SPDX-License-Identifier: Apache-2.0
"""Spherical and ambisonic tags written into MP4 and MOV files after muxing: pictures and sound stay as they are.

Versions 1 and 2 of the spherical tags are both written, and old ones are taken out. Only the `moov` box changes; where
it lies before the data, the chunk offsets move with them. Sources: as for `tags`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import degrees
from pathlib import Path

import numpy as np

from seehear.atomic import replacing
from seehear.errors import InputError, MediaError
from seehear.media.boxes import Box, File, movie, opened_bytes, outermost, walk
from seehear.media.container import Media, Source, opened
from seehear.media.sound_writing import spoils
from seehear.media.tag_boxes import sa3d, version_1, version_2, written
from seehear.media.tags import SPHERICAL_UUID, STEREO, Tags, tags_of

_LARGEST = (180.0, 90.0, 180.0)  # degrees of yaw, pitch and roll
_BLOCK = 2**20  # bytes


@dataclass(frozen=True)
class _Edit:
    """Bytes [at, end) of a `moov` box give way to `new`; `parents` are the boxes whose sizes change."""

    at: int
    end: int
    new: bytes
    parents: tuple[Box, ...]


def write_tags(source: Path, target: Path, tags: Tags) -> None:
    """Copy an MP4 or MOV file, perhaps onto itself, with these tags in place of its own (None takes them out).

    The tags go to the picture and the sound that are read from the file. Raises InputError for tags that cannot be
    written or cannot be true of the file, and for a file of another kind or in fragments; MediaError for a damaged one.
    """
    with replacing(target) as temporary, temporary.open("wb") as out:
        out.writelines(tagged(source, tags))


def tagged(source: Source, tags: Tags) -> Iterator[bytes]:
    """What `write_tags` writes, block by block."""
    with opened(source) as media:
        _check(media, tags)
        name = media.name
        pictures, sounds = (0 if stream is None else stream.id for stream in (media.picture, media.sound))
    with opened_bytes(source) as file:
        kinds = {box.kind for box in outermost(file)}
        place, moov = movie(file)
        if b"moof" in kinds or any(box.kind == b"mvex" for box in walk(moov)):
            raise InputError(f"{name}: expected a file in one piece, found fragments; remux it without them first")
        edits = _removals(moov) + _insertions(moov, pictures, sounds, tags)
        new = _spliced(moov, edits)
        found = tags_of(new)
        if written(found) != written(tags) or (found.spherical is not None and found.spherical.version != 2):
            raise MediaError(name, "corrupt", "its boxes are damaged, so that no tags can be put in")
        yield from _blocks(file, 0, place.at)
        yield _shifted(name, new, place.end, len(new) - len(moov))
        yield from _blocks(file, place.end, file.seek(0, 2))


def _blocks(file: File, at: int, end: int) -> Iterator[bytes]:
    file.seek(at)
    while at < end and (block := file.read(min(_BLOCK, end - at))):
        at += len(block)
        yield block


def _check(media: Media, tags: Tags) -> None:
    """Refuse tags that cannot be written into this file."""
    name, kind, sphere, sound = media.name, media.container.format.name, tags.spherical, tags.ambisonic
    if "mp4" not in kind.split(","):
        raise InputError(f"{name}: expected an MP4 or MOV file, found {kind}; only those carry spatial tags")
    if sphere is not None:
        if media.picture is None:
            raise InputError(f"{name}: expected a picture to tag as a panorama, found none")
        if sphere.projection != "equirectangular" or sphere.stereo not in STEREO:
            raise InputError(f"{name}: expected equirectangular, {' or '.join(STEREO)}, got {sphere}")
        if any(not abs(degrees(angle)) <= most for angle, most in zip(sphere.pose, _LARGEST, strict=True)):
            raise InputError(f"{name}: expected yaw, pitch and roll within 180, 90 and 180 degrees, got {sphere.pose}")
        top, bottom, left, right = sphere.bounds
        if not (min(sphere.bounds) >= 0 and top + bottom < 1 and left + right < 1):
            raise InputError(f"{name}: expected missing parts that leave some of the panorama, got {sphere.bounds}")
    if sound is not None:
        if media.sound is None:
            raise InputError(f"{name}: expected sound to tag as ambisonic, found none")
        codec = media.sound.codec_context
        if why := sound.contradiction(codec.channels):
            raise InputError(f"{name}: {why}")
        if spoils(codec.name, codec.channels):
            raise InputError(f"{name}: expected 4 ambisonic channels in {codec.name}, which spoils others; use Opus")


def _removals(moov: bytes) -> list[_Edit]:
    """Take out the tags that are there."""
    edits: list[_Edit] = []
    for box in walk(moov):
        spherical = box.kind == b"uuid" and moov[box.inside : box.inside + 16] == SPHERICAL_UUID
        inside = any(edit.at <= box.at < edit.end for edit in edits)
        if (spherical or box.kind in (b"st3d", b"sv3d", b"SA3D")) and not inside:
            edits.append(_Edit(box.at, box.end, b"", box.parents))
    return edits


def _insertions(moov: bytes, pictures: int, sounds: int, tags: Tags) -> list[_Edit]:
    """Put the tags into the tracks of these numbers: into their sample entries, and version 1 behind the last box."""
    boxes = list(walk(moov))
    numbers = {box.parents[-1].at: _track_number(moov, box) for box in boxes if box.kind == b"tkhd" and box.parents}
    edits = []
    for box in boxes:
        number = numbers.get((*box.parents, box)[1].at) if box.parents else None
        new = b""
        if tags.spherical is not None and number == pictures:
            new = version_1(tags.spherical) if box.kind == b"trak" else version_2(tags.spherical) if box.entry else b""
        if tags.ambisonic is not None and number == sounds and box.entry:
            new = sa3d(tags.ambisonic)
        if new and box.children:
            inner = [child for child in boxes if child.parents[-1] == box]
            # The RFC wants the spherical boxes before those that say how pixels are shown.
            late = [child.at for child in inner if child.kind in (b"clap", b"pasp")]
            place = min(late) if late else max((child.end for child in inner), default=box.children)
            edits.append(_Edit(place, place, new, (*box.parents, box)))
    return edits


def _track_number(moov: bytes, header: Box) -> int:
    at = header.inside + (20 if moov[header.inside] == 1 else 12)
    return int.from_bytes(moov[at : at + 4])


def _spliced(moov: bytes, edits: list[_Edit]) -> bytes:
    """Carry out the edits, and change the sizes of all boxes around them."""
    new = bytearray(moov)
    for edit in edits:
        for box in edit.parents:
            # The size follows the kind where 32 bits do not hold it; 0 is a box that reaches to the end of the file.
            at, length = (box.at + 8, 8) if box.inside - box.at == 16 else (box.at, 4)
            size = int.from_bytes(new[at : at + length])
            if size:
                new[at : at + length] = (size + len(edit.new) - edit.end + edit.at).to_bytes(length)
    for edit in sorted(edits, key=lambda edit: edit.at, reverse=True):
        new[edit.at : edit.end] = edit.new
    return bytes(new)


def _shifted(name: str, moov: bytes, end: int, by: int) -> bytes:
    """The chunk offsets that lie behind byte `end` of the file, `by` bytes further."""
    new, tracks, tables = bytearray(moov), set(), set()
    for box in walk(moov) if by else ():
        if box.kind == b"trak":
            tracks.add(box.at)
        if box.kind == b"saio":
            raise InputError(f"{name}: expected a file that is not encrypted")
        if box.kind not in (b"stco", b"co64"):
            continue
        tables.add(box.parents[1].at)
        kind = np.dtype(">u4" if box.kind == b"stco" else ">u8")
        count, begin = int.from_bytes(moov[box.inside + 4 : box.inside + 8]), box.inside + 8
        if begin + count * kind.itemsize > box.end:
            raise MediaError(name, "corrupt", "its table of chunks does not fit")
        offsets = np.frombuffer(moov, kind, count, begin)
        behind = offsets >= end
        if behind.any() and int(offsets.max()) + by > np.iinfo(kind).max:
            raise InputError(f"{name}: expected chunk offsets of 64 bits in so large a file; remux it first")
        moved = offsets.astype(np.int64) + np.where(behind, by, 0)
        new[begin : begin + offsets.nbytes] = moved.astype(kind).tobytes()
    if tracks - tables:
        raise MediaError(name, "corrupt", "a track has no table of chunks")
    return bytes(new)
