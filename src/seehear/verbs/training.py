# SPDX-License-Identifier: Apache-2.0
"""Verbs that make a run: quickstart, train, import."""

import inspect
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

from seehear.errors import InputError
from seehear.verbs.options import Report, call, meant, tell, write

if TYPE_CHECKING:
    from seehear.run import Run

RECIPES = {
    "cross_avid": "seehear.recipes.avid:cross_avid",
    "self_avid": "seehear.recipes.avid:self_avid",
    "joint_avid": "seehear.recipes.avid:joint_avid",
    "cross_avid_cma": "seehear.recipes.cma:cross_avid_cma",
    "robust_xid": "seehear.recipes.robust:robust_xid",
    "info_nce": "seehear.recipes.baselines:info_nce",
    "avc": "seehear.recipes.baselines:avc",
    "avts": "seehear.recipes.baselines:avts",
}


def quickstart(
    out: Path = Path("runs/quickstart"),
    data: Path | None = None,
    labels: Path | None = None,
    seed: int = 0,
    minutes: float | None = None,
    report_json: Report = None,
) -> None:
    """Videos -> library -> two encoders -> how good they became -> one page, in four to six minutes on two cores.

    Without --data the videos are made: scenes of the procedural world.

    Example: seehear quickstart --data holiday_videos --out runs/holiday

    Args:
        out: folder for everything that is made; a stopped quickstart goes on where it was.
        data: a folder of your own videos.
        labels: CSV file with column file, and label, split or any other.
        seed: of scenes, weights and training.
        minutes: stop training after this long and go on with measuring.
    """
    from seehear.quickstart import quickstart as run

    numbers = run(out, data, labels, seed, minutes)
    write(report_json, numbers)


def train(arguments: list[str]) -> None:
    """Train encoders by a recipe: cross_avid, cross_avid_cma, robust_xid, ..., or your own as MODULE:FUNCTION.

    Example: seehear train cross_avid --data holiday.library --out runs/holiday

    With --start RUN the last stage of the recipe goes on from encoders and memories of RUN, whose library may have
    changed since: seehear train cross_avid_cma --start runs/holiday --data holiday.library --out runs/agreement
    """
    if not arguments or arguments[0].startswith("-"):
        known = ", ".join(RECIPES)
        if arguments and arguments[0] in ("-h", "--help"):
            print(f"{inspect.getdoc(train)}\n\nRecipes: {known}\nOptions: seehear train RECIPE --help")
            return
        raise InputError(f"expected a recipe first: {known}, or MODULE:FUNCTION; seehear train cross_avid --out RUN")
    recipe = _recipe(arguments[0])
    own, ours = (inspect.signature(f).parameters.values() for f in (recipe, _fit))

    def merged(**chosen: Any) -> None:
        options = {p.name: chosen.pop(p.name) for p in ours if p.name != "make"}
        _fit(lambda: recipe(**chosen), **options)

    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in (*own, *ours) if p.name != "make"]
    merged.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    merged.__annotations__ = {p.name: p.annotation for p in parameters}
    merged.__doc__ = inspect.getdoc(recipe)
    call(merged, f"train {arguments[0]}", arguments[1:])


def _fit(
    make: Callable[[], Any],
    out: Annotated[Path, arg(help="folder of the run")],
    start: Annotated[Path | None, arg(help="a run to go on from with the last stage of the recipe")] = None,
    resume: Annotated[bool, arg(help="go on with a run that was stopped")] = False,
    device: Annotated[str, arg(help="auto, cpu, cuda or cuda:N")] = "auto",
    workers: Annotated[int, arg(help="processes that read clips; 0 reads in the training process")] = 1,
    max_minutes: Annotated[float | None, arg(help="save and stop after this long")] = None,
    report_json: Report = None,
) -> None:
    from dataclasses import asdict

    from seehear.train import fit

    run = make()
    for note in (*run.notes, *pictures_smaller_than_crops(run)):
        print(f"note: {note}", file=sys.stderr)
    if start is not None:
        from seehear.recipes.warm_start import warm_start

        run, said = warm_start(run, start)
        print(said, file=sys.stderr)
    position = fit(run, out, device=device, workers=workers, resume=resume, max_minutes=max_minutes)
    done = f"{out}: {position.total} steps in {position.seconds:.0f} s; seehear eval all {out} LIBRARY measures it"
    stopped = f"stopped at step {position.total}; go on with the same command and --resume"
    print(done if position.done else stopped, file=sys.stderr)
    write(report_json, asdict(position))


def pictures_smaller_than_crops(run: "Run") -> list[str]:
    """What to know of a library whose pictures have to be enlarged for the views of a run; nothing where none have."""
    from seehear.checkpoint import arguments
    from seehear.data.store import Store

    place, wanted = arguments(run.describe()).get("data"), run.model.views.size
    if not place or (there := int(Store(place).settings()["size"])) >= wanted:
        return []
    return [f"pictures of {there} pixels in {place} become {wanted}: seehear pack --size {wanted} keeps more of them"]


def _recipe(name: str) -> Callable[..., Any]:
    """The recipe of a name, or of MODULE:FUNCTION in the working directory or the path."""
    place = RECIPES.get(name, name)
    module, _, function = place.partition(":")
    if not function:
        raise InputError(f"expected a recipe, got {name!r}{meant(name, RECIPES)}: one of {', '.join(RECIPES)}")
    sys.path.insert(0, "")
    try:
        found: Callable[..., Any] = getattr(import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise InputError(f"expected a recipe at {place}, could not import it: {error}") from error
    return found


def import_published(
    file: Positional[Path],
    out: Path,
    source: Annotated[Literal["avid-cma"], arg(name="from")] = "avid-cma",
    statistics: Path | None = None,
    report_json: Report = None,
) -> None:
    """Turn published weights into a run folder, so that every protocol measures them.

    Weights of another architecture are refused; all keys that differ are written to the file of --json.

    Example: seehear import checkpoint.pth.tar --from avid-cma --statistics audio-stats.npz --out runs/published

    Args:
        file: the published checkpoint, or its tensors as safetensors.
        out: the run folder to make.
        source: whose weights they are.
        statistics: the published mean and spread of the spectrogram (.npz, arrays mean and std).
    """
    from seehear.published import ArchitectureError, import_weights

    try:
        tell(import_weights(file, out, source, statistics), report_json)
    except ArchitectureError as error:
        write(report_json, error.keys)
        raise
