# SPDX-License-Identifier: Apache-2.0
"""One thing of each class: what a camera sees that looks at it, and what a microphone hears."""

from dataclasses import replace
from math import atan

import numpy as np
from jaxtyping import UInt8

from seehear.gallery.places import said_of
from seehear.report.figures import picture, sound, sound_levels, spectrogram
from seehear.report.html import Html, element
from seehear.world.classes import CLASSES, LOOK_ALIKES, SOUND_ALIKES
from seehear.world.draw import label_of
from seehear.world.surround_draw import draw_surround
from seehear.world.surround_path import polar, position, to_listener
from seehear.world.surround_picture import see
from seehear.world.surround_scene import Surround
from seehear.world.surround_shot import SurroundDials, SurroundShot
from seehear.world.surround_sound import hear

SHOWN = 4
"""Pictures in a row of a contact sheet: instants of the thing that is heard; below it others of its class."""
BLOCKS = 1 + SHOWN
"""Blocks of twenty scenes that the tiles show; each block holds every class once."""
RATE = 24_000
"""Of all sounds on the page (Hz)."""
_FPS = 5.0  # four instants show a thing from one event to the next
_AROUND = 2.0  # half sizes of the thing from the middle of the picture to its side: swaying and hopping stay inside
_ALONE = SurroundDials(least=1, most=1, moving=0.0)


def thing(kind: int, seed: int, side: int, seconds: float) -> Html:
    """The tile of a class: a contact sheet of pictures of side x side pixels, a spectrogram, and `seconds` of sound."""
    first, *others = (alone(kind, seed, block, seconds) for block in range(BLOCKS))
    rows = [_seen(first, side, SHOWN), np.concatenate([_seen(other, side, 1) for other in others])]
    sheet = np.concatenate([np.concatenate(list(row), axis=1) for row in rows])
    heard = hear(first, aimed(first, side)).sound
    name = CLASSES[kind]
    about = f"{said_of(first.place)}; {alikes(name) or 'nothing is like it'}"
    return element(
        "div",
        element("div", element("b", name), element("span", about, class_="soft"), class_="name"),
        picture(sheet, f"{name}: {SHOWN} instants, and {SHOWN} others"),
        spectrogram(sound_levels(heard, RATE), f"spectrogram of {name}"),
        sound(heard, RATE),
        class_="tile",
    )


def alone(kind: int, seed: int, block: int, seconds: float) -> Surround:
    """The scene of this class in a block of twenty, with nothing but one thing that stays where it is."""
    first = block * len(CLASSES)
    index = next(index for index in range(first, first + len(CLASSES)) if label_of(seed, index) == kind)
    return draw_surround(seed, index, _ALONE, seconds)


def aimed(scene: Surround, side: int) -> SurroundShot:
    """A camera that looks at the first thing of a scene, from so near that it fills half of the picture."""
    source = scene.sources[0]
    path = to_listener(scene, position(source, np.linspace(0, scene.duration, 50)))
    azimuth, elevation, distance = polar(path.mean(axis=0))
    half = _AROUND * source.thing.size / distance
    return SurroundShot(
        height=side,
        width=side,
        fps=_FPS,
        rate=RATE,
        sound="mono",
        fov=2 * atan(half),
        azimuth=azimuth,
        elevation=elevation,
    )


def alikes(name: str) -> str:
    """What looks and what sounds nearly the same as a class."""
    said = []
    for word, pairs in (("look-alike", LOOK_ALIKES), ("sound-alike", SOUND_ALIKES)):
        others = [other for pair in pairs if name in pair for other in pair if other != name]
        said += [f"{word} {other}" for other in others]
    return ", ".join(said)


def _seen(scene: Surround, side: int, count: int) -> UInt8[np.ndarray, "T H W 3"]:
    return see(replace(scene, duration=count / _FPS), aimed(scene, side)).frames
