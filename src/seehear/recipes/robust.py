# SPDX-License-Identifier: Apache-2.0
"""Robust cross-modal instance discrimination, after thesis sections 3.5.1 (`analysis`) and 3.6 (`paper`).

A warm-up with one-hot targets and equal weights comes first; at `tiny` it learns from the batch, as in `recipes.avid`.
The thesis does not say how weights decay: beyond `tiny` they do not. Nor does it say how often pictures are grey or
blurred: .2 and .5 here, as in the work it cites (Chen et al., 2020); or how long windows are at 24 kHz: 21 ms here, as
in its chapter 4.
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from seehear.recipes.avid import avid_model, check, clipped, shelf, tiny_stages

if TYPE_CHECKING:
    from seehear.checkpoint import Model
    from seehear.data.catalog import Catalog
    from seehear.memory import Bank
    from seehear.run import Run, Stage
    from seehear.tasks.robust import RobustXID

Size = Literal["tiny", "small", "analysis", "paper"]
Weights = Literal["equal", "agreement", "oracle"]
Targets = Literal["one-hot", "bootstrapping", "swapped", "neighbour", "cycle", "labels"]


def robust_xid(
    data: Path | None = None,
    size: Size = "tiny",
    seed: int = 0,
    epochs: int | None = None,
    batch: int | None = None,
    negatives: int = 1024,
    split: str = "train",
    weights: Weights = "agreement",
    targets: Targets = "cycle",
    mixture: float | None = None,
    midpoint: float | None = None,
    faults: float = 0.0,
) -> "Run":
    """Robust-xID: pairs whose sound and pictures disagree count less, and clips alike are not pushed apart.

    Command: seehear train robust_xid --data LIBRARY --out RUN. Weighted-xID is --targets one-hot, Soft-xID is
    --weights equal, and both together are xID.

    Args:
        data: a library made by seehear pack; without one, scenes of the procedural world made in memory.
        size: tiny (minutes on 2 CPU cores), small (one GPU, an hour), analysis or paper (the thesis' numbers).
        seed: of weights, views, order, negatives and injected faults.
        epochs: passes over the training clips, warm-up included; default by size.
        batch: clips a step; default by size.
        negatives: memories each clip is compared with.
        split: the split of the catalog to train on.
        weights: equal, by the agreement of sound and pictures, or 0 for the injected faults (oracle).
        targets: one-hot, or softened by a rule; labels (an oracle) spreads them over the class of the clip.
        mixture: share of the rule in the targets; default .5, and 1 for labels.
        midpoint: where weights are half way down, in standard deviations; default by the injected faults, else -1.
        faults: fraction of the clips that are trained with the sound of another one.
    """
    from seehear.data.faults import inject
    from seehear.evals.retrieval import validation_score
    from seehear.memory import Bank
    from seehear.optim import Adam
    from seehear.recipes.usable import complete
    from seehear.run import Run, Stage

    check(seed, epochs, batch)
    usable, notes = complete(shelf(data, seed))
    everything = inject(usable, faults, seed, split)
    clips = everything.split(split)
    model = robust_model(size, seed)
    bank = Bank(clips.catalog.items, seed=seed)
    task = _task(model, bank, clips.catalog, weights, targets, mixture, midpoint, faults, negatives)
    warm, rest, share = {"tiny": (66, 34, 32), "small": (66, 34, 128), "analysis": (400, 200, 224)}.get(
        size, (200, 200, 512)
    )
    if epochs is not None:
        warm = max(epochs * warm // (warm + rest), 1)
        rest = max(epochs - warm, 1)
    name = {(True, True): "robust-xid", (True, False): "weighted-xid", (False, True): "soft-xid"}.get(
        (weights != "equal", targets != "one-hot"), "xid"
    )
    adam = Adam(5e-4 if size == "paper" else 1e-4, decay=0.0)
    last = Stage(name, task, warm + rest, adam, to_a_tenth, clip=clipped(size))
    stages = (tiny_stages if size == "tiny" else _thesis_stages)(last, model, bank, warm)
    arguments: dict[str, object] = {"data": str(data) if data else None, "size": size, "seed": seed}
    arguments |= {"negatives": negatives, "epochs": warm + rest, "split": split, "weights": weights, "targets": targets}
    arguments |= {"mixture": mixture, "midpoint": midpoint, "faults": faults}
    recipe = {"name": "robust_xid", "arguments": arguments}
    measure, every = validation_score(everything), max((warm + rest) // 5, 1)
    return Run(f"{name}-{size}", model, clips, stages, batch or share, seed, measure, every, recipe, notes=notes)


def _task(
    model: "Model",
    bank: "Bank",
    catalog: "Catalog",
    weights: Weights,
    targets: Targets,
    mixture: float | None,
    midpoint: float | None,
    faults: float,
    negatives: int,
) -> "RobustXID":
    import torch

    from seehear.errors import InputError
    from seehear.tasks.robust import RobustXID, Softening, Weighting

    if weights == "oracle" and not faults:
        raise InputError("expected injected faults for the weights of an oracle: add --faults, or choose other weights")
    if midpoint is not None and weights != "agreement":
        raise InputError(f"expected --midpoint beside --weights agreement alone, got it beside {weights}")
    if mixture is not None and targets == "one-hot":
        raise InputError("expected --mixture beside soft targets alone, got it beside one-hot")
    # The rows of a bank are in ascending order of item ids.
    catalog = catalog.take(catalog.items.argsort())
    weighting = softening = faulty = None
    if weights == "agreement":
        weighting = Weighting.known(faults) if faults else Weighting()
        weighting = weighting if midpoint is None else replace(weighting, midpoint=midpoint)
    if weights == "oracle":
        faulty = torch.tensor(catalog.truth["faulty"])
    if targets != "one-hot":
        softening = Softening(targets, (1.0 if targets == "labels" else 0.5) if mixture is None else mixture)
    labels = torch.from_numpy(catalog.labels)
    return RobustXID(model.heads, bank, weighting, softening, labels, faulty, negatives)


def _thesis_stages(last: "Stage", model: "Model", bank: "Bank", warm: int) -> list["Stage"]:
    from seehear.optim import constant
    from seehear.tasks.robust import RobustXID

    assert isinstance(last.task, RobustXID)
    warm_up = RobustXID(model.heads, bank, negatives=last.task.negatives)
    first = replace(last, name="warm-up", task=warm_up, epochs=warm, schedule=constant)
    return [first, replace(last, epochs=last.epochs - warm)]


def to_a_tenth(step: int, steps: int) -> float:
    """A half cosine from 1 to .1: the thesis goes from 1e-4 to 1e-5, and from 5e-4 to 5e-5."""
    from seehear.optim import cosine

    return 0.1 + 0.9 * cosine(step, steps)


def robust_model(size: Size, seed: int) -> "Model":
    """Encoders and views of a size: 8 frames of 80 (section 3.5.1) or 112 pixels (3.6), and 2 s of sound."""
    import torch

    from seehear.checkpoint import Model
    from seehear.nets.audio import Conv2D
    from seehear.nets.video import R2Plus1D
    from seehear.signal.spectrogram import LogSpectrogram
    from seehear.views import AudioVisual

    if size == "tiny":
        return avid_model("tiny", seed)
    torch.manual_seed(seed)
    if size == "paper":
        depth, pixels, front = 18, 112, LogSpectrogram(24_000, window=512, hop=375, frames=128, mel=128)
    else:
        depth, pixels, front = 9, 80, LogSpectrogram(11_025, window=552, hop=276, frames=80, mel=80)
    views = AudioVisual(8, 16.0, pixels, grey=0.2, blur=0.5, volume=0.2, stretch=(1.0, 1.0), front=front)
    return Model({"video": R2Plus1D.pooled(depth), "audio": Conv2D.pooled()}, views)
