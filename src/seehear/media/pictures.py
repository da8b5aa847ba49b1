# SPDX-License-Identifier: Apache-2.0
"""Exact decoding of pictures: the frame on screen at time t is the last one whose presentation time is <= t.

Times are seconds on the clock of the file, which starts at 0 with its earlier stream. Containers round time stamps to
a tick (Matroska: 1 ms), so a stamp within half a tick of an instant k / f of the stream's frame rate f means k / f.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from jaxtyping import UInt8

from seehear.errors import MediaError
from seehear.media.container import Media, Source, name_of, opened

_NUDGE = 1e-6  # s; a wanted instant on a frame boundary must not fall into the frame before by rounding
_SEEK_BACK = (0.0, 2.0, 10.0)  # s; further back when the container's index misses the key frame
_LONGEST_HOLD = 3600.0  # s one frame may stay on screen


@dataclass(frozen=True)
class Shown:
    """A decoded frame and the time [begin, end) in s it is on screen, both earlier by the nudge of 1 us."""

    begin: float
    end: float
    frame: Any


def frames(
    source: Source, start: float, count: int, fps: float, size: tuple[int, int] | None = None
) -> UInt8[np.ndarray, "T H W 3"]:
    """The frames on screen at start + k / fps (s), k = 0 .. count - 1, upright, never interpolated.

    Before the first frame the first is shown, beyond the end the last; `size` (height, width) scales the pictures.
    Raises MediaError for a file without picture and for one that cannot be decoded.
    """
    times = start + np.arange(count) / fps
    draw = Painter(size)
    pictures: list[UInt8[np.ndarray, "H W 3"]] = []
    for shown in shown_from(source, start):
        due = int(np.searchsorted(times, shown.end, side="left"))
        if due > len(pictures):
            pictures += [draw(shown.frame)] * (due - len(pictures))
        last = shown
        if len(pictures) == count:
            break
    if len(pictures) < count:
        pictures += [draw(last.frame)] * (count - len(pictures))
    return np.stack(pictures)


def shown_from(source: Source, start: float = 0.0) -> Iterator[Shown]:
    """All frames in the order of presentation, from the one on screen at `start` s (or the last) to the end."""
    for back in _SEEK_BACK:
        if start > back:
            decoded = _decoded(source, start - back)
            try:
                first = next(decoded, None)
            except MediaError as error:
                if error.reason != "corrupt":
                    raise
                continue  # some containers call a picture a key frame that is none
            if first is not None and first.frame.key_frame and first.begin <= start:
                yield from _between(source, chain([first], decoded), start)
                return
            decoded.close()
    yield from _between(source, _decoded(source, 0.0), start)


def _decoded(source: Source, start: float) -> Generator[Shown]:
    """Frames from a key frame at or before `start` s, each with an end guessed from its own duration."""
    with opened(source) as media:
        if media.picture is None:
            raise MediaError(media.name, "no picture")
        yield from _stamped(media, start)


def _stamped(media: Media, start: float) -> Iterator[Shown]:
    stream = media.picture
    tick, origin = float(stream.time_base), float(media.origin)
    rate = float(stream.average_rate or stream.guessed_rate or 25)
    if start > 0:
        media.container.seek(int((start + origin) / tick), stream=stream)
    end = -_NUDGE
    for frame in _after_key(media, stream) if start > 0 else media.container.decode(stream):
        stamp = frame.pts if frame.pts is not None else frame.dts
        if stamp is None:
            begin = end
        else:
            grid = round(stamp * tick * rate) / rate
            begin = (grid if abs(grid - stamp * tick) <= 0.501 * tick else stamp * tick) - origin - _NUDGE
        end = begin + (frame.duration * tick or 1 / rate)
        yield Shown(begin, end, frame)


def _after_key(media: Media, stream: Any) -> Iterator[Any]:
    """Frames after a seek, without those that precede the key frame and lean on pictures before it (open GOP)."""
    first = None
    for packet in media.container.demux(stream):
        if first is None and packet.is_keyframe:
            first = packet.pts
        if packet.size and (first is None or (packet.pts is not None and packet.pts < first)):
            continue
        yield from packet.decode()


def _between(source: Source, decoded: Iterator[Shown], start: float) -> Iterator[Shown]:
    """Let each frame end where the next one begins; leave out those that ended before `start`, but never the last."""
    held = None
    for shown in decoded:
        if held is not None and shown.begin - held.begin > _LONGEST_HOLD:
            raise MediaError(name_of(source), "corrupt", f"its time stamps jump to {shown.begin:.0f} s")
        if held is not None and shown.begin > start:
            yield _whole(source, Shown(held.begin, shown.begin, held.frame))
        held = shown
    if held is None:
        raise MediaError(name_of(source), "corrupt", "no frame could be decoded")
    yield _whole(source, held)


def _whole(source: Source, shown: Shown) -> Shown:
    if shown.frame.is_corrupt:
        raise MediaError(name_of(source), "corrupt", f"the picture at {max(shown.begin, 0):.2f} s is damaged")
    return shown


class Painter:
    """Turns decoded frames into upright arrays, all of the first one's size or of a given one (height, width)."""

    def __init__(self, size: tuple[int, int] | None = None, order: str = "rgb24") -> None:
        from av.video.reformatter import VideoReformatter

        self.size, self.order, self.reformatter = size, order, VideoReformatter()

    def __call__(self, frame: Any) -> UInt8[np.ndarray, "H W 3"]:
        turns = round(frame.rotation / 90) % 4
        if self.size is None:
            self.size = (frame.height, frame.width)[:: -1 if turns % 2 else 1]
        height, width = self.size[:: -1 if turns % 2 else 1]
        smaller = width * height < frame.width * frame.height
        picture = self.reformatter.reformat(
            frame, width, height, self.order, interpolation="AREA" if smaller else "BICUBIC", threads=1
        ).to_ndarray()
        return np.ascontiguousarray(np.rot90(picture, turns)) if turns else picture
