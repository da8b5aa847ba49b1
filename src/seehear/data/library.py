# SPDX-License-Identifier: Apache-2.0
"""A packed library as a shelf of clips: the catalog from its small columns, each clip read when it is asked for.

A Library is picklable and opens its tables once in each process (Lance does not survive a fork: spawn workers).
"""

import json
from collections.abc import Sequence
from pathlib import Path
from sys import intern
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8

from seehear.clip import Clip
from seehear.data.catalog import Catalog, Clips, frame_indices
from seehear.data.packed import Pictures, cut_packed, decode_sound, unpack
from seehear.data.store import Store
from seehear.errors import MediaError

KEEP = 2 << 30
"""Bytes of decoded clips that training keeps in memory: a library of an hour or two of small pictures as a whole."""
_SMALL = ("item", "source", "duration", "start", "fps", "rate", "channels", "coding", "gop")
_MODALITIES: dict[tuple[bool, bool], tuple[str, ...]] = {
    (True, True): ("video", "audio"),
    (True, False): ("video",),
    (False, True): ("audio",),
    (False, False): (),
}


class Library(Clips):
    """The clips at a local path or an object-store URL; raises InputError when there is no library.

    Clips that are opened together stay decoded in memory for the next epoch, up to `keep` bytes; the worker processes
    of a loader share these out.
    """

    def __init__(self, uri: str | Path, keep: int = 0) -> None:
        self.store = Store(uri)
        self.profile = self.store.settings()["profile"]
        small = self.store.read("clips", *_SMALL)
        self._small = {name: np.asarray(column) for name, column in small.items() if name not in ("source", "coding")}
        self._coding = [intern(coding) for coding in small["coding"]]
        self.catalog = _catalog(small, self.store.read("labels", "source", "label", "split", "licence", "truth"))
        self._clips: Any = None
        self._kept: dict[int, PackedClip] = {}
        self._keep = keep
        self._room: int | None = None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_clips": None, "_kept": {}, "_room": None}

    @property
    def uri(self) -> str:
        """Where the library lies."""
        return self.store.uri

    def read(self, rows: Sequence[int], *columns: str) -> list[dict[str, Any]]:
        """Some columns of some clips in one request; bytes come without a copy."""
        if self._clips is None:
            self._clips = self.store.dataset("clips")
        table = self._clips.take(list(rows), columns=list(columns))
        return [{name: _value(table[name][n]) for name in columns} for n in range(len(rows))]

    def open_all(self, rows: Sequence[int]) -> list[Clip]:
        new = [row for row in dict.fromkeys(rows) if row not in self._kept]
        clips = {row: self._kept[row] if row in self._kept else self.open(row) for row in rows}
        for row, packed in zip(new, self.read(new, *PackedClip.COLUMNS) if new else (), strict=True):
            clips[row].hold(packed)
            self._decode(clips[row])
        return [clips[row] for row in rows]

    def _decode(self, clip: "PackedClip") -> None:
        """Keep a clip where there is room."""
        if not self._keep:
            return
        if self._room is None:
            from torch.utils.data import get_worker_info

            worker = get_worker_info()
            self._room = self._keep // (worker.num_workers if worker else 1)
        if self._room > 0 and (size := clip.decode()):
            self._room -= size
            self._kept[clip.row] = clip

    def open(self, row: int) -> "PackedClip":
        known = {name: column[row].item() for name, column in self._small.items()}
        known |= {"source": self.catalog.sources[row], "coding": self._coding[row]}
        return PackedClip(self, row, int(self.catalog.labels[row]), known)


def _value(scalar: Any) -> Any:
    import pyarrow as pa

    if isinstance(scalar, pa.LargeBinaryScalar):
        return memoryview(scalar.as_buffer())
    if isinstance(scalar, pa.ListScalar):
        return scalar.values.to_numpy()
    return scalar.as_py()


