# SPDX-License-Identifier: Apache-2.0
"""Official lists, line by line: what is too large, no text, or not what was expected is refused by file and line."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from seehear.errors import InputError

_MOST_BYTES = 2**29  # the largest list there is, of AudioSet's two million clips, has 2^27
_MOST_LINE = 2**14


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number and text of every line that is not blank; raises InputError for what is no short-lined UTF-8."""
    if path.stat().st_size > _MOST_BYTES:
        raise InputError(f"{path}: expected a list of at most {_MOST_BYTES} bytes, found {path.stat().st_size}")
    with path.open("rb") as file:
        number = 0
        while line := file.readline(_MOST_LINE + 1):
            number += 1
            if len(line) > _MOST_LINE or b"\0" in line:
                raise unexpected(path, number, f"text in lines of at most {_MOST_LINE} bytes", line)
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
            except UnicodeDecodeError:
                raise unexpected(path, number, "text in UTF-8", line) from None
            if text:
                yield number, text


def cells(path: Path, delimiter: str = ",", comment: str = "") -> Iterator[tuple[int, list[str]]]:
    """Number and cells of every line of a CSV whose quotes never span lines, without those that begin by `comment`."""
    for number, text in lines(path):
        if comment and text.startswith(comment):
            continue
        try:
            row = next(csv.reader([text], delimiter=delimiter, skipinitialspace=True, strict=True))
        except csv.Error:
            raise unexpected(path, number, "comma-separated values", text) from None
        yield number, [cell.strip() for cell in row]


def records(path: Path, *needed: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Number and cells by column of every line below a header that has at least the columns `needed`."""
    rows = cells(path)
    number, header = next(rows, (1, []))
    if not set(needed) <= set(header):
        raise unexpected(path, number, f"the columns {', '.join(needed)}", ",".join(header))
    for number, row in rows:
        if len(row) != len(header):
            raise unexpected(path, number, f"{len(header)} columns", row)
        yield number, dict(zip(header, row, strict=True))


def unexpected(path: Path, number: int, expected: str, got: str | bytes | Sequence[str]) -> InputError:
    """The error of one line of a list."""
    shown = got[:60] if isinstance(got, str | bytes) else ",".join(got)[:60]
    return InputError(f"{path}, line {number}: expected {expected}, got {shown!r}; is it the list of another data set?")
