# SPDX-License-Identifier: Apache-2.0
"""From a shelf of clips to batches of cut views; a sample is keyed by (seed, epoch, item id) and by nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from seehear.clip import Clip
from seehear.data.catalog import Clips
from seehear.errors import InputError

TOGETHER = 32
"""Clips that are read at once: one request instead of many, and no more memory than 32 packed clips take."""


@runtime_checkable
class Cutter(Protocol):
    """The half of a view that runs in the worker."""

    def cut(self, clip: Clip, generator: np.random.Generator) -> dict[str, np.ndarray]:
        """Small arrays of one clip."""


@dataclass(frozen=True)
class Cut:
    """A batch as it leaves the loader: item ids, labels, catalog rows, and the stacked arrays of every view."""

    items: Int64[Tensor, "B"]
    labels: Int64[Tensor, "B"]
    rows: Int64[Tensor, "B"]
    arrays: dict[str, Tensor]

    def to(self, device: torch.device) -> dict[str, Tensor]:
        """The arrays on a device."""
        return {name: array.to(device, non_blocking=True) for name, array in self.arrays.items()}


Sample = tuple[int, int, int, dict[str, np.ndarray]]
"""Item id, label, catalog row and cut arrays of one clip."""


class Samples(Dataset[Sample]):
    """Cut views by (epoch, row)."""

    def __init__(self, clips: Clips, views: Cutter, seed: int) -> None:
        self.clips, self.views, self.seed = clips, views, seed

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        return self._read([key])[0]

    def __getitems__(self, keys: list[tuple[int, int]]) -> list[Sample] | InputError:
        """The samples of a batch; torch's loader asks for whole batches where it finds this method.

        What is wrong with them is handed over: raised in a worker process it would come out with a traceback in it.
        """
        try:
            return self._read(keys)
        except InputError as error:
            return error

    def _read(self, keys: list[tuple[int, int]]) -> list[Sample]:
        made: list[Sample] = []
        for start in range(0, len(keys), TOGETHER):
            piece = keys[start : start + TOGETHER]
            for (epoch, row), clip in zip(piece, self.clips.open_all([row for _, row in piece]), strict=True):
                item, label = int(self.clips.catalog.items[row]), int(self.clips.catalog.labels[row])
                generator = np.random.default_rng([self.seed, epoch, item])
                made.append((item, label, row, self.views.cut(clip, generator)))
        return made


def collate(samples: list[Sample] | InputError) -> Cut | InputError:
    """Stack the samples of a batch; an error goes through."""
    if isinstance(samples, InputError):
        return samples
    items, labels, rows, arrays = zip(*samples, strict=True)
    stacked = {name: torch.from_numpy(np.stack([one[name] for one in arrays])) for name in arrays[0]}
    return Cut(torch.tensor(items), torch.tensor(labels), torch.tensor(rows), stacked)


class Loader:
    """Batches of a shelf, epoch by epoch, in an order drawn from (seed, epoch).

    `batch` is the number of clips of one step over all processes; `part` = (process, processes) takes the contiguous
    share of one process. When shuffling, the rest that does not fill a batch is left out of the epoch; in order, it is
    shared out too, and where processes do not divide it some of its clips come twice, that all shares be equal.
    Worker processes are spawned (the packed library is not safe to fork) and kept between epochs.
    """

    def __init__(
        self,
        clips: Clips,
        views: Cutter,
        batch: int = 32,
        seed: int = 0,
        workers: int = 0,
        shuffle: bool = False,
        part: tuple[int, int] = (0, 1),
    ) -> None:
        if batch % part[1]:
            raise InputError(f"expected a batch divisible by {part[1]} processes, got {batch}")
        if shuffle and len(clips) < batch:
            raise InputError(f"expected at least one batch of {batch} clips, got {len(clips)}: choose a smaller batch")
        self.clips, self.batch, self.seed, self.shuffle, self.part = clips, batch, seed, shuffle, part
        self.steps = len(clips) // batch if shuffle else -(-len(clips) // batch)
        self.keys: list[list[tuple[int, int]]] = []
        self.loader: DataLoader[Sample] = DataLoader(
            Samples(clips, views, seed),
            batch_sampler=self.keys,
            num_workers=workers,
            collate_fn=collate,
            multiprocessing_context="spawn" if workers else None,
            persistent_workers=workers > 0,
            prefetch_factor=4 if workers else None,
        )

    def epoch(self, epoch: int, skip: int = 0) -> Iterator[Cut]:
        """Batches `skip`, `skip + 1`, ... of one epoch; raises InputError for a clip that cannot be read or cut."""
        order = np.arange(len(self.clips))
        if self.shuffle:
            np.random.default_rng([self.seed, epoch]).shuffle(order)
        process, processes = self.part
        self.keys.clear()
        for step in range(skip, self.steps):
            rows = order[step * self.batch : (step + 1) * self.batch]
            share = -(-len(rows) // processes)
            rows = np.resize(rows, share * processes)[process * share : (process + 1) * share]
            self.keys.append([(epoch, int(row)) for row in rows])
        for cut in self.loader:
            if isinstance(cut, InputError):
                raise cut
            yield cut
