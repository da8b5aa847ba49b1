# SPDX-License-Identifier: Apache-2.0
"""What a study measures of a trained arm: protocols by name, with what each test clip scored where there are any.

Metrics are named "measure:metric". Every arm is measured on the same windows of the same clips; what is random in a
protocol is drawn from seed 0 for all arms, so that differences are paired. Finetuning has one rate and few epochs for
all, and few-shot learning fewer trials than the thesis' 50: so many runs are measured.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from seehear import checkpoint, metrics
from seehear.data.catalog import Clips, Selected
from seehear.errors import InputError
from seehear.evals.agreement import dots
from seehear.evals.collapse import calibration
from seehear.evals.evaluate import divide
from seehear.evals.faulty_pairs import SHARES, among, faulty_pairs, truth_of
from seehear.evals.features import Splits, extract, extract_all, frozen
from seehear.evals.few_shot import scored_few_shot
from seehear.evals.linear_probe import scored_probe
from seehear.evals.map_retrieval import recalls
from seehear.evals.memories import Memories, as_trained, memories
from seehear.evals.memory_probe import scored_memory_probe
from seehear.evals.parts import labelled_parts
from seehear.evals.positive_sets import scored_sets
from seehear.evals.results import Items, Numbers
from seehear.evals.retrieval import RANKS, scored_retrieval
from seehear.evals.svm import scored_svm
from seehear.evals.tuning import Place, scorer, tune
from seehear.recipes.finetune import finetuning

TUNED: dict[str, Any] = {"rates": (2e-3,), "epochs": 6, "every": None}
"""How finetuning at size tiny is shortened; epochs come after those of the classifier alone."""
TRIALS = 10
SECONDS = 5
"""Of a clip of ESC-10, and windows that it is looked at through."""


@dataclass(frozen=True)
class Subject:
    """A finished run, and the shelf (without injected faults) that it is measured on; real sounds, where there are."""

    run: Path
    shelf: Clips
    windows: int = 3
    device: str = "cpu"
    sounds: Clips | None = None

    @cached_property
    def splits(self) -> Splits:
        """Features, maps included, of `windows` windows of every clip."""
        rows, _ = divide(self.shelf.catalog, seed=0)
        clips = Selected(self.shelf, np.concatenate(list(rows.values())))
        found = extract(checkpoint.load(self.run), clips, self.windows, self.device, 64, quiet=True, maps=True)
        ends = np.cumsum([len(part) for part in rows.values()])[:-1]
        parts = np.split(np.arange(len(clips)), ends)
        return Splits(**{name: found.take(part) for name, part in zip(rows, parts, strict=True)})

    @cached_property
    def memories(self) -> Memories:
        """The memories of the clips that the run was trained on."""
        found = memories(self.run, as_trained(self.run, self.shelf))
        if found is None:
            raise InputError(f"expected a memory bank of these clips in {self.run}, found none: measure another arm")
        return found


def _probe(subject: Subject) -> tuple[Numbers, Items]:
    return scored_probe(subject.splits)


def _retrieval(subject: Subject) -> tuple[Numbers, Items]:
    return scored_retrieval(subject.splits.test)


def _map_retrieval(subject: Subject) -> tuple[Numbers, Items]:
    """Numbers "modality/r5" of `evals.map_retrieval`, query by query; the gallery is the training clips."""
    if (known := subject.splits.labelled()) is None:
        raise InputError("expected labelled clips to learn from and to measure on, found none: pack with --labels")
    train, test, items = known.train, known.test, Items()
    for modality in test.modalities:
        given, asked = (functional.normalize(part.map(modality).mean(1), dim=1) for part in (train, test))
        found = recalls(asked, given, test.labels, train.labels)
        items |= {f"{modality}/r{rank}": found[:, place] for place, rank in enumerate(RANKS)}
    return {metric: float(each.mean()) for metric, each in items.items()}, items


def _few_shot(subject: Subject) -> tuple[Numbers, Items]:
    return scored_few_shot(subject.splits, torch.Generator().manual_seed(0), TRIALS)


def _svm(subject: Subject) -> tuple[Numbers, Items]:
    return scored_svm(subject.splits, torch.Generator().manual_seed(0))


def _esc10(subject: Subject) -> tuple[Numbers, Items]:
    """The machines of `evals.svm` on the official folds of sounds from outside the world."""
    if subject.sounds is None:
        raise InputError("expected ESC-10 to measure on, got none: give its folder to seehear study --esc")
    model = checkpoint.load(subject.run)
    found = extract(model, subject.sounds, SECONDS, subject.device, 64, quiet=True, maps=True)
    nothing = found.take(np.zeros(0, dtype=np.int64))
    return scored_svm(Splits(nothing, nothing, found), torch.Generator().manual_seed(0))


def _finetune(subject: Subject) -> tuple[Numbers, Items]:
    """Number "video/averaged", the accuracy of the finetuned video encoder on clips."""
    parts = labelled_parts(subject.shelf, choose=False, seed=0)
    settings, place = replace(finetuning("tiny"), **TUNED), Place(subject.run / "finetune", subject.device, quiet=True)
    run = tune(checkpoint.load(subject.run), "video", settings, parts, place).run
    views, describe = run.model.views, {"tuned": scorer(run)}
    with frozen(run.model, subject.device):
        said = extract_all(describe, views, parts.test, subject.windows, subject.device, 64, quiet=True)["tuned"]
    hits = metrics.hits(said.features["video"].mean(1), said.labels)
    return {"video/averaged": float(hits.mean())}, {"video/averaged": hits}


def _memory_probe(subject: Subject) -> tuple[Numbers, Items]:
    known, generator = subject.memories, torch.Generator().manual_seed(0)
    return scored_memory_probe(known.rows, known.labels, known.catalog.sources, generator)


def _positive_sets(subject: Subject) -> tuple[Numbers, Items]:
    return scored_sets(subject.memories.rows, subject.memories.labels)


def _calibration(subject: Subject) -> tuple[Numbers, Items]:
    """Each memory's part h_i in the mean dot product counts twice, as in its variance: 2 h_i - mean h."""
    rows, items = subject.memories.rows, Items()
    for modality, one in rows.items():
        own = metrics.mean_dots(one)
        items[f"{modality}/mean_dot"] = 2 * own - own.mean()
    return calibration(rows, torch.Generator().manual_seed(0)), items


