# SPDX-License-Identifier: Apache-2.0
"""An open place: a level ground with roads and rivers on it, buildings and trees that stand on it, and the sky.

Haze takes the colour of far ground towards that of the horizon, and grain fades before it would flicker. Arrays
broadcast to [h, w].
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32

from seehear.world.picture import wave
from seehear.world.scene import Colour
from seehear.world.surround_scene import STUFF, Field, Strip, Upright
from seehear.world.surround_view import Rays, Surface

FAR = 20_000.0
"""What is farther on the ground (m) is sky."""
_HAZE, _FADE = 250.0, 12.0  # m: where half of the colour is haze, and half of the grain is gone
_STOREY = 3.0  # m
_SKY, _GROUND = STUFF.index("sky"), STUFF.index("ground")

Plane = Float32[np.ndarray, "#h #w"]
Patch = Bool[np.ndarray, "#h #w"]


@dataclass(frozen=True)
class _Seen:
    """The surface while it is being painted, and its rays in single precision."""

    colour: Float32[np.ndarray, "3 h w"]
    stuff: np.ndarray
    reach: Float32[np.ndarray, "h w"]
    cosine: Plane
    sine: Plane
    slope: Plane


def open_air(field: Field, rays: Rays) -> Surface:
    """What rays meet in the open: upright stuff before ground before sky."""
    cosine, sine, slope = (d.astype(np.float32) for d in (rays.cosine, rays.sine, rays.slope))
    shape = np.broadcast_shapes(cosine.shape, slope.shape)
    rise = np.clip(1.5 * slope / np.sqrt(1 + slope * slope), 0, 1)
    colour = np.stack([np.broadcast_to(low + rise * (high - low), shape) for high, low in zip(*field.sky, strict=True)])
    seen = _Seen(colour, np.full(shape, _SKY, np.uint8), np.full(shape, np.inf, np.float32), cosine, sine, slope)
    if (slope < -field.height / FAR).any():
        _lay_ground(seen, field)
    for upright in sorted(field.uprights, key=lambda u: -u.distance):
        _stand(seen, field, upright)
    return Surface(seen.colour, seen.stuff, seen.reach)


def _mixed(one: np.ndarray, other: Colour, share: Plane | float) -> Float32[np.ndarray, "3 #h #w"]:
    """Colours [3, ...] taken towards another by this share."""
    return one + share * (np.asarray(other, np.float32).reshape(3, 1, 1) - one)


def _lay_ground(seen: _Seen, field: Field) -> None:
    """Paint the ground and its strips where the rays run down."""
    below = seen.slope < -field.height / FAR
    rho = np.float32(field.height) / np.where(below, -seen.slope, np.float32(1))
    x, y = rho * seen.cosine, rho * seen.sine
    near = 1 / (1 + (rho / np.float32(_FADE)) ** 2)
    grain = (wave(0.43 * x + 0.17 * y) + wave(0.61 * y - 0.29 * x) + wave(1.3 * x - 0.9 * y)) / 3
    first, second = field.ground
    colour = _mixed(np.asarray(first, np.float32).reshape(3, 1, 1), second, 0.5 + near * (grain - 0.5))
    stuff = np.full(x.shape, _GROUND, np.uint8)
    for strip in field.strips:
        c, s = np.float32(np.cos(strip.azimuth)), np.float32(np.sin(strip.azimuth))
        across, along = c * x + s * y - np.float32(strip.offset), c * y - s * x
        inside = np.abs(across) < strip.width / 2
        laid = (_road if strip.stuff == "road" else _water)(strip, across, along, near)
        if strip.stuff == "water":
            laid = _mixed(laid, field.sky[1], 0.7 * rho / (rho + 15))
        colour = np.where(inside, laid, colour)
        stuff[inside] = STUFF.index(strip.stuff)
    far = rho * rho
    np.copyto(seen.colour, _mixed(colour, field.sky[1], far / (far + np.float32(_HAZE**2))), where=below)
    np.copyto(seen.stuff, stuff, where=below)
    np.copyto(seen.reach, rho, where=below)


def _road(strip: Strip, across: Plane, along: Plane, near: Plane) -> Float32[np.ndarray, "3 h w"]:
    """Asphalt with a line along each edge and dashes in the middle."""
    edge = np.abs(np.abs(across) - (strip.width / 2 - 0.3)) < 0.1
    dash = (np.abs(across) < 0.1) & (along % 6 < 3)
    rough = 0.12 * near * wave(2.3 * across + 1.7 * along)
    return _mixed(np.asarray(strip.main, np.float32).reshape(3, 1, 1), strip.second, np.where(edge | dash, 0.9, rough))


def _water(strip: Strip, across: Plane, along: Plane, near: Plane) -> Float32[np.ndarray, "3 h w"]:
    """Ripples that bend, crossed by longer ones."""
    ripples = wave(0.6 * across + 0.5 * wave(0.15 * along)) * wave(0.23 * along - 0.1 * across)
    return _mixed(np.asarray(strip.main, np.float32).reshape(3, 1, 1), strip.second, 0.2 + near * (ripples - 0.2))


def _stand(seen: _Seen, field: Field, upright: Upright) -> None:
    """Paint a board that faces the listener: x in [-1, 1] across it, v in [0, 1] up from the ground."""
    c, s = np.float32(np.cos(upright.azimuth)), np.float32(np.sin(upright.azimuth))
    ahead, left = c * seen.cosine + s * seen.sine, c * seen.sine - s * seen.cosine
    x = left / np.maximum(ahead, np.float32(0.1)) * np.float32(2 * upright.distance / upright.width)
    columns = np.flatnonzero(((np.abs(x) < 1) & (ahead > 0.1)).any(axis=0))
    if not columns.size:
        return
    x, reach = x[:, columns], np.float32(upright.distance) / ahead[:, columns]
    slope = seen.slope if seen.slope.shape[1] == 1 else seen.slope[:, columns]
    v = (reach * slope + np.float32(field.height)) / np.float32(upright.height)
    if not ((v > 0) & (v < 1)).any():
        return
    inside, colour = (_building if upright.stuff == "building" else _tree)(upright, x, v)
    inside &= (np.abs(x) < 1) & (ahead[:, columns] > 0.1) & (v > 0)
    rows, places = np.nonzero(inside)
    seen.colour[:, rows, columns[places]] = colour[:, rows, places]
    seen.stuff[rows, columns[places]] = STUFF.index(upright.stuff)
    seen.reach[rows, columns[places]] = np.broadcast_to(reach, inside.shape)[rows, places]


def _building(upright: Upright, x: Plane, v: Plane) -> tuple[Patch, Float32[np.ndarray, "3 h w"]]:
    """Rows and columns of windows below a darker edge of the roof."""
    storeys, columns = upright.windows
    up = v * np.float32(upright.height / _STOREY)
    across = (x + 1) * np.float32(columns / 2)
    pane = (np.abs(across % 1 - 0.5) < 0.27) & (np.abs(up % 1 - 0.55) < 0.27) & (up < storeys)
    colour = _mixed(np.asarray(upright.main, np.float32).reshape(3, 1, 1), upright.second, pane * np.float32(0.9))
    return v < 1, np.where(v > 1 - 0.6 / upright.height, np.float32(0.6) * colour, colour)


def _tree(upright: Upright, x: Plane, v: Plane) -> tuple[Patch, Float32[np.ndarray, "3 h w"]]:
    """A round crown, darker towards the ground, on a trunk."""
    above = (v - 0.64) / 0.36
    leaves = wave(2.1 * x + 1.3 * above) * wave(1.7 * above - 1.9 * x)
    crown = x * x + above * above < 1 - 0.25 * leaves
    shade = 0.8 + 0.25 * above - 0.35 * leaves
    green = np.asarray(upright.main, np.float32).reshape(3, 1, 1) * shade
    trunk = (np.abs(x) < 0.1) & (v < 0.5)
    return crown | trunk, np.where(crown, green, np.asarray(upright.second, np.float32).reshape(3, 1, 1))
