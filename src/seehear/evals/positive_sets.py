# SPDX-License-Identifier: Apache-2.0
"""How pure the positive sets of cross-modal agreement are (thesis section 2.4.3, figure 2.5).

For each item the K most alike others by each kind of `mining`; precision@K is the share of them that are of its class,
averaged over items. Sets are mined among all memories, as in training; items without a label are not counted.
"""

from typing import get_args

from jaxtyping import Float32, Int64
from torch import Tensor

from seehear import metrics, mining

COUNTS = (1, 2, 4, 8, 16, 32)


def positive_sets(rows: dict[str, Float32[Tensor, "N D"]], labels: Int64[Tensor, "N"]) -> dict[str, float | None]:
    """Numbers "kind/p1", "kind/p2", ... "kind/p32", as many as there are others, and "kind/mean" over them.

    None where fewer than two items have a label.
    """
    counts = [count for count in COUNTS if count < len(labels)]
    numbers = dict[str, float | None]()
    for kind in get_args(mining.Kind):
        precision = metrics.precision_at_k(mining.positives(rows, kind, counts[-1]), labels).tolist()
        numbers |= _named(kind, [precision[count - 1] for count in counts], counts)
    return numbers


def chance(labels: Int64[Tensor, "N"]) -> dict[str, float | None]:
    """The same numbers for sets drawn at random: sum over classes of n_c (n_c - 1) / (n (n - 1)), for any K."""
    sizes = labels[labels >= 0].bincount().double()
    pairs = float(sizes.sum() * (sizes.sum() - 1))
    share = float((sizes * (sizes - 1)).sum()) / pairs if pairs else float("nan")
    counts = [count for count in COUNTS if count < len(labels)]
    return {
        name: one for kind in get_args(mining.Kind) for name, one in _named(kind, [share] * len(counts), counts).items()
    }


def _named(kind: str, values: list[float], counts: list[int]) -> dict[str, float | None]:
    values = [*values, sum(values) / len(values)]
    names = [*(f"{kind}/p{count}" for count in counts), f"{kind}/mean"]
    return {name: value if value == value else None for name, value in zip(names, values, strict=True)}
