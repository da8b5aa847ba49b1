"""Directions, rotations and grids against geometry that is known by hand."""

import runpy
from math import pi, radians
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from seehear.spatial.directions import (
    about,
    angles,
    direction,
    equirectangular,
    fibonacci,
    great_circle,
    rotation,
    shares,
    viewpoint,
)

FRONT, LEFT, UP = torch.eye(3, dtype=torch.float64)
azimuths, elevations = st.floats(-pi, pi), st.floats(-1.5, 1.5)


def test_the_axes_are_front_left_up():
    torch.testing.assert_close(direction(0.0, 0.0), FRONT)
    torch.testing.assert_close(direction(pi / 2, 0.0), LEFT)
    torch.testing.assert_close(direction(0.3, pi / 2), UP)


@given(azimuths, elevations)
def test_angles_undo_direction_at_any_length(azimuth, elevation):
    back = angles(3 * direction(azimuth, elevation))
    assert torch.stack(back).tolist() == pytest.approx([azimuth, elevation], abs=1e-9)


@given(azimuths, elevations, azimuths)
def test_rotations_are_those_of_scipy(yaw, pitch, roll):
    expected = torch.from_numpy(Rotation.from_euler("ZYX", [yaw, pitch, roll]).as_matrix())
    torch.testing.assert_close(rotation(yaw, pitch, roll), expected)
    axis = direction(yaw, pitch)
    expected = torch.from_numpy(Rotation.from_rotvec(roll * axis.numpy()).as_matrix())
    torch.testing.assert_close(about(axis, roll), expected)


def test_signs_of_the_three_turns():
    torch.testing.assert_close(rotation(0.3) @ FRONT, direction(0.3, 0.0))
    torch.testing.assert_close(rotation(0.2, -0.3) @ FRONT, direction(0.2, 0.3))
    torch.testing.assert_close(rotation(0.0, 0.0, pi / 2) @ LEFT, UP)


@given(azimuths, elevations)
def test_a_viewpoint_brings_its_direction_to_the_front_with_the_horizon_level(azimuth, elevation):
    camera = viewpoint(azimuth, elevation)
    torch.testing.assert_close(camera @ direction(azimuth, elevation), FRONT)
    assert float((camera.mT @ LEFT)[2]) == pytest.approx(0, abs=1e-12)
    assert float((camera @ UP)[2]) >= 0


def test_numbers_take_the_precision_of_the_tensors_beside_them():
    single = torch.tensor([0.3, 0.4])
    assert direction(single, 0.1).dtype == rotation(0.2, single).dtype == viewpoint(single, 0.1).dtype == torch.float32
    assert about(FRONT.float(), 0.1).dtype == torch.float32
    assert direction(0.1, np.zeros(2)).dtype == rotation(0.1).dtype == torch.float64


def test_rotations_are_batched_and_differentiable():
    yaw = torch.tensor([0.1, 0.2], dtype=torch.float64, requires_grad=True)
    many = rotation(yaw, torch.zeros(3, 1, dtype=torch.float64))
    assert many.shape == (3, 2, 3, 3)
    torch.testing.assert_close(many[2, 1], rotation(0.2))
    assert torch.autograd.gradcheck(lambda a: rotation(a, 0.2 * a, 0.3), yaw)


@given(azimuths, elevations, st.floats(0, pi))
def test_a_great_circle_has_the_angle_by_which_one_turns(azimuth, elevation, angle):
    here = direction(azimuth, elevation)
    across = torch.linalg.cross(here, direction(azimuth, elevation + 1.0))
    assert float(great_circle(here, about(across / across.norm(), angle) @ here)) == pytest.approx(angle, abs=1e-9)
    assert float(great_circle(here, here)) == 0


def test_a_fibonacci_grid_is_nearly_uniform():
    grid = fibonacci(400)
    np.testing.assert_allclose(np.linalg.norm(grid, axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(grid.mean(0), 0, atol=1e-3)
    np.testing.assert_allclose(grid.T @ grid / 400, np.eye(3) / 3, atol=1e-3)
    nearest = np.sort(np.arccos(np.clip(grid @ grid.T, -1, 1)), axis=1)[:, 1]
    # A square cell of area 4 pi / 400 has sides of 10.2 degrees.
    assert radians(6) < nearest.min()
    assert nearest.max() < radians(11)


def test_shares_are_solid_angles():
    np.testing.assert_allclose(shares(fibonacci(100)), 0.01, atol=2e-3)
    octants = shares(np.array([[0.0, 0, 1], [0, 0, -1], [1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]]))
    np.testing.assert_allclose(octants, 1 / 6, atol=1e-3)
    assert shares(np.array([[0.0, 0, 1]])).tolist() == [1.0]


def test_pixels_look_where_the_conventions_say():
    grid = equirectangular(90, 180)
    assert grid.shape == (90, 180, 3)
    pixel = radians(2)
    for (row, column), (azimuth, elevation) in {
        (45, 90): (-pixel / 2, -pixel / 2),
        (0, 0): (pi - pixel / 2, pi / 2 - pixel / 2),
        (89, 45): (pi / 2 - pixel / 2, -pi / 2 + pixel / 2),
    }.items():
        np.testing.assert_allclose(grid[row, column], direction(azimuth, elevation).numpy(), atol=1e-12)


def test_the_drawing_of_the_axes_is_what_its_script_draws():
    script = Path(__file__).parents[1] / "docs" / "axes.py"
    assert script.with_suffix(".svg").read_text() == runpy.run_path(str(script))["drawing"]()
