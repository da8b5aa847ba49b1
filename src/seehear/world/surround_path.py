# SPDX-License-Identifier: Apache-2.0
"""Where the sources of a surround scene are: the one function of time that feeds picture and sound.

    p(t) = f(t) b(t) - size sway(t) l(t) + size up(t) z,  b(t) = Rz(turn t) (position + velocity t)

b is the path, f = 1 + approach sin(...) its slow change of distance, l the horizontal unit vector to the left of b,
sway a slow drift to the side, up the shift of the thing's motion (`motion`).
"""

from math import atan2, hypot

import numpy as np
from jaxtyping import Float64

from seehear.world.classes import kind_of
from seehear.world.motion import Curve, rest
from seehear.world.surround_scene import Source, Surround

Points = Float64[np.ndarray, "T 3"]


def position(source: Source, times: Curve) -> Points:
    """Where the source is in the world at each instant (m)."""
    thing = source.thing
    pose = (kind_of(thing.kind).motion if thing.events else rest)(thing, times)
    x, y, z = (p + v * times for p, v in zip(thing.position, source.velocity, strict=True))
    c, s = np.cos(source.turn * times), np.sin(source.turn * times)
    x, y = c * x - s * y, s * x + c * y
    level = np.hypot(x, y)
    swing = 2 * np.pi * thing.sway_rate * times
    front = 1 + thing.approach * np.sin(swing + 2 * thing.sway_phase)
    right = thing.size * thing.sway * np.sin(swing + thing.sway_phase) / level
    return np.stack([front * x + right * y, front * y - right * x, front * z + thing.size * pose.up], axis=1)


def to_listener(scene: Surround, points: Float64[np.ndarray, "*n 3"]) -> Float64[np.ndarray, "*n 3"]:
    """Points or directions of the world as the listener has them: M Rz(-heading) p."""
    c, s = np.cos(scene.heading), np.sin(scene.heading)
    x, y, z = np.moveaxis(points, -1, 0)
    left = c * y - s * x
    return np.stack([c * x + s * y, -left if scene.mirrored else left, z], axis=-1)


def to_world(scene: Surround, points: Float64[np.ndarray, "*n 3"]) -> Float64[np.ndarray, "*n 3"]:
    """Points or directions of the listener as the world has them: Rz(heading) M p'."""
    c, s = np.cos(scene.heading), np.sin(scene.heading)
    x, y, z = np.moveaxis(points, -1, 0)
    left = -y if scene.mirrored else y
    return np.stack([c * x - s * left, s * x + c * left, z], axis=-1)


def polar(point: Float64[np.ndarray, "3"]) -> tuple[float, float, float]:
    """Azimuth and elevation (rad) and distance (m) of a point in the listener's axes."""
    x, y, z = (float(one) for one in point)
    return atan2(y, x), atan2(z, hypot(x, y)), hypot(x, y, z)
