# SPDX-License-Identifier: Apache-2.0
"""Audio-visual temporal synchronisation: does this sound belong to this moment of this clip?

Korbar, Tran and Torresani, NeurIPS 2018. With unit embeddings, d_ij = |v_i - a_j|, the sound a'_i of another time of
clip i, the margin eta and the share h of hard negatives,

    L = mean_i d_ii^2 / 2 + (1 - h) / 2 mean over i, j != i of max(eta - d_ij, 0)^2      sounds of other clips (easy)
                          +      h / 2  mean_i max(eta - |v_i - a'_i|, 0)^2              another time (hard)

A curriculum begins with h = 0 and makes it larger in a second stage.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8
from torch import Tensor, cat, cdist, linalg, nn

from seehear import dist
from seehear.clip import Batch, Clip, Loss, Response
from seehear.errors import InputError
from seehear.losses import pair_margin
from seehear.tasks.task import Task, embed
from seehear.tasks.verification import others, own_pairs
from seehear.views import AudioVisual


class AVTS(Task):
    """Pair verification by distance with a share `hard` of negatives from another time of the same clip.

    With hard negatives the views are those of `Synchrony`. Raises InputError for a share outside [0, 1] and a margin
    that is not positive.
    """

    def __init__(self, heads: nn.ModuleDict, hard: float = 0.25, margin: float = 0.99) -> None:
        super().__init__()
        if not 0 <= hard <= 1:
            raise InputError(f"expected a share of hard negatives in [0, 1], got {hard:g}")
        if not margin > 0:
            raise InputError(f"expected a margin above 0, got {margin:g}")
        self.heads, self.hard, self.margin = heads, hard, margin
        self.views = ("video", "audio", "elsewhere") if hard else ("video", "audio")

    def respond(self, encoders: nn.ModuleDict, batch: Batch) -> Response:
        """Unit embeddings "video", "audio" and, with hard negatives, "elsewhere" [B, 128]."""
        video = embed(encoders, self.heads, "video", batch.views["video"])
        # All sounds go through the encoder at once: a batch norm of their own would tell right from wrong ones.
        sounds = cat([batch.views[name] for name in self.views[1:]])
        heard = embed(encoders, self.heads, "audio", sounds).chunk(len(self.views) - 1)
        return Response({"video": video, **dict(zip(self.views[1:], heard, strict=True))})

    def charge(self, response: Response, batch: Batch) -> Loss:
        """The mean over the batch by kind of negative; raises InputError for a batch of one clip."""
        z = response.outputs
        pairs = cdist(z["video"], dist.gather(z["audio"]))
        own = own_pairs(pairs)
        together = pairs[own]
        parts = {"easy": (1 - self.hard) * pair_margin(together, others(pairs, own), self.margin).mean()}
        if self.hard:
            apart = linalg.vector_norm(z["video"] - z["elsewhere"], dim=1)[:, None]
            parts["hard"] = self.hard * pair_margin(together, apart, self.margin).mean()
        return Loss(sum(parts.values(), start=together.new_zeros(())), parts)


@dataclass(frozen=True)
class Synchrony(AudioVisual):
    """Views with a further sound "elsewhere" [B, 1, frames, bins], `gap` s or more from the pictures and their sound.

    The two parts of the clip that they come from are drawn together: their order, and all that is left over of the
    clip before, between and behind them. Raises InputError for a negative gap, and for a clip shorter than `least`.
    """

    gap: float = 0.5

    def __post_init__(self) -> None:
        if not self.gap >= 0:
            raise InputError(f"expected a gap of at least 0 s between two sounds of a clip, got {self.gap:g}")

    @property
    def least(self) -> float:
        """The length of the shortest clip that has both parts (s)."""
        return self._together + self.gap + self._heard

    @property
    def arguments(self) -> dict[str, Any]:
        """Those of the views without the further sound, which is for training alone."""
        return {name: value for name, value in super().arguments.items() if name != "gap"}

    def cut(self, clip: Clip, generator: np.random.Generator) -> dict[str, np.ndarray]:
        """As AudioVisual, and "elsewhere" int16 [N]."""
        if self.position is not None:
            return super().cut(clip, generator)
        pair, lone = self._parts(clip, generator)
        cuts = super().cut(pair, generator)
        return {**cuts, "elsewhere": AudioVisual.cut(self.only("audio"), lone, generator)["samples"]}

    def finish(self, cuts: dict[str, Tensor]) -> dict[str, Tensor]:
        """As AudioVisual, and "elsewhere"."""
        views = super().finish(cuts)
        if "elsewhere" in cuts:
            views["elsewhere"] = super().finish({"samples": cuts["elsewhere"], "draws": cuts["draws"]})["audio"]
        return views

    @property
    def _heard(self) -> float:
        """Seconds of sound that may be needed for one spectrogram."""
        return self.front.seconds * self.stretch[1]

    @property
    def _together(self) -> float:
        """Seconds that pictures and their sound need."""
        return max(self.count / self.fps, self._heard)

    def _parts(self, clip: Clip, generator: np.random.Generator) -> tuple["Part", "Part"]:
        """Where pictures and their sound are cut from, and where the sound elsewhere."""
        heard, left = self._heard, clip.duration - self.least
        if left < 0:
            raise InputError(
                f"expected clips of {self.least:.2f} s or more, so that two sounds {self.gap:g} s apart fit, "
                f"got {clip.duration:.2f} s of {clip.source}"
            )
        span = self._together + min(self.offset, left)
        before, until = np.sort(generator.random(2)) * (left - span + self._together)
        if generator.random() < 0.5:
            return Part(clip, before, span), Part(clip, until + span + self.gap, heard)
        return Part(clip, until + heard + self.gap, span), Part(clip, before, heard)


class Part(Clip):
    """`duration` s of another clip from `start` s on, as a clip."""

    def __init__(self, clip: Clip, start: float, duration: float) -> None:
        self.clip, self.start, self.duration = clip, start, duration
        self.item, self.label, self.source, self.layout = clip.item, clip.label, clip.source, clip.layout

    def frames(self, start: float, count: int, fps: float) -> UInt8[np.ndarray, "T H W 3"]:
        return self.clip.frames(self.start + start, count, fps)

    def sound(self, start: float, duration: float, rate: int) -> Float32[np.ndarray, "C N"]:
        return self.clip.sound(self.start + start, duration, rate)
