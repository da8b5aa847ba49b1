# SPDX-License-Identifier: Apache-2.0
"""Spherical and ambisonic boxes are read as the RFCs write them, and any bytes at all are survived."""

from math import radians
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seehear.media.encode import encode_bytes
from seehear.media.tags import Ambisonic, Spherical, Tags, read_tags

SHARED = Path(__file__).parents[2] / "shared" / "data"
UUID = bytes.fromhex("ffcc8263f8554a938814587a02521fdd")


def box(kind, *body):
    inside = b"".join(body)
    return (8 + len(inside)).to_bytes(4, "big") + kind + inside


def track(handler, entry, *more):
    """A track whose only sample entry is `entry`, after the boxes of the standard that lead to it."""
    hdlr = box(b"hdlr", bytes(8), handler, bytes(12), b"\0")
    stsd = box(b"stsd", bytes(4), (1).to_bytes(4, "big"), entry)
    return box(b"trak", box(b"mdia", hdlr, box(b"minf", box(b"stbl", stsd))), *more)


def movie(*tracks):
    return box(b"ftyp", b"isom", bytes(4)) + box(b"mdat", bytes(100)) + box(b"moov", *tracks)


def visual(*boxes):
    return box(b"avc1", bytes(6), b"\0\1", bytes(16), (1920).to_bytes(2, "big"), bytes(52), *boxes)


def audio(*boxes, version=0, rate=48000):
    extra = {0: 0, 1: 16, 2: 36}[version]
    head = version.to_bytes(2, "big") + bytes(6) + b"\0\4\0\x10" + bytes(4) + (rate << 16).to_bytes(4, "big")
    return box(b"mp4a", bytes(6), b"\0\1", head, bytes(extra), *boxes)


def version_2(stereo, yaw, pitch, roll):
    angles = b"".join(round(angle * 65536).to_bytes(4, "big", signed=True) for angle in (yaw, pitch, roll))
    proj = box(b"proj", box(b"prhd", bytes(4), angles), box(b"equi", bytes(20)))
    return box(b"st3d", bytes(4), bytes([stereo])) + box(b"sv3d", box(b"svhd", bytes(5)), proj)


def sa3d(order, channels, head_locked=False):
    head = bytes([0, 0x80 * head_locked]) + order.to_bytes(4, "big") + bytes(2)
    return box(b"SA3D", head, len(channels).to_bytes(4, "big"), b"".join(c.to_bytes(4, "big") for c in channels))


XML = (
    b'<?xml version="1.0"?><rdf:SphericalVideo><GSpherical:Spherical>true</GSpherical:Spherical>'
    b"<GSpherical:ProjectionType>equirectangular</GSpherical:ProjectionType>"
    b"<GSpherical:StereoMode>left-right</GSpherical:StereoMode></rdf:SphericalVideo>"
)


def test_version_1():
    data = movie(track(b"vide", visual(), box(b"uuid", UUID, XML)))
    assert read_tags(data) == Tags(Spherical(1, "equirectangular", "left-right"))


def test_version_2_with_pose():
    tags = read_tags(movie(track(b"vide", visual(version_2(1, 90.0, -12.5, 0.25)))))
    assert tags.spherical is not None
    assert (tags.spherical.version, tags.spherical.projection, tags.spherical.stereo) == (
        2,
        "equirectangular",
        "top-bottom",
    )
    assert tags.spherical.pose == pytest.approx([radians(a) for a in (90.0, -12.5, 0.25)], abs=1e-6)


def test_version_2_is_preferred_and_sound_is_found_behind_it():
    data = movie(
        track(b"vide", visual(version_2(0, 0, 0, 0)), box(b"uuid", UUID, XML)),
        track(b"soun", audio(sa3d(1, [0, 1, 2, 3]))),
    )
    tags = read_tags(data)
    assert tags.spherical is not None
    assert tags.spherical.version == 2
    assert tags.ambisonic == Ambisonic(1, "ACN", "SN3D", (0, 1, 2, 3))


