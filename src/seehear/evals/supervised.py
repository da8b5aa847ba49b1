# SPDX-License-Identifier: Apache-2.0
"""The supervised bound: the same nets on the same views, trained with labels for as many updates as the run had."""

from pathlib import Path

import torch
from jaxtyping import Int64
from torch import Tensor

from seehear import metrics, train
from seehear.checkpoint import Model
from seehear.data.catalog import Clips, Selected
from seehear.data.loader import Loader
from seehear.errors import InputError
from seehear.evals import results
from seehear.evals.evaluate import divide
from seehear.evals.results import Result
from seehear.optim import Adam, cosine
from seehear.run import Run, Stage
from seehear.tasks.supervised import Supervised


def supervised(
    model: Model,
    shelf: Clips,
    folder: Path | None = None,
    updates: int = 684,
    rate: float = 2e-3,
    batch: int = 32,
    count: int = 3,
    seed: int = 0,
    device: str = "cpu",
    workers: int = 0,
    quiet: bool = False,
) -> Result:
    """Train a fresh copy of `model` with the labels of the training clips and measure it on the test clips.

    `updates` steps of Adam from `rate` down to 0. Returns "modality/best/averaged", the accuracy of the mean softmax
    over `count` windows, in the row "supervised" of the linear probe, and appends it to the results of a run folder.
    Raises InputError when the training clips have no labels.
    """
    rows, split = divide(shelf.catalog, seed, learn=True)
    labelled = rows["train"][shelf.catalog.labels[rows["train"]] >= 0]
    if len(labelled) < batch:
        raise InputError(
            f"expected at least {batch} labelled training clips, found {len(labelled)}: pack more, or with --labels"
        )
    fresh = model.random(seed)
    there = {name: size for name, size in fresh.dimensions.items() if name in shelf.catalog.modalities}
    fresh.views = fresh.views.only(*there)
    task = Supervised(there, len(shelf.catalog.classes))
    clips = Selected(shelf, labelled)
    epochs = max(round(updates / (len(clips) // batch)), 1)
    stage = Stage("supervised", task, epochs, Adam(rate), cosine, clip=10.0)
    train.fit(Run("supervised", fresh, clips, [stage], batch, seed), device=device, workers=workers, quiet=quiet)
    scores, labels = classify(fresh.eval(), task.eval(), Selected(shelf, rows["test"]), count)
    known = labels >= 0
    numbers = {f"{n}/best/averaged": metrics.accuracy(one[known], labels[known]) for n, one in scores.items()}
    result = Result(
        "linear-probe",
        {"supervised": {**numbers}},
        run=folder.name if folder else "",
        seed=seed,
        commit=str(model.run.get("commit", "unknown")),
        data_hash=shelf.catalog.hash,
        split=split,
        clips=int(known.sum()),
        windows=count,
        notes=(f"supervised: {epochs} epochs of {len(clips)} labelled clips, Adam from {rate}",),
    )
    if folder:
        results.append(folder, result)
    return result


@torch.no_grad()
def classify(model: Model, task: Supervised, clips: Clips, count: int) -> tuple[dict[str, Tensor], Int64[Tensor, "N"]]:
    """Softmax of each modality, averaged over `count` windows a clip [N, classes], and the labels."""
    total: dict[str, Tensor] = {}
    for window in range(count):
        views = model.views.at((window + 0.5) / count)
        found = []
        for cut in Loader(clips, views.for_workers(), 64).epoch(0):
            seen = views.finish(cut.to(model.device))
            found.append({n: c(model.encoders[n](seen[n]).pooled).softmax(1) for n, c in task.classifiers.items()})
        for name in task.classifiers:
            total[name] = total.get(name, torch.zeros(())) + torch.cat([one[name].cpu() for one in found]) / count
    return total, torch.from_numpy(clips.catalog.labels)
