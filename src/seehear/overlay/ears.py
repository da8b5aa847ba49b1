# SPDX-License-Identifier: Apache-2.0
"""How the sound of an overlay is heard: for headphones or for two loudspeakers."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from jaxtyping import Float32
from torch import Tensor

from seehear.errors import InputError
from seehear.spatial.binaural import filters, to_binaural, to_stereo
from seehear.spatial.hrtf import read_sofa, spherical_head

Ears = Callable[[Float32[Tensor, "C N"]], Float32[Tensor, "2 N"]]


def ears_for(sound: Literal["binaural", "stereo"], head: Path | None, channels: int, rate: int) -> tuple[Ears, str]:
    """What makes two channels out of AmbiX, and its name: a rigid sphere's ears, those of a SOFA file, or cardioids."""
    if sound == "stereo":
        if head is not None:
            raise InputError(f"{head}: expected no head for stereo sound, got one: leave out --head or --sound stereo")
        return to_stereo, "stereo, two cardioids"
    made = filters(spherical_head(rate) if head is None else read_sofa(head), round(channels**0.5) - 1, rate)
    about = "binaural, " + ("rigid sphere" if head is None else f"head of {head.name}")
    return lambda ambisonic: to_binaural(ambisonic, made), about
