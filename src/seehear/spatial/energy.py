# SPDX-License-Identifier: Apache-2.0
"""Where sound comes from: energy maps, intensity, diffuseness.

    E(d, t) = sqrt(1 / T sum_(tau in w_t) (y(d)^T b(tau))^2) = sqrt(y(d)^T R(t) y(d)), R(t) = 1 / T sum b(tau) b(tau)^T

(thesis Eq. 5.5; b are AmbiX channels, y their harmonics, w_t a window of T samples). The C x C covariance R(t) is all
that a map needs of the sound, so that its cost does not grow with grid times samples. Window k begins at k hop s; only
whole windows count, but a sound shorter than one window is one. A plane wave of RMS a gives E = a |sum_n P_n(cos c)| at
the angle c from it.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from seehear.errors import InputError
from seehear.spatial.ambisonics import checked
from seehear.spatial.harmonics import harmonics, order_of

_LEAST = 1e-30  # power of a map; keeps the slope of the square root finite in silence


class Intensity(NamedTuple):
    """Unit vectors of arrival (0 in silence), and how diffuse the sound is: 0 a plane wave, 1 no direction at all."""

    direction: Float[Tensor, "*b T 3"]
    diffuseness: Float[Tensor, "*b T"]


def covariance(
    ambisonic: Float[Tensor, "*b C N"], rate: int, window: float = 0.1, hop: float = 0.1
) -> Float[Tensor, "*b T C C"]:
    """R(t) in float64 for windows of `window` s every `hop` s.

    InputError for sound that is empty, not finite, or of another number of channels than an order has, and for a
    window or hop under one sample.
    """
    checked(ambisonic)
    size, step, samples = round(window * rate), hop * rate, ambisonic.shape[-1]
    if size < 1 or step < 1:
        raise InputError(f"expected a window and a hop of at least one sample (1 / {rate} s), got {window} and {hop} s")
    starts = [round(k * step) for k in range(int(max(samples - size, 0) / step) + 1)]
    pieces = (ambisonic[..., start : start + size].double() for start in starts)
    return torch.stack([piece @ piece.mT / piece.shape[-1] for piece in pieces], dim=-3)


def directional_energy(covariance: Float[Tensor, "*b C C"], directions: Float[Tensor, "D 3"]) -> Float[Tensor, "*b D"]:
    """sqrt(y^T R y) for every direction, as one product of the C (C + 1) / 2 different entries of R and of y y^T."""
    channels = covariance.shape[-1]
    row, column = torch.triu_indices(channels, channels, device=covariance.device)
    values = harmonics(directions.to(covariance), order_of(channels))
    products = values[:, row] * values[:, column] * torch.where(row == column, 1.0, 2.0)
    power = covariance[..., row, column] @ products.mT
    return power.clamp(min=_LEAST).sqrt()


def energy_map(
    ambisonic: Float[Tensor, "*b C N"],
    directions: Float[Tensor, "D 3"],
    rate: int,
    window: float = 0.1,
    hop: float = 0.1,
) -> Float[Tensor, "*b T D"]:
    """E(d, t) of Eq. 5.5 on a grid such as `fibonacci(400)` or a flat `equirectangular`; errors of `covariance`."""
    return directional_energy(covariance(ambisonic, rate, window, hop), directions).to(ambisonic.dtype)


def peak(energy: Float[Tensor, "*b D"], directions: Float[Tensor, "D 3"]) -> Float[Tensor, "*b 3"]:
    """The direction of the largest value of a map."""
    return directions.to(energy.device)[energy.argmax(dim=-1)]


def intensity(ambisonic: Float[Tensor, "*b C N"], rate: int, window: float = 0.1, hop: float = 0.1) -> Intensity:
    """I = <W (X, Y, Z)> points to where sound comes from; diffuseness = 1 - 2 |I| / <W^2 + X^2 + Y^2 + Z^2>.

    Both of the first order, all frequencies together. Pulkki, "Spatial sound reproduction with directional audio
    coding", 2007. InputError as for `covariance`, and for order 0.
    """
    checked(ambisonic, least=1)
    second = covariance(ambisonic, rate, window, hop)
    vector = second[..., 0, [3, 1, 2]]
    strength = torch.linalg.vector_norm(vector, dim=-1)
    power = second.diagonal(dim1=-2, dim2=-1)[..., :4].sum(-1)
    direction = vector / strength.clamp(min=_LEAST)[..., None]
    diffuseness = 1 - 2 * strength / power.clamp(min=_LEAST)
    return Intensity(direction.to(ambisonic.dtype), diffuseness.clamp(0, 1).to(ambisonic.dtype))
