"""The heat lies where the sound comes from, silence leaves the picture alone, and the sound stays in time."""

from math import radians

import numpy as np
import pytest
import torch

from seehear.errors import InputError
from seehear.media import decode
from seehear.media.encode import encode
from seehear.media.probe import probe
from seehear.overlay.ears import ears_for
from seehear.overlay.paint import Heat, graticule
from seehear.overlay.view import Recording, instants, listen, pictures, view
from seehear.spatial import ambisonics
from seehear.spatial.binaural import to_binaural, to_stereo
from seehear.spatial.directions import direction
from seehear.spatial.energy import covariance

RATE = 16000
SIZE = (64, 128)


def wave(azimuth, elevation=0.0, seconds=1.0, order=1, rate=RATE, level=0.1):
    """A plane wave of noise, AmbiX [C, N]; angles in degrees."""
    noise = level * torch.randn(1, round(seconds * rate), generator=torch.Generator().manual_seed(0))
    return ambisonics.encode(noise, direction(radians(azimuth), radians(elevation))[None], order).numpy()


def recording(path, channels=4, stereo=None):
    return Recording(path, probe(path), tuple(range(channels)), (1.0,) * channels, stereo)


def heat(sound, window=0.1, opacity=0.7):
    return Heat(covariance(torch.from_numpy(sound), RATE, window, window), 4.0, SIZE, opacity)


def redness(picture, plain):
    """How far each pixel was turned to red."""
    return picture[..., 0].astype(int) - plain[..., 0] - picture[..., 2].astype(int) + plain[..., 2]


@pytest.mark.parametrize("order", [1, 3])
@pytest.mark.parametrize(("azimuth", "elevation"), [(0, 0), (90, 0), (-120, 35), (178, -50)])
def test_the_heat_lies_where_the_sound_comes_from(azimuth, elevation, order):
    plain = np.full((*SIZE, 3), 100, np.uint8)
    paint = heat(wave(azimuth, elevation, order=order))
    painted = paint(plain, 3)
    hot = np.argwhere(painted.astype(int).sum(-1) == painted.astype(int).sum(-1).min())
    row, column = (90 - elevation) / 180 * SIZE[0] - 0.5, (180 - azimuth) / 360 * SIZE[1] - 0.5
    across = (hot[:, 1] - column + SIZE[1] / 2) % SIZE[1] - SIZE[1] / 2
    assert abs(hot[:, 0].mean() - row) < 3
    assert abs(across.mean()) < 3
    # The opposite side has the least energy and is left as it is.
    opposite = (round(SIZE[0] - 1 - row), round(column + SIZE[1] / 2) % SIZE[1])
    np.testing.assert_array_equal(painted[opposite], plain[opposite])


def test_seam_and_paint():
    plain = np.full((*SIZE, 3), 100, np.uint8)
    painted = heat(wave(180.0))(plain, 0).astype(int)
    assert np.abs(painted[:, 0] - painted[:, -1]).max() <= 4
    assert redness(painted, plain).max() > 40
    faint = heat(wave(180.0), opacity=0.1)(plain, 0).astype(int)
    assert np.abs(faint - 100).max() < np.abs(painted - 100).max() / 4


def test_silence_and_sound_from_everywhere_are_not_painted():
    plain = np.random.default_rng(0).integers(0, 255, (*SIZE, 3), dtype=np.uint8)
    sound = np.concatenate([wave(30), 0 * wave(30), 0.02 * wave(30)], axis=1)
    paint = heat(sound)
    assert (paint(plain, 5) != plain).any()
    np.testing.assert_array_equal(paint(plain, 15), plain)
    np.testing.assert_array_equal(paint(plain, 25), plain)
    # Noises of equal energy from six sides make a map that is the same all around.
    generator = np.random.default_rng(1)
    sides = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1.0]])
    noise = torch.from_numpy(generator.normal(size=(6, RATE)))
    around = ambisonics.encode(noise, torch.from_numpy(sides), 1).numpy() * 0.1
    paint = heat(np.concatenate([3 * wave(0), around.astype(np.float32)], axis=1))
    np.testing.assert_array_equal(paint(plain, 15), plain)


def test_maps_do_not_depend_on_the_pieces_the_sound_is_read_in(tmp_path, monkeypatch):
    sound = np.concatenate([wave(a, seconds=0.5) for a in range(0, 360, 60)], axis=1)
    encode(tmp_path / "a.wav", None, 1.0, sound, RATE, audio_codec="pcm_s24le")
    whole = listen(recording(tmp_path / "a.wav"), to_stereo, 0.1)
    assert len(whole[0]) == 90
    assert whole[1].shape == (2, 3 * RATE)
    monkeypatch.setattr("seehear.overlay.view._PIECE", 0.7)
    pieces = listen(recording(tmp_path / "a.wav"), to_stereo, 0.1)
    torch.testing.assert_close(pieces[0], whole[0], atol=1e-9, rtol=0)
    np.testing.assert_allclose(pieces[1], whole[1], atol=1e-6)
    # Map k is of the window around k / fps.
    padded = np.pad(sound, ((0, 0), (round(0.05 * RATE), RATE)))
    expected = covariance(torch.from_numpy(padded), RATE, 0.1, 1 / 30)[:90]
    torch.testing.assert_close(whole[0], expected, atol=1e-6, rtol=0)


