# SPDX-License-Identifier: Apache-2.0
"""How much k = 1, 5 or 20 examples a class tell one-vs-all linear support vector machines (thesis sec. 3.6, table 3.5).

A clip is its pooled features, averaged over its windows. In each trial k training clips of every class are drawn, a
machine with C = 1 is fitted to them, standardised, and all test clips are classified. Classes with fewer than k
training clips are left out, of the test too; "classes" says how many are left.
"""

import numpy as np
import torch
from jaxtyping import Float32, Float64, Int64
from torch import Tensor

from seehear import metrics
from seehear.data.catalog import Catalog
from seehear.evals import folds, logistic
from seehear.evals.features import Extracted, Splits
from seehear.evals.results import Items, Numbers

SHOTS = (1, 5, 20)
TRIALS = 50
MOST = 2**26
"""Numbers of training and test clips that all trials solved side by side may hold."""


def few_shot(splits: Splits, generator: torch.Generator, trials: int = TRIALS) -> Numbers:
    """The numbers of `scored_few_shot`."""
    return scored_few_shot(splits, generator, trials)[0]


def scored_few_shot(splits: Splits, generator: torch.Generator, trials: int = TRIALS) -> tuple[Numbers, Items]:
    """Test accuracy "modality/shots_1/mean" over the trials, its standard deviation ".../std", and ".../classes".

    All three are None when fewer than two classes have k examples, or none of these is tested. And in how many of the
    trials each clip is told right, as a share; NaN for a clip that is not tested.
    """
    catalog, part = folds.whole(splits), folds.given(splits)
    features = {m: folds.stack(splits, Extracted.last, m).mean(1) for m in splits.test.modalities}
    numbers, items = Numbers(), Items()
    for k in SHOTS:
        kept = enough(catalog, part.again, k)
        place = torch.full((len(catalog.classes) + 1,), -1)
        place[kept] = torch.arange(len(kept))
        labels = place[torch.from_numpy(catalog.labels)]
        test = part.test[(labels[part.test] >= 0).numpy()]
        there = len(kept) > 1 and len(test) > 0
        drawn = [_draw(labels, part.again, len(kept), k, generator) for _ in range(trials if there else 0)]
        for modality, rows in features.items():
            name = f"{modality}/shots_{k}"
            numbers |= dict.fromkeys((f"{name}/mean", f"{name}/std", f"{name}/classes"))
            if there:
                right = _hits(rows, labels, drawn, test)
                accuracy = right.mean(1).numpy()
                numbers[f"{name}/mean"], numbers[f"{name}/std"] = float(np.mean(accuracy)), float(np.std(accuracy))
                numbers[f"{name}/classes"] = float(len(kept))
                items[f"{name}/mean"] = torch.full(labels.shape, torch.nan, dtype=torch.float64)
                items[f"{name}/mean"][test] = right.mean(0)
    return numbers, items


def _hits(
    rows: Float32[Tensor, "N D"], labels: Int64[Tensor, "N"], drawn: list[folds.Rows], test: folds.Rows
) -> Float64[Tensor, "T Q"]:
    """Which test clips are told right in each trial, as many trials at once as memory allows."""
    right: list[Float64[Tensor, "Q"]] = []
    together = max(MOST // max(rows[0].numel() * (len(test) + len(drawn[0])), 1), 1)
    for first in range(0, len(drawn), together):
        shown = np.stack(drawn[first : first + together])
        classes, strength = int(labels.max()) + 1, 1 / shown.shape[1]
        (machines,) = logistic.path(rows[shown], labels[shown], classes, (strength,), loss=logistic.squared_hinge)
        right += [metrics.hits(scores, labels[test]) for scores in machines.scores(rows[test][None])]
    return torch.stack(right)


def enough(catalog: Catalog, rows: folds.Rows, k: int) -> list[int]:
    """The classes that have at least k of these labelled clips."""
    counts = np.bincount(catalog.labels[rows], minlength=len(catalog.classes))
    return np.flatnonzero(counts >= k).tolist()


def left_out(splits: Splits) -> str:
    """How many classes are left out at which k, in words; empty when none is."""
    catalog, rows = folds.whole(splits), folds.given(splits).again
    fewer = {k: len(catalog.classes) - len(enough(catalog, rows, k)) for k in SHOTS}
    return ", ".join(f"{count} of {len(catalog.classes)} at {k}" for k, count in fewer.items() if count)


def _draw(
    labels: Int64[Tensor, "N"], rows: folds.Rows, classes: int, k: int, generator: torch.Generator
) -> Int64[np.ndarray, "S"]:
    """Rows of k clips of every class."""
    chosen = []
    for label in range(classes):
        own = rows[(labels[rows] == label).numpy()]
        chosen.append(own[torch.randperm(len(own), generator=generator)[:k].numpy()])
    return np.concatenate(chosen)
