# SPDX-License-Identifier: Apache-2.0
"""Steps of AVID with targets from the queue against a slow float64 loop that keeps a list of what was queued.

Linear encoders and heads on views [B, 6]; momentum encoders see the views "again". Ten places, four items a step: at
first an anchor meets the batch alone, then 8, 12 and 14 embeddings, of which those of its own item do not count.
"""

import math

import numpy as np
import pytest
import torch
from torch import nn

from seehear.clip import Batch, Features
from seehear.memory import Bank
from seehear.tasks.avid import AVID, TERMS
from seehear.tasks.momentum import Momentum

NAMES, RATE, LEARNING, PLACES = ("video", "audio"), 0.9, 0.05, 10
STEPS = [[100, 101, 102, 103], [101, 104, 105, 102], [100, 106, 104, 107], [102, 103, 108, 109], [100, 102, 101, 110]]
"""Items by step: some come back while they are queued, once or twice, others when they have left the queue."""
CANDIDATES = [[4, 4, 4, 4], [7, 8, 8, 7], [11, 12, 11, 12], [12, 13, 14, 14], [13, 12, 14, 14]]
"""How many embeddings an anchor is to be compared with, counted by hand."""


class Layer(nn.Linear):
    """The smallest encoder."""

    def forward(self, view):
        return Features({}, super().forward(view))


def make_task(variant):
    """AVID on linear encoders, and copies of their weights as [encoder, head] by modality in float64."""
    torch.manual_seed(0)
    encoders = nn.ModuleDict({name: Layer(6, 5, bias=False) for name in NAMES})
    heads = nn.ModuleDict({name: nn.Linear(5, 8, bias=False) for name in NAMES})
    bank = Bank(np.arange(100, 112), 8)
    task = AVID(heads, bank, variant, "queue", PLACES, slow=Momentum(encoders, heads, RATE))
    task.begin_epoch(0)
    weights = {n: [encoders[n].weight.detach().double(), heads[n].weight.detach().double()] for n in NAMES}
    return encoders, task, weights


def make_batch(step):
    generator = torch.Generator().manual_seed(step)
    views = {f"{n}{more}": torch.randn(4, 6, generator=generator) for n in NAMES for more in ("", " again")}
    return Batch(torch.tensor(STEPS[step]), torch.full((4,), -1), views, (0, step))


def unit(weights, view):
    """The embedding of one view."""
    z = weights[1] @ (weights[0] @ view.double())
    return z / sum(x * x for x in z).sqrt()


def slow_term(anchors, items, targets, queued):
    """-log of the share of the right target among all candidates, anchor by anchor; and how many there were."""
    total, counts = 0.0, []
    for b, item in enumerate(items):
        keys = targets + [key for other, key in queued if other != item]
        shares = [(sum(x * y for x, y in zip(anchors[b], key, strict=True)) / 0.07).exp() for key in keys]
        total, counts = total - (shares[b] / sum(shares)).log() / len(items), [*counts, len(keys)]
    return total, counts


@pytest.mark.parametrize("variant", ["self", "cross", "joint"])
def test_every_step_is_that_of_a_slow_reference(variant):
    encoders, task, weights = make_task(variant)
    copies = {name: [w.clone() for w in pair] for name, pair in weights.items()}
    optimiser = torch.optim.SGD([*encoders.parameters(), *task.heads.parameters()], LEARNING)
    queue = {name: [] for name in NAMES}
    for step, items in enumerate(STEPS):
        batch = make_batch(step)
        response = task.respond(encoders, batch)
        loss = task.charge(response, batch)
        optimiser.zero_grad()
        loss.total.backward()
        optimiser.step()
        task.remember(response, batch)

        learning = [w.requires_grad_() for pair in weights.values() for w in pair]
        z = {name: [unit(weights[name], view) for view in batch.views[name]] for name in NAMES}
        targets = {name: [unit(copies[name], view) for view in batch.views[f"{name} again"]] for name in NAMES}
        terms = [(*one, *slow_term(z[one[0]], items, targets[one[1]], queue[one[1]])) for one in TERMS[variant]]
        for anchor, other, value, counts in terms:
            assert counts == CANDIDATES[step]
            assert float(loss.parts[f"{anchor}-{other}"].detach()) == pytest.approx(float(value.detach()), rel=1e-4)
        total = sum(value for _, _, value, _ in terms)
        assert float(loss.total.detach()) == pytest.approx(float(total.detach()), rel=1e-4)
        slopes = dict(zip(map(id, learning), torch.autograd.grad(total, learning), strict=True))
        weights = {n: [(w - LEARNING * slopes[id(w)]).detach() for w in pair] for n, pair in weights.items()}
        copies = {
            n: [RATE * c + (1 - RATE) * w for c, w in zip(pair, weights[n], strict=True)] for n, pair in copies.items()
        }
        for n in NAMES:
            queue[n] = [*queue[n], *zip(items, targets[n], strict=True)][-PLACES:]
    for n in NAMES:
        pairs = ((encoders[n].weight, weights[n][0]), (task.heads[n].weight, weights[n][1]))
        slow = task.slow.encoders[n].weight, task.slow.heads[n].weight
        for found, expected in (*pairs, *zip(slow, copies[n], strict=True)):
            torch.testing.assert_close(found.detach().double(), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("variant", ["self", "cross", "joint"])
def test_embeddings_that_say_nothing_cost_the_logarithm_of_the_candidates(variant):
    """The level that a loss from the queue is to be read against: it rises as the queue fills."""
    encoders, task, _ = make_task(variant)
    with torch.no_grad():
        for pair in (encoders, task.heads):
            for layer in pair.values():
                layer.weight.fill_(1.0)
    task.begin_epoch(0)
    for step, counts in enumerate(CANDIDATES):
        batch = make_batch(step)
        # All views alike: all embeddings are one vector.
        batch = Batch(batch.items, batch.labels, {name: torch.ones(4, 6) for name in batch.views}, batch.draw)
        response = task.respond(encoders, batch)
        expected = len(TERMS[variant]) * sum(math.log(count) for count in counts) / len(counts)
        assert float(task.charge(response, batch).total.detach()) == pytest.approx(expected, rel=1e-5)
        task.remember(response, batch)
