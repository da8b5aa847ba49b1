# SPDX-License-Identifier: Apache-2.0
"""Voices of animals, of blown and bowed things, and of the speech and music that a voice-over puts on a scene.

Trumpet and violin sound alike: held notes of the same range, tongued and bright, or bowed with vibrato.
"""

import numpy as np

from seehear.world.scene import Thing
from seehear.world.synthesis import (
    Grid,
    Sound,
    cycles,
    draws,
    formants,
    lasting,
    noise,
    periodic,
    pitch,
    share,
    smooth,
    steady,
)

_SIREN = steady(lambda k: 1.0 / k if k % 2 else 0.2 / k, 9)
_SCALE = np.array([0, 2, 4, 7, 9, 12]) / 12.0


def _gate(since: Sound, attack: float, hold: float, release: float) -> Sound:
    """0 -> 1 within `attack`, 1 until `hold`, then back to 0 within `release` (s)."""
    return np.clip(since / attack, 0, 1) * np.clip((hold + release - since) / release, 0, 1)


def dog(thing: Thing, grid: Grid) -> Sound:
    """Barks: short, rough, falling in pitch, twice as loud in the throat's formants."""
    since = grid.beat(thing).since
    f = pitch(thing, 300.0)
    wave = periodic(
        cycles(f * (0.75 + 0.7 * np.exp(-since / 0.07)), grid), formants(f, ((700.0, 350.0, 1.0), (1600.0, 500.0, 0.7)))
    )
    return (wave + 0.3 * share(thing) * noise(thing, grid)) * _gate(since, 0.012, 0.08, lasting(thing, 0.07))


def cat(thing: Thing, grid: Grid) -> Sound:
    """Meows: a long glide up and down that opens and closes."""
    b = grid.beat(thing)
    glide = np.sin(np.pi * np.clip(b.phase / 0.62, 0, 1))
    f = pitch(thing, 520.0)
    turn = cycles(f * (0.8 + 0.45 * glide), grid)
    dull, bright = formants(f, ((700.0, 300.0, 1.0),)), formants(f, ((1700.0, 600.0, 1.0), (3200.0, 700.0, 0.5)))
    return (periodic(turn, dull) * (1 - glide) + periodic(turn, bright) * glide) * np.sqrt(glide)


def bird(thing: Thing, grid: Grid) -> Sound:
    """Three chirps after every event, each a fast rising whistle."""
    since = grid.beat(thing).since
    length = 0.075
    which = np.floor(since / length)
    part = since / length - which
    f = pitch(thing, 2600.0) * (1 + 0.5 * part + 0.08 * which)
    on = np.sin(np.pi * np.clip(part / 0.8, 0, 1)) * (which < 3)
    return np.sin(2 * np.pi * cycles(np.minimum(f, 0.45 * grid.rate), grid)) * on


def frog(thing: Thing, grid: Grid) -> Sound:
    """Croaks: a train of pulses, 22 a second, of a throat that rises in pitch."""
    since = grid.beat(thing).since
    length = 0.34
    turn = since * 22.0 * 2 ** (0.3 * thing.voice.pitch)
    pulse = np.exp(-7 * (turn - np.floor(turn))) * (since < length)
    throat = periodic(cycles(pitch(thing, 500.0) * (1 + 1.6 * np.minimum(since / length, 1)), grid), (1.0, 0.3, 0.5))
    return pulse * (throat + 0.15 * share(thing) * noise(thing, grid))


def _melody(thing: Thing, grid: Grid, usual: float) -> Sound:
    """The pitch (Hz) of one note a beat, from a pentatonic scale."""
    notes = draws(thing, 64)
    return pitch(thing, usual) * 2.0 ** _SCALE[(notes[grid.beat(thing).count % 64] * len(_SCALE)).astype(int)]


def trumpet(thing: Thing, grid: Grid) -> Sound:
    """Tongued notes whose high harmonics arrive last."""
    b = grid.beat(thing)
    turn = cycles(_melody(thing, grid, 330.0), grid)
    bright = np.clip(b.since / 0.09, 0, 1)
    mellow, brassy = steady(lambda k: 0.5**k, 6), steady(lambda k: 1 / (1 + (k / 6) ** 3), 14)
    on = _gate(b.since, 0.02, 1e9, 1.0) * np.clip((0.85 - b.phase) / 0.06, 0, 1)
    return on * (periodic(turn, mellow) * (1 - bright) + periodic(turn, brassy) * bright)


def violin(thing: Thing, grid: Grid) -> Sound:
    """Bowed notes, slow to speak, with vibrato and without gaps, and the noise of the bow."""
    b = grid.beat(thing)
    vibrato = 1 + 0.03 * np.sin(2 * np.pi * 6.0 * grid.times)
    turn = cycles(_melody(thing, grid, 420.0) * vibrato, grid)
    swell = 0.35 + 0.65 * np.sin(np.pi * b.phase)
    return swell * (periodic(turn, steady(lambda k: 1.0 / k, 16)) + 0.12 * noise(thing, grid))


def siren(thing: Thing, grid: Grid) -> Sound:
    """A wail that rises from one event to the next and falls to the one after."""
    b = grid.beat(thing)
    f = pitch(thing, 640.0) * (1 + 0.8 * np.where(b.count % 2 == 0, b.phase, 1 - b.phase))
    return periodic(cycles(f, grid), _SIREN)


def speech(thing: Thing, grid: Grid) -> Sound:
    """Somebody talks: syllables of voiced vowels and hissed consonants, the pitch falling through a phrase."""
    b = grid.beat(thing)
    f0 = pitch(thing, 140.0)
    turn = cycles(f0 * (1.15 - 0.3 * (b.count % 7) / 7 + 0.1 * np.sin(np.pi * b.phase)), grid)
    vowels = [formants(f0, ((a, 120.0, 1.0), (c, 200.0, 0.6), (2700.0, 300.0, 0.2)), 5000.0) for a, c in _VOWELS]
    which = (draws(thing, 64)[b.count % 64] * len(vowels)).astype(int)
    voiced = np.choose(which, [periodic(turn, vowel) for vowel in vowels])
    hiss = noise(thing, grid)
    hiss = hiss - smooth(hiss, 3500.0, grid)
    open_mouth = np.sin(np.pi * np.clip((b.phase - 0.2) / 0.75, 0, 1))
    return voiced * open_mouth + 0.5 * hiss * np.clip(1 - b.phase / 0.2, 0, 1)


_VOWELS = ((730.0, 1090.0), (270.0, 2290.0), (300.0, 870.0), (530.0, 1840.0))


def music(thing: Thing, grid: Grid) -> Sound:
    """Background music: held chords, a bass and a soft beat, none of it in time with the picture."""
    b = grid.beat(thing)
    root = pitch(thing, 165.0) * 2.0 ** (np.array([0, 5, 7, 3])[(b.count // 2) % 4] / 12)
    turn = cycles(root, grid)
    soft = steady(lambda k: 0.5**k, 6)
    chord = sum(periodic(ratio * turn, soft) for ratio in (1.0, 1.25, 1.5, 2.0))
    kick = np.sin(2 * np.pi * 60 * b.since) * np.exp(-b.since / 0.08)
    return np.asarray(0.4 * chord * (0.5 + 0.5 * np.exp(-b.phase)) + 0.5 * periodic(0.5 * turn, soft) + kick)