@pytest.mark.parametrize("version", [0, 1, 2])
@pytest.mark.parametrize("rate", [24000, 48000])
def test_ambisonics_of_any_order_in_any_sample_entry(version, rate):
    for order in (1, 2, 3):
        channels = list(range((order + 1) ** 2))
        found = read_tags(movie(track(b"soun", audio(sa3d(order, channels), version=version, rate=rate)))).ambisonic
        assert found == Ambisonic(order, "ACN", "SN3D", tuple(channels))
    locked = read_tags(movie(track(b"soun", audio(sa3d(1, [0, 1, 2, 3, 4, 5], True), version=version)))).ambisonic
    assert locked is not None
    assert locked.head_locked


def test_boxes_may_stand_in_any_order():
    def backwards(handler, entry, *more):
        stsd = box(b"stsd", bytes(4), (1).to_bytes(4, "big"), entry)
        hdlr = box(b"hdlr", bytes(8), handler, bytes(12), b"\0")
        # QuickTime's second handler says how the data are reached.
        minf = box(b"minf", box(b"hdlr", bytes(8), b"url ", bytes(12), b"\0"), box(b"stbl", stsd))
        return box(b"trak", *more, box(b"mdia", minf, hdlr))

    equi = box(b"equi", bytes(4), *[share.to_bytes(4, "big") for share in (2**29, 0, 2**30, 2**31 - 1)])
    sphere = (
        box(b"sv3d", box(b"proj", equi, box(b"prhd", bytes(16))), box(b"svhd", bytes(5))),
        box(b"st3d", b"\0\0\0\0\4"),
    )
    sound = backwards(b"soun", audio(sa3d(1, [0, 1, 2, 3, 4, 5], True), box(b"esds", bytes(9))))
    tags = read_tags(movie(sound, backwards(b"vide", visual(*sphere), box(b"uuid", UUID, XML))))
    assert tags.ambisonic == Ambisonic.ambix(1, True)
    assert tags.spherical is not None
    assert (tags.spherical.version, tags.spherical.stereo) == (2, "right-left")
    assert tags.spherical.bounds == pytest.approx((0.125, 0.0, 0.25, 0.5))


def test_untagged_files_have_no_tags():
    data = encode_bytes(np.zeros((4, 32, 32, 3), np.uint8), 4.0, np.zeros((4, 8000), np.float32), 8000)
    assert read_tags(data) == Tags()
    assert read_tags(b"") == Tags()


WHOLE = movie(
    track(b"vide", visual(version_2(1, 1, 2, 3)), box(b"uuid", UUID, XML)), track(b"soun", audio(sa3d(2, range(9))))
)


@given(st.binary(max_size=400))
@settings(max_examples=150)
def test_any_bytes_are_survived(data):
    read_tags(data)
    read_tags(box(b"moov", data))
    read_tags(movie(track(b"vide", data)))


@given(
    st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=12), st.integers(0, len(WHOLE))
)
@settings(max_examples=300)
def test_damaged_boxes_are_survived(changes, length):
    damaged = bytearray(WHOLE)
    for at, value in changes:
        damaged[at] = value
    read_tags(bytes(damaged[:length]))


@pytest.mark.parametrize("size", [0, 1, 7, 2**31, 2**32 - 1])
def test_hostile_sizes_end_at_once(size):
    bad = size.to_bytes(4, "big") + b"moov" + (2**63).to_bytes(8, "big") + bytes(64)
    assert read_tags(bad) == Tags()
    assert read_tags(movie(bad, size.to_bytes(4, "big") + b"trak")) == Tags()
    many = b"\0\0\0\x08free" * 200_000
    assert read_tags(box(b"moov", many)) == Tags()
    deep = b"x"
    for _ in range(300):
        deep = box(b"trak", deep)
    assert read_tags(box(b"moov", deep)) == Tags()
    channels = (2**31).to_bytes(4, "big")
    assert read_tags(movie(track(b"soun", audio(box(b"SA3D", bytes(8), channels))))).ambisonic is None


@pytest.mark.skipif(not SHARED.exists(), reason="needs the shared media")
def test_a_real_panorama():
    tags = read_tags(SHARED / "spatial360" / "gvr_congo_topbottom360_1080p_stereo.mp4")
    assert tags.spherical == Spherical(1, "equirectangular", "top-bottom")
