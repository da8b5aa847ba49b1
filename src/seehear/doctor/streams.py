# SPDX-License-Identifier: Apache-2.0
"""What containers and codecs do to space: whether they carry tags, and what they do to channels."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seehear.errors import MediaError
from seehear.media.container import opened
from seehear.media.probe import Probe
from seehear.media.tags import Ambisonic

# FFmpeg turns the order of a codec's bitstream into its own order of loudspeakers: decoded channel k is channel
# _DECODED[..][k] of the bitstream. Sound that was coded without loudspeakers in mind comes out permuted.
_DECODED = {
    ("vorbis", 8): (0, 2, 1, 7, 5, 6, 3, 4),
    ("opus", 8): (0, 2, 1, 7, 5, 6, 3, 4),
    ("aac", 4): (1, 2, 0, 3),
}
_LOUDSPEAKERS = ("mono", "stereo", "2.1", "3.", "4.", "5.", "6.", "7.", "quad", "hexagonal", "octagonal", "downmix")
_SHARP = 256_000  # bit/s; AAC below it blurs directions (and YouTube refuses it)
_RATE = 48_000  # Hz, the rate of every format for ambisonic delivery


@dataclass(frozen=True)
class Track:
    """The sound track of a file: FFmpeg's name of its layout, its codec, bit/s (0 unknown), and how many there are."""

    layout: str = ""
    codec: str = ""
    bit_rate: int = 0
    tracks: int = 0
    tagged: bool = False  # by a box, and not by the codec


def track_of(path: Path, seen: Probe) -> Track:
    """Read what `Probe` does not keep."""
    tracks = sum(stream.kind == "audio" for stream in seen.streams)
    try:
        with opened(path) as media:
            if media.sound is None:
                return Track()
            context = media.sound.codec_context
            rate = int(media.sound.bit_rate or context.bit_rate or 0)
            return Track(
                context.layout.name, context.name.replace("lib", ""), rate, tracks, media.tags.ambisonic is not None
            )
    except MediaError:  # opened by libsndfile only
        return Track(seen.layout, seen.streams[0].codec, 0, tracks)


def carries_tags(seen: Probe) -> bool:
    """Whether a file of this kind has a place for the spherical and ambisonic tags."""
    return "mp4" in seen.container.split(",")


def for_loudspeakers(layout: str) -> bool:
    """Whether a layout names loudspeakers, and not just a number of channels."""
    return layout.startswith(_LOUDSPEAKERS) and not layout.endswith("channels")


def undone(tracks: list[Track], channels: list[int]) -> tuple[int, ...]:
    """Which decoded channel is channel k of the bitstream, for files joined one after the other; () when it is k."""
    places: list[int] = []
    for track, count in zip(tracks, channels, strict=True):
        speakers = for_loudspeakers(track.layout)
        decoded = _DECODED.get((track.codec, count)) if speakers else None
        order = np.arange(count) if decoded is None else np.argsort(decoded)
        places += (order + len(places)).tolist()
    return () if places == sorted(places) else tuple(places)


def remarks(seen: Probe, track: Track) -> list[str]:
    """What may be known of an ambisonic track and need not be changed."""
    said = []
    if seen.sample_rate != _RATE:
        said.append(f"{seen.sample_rate} Hz; formats for delivery want {_RATE}")
    if track.codec == "aac" and 0 < track.bit_rate < _SHARP:
        said.append(f"AAC at {track.bit_rate // 1000} kbit/s: directions survive, their sharpness does not")
    if track.tracks > 1:
        said.append(f"{track.tracks} sound tracks; players of ambisonics want one ({seen.choice})")
    if not carries_tags(seen):
        said.append("this kind of file has no place for tags: players have to be told; MP4 and MOV have one")
    return said


def permuted(seen: Probe) -> bool:
    """Whether a tag says that the channels are not in ACN order in the file; the decoder has heeded it."""
    return seen.ambisonic is not None and list(seen.ambisonic.channels) != sorted(seen.ambisonic.channels)


def problems(seen: Probe, track: Track, ambisonic: Ambisonic) -> list[str]:
    """What is inconsistent in an ambisonic track, its samples aside."""
    found = []
    if seen.contradiction:
        found.append(f"the tags contradict the sound: {seen.contradiction}")
    elif permuted(seen):
        found.append("the channels are not in ACN order; a tag says how they are, which few players heed")
    elif carries_tags(seen) and not track.tagged:
        found.append(f"no tag (SA3D) says that the sound is ambisonic of order {ambisonic.order}")
    if track.layout == "quad" and carries_tags(seen):
        found.append("the layout is called quad, which YouTube refuses for ambisonics; it has to be 4.0 or none")
    if ambisonic.head_locked and track.codec == "aac" and track.layout.startswith("5.1"):
        found.append("AAC takes channel 3 for the low-frequency one of 5.1: all of X above about 120 Hz is lost")
    return found
