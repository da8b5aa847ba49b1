# SPDX-License-Identifier: Apache-2.0
"""A surround scene becomes pixels, samples and truth, and these become files.

PATH.mp4 holds picture and sound, tagged as a panorama (both versions of the RFC) and as ambisonic sound (SA3D) where
they are. Beside it lie PATH.truth.npz (no pickle) with `positions` [S, T, 3], where every source is in the listener's
axes (m) at the instant of each frame (NaN of what has no place), and what the shot asks for of `instances` and
`classes` [T, H, W], `depth` [T, H, W] and `flow` [T, H, W, 2]; PATH.rig.flac with the eight ears; PATH.stems.flac with
each heard source alone.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from seehear.atomic import replacing
from seehear.media.encode import encode
from seehear.media.tags import Ambisonic, Spherical, Tags
from seehear.world.render import Recording
from seehear.world.surround_path import position, to_listener
from seehear.world.surround_picture import SurroundPicture, see
from seehear.world.surround_scene import Surround
from seehear.world.surround_shot import ORDERS, SurroundShot
from seehear.world.surround_sound import SurroundSound, hear


@dataclass(frozen=True)
class SurroundRecording:
    """What was seen and heard of a scene by a shot, before any codec, and where its sources were."""

    shot: SurroundShot
    picture: SurroundPicture
    sound: SurroundSound
    positions: Float64[np.ndarray, "S T 3"]

    @property
    def recording(self) -> Recording:
        """Frames and sound."""
        return Recording(self.picture.frames, self.sound.sound, self.shot)


def render_surround(scene: Surround, shot: SurroundShot) -> SurroundRecording:
    """Paint and record a scene."""
    times = np.arange(round(scene.duration * shot.fps)) / shot.fps
    positions = np.stack([to_listener(scene, position(source, times)) for source in scene.sources])
    positions[[not source.located for source in scene.sources]] = np.nan
    return SurroundRecording(shot, see(scene, shot), hear(scene, shot), positions)


def write_surround(taken: SurroundRecording, path: Path) -> None:
    """Write PATH.mp4, or any other name that `encode` knows, and what lies beside it; the media file comes last."""
    shot, picture, sound = taken.shot, taken.picture, taken.sound
    kept = {"positions": taken.positions.astype(np.float32), "instances": picture.instances}
    kept |= {"classes": picture.classes, "depth": picture.depth, "flow": picture.flow}
    arrays = {name: array for name, array in kept.items() if array is not None}
    with replacing(path.with_suffix(".truth.npz")) as temporary:
        np.savez_compressed(temporary, **arrays)  # type: ignore[arg-type]
    for name, channels in (("rig", sound.rig), ("stems", sound.stems)):
        if channels is not None and len(channels):
            encode(path.with_suffix(f".{name}.flac"), None, shot.fps, channels, shot.rate)
    order = ORDERS.get(shot.sound, 0)
    tags = Tags(
        spherical=Spherical(2, "equirectangular") if shot.fov is None else None,
        ambisonic=Ambisonic.ambix(order) if order else None,
    )
    encode(path, picture.frames, shot.fps, sound.sound, shot.rate, tags=tags)
