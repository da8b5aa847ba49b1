# SPDX-License-Identifier: Apache-2.0
"""What a user chooses of a surround world: how hard its scenes are, and how they are recorded. Angles in rad."""

from dataclasses import dataclass, fields
from math import degrees, isfinite, pi
from typing import Literal

from seehear.errors import InputError
from seehear.world.scene import check_rates

Sound = Literal["mono", "stereo", "foa", "soa", "toa", "binaural"]
_FACTORS = ("reverberation", "noise", "nuisance")
ORDERS: dict[str, int] = {"mono": 0, "foa": 1, "soa": 2, "toa": 3}
"""The ambisonic orders among the sounds."""


@dataclass(frozen=True)
class SurroundShot:
    """How a scene is recorded: pixels, frames a second, samples a second (Hz), kind of sound, and which truth is kept.

    The picture is the whole panorama (twice as wide as high), or, with a horizontal field of view `fov` (rad), what a
    pinhole camera sees that looks to `azimuth` and `elevation` (rad) of the listener. `tail`: whether the rooms ring
    after their first echoes. `rig`: also the eight ears of four heads that look to 0, 90, 180 and 270 degrees. `stems`,
    `masks` (of instances and classes), `depth` (m) and `flow` (pixels to the next frame) are truth.
    """

    height: int = 160
    width: int = 320
    fps: float = 10.0
    rate: int = 24_000
    sound: Sound = "foa"
    fov: float | None = None
    azimuth: float = 0.0
    elevation: float = 0.0
    tail: bool = True
    rig: bool = False
    stems: bool = False
    masks: bool = False
    depth: bool = False
    flow: bool = False

    def __post_init__(self) -> None:
        if not (16 <= self.height <= 2048 and 16 <= self.width <= 4096):
            raise InputError(f"expected pictures of 16x16 to 4096x2048 pixels, got {self.width}x{self.height}")
        if self.fov is None and self.width != 2 * self.height:
            raise InputError(f"expected a panorama twice as wide as high, got {self.width}x{self.height}")
        if self.fov is not None and not 0 < self.fov < pi:
            raise InputError(f"expected a field of view between 0 and 180 degrees, got {degrees(self.fov):g}")
        if self.fov is None and (self.azimuth or self.elevation):
            raise InputError("expected a direction to look to only with a field of view, got one for a panorama")
        if not (isfinite(self.azimuth) and abs(self.elevation) <= pi / 2):
            where = f"{degrees(self.azimuth):g} and {degrees(self.elevation):g}"
            raise InputError(f"expected an azimuth and an elevation of at most 90 degrees to look to, got {where}")
        check_rates(self.fps, self.rate)


@dataclass(frozen=True)
class SurroundDials:
    """What makes a scene hard; rates are in [0, 1].

    `least` to `most` located things are heard (1 to 6). `moving`: share of the things that pass by or walk around the
    listener. `indoors`: share of scenes in rooms. `hidden`: chance that a thing heard besides the labelled one is not
    seen. `silent_look_alike`: share, of the scenes whose class has a look-alike, that also show it at rest;
    `silent_twin`: share that also show a thing of the labelled class at rest. `voice_over`: share whose sound is
    replaced by speech, music or the sound of another class, from nowhere (a faulty positive). Factors from 0 to 2:
    `reverberation` of the rooms' reverberation time, to within 15 % (0: no echo at all), `noise` of the microphone's
    noise, `nuisance` of all that varies between instances and says nothing of the class.
    """

    least: int = 1
    most: int = 3
    moving: float = 0.5
    indoors: float = 0.5
    hidden: float = 0.0
    silent_look_alike: float = 0.0
    silent_twin: float = 0.0
    voice_over: float = 0.0
    reverberation: float = 1.0
    noise: float = 1.0
    nuisance: float = 1.0

    def __post_init__(self) -> None:
        if not 1 <= self.least <= self.most <= 6:
            raise InputError(f"expected 1 to 6 sources, the least not above the most, got {self.least} to {self.most}")
        for dial in fields(self)[2:]:
            value, most = getattr(self, dial.name), 2.0 if dial.name in _FACTORS else 1.0
            if not 0 <= value <= most:
                raise InputError(f"expected dial {dial.name} between 0 and {most:g}, got {value}")
