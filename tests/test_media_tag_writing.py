# SPDX-License-Identifier: Apache-2.0
"""Tags are put in after muxing: what is written is read back, picture and sound stay bit by bit, nothing is guessed."""

from contextlib import suppress
from dataclasses import replace
from gc import collect
from io import BytesIO
from math import radians
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seehear.errors import InputError, MediaError
from seehear.media.boxes import movie, outermost, walk
from seehear.media.decode import frames, sound
from seehear.media.encode import encode_bytes
from seehear.media.probe import probe
from seehear.media.tag_boxes import sa3d
from seehear.media.tag_writing import _Edit, _insertions, _spliced, tagged, write_tags
from seehear.media.tags import NO_TAGS, SPHERICAL_UUID, Ambisonic, Spherical, Tags, read_tags
from seehear.media.verdict import examine

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
@settings(max_examples=25)
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


def test_ffmpeg_reads_the_same():
    import av

    sphere = Spherical(2, "equirectangular", "top-bottom", (0.5, -0.25, 1.0), (0.125, 0.25, 0.0, 0.5))
    data = tag(FIRST[".mp4", 4], Tags(sphere, FIRST_ORDER))
    with av.open(BytesIO(data)) as container:
        found = {one.type.name: bytes(one) for one in next(container.decode(video=0)).side_data}
    projection, *angles = np.frombuffer(found["SPHERICAL"], "<i4", 4)
    bounds = np.frombuffer(found["SPHERICAL"], "<u4", 4, 16)
    assert projection == 2  # a part of an equirectangular panorama
    assert np.radians(np.array(angles) / 65536) == pytest.approx(sphere.pose, abs=1e-6)
    assert (bounds[[1, 3, 0, 2]] / 2**32).tolist() == pytest.approx(list(sphere.bounds))  # left, top, right, bottom
    assert np.frombuffer(found["STEREO3D"], "<i4", 1)[0] == 2  # one above the other
    for name, suffix, codec in (("ambisonic 1", ".mp4", "flac"), ("ambisonic 1", ".mov", "pcm_s16le")):
        with av.open(BytesIO(tag(recording(4, suffix, codec), Tags(ambisonic=FIRST_ORDER)))) as container:
            assert container.streams.audio[0].codec_context.layout.name == name


def test_version_1_is_written_beside_version_2_and_only_where_it_is_true():
    def version_1(sphere):
        data = tag(LAST[".mp4", 4], Tags(sphere))
        moov = movie(BytesIO(data))[1]
        assert [box.parents[-1].kind for box in walk(moov) if box.kind in (b"st3d", b"sv3d")] == [b"avc1"] * 2
        xml = [moov[box.inside + 16 : box.end] for box in walk(moov) if box.kind == b"uuid"]
        if not xml:
            return None
        assert [box.parents[-1].kind for box in walk(moov) if box.kind == b"uuid"] == [b"trak"]
        for kind in (b"st3d", b"sv3d"):
            data = data.replace(kind, b"skip")
        return read_tags(data).spherical

    assert version_1(PANORAMA) == Spherical(1, "equirectangular")
    assert version_1(replace(PANORAMA, stereo="left-right")) == Spherical(1, "equirectangular", "left-right")
    assert version_1(replace(PANORAMA, stereo="right-left")) is None
    assert version_1(replace(PANORAMA, bounds=(0.0, 0.0, 0.25, 0.25))) is None


def test_spherical_boxes_stand_where_the_rfc_wants_them():
    place, moov = movie(BytesIO(LAST[".mp4", 4]))
    entry = next(box for box in walk(moov) if box.kind == b"avc1")
    shape = b"\0\0\0\x10pasp" + bytes([0, 0, 0, 1] * 2)
    moov = _spliced(moov, [_Edit(entry.end, entry.end, shape, (*entry.parents, entry))])
    new = movie(BytesIO(tag(LAST[".mp4", 4][: place.at] + moov, Tags(PANORAMA))))[1]
    inner = [box.kind for box in walk(new) if box.parents[-1].kind == b"avc1"]
    # After what every picture has, before how its pixels are shown.
    assert inner.index(b"avcC") < inner.index(b"st3d") < inner.index(b"sv3d") < inner.index(b"pasp")


