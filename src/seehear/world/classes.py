# SPDX-License-Identifier: Apache-2.0
"""The twenty classes of things: what each looks like, how it moves, what it sounds like.

A class fixes the families of look, motion and sound; hue, texture, size, tempo, pitch, timbre and path are the
instance's. `pace` bounds the time between events (s): short enough that any second of sound holds one. It is the same
for nearly all classes, because the tempo would give the class away.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from seehear.world import animals, calls, engines, instruments, motion, struck, tools, vehicles
from seehear.world.motion import Motion, Pose
from seehear.world.shapes import Part
from seehear.world.synthesis import VoiceOf


@runtime_checkable
class LookOf(Protocol):
    """A look: the parts of a thing from back to front, facing right, inside about [-1.2, 1.2] half sizes."""

    def __call__(self, pose: Pose) -> list[Part]:
        """Parts at the instants of the pose."""


@dataclass(frozen=True)
class Kind:
    """One class: name, half size (m), families, and the range of its pace (s)."""

    name: str
    size: float
    look: LookOf
    motion: Motion
    voice: VoiceOf
    pace: tuple[float, float] = (0.45, 0.85)


KINDS = (
    Kind("car", 2.0, vehicles.car, motion.drive, engines.car),
    Kind("bus", 5.0, vehicles.bus, motion.drive, engines.bus),
    Kind("tram", 6.0, vehicles.tram, motion.drive, engines.tram),
    Kind("truck", 4.0, vehicles.truck, motion.drive, engines.truck),
    Kind("motorcycle", 1.1, vehicles.motorcycle, motion.drive, engines.motorcycle),
    Kind("ball", 0.3, tools.ball, motion.bounce, struck.ball),
    Kind("drum", 0.3, instruments.drum, motion.alternate, struck.drum, (0.3, 0.7)),
    Kind("bell", 0.5, instruments.bell, motion.swing, struck.bell),
    Kind("hammer", 0.5, tools.hammer, motion.strike, struck.hammer),
    Kind("axe", 0.6, tools.axe, motion.strike, struck.axe),
    Kind("dog", 0.5, animals.dog, motion.call, calls.dog),
    Kind("cat", 0.4, animals.cat, motion.call, calls.cat),
    Kind("bird", 0.15, animals.bird, motion.call, calls.bird),
    Kind("frog", 0.1, animals.frog, motion.hop, calls.frog),
    Kind("guitar", 0.5, instruments.guitar, motion.stroke, struck.guitar, (0.4, 0.8)),
    Kind("violin", 0.35, instruments.violin, motion.stroke, calls.violin, (0.4, 0.8)),
    Kind("trumpet", 0.35, instruments.trumpet, motion.play, calls.trumpet),
    Kind("siren", 0.3, tools.siren, motion.flash, calls.siren),
    Kind("clock", 0.6, tools.clock, motion.swing, struck.clock),
    Kind("fan", 0.4, tools.fan, motion.spin, engines.fan),
)
CLASSES = tuple(kind.name for kind in KINDS)
VEHICLES = ("car", "bus", "tram", "truck", "motorcycle")

LOOK_ALIKES = (("bus", "tram"), ("dog", "cat"), ("guitar", "violin"), ("hammer", "axe"))
"""Classes that look nearly the same and sound different."""

SOUND_ALIKES = (("bus", "truck"), ("bell", "hammer"), ("ball", "drum"), ("violin", "trumpet"))
"""Classes that sound nearly the same and look different."""

OVERS = (
    Kind("speech", 0.3, animals.bird, motion.rest, calls.speech, (0.18, 0.3)),
    Kind("music", 0.3, animals.bird, motion.rest, calls.music, (0.35, 0.6)),
)
"""What a voice-over may put on a scene besides another scene's sound: heard, never seen; numbered after the classes."""


def look_alike(kind: int) -> int | None:
    """The class that looks like this one, if there is one."""
    for one, other in LOOK_ALIKES:
        if CLASSES[kind] in (one, other):
            return CLASSES.index(other if CLASSES[kind] == one else one)
    return None


def kind_of(number: int) -> Kind:
    """The class, or what lies over it, by its number in a scene."""
    return (*KINDS, *OVERS)[number]
