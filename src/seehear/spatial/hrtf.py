# SPDX-License-Identifier: Apache-2.0
"""Head-related impulse responses: measured ones out of SOFA files, and those of a rigid sphere.

h_(d, e)[n] is what the ear e (0 left, 1 right) hears of an impulse from the direction d, against a free field where the
middle of the head would be; the impulse would be there at sample `origin`.
"""

from dataclasses import dataclass
from math import ceil, gcd
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Complex128, Float64
from scipy.special import eval_legendre, spherical_jn, spherical_yn

from seehear.errors import InputError
from seehear.spatial.directions import direction, fibonacci, shares

if TYPE_CHECKING:
    from sofar import SofaStream

SPEED = 343.0
"""Speed of sound c (m/s)."""
RADIUS = 0.0875
"""Radius of the spherical head (m)."""
_CONVENTION = "SimpleFreeFieldHRIR"
_MOST_VALUES = 2**27  # of a SOFA file: one of 20,000 directions has 2**24
_ONSET = 0.2  # of the largest sample: where a response begins


@dataclass(frozen=True, eq=False)
class Hrtf:
    """Impulse responses [D, 2, taps] from D directions (unit vectors) at `rate` Hz."""

    responses: Float64[np.ndarray, "D 2 taps"]
    directions: Float64[np.ndarray, "D 3"]
    rate: int
    origin: float

    def at(self, rate: int) -> "Hrtf":
        """The same responses at another rate: the same spectrum up to the lower Nyquist frequency."""
        from scipy.signal import resample_poly

        if rate == self.rate:
            return self
        common = gcd(rate, self.rate)
        responses = resample_poly(self.responses, rate // common, self.rate // common, axis=-1)
        return Hrtf(responses * (self.rate / rate), self.directions, rate, self.origin * rate / self.rate)

    def equalised(self) -> "Hrtf":
        """The head without what all its directions have in common: loudspeaker, microphone, ear canal.

        Every response goes through the minimum-phase filter 1 / sqrt(mean |H|^2) (diffuse-field equalisation), after
        which the mean power over the sphere and both ears is 1 at every frequency. It does not amplify by more than
        20 dB over the median, so that what was not measured stays silent.
        """
        taps = self.responses.shape[-1]
        spectrum = np.fft.rfft(self.responses, 4 * taps)
        power = np.einsum("d,def->f", shares(self.directions), np.abs(spectrum) ** 2) / 2
        level = 0.5 * np.log(np.maximum(power, np.median(power) / 100))
        # The cepstrum of a minimum-phase filter is that of its magnitude, folded onto positive times.
        cepstrum = np.fft.irfft(-level)
        cepstrum[1 : 2 * taps] *= 2
        cepstrum[2 * taps + 1 :] = 0
        responses = np.fft.irfft(spectrum * np.exp(np.fft.rfft(cepstrum)))[..., :taps]
        return Hrtf(responses, self.directions, self.rate, self.origin)


def spherical_head(rate: int, radius: float = RADIUS, duration: float = 0.005, count: int = 600) -> Hrtf:
    """The exact response of a rigid sphere with ears at azimuth 90 and -90 degrees, on a Fibonacci grid of `count`.

    H(f) = 1 / x^2 sum_m i^(m - 1) (2 m + 1) P_m(cos g) / h'_m(x),   x = 2 pi f radius / c

    with g the angle between source and ear and h_m the spherical Hankel function of the second kind (time goes as
    exp(2 pi i f t)). Plane waves; no pinnae. Duda and Martens, J. Acoust. Soc. Am. 104, 1998. The difference of the
    times of arrival is near radius / c (a + sin a) at the azimuth a (Woodworth), and 3 radius / c sin a at low
    frequencies.
    """
    taps, directions = round(duration * rate), fibonacci(count)
    cosine = np.stack([directions[:, 1], -directions[:, 1]], axis=1)
    frequency = np.fft.rfftfreq(taps, 1 / rate)
    spectrum = _sphere(2 * np.pi * frequency * radius / SPEED, cosine)
    spectrum *= np.exp(-2j * np.pi * frequency * (taps // 4) / rate)
    return Hrtf(np.fft.irfft(spectrum, taps), directions, rate, float(taps // 4))


def _sphere(x: Float64[np.ndarray, "F"], cosine: Float64[np.ndarray, "D 2"]) -> Complex128[np.ndarray, "D 2 F"]:
    """The series above; at x = 0 the sphere is not there. Terms beyond x + 4 x^(1/3) + 20 are below 1e-12."""
    total = np.zeros((*cosine.shape, len(x)), dtype=np.complex128)
    total[..., x == 0] = 1
    needed = np.where(x > 0, np.ceil(x + 4 * np.cbrt(x) + 20), -1)
    for m in range(int(needed.max()) + 1):
        here = needed >= m
        slope = spherical_jn(m, x[here], derivative=True) - 1j * spherical_yn(m, x[here], derivative=True)
        total[..., here] += eval_legendre(m, cosine)[..., None] * (1j ** (m - 1) * (2 * m + 1) / (x[here] ** 2 * slope))
    return total


def read_sofa(path: Path) -> Hrtf:
    """The responses of a SOFA file of convention SimpleFreeFieldHRIR (AES69), delays of the file put in.

    Origin is the mean time at which responses begin, which of a sphere is the middle of the head to 10 us. InputError
    for a file that is missing, damaged, too large or of another convention.
    """
    from sofar import SofaStream

    if not path.is_file():
        raise InputError(f"{path}: expected a SOFA file, found none")
    try:
        with SofaStream(str(path)) as file:
            if file.GLOBAL_SOFAConventions != _CONVENTION:
                raise InputError(f"{path}: expected SOFA convention {_CONVENTION}, got {file.GLOBAL_SOFAConventions}")
            return _responses(file)
    except InputError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: expected a SOFA file of convention {_CONVENTION}: {reason}") from error


def _responses(file: "SofaStream") -> Hrtf:
    """The content of an open file, refused with a ValueError where it is not what the convention promises."""
    shape = file.Data_IR.shape
    if len(shape) != 3 or shape[1] != 2 or not 0 < np.prod(shape, dtype=float) <= _MOST_VALUES:
        raise ValueError(f"responses of shape {shape} instead of [directions, 2, taps]")
    view, up = _vectors(file, "ListenerView")[0], _vectors(file, "ListenerUp", file.ListenerView_Type)[0]
    if not (np.allclose(view, (1, 0, 0), atol=1e-3) and np.allclose(up, (0, 0, 1), atol=1e-3)):
        raise ValueError(f"a listener who looks along {view} with {up} up, instead of along x with z up")
    rate, delay = float(file.Data_SamplingRate[:].item()), _numbers(file.Data_Delay)
    if not (8000 <= rate <= 384_000 and rate.is_integer()):
        raise ValueError(f"a rate of {rate} Hz")
    left_first = _vectors(file, "ReceiverPosition")[:, 1] @ (1, -1) > 0
    ears = slice(None) if left_first else slice(None, None, -1)
    responses = _delayed(_numbers(file.Data_IR), np.broadcast_to(delay, shape[:2]))[:, ears]
    directions = np.broadcast_to(_vectors(file, "SourcePosition"), (shape[0], 3)).copy()
    loud = np.abs(responses)
    if not loud.any(axis=-1).all():
        raise ValueError("a response without sound")
    onset = np.argmax(loud >= _ONSET * loud.max(axis=-1, keepdims=True), axis=-1)
    return Hrtf(responses, directions, int(rate), float(onset.mean()))


def _numbers(variable: Any) -> Float64[np.ndarray, "..."]:
    """All values of a variable; a ValueError where some are missing or not finite."""
    values = np.ma.filled(variable[:].astype(np.float64), np.nan)
    if not np.isfinite(values).all():
        raise ValueError(f"{variable.name} has values that are missing or not finite")
    return values


def _vectors(file: "SofaStream", name: str, kind: str = "") -> Float64[np.ndarray, "M 3"]:
    """Positions as unit vectors, out of Cartesian coordinates or of azimuth, elevation (degrees) and distance."""
    values = _numbers(getattr(file, name)).reshape(-1, 3)
    if (kind or getattr(file, f"{name}_Type")) == "spherical":
        return direction(np.radians(values[:, 0]), np.radians(values[:, 1])).numpy()
    length = np.linalg.norm(values, axis=1, keepdims=True)
    if not length.all():
        raise ValueError(f"{name} holds a position without a direction")
    return values / length


def _delayed(
    responses: Float64[np.ndarray, "D 2 taps"], delay: Float64[np.ndarray, "D 2"]
) -> Float64[np.ndarray, "D 2 more"]:
    """Responses later by `delay` samples, fractions by a phase ramp."""
    if not delay.any():
        return responses
    most = ceil(float(delay.max()))
    if delay.min() < 0 or most > 10 * responses.shape[-1] + 10_000:
        raise ValueError(f"delays of {delay.min()} to {delay.max()} samples")
    taps = responses.shape[-1] + most
    turn = np.exp(-2j * np.pi * np.fft.rfftfreq(2 * taps) * delay[..., None])
    return np.fft.irfft(np.fft.rfft(responses, 2 * taps) * turn, 2 * taps)[..., :taps]
