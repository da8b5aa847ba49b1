# SPDX-License-Identifier: Apache-2.0
"""From (seed, index) to a surround scene: every random number of the surround world is drawn here.

As in `draw`: three generators keyed by (seed, index, stream) keep plan, picture and sound apart, splits are ranges of
the index, blocks of twenty indices hold every class once, seeds 900,000 to 999,999 are for calibration only.

Directions, sizes and places say nothing about the class: in rooms everything is a model of a size that fits, outdoors
things have their own size. Only vehicles outdoors give themselves away by standing on the ground.
"""

from dataclasses import replace
from math import pi

import numpy as np

from seehear.errors import InputError
from seehear.world.classes import CLASSES, KINDS, kind_of, look_alike
from seehear.world.draw import FLOORS, draw_thing, label_of
from seehear.world.scene import Thing
from seehear.world.surround_places import PLACES, place
from seehear.world.surround_scene import Field, Light, Microphone, Point, Room, Source, Surround
from seehear.world.surround_shot import SurroundDials

_PLAN, _PICTURE, _SOUND, _SURROUND = 0, 1, 2, 360
_SCALE = (0.22, 0.42)  # tangent of the angle from a thing's middle to its side
# Half sizes from the middle of a vehicle to the ground under its wheels.
_TALL = {"car": 0.67, "bus": 0.75, "tram": 0.69, "truck": 0.76, "motorcycle": 0.84}


class _Draw:
    """The three generators of a scene."""

    def __init__(self, seed: int, index: int) -> None:
        streams = (np.random.default_rng([seed, index, stream, _SURROUND]) for stream in (_PLAN, _PICTURE, _SOUND))
        self.plan, self.picture, self.sound = streams


def draw_surround(seed: int, index: int, dials: SurroundDials | None = None, duration: float = 4.0) -> Surround:
    """Scene `index` of the surround world `seed`: the same on any machine; InputError for impossible arguments."""
    if seed < 0 or index < 0 or not 0.5 <= duration <= 60:
        raise InputError(
            f"expected a seed and an index of at least 0 and 0.5 to 60 s, got {seed}, {index} and {duration:g} s"
        )
    dials, draw = dials or SurroundDials(), _Draw(seed, index)
    label = label_of(seed, index)
    # Drawn whatever the dials are, so that a dial changes what it says and nothing else.
    indoors, number, pick = draw.plan.random(), int(draw.plan.integers(1 << 30)), draw.plan.random()
    chances = dict(zip(("look_alike", "twin", "over"), draw.plan.random(3), strict=True))
    # Fields have even numbers, rooms odd ones.
    where = 2 * (number % (PLACES // 2)) + (indoors < dials.indoors)
    ground = _reverberant(place(where), dials.reverberation)
    count = dials.least + int(pick * (dials.most - dials.least + 1))
    others = draw.plan.permutation([kind for kind in range(len(KINDS)) if kind != label])
    kinds = [label, *(int(kind) for kind in others[: count - 1])]
    alike = look_alike(label) if chances["look_alike"] < dials.silent_look_alike else None
    resting = [*([] if alike is None else [alike]), *([label] if chances["twin"] < dials.silent_twin else [])]
    azimuths = _azimuths(count + len(resting), draw.plan)
    sources = [_source(kind, azimuths[k], ground, duration, dials, draw) for k, kind in enumerate(kinds)]
    sources[1:] = [_hidden(source, draw.plan.random() < dials.hidden) for source in sources[1:]]
    for kind, azimuth in zip(resting, azimuths[count:], strict=True):
        still = _source(kind, azimuth, ground, duration, replace(dials, moving=0.0), draw)
        sources.append(replace(still, thing=replace(still.thing, heard=False, events=())))
    over = ("speech", "music")[int(draw.plan.integers(2))] if chances["over"] < dials.voice_over else ""
    if over:
        sources = [replace(source, thing=replace(source.thing, heard=False)) for source in sources]
        sources.append(_narrator(over, duration, dials.nuisance, draw))
    return Surround(
        seed=seed,
        index=index,
        duration=duration,
        label=label,
        sources=tuple(sources),
        place=ground,
        place_number=where,
        light=_light(dials.nuisance, draw.picture),
        microphone=_microphone(dials.nuisance, draw.sound),
        heading=float(draw.picture.uniform(-pi, pi)),
        mirrored=bool(draw.picture.random() < 0.5),
        voice_over=over,
    )


def _reverberant(ground: Field | Room, factor: float) -> Field | Room:
    """The place with its reverberation time multiplied: by Eyring's formula, 1 - a becomes (1 - a)^(1 / factor)."""
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
    kind: int, azimuth: float, ground: Field | Room, duration: float, dials: SurroundDials, draw: _Draw
) -> Source:
    """A thing at its place in this direction: at rest, walking around the listener, or passing by."""
    n = dials.nuisance
    thing = draw_thing(kind, duration, n, draw.plan, draw.picture, draw.sound)
    moves, passes, pace, side, height = (float(u) for u in draw.plan.random(5))
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


def _hidden(source: Source, hidden: bool) -> Source:
    return replace(source, thing=replace(source.thing, seen=False)) if hidden else source


def _narrator(over: str, duration: float, n: float, draw: _Draw) -> Source:
    """A voice or music that comes from nowhere."""
    number = len(KINDS) + ("speech", "music").index(over)
    thing: Thing = draw_thing(number, duration, n, draw.plan, draw.picture, draw.sound)
    return Source(replace(thing, seen=False), located=False)


def _light(n: float, picture: np.random.Generator) -> Light:
    u = picture.random(5)
    red, green, blue = (float(1 + 0.3 * n * (x - 0.5)) for x in u[:3])
    return Light(float(2 ** (0.6 * n * (u[3] - 0.6))), (red, green, blue), float(max(0.3, 1 - 0.5 * n * u[4])))


def _microphone(n: float, sound: np.random.Generator) -> Microphone:
    return Microphone(
        floor=int(sound.integers(FLOORS)),
        noise=float(-32 + n * sound.uniform(0, 16)),
        noise_at=float(sound.random()),
        response=tuple(float(g) for g in n * 3.0 * sound.standard_normal(17)),
        level=float(sound.uniform(-30, -20)),
    )
