# SPDX-License-Identifier: Apache-2.0
"""What a place does to sound: echoes of the first order from its surfaces, and the tail of a room.

A surface that swallows the share a of the energy reflects the amplitude sqrt(1 - a), as if from an image of the source
behind it: p_axis -> 2 plane - p_axis. Allen and Berkley, J. Acoust. Soc. Am. 65, 1979. A room has six such images, an
open place that of its ground.

The rest of a room's echoes are statistics. With volume V (m^3), surface S (m^2), mean absorption a by area, c the speed
of sound, a room dies away by 60 dB in T = 24 ln(10) V / (-c S ln(1 - a)) (Eyring, J. Acoust. Soc. Am. 1, 1930), and an
impulse that arrives with amplitude 1 / r directly arrives diffusely with the power

    e(t) = 4 pi c / V exp(-6 ln(10) t / T)

a second, t s after its emission: the power 16 pi / (-S ln(1 - a)) of the diffuse field of a steady source (Kuttruff,
Room Acoustics, chapter 5), as it dies away; so many images as there are on average, of their average strength.
"""

from math import log, pi, prod

import numpy as np
from jaxtyping import Float64

from seehear.world.sound import SPEED
from seehear.world.surround_path import Points
from seehear.world.surround_scene import Field, Room

_SEED = 1930  # that no other stream of numbers begins with


def images(place: Field | Room, points: Points) -> tuple[Float64[np.ndarray, "I T 3"], Float64[np.ndarray, "I"]]:
    """Where a source and its images are in the world (m), and the factors of their amplitudes; the source is first."""
    where, factors = [points], [1.0]
    for axis, plane, absorption in _surfaces(place):
        if absorption < 1:
            image = points.copy()
            image[:, axis] = 2 * plane - image[:, axis]
            where.append(image)
            factors.append(float(np.sqrt(1 - absorption)))
    return np.stack(where), np.array(factors)


def _surfaces(place: Field | Room) -> list[tuple[int, float, float]]:
    """Axis, plane (m) and absorption of every surface."""
    if isinstance(place, Field):
        return [(2, -place.height, place.absorption)]
    low = place.corner
    planes = [(axis, low[axis] + side * place.size[axis]) for axis in range(3) for side in (0, 1)]
    return [(*plane, share) for plane, share in zip(planes, place.absorption, strict=True)]


def reverberation_time(room: Room) -> float:
    """T in s; 0 where everything is swallowed."""
    areas = _areas(room)
    passed = 1 - sum(area * share for area, share in zip(areas, room.absorption, strict=True)) / sum(areas)
    return 24 * log(10) * prod(room.size) / (-SPEED * sum(areas) * log(passed)) if passed > 1e-12 else 0.0


def tail(room: Room, number: int, acn: np.ndarray, rate: int, longest: int) -> Float64[np.ndarray, "C taps"]:
    """Responses of the channels `acn` in the world's axes to what a source emits, to T and at most `longest` samples.

    Noises that are functions of `number` and channel alone, of power e(t) / (2 n + 1) in degree n: a diffuse field in
    SN3D. They begin after two mean times between reflections, 2 * 4 V / (c S), when echoes of the second order follow
    those that `images` are.
    """
    time = reverberation_time(room)
    first = 8 * prod(room.size) / (SPEED * sum(_areas(room)))
    times = np.arange(min(round(time * rate), longest)) / rate
    if not (times > first).any():
        return np.zeros((len(acn), 0))
    power = 4 * pi * SPEED / (prod(room.size) * rate) * np.exp(-6 * log(10) * times / time) * (times >= first)
    noises = [np.random.default_rng([_SEED, number, int(channel)]).standard_normal(len(times)) for channel in acn]
    return np.stack(noises) * np.sqrt(power) / np.sqrt(2 * np.floor(np.sqrt(acn)) + 1)[:, None]


def _areas(room: Room) -> list[float]:
    """Areas of the six surfaces, in their order (m^2)."""
    return [prod(room.size) / length for length in room.size for _ in range(2)]
