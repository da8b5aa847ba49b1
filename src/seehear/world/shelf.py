# SPDX-License-Identifier: Apache-2.0
"""The world in memory: a shelf of clips that are rendered when they are opened, for training without any file."""

from typing import Any

import numpy as np

from seehear.data.catalog import ArrayClip, Catalog, Clips
from seehear.world.classes import CLASSES
from seehear.world.plan import AnyPlan, Plan
from seehear.world.render import Recording


class World(Clips):
    """The scenes of a plan by row, rendered lazily; with `cache` each is kept (uint8 frames, float32 sound) once made.

    Without a plan: 600 training, 100 validation and 200 test scenes of `seed`. The catalog carries the truth of every
    scene; opening needs no file and draws nothing at random.
    """

    def __init__(self, plan: AnyPlan[Any] | None = None, seed: int = 0, cache: bool = True) -> None:
        self.plan: AnyPlan[Any] = plan or Plan.of(900, seed)
        self.cache, self.kept = cache, dict[int, Recording]()
        self.scenes = self.plan.draw()
        self.catalog = world_catalog(self.plan)

    def open(self, row: int) -> ArrayClip:
        recording = self.kept.get(row) or self.plan.record(self.scenes[row])
        if self.cache:
            self.kept[row] = recording
        shot, catalog = recording.shot, self.catalog
        return ArrayClip(
            recording.frames,
            shot.fps,
            recording.sound,
            shot.rate,
            item=int(catalog.items[row]),
            label=int(catalog.labels[row]),
            source=catalog.sources[row],
        )

    def __getstate__(self) -> dict[str, Any]:
        # A worker process renders its own rather than receive gigabytes.
        return {**vars(self), "kept": {}}


def world_catalog(plan: AnyPlan[Any]) -> Catalog:
    """One row a scene; items are numbered from 0, and each scene is its own source."""
    rows = [plan.truth(scene) for scene in plan.draw()]
    columns = {name: tuple(row[name] for row in rows) for name in rows[0] if name not in ("label", "split")}
    return Catalog(
        items=np.arange(len(rows)),
        durations=np.full(len(rows), plan.duration),
        labels=np.array([CLASSES.index(str(row["label"])) for row in rows], dtype=np.int64),
        sources=tuple(f"{row['split']}-{row['scene']:08d}" for row in rows),
        splits=tuple(str(row["split"]) for row in rows),
        classes=CLASSES,
        truth=columns,
    )
