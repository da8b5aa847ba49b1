# SPDX-License-Identifier: Apache-2.0
"""From (seed, index) to a surround scene: every random number of the surround world is drawn here.

As in `draw`: three generators keyed by (seed, index, stream) keep plan, picture and sound apart, splits are ranges of
the index, blocks of twenty indices hold every class once, seeds 900,000 to 999,999 are for calibration only.

Directions and places say nothing about the class, and in rooms, where everything is a model that fits, sizes and
distances do not either. Outdoors things have their own size, so that small ones are near, and vehicles stand on the
ground.
"""

from dataclasses import replace
from math import log10, pi

import numpy as np

from seehear.errors import InputError
from seehear.world.classes import CLASSES, KINDS, kind_of, look_alike
from seehear.world.draw import FLOORS, draw_thing, label_of
from seehear.world.scene import Thing
from seehear.world.surround_places import PLACES, place
from seehear.world.surround_scene import Field, Light, Microphone, Point, Room, Source, Surround
from seehear.world.surround_shot import SurroundDials

_PLAN, _PICTURE, _SOUND, _SURROUND = 0, 1, 2, 360
_ALIKE, _TWIN, _NARRATOR = 6, 7, 8  # numbers of things that are not heard from a place; sources have 0 to 5
_OVERS = ("speech", "music", "scene")  # as in the flat world
_SCALE = (0.22, 0.42)  # tangent of the angle from a thing's middle to its side
# Half sizes from the middle of a vehicle to the ground under its wheels.
_TALL = {"car": 0.67, "bus": 0.75, "tram": 0.69, "truck": 0.76, "motorcycle": 0.84}


class _Draw:
    """Three generators of a scene, or of its thing number `thing`."""

    def __init__(self, seed: int, index: int, *thing: int) -> None:
        keys = ([seed, index, stream, _SURROUND, *thing] for stream in (_PLAN, _PICTURE, _SOUND))
        self.plan, self.picture, self.sound = (np.random.default_rng(key) for key in keys)


