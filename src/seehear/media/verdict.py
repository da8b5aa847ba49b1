# SPDX-License-Identifier: Apache-2.0
"""Can a file be learnt from, and if not, why not: one word out of a fixed list.

The words, in the order they are tried: a file gets the first that fits.
"""

import hashlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float32, UInt8

from seehear.errors import InputError, MediaError
from seehear.media.pictures import Painter, frames, shown_from
from seehear.media.probe import Probe, probe
from seehear.media.sounds import SoundTrack
from seehear.media.tags import Ambisonic, Spherical

REASONS = (
    "unknown",  # not a media file
    "corrupt",  # cannot be decoded, or crashes or stalls the decoder
    "no picture",
    "no sound",
    "too short",
    "still picture",
    "silent",
    "duplicate",  # the same bytes as another file
)

Needs = Literal["both", "pictures", "sound"]
"""What a file must have: pictures and sound, or only one of them."""

MIN_SECONDS = 1.0
_SILENCE = 1e-4  # root mean square; -80 dB of full scale, the noise of 16 bits is at -96 dB
_STILL = 8  # grey levels; key frames of a still picture differ by less
_SMALL = (48, 64)  # pixels; averages the noise of codecs away
_WINDOW = 1.0  # s


@dataclass(frozen=True)
class Row:
    """What is known of one file; `reason` and `detail` are empty when it is usable. Seconds, pixels, Hz."""

    file: str
    usable: bool = False
    reason: str = ""
    detail: str = ""
    duplicate_of: str = ""
    duration: float = 0.0
    fps: float = 0.0
    width: int = 0
    height: int = 0
    rotation: int = 0
    channels: int = 0
    layout: str = ""
    sample_rate: int = 0
    container: str = ""
    streams: str = ""
    spherical: Spherical | None = None
    ambisonic: Ambisonic | None = None
    bytes: int = 0
    hash: str = ""

    def json(self) -> dict[str, Any]:
        """The row as JSON; `reason` is null when there is none."""
        return asdict(self) | {"reason": self.reason or None}


def known(file: str, path: Path, seen: Probe) -> Row:
    """The row of a file that opens, before it is judged."""
    return Row(
        file=file,
        usable=True,
        duration=seen.duration,
        fps=seen.fps,
        width=seen.width,
        height=seen.height,
        rotation=seen.rotation,
        channels=seen.channels,
        layout=seen.layout,
        sample_rate=seen.sample_rate,
        container=seen.container,
        streams=seen.choice,
        spherical=seen.spherical,
        ambisonic=seen.ambisonic,
        bytes=path.stat().st_size,
        hash=content_hash(path),
    )


def refused(row: Row, reason: str, detail: str = "") -> Row:
    """The same row, not usable."""
    assert reason in REASONS
    return replace(row, usable=False, reason=reason, detail=detail)


def judge_headers(row: Row, seen: Probe, min_seconds: float = MIN_SECONDS, needs: Needs = "both") -> Row:
    """Refuse what the headers already rule out."""
    if seen.still and needs != "sound":
        return refused(row, "still picture", "a photo")
    if not seen.width and needs != "sound":
        return refused(row, "no picture")
    if not seen.channels and needs != "pictures":
        return refused(row, "no sound")
    # Half a frame less than asked for is no reason to lose a file.
    if seen.duration < min_seconds - 0.5 / max(seen.fps, 1):
        return refused(row, "too short", f"{seen.duration:.2f} s of the {min_seconds:g} s needed")
    return row


def examine(file: str, path: Path, min_seconds: float = MIN_SECONDS, needs: Needs = "both") -> Row:
    """Judge one file by its headers and by windows of its decoded picture and sound; never raises for its content."""
    row = Row(file)
    try:
        seen = probe(path)
        row = known(file, path, seen)
        if seen.still:
            return judge_headers(row, seen, min_seconds, needs)
        moves = not seen.width or _moves(path, seen)
        sounds = not seen.channels or _sounds(path, seen)
    except (InputError, OSError) as error:
        reason, detail = (error.reason, error.detail) if isinstance(error, MediaError) else ("corrupt", str(error))
        return refused(row, reason, detail)
    row = judge_headers(row, seen, min_seconds, needs)
    if row.usable and not moves and needs != "sound":
        return refused(row, "still picture", "nothing moves")
    if row.usable and not sounds and needs != "pictures":
        return refused(row, "silent", "below -80 dB of full scale throughout")
    return row


def _moves(path: Path, seen: Probe) -> bool:
    """Whether the picture changes, in three windows or else anywhere; raises MediaError where it cannot be decoded."""
    starts = _starts(seen.picture_seconds or seen.duration)
    for start in starts[-1:]:
        last = next(shown_from(path, start))
        if last.end + 1 < start:
            detail = f"the picture ends at {last.end:.1f} s of {seen.picture_seconds:.1f} s"
            raise MediaError(path, "corrupt", detail)
    windows = np.concatenate([frames(path, start, 5, 4 / _WINDOW, _SMALL) for start in starts])
    if changes(windows[0], windows):
        return True
    paint, seconds = Painter(_SMALL), -1.0
    for shown in shown_from(path):
        if shown.begin >= seconds + 0.5:
            seconds = shown.begin
            if changes(windows[0], paint(shown.frame)[None]):
                return True
    return False


def _sounds(path: Path, seen: Probe) -> bool:
    """Whether there is any sound, in three windows or else anywhere; raises MediaError where it cannot be decoded."""
    with SoundTrack(path) as track:
        if any([not silent(track.cut(t, _WINDOW, track.rate)) for t in _starts(seen.sound_seconds or seen.duration)]):
            return True
    seconds = 0.0
    with SoundTrack(path) as track:
        while seconds * track.rate < track.end:
            if not silent(track.cut(seconds, _WINDOW, track.rate)):
                return True
            seconds += _WINDOW
    return False


def _starts(seconds: float) -> list[float]:
    """Where the windows begin: near the start, in the middle, near the end."""
    return [max(0.0, min(share * seconds, seconds - _WINDOW)) for share in (0.05, 0.5, 0.95)]


def silent(sound: Float32[np.ndarray, "C N"]) -> bool:
    """Whether no channel is louder than -80 dB of full scale (root mean square)."""
    return not sound.size or bool(np.sqrt(np.mean(np.square(sound), axis=1)).max() < _SILENCE)


def changes(first: UInt8[np.ndarray, "H W 3"], others: UInt8[np.ndarray, "T H W 3"]) -> bool:
    """Whether any of the small pictures differs from the first by more than the noise of codecs."""
    return bool(np.abs(others.astype(np.int16) - first).max() > _STILL)


def content_hash(path: Path) -> str:
    """SHA-256 of the bytes of a file, 32 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]
