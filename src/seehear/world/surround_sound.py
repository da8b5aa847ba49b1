# SPDX-License-Identifier: Apache-2.0
"""The sound of a surround scene: what its sources emit, carried through air and place to a microphone of the sphere.

Of a source that emits s(t) and stands at p(t), and of each of its images (`surround_echoes`), the listener hears

    b(t) = y(p' / |p|) factor s(t - |p| / c) / max(|p|, 0.3 m)

y the harmonics (ACN, SN3D: AmbiX) of the direction in the listener's axes, p at the moment of hearing. The delay and
the gains are linear between instants 5 ms apart. A room adds its tail, convolved with what located ones emit. What is
not located has its direct sound in W alone.

The microphone adds diffuse noise; all channels pass through one response and are scaled by one gain, to the level drawn
for W, or less where any of what is wanted would exceed 0.98. Tail and noise belong to the world and are turned with it.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64

from seehear.world.sound import SPEED, emitted
from seehear.world.surround_delay import delayed, prepared
from seehear.world.surround_ears import listened, needed
from seehear.world.surround_echoes import images, tail
from seehear.world.surround_filter import Channels, convolved
from seehear.world.surround_microphone import Beams, diffuse_noise, heard_channels, in_world, response
from seehear.world.surround_path import position, to_listener
from seehear.world.surround_scene import Room, Source, Surround
from seehear.world.surround_shot import SurroundShot
from seehear.world.synthesis import Grid, Sound

_EMITTED_FROM = -0.75  # s; so that what stands far off and what rings is under way at 0
_NEAREST = 0.3  # m
_HALF, _HEAD = 0.02, 0.005  # s; half of the microphone's response, and the response of a head
_AT_ONCE = 24  # blocks that fit the cache


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
class Span:
    """`count` samples from `start` (s), in blocks between whose edges delays and gains are linear."""

    start: float
    rate: int
    count: int

    @property
    def hop(self) -> int:
        """The length of a block, about 5 ms, in samples; a number with many divisors."""
        return max(1, round(0.005 * self.rate / 24)) * 24

    @property
    def edges(self) -> Sound:
        """The edges of the blocks (s)."""
        return self.start + np.arange(-(-self.count // self.hop) + 1) * self.hop / self.rate

    @property
    def emitted(self) -> Grid:
        """When sources emit: on the same samples, from earlier on."""
        lead = round((self.start - _EMITTED_FROM) * self.rate)
        return Grid(self.start - lead / self.rate, self.rate, lead + self.count)


def hear(scene: Surround, shot: SurroundShot) -> SurroundSound:
    """Record a scene: N = round(duration rate) samples in [-1, 1]."""
    half = round(_HALF * shot.rate)
    count, margin = round(scene.duration * shot.rate), half + round(_HEAD * shot.rate)
    span = Span(-margin / shot.rate, shot.rate, count + 2 * margin)
    beams = needed(shot)
    heard, stems = carried(scene, span, beams, shot.tail)
    loud = float(np.sqrt(np.mean(heard[0] ** 2))) or 1.0
    heard += diffuse_noise(scene.microphone, loud, in_world(scene, beams), span.count, shot.rate)
    w, sound, rig = listened(heard, response(scene.microphone, shot.rate, half), margin, shot)
    dry = stems[: len(stems) * shot.stems, margin : margin + count]
    loudest = max(max(part.max(initial=0.0), -part.min(initial=0.0)) for part in (sound, rig, dry))
    gain = min(10 ** (scene.microphone.level / 20) / np.sqrt(np.mean(w**2) + 1e-20), 0.98 / (loudest + 1e-20))
    return SurroundSound(
        (gain * sound).astype(np.float32),
        (gain * rig).astype(np.float32) if shot.rig else None,
        (gain * dry).astype(np.float32) if shot.stems else None,
    )


def carried(scene: Surround, span: Span, beams: Beams, ringing: bool) -> tuple[Channels, Float64[np.ndarray, "S N"]]:
    """The beams of all that the sources of a scene make a listener hear, and the direct sound of each in W."""
    grid, blocks = span.emitted, len(span.edges) - 1
    sums, stems = np.zeros((blocks, len(beams), span.hop)), np.zeros((len(scene.heard), blocks, span.hop))
    voices = np.zeros(grid.count)
    for source, stem in zip(scene.heard, stems, strict=True):
        voice = _voice(source, grid, scene.duration)
        distance, gains = arrivals(scene, source, span.edges, beams)
        places = (span.edges - distance / SPEED - grid.start) * span.rate
        _add(sums, stem, prepared(voice, places, span.hop), places, gains)
        voices += source.located * voice
    total = sums.transpose(1, 0, 2).reshape(len(beams), -1)[:, : span.count]
    stems = stems.reshape(len(stems), blocks * span.hop)[:, : span.count]
    if ringing and isinstance(scene.place, Room):
        total += _ringing(scene, scene.place, voices, span, beams)
    return total, stems


def _voice(source: Source, grid: Grid, duration: float) -> Sound:
    """What a source emits, so that its level is heard from where it is in the middle of the recording.

    What passes by begins its path far off, and would be too loud if its level were heard from there.
    """
    start, velocity = np.array(source.thing.position), np.array(source.velocity)
    nearer = np.linalg.norm(start + velocity * duration / 2) / np.linalg.norm(start)
    return emitted(source.thing, grid) * max(float(nearer), 1e-3)


def arrivals(
    scene: Surround, source: Source, times: Sound, beams: Beams
) -> tuple[Float64[np.ndarray, "I N"], Float64[np.ndarray, "more I N"]]:
    """Distances (m) of a source and its images, and their gains to the beams and, last, to the stem."""
    import torch

    from seehear.spatial.harmonics import harmonics

    points = position(source, times)
    where, factors = images(scene.place, points) if source.located else (points[None], np.ones(1))
    distance = np.linalg.norm(where, axis=-1)
    directions = to_listener(scene, where / np.maximum(distance, 1e-9)[..., None])
    # Of degree 0 alone there is W alone.
    order = int(np.sqrt(beams.shape[1])) - 1 if source.located else 0
    values = harmonics(torch.from_numpy(directions), order).numpy()
    towards = np.moveaxis(values @ beams[:, : values.shape[-1]].T, -1, 0)
    loud = factors[:, None] / np.maximum(distance, _NEAREST)
    direct = np.zeros_like(loud)
    direct[0] = loud[0]
    return distance, np.concatenate([towards * loud, direct[None]])


def _add(
    sums: Float64[np.ndarray, "blocks C hop"],
    stem: Float64[np.ndarray, "blocks hop"],
    runs: Float64[np.ndarray, "P K run"],
    places: Float64[np.ndarray, "I edges"],
    gains: Float64[np.ndarray, "more I edges"],
) -> None:
    """Add a source and its images, read at their places, with gains that are linear over each block."""
    blocks, hop = stem.shape
    ramp = np.arange(hop) / hop
    begin_and_rise = np.concatenate([gains[..., :-1], np.diff(gains)], axis=1).transpose(2, 0, 1)
    for first in range(0, blocks, _AT_ONCE):
        some = slice(first, first + _AT_ONCE)
        heard = delayed(runs, places[:, first : first + _AT_ONCE + 1], hop)
        mixed = begin_and_rise[some] @ np.concatenate([heard, heard * ramp], axis=1)
        sums[some] += mixed[:, :-1]
        stem[some] = mixed[:, -1]


def _ringing(scene: Surround, room: Room, voices: Float64[np.ndarray, "M"], span: Span, beams: Beams) -> Channels:
    """The tail of a room, turned from the world's axes to the listener's."""
    turned = in_world(scene, beams)
    used = heard_channels(turned)
    taps = turned[:, used] @ tail(room, scene.place_number, used, span.rate, len(voices))
    if not taps.shape[1]:
        return np.zeros((len(beams), span.count))
    before = max(0, span.count + taps.shape[1] - 1 - len(voices))
    row = np.concatenate([np.zeros(before), voices])[-(span.count + taps.shape[1] - 1) :]
    return convolved(row[None], taps)
