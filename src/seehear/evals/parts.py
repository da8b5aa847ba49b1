# SPDX-License-Identifier: Apache-2.0
"""Which clips are learnt from, chosen by and measured on when labels are learnt, official split by official split.

Official splits are truth columns "split 1", "split 2", ... or "fold 1", ..., as seehear pack --layout writes them.
"""

from dataclasses import dataclass, replace

import numpy as np

from seehear.data.catalog import Clips, Selected
from seehear.errors import InputError
from seehear.evals.evaluate import divide
from seehear.evals.folds import official_columns


@dataclass(frozen=True)
class Parts:
    """Labelled clips; `split` is what `test` is, and `left_out` counts the clips that have no label."""

    train: Clips
    validation: Clips
    test: Clips
    split: str
    left_out: int


def official_splits(shelf: Clips, only: int | None = None) -> dict[str, Clips]:
    """The shelf divided by each of its official splits, or by `only` one of them, by the name of the split.

    A shelf without official splits is returned as it is, under the name "". Raises InputError when the one is missing.
    """
    there = official_columns(shelf.catalog)
    if only is not None and only not in there:
        known = ", ".join(map(str, sorted(there))) or "of which it has none (seehear pack --layout reads them)"
        raise InputError(f"expected an official split of the library, {known}; got {only}")
    if not there:
        return {"": shelf}
    chosen = sorted(there) if only is None else [only]
    return {there[number]: _divided(shelf, there[number]) for number in chosen}


def _divided(shelf: Clips, column: str) -> Clips:
    divided = Selected(shelf, np.arange(len(shelf)))
    parts = tuple(str(part or "unused") for part in shelf.catalog.truth[column])
    divided.catalog = replace(divided.catalog, splits=parts)
    return divided


def labelled_parts(shelf: Clips, choose: bool, seed: int) -> Parts:
    """The labelled clips as `divide` splits them; where nothing is to `choose`, all training clips are learnt from.

    Raises InputError when nothing is held out, when a part has no labelled clip, and for a single class.
    """
    catalog = shelf.catalog
    rows, split = divide(catalog, seed)
    if not len(rows["train"]):
        there = ", ".join(sorted(set(catalog.splits)))
        raise InputError(f"expected training clips and held-out clips, found only {there}: pack with other --labels")
    if not choose:
        rows = {"train": np.flatnonzero(np.asarray(catalog.splits) == "train"), "test": rows["test"]}
    labelled = {name: part[catalog.labels[part] >= 0] for name, part in rows.items()}
    for name, part in labelled.items():
        if not len(part):
            raise InputError(f"expected labelled clips for {name}, found none: pack with --labels or --layout")
    if len(np.unique(catalog.labels[labelled["train"]])) < 2:
        raise InputError("expected training clips of at least two classes, found one: pack with other --labels")
    left_out = sum(len(rows[name]) - len(labelled[name]) for name in rows)
    chosen = {name: Selected(shelf, part) for name, part in labelled.items()}
    nothing = Selected(shelf, np.zeros(0, dtype=np.int64))
    return Parts(chosen["train"], chosen.get("validation", nothing), chosen["test"], split, left_out)
