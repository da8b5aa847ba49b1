# SPDX-License-Identifier: Apache-2.0
"""Verbs that measure runs: eval, finetune, embed, study, report."""

from pathlib import Path
from typing import Any, Literal

from tyro.conf import Positional

from seehear.errors import InputError
from seehear.verbs.options import Report, device_named, meant, show, tell, write


def evaluate(
    protocol: Positional[str],
    run: Positional[Path],
    data: Positional[str],
    windows: int = 10,
    limit: int = 1,
    which: Literal["last", "best"] = "last",
    seed: int = 0,
    device: str = "auto",
    workers: int = 0,
    report_json: Report = None,
) -> None:
    """Measure the encoders of a run by one protocol, beside chance, random weights and plain statistics.

    Protocols of the encoders: linear-probe, svm, few-shot, retrieval, map-retrieval, class-retrieval, nearest,
    collapse, supervised. Of the memory bank they were trained with: memory-probe, positive-sets, calibration,
    faulty-pairs. Or all, which trains nothing.

    Example: seehear eval retrieval runs/holiday holiday.library --windows 10

    Args:
        protocol: what to measure.
        run: folder of a trained run.
        data: library to measure on.
        windows: clips looked at in each row of the library (10 or 25 in the papers).
        limit: numbers kept of each block: 1 pools it as the encoder pools, 9216 gives the paper's grids.
        which: the last checkpoint, or the best.
        seed: of random weights and random choices.
        device: auto, cpu, cuda or cuda:N.
        workers: processes that read clips.
    """
    from seehear import checkpoint
    from seehear.data.library import Library
    from seehear.evals import bank
    from seehear.evals.evaluate import PROTOCOLS
    from seehear.evals.evaluate import evaluate as measure
    from seehear.evals.results import table
    from seehear.evals.supervised import supervised

    known = [*PROTOCOLS, *bank.PROTOCOLS, "supervised", "all"]
    if protocol not in known:
        raise InputError(f"expected a protocol of {', '.join(known)}, got {protocol!r}{meant(protocol, known)}")
    model, library = checkpoint.load(run, which), Library(data)
    place: dict[str, Any] = {"count": windows, "seed": seed, "device": device_named(device), "workers": workers}
    ours = protocol in PROTOCOLS or protocol == "all"
    memory = protocol in bank.PROTOCOLS or (protocol == "all" and bank.has_memories(run, library, which))
    results = [supervised(model, library, run, **place)] if protocol == "supervised" else []
    if ours:
        names = list(PROTOCOLS) if protocol == "all" else [protocol]
        results += measure(names, model, library, run, limit=limit, **place)
    if memory:
        names = list(bank.PROTOCOLS) if protocol == "all" else [protocol]
        results += bank.evaluate_bank(names, run, library, which, **place)
    for result in results:
        show(table(result))
    plain = [result.plain for result in results]
    write(report_json, plain if protocol == "all" else plain[0])


def finetune(
    run: Positional[Path],
    library: Positional[str],
    modality: Literal["video", "audio"] = "video",
    size: Literal["tiny", "paper-ucf", "paper-hmdb", "paper-kinetics", "paper-robust"] = "tiny",
    frames: int | None = None,
    windows: tuple[int, ...] = (10, 25),
    split: int | None = None,
    epochs: int | None = None,
    batch: int | None = None,
    which: Literal["last", "best"] = "last",
    seed: int = 0,
    device: str = "auto",
    workers: int = 0,
    report_json: Report = None,
) -> None:
    """Train an encoder of a run on with labels, and measure it beside the same training from random weights.

    A stopped finetuning goes on where it was; the run itself is left as it is, but for its results.

    Example: seehear finetune runs/holiday holiday.library --modality video --size tiny

    Args:
        run: folder of a trained run.
        library: labelled clips, with splits or official splits.
        modality: whose encoder.
        size: tiny (minutes on 2 CPU cores), or the paper's numbers for UCF-101, HMDB-51 or Robust-xID; for Kinetics-400
            the encoder stays as it is, and a classifier of each of its blocks learns.
        frames: frames a clip; the papers take 8 or 32 (Kinetics 16, or 8), tiny what the run was trained with.
        windows: of each clip, over which a video's prediction is averaged.
        split: one official split; default all of them, averaged.
        epochs: passes over the training clips after the classifier's own; default by size.
        batch: clips a step; default by size.
        which: the last checkpoint of the run, or the best.
        seed: of the classifier, random weights, views and order.
        device: auto, cpu, cuda or cuda:N.
        workers: processes that read clips.
    """
    from seehear.recipes.finetune import finetuning

    settings = finetuning(size, frames, epochs, batch)

    from seehear import checkpoint
    from seehear.data.library import KEEP, Library
    from seehear.evals.finetune import finetune as measure
    from seehear.evals.results import table

    model, clips, place = checkpoint.load(run, which), Library(library, KEEP), device_named(device)
    result = measure(model, clips, run, settings, modality, windows, split, seed, place, workers)
    show(table(result))
    write(report_json, result.plain)


