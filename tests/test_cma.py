# SPDX-License-Identifier: Apache-2.0
"""Agreement against a slow float64 reference; refreshing and resuming; what a stage before it hands over."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from seehear import checkpoint, mining, train
from seehear.clip import Batch, Response
from seehear.errors import InputError
from seehear.memory import Bank
from seehear.optim import SGD, Adam
from seehear.recipes.cma import cross_avid_cma
from seehear.run import Run, Stage
from seehear.tasks.avid import AVID
from seehear.tasks.cma import CMA
from small import in_two_processes, make_model, make_shelf

ITEMS = np.arange(100, 140)
BATCH = Batch(torch.from_numpy(ITEMS[[5, 0, 17, 39]]), torch.full((4,), -1), {}, (0, 3))


def make_task(**changes):
    avid = AVID(torch.nn.ModuleDict(), Bank(ITEMS, 16), negatives=24)
    task = CMA(avid, **{"positives": 3, "weight": 0.7, **changes})
    task.begin_epoch(0)
    return task


def make_response(seed=0):
    generator = torch.Generator().manual_seed(seed)
    names = ("video", "audio")
    return Response(
        {name: normalize(torch.randn(4, 16, generator=generator), dim=1).requires_grad_() for name in names}
    )


def make_run(seed=0, epochs=3):
    """Cross-AVID, then agreement with positives mined before the first and the third of its epochs."""
    shelf, model = make_shelf(), make_model(seed)
    avid = AVID(model.heads, Bank(shelf.catalog.items, seed=seed), negatives=16)
    stages = [Stage("avid", avid, 1, Adam(1e-3)), Stage("cma", CMA(avid, positives=3, refresh=2), epochs, Adam(1e-3))]
    return Run("small", model, shelf, stages, batch=4, seed=seed)


def slow_loss(task, z, batch, negatives):
    """Eq. 2.10, item by item and row by row in float64."""
    bank = {"video": task.task.bank.video.double(), "audio": task.task.bank.audio.double()}
    noise, total = negatives.shape[1] * float(task.task.partition), 0.0

    def nce(x, row, rows):
        score = (x @ row / 0.07).exp()
        loss = -(score / (score + noise)).log()
        for other in rows:
            loss = loss - (noise / ((x @ other / 0.07).exp() + noise)).log()
        return loss

    for b, row in enumerate((batch.items - 100).tolist()):
        agreement = torch.minimum(bank["video"] @ bank["video"][row], bank["audio"] @ bank["audio"][row])
        agreement[row] = -2
        alike = agreement.argsort(descending=True)[:3]
        for one, other in (("video", "audio"), ("audio", "video")):
            total = total + nce(z[one][b], bank[other][row], bank[other][negatives[b]])
            for p in alike:
                total = total + 0.7 / 3 * nce(z[one][b], bank[one][p], bank[one][negatives[b]])
    return total / len(batch.items)


def test_loss_and_gradients_are_those_of_a_slow_reference():
    task, response = make_task(), make_response()
    loss = task.charge(response, BATCH)
    z = {name: one.detach().double().requires_grad_() for name, one in response.outputs.items()}
    expected = slow_loss(task, z, BATCH, task._negatives(BATCH.items - 100, BATCH))
    torch.testing.assert_close(loss.total.double(), expected, rtol=1e-5, atol=0)
    loss.total.backward()
    expected.backward()
    for name, one in response.outputs.items():
        torch.testing.assert_close(one.grad.double(), z[name].grad, rtol=1e-4, atol=1e-4)


def test_without_weight_only_cross_avid_is_left():
    task, response = make_task(weight=0.0), make_response()
    negatives = task._negatives(BATCH.items - 100, BATCH)
    expected = task.task.discriminate(response.outputs, BATCH.items - 100, negatives)
    torch.testing.assert_close(task.charge(response, BATCH).total, expected["video-audio"] + expected["audio-video"])


def test_negatives_are_neither_positives_nor_the_item_itself():
    # 40 items less 36 positives and the item leave 3: every draw would soon show one that is not allowed.
    task = make_task(positives=36)
    own = BATCH.items - 100
    for me, row, alike in zip(own.tolist(), task._negatives(own, BATCH), task.positives[own], strict=True):
        assert set(row.tolist()) == set(range(40)) - set(alike.tolist()) - {me}


def test_positives_are_mined_at_their_epochs_only():
    task = make_task(refresh=2)
    before = task.positives.clone()
    bank = task.task.bank
    bank.video.copy_(bank.video.roll(7, 0))
    task.begin_epoch(1)
    assert torch.equal(task.positives, before)
    task.begin_epoch(2)
    rows = {"video": bank.video, "audio": bank.audio}
    assert torch.equal(task.positives, mining.positives(rows, "agreement", 3))
    assert not torch.equal(task.positives, before)


def test_bad_arguments_are_refused_with_one_line():
    for positives in (0, 39, 200):
        with pytest.raises(
            InputError,
            match=f"expected 1 to 38 positives for 40 clips.*got {positives}" + ": ask for fewer" * (positives > 0),
        ):
            make_task(positives=positives)
    with pytest.raises(InputError, match="refresh of at least 1"):
        make_task(refresh=0)
    for weight in (-1.0, float("nan"), float("inf")):
        with pytest.raises(InputError, match=f"finite weight of at least 0, got {weight:g}"):
            make_task(weight=weight)
    for negatives in (0, -1, 10**11):
        with pytest.raises(InputError, match=f"expected 1 to 65536 negatives, got {negatives}"):
            AVID(torch.nn.ModuleDict(), Bank(ITEMS, 16), negatives=negatives)
    with pytest.raises(ValueError, match="expected a Cross-AVID task"):
        CMA(AVID(torch.nn.ModuleDict(), Bank(ITEMS, 16), "joint"))
    with pytest.raises(ValueError, match="call begin_epoch"):
        CMA(AVID(torch.nn.ModuleDict(), Bank(ITEMS, 16))).charge(make_response(), BATCH)


def test_resuming_across_a_refresh_is_bit_identical(tmp_path):
    whole = make_run()
    train.fit(whole, tmp_path / "whole", quiet=True)
    mined, position = [], train.fit(make_run(), tmp_path / "parts", max_minutes=0.0, quiet=True)
    while not position.done:
        run = make_run()
        position = train.fit(run, tmp_path / "parts", max_minutes=0.0, resume=True, quiet=True)
        mined.append(run.stages[1].task.positives.clone())
    first, second = (checkpoint.read(tmp_path / name / "last.safetensors")[0] for name in ("whole", "parts"))
    assert set(first) == set(second)
    assert all(torch.equal(first[name], second[name]) for name in first)
    # 3 steps of Cross-AVID (one before `mined` begins), 6 with the positives of each of the two searches.
    assert not torch.equal(mined[2], mined[8])
    assert all(torch.equal(one, mined[2]) for one in mined[2:8])
    assert all(torch.equal(one, mined[8]) for one in mined[8:])


def test_a_stage_of_cross_avid_hands_over_bank_and_partition_function(tmp_path):
    run = make_run()
    avid, cma = (stage.task for stage in run.stages)
    train.fit(Run("first", run.model, run.clips, run.stages[:1], run.batch), quiet=True)
    partition, video = float(avid.partition), avid.bank.video.clone()
    assert partition > 0
    run.stages = run.stages[1:]
    train.fit(run, tmp_path, max_minutes=0.0, quiet=True)
    assert float(cma.task.partition) == partition
    # One step moved four rows.
    assert int((cma.task.bank.video != video).any(1).sum()) == 4


def test_the_recipe_is_cross_avid_and_as_much_of_agreement(monkeypatch):
    monkeypatch.setattr("seehear.recipes.avid.shelf", lambda data, seed: make_shelf(60))
    run = cross_avid_cma(kind="either", epochs=8)
    assert [(stage.name, stage.epochs) for stage in run.stages][2:] == [("cross-avid", 3), ("cma", 8)]
    task = run.stages[-1].task
    assert task.task is run.stages[2].task
    assert (task.kind, task.weight, task.positives.shape[1], task.refresh) == ("either", 1.0, 8, 2)
    assert sum(name.endswith("bank.video") for name in run.tensors()) == 1
    assert run.recipe["arguments"]["kind"] == "either"
    with pytest.raises(InputError, match=r"a negative, got 0$"):
        cross_avid_cma(positives=0)


TWO = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
import torch
torch.set_num_threads(1)
from seehear import mining
mining.ROWS = 4
from test_cma import learn
learn(Path(sys.argv[2]))
"""


def learn(folder):
    """One epoch of agreement whose sums do not depend on how many processes share a batch."""
    run = make_run()
    run.stages = [replace(run.stages[1], epochs=1, freeze_norm=True, optimiser=SGD(0.05), clip=10.0)]
    train.fit(run, folder, device="cpu", quiet=True)


def test_two_processes_mine_and_learn_what_one_does(tmp_path, monkeypatch):
    # Three blocks of four items: one process has two of them, the other one.
    monkeypatch.setattr(mining, "ROWS", 4)
    learn(tmp_path / "one")
    in_two_processes(TWO, tmp_path)
    one, two = (checkpoint.read(tmp_path / name / "last.safetensors")[0] for name in ("one", "two"))
    assert set(one) == set(two)
    for name in one:
        torch.testing.assert_close(
            two[name], one[name], atol=1e-5, rtol=0, msg=lambda text, name=name: f"{name}: {text}"
        )
