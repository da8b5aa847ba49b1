# SPDX-License-Identifier: Apache-2.0
"""What the library of a run left out, and what it lacks."""

from pathlib import Path
from typing import Any

from seehear.data.info import info
from seehear.errors import InputError

SHOWN = 100
ENOUGH_SOURCES = 20


def data_problems(about: dict[str, Any]) -> list[str]:
    """Sentences about the library a run was trained on, as far as run.json names one on this machine."""
    recipe = about.get("recipe")
    arguments = recipe.get("arguments") if isinstance(recipe, dict) else None
    place = arguments.get("data") if isinstance(arguments, dict) else None
    if not isinstance(place, str):
        return []
    if not Path(place).exists():
        return [f"the library {place} is not on this machine: files that were left out of it are not listed"]
    try:
        return _sentences(info(place))
    except InputError as error:
        return [str(error)]


def _sentences(library: dict[str, Any]) -> list[str]:
    left = library["quarantined"]
    said = [f"left out: {row['file']}: {row['reason']}" + f" ({row['detail']})" * bool(row["detail"]) for row in left]
    if len(said) > SHOWN:
        said[SHOWN:] = [f"and {len(said) - SHOWN} more files that were left out: see seehear info {library['library']}"]
    said += [f"left out: {count} clips: {reason}" for reason, count in library["quarantined_clips"].items()]
    if not library["classes"]:
        said.append("the library has no labels: classes cannot be measured")
    if library["sources"] < ENOUGH_SOURCES:
        said.append(f"the library has only {library['sources']} recordings: expect little from training on it")
    return said
