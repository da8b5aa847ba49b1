# SPDX-License-Identifier: Apache-2.0
"""What encoders say about a shelf: every block and the head's embedding of M windows of each clip, encoders frozen.

Blocks are probed as in AVID-CMA (2021, sec. 5): the maximum over time, then an adaptive maximum over a grid of g x g
cells, g = floor(sqrt(limit / channels)), never finer than the map. A limit of 9216 (`PAPER_LIMIT`) gives the paper's
grids 12, 8, 6 and 4 at width 64. The limit of 1 gives one cell, so that every block is pooled as the encoder pools its
last one: with few clips a fine grid makes even random early blocks a good matcher of templates (docs/log.md).
The last block before it is pooled can be kept as well, as a "map" of at most `PAPER_LIMIT` numbers a window: 512
channels on the thesis' grid of 4 x 4 (sec. 3.5.1). Only protocols that ask for maps pay for them.
Names of features are "modality/block", such as "video/conv1", "audio/pool", "audio/map" and "audio/embedding".
Clips without pictures, or without sound, are described by the other modality alone.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import isqrt

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor
from torch.nn import functional

from seehear import progress
from seehear.checkpoint import Model
from seehear.clip import Clip
from seehear.data.catalog import Catalog, Clips
from seehear.data.loader import Loader
from seehear.errors import InputError
from seehear.views import AudioVisual

EMBEDDING, MAP = "embedding", "map"
PAPER_LIMIT = 9216
Describe = Callable[[dict[str, Tensor]], dict[str, Tensor]]
"""Finished views of B windows -> features [B, D] by name."""


@dataclass(frozen=True)
class Extracted:
    """Features [N, M, D] by name, of M windows of each of the N clips of `catalog`, in its order."""

    features: dict[str, Float32[Tensor, "N M D"]]
    catalog: Catalog

    @property
    def labels(self) -> Int64[Tensor, "N"]:
        """Class indices, -1 when unknown."""
        return torch.from_numpy(self.catalog.labels)

    @property
    def sources(self) -> Int64[Tensor, "N"]:
        """The recordings of the clips, numbered."""
        return torch.from_numpy(np.unique(self.catalog.recordings, return_inverse=True)[1])

    @property
    def modalities(self) -> list[str]:
        """The modalities described, in order of first appearance."""
        return list(dict.fromkeys(name.split("/")[0] for name in self.features))

    def blocks(self, modality: str) -> dict[str, Float32[Tensor, "N M D"]]:
        """The blocks of one modality, from the first to the last, without the map and the embedding."""
        split = ((name.split("/"), value) for name, value in self.features.items())
        return {block: value for (owner, block), value in split if owner == modality and block not in (MAP, EMBEDDING)}

    def last(self, modality: str) -> Float32[Tensor, "N M D"]:
        """The last block, pooled."""
        return list(self.blocks(modality).values())[-1]

    def map(self, modality: str) -> Float32[Tensor, "N M D"]:
        """The last block before it is pooled; pooled, where no map was kept (plain statistics have none)."""
        return self.features.get(f"{modality}/{MAP}", self.last(modality))

    def averaged(self, modality: str) -> Float32[Tensor, "N D"]:
        """Unit vectors: the last block, averaged over the windows of a clip."""
        return functional.normalize(self.last(modality).mean(1), dim=1)

    def labelled(self) -> "Extracted":
        """Only the clips whose class is known."""
        return self.take(np.flatnonzero(self.catalog.labels >= 0))

    def take(self, rows: Int64[np.ndarray, "K"]) -> "Extracted":
        """Only these clips."""
        index = torch.from_numpy(rows)
        return Extracted({name: value[index] for name, value in self.features.items()}, self.catalog.take(rows))

    def join(self, other: "Extracted") -> "Extracted":
        """These clips, then the others."""
        both = {name: torch.cat([value, other.features[name]]) for name, value in self.features.items()}
        return Extracted(both, self.catalog.join(other.catalog))

    def embedding(self, modality: str) -> Float32[Tensor, "N M D"] | None:
        """Unit vectors of the modality's head, or None for a model without heads."""
        return self.features.get(f"{modality}/{EMBEDDING}")


@dataclass(frozen=True)
class Windows:
    """Cuts M = `count` windows of a clip at the fractions (m + .5) / M, stacked as [M, ...]; nothing is random."""

    views: AudioVisual
    count: int

    def cut(self, clip: Clip, generator: np.random.Generator) -> dict[str, np.ndarray]:
        pieces = [self.views.at((m + 0.5) / self.count).cut(clip, generator) for m in range(self.count)]
        return {name: np.stack([piece[name] for piece in pieces]) for name in pieces[0]}


