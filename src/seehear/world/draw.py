# SPDX-License-Identifier: Apache-2.0
"""From (seed, index) to a scene: every random number of the world is drawn here.

Three generators keyed by (seed, index, stream) keep the plan (who, when), the picture and the sound apart: hue,
texture, size and place are independent of pitch, timbre, room and noise. Splits use separate ranges of the index; any
20 scenes that begin at a multiple of 20 hold every class once. Seeds 900,000 to 999,999 are for calibration only: no
study uses them.
"""

from colorsys import hsv_to_rgb
from dataclasses import replace

import numpy as np

from seehear.errors import InputError
from seehear.world.classes import CLASSES, KINDS, Kind, kind_of, look_alike
from seehear.world.scene import Acoustics, Colour, Dials, Look, Scene, Setting, Thing, Voice

FIRST = {"train": 0, "validation": 10_000_000, "test": 20_000_000}
"""The first index of each split."""
PLACES, ROOMS, FLOORS = 24, 12, 12
"""How many backgrounds, rooms and noises all scenes share."""
_PLAN, _PICTURE, _SOUND, _ORDER = range(4)
_LEAD = 1.5  # events start this long before the recording, so that rings and reverberation are under way


def draw_scene(seed: int, index: int, dials: Dials | None = None, duration: float = 4.0) -> Scene:
    """Scene `index` of the world `seed`: the same on any machine; raises InputError for impossible arguments."""
    if seed < 0 or index < 0 or not 0.5 <= duration <= 60:
        raise InputError(
            f"expected a seed and an index of at least 0 and 0.5 to 60 s, got {seed}, {index} and {duration:g} s"
        )
    plan, picture, sound = (np.random.default_rng([seed, index, stream]) for stream in (_PLAN, _PICTURE, _SOUND))
    dials = dials or Dials()
    n = dials.nuisance
    label = label_of(seed, index)
    others = [k for k in range(len(KINDS)) if k != label]
    main = draw_thing(label, duration, n, plan, picture, sound)
    things = [main]
    for _ in range(2):
        there, beyond, kind = plan.random(), plan.random(), int(plan.choice(others))
        companion = _companion(draw_thing(kind, duration, n, plan, picture, sound), picture, sound)
        if there < dials.companions:
            things.append(replace(companion, seen=beyond >= dials.off_screen))
    chance, over = plan.random(), plan.random()
    twin = draw_thing(look_alike(label) or label, duration, n, plan, picture, sound)
    silent = look_alike(label) is not None and chance < dials.silent_look_alike
    if silent:
        things[0] = _beside(main, -1, 0.30)
        things.append(_beside(replace(twin, heard=False, events=()), 1, 0.26))
    which, kind = int(plan.integers(3)), int(plan.choice(others))
    number = kind if which == 2 else len(KINDS) + which
    voice = replace(draw_thing(number, duration, n, plan, picture, sound), seen=False)
    if over < dials.voice_over:
        things = [replace(thing, heard=False) for thing in things] + [voice]
    return Scene(
        seed=seed,
        index=index,
        duration=duration,
        label=label,
        things=tuple(things),
        setting=_setting(n, picture),
        acoustics=_acoustics(n, sound),
        voice_over=("speech", "music", "scene")[which] if over < dials.voice_over else "",
        silent_look_alike=silent,
    )


def label_of(seed: int, index: int) -> int:
    """The class of a scene: each block of 20 indices is a shuffled list of the 20 classes."""
    block, place = divmod(index, len(CLASSES))
    return int(np.random.default_rng([seed, block, _ORDER]).permutation(len(CLASSES))[place])


def draw_thing(
    kind: int,
    duration: float,
    n: float,
    plan: np.random.Generator,
    picture: np.random.Generator,
    sound: np.random.Generator,
) -> Thing:
    """A thing in the middle of the picture that fills about half of it."""
    family = kind_of(kind)
    scale = 0.32 * 2 ** (n * picture.uniform(-0.25, 0.25))
    distance = family.size / scale
    right, up = n * picture.uniform(-0.2, 0.2, 2)
    pace, events = _events(family, duration, plan)
    return Thing(
        kind=kind,
        seen=True,
        heard=True,
        events=events,
        pace=pace,
        position=(float(distance), float(-right * distance), float(up * distance)),
        size=family.size,
        sway=float(0.15 * n * picture.random()),
        sway_rate=float(picture.uniform(0.1, 0.3)),
        sway_phase=float(picture.uniform(0, 2 * np.pi)),
        approach=float(0.06 * n * picture.random()),
        look=_look(n, picture),
        voice=_voice(n, sound),
    )