def test_missing_parts_are_read_from_version_1():
    names = ("FullPanoWidthPixels", "FullPanoHeightPixels", "CroppedAreaImageWidthPixels")
    names += ("CroppedAreaImageHeightPixels", "CroppedAreaLeftPixels", "CroppedAreaTopPixels")

    def bounds(*values):
        fields = b"".join(f"<GSpherical:{n}>{v}</GSpherical:{n}>".encode() for n, v in zip(names, values, strict=True))
        xml = b"<GSpherical:Spherical>true</GSpherical:Spherical>" + fields
        uuid = (24 + len(xml)).to_bytes(4, "big") + b"uuid" + SPHERICAL_UUID + xml
        trak = (8 + len(uuid)).to_bytes(4, "big") + b"trak" + uuid
        return read_tags((8 + len(trak)).to_bytes(4, "big") + b"moov" + trak).spherical.bounds

    assert bounds(1900, 960, 950, 480, 475, 120) == pytest.approx((0.125, 0.375, 0.25, 0.25))
    assert bounds(100, 100, 200, 50, 0, 0) == (0.0, 0.5, 0.0, 0.0)
    assert bounds("x", "-1", "9" * 100, "", "1e9", "0") == (0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize("order", [(0, 2, 3, 1), (3, 2, 1, 0), (1, 0, 3, 2)])
def test_permuted_components_come_out_in_order(suffix, order):
    for codec in ("aac", "flac") if suffix == ".mp4" else ("aac", "pcm_s16le", "pcm_s24le"):
        data = recording(4, suffix, codec)
        plain = sound(data, 0.0, 1.0, 8000)
        data = tag(data, Tags(ambisonic=Ambisonic(1, "ACN", "SN3D", order)))
        assert probe(data).layout == "ambisonic"
        assert np.array_equal(sound(data, 0.0, 1.0, 8000), plain[list(order)])
        assert np.array_equal(sound(data, 0.25, 0.5, 8000), plain[list(order), 2000:6000])


def test_order_of_the_example_in_the_rfc():
    # Channels W, X, Y, Z have the map 0, 2, 3, 1.
    data = tag(recording(4, ".mov", "pcm_s16le"), Tags(ambisonic=Ambisonic(1, "ACN", "SN3D", (0, 2, 3, 1))))
    spectrum = np.abs(np.fft.rfft(sound(data, 0.0, 1.0, 8000)))
    assert spectrum.argmax(1).tolist() == [300, 700, 900, 500]  # W, Y, Z, X


def lying(data, channels, order=1, ordering=0):
    """A file with an SA3D box that no check has seen: a true one, changed."""
    there = Tags(ambisonic=Ambisonic(0, "ACN", "SN3D", (0,)))
    box = sa3d(Ambisonic(order, "ACN", "SN3D", channels))
    box = box[:14] + bytes([ordering]) + box[15:]
    edits = _insertions(movie(BytesIO(data))[1], 0, track_of_sound(data), there)
    moov = _spliced(movie(BytesIO(data))[1], [replace(edits[0], new=box)])
    return data[: movie(BytesIO(data))[0].at] + moov


def track_of_sound(data):
    import av

    with av.open(BytesIO(data)) as container:
        return container.streams.audio[0].id


@pytest.mark.parametrize(
    ("channels", "suffix", "codec", "claim", "words"),
    [
        (2, ".mp4", "aac", ((0, 1, 2, 3), 1), "says 4 channels, its sound has 2"),
        (2, ".mov", "pcm_s16le", ((0, 1, 2, 3), 1), "says 4 channels, its sound has 2"),
        (2, ".mp4", "libopus", ((0, 1, 2, 3), 1), "says 4 channels, its sound has 2"),
        (4, ".mov", "pcm_s24le", (tuple(range(9)), 2), "says 9 channels, its sound has 4"),
        (6, ".mov", "pcm_s24le", ((0, 1, 2, 3), 1), "says 4 channels, its sound has 6"),
        (4, ".mp4", "flac", ((0, 1, 1, 3), 1), "does not name each of the 4 channels once"),
        (4, ".mp4", "aac", ((0, 1, 2, 3), 2), "says order 2, 9 channels, and counts 4"),
        (4, ".mp4", "aac", ((0, 1, 2, 3), 1, 7), "only ACN and SN3D are defined"),
    ],
)
def test_tags_that_contradict_the_sound_stop_it(tmp_path, channels, suffix, codec, claim, words):
    data = lying(recording(channels, suffix, codec), *claim)
    seen = probe(data)
    assert words in seen.contradiction
    assert (seen.channels, seen.layout != "ambisonic") == (channels, True)
    with pytest.raises(MediaError, match=words) as caught:
        sound(data, 0.0, 1.0, 8000)
    assert "\n" not in str(caught.value)
    path = tmp_path / f"lying{suffix}"
    path.write_bytes(data)
    row = examine(path.name, path)
    assert (row.usable, row.reason) == (False, "corrupt")
    assert words in row.detail
    # The tags can be replaced by true ones, or taken out.
    write_tags(path, path, NO_TAGS)
    assert sound(path, 0.0, 1.0, 8000).shape == (channels, 8000)


def refused(data, tags, words, error=InputError):
    with pytest.raises(error, match=words) as caught:
        tag(data, tags)
    assert "\n" not in str(caught.value)


def test_tags_that_cannot_be_written_are_refused(tmp_path):
    data = LAST[".mp4", 4]
    refused(data, Tags(replace(PANORAMA, projection="cubemap")), "expected equirectangular")
    refused(data, Tags(replace(PANORAMA, stereo="unknown")), "mono or top-bottom")
    refused(data, Tags(replace(PANORAMA, pose=(0.0, 2.0, 0.0))), "within 180, 90 and 180 degrees")
    refused(data, Tags(replace(PANORAMA, pose=(float("nan"), 0.0, 0.0))), "within 180, 90 and 180 degrees")
    refused(data, Tags(replace(PANORAMA, bounds=(0.5, 0.5, 0.0, 0.0))), "leave some of the panorama")
    refused(data, Tags(replace(PANORAMA, bounds=(-0.1, 0.5, 0.0, 0.0))), "leave some of the panorama")
    refused(data, Tags(ambisonic=Ambisonic.ambix(2)), "says 9 channels, its sound has 4")
    refused(data, Tags(ambisonic=replace(FIRST_ORDER, normalization="N3D")), "only ACN and SN3D")
    refused(LAST[".mp4", 2], Tags(ambisonic=FIRST_ORDER), "says 4 channels, its sound has 2")
    six = Tags(ambisonic=Ambisonic.ambix(1, head_locked=True))
    refused(recording(6, ".mp4", "aac"), six, "expected 4 ambisonic channels in aac, which spoils others; use Opus")
    assert read_tags(tag(recording(6, ".mov", "pcm_s16le"), six)) == six
    silent = encode_bytes(np.zeros((3, 32, 64, 3), np.uint8), 5.0, None, 1)
    refused(silent, Tags(ambisonic=FIRST_ORDER), "expected sound to tag as ambisonic, found none")
    heard = encode_bytes(None, 5.0, np.zeros((4, 4800), np.float32), 48000, suffix=".m4a")
    refused(heard, Tags(PANORAMA), "expected a picture to tag as a panorama, found none")
    for suffix in (".mkv", ".webm", ".avi"):
        refused(recording(2, suffix), Tags(PANORAMA), "expected an MP4 or MOV file")
    refused(b"no media", Tags(PANORAMA), "unknown", MediaError)
    path = tmp_path / "x.mp4"
    with pytest.raises(InputError, match="expected a media file, found none"):
        write_tags(path, path, NO_TAGS)
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"x\.mp4: its SA3D box says 9"):
        write_tags(path, path, Tags(ambisonic=Ambisonic.ambix(2)))
    assert path.read_bytes() == data
    assert [file.name for file in tmp_path.iterdir()] == ["x.mp4"]


