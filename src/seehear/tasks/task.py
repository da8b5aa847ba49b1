# SPDX-License-Identifier: Apache-2.0
"""What a pretext task is: heads that respond, a loss that charges, a memory that is updated after the step."""

from abc import ABC, abstractmethod

from jaxtyping import Float
from torch import Tensor, nn

from seehear.clip import Batch, Loss, Response


class Task(nn.Module, ABC):
    """A pretext or supervised task.

    `respond` and `charge` are apart because incremental learning charges old tasks against their stored responses.
    `views` names what a batch must hold.
    """

    views: tuple[str, ...] = ("video", "audio")

    @abstractmethod
    def respond(self, encoders: nn.ModuleDict, batch: Batch) -> Response:
        """What the heads say of the batch."""

    @abstractmethod
    def charge(self, response: Response, batch: Batch) -> Loss:
        """The loss of a response."""

    def remember(self, response: Response, batch: Batch) -> None:
        """Update the memory after the optimiser's step; most tasks have none."""

    def begin_epoch(self, epoch: int) -> None:
        """Look at the whole memory before an epoch of the stage; what is found is kept in buffers, for resuming."""


def embed(encoders: nn.ModuleDict, heads: nn.ModuleDict, name: str, view: Tensor) -> Float[Tensor, "B D"]:
    """Unit embeddings of the views of one modality, by its encoder and its head."""
    return nn.functional.normalize(heads[name](encoders[name](view).pooled).float(), dim=1)
