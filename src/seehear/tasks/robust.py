# SPDX-License-Identifier: Apache-2.0
"""Robust cross-modal instance discrimination: pairs that do not belong together count less, and alike others may match.

Morgado, Misra and Vasconcelos, CVPR 2021; thesis chapter 3. With unit embeddings v_i, a_i of item i, their memories
m^v_i, m^a_i, the candidates j = i and K uniform others, and c_j = m^v_j.m^a_j the agreement of memories:

    P(j | v_i) = exp(v_i.m^a_j / tau) / sum over candidates k of exp(v_i.m^a_k / tau)               (Eq. 3.2)
    L_i        = - sum_j T_v(j|i) log P(j | v_i) - sum_j T_a(j|i) log P(j | a_i)                    (Eq. 3.7)
    T(j|i)     = (1 - lambda) [i = j] + lambda S(j|i)                                               (Eq. 3.8, 3.9)
    L          = sum_i w_i L_i / sum_i w_i                                                          (Eq. 3.17)
    w_i        = floor + (1 - floor) Phi((c_i - mu - delta sigma) / (sqrt(kappa) sigma))            (Eq. 3.6)

Sums over i run over the batch of all processes. With lambda = 0 and w = 1 this is xID (Eq. 3.1), with w or lambda alone
Weighted-xID (Eq. 3.5) or Soft-xID. S_v is the softmax over the candidates j of

    bootstrapping   m^v_i.m^a_j / tau_s                                                             (Eq. 3.10)
    swapped         m^a_i.m^v_j / tau_s                                                             (Eq. 3.11)
    neighbour       m^v_i.m^v_j / tau_s                                                             (Eq. 3.12)
    cycle           m^a_i.m^v_j / tau_s + c_j / tau_t                                               (Eq. 3.13)
    labels          0 where i and j share a label, else -infinity: uniform over the class           (table 3.1)

and S_a the same with the modalities exchanged. The term c_i / tau_t of Eq. 3.13 is the same for all j: a softmax does
not see it. The text calls bootstrapping the model's own predictions; by Eq. 3.10 they are those of its memories. The
label oracle of table 3.1 is S alone: lambda = 1. No code was published for this chapter.
"""

from dataclasses import dataclass
from math import isfinite
from statistics import NormalDist
from typing import Literal

import torch
from jaxtyping import Bool, Float32, Int64
from torch import Tensor, nn

from seehear import dist
from seehear.clip import Batch, Loss, Response
from seehear.errors import InputError
from seehear.losses import agreement_weights, soft_contrastive
from seehear.memory import Bank
from seehear.tasks.avid import AVID

Rule = Literal["bootstrapping", "swapped", "neighbour", "cycle", "labels"]

ACROSS = {"video": ("video", "audio"), "audio": ("audio", "video")}
BACK = {"video": ("audio", "video"), "audio": ("video", "audio")}
WITHIN = {"video": ("video", "video"), "audio": ("audio", "audio")}
COMPARED = {"bootstrapping": ACROSS, "swapped": BACK, "neighbour": WITHIN, "cycle": BACK}
"""By rule and modality of the anchor: the modality of the item's memory and of the candidates' that S compares."""


@dataclass(frozen=True)
class Weighting:
    """The shape of Eq. 3.6: `midpoint` delta in standard deviations, `spread` kappa, `floor` the lowest weight."""

    midpoint: float = -1.0
    spread: float = 0.5
    floor: float = 0.25

    def __post_init__(self) -> None:
        if not (self.spread > 0 and 0 <= self.floor <= 1):
            raise InputError(f"expected spread > 0 and floor in [0, 1], got {self.spread:g} and {self.floor:g}")
        if not isfinite(self.midpoint):
            raise InputError(f"expected a finite midpoint of the weights, got {self.midpoint:g}")

    @classmethod
    def known(cls, fraction: float) -> "Weighting":
        """The midpoint of the weights where that fraction of normally distributed scores ends (thesis 3.5.2)."""
        if not 0 < fraction < 1:
            raise InputError(f"expected a fraction of faulty clips in (0, 1), got {fraction:g}")
        return cls(NormalDist().inv_cdf(fraction))


@dataclass(frozen=True)
class Softening:
    """How targets are made: the rule of S, `mixture` lambda, temperatures tau_s and (of the rule "cycle") tau_t."""

    rule: Rule = "cycle"
    mixture: float = 0.5
    temperature: float = 0.02
    cycle_temperature: float = 0.07

    def __post_init__(self) -> None:
        if not 0 <= self.mixture <= 1:
            raise InputError(f"expected a mixture of one-hot and soft targets in [0, 1], got {self.mixture:g}")
        if not (self.temperature > 0 and self.cycle_temperature > 0):
            raise InputError(f"expected temperatures > 0, got {self.temperature:g} and {self.cycle_temperature:g}")


