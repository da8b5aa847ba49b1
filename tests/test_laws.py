"""Laws that every task obeys; a new task joins by one line in TASKS."""

import numpy as np
import pytest
import torch
from torch import nn

from seehear.clip import Batch, Response
from seehear.memory import Bank
from seehear.tasks.avid import AVID, Fill
from seehear.tasks.cma import CMA
from seehear.tasks.momentum import Momentum
from seehear.tasks.robust import RobustXID, Softening, Weighting
from seehear.tasks.supervised import Supervised
from seehear.tasks.synchrony import AVTS
from seehear.tasks.verification import AVC
from small import make_model

ITEMS = np.arange(100, 140)


def avid(variant, targets="bank"):
    return lambda model: AVID(model.heads, Bank(ITEMS), variant, targets, negatives=32)


def queue(variant):
    return lambda model: AVID(model.heads, Bank(ITEMS), variant, "queue", slow=Momentum(model.encoders, model.heads))


def cma(model):
    task = CMA(avid("cross")(model), positives=4)
    task.begin_epoch(0)
    return task


TASKS = {
    "self-avid": avid("self"),
    "cross-avid": avid("cross"),
    "joint-avid": avid("joint"),
    "cross-avid, batch": avid("cross", "batch"),
    "cross-avid, queue": queue("cross"),
    "joint-avid, queue": queue("joint"),
    "avc, concatenation": lambda model: AVC(model.heads),
    "avc, distance": lambda model: AVC(model.heads, "distance"),
    "avts, easy": lambda model: AVTS(model.heads, hard=0.0),
    "avts": lambda model: AVTS(model.heads),
    "cma": cma,
    "xid": lambda model: RobustXID(model.heads, Bank(ITEMS), negatives=32),
    "robust-xid": lambda model: RobustXID(model.heads, Bank(ITEMS), Weighting(), Softening(), negatives=32),
    "supervised": lambda model: Supervised({"video": 32, "audio": 32}, 3),
    "supervised, dropout": lambda model: Supervised({"video": 32, "audio": 32}, 3, dropout=0.5),
}


@pytest.fixture(params=TASKS)
def made(request):
    model = make_model()
    return model, TASKS[request.param](model)


def make_batch(seed=0, count=8):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 3
    views = {
        "video": torch.randn(count, 3, 4, 16, 16, generator=generator) + labels[:, None, None, None, None],
        "audio": torch.randn(count, 1, 32, 33, generator=generator) - labels[:, None, None, None],
        "elsewhere": torch.randn(count, 1, 32, 33, generator=generator) + 1,
    }
    return Batch(torch.from_numpy(ITEMS[:count].copy()), labels, views, (0, seed))


def test_the_loss_is_finite_and_the_sum_of_its_parts(made):
    model, task = made
    batch = make_batch()
    loss = task.charge(task.respond(model.encoders, batch), batch)
    assert torch.isfinite(loss.total)
    torch.testing.assert_close(loss.total, sum(loss.parts.values()))


