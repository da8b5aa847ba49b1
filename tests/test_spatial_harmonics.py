"""Spherical harmonics against SciPy, closed forms, and the laws of their conventions."""

from math import pi, sqrt

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import eval_legendre, sph_harm_y

from seehear.errors import InputError
from seehear.spatial.directions import angles, direction, fibonacci
from seehear.spatial.harmonics import convert, degrees, harmonics, order_of

GRID = torch.from_numpy(fibonacci(500))
azimuths, elevations = st.floats(-pi, pi), st.floats(-pi / 2, pi / 2)


@pytest.mark.parametrize("order", [0, 1, 3, 7])
def test_harmonics_are_those_of_scipy(order):
    azimuth, elevation = (one.numpy() for one in angles(GRID))
    ours = harmonics(GRID, order, "n3d").numpy()
    for channel, (n, m) in enumerate(degrees(order)):
        # SciPy's are complex, of unit norm over the sphere, and carry the phase of Condon and Shortley.
        theirs = (-1) ** m * sqrt(4 * pi) * sph_harm_y(n, abs(m), pi / 2 - elevation, azimuth)
        theirs = theirs.real if m == 0 else sqrt(2) * (theirs.real if m > 0 else theirs.imag)
        np.testing.assert_allclose(ours[:, channel], theirs, atol=1e-12, err_msg=f"{n} {m}")


@given(azimuths, elevations)
def test_closed_forms_to_order_two(azimuth, elevation):
    x, y, z = direction(azimuth, elevation).tolist()
    r3 = sqrt(3)
    expected = [1, y, z, x, r3 * x * y, r3 * y * z, (3 * z * z - 1) / 2, r3 * x * z, r3 / 2 * (x * x - y * y)]
    assert harmonics(direction(azimuth, elevation), 2).tolist() == pytest.approx(expected, abs=1e-12)


def test_n3d_harmonics_are_orthonormal():
    # Gauss-Legendre in z and equal steps in azimuth integrate products of degree up to 6 + 6 exactly.
    height, weight = np.polynomial.legendre.leggauss(7)
    azimuth = 2 * pi * np.arange(14) / 14
    points = direction(torch.from_numpy(azimuth), torch.from_numpy(np.arcsin(height))[:, None]).reshape(-1, 3)
    weights = torch.from_numpy(weight / 2 / 14).repeat_interleave(14)
    values = harmonics(points, 6, "n3d")
    torch.testing.assert_close(values.mT @ (weights[:, None] * values), torch.eye(49, dtype=torch.float64))


@given(azimuths, elevations, azimuths, elevations)
def test_the_addition_theorem(a, b, c, d):
    one, other = direction(a, b), direction(c, d)
    products = harmonics(one, 4) * harmonics(other, 4)
    for n in range(5):
        expected = eval_legendre(n, float(one @ other))
        assert float(products[n * n : (n + 1) ** 2].sum()) == pytest.approx(expected, abs=1e-10)


def test_gradients_and_precision():
    point = direction(0.4, 0.3).requires_grad_()
    assert torch.autograd.gradcheck(lambda d: harmonics(d, 3), point)
    assert harmonics(GRID.float(), 3).dtype == torch.float32
    torch.testing.assert_close(harmonics(GRID.float(), 3).double(), harmonics(GRID, 3), atol=1e-6, rtol=0)


def test_fuma_is_scaled_to_a_largest_value_of_one():
    # A dense cap of directions holds the maximum of every harmonic to 1e-4.
    fuma = convert(harmonics(torch.from_numpy(fibonacci(100_000)), 3).mT, target="fuma")
    largest = fuma.abs().amax(dim=1)
    torch.testing.assert_close(largest[1:], torch.ones_like(largest[1:]), atol=1e-3, rtol=0)
    assert float(largest[0]) == pytest.approx(1 / sqrt(2))


def test_fuma_orders_its_letters_w_x_y_z_r_s_t_u_v_k_l_m_n_o_p_q():
    x, y, z = 0.48, 0.64, 0.6
    field = convert(harmonics(torch.tensor([[x, y, z]], dtype=torch.float64), 3).mT, target="fuma")[:, 0]
    expected = [1 / sqrt(2), x, y, z, (3 * z * z - 1) / 2, 2 * x * z, 2 * y * z, x * x - y * y, 2 * x * y]
    expected += [z * (5 * z * z - 3) / 2, sqrt(135 / 256) * x * (5 * z * z - 1), sqrt(135 / 256) * y * (5 * z * z - 1)]
    expected += [sqrt(27 / 4) * z * (x * x - y * y), sqrt(27) * x * y * z]
    expected += [x * (x * x - 3 * y * y), y * (3 * x * x - y * y)]
    assert field.tolist() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("order", [0, 1, 2, 3])
@pytest.mark.parametrize("convention", ["sn3d", "n3d", "fuma"])
def test_there_and_back(order, convention):
    sound = torch.randn(2, (order + 1) ** 2, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    there = convert(sound, "sn3d", convention)
    torch.testing.assert_close(convert(there, convention, "sn3d"), sound)
    torch.testing.assert_close(convert(there, convention, "n3d"), convert(sound, target="n3d"))


def test_n3d_is_sn3d_with_more_of_the_higher_orders():
    torch.testing.assert_close(convert(harmonics(GRID, 3).mT, target="n3d"), harmonics(GRID, 3, "n3d").mT)


@pytest.mark.parametrize("channels", [0, 2, 3, 5, 6, 8, 10, 15])
def test_other_numbers_of_channels_are_refused_in_one_line(channels):
    with pytest.raises(InputError, match=f"got {channels}") as error:
        order_of(channels)
    assert "\n" not in str(error.value)
    assert ("head-locked" in str(error.value)) == (channels == 6)


def test_fuma_ends_at_order_three():
    with pytest.raises(InputError, match="order 3"):
        convert(torch.zeros(25, 1), source="fuma")
    assert [order_of((n + 1) ** 2) for n in range(8)] == list(range(8))
