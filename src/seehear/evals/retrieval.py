# SPDX-License-Identifier: Apache-2.0
"""Is what belongs together near? Share of queries that find a right answer among their k nearest, k = 1, 5, 20.

Across modalities, by the heads' embeddings averaged over the windows of a clip: "instance", the clip's own sound (or
pictures) among those of other recordings; "class", any clip of the query's class, its own included.
Within a modality, by the encoder's pooled features: "instance", another window of the same clip among the windows of
other recordings; "class", a clip of the class from another recording.
Other clips of the query's own recording count neither as right nor as wrong: they are left out of the galleries.
Chance is this very protocol on embeddings that are all equal, since ties count as they would at random.
"""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Bool, Float32
from torch import Tensor
from torch.nn import functional

from seehear import metrics
from seehear.checkpoint import Model
from seehear.data.catalog import Clips, Selected
from seehear.evals.features import Extracted, Splits, extract

RANKS = (1, 5, 20)
MOST_VALIDATION = 200
FEW_SOURCES = 20


def retrieval(splits: Splits, generator: torch.Generator, gallery: int = 200) -> dict[str, float | None]:
    """Numbers "instance/video_to_audio/r1", "instance/mean/r1", "class/...", "within/video/instance/r1" and so on.

    At most `gallery` test clips, drawn from the generator, are searched; "instance/gallery" is the mean number of
    answers a query chooses from. Class level is None without labels.
    """
    test = splits.test
    if len(test.catalog) > gallery:
        drawn = torch.randperm(len(test.catalog), generator=generator)[:gallery]
        test = test.take(drawn.sort().values.numpy())
    return _across(test) | _within(test)


def validation_score(shelf: Clips) -> Callable[[Model], float] | None:
    """A function that scores a model without labels, so that a recipe can keep its best checkpoint.

    The score is the mean of instance-level recall at 1, 5 and 20 among at most 200 validation clips, one window of
    each; None for a shelf without validation clips.
    """
    rows = np.flatnonzero(np.asarray(shelf.catalog.splits) == "validation")
    if not len(rows):
        return None
    clips = Selected(shelf, rows[np.linspace(0, len(rows) - 1, min(len(rows), MOST_VALIDATION)).astype(np.int64)])

    def score(model: Model) -> float:
        numbers = _across(extract(model, clips, count=1, device=str(model.device), quiet=True))
        return sum(numbers[f"instance/mean/r{k}"] or 0.0 for k in RANKS) / len(RANKS)

    return score


def _across(test: Extracted) -> dict[str, float | None]:
    """From one modality to the other, both directions and their mean."""
    own = torch.eye(len(test.catalog), dtype=torch.bool)
    among = own | _differ(test.sources)
    numbers: dict[str, float | None] = {"instance/gallery": float(among.sum(1).double().mean())}
    unit = {m: functional.normalize(e.mean(1), dim=1) for m in test.modalities if (e := test.embedding(m)) is not None}
    for level, right, allowed in (("instance", own, among), ("class", _same_class(test), _labelled(test) & among)):
        means: dict[int, list[float | None]] = {k: [] for k in RANKS}
        for query, answer in (("video", "audio"), ("audio", "video")):
            for k in RANKS:
                known = len(unit) == 2
                value = _recall(unit[query] @ unit[answer].T, right, k, allowed) if known else None
                numbers[f"{level}/{query}_to_{answer}/r{k}"] = value
                means[k].append(value)
        for k, values in means.items():
            there = [value for value in values if value is not None]
            numbers[f"{level}/mean/r{k}"] = sum(there) / len(there) if there else None
    return numbers


def _within(test: Extracted) -> dict[str, float | None]:
    """Inside each modality: other windows of the same clip, other clips of the same class."""
    numbers: dict[str, float | None] = {}
    others = _differ(test.sources) & _labelled(test)
    for modality in test.modalities:
        windows = functional.normalize(list(test.blocks(modality).values())[-1], dim=2)
        count = windows.shape[1]
        flat, clip = windows.flatten(0, 1), torch.arange(len(windows)).repeat_interleave(count)
        sibling = (clip[:, None] == clip) & ~torch.eye(len(flat), dtype=torch.bool)
        among = sibling | _differ(test.sources.repeat_interleave(count))
        averaged = test.averaged(modality)
        for k in RANKS:
            numbers[f"within/{modality}/instance/r{k}"] = _recall(flat @ flat.T, sibling, k, among)
            same = _recall(averaged @ averaged.T, _same_class(test), k, others)
            numbers[f"within/{modality}/class/r{k}"] = same
    return numbers


def _recall(
    similarity: Float32[Tensor, "Q G"], right: Bool[Tensor, "Q G"], k: int, allowed: Bool[Tensor, "Q G"]
) -> float | None:
    """Mean over the queries that have a right answer and a wrong one; None when there are none."""
    asked = (right & allowed).any(1) & (~right & allowed).any(1)
    return float(metrics.recall_at_k(similarity, right, k, allowed)[asked].mean()) if asked.any() else None


def _differ(sources: Tensor) -> Bool[Tensor, "N N"]:
    return sources[:, None] != sources


def _same_class(test: Extracted) -> Bool[Tensor, "N N"]:
    return (test.labels[:, None] == test.labels) & _labelled(test)


def _labelled(test: Extracted) -> Bool[Tensor, "N N"]:
    known = test.labels >= 0
    return known[:, None] & known
