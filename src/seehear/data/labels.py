# SPDX-License-Identifier: Apache-2.0
"""Labels from a CSV: column `file`, any of `label`, `split`, `licence`, and further columns of known truth."""

import csv
import json
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from seehear.errors import InputError

_KNOWN = ("file", "label", "split", "licence")

Value = bool | int | float | str


@dataclass(frozen=True)
class Label:
    """What is known of one file; `truth` holds the further columns."""

    label: str = ""
    split: str = ""
    licence: str = ""
    truth: dict[str, Value] = field(default_factory=dict)


def read_labels(path: Path) -> dict[str, Label]:
    """The labels by file name; raises InputError for a file that is missing, no CSV, or without the columns needed."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file)
            there = [name.strip() for name in table.fieldnames or []]
            table.fieldnames = there
            if "file" not in there or len(there) < 2:
                columns = ", ".join(there) or "none"
                raise InputError(f"{path}: expected a column `file` and at least one more, found {columns}")
            labels: dict[str, Label] = {}
            for row in table:
                if None in row or None in row.values():
                    raise InputError(f"{path}: expected {len(there)} columns in line {table.line_num}")
                name = row["file"].strip()
                label = _label(row)
                if labels.setdefault(name, label) != label:
                    raise InputError(
                        f"{path}: expected one row a file, line {table.line_num} contradicts another: {name}"
                    )
            return labels
    except FileNotFoundError as error:
        raise InputError(f"{path}: expected a CSV of labels, found nothing there") from error
    except (UnicodeDecodeError, csv.Error, IsADirectoryError) as error:
        raise InputError(f"{path}: expected a CSV of labels in UTF-8 ({error})") from error


def _label(row: dict[str, str]) -> Label:
    truth = {name: value_of(text) for name, text in row.items() if name not in _KNOWN}
    label, split, licence = (row.get(name, "").strip() for name in _KNOWN[1:])
    return Label(label, split, licence, truth)


def value_of(text: str) -> Value:
    """A cell as truth value, whole number, number or text, whichever it can be first."""
    text = text.strip()
    if "_" in text:
        # Python takes 1_000 for a number; in a table it is a name.
        return text
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def match(labels: dict[str, Label], files: Collection[str]) -> tuple[dict[str, Label], list[str]]:
    """Labels of these files, and names in the CSV that are none of them; a bare name will do where it is unique."""
    by_name: dict[str, list[str]] = {}
    for file in files:
        by_name.setdefault(file.rsplit("/", 1)[-1], []).append(file)
    matched, unknown = {}, []
    there = set(files)
    for name, label in labels.items():
        same = by_name.get(name, [])
        if name in there:
            matched[name] = label
        elif len(same) == 1:
            matched[same[0]] = label
        else:
            unknown.append(name)
    return matched, unknown


def truth_json(label: Label) -> str:
    """The truth columns as one JSON object."""
    return json.dumps(label.truth, sort_keys=True)
