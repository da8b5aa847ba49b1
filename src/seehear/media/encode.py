# SPDX-License-Identifier: Apache-2.0
"""Files out: frames [T, H, W, 3] uint8 at `fps` and sound [C, N] float32 at `rate` Hz become a media file.

Every channel of the sound is kept in its order. Tags can make the sound ambisonic and the picture a panorama. The same
arrays and options give the same bytes (one thread, no dates).
Speed: 10 s of 160x160 at 10 frames/s with mono sound take about 50 ms with the settings chosen here (x264 "veryfast",
the fast AAC coder).
"""

from collections.abc import Iterable
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from platform import machine
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8

from seehear.atomic import replacing
from seehear.errors import InputError
from seehear.media.sound_writing import SoundWriter
from seehear.media.tag_writing import tagged
from seehear.media.tags import NO_TAGS, Ambisonic, Tags

Frames = UInt8[np.ndarray, "T H W 3"] | Iterable[UInt8[np.ndarray, "H W 3"]]

# Suffix -> (container, picture codec, sound codec) where the usual pair H.264 and AAC is not at home.
_CODECS = {
    ".webm": ("webm", "libvpx", "libopus"),
    ".avi": ("avi", "mpeg4", "pcm_s16le"),
    ".ogg": ("ogg", "libvpx", "libopus"),
    ".opus": ("ogg", "libvpx", "libopus"),
    ".flac": ("flac", "", "flac"),
    ".wav": ("wav", "", "pcm_s16le"),
    ".mkv": ("matroska", "libx264", "aac"),
    ".mov": ("mov", "libx264", "aac"),
    ".mp4": ("mp4", "libx264", "aac"),
    ".m4a": ("mp4", "libx264", "aac"),
}
# Where ambisonic sound has a codec of its own.
_AMBISONIC_CODECS = {".mkv": "libopus", ".mov": "pcm_s24le", ".mp4": "libopus", ".m4a": "libopus"}
_TAGGED = (".mp4", ".mov", ".m4a")
# x264 with AVX-512 and B-frames gives other bytes at every call, and the sums differ between kinds of processor.
_SAME_BYTES = {"x264-params": "asm=sse2"} if machine() in ("x86_64", "AMD64") else {}


def encode(
    path: Path,
    frames: Frames | None,
    fps: float,
    sound: Float32[np.ndarray, "C N"] | None,
    rate: int,
    *,
    video_codec: str | None = None,
    audio_codec: str | None = None,
    crf: int = 20,
    preset: str = "veryfast",
    gop: int | None = None,
    options: dict[str, str] | None = None,
    tags: Tags = NO_TAGS,
) -> None:
    """Write a media file in one step; the suffix of `path` chooses the container and, unless given, the codecs.

    `frames` or `sound` may be None. `gop` is the largest distance of key frames in frames, `crf` and `preset` are those
    of x264 (lower is better and larger), `options` are further options of the picture codec. `tags` say what picture
    and sound are in space. Raises InputError for a suffix, a number of channels or tags that cannot be written.
    """
    if path.suffix.lower() not in _CODECS:
        raise InputError(f"{path}: expected a name that ends in {', '.join(_CODECS)}")
    with replacing(path) as temporary:
        data = encode_bytes(
            frames,
            fps,
            sound,
            rate,
            suffix=path.suffix.lower(),
            video_codec=video_codec,
            audio_codec=audio_codec,
            crf=crf,
            preset=preset,
            gop=gop,
            options=options,
            tags=tags,
        )
        temporary.write_bytes(data)


