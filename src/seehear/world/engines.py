# SPDX-License-Identifier: Apache-2.0
"""Voices of the vehicles and of the fan: engines that are pushed at every event, whines, pops and beating air.

Bus and truck sound alike: the same diesel, with a hiss of air or with a double honk at every event.
"""

import numpy as np

from seehear.world.scene import Thing
from seehear.world.synthesis import (
    Grid,
    Sound,
    band,
    cycles,
    decaying,
    impulses,
    noise,
    periodic,
    pitch,
    share,
    smooth,
    steady,
)

_HUM = steady(lambda k: 1.0 / k if k % 2 else 0.5 / k, 14)
_MOTOR = steady(lambda k: 1.0 / k**0.7, 24)
_HONK = steady(lambda k: 1.0 / k**0.5, 12)
_WHINE = steady(lambda k: (1.0, 0.1, 0.4, 0.05, 0.2)[k - 1], 5)


def _push(thing: Thing, grid: Grid, decay: float) -> Sound:
    """1 at every event, then dying away."""
    return np.exp(-grid.beat(thing).since / decay)


def car(thing: Thing, grid: Grid) -> Sound:
    """A humming motor whose pitch jumps at every push, and tyres."""
    push = _push(thing, grid, 0.3)
    hum = periodic(cycles(pitch(thing, 110.0) * (1 + 0.9 * push), grid), _MOTOR)
    return hum * (0.6 + 0.6 * share(thing) * push) + 0.35 * share(thing) * smooth(
        noise(thing, grid), 1200.0 * share(thing) ** 2, grid
    )


def _diesel(thing: Thing, grid: Grid) -> Sound:
    """Knocks of a large slow motor: noise in bursts, 26 a second, above a low hum."""
    push = _push(thing, grid, 0.3)
    turn = cycles(26.0 * 2 ** (0.5 * thing.voice.pitch) * (1 + 0.35 * push), grid)
    knock = np.exp(-5 / share(thing) * (turn - np.floor(turn)))
    rough = band(noise(thing, grid), pitch(thing, 600.0), 0.6, grid) * knock
    return (rough * 2 + 0.5 * periodic(2 * turn, _HUM)) * (0.7 + 0.5 / share(thing) * push)


def bus(thing: Thing, grid: Grid) -> Sound:
    """A diesel, and the hiss of its air brake."""
    air = noise(thing, grid, 1)
    hiss = (air - smooth(air, 3000.0, grid)) * _push(thing, grid, 0.2)
    return _diesel(thing, grid) + 0.9 * share(thing) * hiss


def truck(thing: Thing, grid: Grid) -> Sound:
    """A diesel, and a double honk."""
    b = grid.beat(thing)
    on = smooth(((b.since < 0.1) | ((b.since > 0.16) & (b.since < 0.3))).astype(float), 40.0, grid)
    f = pitch(thing, 330.0)
    return _diesel(thing, grid) + 0.35 * on * (
        periodic(cycles(f, grid), _HONK) + periodic(cycles(1.26 * f, grid), _HONK)
    )


def tram(thing: Thing, grid: Grid) -> Sound:
    """An electric whine that rises after every event, and a pair of knocks of the wheels on a joint."""
    b = grid.beat(thing)
    whine = periodic(cycles(pitch(thing, 480.0) * (1 + 0.7 * b.phase), grid), _WHINE)
    joints = np.concatenate([np.asarray(thing.events), np.asarray(thing.events) + 0.11])
    knock = decaying(impulses(joints, np.ones(len(joints)), grid), 0.025, grid) * noise(thing, grid)
    return 0.45 * whine * (1 - 0.5 * b.phase) + 1.5 * smooth(knock, 1200.0, grid)


def motorcycle(thing: Thing, grid: Grid) -> Sound:
    """Two cylinders that fire unevenly: separate pops, faster at every push."""
    push = _push(thing, grid, 0.3)
    turn = cycles(8.0 * 2 ** (0.5 * thing.voice.pitch) * (1 + 0.8 * push), grid)
    fired = turn - np.floor(turn)
    # Two shots a turn, three eighths apart.
    sharp = 12 / share(thing) ** 1.5
    shot = np.exp(-sharp * fired) + 0.8 * np.exp(-sharp * np.where(fired >= 0.375, fired - 0.375, 1.0))
    pop = periodic(cycles(pitch(thing, 100.0), grid), _HUM) + 0.9 * noise(thing, grid)
    return (shot + 0.12 * share(thing)) * pop * (0.6 + 0.7 * share(thing) * push)


def fan(thing: Thing, grid: Grid) -> Sound:
    """Air that beats four times from event to event, and the hum of a motor."""
    b = grid.beat(thing)
    beats = 0.5 + 0.5 * np.cos(2 * np.pi * 4 * (b.count + b.phase))
    air = band(noise(thing, grid), pitch(thing, 900.0), 0.5 * share(thing) ** 2, grid)
    depth = 0.6 * share(thing) / (0.4 + 0.6 * share(thing))
    return air * (1 - depth + depth * beats**2) * 2 + 0.15 * periodic(cycles(pitch(thing, 120.0), grid), _HUM)