def _faulty_pairs(subject: Subject) -> tuple[Numbers, Items]:
    """Also "gain_4" and "gain_10": how much the precision among the lowest is above the share of faulty clips.

    A clip that is faulty brings 1 / (share of the lowest) to the precision if it is among them, and 1 to the base.
    """
    known, items = subject.memories, Items()
    agreement, truth = dots(known.rows), truth_of(known.catalog)
    numbers, sure = faulty_pairs(agreement, truth), (truth >= 0) & agreement.isfinite()
    for share in SHARES:
        found, base = numbers[f"lowest_{share}/precision"], numbers["base_rate"]
        numbers[f"gain_{share}"] = None
        if found is not None and base is not None:
            numbers[f"gain_{share}"] = found - base
            items[f"gain_{share}"] = each = torch.full(truth.shape, torch.nan, dtype=torch.float64)
            lowest = metrics.among_highest(-agreement[sure], count := among(int(sure.sum()), share))
            each[sure] = (lowest * len(lowest) / count - 1) * (truth[sure] == 1)
    return numbers, items


MEASURES: dict[str, Callable[[Subject], tuple[Numbers, Items]]] = {
    "probe": _probe,
    "retrieval": _retrieval,
    "map-retrieval": _map_retrieval,
    "few-shot": _few_shot,
    "svm": _svm,
    "esc10": _esc10,
    "finetune": _finetune,
    "memory-probe": _memory_probe,
    "positive-sets": _positive_sets,
    "calibration": _calibration,
    "faulty-pairs": _faulty_pairs,
}


def measure(name: str, subject: Subject) -> tuple[Numbers, Items]:
    """Numbers and item scores of one measure, by "measure:metric"; metrics that could not be measured are None."""
    numbers, items = MEASURES[name](subject)
    named = {f"{name}:{metric}": value for metric, value in numbers.items()}
    return named, {f"{name}:{metric}": each for metric, each in items.items()}
