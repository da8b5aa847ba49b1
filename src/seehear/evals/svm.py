# SPDX-License-Identifier: Apache-2.0
"""One-vs-all linear support vector machines on the last block of a frozen encoder (thesis sec. 2.5.2, table 2.6).

"unpooled" is the block's map, as in the thesis, on a grid that leaves at most 9216 numbers (`features`); "pooled" its
maximum over the map. Every window of the training clips is one row (10 windows a clip on ESC, 60 on DCASE). A clip is
classified by one window ("clip", averaged over its windows) and by its mean decision over the windows ("averaged"), as
many as in training; the thesis always takes 10. The strength of regularisation, which it does not tell, is that of the
highest averaged accuracy on the validation clips; the classifier is then fitted again on all training clips. Data sets
with official folds are measured on each: accuracies are means over the folds (`folds`).
"""

from functools import partial

import torch
from jaxtyping import Float32, Float64, Int64
from torch import Tensor

from seehear import metrics
from seehear.evals import folds, logistic
from seehear.evals.features import Extracted, Splits
from seehear.evals.folds import Round
from seehear.evals.results import Items, Numbers

STEPS = 60
"""Of the solver, a strength: maps have thousands of numbers, and more steps move accuracies at random (on ESC-10)."""
KINDS = {"unpooled": Extracted.map, "pooled": Extracted.last}


def svm(splits: Splits, generator: torch.Generator) -> Numbers:
    """The numbers of `scored_svm`."""
    return scored_svm(splits, generator)[0]


def scored_svm(splits: Splits, generator: torch.Generator) -> tuple[Numbers, Items]:
    """Test accuracies "modality/unpooled/clip" and ".../averaged", and the same of "pooled".

    Also ".../validation" and ".../strength", by which the regularisation was chosen (the geometric mean over folds),
    and, over folds, ".../spread", the standard deviation of the averaged accuracies. None without labels. And whether
    each clip is averaged right; NaN for a clip that is not tested.
    """
    labels = torch.from_numpy(folds.whole(splits).labels)
    rounds = [one for one in folds.rounds(splits, generator) if all(map(len, vars(one).values()))]
    numbers, items, classes = Numbers(), Items(), len(splits.test.catalog.classes)
    for modality in splits.test.modalities:
        done: dict[int, list[tuple[dict[str, float], Float64[Tensor, "Q"]]]] = {}
        for kind, pick in KINDS.items():
            features = folds.stack(splits, pick, modality)
            # Where there is no map both kinds are one, and so are their numbers.
            key = features.shape[2]
            if key not in done:
                done[key] = [_measure(features, labels, one, classes) for one in rounds]
            means = _mean([found for found, _ in done[key]])
            numbers |= {f"{modality}/{kind}/{name}": value for name, value in means.items()}
            items[f"{modality}/{kind}/averaged"] = hits = torch.full(labels.shape, torch.nan, dtype=torch.float64)
            for one, (_, right) in zip(rounds, done[key], strict=True):
                hits[one.test] = right
    return numbers, items


def _measure(
    features: Float32[Tensor, "N M D"], labels: Int64[Tensor, "N"], one: Round, classes: int
) -> tuple[dict[str, float], Float64[Tensor, "Q"]]:
    """Choose the strength, fit again, and look at the test clips once: accuracies, and which clips are right."""
    windows = features.shape[1]

    def rows(place: folds.Rows) -> tuple[Tensor, Tensor]:
        return features[place].flatten(0, 1), labels[place].repeat_interleave(windows)

    path = partial(logistic.path, classes=classes, steps=STEPS, loss=logistic.squared_hinge)
    scored = [
        (metrics.accuracy(machine.scores(features[one.choose]).mean(1), labels[one.choose]), machine.strength)
        for machine in path(*rows(one.fit))
    ]
    # max keeps the first of equals, which is the most strongly regularised.
    accuracy, strength = max(scored, key=lambda pair: pair[0])
    (final,) = path(*rows(one.again), strengths=(strength,))
    scores = final.scores(features[one.test])
    right = metrics.hits(scores.mean(1), labels[one.test])
    return {
        "clip": metrics.accuracy(scores.flatten(0, 1), labels[one.test].repeat_interleave(windows)),
        "averaged": float(right.mean()),
        "validation": accuracy,
        "strength": strength,
    }, right


def _mean(done: list[dict[str, float]]) -> Numbers:
    """The numbers of all folds as one."""
    if not done:
        return {"averaged": None}
    columns = {name: torch.tensor([one[name] for one in done], dtype=torch.float64) for name in done[0]}
    numbers: Numbers = {name: float(column.mean()) for name, column in columns.items()}
    numbers["strength"] = float(columns["strength"].log().mean().exp())
    return numbers | ({"spread": float(columns["averaged"].std())} if len(done) > 1 else {})
