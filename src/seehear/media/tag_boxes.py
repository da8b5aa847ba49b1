# SPDX-License-Identifier: Apache-2.0
"""Spherical and ambisonic tags as the bytes of their boxes; `tags` reads what this writes. Sources: as for `tags`."""

from math import degrees

from seehear.media.tags import SPHERICAL_UUID, STEREO, Ambisonic, Spherical, Tags

_SPACES = (
    ("rdf", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"),
    ("GSpherical", "http://ns.google.com/videos/1.0/spherical/"),
)
_WRITER = "seehear"


def written(tags: Tags) -> tuple[bytes, bytes, bytes]:
    """Version 1, version 2 and sound; empty where the tags say nothing."""
    sphere, sound = tags.spherical, tags.ambisonic
    pictures = (b"", b"") if sphere is None else (version_1(sphere), version_2(sphere))
    return (*pictures, b"" if sound is None else sa3d(sound))


def version_1(sphere: Spherical) -> bytes:
    """XML in a `uuid` box; nothing for what only version 2 can say (unusual stereo, missing parts not in pixels)."""
    if any(_fractions(sphere)) or sphere.stereo not in STEREO[:3]:
        return b""
    fields = {
        "Spherical": "true",
        "Stitched": "true",
        "StitchingSoftware": _WRITER,
        "ProjectionType": sphere.projection,
    }
    fields |= {} if sphere.stereo == "mono" else {"StereoMode": sphere.stereo}
    spaces = "".join(f' xmlns:{key}="{value}"' for key, value in _SPACES)
    body = "".join(f"<GSpherical:{key}>{value}</GSpherical:{key}>" for key, value in fields.items())
    xml = f'<?xml version="1.0"?><rdf:SphericalVideo{spaces}>{body}</rdf:SphericalVideo>'
    return _box(b"uuid", SPHERICAL_UUID, xml.encode())


def version_2(sphere: Spherical) -> bytes:
    """`st3d` (stereo layout) and `sv3d` (writer, pose in 16.16 degrees, missing parts as fractions of 2^32)."""
    angles = b"".join(round(degrees(angle) * 65536).to_bytes(4, signed=True) for angle in sphere.pose)
    bounds = b"".join(share.to_bytes(4) for share in _fractions(sphere))
    projection = _box(b"proj", _box(b"prhd", bytes(4), angles), _box(b"equi", bytes(4), bounds))
    header = _box(b"svhd", bytes(4), _WRITER.encode(), b"\0")
    stereo = bytes([(*STEREO, "unknown").index(sphere.stereo)])
    return _box(b"st3d", bytes(4), stereo) + _box(b"sv3d", header, projection)


def sa3d(sound: Ambisonic) -> bytes:
    """Version, type with the head-locked bit, order, ACN, SN3D, and where each component is."""
    head = bytes([0, 0x80 * sound.head_locked]) + sound.order.to_bytes(4) + bytes(2) + len(sound.channels).to_bytes(4)
    return _box(b"SA3D", head, b"".join(channel.to_bytes(4) for channel in sound.channels))


def _fractions(sphere: Spherical) -> list[int]:
    return [min(round(share * 2**32), 2**32 - 1) for share in sphere.bounds]


def _box(kind: bytes, *body: bytes) -> bytes:
    inside = b"".join(body)
    return (8 + len(inside)).to_bytes(4) + kind + inside
