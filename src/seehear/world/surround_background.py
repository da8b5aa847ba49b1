# SPDX-License-Identifier: Apache-2.0
"""What stands still around the listener: a ray for each pixel meets the sky, the ground and what is on it, or a room.

A ray (cosine, sine, slope) of `surround_view` meets a surface where it has gone rho m along the ground, at
(rho cosine, rho sine, rho slope). Colours are the mean of SAMPLES x SAMPLES rays a pixel; class and depth, rho
sqrt(1 + slope^2), are those of the ray in its middle. Everything here works on arrays that broadcast to [h, w].
"""

from dataclasses import dataclass
from functools import lru_cache
from math import pi

import numpy as np
from jaxtyping import Float32, UInt8

from seehear.world.classes import KINDS
from seehear.world.picture import light
from seehear.world.surround_field import open_air
from seehear.world.surround_room import indoors
from seehear.world.surround_scene import Field, Light, Room
from seehear.world.surround_view import Rays, Surface, View

SAMPLES = 3
"""Rays across a pixel; odd, so that one of them is in its middle."""
_BLOCK = 60_000  # rays at once: few enough to stay in the processor's cache


@dataclass(frozen=True)
class Background:
    """Colour, class (len(KINDS) + number in STUFF) and depth along the ray (m, infinite in the sky) of each pixel."""

    colour: UInt8[np.ndarray, "H W 3"]
    classes: UInt8[np.ndarray, "H W"]
    depth: Float32[np.ndarray, "H W"]


def background(view: View) -> Background:
    """What a view shows where no thing is, lit, faded towards the mean colour of the place by the light's contrast."""
    scene, shape = view.scene, (view.height, view.width)
    colour = np.empty((*shape, 3), np.uint8)
    classes, depth = np.empty(shape, np.uint8), np.empty(shape, np.float32)
    step = max(1, _BLOCK // (view.width * SAMPLES**2))
    for first in range(0, view.height, step):
        rows = slice(first, min(first + step, view.height))
        rays = view.rays(rows.start, rows.stop, SAMPLES)
        surface = surfaces(scene.place, rays)
        lit = _lit(_averaged(surface.colour), scene.light, _mean(scene.place))
        colour[rows] = np.clip(np.moveaxis(lit, 0, -1) + 0.5, 0, 255)
        middle = np.s_[SAMPLES // 2 :: SAMPLES, SAMPLES // 2 :: SAMPLES]
        classes[rows] = len(KINDS) + surface.stuff[middle]
        slope = np.broadcast_to(rays.slope, surface.stuff.shape)[middle]
        depth[rows] = surface.reach[middle] * np.sqrt(1 + slope * slope)
    return Background(colour, classes, depth)


def surfaces(place: Field | Room, rays: Rays) -> Surface:
    """What the rays meet in a place."""
    return open_air(place, rays) if isinstance(place, Field) else indoors(place, rays)


def _averaged(colour: Float32[np.ndarray, "3 m n"]) -> Float32[np.ndarray, "3 H W"]:
    shares = [colour[:, i::SAMPLES, j::SAMPLES] for i in range(SAMPLES) for j in range(SAMPLES)]
    return np.sum(shares, axis=0) / np.float32(SAMPLES**2)


@lru_cache(maxsize=64)
def _mean(place: Field | Room) -> Float32[np.ndarray, "3 1 1"]:
    """The mean colour of a place over a small panorama that looks to the azimuth 0."""
    azimuth = 2 * pi * (np.arange(128) + 0.5) / 128
    elevation = pi * ((np.arange(64) + 0.5) / 64 - 0.5)
    rays = Rays(np.cos(azimuth)[None], np.sin(azimuth)[None], np.tan(elevation)[:, None])
    return surfaces(place, rays).colour.mean(axis=(1, 2), keepdims=True)


def _lit(
    colour: Float32[np.ndarray, "3 H W"], shine: Light, mean: Float32[np.ndarray, "3 1 1"]
) -> Float32[np.ndarray, "3 H W"]:
    return light(shine, mean + shine.contrast * (colour - mean)).astype(np.float32)
