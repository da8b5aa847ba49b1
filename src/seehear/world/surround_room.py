# SPDX-License-Identifier: Apache-2.0
"""A room seen from inside: a box with panelled walls, a tiled floor, and a ceiling with a lamp.

Walls are panelled up to PANEL m; corners are darker than the middle of a surface. Arrays broadcast to [h, w].
"""

import numpy as np
from jaxtyping import Float32, Int64

from seehear.world.surround_scene import STUFF, Room
from seehear.world.surround_view import Rays, Surface

PANEL = 0.9
"""Height of the panels of the walls (m)."""
_TILE, _LAMP = 0.6, (1.2, 0.35)  # m
_WALL, _FLOOR, _CEILING = (STUFF.index(name) for name in ("wall", "floor", "ceiling"))
_LEAST = 1e-9  # of what is divided by

Plane = Float32[np.ndarray, "#h #w"]


def indoors(room: Room, rays: Rays) -> Surface:
    """Where rays meet the box: the nearest of the planes that they run towards."""
    low = np.asarray(room.corner)
    high = low + np.asarray(room.size)
    steps = (rays.cosine, rays.sine, rays.slope)
    reach = [
        (np.where(d > 0, b, a) / np.where(np.abs(d) < _LEAST, _LEAST * np.where(d > 0, 1, -1), d)).astype(np.float32)
        for d, a, b in zip(steps, low, high, strict=True)
    ]
    wall = np.where(reach[0] < reach[1], rays.cosine > 0, 2 + (rays.sine > 0))
    level = np.minimum(reach[0], reach[1])
    face = np.where(reach[2] < level, 4 + (rays.slope > 0), wall)
    rho = np.minimum(level, reach[2])
    x, y, z = (rho * d.astype(np.float32) - np.float32(a) for d, a in zip(steps, low, strict=True))
    colour = _painted(room, face, x, y, z)
    stuff = np.array([_WALL] * 4 + [_FLOOR, _CEILING], np.uint8)[face]
    return Surface(colour, stuff, rho)


def _painted(room: Room, face: Int64[np.ndarray, "h w"], x: Plane, y: Plane, z: Plane) -> Float32[np.ndarray, "3 h w"]:
    """Colours of places in the room, in m from its lowest corner."""
    wall, floor = face < 4, face == 4
    tiles = (np.floor(x / _TILE) + np.floor(y / _TILE)) % 2
    along = np.where(face < 2, y, x)
    stripes = np.float32(0.25) * (along % 0.5 < 0.25)
    grooves = np.float32(1) * (along % 0.45 > 0.04)
    mixed = np.where(wall, np.where(z < PANEL, grooves, stripes), floor * tiles)
    colours = np.array([room.colours, room.grain], np.float32).transpose(0, 2, 1)
    main, grain = np.take(np.ascontiguousarray(colours), face, axis=2)
    shade = _shade(room, x, y, z)
    shade = np.where(wall & ((z < 0.1) | (np.abs(z - PANEL) < 0.03)), 0.6 * shade, shade)
    lamp = (face == 5) & (np.abs(x - room.size[0] / 2) < _LAMP[0]) & (np.abs(y - room.size[1] / 2) < _LAMP[1])
    return np.where(lamp, np.float32(1), shade * (main + mixed * (grain - main)))


def _shade(room: Room, x: Plane, y: Plane, z: Plane) -> Plane:
    """1 far from the corners: the second smallest distance to a plane is that to an edge."""
    a, b, c = (np.minimum(place, np.float32(side) - place) for place, side in zip((x, y, z), room.size, strict=True))
    edge = np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), c))
    return 1 - 0.35 / (1 + 3 * np.maximum(edge, 0))
