# SPDX-License-Identifier: Apache-2.0
"""Physics that tells the conventions of ambisonic channels apart, asked of their covariances R [T, B, C, C].

For any sum of uncorrelated plane waves, from wherever they come:

    energy   sum_m <b_n^m b_n^m> = g_n^2 <W W>, g_n^2 = 1 in SN3D and 2 n + 1 in N3D; in FuMa W is 3 dB low, so that
             order 1 has 2 and orders 2 and 3 about 2.5 and 3 times the energy of W
    products <X Y> = <W V> / sqrt 3, and likewise Y Z with T, X Z with S, (X X - Y Y) / 2 with U and
             (2 Z Z - X X - Y Y) / sqrt 12 with R, because harmonics of order 2 are products of those of order 1

The energies tell the normalisation. They do not change when X, Y and Z are exchanged, nor does anything else in first
order, where ACN (W Y Z X) and FuMa (W X Y Z) are one sound field in two rooms, turned by 120 degrees about (1, 1, 1).
With order 2 the products tell the order of the channels, and exchanged or inverted ones too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from math import log10
from typing import Literal

import numpy as np
from jaxtyping import Float64

Covariance = Float64[np.ndarray, "T B C C"]
Order = Literal["ACN", "FuMa"]
Normalisation = Literal["SN3D", "N3D", "FuMa"]
Exchange = tuple[tuple[int, int, int], tuple[int, int, int]]

NOMINAL: dict[Normalisation, tuple[float, ...]] = {
    "SN3D": (0.0, 0.0, 0.0),
    "FuMa": tuple(10 * log10(ratio) for ratio in (2, 2.5, 3)),
    "N3D": tuple(10 * log10(ratio) for ratio in (3, 5, 7)),
}
"""dB of orders 1, 2 and 3 over W."""
_MISSING = 10 * log10(3 / 2)  # dB that at most go with one of X, Y, Z, if sound comes from everywhere
_FITS = 1.5  # dB from what a normalisation wants
_APART = 1.0  # dB between the best and the next, and
_SPREADS = 3.0  # so many spreads over the bands
_QUIET = 1e-5  # of the energy of the loudest band
_AS_THEY_ARE: Exchange = ((0, 1, 2), (1, 1, 1))
# Where X, Y, Z and V, T, R, S, U are.
_PLACES: dict[Order, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "ACN": ((3, 1, 2), (4, 5, 6, 7, 8)),
    "FuMa": ((1, 2, 3), (8, 6, 4, 5, 7)),
}
_AGREES, _LEADS = 0.5, 0.25  # correlation, and its lead over the other order, or
_EXACT, _BEATS = 0.95, 0.05  # the same where few directions make both high
_EXCHANGED, _LEADS_EXCHANGED = 0.7, 0.05


@dataclass(frozen=True)
class Energies:
    """dB of every order over W, in the middle of the bands; `spread` is that of the first over the bands."""

    ratios: tuple[float, ...]
    spread: float
    misfits: dict[Normalisation, float]

    @property
    def candidates(self) -> list[Normalisation]:
        """The normalisations that cannot be ruled out, the best first; none if not even the best one fits."""
        ranked = sorted(self.misfits, key=lambda name: self.misfits[name])
        reach = self.misfits[ranked[0]] + max(_APART, _SPREADS * self.spread)
        return [name for name in ranked if self.misfits[name] < reach] if self.misfits[ranked[0]] <= _FITS else []

    @property
    def words(self) -> str:
        """The numbers in a sentence."""
        orders = " and ".join(
            f"order {n} has {round(ratio, 1) + 0.0:+.1f} dB" for n, ratio in enumerate(self.ratios, start=1)
        )
        wanted = ", ".join(
            f"{name} {' / '.join(f'{value:.1f}' for value in values[: len(self.ratios)])}"
            for name, values in NOMINAL.items()
        )
        return f"{orders} of the energy of W, within {self.spread:.1f} dB over the bands ({wanted})"


def energies(covariance: Covariance, pressure: int = 0, dead: Sequence[int] = (), missing: bool = False) -> Energies:
    """Energies of the orders over that of channel `pressure`, which is taken for W; what `dead` channels have is noise.

    `missing` says that one of X, Y, Z was not recorded, so that orders may have 1.8 dB less.
    """
    order = round(covariance.shape[-1] ** 0.5) - 1
    power = covariance.sum(axis=0).diagonal(axis1=1, axis2=2).copy()
    power[:, [channel for channel in dead if channel != pressure]] = 0
    power = np.concatenate([power[:, [pressure]], np.delete(power, pressure, axis=1)], axis=1)
    power = np.maximum(power[power.sum(axis=1) >= _QUIET * power.sum(axis=1).max()], power.max() * 1e-20)
    ratios, spread = [], 0.0
    for n in range(1, order + 1):
        # Microphones have little of the high orders at low frequencies; the bands are half octaves from 250 Hz.
        heard = power[2 * (n - 1) :] if len(power) > 2 * (n - 1) else power
        level = 10 * np.log10(heard[:, n * n : (n + 1) ** 2].sum(axis=1) / heard[:, 0])
        ratios.append(float(np.median(level)))
        spread = spread or float(level.std())
    misfits = {name: _misfit(ratios, values, missing) for name, values in NOMINAL.items()}
    return Energies(tuple(ratios), spread, misfits)


def _misfit(ratios: list[float], nominal: tuple[float, ...], missing: bool) -> float:
    low = _MISSING if missing else 0.0
    off = [max(ratio - want, want - low - ratio, 0.0) for ratio, want in zip(ratios, nominal, strict=False)]
    return float(np.sqrt(np.mean(np.square(off))))


@dataclass(frozen=True)
class Products:
    """How well the products fit: correlations for each order of the channels, and, of the better one, by which
    exchange and inversion of X, Y, Z (`exchanged`: which of them, and its sign, is heard in place of X, Y, Z) they fit
    best. A negative correlation is an inverted W.
    """

    scores: dict[Order, float]
    exchanged: Exchange
    best: float

    @property
    def order(self) -> Order | None:
        """The order of the channels that the products tell, None if they do not."""
        first, second = sorted(self.scores, key=lambda name: -abs(self.scores[name]))
        best, lead = abs(self.scores[first]), abs(self.scores[first]) - abs(self.scores[second])
        return first if (best >= _AGREES and lead >= _LEADS) or (best >= _EXACT and lead >= _BEATS) else None

    @property
    def words(self) -> str:
        """The correlations in a sentence."""
        scores = ", ".join(f"{name} {score:.2f}" for name, score in self.scores.items())
        return f"correlation of the products of order 1 with order 2: {scores}"

    @property
    def wrong(self) -> bool:
        """Whether X, Y and Z fit clearly better exchanged or inverted."""
        natural = max(abs(score) for score in self.scores.values())
        return abs(self.best) >= _EXCHANGED and abs(self.best) - natural >= _LEADS_EXCHANGED


def products(covariance: Covariance) -> Products:
    """Try both orders of the channels, with X, Y and Z in any exchange and with any one inverted."""
    seconds, whole = covariance.reshape(-1, *covariance.shape[2:]), covariance.sum(axis=0)
    tried = [_tried(seconds), _tried(whole)]
    # Seconds show what moves, the sum what is faint.
    scores = max(tried, key=lambda one: max(abs(one[name, _AS_THEY_ARE]) for name in _PLACES))
    name, exchanged = max(scores, key=lambda key: abs(scores[key]))
    natural = {name: scores[name, _AS_THEY_ARE] for name in _PLACES}
    return Products(natural, exchanged, scores[name, exchanged])


def _exchanges() -> Iterator[Exchange]:
    for x, y, z in permutations(range(3)):
        for signs in ((1, 1, 1), (-1, 1, 1), (1, -1, 1), (1, 1, -1)):
            yield (x, y, z), signs


def _tried(covariances: Float64[np.ndarray, "M C C"]) -> dict[tuple[Order, Exchange], float]:
    """The correlation of the products with what order 2 says, each covariance counting alike."""
    energy = covariances.trace(axis1=1, axis2=2)
    matrices = covariances[energy > _QUIET * energy.max()]
    matrices = matrices / matrices.trace(axis1=1, axis2=2)[:, None, None]
    scores = {}
    for name, (first, second) in _PLACES.items():
        said = matrices[:, 0, list(second)]
        for exchange in _exchanges():
            axes, signs = [first[axis] for axis in exchange[0]], np.array(exchange[1])
            block = matrices[:, axes][:, :, axes] * signs[:, None] * signs
            (xx, xy, xz), (_, yy, yz), (_, _, zz) = block.transpose(1, 2, 0)
            expected = np.stack([xy, yz, (2 * zz - xx - yy) / 12**0.5, xz, (xx - yy) / 2], axis=1)
            power = np.square(expected).sum() * np.square(said).sum()
            scores[name, exchange] = float((expected * said).sum() / np.sqrt(power)) if power else 0.0
    return scores


def turning(covariance: Covariance) -> bool:
    """Whether sound comes from more than one direction: whether <(X, Y, Z) (X, Y, Z)> has a second dimension."""
    matrix = covariance.sum(axis=(0, 1))[1:4, 1:4]
    values = np.linalg.eigvalsh(matrix)
    return bool(values[1] > 1e-3 * values[2])


def vertical(covariance: Covariance) -> tuple[int, float]:
    """The quietest of channels 1 to 3, which Z tends to be, and by how many dB it is quieter than the next."""
    power = covariance.sum(axis=(0, 1)).diagonal()[1:4]
    order = np.argsort(power)
    return int(order[0]) + 1, float(10 * np.log10(max(power[order[1]], 1e-30) / max(power[order[0]], 1e-30)))
