# SPDX-License-Identifier: Apache-2.0
"""How pure the positive sets of cross-modal agreement are (thesis section 2.4.3, figure 2.5).

For each item the K most alike others by each kind of `mining`; precision@K is the share of them that are of its class,
averaged over items. Sets are mined among all memories, as in training; items without a label are not counted.
"""

from typing import get_args

from jaxtyping import Float32, Int64
from torch import Tensor

from seehear import metrics, mining
from seehear.evals.results import Items, Numbers

COUNTS = (1, 2, 4, 8, 16, 32, 64, 128)


def positive_sets(rows: dict[str, Float32[Tensor, "N D"]], labels: Int64[Tensor, "N"]) -> Numbers:
    """Numbers "kind/p1", "kind/p2", ... "kind/p128", as many as there are others, and "kind/mean" over them.

    None where fewer than two items have a label.
    """
    return scored_sets(rows, labels)[0]


def scored_sets(rows: dict[str, Float32[Tensor, "N D"]], labels: Int64[Tensor, "N"]) -> tuple[Numbers, Items]:
    """The numbers, and the precision of the set of each item."""
    counts = [count for count in COUNTS if count < len(labels)]
    numbers, items = Numbers(), Items()
    for kind in get_args(mining.Kind):
        each = metrics.precisions_at_k(mining.positives(rows, kind, counts[-1]), labels)[:, [k - 1 for k in counts]]
        numbers |= _named(kind, each.nanmean(0).tolist(), counts)
        items |= {name: one for name, one in zip(_names(kind, counts), [*each.T, each.mean(1)], strict=True)}
    return numbers, items


def chance(labels: Int64[Tensor, "N"]) -> Numbers:
    """The same numbers for sets drawn at random: sum over classes of n_c (n_c - 1) / (n (n - 1)), for any K."""
    sizes = labels[labels >= 0].bincount().double()
    pairs = float(sizes.sum() * (sizes.sum() - 1))
    share = float((sizes * (sizes - 1)).sum()) / pairs if pairs else float("nan")
    counts = [count for count in COUNTS if count < len(labels)]
    return {
        name: one for kind in get_args(mining.Kind) for name, one in _named(kind, [share] * len(counts), counts).items()
    }


def _named(kind: str, values: list[float], counts: list[int]) -> Numbers:
    values = [*values, sum(values) / len(values)]
    return {name: value if value == value else None for name, value in zip(_names(kind, counts), values, strict=True)}


def _names(kind: str, counts: list[int]) -> list[str]:
    return [*(f"{kind}/p{count}" for count in counts), f"{kind}/mean"]
