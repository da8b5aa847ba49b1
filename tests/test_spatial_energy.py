"""Energy maps against Eq. 5.5 computed sample by sample, closed forms of plane waves, and laws of rotation."""

from math import pi, radians

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import eval_legendre

from seehear.errors import InputError
from seehear.spatial.ambisonics import encode, rotate
from seehear.spatial.directions import direction, equirectangular, fibonacci, great_circle, rotation
from seehear.spatial.energy import covariance, directional_energy, energy_map, intensity, peak
from seehear.spatial.harmonics import harmonics

GRID = torch.from_numpy(fibonacci(240))
RATE = 8000


def noise(count, seconds=1.0, seed=0):
    return torch.randn(count, round(RATE * seconds), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("order", [0, 1, 3])
@pytest.mark.parametrize(("window", "hop"), [(0.1, 0.1), (0.2, 0.05), (0.05, 1 / 30)])
def test_a_map_is_equation_5_5(order, window, hop):
    field = noise((order + 1) ** 2)
    fast = energy_map(field, GRID, RATE, window, hop)
    y, sound, slow = harmonics(GRID, order).numpy(), field.double().numpy(), []
    size = round(window * RATE)
    for start in (round(k * hop * RATE) for k in range(1000)):
        if start + size <= sound.shape[1]:
            slow.append(np.sqrt(np.mean((y @ sound[:, start : start + size]) ** 2, axis=1)))
    assert fast.shape == (len(slow), len(GRID))
    np.testing.assert_allclose(fast.numpy(), np.stack(slow), rtol=1e-6)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_a_plane_wave_makes_the_map_of_its_closed_form(order):
    source, sound = direction(0.8, 0.3), noise(1, 0.1).double()
    found = energy_map(encode(sound, source[None], order), GRID, RATE)[0]
    expected = np.abs(sum(eval_legendre(n, (GRID @ source).numpy()) for n in range(order + 1)))
    np.testing.assert_allclose(found.numpy(), float(sound.square().mean().sqrt()) * expected, rtol=1e-5, atol=1e-7)


def test_independent_sources_add_in_power():
    places = direction(torch.tensor([0.3, -1.5]).double(), torch.tensor([0.0, 0.5]).double())
    sound = noise(2).double()
    sound[0, 1::2], sound[1, ::2] = 0, 0
    both = energy_map(encode(sound, places, 2), GRID, RATE)
    alone = [energy_map(encode(sound[i : i + 1], places[i : i + 1], 2), GRID, RATE) for i in range(2)]
    torch.testing.assert_close(both.square(), alone[0].square() + alone[1].square())


@settings(max_examples=30)
@given(st.floats(-pi, pi), st.floats(-1.5, 1.5), st.integers(1, 3))
def test_peak_and_intensity_point_at_a_single_source(azimuth, elevation, order):
    source = direction(azimuth, elevation)
    field = encode(noise(1).double(), source[None], order)
    found = intensity(field, RATE)
    assert float(great_circle(found.direction, source.expand(10, 3)).max()) < 1e-6
    assert float(found.diffuseness.max()) < 1e-9
    fine = torch.from_numpy(equirectangular(90, 180)).reshape(-1, 3)
    heard = peak(energy_map(field, fine, RATE), fine)
    assert float(great_circle(heard, source.expand(10, 3)).max()) < radians(1.5)


def test_a_source_that_moves_is_followed():
    seconds, instants = 2.0, 400
    azimuth = torch.linspace(0, pi, instants, dtype=torch.float64)
    field = encode(noise(1, seconds).double(), direction(azimuth, 0.2)[None], 2)
    middles = direction(pi * (torch.arange(20) + 0.5).double() / 20, 0.2)
    fine = torch.from_numpy(equirectangular(180, 360)).reshape(-1, 3)
    assert float(great_circle(peak(energy_map(field, fine, RATE), fine), middles).max()) < radians(2)
    assert float(great_circle(intensity(field, RATE).direction, middles).max()) < radians(1)


def test_turning_the_sound_turns_the_map():
    field, turn = noise(9), rotation(0.6, -0.4, 0.3)
    turned = energy_map(rotate(field, turn), GRID @ turn.mT, RATE)
    torch.testing.assert_close(turned, energy_map(field, GRID, RATE), atol=1e-5, rtol=0)


def test_noise_from_everywhere_is_diffuse_and_flat():
    many = torch.from_numpy(fibonacci(200)).float()
    field = encode(torch.randn(200, 40_000, generator=torch.Generator().manual_seed(0)), many, 1)
    found = intensity(field, RATE, window=5.0)
    assert float(found.diffuseness) > 0.97
    flat = energy_map(field, GRID, RATE, window=5.0)[0]
    assert float(flat.std() / flat.mean()) < 0.03


def test_silence_has_no_direction():
    found = intensity(torch.zeros(4, RATE), RATE)
    assert float(found.direction.abs().max()) == 0
    assert float(found.diffuseness.min()) == 1
    assert float(energy_map(torch.zeros(4, RATE), GRID, RATE).max()) < 1e-12


def test_windows_are_whole_and_the_shortest_sound_is_one():
    assert covariance(noise(4, 0.95), RATE).shape == (9, 4, 4)
    short = noise(4, 0.03)
    torch.testing.assert_close(covariance(short, RATE)[0, 0, 0], short[0].double().square().mean())
    assert covariance(short, RATE).shape == (1, 4, 4)
    batch = torch.stack([noise(4), noise(4, seed=1)])
    torch.testing.assert_close(energy_map(batch, GRID, RATE)[1], energy_map(batch[1], GRID, RATE))


def test_a_map_can_be_learnt_through_even_in_silence():
    field = noise(4, 0.1).double().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda b: energy_map(b[:, :8], GRID[:5], RATE), field[:, :8].detach().requires_grad_()
    )
    silent = torch.zeros(4, 800, requires_grad=True)
    energy_map(silent, GRID, RATE).sum().backward()
    assert bool(torch.isfinite(silent.grad).all())


def test_what_cannot_be_mapped_is_refused_in_one_line():
    cases = [(torch.zeros(4, 0), "length zero"), (torch.zeros(5, 9), "got 5"), (torch.zeros(6, 9), "head-locked")]
    for sound, message in [*cases, (torch.full((4, 9), torch.inf), "sample 0")]:
        for measure in (lambda b: energy_map(b, GRID, RATE), lambda b: intensity(b, RATE)):
            with pytest.raises(InputError, match=message) as error:
                measure(sound)
            assert "\n" not in str(error.value)
    with pytest.raises(InputError, match="order 1"):
        intensity(torch.zeros(1, 9), RATE)
    with pytest.raises(InputError, match="one sample"):
        covariance(torch.zeros(4, 9), RATE, hop=0.0)
    with pytest.raises(InputError, match="got 5"):
        directional_energy(torch.eye(5), GRID)
