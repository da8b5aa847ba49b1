# SPDX-License-Identifier: Apache-2.0
"""The sound of a scene: what its things emit, carried through air and room to one microphone.

A source at distance r (m) that emits s(t) is heard as s(t - r / c) / r, the delay being a fraction of samples (cubic
Lagrange interpolation); r is taken at the moment of hearing. The microphone gets the sum, noise and reverberation:

    x = m * (g + wet (h * g)),  g = noise + sum_i s_i(t - r_i / c) / r_i

with the shared room h and noise, and the microphone's own response m, followed by its automatic gain and a slow fading.
Sources are scaled so that each is heard at its drawn level from where it stands, and the recording to its drawn level:
nearness in the picture says nothing about loudness.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Complex128, Float32, Float64
from scipy.fft import irfft, next_fast_len, rfft
from scipy.signal import lfilter

from seehear.world.classes import kind_of
from seehear.world.motion import position
from seehear.world.scene import Acoustics, Scene, Shot, Thing
from seehear.world.synthesis import Grid, Sound

SPEED = 343.0
"""Speed of sound c (m/s)."""
_HEARD_FROM, _EMITTED_FROM = -0.5, -0.75  # s; so that delays and reverberation are under way at 0


@dataclass(frozen=True)
class Heard:
    """The recording [1, N], and what each heard thing adds to it before room, noise and microphone: stems [S, N]."""

    sound: Float32[np.ndarray, "1 N"]
    stems: Float32[np.ndarray, "S N"]


def hear(scene: Scene, shot: Shot) -> Heard:
    """Record a scene: N = round(duration rate) samples in [-1, 1]."""
    count, lead = round(scene.duration * shot.rate), round(-_HEARD_FROM * shot.rate)
    arrived = [carried(thing, scene.duration, shot.rate) for thing in scene.things if thing.heard]
    stems = np.stack(arrived) if arrived else np.zeros((0, lead + count))
    dry = stems.sum(axis=0)
    acoustics = scene.acoustics
    loud = float(np.sqrt(np.mean(dry**2))) or 1.0
    dry = dry + loud * 10 ** (acoustics.noise / 20) * noise_floor(acoustics, len(dry), shot.rate)
    out = _microphone(dry, acoustics, shot.rate)[lead : lead + count]
    gain = min(10 ** (acoustics.level / 20) / np.sqrt(np.mean(out**2) + 1e-20), 0.98 / (np.max(np.abs(out)) + 1e-20))
    return Heard((gain * out)[None].astype(np.float32), (gain * stems[:, lead:]).astype(np.float32))


def emitted(thing: Thing, grid: Grid) -> Sound:
    """What the thing emits, scaled to its level (dB re unit power) at the distance where it stands."""
    sound = kind_of(thing.kind).voice(thing, grid)
    power = np.sqrt(np.mean(sound**2)) + 1e-12
    return sound * (10 ** (thing.voice.level / 20) * np.linalg.norm(thing.position) / power)


def carried(thing: Thing, duration: float, rate: int) -> Sound:
    """s(t - r / c) / r from 0.5 s before the recording to its end."""
    grid = Grid(_EMITTED_FROM, rate, round((duration - _EMITTED_FROM) * rate))
    times = _HEARD_FROM + np.arange(round((duration - _HEARD_FROM) * rate)) / rate
    coarse = np.arange(_HEARD_FROM, duration + 0.01, 0.005)
    path = np.linalg.norm(position(thing, kind_of(thing.kind).motion, coarse), axis=1)
    distance = np.interp(times, coarse, path)
    return delayed(emitted(thing, grid), (times - distance / SPEED - grid.start) * rate) / distance


def delayed(sound: Float64[np.ndarray, "M"], place: Sound) -> Sound:
    """The sound at fractional sample numbers, by the cubic through the four samples around each; zero outside."""
    first = np.floor(place).astype(np.int64)
    d = place - first
    padded = np.concatenate([np.zeros(1), sound, np.zeros(2)])
    first = np.clip(first, 0, len(sound) - 1)
    a, b, c, e = (padded[first + k] for k in range(4))
    # Horner's form of the Lagrange cubic through (-1, a), (0, b), (1, c), (2, e).
    linear = c - a / 3 - b / 2 - e / 6
    return b + d * (linear + d * ((a + c) / 2 - b + d * ((e - a) / 6 + (b - c) / 2)))


def noise_floor(acoustics: Acoustics, count: int, rate: int) -> Sound:
    """`count` samples of the shared noise, unit power over its whole length."""
    loop = _floor(acoustics.floor, rate)
    first = int(acoustics.noise_at * len(loop))
    return loop[(first + np.arange(count)) % len(loop)]


def _microphone(dry: Sound, acoustics: Acoustics, rate: int) -> Sound:
    """The dry mixture in its room, through the response of the microphone."""
    size = next_fast_len(len(dry) + int(0.5 * rate), real=True)
    octaves = np.log2(np.maximum(np.fft.rfftfreq(size, 1 / rate), 1.0) / 62.5)
    response = 10 ** (np.interp(2 * octaves, np.arange(len(acoustics.response)), acoustics.response) / 20)
    spectrum = rfft(dry, size) * response * (1 + acoustics.wet * _room(acoustics.room, rate, size))
    heard = irfft(spectrum, size)[: len(dry)]
    pole = np.exp(-1 / (0.03 * rate))
    power = lfilter([1 - pole], [1.0, -pole], heard**2)
    even = heard * (power + 1e-3 * np.mean(heard**2)) ** (-acoustics.compression / 2)
    depth, pace, phase = acoustics.fading
    return even * 10 ** (depth / 20 * np.sin(2 * np.pi * pace / rate * np.arange(len(dry)) + phase))


@lru_cache(maxsize=64)
def _room(number: int, rate: int, size: int) -> Complex128[np.ndarray, "F"]:
    """Spectrum of a shared room's reverberation: six early echoes, then noise that dies away; unit power."""
    rng = np.random.default_rng([343, number])
    fade = rng.uniform(0.15, 0.9)  # s for 60 dB
    times = np.arange(round(0.5 * rate)) / rate
    tail = rng.standard_normal(len(times)) * 10 ** (-3 * times / fade) * (times > 0.02)
    echoes = (rng.uniform(0.004, 0.05, 6) * rate).astype(int)
    tail[echoes] += 4 * rng.standard_normal(6)
    tail = lfilter([1.0], [1.0, -rng.uniform(0.2, 0.7)], tail)
    return rfft(tail / np.sqrt(np.sum(tail**2)), size)


