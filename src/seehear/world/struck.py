# SPDX-License-Identifier: Apache-2.0
"""Voices of things that are hit at their events: impulses through decaying modes, with a burst of noise.

Bell and hammer sound alike (metal), and so do ball and drum (thuds).
"""

import numpy as np
from jaxtyping import Float64

from seehear.world.scene import Thing
from seehear.world.synthesis import (
    Grid,
    Sound,
    band,
    cycles,
    decaying,
    draws,
    impulses,
    lasting,
    mode,
    noise,
    periodic,
    pitch,
    share,
    smooth,
)


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
    """A dull thud that falls in pitch, without ring."""
    since = grid.beat(thing).since
    turn = cycles(pitch(thing, 200.0) * (1 + 1.2 * np.exp(-since / 0.04)), grid)
    slap = decaying(_blows(thing, grid), 0.006, grid) * noise(thing, grid)
    body = periodic(turn, (1.0, 0.6, 0.3)) * np.exp(-since / lasting(thing, 0.09)) * np.minimum(1, since / 0.003)
    return body + 0.3 * smooth(slap, 1500.0, grid)


def drum(thing: Thing, grid: Grid) -> Sound:
    """The modes of a membrane and the rattle of its snares."""
    body = _modes(thing, grid, 230.0, 0.09, ((1.0, 1.0, 1.0), (1.59, 0.6, 0.7), (2.14, 0.4, 0.5), (2.65, 0.3, 0.4)))
    rattle = decaying(_blows(thing, grid), lasting(thing, 0.06), grid) * noise(thing, grid)
    return body + 0.35 * share(thing) * band(rattle, pitch(thing, 3000.0), 0.7, grid)


def bell(thing: Thing, grid: Grid) -> Sound:
    """Hum, prime, tierce, quint and nominal, warbling, ringing on from blow to blow."""
    table = (
        (0.5, 0.5, 1.6),
        (1.0, 0.8, 1.0),
        (1.2, 0.7, 0.9),
        (1.5, 0.5, 0.7),
        (2.0, 1.0, 0.7),
        (2.6, 0.8, 0.6),
        (4.2, 0.8, 0.4),
    )
    warble = 1 + 0.7 * np.cos(2 * np.pi * 7.5 * grid.times)
    return _modes(thing, grid, 750.0, 0.7, table) * warble


def hammer(thing: Thing, grid: Grid) -> Sound:
    """A clang: the modes of a free bar, short, behind a hard click."""
    table = ((1.0, 1.0, 1.0), (2.76, 0.9, 0.7), (5.4, 0.7, 0.5), (8.93, 0.4, 0.3))
    click = decaying(_blows(thing, grid), 0.004, grid) * noise(thing, grid)
    return _modes(thing, grid, 620.0, 0.1, table) + 0.8 * click


def axe(thing: Thing, grid: Grid) -> Sound:
    """Wood splits: a dry crack, a hollow body, and splinters that follow."""
    body = _modes(thing, grid, 330.0, 0.025, ((1.0, 1.0, 1.0), (2.4, 0.8, 0.6), (3.9, 0.5, 0.4)))
    late = np.array([0.0, 0.07, 0.11, 0.15, 0.18, 0.21])
    instants = (np.asarray(thing.events)[:, None] + late).ravel()
    weights = np.tile([1.0, 0.6, 0.6, 0.5, 0.5, 0.4], len(thing.events))
    crack = decaying(impulses(instants, weights, grid), lasting(thing, 0.008), grid) * noise(thing, grid)
    return body + 1.2 * band(crack, pitch(thing, 1800.0), 0.6, grid)


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
    out = np.zeros(grid.count)
    times = np.arange(round(0.6 * grid.rate)) / grid.rate
    for string, ratio in enumerate((1.0, 1.498, 2.0, 2.52)):
        f, decay = ratio * pitch(thing, 220.0), lasting(thing, 0.2)
        pluck = sum(np.sin(2 * np.pi * k * f * times) * np.exp(-times * k**0.7 / decay) / k**0.6 for k in range(1, 8))
        for event in np.asarray(thing.events) + 0.05 * string:
            _add(out, np.asarray(pluck), event, grid)
    return out


def _add(out: Sound, piece: Float64[np.ndarray, "M"], instant: float, grid: Grid) -> None:
    """Add a short sound that begins at an instant, to the nearest sample."""
    first = round((instant - grid.start) * grid.rate)
    start, stop = max(first, 0), min(first + len(piece), grid.count)
    if start < stop:
        out[start:stop] += piece[start - first : stop - first]