def test_a_tagged_file_that_cannot_be_opened_is_closed(tmp_path):
    path = tmp_path / "x.mp4"
    at = TAGGED[True].index(b"stts")
    path.write_bytes(TAGGED[True][: at + 8] + b"\xff" * 4 + TAGGED[True][at + 12 :])
    with pytest.raises(MediaError, match="unknown"):
        probe(path)
    collect()  # a file left open would be a warning now, and warnings are errors


@pytest.mark.parametrize("flags", ["frag_keyframe+empty_moov", "frag_keyframe+empty_moov+default_base_moof", "dash"])
def test_fragments_are_refused(flags):
    data = remuxed(LAST[".mp4", 4], ".mp4", flags)
    assert b"moof" in kinds(data)
    refused(data, Tags(PANORAMA), "expected a file in one piece, found fragments")


def resized(data, kind, header):
    """The `moov` box with the size of its boxes of one kind written as 64 bits ("long") or, for itself, as 0."""
    place, moov = movie(BytesIO(data))
    if header == "open":
        assert place.end == len(data)
        return data[: place.at] + bytes(4) + moov[4:]
    boxes = [box for box in walk(moov) if box.kind == kind]
    edits = []
    for box in boxes:
        new = b"\0\0\0\1" + kind + (box.end - box.at + 8).to_bytes(8, "big")
        edits.append(_Edit(box.at, box.inside, new, box.parents))
    return data[: place.at] + _spliced(moov, edits) + data[place.end :]


