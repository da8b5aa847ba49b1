# SPDX-License-Identifier: Apache-2.0
"""How well a linear classifier reads the class from each block of a frozen encoder (AVID-CMA 2021, sec. 5).

Every window of the training clips is one row. A clip is classified by one window ("clip", averaged over its windows)
and by the mean softmax over its windows ("averaged"). Strength of regularisation and best block are those of the
highest averaged accuracy on the validation clips; the test clips are looked at once.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float32, Float64, Int64
from torch import Tensor

from seehear import metrics
from seehear.evals import logistic
from seehear.evals.features import Splits
from seehear.evals.results import Items, Numbers


@dataclass(frozen=True)
class Probe:
    """The chosen classifier of one block: its validation accuracy and its class probabilities of the test windows."""

    validation: float
    strength: float
    scores: Float32[Tensor, "N M K"]


def linear_probe(splits: Splits, generator: torch.Generator) -> Numbers:
    """The numbers of `scored_probe`."""
    return scored_probe(splits)[0]


def scored_probe(splits: Splits) -> tuple[Numbers, Items]:
    """Test accuracies "modality/block/clip" and ".../averaged", of every block, the "best" and the "last" (the output).

    Also ".../validation" and ".../strength", by which block and regularisation were chosen, and
    "modality/class/NAME", the averaged accuracy of one class with the best block. And what each labelled test clip
    scored with the best block: the share of its windows that are right, and whether the clip is.
    """
    if (known := splits.labelled()) is None:
        return {f"{modality}/best/averaged": None for modality in splits.test.modalities}, {}
    train, validation, test = known.train, known.validation, known.test
    classes, numbers, items = test.catalog.classes, Numbers(), Items()
    for modality in test.modalities:
        best: Probe | None = None
        for block, features in train.blocks(modality).items():
            others = validation.blocks(modality)[block], test.blocks(modality)[block]
            probe = _probe(features, train.labels, others[0], validation.labels, others[1], len(classes))
            numbers |= _accuracies(f"{modality}/{block}", probe, test.labels)
            best = probe if best is None or probe.validation > best.validation else best
        if best is None:
            continue
        numbers |= _accuracies(f"{modality}/best", best, test.labels)
        numbers |= _accuracies(f"{modality}/last", probe, test.labels)
        windows, clips = _hits(best, test.labels)
        items |= {f"{modality}/best/clip": windows.mean(1), f"{modality}/best/averaged": clips}
        counts = metrics.confusion(best.scores.mean(1).argmax(1), test.labels, len(classes))
        for name, value in zip(classes, metrics.per_class_accuracy(counts).tolist(), strict=True):
            numbers[f"{modality}/class/{name}"] = value if value == value else None
    return numbers, items


def _probe(
    train: Float32[Tensor, "N M D"],
    labels: Int64[Tensor, "N"],
    validation: Float32[Tensor, "V M D"],
    validation_labels: Int64[Tensor, "V"],
    test: Float32[Tensor, "T M D"],
    classes: int,
) -> Probe:
    """Fit on the training windows with every strength and keep the one that does best on the validation clips."""
    rows, targets = train.flatten(0, 1), labels.repeat_interleave(train.shape[1])
    scored = [
        (metrics.accuracy(classifier.probabilities(validation).mean(1), validation_labels), classifier)
        for classifier in logistic.path(rows, targets, classes)
    ]
    # max keeps the first of equals, which is the most strongly regularised.
    accuracy, chosen = max(scored, key=lambda pair: pair[0])
    return Probe(accuracy, chosen.strength, chosen.probabilities(test))


def _accuracies(name: str, probe: Probe, labels: Int64[Tensor, "N"]) -> Numbers:
    windows, clips = _hits(probe, labels)
    return {
        f"{name}/clip": float(windows.mean()),
        f"{name}/averaged": float(clips.mean()),
        f"{name}/validation": probe.validation,
        f"{name}/strength": probe.strength,
    }


def _hits(probe: Probe, labels: Int64[Tensor, "N"]) -> tuple[Float64[Tensor, "N M"], Float64[Tensor, "N"]]:
    """Whether each window alone is right, and whether the clip is by the mean over its windows."""
    count = probe.scores.shape[1]
    windows = metrics.hits(probe.scores.flatten(0, 1), labels.repeat_interleave(count))
    return windows.unflatten(0, (-1, count)), metrics.hits(probe.scores.mean(1), labels)