class PackedClip(Clip):
    """One clip of a library, read as a whole when its pictures or its sound are first asked for.

    A clip packed without sound is silent; one packed without pictures raises MediaError "no picture" for its frames.
    """

    # One read for all: each is a round trip, and pictures without sound are rarely wanted.
    COLUMNS = ("video", "offsets", "sound")

    def __init__(self, library: Library, row: int, label: int, known: dict[str, Any]) -> None:
        self.library, self.row, self.label = library, row, label
        self.item, self.source, self.start = known["item"], known["source"], known["start"]
        self.duration, self.fps, self.rate = known["duration"], known["fps"], known["rate"]
        self.channels = known["channels"]
        self._coding, self._gop = known["coding"], known["gop"]
        self._held: tuple[Pictures, Any] | None = None
        self._frames: UInt8[np.ndarray, "T H W 3"] | None = None

    def _packed(self) -> tuple[Pictures, Any]:
        if self._held is None:
            self.hold(self.library.read([self.row], *self.COLUMNS)[0])
        assert self._held is not None
        return self._held

    def hold(self, packed: dict[str, Any]) -> None:
        """Keep what was read of COLUMNS."""
        self._held = Pictures(packed["video"], packed["offsets"], self._gop), packed["sound"]

    def decode(self) -> int:
        """Decode all pictures and sound now and keep them instead; returns their bytes.

        A clip that is broken stays as it is (0 bytes), so that only who asks for the broken part hears of it.
        """
        pictures, data = self._packed()
        try:
            frames = unpack(pictures, np.arange(len(pictures)), self.library.profile) if len(pictures) else None
            sound = decode_sound(self._coding, data) if self.channels else b""
        except MediaError:
            return 0
        self._frames, self._coding = frames, "pcm_s16le"
        self._held = Pictures(b"", pictures.offsets, pictures.gop), sound
        return len(sound) + (0 if frames is None else frames.nbytes)

    def frames(self, start: float, count: int, fps: float) -> UInt8[np.ndarray, "T H W 3"]:
        pictures, _ = self._packed()
        if not len(pictures):
            raise MediaError(f"{self.library.uri} item {self.item}", "no picture", "expected a clip with pictures")
        indices = frame_indices(start, count, fps, self.fps, len(pictures))
        if self._frames is not None:
            return self._frames[indices]
        try:
            return unpack(pictures, indices, self.library.profile)
        except MediaError as error:
            raise self._named(error) from error

    def sound(self, start: float, duration: float, rate: int) -> Float32[np.ndarray, "C N"]:
        _, data = self._packed()
        if not self.channels:
            return np.zeros((1, round(duration * rate)), dtype=np.float32)
        try:
            return cut_packed(self._coding, data, self.channels, self.rate, start, duration, rate)
        except MediaError as error:
            raise self._named(error) from error

    def _named(self, error: MediaError) -> MediaError:
        return MediaError(f"{self.library.uri} item {self.item}", error.reason, error.detail)


def _catalog(clips: dict[str, list[Any]], labels: dict[str, list[Any]]) -> Catalog:
    rows = {source: rest for source, *rest in zip(*labels.values(), strict=True)}
    nothing = ["", "", "", "{}"]
    found = [rows.get(source, nothing) for source in clips["source"]]
    classes = tuple(sorted({label for label, *_ in found if label}))
    index = {name: number for number, name in enumerate(classes)} | {"": -1}
    truths = [json.loads(truth) for *_, truth in found]
    names = sorted({name for truth in truths for name in truth})
    return Catalog(
        np.asarray(clips["item"], dtype=np.int64),
        np.asarray(clips["duration"], dtype=np.float64),
        np.asarray([index[label] for label, *_ in found], dtype=np.int64),
        tuple(map(intern, clips["source"])),
        tuple(split or "train" for _, split, *_ in found),
        classes,
        {name: tuple(truth.get(name) for truth in truths) for name in names}
        | {
            "licence": tuple(licence for _, _, licence, _ in found),
            "start": tuple(clips["start"]),
            # Clips without pictures are stored with 0 frames a second.
            "modalities": tuple(
                _MODALITIES[fps > 0, channels > 0]
                for fps, channels in zip(clips["fps"], clips["channels"], strict=True)
            ),
        },
    )
