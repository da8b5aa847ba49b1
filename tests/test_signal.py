"""The front end and resampling as physics: tones, silence, levels."""

import numpy as np
import pytest
import torch
from torch import nn

from seehear.signal.layout import to_mono
from seehear.signal.resample import resample
from seehear.signal.spectrogram import LogSpectrogram, mel_bands


def tone(frequency: float, rate: int, seconds: float, level: float = 0.5) -> np.ndarray:
    return (level * np.sin(2 * np.pi * frequency * np.arange(round(rate * seconds)) / rate)).astype(np.float32)[None]


@pytest.mark.parametrize(
    ("front", "shape"),
    [
        (LogSpectrogram.paper(), (200, 257)),
        (LogSpectrogram.analysis(), (100, 129)),
        (LogSpectrogram.tiny(), (64, 65)),
        (LogSpectrogram(window=1024, hop=240, frames=200, average=2), (200, 257)),
    ],
)
def test_a_tone_lands_in_its_bin(front, shape):
    frequency = 3000.0
    sound = torch.from_numpy(tone(frequency, front.rate, front.seconds))[None]
    level = front(sound)
    assert level.shape == (1, 1, *shape)
    # Bin 0 is the constant; group g >= 1 holds transform bins 1 + average (g - 1) .. average g.
    transform_bin = round(frequency * front.window / front.rate)
    expected = 1 + (transform_bin - 1) // front.average
    middle = level[0, 0, shape[0] // 2]
    assert abs(int(middle.argmax()) - expected) <= (1 if front.average > 1 else 0)


def test_decibels_of_a_full_scale_cosine():
    # A cosine of amplitude a at a bin centre has |X|^2 = (a / 2 * sum of the window)^2.
    front = LogSpectrogram(rate=8000, window=256, hop=128, frames=10)
    a, k = 0.5, 20
    sound = torch.from_numpy(a * np.cos(2 * np.pi * k / 256 * np.arange(8000))).float()[None, None]
    expected = 20 * np.log10(a / 2 * 128)
    assert front.decibel(sound)[0, 0, 8, k] == pytest.approx(expected, abs=0.01)


def test_twice_the_amplitude_is_six_decibel_more_everywhere():
    front = LogSpectrogram.tiny()
    sound = torch.randn(1, 1, 16_384, generator=torch.Generator().manual_seed(0)) * 0.1
    difference = front.decibel(2 * sound) - front.decibel(sound)
    torch.testing.assert_close(difference, torch.full_like(difference, 20 * np.log10(2)), atol=1e-3, rtol=0)


@pytest.mark.parametrize(("rate", "window", "count"), [(11_025, 552, 80), (24_000, 512, 128)])
def test_mel_bands_are_means_of_power_equally_wide_in_mel(rate, window, count):
    bands = mel_bands(rate, window, count)
    assert bands.shape == (1 + window // 2, count)
    torch.testing.assert_close(bands.sum(0), torch.ones(count))
    # The centre of a triangle whose corners are equally far apart in mel, where bands are wider than bins.
    mel = 2595 * np.log10(1 + rate / 2 / 700) * np.arange(count + 2) / (count + 1)
    hertz = 700 * (10 ** (mel / 2595) - 1)
    centres = (bands.T @ (torch.arange(1 + window // 2) * rate / window)).numpy()
    corners = (hertz[:-2] + hertz[1:-1] + hertz[2:]) / 3
    wide = slice(count // 2, count - 1)
    np.testing.assert_allclose(centres[wide], corners[wide], atol=0.1 * rate / window)
    front = LogSpectrogram(rate, window=window, hop=window // 2, frames=8, mel=count)
    tone = torch.cos(2 * torch.pi * 2_000 / rate * torch.arange(4 * window + window // 2))[None, None]
    loudest = front.decibel(tone)[0, 0, 4].argmax()
    assert abs(hertz[1 + loudest] - 2_000) <= max(np.diff(hertz)[loudest], rate / window)
    assert LogSpectrogram(**front.arguments).bins == front.bins == count
    assert "mel" not in LogSpectrogram().arguments


def test_silence_is_the_floor_and_finite():
    level = LogSpectrogram(average=4)(torch.zeros(2, 1, 48_000))
    torch.testing.assert_close(level, torch.full_like(level, -100.0))
    assert not LogSpectrogram.tiny()(torch.zeros(2, 1, 16_384)).any()


def test_a_relative_spectrogram_does_not_hear_the_microphone():
    generator = torch.Generator().manual_seed(0)
    sound = torch.randn(1, 1, 16_384, generator=generator) * torch.linspace(0.01, 0.3, 16_384)
    # A microphone that is far shorter than the window: a gain for every bin, and the same one at all times.
    heard = nn.functional.conv1d(sound, torch.tensor([[[0.3, -1.0, 0.4]]]), padding=1)
    relative, absolute = LogSpectrogram.tiny(), LogSpectrogram(16_000, 512, 256, 64, 4)
    for front, lowest, most in ((relative, 0.0, 0.5), (absolute, 2.0, 50.0)):
        differs = (front(heard) - front(sound))[:, :, 2:-2].abs().mean()
        assert lowest <= differs < most
    torch.testing.assert_close(relative(sound).mean(2), torch.zeros(1, 1, 65), atol=1e-4, rtol=0)
    relative.fit([sound])
    torch.testing.assert_close(relative(sound).std(2, correction=0), torch.ones(1, 1, 65), atol=1e-4, rtol=0)


def test_a_click_lands_in_its_frame():
    front = LogSpectrogram(rate=8000, window=128, hop=128, frames=40)
    sound = torch.zeros(1, 1, front.frames * front.hop)
    sound[..., 20 * front.hop] = 1.0
    assert int(front.decibel(sound)[0, 0].mean(1).argmax()) == 20


def test_fitted_statistics_normalise():
    front = LogSpectrogram.tiny()
    generator = torch.Generator().manual_seed(0)
    sounds = [torch.randn(1, 1, 16_384, generator=generator) * 0.1 for _ in range(20)]
    front.fit(sounds)
    levels = torch.cat([front(sound) for sound in sounds])
    assert abs(float(levels.mean())) < 1e-3
    assert float(levels.std()) == pytest.approx(1, abs=0.01)


def test_stretch_reads_the_time_axis_faster_or_slower():
    front = LogSpectrogram(rate=8000, window=128, hop=128, frames=20)
    sound = torch.zeros(2, 1, 40 * front.hop)
    sound[..., 12 * front.hop] = 1.0
    loudest = front(sound, torch.tensor([1.5, 0.75]))[:, 0].mean(2).argmax(1)
    assert loudest.tolist() == [8, 16]
    torch.testing.assert_close(front(sound, torch.ones(2)), front(sound))


@pytest.mark.parametrize(("source", "rate"), [(44_100, 16_000), (16_000, 48_000), (24_000, 24_000)])
def test_resampling_keeps_a_tone_and_removes_what_cannot_be_kept(source, rate):
    low = resample(tone(1000, source, 1.0), source, rate, rate)
    assert low.shape == (1, rate)
    inner = slice(rate // 10, -rate // 10)
    expected = tone(1000, rate, 1.0)
    assert np.abs(low - expected)[0, inner].max() < 0.01
    if source > rate:
        assert np.abs(resample(tone(15_000, source, 1.0), source, rate))[0, inner].max() < 0.001


def test_mono_of_ambisonics_is_w_and_of_stereo_the_mean():
    sound = np.arange(8, dtype=np.float32).reshape(4, 2)
    assert np.array_equal(to_mono(sound, "ambisonic"), sound[:1])
    assert np.array_equal(to_mono(sound[:2], "stereo"), sound[:2].mean(0, keepdims=True))
