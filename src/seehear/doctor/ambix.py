# SPDX-License-Identifier: Apache-2.0
"""AmbiX out of what a diagnosis found, or one line about why there is none."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32, Int64

from seehear.doctor.convention import Convention
from seehear.doctor.evidence import Normalisation
from seehear.doctor.examine import Diagnosis, untagged
from seehear.errors import InputError
from seehear.media.probe import probe
from seehear.media.sounds import SoundTrack

if TYPE_CHECKING:
    from seehear.spatial.harmonics import Convention as Named

_NAMES: "dict[Normalisation | None, Named]" = {"SN3D": "sn3d", "N3D": "n3d", "FuMa": "fuma"}
_PIECE = 10.0  # s


def require_known(diagnosis: Diagnosis) -> None:
    """InputError for ambisonic sound whose order or normalisation cannot be told."""
    known = diagnosis.sound.convention
    if known is not None and (known.order is None or known.normalisation is None):
        raise InputError(
            f"{diagnosis.files[0]}: expected channels of known order and normalisation, and the signal does not tell "
            "them: add --order acn or fuma and --normalisation sn3d, n3d or fuma"
        )


def require_ambisonic(diagnosis: Diagnosis) -> Convention:
    """The convention of an ambisonic sound; InputError for any other sound and where it cannot be told."""
    require_known(diagnosis)
    if diagnosis.sound.convention is None:
        seen = diagnosis.seen
        plural = "" if seen.channels == 1 else "s"
        got = f"{seen.channels} channel{plural} ({seen.layout})" if seen.channels else "no sound"
        raise InputError(f"{diagnosis.files[0]}: expected ambisonic sound of 4, 9 or 16 channels, got {got}")
    return diagnosis.sound.convention


def require_panorama(diagnosis: Diagnosis) -> str | None:
    """How an equirectangular picture holds its eyes, None where there is no picture; InputError for a flat one."""
    found, name = diagnosis.picture, diagnosis.files[0]
    if not diagnosis.seen.width:
        return None
    if not found.spherical:
        what = "a flat one" if found.spherical is False else "one that does not tell"
        raise InputError(
            f"{name}: expected a 360° picture, got {what}: --picture mono if it is 360°, --plain for a grid instead"
        )
    if found.tag is not None and found.tag.projection != "equirectangular":
        raise InputError(
            f"{name}: expected an equirectangular picture, got a {found.tag.projection}: --plain for a grid"
        )
    return found.stereo


def ambix(files: Sequence[Path], known: Convention) -> tuple[Float32[np.ndarray, "C N"], int]:
    """The sound in ACN order and SN3D, further channels after it, and its rate in Hz."""
    with untagged(files, [probe(file) for file in files]) as readable:
        tracks = [_whole(file) for file in readable]
    count = min(samples.shape[1] for samples, _ in tracks)
    heard = np.concatenate([samples[:, :count] for samples, _ in tracks])
    components = len(known.places)
    places, gains = to_ambix(known)
    field = heard[:components][places] * gains[:, None]
    return np.concatenate([field, heard[components:]]), tracks[0][1]


def to_ambix(known: Convention) -> tuple[Int64[np.ndarray, "C"], Float32[np.ndarray, "C"]]:
    """AmbiX channel k is channel places[k] of the sound times gains[k]."""
    import torch

    from seehear.spatial.harmonics import convert

    unit = torch.eye(len(known.places), dtype=torch.float64)
    # Order and weights apart, because files have mixed them.
    order = convert(unit, "fuma").argmax(dim=-1).numpy() if known.order == "FuMa" else np.arange(len(unit))
    weights = convert(torch.ones(len(unit), 1, dtype=torch.float64), _NAMES[known.normalisation])[:, 0].numpy()
    return np.array(known.places)[order], (weights * np.array(known.signs)[order]).astype(np.float32)


def _whole(file: Path) -> tuple[Float32[np.ndarray, "C N"], int]:
    pieces, at = [], 0.0
    with SoundTrack(file) as track:
        while round(at * track.rate) < track.end:
            piece = track.cut(at, _PIECE, track.rate)
            pieces.append(piece[:, : track.end - round(at * track.rate)])
            at += _PIECE
        return np.concatenate(pieces, axis=1), track.rate
