# SPDX-License-Identifier: Apache-2.0
"""A scene becomes pixels and samples, and these a fingerprint by which two machines can compare worlds."""

import hashlib
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8

from seehear.world.picture import see
from seehear.world.scene import Scene, Shot
from seehear.world.sound import hear
from seehear.world.surround_shot import SurroundShot


@dataclass(frozen=True)
class Recording:
    """Frames [T, H, W, 3] at `shot.fps` and sound [C, N] at `shot.rate` Hz, before any codec."""

    frames: UInt8[np.ndarray, "T H W 3"]
    sound: Float32[np.ndarray, "C N"]
    shot: Shot | SurroundShot

    @property
    def hash(self) -> str:
        """Sixteen hexadecimal digits of SHA-256 over the pixels and the samples as 16-bit integers."""
        digest = hashlib.sha256(self.frames.tobytes())
        # Sound passes through a Fourier transform, whose last digits differ between machines; 16 bits do not.
        digest.update(np.round(self.sound * 32767).astype("<i2").tobytes())
        return digest.hexdigest()[:16]


def render(scene: Scene, shot: Shot) -> Recording:
    """Paint and record a scene."""
    return Recording(see(scene, shot).frames, hear(scene, shot).sound, shot)
