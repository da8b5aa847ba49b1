# SPDX-License-Identifier: Apache-2.0
"""What instance discrimination is compared with: pair verification (AVC), synchronisation (AVTS), InfoNCE (claim A10).

Encoders, views, epochs, batch, optimiser and the rates of every stage are those of Cross-AVID of the same size, so that
only the task differs; the papers' own clips and schedules are others. Exceptions are said where they are made. One is
the rate of AVC at size tiny, which is that of the last stage throughout: with the higher one of the warm-up it learns
less (docs/log.md).
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from seehear.recipes.avid import Size, cross_avid

if TYPE_CHECKING:
    from seehear.run import Run, Stage


def info_nce(
    data: Path | None = None,
    size: Size = "tiny",
    seed: int = 0,
    epochs: int | None = None,
    batch: int | None = None,
    split: str = "train",
) -> "Run":
    """InfoNCE: tell a clip from the others of its batch by the other modality, without any memory.

    Command: seehear train info_nce --data LIBRARY --out RUN.

    Args:
        data: a library made by seehear pack; without one, scenes of the procedural world made in memory.
        size: tiny (minutes on 2 CPU cores), small (one GPU, an hour); others have the numbers of Cross-AVID.
        seed: of weights, views and order.
        epochs: passes over the training clips; default by size.
        batch: clips a step, and what each is compared with; default by size.
        split: the split of the catalog to train on.
    """
    run = _like_avid(data, size, seed, epochs, batch, split)
    return _as(run, "info_nce", [*run.stages[:-1], replace(run.stages[-1], name="info-nce")])


def avc(
    data: Path | None = None,
    size: Size = "tiny",
    seed: int = 0,
    epochs: int | None = None,
    batch: int | None = None,
    split: str = "train",
    comparison: Literal["concatenation", "distance"] = "concatenation",
) -> "Run":
    """Audio-visual correspondence: does this sound belong to this picture, yes or no.

    Command: seehear train avc --data LIBRARY --out RUN. Sounds of the other clips of the batch are the wrong ones.

    Args:
        data: a library made by seehear pack; without one, scenes of the procedural world made in memory.
        size: tiny (minutes on 2 CPU cores), small (one GPU, an hour); others have the numbers of Cross-AVID.
        seed: of weights, views and order.
        epochs: passes over the training clips; default by size.
        batch: clips a step; default by size.
        split: the split of the catalog to train on.
        comparison: two layers on both embeddings (L3), or a threshold on their distance (AVE), which alone makes
            pictures and sounds that belong together near.
    """
    from seehear.tasks.verification import AVC

    run = _like_avid(data, size, seed, epochs, batch, split)
    if comparison == "concatenation":
        # The score of a checkpoint is retrieval by distance, of which this task says nothing.
        run.measure = None
    task = AVC(run.model.heads, comparison)
    epochs = sum(stage.epochs for stage in run.stages)
    stage = replace(run.stages[-1], name="avc", task=task, epochs=epochs)
    return _as(run, "avc", [stage], comparison=comparison)


def avts(
    data: Path | None = None,
    size: Size = "tiny",
    seed: int = 0,
    epochs: int | None = None,
    batch: int | None = None,
    split: str = "train",
    hard: float = 0.25,
    gap: float = 0.5,
) -> "Run":
    """Audio-visual temporal synchronisation: does this sound belong to this moment; first of other clips, then of all.

    Command: seehear train avts --data LIBRARY --out RUN. At first wrong sounds are easy only, those of other clips:
    at size tiny as long as Cross-AVID warms up (two thirds of the epochs), at others for half of the epochs. Then those
    of another time of the same clip come too. Sound and picture start together and keep their pace. Clips that are too
    short for two sounds are left out.

    Args:
        data: a library made by seehear pack; without one, scenes of the procedural world made in memory.
        size: tiny (minutes on 2 CPU cores), small (one GPU, an hour); others have the numbers of Cross-AVID.
        seed: of weights, views and order.
        epochs: passes over the training clips, easy ones included; default by size.
        batch: clips a step; default by size.
        split: the split of the catalog to train on.
        hard: share of wrong sounds of the same clip at last.
        gap: least time between a clip's two sounds (s).
    """
    from seehear.optim import constant
    from seehear.recipes.usable import long_enough
    from seehear.tasks.synchrony import AVTS, Synchrony

    run = _like_avid(data, size, seed, epochs, batch, split)
    own = {**vars(run.model.views), "offset": 0.0, "stretch": (1.0, 1.0)}
    run.model.views = views = Synchrony(**own, gap=gap)
    run.clips, short = long_enough(run.clips, views.least)
    run.notes += short
    *warm_up, last = run.stages
    if not warm_up and last.epochs > 1:
        half = last.epochs // 2
        warm_up, last = [replace(last, epochs=half, schedule=constant)], replace(last, epochs=last.epochs - half)
    easy = [replace(stage, name="easy", task=AVTS(run.model.heads, 0.0)) for stage in warm_up]
    hardest = replace(last, name="easy-and-hard", task=AVTS(run.model.heads, hard))
    return _as(run, "avts", [*easy, hardest], hard=hard, gap=gap)


def _like_avid(data: Path | None, size: Size, seed: int, epochs: int | None, batch: int | None, split: str) -> "Run":
    return cross_avid(data, size, seed, epochs, batch, split=split, targets="batch")


def _as(run: "Run", name: str, stages: list["Stage"], **own: Any) -> "Run":
    """The same run under another name, with other stages."""
    size = run.recipe["arguments"]["size"]
    arguments = {key: run.recipe["arguments"][key] for key in ("data", "size", "seed", "epochs", "split")}
    recipe = {"name": name, "arguments": {**arguments, **own}}
    return replace(run, name=f"{name.replace('_', '-')}-{size}", stages=stages, recipe=recipe)
