"""The spherical head against its physics, and SOFA files good and bad, written here with sofar."""

from math import pi, radians, sin

import numpy as np
import pytest
import sofar
import torch
from scipy.special import eval_legendre, h2vp, hankel2

from seehear.errors import InputError
from seehear.spatial.directions import angles, direction
from seehear.spatial.hrtf import RADIUS, SPEED, Hrtf, _sphere, read_sofa, spherical_head

RATE = 48_000


@pytest.fixture(scope="module")
def head():
    return spherical_head(RATE)


def response(azimuth, rate=RATE):
    """Both ears of the spherical head for one direction: by symmetry about the ears' axis, out of the series itself."""
    taps = 256
    frequency = np.fft.rfftfreq(taps, 1 / rate)
    spectrum = _sphere(2 * pi * frequency * RADIUS / SPEED, np.array([[sin(azimuth), -sin(azimuth)]]))
    return np.fft.irfft(spectrum * np.exp(-2j * pi * frequency * 64 / rate), taps)[0]


def lag(left, right, rate, low, high):
    """Seconds by which right comes after left, by the peak of the cross-correlation between two frequencies."""
    size, finer = 4096, 16
    frequency = np.fft.rfftfreq(size, 1 / rate)
    cross = np.fft.rfft(right, size) * np.conj(np.fft.rfft(left, size)) * ((frequency > low) & (frequency < high))
    peak = int(np.argmax(np.fft.irfft(cross, size * finer)))
    return (peak if peak < size * finer / 2 else peak - size * finer) / rate / finer


def onset(impulses, rate):
    """Seconds to the first half of the largest value, sixteen times finer than the samples."""
    finer = 16 * np.fft.irfft(np.fft.rfft(impulses), 16 * impulses.shape[-1])
    return np.argmax(np.abs(finer) > 0.5 * np.abs(finer).max(-1, keepdims=True), axis=-1) / rate / 16


@pytest.mark.parametrize("azimuth", [10, 30, 60, 90])
def test_times_of_arrival_differ_as_woodworth_says(azimuth):
    left, right = response(radians(azimuth))
    first, second = onset(np.stack([left, right]), RATE)
    expected = RADIUS / SPEED * (radians(azimuth) + sin(radians(azimuth)))
    assert second - first == pytest.approx(expected, rel=0.04)


@pytest.mark.parametrize("azimuth", [10, 30, 60, 90])
def test_at_low_frequencies_the_lag_is_three_radii(azimuth):
    left, right = response(radians(azimuth), 8000)
    assert lag(left, right, 8000, 0, 150) == pytest.approx(3 * RADIUS / SPEED * sin(radians(azimuth)), rel=0.02)


