# SPDX-License-Identifier: Apache-2.0
"""How the signature of a verb becomes its options, and what verbs share."""

import contextlib
import functools
import inspect
import io
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from math import inf
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import arg

from seehear.errors import InputError

Report = Annotated[Path | None, arg(name="json", help="write the printed numbers to this file")]


def call(function: Callable[..., Any], name: str, arguments: list[str]) -> None:
    """Parse the options of a verb out of its signature, and call it."""
    import tyro

    known = ["--help"]
    for parameter in inspect.signature(function).parameters.values():
        named = [getattr(one, "name", None) for one in getattr(parameter.annotation, "__metadata__", ())]
        option = next(filter(None, named), parameter.name.replace("_", "-"))
        known += [f"--{option}", f"--no-{option}"]
    for word in arguments:
        option = word.partition("=")[0].replace("_", "-")
        if option.startswith("--") and option not in known:
            raise InputError(f"seehear {name} has no option {option}{meant(option, known)}; see seehear {name} --help")

    @functools.wraps(function)
    def parsed(*values: Any, **options: Any) -> functools.partial[None]:
        return functools.partial(function, *values, **options)

    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            chosen = tyro.cli(parsed, prog=f"seehear {name}", args=arguments)
    except SystemExit as stop:
        if not stop.code:
            raise
        words = " ".join(re.sub("[^ -~]", " ", complaint.getvalue()).partition("For full helptext")[0].split())
        raise InputError(f"{words}; see seehear {name} --help") from None
    for option, most in {"seed": 63, "workers": 16, "epochs": 31, "windows": 16}.items():
        value = chosen.keywords.get(option) or 0
        if isinstance(value, int) and not 0 <= value < 2**most:
            raise InputError(f"expected --{option} of at least 0 and below 2^{most}, got {value}")
    for option in ("minutes", "max_minutes", "budget"):
        value = chosen.keywords.get(option) or 0
        if not 0 <= value < inf:
            raise InputError(f"expected --{option.replace('_', '-')} of at least 0 minutes, got {value}")
    chosen()


def meant(word: str, known: Any) -> str:
    """A guess at what a misspelt word was meant to be."""
    close = get_close_matches(word, list(known), 3)
    return f", did you mean {' or '.join(close)}?" if close else ""


def device_named(name: str) -> str:
    """The device that "auto" or a name means; raises InputError when it is not there."""
    from seehear.dist import engine

    return str(engine(name).device)


def show(table: Any) -> None:
    """Print a table as wide as the terminal."""
    from rich.console import Console

    Console().print(table)


def tell(numbers: Mapping[str, Any], path: Path | None) -> None:
    """Print numbers, a line each, and write them to the file of --json."""
    for name, value in numbers.items():
        print(f"{name}: {value}")
    write(path, numbers)


def write(path: Path | None, value: Any) -> None:
    """Write to the file of --json, where one is wanted."""
    from seehear.atomic import write_json

    if path is not None:
        write_json(path, value)