@pytest.mark.parametrize(
    ("kind", "header"),
    [(b"moov", "open"), (b"trak", "long"), (b"stsd", "long"), (b"mdia", "long"), (b"stbl", "long"), (b"hdlr", "long")],
)
def test_other_forms_of_sizes(kind, header):
    data = resized(LAST[".mp4", 4], kind, header)
    before = content(data)
    tagged_data = tag(data, Tags(PANORAMA, FIRST_ORDER))
    assert read_tags(tagged_data) == Tags(PANORAMA, FIRST_ORDER)
    after = content(tagged_data)
    assert np.array_equal(before[0], after[0])
    assert np.array_equal(before[1], after[1])
    assert tag(tagged_data, NO_TAGS) == data


def test_track_headers_with_times_of_64_bits():
    place, moov = movie(BytesIO(LAST[".mp4", 4]))
    edits = []
    for box in walk(moov):
        if box.kind == b"tkhd":
            body = moov[box.inside : box.end]
            body = b"\1" + body[1:4] + bytes(4) + body[4:8] + bytes(4) + body[8:20] + bytes(4) + body[20:]
            edits.append(_Edit(box.inside, box.end, body, (*box.parents, box)))
    data = LAST[".mp4", 4][: place.at] + _spliced(moov, edits)
    assert read_tags(tag(data, Tags(PANORAMA, FIRST_ORDER))) == Tags(PANORAMA, FIRST_ORDER)


def wide(data):
    """The same file with 64-bit chunk offsets, `moov` first."""
    place, moov = movie(BytesIO(data))
    tables = [box for box in walk(moov) if box.kind == b"stco"]
    grown = 4 * sum(int.from_bytes(moov[box.inside + 4 : box.inside + 8], "big") for box in tables)
    edits = []
    for box in tables:
        count = moov[box.inside : box.inside + 8]
        offsets = np.frombuffer(moov, ">u4", offset=box.inside + 8, count=int.from_bytes(count[4:], "big"))
        body = count + (offsets.astype(">u8") + grown).astype(">u8").tobytes()
        edits.append(_Edit(box.at, box.end, (8 + len(body)).to_bytes(4, "big") + b"co64" + body, box.parents))
    return data[: place.at] + _spliced(moov, edits) + data[place.end :]


def test_chunk_offsets_of_64_bits_and_those_that_overflow():
    data = wide(FIRST[".mp4", 4])
    before, after = content(data), content(tag(data, Tags(PANORAMA, FIRST_ORDER)))
    assert np.array_equal(before[0], content(FIRST[".mp4", 4])[0])
    assert np.array_equal(before[0], after[0])
    assert np.array_equal(before[1], after[1])
    far = bytearray(FIRST[".mp4", 4])
    at = far.index(b"stco")
    count = int.from_bytes(far[at + 8 : at + 12], "big")
    far[at + 8 + 4 * count : at + 12 + 4 * count] = b"\xff\xff\xff\xf0"
    refused(bytes(far), Tags(PANORAMA), "expected chunk offsets of 64 bits")
    far[at + 8 : at + 12] = b"\x7f\xff\xff\xff"
    refused(bytes(far), Tags(PANORAMA), "its table of chunks does not fit", MediaError)
    far[at : at + 4] = b"skip"
    refused(bytes(far), Tags(PANORAMA), "a track has no table of chunks", MediaError)


