# SPDX-License-Identifier: Apache-2.0
"""What there is: a table of clips by stable item id, and the shelf that opens them."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, UInt8

from seehear.clip import Clip
from seehear.errors import InputError
from seehear.signal.resample import resample


@dataclass(frozen=True)
class Catalog:
    """One row a clip: id, length in s, class index (-1 when unknown), recording it was cut from, split.

    `truth` holds further columns (such as "voice_over" of the procedural world), each with one entry a clip. Two of
    them mean something here: "modalities", what a clip has, and "recording", of which several files may be parts.
    """

    items: Int64[np.ndarray, "N"]
    durations: Float64[np.ndarray, "N"]
    labels: Int64[np.ndarray, "N"]
    sources: tuple[str, ...]
    splits: tuple[str, ...]
    classes: tuple[str, ...]
    truth: dict[str, tuple[object, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.items)

    @property
    def modalities(self) -> tuple[str, ...]:
        """Which of "video" and "audio" every clip has; both where the table does not say."""
        return tuple(name for name in ("video", "audio") if self.have(name).all())

    def have(self, modality: str) -> Bool[np.ndarray, "N"]:
        """Which clips have "video" or "audio"; all where the table does not say."""
        known = self.truth.get("modalities", (modality,) * len(self))
        return np.array([modality in has for has in known], dtype=bool)  # type: ignore[operator]

    @property
    def recordings(self) -> tuple[str, ...]:
        """The recording each clip is a part of: what must never be on both sides of a split."""
        named = self.truth.get("recording", (None,) * len(self))
        return tuple(source if one is None else str(one) for one, source in zip(named, self.sources, strict=True))

    @property
    def hash(self) -> str:
        """Twelve hexadecimal digits of SHA-256 over ids, sources, labels and splits: what results are compared by."""
        rows = zip(self.items.tolist(), self.sources, self.labels.tolist(), self.splits, strict=True)
        return hashlib.sha256(repr((sorted(rows), self.classes)).encode()).hexdigest()[:12]

    def take(self, rows: Sequence[int] | Int64[np.ndarray, "M"]) -> "Catalog":
        """The same table with only these rows, in this order."""
        index = np.asarray(rows, dtype=np.int64)
        pick = index.tolist()
        return Catalog(
            self.items[index],
            self.durations[index],
            self.labels[index],
            tuple(self.sources[i] for i in pick),
            tuple(self.splits[i] for i in pick),
            self.classes,
            {name: tuple(column[i] for i in pick) for name, column in self.truth.items()},
        )

    def join(self, other: "Catalog") -> "Catalog":
        """These rows, then those of another part of the same table."""
        return Catalog(
            np.concatenate([self.items, other.items]),
            np.concatenate([self.durations, other.durations]),
            np.concatenate([self.labels, other.labels]),
            self.sources + other.sources,
            self.splits + other.splits,
            self.classes,
            {name: column + other.truth[name] for name, column in self.truth.items()},
        )


class Clips(ABC):
    """A shelf of clips: the catalog, and `open` to read one. Shelves are picklable and open their files lazily."""

    catalog: Catalog

    @abstractmethod
    def open(self, row: int) -> Clip:
        """Open the clip of catalog row `row`."""

    def open_all(self, rows: Sequence[int]) -> list[Clip]:
        """Open several clips that will be read soon; a shelf that can read them together does."""
        return [self.open(row) for row in rows]

    def __len__(self) -> int:
        return len(self.catalog)

    def split(self, *names: str) -> "Selected":
        """Only the clips of these splits; raises InputError when there are none."""
        rows = [row for row, split in enumerate(self.catalog.splits) if split in names]
        if not rows:
            there = ", ".join(sorted(set(self.catalog.splits))) or "nothing"
            raise InputError(f"expected clips of split {' or '.join(names)}, found only {there}")
        return Selected(self, np.asarray(rows))


class Selected(Clips):
    """Some rows of another shelf."""

    def __init__(self, clips: Clips, rows: Int64[np.ndarray, "M"]) -> None:
        self.clips, self.rows, self.catalog = clips, rows, clips.catalog.take(rows)

    def open(self, row: int) -> Clip:
        return self.clips.open(int(self.rows[row]))

    def open_all(self, rows: Sequence[int]) -> list[Clip]:
        return self.clips.open_all([int(self.rows[row]) for row in rows])


class ArrayClip(Clip):
    """A clip held in memory: frames [T, H, W, 3] at `fps`, sound [C, N] at `rate` Hz."""

    def __init__(
        self,
        frames: UInt8[np.ndarray, "T H W 3"],
        fps: float,
        sound: Float32[np.ndarray, "C N"],
        rate: int,
        item: int = 0,
        label: int = -1,
        source: str = "",
        layout: str = "mono",
    ) -> None:
        self.pictures, self.fps, self.samples, self.rate = frames, fps, sound, rate
        self.item, self.label, self.source, self.layout = item, label, source, layout
        self.duration = len(frames) / fps

    def frames(self, start: float, count: int, fps: float) -> UInt8[np.ndarray, "T H W 3"]:
        return self.pictures[frame_indices(start, count, fps, self.fps, len(self.pictures))]

    def sound(self, start: float, duration: float, rate: int) -> Float32[np.ndarray, "C N"]:
        return cut_sound(self.samples, self.rate, start, duration, rate)


class ArrayClips(Clips):
    """A shelf of clips held in memory."""

    def __init__(self, clips: Sequence[ArrayClip], catalog: Catalog) -> None:
        self.clips, self.catalog = list(clips), catalog

    def open(self, row: int) -> Clip:
        return self.clips[row]


def frame_indices(start: float, count: int, fps: float, source_fps: float, there: int) -> Int64[np.ndarray, "T"]:
    """Indices floor((start + k / fps) source_fps), k = 0 .. count - 1, held inside [0, there)."""
    # A wanted instant that lies on a frame boundary must not fall into the frame before by rounding: nudge by 1 us.
    times = start + np.arange(count) / fps
    return np.clip(np.floor((times + 1e-6) * source_fps).astype(np.int64), 0, there - 1)


def cut_sound(
    samples: Float32[np.ndarray, "C M"], source_rate: int, start: float, duration: float, rate: int
) -> Float32[np.ndarray, "C N"]:
    """Samples of [start, start + duration) s at `rate` Hz, zeros outside the recording; N = round(duration rate)."""
    count = round(duration * source_rate)
    first = round(start * source_rate)
    inside = samples[:, max(first, 0) : max(first + count, 0)]
    before = min(max(-first, 0), count)
    piece = np.zeros((len(samples), count), dtype=np.float32)
    piece[:, before : before + inside.shape[1]] = inside
    return resample(piece, source_rate, rate, round(duration * rate))
