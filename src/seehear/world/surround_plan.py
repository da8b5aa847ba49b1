# SPDX-License-Identifier: Apache-2.0
"""What is in a surround world, and the truth of each of its scenes."""

from dataclasses import dataclass, field
from math import degrees
from pathlib import Path
from typing import final

import numpy as np

from seehear.world.classes import CLASSES, kind_of
from seehear.world.plan import AnyPlan, split_of
from seehear.world.render import Recording
from seehear.world.surround_draw import draw_surround
from seehear.world.surround_echoes import reverberation_time
from seehear.world.surround_path import polar, position, to_listener
from seehear.world.surround_scene import Room, Source, Surround
from seehear.world.surround_shot import SurroundDials, SurroundShot

SURROUND_VERSION = "360-1"
"""Of the surround world."""


@final
@dataclass(frozen=True)
class SurroundPlan(AnyPlan[Surround]):
    """A world of scenes all around the listener."""

    shot: SurroundShot = field(default_factory=SurroundShot)
    dials: SurroundDials = field(default_factory=SurroundDials)

    @property
    def version(self) -> str:
        return SURROUND_VERSION

    def scene(self, index: int) -> Surround:
        return draw_surround(self.seed, index, self.dials, self.duration)

    def record(self, scene: Surround) -> Recording:
        from seehear.world.surround_render import render_surround

        return render_surround(scene, self.shot).recording

    def write(self, scene: Surround, path: Path) -> str:
        from seehear.world.surround_render import render_surround, write_surround

        taken = render_surround(scene, self.shot)
        write_surround(taken, path)
        return taken.recording.hash

    def truth(self, scene: Surround) -> dict[str, object]:
        """As of the flat world; also where each of the things heard is in the middle of the scene, in degrees and m.

        `seen` is what a panorama would show; `masks` say what a camera sees.
        `azimuth`, `elevation` and `distance` are in the order of `heard`, and empty for what has no place;
        `reverberation` is the time (s) in which sound dies away by 60 dB, 0 outdoors.
        """
        located = [source for source in scene.heard if source.located]
        where = [_polar(scene, source) for source in located]
        room = scene.place if isinstance(scene.place, Room) else None
        return {
            "label": CLASSES[scene.label],
            "split": split_of(scene.index),
            "seed": scene.seed,
            "scene": scene.index,
            "sources": len(scene.heard),
            "heard": _names(scene.heard),
            "seen": _names(scene.seen),
            "silent": _names(tuple(source for source in scene.seen if not source.thing.events)),
            "voice_over": scene.voice_over,
            "azimuth": " ".join(f"{one[0]:.1f}" for one in where),
            "elevation": " ".join(f"{one[1]:.1f}" for one in where),
            "distance": " ".join(f"{one[2]:.2f}" for one in where),
            "moving": _names(tuple(source for source in located if source.turn or any(source.velocity))),
            "place": scene.place_number,
            "indoors": room is not None,
            "reverberation": round(reverberation_time(room), 3) if room and self.shot.tail else 0.0,
            "floor": scene.microphone.floor,
            "events": " ".join(f"{t:.3f}" for t in scene.sources[0].thing.events if 0 <= t < scene.duration),
        }


def _names(sources: tuple[Source, ...]) -> str:
    return " ".join(kind_of(source.thing.kind).name for source in sources)


def _polar(scene: Surround, source: Source) -> tuple[float, float, float]:
    """Azimuth and elevation (degrees) and distance (m) for the listener at the middle of the scene."""
    middle = to_listener(scene, position(source, np.array([scene.duration / 2])))[0]
    azimuth, elevation, distance = polar(middle)
    return degrees(azimuth), degrees(elevation), distance
