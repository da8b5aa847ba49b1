# SPDX-License-Identifier: Apache-2.0
"""Directions as unit vectors, rotations as matrices, grids on the sphere.

x front, y left, z up; azimuth a counter-clockwise from the front (left positive), elevation e up, both in rad. An
active rotation R turns a direction d into R d, right-handed about its axis: yaw about z turns to the left, pitch about
y turns the front DOWN where it is positive (a negative pitch looks up), roll about x lowers the right side.

Grids are NumPy arrays of float64. The rest is torch, differentiable and batched; numbers and NumPy arrays are taken as
tensors of the precision of the tensors beside them, else of float64.
"""

from math import pi, sqrt

import numpy as np
import torch
from jaxtyping import Float, Float64
from scipy.spatial import KDTree
from torch import Tensor

Angle = Tensor | np.ndarray | float


def direction(azimuth: Angle, elevation: Angle) -> Float[Tensor, "*n 3"]:
    """The unit vector (cos a cos e, sin a cos e, sin e)."""
    a, e = torch.broadcast_tensors(*_tensors(azimuth, elevation))
    return torch.stack([a.cos() * e.cos(), a.sin() * e.cos(), e.sin()], dim=-1)


def angles(vector: Float[Tensor, "*n 3"]) -> tuple[Float[Tensor, "*n"], Float[Tensor, "*n"]]:
    """Azimuth in (-pi, pi] and elevation in [-pi / 2, pi / 2] of vectors of any length; the azimuth of a pole is 0."""
    x, y, z = vector.unbind(-1)
    return torch.atan2(y, x), torch.atan2(z, torch.hypot(x, y))


def about(axis: Float[Tensor, "*n 3"], angle: Angle) -> Float[Tensor, "*n 3 3"]:
    """The rotation about a unit vector k (Rodrigues): R = cos(angle) I + sin(angle) [k]x + (1 - cos(angle)) k k^T."""
    turn = torch.as_tensor(angle, dtype=axis.dtype, device=axis.device)[..., None, None]
    identity = torch.eye(3, dtype=axis.dtype, device=axis.device)
    cross = torch.linalg.cross(axis[..., None, :].expand(*axis.shape, 3), identity.expand(*axis.shape, 3)).mT
    outer = axis[..., :, None] * axis[..., None, :]
    return turn.cos() * identity + turn.sin() * cross + (1 - turn.cos()) * outer


def rotation(yaw: Angle, pitch: Angle = 0.0, roll: Angle = 0.0) -> Float[Tensor, "*n 3 3"]:
    """R = Rz(yaw) Ry(pitch) Rx(roll): the front turns to azimuth yaw and elevation -pitch."""
    turns = _tensors(yaw, pitch, roll)
    axes = torch.eye(3).to(turns[0]).flip(0)
    z, y, x = (about(axis.expand(*turn.shape, 3), turn) for axis, turn in zip(axes, turns, strict=True))
    return z @ y @ x


def viewpoint(azimuth: Angle, elevation: Angle) -> Float[Tensor, "*n 3 3"]:
    """World to camera: Ry(elevation) Rz(-azimuth), which turns the wanted direction to the front."""
    return rotation(azimuth, -elevation).mT


def great_circle(a: Float[Tensor, "*n 3"], b: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n"]:
    """Angle between unit vectors in rad, 2 atan2(|a - b|, |a + b|): exact for small and for large angles."""
    return 2 * torch.atan2(torch.linalg.vector_norm(a - b, dim=-1), torch.linalg.vector_norm(a + b, dim=-1))


def fibonacci(count: int) -> Float64[np.ndarray, "count 3"]:
    """A near-uniform grid, top to bottom: z = 1 - (2 i + 1) / count, one golden angle from point to point."""
    index = np.arange(count)
    height = 1 - (2 * index + 1) / count
    azimuth = pi * (3 - sqrt(5)) * index
    level = np.sqrt(1 - height**2)
    return np.stack([level * np.cos(azimuth), level * np.sin(azimuth), height], axis=-1)


def equirectangular(height: int, width: int) -> Float64[np.ndarray, "height width 3"]:
    """The direction of every pixel centre: a = pi - 2 pi (u + .5) / width, e = pi / 2 - pi (v + .5) / height."""
    azimuth = pi - 2 * pi * (np.arange(width) + 0.5) / width
    elevation = pi / 2 - pi * (np.arange(height) + 0.5) / height
    return direction(azimuth, elevation[:, None]).numpy()


def shares(directions: Float64[np.ndarray, "D 3"]) -> Float64[np.ndarray, "D"]:
    """The part of the sphere nearest to each direction, counted on a fine grid: weights for means over the sphere."""
    nearest = KDTree(directions).query(fibonacci(20_000))[1]
    return np.bincount(nearest, minlength=len(directions)) / 20_000


def _tensors(*angles: Angle) -> tuple[Tensor, ...]:
    like = next((angle for angle in angles if isinstance(angle, Tensor)), torch.zeros((), dtype=torch.float64))
    return tuple(torch.as_tensor(angle, dtype=like.dtype, device=like.device) for angle in angles)
