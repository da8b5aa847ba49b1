# SPDX-License-Identifier: Apache-2.0
"""`seehear view`: a 360° recording with the energy map of its sound over the picture, and its sound for two ears.

The map is E(d, t) of thesis Eq. 5.5 (`spatial.energy`) in a window centred on each frame. The picture is stretched to
2:1, of two eyes the left one is shown, and sound without picture gets a plain panorama. The result is not tagged as
360°, so that players show all directions at once.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Float64
from torch import Tensor

from seehear.errors import InputError
from seehear.media.encode import encode
from seehear.media.pictures import Painter, shown_from
from seehear.media.probe import Probe
from seehear.media.sounds import SoundTrack
from seehear.overlay.ears import Ears
from seehear.overlay.paint import Heat, Picture, graticule, write_still
from seehear.progress import bar
from seehear.spatial.energy import covariance

_PIECE = 10.0  # s of sound at a time
_MARGIN = 0.1  # s around it, longer than the response of a head
_FASTEST = 30.0  # frames/s
_INSTANTS = 6  # of a still
_LIMITS = {
    "window": (0.005, 10.0, " s"),
    "resolution": (0.5, 30.0, " degrees"),
    "width": (64, 8192, " pixels"),
    "opacity": (0.0, 1.0, ""),
}


@dataclass(frozen=True)
class Recording:
    """What is to be shown: AmbiX channel k is channel places[k] of the sound times gains[k], further channels are a
    head-locked pair. `stereo` says how the picture holds its eyes, None that a grid is to be its picture.
    """

    file: Path
    seen: Probe
    places: tuple[int, ...]
    gains: tuple[float, ...]
    stereo: str | None = "mono"

    @property
    def fps(self) -> float:
        """Frames a second of the result."""
        return min(self.seen.fps or _FASTEST, _FASTEST) if self.stereo else _FASTEST


def view(
    recording: Recording,
    out: Path,
    ears: Ears,
    *,
    window: float = 0.2,
    resolution: float = 4.0,
    width: int = 1280,
    opacity: float = 0.7,
    quiet: bool = False,
) -> dict[str, Any]:
    """Write a video with the sound `ears` makes of the recording, or for a name that ends in .png a still of six
    instants, each the one of its sixth of the time with most direction in it.

    `window` in s, `resolution` of the map in degrees, `width` of the picture in pixels; `opacity` from 0 to 1. Returns
    frames and seconds. Raises InputError for numbers out of range.
    """
    _check(window=window, resolution=resolution, width=width, opacity=opacity)
    size = (width // 4 * 2, width // 4 * 4)
    matrices, heard, rate = listen(recording, ears, window)
    paint, still = Heat(matrices, resolution, size, opacity), out.suffix.lower() == ".png"
    wanted = instants(paint.spread, _INSTANTS) if still else range(len(matrices))
    with bar("view", len(wanted), quiet) as progress:

        def painted() -> Iterator[Picture]:
            for index, picture in zip(wanted, pictures(recording, wanted, size), strict=True):
                yield paint(picture, index)
                progress.advance()

        if still:
            write_still(out, list(painted()), [index / recording.fps for index in wanted])
        else:
            encode(out, painted(), recording.fps, heard, rate)
    return {"frames": len(wanted), "seconds": len(matrices) / recording.fps}


def _check(**numbers: float | int) -> None:
    for name, value in numbers.items():
        low, high, unit = _LIMITS[name]
        if not low <= value <= high:
            raise InputError(f"expected --{name} from {low:g} to {high:g}{unit}, got {value:g}")


def listen(
    recording: Recording, ears: Ears, window: float
) -> tuple[Float64[Tensor, "T C C"], Float32[np.ndarray, "2 N"], int]:
    """Covariances of the windows around all frames, the sound for two ears (softer where it would clip), its rate."""
    fps, components = recording.fps, len(recording.places)
    gains = np.array(recording.gains, dtype=np.float32)[:, None]
    matrices, heard, at = [], [], 0
    with SoundTrack(recording.file) as track:
        rate = track.rate
        while round(at / fps * rate) < track.end:
            frames = max(round(_PIECE * fps), 1)
            start, seconds, lead = at / fps, frames / fps, _MARGIN + window / 2
            piece = track.cut(start - lead, seconds + 2 * lead, rate)
            field = torch.from_numpy(piece[list(recording.places)] * gains)
            skip = round(_MARGIN * rate)
            matrices.append(covariance(field[:, skip:-skip], rate, window, 1 / fps)[:frames])
            low = round(start * rate) - round((start - lead) * rate)
            both = ears(field).numpy() + (piece[components:] if len(piece) > components else 0)
            end = min(round((start + seconds) * rate), track.end)
            heard.append(both[:, low:][:, : end - round(start * rate)])
            at += frames
        count = max(1, int(track.end / rate * fps))
    sound = np.concatenate(heard, axis=1)
    return torch.cat(matrices)[:count], sound / max(1.0, float(np.abs(sound).max(initial=0.0))), rate


def pictures(recording: Recording, wanted: Sequence[int], size: tuple[int, int]) -> Iterator[Picture]:
    """The frames on screen at k / fps for the wanted k, one eye of them; the last one is held."""
    height, width = size
    if recording.stereo is None:
        yield from repeat(graticule(height, width), len(wanted))
        return
    down, across = {"top-bottom": (2, 1), "left-right": (1, 2)}.get(recording.stereo, (1, 1))
    draw = Painter((height * down, width * across))
    times = [index / recording.fps for index in wanted]
    if len(wanted) <= _INSTANTS:
        for time in times:
            yield draw(next(shown_from(recording.file, time)).frame)[:height, :width]
        return
    done = 0
    for shown in shown_from(recording.file):
        due = bisect_left(times, shown.end)
        if due > done:
            picture = draw(shown.frame)[:height, :width]
            yield from repeat(picture, due - done)
            done = due
        last = shown
        if done == len(times):
            return
    yield from repeat(draw(last.frame)[:height, :width], len(times) - done)


def instants(spread: Float64[np.ndarray, "T"], count: int) -> list[int]:
    """In the middle half of each of `count` equal parts of the time the frame with the largest spread."""
    parts = np.array_split(np.arange(len(spread)), min(count, len(spread)))
    middles = [part[len(part) // 4 : len(part) - len(part) // 4] for part in parts]
    return [int(middle[np.argmax(spread[middle])]) for middle in middles]
