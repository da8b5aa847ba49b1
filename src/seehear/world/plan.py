# SPDX-License-Identifier: Apache-2.0
"""What is in a world: how many scenes of each split, from which seed, how hard, how long, recorded how."""

import hashlib
from dataclasses import dataclass, field

from seehear.errors import InputError
from seehear.world.classes import CLASSES, kind_of
from seehear.world.draw import FIRST, draw_scene
from seehear.world.scene import Dials, Scene, Shot

WORLD_VERSION = "1"
"""Changes whenever the same seed gives other pixels or samples."""


@dataclass(frozen=True)
class Plan:
    """A world of `train` + `validation` + `test` scenes of `duration` s each."""

    train: int
    validation: int
    test: int
    seed: int = 0
    duration: float = 4.0
    shot: Shot = field(default_factory=Shot)
    dials: Dials = field(default_factory=Dials)

    def __post_init__(self) -> None:
        if min(self.train, self.validation, self.test) < 0 or not 1 <= len(self) <= 10_000_000:
            raise InputError(f"expected 1 to 10,000,000 scenes, got {self.train}, {self.validation} and {self.test}")

    @classmethod
    def of(
        cls, scenes: int, seed: int = 0, duration: float = 4.0, shot: Shot | None = None, dials: Dials | None = None
    ) -> "Plan":
        """Two thirds of the scenes for training, a ninth for validation, the rest for test: 900 = 600 + 100 + 200."""
        validation = round(scenes / 9)
        train = min(round(scenes * 2 / 3), scenes - validation)
        return cls(train, validation, scenes - train - validation, seed, duration, shot or Shot(), dials or Dials())

    def __len__(self) -> int:
        return self.train + self.validation + self.test

    @property
    def indices(self) -> list[int]:
        """The scene index of every row: the training scenes, then validation, then test."""
        counts = {"train": self.train, "validation": self.validation, "test": self.test}
        return [FIRST[split] + k for split, count in counts.items() for k in range(count)]

    def draw(self) -> list[Scene]:
        """The scene of every row."""
        return [draw_scene(self.seed, index, self.dials, self.duration) for index in self.indices]

    @property
    def name(self) -> str:
        """Version and a hash of all that defines this world, known before anything is rendered."""
        return f"{WORLD_VERSION}-{hashlib.sha256(repr(self).encode()).hexdigest()[:12]}"


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
