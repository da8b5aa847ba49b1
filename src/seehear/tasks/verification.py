# SPDX-License-Identifier: Apache-2.0
"""Audio-visual correspondence as pair verification: does this sound belong to this picture?

Arandjelovic and Zisserman, ICCV 2017 (L3) and ECCV 2018 (AVE). With the unit embeddings v_i, a_j of the B clips of a
batch and the logit s_ij = g(v_i, a_j) of a pair,

    L = mean_i softplus(-s_ii) / 2 + mean over i, j != i of softplus(s_ij) / 2

    concatenation   g(v, a) = w . relu(V v + A a + b) + c        two layers on both embeddings   (L3)
    distance        g(v, a) = c - e |v - a|^2                    a learnt scale and offset       (AVE)

L3 draws one wrong sound for each picture; here all other sounds of the batch are wrong ones, which is the mean over
that draw. The contrastive form of the same task, one softmax over the batch, is `AVID(targets="batch")`.
"""

from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from seehear import dist
from seehear.clip import Batch, Loss, Response
from seehear.errors import InputError
from seehear.losses import pair_logistic
from seehear.tasks.task import Task, embed


class AVC(Task):
    """Pair verification with the sounds of the other clips of the batch, of all processes, as the wrong ones.

    Only `comparison="distance"` leaves the embeddings of both modalities in one space: with "concatenation" the sound
    nearest to a picture says nothing.
    """

    def __init__(
        self,
        heads: nn.ModuleDict,
        comparison: Literal["concatenation", "distance"] = "concatenation",
        dimension: int = 128,
        hidden: int = 128,
    ) -> None:
        super().__init__()
        self.heads = heads
        self.compare = Concatenation(dimension, hidden) if comparison == "concatenation" else Distance()

    def respond(self, encoders: nn.ModuleDict, batch: Batch) -> Response:
        """Unit embeddings "video" and "audio" [B, 128]."""
        return Response({name: embed(encoders, self.heads, name, batch.views[name]) for name in self.views})

    def charge(self, response: Response, batch: Batch) -> Loss:
        """Binary cross-entropy, the mean over the batch; raises InputError for a batch of one clip."""
        video, audio = response.outputs["video"], dist.gather(response.outputs["audio"])
        logits = self.compare(video, audio).float()
        own = own_pairs(logits)
        total = pair_logistic(logits[own], others(logits, own)).mean()
        return Loss(total, {"video-audio": total})


class Concatenation(nn.Module):
    """The logits of all pairs by two linear layers with a ReLU between, on both embeddings beside each other."""

    def __init__(self, dimension: int, hidden: int) -> None:
        super().__init__()
        # Unit vectors have small coordinates; layers are made for numbers near one.
        self.size = dimension**0.5
        self.video, self.audio = nn.Linear(dimension, hidden), nn.Linear(dimension, hidden, bias=False)
        self.out = nn.Linear(hidden, 1)

    def forward(self, video: Float[Tensor, "B D"], audio: Float[Tensor, "G D"]) -> Float[Tensor, "B G"]:
        """Logits s_ij."""
        seen, heard = self.video(self.size * video), self.audio(self.size * audio)
        return self.out((seen[:, None] + heard).relu())[:, :, 0]


class Distance(nn.Module):
    """The logits of all pairs by their distance; at first .5 for orthogonal embeddings, and sure of equal ones."""

    def __init__(self) -> None:
        super().__init__()
        self.scale, self.offset = nn.Parameter(torch.tensor(5.0)), nn.Parameter(torch.tensor(10.0))

    def forward(self, video: Float[Tensor, "B D"], audio: Float[Tensor, "G D"]) -> Float[Tensor, "B G"]:
        """Logits s_ij."""
        return self.offset - self.scale * torch.cdist(video, audio).square()


def own_pairs(pairs: Float[Tensor, "B G"]) -> Bool[Tensor, "B G"]:
    """Which of the pairs of this process's pictures and the sounds of all processes belong together."""
    if pairs.shape[1] < 2:
        raise InputError(
            "expected at least two clips a step, so that one sound is wrong, got one: choose a larger batch"
        )
    own = torch.zeros(pairs.shape, dtype=torch.bool, device=pairs.device)
    return own.diagonal_scatter(
        torch.ones(len(pairs), dtype=torch.bool, device=pairs.device), dist.part()[0] * len(pairs)
    )


def others(pairs: Float[Tensor, "B G"], own: Bool[Tensor, "B G"]) -> Float[Tensor, "B K"]:
    """All pairs but those that belong together, G - 1 a row."""
    return pairs[~own].view(len(pairs), -1)
