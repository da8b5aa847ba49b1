# SPDX-License-Identifier: Apache-2.0
"""A scene all around a listener, as pure data: the place, who is where and moves how, and how it is recorded.

World axes x, y, z (up) in m; the listener, camera and microphone at once, is at the origin and looks to the azimuth
`heading` (rad) of the world. What is at p in the world is for the listener (x front, y left, z up) at

    p' = M Rz(-heading) p,  M = diag(1, -1, 1) if the scene is `mirrored`, else the identity.

Times in s, angles in rad. As in `scene`, rendering draws nothing at random, and numbers of the picture (Look, Light)
and of the sound (Voice, Microphone) are drawn apart.
"""

from dataclasses import dataclass

from seehear.errors import InputError
from seehear.world.scene import Colour, Thing

Point = tuple[float, float, float]
STUFF = ("sky", "ground", "building", "tree", "water", "road", "wall", "floor", "ceiling")
"""Classes of the background; in masks of classes they are numbered after the things (20, 21, ...)."""


@dataclass(frozen=True)
class Source:
    """A thing that moves: at t = 0 it is at `thing.position`, and then

        p(t) = Rz(turn t) (position + velocity t)

    before its own swaying and hopping (`surround_path.position`). `velocity` (m/s), `turn` (rad/s) about the listener.
    What is not `located`, such as the voice of a narrator, is heard from nowhere: it has a part in W alone.
    """

    thing: Thing
    velocity: Point = (0.0, 0.0, 0.0)
    turn: float = 0.0
    located: bool = True


@dataclass(frozen=True)
class Upright:
    """A building or a tree of an open place: it stands on the ground at an azimuth (rad) and distance (m) of the world.

    `width` and `height` in m; it faces the listener. `windows` is for buildings: their rows and columns.
    """

    stuff: str
    azimuth: float
    distance: float
    width: float
    height: float
    main: Colour
    second: Colour
    windows: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Strip:
    """A road or a river: the ground where |x cos(azimuth) + y sin(azimuth) - offset| < width / 2 (m)."""

    stuff: str
    azimuth: float
    offset: float
    width: float
    main: Colour
    second: Colour


@dataclass(frozen=True)
class Field:
    """An open place: a level ground `height` m below the listener, strips on it, upright stuff, and the sky.

    `sky` is its colour at the zenith and at the horizon, `ground` two colours of its grain. `absorption` is the share
    of the energy of sound that the ground swallows.
    """

    height: float
    sky: tuple[Colour, Colour]
    ground: tuple[Colour, Colour]
    strips: tuple[Strip, ...]
    uprights: tuple[Upright, ...]
    absorption: float


@dataclass(frozen=True)
class Room:
    """A shoebox: `size` (m) along x, y and z, its lowest corner at `corner` (m), seen from the listener.

    Six surfaces in the order x-, x+, y-, y+, z- (floor), z+ (ceiling): `absorption` is the share of the energy of sound
    that each swallows, `colours` are theirs, `grain` the second colour of each.
    """

    size: Point
    corner: Point
    absorption: tuple[float, float, float, float, float, float]
    colours: tuple[Colour, ...]
    grain: tuple[Colour, ...]

    def __post_init__(self) -> None:
        inside = all(low < 0 < low + length for low, length in zip(self.corner, self.size, strict=True))
        if not inside or not all(0 < share <= 1 for share in self.absorption):
            raise InputError(
                f"expected a room around the listener and absorptions above 0 up to 1, got a corner at {self.corner}, "
                f"sides of {self.size} m and {self.absorption}"
            )


@dataclass(frozen=True)
class Light:
    """The light on everything, and how much of the background's contrast is left (1 all, 0 its mean colour)."""

    gain: float
    tint: Colour
    contrast: float


@dataclass(frozen=True)
class Microphone:
    """What recording adds: diffuse noise, and a response that all channels share.

    `floor` is one of the shared noises, cut at `noise_at` (0 to 1), `noise` (dB) its level relative to the things;
    `response` are gains (dB) at half octaves from 62.5 Hz; `level` is that of W (dB re full scale).
    """

    floor: int
    noise: float
    noise_at: float
    response: tuple[float, ...]
    level: float


@dataclass(frozen=True)
class Surround:
    """One recording of `duration` s in all directions; sources[0] is the labelled one.

    `place_number` is the shared place that `place` was drawn as. `voice_over` names what replaced the sound, or "".
    """

    seed: int
    index: int
    duration: float
    label: int
    sources: tuple[Source, ...]
    place: Field | Room
    place_number: int
    light: Light
    microphone: Microphone
    heading: float = 0.0
    mirrored: bool = False
    voice_over: str = ""

    @property
    def heard(self) -> tuple[Source, ...]:
        """The sources that sound."""
        return tuple(source for source in self.sources if source.thing.heard)

    @property
    def seen(self) -> tuple[Source, ...]:
        """The sources that show."""
        return tuple(source for source in self.sources if source.thing.seen)
