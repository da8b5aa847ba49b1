# SPDX-License-Identifier: Apache-2.0
"""Exact decoding of sound: every channel, to the sample, at any rate.

Time 0 s is the same as for the pictures of the file. Output sample n of a window at `start` s is the sound at
round(start rate) / rate + n / rate whatever the window: windows are resampled with a margin on both sides, cut where
the samples of both rates coincide, so that a window equals the same piece of the whole.

Ambisonic sound comes in ACN order (W, Y, Z, X, ..., then head-locked left and right), whatever the order in the track.
"""

from collections import deque
from collections.abc import Iterator
from io import BytesIO
from math import ceil, floor, gcd
from typing import Any

import numpy as np
from jaxtyping import Float32

from seehear.errors import MediaError
from seehear.media.container import Media, Source, opened
from seehear.media.tags import Ambisonic
from seehear.signal.resample import resample

_MARGIN = 0.05  # s; longer than the resampling filter
_PREROLL = 0.3  # s; codecs need the blocks (Opus: 80 ms) before the first one that is to be right
_GAP = 0.04  # s; time stamps coarser than a sample are only followed over gaps longer than this
_RATES = (1_000, 1_000_000)  # Hz
_MOST_CHANNELS = 256
_EXACT_SEEK = ("mov", "mp4", "wav", "aiff")  # containers whose index is exact to the sample; others are read through

Block = tuple[int, Float32[np.ndarray, "C N"]]


def sound(source: Source, start: float, duration: float, rate: int) -> Float32[np.ndarray, "C N"]:
    """The sound of [start, start + duration) s, N = round(duration rate), zeros outside the recording.

    Raises MediaError for a file without sound and for one that cannot be decoded.
    """
    with SoundTrack(source, start) as track:
        return track.cut(start, duration, rate)


