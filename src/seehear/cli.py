# SPDX-License-Identifier: Apache-2.0
"""The verbs of `seehear`. Their options are their signatures, so this module imports nothing heavy at its top."""

import contextlib
import difflib
import functools
import inspect
import io
import re
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Positional, arg

from seehear.errors import InputError

Report = Annotated[Path | None, arg(name="json", help="write the printed numbers to this file")]
ChannelOrder = Literal["acn", "fuma"] | None
Normalisation = Literal["sn3d", "n3d", "fuma"] | None
Verb = Callable[..., None]
Layout = Literal["kinetics400", "audioset", "vggsound", "ucf101", "hmdb51", "esc50", "esc10", "dcase"]


def quickstart(
    out: Path = Path("runs/quickstart"),
    data: Path | None = None,
    labels: Path | None = None,
    seed: int = 0,
    minutes: float | None = None,
    report_json: Report = None,
) -> None:
    """Videos -> library -> two encoders -> how good they became -> one page, in under five minutes.

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
    _write(report_json, numbers)


def world(
    folder: Positional[Path],
    scenes: int = 900,
    seed: int = 0,
    seconds: float = 4.0,
    view: Literal["flat", "panorama", "perspective"] = "flat",
    size: int | None = None,
    fps: float = 10.0,
    rate: int = 24_000,
    voice_over: float = 0.0,
    silent_look_alike: float = 0.0,
    nuisance: float = 1.0,
    companions: float | None = None,
    off_screen: float | None = None,
    sources: tuple[int, int] | None = None,
    moving: float | None = None,
    indoors: float | None = None,
    hidden: float | None = None,
    silent_twin: float | None = None,
    reverberation: float | None = None,
    noise: float | None = None,
    sound: Literal["mono", "stereo", "foa", "soa", "toa", "binaural"] | None = None,
    fov: float | None = None,
    look: tuple[float, float] | None = None,
    tail: bool = True,
    rig: bool = False,
    stems: bool = False,
    masks: bool = False,
    depth: bool = False,
    flow: bool = False,
    gallery: bool = False,
    workers: int | None = None,
    report_json: Report = None,
) -> None:
    """Make real video files with sound, labels and exact truth out of a seed: flat ones, or all around the listener.

    Example: seehear world scenes --scenes 20 --seed 7
    Example: seehear world around --scenes 9 --view panorama --sound foa --sources 1 4 --masks
    Example: seehear world page --gallery

    Args:
        folder: where the files and catalog.csv go.
        scenes: how many; two thirds are for training, a ninth for validation, the rest for the test.
        seed: the same seed makes the same pixels and samples.
        seconds: length of a scene.
        view: the flat world (one camera, mono), or a 360° scene as a panorama or through a camera.
        size: height of the picture (pixels); default 96, and 160 for 360° scenes. A panorama is twice as wide.
        fps: frames a second.
        rate: sampling rate of the sound (Hz).
        voice_over: share of scenes whose sound is replaced (faulty positives).
        silent_look_alike: share of scenes that also show a silent look-alike.
        nuisance: strength of everything that says nothing about the class; 1 is calibrated.
        companions: flat: chance of each of two further things, heard more softly; default 0.25.
        off_screen: flat: chance that such a thing is outside the view; default 0.5.
        sources: 360°: fewest and most things that are heard, 1 to 6; default 1 3.
        moving: 360°: share of the things that pass by or go around; default 0.5.
        indoors: 360°: share of scenes in rooms; default 0.5.
        hidden: 360°: chance that a further thing is heard and not seen.
        silent_twin: 360°: share of scenes that also show a silent thing of the labelled class.
        reverberation: 360°: factor of the rooms' reverberation time, 0 to 2; 0 is without echoes.
        noise: 360°: factor of the microphone's noise, 0 to 2.
        sound: 360°: mono, two channels, ambisonics of order 1 to 3, or two ears; default foa.
        fov: perspective: horizontal field of view (degrees); default 90.
        look: perspective: azimuth and elevation the camera looks to (degrees, left and up positive); sound stays.
        tail: 360°: rooms ring after their first echoes.
        rig: 360°: also the eight ears of four heads, to FILE.rig.flac.
        stems: 360°: also each source alone, to FILE.stems.flac.
        masks: 360°: instances and classes of all pixels, to FILE.truth.npz (with where the sources are).
        depth: 360°: distance along every ray (m), in the same file.
        flow: 360°: motion of every pixel to the next frame (pixels), in the same file.
        gallery: no files, but a page of examples to look at and listen to; takes --seed, --seconds and --size.
        workers: processes; default one a core.
    """
    chosen = dict(locals())
    for name in ("folder", "gallery", "report_json"):
        del chosen[name]
    if gallery:
        _write(report_json, {"page": _gallery(folder, chosen)})
        return
    del chosen["workers"]
    from seehear.world.files import write_world
    from seehear.world.options import plan_of

    numbers = write_world(folder, plan_of(**chosen), workers=workers)
    for name, value in numbers.items():
        print(f"{name}: {value}")
    _write(report_json, numbers)


def _gallery(folder: Path, chosen: dict[str, Any]) -> str:
    """Write the page, and refuse options that it does not have; returns where it is."""
    usual = inspect.signature(world).parameters
    own = {name: chosen.pop(name) for name in ("seed", "seconds", "size")}
    for name, value in chosen.items():
        if value != usual[name].default:
            raise InputError(
                f"expected only --seed, --seconds and --size with --gallery, got --{name.replace('_', '-')} {value}"
            )
    from seehear.gallery import gallery

    page = str(gallery(folder, own["seed"], 320 if own["size"] is None else own["size"], own["seconds"]))
    print(page)
    return page


def scan(folder: Positional[Path], workers: int | None = None, report_json: Report = None) -> None:
    """List which files of a folder can be used, which not, and why.

    Example: seehear scan holiday_videos --json scan.json

    Args:
        folder: searched with its subfolders.
        workers: processes; default one a core.
    """
    from seehear.media import scan as scanning

    rows = scanning.scan(folder, workers=workers)
    _show(scanning.table(rows))
    _write(report_json, [row.json() for row in rows])
    scanning.require_usable(folder, rows)


def doctor(
    files: Positional[tuple[Path, ...]],
    fix: Path | None = None,
    order: ChannelOrder = None,
    normalisation: Normalisation = None,
    picture: Literal["flat", "mono", "top-bottom", "left-right"] | None = None,
    report_json: Report = None,
) -> None:
    """Say whether a file is 360°, whether its sound is ambisonic and how, and what is wrong with it; mend it.

    Conventions are told by the signal and the tags. Several files are one recording, its channels in their order.

    Example: seehear doctor concert.mov --fix mended.mov

    Args:
        files: the recording.
        fix: write it with channels in ACN order and SN3D, and with the right tags; pictures are copied untouched.
        order: of the ambisonic channels, if you know it better.
        normalisation: of the ambisonic channels, if you know it better.
        picture: flat, or 360° for one eye (mono) or for two, if you know it better.
    """
    from seehear.doctor.examine import examine, said
    from seehear.doctor.text import describe

    diagnosis = examine(files, said(order, normalisation), picture)
    print(describe(diagnosis))
    if fix is not None:
        from seehear.doctor.fix import mend

        print(mend(diagnosis, fix))
    _write(report_json, diagnosis.json())


def view(
    file: Positional[Path],
    out: Positional[Path],
    sound: Literal["binaural", "stereo"] = "binaural",
    head: Path | None = None,
    window: float = 0.2,
    resolution: float = 4.0,
    width: int = 1280,
    opacity: float = 0.7,
    plain: bool = False,
    order: ChannelOrder = None,
    normalisation: Normalisation = None,
    picture: Literal["mono", "top-bottom", "left-right"] | None = None,
    report_json: Report = None,
) -> None:
    """Show where the sound of a 360° recording comes from: its energy map as heat over the picture.

    OUT is a video with sound for headphones or loudspeakers, or a PNG of six instants. Red is loud.

    Example: seehear view concert.mov concert-map.mp4

    Args:
        file: a recording with ambisonic sound; without a picture it gets a grid of directions.
        out: a name that ends in .mp4, .mov, .mkv or .png.
        sound: binaural for headphones, or stereo: two cardioids to the left and to the right.
        head: SOFA file of a measured head; default a rigid sphere.
        window: length of sound that one map is made of (s).
        resolution: of the map (degrees).
        width: of the picture (pixels); it is half as high.
        opacity: of the reddest paint, 0 to 1.
        plain: show a grid of directions instead of the picture.
        order: of the ambisonic channels, if you know it better.
        normalisation: of the ambisonic channels, if you know it better.
        picture: 360° for one eye (mono) or for two, if you know it better.
    """
    from seehear.doctor.ambix import require_ambisonic, require_panorama, to_ambix
    from seehear.doctor.examine import examine, said, untagged

    diagnosis = examine([file], said(order, normalisation), picture)
    known, stereo = require_ambisonic(diagnosis), None if plain else require_panorama(diagnosis)

    from seehear.overlay.ears import ears_for
    from seehear.overlay.view import Recording
    from seehear.overlay.view import view as show

    places, gains = to_ambix(known)
    ears, about = ears_for(sound, head, len(places), diagnosis.seen.sample_rate)
    with untagged([file], [diagnosis.seen]) as (readable,):
        recording = Recording(readable, diagnosis.seen, tuple(places), tuple(gains), stereo)
        numbers = show(recording, out, ears, window=window, resolution=resolution, width=width, opacity=opacity)
    print(f"{out}: {numbers['frames']} frames, sound {about}; {known.order} order, {known.normalisation}")
    _write(report_json, {**numbers, "sound": about})


def pack(
    folder: Positional[Path],
    library: Positional[str],
    profile: Literal["jpeg", "h264"] = "jpeg",
    size: int = 128,
    fps: float = 16.0,
    rate: int = 24_000,
    seconds: float = 10.0,
    labels: Path | None = None,
    layout: Layout | None = None,
    split: int | None = None,
    lists: Path | None = None,
    needs: Literal["both", "pictures", "sound"] | None = None,
    workers: int | None = None,
    report_json: Report = None,
) -> None:
    """Transcode a folder of videos into a library that trains fast; new files are added, done ones skipped.

    Example: seehear pack holiday_videos holiday.library --labels labels.csv

    Args:
        folder: searched with its subfolders.
        library: a path, or the URL of an object store.
        profile: jpeg reads fastest, h264 is smallest.
        size: short side of the pictures (pixels).
        fps: frames a second that are kept.
        rate: sampling rate of the sound (Hz).
        seconds: longest clip; longer files are cut into several.
        labels: CSV file with column file, and label, split, licence, or any other.
        layout: the folder is this public data set; labels and splits come from its official lists.
        split: which of the official splits or folds of the layout; default the first.
        lists: folder of the official lists; default the folder itself.
        needs: what a file must have to be used; default both, or what the layout has.
        workers: processes; default one a core.
    """
    from seehear.data.pack import pack as packing
    from seehear.data.public import LAYOUTS, read

    known: Any = labels
    if layout is None and (split is not None or lists is not None):
        raise InputError("expected --layout beside --split and --lists, which are of a public data set")
    if layout is not None:
        if labels is not None:
            raise InputError("expected --labels or --layout, got both: a layout has labels of its own")
        listing = read(layout, folder, split, lists)
        print(listing.note)
        known, needs = listing.labels, needs or LAYOUTS[layout].needs
    shape: dict[str, Any] = {"profile": profile, "size": size, "fps": fps, "rate": rate, "seconds": seconds}
    numbers: dict[str, Any] = packing(folder, library, **shape, labels=known, needs=needs or "both", workers=workers)
    if layout is not None:
        numbers |= {"missing": len(listing.missing)}
    for name, value in numbers.items():
        print(f"{name}: {value}")
    _write(report_json, numbers)


def info(library: Positional[str], report_json: Report = None) -> None:
    """Hours, classes, rates and sizes of a library, and what was left out of it.

    Example: seehear info holiday.library

    Args:
        library: a path, or the URL of an object store.
    """
    from seehear.data import info as about

    numbers = about.info(library)
    _show(about.info_table(numbers))
    _write(report_json, numbers)


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
        raise InputError(f"expected a protocol of {', '.join(known)}, got {protocol!r}{_meant(protocol, known)}")
    model, library = checkpoint.load(run, which), Library(data)
    place: dict[str, Any] = {"count": windows, "seed": seed, "device": _device(device), "workers": workers}
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
        _show(table(result))
    plain = [result.plain for result in results]
    _write(report_json, plain if protocol == "all" else plain[0])


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
        frames: frames a clip; the papers take 8 or 32 (16 for Kinetics), tiny what the run was trained with.
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
    from seehear.data.library import Library
    from seehear.evals.finetune import finetune as measure
    from seehear.evals.results import table

    model, clips, place = checkpoint.load(run, which), Library(library), _device(device)
    result = measure(model, clips, run, settings, modality, windows, split, seed, place, workers)
    _show(table(result))
    _write(report_json, result.plain)


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
    from seehear.evals.embed import embed as write

    numbers = write(checkpoint.load(run), Library(library), out or run / "features.parquet", device=_device(device))
    for name, value in numbers.items():
        print(f"{name}: {value}")
    _write(report_json, numbers)


def curate(
    library: Positional[str],
    run: Positional[Path],
    out: Path | None = None,
    count: int = 24,
    windows: int = 4,
    which: Literal["last", "best"] = "last",
    device: str = "auto",
    workers: int = 0,
    report_json: Report = None,
) -> None:
    """List the clips whose sound does not belong to their picture, with a page to look at them and to listen.

    Example: seehear curate holiday.library runs/holiday --out holiday-curated

    Args:
        library: the clips; labels are not needed.
        run: folder of a trained run; clips it has no memory of are judged by its encoders.
        out: folder for curate.csv (all clips) and curate.html; default the run's folder.
        count: clips on the page, and a third as many for comparison.
        windows: looked at in each clip that the run has no memory of.
        which: the last checkpoint, or the best.
        device: auto, cpu, cuda or cuda:N.
        workers: processes that read clips.
    """
    from seehear.data.library import Library
    from seehear.report.curate import curate as rank

    place: dict[str, Any] = {"windows": windows, "device": _device(device), "workers": workers}
    numbers = rank(Library(library), run, out or run, count, which, **place)
    for name, value in numbers.items():
        print(f"{name}: {value:.3f}" if isinstance(value, float) else f"{name}: {value}")
    _write(report_json, numbers)


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

    Studies: instance (claims A1 to A10, AVID-CMA), robust (B1 to B9, Robust-xID). A stopped study goes on where it was.

    Example: seehear study instance --out runs/studies --budget 60; seehear study status instance --out runs/studies

    Args:
        name: a study, or status and a study.
        out: folder of the world, its library, all runs, and the page NAME.md.
        arms: only these, and what they start from; default all.
        seeds: only these; default as many as the claims need.
        budget: stop after this many minutes; what was begun is saved.
        size: tiny (hours on 2 CPU cores), longer (the same clips, four times the updates; its page is NAME-longer.md),
            or trial (minutes, to see that all works; its verdicts mean nothing).
        processes: trained at once; default one a core.
        device: auto, cpu, cuda or cuda:N.
        esc: folder of ESC-10, to measure encoders of sound on real sounds too; once given, OUT keeps it.
    """
    from seehear.studies.conduct import conduct, progress

    if len(name) not in (1, 2) or name[-1] == "status" or name[:-1] not in ((), ("status",)):
        raise InputError("expected a study, or status and a study: seehear study status instance")
    if name[0] == "status":
        shown, numbers = progress(name[1], out, arms, seeds, size)
        _show(shown)
        for key, value in numbers.items():
            print(f"{key}: {value}")
    else:
        numbers = conduct(name[0], out, arms, seeds, budget, size, processes, _device(device), esc)
        for claim in numbers["claims"]:
            print(f"{claim['claim']}: {claim['verdict']}")
        print(out / f"{numbers['study']}.md")
    _write(report_json, numbers)


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


