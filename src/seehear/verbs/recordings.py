# SPDX-License-Identifier: Apache-2.0
"""Verbs about media files as they are: scan, doctor, view."""

from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from seehear.verbs.options import Report, show, write

ChannelOrder = Literal["acn", "fuma"] | None
Normalisation = Literal["sn3d", "n3d", "fuma"] | None


def scan(folder: Positional[Path], workers: int | None = None, report_json: Report = None) -> None:
    """List which files of a folder can be used, which not, and why.

    Example: seehear scan holiday_videos --json scan.json

    Args:
        folder: searched with its subfolders.
        workers: processes; default one a core.
    """
    from seehear.media import scan as scanning

    rows = scanning.scan(folder, workers=workers)
    show(scanning.table(rows))
    write(report_json, [row.json() for row in rows])
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
    write(report_json, diagnosis.json())


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
    from seehear.overlay.view import view as overlay

    places, gains = to_ambix(known)
    ears, about = ears_for(sound, head, len(places), diagnosis.seen.sample_rate)
    with untagged([file], [diagnosis.seen]) as (readable,):
        recording = Recording(readable, diagnosis.seen, tuple(places), tuple(gains), stereo)
        numbers = overlay(recording, out, ears, window=window, resolution=resolution, width=width, opacity=opacity)
    print(f"{out}: {numbers['frames']} frames, sound {about}; {known.order} order, {known.normalisation}")
    write(report_json, {**numbers, "sound": about})
