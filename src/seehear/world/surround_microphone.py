# SPDX-License-Identifier: Apache-2.0
"""What recording adds to the sound around a listener: diffuse noise, and a response that all channels share."""

import numpy as np
from jaxtyping import Float64

from seehear.world.scene import Acoustics
from seehear.world.sound import noise_floor
from seehear.world.surround_path import to_listener
from seehear.world.surround_scene import Microphone, Surround

Beams = Float64[np.ndarray, "C A"]


def diffuse_noise(
    microphone: Microphone, loud: float, beams: Beams, count: int, rate: int
) -> Float64[np.ndarray, "C N"]:
    """Beams of a diffuse noise that in W is at its level (dB) below an amplitude `loud` (RMS).

    W is a cut of the shared noise, the channels of degree n other cuts of it with 1 / (2 n + 1) of its power.
    """
    shared = Acoustics(0, 0.0, microphone.floor, 0.0, 0.0, (0.0,), 0.0, (0.0, 0.0, 0.0), 0.0)
    loop = noise_floor(shared, 8 * rate, rate)
    tape = np.tile(loop, count // len(loop) + 2)
    used = heard_channels(beams)
    first = (len(loop) * ((microphone.noise_at + used * (np.sqrt(5) - 1) / 2) % 1)).astype(int)
    cuts = np.stack([tape[start : start + count] for start in first])
    levels = loud * 10 ** (microphone.noise / 20) / np.sqrt(2 * np.floor(np.sqrt(used)) + 1)
    return (beams[:, used] * levels) @ cuts


def in_world(scene: Surround, beams: Beams) -> Beams:
    """Beams of the listener's channels as beams of those of the world's axes."""
    import torch

    from seehear.spatial.ambisonics import rotation_matrix

    axes = torch.from_numpy(to_listener(scene, np.eye(3)).T.copy())
    return beams @ rotation_matrix(axes, int(np.sqrt(beams.shape[1])) - 1).numpy()


def heard_channels(beams: Beams) -> np.ndarray:
    """The numbers (ACN) of the channels that have a part in any beam."""
    return np.flatnonzero((np.abs(beams) > 1e-12).any(axis=0))


def response(microphone: Microphone, rate: int, half: int) -> Float64[np.ndarray, "taps"]:
    """The response as a filter of 2 half + 1 taps about its middle, of zero phase."""
    octaves = np.log2(np.maximum(np.fft.rfftfreq(4 * half, 1 / rate), 1.0) / 62.5)
    gains = 10 ** (np.interp(2 * octaves, np.arange(len(microphone.response)), microphone.response) / 20)
    taps = np.roll(np.fft.irfft(gains, 4 * half), half)[: 2 * half + 1]
    return taps * np.hanning(2 * half + 3)[1:-1]