def encode_bytes(
    frames: Frames | None,
    fps: float,
    sound: Float32[np.ndarray, "C N"] | None,
    rate: int,
    *,
    suffix: str = ".mp4",
    video_codec: str | None = None,
    audio_codec: str | None = None,
    crf: int = 20,
    preset: str = "veryfast",
    gop: int | None = None,
    options: dict[str, str] | None = None,
    tags: Tags = NO_TAGS,
) -> bytes:
    """What `encode` writes, as bytes."""
    import av

    container, usual_video, usual_audio = _CODECS[suffix]
    ambisonic = tags.ambisonic is not None
    coder = audio_codec or (_AMBISONIC_CODECS.get(suffix, usual_audio) if ambisonic else usual_audio)
    _check_tags(suffix, coder, sound, tags)
    target = BytesIO()
    with av.open(target, "w", format=container, container_options={"fflags": "+bitexact"}) as output:
        settings = {"preset": preset} | _SAME_BYTES | (options or {})
        pictures = None if frames is None else _Pictures(iter(frames), Fraction(fps).limit_denominator(1001))
        if pictures is not None:
            pictures.add(output, video_codec or usual_video, crf, gop, settings)
        sounds = None if sound is None else SoundWriter(output, coder, sound, rate, ambisonic)
        # Picture and sound are written second by second, so that a player need not hold one to wait for the other.
        second, more = 0, True
        while more:
            second += 1
            more = (pictures is not None and pictures.write(output, second)) | (
                sounds is not None and sounds.write(output, second)
            )
    return b"".join(tagged(target.getvalue(), tags)) if suffix in _TAGGED and tags != NO_TAGS else target.getvalue()


def _check_tags(suffix: str, coder: str, sound: Float32[np.ndarray, "C N"] | None, tags: Tags) -> None:
    """Refuse tags that are not true of the sound, or that the file could not carry."""
    if tags.ambisonic is not None:
        channels = 0 if sound is None else len(sound)
        if tags.ambisonic != Ambisonic.ambix(tags.ambisonic.order, tags.ambisonic.head_locked):
            raise InputError(
                f"expected ambisonic sound in AmbiX order, got {tags.ambisonic}; put the channels in order"
            )
        if tags.ambisonic.contradiction(channels):
            raise InputError(f"expected {len(tags.ambisonic.channels)} channels for {tags.ambisonic}, got {channels}")
    by_opus = "opus" in coder and tags.spherical is None
    if tags != NO_TAGS and suffix not in _TAGGED and not by_opus:
        raise InputError(f"expected a name that ends in {', '.join(_TAGGED)}, the files that carry tags, got {suffix}")


class _Pictures:
    """The picture track while it is being written."""

    def __init__(self, frames: Any, fps: Fraction) -> None:
        self.frames, self.fps, self.index = frames, fps, 0
        first = next(frames, None)
        if first is None:
            raise InputError("expected at least one frame to encode, got none")
        self.next: Any = first

    def add(self, output: Any, codec: str, crf: int, gop: int | None, options: dict[str, str]) -> None:
        height, width = self.next.shape[:2]
        x264 = codec.startswith("libx26")
        chosen = (
            options if x264 else {key: value for key, value in options.items() if key not in ("preset", *_SAME_BYTES)}
        )
        stream = output.add_stream(codec, rate=self.fps, options=({"crf": str(crf)} if x264 else {}) | chosen)
        stream.width, stream.height = width, height
        # Colour at half resolution needs even sides.
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv444p" if width % 2 or height % 2 else "yuv420p"
        context = stream.codec_context
        context.thread_count = 1
        context.time_base = 1 / self.fps
        if gop is not None:
            context.gop_size = gop
        if not x264:
            stream.bit_rate = max(500_000, int(width * height * float(self.fps) / 4))
        self.stream = stream

    def write(self, output: Any, until: int) -> bool:
        """Write the frames before `until` s; false when there are no more."""
        from av import VideoFrame

        if self.next is None:
            return False
        while self.next is not None and self.index < until * self.fps:
            frame = VideoFrame.from_ndarray(np.ascontiguousarray(self.next), format="rgb24")
            frame.pts, frame.time_base = self.index, 1 / self.fps
            output.mux(self.stream.encode(frame))
            self.index += 1
            self.next = next(self.frames, None)
        if self.next is None:
            output.mux(self.stream.encode(None))
        return self.next is not None
