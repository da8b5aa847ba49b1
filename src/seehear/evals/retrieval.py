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
from itertools import product

import numpy as np
import torch
from jaxtyping import Bool, Float32, Float64
from torch import Tensor
from torch.nn import functional

from seehear import metrics
from seehear.checkpoint import Model
from seehear.data.catalog import Clips, Selected
from seehear.evals.features import Extracted, Splits, extract
from seehear.evals.results import Items, Numbers

RANKS = (1, 5, 20)
WAYS = (("video", "audio"), ("audio", "video"))
NONE = float("nan")
MOST_VALIDATION = 200
VALIDATION = ("validation", "val")
"""What data sets call the split to choose by."""
FEW_SOURCES = 20


def retrieval(splits: Splits, generator: torch.Generator, gallery: int = 200) -> Numbers:
    """The numbers of `scored_retrieval` of at most `gallery` test clips, drawn from the generator."""
    test = splits.test
    if len(test.catalog) > gallery:
        drawn = torch.randperm(len(test.catalog), generator=generator)[:gallery]
        test = test.take(drawn.sort().values.numpy())
    return scored_retrieval(test)[0]


def scored_retrieval(test: Extracted) -> tuple[Numbers, Items]:
    """Numbers "instance/video_to_audio/r1", "instance/mean/r1", "class/...", "within/video/instance/r1" and so on.

    "instance/gallery" is the mean number of answers a query chooses from. Class level is None without labels. And the
    recall of each clip, NaN for a clip that is no query: its numbers are means over the others.
    """
    items = _across(test) | _within(test)
    numbers = {"instance/gallery": float(_among(test).sum(1).double().mean())}
    return numbers | {name: _mean(each) for name, each in items.items()}, items


def validation_score(shelf: Clips) -> Callable[[Model], float] | None:
    """A function that scores a model without labels, so that a recipe can keep its best checkpoint.

    The score is the mean of instance-level recall at 1, 5 and 20 among at most 200 validation clips, one window of
    each; None for a shelf without validation clips.
    """
    rows = np.flatnonzero(np.isin(shelf.catalog.splits, VALIDATION))
    if not len(rows):
        return None
    clips = Selected(shelf, rows[np.linspace(0, len(rows) - 1, min(len(rows), MOST_VALIDATION)).astype(np.int64)])

    def score(model: Model) -> float:
        found = _across(extract(model, clips, count=1, device=str(model.device), quiet=True))
        return sum(_mean(found[f"instance/mean/r{k}"]) or 0.0 for k in RANKS) / len(RANKS)

    return score


def _across(test: Extracted) -> Items:
    """From one modality to the other, both directions and their mean; NaN where a direction cannot be measured."""
    own, among = torch.eye(len(test.catalog), dtype=torch.bool), _among(test)
    unit = {m: functional.normalize(e.mean(1), dim=1) for m in test.modalities if (e := test.embedding(m)) is not None}
    items = Items()
    for level, right, allowed in (("instance", own, among), ("class", _same_class(test), _labelled(test) & among)):
        for (query, answer), k in product(WAYS, RANKS):
            known = len(unit) == 2
            each = _recalls(unit[query] @ unit[answer].T, right, k, allowed) if known else torch.full((len(own),), NONE)
            items[f"{level}/{query}_to_{answer}/r{k}"] = each.double()
        for k in RANKS:
            there, back = (items[f"{level}/{query}_to_{answer}/r{k}"] for query, answer in WAYS)
            items[f"{level}/mean/r{k}"] = (there + back) / 2
    return items


def _within(test: Extracted) -> Items:
    """Inside each modality: other windows of the same clip, other clips of the same class."""
    items = Items()
    others = _differ(test.sources) & _labelled(test)
    for modality in test.modalities:
        windows = functional.normalize(list(test.blocks(modality).values())[-1], dim=2)
        count = windows.shape[1]
        flat, clip = windows.flatten(0, 1), torch.arange(len(windows)).repeat_interleave(count)
        sibling = (clip[:, None] == clip) & ~torch.eye(len(flat), dtype=torch.bool)
        among = sibling | _differ(test.sources.repeat_interleave(count))
        averaged = test.averaged(modality)
        for k in RANKS:
            recalls = _recalls(flat @ flat.T, sibling, k, among)
            items[f"within/{modality}/instance/r{k}"] = recalls.unflatten(0, (-1, count)).mean(1)
            items[f"within/{modality}/class/r{k}"] = _recalls(averaged @ averaged.T, _same_class(test), k, others)
    return items


def _recalls(
    similarity: Float32[Tensor, "Q G"], right: Bool[Tensor, "Q G"], k: int, allowed: Bool[Tensor, "Q G"]
) -> Float64[Tensor, "Q"]:
    """Recall of every query that has a right answer and a wrong one, NaN for the others."""
    asked = (right & allowed).any(1) & (~right & allowed).any(1)
    return torch.where(asked, metrics.recall_at_k(similarity, right, k, allowed), NONE)


def _mean(each: Float64[Tensor, "Q"]) -> float | None:
    """Mean over those that were asked; None when there are none."""
    asked = ~each.isnan()
    return float(each[asked].mean()) if asked.any() else None


def _among(test: Extracted) -> Bool[Tensor, "N N"]:
    """Every clip may be found by itself and by clips of other recordings."""
    return torch.eye(len(test.catalog), dtype=torch.bool) | _differ(test.sources)


def _differ(sources: Tensor) -> Bool[Tensor, "N N"]:
    return sources[:, None] != sources


def _same_class(test: Extracted) -> Bool[Tensor, "N N"]:
    return (test.labels[:, None] == test.labels) & _labelled(test)


def _labelled(test: Extracted) -> Bool[Tensor, "N N"]:
    known = test.labels >= 0
    return known[:, None] & known
