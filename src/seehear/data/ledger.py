# SPDX-License-Identifier: Apache-2.0
"""What a library already holds, and what waits to be committed to it: clips before the files they came from.

A file is known by its name, size and time of change. One that was only copied or touched has the content it had, and
keeps its clips; one that was replaced is packed beside what it was, and counted.
"""

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from seehear.data.store import Row as StoreRow
from seehear.data.store import Store
from seehear.data.transcode import Dropped, Task
from seehear.media.verdict import Row, refused

_COMMIT_BYTES = 64_000_000
_COMMIT_SECONDS = 15.0


@dataclass
class Done:
    """What the library already holds: (name, bytes, time of change) of finished files, whose contents they have and
    which content of each file is there, (content, start) of clips of unfinished ones, and the next item id.
    """

    files: set[tuple[str, int, int]] = field(default_factory=set)
    contents: dict[str, str] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    half_done: set[tuple[str, float]] = field(default_factory=set)
    refused: Counter[str] = field(default_factory=Counter)
    clips: int = 0
    next_item: int = 0

    @staticmethod
    def of(store: Store) -> "Done":
        """Read it from the small columns of the library."""
        clips = store.read("clips", "item", "hash", "start")
        files = store.read("files", "file", "hash", "bytes", "modified", "reason", "start")
        done = Done(clips=len(clips["item"]), next_item=max(clips["item"], default=-1) + 1)
        for row in zip(*files.values(), strict=True):
            done.note(dict(zip(files, row, strict=True)))
        keys = zip(clips["hash"], clips["start"], strict=True)
        done.half_done = {key for key in keys if key[0] not in done.contents}
        return done

    def note(self, row: StoreRow) -> None:
        """Take in one row of the table of files."""
        if row["start"] is not None:
            return
        self.files.add((row["file"], row["bytes"], row["modified"]))
        if row["reason"]:
            self.refused[row["reason"]] += 1
        else:
            self.held[row["file"]] = row["hash"]
            self.contents.setdefault(row["hash"], row["file"])

    def has(self, task: Task) -> bool:
        """Whether this file, as it is now, is done with."""
        return (task.file, task.bytes, task.modified) in self.files


class Batch:
    """Rows that wait to be committed, clips before files."""

    def __init__(self, store: Store, done: Done) -> None:
        self.store, self.done = store, done
        self.clips: list[StoreRow] = []
        self.files: list[StoreRow] = []
        self.dropped: list[StoreRow] = []
        self.waiting, self.since = 0, time.monotonic()
        self.written, self.added, self.length = 0, 0, 0.0
        self.reasons: Counter[str] = Counter()
        self.kept = self.sources = self.same = self.changed = 0

    def _twin(self, row: Row) -> str:
        """The file with the same bytes that is in the library, or that comes first in this folder."""
        twin = self.done.contents.get(row.hash, row.file)
        return "" if twin == row.file else twin

    def add(self, row: Row, made: dict[str, Any] | Dropped) -> None:
        """Take in a packed clip, or a refused one, of a content that is not there yet."""
        if row.hash in self.done.contents:
            return
        if isinstance(made, Dropped):
            self.dropped.append(_file(row, start=made.start, reason=made.reason))
            return
        self.kept += 1
        if (row.hash, made["start"]) in self.done.half_done:
            return
        self.done.clips += 1
        self.clips.append({**made, "item": self.done.next_item, "source": row.file, "hash": row.hash})
        self.done.next_item += 1
        self.added, self.length = self.added + 1, self.length + made["duration"]
        self.waiting, self.written = self.waiting + made["bytes"], self.written + made["bytes"]
        if self.waiting > _COMMIT_BYTES or time.monotonic() - self.since > _COMMIT_SECONDS:
            self.commit()

    def finish(self, row: Row, task: Task) -> None:
        """Note that a file is done with, usable or not, or still what it was."""
        old = self.done.held.get(row.file)
        if row.usable and self.done.contents.get(row.hash) == row.file:
            self.same += 1
            self.files.append(again := _file(row, bytes=task.bytes, modified=task.modified))
            self.done.note(again)
            return
        self.changed += old is not None
        if row.usable and self._twin(row):
            row = refused(row, "duplicate", f"of {self._twin(row)}")
        noted = _file(row, bytes=task.bytes, modified=task.modified, clips=self.kept)
        self.files += [*self.dropped, noted]
        self.dropped = []
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
            "same": self.same,
            "changed": self.changed,
            "hours": self.length / 3600,
            "bytes": self.written,
            "quarantined": dict(self.reasons),
        }


def _file(row: Row, **more: Any) -> dict[str, Any]:
    usual = {"bytes": 0, "modified": 0, "start": None, "clips": 0}
    said = {"file": row.file, "hash": row.hash, "reason": row.reason, "detail": row.detail, "seconds": row.duration}
    return usual | said | more
