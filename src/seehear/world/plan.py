# SPDX-License-Identifier: Apache-2.0
"""What is in a world: how many scenes of each split, from which seed, how hard, how long, recorded how."""

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar, final

from seehear.errors import InputError
from seehear.world.classes import CLASSES, kind_of
from seehear.world.draw import FIRST, draw_scene
from seehear.world.render import Recording, render
from seehear.world.scene import Dials, Scene, Shot

WORLD_VERSION = "1"
"""Of the flat world."""


S = TypeVar("S")
P = TypeVar("P", bound="AnyPlan[Any]")


@dataclass(frozen=True)
class AnyPlan(ABC, Generic[S]):
    """A world of `train` + `validation` + `test` scenes (S) of `duration` s each."""

    train: int
    validation: int
    test: int
    seed: int = 0
    duration: float = 4.0

    def __post_init__(self) -> None:
        if min(self.train, self.validation, self.test) < 0 or not 1 <= len(self) <= 10_000_000:
            raise InputError(f"expected 1 to 10,000,000 scenes, got {self.train}, {self.validation} and {self.test}")

    @classmethod
    def of(
        cls: type[P],
        scenes: int,
        seed: int = 0,
        duration: float = 4.0,
        shot: Any | None = None,
        dials: Any | None = None,
    ) -> P:
        """Two thirds of the scenes for training, a ninth for validation, the rest for test: 900 = 600 + 100 + 200."""
        validation = round(scenes / 9)
        train = min(round(scenes * 2 / 3), scenes - validation)
        given = {name: value for name, value in (("shot", shot), ("dials", dials)) if value is not None}
        return cls(train, validation, scenes - train - validation, seed, duration, **given)

    def __len__(self) -> int:
        return self.train + self.validation + self.test

    @property
    def indices(self) -> list[int]:
        """The scene index of every row: the training scenes, then validation, then test."""
        counts = {"train": self.train, "validation": self.validation, "test": self.test}
        return [FIRST[split] + k for split, count in counts.items() for k in range(count)]

    def draw(self) -> list[S]:
        """The scene of every row."""
        return [self.scene(index) for index in self.indices]

    @property
    def name(self) -> str:
        """Version and a hash of all that defines this world, known before anything is rendered."""
        return f"{self.version}-{hashlib.sha256(repr(self).encode()).hexdigest()[:12]}"

    @property
    @abstractmethod
    def version(self) -> str:
        """Changes whenever the same plan gives other pixels or samples."""

    @abstractmethod
    def scene(self, index: int) -> S:
        """Draw a scene."""

    @abstractmethod
    def record(self, scene: S) -> Recording:
        """Render a scene."""

    @abstractmethod
    def write(self, scene: S, path: Path) -> str:
        """Render a scene into a media file, and its truth beside it; returns the hash before any codec."""

    @abstractmethod
    def truth(self, scene: S) -> dict[str, object]:
        """The columns of a scene in the catalog, "label" and "split" among them."""


@final
@dataclass(frozen=True)
class Plan(AnyPlan[Scene]):
    """The flat world: what a camera with a microphone sees and hears in front of it."""

    shot: Shot = field(default_factory=Shot)
    dials: Dials = field(default_factory=Dials)

    @property
    def version(self) -> str:
        return WORLD_VERSION

    def scene(self, index: int) -> Scene:
        return draw_scene(self.seed, index, self.dials, self.duration)

    def record(self, scene: Scene) -> Recording:
        return render(scene, self.shot)

    def write(self, scene: Scene, path: Path) -> str:
        from seehear.media.encode import encode

        recording = self.record(scene)
        encode(path, recording.frames, self.shot.fps, recording.sound, self.shot.rate)
        return recording.hash

    def truth(self, scene: Scene) -> dict[str, object]:
        return truth(scene)


def split_of(index: int) -> str:
    """The split to which a scene index belongs."""
    return max((first, split) for split, first in FIRST.items() if first <= index)[1]


def truth(scene: Scene) -> dict[str, object]:
    """The truth columns of a scene, as plain values.

    `sources` counts the things heard; `heard` and `seen` name them; `voice_over` says what replaced the sound, if
    anything did; `silent` names the look-alike that is seen at rest; `place`, `room` and `floor` are the shared ones.
    """
    main, resting = scene.things[0], [t for t in scene.things if t.seen and not t.events]
    return {
        "label": CLASSES[scene.label],
        "split": split_of(scene.index),
        "seed": scene.seed,
        "scene": scene.index,
        "sources": scene.sources,
        "heard": " ".join(kind_of(t.kind).name for t in scene.things if t.heard),
        "seen": " ".join(kind_of(t.kind).name for t in scene.things if t.seen),
        "voice_over": scene.voice_over,
        "silent": " ".join(kind_of(t.kind).name for t in resting),
        "place": scene.setting.place,
        "room": scene.acoustics.room,
        "floor": scene.acoustics.floor,
        "events": " ".join(f"{t:.3f}" for t in main.events if 0 <= t < scene.duration),
    }
