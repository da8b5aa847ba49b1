# SPDX-License-Identifier: Apache-2.0
"""Real spherical harmonics of a direction (x, y, z) and the conventions that order and scale them.

    Y_n^m = sqrt((2 - [m = 0]) (n - |m|)! / (n + |m|)!) L_n^|m|(z) * (Re (x + i y)^m for m >= 0, Im (x + i y)^|m| else)

with L_n^m(z) = P_n^m(z) / (1 - z^2)^(m / 2), a polynomial (no Condon-Shortley phase). This is SN3D, where Y_0^0 = 1 and
sum_m Y_n^m(a) Y_n^m(b) = P_n(cos of the angle between a and b); N3D is SN3D sqrt(2 n + 1), of mean power 1.

ACN puts degree n and index m into channel n^2 + n + m: W, Y, Z, X, V, T, R, S, U, ... Order N has C = (N + 1)^2
channels. AmbiX is ACN with SN3D. FuMa (to order 3) is ordered by letters and scaled to a largest value of 1, but for W
that is 1 / sqrt(2). Sources: Nachbar et al., "AmbiX", 2011; Malham, "Higher order ambisonic systems", 2003 (FuMa).
"""

from math import factorial, isqrt, sqrt
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from seehear.errors import InputError

Convention = Literal["sn3d", "n3d", "fuma"]

_ACN, _FUMA = "WYZXVTRSUQOMKLNP", "WXYZRSTUVKLMNOPQ"
_MAX_N = {
    **dict.fromkeys("XYZRK", 1.0),
    "W": sqrt(1 / 2),
    **dict.fromkeys("STUV", sqrt(4 / 3)),
    **dict.fromkeys("LM", sqrt(45 / 32)),
    **dict.fromkeys("NO", sqrt(9 / 5)),
    **dict.fromkeys("PQ", sqrt(8 / 5)),
}


def harmonics(
    direction: Float[Tensor, "*n 3"], order: int, normalization: Literal["sn3d", "n3d"] = "sn3d"
) -> Float[Tensor, "*n C"]:
    """All Y_n^m to `order` at unit vectors, in ACN; differentiable, in the precision of the direction."""
    x, y, z = direction.unbind(-1)
    channels: list[Tensor] = [x] * (order + 1) ** 2
    real, imaginary = torch.ones_like(x), torch.zeros_like(x)
    for m in range(order + 1):
        for n, polynomial in enumerate(_legendre(z, m, order), start=m):
            scale = sqrt((2 if m else 1) * factorial(n - m) / factorial(n + m))
            if normalization == "n3d":
                scale *= sqrt(2 * n + 1)
            channels[n * n + n + m] = scale * polynomial * real
            if m:
                channels[n * n + n - m] = scale * polynomial * imaginary
        real, imaginary = x * real - y * imaginary, x * imaginary + y * real
    return torch.stack(channels, dim=-1)


def degrees(order: int) -> list[tuple[int, int]]:
    """(n, m) of every channel in ACN."""
    return [(n, m) for n in range(order + 1) for m in range(-n, n + 1)]


def order_of(channels: int) -> int:
    """The order N of (N + 1)^2 channels; InputError for any other number."""
    order = isqrt(max(channels, 0)) - 1
    if order < 0 or (order + 1) ** 2 != channels:
        hint = "; of a first order with a head-locked stereo pair, give channels 0 to 3" if channels == 6 else ""
        raise InputError(f"expected ambisonic sound of 1, 4, 9, 16 ... channels, got {channels}{hint}")
    return order


def convert(
    ambisonic: Float[Tensor, "*b C N"], source: Convention = "sn3d", target: Convention = "sn3d"
) -> Float[Tensor, "*b C N"]:
    """The same sound field in another convention: ACN with SN3D ("sn3d", AmbiX), ACN with N3D, or FuMa."""
    order = order_of(ambisonic.shape[-2])
    if "fuma" in (source, target) and order > 3:
        raise InputError(f"FuMa ends at order 3 (16 channels), got order {order}: use sn3d or n3d")
    if source == "fuma":
        ambisonic = ambisonic[..., [_FUMA.index(letter) for letter in _ACN[: (order + 1) ** 2]], :]
    of_target, of_source = torch.tensor([_scale(order, target), _scale(order, source)], dtype=torch.float64)
    ambisonic = ambisonic * (of_target / of_source).to(ambisonic)[:, None]
    if target == "fuma":
        ambisonic = ambisonic[..., [_ACN.index(letter) for letter in _FUMA[: (order + 1) ** 2]], :]
    return ambisonic


def _scale(order: int, convention: Convention) -> list[float]:
    """Factor from SN3D of every channel, in ACN."""
    if convention == "fuma":
        return [_MAX_N[letter] for letter in _ACN[: (order + 1) ** 2]]
    return [sqrt(2 * n + 1) if convention == "n3d" else 1.0 for n, _ in degrees(order)]


def _legendre(z: Tensor, m: int, order: int) -> list[Tensor]:
    """L_n^m(z) for n = m .. order: (n - m) L_n = (2 n - 1) z L_(n-1) - (n + m - 1) L_(n-2), L_m = (2 m - 1)!!."""
    values = [torch.full_like(z, float(factorial(2 * m) // (2**m * factorial(m))))]
    before = torch.zeros_like(z)
    for n in range(m + 1, order + 1):
        values.append(((2 * n - 1) * z * values[-1] - (n + m - 1) * before) / (n - m))
        before = values[-2]
    return values