def _events(family: Kind, duration: float, plan: np.random.Generator) -> tuple[float, tuple[float, ...]]:
    """A tempo, and instants (s) that keep it up to 15 %."""
    pace = float(np.exp(plan.uniform(np.log(family.pace[0]), np.log(family.pace[1]))))
    count = int((duration + 2 * _LEAD) / (0.85 * pace)) + 2
    instants = -_LEAD - pace * plan.random() + np.cumsum(pace * plan.uniform(0.85, 1.15, count))
    return pace, tuple(float(t) for t in instants if t < duration + _LEAD)


def _companion(thing: Thing, picture: np.random.Generator, sound: np.random.Generator) -> Thing:
    """The thing made small, put into a corner, and softer by 6 to 14 dB."""
    distance = thing.size / picture.uniform(0.1, 0.15)
    side, level = picture.choice([-1, 1]), float(sound.uniform(-14, -6))
    left, up = side * picture.uniform(0.3, 0.4), picture.choice([-1, 1]) * picture.uniform(0.25, 0.38)
    place = (float(distance), float(left * distance), float(up * distance))
    return replace(thing, position=place, voice=replace(thing.voice, level=level))


def _beside(thing: Thing, side: int, scale: float) -> Thing:
    """The thing at this scale in the left (-1) or right (1) half of the picture."""
    distance = thing.size / scale
    return replace(thing, position=(distance, -0.22 * side * distance, 0.0))


def _colour(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = hsv_to_rgb(hue % 1, saturation, value)
    return (float(red), float(green), float(blue))


def _look(n: float, picture: np.random.Generator) -> Look:
    u = picture.random(20)
    return Look(
        main=_colour(0.58 + n * (u[0] - 0.5), 0.35 + 0.6 * u[1], 0.4 + 0.55 * u[2]),
        second=_colour(0.08 + n * (u[3] - 0.5), 0.35 + 0.6 * u[4], 0.4 + 0.55 * u[5]),
        dark=_colour(float(u[6]), 0.5 * n * u[7], 0.05 + 0.2 * u[8]),
        light=_colour(float(u[9]), 0.3 * n * u[10], 0.8 + 0.2 * u[11]),
        glow=_colour(0.12 + n * (u[12] - 0.5), 0.5, 1.0),
        texture=int(picture.integers(4)),
        waves=float(1.5 + 2.5 * u[13]),
        angle=float(np.pi * u[14]),
        phase=float(u[15]),
        contrast=float(min(0.9, n * (0.1 + 0.4 * u[16]))),
        aspect=float(0.2 * n * (u[17] - 0.5)),
        tilt=float(0.25 * n * (u[18] - 0.5)),
        facing=1 if u[19] < 0.5 else -1,
    )


def _voice(n: float, sound: np.random.Generator) -> Voice:
    pitch, bright, decay = sound.uniform(-1, 1, 3)
    return Voice(
        pitch=float(0.9 * n * pitch),
        brightness=float(n * bright),
        decay=float(0.7 * n * decay),
        level=0.0,
        seed=int(sound.integers(2**31)),
    )


def _setting(n: float, picture: np.random.Generator) -> Setting:
    u = picture.random(6)
    red, green, blue = (float(1 + 0.3 * n * (x - 0.5)) for x in u[:3])
    return Setting(
        place=int(picture.integers(PLACES)),
        cut=float(u[3]),
        mirrored=bool(picture.random() < 0.5),
        gain=float(2 ** (0.7 * n * (u[4] - 0.6))),
        tint=(red, green, blue),
        contrast=float(min(1.0, n * (0.3 + 0.4 * u[5]))),
    )


def _acoustics(n: float, sound: np.random.Generator) -> Acoustics:
    response = n * 7.0 * sound.standard_normal(17)
    return Acoustics(
        room=int(sound.integers(ROOMS)),
        wet=float(n * sound.uniform(0.05, 0.5)),
        floor=int(sound.integers(FLOORS)),
        noise=float(-24.5 + n * sound.uniform(0, 16)),
        noise_at=float(sound.random()),
        response=tuple(float(g) for g in response),
        compression=float(min(0.9, 0.7 * n * sound.random())),
        fading=(float(10 * n * sound.random()), float(sound.uniform(0.3, 1.5)), float(sound.uniform(0, 2 * np.pi))),
        level=float(sound.uniform(-30, -18)),
    )
