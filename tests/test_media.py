# SPDX-License-Identifier: Apache-2.0
"""Windows of picture and sound are exact for every container and codec; channels keep their order; no guesses."""

from fractions import Fraction
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from seehear.errors import InputError, MediaError
from seehear.media import decode
from seehear.media import encode as out
from seehear.media.boxes import movie, walk
from seehear.media.probe import probe
from seehear.media.sounds import SoundTrack
from seehear.media.tag_writing import _Edit, _spliced
from seehear.media.tags import Ambisonic, Spherical, Tags

SHARED = Path(__file__).parents[2] / "shared" / "data"
COUNT = 120


def frames(source, start, count, fps, size=None):
    return decode.frames(source, float(start), count, float(fps), size)


def sound(source, start, duration, rate):
    return decode.sound(source, float(start), float(duration), rate)


def drifting(count, side=64):
    """Smooth noise, another in every frame: much for a codec to say."""
    import cv2

    noise = np.random.default_rng(0).integers(0, 255, (count, side, side, 3), dtype=np.uint8)
    return np.stack([cv2.GaussianBlur(picture, (0, 0), 2) for picture in noise])


def encode_bytes(pictures, fps, *rest, **options):
    return out.encode_bytes(pictures, float(fps), *rest, **options)


def encode(path, pictures, fps, *rest, **options):
    out.encode(path, pictures, float(fps), *rest, **options)


def numbered(count=COUNT):
    """Frame k shows the 8 bits of k as black and white blocks."""
    bits = (np.arange(count)[:, None] >> np.arange(8)) & 1
    blocks = bits.reshape(count, 2, 4).repeat(32, axis=1).repeat(16, axis=2).astype(np.uint8) * 255
    return np.stack([blocks] * 3, axis=-1)


