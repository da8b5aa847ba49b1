# SPDX-License-Identifier: Apache-2.0
"""Supervised classification, for upper bounds and for downstream heads: cross-entropy of a linear layer a modality."""

import torch
from torch import nn

from seehear.clip import Batch, Loss, Response
from seehear.tasks.task import Task


class Supervised(Task):
    """A linear classifier on the pooled embedding of each encoder; the loss is the sum of their cross-entropies."""

    def __init__(self, dimensions: dict[str, int], classes: int) -> None:
        super().__init__()
        self.classifiers = nn.ModuleDict({name: nn.Linear(size, classes) for name, size in dimensions.items()})

    def respond(self, encoders: nn.ModuleDict, batch: Batch) -> Response:
        """Class scores [B, classes] of each modality."""
        outputs = {n: c(encoders[n](batch.views[n]).pooled).float() for n, c in self.classifiers.items()}
        return Response(outputs)

    def charge(self, response: Response, batch: Batch) -> Loss:
        """-log softmax(scores)[label], averaged over the batch and summed over the modalities."""
        parts = {n: nn.functional.cross_entropy(scores, batch.labels) for n, scores in response.outputs.items()}
        return Loss(torch.stack(list(parts.values())).sum(), parts)
