# SPDX-License-Identifier: Apache-2.0
"""What a library already holds, and what waits to be committed to it: clips before the files they came from."""

import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seehear.data.store import Row as StoreRow
from seehear.data.store import Store
from seehear.data.transcode import Dropped
from seehear.media.verdict import Row, refused

_COMMIT_BYTES = 64_000_000
_COMMIT_SECONDS = 15.0


@dataclass
class Done:
    """What the library already holds: (name, bytes, time) of finished files, contents, clips, and the next item id."""

    files: set[tuple[str, int, int]] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    contents: dict[str, str] = field(default_factory=dict)
    clips: set[tuple[str, float]] = field(default_factory=set)
    refused: Counter[str] = field(default_factory=Counter)
    next_item: int = 0

    @staticmethod
    def of(store: Store) -> "Done":
        """Read it from the small columns of the library."""
        clips = store.read("clips", "item", "hash", "start")
        files = store.read("files", "file", "hash", "bytes", "modified", "reason", "start")
        done = Done(
            clips=set(zip(clips["hash"], clips["start"], strict=True)), next_item=max(clips["item"], default=-1) + 1
        )
        for row in zip(*files.values(), strict=True):
            done.note(dict(zip(files, row, strict=True)))
        return done

    def note(self, row: StoreRow) -> None:
        """Take in one row of the table of files."""
        if row["start"] is not None:
            return
        self.files.add((row["file"], row["bytes"], row["modified"]))
        self.names.add(row["file"])
        if row["reason"]:
            self.refused[row["reason"]] += 1
        else:
            self.contents.setdefault(row["hash"], row["file"])

    def has(self, name: str, path: Path) -> bool:
        """Whether this file, as it is now, is done with."""
        state = path.stat()
        return (name, state.st_size, state.st_mtime_ns) in self.files


class Batch:
    """Rows that wait to be committed, clips before files."""

    def __init__(self, store: Store, done: Done) -> None:
        self.store, self.done = store, done
        self.clips: list[StoreRow] = []
        self.files: list[StoreRow] = []
        self.waiting, self.since = 0, time.monotonic()
        self.written, self.added, self.length = 0, 0, 0.0
        self.reasons: Counter[str] = Counter()
        self.kept = self.sources = 0

    def _twin(self, row: Row) -> str:
        """The file with the same bytes that is in the library, or that comes first in this folder."""
        twin = self.done.contents.get(row.hash, row.file)
        return "" if twin == row.file else twin

    def add(self, row: Row, made: dict[str, Any] | Dropped) -> None:
        """Take in a packed clip, or a refused one."""
        if self._twin(row):
            return
        if isinstance(made, Dropped):
            self.files.append(_file(row, start=made.start, reason=made.reason))
            return
        self.kept += 1
        key = (row.hash, made["start"])
        if key in self.done.clips:
            return
        self.done.clips.add(key)
        self.clips.append({**made, "item": self.done.next_item, "source": row.file, "hash": row.hash})
        self.done.next_item += 1
        self.added, self.length = self.added + 1, self.length + made["duration"]
        self.waiting, self.written = self.waiting + made["bytes"], self.written + made["bytes"]
        if self.waiting > _COMMIT_BYTES or time.monotonic() - self.since > _COMMIT_SECONDS:
            self.commit()

    def finish(self, row: Row, path: Path) -> None:
        """Note that a file is done with, usable or not."""
        if row.usable and self._twin(row):
            row = refused(row, "duplicate", f"of {self._twin(row)}")
        state = path.stat()
        noted = _file(row, bytes=state.st_size, modified=state.st_mtime_ns, clips=self.kept)
        self.files.append(noted)
        self.done.note(noted)
        if row.reason:
            self.reasons[row.reason] += 1
        else:
            self.sources += 1
        self.kept = 0

    def commit(self) -> None:
        """Write what waits."""
        clips, files = self.clips, self.files
        self.clips, self.files, self.waiting, self.since = [], [], 0, time.monotonic()
        self.store.append("clips", clips)
        self.store.append("files", files)

    def counts(self) -> dict[str, Any]:
        return {
            "clips": self.added,
            "sources": self.sources,
            "hours": self.length / 3600,
            "bytes": self.written,
            "quarantined": dict(self.reasons),
        }


def _file(row: Row, **more: Any) -> dict[str, Any]:
    usual = {"bytes": 0, "modified": 0, "start": None, "clips": 0}
    said = {"file": row.file, "hash": row.hash, "reason": row.reason, "detail": row.detail, "seconds": row.duration}
    return usual | said | more
