# SPDX-License-Identifier: Apache-2.0
"""The data of every study: one frozen world, written and packed once, and the sizes that a study comes in."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from seehear.errors import InputError
from seehear.studies.store import Place, held

Size = Literal["tiny", "longer", "trial"]
WORLD_SEED = 2021
"""Of the scenes of all studies; no calibration, test or quickstart has seen them."""
BATCH = 32
LIBRARY = "library"


@dataclass(frozen=True)
class Scale:
    """`scenes` of the world, two thirds of them for training, and the share of the updates that a study is to take."""

    scenes: int
    share: float = 1.0

    def epochs(self, updates: int) -> int:
        """Passes over the training clips that make about that many updates, scaled."""
        return max(round(updates * self.share / (round(self.scenes * 2 / 3) // BATCH)), 3)


SIZES: dict[Size, Scale] = {"tiny": Scale(3000), "longer": Scale(3000, 4.0), "trial": Scale(120, 0.025)}
"""tiny: 2,000 training clips, 100 a class, 333 for validation, 667 for the test. longer: the same clips, four times the
updates. trial: to see that all works."""


def prepare(out: Path, name: str, size: Size = "tiny", device: str = "cpu") -> Place:
    """The place of a study, OUT/NAME; all studies share OUT/library, which is made when it is not there yet.

    Raises InputError when OUT holds another world, and when another process is making this one.
    """
    from seehear.data.pack import pack
    from seehear.world.files import write_world
    from seehear.world.plan import Plan

    videos, library = out / "videos", out / LIBRARY
    with held(out):
        write_world(videos, Plan.of(SIZES[size].scenes, WORLD_SEED))
        pack(videos, library, size=64, rate=16_000, labels=videos / "catalog.csv")
    return place_of(out, name, device)


def place_of(out: Path, name: str, device: str = "cpu") -> Place:
    """The place of a study whose library is there; raises InputError when it is not."""
    from seehear.data.library import Library

    if not (out / LIBRARY).exists():
        raise InputError(f"expected a study in {out}, found none: seehear study begins one")
    return Place(out / name, out / LIBRARY, Library(out / LIBRARY).catalog.hash, device=device)
