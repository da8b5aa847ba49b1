# SPDX-License-Identifier: Apache-2.0
"""The nouns that travel: Clip (what happened), Batch (what a task is shown), Features, Response and Loss.

Letters used in shapes everywhere: B items of a batch, T frames, H W pixels, C channels of sound, N samples of sound,
F frequency bins, D numbers of an embedding, K negatives.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float32, Int64, UInt8
from torch import Tensor


class Clip(ABC):
    """A few seconds of one recording, open for reading: pictures and sound on one clock that starts at 0 s.

    `item` is the stable id of the catalog, `duration` is in s, `label` is a class index or -1, `source` names the
    recording the clip was cut from. `layout` says what the channels of the sound are: "mono", "stereo", "ambisonic"
    (AmbiX: channel 0 is W), "binaural", or a loudspeaker layout's name.
    """

    item: int
    duration: float
    label: int
    source: str
    layout: str = "mono"

    @abstractmethod
    def frames(self, start: float, count: int, fps: float) -> UInt8[np.ndarray, "T H W 3"]:
        """The frames on screen at start + k / fps (s), k = 0 .. count - 1; never interpolated.

        The frame at time t of a recording at f frames/s has index floor(t f); beyond the end the last frame is held.
        """

    @abstractmethod
    def sound(self, start: float, duration: float, rate: int) -> Float32[np.ndarray, "C N"]:
        """The sound of [start, start + duration) in [-1, 1], N = round(duration rate), zeros beyond the end."""


@dataclass(frozen=True)
class Batch:
    """What a task is shown: finished views by name, such as "video" [B, 3, T, H, W] and "audio" [B, 1, T, F].

    `draw` is the key of this step (seed, step): a task that needs random numbers makes its generator from it, so that
    neither resuming nor the number of processes changes them.
    """

    items: Int64[Tensor, "B"]
    labels: Int64[Tensor, "B"]
    views: dict[str, Tensor]
    draw: tuple[int, int] = (0, 0)

    def generator(self) -> torch.Generator:
        """A generator on the CPU that depends on `draw` alone."""
        state = np.random.SeedSequence(self.draw).generate_state(1, np.uint64)
        return torch.Generator().manual_seed(int(state[0] >> np.uint64(1)))


@dataclass(frozen=True)
class Features:
    """What an encoder says: every block by name [B, channels, ...] and the pooled embedding [B, D]."""

    blocks: dict[str, Tensor]
    pooled: Float32[Tensor, "B D"]


@dataclass(frozen=True)
class Response:
    """The outputs of a task's heads by name, kept apart from the loss so that they can be stored and charged again."""

    outputs: dict[str, Tensor]


@dataclass(frozen=True)
class Loss:
    """`total` is what is minimised; `parts` are its terms by name, for the log."""

    total: Float32[Tensor, ""]
    parts: dict[str, Float32[Tensor, ""]] = field(default_factory=dict)
