"""Rendering to two ears and two loudspeakers: levels, times, laws, and a slow convolution as reference."""

from math import pi, radians

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seehear.errors import InputError
from seehear.spatial.ambisonics import encode, mirror
from seehear.spatial.binaural import filters, to_binaural, to_stereo
from seehear.spatial.directions import direction
from seehear.spatial.harmonics import harmonics
from seehear.spatial.hrtf import RADIUS, SPEED, spherical_head

RATE = 48_000


@pytest.fixture(scope="module")
def head():
    return spherical_head(RATE)


@pytest.fixture(scope="module")
def first(head):
    return filters(head, 1, RATE)


def click(azimuth, elevation=0.0, order=1, at=500, samples=2000):
    sound = torch.zeros(1, samples)
    sound[0, at] = 1
    return encode(sound, direction(azimuth, elevation)[None], order)


def centre(ear):
    """When a click arrives, in samples: the slope of the phase from 20 to 200 Hz."""
    bins = np.arange(4, 40)
    phase = np.unwrap(np.angle(np.fft.rfft(ear.double().numpy(), RATE // 5)[bins]))
    return -np.polyfit(bins, phase, 1)[0] * RATE / 5 / (2 * pi)


def test_a_source_at_the_left_is_louder_and_earlier_at_the_left_ear(first):
    for azimuth, louder in ((pi / 2, 0), (-pi / 2, 1)):
        ears = to_binaural(click(azimuth), first)
        level = 10 * torch.log10(ears.square().sum(1))
        assert float(level[louder] - level[1 - louder]) > 6
        times = [centre(ear) for ear in ears]
        # At low frequencies the first order is all there is of a sphere: three radii, as for the sphere itself.
        assert (times[1 - louder] - times[louder]) / RATE == pytest.approx(3 * RADIUS / SPEED, rel=0.05)


def test_the_sound_stays_in_time(first):
    for azimuth in (0.0, 0.8, pi / 2, pi):
        ears = to_binaural(click(azimuth), first)
        assert ears.shape == (2, 2000)
        assert np.mean([centre(ear) for ear in ears]) == pytest.approx(500, abs=0.5)


def test_front_and_back_are_in_the_middle(first):
    for azimuth in (0.0, pi):
        left, right = to_binaural(click(azimuth), first)
        assert float((left - right).square().sum() / left.square().sum()) < 1e-3


@pytest.mark.parametrize("order", [1, 2, 3])
def test_the_mirror_swaps_the_ears(head, order):
    field = click(0.7, 0.3, order)
    made = filters(head, order, RATE)
    plain, turned = to_binaural(field, made), to_binaural(mirror(field), made)
    assert float((turned.flip(0) - plain).square().sum() / plain.square().sum()) < 2e-3


def spectra(head, made, order):
    """Spectra [D, 2, F] that the filters make of plane waves, those of the head, and their frequencies in Hz."""
    values = harmonics(torch.from_numpy(head.directions), order).numpy()
    heard = np.einsum("dc,cet->det", values, made.double().numpy())
    size = 1024
    return np.fft.rfft(heard, size), np.fft.rfft(head.responses, size), np.fft.rfftfreq(size, 1 / head.rate)


def test_many_channels_are_the_head_itself_at_low_frequencies(head):
    heard, true, frequency = spectra(head, filters(head, 7, RATE, cutoff=4000.0), 7)
    low = (frequency > 100) & (frequency < 3000)
    error = np.abs(heard - true)[..., low] ** 2
    assert error.mean() < 1e-3 * (np.abs(true[..., low]) ** 2).mean()


def test_a_fit_of_magnitudes_keeps_the_treble_of_the_first_order(head, first):
    heard, true, frequency = spectra(head, first, 1)
    plain, _, _ = spectra(head, filters(head, 1, RATE, cutoff=RATE / 2), 1)
    for low, high in ((2000, 4000), (4000, 8000), (8000, 16_000)):
        band = (frequency >= low) & (frequency < high)

        def level(spectrum, band=band):
            return 10 * np.log10((np.abs(spectrum[..., band]) ** 2).mean(-1))

        assert np.abs(level(heard) - level(true)).mean() < 1.0
        assert (level(true) - level(plain)).mean() > 6.0


@settings(max_examples=25)
@example(57, 8, 0)  # one block holds the sound, but not what the filters' lead takes off
@given(st.integers(1, 3000), st.integers(1, 70), st.integers(0, 2))
def test_rendering_is_convolution(samples, taps, order):
    generator = torch.Generator().manual_seed(samples)
    channels = (order + 1) ** 2
    sound = torch.randn(channels, samples, generator=generator)
    made = torch.randn(channels, 2, taps, generator=generator)
    slow = np.zeros((2, samples))
    for ear in range(2):
        whole = sum(np.convolve(sound[c].double(), made[c, ear].double()) for c in range(channels))
        part = whole[taps // 4 : taps // 4 + samples]
        slow[ear, : len(part)] = part
    found = to_binaural(sound, made)
    assert found.shape == (2, samples)
    np.testing.assert_allclose(found.numpy(), slow, atol=2e-4)


def test_rendering_can_be_learnt_through():
    sound = torch.randn(4, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    made = torch.randn(4, 2, 3, generator=torch.Generator().manual_seed(0))
    assert torch.autograd.gradcheck(lambda b: to_binaural(b, made), sound)


def test_filters_follow_the_rate_of_the_sound(head):
    other = filters(head, 1, 32_000)
    assert other.shape[-1] == round(240 * 32 / 48)
    low = to_binaural(torch.ones(4, 4000) * torch.tensor([1.0, 0, 0, 0])[:, None], other)
    # A constant meets no head: order 0 alone passes unchanged.
    torch.testing.assert_close(low[:, 1000:3000], torch.ones(2, 2000), atol=0.02, rtol=0)


def test_stereo_sums_to_the_mono_sound_and_separates_left_from_right():
    sound = torch.randn(4, 100, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(to_stereo(sound).sum(0), sound[0])
    left = encode(torch.ones(1, 3), direction(pi / 2, 0.0)[None], 3)
    torch.testing.assert_close(to_stereo(left), torch.tensor([[1.0], [0.0]]).expand(2, 3), atol=1e-6, rtol=0)
    narrow = to_stereo(encode(torch.ones(1, 1), direction(radians(45), 0.0)[None], 1), radians(45))[:, 0]
    assert narrow.tolist() == pytest.approx([1.0, 0.5], abs=1e-6)
    torch.testing.assert_close(to_stereo(mirror(sound)), to_stereo(sound).flip(0))


def test_what_cannot_be_rendered_is_refused_in_one_line(first):
    cases = [
        (torch.zeros(4, 0), "length zero"),
        (torch.zeros(5, 9), "got 5"),
        (torch.zeros(6, 9), "head-locked"),
        (torch.full((4, 9), torch.nan), "sample 0"),
    ]
    for sound, message in cases:
        for render in (lambda b: to_binaural(b, first), to_stereo):
            with pytest.raises(InputError, match=message) as error:
                render(sound)
            assert "\n" not in str(error.value)
    with pytest.raises(InputError, match="of 4 channels, as the filters have, got 9"):
        to_binaural(torch.zeros(9, 9), first)
    with pytest.raises(InputError, match="order 1"):
        to_stereo(torch.zeros(1, 9))
