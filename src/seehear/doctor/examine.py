# SPDX-License-Identifier: Apache-2.0
"""`seehear doctor`: is a file 360°, is its sound ambisonic and how, and what about it is inconsistent.

Evidence of picture and sound is weighed with the tags; nothing is guessed without saying so. Several files are one
recording whose channels were spread over them, in their order.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from seehear.doctor import streams
from seehear.doctor.convention import Said
from seehear.doctor.evidence import Normalisation, Order
from seehear.doctor.field import Field, judge
from seehear.doctor.picture import Look, look
from seehear.doctor.sound import Heard, listen
from seehear.errors import InputError, MediaError
from seehear.media.probe import Probe, probe
from seehear.media.tag_writing import write_tags
from seehear.media.tags import NO_TAGS, Spherical

Shape = Literal["flat", "mono", "top-bottom", "left-right"]

_LATE = 0.2  # s by which picture and sound may end apart


@dataclass(frozen=True)
class Panorama:
    """The verdict on a picture: `tag` is what its tags should say, None for a flat one."""

    spherical: bool | None = None
    stereo: str | None = None
    tag: Spherical | None = None
    problems: tuple[str, ...] = ()
    fixes: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Diagnosis:
    """What is known of one recording, in `files`; `problems` and `fixes` are of the whole."""

    files: tuple[Path, ...]
    seen: Probe
    picture: Panorama
    sound: Field
    problems: tuple[str, ...]
    fixes: tuple[str, ...]

    def json(self) -> dict[str, Any]:
        """The facts. null is "cannot be told" or "there is none"; channels count from 0; the level is that of W, or of
        all channels together, in dB of full scale (root mean square).
        """
        known = self.sound.convention
        return {
            "spherical": self.picture.spherical,
            "stereo_layout": self.picture.stereo,
            "ambisonic_order": self.sound.ambisonic.order if self.sound.ambisonic else None,
            "channel_order": known.order if known else None,
            "normalisation": known.normalisation if known else None,
            "dead_channels": list(self.sound.dead),
            "level_db": None if self.sound.level is None else round(self.sound.level, 2),
            "problems": list(self.problems),
            "fixes": list(self.fixes),
        }


def said(order: str | None, normalisation: str | None) -> Said:
    """What the user says, in lower case as on the command line."""
    orders: dict[str | None, Order] = {"acn": "ACN", "fuma": "FuMa"}
    names: dict[str | None, Normalisation] = {"sn3d": "SN3D", "n3d": "N3D", "fuma": "FuMa"}
    return Said(orders.get(order), names.get(normalisation))


def examine(files: Sequence[Path], known: Said | None = None, shape: Shape | None = None) -> Diagnosis:
    """Examine one file, or several whose channels belong together.

    `known` and `shape` are what the user knows better. Raises InputError for files that cannot be read or joined.
    """
    if not files:
        raise InputError("expected a media file, got none: seehear doctor FILE")
    probes = [probe(file) for file in files]
    seen = probes[0]
    if len(files) > 1 and not all(one.channels and one.sample_rate == seen.sample_rate for one in probes):
        raise InputError(f"{files[0]}: expected files whose sounds have one sampling rate, to join their channels")
    picture = _picture(files[0], seen, shape)
    sound, length = _sound(files, probes, known or Said())
    problems, fixes = [*picture.problems, *sound.problems], [*picture.fixes, *sound.fixes]
    if length and seen.picture_seconds and abs(length - seen.picture_seconds) > _LATE:
        problems.append(f"the picture lasts {seen.picture_seconds:.2f} s and the sound {length:.2f} s")
    # Tags that are right already need not be written.
    return Diagnosis(tuple(files), seen, picture, sound, tuple(problems), tuple(fixes) if problems else ())


def _picture(file: Path, seen: Probe, shape: Shape | None) -> Panorama:
    if not seen.width:
        return Panorama()
    tag = seen.spherical
    if tag is not None and tag.projection != "equirectangular":
        return Panorama(True, tag.stereo, tag, words=(f"360° by its tags, projection {tag.projection}",))
    try:
        found = Look(shape != "flat", shape, "as told") if shape else look(file, seen)
    except MediaError as error:
        return Panorama(tag is not None or None, problems=(f"the picture cannot be decoded: {error.detail}",))
    if found.stereo == "flat":
        found = replace(found, stereo="mono")
    return _weighed(seen, found)


def _weighed(seen: Probe, found: Look) -> Panorama:
    """Pixels against tags: pixels that tell overrule them."""
    tag = seen.spherical
    tagged = f"the tags say 360°, {tag.stereo}" if tag else ""
    if found.panorama is None:
        words = (tagged, found.words) if tag else (found.words,)
        return Panorama(True if tag else None, tag.stereo if tag else "mono", tag, words=words)
    if not found.panorama:
        problems = (f"{tagged}, but the picture is flat: {found.words}",) if tag else ()
        fixes = ("take the spherical tags out",) if tag else ()
        return Panorama(False, "mono", None, problems, fixes, () if tag else (found.words,))
    wanted = Spherical(2, "equirectangular", found.stereo, *((tag.pose, tag.bounds) if tag else ()))
    if tag is None:
        problems = ("it is 360°, and no tag says so: players show it flat",) if streams.carries_tags(seen) else ()
    elif tag.stereo.replace("right-left", "left-right") != found.stereo:
        problems = (f"{tagged}, the picture is {found.stereo}",)
    else:
        problems, wanted = (), tag
    fixes = (f"tag the picture as 360°, {wanted.stereo}",) if problems else ()
    words = (tagged, found.words) if tag else (found.words,)
    return Panorama(True, wanted.stereo, wanted, problems, fixes, words)


def _sound(files: Sequence[Path], probes: Sequence[Probe], known: Said) -> tuple[Field, float]:
    """The verdict on the sound, and its length in s."""
    seen = probes[0]
    if not seen.channels:
        return Field(), 0.0
    tracks = [streams.track_of(file, one) for file, one in zip(files, probes, strict=True)]
    try:
        with untagged(files, probes) as readable:
            heard: Heard = listen(readable, max(one.sound_seconds or one.duration for one in probes))
    except MediaError as error:
        return Field(problems=(f"the sound cannot be decoded: {error.detail}",)), 0.0
    return judge(heard, seen, tracks, [one.channels for one in probes], known), heard.duration


@contextmanager
def untagged(files: Sequence[Path], probes: Sequence[Probe]) -> Iterator[list[Path]]:
    """The files, with copies in the place of those whose tags contradict their sound, so that it can be decoded."""
    with tempfile.TemporaryDirectory() as folder:
        readable = []
        for number, (file, seen) in enumerate(zip(files, probes, strict=True)):
            readable.append(file)
            if seen.contradiction:
                readable[-1] = Path(folder) / f"{number}{file.suffix}"
                write_tags(file, readable[-1], NO_TAGS)
        yield readable