def extract(
    model: Model,
    clips: Clips,
    count: int = 10,
    device: str = "cpu",
    batch: int = 32,
    workers: int = 0,
    quiet: bool = False,
    limit: int = 1,
    maps: bool = False,
) -> Extracted:
    """Features of `count` windows of every clip; `limit` and `maps` as in `describer`. The model is left untouched."""
    describe = {"model": describer(model, limit, maps)}
    with frozen(model, device):
        return extract_all(describe, model.views, clips, count, device, batch, workers, quiet)["model"]


def extract_all(
    describe: dict[str, Describe],
    views: AudioVisual,
    clips: Clips,
    count: int = 10,
    device: str = "cpu",
    batch: int = 32,
    workers: int = 0,
    quiet: bool = False,
) -> dict[str, Extracted]:
    """Several descriptions of the very same windows, each clip read once; `batch` counts windows."""
    parts: dict[str, dict[str, list[Tensor]]] = {name: {} for name in describe}
    for said in stream(describe, views, clips, count, device, batch, workers, quiet):
        for name, features in said.items():
            for key, value in features.items():
                parts[name].setdefault(key, []).append(value)
    joined = {name: {key: torch.cat(values) for key, values in part.items()} for name, part in parts.items()}
    return {name: Extracted(features, clips.catalog) for name, features in joined.items()}


def stream(
    describe: dict[str, Describe],
    views: AudioVisual,
    clips: Clips,
    count: int,
    device: str,
    batch: int,
    workers: int,
    quiet: bool,
) -> Iterator[dict[str, dict[str, Float32[Tensor, "B M D"]]]]:
    """Features of one batch of clips after the other, in the order of the catalog.

    Raises InputError for features that are not finite, for less than one window, and when there is no modality that all
    clips have.
    """
    if count < 1:
        raise InputError(f"expected at least one window of each clip, got {count}")
    views = views.only(*(modality for modality in views.modalities if modality in clips.catalog.modalities))
    if not views.modalities:
        raise InputError("expected clips that all have pictures or all have sound, found both kinds: select one kind")
    loader = Loader(clips, Windows(views.for_workers(), count), batch=max(1, batch // count), workers=workers)
    finish = views.at(0.5).finish
    with progress.bar("describe", len(clips), quiet) as bar:
        for cut in loader.epoch(0):
            flat = {name: array.flatten(0, 1) for name, array in cut.to(torch.device(device)).items()}
            with torch.no_grad():
                finished = finish(flat)
                said = {name: function(finished) for name, function in describe.items()}
            for key, value in ((key, value) for features in said.values() for key, value in features.items()):
                if not bool(value.isfinite().all()):
                    raise InputError(f"expected finite features, {key} is not: training diverged, train again")
            yield {
                name: {key: value.unflatten(0, (-1, count)).cpu() for key, value in features.items()}
                for name, features in said.items()
            }
            bar.advance(len(cut.rows))


def describer(model: Model, limit: int = 1, maps: bool = False) -> Describe:
    """The function that runs the encoders of finished views and their heads; `maps` keeps the last block unpooled."""

    def describe(views: dict[str, Tensor]) -> dict[str, Tensor]:
        out = {}
        for modality, encoder in model.encoders.items():
            if modality not in views:
                continue
            said = encoder(views[modality])
            for block, value in said.blocks.items():
                out[f"{modality}/{block}"] = shrink(value, limit)
            if maps:
                unpooled = [value for value in said.blocks.values() if value.ndim > 2]
                out[f"{modality}/{MAP}"] = shrink(unpooled[-1], PAPER_LIMIT)
            if modality in model.heads:
                out[f"{modality}/{EMBEDDING}"] = functional.normalize(model.heads[modality](said.pooled), dim=1)
        return out

    return describe


def shrink(block: Float[Tensor, "B C ..."], limit: int) -> Float[Tensor, "B D"]:
    """Maximum over time, then over a grid of at most limit / C cells; D = C g g."""
    if block.ndim == 2:
        return block
    maps = block.amax(2) if block.ndim == 5 else block
    side = max(1, isqrt(limit // maps.shape[1]))
    grid = (min(side, maps.shape[2]), min(side, maps.shape[3]))
    return functional.adaptive_max_pool2d(maps, grid).flatten(1)


@contextmanager
def frozen(model: Model, device: str = "cpu") -> Iterator[None]:
    """Hold a model in evaluation mode on `device`: no dropout, batch norm on its stored statistics, which stay as is.

    The published probes switch the whole network back to training mode, so that their "frozen" statistics drift.
    """
    modes = {module: module.training for module in model.modules()}
    try:
        model.to(device).eval()
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


@dataclass(frozen=True)
class Splits:
    """Features of the clips to fit on, to choose settings on, and to measure on."""

    train: Extracted
    validation: Extracted
    test: Extracted

    def labelled(self) -> "Splits | None":
        """Only the clips whose class is known; None when a part has none."""
        parts = {name: part.labelled() for name, part in vars(self).items()}
        return Splits(**parts) if all(len(part.catalog) for part in parts.values()) else None
