# SPDX-License-Identifier: Apache-2.0
"""Which items of a memory bank are alike: exact positives in blocks, and negatives that avoid them.

Letters: N items with unit rows v_i, a_i [D] of the two modalities, P positives and K negatives an item.
rho_ij says how alike items i and j are, by one of four kinds (thesis Eq. 2.7 and section 2.4.3):

    agreement  min(v_i . v_j, a_i . a_j)      video  v_i . v_j
    either     max(v_i . v_j, a_i . a_j)      audio  a_i . a_j
"""

from collections.abc import Mapping
from typing import Literal

import torch
from jaxtyping import Float32, Int32, Int64
from torch import Tensor

from seehear import dist

Kind = Literal["agreement", "video", "audio", "either"]

ROWS, TILE, COLUMNS, GROUP = 512, 1024, 65_536, 32
"""Items compared at once: products are made in tiles that stay in the cache and searched in stripes of at most 128 MiB,
whatever the bank; GROUP scores share a maximum."""


@torch.no_grad()
def positives(bank: Mapping[str, Float32[Tensor, "N D"]], kind: Kind, count: int) -> Int32[Tensor, "N P"]:
    """The P = `count` other items with the largest rho_ij, most alike first (Eq. 2.8, without i itself).

    Exact. Every process compares its share of the items; blocks lie alike however many processes there are, so that
    their number does not change the result. Raises ValueError unless 0 < P < N.
    """
    names = (kind,) if kind in ("video", "audio") else ("video", "audio")
    rows = [bank[name] for name in names]
    total = len(rows[0])
    if not 0 < count < total:
        raise ValueError(f"expected 1 to {total - 1} positives for {total} items, got {count}")
    process, processes = dist.part()
    blocks = -(-total // ROWS)
    share = -(-blocks // processes) * ROWS
    found = torch.zeros(share, count, dtype=torch.int32, device=rows[0].device)
    stripe = rows[0].new_empty(min(ROWS, total) * min(COLUMNS, total))
    for first in range(process * share, min((process + 1) * share, total), ROWS):
        block = _block(rows, kind, first, count, stripe)
        found[first - process * share :][: len(block)] = block
    return dist.gather(found)[:total]


def _block(rows: list[Tensor], kind: Kind, first: int, count: int, stripe: Tensor) -> Int64[Tensor, "R P"]:
    """The positives of the items from `first` on, stripe by stripe."""
    here = [one[first : first + ROWS] for one in rows]
    values = stripe.new_empty(len(here[0]), 0)
    places = values.long()
    for start in range(0, len(rows[0]), COLUMNS):
        there = [one[start : start + COLUMNS] for one in rows]
        scores = stripe[: len(here[0]) * len(there[0])].view(len(here[0]), len(there[0]))
        _score(here, there, kind, scores)
        scores.diagonal(first - start).fill_(-torch.inf)
        best, at = _largest(scores, count)
        values, order = torch.cat([values, best], 1).topk(min(count, values.shape[1] + best.shape[1]))
        places = torch.cat([places, at + start], 1).gather(1, order)
    return places


def _score(here: list[Tensor], there: list[Tensor], kind: Kind, scores: Float32[Tensor, "R C"]) -> None:
    """Write rho into `scores`, tile by tile."""
    tiles = [scores.new_empty(len(x) * min(TILE, scores.shape[1])) for x in here]
    for part, *columns in zip(scores.split(TILE, 1), *(y.split(TILE) for y in there), strict=True):
        dots = [
            torch.mm(x, y.mT, out=tile[: part.numel()].view(part.shape))
            for x, y, tile in zip(here, columns, tiles, strict=True)
        ]
        (torch.maximum if kind == "either" else torch.minimum)(dots[0], dots[-1], out=part)


def _largest(scores: Float32[Tensor, "R C"], count: int) -> tuple[Tensor, Tensor]:
    """The `count` largest of each row, and where they are.

    They lie in the `count` groups with the largest maxima, which are far fewer numbers to search than all.
    """
    height, width = scores.shape
    if width % GROUP or width <= 2 * GROUP * count:
        return scores.topk(min(count, width))
    groups = scores.view(-1, GROUP)
    chosen = groups.amax(1).view(height, -1).topk(count, sorted=False).indices
    firsts = torch.arange(0, len(groups), width // GROUP, device=scores.device)
    kept = groups.index_select(0, (chosen + firsts[:, None]).flatten()).view(height, -1)
    values, at = kept.topk(count)
    return values, chosen.gather(1, at // GROUP) * GROUP + at % GROUP


def negatives(
    avoided: Int64[Tensor, "B A"], total: int, count: int, generator: torch.Generator
) -> Int64[Tensor, "B K"]:
    """`count` numbers below `total` for each row, uniform over those not `avoided`, drawn with replacement.

    The avoided numbers of a row must differ from one another.
    """
    kept = total - avoided.shape[1]
    drawn = torch.randint(kept, (len(avoided), count), generator=generator).to(avoided.device)
    # The r-th kept number is r plus how many avoided ones lie below it: those with e_j - j <= r, e sorted.
    below = avoided.sort(1).values - torch.arange(avoided.shape[1], device=avoided.device)
    return drawn + torch.searchsorted(below, drawn, right=True)
