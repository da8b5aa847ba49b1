# SPDX-License-Identifier: Apache-2.0
"""Audio-visual instance discrimination, after thesis tables 2.9 and 2.12-2.15.

Sizes: `tiny` runs in minutes on two CPU cores; `small` on one GPU in an hour; the others have the paper's own numbers.
`analysis` is sections 2.3 and 2.4 (R(2+1)D-9 at 16 x 112 x 112, 100 x 129 spectrograms; 100,000 clips of Audioset, so
that the table's epochs of 1e5 are passes), `paper` and `paper-kinetics` section 2.5 on Audioset and on Kinetics
(R(2+1)D-18 at 8 x 224 x 224, 200 x 257). Where the text and table 2.9 disagree on the learning rate of the analysis
(1e-4 against 5e-4), the table wins; its batch of 32 is a GPU's share, the text's 256 the whole. Section 2.7.1 has
spectra of 20 ms; the 129 bins of table 2.13 at 24 kHz are windows of 11 ms, the 257 of table 2.15 of 21 ms.
"""

from dataclasses import replace
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from seehear.checkpoint import Model
    from seehear.data.catalog import Clips
    from seehear.memory import Bank
    from seehear.run import Run, Stage

Size = Literal["tiny", "small", "analysis", "paper", "paper-kinetics"]
Targets = Literal["bank", "batch", "queue"]


def cross_avid(
    data: Path | None = None,
    size: Size = "tiny",
    seed: int = 0,
    epochs: int | None = None,
    batch: int | None = None,
    negatives: int = 1024,
    split: str = "train",
    targets: Targets = "bank",
) -> "Run":
    """Cross-AVID: tell each clip from all others by the sound of its picture and the picture of its sound.

    Command: seehear train cross_avid --data LIBRARY --out RUN.

    Args:
        data: a library made by seehear pack; without one, scenes of the procedural world made in memory.
        size: tiny (minutes on 2 CPU cores), small (one GPU, an hour); analysis, paper or paper-kinetics (the paper's
            numbers).
        seed: of weights, views, order and negatives.
        epochs: passes over the training clips; default by size.
        batch: clips a step; default by size.
        negatives: memories each clip is compared with.
        split: the split of the catalog to train on.
        targets: from the memory bank (at size tiny after a warm-up with the batch), from the batch alone, or from
            momentum encoders that see other views and a queue of their latest embeddings.
    """
    return _avid("cross", data, size, seed, epochs, batch, negatives, split, targets)


def self_avid(
    data: Path | None = None,
    size: Size = "tiny",
    seed: int = 0,
    epochs: int | None = None,
    batch: int | None = None,
    negatives: int = 1024,
    split: str = "train",
    targets: Literal["bank", "queue"] = "bank",
) -> "Run":
    """Self-AVID: tell each clip from all others within each modality; options as cross_avid.

    Command: seehear train self_avid --data LIBRARY --out RUN.
    """
    return _avid("self", data, size, seed, epochs, batch, negatives, split, targets)


def joint_avid(
    data: Path | None = None,
    size: Size = "tiny",
    seed: int = 0,
    epochs: int | None = None,
    batch: int | None = None,
    negatives: int = 1024,
    split: str = "train",
    targets: Literal["bank", "queue"] = "bank",
) -> "Run":
    """Joint-AVID: the sum of Self-AVID and Cross-AVID; options as cross_avid.

    Command: seehear train joint_avid --data LIBRARY --out RUN.
    """
    return _avid("joint", data, size, seed, epochs, batch, negatives, split, targets)


