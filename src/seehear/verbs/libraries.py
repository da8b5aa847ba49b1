# SPDX-License-Identifier: Apache-2.0
"""Verbs about libraries: pack, info, curate."""

from pathlib import Path
from typing import Any, Literal

from tyro.conf import Positional

from seehear.errors import InputError
from seehear.verbs.options import Report, device_named, show, tell, write

Layout = Literal["kinetics400", "audioset", "vggsound", "ucf101", "hmdb51", "esc50", "esc10", "dcase"]


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
    tell(numbers, report_json)


def info(library: Positional[str], report_json: Report = None) -> None:
    """Hours, classes, rates and sizes of a library, and what was left out of it.

    Example: seehear info holiday.library

    Args:
        library: a path, or the URL of an object store.
    """
    from seehear.data import info as about

    numbers = about.info(library)
    show(about.info_table(numbers))
    write(report_json, numbers)


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

    place: dict[str, Any] = {"windows": windows, "device": device_named(device), "workers": workers}
    numbers = rank(Library(library), run, out or run, count, which, **place)
    for name, value in numbers.items():
        print(f"{name}: {value:.3f}" if isinstance(value, float) else f"{name}: {value}")
    write(report_json, numbers)
