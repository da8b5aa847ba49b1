# SPDX-License-Identifier: Apache-2.0
"""The picture of a scene: a shared background, and things painted over it from far to near as billboards.

Pinhole camera at the origin that looks along +x, focal length FOCAL frame heights: a point (x, y, z) is seen at column
W / 2 - FOCAL H y / x and row H / 2 - FOCAL H z / x. A billboard faces the camera; its primitives are evaluated for the
pixels of their bounding boxes only. Another projection needs only other coordinates (u, v) for the pixels.

Per pixel only + - * / and roots are used, and nothing is drawn at random, so that the pixels are the same everywhere.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from jaxtyping import Float32, Float64, UInt8

from seehear.world.classes import kind_of
from seehear.world.motion import position, rest
from seehear.world.places import panorama
from seehear.world.scene import Look, Scene, Setting, Shot, Thing
from seehear.world.shapes import Grid, Part, Plane, coverage, local, turned
from seehear.world.surround_scene import Light

FOCAL = 1.0
"""Focal length in frame heights: 53 degrees from top to bottom."""
OUTLINE = 0.05
"""Width of the outline of textured parts, in half sizes."""
_BLOCK = 120_000  # pixels painted at once: few enough to stay in the processor's cache


@dataclass(frozen=True)
class Picture:
    """Frames [T, H, W, 3], and which thing each pixel shows: masks [T, H, W], 0 or 1 + its number in the scene."""

    frames: UInt8[np.ndarray, "T H W 3"]
    masks: UInt8[np.ndarray, "T H W"] | None


def see(scene: Scene, shot: Shot, masks: bool = False) -> Picture:
    """Paint every frame of a scene: frame k shows the instant k / fps, T = round(duration fps)."""
    times = np.arange(round(scene.duration * shot.fps)) / shot.fps
    back = background(scene.setting, shot.height, shot.width)
    frames = np.empty((len(times), shot.height, shot.width, 3), np.uint8)
    shown = np.zeros((len(times), shot.height, shot.width), np.uint8) if masks else None
    # The farther is painted first.
    order = sorted((k for k, t in enumerate(scene.things) if t.seen), key=lambda k: -_scaled_distance(scene.things[k]))
    step = max(1, _BLOCK // (shot.height * shot.width))
    for first in range(0, len(times), step):
        now = slice(first, min(first + step, len(times)))
        canvas = np.repeat(back[:, None], now.stop - first, axis=1)
        for number in order:
            mask = None if shown is None else shown[now]
            _paint(canvas, mask, number, scene.things[number], scene.setting, times[now])
        for channel in range(3):
            frames[now, ..., channel] = np.clip(canvas[channel] + 0.5, 0, 255)
    return Picture(frames, shown)


def _scaled_distance(thing: Thing) -> float:
    """Distance in half sizes: what looks smaller lies behind."""
    return thing.position[0] / thing.size


def light(setting: Setting | Light, colour: np.ndarray | tuple[float, float, float]) -> Float64[np.ndarray, "..."]:
    """Colours [3, ...] in the light of the setting, in pixel values 0 to 255."""
    values = np.asarray(colour, dtype=np.float64)
    gains = 255 * setting.gain * np.asarray(setting.tint)
    return values * gains.reshape(3, *[1] * (values.ndim - 1))


@lru_cache(maxsize=64)
def _wide(place: int, height: int, width: int) -> Float32[np.ndarray, "3 H V"]:
    return panorama(place, height, width)


def background(setting: Setting, height: int, width: int) -> Float32[np.ndarray, "3 H W"]:
    """The part of the shared place that the scene shows, lit, faded towards its mean by the setting's contrast."""
    wide = _wide(setting.place, height, 2 * width)
    first = int(setting.cut * width)
    cut = wide[:, :, first : first + width].astype(np.float64)
    if setting.mirrored:
        cut = cut[:, :, ::-1]
    mean = wide.astype(np.float64).mean(axis=(1, 2), keepdims=True)
    return light(setting, mean + setting.contrast * (cut - mean)).astype(np.float32)


