# SPDX-License-Identifier: Apache-2.0
"""What is to be expected of who neither sees nor hears: the row "chance" of every table."""

from statistics import fmean, stdev

import torch

from seehear import metrics
from seehear.evals import folds
from seehear.evals.features import EMBEDDING, Extracted, Splits
from seehear.evals.results import Numbers

CLASSIFIERS = ("linear-probe", "nearest", "svm")
ACCURACIES = ("clip", "averaged", "validation", "accuracy")


def blind(extracted: Extracted) -> Extracted:
    """Features that are the same for every window: what a protocol that ranks makes of them is chance."""
    shape = (*next(iter(extracted.features.values())).shape[:2], 1)
    names = [f"{modality}/{kind}" for modality in extracted.modalities for kind in ("nothing", EMBEDDING)]
    return Extracted({name: torch.ones(shape) for name in names}, extracted.catalog)


def guessed(name: str, numbers: Numbers, splits: Splits, generator: torch.Generator) -> Numbers:
    """The numbers that a protocol made of blind features, where those of one that classifies become guesses.

    A classifier of features that say nothing answers the most frequent class of its training clips, always. Where a
    data set is divided here that is the rarest of those held out, so that it would do worse than guesses do.
    """
    if name not in CLASSIFIERS:
        return numbers
    rounds = folds.rounds(splits, generator) if name == "svm" else [folds.given(splits)]
    labels = torch.from_numpy(folds.whole(splits).labels)
    divided = [(labels[one.again], labels[one.test]) for one in rounds if len(one.again) and len(one.test)]
    if not divided:
        return numbers
    right = [metrics.guessing(shown, asked) for shown, asked in divided]
    shares = metrics.shares(divided[0][0], len(splits.test.catalog.classes)).tolist()
    classes = dict(zip(splits.test.catalog.classes, shares, strict=True))
    guesses: Numbers = {}
    for key, value in numbers.items():
        _, kind, *rest = key.split("/", 2)
        if value is not None and kind == "class":
            guesses[key] = classes[rest[0]]
        elif value is not None and key.rsplit("/", 1)[-1] in ACCURACIES:
            guesses[key] = fmean(right)
        elif value is not None and key.endswith("/spread"):
            guesses[key] = stdev(right)
    return numbers | guesses
