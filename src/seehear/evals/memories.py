# SPDX-License-Identifier: Apache-2.0
"""The memories of a finished run and the clips they belong to, matched by item id.

A library may have changed since: clips without a memory are new, memories without a clip are gone. Item ids mean the
same clips only within one library. It is known by the hash of what the run was trained on, or, when it has changed, by
its place, and by its age: a library that was made anew there, after the run began, counts its clips anew. Of another
library no memories are taken over.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor
from torch.nn import functional

from seehear import checkpoint
from seehear.data.catalog import Catalog, Clips
from seehear.data.faults import inject
from seehear.errors import InputError
from seehear.memory import Bank


@dataclass(frozen=True)
class Memories:
    """Unit rows [N, D] "video" and "audio" of the N clips of `catalog`, in its order.

    `new` clips of the split that the run was trained on have no row, `gone` rows have no clip any more, and `spoilt`
    rows are no directions (NaN or zero) and are left out.
    """

    rows: dict[str, Float32[Tensor, "N D"]]
    catalog: Catalog
    split: str = "train"
    new: int = 0
    gone: int = 0
    spoilt: int = 0

    @property
    def labels(self) -> Int64[Tensor, "N"]:
        """Class indices, -1 when unknown."""
        return torch.from_numpy(self.catalog.labels)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of numbers must know."""
        changed = f"the library has changed: {self.new} clips are new and without a memory, {self.gone} are gone"
        spoilt = f"{self.spoilt} memories are not finite and were left out"
        return (changed,) * bool(self.new or self.gone) + (spoilt,) * bool(self.spoilt)

    def noise(self, seed: int) -> "Memories":
        """Other rows for the same clips: the noise that a bank starts with."""
        bank = Bank(np.arange(len(self.catalog)), self.rows["video"].shape[1], seed=seed)
        return Memories({name: bank.get_buffer(name) for name in self.rows}, self.catalog, self.split)


def as_trained(folder: Path, shelf: Clips) -> Clips:
    """The shelf as the run of this folder heard it: with its injected faults, if it had any and this is its library."""
    about = checkpoint.describe(folder)
    chosen = checkpoint.arguments(about)
    split = str(chosen.get("split", "train"))
    if not chosen.get("faults"):
        return shelf
    try:
        faulty = inject(shelf, float(chosen["faults"]), int(about.get("seed", 0)), split)
        return faulty if faulty.split(split).catalog.hash == about.get("data_hash") else shelf
    except (InputError, TypeError, ValueError):
        return shelf


def memories(folder: Path, shelf: Clips, which: str = "last") -> Memories | None:
    """The memories of a run for the clips of a shelf (`as_trained`); None when it has none for them.

    Raises InputError when there is no checkpoint, or one with a damaged bank.
    """
    about, saved = checkpoint.describe(folder), checkpoint.memory(folder, which)
    if saved is None:
        return None
    (items, rows), catalog = saved, shelf.catalog
    split = str(checkpoint.arguments(about).get("split", "train"))
    remembered = np.isin(catalog.items, items.numpy())
    if remembered.sum() < 2 or not same_library(
        folder, catalog.take(np.flatnonzero(remembered)), getattr(shelf, "uri", None)
    ):
        return None
    wanted = remembered | (np.asarray(catalog.splits) == split)
    bank = Bank(catalog.items[wanted], rows["video"].shape[1])
    new, gone = bank.adopt(items, rows)
    place = bank.position(torch.from_numpy(catalog.items[remembered]))
    found = {name: bank.get_buffer(name)[place] for name in rows}
    sound = torch.stack([one.isfinite().all(1) & (one != 0).any(1) for one in found.values()]).all(0)
    if sound.sum() < 2:
        raise InputError(f"expected memories that are finite in {folder}, they are not: training diverged, train again")
    kept = catalog.take(np.flatnonzero(remembered)[sound.numpy()])
    unit = {name: functional.normalize(one[sound], dim=1) for name, one in found.items()}
    return Memories(unit, kept, split, new, gone, int((~sound).sum()))


def without(folder: Path, which: str = "last") -> str:
    """Why `memories` finds none, in words."""
    if checkpoint.arguments(checkpoint.describe(folder)).get("faults") and checkpoint.memory(folder, which) is not None:
        return "the library has changed, or is another: whose memories heard an injected fault is not known"
    return "the run has no memories of these clips"


def same_library(folder: Path, shared: Catalog, here: str | None) -> bool:
    """Whether item ids mean to the run in `folder` what they mean here.

    `shared` are the clips here whose ids it remembers, `here` the place of their library, None for clips in memory.
    """
    about = checkpoint.describe(folder)
    if shared.hash == about.get("data_hash"):
        return True
    chosen = checkpoint.arguments(about)
    place = chosen.get("data")
    # In a changed library it is not known which of the injected faults were trained with.
    if chosen.get("faults") or not isinstance(place, str) or here is None:
        return False
    if place.rstrip("/") != here and Path(place).resolve() != Path(here).resolve():
        return False
    import lance

    made: Any = lance.dataset(f"{here}/clips.lance").versions()[0]["timestamp"]
    return bool(made.timestamp() < (folder / "run.json").stat().st_mtime)