def numbers(pictures):
    """The numbers that frames show, whichever size they have been scaled to."""
    height, width = pictures.shape[1] // 2, pictures.shape[2] // 4
    middle = pictures[:, height // 2 :: height, width // 2 :: width, 1] > 127
    return (middle.reshape(len(pictures), 8) << np.arange(8)).sum(1)


def expected(start, count, fps, source_fps, there=COUNT):
    return np.clip(np.floor((start + np.arange(count) / fps + 1e-6) * source_fps), 0, there - 1)


def tones(channels, rate=48000, seconds=4.0):
    t = np.arange(round(seconds * rate)) / rate
    return np.stack([0.3 * np.sin(2 * np.pi * (300 + 200 * c) * t) for c in range(channels)]).astype(np.float32)


def frequencies(samples, rate):
    spectrum = np.abs(np.fft.rfft(samples[:, :rate], axis=1))
    return spectrum.argmax(1).tolist()


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov", ".webm", ".avi"])
@pytest.mark.parametrize(("fps", "gop"), [(10, 1), (25, 250), (30000 / 1001, 12)])
def test_frames_are_the_ones_on_screen(suffix, fps, gop):
    data = encode_bytes(numbered(), fps, None, 1, suffix=suffix, gop=gop)
    for start in (0.0, 0.1, 1.0, 1.96, 3.33, 60 / fps):
        for wanted in (8.0, 30.0, fps):
            got = numbers(frames(data, start, 15, wanted))
            assert got.tolist() == expected(start, 15, wanted, fps).tolist()


def test_last_frame_is_held_and_size_is_kept():
    data = encode_bytes(numbered(20), 10, None, 1)
    assert numbers(frames(data, 1.8, 10, 10)).tolist() == [18] + [19] * 9
    assert numbers(frames(data, 50.0, 3, 10)).tolist() == [19] * 3
    assert frames(data, 0.5, 4, 10, (32, 48)).shape == (4, 32, 48, 3)
    assert numbers(frames(data, 0.5, 4, 10, (32, 48))).tolist() == [5, 6, 7, 8]


def with_stamps(stamps, base=Fraction(1, 1000)):
    """A Matroska file whose frame k is shown from stamps[k] ticks on."""
    import av

    target = BytesIO()
    with av.open(target, "w", format="matroska") as output:
        stream = output.add_stream("libx264", rate=25, options={"bf": "2", "g": "7"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        stream.codec_context.time_base = base
        for stamp, picture in zip(stamps, numbered(len(stamps)), strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = stamp, base
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return target.getvalue()


def test_variable_frame_rate_follows_the_stamps():
    gaps = np.random.default_rng(0).integers(15, 180, 60)
    stamps = np.concatenate([[0], np.cumsum(gaps)[:-1]])
    data = with_stamps(stamps.tolist())
    times = 0.25 + np.arange(80) / 20
    want = np.searchsorted(stamps / 1000, times + 1e-6, side="right") - 1
    assert numbers(frames(data, 0.25, 80, 20)).tolist() == want.tolist()
    late = 2.5 + np.arange(10) / 20
    want = np.searchsorted(stamps / 1000, late + 1e-6, side="right") - 1
    assert numbers(frames(data, 2.5, 10, 20)).tolist() == want.tolist()


def test_stamps_that_jump_for_hours_are_refused():
    data = with_stamps([0, 40, 80, 20_000_000])
    with pytest.raises(MediaError, match="jump"):
        frames(data, 0, 30, 10)


def rotated(data, quarter):
    """The same MP4 with the matrix of its track header turned by 90 degrees clockwise `quarter` times."""
    cosine, sine = [(1, 0), (0, 1), (-1, 0), (0, -1)][quarter]
    matrix = [cosine, sine, 0, -sine, cosine, 0, 0, 0, 1]
    units = [65536, 65536, 2**30] * 3
    turned = b"".join((m * u).to_bytes(4, "big", signed=True) for m, u in zip(matrix, units, strict=True))
    at = data.index(b"tkhd") + 4 + 40
    return data[:at] + turned + data[at + 36 :]


@pytest.mark.parametrize("quarter", [0, 1, 2, 3])
def test_rotation_is_respected(quarter):
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[:32, :48] = 255
    data = rotated(encode_bytes(np.stack([picture] * 5), 5, None, 1), quarter)
    upright = frames(data, 0, 2, 5)
    want = np.rot90(picture, -quarter)
    assert upright.shape[1:] == want.shape
    assert np.abs(upright[0].astype(int) - want).mean() < 3
    seen = probe(data)
    assert (seen.height, seen.width) == want.shape[:2]
    assert seen.rotation % 360 == -90 * quarter % 360


@pytest.mark.parametrize(
    ("suffix", "codec", "channels"),
    [
        (".mp4", "aac", 1),
        (".mp4", "aac", 2),
        (".mp4", "aac", 4),
        (".mp4", "aac", 6),
        (".mkv", "aac", 4),
        (".mkv", "libopus", 4),
        (".webm", None, 2),
        (".mkv", "libopus", 9),
        (".mkv", "flac", 4),
        (".mp4", "flac", 8),
        (".mov", "pcm_s16le", 4),
        (".mov", "pcm_s16le", 16),
        (".wav", None, 12),
        (".flac", None, 2),
    ],
)
def test_every_channel_is_kept_in_its_order(suffix, codec, channels):
    picture = None if suffix in (".wav", ".flac") else numbered(40)
    data = encode_bytes(picture, 10, tones(channels), 48000, suffix=suffix, audio_codec=codec)
    got = sound(data, 0.5, 1.0, 48000)
    assert got.shape == (channels, 48000)
    assert frequencies(got, 48000) == [300 + 200 * c for c in range(channels)]
    assert probe(data).channels == channels


def correlations(got, want):
    """Of each channel with each, over the middle."""
    both = np.concatenate([got, want])[:, 9600:-9600]
    return np.corrcoef(both)[: len(got), len(got) :]


@pytest.mark.parametrize(
    ("suffix", "codec", "order", "locked", "error"),
    [
        (".mp4", None, 1, False, None),
        (".mp4", None, 2, False, None),
        (".mp4", None, 3, False, None),
        (".mp4", None, 1, True, None),
        (".m4a", "libopus", 2, True, None),
        (".mp4", "aac", 1, False, None),
        (".mov", "aac", 1, False, None),
        (".mp4", "flac", 1, False, 2**-16),
        (".mp4", "flac", 1, True, 2**-16),
        (".mov", None, 1, False, 2**-23),
        (".mov", None, 1, True, 2**-23),
        (".mov", "pcm_s16le", 2, False, 2**-16),
        (".mov", "pcm_s16be", 1, False, 2**-16),
        (".mov", None, 3, True, 2**-23),
        (".mov", "pcm_f32le", 3, False, 0.0),
        (".mkv", None, 1, False, None),
        (".webm", None, 2, False, None),
        (".opus", None, 1, True, None),
    ],
)
def test_ambisonic_sound_comes_back_in_its_order(suffix, codec, order, locked, error):
    channels = (order + 1) ** 2 + 2 * locked
    ambisonic = Ambisonic.ambix(order, locked)
    tagged = suffix in (".mp4", ".mov")
    tags = Tags(Spherical(2, "equirectangular") if tagged else None, ambisonic)
    want = tones(channels, seconds=2.0)
    picture = None if suffix in (".m4a", ".opus") else numbered(20)
    data = encode_bytes(picture, 10, want, 48000, suffix=suffix, audio_codec=codec, tags=tags)
    seen = probe(data)
    assert (seen.layout, seen.ambisonic, seen.channels) == ("ambisonic", ambisonic, channels)
    assert seen.spherical == tags.spherical
    with SoundTrack(data) as track:
        assert track.layout == "ambisonic"
    got = sound(data, 0, 2, 48000)
    if error is not None:
        assert np.abs(got - want).max() <= error
    found = correlations(got, want)
    assert np.diag(found).min() > 0.99
    assert np.abs(found - np.diag(np.diag(found))).max() < 0.05


def test_ambisonic_sound_that_a_file_would_spoil_is_refused(tmp_path):
    def refuse(channels, suffix, words, codec=None, tags=None):
        tags = tags or Tags(ambisonic=Ambisonic.ambix(*{4: (1,), 6: (1, True), 9: (2,), 16: (3,)}[channels]))
        silence = np.zeros((channels, 4800), np.float32) if channels else None
        with pytest.raises(InputError, match=words) as caught:
            encode(tmp_path / f"x{suffix}", numbered(5), 10, silence, 48000, audio_codec=codec, tags=tags)
        assert "\n" not in str(caught.value)

    for channels in (6, 9, 16):
        refuse(
            channels,
            ".mp4",
            f"expected 4 ambisonic channels for aac, which spoils others, got {channels}; use Opus",
            "aac",
        )
    refuse(9, ".mp4", "fewer channels for flac", "flac")
    for suffix, codec in ((".wav", None), (".flac", None), (".avi", None), (".mkv", "flac"), (".mkv", "aac")):
        refuse(4, suffix, "the files that carry tags", codec)
    refuse(4, ".webm", "the files that carry tags", tags=Tags(Spherical(2, "equirectangular"), Ambisonic.ambix(1)))
    refuse(5, ".mp4", "expected 4 channels", tags=Tags(ambisonic=Ambisonic.ambix(1)))
    refuse(0, ".mp4", "expected 4 channels", tags=Tags(ambisonic=Ambisonic.ambix(1)))
    refuse(4, ".mp4", "AmbiX order", tags=Tags(ambisonic=Ambisonic(1, "ACN", "SN3D", (0, 2, 3, 1))))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("labels", "layout"),
    [
        ([1, 2, 3, 4, 5, 6], "5.1"),
        ([1, 2, 5, 6, 3, 4], "6 channels"),
        ([1, 1, 1, 1, 1, 1], "6 channels"),
        ([200, 201, 202, 203, 1, 2], "6 channels"),
    ],
)
def test_quicktime_may_name_its_channels_in_any_order(labels, layout):
    data = encode_bytes(None, 1, tones(6, seconds=1.0), 48000, suffix=".mov", audio_codec="pcm_s16le")
    place, moov = movie(BytesIO(data))
    entry = next(box for box in walk(moov) if box.entry)
    body = bytes(12) + len(labels).to_bytes(4, "big")
    body += b"".join(label.to_bytes(4, "big") + bytes(16) for label in labels)
    box = (8 + len(body)).to_bytes(4, "big") + b"chan" + body
    data = data[: place.at] + _spliced(moov, [_Edit(entry.end, entry.end, box, (*entry.parents, entry))])
    assert probe(data).layout == layout
    assert frequencies(sound(data, 0, 1, 48000), 48000) == [300 + 200 * c for c in range(6)]


def test_what_no_tag_calls_ambisonic_is_not():
    for channels in (4, 5, 6, 9):
        data = encode_bytes(None, 1, tones(channels, seconds=0.5), 48000, suffix=".mov", audio_codec="pcm_s16le")
        seen = probe(data)
        assert (seen.channels, seen.ambisonic) == (channels, None)
        assert seen.layout != "ambisonic"


@pytest.mark.parametrize(
    ("suffix", "codec", "tolerance"),
    [
        (".mp4", "aac", 1e-4),
        (".mkv", "aac", 1e-4),
        (".mkv", "libopus", 1e-4),
        (".mp4", "libopus", 1e-4),
        (".mkv", "flac", 0.0),
        (".mov", "pcm_s16le", 0.0),
        (".wav", None, 0.0),
    ],
)
@pytest.mark.parametrize("rate", [48000, 24000, 44100])
def test_a_window_of_sound_is_the_same_piece_of_the_whole(suffix, codec, tolerance, rate):
    t = np.arange(6 * 48000) / 48000
    chirp = (0.4 * np.sin(2 * np.pi * (200 * t + 150 * t * t)))[None].astype(np.float32)
    picture = None if suffix == ".wav" else numbered(60)
    data = encode_bytes(picture, 10, chirp, 48000, suffix=suffix, audio_codec=codec)
    whole = sound(data, 0, 6, rate)
    for start in (0.5, 2.345, 4.1234):
        first = round(start * rate)
        assert (
            np.abs(sound(data, start, 1.1, rate) - whole[:, first : first + round(1.1 * rate)]).max()
            <= tolerance + 1e-6
        )
    if rate == 48000:
        lags = range(-3, 4)
        middle = slice(4000, 200_000)
        errors = [np.square(np.roll(whole, -lag, 1)[:, middle] - chirp[:, middle]).mean() for lag in lags]
        assert lags[int(np.argmin(errors))] == 0  # the codec's delay is taken off to the sample


def test_flash_and_click_stay_together():
    pictures = np.zeros((50, 64, 64, 3), np.uint8)
    pictures[20:22] = 255
    click = np.zeros((1, 5 * 48000), np.float32)
    click[0, 2 * 48000 : 2 * 48000 + 480] = 0.8
    for suffix, codec in ((".mp4", None), (".mkv", None), (".webm", None), (".mp4", "libopus")):
        data = encode_bytes(pictures, 10, click, 48000, suffix=suffix, audio_codec=codec)
        bright = frames(data, 0, 50, 10).mean((1, 2, 3)) > 128
        loud = np.abs(sound(data, 0, 5, 48000)[0]) > 0.3
        assert bright.argmax() == 20
        assert abs(loud.argmax() - 96000) < 100


def test_sound_beyond_the_ends_is_zero_and_read_once():
    data = encode_bytes(None, 1, tones(2, seconds=2.0), 48000, suffix=".wav")
    late = sound(data, 1.5, 1.0, 48000)
    assert np.abs(late[:, :23000]).max() > 0.2
    assert not late[:, 24000:].any()
    assert not sound(data, 100.0, 0.5, 16000).any()
    early = sound(data, -0.5, 1.0, 48000)
    assert not early[:, :23990].any()
    assert np.abs(early[:, 24000:]).max() > 0.2
    with SoundTrack(data) as track:
        pieces = [track.cut(k * 0.25, 0.25, 48000) for k in range(8)]
    assert np.allclose(np.concatenate(pieces, 1), sound(data, 0, 2, 48000), atol=1e-6)


def test_several_streams_the_largest_picture_and_most_channels():
    import av

    target = BytesIO()
    with av.open(target, "w", format="matroska") as output:
        videos = [output.add_stream("libx264", rate=10) for _ in range(2)]
        for stream, side in zip(videos, (32, 64), strict=True):
            stream.width = stream.height = side
            stream.pix_fmt = "yuv420p"
        audios = [output.add_stream("pcm_s16le", rate=8000, layout=layout) for layout in ("mono", "stereo")]
        for k in range(10):
            for stream in videos:
                frame = av.VideoFrame.from_ndarray(np.full((stream.height, stream.width, 3), 20 * k, np.uint8), "rgb24")
                frame.pts, frame.time_base = k, Fraction(1, 10)
                output.mux(stream.encode(frame))
        for stream, channels in zip(audios, (1, 2), strict=True):
            layout = "mono" if channels == 1 else "stereo"
            frame = av.AudioFrame.from_ndarray(np.full((1, 8000 * channels), 5000, np.int16), "s16", layout)
            frame.sample_rate, frame.pts = 8000, 0
            output.mux(stream.encode(frame))
        for stream in (*videos, *audios):
            output.mux(stream.encode(None))
    seen = probe(target.getvalue())
    assert (seen.width, seen.channels) == (64, 2)
    assert seen.choice == "picture 1 (largest of 2), sound 3 (most channels of 2)"
    assert [stream.used for stream in seen.streams] == [False, True, False, True]
    assert frames(target.getvalue(), 0, 1, 1).shape == (1, 64, 64, 3)


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "libx264"), (".mkv", "mjpeg")])
def test_damage_is_an_error_and_never_a_guess(suffix, codec):
    data = encode_bytes(drifting(50), 10, None, 1, suffix=suffix, video_codec=codec, gop=25)
    assert len(frames(data, 0, 50, 10)) == 50
    noticed = 0
    for seed in range(40):
        random = np.random.default_rng(seed)
        damaged = bytearray(data)
        at = int(random.integers(len(data) // 5, len(data) - 5000))
        damaged[at : at + 60] = random.bytes(60)
        try:
            frames(bytes(damaged), 0, 50, 10)
        except MediaError as error:
            noticed += error.reason == "corrupt"
    assert noticed >= 20  # no codec can notice all of it


@pytest.mark.parametrize(
    "data", [b"", b"no media at all, only words\n" * 50, bytes(5000), b"#EXTM3U\n#EXTINF:1\nx.ts\n"]
)
def test_what_is_not_media_is_unknown(tmp_path, data):
    path = tmp_path / "file.mp4"
    path.write_bytes(data)
    for read in (lambda: probe(path), lambda: frames(path, 0, 1, 1), lambda: sound(path, 0, 1, 8000)):
        with pytest.raises(MediaError) as caught:
            read()
        assert caught.value.reason == "unknown"
        assert str(path) in str(caught.value)


def test_missing_streams_and_files_are_named(tmp_path):
    with pytest.raises(MediaError, match="no sound"):
        sound(encode_bytes(numbered(5), 5, None, 1), 0, 1, 8000)
    with pytest.raises(MediaError, match="no picture"):
        frames(encode_bytes(None, 5, tones(1), 48000, suffix=".wav"), 0, 1, 8)
    with pytest.raises(InputError, match=r"nothing\.mp4"):
        probe(tmp_path / "nothing.mp4")


def test_encoding_is_atomic_deterministic_and_refuses_what_it_cannot_write(tmp_path):
    ground = drifting(1, 300)[0]
    arguments = ([ground[k : k + 160, 2 * k : 2 * k + 160] for k in range(60)], 10, tones(1), 48000)
    assert encode_bytes(*arguments) == encode_bytes(*arguments)
    encode(tmp_path / "a.mp4", *arguments)
    assert (tmp_path / "a.mp4").read_bytes() == encode_bytes(*arguments)
    with pytest.raises(InputError, match="expected a name that ends in"):
        encode(tmp_path / "a.xyz", *arguments)
    with pytest.raises(InputError, match="fewer channels"):
        encode(tmp_path / "b.mp4", None, 10, np.zeros((9, 4800), np.float32), 48000, audio_codec="flac")
    with pytest.raises(InputError, match="at least one frame"):
        encode(tmp_path / "b.mp4", iter(()), 10, None, 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4"]


def test_odd_sides_are_kept():
    assert frames(encode_bytes(np.zeros((3, 33, 47, 3), np.uint8), 3, None, 1), 0, 1, 1).shape == (1, 33, 47, 3)


@pytest.mark.skipif(not SHARED.exists(), reason="needs the shared media")
def test_a_rotated_recording_and_one_whose_key_frames_are_none():
    video = SHARED / "odd" / "decord_video_90.mov"
    assert frames(video, 0, 1, 30).shape == (1, 568, 320, 3)
    cockatoo = SHARED / "video" / "imageio_cockatoo.mp4"
    whole = frames(cockatoo, 0, 160, 20, (36, 64))
    assert np.array_equal(frames(cockatoo, 7.0, 4, 4, (36, 64)), whole[[140, 145, 150, 155]])


def test_a_rate_that_a_codec_has_not_is_resampled(tmp_path):
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(10_007) / 10_007).astype(np.float32)[None]
    encode(tmp_path / "odd.m4a", None, 1.0, tone, 10_007)
    heard = sound(tmp_path / "odd.m4a", 0.0, 1.0, 10_007)
    assert np.corrcoef(heard[0, 1000:9000], tone[0, 1000:9000])[0, 1] > 0.99