@lru_cache(maxsize=64)
def _floor(number: int, rate: int) -> Float64[np.ndarray, "N"]:
    """A shared noise of 8 s: coloured noise with its own slow swell, hum or crackle; unit power."""
    rng = np.random.default_rng([2024, number])
    count = 8 * rate
    frequency = np.maximum(np.fft.rfftfreq(count, 1 / rate), 20.0)
    slope = rng.uniform(0.0, 2.0)
    centre, width = np.exp(rng.uniform(np.log(100), np.log(4000))), rng.uniform(0.5, 2.0)
    shape = (frequency / 500) ** (-slope / 2) + 3 * np.exp(-((np.log2(frequency / centre) / width) ** 2))
    noise = irfft(rfft(rng.standard_normal(count)) * shape, count)
    times = np.arange(count) / rate
    noise = noise / np.sqrt(np.mean(noise**2)) * _swell(rng, times)
    hum = sum(np.sin(2 * np.pi * 50 * k * times) / k for k in (1, 2, 4))
    noise = noise + rng.choice([0.0, 0.5]) * hum
    clicks = rng.standard_normal(count) * (rng.random(count) < 30 / rate) * rng.choice([0.0, 15.0])
    noise = noise + lfilter([1.0], [1.0, -0.8], clicks)
    return np.asarray(noise / np.sqrt(np.mean(noise**2)))


def _swell(rng: np.random.Generator, times: Sound) -> Sound:
    """How the noise comes and goes: gusts of random strength, some slow and weak, some quick and deep."""
    pace, depth = np.exp(rng.uniform(np.log(0.08), np.log(0.8))), rng.uniform(0, 12)
    marks = np.arange(0, times[-1] + 2 * pace, pace)
    gusts = rng.standard_normal(len(marks))
    gusts[-2:] = gusts[:2]
    return 10 ** (depth * np.interp(times, marks, gusts) / 20)
