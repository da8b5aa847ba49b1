# SPDX-License-Identifier: Apache-2.0
"""Nearest neighbours to look at: queries drawn at random (never by how well they do), and pictures of what was found.

Stored with the run, so that the report needs neither the data nor the encoders.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, Int64, UInt8
from torch import Tensor
from torch.nn import functional

from seehear import atomic
from seehear.data.catalog import Clips
from seehear.evals.features import Extracted
from seehear.views import AudioVisual

SIDE = 112
RANGE = 70.0
"""Decibels below the loudest spot that a drawn spectrogram still shows."""


@dataclass(frozen=True)
class Neighbours:
    """Test clips by row: `queries`, the `nearest` in the other modality, the rank of the own one `among` how many."""

    queries: Int64[np.ndarray, "Q"]
    nearest: Int64[np.ndarray, "Q K"]
    own_rank: Int64[np.ndarray, "Q"]
    among: Int64[np.ndarray, "Q"]


def choose(test: Extracted, generator: torch.Generator, count: int = 6) -> Int64[np.ndarray, "Q"]:
    """Rows of `count` clips in random order, of different classes (of different recordings without labels)."""
    kinds = test.labels if bool((test.labels >= 0).any()) else test.sources
    chosen: dict[int, int] = {}
    for row in torch.randperm(len(kinds), generator=generator).tolist():
        chosen.setdefault(int(kinds[row]), row)
    return np.asarray(list(chosen.values())[:count], dtype=np.int64)


def search(
    test: Extracted, queries: Int64[np.ndarray, "Q"], query: str, answer: str, count: int = 4
) -> Neighbours | None:
    """For each query clip's modality `query`, the clips of the most similar `answer`; None without embeddings.

    Other clips of the query's recording are left out, as in the retrieval protocol.
    """
    ask, given = test.embedding(query), test.embedding(answer)
    if ask is None or given is None:
        return None
    similarity = _unit(ask)[queries] @ _unit(given).T
    own = torch.from_numpy(queries)[:, None] == torch.arange(len(given))
    other = (test.sources[queries][:, None] == test.sources) & ~own
    similarity = similarity.masked_fill(other, -2.0)
    nearest = similarity.topk(min(count, len(given)), dim=1).indices
    # Ties count against it: where all embeddings are equal its own comes last.
    rank = (similarity >= similarity[own][:, None]).sum(1)
    return Neighbours(queries, nearest.numpy(), rank.numpy(), (~other).sum(1).numpy())


def _unit(embedding: Float32[Tensor, "N M D"]) -> Float32[Tensor, "N D"]:
    return functional.normalize(embedding.mean(1), dim=1)


def keep(path: Path, test: Extracted, shelf: Clips, views: AudioVisual, generator: torch.Generator) -> None:
    """Store neighbours in both directions, with a picture and a spectrogram of every clip that takes part.

    `shelf` holds the same clips as `test`, row by row.
    """
    queries = choose(test, generator)
    arrays: dict[str, np.ndarray] = {"queries": queries}
    shown = [queries]
    for query, answer in (("video", "audio"), ("audio", "video")):
        found = search(test, queries, query, answer)
        if found is not None:
            arrays[f"{query}_nearest"], arrays[f"{query}_rank"] = found.nearest, found.own_rank
            arrays[f"{query}_among"] = found.among
            shown.append(found.nearest.ravel())
    rows = np.unique(np.concatenate(shown))
    drawn = [draw(shelf, int(row), views.for_workers()) for row in rows]
    arrays |= {"rows": rows, "items": test.catalog.items[rows]}
    arrays |= {"pictures": np.stack([p for p, _ in drawn]), "sounds": np.stack([s for _, s in drawn])}
    with atomic.replacing(path) as temporary:
        np.savez_compressed(temporary, allow_pickle=False, **arrays)


def draw(shelf: Clips, row: int, views: AudioVisual) -> tuple[UInt8[np.ndarray, "S S 3"], UInt8[np.ndarray, "F T"]]:
    """The picture in the middle of a clip and the spectrogram around it: 0 quiet .. 255 loud, low notes below."""
    middle = replace(views, size=SIDE, count=1).at(0.5)
    cut = middle.cut(shelf.open(row), np.random.default_rng(0))
    level = views.front.decibel(torch.from_numpy(cut["samples"])[None, None].float() / 32767)[0, 0]
    level = ((level - level.max()) / RANGE + 1).clamp(0, 1)
    return cut["pixels"][0], (level.T.flip(0) * 255).byte().numpy()
