# SPDX-License-Identifier: Apache-2.0
"""What a packing worker does: one source file in, packed clips out, judged on the way so that it is decoded only once.

This module, and all it imports, does without torch: a worker is ready in a fraction of a second.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from seehear.data.packed import Pictures, Profile, pack_h264, pack_jpeg, pack_sound
from seehear.errors import InputError, MediaError
from seehear.media.pictures import Painter, Shown, shown_from
from seehear.media.probe import Probe, probe
from seehear.media.sounds import SoundTrack
from seehear.media.verdict import Needs, Row, changes, examine, judge_headers, known, refused, silent

Window = tuple[float, float, list[Any], Float32[np.ndarray, "C N"]]
"""Start and length in s, frames, sound."""

_STAMP_SIZE = (64, 48)  # (width, height) in pixels; small pictures show whether anything moves


@dataclass(frozen=True)
class Settings:
    """How sources become clips: the shorter side in pixels, the highest frame rate, sampling rate, clip length in s.

    What a source has beyond what it `needs` is kept too.
    """

    profile: Profile = "jpeg"
    size: int = 128
    fps: float | None = 16.0
    rate: int = 24000
    seconds: float = 10.0
    min_seconds: float = 1.0
    needs: Needs = "both"


@dataclass(frozen=True)
class Task:
    """One source file, named as the library will call it, with its size in bytes and time of change in ns.

    `known` is the hash of what the library holds of it; where it is still that, there is nothing to do.
    """

    file: str
    path: Path
    settings: Settings
    bytes: int = 0
    modified: int = 0
    known: str = ""


@dataclass(frozen=True)
class Began:
    """A file opens; what is known of it before it is judged."""

    row: Row


@dataclass(frozen=True)
class Dropped:
    """A clip that is not worth keeping."""

    start: float
    reason: str


@dataclass(frozen=True)
class Ended:
    """A file is done with, usable or not."""

    row: Row


def transcode(task: Task) -> Iterator[Began | dict[str, Any] | Dropped | Ended]:
    """Say that a file began, then its clips (dicts of columns) and those dropped, and at last its verdict."""
    row = Row(task.file)
    try:
        seen = probe(task.path)
        row = known(task.file, task.path, seen)
        yield Began(row)
        if row.hash == task.known:
            yield Ended(row)
            return
        asked = task.settings.min_seconds, task.settings.needs
        if not judge_headers(row, seen, *asked).usable:
            row = examine(task.file, task.path, *asked)
        counts: Counter[str] = Counter()
        for made in _clips(task, seen) if row.usable else ():
            counts[made.reason if isinstance(made, Dropped) else ""] += 1
            yield made
        if row.usable and not counts[""]:
            reason, _ = max(counts.items(), key=lambda pair: pair[1], default=("too short", 0))
            row = refused(row, reason or "too short", "throughout")
    except MediaError as error:
        row = refused(row, error.reason, error.detail)
    except (InputError, OSError) as error:
        row = refused(row, "corrupt", str(error))
    yield Ended(row)


def sample(task: Task) -> Iterator[tuple[float, float]]:
    """Transcode the first clip only: yield (bytes, seconds) that packing would take for each byte of the file."""
    started, duration = time.perf_counter(), 0.0
    made, times = 0.0, 1.0
    for said in transcode(task):
        if isinstance(said, Began):
            duration = said.row.duration
        if isinstance(said, dict):
            made, times = said["bytes"], max(1.0, duration / said["duration"])
            break
    spent = time.perf_counter() - started
    yield made * times / max(task.bytes, 1), spent * times / max(task.bytes, 1)


def _clips(task: Task, seen: Probe) -> Iterator[dict[str, Any] | Dropped]:
    settings = task.settings
    fps = min(seen.fps or 25.0, settings.fps or 1000.0) if seen.width else 0.0
    width, height = scaled(seen.width, seen.height, settings.size) if seen.width else (0, 0)
    shared = {
        "fps": fps,
        "width": width,
        "height": height,
        "layout": seen.layout,
        "rate": settings.rate,
        "spherical": json.dumps(asdict(seen.spherical)) if seen.spherical else "",
        "ambisonic": json.dumps(asdict(seen.ambisonic)) if seen.ambisonic else "",
    }
    with _track(task, seen) as track:
        if track and not seen.width:
            windows = _heard(track, settings)
        else:
            windows = _seen(task, fps, Painter((height, width), "bgr24"), track)
        for start, duration, pictures, sound in windows:
            if settings.needs != "sound" and not _moves(pictures):
                yield Dropped(start, "still picture")
            elif settings.needs != "pictures" and silent(sound):
                yield Dropped(start, "silent")
            else:
                placed = {"start": start, "duration": duration}
                yield shared | placed | _packed(pictures, sound, fps, settings)


def _track(task: Task, seen: Probe) -> AbstractContextManager[SoundTrack | None]:
    return SoundTrack(task.path) if seen.channels else nullcontext()


def _seen(task: Task, fps: float, paint: Painter, track: SoundTrack | None) -> Iterator[Window]:
    """The windows of a recording with pictures."""
    rate = task.settings.rate
    for start, pictures in _cut(shown_from(task.path), fps, task.settings, paint):
        duration = len(pictures) / fps
        sound = track.cut(start, duration, rate) if track else np.zeros((0, round(duration * rate)), np.float32)
        yield start, duration, pictures, sound


def _heard(track: SoundTrack, settings: Settings) -> Iterator[Window]:
    """The windows of a recording without pictures; a rest shorter than `min_seconds` is left out."""
    number, duration = 0, settings.seconds
    while duration == settings.seconds:
        start = number * settings.seconds
        sound = track.cut(start, settings.seconds, settings.rate)
        duration = min(settings.seconds, track.end / track.rate - start)
        # A window is made of samples: one sample less than asked for is no reason to lose it.
        if duration > 0 and duration + 1 / settings.rate >= settings.min_seconds:
            yield start, duration, [], sound[:, : round(duration * settings.rate)]
        number += 1


def _packed(pictures: list[Any], sound: Float32[np.ndarray, "C N"], fps: float, settings: Settings) -> dict[str, Any]:
    """The columns of what is seen and heard; those of what is not there are empty."""
    packed = Pictures(b"", np.zeros(1, dtype=np.int64), 1)
    if pictures:
        packed = pack_jpeg(pictures) if settings.profile == "jpeg" else pack_h264(pictures, fps)
    coding, heard = pack_sound(sound, settings.rate) if len(sound) else ("", b"")
    return {
        "frames": len(pictures),
        "channels": len(sound),
        "coding": coding,
        "gop": packed.gop,
        "bytes": len(packed.data) + len(heard),
        "offsets": packed.offsets.tolist(),
        "video": packed.data,
        "sound": heard,
    }


def _cut(shown: Iterator[Shown], fps: float, settings: Settings, paint: Painter) -> Iterator[tuple[float, list[Any]]]:
    """Yield (start in s, frames) of clip after clip; a rest shorter than `min_seconds` is left out."""
    count = ceil(settings.seconds * fps - 1e-6)
    number = 0
    pictures: list[Any] = []
    for now in shown:
        picture = None
        while number * settings.seconds + len(pictures) / fps < now.end:
            picture = paint(now.frame) if picture is None else picture
            pictures.append(picture)
            if len(pictures) == count:
                yield number * settings.seconds, pictures
                number, pictures = number + 1, []
    # Half a frame less than asked for is no reason to lose a clip.
    if (len(pictures) + 0.5) / fps >= settings.min_seconds:
        yield number * settings.seconds, pictures


def scaled(width: int, height: int, size: int) -> tuple[int, int]:
    """Even width and height whose shorter side is `size` at most, with the sides' ratio kept."""
    scale = min(1.0, size / min(width, height))
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


def _moves(pictures: list[Any]) -> bool:
    import cv2

    first = cv2.resize(pictures[0], _STAMP_SIZE, interpolation=cv2.INTER_AREA)
    for picture in reversed(pictures):  # the last differs most from the first
        if changes(first, cv2.resize(picture, _STAMP_SIZE, interpolation=cv2.INTER_AREA)[None]):
            return True
    return False