def embed(
    run: Positional[Path],
    library: Positional[str],
    out: Path | None = None,
    device: str = "auto",
    report_json: Report = None,
) -> None:
    """Write the features of every clip to a Parquet file and into the library.

    Example: seehear embed runs/holiday holiday.library --out holiday.parquet

    Args:
        run: folder of a trained run.
        library: the clips.
        out: the Parquet file; default features.parquet in the run's folder.
        device: auto, cpu, cuda or cuda:N.
    """
    from seehear import checkpoint
    from seehear.data.library import Library
    from seehear.evals.embed import embed as keep

    place = out or run / "features.parquet"
    tell(keep(checkpoint.load(run), Library(library), place, device=device_named(device)), report_json)


def study(
    name: Positional[tuple[Literal["status", "instance", "robust"], ...]],
    out: Path = Path("runs/studies"),
    arms: tuple[str, ...] = (),
    seeds: tuple[int, ...] = (),
    budget: float | None = None,
    size: Literal["tiny", "longer", "trial"] = "tiny",
    processes: int | None = None,
    device: str = "cpu",
    esc: Path | None = None,
    report_json: Report = None,
) -> None:
    """Test the claims of a paper: train every arm with several seeds, compare them, say what was shown; or its status.

    Studies: instance (claims A1 to A10, AVID-CMA), robust (B1 to B9, Robust-xID). A stopped study goes on where it was,
    and what another machine finished counts once its folders are copied to OUT/NAME.

    Example: seehear study instance --out runs/studies --budget 60; seehear study status instance --out runs/studies

    Args:
        name: a study, or status and a study.
        out: folder of the world, its library, all runs, and the page NAME.md.
        arms: only these, and what they start from; default all.
        seeds: only these; default as many as the claims need.
        budget: stop after this many minutes; what was begun is saved. Making the world, once, comes before.
        size: tiny (hours on 2 CPU cores), longer (the same clips, four times the updates; its page is NAME-longer.md),
            or trial (minutes, to see that all works; its verdicts mean nothing).
        processes: trained at once; default one a core.
        device: auto, cpu, cuda or cuda:N.
        esc: folder of ESC-10, to measure encoders of sound on real sounds too; once given, OUT keeps it.
    """
    from seehear.studies.conduct import conduct, progress

    if len(name) not in (1, 2) or name[-1] == "status" or name[:-1] not in ((), ("status",)):
        got = " ".join(name) or "nothing"
        raise InputError(f"expected a study, or status and a study (seehear study status instance), got {got}")
    if processes is not None and processes < 1:
        raise InputError(f"expected at least 1 process, got {processes}")
    if name[0] == "status":
        shown, numbers = progress(name[1], out, arms, seeds, size)
        show(shown)
        tell(numbers, report_json)
    else:
        numbers = conduct(name[0], out, arms, seeds, budget, size, processes, device_named(device), esc)
        for claim in numbers["claims"]:
            print(f"{claim['claim']}: {claim['verdict']}")
        print(out / f"{numbers['study']}.md")
        write(report_json, numbers)


def report(runs: Positional[tuple[Path, ...]], out: Path | None = None) -> None:
    """Write one HTML page about one run, or about several side by side.

    Example: seehear report runs/first runs/second --out compared.html

    Args:
        runs: folders of trained runs.
        out: the page; default report.html in the first run's folder.
    """
    from seehear.report import write_report

    if not runs:
        raise InputError("expected the folder of a run, got none: seehear report RUN")
    print(write_report(list(runs), out or runs[0] / "report.html"))
