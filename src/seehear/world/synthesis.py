# SPDX-License-Identifier: Apache-2.0
"""Building blocks of voices: clocks, impulses at fractional instants, decays, modes, wave tables and coloured noise.

A voice is a function of a Thing and a Grid that returns the sound it emits [N], of any level.
Frequencies are in Hz, times in s.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float64
from scipy.signal import lfilter

from seehear.world.motion import Beat, beat
from seehear.world.scene import Thing

Sound = Float64[np.ndarray, "N"]
Events = Sequence[float] | Float64[np.ndarray, "E"]


@dataclass(frozen=True)
class Grid:
    """The instants start + n / rate, n = 0 .. count - 1."""

    start: float
    rate: int
    count: int

    @property
    def times(self) -> Sound:
        """The instants (s)."""
        return self.start + np.arange(self.count) / self.rate

    def beat(self, thing: Thing) -> Beat:
        """Where the instants lie among the events of a thing."""
        return beat(thing.events, self.times)


VoiceOf = Callable[[Thing, Grid], Sound]


def pitch(thing: Thing, usual: float) -> float:
    """The pitch (Hz) of an instance whose class has `usual`."""
    return float(usual * 2.0**thing.voice.pitch)


def lasting(thing: Thing, usual: float) -> float:
    """The decay time (s) of an instance whose class has `usual`."""
    return float(usual * 2.0**thing.voice.decay)


def share(thing: Thing) -> float:
    """How strongly an instance has what varies in its class: 1/2 to 2 at nuisance 1."""
    return float(2.0**thing.voice.brightness)


def noise(thing: Thing, grid: Grid, stream: int = 0) -> Sound:
    """White noise of unit power that belongs to the thing."""
    return np.random.default_rng([thing.voice.seed, stream]).standard_normal(grid.count)


def draws(thing: Thing, count: int, stream: int = 9) -> Sound:
    """`count` uniform numbers in [0, 1) that belong to the thing."""
    return np.random.default_rng([thing.voice.seed, stream]).random(count)


def impulses(instants: Events, weights: Events, grid: Grid) -> Sound:
    """Unit impulses at fractional instants, each shared by the two samples around it."""
    out = np.zeros(grid.count + 1)
    place = (np.asarray(instants) - grid.start) * grid.rate
    inside = (place >= 0) & (place < grid.count - 1)
    first = np.floor(place[inside]).astype(int)
    late, weight = place[inside] - first, np.asarray(weights)[inside]
    np.add.at(out, first, weight * (1 - late))
    np.add.at(out, first + 1, weight * late)
    return out[:-1]


def decaying(excitation: Sound, decay: float, grid: Grid) -> Sound:
    """Each impulse becomes exp(-t / decay)."""
    return lfilter([1.0], [1.0, -np.exp(-1 / (decay * grid.rate))], excitation)


def mode(excitation: Sound, frequency: float, decay: float, grid: Grid) -> Sound:
    """Each impulse becomes exp(-t / decay) sin(2 pi f t); silence when f is beyond 45 % of the rate."""
    if frequency > 0.45 * grid.rate:
        return np.zeros(grid.count)
    radius, angle = np.exp(-1 / (decay * grid.rate)), 2 * np.pi * frequency / grid.rate
    return lfilter([0.0, radius * np.sin(angle)], [1.0, -2 * radius * np.cos(angle), radius**2], excitation)


def band(sound: Sound, centre: float, quality: float, grid: Grid) -> Sound:
    """A resonance about `centre` of width centre / quality, of unit gain at its top."""
    angle = 2 * np.pi * min(centre, 0.45 * grid.rate) / grid.rate
    alpha = np.sin(angle) / (2 * quality)
    return lfilter([alpha, 0.0, -alpha], [1 + alpha, -2 * np.cos(angle), 1 - alpha], sound)


def smooth(sound: Sound, cutoff: float, grid: Grid) -> Sound:
    """A low-pass of first order."""
    pole = np.exp(-2 * np.pi * cutoff / grid.rate)
    return lfilter([1 - pole], [1.0, -pole], sound)


@lru_cache(maxsize=256)
def _table(harmonics: tuple[float, ...]) -> Sound:
    turn = 2 * np.pi * np.arange(2049) / 2048
    wave = sum(a * np.sin((k + 1) * turn + 0.7 * k * k) for k, a in enumerate(harmonics))
    wave = np.asarray(wave)
    return wave / np.sqrt(np.mean(wave[:-1] ** 2))


def periodic(cycles: Sound, harmonics: tuple[float, ...]) -> Sound:
    """A wave of unit power with these amplitudes of its harmonics, at a phase given in cycles."""
    place = (cycles - np.floor(cycles)) * 2048
    first = place.astype(np.int64)
    table = _table(harmonics)
    return table[first] + (place - first) * (table[first + 1] - table[first])


def cycles(frequency: Sound | float, grid: Grid) -> Sound:
    """The running phase, in cycles, of a frequency (Hz) that may change."""
    if isinstance(frequency, float):
        return frequency * grid.times
    return np.cumsum(frequency) / grid.rate


def formants(fundamental: float, peaks: Sequence[tuple[float, float, float]], top: float = 9000.0) -> tuple[float, ...]:
    """Amplitudes 1/k of the harmonics, raised about each (centre in Hz, width in Hz, gain)."""
    k = np.arange(1, max(2, int(min(top / fundamental, 60))) + 1)
    gain = 0.08 + sum(g * np.exp(-(((k * fundamental - centre) / width) ** 2)) for centre, width, g in peaks)
    return tuple(np.round(np.asarray(gain) / np.sqrt(k), 4).tolist())


def steady(amplitudes: Callable[[int], float], count: int) -> tuple[float, ...]:
    """Amplitudes of `count` harmonics as a function of their number."""
    return tuple(amplitudes(k) for k in range(1, count + 1))
