# SPDX-License-Identifier: Apache-2.0
"""The tables of a packed library, in Lance: clips, files and labels, at a local path or an object-store URL alike.

`clips`: one row a clip. `files`: one row a source file that is done with (its content hash, and why it was refused),
and one a clip that was refused. `labels`: what the CSV said of each source; written anew whenever labels are given, so
that labels can change without packing again. A write is one commit: a reader, or a crash, meets all of it or nothing.
"""

import errno
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seehear.errors import InputError

VERSION = "1"
_MARK = "seehear.library"

Row = Mapping[str, Any]


def _schema(table: str) -> Any:
    import pyarrow as pa

    text, real, whole = pa.string(), pa.float64(), pa.int32()
    columns = {
        "clips": {
            "item": pa.int64(),
            "source": text,
            "hash": text,
            "start": real,
            "duration": real,
            "fps": real,
            "width": whole,
            "height": whole,
            "frames": whole,
            "rate": whole,
            "channels": whole,
            "layout": text,
            "spherical": text,
            "ambisonic": text,
            "coding": text,
            "gop": whole,
            "bytes": pa.int64(),
            "offsets": pa.list_(pa.int64()),
            "video": pa.large_binary(),
            "sound": pa.large_binary(),
        },
        "files": {
            "file": text,
            "hash": text,
            "bytes": pa.int64(),
            "modified": pa.int64(),
            "reason": text,
            "detail": text,
            "start": real,
            "seconds": real,
            "clips": whole,
        },
        "labels": {"source": text, "label": text, "split": text, "licence": text, "truth": text},
    }
    return pa.schema(list(columns[table].items()))


class Store:
    """The three tables below one path or URL."""

    def __init__(self, uri: str | Path) -> None:
        self.uri = str(uri).rstrip("/")

    def _at(self, table: str) -> str:
        return f"{self.uri}/{table}.lance"

    def exists(self) -> bool:
        """Whether there is anything that looks like the clips of a library."""
        try:
            self._open("clips")
        except ValueError:
            return False
        return True

    def _open(self, table: str) -> Any:
        import lance

        return lance.dataset(self._at(table))

    def create(self, settings: Mapping[str, str]) -> None:
        """Make an empty library that remembers its settings."""
        for table in ("files", "labels", "clips"):
            schema = _schema(table).with_metadata({_MARK: VERSION, **settings})
            self._write(table, schema.empty_table(), "create")

    def dataset(self, table: str) -> Any:
        """Open one table; raises InputError when this is no library, or one of another version."""
        try:
            dataset = self._open(table)
            version = (dataset.schema.metadata or {}).get(_MARK.encode(), b"").decode()
        except (ValueError, OSError) as error:
            expected = "expected a library made by `seehear pack`"
            why = "" if "not found" in str(error) else f" ({_first_line(error)})"
            raise InputError(f"{self.uri}: {expected}, found none there{why}") from error
        if version != VERSION:
            there = f"version {version}" if version else "another kind of table"
            raise InputError(f"{self.uri}: expected a library of version {VERSION}, found {there}; pack it again")
        return dataset

    def settings(self) -> dict[str, str]:
        """The settings the library was made with."""
        metadata = self.dataset("clips").schema.metadata
        return {key.decode(): value.decode() for key, value in metadata.items() if key != _MARK.encode()}

    def read(self, table: str, *columns: str) -> dict[str, list[Any]]:
        """Some columns as lists."""
        found: dict[str, list[Any]] = self.dataset(table).to_table(columns=list(columns)).to_pydict()
        return found

    def append(self, table: str, rows: Sequence[Row]) -> None:
        """Add rows in one commit; a full disk raises InputError and leaves the table as it was."""
        import pyarrow as pa

        if rows:
            self._write(table, pa.Table.from_pylist([dict(row) for row in rows], self.dataset(table).schema), "append")

    def replace(self, table: str, rows: Sequence[Row]) -> None:
        """Put rows in the place of all there are, in one commit."""
        import pyarrow as pa

        schema = self.dataset(table).schema
        self._write(table, pa.Table.from_pylist([dict(row) for row in rows], schema), "overwrite")

    def _write(self, table: str, rows: Any, mode: str) -> None:
        import lance

        try:
            lance.write_dataset(rows, self._at(table), mode=mode)
        except (OSError, RuntimeError, ValueError) as error:
            text = str(error)
            full = getattr(error, "errno", None) == errno.ENOSPC or "No space left" in text or "os error 28" in text
            if full:
                raise InputError(
                    f"{self.uri}: expected room for more clips, the disk is full; what was packed is kept: "
                    "make room and run the same command again"
                ) from error
            if isinstance(error, PermissionError) or "Permission denied" in text or "os error 13" in text:
                raise InputError(f"{self.uri}: expected a place to write to, it may not be written") from error
            raise


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].split(", ")[0] if str(error) else type(error).__name__