class SoundTrack:
    """The sound of a file, read forwards: windows may overlap a little but not go back."""

    def __init__(self, source: Source, start: float = 0.0) -> None:
        self._stream = _blocks(source, max(start - _MARGIN, 0.0))
        first = next(self._stream)
        self.rate, self.layout = first
        self._held: deque[Block] = deque()
        self.end = 0  # the sample behind the last one decoded so far
        self._pull()
        self.channels = len(self._held[0][1])

    def __enter__(self) -> "SoundTrack":
        return self

    def __exit__(self, *error: object) -> None:
        self._stream.close()

    def cut(self, start: float, duration: float, rate: int) -> Float32[np.ndarray, "C N"]:
        """The sound of [start, start + duration) s at `rate` Hz in [-1, 1]."""
        common = gcd(self.rate, rate)  # both rates have a sample at every multiple of 1 / common s
        first, count = round(start * rate), round(duration * rate)
        tick = floor((first / rate - _MARGIN) * common)
        offset = first - tick * (rate // common)
        needed = ceil((offset + count) / rate * self.rate + _MARGIN * self.rate)
        piece = self.samples(tick * (self.rate // common), needed)
        return np.clip(resample(piece, self.rate, rate, offset + count)[:, offset:], -1, 1)

    def samples(self, first: int, count: int) -> Float32[np.ndarray, "C N"]:
        """Samples first .. first + count - 1 at the file's own rate, zeros outside the recording."""
        while self.end < first + count and self._pull():
            self._forget(first)
        piece = np.zeros((self.channels, count), dtype=np.float32)
        for at, block in self._held:
            low, high = max(at, first), min(at + block.shape[1], first + count)
            if low < high:
                piece[:, low - first : high - first] = block[:, low - at : high - at]
        self._forget(first)
        return piece

    def _forget(self, first: int) -> None:
        while self._held and self._held[0][0] + self._held[0][1].shape[1] <= first:
            self._held.popleft()

    def _pull(self) -> bool:
        block = next(self._stream, None)
        if block is not None:
            self._held.append(block)
            self.end = block[0] + block[1].shape[1]
        return block is not None


def _blocks(source: Source, start: float) -> Any:
    """Yield (rate, layout), then blocks (index of the first sample, samples [C, N]) from `start` s or before."""
    try:
        with opened(source) as media:
            if media.sound is None:
                raise MediaError(media.name, "no sound")
            yield from _decoded(media, start)
            return
    except MediaError as error:
        if error.reason != "unknown":
            raise
        yield from _by_soundfile(source, error)


def _decoded(media: Media, start: float) -> Iterator[Any]:
    stream = media.sound
    tick, origin = float(stream.time_base), float(media.origin)
    if stream.duration and media.container.format.name.split(",")[0] in _EXACT_SEEK:
        # Not beyond the end, where nothing would say what kind of sound it is.
        entry = min(start, stream.duration * tick) - _PREROLL
        if entry > 0:
            media.container.seek(int((entry + origin) / tick), stream=stream)
    at, rate, channels, order = None, 0, 0, None
    unpack = _Unpacker()
    for frame in media.container.decode(stream):
        if not rate:
            rate, channels = frame.sample_rate, frame.layout.nb_channels
            _check(media.name, rate, channels)
            slack = 0 if tick * rate <= 1 else _GAP * rate
            layout, order = _understood(media, frame.layout)
            yield rate, layout
        if (frame.sample_rate, frame.layout.nb_channels) != (rate, channels):
            raise MediaError(media.name, "corrupt", "the rate or the channels of the sound change within the file")
        stamp = None if frame.pts is None else round((frame.pts * tick - origin) * rate)
        if at is None or (stamp is not None and abs(stamp - at) > slack):
            at = stamp or 0
        block = unpack(frame, channels)
        yield at, block if order is None else block[order]
        at += block.shape[1]
    if not rate:
        raise MediaError(media.name, "corrupt", "no sound could be decoded")


def _understood(media: Media, layout: Any) -> tuple[str, list[int] | None]:
    """What the channels are, and the order to put them into (None: as they are)."""
    tag = media.tags.ambisonic
    if tag is None:
        return "ambisonic" if Ambisonic.of_layout(layout.name) else layout.name, None
    if why := tag.contradiction(layout.nb_channels):
        raise MediaError(media.name, "corrupt", why)
    order = list(tag.channels)
    return "ambisonic", None if order == sorted(order) else order


def _check(name: str, rate: int, channels: int) -> None:
    if not (_RATES[0] <= rate <= _RATES[1] and 1 <= channels <= _MOST_CHANNELS):
        raise MediaError(name, "corrupt", f"{channels} channels at {rate} Hz make no sense")


class _Unpacker:
    """Turns decoded frames of any sample format into [C, N] float32; layout and rate stay as they are."""

    def __init__(self) -> None:
        from av import AudioResampler

        self.packer = AudioResampler(format="flt")

    def __call__(self, frame: Any, channels: int) -> Float32[np.ndarray, "C N"]:
        # PyAV crashes on eight planes or more, so only few are taken as they are.
        if frame.format.name == "fltp" and channels < 8:
            planes: Float32[np.ndarray, "C N"] = frame.to_ndarray()
            return planes
        frame.pts = None
        packed = [part.to_ndarray().reshape(-1, channels).T for part in self.packer.resample(frame)]
        return np.concatenate(packed, axis=1)


def _by_soundfile(source: Source, unknown: MediaError) -> Iterator[Any]:
    """The same from libsndfile, which opens some WAV files that FFmpeg does not."""
    import soundfile

    try:
        with soundfile.SoundFile(BytesIO(source) if isinstance(source, bytes) else str(source)) as file:
            _check(unknown.path, file.samplerate, file.channels)
            yield file.samplerate, f"{file.channels} channels"
            at = 0
            while len(block := file.read(65536, dtype="float32", always_2d=True)):
                yield at, np.ascontiguousarray(block.T)
                at += len(block)
            if not at:
                raise MediaError(unknown.path, "corrupt", "no sound could be decoded")
    except soundfile.LibsndfileError:
        raise unknown from None
