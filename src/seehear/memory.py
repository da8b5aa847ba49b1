# SPDX-License-Identifier: Apache-2.0
"""Embeddings that outlive their step, the targets of instance discrimination.

A Bank keeps one unit vector m [D] per item and modality; after a step with embedding z of item i

    m_i <- (mu m_i + (1 - mu) z) / |mu m_i + (1 - mu) z|,   mu = .5 in the papers (thesis 2.3.3).

A Queue keeps the latest S embeddings as they were, first in first out (He et al., CVPR 2020).
Rows belong to item ids of the catalog, never to positions, so that a bank survives an edited data set.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor, nn

from seehear import dist

CHUNK = 1 << 17
"""Numbers gathered at once when scoring: 512 KiB of float32 stay in the cache until they are multiplied. A GPU, which
would wait for its orders meanwhile, gathers 512 times as many (256 MiB)."""


class _Scores(torch.autograd.Function):
    """x_b . rows[index_bk] without ever holding the gathered rows [B, K, D]; the rows get no gradient."""

    @staticmethod
    def forward(context: Any, x: Tensor, rows: Tensor, index: Tensor) -> Tensor:
        context.save_for_backward(rows, index)
        scores = x.new_empty(index.shape)
        chunk = CHUNK if rows.device.type == "cpu" else 512 * CHUNK
        share = max(chunk // (index.shape[1] * rows.shape[1]), 1)
        for one, picked, anchor in zip(scores.split(share), index.split(share), x.split(share), strict=True):
            gathered = rows.index_select(0, picked.reshape(-1)).view(*picked.shape, -1)
            one.copy_(torch.bmm(gathered, anchor[:, :, None])[:, :, 0])
        return scores

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        rows, index = context.saved_tensors
        weights = gradients[0].contiguous()
        # A weighted bag of embeddings is exactly sum_k g_bk rows[index_bk], and gathers nothing.
        return nn.functional.embedding_bag(index, rows, per_sample_weights=weights, mode="sum"), None, None


class Bank(nn.Module):
    """One unit vector [D] per item and modality; `items` are the ids it has rows for.

    Rows start as normalised Gaussian noise drawn from `seed`. Every process holds all rows and writes the same values.
    """

    items: Tensor

    def __init__(
        self,
        items: Int64[np.ndarray, "N"],
        dimension: int = 128,
        names: Sequence[str] = ("video", "audio"),
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.register_buffer("items", torch.from_numpy(np.sort(items)))
        if len(items) < 2 or (self.items[1:] == self.items[:-1]).any():
            raise ValueError(f"expected at least two items with ids of their own, got {len(items)} ids")
        generator = torch.Generator().manual_seed(seed)
        for name in names:
            rows = torch.empty(len(items), dimension).normal_(generator=generator)
            for piece in rows.split(max(32 * CHUNK // dimension, 1)):
                piece /= piece.norm(dim=1, keepdim=True)
            self.register_buffer(name, rows)

    def __len__(self) -> int:
        return len(self.items)

    def position(self, items: Int64[Tensor, "B"]) -> Int64[Tensor, "B"]:
        """Row numbers of item ids; raises ValueError for an id without a row."""
        rows = torch.searchsorted(self.items, items).clamp(max=len(self) - 1)
        if not torch.equal(self.items[rows], items):
            raise ValueError("an item has no row in the memory bank: the bank was made for other data")
        return rows

    def negatives(self, own: Int64[Tensor, "B"], count: int, generator: torch.Generator) -> Int64[Tensor, "B K"]:
        """`count` row numbers for each own row, uniform over all other rows, drawn with replacement."""
        drawn = torch.randint(len(self) - 1, (len(own), count), generator=generator).to(own.device)
        return drawn + (drawn >= own[:, None])

    def scores(self, name: str, x: Float32[Tensor, "B D"], index: Int64[Tensor, "B K"]) -> Float32[Tensor, "B K"]:
        """x_b . m_i for the rows i = index[b]; gradients reach x only."""
        rows = getattr(self, name)
        if len(self) <= 4 * index.shape[1]:
            # For a small bank one matrix product with every row is cheaper than gathering.
            return (x @ rows.mT).gather(1, index)
        return _Scores.apply(x, rows, index)

    @torch.no_grad()
    def update(self, name: str, items: Int64[Tensor, "B"], z: Float[Tensor, "B D"], momentum: float = 0.5) -> None:
        """Move the rows of these items towards their embeddings; an item met twice moves to the mean of the two."""
        rows = getattr(self, name)
        shared, everyone = dist.gather(z.float()), dist.gather(items)
        unique, inverse = self.position(everyone).unique(return_inverse=True)
        total = torch.zeros(len(unique), z.shape[1], device=z.device).index_add_(0, inverse, shared)
        fresh = total / inverse.bincount()[:, None]
        rows[unique] = nn.functional.normalize(momentum * rows[unique] + (1 - momentum) * fresh, dim=1)

    @torch.no_grad()
    def adopt(self, items: Int64[Tensor, "M"], rows: dict[str, Float32[Tensor, "M D"]]) -> tuple[int, int]:
        """Take over the rows of another bank by item id; return how many items are new here and how many are gone."""
        shared = torch.isin(items, self.items)
        where = self.position(items[shared])
        for name, others in rows.items():
            getattr(self, name)[where] = others[shared]
        return len(self) - int(shared.sum()), int((~shared).sum())


class Queue(nn.Module):
    """The latest embeddings [size, D] of every modality with their item ids; the oldest make room for new ones.

    Every process holds and writes the same. Raises ValueError for a size below 1.
    """

    items: Tensor
    written: Tensor

    def __init__(self, size: int, dimension: int = 128, names: Sequence[str] = ("video", "audio")) -> None:
        super().__init__()
        if size < 1:
            raise ValueError(f"expected a queue of at least one place, got {size}")
        self.register_buffer("items", torch.zeros(size, dtype=torch.int64))
        self.register_buffer("written", torch.zeros((), dtype=torch.int64))
        for name in names:
            self.register_buffer(name, torch.zeros(size, dimension))

    def __len__(self) -> int:
        return len(self.items)

    def latest(self, name: str) -> tuple[Int64[Tensor, "S"], Float32[Tensor, "S D"]]:
        """Item ids and embeddings of the places written so far."""
        filled = min(int(self.written), len(self))
        return self.items[:filled], self.get_buffer(name)[:filled]

    @torch.no_grad()
    def push(self, items: Int64[Tensor, "B"], embeddings: dict[str, Float[Tensor, "B D"]]) -> None:
        """Add the embeddings of all processes, in process order; of more than there is room for, the last."""
        everyone = dist.gather(items)[-len(self) :]
        skipped = len(items) * dist.part()[1] - len(everyone)
        places = (self.written + skipped + torch.arange(len(everyone), device=items.device)) % len(self)
        self.items[places] = everyone
        for name, z in embeddings.items():
            getattr(self, name)[places] = dist.gather(z.float())[-len(self) :]
        self.written += skipped + len(everyone)
