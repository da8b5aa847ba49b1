# SPDX-License-Identifier: Apache-2.0
"""Tags are put in after muxing: what is written is read back, picture and sound stay bit by bit, nothing is guessed."""

from io import BytesIO
from math import radians
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seehear.media.boxes import outermost
from seehear.media.decode import frames, sound
from seehear.media.encode import encode_bytes
from seehear.media.tag_writing import tagged, write_tags
from seehear.media.tags import NO_TAGS, Ambisonic, Spherical, Tags, read_tags

PANORAMA = Spherical(2, "equirectangular")
FIRST_ORDER = Ambisonic.ambix(1)


def recording(channels=4, suffix=".mp4", codec=None):
    """A second of a moving picture and of one tone a channel."""
    pictures = np.random.default_rng(0).integers(0, 255, (10, 32, 64, 3), dtype=np.uint8)
    t = np.arange(8000) / 8000
    tones = [0.3 * np.sin(2 * np.pi * (300 + 200 * channel) * t) for channel in range(channels)]
    return encode_bytes(pictures, 10.0, np.stack(tones).astype(np.float32), 8000, suffix=suffix, audio_codec=codec)


def remuxed(data, suffix, flags="faststart"):
    """The same packets with the `moov` box first, or in fragments."""
    import av

    with TemporaryDirectory() as folder:
        path = Path(folder) / f"remuxed{suffix}"
        with av.open(BytesIO(data)) as source, av.open(str(path), "w", options={"movflags": flags}) as output:
            streams = {s.index: output.add_stream_from_template(s) for s in source.streams}
            for packet in source.demux():
                if packet.dts is not None:
                    packet.stream = streams[packet.stream.index]
                    output.mux(packet)
        return path.read_bytes()


LAST = {(suffix, channels): recording(channels, suffix) for suffix in (".mp4", ".mov") for channels in (2, 4)}
FIRST = {key: remuxed(data, key[0]) for key, data in LAST.items()}


def kinds(data):
    return [box.kind for box in outermost(BytesIO(data))]


def tag(data, tags):
    return b"".join(tagged(data, tags))


def content(data):
    return frames(data, 0.0, 10, 10.0), sound(data, 0.0, 1.0, 8000)


ANGLES = [st.floats(-radians(most), radians(most)) for most in (180, 90, 180)]
SHARES = st.one_of(st.just(0.0), st.floats(0, 0.49))
STEREO = st.sampled_from(["mono", "top-bottom", "left-right", "right-left", "custom"])
SPHERICAL = st.tuples(STEREO, st.tuples(*ANGLES), st.tuples(SHARES, SHARES, SHARES, SHARES))
TAGS = st.tuples(st.none() | SPHERICAL, st.none() | st.permutations(range(4)))


def built(drawn):
    """Tags out of what hypothesis drew (it does not like the type checks, which use `random`, inside strategies)."""
    spherical, order = drawn
    sphere = None if spherical is None else Spherical(2, "equirectangular", *spherical)
    return Tags(sphere, None if order is None else Ambisonic(1, "ACN", "SN3D", tuple(order)))


def close(found, wanted):
    """Equal to the precision of the boxes: 2^-16 degrees and 2^-32."""
    assert found.ambisonic == wanted.ambisonic
    assert (found.spherical is None) == (wanted.spherical is None)
    if wanted.spherical is not None:
        assert (found.spherical.projection, found.spherical.stereo) == ("equirectangular", wanted.spherical.stereo)
        assert found.spherical.pose == pytest.approx(wanted.spherical.pose, abs=radians(2**-17) * 1.001)
        assert found.spherical.bounds == pytest.approx(wanted.spherical.bounds, abs=2**-32)


@given(st.lists(TAGS, min_size=1, max_size=3), st.sampled_from([".mp4", ".mov"]), st.booleans())
@settings(max_examples=40, deadline=None)
def test_any_tags_come_back_and_replace_the_old_ones(rounds, suffix, first):
    data = (FIRST if first else LAST)[suffix, 4]
    rounds = [built(drawn) for drawn in rounds]
    for tags in rounds:
        before, data = data, tag(data, tags)
        close(read_tags(data), tags)
    assert tag(data, rounds[-1]) == data
    assert tag(data, NO_TAGS) == tag(before, NO_TAGS)
    assert len(tag(data, NO_TAGS)) <= len((FIRST if first else LAST)[suffix, 4])


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_pictures_and_sound_stay_bit_by_bit(tmp_path, suffix):
    for data in (FIRST[suffix, 4], LAST[suffix, 4]):
        moov, mdat = kinds(data).index(b"moov"), kinds(data).index(b"mdat")
        assert (moov < mdat) == (data is FIRST[suffix, 4])
        path = tmp_path / f"tagged{suffix}"
        path.write_bytes(data)
        before = content(data)
        for tags in (Tags(PANORAMA, FIRST_ORDER), Tags(PANORAMA), NO_TAGS):
            write_tags(path, path, tags)
            after = content(path)
            assert np.array_equal(before[0], after[0])
            assert np.array_equal(before[1], after[1])
        assert path.read_bytes() == data
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