def import_published(
    file: Positional[Path],
    out: Path,
    source: Annotated[Literal["avid-cma"], arg(name="from")] = "avid-cma",
    statistics: Path | None = None,
    report_json: Report = None,
) -> None:
    """Turn published weights into a run folder, so that every protocol measures them.

    Example: seehear import checkpoint.pth.tar --from avid-cma --statistics audio-stats.npz --out runs/published

    Args:
        file: the published checkpoint, or its tensors as safetensors.
        out: the run folder to make.
        source: whose weights they are.
        statistics: the published mean and spread of the spectrogram (.npz, arrays mean and std).
    """
    from seehear.published import import_weights

    found = import_weights(file, out, source, statistics)
    for name, value in found.items():
        print(f"{name}: {value}")
    _write(report_json, found)


def train(arguments: list[str]) -> None:
    """Train encoders by a recipe: cross_avid, cross_avid_cma, robust_xid, ..., or your own as MODULE:FUNCTION.

    Example: seehear train cross_avid --data holiday.library --out runs/holiday
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
    _call(merged, f"train {arguments[0]}", arguments[1:])


def _fit(
    make: Callable[[], Any],
    out: Annotated[Path, arg(help="folder of the run")],
    resume: Annotated[bool, arg(help="go on with a run that was stopped")] = False,
    device: Annotated[str, arg(help="auto, cpu, cuda or cuda:N")] = "auto",
    workers: Annotated[int, arg(help="processes that read clips; 0 reads in the training process")] = 1,
    max_minutes: Annotated[float | None, arg(help="save and stop after this long")] = None,
    report_json: Report = None,
) -> None:
    from dataclasses import asdict

    from seehear.train import fit

    position = fit(make(), out, device=device, workers=workers, resume=resume, max_minutes=max_minutes)
    if not position.done:
        print(f"stopped at step {position.total}; go on with the same command and --resume", file=sys.stderr)
    _write(report_json, asdict(position))


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
VERBS: dict[str, Verb] = {
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


def _recipe(name: str) -> Callable[..., Any]:
    """The recipe of a name, or of MODULE:FUNCTION in the working directory or the path."""
    place = RECIPES.get(name, name)
    module, _, function = place.partition(":")
    if not function:
        raise InputError(f"expected a recipe, got {name!r}{_meant(name, RECIPES)}: one of {', '.join(RECIPES)}")
    sys.path.insert(0, "")
    try:
        found: Callable[..., Any] = getattr(import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise InputError(f"expected a recipe at {place}, could not import it: {error}") from error
    return found


def _meant(word: str, known: Any) -> str:
    """A guess at what a misspelt word was meant to be."""
    close = difflib.get_close_matches(word, list(known), 3)
    return f", did you mean {' or '.join(close)}?" if close else ""


def _call(function: Callable[..., Any], name: str, arguments: list[str]) -> None:
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
            raise InputError(f"seehear {name} has no option {option}{_meant(option, known)}; see seehear {name} --help")

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
    for option in ("seed", "workers"):
        value = chosen.keywords.get(option) or 0
        if not 0 <= value < 2**63:
            raise InputError(f"expected --{option} of at least 0 and below 2^63, got {value}")
    chosen()


def _device(name: str) -> str:
    from seehear.dist import engine

    return str(engine(name).device)


def _show(table: Any) -> None:
    from rich.console import Console

    Console().print(table)


def _write(path: Path | None, value: Any) -> None:
    from seehear.atomic import write_json

    if path is not None:
        write_json(path, value)


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
            _call(VERBS[name], name, rest)
        else:
            raise InputError(f"seehear has no verb {name}{_meant(name, VERBS)}; one of {', '.join(VERBS)}")
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
