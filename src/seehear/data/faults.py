# SPDX-License-Identifier: Apache-2.0
"""Faulty positives with known truth: some training clips are heard with the sound of another one (thesis 3.5.2).

Of the N clips of a split, the round(fraction N) whose draw by (seed, item id) is lowest are faulty. Listed recording by
recording, their sounds move on by as many places as the recording with most faulty clips has: no faulty clip keeps a
sound of its own recording, and every sound is still heard once. The thesis takes sounds from outside the training set;
here nothing but the pairing sets faulty clips apart.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from seehear.clip import Clip
from seehear.data.catalog import Catalog, Clips
from seehear.errors import InputError


@dataclass(frozen=True)
class FaultyCatalog(Catalog):
    """A catalog with the truth columns "faulty" (bool) and "sound_item" (the id of the clip whose sound is heard).

    Other columns go on describing the clip whose pictures are seen.
    """

    @property
    def hash(self) -> str:
        """As without faults when no clip is faulty, otherwise a hash over who is heard with whose sound as well."""
        plain = super().hash
        pairs = zip(self.items.tolist(), self.truth["sound_item"], self.truth["faulty"], strict=True)
        moved = sorted((item, sound) for item, sound, faulty in pairs if faulty)
        return hashlib.sha256(repr((plain, moved)).encode()).hexdigest()[:12] if moved else plain

    def take(self, rows: Sequence[int] | Int64[np.ndarray, "M"]) -> "FaultyCatalog":
        return FaultyCatalog(**vars(super().take(rows)))


class Dubbed(Clip):
    """The pictures of one clip with the sound of another, as long as the shorter of the two."""

    def __init__(self, pictures: Clip, sound: Clip) -> None:
        self.pictures, self.heard = pictures, sound
        self.item, self.label, self.source = pictures.item, pictures.label, pictures.source
        self.duration, self.layout = min(pictures.duration, sound.duration), sound.layout

    def frames(self, start: float, count: int, fps: float) -> UInt8[np.ndarray, "T H W 3"]:
        return self.pictures.frames(start, count, fps)

    def sound(self, start: float, duration: float, rate: int) -> Float32[np.ndarray, "C N"]:
        return self.heard.sound(start, duration, rate)


class FaultyClips(Clips):
    """A shelf whose row `row` is heard with the sound of row `donors[row]`; rows without a donor are left as they are.

    `inject` makes one.
    """

    def __init__(self, clips: Clips, donors: dict[int, int]) -> None:
        self.clips, self.donors = clips, donors
        there = clips.catalog
        heard = np.arange(len(there))
        heard[list(donors)] = list(donors.values())
        truth = {
            "faulty": tuple(row in donors for row in range(len(there))),
            "sound_item": tuple(there.items[heard].tolist()),
        }
        shorter = np.minimum(there.durations, there.durations[heard])
        self.catalog = FaultyCatalog(**vars(replace(there, durations=shorter, truth=there.truth | truth)))

    def open(self, row: int) -> Clip:
        clip = self.clips.open(row)
        return Dubbed(clip, self.clips.open(self.donors[row])) if row in self.donors else clip

    def open_all(self, rows: Sequence[int]) -> list[Clip]:
        dubbed = [row for row in rows if row in self.donors]
        opened = self.clips.open_all([*rows, *(self.donors[row] for row in dubbed)])
        sounds = iter(opened[len(rows) :])
        return [
            Dubbed(clip, next(sounds)) if row in self.donors else clip
            for row, clip in zip(rows, opened[: len(rows)], strict=True)
        ]


def inject(clips: Clips, fraction: float, seed: int = 0, split: str = "train") -> Clips:
    """The same shelf in which `fraction` of the clips of a split are faulty; with fraction 0 the shelf itself.

    Raises InputError for a fraction outside [0, 1), for a split that is there to measure with, and for too few clips.
    """
    if not 0 <= fraction < 1:
        raise InputError(f"expected a fraction of faulty clips in [0, 1), got {fraction:g}")
    if split in ("validation", "val", "test"):
        raise InputError(f"expected faulty clips in a split to learn from, got {split}: that one measures")
    if fraction == 0:
        return clips
    rows = [row for row, name in enumerate(clips.catalog.splits) if name == split]
    count = round(fraction * len(rows))
    if count < 2:
        raise InputError(
            f"expected at least 2 faulty clips, {fraction:g} of {len(rows)} {split} clips makes {count}: "
            "choose a larger fraction or more clips"
        )
    return FaultyClips(clips, _donors(clips.catalog, rows, count, seed))


def _donors(catalog: Catalog, rows: list[int], count: int, seed: int) -> dict[int, int]:
    """Faulty rows, and the row whose sound each is heard with."""
    items = catalog.items.tolist()
    draws = {row: (np.random.default_rng([seed, items[row]]).random(), items[row]) for row in rows}
    recordings: dict[str, list[int]] = {}
    for row in sorted(rows, key=draws.__getitem__)[:count]:
        recordings.setdefault(catalog.sources[row], []).append(row)
    most = max(map(len, recordings.values()))
    if 2 * most > count:
        raise InputError(
            f"expected no recording with more than half of the {count} faulty clips, found one with {most}: "
            "choose a larger fraction or more recordings"
        )
    order = [row for recording in recordings.values() for row in recording]
    return dict(zip(order, order[most:] + order[:most], strict=True))