def _paint(
    canvas: Float32[np.ndarray, "3 T H W"],
    mask: UInt8[np.ndarray, "T H W"] | None,
    number: int,
    thing: Thing,
    setting: Setting,
    times: Float64[np.ndarray, "T"],
) -> None:
    """Paint one thing over some frames."""
    height, width = canvas.shape[2:]
    kind = kind_of(thing.kind)
    motion = kind.motion if thing.events else rest
    place = position(thing, kind.motion, times)
    pixels = FOCAL * height * thing.size / place[:, 0]
    column = width / 2 - FOCAL * height * place[:, 1] / place[:, 0]
    row = height / 2 - FOCAL * height * place[:, 2] / place[:, 0]
    for part in fitted(kind.look(motion(thing, times)), thing.look):
        box = _box(part, thing.look.facing, pixels, column, row, height, width)
        if box is None:
            continue
        top, bottom, left, right = box
        u = (np.arange(left, right) + 0.5 - column[:, None])[:, None, :] * (thing.look.facing / pixels)[:, None, None]
        v = (row[:, None] - np.arange(top, bottom) - 0.5)[:, :, None] / pixels[:, None, None]
        x, y = local(part, u.astype(np.float32), v.astype(np.float32))
        covered = coverage(part, x, y, pixels.astype(np.float32).reshape(-1, 1, 1))
        covered = covered * np.asarray(part.opacity, dtype=np.float32).reshape(-1, 1, 1)
        blend(canvas[:, :, top:bottom, left:right], covered, part, thing.look, setting, x, y)
        if mask is not None:
            mask[:, top:bottom, left:right][covered > 0.5] = number + 1


def fitted(parts: list[Part], look: Look) -> list[Part]:
    """The parts in the proportions of the instance, outlined, leaning by its tilt."""
    k = 2 ** (look.aspect / 2)
    stretched = [replace(p, u=p.u * k, v=p.v / k, a=p.a * k, b=p.b / k) for p in parts]
    drawn = []
    for part in stretched:
        if part.textured or part.outlined:
            # A dark outline keeps the shape apart from a background of its own colour.
            outline = replace(part, a=part.a + OUTLINE, b=part.b + OUTLINE, colour="dark", textured=False)
            drawn.append(outline)
        drawn.append(part)
    return turned(drawn, look.tilt)


def _box(
    part: Part,
    facing: int,
    pixels: Float64[np.ndarray, "T"],
    column: Float64[np.ndarray, "T"],
    row: Float64[np.ndarray, "T"],
    height: int,
    width: int,
) -> tuple[int, int, int, int] | None:
    """Top, bottom, left, right of the pixels that the part can touch in any of the frames; None when there are none."""
    c, s = np.abs(np.cos(part.angle)), np.abs(np.sin(part.angle))
    across, along = (part.a * c + part.b * s) * pixels + 1, (part.a * s + part.b * c) * pixels + 1
    centre, middle = column + facing * part.u * pixels, row - part.v * pixels
    left, right = max(0, int(np.min(centre - across))), min(width, int(np.max(centre + across)) + 1)
    top, bottom = max(0, int(np.min(middle - along))), min(height, int(np.max(middle + along)) + 1)
    return (top, bottom, left, right) if top < bottom and left < right else None


def blend(
    canvas: Float32[np.ndarray, "3 T h w"],
    covered: Grid,
    part: Part,
    look: Look,
    setting: Setting | Light,
    x: Plane,
    y: Plane,
) -> None:
    """Canvas += covered (colour - canvas), the colour with the thing's texture where the part carries it."""
    shade = np.asarray(part.shade, dtype=np.float32).reshape(-1, 1, 1)
    colour = light(setting, getattr(look, part.colour)).astype(np.float32)
    other = light(setting, look.second).astype(np.float32)
    amount = look.contrast * texture(look, x, y) if part.textured and look.texture else None
    for channel in range(3):
        paint = shade * colour[channel]
        if amount is not None:
            paint = paint + amount * (other[channel] - paint)
        canvas[channel] += covered * (paint - canvas[channel])


def texture(look: Look, x: Plane, y: Plane) -> Grid:
    """Stripes, checks or spots in [0, 1] at a part's own coordinates: waves are triangles, sharpened."""
    c, s = np.float32(look.waves * np.cos(look.angle)), np.float32(look.waves * np.sin(look.angle))
    along = wave(c * x + s * y + np.float32(look.phase))
    if look.texture == 1:
        return np.clip(3 * along - 1, 0, 1)
    across = wave(c * y - s * x)
    mixed = along + across - 2 * along * across if look.texture == 2 else along * across * 1.6
    return np.clip(3 * mixed - 1, 0, 1)


def wave(x: Float32[np.ndarray, "*n"]) -> Float32[np.ndarray, "*n"]:
    """A triangle in [0, 1] of period 1."""
    return np.abs(2 * (x - np.floor(x)) - 1)
