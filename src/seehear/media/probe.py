# SPDX-License-Identifier: Apache-2.0
"""What a media file says about itself: streams, length, rates, orientation, channels, spherical and ambisonic tags."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from seehear.errors import MediaError
from seehear.media.container import Media, Source, opened
from seehear.media.tags import Ambisonic, Spherical


@dataclass(frozen=True)
class Stream:
    """One stream of a file: its place, kind ("video", "audio", ...), codec, and whether it is the one that is read."""

    index: int
    kind: str
    codec: str
    used: bool


@dataclass(frozen=True)
class Probe:
    """A media file: `duration` in s, `width` x `height` as seen upright, `rotation` in degrees counter-clockwise that
    turns a stored picture upright, `sample_rate` in Hz; zeros where there is no such stream. `choice` says which of
    several streams are used and why; `picture_seconds` and `sound_seconds` are where the headers let them end, if they
    say so. `layout` is "ambisonic" where tags or codec say so, whatever FFmpeg calls it, unless there is a
    `contradiction`: why the tags cannot be true of the sound, which is then not decoded.
    """

    container: str
    streams: tuple[Stream, ...]
    choice: str
    duration: float
    fps: float = 0.0
    width: int = 0
    height: int = 0
    rotation: int = 0
    still: bool = False
    picture_seconds: float = 0.0
    sound_seconds: float = 0.0
    channels: int = 0
    layout: str = ""
    sample_rate: int = 0
    spherical: Spherical | None = None
    ambisonic: Ambisonic | None = None
    contradiction: str = ""


def probe(source: Source) -> Probe:
    """Read the headers, and where they are silent (length, orientation) the packets and the first frame.

    Raises MediaError "unknown" or "corrupt" for a file that cannot be read, InputError for one that is not there.
    """
    try:
        with opened(source) as media:
            return Probe(
                container=media.container.format.name,
                streams=_streams(media),
                choice=media.choice,
                duration=_duration(source, media),
                still=media.image,
                spherical=media.tags.spherical,
                **_picture(media),
                **_sound(media),
            )
    except MediaError as error:
        if error.reason != "unknown" or isinstance(source, bytes):
            raise
        return _by_soundfile(source, error)


def _streams(media: Media) -> tuple[Stream, ...]:
    used = {stream.index for stream in (media.picture, media.sound) if stream is not None}
    contexts = [(s, getattr(s, "codec_context", None)) for s in media.container.streams]
    return tuple(Stream(s.index, s.type, context.name if context else "?", s.index in used) for s, context in contexts)


def _duration(source: Source, media: Media) -> float:
    """Length from the used streams, else the container, else the last packet."""
    end = max(_end(media, media.picture), _end(media, media.sound))
    if end:
        return end
    if media.container.duration:
        return float(Fraction(media.container.duration, 1_000_000))
    if media.image:
        return 0.0
    with opened(source) as again:
        streams = [s for s in (again.picture, again.sound) if s is not None]
        last = Fraction(0)
        for packet in again.container.demux(*streams) if streams else ():
            if packet.pts is not None:
                last = max(last, (packet.pts + (packet.duration or 0)) * packet.time_base - again.origin)
    return float(last)


def _end(media: Media, stream: Any) -> float:
    """Where a stream ends in s, 0 when its header does not say."""
    if stream is None or not stream.duration:
        return 0.0
    return float(((stream.start_time or 0) + stream.duration) * stream.time_base - media.origin)


def _picture(media: Media) -> dict[str, Any]:
    stream = media.picture
    if stream is None:
        return {}
    rotation = 0 if media.image else next((frame.rotation for frame in media.container.decode(stream)), 0)
    width, height = (stream.width, stream.height)[:: -1 if rotation % 180 else 1]
    fps = float(stream.average_rate or stream.guessed_rate or 0)
    return {"fps": fps, "width": width, "height": height, "rotation": rotation, "picture_seconds": _end(media, stream)}


def _sound(media: Media) -> dict[str, Any]:
    if media.sound is None:
        return {}
    context = media.sound.codec_context
    name, tag = context.layout.name, media.tags.ambisonic
    ambisonic = tag or Ambisonic.of_layout(name)
    contradiction = tag.contradiction(context.channels) if tag else ""
    return {
        "channels": context.channels,
        "layout": "ambisonic" if ambisonic and not contradiction else name,
        "ambisonic": ambisonic,
        "contradiction": contradiction,
        "sample_rate": context.sample_rate,
        "sound_seconds": _end(media, media.sound),
    }


def _by_soundfile(source: Path, unknown: MediaError) -> Probe:
    """The same for the few files that only libsndfile opens."""
    import soundfile

    try:
        info = soundfile.info(str(source))
    except soundfile.LibsndfileError:
        raise unknown from None
    return Probe(
        container=info.format,
        streams=(Stream(0, "audio", info.subtype, True),),
        choice="",
        duration=info.frames / info.samplerate,
        channels=info.channels,
        layout=f"{info.channels} channels",
        sample_rate=info.samplerate,
    )
