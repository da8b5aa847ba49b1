# SPDX-License-Identifier: Apache-2.0
"""Verb world: video files out of a seed."""

import inspect
from pathlib import Path
from typing import Any, Literal

from tyro.conf import Positional

from seehear.errors import InputError
from seehear.verbs.options import Report, tell, write


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
        write(report_json, {"page": _gallery(folder, chosen)})
        return
    del chosen["workers"]
    from seehear.world.files import write_world
    from seehear.world.options import plan_of

    tell(write_world(folder, plan_of(**chosen), workers=workers), report_json)


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