def test_the_series_against_one_of_hankel_functions_and_its_limits():
    cosine = np.linspace(-1, 1, 9)[:, None].repeat(2, 1)
    x = np.array([0.0, 0.01, 0.5, 3.0, 20.0, 60.0])
    found = _sphere(x, cosine)[:, 0]
    for column, value in enumerate(x):
        if value:
            m = np.arange(int(value) + 45)
            scale = np.sqrt(pi / 2 / value)
            slope = scale * (h2vp(m + 0.5, value) - hankel2(m + 0.5, value) / (2 * value))
            terms = 1j ** (m - 1) * (2 * m + 1) / slope / value**2
            expected = eval_legendre(m, cosine[:, :1]) @ terms
            np.testing.assert_allclose(found[:, column], expected, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(found[:, 0], 1)
    np.testing.assert_allclose(found[:, 1], 1 + 1.5j * 0.01 * cosine[:, 0], atol=2e-4)
    # A wall doubles the pressure; behind the sphere the waves around it meet in a bright spot.
    assert abs(found[-1, -1]) == pytest.approx(2, abs=0.01)
    assert abs(found[0, -2]) > 2 * abs(found[1, -2])


def test_the_head_is_heard_louder_and_earlier_on_the_side_of_the_source(head):
    azimuth, _ = angles(torch.from_numpy(head.directions))
    side = head.directions[:, 1]
    energy = (head.responses**2).sum(-1)
    difference = 10 * np.log10(energy[:, 0] / energy[:, 1])
    clear = np.abs(side) > 0.1
    assert bool((np.sign(difference) == np.sign(side))[clear].all())
    leftmost = int(np.argmax(side))
    assert float(azimuth[leftmost]) == pytest.approx(pi / 2, abs=0.1)
    assert difference[leftmost] > 8
    early = onset(head.responses[leftmost], RATE)
    assert early[0] < head.origin / RATE < early[1]


def test_another_rate_keeps_spectrum_and_time(head):
    other = head.at(32_000)
    assert other.rate == 32_000
    assert other.origin == pytest.approx(head.origin * 2 / 3)
    frequency = np.array([200.0, 2000.0, 10_000.0])

    def spectrum(one):
        times = (np.arange(one.responses.shape[-1]) - one.origin) / one.rate
        return one.responses[::50] @ np.exp(-2j * pi * times[:, None] * frequency)

    np.testing.assert_allclose(spectrum(other), spectrum(head), atol=0.01)
    assert head.at(RATE) is head


def test_equalised_heads_lose_what_all_directions_share(head):
    # A resonance at 2 kHz, as of a loudspeaker, on top of the head.
    from scipy.signal import lfilter

    coloured = Hrtf(lfilter([1.0], [1, -1.84, 0.9], head.responses), head.directions, head.rate, head.origin)
    made = coloured.equalised()
    spectrum = np.abs(np.fft.rfft(made.responses, 1024)) ** 2
    frequency = np.fft.rfftfreq(1024, 1 / RATE)
    band = (frequency > 100) & (frequency < 20_000)
    mean = 10 * np.log10(spectrum.mean((0, 1))[band])
    assert np.abs(mean).max() < 0.5
    # The resonance is of minimum phase and leaves no trace; the head itself stays where it was in time.
    np.testing.assert_allclose(made.responses, head.equalised().responses, atol=0.01)
    assert np.abs(onset(made.responses, RATE) - onset(head.responses, RATE)).max() < 1e-4


def sofa(path, convention="SimpleFreeFieldHRIR", **values):
    """A SOFA file of 12 directions: the left ear hears d + 1 at tap 4 and twice that later, the right ear half."""
    file = sofar.Sofa(convention)
    azimuth = np.arange(12) * 30.0
    file.SourcePosition = np.stack([azimuth, np.full(12, 10.0), np.full(12, 1.5)], axis=1)
    file.Data_IR = np.zeros((12, 2, 16))
    file.Data_IR[:, 0, 4] = 1 + np.arange(12)
    file.Data_IR[:, 0, 6] = 2 + 2 * np.arange(12)
    file.Data_IR[:, 1, 4] = (1 + np.arange(12)) / 2
    if "ReceiverPosition" not in values:
        file.ReceiverPosition = np.array([[0, 0.09, 0], [0, -0.09, 0]])
    file.Data_Delay = np.zeros((1, 2))
    for name, value in values.items():
        setattr(file, name, value)
    sofar.write_sofa(str(path), file)
    return path


def test_a_sofa_file_is_read_as_written(tmp_path):
    hrtf = read_sofa(sofa(tmp_path / "a.sofa"))
    assert isinstance(hrtf, Hrtf)
    assert (hrtf.rate, hrtf.origin, hrtf.responses.shape) == (48_000, 4.0, (12, 2, 16))
    expected = direction(torch.arange(12).double() * pi / 6, radians(10)).numpy()
    np.testing.assert_allclose(hrtf.directions, expected, atol=1e-12)
    np.testing.assert_allclose(hrtf.responses[:, :, 4], np.arange(1, 13)[:, None] * [1, 0.5])


def test_cartesian_positions_swapped_ears_and_delays(tmp_path):
    plain = read_sofa(sofa(tmp_path / "a.sofa"))
    far = 2.0 * plain.directions
    cartesian = {"SourcePosition": far, "SourcePosition_Type": "cartesian", "SourcePosition_Units": "metre"}
    np.testing.assert_allclose(read_sofa(sofa(tmp_path / "b.sofa", **cartesian)).directions, plain.directions)
    turned = read_sofa(sofa(tmp_path / "c.sofa", ReceiverPosition=np.array([[0, -0.09, 0], [0, 0.09, 0]])))
    np.testing.assert_array_equal(turned.responses, plain.responses[:, ::-1])
    later = read_sofa(sofa(tmp_path / "d.sofa", Data_Delay=np.array([[3.0, 5.0]])))
    assert later.origin == 8.0
    np.testing.assert_allclose(later.responses[:, 0, 7], plain.responses[:, 0, 4])
    np.testing.assert_allclose(later.responses[:, 1, 9], plain.responses[:, 1, 4])
    assert float(np.abs(later.responses).sum()) == pytest.approx(float(plain.responses.sum()))


def refused(path, message):
    with pytest.raises(InputError, match=message) as error:
        read_sofa(path)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)


def test_files_that_are_no_head_are_refused_in_one_line(tmp_path):
    other = sofar.Sofa("GeneralTF")
    sofar.write_sofa(str(tmp_path / "other.sofa"), other)
    refused(tmp_path / "other.sofa", "got GeneralTF")
    refused(tmp_path / "missing.sofa", "found none")
    (tmp_path / "junk.sofa").write_bytes(b"RIFF" * 100)
    refused(tmp_path / "junk.sofa", "SimpleFreeFieldHRIR")
    whole = sofa(tmp_path / "whole.sofa").read_bytes()
    (tmp_path / "half.sofa").write_bytes(whole[: len(whole) // 2])
    refused(tmp_path / "half.sofa", "SimpleFreeFieldHRIR")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"Data_SamplingRate": 10.0}, "rate of 10"),
        ({"ListenerView": np.array([[0.0, 1.0, 0.0]])}, "listener"),
        ({"Data_Delay": np.array([[-1.0, 0.0]])}, "delays of -1"),
        ({"Data_Delay": np.array([[1e9, 0.0]])}, "delays of"),
        ({"Data_IR": np.full((12, 2, 16), np.nan)}, "not finite"),
        ({"Data_IR": np.zeros((12, 2, 16))}, "without sound"),
    ],
)
def test_contents_that_make_no_sense_are_refused_in_one_line(tmp_path, values, message):
    refused(sofa(tmp_path / "bad.sofa", **values), message)