def test_every_trainable_parameter_gets_a_gradient(made):
    model, task = made
    batch = make_batch()
    task.charge(task.respond(model.encoders, batch), batch).total.backward()
    everything = nn.ModuleList([model.encoders, task])
    silent = [name for name, p in everything.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert silent == []


def test_the_order_of_the_batch_does_not_matter(made):
    model, task = made
    model.eval()
    batch, order = make_batch(), torch.randperm(8, generator=torch.Generator().manual_seed(1))
    response = task.respond(model.encoders, batch)
    if isinstance(task, AVID | CMA):
        # Negatives are drawn by place in the batch: give every item the same ones, so that only order differs.
        task._negatives = lambda own, batch: (own[:, None] + torch.arange(1, 33)) % len(ITEMS)
    turned = Batch(batch.items[order], batch.labels[order], {n: v[order] for n, v in batch.views.items()}, batch.draw)
    other = task.respond(model.encoders, turned)
    for name, output in response.outputs.items():
        torch.testing.assert_close(other.outputs[name], output[order], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(task.charge(other, turned).total, task.charge(response, batch).total)


def test_twenty_steps_on_one_batch_lower_the_loss(made):
    model, task = made
    optimiser = torch.optim.Adam(nn.ModuleList([model.encoders, task]).parameters(), lr=1e-3)
    batch, losses = make_batch(), []
    for _ in range(20):
        # The memory is held: targets that move can make a falling loss rise.
        loss = task.charge(task.respond(model.encoders, batch), batch).total
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.9 * losses[0]


def test_charging_a_stored_response_is_charging_it_at_once(made):
    model, task = made
    batch = make_batch()
    response = task.respond(model.encoders, batch)
    stored = Response({name: output.detach().clone() for name, output in response.outputs.items()})
    torch.testing.assert_close(task.charge(stored, batch).total, task.charge(response, batch).total)


@pytest.mark.parametrize(
    "name", ["self-avid", "cross-avid", "cross-avid, batch", "joint-avid, queue", "cma", "robust-xid"]
)
def test_scores_are_those_of_float32_where_encoders_have_less(name):
    model, batch = make_model(), make_batch()
    task = TASKS[name](model)
    response = task.respond(model.encoders, batch)
    expected = task.charge(response, batch).total
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(task.charge(response, batch).total, expected)


def test_the_partition_function_is_frozen_from_the_first_batch():
    model = make_model()
    task = TASKS["cross-avid"](model)
    first = make_batch()
    response = task.respond(model.encoders, first)
    task.charge(response, first)
    own = task.bank.position(first.items)
    negatives = task.bank.negatives(own, 32, first.generator())
    z = {name: output.double().detach() for name, output in response.outputs.items()}
    scores = [z["video"][b] @ task.bank.audio[negatives[b]].double().T for b in range(8)]
    scores += [z["audio"][b] @ task.bank.video[negatives[b]].double().T for b in range(8)]
    expected = torch.stack([(score / 0.07).exp().mean() for score in scores]).mean()
    torch.testing.assert_close(task.partition.double(), expected, rtol=1e-4, atol=0)
    frozen = float(task.partition)
    task.charge(task.respond(model.encoders, make_batch(5)), make_batch(5))
    assert float(task.partition) == frozen


def test_cross_avid_is_the_equation():
    """Eq. 2.5 with Eq. 2.3, item by item in float64."""
    model = make_model()
    task, batch = TASKS["cross-avid"](model), make_batch()
    response = task.respond(model.encoders, batch)
    total = task.charge(response, batch).total
    negatives = task.bank.negatives(task.bank.position(batch.items), 32, batch.generator())
    z = {name: output.double().detach() for name, output in response.outputs.items()}
    bank = {"video": task.bank.video.double(), "audio": task.bank.audio.double()}
    noise, expected = 32 * float(task.partition), 0.0
    for anchor, target in (("video", "audio"), ("audio", "video")):
        for b in range(8):
            score = (z[anchor][b] @ bank[target][b] / 0.07).exp()
            expected -= float((score / (score + noise)).log()) / 8
            for k in negatives[b]:
                score = (z[anchor][b] @ bank[target][k] / 0.07).exp()
                expected -= float((noise / (score + noise)).log()) / 8
    assert float(total.detach()) == pytest.approx(expected, rel=1e-5)


def test_remembering_and_filling_write_the_rows_of_the_batch():
    model = make_model()
    task, batch = TASKS["cross-avid"](model), make_batch()
    before = task.bank.video.clone()
    response = task.respond(model.encoders, batch)
    Fill(task).remember(response, batch)
    own = task.bank.position(batch.items)
    torch.testing.assert_close(task.bank.video[own], response.outputs["video"])
    assert torch.equal(task.bank.video[8:], before[8:])
    task.remember(Response({name: -output for name, output in response.outputs.items()}), batch)
    assert float(task.bank.video[own].norm(dim=1).max()) < 1.01


def test_targets_from_the_batch_are_for_cross_only():
    model = make_model()
    with pytest.raises(ValueError, match="targets from the batch"):
        AVID(model.heads, Bank(ITEMS), "self", "batch")
