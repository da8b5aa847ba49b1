# SPDX-License-Identifier: Apache-2.0
"""How well the sound of each clip belongs to its pictures, by the memories of a run or, without one, by its encoders.

    c_i = m^v_i . m^a_i         of memories; of clips without one v_i . a_i, embeddings averaged over windows
    s_i = (c_i - mu) / sigma    what the sample weight of thesis Eq. 3.6 is a function of

Memories and embeddings are not alike (encoders know the clips they were trained on), so that mu and sigma are taken
over the clips that were measured likewise. Where these are few, clips with a memory are embedded for comparison.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Float64
from torch import Tensor
from torch.nn import functional

from seehear import checkpoint
from seehear.checkpoint import Model
from seehear.data.catalog import Catalog, Clips, Selected
from seehear.errors import InputError
from seehear.evals.features import EMBEDDING, describer, stream
from seehear.evals.memories import Memories

ENOUGH = 100
"""Clips that mu and sigma are taken over, if there are as many."""


@dataclass(frozen=True)
class Agreement:
    """Cosine c and standardised score s of every clip of `catalog`; `remembered` says which have a memory."""

    catalog: Catalog
    cosine: Float64[np.ndarray, "N"]
    score: Float64[np.ndarray, "N"]
    remembered: Bool[np.ndarray, "N"]

    @property
    def order(self) -> list[int]:
        """Rows from the least to the most agreement, equal ones by item id."""
        return np.lexsort((self.catalog.items, self.score)).tolist()


def agreement(
    folder: Path,
    shelf: Clips,
    known: Memories | None,
    which: str = "last",
    count: int = 4,
    device: str = "cpu",
    batch: int = 64,
    workers: int = 0,
    quiet: bool = False,
) -> Agreement:
    """The agreement of every clip of a shelf; `count` windows are embedded of each that has no memory."""
    catalog = shelf.catalog
    cosine, score = np.zeros(len(catalog)), np.zeros(len(catalog))
    remembered = np.zeros(len(catalog), dtype=np.bool_)
    if known is not None:
        remembered = np.isin(catalog.items, known.catalog.items)
        rows = {item: row for row, item in enumerate(known.catalog.items.tolist())}
        place = [rows[item] for item in catalog.items[remembered].tolist()]
        cosine[remembered] = dots(known.rows).numpy()[place]
        score[remembered] = standardise(cosine[remembered], cosine[remembered])
    unknown, others = np.flatnonzero(~remembered), np.flatnonzero(remembered)
    if len(unknown):
        beside = others[np.linspace(0, len(others) - 1, min(len(others), max(ENOUGH - len(unknown), 0))).astype(int)]
        clips = Selected(shelf, np.concatenate([unknown, beside]))
        models = {"trained": checkpoint.load(folder, which)}
        found = dots(embeddings(models, clips, count, device, batch, workers, quiet)["trained"]).numpy()
        cosine[unknown] = found[: len(unknown)]
        score[unknown] = standardise(cosine[unknown], found)
    return Agreement(catalog, cosine, score, remembered)


def embeddings(
    models: dict[str, Model], shelf: Clips, count: int, device: str, batch: int, workers: int, quiet: bool
) -> dict[str, dict[str, Float32[Tensor, "N D"]]]:
    """Unit embeddings of every clip by model and modality, averaged over the same `count` windows.

    Raises InputError for a model without heads.
    """
    first = next(iter(models.values()))
    if set(first.heads) != {"video", "audio"}:
        raise InputError("expected encoders with a space that pictures and sounds share, these have none: train first")
    kept: dict[str, dict[str, list[Tensor]]] = {name: {"video": [], "audio": []} for name in models}
    describe = {name: describer(model.to(device).eval()) for name, model in models.items()}
    for said in stream(describe, first.views, shelf, count, device, batch, workers, quiet):
        for name, parts in kept.items():
            for modality, part in parts.items():
                if (embedding := said[name].get(f"{modality}/{EMBEDDING}")) is None:
                    raise InputError(
                        f"expected clips with pictures and sound to compare, found some without {modality}"
                    )
                part.append(functional.normalize(embedding.mean(1), dim=1))
    return {name: {modality: torch.cat(part) for modality, part in parts.items()} for name, parts in kept.items()}


def dots(rows: dict[str, Float32[Tensor, "N D"]]) -> Float64[Tensor, "N"]:
    """v_i . a_i."""
    return torch.linalg.vecdot(rows["video"].double(), rows["audio"].double())


def standardise(
    cosine: Float[np.ndarray, "N"], among: Float[np.ndarray, "M"], least: float = 1e-6
) -> Float[np.ndarray, "N"]:
    """(c - mu) / sigma with mean and standard deviation of `among`; 0 where all of these are equal."""
    return (cosine - among.mean()) / max(float(among.std()), least)
