# SPDX-License-Identifier: Apache-2.0
"""The backgrounds that scenes share: fields, streets, shores and rooms, painted once from the stuff they are made of.

Place k is the same in every world. It is twice as wide as a picture, so that scenes cut different pieces of it.
"""

from colorsys import hsv_to_rgb

import numpy as np
from jaxtyping import Float32

from seehear.world.shapes import Part, coverage, local


def panorama(place: int, height: int, width: int) -> Float32[np.ndarray, "3 H W"]:
    """Red, green and blue in [0, 1] of a place."""
    rng = np.random.default_rng([2021, place])
    rows = ((np.arange(height) + 0.5) / height)[None, :, None]
    horizon = rng.uniform(0.4, 0.75)
    sky = _colour(rng) + (_colour(rng) - _colour(rng)) * 0.4 * rows
    ground = _colour(rng) * (1 - 0.4 * (rows - horizon))
    canvas = np.where(rows < horizon, sky, ground) * np.ones((1, 1, width))
    canvas = canvas + 0.12 * _grain(rng, height, width)
    stuff = (_hill, _building, _tree, _pole)
    for _ in range(int(rng.integers(5, 12))):
        for part, colour in stuff[int(rng.integers(len(stuff)))](rng, width / height, 1 - horizon):
            _stamp(canvas, part, colour)
    return np.clip(canvas, 0, 1).astype(np.float32)


def _colour(rng: np.random.Generator) -> np.ndarray:
    return np.asarray(hsv_to_rgb(rng.random(), rng.uniform(0.1, 0.6), rng.uniform(0.3, 0.9))).reshape(3, 1, 1)


def _grain(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Waves of random directions in [-1, 1], as on grass, water or wallpaper."""
    y, x = np.mgrid[0:height, 0:width] / height
    total = np.zeros((height, width))
    for _ in range(5):
        a, b = rng.uniform(-12, 12, 2)
        phase = a * x + b * y + rng.random()
        total += np.abs(2 * (phase - np.floor(phase)) - 1) * 2 - 1
    return total[None] / 5


Stuff = list[tuple[Part, np.ndarray]]


def _hill(rng: np.random.Generator, aspect: float, ground: float) -> Stuff:
    return [
        (Part("ellipse", rng.uniform(0, aspect), ground, rng.uniform(0.2, 0.6), rng.uniform(0.05, 0.2)), _colour(rng))
    ]


def _building(rng: np.random.Generator, aspect: float, ground: float) -> Stuff:
    u, a, b = rng.uniform(0, aspect), rng.uniform(0.08, 0.2), rng.uniform(0.08, 0.25)
    wall, glass = _colour(rng), _colour(rng)
    windows: Stuff = [
        (Part("box", u + a * x, ground + b * (1 + y), a * 0.18, b * 0.13), glass)
        for x in (-0.55, 0.0, 0.55)
        for y in (-0.5, 0.0, 0.5)
    ]
    return [(Part("box", u, ground + b, a, b), wall), *windows]


def _tree(rng: np.random.Generator, aspect: float, ground: float) -> Stuff:
    u, tall = rng.uniform(0, aspect), rng.uniform(0.08, 0.2)
    trunk = Part("box", u, ground + tall / 2 - 0.05, 0.02, tall / 2 + 0.05)
    return [(trunk, _colour(rng)), (Part("ellipse", u, ground + tall, tall * 0.55, tall * 0.65), _colour(rng))]


def _pole(rng: np.random.Generator, aspect: float, ground: float) -> Stuff:
    u = rng.uniform(0, aspect)
    post = Part("box", u, ground + 0.15, 0.012, 0.3)
    return [(post, _colour(rng)), (Part("box", u, ground + 0.4, rng.uniform(0.03, 0.1), 0.05), _colour(rng))]


def _stamp(canvas: np.ndarray, part: Part, colour: np.ndarray) -> None:
    height, width = canvas.shape[1:]
    u = ((np.arange(width) + 0.5) / height)[None, None, :].astype(np.float32)
    v = (1 - (np.arange(height) + 0.5) / height)[None, :, None].astype(np.float32)
    x, y = local(part, u, v)
    covered = coverage(part, x, y, np.full((1, 1, 1), height, np.float32))[0]
    canvas += covered * (colour - canvas)
