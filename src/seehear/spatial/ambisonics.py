# SPDX-License-Identifier: Apache-2.0
"""Ambisonic sound (AmbiX): encode, decode, rotate, mirror.

The sound field around a point is f(d, t) = y(d)^T b(t): b are the C = (N + 1)^2 ambisonic channels of order N, y the
harmonics (ACN, SN3D) of the direction d. A plane wave s(t) from d has b = y(d) s. Thesis Eq. 5.1 and 5.2.
"""

from functools import lru_cache
from math import comb, factorial, radians
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from seehear.errors import InputError
from seehear.spatial.directions import fibonacci
from seehear.spatial.harmonics import degrees, harmonics, order_of

Beam = Literal["projection", "max-directivity", "max-re", "in-phase"]


def encode(
    sound: Float[Tensor, "S N"], directions: Float[Tensor, "S 3"] | Float[Tensor, "S K 3"], order: int
) -> Float[Tensor, "C N"]:
    """b(t) = sum_i y(d_i) s_i(t) (Eq. 5.2).

    A moving source has its directions at K instants spread evenly from the first sample to the last. Gains between
    them are interpolated linearly, so that a source that turns by w rad between two instants loses cos(w / 2) of its
    directional channels half-way: K for steps under 5 degrees keeps that under 0.1 %.
    """
    gains = harmonics(directions.to(sound), order)
    if gains.ndim == 2:
        return gains.mT @ sound
    gains = torch.nn.functional.interpolate(gains.mT, sound.shape[-1], mode="linear", align_corners=True)
    return torch.einsum("scn,sn->cn", gains, sound)


def decode(
    ambisonic: Float[Tensor, "*b C N"], directions: Float[Tensor, "D 3"], beam: Beam = "projection"
) -> Float[Tensor, "*b D N"]:
    """What beams to the directions d hear: sum_n g_n sum_m Y_n^m(d) b_n^m(t), with g_n of `beam_weights`."""
    order = order_of(ambisonic.shape[-2])
    each = beam_weights(order, beam)
    weights = torch.tensor([each[n] for n, _ in degrees(order)], dtype=torch.float64).to(ambisonic)
    return harmonics(directions.to(ambisonic), order) * weights @ ambisonic


def beam_weights(order: int, beam: Beam) -> list[float]:
    """The weights g_n; a plane wave at the angle c from the axis of the beam is heard as sum_n g_n P_n(cos c).

    "projection" is Eq. 5.1 itself, g_n = 1, heard as N + 1 on the axis. The others are heard as 1 there:
    max-directivity g_n ~ 2 n + 1 (narrowest main lobe for its diffuse power), max-re g_n ~ (2 n + 1) P_n(cos(137.9
    degrees / (N + 1.51))) (energy most concentrated; Zotter and Frank, 2012), in-phase (no side lobes, never negative).
    """
    if beam == "projection":
        return [1.0] * (order + 1)
    if beam == "max-directivity":
        shape = np.ones(order + 1)
    elif beam == "max-re":
        cosine = np.cos(radians(137.9) / (order + 1.51))
        shape = np.array([np.polynomial.legendre.legval(cosine, [0] * n + [1]) for n in range(order + 1)])
    else:
        shape = np.array([comb(order, n) * factorial(n) / factorial(order + n + 1) for n in range(order + 1)])
        shape *= factorial(order + 1)
    weights = (2 * np.arange(order + 1) + 1) * shape
    return (weights / weights.sum()).tolist()


def rotation_matrix(rotation: Float[Tensor, "*b 3 3"], order: int) -> Float[Tensor, "*b C C"]:
    """The matrix D with y(R d) = D y(d) for every d; it turns what R turns, and stays exact for mirrors too.

    D has a block for each n, because Y_n^m(R d) is a combination of the Y_n of d alone. A block is the exact solution
    of Y_n(R d_k) = D_n Y_n(d_k) on more directions d_k than it has rows. It is solved in float64; differentiable.
    """
    points, inverse = _solver(order)
    turned = points.to(rotation.device) @ rotation.double().mT
    values = harmonics(turned, order)
    blocks = torch.zeros(*rotation.shape[:-2], (order + 1) ** 2, (order + 1) ** 2).to(values)
    for n in range(order + 1):
        rows = slice(n * n, (n + 1) ** 2)
        blocks[..., rows, rows] = (inverse[rows].to(rotation.device) @ values[..., rows]).mT
    return blocks.to(rotation.dtype)


@lru_cache(maxsize=16)
def _solver(order: int) -> tuple[Tensor, Tensor]:
    """Directions [K, 3], and one above the other the pseudo-inverses [2 n + 1, K] of the harmonics of each n there."""
    points = torch.from_numpy(fibonacci(4 * (order + 1) ** 2))
    values = harmonics(points, order)
    inverses = [torch.linalg.pinv(values[:, n * n : (n + 1) ** 2]) for n in range(order + 1)]
    return points, torch.cat(inverses)


def rotate(ambisonic: Float[Tensor, "*b C N"], rotation: Float[Tensor, "*b 3 3"]) -> Float[Tensor, "*b C N"]:
    """The sound field turned: what came from d comes from R d. For a viewpoint give `viewpoint(azimuth, elevation)`."""
    return rotation_matrix(rotation, order_of(ambisonic.shape[-2])).to(ambisonic) @ ambisonic


def mirror(ambisonic: Float[Tensor, "*b C N"]) -> Float[Tensor, "*b C N"]:
    """Left and right exchanged (y -> -y): every channel with m < 0 changes its sign."""
    order = order_of(ambisonic.shape[-2])
    signs = torch.tensor([-1.0 if m < 0 else 1.0 for _, m in degrees(order)]).to(ambisonic)
    return ambisonic * signs[:, None]


def checked(ambisonic: Float[Tensor, "*b C N"], least: int = 0) -> int:
    """The order of a sound that can be measured or rendered.

    InputError for a number of channels that no order has, an order under `least`, no samples, or samples that are not
    finite.
    """
    order = order_of(ambisonic.shape[-2])
    if order < least:
        raise InputError(f"expected ambisonic sound of order {least} or more, got {ambisonic.shape[-2]} channel")
    if not ambisonic.shape[-1]:
        raise InputError("expected ambisonic sound, got one of length zero")
    finite = torch.isfinite(ambisonic)
    if not finite.all():
        first = int((~finite).reshape(-1, finite.shape[-1]).any(0).nonzero()[0])
        raise InputError(f"expected finite samples, got NaN or infinity at sample {first}: decode or clean it again")
    return order
