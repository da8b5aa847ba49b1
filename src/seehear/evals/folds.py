# SPDX-License-Identifier: Apache-2.0
"""Which clips a protocol with labels fits on, chooses settings on and measures on: one round, or one a fold.

Data sets with official folds or splits (ESC-50, DCASE, UCF-101) say so in columns of the truth: "fold", a number for
each clip, or "fold 1", "fold 2" and so on with "train" and "test". A library that holds nothing out is divided here.
No recording is ever on two sides of a round that is divided here.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from seehear.data.catalog import Catalog
from seehear.evals.features import Extracted, Splits

COUNT = 5
Rows = Int64[np.ndarray, "_"]


@dataclass(frozen=True)
class Round:
    """Rows to fit on, to choose settings on, to fit on again with these settings, and to measure on."""

    fit: Rows
    choose: Rows
    again: Rows
    test: Rows


def whole(splits: Splits) -> Catalog:
    """The clips of all three parts, which the rows of a round count through."""
    return splits.train.catalog.join(splits.validation.catalog).join(splits.test.catalog)


def stack(splits: Splits, pick: Callable[[Extracted, str], Tensor], modality: str) -> Tensor:
    """One kind of features of one modality, of the clips of all three parts."""
    return torch.cat([pick(part, modality) for part in vars(splits).values()])


def given(splits: Splits) -> Round:
    """The labelled clips as the library divides them: fitted again on all that it has for training."""
    catalog = whole(splits)
    ends = np.cumsum([len(part.catalog) for part in vars(splits).values()])
    part = np.searchsorted(ends, np.arange(len(catalog)), side="right")
    known = catalog.labels >= 0
    training = (np.asarray(catalog.splits) == "train") & (part < 2)
    return Round(*(np.flatnonzero(known & chosen) for chosen in (part == 0, part == 1, training, part == 2)))


def rounds(splits: Splits, generator: torch.Generator) -> list[Round]:
    """A round for every official fold; for each of five folds where nothing is held out; otherwise the one given.

    In each fold a fifth of the recordings trained on is set aside to choose settings on, and fitted on in the end.
    """
    catalog = whole(splits)
    known = catalog.labels >= 0
    official = masks(catalog)
    if not official and len(splits.train.catalog):
        return [given(splits)]
    draw = np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator)))
    if not official:
        fold = grouped(catalog, COUNT, draw)
        official = [(fold != number, fold == number) for number in range(COUNT)]
    made = []
    for training, measured in official:
        again, test = np.flatnonzero(training & known), np.flatnonzero(measured & known)
        aside = grouped(catalog.take(again), COUNT, draw) == 0
        made.append(Round(again[~aside], again[aside], again, test))
    return made


def crossed(splits: Splits) -> str:
    """The folds that are measured, in words; empty when the library's own division is."""
    if official := masks(whole(splits)):
        return f"{len(official)} official folds"
    return "" if len(splits.train.catalog) else f"{COUNT} folds of recordings"


def masks(catalog: Catalog) -> list[tuple[Bool[np.ndarray, "N"], Bool[np.ndarray, "N"]]]:
    """Training and test clips of each official fold of the truth; empty without at least two folds."""
    fold = np.asarray([-1 if one is None else one for one in catalog.truth.get("fold", ())], dtype=object)
    numbers = [number for number in dict.fromkeys(fold.tolist()) if isinstance(number, int) and number >= 0]
    if len(numbers) > 1:
        there = np.isin(fold, numbers)
        return [((fold != number) & there, fold == number) for number in sorted(numbers)]
    columns = [np.asarray(catalog.truth[name], dtype=object) for _, name in sorted(official_columns(catalog).items())]
    return [(column == "train", column == "test") for column in columns] if len(columns) > 1 else []


def official_columns(catalog: Catalog) -> dict[int, str]:
    """The columns of the truth that hold official splits, "split N" or "fold N", by N."""
    found = (re.fullmatch(r"(?:split|fold) (\d+)", name) for name in catalog.truth)
    return {int(match[1]): match[0] for match in found if match}


def grouped(catalog: Catalog, count: int, generator: np.random.Generator) -> Int64[np.ndarray, "N"]:
    """A fold 0 .. count - 1 for every clip, the same for all clips of a recording, each class spread evenly.

    Recordings go, the longest first, where their class has fewest clips so far.
    """
    rows: dict[str, list[int]] = {}
    for row, recording in enumerate(catalog.recordings):
        rows.setdefault(recording, []).append(row)
    drawn = [list(rows)[place] for place in generator.permutation(len(rows))]
    folds = np.zeros(len(catalog), dtype=np.int64)
    sizes = np.zeros((count, len(catalog.classes) + 1), dtype=np.int64)
    for recording in sorted(drawn, key=lambda name: -len(rows[name])):
        label = catalog.labels[rows[recording][0]]
        chosen = np.lexsort((sizes.sum(1), sizes[:, label]))[0]
        folds[rows[recording]] = chosen
        sizes[chosen, label] += len(rows[recording])
    return folds
