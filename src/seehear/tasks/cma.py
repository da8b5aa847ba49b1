# SPDX-License-Identifier: Apache-2.0
"""Cross-modal agreement: items that look alike and sound alike are positives of each other.

Morgado, Vasconcelos and Misra, CVPR 2021; thesis section 2.4. With the letters of `tasks.avid`, P_i the K_p items with
the largest agreement rho_ij of their memories (`mining`), and N_i K uniform negatives outside P_i and without i:

    rho_ij = min(m^v_i . m^v_j, m^a_i . m^a_j)                                            (Eq. 2.7)
    P_i    = TopK_j rho_ij                                                                (Eq. 2.8)
    wMPD   = 1/K_p sum over p in P_i of NCE(v_i; m^v_p, N_i) + NCE(a_i; m^a_p, N_i)       (Eq. 2.9)
    L      = Cross(v_i, a_i) + lambda wMPD                                                (Eq. 2.10)

Both terms share the negatives, all K of them, and the frozen Z. Other kinds of rho are the baselines of section 2.4.3.
"""

from math import inf

import torch
from torch import Tensor, nn

from seehear import dist, mining
from seehear.clip import Batch, Loss, Response
from seehear.errors import InputError
from seehear.losses import noise_contrastive
from seehear.tasks.avid import AVID, TERMS
from seehear.tasks.task import Task


class CMA(Task):
    """Cross-AVID with positives mined from its bank, every `refresh` epochs of the stage beginning with the first.

    Heads, bank, partition function, negatives and temperature are those of `task`, so that a stage of Cross-AVID
    before it is its warm start. `weight` is lambda.
    """

    positives: Tensor

    def __init__(
        self, task: AVID, kind: mining.Kind = "agreement", weight: float = 1.0, positives: int = 32, refresh: int = 50
    ) -> None:
        super().__init__()
        if task.terms != TERMS["cross"] or task.targets != "bank":
            raise ValueError("expected a Cross-AVID task with targets from the bank, got another variant of AVID")
        items = len(task.bank)
        if not 0 < positives < items - 1:
            raise InputError(
                f"expected 1 to {items - 2} positives for {items} clips, so that one is left as a negative, "
                f"got {positives}{': ask for fewer positives, or train on more clips' * (positives > 0)}"
            )
        if refresh < 1:
            raise InputError(f"expected refresh of at least 1 epoch, got {refresh}")
        if not 0 <= weight < inf:
            raise InputError(f"expected a finite weight of at least 0, got {weight:g}")
        self.task, self.kind, self.weight, self.refresh = task, kind, weight, refresh
        # 32 bits, because 32 positives of two million items are as large as a quarter of a bank.
        self.register_buffer("positives", torch.full((items, positives), -1, dtype=torch.int32))

    def begin_epoch(self, epoch: int) -> None:
        """Mine the positives of all items when their time has come."""
        if epoch % self.refresh == 0:
            rows = {name: getattr(self.task.bank, name) for name in self.views}
            self.positives.copy_(mining.positives(rows, self.kind, self.positives.shape[1]))

    def respond(self, encoders: nn.ModuleDict, batch: Batch) -> Response:
        """The embeddings of Cross-AVID."""
        return self.task.respond(encoders, batch)

    def charge(self, response: Response, batch: Batch) -> Loss:
        """Eq. 2.10, the mean over the batch; raises ValueError when no positives were mined."""
        z, bank, temperature = response.outputs, self.task.bank, self.task.temperature
        own = bank.position(batch.items)
        positives = self.positives[own].long()
        if (positives < 0).any():
            raise ValueError("expected mined positives, got none: call begin_epoch(0) first")
        negatives = self._negatives(own, batch)
        # In float32, as all of AVID's scores.
        with torch.autocast(own.device.type, enabled=False):
            parts = self.task.discriminate(z, own, negatives)
            partition = float(self.task.partition)
            for name in self.views:
                alike = bank.scores(name, z[name], positives) / temperature
                others = bank.scores(name, z[name], negatives) / temperature
                parts[f"{name}-{name}"] = self.weight * noise_contrastive(alike, others, partition).mean()
        return Loss(torch.stack(list(parts.values())).sum(), parts)

    def _negatives(self, own: Tensor, batch: Batch) -> Tensor:
        # Drawn for the batch of all processes and then shared out, so that their number does not change the draw.
        process, _ = dist.part()
        everyone = dist.gather(own)
        avoided = torch.cat([everyone[:, None], self.positives[everyone].long()], 1)
        drawn = mining.negatives(avoided, len(self.task.bank), self.task.negatives, batch.generator())
        return drawn[process * len(own) : (process + 1) * len(own)]

    def remember(self, response: Response, batch: Batch) -> None:
        """Move the bank rows of the batch, as Cross-AVID does."""
        self.task.remember(response, batch)
