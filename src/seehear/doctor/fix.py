# SPDX-License-Identifier: Apache-2.0
"""`seehear doctor --fix`: the same recording as AmbiX with the right tags. Pictures are copied packet by packet; sound
is coded anew only where its samples have to change.
"""

import heapq
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from seehear.doctor.ambix import ambix, require_known
from seehear.doctor.examine import Diagnosis, examine
from seehear.errors import InputError
from seehear.media.container import Media, opened
from seehear.media.encode import encode
from seehear.media.tag_writing import write_tags
from seehear.media.tags import Ambisonic, Tags

_TAGGED = (".mp4", ".mov", ".m4a")
_BARE = (".wav", ".flac")  # for sound alone, without tags
_FULL = 0.999


def fix(diagnosis: Diagnosis, out: Path) -> list[str]:
    """Write the mended recording; returns what was done beyond `diagnosis.fixes`.

    Raises InputError where order or normalisation are not known, and for what a file of the name `out` cannot hold.
    """
    check(diagnosis, out)
    files, sound = diagnosis.files, diagnosis.sound
    picture = files[0] if diagnosis.seen.width else None
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".doctor") as folder:
        notes: list[str] = []
        track = files[0] if diagnosis.seen.channels else None
        if sound.rewrite and sound.convention is not None:
            track = Path(folder) / f"sound{out.suffix}"
            notes = _write(track, *ambix(files, sound.convention), sound.ambisonic)
        if out.suffix.lower() in _BARE and track is not None:
            track.replace(out)
        else:
            whole = Path(folder) / f"whole{out.suffix}"
            remux(picture, track, whole)
            write_tags(whole, out, Tags(diagnosis.picture.tag, sound.ambisonic))
    return notes


def mend(diagnosis: Diagnosis, out: Path) -> str:
    """`fix` where there is something to fix; says what was done, and what a second look at `out` finds."""
    check(diagnosis, out)
    if not diagnosis.fixes:
        why = "; what is wrong cannot be mended" if diagnosis.problems else ""
        return f"  nothing to mend{why}: {out} was not written"
    done = [*diagnosis.fixes, *fix(diagnosis, out)]
    left = examine([out]).problems
    again = ["  looked at again, it still has:", *[f"    - {problem}" for problem in left]]
    return "\n".join(
        [f"  written: {out}", *[f"    - {one}" for one in done], *(again if left else ["  no problem left"])]
    )


def check(diagnosis: Diagnosis, out: Path) -> None:
    """Refuse what cannot be written."""
    require_known(diagnosis)
    bare = diagnosis.sound.rewrite and not diagnosis.seen.width
    possible = (*_TAGGED, *_BARE) if bare else _TAGGED
    if out.suffix.lower() not in possible:
        raise InputError(f"{out}: expected a name that ends in {', '.join(possible)}")
    if out.exists() and any(out.samefile(file) for file in diagnosis.files):
        raise InputError(f"{out}: expected another name than that of the file that is mended")


def _write(path: Path, sound: Float32[np.ndarray, "C N"], rate: int, ambisonic: Ambisonic | None) -> list[str]:
    """Encode AmbiX sound; softer where it would clip, which is then said."""
    peak = float(np.abs(sound).max(initial=0.0))
    notes = []
    if peak > 1:
        sound = sound * np.float32(_FULL / peak)
        notes.append(f"made the sound {20 * np.log10(peak / _FULL):.1f} dB softer, because it would clip")
    if path.suffix.lower() in _BARE:
        encode(path, None, 1.0, sound, rate, audio_codec={".wav": "pcm_s24le"}.get(path.suffix.lower()))
    else:
        encode(path, None, 1.0, sound, rate, tags=Tags(None, ambisonic))
    return notes


def remux(picture: Path | None, sound: Path | None, target: Path) -> None:
    """Copy the picture of one file and the sound of another into a third, packet by packet, untouched.

    Raises InputError where the container of `target` cannot hold their codecs.
    """
    import av

    with ExitStack() as stack:
        output = stack.enter_context(av.open(str(target), "w", container_options={"fflags": "+bitexact"}))
        sources = [(source, kind) for source, kind in ((picture, "picture"), (sound, "sound")) if source is not None]
        packets = []
        for source, kind in sources:
            media = stack.enter_context(opened(source))
            # Sound that was written anew begins where the clock of its source did.
            shift = media.origin if picture != sound else Fraction(0)
            packets.append(_packets(media, getattr(media, kind), output, shift))
        try:
            output.start_encoding()
        except (av.error.FFmpegError, ValueError) as error:
            held = " and ".join(f"the {kind} of {source}" for source, kind in sources)
            raise InputError(f"{target}: expected a container that can hold {held} as it is coded") from error
        for _, _, packet in heapq.merge(*packets, key=lambda entry: entry[:2]):
            output.mux_one(packet)


def _packets(media: Media, stream: Any, output: Any, shift: Fraction) -> Iterator[tuple[Fraction, int, Any]]:
    """The packets of a stream, for its copy, with the time in s at which they are decoded."""
    copy = output.add_stream_from_template(stream)

    def moved() -> Iterator[tuple[Fraction, int, Any]]:
        for packet in media.container.demux(stream):
            if packet.dts is None:
                continue
            ticks = round(shift / packet.time_base)
            packet.pts, packet.dts, packet.stream = packet.pts - ticks, packet.dts - ticks, copy
            yield packet.dts * packet.time_base, stream.index, packet

    return moved()
