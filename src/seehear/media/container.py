# SPDX-License-Identifier: Apache-2.0
"""Opening a media file: which of its streams are used, where its clock starts, and what its errors mean.

Media files are hostile: playlists that name other files are refused, pictures over 2^26 pixels are not decoded, and
every error of the decoders becomes a MediaError that names the file. Ambisonic tags (SA3D) are hidden from FFmpeg,
which cuts PCM into as many channels as they claim; so are channel layouts of an unusual order, which crash PyAV 18.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from ctypes import py_object, pythonapi
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

from seehear.errors import InputError, MediaError
from seehear.media.boxes import File, movie, opened_bytes
from seehear.media.tags import Tags, tags_of

Source = Path | bytes

MAX_PIXELS = 2**26  # 8192 x 8192: twice the pixels of an 8K panorama
# Formats that point at other files, or make pictures of plain text.
_INDIRECT = {"hls", "dash", "concat", "concatf", "imf", "sdp", "rtsp", "tty", "lavfi", "webm_dash_manifest"}
_LAYOUTS = (b"SA3D", b"chan", b"chnl")
_COVER = 0x0400  # FFmpeg's disposition "attached picture"


@dataclass(frozen=True)
class Media:
    """An open file: the used picture and sound streams (None where there is none), the start of its clock in s, and the
    spatial tags of its boxes.
    """

    name: str
    container: Any
    picture: Any
    sound: Any
    origin: Fraction
    choice: str
    tags: Tags

    @property
    def image(self) -> bool:
        """Whether this is a photo rather than a recording."""
        kind = self.container.format.name
        return kind.startswith("image2") or kind.endswith("_pipe") or kind in ("gif", "apng", "ico")


def name_of(source: Source) -> str:
    """What errors call a source."""
    return "packed clip" if isinstance(source, bytes) else str(source)


@contextmanager
def opened(source: Source) -> Iterator[Media]:
    """Open a file, or the bytes of one, for reading.

    Raises MediaError "unknown" for what is not media and "corrupt" for what cannot be decoded, also when that only
    shows in the body of the `with`; InputError for a file that is not there.
    """
    import av

    name = name_of(source)
    with ExitStack() as closing:
        try:
            container, tags = _opened(source, _LAYOUTS[:1], closing)
            if any(map(_crashes, container.streams.audio)):
                container, tags = _opened(source, _LAYOUTS, closing)
        except (FileNotFoundError, IsADirectoryError) as error:
            raise InputError(f"{name}: expected a media file, found none") from error
        except PermissionError as error:
            raise MediaError(name, "corrupt", "it may not be read") from error
        except (av.error.FFmpegError, ValueError) as error:
            raise MediaError(name, "unknown", "not a media file that can be read") from error
        try:
            if container.format.name.split(",")[0] in _INDIRECT:
                raise MediaError(name, "unknown", f"a {container.format.name} file has no media of its own")
            if any(map(_crashes, container.streams.audio)):
                raise MediaError(name, "unknown", "the channels of its sound are in an order that cannot be read")
            yield _media(name, container, tags)
        except av.error.FFmpegError as error:
            raise MediaError(name, "corrupt", error.strerror or type(error).__name__) from error


def _opened(source: Source, hidden: tuple[bytes, ...], closing: ExitStack) -> tuple[Any, Tags]:
    """Open a file without some of its boxes, until `closing`; and the spatial tags of the file."""
    import av

    with opened_bytes(source) as file:
        place, moov = movie(file)
    if any(kind in moov for kind in hidden):
        # Not by the tree of boxes: FFmpeg also looks for them where they have no business.
        seen = re.sub(rb"(?<=\0...)(" + b"|".join(hidden) + b")", b"free", moov, flags=re.DOTALL)
        target: Any = _Patched(opened_bytes(source), place.at, seen)
    else:
        target = BytesIO(source) if isinstance(source, bytes) else str(source)
    if not isinstance(target, str):
        closing.callback(target.close)
    options = {"protocol_whitelist": "file"}
    return closing.enter_context(av.open(target, metadata_errors="ignore", options=options)), tags_of(moov)


def _crashes(sound: Any) -> bool:
    """Whether the channels have an order that FFmpeg keeps as a list: PyAV copies its address and frees it twice."""
    layout = sound.codec_context.layout if sound.codec_context is not None else None
    if layout is None or " channels (" not in layout.name:
        return False
    pythonapi.Py_IncRef(py_object(layout))  # never freed, so that it does not happen here
    return True


class _Patched:
    """A file with other bytes from `place` on."""

    def __init__(self, file: File, place: int, patch: bytes) -> None:
        self.file, self.place, self.patch = file, place, patch
        self.seek, self.tell, self.close = file.seek, file.tell, file.close

    def read(self, count: int = -1) -> bytes:
        """The next bytes."""
        at = self.file.tell()
        data = self.file.read(count)
        first, last = max(at, self.place), min(at + len(data), self.place + len(self.patch))
        if first >= last:
            return data
        return data[: first - at] + self.patch[first - self.place : last - self.place] + data[last - at :]


def _media(name: str, container: Any, tags: Tags) -> Media:
    """Choose the largest picture, and the sound with most channels (then the highest rate, then the first)."""
    streams = [stream for stream in container.streams if getattr(stream, "codec_context", None) is not None]
    pictures = [s for s in streams if s.type == "video" and not int(s.disposition) & _COVER and _fits(s)]
    sounds = [s for s in streams if s.type == "audio" and s.codec_context.sample_rate]
    picture = max(pictures, key=lambda s: (s.width * s.height, -s.index), default=None)
    sound = max(sounds, key=lambda s: (s.codec_context.channels, s.codec_context.sample_rate, -s.index), default=None)
    for stream in (picture, sound):
        if stream is not None:
            stream.codec_context.thread_count = 1
    if picture is not None:
        # A damaged frame is an error to report, not a picture to guess.
        picture.codec_context.options = {"max_pixels": str(MAX_PIXELS), "err_detect": "explode"}
    choice = ", ".join(
        f"{word} {chosen.index} ({why} of {len(there)})"
        for word, why, chosen, there in (
            ("picture", "largest", picture, pictures),
            ("sound", "most channels", sound, sounds),
        )
        if chosen is not None and len(there) > 1
    )
    starts = [s.start_time * s.time_base for s in (picture, sound) if s is not None and s.start_time is not None]
    return Media(name, container, picture, sound, min(starts, default=Fraction(0)), choice, tags)


def _fits(stream: Any) -> bool:
    return 0 < stream.width * stream.height <= MAX_PIXELS
