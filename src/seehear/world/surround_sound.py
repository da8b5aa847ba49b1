# SPDX-License-Identifier: Apache-2.0
"""The sound of a surround scene: what its sources emit, carried through air and place to a microphone of the sphere.

Of a source that emits s(t) and stands at p(t), and of each of its images (`surround_echoes`), the listener hears

    b(t) = y(p' / |p|) factor s(t - |p| / c) / max(|p|, 0.3 m)

y the harmonics (ACN, SN3D: AmbiX) of the direction in the listener's axes, p at the moment of hearing. The delay and
the gains are linear between instants 5 ms apart. What is not located has its direct sound in W alone.

The microphone adds diffuse noise: W is a cut of a shared noise, the channels of degree n independent cuts of it with
1 / (2 n + 1) of the power; they belong to the world and are turned with it. All channels pass through one response and
are scaled by one gain to the level drawn for W, less where any of them would exceed 0.98.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64
from scipy.signal import oaconvolve

from seehear.world.scene import Acoustics
from seehear.world.sound import SPEED, emitted, noise_floor
from seehear.world.surround_delay import RUN, delayed, prepared
from seehear.world.surround_echoes import images
from seehear.world.surround_path import position, to_listener
from seehear.world.surround_scene import ORDERS, Microphone, Source, Surround, SurroundShot
from seehear.world.synthesis import Grid, Sound

Channels = Float64[np.ndarray, "C N"]
_EMITTED_FROM = -0.75  # s; so that what stands far off and what rings is under way at 0
_NEAREST = 0.3  # m
_AROUND = 0.04  # s of sound before and after a recording, half the length of the microphone's response
_AT_ONCE = 16  # blocks that fit the cache


@dataclass(frozen=True)
class SurroundSound:
    """The recording [C, N] of `shot.sound`, the eight ears of the rig, and what each heard source gives to W.

    `rig` [8, N] and `stems` [S, N] are None where the shot does not ask for them. Stems are the direct sound alone,
    before room, noise and microphone.
    """

    sound: Float32[np.ndarray, "C N"]
    rig: Float32[np.ndarray, "8 N"] | None
    stems: Float32[np.ndarray, "S N"] | None


@dataclass(frozen=True)
class Line:
    """The instants (s) that are `hop` samples apart and between which delays and gains are linear."""

    start: float
    rate: int
    count: int

    @property
    def hop(self) -> int:
        """About 5 ms, in samples."""
        return max(1, round(0.005 * self.rate / RUN)) * RUN

    @property
    def edges(self) -> Sound:
        """Instants of the edges of blocks that hold `count` samples."""
        return self.start + np.arange(-(-self.count // self.hop) + 1) * self.hop / self.rate


def hear(scene: Surround, shot: SurroundShot) -> SurroundSound:
    """Record a scene: N = round(duration rate) samples in [-1, 1]."""
    count, around = round(scene.duration * shot.rate), round(_AROUND * shot.rate)
    acn = np.arange((ORDERS[shot.sound] + 1) ** 2)
    line = Line(-around / shot.rate, shot.rate, count + 2 * around)
    field, stems = carried(scene, acn, line)
    field = field + _noise(scene, acn, line, float(np.sqrt(np.mean(field[0] ** 2))) or 1.0)
    heard = oaconvolve(field, _response(scene.microphone, shot.rate, around)[None], "valid", axes=1)
    level = 10 ** (scene.microphone.level / 20) / np.sqrt(np.mean(heard[0] ** 2) + 1e-20)
    gain = min(level, 0.98 / (np.abs(heard).max() + 1e-20))
    dry = (gain * stems[:, around : around + count]).astype(np.float32) if shot.stems else None
    return SurroundSound((gain * heard).astype(np.float32), None, dry)


def carried(scene: Surround, acn: np.ndarray, line: Line) -> tuple[Channels, Float64[np.ndarray, "S N"]]:
    """The ambisonic channels `acn` of all sources and their images, and the direct sound of each source."""
    grid = Grid(_EMITTED_FROM, line.rate, round((line.start - _EMITTED_FROM) * line.rate) + line.count)
    blocks = len(line.edges) - 1
    total, stems = np.zeros((len(acn), blocks * line.hop)), np.zeros((len(scene.heard), blocks * line.hop))
    for source, stem in zip(scene.heard, stems, strict=True):
        sums = prepared(emitted(source.thing, grid))
        distance, gains = arrivals(scene, source, line.edges, acn)
        places = (line.edges - distance / SPEED - grid.start) * line.rate
        for begin in range(0, blocks, _AT_ONCE):
            end = min(begin + _AT_ONCE, blocks)
            span = slice(begin * line.hop, end * line.hop)
            heard = delayed(sums, places[:, begin : end + 1], line.hop)
            parts = _mixed(heard, gains[:, :, begin : end + 1])
            total[:, span] += parts[:-1]
            stem[span] = parts[-1]
    return total[:, : line.count], stems[:, : line.count]


def arrivals(
    scene: Surround, source: Source, times: Sound, acn: np.ndarray
) -> tuple[Float64[np.ndarray, "I T"], Float64[np.ndarray, "more I T"]]:
    """Distances (m) of a source and its images, and their gains to the channels `acn` and, last, to the stem."""
    points = position(source, times)
    where, factors = images(scene.place, points) if source.located else (points[None], np.ones(1))
    distance = np.linalg.norm(where, axis=-1)
    loud = factors[:, None] / np.maximum(distance, _NEAREST)
    directions = to_listener(scene, where / np.maximum(distance, 1e-9)[..., None])
    values = _harmonics(directions, acn) if source.located else (acn == 0)[:, None, None] + np.zeros((1, *loud.shape))
    direct = np.zeros_like(loud)
    direct[0] = loud[0]
    return distance, np.concatenate([values * loud, direct[None]])


def _harmonics(directions: Float64[np.ndarray, "I T 3"], acn: np.ndarray) -> Float64[np.ndarray, "C I T"]:
    import torch

    from seehear.spatial.harmonics import harmonics

    values = harmonics(torch.from_numpy(directions), int(np.sqrt(acn.max()))).numpy()
    return np.moveaxis(values[..., acn], -1, 0)


def _mixed(heard: Float64[np.ndarray, "B I hop"], gains: Float64[np.ndarray, "C I edges"]) -> Channels:
    """Sums over images with gains that are linear over each block."""
    ramp = np.arange(heard.shape[-1]) / heard.shape[-1]
    both = np.concatenate([gains[..., :-1], np.diff(gains)]).transpose(2, 0, 1) @ heard
    count = len(gains)
    blocks = both[:, :count] + ramp * both[:, count:]
    return blocks.transpose(1, 0, 2).reshape(count, -1)


def _noise(scene: Surround, acn: np.ndarray, line: Line, loud: float) -> Channels:
    """Diffuse noise at its level below the sources, in the listener's axes."""
    noise = scene.microphone
    shared = Acoustics(0, 0.0, noise.floor, noise.noise, 0.0, noise.response, 0.0, (0.0, 0.0, 0.0), noise.level)
    loop = 8 * line.rate
    tape = np.tile(noise_floor(shared, loop, line.rate), line.count // loop + 2)
    first = (loop * ((noise.noise_at + acn * (np.sqrt(5) - 1) / 2) % 1)).astype(int)
    power = loud**2 * 10 ** (noise.noise / 10) / (2 * np.floor(np.sqrt(acn)) + 1)
    cuts = np.stack([tape[start : start + line.count] for start in first])
    return (_turn(scene, acn) * np.sqrt(power)) @ cuts


def _turn(scene: Surround, acn: np.ndarray) -> Float64[np.ndarray, "C C"]:
    """What turns channels of the world into those of the listener; `acn` holds m and -m of every degree alike."""
    import torch

    from seehear.spatial.ambisonics import rotation_matrix

    axes = torch.from_numpy(to_listener(scene, np.eye(3)).T.copy())
    return rotation_matrix(axes, int(np.sqrt(acn.max()))).numpy()[np.ix_(acn, acn)]


def _response(microphone: Microphone, rate: int, half: int) -> Float64[np.ndarray, "taps"]:
    """The response as a filter of 2 half + 1 taps about its middle, of zero phase."""
    size = 4 * half
    octaves = np.log2(np.maximum(np.fft.rfftfreq(size, 1 / rate), 1.0) / 62.5)
    gains = 10 ** (np.interp(2 * octaves, np.arange(len(microphone.response)), microphone.response) / 20)
    taps = np.roll(np.fft.irfft(gains, size), half)[: 2 * half + 1]
    return taps * np.hanning(2 * half + 3)[1:-1]
