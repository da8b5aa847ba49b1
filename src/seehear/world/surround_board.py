# SPDX-License-Identifier: Apache-2.0
"""A thing as an upright board that faces the listener, and the pixels that it can touch.

At p = (x, y, z) the board stands in the plane through p whose normal is (x, y, 0); X is the horizontal distance. The
place (u, v) on it (half sizes, u to where the thing faces) is at

    p + size (v z - facing u l),  l = (-y, x, 0) / X,

and the ray (cosine, sine, slope), turned by minus the azimuth of p to (ahead, left), meets the board at

    u = -facing X / size left / ahead,  v = (X slope / ahead - z) / size.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int64

from seehear.world.scene import Thing
from seehear.world.shapes import Part, Plane, over_time
from seehear.world.surround_path import Points
from seehear.world.surround_view import Rays, View

_LEAST = np.float32(1e-3)  # rays that lean farther from the board's normal miss it
_AWAY = np.float32(1e6)  # where they are said to meet it, in half sizes

Box = tuple[slice, slice]


@dataclass(frozen=True)
class Board:
    """A thing in some frames: where it is, its parts, and as many rows and columns of pixels in each frame as hold it.

    `boxes` are the rows and columns within these that hold each part. Every such pixel meets the board at (u, v),
    `reach` m along the ground. `pixels` is the half size in pixels.
    """

    thing: Thing
    place: Points
    parts: list[Part]
    rows: Int64[np.ndarray, "T h"]
    columns: Int64[np.ndarray, "T w"]
    boxes: list[Box | None]
    u: Plane
    v: Plane
    reach: Plane
    pixels: Float32[np.ndarray, "T 1 1"]


def on_board(
    thing: Thing, place: Float64[np.ndarray, "*n 3"], u: Float[np.ndarray, "*n"], v: Float[np.ndarray, "*n"]
) -> Float64[np.ndarray, "*n 3"]:
    """Points of the world at (u, v) on the boards of a thing at these places."""
    x, y, z = np.moveaxis(place, -1, 0)
    right = thing.look.facing * thing.size * u / np.hypot(x, y)
    return np.stack([x + y * right, y - x * right, z + thing.size * v], axis=-1)


def board(view: View, rays: Rays, thing: Thing, place: Points, parts: list[Part]) -> Board | None:
    """The board of a thing, at `place` in each frame, as a view with these rays sees it; None where it does not."""
    u, v = _corners(parts, len(place))
    seen = view.pixels(on_board(thing, np.broadcast_to(place, (*u.shape, 3)), u, v))
    places, around, margin = seen.columns, view.pose is None, np.ones(len(place))
    if around:
        middle = view.pixels(place).columns
        places = middle + (places - middle + view.width / 2) % view.width - view.width / 2
        # An edge is soft over one pixel of the board's mean scale, and a row is wider where it is high.
        margin = 0.5 + 0.5 * np.sqrt((place**2).sum(axis=1)) / np.hypot(place[:, 0], place[:, 1])
    across = _span(places, margin, seen.front, view.width, around)
    down = _span(seen.rows, margin, seen.front, view.height, False)
    if across is None or down is None:
        return None
    boxes = [(a, b) if a.start < a.stop and b.start < b.stop else None for a, b in zip(down[1], across[1], strict=True)]
    rows, columns = down[0], across[0] % view.width
    met = _met(thing, place, [_taken(plane, rows, columns) for plane in (rays.cosine, rays.sine, rays.slope)])
    return Board(thing, place, parts, rows, columns, boxes, *met, over_time(thing.size * view.scale(place)))


def cut(plane: Plane, box: Box) -> Float32[np.ndarray, "T #m #n"]:
    """The values in a box of a board's pixels, of a plane that may be the same in all rows."""
    return plane[:, box[0] if plane.shape[1] > 1 else slice(None), box[1]]


def _corners(parts: list[Part], count: int) -> tuple[Float64[np.ndarray, "6 P T"], Float64[np.ndarray, "6 P T"]]:
    """Places (u, v) on the board that hold each part between them: corners, and where its edges are nearest to u = 0.

    In a panorama a level edge reaches highest or lowest there.
    """
    u, v, a, b, angle = (
        np.stack([np.broadcast_to(getattr(part, name), count) for part in parts])
        for name in ("u", "v", "a", "b", "angle")
    )
    c, s = np.abs(np.cos(angle)), np.abs(np.sin(angle))
    across, along = a * c + b * s, a * s + b * c
    left, right, low, high = u - across, u + across, v - along, v + along
    nearest = np.clip(0.0, left, right)
    return np.stack([left, nearest, right] * 2), np.stack([low] * 3 + [high] * 3)


def _span(
    places: Float64[np.ndarray, "6 P T"],
    margin: Float64[np.ndarray, "T"],
    front: Bool[np.ndarray, "6 P T"],
    size: int,
    around: bool,
) -> tuple[Int64[np.ndarray, "T n"], list[slice]] | None:
    """Rows or columns that hold all parts, as many in each frame, and the slice of them that holds each part."""
    low, high = np.floor(places.min(axis=0) - margin), np.ceil(places.max(axis=0) + margin)
    # A part that reaches behind the camera is seen anywhere, one that is behind it nowhere.
    low = np.where(front.all(axis=0), low, np.where(front.any(axis=0), 0, size))
    high = np.where(front.all(axis=0), high, np.where(front.any(axis=0), size, 0))
    if not around:
        low, high = low.clip(0, size), high.clip(0, size)
    first, last = low.min(axis=0).astype(np.int64), high.max(axis=0).astype(np.int64)
    count = min(int((last - first).max()), size)
    if count <= 0:
        return None
    if not around:
        first = np.minimum(first, size - count)
    begin, end = (low - first).min(axis=1), (high - first).max(axis=1)
    slices = [slice(max(0, int(a)), min(count, int(b))) for a, b in zip(begin, end, strict=True)]
    return first[:, None] + np.arange(count), slices


def _met(thing: Thing, place: Points, rays: list[Plane]) -> tuple[Plane, Plane, Plane]:
    """Where rays meet the board: u, v, and how far along the ground that is (m)."""
    cosine, sine, slope = rays
    level = np.hypot(place[:, 0], place[:, 1])
    x, y, far, z = (over_time(curve) for curve in (place[:, 0] / level, place[:, 1] / level, level, place[:, 2]))
    ahead, left = x * cosine + y * sine, x * sine - y * cosine
    reach = far / np.maximum(ahead, _LEAST)
    u = np.where(ahead > _LEAST, np.float32(-thing.look.facing / thing.size) * reach * left, _AWAY)
    return u, (reach * slope - z) / np.float32(thing.size), reach


def _taken(
    plane: Float64[np.ndarray, "#H #W"], rows: Int64[np.ndarray, "T h"], columns: Int64[np.ndarray, "T w"]
) -> Plane:
    """The values of these pixels, still only those of the rows or of the columns where all others are alike."""
    at = (rows[:, :, None] if plane.shape[0] > 1 else 0, columns[:, None, :] if plane.shape[1] > 1 else 0)
    return plane[at].astype(np.float32)
