# SPDX-License-Identifier: Apache-2.0
"""Supervised classification, for upper bounds and for downstream heads: cross-entropy of a linear layer a modality.

With dropout p, each of the D pooled numbers z is kept with probability 1 - p while training: z m / (1 - p), m 0 or 1
(Srivastava et al. 2014). The mask of an item is drawn from (seed, step, item, modality) and from nothing else.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from seehear.clip import Batch, Loss, Response
from seehear.tasks.task import Task


class Supervised(Task):
    """A linear classifier on the pooled embedding of each encoder; the loss is the sum of their cross-entropies."""

    def __init__(self, dimensions: dict[str, int], classes: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.classifiers = nn.ModuleDict({name: nn.Linear(size, classes) for name, size in dimensions.items()})
        self.dropout = dropout

    def respond(self, encoders: nn.ModuleDict, batch: Batch) -> Response:
        """Class scores [B, classes] of each modality."""
        outputs = {}
        for number, (name, classifier) in enumerate(self.classifiers.items()):
            pooled = encoders[name](batch.views[name]).pooled
            if self.training and self.dropout:
                pooled = pooled * self._mask(pooled, batch, number)
            outputs[name] = classifier(pooled).float()
        return Response(outputs)

    def _mask(self, pooled: Float[Tensor, "B D"], batch: Batch, number: int) -> Float[Tensor, "B D"]:
        """0, or 1 / (1 - p)."""
        keys = ([*batch.draw, item, number] for item in batch.items.tolist())
        draws = np.stack([np.random.default_rng(key).random(pooled.shape[1]) for key in keys])
        return torch.from_numpy((draws >= self.dropout) / (1 - self.dropout)).to(pooled)

    def charge(self, response: Response, batch: Batch) -> Loss:
        """-log softmax(scores)[label], averaged over the batch and summed over the modalities."""
        return cross_entropies(response, batch)


def cross_entropies(response: Response, batch: Batch) -> Loss:
    """-log softmax(scores)[label] of every classifier, averaged over the batch, and their sum."""
    parts = {n: nn.functional.cross_entropy(scores, batch.labels) for n, scores in response.outputs.items()}
    return Loss(torch.stack(list(parts.values())).sum(), parts)
