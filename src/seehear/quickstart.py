# SPDX-License-Identifier: Apache-2.0
"""From videos to measured encoders in one go: world or folder -> library -> Cross-AVID -> protocols -> page.

Every step finds out by itself what is already there, so that a stopped quickstart goes on where it was.
"""

import csv
import hashlib
import io
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from seehear import atomic
from seehear.errors import InputError

SCENES = 900
"""Scenes of the procedural world: 600 for training, 100 for validation, 200 for the test."""
UPDATES = 900
"""Steps of a training on the user's own videos."""
WINDOW = 3.0
"""Length of the clips that the user's own videos are cut into (s)."""
PROTOCOLS = ("linear-probe", "retrieval", "nearest", "collapse")
"""What is measured: what the page draws, in half a minute. `seehear eval` has the others."""
FEW_SOURCES = 20
"""Recordings below which nothing is held out, and numbers mean little."""


def quickstart(
    out: Path, data: Path | None = None, labels: Path | None = None, seed: int = 0, minutes: float | None = None
) -> dict[str, Any]:
    """Do everything into `out` and return the numbers of the last line, for scripts too.

    On the world, class_r1 and the probes have labels to go by; on the user's own videos they are None without
    `labels`. Raises InputError for a folder without a usable video.
    """
    started = time.monotonic()
    clips = _library(out, data, labels, seed)
    _say(3, f"Cross-AVID on {len(clips.split('train'))} clips")
    run = _train(out, data is None, seed, minutes)
    _say(4, "how good the encoders became")
    results = _measure(run, clips, data is None, seed)
    _say(5, "the page")
    from seehear.report import write_report

    page = write_report([run], run / "report.html")
    retrieval, probe = results["retrieval"], results["linear-probe"]
    numbers = {
        "seconds": round(time.monotonic() - started, 1),
        "cross_modal_r1": retrieval.metrics.get("instance/mean/r1"),
        "chance_r1": retrieval.chance.get("instance/mean/r1"),
        "class_r1": retrieval.metrics.get("class/mean/r1"),
        **_probes(probe.rows, "video", "video"),
        **_probes(probe.rows, "audio", "sound"),
        "report": str(page),
    }
    atomic.write_json(out / "quickstart.json", numbers)
    _summarise(numbers, [*retrieval.notes, *probe.notes])
    return numbers


def _probes(rows: dict[str, dict[str, float | None]], modality: str, name: str) -> dict[str, float | None]:
    key = f"{modality}/best/averaged"
    return {f"probe_{name}": rows["trained"].get(key), f"probe_{name}_random": rows["random"].get(key)}


def _library(out: Path, data: Path | None, labels: Path | None, seed: int) -> Any:
    """The packed library of the world, or of the user's folder."""
    from seehear.data.library import Library
    from seehear.data.pack import pack

    place = out / "library"
    if data is None:
        from seehear.world.files import write_world
        from seehear.world.plan import Plan

        _say(1, f"{SCENES} scenes of the procedural world")
        write_world(out / "videos", Plan.of(SCENES, seed))
        _say(2, "packing")
        pack(out / "videos", place, size=64, rate=16_000, labels=out / "videos" / "catalog.csv")
        return Library(place)
    _say(1, f"videos of {data}")
    if not data.is_dir():
        raise InputError(f"expected a folder of videos for --data, found none at {data}")
    _say(2, "packing")
    splits = labels or _hold_out(out, data)
    pack(data, place, size=64, rate=16_000, seconds=WINDOW, labels=splits)
    return Library(place)


def _hold_out(out: Path, data: Path) -> Path:
    """A CSV that holds out every fifth recording for the test, by a hash of its name; none when there are few."""
    from seehear.media.scan import files_of

    files = sorted(str(path.relative_to(data)) for path in files_of(data))
    table = io.StringIO()
    rows = csv.writer(table)
    rows.writerow(["file", "split"])
    for file in files:
        held_out = len(files) >= FEW_SOURCES and hashlib.sha256(file.encode()).digest()[0] % 5 == 0
        rows.writerow([file, "test" if held_out else "train"])
    atomic.write_text(out / "splits.csv", table.getvalue())
    return out / "splits.csv"


def _train(out: Path, on_world: bool, seed: int, minutes: float | None) -> Path:
    """A finished run in out/run; goes on with one that was stopped."""
    from seehear.recipes.avid import cross_avid, shelf
    from seehear.train import fit

    run = out / "run"
    epochs = batch = None
    if not on_world:
        clips = len(shelf(out / "library", seed).split("train"))
        batch = min(32, clips // 2 * 2)
        if batch < 2:
            raise InputError(f"expected at least two clips to tell apart, found {clips}: add videos")
        epochs = max(UPDATES // (clips // batch), 1)
    recipe = cross_avid(out / "library", seed=seed, epochs=epochs, batch=batch)
    done = fit(recipe, run, workers=1, resume=True, max_minutes=minutes).done
    if not done and minutes is None:
        raise KeyboardInterrupt
    return run


def _measure(run: Path, clips: Any, on_world: bool, seed: int) -> dict[str, Any]:
    """PROTOCOLS, and on the world the bound that training with labels reached when it was calibrated."""
    from seehear import checkpoint
    from seehear.evals import results
    from seehear.evals.evaluate import evaluate

    model = checkpoint.load(run)
    measured = {r.protocol: r for r in evaluate(PROTOCOLS, model, clips, run, count=3, seed=seed)}
    if on_world:
        from seehear.world.calibration import supervised_bound

        probe = measured["linear-probe"]
        bound: dict[str, float | None] = {f"{name}/best/averaged": value for name, value in supervised_bound().items()}
        note = "trained with labels: measured once on calibration scenes of the same world"
        probe.rows["supervised"] = bound
        results.append(run, replace(probe, rows={"supervised": bound}, notes=(note,)))
    return measured


def _say(step: int, what: str) -> None:
    print(f"[{step}/5] {what}", file=sys.stderr, flush=True)


def _summarise(numbers: dict[str, Any], notes: list[str]) -> None:
    """What a person wants to know first."""

    def percent(name: str) -> str:
        return "-" if numbers[name] is None else f"{100 * numbers[name]:.1f} %"

    print(f"its own sound found first among other clips: {percent('cross_modal_r1')} (chance {percent('chance_r1')})")
    print(f"a sound of its own class found first: {percent('class_r1')}")
    for name in ("video", "sound"):
        trained, random = percent(f"probe_{name}"), percent(f"probe_{name}_random")
        print(f"class read from the {name} encoder: {trained} (random encoder {random})")
    for note in dict.fromkeys(notes):
        print(f"note: {note}")
    print(f"{numbers['seconds']:.0f} s; look at {numbers['report']}")
