# SPDX-License-Identifier: Apache-2.0
"""The places that surround scenes share: twelve open fields (even numbers) and twelve rooms (odd numbers).

Place k is the same in every world: it is drawn from its number alone. Lengths in m, angles in rad.
"""

from colorsys import hsv_to_rgb
from math import pi

import numpy as np

from seehear.world.scene import Colour
from seehear.world.surround_scene import Field, Room, Strip, Upright

PLACES = 24
"""How many places all scenes share."""
_STRIPS = (("road",), ("water",), ("road", "water"))


def place(number: int) -> Field | Room:
    """The shared place of this number, 0 to 23."""
    rng = np.random.default_rng([2022, number])
    return _room(rng) if number % 2 else _field(rng, _STRIPS[number // 2 % 3])


def _colour(rng: np.random.Generator, hue: tuple[float, float], value: tuple[float, float], pale: float) -> Colour:
    """A colour with hue and value in these ranges and a saturation of at most 1 - pale."""
    red, green, blue = hsv_to_rgb(rng.uniform(*hue) % 1, (1 - pale) * rng.uniform(0.35, 1), rng.uniform(*value))
    return (float(red), float(green), float(blue))


def _between(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (a + share * (b - a) for a, b in zip(one, other, strict=True))
    return (red, green, blue)


def _field(rng: np.random.Generator, strips: tuple[str, ...]) -> Field:
    height = 1.6
    zenith = _colour(rng, (0.52, 0.7), (0.55, 0.9), 0.25)
    horizon = _between(_colour(rng, (0.0, 0.7), (0.85, 1.0), 0.75), zenith, 0.15)
    soil = _colour(rng, (0.05, 0.42), (0.4, 0.75), 0.4)
    laid: list[Strip] = []
    for k, stuff in enumerate(strips):
        # Side by side, so that a road crosses no river.
        azimuth = laid[0].azimuth if laid else float(rng.uniform(0, pi))
        laid.append(_strip(rng, stuff, azimuth, 1 if k == 0 else -1))
    return Field(
        height=height,
        sky=(zenith, horizon),
        ground=(soil, _between(soil, _colour(rng, (0.05, 0.42), (0.3, 0.7), 0.4), 0.6)),
        strips=tuple(laid),
        uprights=_uprights(rng, laid),
        absorption=float(rng.uniform(0.1, 0.6)),
    )


def _strip(rng: np.random.Generator, stuff: str, azimuth: float, side: int) -> Strip:
    """A road or a river that passes the listener at some metres."""
    if stuff == "road":
        grey, width = float(rng.uniform(0.25, 0.5)), float(rng.uniform(5.5, 9))
        main, second = (0.98 * grey, grey, 1.04 * grey), _colour(rng, (0.1, 0.16), (0.8, 1.0), 0.6)
    else:
        width = float(rng.uniform(10, 30))
        main = _colour(rng, (0.48, 0.64), (0.35, 0.65), 0.2)
        second = _between(main, (1.0, 1.0, 1.0), 0.35)
    return Strip(stuff, azimuth, side * (width / 2 + float(rng.uniform(2, 5))), width, main, second)


def _uprights(rng: np.random.Generator, strips: list[Strip]) -> tuple[Upright, ...]:
    """Buildings and trees all around, none of them in a road or a river."""
    count = int(rng.integers(10, 17))
    standing: list[Upright] = []
    for k in range(count):
        for _ in range(20):
            azimuth, distance = 2 * pi * (k + rng.uniform(-0.3, 0.3)) / count, rng.uniform(25, 80)
            thing = (_building if k % 3 == 0 else _tree)(rng, float(azimuth), float(distance))
            if all(_apart(thing, strip) for strip in strips):
                standing.append(thing)
                break
    return tuple(standing)


def _apart(thing: Upright, strip: Strip) -> bool:
    across = thing.distance * np.cos(thing.azimuth - strip.azimuth) - strip.offset
    return bool(abs(across) > (strip.width + thing.width) / 2 + 1)


def _building(rng: np.random.Generator, azimuth: float, distance: float) -> Upright:
    storeys, columns = int(rng.integers(2, 8)), int(rng.integers(3, 8))
    wall, glass = _colour(rng, (0.0, 1.0), (0.5, 0.95), 0.55), _colour(rng, (0.45, 0.7), (0.15, 0.45), 0.4)
    return Upright("building", azimuth, distance, 2.8 * columns, 3.0 * storeys + 1, wall, glass, (storeys, columns))


def _tree(rng: np.random.Generator, azimuth: float, distance: float) -> Upright:
    height = float(rng.uniform(6, 14))
    crown, trunk = _colour(rng, (0.16, 0.42), (0.25, 0.6), 0.25), _colour(rng, (0.04, 0.1), (0.2, 0.4), 0.4)
    return Upright("tree", azimuth, distance, height * float(rng.uniform(0.5, 0.85)), height, crown, trunk)


def _room(rng: np.random.Generator) -> Room:
    x, y, z = (float(rng.uniform(*sides)) for sides in ((6, 14), (5, 12), (2.8, 6)))
    head = float(rng.uniform(1.5, 1.7))
    wall = _colour(rng, (0.0, 1.0), (0.6, 0.95), 0.6)
    panel = _between(wall, _colour(rng, (0.0, 1.0), (0.3, 0.8), 0.4), 0.6)
    floor, tile = (_colour(rng, (0.02, 0.14), (0.25, 0.6), 0.4) for _ in range(2))
    ceiling = _colour(rng, (0.0, 1.0), (0.85, 1.0), 0.85)
    # Light falls on each wall from another side.
    walls = tuple(_between((0.0, 0.0, 0.0), wall, float(shade)) for shade in rng.uniform(0.75, 1.0, 4))
    absorption = np.exp(rng.uniform(np.log(0.05), np.log(0.6), 6))
    a, b, c, d, e, f = (float(share) for share in absorption)
    return Room(
        size=(x, y, z),
        corner=(-x * float(rng.uniform(0.3, 0.7)), -y * float(rng.uniform(0.3, 0.7)), -head),
        absorption=(a, b, c, d, e, f),
        colours=(*walls, floor, ceiling),
        grain=(*(panel,) * 4, _between(floor, tile, 0.5), _between(ceiling, wall, 0.4)),
    )
