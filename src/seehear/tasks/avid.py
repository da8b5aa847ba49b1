# SPDX-License-Identifier: Apache-2.0
"""Audio-visual instance discrimination: tell a clip from all others by its own sound, by its own picture, or by both.

Morgado, Vasconcelos and Misra, CVPR 2021; thesis chapter 2. With unit embeddings v_i, a_i of item i, their memories
m^v_i, m^a_i and K uniform negatives N_i without i itself, NCE(x; m, N) as in `losses.noise_contrastive`:

    Self:   L = NCE(v_i; m^v_i, N_i) + NCE(a_i; m^a_i, N_i)      (Eq. 2.4)
    Cross:  L = NCE(v_i; m^a_i, N_i) + NCE(a_i; m^v_i, N_i)      (Eq. 2.5)
    Joint:  L = Self + Cross                                     (Eq. 2.6)

The same negatives serve both modalities. Z is estimated once, from the negatives of the first batch, and then frozen.
"""

from typing import Literal

import torch
from jaxtyping import Int64
from torch import Tensor, nn

from seehear import dist
from seehear.clip import Batch, Loss, Response
from seehear.losses import contrastive, noise_contrastive
from seehear.memory import Bank
from seehear.tasks.task import Task

TERMS = {
    "self": (("video", "video"), ("audio", "audio")),
    "cross": (("video", "audio"), ("audio", "video")),
    "joint": (("video", "video"), ("audio", "audio"), ("video", "audio"), ("audio", "video")),
}
"""(modality of the anchor, modality of its target) of every term of a variant."""


class AVID(Task):
    """Instance discrimination with targets from the memory bank, or from the batch.

    `targets="batch"` compares each anchor with the embeddings of the whole batch (InfoNCE, gradients to both sides):
    a warm-up for the bank, whose rows are written once an epoch and say little at first. It is defined for Cross
    only, because within a modality an anchor would be its own target.
    """

    partition: Tensor

    def __init__(
        self,
        heads: nn.ModuleDict,
        bank: Bank,
        variant: Literal["self", "cross", "joint"] = "cross",
        targets: Literal["bank", "batch"] = "bank",
        negatives: int = 1024,
        temperature: float = 0.07,
        momentum: float = 0.5,
    ) -> None:
        super().__init__()
        if targets == "batch" and variant != "cross":
            raise ValueError(f"expected targets from the bank for {variant} discrimination, got targets from the batch")
        self.heads, self.bank, self.terms, self.targets = heads, bank, TERMS[variant], targets
        self.negatives, self.temperature, self.momentum = negatives, temperature, momentum
        self.register_buffer("partition", torch.zeros(()))

    def respond(self, encoders: nn.ModuleDict, batch: Batch) -> Response:
        """Unit embeddings "video" and "audio" [B, 128]."""
        outputs = {}
        for name in self.views:
            projected = self.heads[name](encoders[name](batch.views[name]).pooled)
            outputs[name] = nn.functional.normalize(projected.float(), dim=1)
        return Response(outputs)

    def charge(self, response: Response, batch: Batch) -> Loss:
        """The sum of the variant's terms, each the mean over the batch."""
        charge = self._against_batch if self.targets == "batch" else self._against_bank
        parts = charge(response.outputs, batch)
        return Loss(torch.stack(list(parts.values())).sum(), parts)

    def _against_batch(self, z: dict[str, Tensor], batch: Batch) -> dict[str, Tensor]:
        process, _ = dist.part()
        target = torch.arange(len(batch.items), device=batch.items.device) + process * len(batch.items)
        everyone = {name: dist.gather(one) for name, one in z.items()}
        return {
            f"{anchor}-{other}": contrastive(z[anchor] @ everyone[other].mT / self.temperature, target).mean()
            for anchor, other in self.terms
        }

    def _against_bank(self, z: dict[str, Tensor], batch: Batch) -> dict[str, Tensor]:
        own = self.bank.position(batch.items)
        return self.discriminate(z, own, self._negatives(own, batch))

    def discriminate(
        self, z: dict[str, Tensor], own: Int64[Tensor, "B"], negatives: Int64[Tensor, "B K"]
    ) -> dict[str, Tensor]:
        """The variant's terms against the items' own rows of the bank and the rows of these negatives."""
        scores = {}
        for anchor, other in self.terms:
            positive = (z[anchor] * getattr(self.bank, other)[own]).sum(1) / self.temperature
            scores[f"{anchor}-{other}"] = positive, self.bank.scores(other, z[anchor], negatives) / self.temperature
        if self.partition == 0:
            here = torch.stack([negative.detach().exp().mean() for _, negative in scores.values()]).mean()
            self.partition.copy_(dist.mean(here))
        frozen = float(self.partition)
        return {name: noise_contrastive(*pair, frozen).mean() for name, pair in scores.items()}

    def _negatives(self, own: Tensor, batch: Batch) -> Tensor:
        # Drawn for the batch of all processes and then shared out, so that their number does not change the draw.
        process, _ = dist.part()
        drawn = self.bank.negatives(dist.gather(own), self.negatives, batch.generator())
        return drawn[process * len(own) : (process + 1) * len(own)]

    def remember(self, response: Response, batch: Batch) -> None:
        """Move the bank rows of the batch towards their new embeddings."""
        for name, z in response.outputs.items():
            self.bank.update(name, batch.items, z, self.momentum)


class Fill(Task):
    """Write the embedding of every item into the bank as it is: one pass between a warm-up and the bank's own stage."""

    def __init__(self, task: AVID) -> None:
        super().__init__()
        self.task = task

    def respond(self, encoders: nn.ModuleDict, batch: Batch) -> Response:
        """The embeddings of the wrapped task."""
        return self.task.respond(encoders, batch)

    def charge(self, response: Response, batch: Batch) -> Loss:
        """Nothing is learnt in this pass."""
        return Loss(torch.zeros((), device=batch.items.device))

    def remember(self, response: Response, batch: Batch) -> None:
        """Replace the bank rows of the batch."""
        for name, z in response.outputs.items():
            self.task.bank.update(name, batch.items, z, momentum=0.0)
