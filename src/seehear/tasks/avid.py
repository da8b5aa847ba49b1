# SPDX-License-Identifier: Apache-2.0
"""Audio-visual instance discrimination: tell a clip from all others by its own sound, by its own picture, or by both.

Morgado, Vasconcelos and Misra, CVPR 2021; thesis chapter 2. With unit embeddings v_i, a_i of item i, their memories
m^v_i, m^a_i and K uniform negatives N_i without i itself, NCE(x; m, N) as in `losses.noise_contrastive`:

    Self:   L = NCE(v_i; m^v_i, N_i) + NCE(a_i; m^a_i, N_i)      (Eq. 2.4)
    Cross:  L = NCE(v_i; m^a_i, N_i) + NCE(a_i; m^v_i, N_i)      (Eq. 2.5)
    Joint:  L = Self + Cross                                     (Eq. 2.6)

The same negatives serve both modalities. Z is estimated once, from the negatives of the first batch, and then frozen.
The targets of the batch and of the queue stand in for m in InfoNCE (`losses.contrastive`), which has no Z.
"""

from typing import Literal

import torch
from jaxtyping import Int64
from torch import Tensor, nn

from seehear import dist
from seehear.clip import Batch, Loss, Response
from seehear.errors import InputError
from seehear.losses import contrastive, noise_contrastive
from seehear.memory import Bank, Queue
from seehear.tasks.momentum import Momentum
from seehear.tasks.task import Task, embed

Targets = Literal["bank", "batch", "queue"]

TERMS = {
    "self": (("video", "video"), ("audio", "audio")),
    "cross": (("video", "audio"), ("audio", "video")),
    "joint": (("video", "video"), ("audio", "audio"), ("video", "audio"), ("audio", "video")),
}
"""(modality of the anchor, modality of its target) of every term of a variant."""
MOST = 65_536
"""Negatives of one clip."""


class AVID(Task):
    """Instance discrimination with targets from the memory bank, from the batch, or from momentum encoders and a queue.

    `targets="batch"` compares each anchor with the embeddings of the whole batch (InfoNCE, gradients to both sides):
    a warm-up for the bank, whose rows are written once an epoch and say little at first. It is defined for Cross
    only, because within a modality an anchor would be its own target.

    `targets="queue"` compares each anchor with what the momentum encoders `slow` say of the batch, and said of the
    batches before it: a queue of `negatives` embeddings, but of no more than there are items, so that small data
    cannot fill it with copies of themselves. The anchor's own item is no negative, however often it is queued. A stage
    begins with copies that equal the encoders. Raises InputError without negatives.
    """

    partition: Tensor

    def __init__(
        self,
        heads: nn.ModuleDict,
        bank: Bank,
        variant: Literal["self", "cross", "joint"] = "cross",
        targets: Targets = "bank",
        negatives: int = 1024,
        temperature: float = 0.07,
        momentum: float = 0.5,
        slow: Momentum | None = None,
    ) -> None:
        super().__init__()
        if targets == "batch" and variant != "cross":
            raise ValueError(f"expected other targets for {variant} discrimination, got targets from the batch")
        if (targets == "queue") != (slow is not None):
            raise ValueError(f"expected momentum encoders for targets from the queue alone, got targets from {targets}")
        if not 1 <= negatives <= MOST:
            raise InputError(f"expected 1 to {MOST} negatives, got {negatives}")
        self.heads, self.bank, self.terms, self.targets = heads, bank, TERMS[variant], targets
        self.negatives, self.temperature, self.momentum = negatives, temperature, momentum
        dimension = bank.get_buffer("video").shape[1]
        self.slow, self.queue = slow, Queue(min(negatives, len(bank)), dimension) if slow is not None else None
        self.register_buffer("partition", torch.zeros(()))

    def begin_epoch(self, epoch: int) -> None:
        """Let momentum encoders begin where a stage before this one has left the encoders."""
        if epoch == 0 and self.slow is not None:
            self.slow.begin()

    def respond(self, encoders: nn.ModuleDict, batch: Batch) -> Response:
        """Unit embeddings "video" and "audio" [B, 128]; of momentum encoders "video-target" and "audio-target"."""
        outputs = {name: embed(encoders, self.heads, name, batch.views[name]) for name in self.views}
        if self.slow is not None:
            outputs |= {f"{name}-target": z for name, z in self.slow.embed(batch).items()}
        return Response(outputs)

    def charge(self, response: Response, batch: Batch) -> Loss:
        """The sum of the variant's terms, each the mean over the batch."""
        against = self._against_bank if self.targets == "bank" else self._against_embeddings
        # Of similarities divided by .07 the three digits of bfloat16 are too few.
        with torch.autocast(batch.items.device.type, enabled=False):
            parts = against(response.outputs, batch)
        return Loss(torch.stack(list(parts.values())).sum(), parts)

    def _against_embeddings(self, z: dict[str, Tensor], batch: Batch) -> dict[str, Tensor]:
        items, candidates = self._candidates(z, batch)
        rows = torch.arange(len(batch.items), device=items.device)
        target = rows + dist.part()[0] * len(rows)
        own = batch.items[:, None] == items
        own[rows, target] = False
        parts = {}
        for anchor, other in self.terms:
            scores = (z[anchor] @ candidates[other].mT / self.temperature).masked_fill(own, -torch.inf)
            parts[f"{anchor}-{other}"] = contrastive(scores, target).mean()
        return parts

    def _candidates(self, z: dict[str, Tensor], batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        # The batch of all processes comes first, in their order.
        items = dist.gather(batch.items)
        if self.queue is None:
            return items, {name: dist.gather(z[name]) for name in self.views}
        queued = {name: self.queue.latest(name) for name in self.views}
        items = torch.cat([items, queued["video"][0]])
        return items, {n: torch.cat([dist.gather(z[f"{n}-target"]), rows]) for n, (_, rows) in queued.items()}

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
        """Move the bank rows of the batch towards their new embeddings; queue targets, let momentum encoders follow."""
        for name in self.views:
            self.bank.update(name, batch.items, response.outputs[name], self.momentum)
        if self.slow is not None and self.queue is not None:
            self.queue.push(batch.items, {name: response.outputs[f"{name}-target"] for name in self.views})
            self.slow.follow()


class Fill(Task):
    """Write embeddings into the bank as they are: one pass between a warm-up and the bank's own stage.

    With `only` [M] the memories of these item ids are written, and others stay as they are.
    """

    only: Tensor | None

    def __init__(self, task: AVID, only: Int64[Tensor, "M"] | None = None) -> None:
        super().__init__()
        self.task = task
        self.register_buffer("only", only, persistent=False)

    def respond(self, encoders: nn.ModuleDict, batch: Batch) -> Response:
        """The embeddings of the wrapped task."""
        return self.task.respond(encoders, batch)

    def charge(self, response: Response, batch: Batch) -> Loss:
        """Nothing is learnt in this pass."""
        return Loss(torch.zeros((), device=batch.items.device))

    def remember(self, response: Response, batch: Batch) -> None:
        """Replace the bank rows of the batch."""
        everyone = dist.gather(batch.items)
        kept = everyone[:0] if self.only is None else everyone[~torch.isin(everyone, self.only)]
        place = self.task.bank.position(kept)
        for name in self.views:
            rows = getattr(self.task.bank, name)
            before = rows[place]
            self.task.bank.update(name, batch.items, response.outputs[name], momentum=0.0)
            rows[place] = before