def draw_surround(seed: int, index: int, dials: SurroundDials | None = None, duration: float = 4.0) -> Surround:
    """Scene `index` of the surround world `seed`: the same on any machine; InputError for impossible arguments."""
    if seed < 0 or index < 0 or not 0.5 <= duration <= 60:
        raise InputError(
            f"expected a seed and an index of at least 0 and 0.5 to 60 s, got {seed}, {index} and {duration:g} s"
        )
    dials, draw = dials or SurroundDials(), _Draw(seed, index)
    label = label_of(seed, index)
    # Drawn whatever the dials are, and things each from generators of their own, so that scenes of other dials are the
    # same but for what the dials say.
    indoors, number, pick, alike, twin, over = (float(u) for u in draw.plan.random(6))
    count = dials.least + int(pick * (dials.most - dials.least + 1))
    others = draw.plan.permutation([kind for kind in range(len(KINDS)) if kind != label])
    azimuths = _azimuths(count + 2, draw.plan)
    # Fields have even numbers, rooms odd ones.
    where = 2 * int(number * (PLACES // 2)) + (indoors < dials.indoors)
    ground = _reverberant(place(where), dials.reverberation)

    def source(number: int, kind: int, azimuth: float, dials: SurroundDials) -> Source:
        return _source(kind, azimuth, ground, duration, dials, number, _Draw(seed, index, number))

    sources = [source(k, kind, azimuths[k], dials) for k, kind in enumerate([label, *map(int, others[: count - 1])])]
    still, kind = replace(dials, moving=0.0, hidden=0.0), look_alike(label)
    if alike < dials.silent_look_alike and kind is not None:
        sources.append(_resting(source(_ALIKE, kind, azimuths[count], still)))
    if twin < dials.silent_twin:
        sources.append(_resting(source(_TWIN, label, azimuths[count + 1], still)))
    said = _OVERS[int(over / max(dials.voice_over, 1e-9) * len(_OVERS))] if over < dials.voice_over else ""
    if said:
        sources = [replace(source, thing=replace(source.thing, heard=False)) for source in sources]
        voice = int(others[-1]) if said == "scene" else len(KINDS) + _OVERS.index(said)
        sources.append(_narrator(voice, duration, dials.nuisance, _Draw(seed, index, _NARRATOR)))
    return Surround(
        seed=seed,
        index=index,
        duration=duration,
        label=label,
        sources=tuple(sources),
        place=ground,
        place_number=where,
        light=_light(dials.nuisance, draw.picture),
        microphone=_microphone(dials, draw.sound),
        heading=float(draw.picture.uniform(-pi, pi)),
        mirrored=bool(draw.picture.random() < 0.5),
        voice_over=said,
    )


def _reverberant(ground: Field | Room, factor: float) -> Field | Room:
    """The place with about `factor` times its reverberation time: 1 - a becomes (1 - a)^(1 / factor) (Eyring)."""
    if factor == 1:
        return ground
    if isinstance(ground, Field):
        return replace(ground, absorption=1.0) if factor == 0 else ground
    a, b, c, d, e, f = (1.0 if factor == 0 else 1 - (1 - share) ** (1 / factor) for share in ground.absorption)
    return replace(ground, absorption=(a, b, c, d, e, f))


def _azimuths(count: int, plan: np.random.Generator) -> list[float]:
    """As many azimuths, half of an even distance apart or more, in any order."""
    even = 2 * pi / count
    slots = plan.uniform(-pi, pi) + even * (np.arange(count) + plan.uniform(-0.25, 0.25, count))
    return [float(azimuth) for azimuth in plan.permutation(slots)]


def _source(
    kind: int,
    azimuth: float,
    ground: Field | Room,
    duration: float,
    dials: SurroundDials,
    number: int,
    draw: _Draw,
) -> Source:
    """Thing `number` in this direction: it stands, walks around the listener, or passes by; all but 0 may be hidden."""
    moves, passes, pace, side, height, shows = (float(u) for u in draw.plan.random(6))
    thing = draw_thing(kind, duration, dials.nuisance, draw.plan, draw.picture, draw.sound)
    thing = replace(thing, seen=number == 0 or shows >= dials.hidden)
    scale = _SCALE[0] + (_SCALE[1] - _SCALE[0]) * float(draw.picture.random())
    distance, size = _distance(kind, scale, ground, float(draw.picture.random()))
    z = distance * np.tan(np.radians(-15 + 40 * height))
    if isinstance(ground, Field) and CLASSES[kind] in _TALL:
        z = _TALL[CLASSES[kind]] * size - ground.height
        thing = replace(thing, look=replace(thing.look, tilt=0.0))
    elif isinstance(ground, Field):
        z = max(z, size - ground.height)
    else:
        z = float(np.clip(z, 0.9 * ground.corner[2] + size, 0.9 * (ground.corner[2] + ground.size[2]) - size))
    front = (np.cos(azimuth), np.sin(azimuth))
    middle = (float(distance * front[0]), float(distance * front[1]), float(z))
    turn = (0.15 + 0.45 * pace) * (1 if side < 0.5 else -1)
    thing = replace(thing, size=size, position=middle)
    if moves >= dials.moving:
        return Source(thing)
    # Vehicles and animals face where they go.
    thing = replace(thing, look=replace(thing.look, facing=-1 if turn > 0 else 1))
    if passes < 0.5 or isinstance(ground, Room):
        return Source(replace(thing, approach=0.0), turn=turn)
    velocity: Point = (float(-turn * middle[1]), float(turn * middle[0]), 0.0)
    start = tuple(float(p - v * duration / 2) for p, v in zip(middle, velocity, strict=True))
    return Source(replace(thing, position=(start[0], start[1], start[2]), approach=0.0), velocity=velocity)


def _distance(kind: int, scale: float, ground: Field | Room, share: float) -> tuple[float, float]:
    """Distance and half size (m): outdoors of the class's own size, in a room of one that fits into it."""
    if isinstance(ground, Field):
        size = kind_of(kind).size * 2 ** (share - 0.5)
        return size / scale, size
    sides = [min(-low, low + length) for low, length in zip(ground.corner[:2], ground.size[:2], strict=True)]
    distance = min(sides) * (0.5 + 0.3 * share)
    return distance, scale * distance


def _resting(source: Source) -> Source:
    return replace(source, thing=replace(source.thing, heard=False, events=()))


def _narrator(kind: int, duration: float, n: float, draw: _Draw) -> Source:
    """A voice, music or the sound of a class that comes from nowhere."""
    thing: Thing = draw_thing(kind, duration, n, draw.plan, draw.picture, draw.sound)
    return Source(replace(thing, seen=False), located=False)


def _light(n: float, picture: np.random.Generator) -> Light:
    u = picture.random(5)
    red, green, blue = (float(1 + 0.3 * n * (x - 0.5)) for x in u[:3])
    return Light(float(2 ** (0.6 * n * (u[3] - 0.6))), (red, green, blue), float(max(0.3, 1 - 0.5 * n * u[4])))


def _microphone(dials: SurroundDials, sound: np.random.Generator) -> Microphone:
    n, stronger = dials.nuisance, 20 * log10(max(dials.noise, 1e-10))
    return Microphone(
        floor=int(sound.integers(FLOORS)),
        noise=float(-32 + n * sound.uniform(0, 16) + stronger),
        noise_at=float(sound.random()),
        response=tuple(float(g) for g in n * 3.0 * sound.standard_normal(17)),
        level=float(sound.uniform(-30, -20)),
    )