def _avid(
    variant: Literal["self", "cross", "joint"],
    data: Path | None,
    size: Size,
    seed: int,
    epochs: int | None,
    batch: int | None,
    negatives: int,
    split: str,
    targets: Targets,
) -> "Run":
    from seehear.evals.retrieval import validation_score
    from seehear.memory import Bank
    from seehear.optim import Adam, constant
    from seehear.recipes.usable import complete
    from seehear.run import Run, Stage
    from seehear.tasks.avid import AVID
    from seehear.tasks.momentum import Momentum, Twice

    check(seed, epochs, batch)
    everything, notes = complete(shelf(data, seed))
    clips = everything.split(split)
    model = avid_model(size, seed)
    bank = Bank(clips.catalog.items, seed=seed)
    slow = None
    if targets == "queue":
        # At .999 a momentum encoder lags a thousand steps behind, half of a tiny run.
        slow = Momentum(model.encoders, model.heads, 0.99 if size == "tiny" else 0.999)
        model.views = Twice(**vars(model.views))
    task = AVID(model.heads, bank, variant, targets, negatives, slow=slow)
    passes, share = {"tiny": (110, 32), "small": (100, 128), "analysis": (400, 256), "paper": (200, 256)}.get(
        size, (300, 256)
    )
    passes = epochs or passes
    rate = 2e-4 if size == "paper-kinetics" else 5e-4
    stages = [Stage(f"{variant}-avid", task, passes, Adam(rate, 1e-5), constant, clip=clipped(size))]
    if size == "tiny":
        warm = max(passes * 2 // 3, 1) if variant == "cross" and targets != "queue" else 0
        stages = tiny_stages(stages[0], model, bank, warm)
        # Targets from the batch need no filled bank.
        stages = [stage for stage in stages if targets == "bank" or stage.optimiser is not None]
    arguments = {"data": str(data) if data else None, "size": size, "seed": seed, "negatives": negatives}
    arguments |= {"epochs": passes, "split": split, "targets": targets}
    recipe = {"name": f"{variant}_avid", "arguments": arguments}
    measure, every = validation_score(everything), max(passes // 5, 1)
    name = f"{variant}-avid-{size}"
    return Run(name, model, clips, stages, batch or share, seed, measure, every, recipe, notes=notes)


def tiny_stages(last: "Stage", model: "Model", bank: "Bank", warm: int) -> list["Stage"]:
    """`warm` epochs with targets from the batch, a filled bank, and the stage `last` for the rest of its epochs.

    What decides whether a tiny run learns anything is measured in docs/log.md: heads that learn more slowly than
    encoders, and, where there are few epochs, other targets than rows that are written once in each.
    """
    from seehear.optim import Adam, constant, cosine, warmed
    from seehear.run import Stage
    from seehear.tasks.avid import AVID, Fill

    slow = {"heads": 0.2}
    rest = max(last.epochs - warm, 1)
    last = replace(last, epochs=rest, optimiser=Adam(1.5e-3, 0.1, decoupled=True), schedule=cosine, shares=slow)
    if not warm:
        return [last]
    task = AVID(model.heads, bank, "cross", targets="batch")
    first = Adam(3e-3, 0.1, decoupled=True), warmed(constant, 200)
    warm_up = Stage("warm-up", task, warm, *first, shares=slow, clip=last.clip)
    return [warm_up, Stage("fill", Fill(task), 1, None), last]


def clipped(size: str) -> float:
    """The norm that gradients are clipped to: 10 at our own sizes; the papers, and published code, have no limit."""
    return 10.0 if size in ("tiny", "small") else inf


def check(seed: int, epochs: int | None, batch: int | None) -> None:
    """Raise InputError for numbers that no run can have."""
    from seehear.errors import InputError

    for name, number, least in (("seed", seed, 0), ("epochs", epochs, 1), ("batch", batch, 2)):
        if number is not None and number < least:
            raise InputError(f"expected --{name} of at least {least}, got {number}")


def shelf(data: Path | None, seed: int) -> "Clips":
    """The clips of a library, or 600 training scenes of the procedural world in memory."""
    if data is not None:
        from seehear.data.library import KEEP, Library

        return Library(data, KEEP)
    from seehear.world.plan import Plan
    from seehear.world.shelf import World

    return World(Plan.of(900, seed))


def avid_model(size: Size, seed: int) -> "Model":
    """Encoders and views of a size (thesis tables 2.12-2.15; table 2.9 for the colour jitter)."""
    import torch

    from seehear.checkpoint import Model
    from seehear.nets.audio import Conv2D
    from seehear.nets.video import R2Plus1D
    from seehear.signal.spectrogram import LogSpectrogram
    from seehear.views import AudioVisual

    sizes: dict[Size, dict[str, Any]] = {
        "tiny": {"count": 4, "fps": 4.0, "size": 48, "area": (0.7, 1.0), "colour": (0.1, 0.1, 0.1, 0.02)}
        # Sound and picture of the same second at the same pace share more than their class: when things happen.
        | {"offset": 0.0, "stretch": (1.0, 1.0)},
        "small": {"count": 16, "fps": 16.0, "size": 112},
        "paper": {"count": 8, "fps": 16.0, "size": 224},
    }
    sizes |= {"analysis": sizes["small"], "paper-kinetics": sizes["paper"]}
    torch.manual_seed(seed)
    if size == "tiny":
        nets = R2Plus1D.tiny(), Conv2D.pooled(width=16)
        front = LogSpectrogram.tiny()
    elif size in ("small", "analysis"):
        nets, front = (R2Plus1D.analysis(), Conv2D.analysis()), LogSpectrogram.analysis()
    else:
        nets, front = (R2Plus1D.pooled(18), Conv2D.pooled()), LogSpectrogram.paper()
    return Model({"video": nets[0], "audio": nets[1]}, AudioVisual(front=front, **sizes[size]))
