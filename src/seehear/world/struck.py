# SPDX-License-Identifier: Apache-2.0
"""Voices of things that are hit at their events: impulses through decaying modes, with a burst of noise.

Bell and hammer sound alike (metal), and so do ball and drum (thuds).
"""

import numpy as np

from seehear.world.scene import Thing
from seehear.world.synthesis import Grid, Sound, band, decaying, draws, impulses, lasting, mode, noise, pitch, smooth


def _blows(thing: Thing, grid: Grid) -> Sound:
    """An impulse at every event, of slightly different strength."""
    return impulses(thing.events, 0.7 + 0.6 * draws(thing, len(thing.events)), grid)


def _modes(
    thing: Thing, grid: Grid, lowest: float, decay: float, table: tuple[tuple[float, float, float], ...]
) -> Sound:
    """Modes (ratio to the lowest, amplitude, share of the decay)."""
    blows, f, d = _blows(thing, grid), pitch(thing, lowest), lasting(thing, decay)
    parts = [amplitude * mode(blows, ratio * f, share * d, grid) for ratio, amplitude, share in table]
    return np.asarray(sum(parts))


def ball(thing: Thing, grid: Grid) -> Sound:
    """A dull thud, without ring: one low mode and its second."""
    body = _modes(thing, grid, 130.0, 0.05, ((1.0, 1.0, 1.0), (1.9, 0.4, 0.5)))
    slap = decaying(_blows(thing, grid), 0.006, grid) * noise(thing, grid)
    return body + 0.25 * smooth(slap, 1500.0, grid)


def drum(thing: Thing, grid: Grid) -> Sound:
    """The modes of a membrane and the rattle of its snares."""
    body = _modes(thing, grid, 160.0, 0.09, ((1.0, 1.0, 1.0), (1.59, 0.6, 0.7), (2.14, 0.4, 0.5), (2.65, 0.3, 0.4)))
    rattle = decaying(_blows(thing, grid), lasting(thing, 0.06), grid) * noise(thing, grid)
    return body + 0.35 * band(rattle, 3500.0, 0.7, grid)


def bell(thing: Thing, grid: Grid) -> Sound:
    """Hum, prime, tierce, quint and nominal, ringing on from blow to blow."""
    table = ((0.5, 0.5, 1.6), (1.0, 0.8, 1.0), (1.2, 0.7, 0.9), (1.5, 0.5, 0.7), (2.0, 1.0, 0.6), (3.0, 0.5, 0.4))
    return _modes(thing, grid, 520.0, 0.55, table)


def hammer(thing: Thing, grid: Grid) -> Sound:
    """A clang: the modes of a free bar, short, behind a hard click."""
    table = ((1.0, 1.0, 1.0), (2.76, 0.9, 0.7), (5.4, 0.7, 0.5), (8.93, 0.4, 0.3))
    click = decaying(_blows(thing, grid), 0.004, grid) * noise(thing, grid)
    return _modes(thing, grid, 620.0, 0.1, table) + 0.8 * click


def axe(thing: Thing, grid: Grid) -> Sound:
    """Wood splits: a dry crack and a hollow body."""
    body = _modes(thing, grid, 330.0, 0.025, ((1.0, 1.0, 1.0), (2.4, 0.8, 0.6), (3.9, 0.5, 0.4)))
    crack = decaying(_blows(thing, grid), lasting(thing, 0.03), grid) * noise(thing, grid)
    return body + 0.7 * band(crack, pitch(thing, 1300.0), 0.8, grid)


def clock(thing: Thing, grid: Grid) -> Sound:
    """Tick and tock: two short clicks in turn, each doubled by the rebound of the pallet."""
    out = np.zeros(grid.count)
    for side, high in ((0, 2600.0), (1, 1900.0)):
        instants = np.asarray(thing.events)[side::2]
        for late, weight in ((0.0, 1.0), (0.03, 0.6)):
            clicks = impulses(instants + late, np.full(len(instants), weight), grid)
            out += mode(clicks, pitch(thing, high), 0.006, grid) + 0.6 * mode(
                clicks, pitch(thing, 2.3 * high), 0.003, grid
            )
    return out


def guitar(thing: Thing, grid: Grid) -> Sound:
    """A strummed chord: at every event four strings, one after another, whose higher harmonics die first."""
    f = pitch(thing, 150.0)
    out = np.zeros(grid.count)
    for string, ratio in enumerate((1.0, 1.498, 2.0, 2.52)):
        pluck = impulses(np.asarray(thing.events) + 0.014 * string, np.ones(len(thing.events)), grid)
        for k in range(1, 6):
            out += mode(pluck, k * ratio * f, lasting(thing, 0.35) / k**0.7, grid) / k
    return out
