# SPDX-License-Identifier: Apache-2.0
"""Linear classifiers of every block of an encoder that stays as it is, learnt from augmented views (thesis table 2.1).

    x_b = the maximum of block b over frames, then over a grid of cells (at most 9,216 numbers, `features.shrink`)
    s_b = W_b BN_b(x_b) + c_b
    L = sum over b of cross-entropy(s_b, label)

Blocks are those between stem and pool, block1 to block4 of the tables. The thesis asks for linear classifiers; grids
and batch norm BN_b in front of them are those of the published code. The classifiers share views and nothing else, so
that one training gives the whole row of a table. `evals.linear_probe` asks the same of unvaried views in seconds.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from seehear.clip import Batch, Features, Loss, Response
from seehear.evals.features import PAPER_LIMIT, shrink
from seehear.tasks.supervised import cross_entropies
from seehear.tasks.task import Task
from seehear.views import AudioVisual


class BlockClassifiers(Task):
    """A linear classifier behind batch norm on each block of the encoder of `modality`.

    Sizes are those of what `views` show the encoder.
    """

    def __init__(self, encoder: nn.Module, modality: str, views: AudioVisual, classes: int) -> None:
        super().__init__()
        self.modality = modality
        front = views.front
        shapes = {"video": (3, views.count, views.size, views.size), "audio": (1, front.frames, front.bins)}
        learning, device = encoder.training, next(encoder.parameters()).device
        with torch.no_grad():
            blocks = flat(encoder.eval()(torch.zeros(1, *shapes[modality], device=device)))
        encoder.train(learning)
        sizes = {block: x.shape[1] for block, x in blocks.items()}
        made = {b: nn.Sequential(nn.BatchNorm1d(size), nn.Linear(size, classes)) for b, size in sizes.items()}
        self.classifiers = nn.ModuleDict(made)

    def respond(self, encoders: nn.ModuleDict, batch: Batch) -> Response:
        """Class scores [B, classes] by "modality/block"."""
        blocks = flat(encoders[self.modality](batch.views[self.modality]))
        return Response({f"{self.modality}/{b}": self.classifiers[b](x).float() for b, x in blocks.items()})

    def charge(self, response: Response, batch: Batch) -> Loss:
        """-log softmax(s_b)[label], averaged over the batch and summed over the blocks."""
        return cross_entropies(response, batch)


def flat(said: Features) -> dict[str, Float[Tensor, "B D"]]:
    """x_b by block."""
    maps = [(block, value) for block, value in said.blocks.items() if value.ndim > 2]
    return {block: shrink(value, PAPER_LIMIT) for block, value in maps[1:]}
