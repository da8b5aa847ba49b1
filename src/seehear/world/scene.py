# SPDX-License-Identifier: Apache-2.0
"""A scene as pure data: who is there, where, when something happens, and how it looks and sounds.

Axes: x front, y left, z up, in m; the camera and the microphone are at the origin and look along x. Times in s.
A scene holds every random number of a recording; rendering it draws none. The numbers of the picture (Look, Setting)
and those of the sound (Voice, Acoustics) come from separate generators, so that nothing of an instance is shared by the
two but the class, the path and the instants of its events.
"""

from dataclasses import dataclass, fields

from seehear.errors import InputError

Colour = tuple[float, float, float]
"""Red, green, blue in [0, 1]."""


@dataclass(frozen=True)
class Dials:
    """What makes the world hard; each is a rate in [0, 1], except `nuisance`.

    `companions`: chance of each of two further things, heard more softly; `off_screen`: chance that such a thing is
    outside the view. `voice_over`: share of scenes whose sound is replaced by speech, music or the sound of another
    scene (a faulty positive). `silent_look_alike`: share, of the scenes whose class has a look-alike, that also show
    the look-alike at rest. `nuisance`: strength, 0 to 2, of everything that varies between instances and says nothing
    about the class (1 is calibrated). The defaults are the frozen world; both faults are off, for studies to turn on.
    """

    companions: float = 0.25
    off_screen: float = 0.5
    voice_over: float = 0.0
    silent_look_alike: float = 0.0
    nuisance: float = 1.0

    def __post_init__(self) -> None:
        for dial in fields(self):
            value, most = getattr(self, dial.name), 2.0 if dial.name == "nuisance" else 1.0
            if not 0 <= value <= most:
                raise InputError(f"expected dial {dial.name} between 0 and {most:g}, got {value}")


@dataclass(frozen=True)
class Shot:
    """How a scene is recorded: pixels, frames a second, and samples of mono sound a second (Hz)."""

    height: int = 96
    width: int = 96
    fps: float = 10.0
    rate: int = 24_000

    def __post_init__(self) -> None:
        if not (16 <= self.height <= 1080 and 16 <= self.width <= 1920):
            raise InputError(f"expected pictures of 16x16 to 1920x1080 pixels, got {self.width}x{self.height}")
        check_rates(self.fps, self.rate)


def check_rates(fps: float, rate: int) -> None:
    """Raise InputError for frames or samples a second that nothing is recorded with."""
    if not 1 <= fps <= 120:
        raise InputError(f"expected 1 to 120 frames a second, got {fps:g}")
    if not 8_000 <= rate <= 96_000:
        raise InputError(f"expected a sampling rate of 8000 to 96000 Hz, got {rate}")


@dataclass(frozen=True)
class Look:
    """Surface of one thing: colours, a texture (kind, waves per half size, angle, phase, contrast), proportions."""

    main: Colour
    second: Colour
    dark: Colour
    light: Colour
    glow: Colour
    texture: int
    waves: float
    angle: float
    phase: float
    contrast: float
    aspect: float
    tilt: float
    facing: int


@dataclass(frozen=True)
class Voice:
    """Timbre of one thing: pitch (octaves), brightness (-1 to 1), decay (octaves), level (dB), seed of its noises."""

    pitch: float
    brightness: float
    decay: float
    level: float
    seed: int


@dataclass(frozen=True)
class Thing:
    """One source: its class, whether it is seen and heard, its events (s) and its path.

    `position` (m) is where it stands, `size` (m) half of its width; `sway` (half sizes), `sway_rate` (Hz) and
    `sway_phase` (rad) describe a slow drift, `approach` its relative change of distance. `pace` is the usual time
    between events (s).
    """

    kind: int
    seen: bool
    heard: bool
    events: tuple[float, ...]
    pace: float
    position: tuple[float, float, float]
    size: float
    sway: float
    sway_rate: float
    sway_phase: float
    approach: float
    look: Look
    voice: Voice


@dataclass(frozen=True)
class Setting:
    """The background: one of the shared places, where it is cut (0 to 1), mirrored or not, and the light on it all."""

    place: int
    cut: float
    mirrored: bool
    gain: float
    tint: Colour
    contrast: float


@dataclass(frozen=True)
class Acoustics:
    """Room, floor and microphone: shared room and noise, their amounts, and the microphone's response.

    `wet` is the share of reverberation in amplitude, `noise` the level of the noise below the things (dB),
    `noise_at` where the shared noise is cut (0 to 1), `response` gains (dB) of the microphone at half octaves from
    62.5 Hz, `compression` how much its automatic gain evens out loud and soft (0 none, 1 all), `fading` the depth (dB),
    rate (Hz) and phase (rad) of a slow rise and fall, `level` the level of the whole recording (dB re full scale).
    """

    room: int
    wet: float
    floor: int
    noise: float
    noise_at: float
    response: tuple[float, ...]
    compression: float
    fading: tuple[float, float, float]
    level: float


@dataclass(frozen=True)
class Scene:
    """One recording of `duration` s. things[0] is the labelled one; `voice_over` names what replaced its sound, or "".

    `index` numbers the scenes of a seed; see `draw.FIRST` for the ranges of the splits.
    """

    seed: int
    index: int
    duration: float
    label: int
    things: tuple[Thing, ...]
    setting: Setting
    acoustics: Acoustics
    voice_over: str = ""
    silent_look_alike: bool = False

    @property
    def sources(self) -> int:
        """The number of things that are heard, seen or not."""
        return sum(thing.heard for thing in self.things)
