# SPDX-License-Identifier: Apache-2.0
"""Protocols on the memory bank of a run: what its rows know of classes, how they spread, which pairs they doubt.

Beside the bank stand the noise that it started as (row "random"; a probe learns nothing from it) and chance. Without
memories of these clips the agreement of pairs is that of the encoders' embeddings, beside that of random weights.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from seehear import checkpoint, metrics
from seehear.data.catalog import Clips
from seehear.errors import InputError
from seehear.evals import positive_sets as sets
from seehear.evals import results
from seehear.evals.agreement import dots, embeddings
from seehear.evals.collapse import calibration
from seehear.evals.faulty_pairs import faulty_pairs, truth_of
from seehear.evals.memories import Memories, as_trained, memories, without
from seehear.evals.memory_probe import memory_probe
from seehear.evals.results import Numbers, Result

PROTOCOLS = ("memory-probe", "positive-sets", "calibration", "faulty-pairs")
LABELLED = PROTOCOLS[:2]
"""Protocols that need classes."""


def evaluate_bank(
    names: Sequence[str],
    folder: Path,
    shelf: Clips,
    which: str = "last",
    count: int = 4,
    seed: int = 0,
    device: str = "cpu",
    batch: int = 64,
    workers: int = 0,
    quiet: bool = False,
) -> list[Result]:
    """Measure the bank of a run by the named protocols, on the clips of a shelf that it has memories of.

    Every number goes to the run's results.jsonl. Raises InputError for an unknown protocol, and for a run without
    memories of these clips where they are needed.
    """
    for name in names:
        if name not in PROTOCOLS:
            raise InputError(f"expected a protocol of {', '.join(PROTOCOLS)}, got {name!r}")
    shelf = as_trained(folder, shelf)
    known, about = memories(folder, shelf, which), checkpoint.describe(folder)
    stamp: dict[str, Any] = {
        "run": folder.name,
        "seed": int(about.get("seed", 0)),
        "commit": str(about.get("commit", "unknown")),
        "data_hash": shelf.catalog.hash,
    }
    made = []
    for name in names:
        if known is not None:
            result = _remembered(name, known, seed, stamp)
        elif name == "faulty-pairs":
            result = _embedded(folder, shelf, which, count, seed, device, batch, workers, quiet, stamp)
        else:
            raise InputError(f"expected memories to measure by {name}, {folder} has none: {without(folder, which)}")
        results.append(folder, result)
        made.append(result)
    return made


def has_memories(folder: Path, shelf: Clips, which: str = "last") -> bool:
    """Whether a run has memories of the clips of a shelf."""
    return memories(folder, as_trained(folder, shelf), which) is not None


def _remembered(name: str, known: Memories, seed: int, stamp: dict[str, Any]) -> Result:
    rows, one = {"trained": _measure(name, known, seed)}, torch.ones(len(known.catalog), 1)
    notes = (*known.notes, *_gaps(name, rows["trained"]))
    if name != "memory-probe":
        rows["random"] = _measure(name, known.noise(seed), seed)
    if name == "positive-sets":
        rows["chance"] = sets.chance(known.labels)
    elif name == "memory-probe":
        labels = known.labels[known.labels >= 0]
        scored = [key for key, value in rows["trained"].items() if key.endswith("/accuracy") and value is not None]
        rows["chance"] = {key: metrics.guessing(labels, labels) for key in scored}
    elif name != "calibration":
        rows["chance"] = _measure(name, replace(known, rows={"video": one, "audio": one}), seed)
    labelled = int((known.labels >= 0).sum()) if name in LABELLED else 0
    notes += results.unlabelled(known.catalog.labels)
    split, clips = f"memories of {known.split}", labelled or len(known.catalog)
    return Result(name, rows, split=split, clips=clips, notes=notes, **stamp)


def _measure(name: str, known: Memories, seed: int) -> Numbers:
    generator = torch.Generator().manual_seed(seed)
    if name == "memory-probe":
        return memory_probe(known.rows, known.labels, known.catalog.recordings, generator)
    if name == "positive-sets":
        return sets.positive_sets(known.rows, known.labels)
    if name == "calibration":
        return calibration(known.rows, generator)
    return faulty_pairs(dots(known.rows), truth_of(known.catalog))


def _embedded(
    folder: Path,
    shelf: Clips,
    which: str,
    count: int,
    seed: int,
    device: str,
    batch: int,
    workers: int,
    quiet: bool,
    stamp: dict[str, Any],
) -> Result:
    truth, model = truth_of(shelf.catalog), checkpoint.load(folder, which)
    models = {"trained": model, "random": model.random(seed)}
    found = embeddings(models, shelf, count, device, batch, workers, quiet)
    rows = {name: faulty_pairs(dots(one), truth) for name, one in found.items()}
    rows["chance"] = faulty_pairs(torch.zeros(len(truth)), truth)
    notes = (
        f"measured by the encoders: {without(folder, which)}",
        *_gaps("faulty-pairs", rows["trained"]),
    )
    return Result("faulty-pairs", rows, split="all", clips=len(truth), windows=count, notes=notes, **stamp)


def _gaps(name: str, numbers: Numbers) -> list[str]:
    """Why nothing could be measured."""
    if any(value is not None for value in numbers.values()):
        return []
    if name in LABELLED:
        return ["not measured: this protocol needs labelled clips of several recordings"]
    return ["not measured: it is not known which pairs are faulty, or all are alike: pack with a CSV column `faulty`"]