class RobustXID(AVID):
    """Cross-modal instance discrimination with sample weights and soft targets; xID itself without either.

    Start it from a bank that says something: mu and sigma are those of the whole bank before each epoch. `labels` [N]
    (for the rule "labels") and `faulty` [N] (pairs known to be faulty, weight 0: the oracle of thesis 3.5.2) have one
    entry a row of the bank, whose items are in ascending order. Raises InputError when labels that are needed are
    missing.
    """

    mean: Tensor
    deviation: Tensor
    labels: Tensor | None
    faulty: Tensor | None

    def __init__(
        self,
        heads: nn.ModuleDict,
        bank: Bank,
        weighting: Weighting | None = None,
        softening: Softening | None = None,
        labels: Int64[Tensor, "N"] | None = None,
        faulty: Bool[Tensor, "N"] | None = None,
        negatives: int = 1024,
        temperature: float = 0.07,
        momentum: float = 0.5,
    ) -> None:
        super().__init__(heads, bank, "cross", "bank", negatives, temperature, momentum)
        self.weighting, self.softening = weighting, softening
        if softening is not None and softening.rule == "labels":
            missing = len(bank) if labels is None else int((labels < 0).sum())
            if missing:
                raise InputError(
                    f"expected a label of every clip for targets by labels, {missing} of {len(bank)} have none: "
                    "label them, or choose other targets"
                )
        self.register_buffer("labels", labels, persistent=False)
        self.register_buffer("faulty", faulty, persistent=False)
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("deviation", torch.zeros(()))
        self.begin_epoch(0)

    @torch.no_grad()
    def begin_epoch(self, epoch: int) -> None:
        """Take mean and standard deviation of the agreement of all items."""
        scores = torch.linalg.vecdot(self.bank.get_buffer("video"), self.bank.get_buffer("audio"))
        self.mean.copy_(scores.mean())
        self.deviation.copy_(scores.std())

    def charge(self, response: Response, batch: Batch) -> Loss:
        """Both terms of the loss, each a weighted mean over the batch."""
        own = self.bank.position(batch.items)
        candidates = torch.cat([own[:, None], self._negatives(own, batch)], dim=1)
        # Similarities are divided by 0.02: the three digits of bfloat16 would move targets by a fifth.
        with torch.autocast(own.device.type, enabled=False):
            weights = self.weights(own)
            share = weights / dist.mean(weights.mean()).clamp(min=torch.finfo(weights.dtype).tiny)
            targets, parts = self.soft_targets(candidates), {}
            for anchor, other in self.terms:
                scores = self.bank.scores(other, response.outputs[anchor], candidates) / self.temperature
                parts[f"{anchor}-{other}"] = (share * soft_contrastive(scores, targets[anchor])).mean()
        return Loss(torch.stack(list(parts.values())).sum(), parts)

    @torch.no_grad()
    def weights(self, rows: Int64[Tensor, "B"]) -> Float32[Tensor, "B"]:
        """The sample weights of bank rows."""
        weights = torch.ones(len(rows), device=rows.device)
        if self.weighting is not None:
            shape = self.weighting
            bend = shape.midpoint, shape.spread, shape.floor
            weights = agreement_weights(self.agreement(rows), self.mean, self.deviation, *bend)
        return weights if self.faulty is None else weights * ~self.faulty[rows]

    @torch.no_grad()
    def soft_targets(self, candidates: Int64[Tensor, "B G"]) -> dict[str, Float32[Tensor, "B G"]]:
        """T by the modality of the anchor, over candidates whose first one is the item itself."""
        own = torch.zeros(candidates.shape, device=candidates.device)
        own[:, 0] = 1
        how = self.softening
        if how is None:
            return {"video": own, "audio": own}
        closing = self.agreement(candidates) / how.cycle_temperature if how.rule == "cycle" else torch.zeros_like(own)
        targets = {}
        for anchor in ("video", "audio"):
            if self.labels is not None and how.rule == "labels":
                same = self.labels[candidates] == self.labels[candidates[:, :1]]
                scores = torch.where(same, 0.0, -torch.inf)
            else:
                query, key = COMPARED[how.rule][anchor]
                rows = self.bank.get_buffer(query)[candidates[:, 0]]
                scores = self.bank.scores(key, rows, candidates) / how.temperature + closing
            targets[anchor] = (1 - how.mixture) * own + how.mixture * scores.softmax(1)
        return targets

    def agreement(self, rows: Int64[Tensor, "*S"]) -> Float32[Tensor, "*S"]:
        """m^v.m^a of bank rows: how well a clip's sound and pictures belong together, as far as the bank knows."""
        unique, inverse = rows.unique(return_inverse=True)
        video, audio = (self.bank.get_buffer(name)[unique] for name in ("video", "audio"))
        return torch.linalg.vecdot(video, audio)[inverse]
