# SPDX-License-Identifier: Apache-2.0
"""Run protocols on a model and on what it must beat: random weights, plain statistics, features that say nothing."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int64

from seehear import atomic
from seehear.checkpoint import Model
from seehear.data.catalog import Catalog, Clips, Selected
from seehear.errors import InputError
from seehear.evals import folds, neighbours, results, statistics
from seehear.evals.chance import blind, guessed
from seehear.evals.class_retrieval import class_retrieval
from seehear.evals.collapse import collapse
from seehear.evals.features import Describe, Extracted, Splits, describer, extract_all, frozen
from seehear.evals.few_shot import few_shot, left_out
from seehear.evals.linear_probe import linear_probe
from seehear.evals.map_retrieval import map_retrieval
from seehear.evals.nearest import nearest
from seehear.evals.results import Numbers, Result
from seehear.evals.retrieval import FEW_SOURCES, VALIDATION, retrieval
from seehear.evals.svm import svm
from seehear.progress import bar

Protocol = Callable[[Splits, torch.Generator], Numbers]
PROTOCOLS: dict[str, Protocol] = {
    "linear-probe": linear_probe,
    "retrieval": retrieval,
    "nearest": nearest,
    "collapse": collapse,
    "svm": svm,
    "few-shot": few_shot,
    "map-retrieval": map_retrieval,
    "class-retrieval": class_retrieval,
}
LABELLED = ("linear-probe", "nearest", "svm", "few-shot", "map-retrieval")
"""Protocols that need classes and clips to learn them from."""
MAPS = ("svm", "map-retrieval")
"""Protocols that look at the last block before it is pooled."""
PAIRS = 1000


def evaluate(
    names: Sequence[str],
    model: Model,
    shelf: Clips,
    folder: Path | None = None,
    count: int = 10,
    limit: int = 1,
    seed: int = 0,
    device: str = "cpu",
    batch: int = 64,
    workers: int = 0,
    quiet: bool = False,
) -> list[Result]:
    """Measure `model` on the test clips of a shelf by the named protocols, `count` windows a clip.

    With a run folder every number goes to its results.jsonl, and what the report draws to embeddings.npz and
    neighbours.npz.
    Raises InputError for an unknown protocol, and for a limit or a number of windows below 1.
    """
    for name in names:
        if name not in PROTOCOLS:
            raise InputError(f"expected a protocol of {', '.join(PROTOCOLS)}, got {name!r}")
    if limit < 1:
        raise InputError(f"expected a limit of at least one number of each block, got {limit}")
    division, split = divide(shelf.catalog, seed, learn=any(name in LABELLED for name in names))
    maps = any(name in MAPS for name in names)
    rows = gather(model, shelf, division, count, limit, maps, seed, device, batch, workers, quiet)
    about: dict[str, Any] = {
        "run": folder.name if folder else str(model.run.get("name", "")),
        "seed": int(model.run.get("seed", 0)),
        "commit": str(model.run.get("commit", "unknown")),
        "data_hash": shelf.catalog.hash,
        "windows": count,
    }
    made = []
    for name, numbers in _numbers(names, rows, seed, quiet):
        draws = torch.Generator().manual_seed(seed)
        numbers["chance"] = guessed(name, numbers["chance"], rows["chance"], draws)
        on, notes = _measured(name, rows["trained"], split)
        notes = (*_notes(name, numbers["trained"], rows["trained"], split), *notes)
        made.append(Result(name, numbers, notes=notes, **about, **on))
    if folder:
        for result in made:
            results.append(folder, result)
        test = rows["trained"].test
        # The report draws pictures beside sounds; clips that have one alone leave what it draws as it was.
        if len(test.modalities) > 1:
            keep_embeddings(folder / "embeddings.npz", test)
            shown = Selected(shelf, division["test"])
            neighbours.keep(folder / "neighbours.npz", test, shown, model.views, torch.Generator().manual_seed(seed))
    return made


def divide(catalog: Catalog, seed: int, learn: bool = True) -> tuple[dict[str, Int64[np.ndarray, "K"]], str]:
    """Rows of the clips to fit on, to choose on and to measure on, and the name of the split that is measured.

    Without a test split (or without labels there, when they are to be learnt) the validation split is measured, which
    Kinetics calls "val"; without both every clip is, and nothing is left to fit on. Without a validation split a fifth
    of the training recordings is set aside. When nothing is to be learnt from labels (`learn` false), PAIRS training
    clips, enough to relate the plain statistics, and no validation clips.
    """
    there = np.asarray(catalog.splits)
    rows = {name: np.flatnonzero(there == name) for name in ("train", "validation", "test")}
    rows["validation"] = np.flatnonzero(np.isin(there, VALIDATION))
    known = {name: learn and bool((catalog.labels[part] >= 0).any()) for name, part in rows.items()}
    measured = max(("test", "validation"), key=lambda name: (known[name], len(rows[name]) > 0))
    if not len(rows[measured]):
        nothing = np.zeros(0, dtype=np.int64)
        return {"train": nothing, "validation": nothing, "test": np.arange(len(catalog))}, "all (nothing held out)"
    if measured == "validation" or not len(rows["validation"]):
        recordings = np.asarray(catalog.recordings)[rows["train"]]
        names = np.unique(recordings)
        aside = np.random.default_rng(seed).permutation(names)[: -(-len(names) // 5)]
        rows = {**rows, "test": rows[measured], "validation": rows["train"][np.isin(recordings, aside)]}
        rows["train"] = rows["train"][~np.isin(recordings, aside)]
    if not learn:
        few = np.random.default_rng(seed).permutation(rows["train"])[:PAIRS]
        rows = {"train": np.sort(few), "validation": rows["validation"][:0], "test": rows["test"]}
    return rows, measured


def _numbers(
    names: Sequence[str], rows: dict[str, Splits], seed: int, quiet: bool
) -> Iterator[tuple[str, dict[str, Numbers]]]:
    """What every protocol says of every row."""
    with bar("measure", len(names) * len(rows), quiet) as shown:
        for name in names:
            numbers = {}
            for row, splits in rows.items():
                shown.advance(0, f"{name}, {row}")
                numbers[row] = PROTOCOLS[name](splits, torch.Generator().manual_seed(seed))
                shown.advance(1)
            yield name, numbers


def gather(
    model: Model,
    shelf: Clips,
    division: dict[str, Int64[np.ndarray, "K"]],
    count: int,
    limit: int,
    maps: bool,
    seed: int,
    device: str,
    batch: int,
    workers: int,
    quiet: bool,
) -> dict[str, Splits]:
    """Features of the same windows for every row of the tables: trained, random, statistics and chance."""
    random = model.random(seed)
    describe: dict[str, Describe] = {
        "trained": describer(model, limit, maps),
        "random": describer(random, limit, maps),
        "statistics": statistics.describe,
    }
    needed = Selected(shelf, np.concatenate(list(division.values())))
    views = model.views.only(*model.encoders)
    with frozen(model, device), frozen(random, device):
        extracted = extract_all(describe, views, needed, count, device, batch, workers, quiet)
    ends = np.cumsum([0] + [len(part) for part in division.values()])
    spans = {name: np.arange(ends[i], ends[i + 1]) for i, name in enumerate(division)}
    rows = {row: Splits(**{name: all_.take(span) for name, span in spans.items()}) for row, all_ in extracted.items()}
    rows["statistics"] = statistics.correlate(rows["statistics"])
    rows["chance"] = Splits(**{name: blind(part) for name, part in vars(rows["trained"]).items()})
    return rows


def keep_embeddings(path: Path, test: Extracted) -> None:
    """Store the pooled features and embeddings of the test clips, averaged over windows, for the report."""
    catalog = test.catalog
    arrays: dict[str, Any] = {
        "items": catalog.items,
        "labels": catalog.labels,
        "sources": np.asarray(catalog.sources, dtype=np.str_),
        "classes": np.asarray(catalog.classes, dtype=np.str_),
    }
    for modality in test.modalities:
        arrays[f"{modality}_pooled"] = test.averaged(modality).numpy()
        if (embedding := test.embedding(modality)) is not None:
            arrays[f"{modality}_embedding"] = torch.nn.functional.normalize(embedding.mean(1), dim=1).numpy()
    with atomic.replacing(path) as temporary:
        np.savez_compressed(temporary, **arrays)


def _measured(name: str, splits: Splits, split: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Which split is measured and how many of its clips, and how many are not because their class is unknown."""
    # Over folds every clip is measured, whatever the split that was packed.
    crossed = folds.crossed(splits) if name == "svm" else ""
    labels = (folds.whole(splits) if crossed else splits.test.catalog).labels
    known = int((labels >= 0).sum()) if name in LABELLED else 0
    return {"split": crossed or split, "clips": known or len(labels)}, results.unlabelled(labels)


def _notes(name: str, numbers: Numbers, splits: Splits, split: str) -> tuple[str, ...]:
    """What a reader of the numbers must know."""
    notes = []
    sources = len(set(splits.test.catalog.recordings))
    if split not in ("test",):
        notes.append(f"measured on {split}: the encoders may have been trained on these clips")
    if name in LABELLED and all(value is None for value in numbers.values()):
        notes.append("not measured: this protocol needs labelled clips to learn from and others to be measured on")
    if name in ("retrieval", "class-retrieval") and len(splits.test.modalities) < 2:
        notes.append(f"across modalities not measured: these clips have {splits.test.modalities[0]} alone")
    if name in LABELLED and len(splits.test.catalog.classes) == 1:
        notes.append(f"all clips are of one class, {splits.test.catalog.classes[0]}: any answer is right")
    if name == "few-shot" and (few := left_out(splits)):
        notes.append(f"classes with fewer training clips than examples are left out: {few}")
    if name == "retrieval" and not (splits.test.catalog.labels >= 0).any():
        notes.append("class level not measured: no labels")
    if name == "retrieval" and sources < FEW_SOURCES:
        notes.append(f"only {sources} recordings, fewer than {FEW_SOURCES}: these numbers mean little")
    return tuple(notes)
