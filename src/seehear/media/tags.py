# SPDX-License-Identifier: Apache-2.0
"""Spherical and ambisonic tags of MP4 and MOV files, read from their boxes.

Sources: Spherical Video RFC version 1 (XML in a `uuid` box of the track), version 2 (`st3d` and `sv3d` in the visual
sample entry) and Spatial Audio RFC (`SA3D` in the audio sample entry). Angles in the file are degrees as 16.16 fixed
point numbers; here they are radians. Every size is checked against the box around it, so that any bytes may be read.
"""

import re
from dataclasses import dataclass, replace
from math import radians
from pathlib import Path

from seehear.media.boxes import movie, opened_bytes, walk

SPHERICAL_UUID = bytes.fromhex("ffcc8263f8554a938814587a02521fdd")
STEREO = ("mono", "top-bottom", "left-right", "custom", "right-left")
KINDS = (b"st3d", b"sv3d", b"SA3D", SPHERICAL_UUID)
"""What a file without tags does not contain."""

_PROJECTIONS = {b"equi": "equirectangular", b"cbmp": "cubemap", b"mshp": "mesh"}
_MOST_XML = 2**16
_MOST_CHANNELS = 256


@dataclass(frozen=True)
class Spherical:
    """A panorama: projection, stereo layout, and how its picture lies on the sphere.

    `pose` turns it, in rad: yaw counter-clockwise about up, pitch about the right (positive lifts the front), roll
    clockwise about the front. `bounds` are the shares of a whole panorama that are missing at the top, bottom, left
    and right. With `version` 2 both versions are in the file or only the second.
    """

    version: int
    projection: str
    stereo: str = "mono"
    pose: tuple[float, float, float] = (0.0, 0.0, 0.0)
    bounds: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Ambisonic:
    """Ambisonic sound: order, channel ordering, normalisation, and where in the track each component is.

    Component k of the ordering is channel `channels[k]` of the track; head-locked stereo sound (left, right) counts as
    two more components. The RFC's sentence on this map allows its inverse too; its two examples do not.
    """

    order: int
    ordering: str
    normalization: str
    channels: tuple[int, ...]
    head_locked: bool = False

    @classmethod
    def ambix(cls, order: int, head_locked: bool = False) -> "Ambisonic":
        """ACN and SN3D, the components in their order."""
        return cls(order, "ACN", "SN3D", tuple(range((order + 1) ** 2 + 2 * head_locked)), head_locked)

    @classmethod
    def of_layout(cls, name: str) -> "Ambisonic | None":
        """What FFmpeg's name of a channel layout says, such as "ambisonic 1+stereo"; None for loudspeakers."""
        found = re.fullmatch(r"ambisonic (\d{1,2})(\+stereo)?", name)
        return cls.ambix(int(found[1]), bool(found[2])) if found else None

    def contradiction(self, channels: int) -> str:
        """Why this cannot be true of a sound with so many channels, or cannot be understood; "" if it can."""
        components = (self.order + 1) ** 2 + 2 * self.head_locked
        if (self.ordering, self.normalization) != ("ACN", "SN3D"):
            return f"its SA3D box says {self.ordering} and {self.normalization}, where only ACN and SN3D are defined"
        if len(self.channels) != components:
            return f"its SA3D box says order {self.order}, {components} channels, and counts {len(self.channels)}"
        if len(self.channels) != channels:
            return f"its SA3D box says {len(self.channels)} channels, its sound has {channels}"
        if sorted(self.channels) != list(range(channels)):
            return f"its SA3D box does not name each of the {channels} channels once"
        return ""


@dataclass(frozen=True)
class Tags:
    """What the boxes of a file say about space; None where they say nothing."""

    spherical: Spherical | None = None
    ambisonic: Ambisonic | None = None


NO_TAGS = Tags()


def read_tags(source: Path | bytes) -> Tags:
    """The tags of a file or of its bytes; no tags for other containers and for boxes that make no sense."""
    with opened_bytes(source) as file:
        return tags_of(movie(file)[1])


def tags_of(moov: bytes) -> Tags:
    """The tags in the bytes of a `moov` box."""
    if not any(kind in moov for kind in KINDS):
        return NO_TAGS
    first, second, ambisonic = None, None, None
    stereo, pose = "mono", (0.0, 0.0, 0.0)
    for box in walk(moov):
        body = moov[box.inside : min(box.end, box.inside + _MOST_XML)]
        if box.kind == b"uuid" and body[:16] == SPHERICAL_UUID:
            first = _version_1(body[16:])
        elif box.kind == b"st3d" and len(body) >= 5:
            stereo = STEREO[body[4]] if body[4] < len(STEREO) else "unknown"
        elif box.kind == b"prhd" and len(body) >= 16:
            yaw, pitch, roll = (radians(_signed(body, at) / 65536) for at in (4, 8, 12))
            pose = (yaw, pitch, roll)
        elif box.kind in _PROJECTIONS:
            second = Spherical(2, _PROJECTIONS[box.kind])
            if box.kind == b"equi" and len(body) >= 20:
                top, bottom, left, right = (int.from_bytes(body[at : at + 4]) / 2**32 for at in (4, 8, 12, 16))
                second = replace(second, bounds=(top, bottom, left, right))
        elif box.kind == b"SA3D":
            ambisonic = _sa3d(body) or ambisonic
    return Tags(first if second is None else replace(second, stereo=stereo, pose=pose), ambisonic)


def _signed(body: bytes, at: int) -> int:
    return int.from_bytes(body[at : at + 4], signed=True)


def _version_1(xml: bytes) -> Spherical:
    # Read by pattern and not by an XML parser, which hostile entities can make run for ever.
    values = dict(re.findall(rb"<GSpherical:(\w{1,40})>\s*([^<]{0,200}?)\s*</GSpherical:", xml))
    text = {key.decode("ascii"): value.decode("ascii", "replace") for key, value in values.items()}
    stereo = text.get("StereoMode", "mono")
    return Spherical(
        1,
        text.get("ProjectionType", "equirectangular"),
        stereo if stereo in STEREO else "unknown",
        bounds=_missing(text, "Top", "Height") + _missing(text, "Left", "Width"),
    )


def _missing(text: dict[str, str], edge: str, length: str) -> tuple[float, float]:
    """The shares of a whole panorama that are missing before and behind the picture, along one of its sides."""
    names = (f"FullPano{length}Pixels", f"CroppedAreaImage{length}Pixels", f"CroppedArea{edge}Pixels")
    try:
        full, seen, before = (int(text[name]) for name in names)
    except (KeyError, ValueError):
        return 0.0, 0.0
    if before < 0 or seen <= 0 or before + seen > full:
        return 0.0, 0.0
    return before / full, 1 - (before + seen) / full


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
        "ACN" if body[6] == 0 and body[1] & 0x7F == 0 else f"ordering {body[6]} of type {body[1] & 0x7F}",
        "SN3D" if body[7] == 0 else f"normalisation {body[7]}",
        channels,
        bool(body[1] & 0x80),
    )