def test_the_sound_of_the_video_is_in_time_and_complete(tmp_path):
    sound = np.zeros((6, 2 * 48000), np.float32)
    sound[[0, 3], 30_000] = 0.5  # a click from the front
    sound[4, 60_000] = 0.5  # and one on the head-locked left
    encode(tmp_path / "a.wav", None, 1.0, sound, 48000)
    ears, about = ears_for("binaural", None, 4, 48000)
    assert about == "binaural, rigid sphere"
    view(recording(tmp_path / "a.wav"), tmp_path / "b.mkv", ears, width=64, quiet=True)
    heard = decode.sound(tmp_path / "b.mkv", 0.0, 2.0, 48000)
    assert abs(int(np.abs(heard[:, :45_000]).sum(0).argmax()) - 30_000) < 40
    assert abs(int(np.abs(heard[0, 45_000:]).argmax()) - 15_000) < 40
    assert np.abs(heard[1, 50_000:]).max() < 0.05
    stereo, about = ears_for("stereo", None, 4, 48000)
    assert about.startswith("stereo")
    torch.testing.assert_close(stereo(torch.from_numpy(sound[:4])).sum(0), torch.from_numpy(sound[0]))
    with pytest.raises(InputError, match="head"):
        ears_for("stereo", tmp_path / "a.sofa", 4, 48000)
    loud = listen(recording(tmp_path / "a.wav"), lambda field: 8 * to_binaural(field, torch.ones(4, 2, 4)), 0.1)[1]
    assert np.abs(loud).max() == pytest.approx(1)


def numbered(count, eyes=1):
    """Frame k is of grey level 10 k, the second eye of level 200."""
    frames = np.repeat(np.arange(count, dtype=np.uint8) * 10, 64 * 128 * 3).reshape(count, 64, 128, 3)
    return np.concatenate([frames, np.full_like(frames, 200)], axis=1) if eyes == 2 else frames


@pytest.mark.parametrize("eyes", [1, 2])
def test_frames_are_those_on_screen_and_of_one_eye(tmp_path, eyes):
    sound = wave(90, seconds=3.0)
    encode(tmp_path / "a.mov", numbered(20, eyes), 10.0, sound, RATE, audio_codec="pcm_s24le")
    shown = recording(tmp_path / "a.mov", stereo="top-bottom" if eyes == 2 else "mono")
    assert shown.fps == 10
    levels = [int(picture.mean()) for picture in pictures(shown, range(30), SIZE)]
    np.testing.assert_allclose(levels, [10 * min(k, 19) for k in range(30)], atol=3)  # the last one is held
    few = [int(picture.mean()) for picture in pictures(shown, [3, 11, 25], SIZE)]
    np.testing.assert_allclose(few, [30, 110, 190], atol=3)
    view(shown, tmp_path / "b.mp4", to_stereo, width=128, quiet=True)
    made = probe(tmp_path / "b.mp4")
    assert (made.width, made.height, made.fps, made.channels) == (128, 64, 10.0, 2)
    assert made.duration == pytest.approx(3.0, abs=0.1)
    assert made.spherical is None
    right = decode.frames(tmp_path / "b.mp4", 0.55, 1, 10.0)[0].astype(int)
    assert redness(right, np.full_like(right, 50))[28:36, 28:36].min() > 20  # 90 degrees to the left
    assert abs(redness(right, np.full_like(right, 50))[28:36, 92:100]).max() < 12


def test_a_still_of_several_instants(tmp_path):
    import cv2

    sound = np.concatenate([wave(0, seconds=0.5, level=0.02), wave(90, seconds=0.5), wave(-90, seconds=1.0)], axis=1)
    encode(tmp_path / "a.wav", None, 1.0, sound, RATE)
    numbers = view(recording(tmp_path / "a.wav"), tmp_path / "b.png", to_stereo, width=128, quiet=True)
    assert numbers == {"frames": 6, "seconds": 2.0}
    assert cv2.imread(str(tmp_path / "b.png")).shape == (3 * 64, 2 * 128, 3)
    spread = np.zeros(40)
    spread[[14, 25, 39]] = 1
    assert instants(spread, 2) == [14, 25]
    assert instants(np.ones(3), 6) == [0, 1, 2]


def test_a_sound_alone_gets_a_grid_of_directions():
    picture = graticule(180, 360).astype(int)
    bright = picture.sum(-1) > picture[15, 15].sum()
    assert all(bright[100, 360 * (180 - azimuth) // 360] for azimuth in range(-150, 180, 30))
    assert all(bright[90 - elevation, 200] for elevation in range(-60, 61, 30))
    assert not bright[100, 195:205].all()


@pytest.mark.parametrize(
    ("options", "word"), [({"window": 0.0}, "window"), ({"width": 9}, "width"), ({"opacity": 2.0}, "opacity")]
)
def test_numbers_out_of_range(tmp_path, options, word):
    encode(tmp_path / "a.wav", None, 1.0, wave(0, seconds=0.1), RATE)
    with pytest.raises(InputError, match=f"--{word}"):
        view(recording(tmp_path / "a.wav"), tmp_path / "b.mp4", to_stereo, quiet=True, **options)
    assert not (tmp_path / "b.mp4").exists()