def test_the_track_that_is_read_gets_the_tags_and_all_others_lose_them():
    import av

    target = BytesIO()
    with (
        av.open(BytesIO(LAST[".mov", 2])) as two,
        av.open(BytesIO(LAST[".mov", 4])) as four,
        av.open(target, "w", format="mov") as output,
    ):
        added = [[output.add_stream_from_template(s) for s in container.streams] for container in (two, four)]
        for container, streams in zip((two, four), added, strict=True):
            for packet in container.demux():
                if packet.dts is not None:
                    packet.stream = streams[packet.stream.index]
                    output.mux(packet)
    data = tag(target.getvalue(), Tags(PANORAMA, FIRST_ORDER))
    moov = movie(BytesIO(data))[1]
    tracks = [box for box in walk(moov) if box.kind == b"trak"]
    holders = {box.kind: box.parents[1].at for box in walk(moov) if box.kind in (b"SA3D", b"sv3d")}
    in_order = sorted(box.at for box in tracks)
    assert holders == {b"sv3d": in_order[0], b"SA3D": in_order[3]}
    assert sound(data, 0.0, 1.0, 8000).shape[0] == 4
    assert tag(data, NO_TAGS) == target.getvalue()


@pytest.mark.parametrize(
    ("kind", "junk"), [(b"avc1", bytes(4)), (b"avc1", bytes(12)), (b"trak", b"\0\0\0\3x"), (b"moov", b"\0\0\0\0free")]
)
def test_bytes_that_belong_to_no_box_stay(kind, junk):
    # QuickTime ends lists of boxes with zeros, which have to stay behind the tags.
    place, moov = movie(BytesIO(LAST[".mov", 4]))
    around = {
        box.parents[-1]: (*box.parents[:-1], box.parents[-1]) for box in walk(moov) if box.parents[-1].kind == kind
    }
    edits = [_Edit(box.end, box.end, junk, parents) for box, parents in around.items()]
    data = LAST[".mov", 4][: place.at] + _spliced(moov, edits)
    tagged_data = tag(data, Tags(PANORAMA, FIRST_ORDER))
    assert read_tags(tagged_data) == Tags(PANORAMA, FIRST_ORDER)
    new = movie(BytesIO(tagged_data))[1]
    ends = {box.parents[-1].end for box in walk(new) if box.parents[-1].kind == kind}
    assert all(new[end - len(junk) : end] == junk for end in ends)
    assert tag(tagged_data, NO_TAGS) == data


TAGGED = {first: tag((FIRST if first else LAST)[".mp4", 4], Tags(PANORAMA, FIRST_ORDER)) for first in (False, True)}


@given(
    st.booleans(),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
    st.floats(0.2, 1),
)
@settings(max_examples=80)
def test_damaged_files_end_in_one_of_our_errors(first, changes, share):
    damaged = bytearray(TAGGED[first])
    place = movie(BytesIO(TAGGED[first]))[0]
    for where, value in changes:
        damaged[place.at + int(where * (place.end - place.at))] = value
    damaged = bytes(damaged[: int(share * len(damaged))])
    ends_well(lambda: tag(damaged, Tags(PANORAMA, FIRST_ORDER)))
    ends_well(lambda: tag(damaged, NO_TAGS))
    ends_well(lambda: probe(damaged))


def ends_well(act):
    """What `act` returns, or None after one of our errors."""
    with suppress(InputError):
        return act()


@pytest.mark.parametrize("size", [0, 1, 7, 2**31, 2**32 - 1])
@pytest.mark.parametrize(
    "kind", [b"trak", b"mdia", b"stsd", b"avc1", b"st3d", b"sv3d", b"SA3D", b"uuid", b"stco", b"tkhd"]
)
def test_hostile_sizes(size, kind):
    for data in TAGGED.values():
        at = data.index(kind) - 4
        hostile = data[:at] + size.to_bytes(4, "big") + data[at + 4 :]
        for tags in (Tags(PANORAMA, FIRST_ORDER), NO_TAGS):
            found = ends_well(lambda hostile=hostile, tags=tags: tag(hostile, tags))
            assert found is None or read_tags(found) == tags


def test_nests_and_crowds_of_boxes_end():
    deep = b""
    for _ in range(2000):
        deep = (8 + len(deep)).to_bytes(4, "big") + b"trak" + deep
    crowd = b"\0\0\0\x08free" * 6_000
    place, moov = movie(BytesIO(LAST[".mp4", 4]))
    tags = Tags(PANORAMA, FIRST_ORDER)
    for new in (moov[8:] + deep, deep + moov[8:], moov[8:] + crowd, crowd + moov[8:]):
        data = LAST[".mp4", 4][: place.at] + (8 + len(new)).to_bytes(4, "big") + b"moov" + new
        found = ends_well(lambda data=data: tag(data, tags))
        assert found is None or read_tags(found) == tags
