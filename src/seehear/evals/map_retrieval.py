# SPDX-License-Identifier: Apache-2.0
"""Do the nearest training clips have the class of a test clip? R@1, 5, 20 on unpooled maps (thesis 3.5.1, table 3.4).

A clip is the map of the last block, averaged over its windows and taken as one long vector; near is a high cosine.
Queries are the test clips, the gallery all training clips. A query is right at k if any of its k nearest has its class;
queries whose class the gallery lacks are wrong, as in the papers. Chance is this very protocol on equal features, since
ties count as they would at random. "class/NAME/r1" is the mean over the queries of one class.
"""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float32, Float64, Int64
from torch import Tensor
from torch.nn import functional

from seehear import metrics
from seehear.evals import folds
from seehear.evals.features import Extracted, Splits
from seehear.evals.retrieval import RANKS

BLOCK = 256
"""Queries searched at once: their similarities, not those of all, are held in memory."""


def map_retrieval(splits: Splits, generator: torch.Generator) -> dict[str, float | None]:
    """Numbers "modality/r1", "modality/r5", "modality/r20" and "modality/class/NAME/r1"; None without labels."""
    catalog, part, numbers = folds.whole(splits), folds.given(splits), dict[str, float | None]()
    labels = torch.from_numpy(catalog.labels)
    there = len(part.again) > 0 and len(part.test) > 0
    for modality in splits.test.modalities:
        if not there:
            numbers |= {f"{modality}/r{k}": None for k in RANKS}
            continue
        unit = functional.normalize(folds.stack(splits, mean_map, modality), dim=1)
        found = recalls(unit[part.test], unit[part.again], labels[part.test], labels[part.again])
        numbers |= {f"{modality}/r{k}": float(found[:, i].mean()) for i, k in enumerate(RANKS)}
        numbers |= by_class(f"{modality}/class", found, labels[part.test], catalog.classes)
    return numbers


def mean_map(part: Extracted, modality: str) -> Float32[Tensor, "N D"]:
    """The maps of the clips, averaged over their windows."""
    return part.map(modality).mean(1)


def recalls(
    queries: Float32[Tensor, "Q D"],
    gallery: Float32[Tensor, "G D"],
    asked: Int64[Tensor, "Q"],
    given: Int64[Tensor, "G"],
    allowed: Callable[[slice], Bool[Tensor, "B G"]] | None = None,
) -> Float64[Tensor, "Q R"]:
    """Whether any of the 1, 5 and 20 nearest rows of the gallery has the class asked for, by query.

    `allowed` says which rows some of the queries may find; by default all.
    """
    found = []
    for first in range(0, len(queries), BLOCK):
        some = slice(first, first + BLOCK)
        similarity, right = queries[some] @ gallery.mT, asked[some, None] == given
        open_to = None if allowed is None else allowed(some)
        found.append(torch.stack([metrics.recall_at_k(similarity, right, k, open_to) for k in RANKS], dim=1))
    return torch.cat(found).nan_to_num(nan=0.0)


def by_class(
    name: str, found: Float64[Tensor, "Q R"], labels: Int64[Tensor, "Q"], classes: tuple[str, ...]
) -> dict[str, float | None]:
    """The mean of each rank over the queries of each class; None for a class without queries."""
    numbers: dict[str, float | None] = {}
    for label, title in enumerate(classes):
        own = found[labels == label]
        numbers |= {f"{name}/{title}/r{k}": float(own[:, i].mean()) if len(own) else None for i, k in enumerate(RANKS)}
    return numbers
