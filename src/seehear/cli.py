# SPDX-License-Identifier: Apache-2.0
"""The command `seehear`: its verbs, their overview, and what becomes of mistakes."""

import inspect
import sys
from collections.abc import Callable

from seehear.errors import InputError
from seehear.verbs.libraries import curate, info, pack
from seehear.verbs.measuring import embed, evaluate, finetune, report, study
from seehear.verbs.options import call, meant
from seehear.verbs.recordings import doctor, scan, view
from seehear.verbs.training import import_published, quickstart, train
from seehear.verbs.worlds import world

VERBS: dict[str, Callable[..., None]] = {
    "quickstart": quickstart,
    "world": world,
    "scan": scan,
    "doctor": doctor,
    "view": view,
    "pack": pack,
    "info": info,
    "train": train,
    "eval": evaluate,
    "finetune": finetune,
    "embed": embed,
    "curate": curate,
    "study": study,
    "report": report,
    "import": import_published,
}


def _overview() -> str:
    lines = ["usage: seehear VERB [options]", "", "Learn to see and hear from videos nobody labelled.", ""]
    for name, verb in VERBS.items():
        lines.append(f"  {name:<12}{(inspect.getdoc(verb) or '').splitlines()[0]}")
    return "\n".join([*lines, "", "seehear VERB --help shows the options of a verb and an example."])


def main() -> None:
    """The command `seehear`: exit code 0, or 2 with one line about what the user can change."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_overview())
        return
    name, rest = arguments[0], arguments[1:]
    try:
        if name == "--version":
            from seehear import __version__

            print(__version__)
        elif name == "train":
            train(rest)
        elif name in VERBS:
            call(VERBS[name], name, rest)
        else:
            raise InputError(f"seehear has no verb {name}{meant(name, VERBS)}; one of {', '.join(VERBS)}")
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except (IsADirectoryError, NotADirectoryError, FileExistsError, PermissionError) as error:
        place = error.filename2 or error.filename
        print(f"error: {place}: expected a place to read or write, got: {error.strerror}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("stopped; what was finished is kept, and the same command goes on from there", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
