# SPDX-License-Identifier: Apache-2.0
"""Momentum encoders: copies of encoders and heads that follow them slowly (He et al., CVPR 2020).

With weights theta of what learns and rate m, after every step of the optimiser

    theta' <- m theta' + (1 - m) theta,   m = .999 in the paper.

Only weights follow. Batch norms of a copy count their own statistics, because their inputs are the copy's. Copies are
shown other views of the clips (`Twice`): of the very same view a copy knows too much for a target.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor, nn

from seehear.clip import Batch, Clip
from seehear.errors import InputError
from seehear.tasks.task import embed
from seehear.views import AudioVisual


class Momentum(nn.Module):
    """Copies of `encoders` and `heads` that follow them at `rate`; raises InputError for a rate outside [0, 1]."""

    def __init__(self, encoders: nn.ModuleDict, heads: nn.ModuleDict, rate: float = 0.999) -> None:
        super().__init__()
        if not 0 <= rate <= 1:
            raise InputError(f"expected a rate of momentum encoders in [0, 1], got {rate:g}")
        self.rate = rate
        self.encoders, self.heads = _unlearnable(deepcopy(encoders)), _unlearnable(deepcopy(heads))
        # Inside a tuple the nets that are followed do not become parts of this module.
        self.followed = encoders, heads

    def begin(self) -> None:
        """Become equal to what is followed, statistics of batch norms included."""
        for copy, learning in zip((self.encoders, self.heads), self.followed, strict=True):
            copy.load_state_dict(learning.state_dict())

    @torch.no_grad()
    def follow(self) -> None:
        """Move every weight towards the one it follows."""
        for weight, followed in self._pairs():
            weight.lerp_(followed, 1 - self.rate)

    @torch.no_grad()
    def embed(self, batch: Batch) -> dict[str, Float32[Tensor, "B D"]]:
        """Unit embeddings of the copies by modality; of "video again" and "audio again" where there are such views."""
        views = {name: batch.views.get(f"{name} again", batch.views[name]) for name in self.heads}
        return {name: embed(self.encoders, self.heads, name, view) for name, view in views.items()}

    def _pairs(self) -> Iterator[tuple[Tensor, Tensor]]:
        for copy, learning in zip((self.encoders, self.heads), self.followed, strict=True):
            for name, parameter in learning.named_parameters():
                yield copy.get_buffer(name), parameter


def _unlearnable(nets: nn.ModuleDict) -> nn.ModuleDict:
    """The same nets with buffers for parameters: no optimiser, wrapper or `requires_grad_` can make them learn."""
    for part in nets.modules():
        for name, parameter in list(part.named_parameters(recurse=False)):
            delattr(part, name)
            part.register_buffer(name, parameter.detach())
    return nets


@dataclass(frozen=True)
class Twice(AudioVisual):
    """Views, and as "video again" and "audio again" others of the same clip, with windows and draws of their own."""

    def cut(self, clip: Clip, generator: np.random.Generator) -> dict[str, np.ndarray]:
        """As AudioVisual; for training all arrays again."""
        cuts = super().cut(clip, generator)
        if self.position is not None:
            return cuts
        return {**cuts, **{f"{name} again": array for name, array in super().cut(clip, generator).items()}}

    def finish(self, cuts: dict[str, Tensor]) -> dict[str, Tensor]:
        """As AudioVisual; what was cut again is finished again."""
        again = {name.removesuffix(" again"): array for name, array in cuts.items() if name.endswith(" again")}
        views = super().finish({name: array for name, array in cuts.items() if not name.endswith(" again")})
        return {**views, **{f"{name} again": view for name, view in super().finish(again).items()}} if again else views
