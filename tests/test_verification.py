"""Pair verification against slow float64 references; two processes are one, for all targets that they share."""

import math

import pytest
import torch
from torch.nn.functional import normalize

from seehear import checkpoint, train
from seehear.clip import Batch, Response
from seehear.errors import InputError
from seehear.memory import Bank
from seehear.optim import SGD
from seehear.run import Run, Stage
from seehear.tasks.avid import AVID
from seehear.tasks.momentum import Momentum, Twice
from seehear.tasks.robust import RobustXID, Softening, Weighting
from seehear.tasks.synchrony import AVTS, Synchrony
from seehear.tasks.verification import AVC
from small import in_two_processes, make_model, make_shelf

BATCH = Batch(torch.arange(5), torch.full((5,), -1), {})


def make_task(comparison):
    torch.manual_seed(0)
    return AVC(torch.nn.ModuleDict(), comparison, dimension=16, hidden=8)


def make_response(count=5):
    generator = torch.Generator().manual_seed(0)
    names = ("video", "audio")
    z = {name: normalize(torch.randn(count, 16, generator=generator), dim=1).requires_grad_() for name in names}
    return Response(z)


def slow_logit(task, comparison, v, a):
    """The logit of one pair in float64."""
    weights = {name: tensor.detach().double() for name, tensor in task.compare.named_parameters()}
    if comparison == "distance":
        return weights["offset"] - weights["scale"] * sum((x - y) ** 2 for x, y in zip(v, a, strict=True))
    both = torch.cat([v, a]) * 4
    hidden = (torch.cat([weights["video.weight"], weights["audio.weight"]], 1) @ both + weights["video.bias"]).clamp(0)
    return (weights["out.weight"] @ hidden + weights["out.bias"])[0]


@pytest.mark.parametrize("comparison", ["concatenation", "distance"])
def test_loss_and_gradients_are_those_of_a_slow_reference(comparison):
    task, response = make_task(comparison), make_response()
    loss = task.charge(response, BATCH).total
    z = {name: one.detach().double().requires_grad_() for name, one in response.outputs.items()}
    expected = 0.0
    for i in range(5):
        for j in range(5):
            likely = 1 / (1 + torch.exp(-slow_logit(task, comparison, z["video"][i], z["audio"][j])))
            expected = expected - (likely.log() / 10 if i == j else (1 - likely).log() / 40)
    torch.testing.assert_close(loss.double(), expected, rtol=1e-5, atol=0)
    loss.backward()
    expected.backward()
    for name, one in response.outputs.items():
        torch.testing.assert_close(one.grad.double(), z[name].grad, rtol=1e-4, atol=1e-6)


def test_a_guess_costs_log_two_and_knowing_costs_nothing():
    task = make_task("concatenation")
    torch.nn.init.zeros_(task.compare.out.weight)
    torch.nn.init.zeros_(task.compare.out.bias)
    assert float(task.charge(make_response(), BATCH).total.detach()) == pytest.approx(math.log(2))
    known = torch.eye(16)[:5]
    sure = make_task("distance")
    sure.compare.scale.data.fill_(50.0)
    sure.compare.offset.data.fill_(50.0)
    assert float(sure.charge(Response({"video": known, "audio": known}), BATCH).total.detach()) < 1e-6


def test_at_first_orthogonal_embeddings_are_a_guess_and_equal_ones_are_sure():
    logits = make_task("distance").compare(torch.eye(16)[:3], torch.eye(16)[:3]).detach()
    torch.testing.assert_close(logits, 10 * torch.eye(3), atol=1e-4, rtol=0)


@pytest.mark.parametrize("task", [make_task("distance"), AVTS(torch.nn.ModuleDict(), 0.0)])
def test_a_batch_of_one_clip_is_refused(task):
    with pytest.raises(InputError, match=r"expected at least two clips a step.*choose a larger batch"):
        task.charge(make_response(1), Batch(torch.arange(1), torch.arange(1), {}))


TWO = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
import torch
torch.set_num_threads(1)
from test_verification import learn
learn(Path(sys.argv[2]))
"""


TASKS = ("queue", "avc", "avts", "robust")


def learn(folder):
    """Three steps of each task whose sums do not depend on how many processes share a batch."""
    for name in TASKS:
        shelf, model = make_shelf(), make_model()
        # The whole queue fits a step and a half: what was written first is written over.
        bank, slow = Bank(shelf.catalog.items), Momentum(model.encoders, model.heads, 0.8)
        if name in ("queue", "avts"):
            model.views = Twice(**vars(model.views)) if name == "queue" else Synchrony(**vars(model.views), gap=0.25)
        tasks = {
            "queue": AVID(model.heads, bank, "joint", "queue", 6, slow=slow),
            "avc": AVC(model.heads),
            "avts": AVTS(model.heads),
            "robust": RobustXID(model.heads, bank, Weighting(), Softening(), negatives=6),
        }
        stage = Stage(name, tasks[name], 1, SGD(0.05), freeze_norm=True, clip=10.0)
        train.fit(Run(name, model, shelf, [stage], batch=4), folder / name, device="cpu", quiet=True)


def test_two_processes_learn_what_one_does(tmp_path):
    learn(tmp_path / "one")
    in_two_processes(TWO, tmp_path)
    for task in TASKS:
        one, two = (checkpoint.read(tmp_path / name / task / "last.safetensors")[0] for name in ("one", "two"))
        assert set(one) == set(two)
        for name in one:
            where = f"{task} {name}: "
            torch.testing.assert_close(two[name], one[name], atol=1e-5, rtol=1e-5, msg=lambda text, at=where: at + text)
