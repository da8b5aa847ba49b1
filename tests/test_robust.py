"""Robust-xID: the equations item by item in float64, their limits and gradients, and that weights find the faults."""

import math
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import normalize

from seehear import checkpoint, train
from seehear.clip import Batch, Response
from seehear.data.faults import inject
from seehear.errors import InputError
from seehear.losses import agreement_weights, contrastive, soft_contrastive
from seehear.memory import Bank
from seehear.optim import Adam, constant
from seehear.recipes.avid import avid_model
from seehear.recipes.robust import robust_model, robust_xid, to_a_tenth
from seehear.tasks.robust import RobustXID, Softening, Weighting
from small import make_run, make_shelf

ITEMS = np.arange(100, 140)
RULES = ("bootstrapping", "swapped", "neighbour", "cycle", "labels")
LABELS = torch.arange(40) % 7
OTHER = {"video": "audio", "audio": "video"}


def unit(*shape, seed=0):
    return normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


def make_task(weighting=None, softening=None, negatives=12, **rest):
    """A task on a bank whose modalities agree more for some items than for others."""
    bank = Bank(ITEMS, 16, seed=3)
    bank.audio.copy_(normalize(bank.video * torch.linspace(0, 2, 40)[:, None] + bank.audio, dim=1))
    return RobustXID(nn.ModuleDict(), bank, weighting, softening, LABELS, negatives=negatives, **rest)


def make_pair(count=6, seed=1):
    """Embeddings that want gradients, and the batch they are of."""
    z = {name: unit(count, 16, seed=seed + n).requires_grad_() for n, name in enumerate(("video", "audio"))}
    return Response(z), Batch(torch.from_numpy(ITEMS[3 : 3 + count].copy()), LABELS[3 : 3 + count], {}, (0, seed))


def candidates_of(task, batch):
    own = task.bank.position(batch.items)
    return torch.cat([own[:, None], task.bank.negatives(own, task.negatives, batch.generator())], 1)


def softmax(scores):
    top = max(scores)
    raised = [math.exp(score - top) for score in scores]
    return [one / sum(raised) for one in raised]


def dot(first, second):
    return sum(a * b for a, b in zip(first, second, strict=True))


def slow_target(task, rule, anchor, row, how):
    """T of one item over its candidates `row`, from Eq. 3.8 to 3.14 with all their terms."""
    m = {name: getattr(task.bank, name).double().tolist() for name in ("video", "audio")}
    i, other = row[0], OTHER[anchor]
    scores = []
    for j in row:
        if rule == "bootstrapping":
            scores.append(dot(m[anchor][i], m[other][j]) / how.temperature)
        elif rule == "swapped":
            scores.append(dot(m[other][i], m[anchor][j]) / how.temperature)
        elif rule == "neighbour":
            scores.append(dot(m[anchor][i], m[anchor][j]) / how.temperature)
        elif rule == "cycle":
            ends = dot(m[anchor][i], m[other][i]) + dot(m[anchor][j], m[other][j])
            scores.append(ends / how.cycle_temperature + dot(m[other][i], m[anchor][j]) / how.temperature)
    if rule == "labels":
        same = [float(LABELS[j] == LABELS[i]) for j in row]
        softened = [one / sum(same) for one in same]
    else:
        softened = softmax(scores)
    return [(1 - how.mixture) * (n == 0) + how.mixture * s for n, s in enumerate(softened)]


def slow_weights(task):
    """Eq. 3.6 of every row of the bank, with Python's own normal distribution."""
    scores = [dot(v, a) for v, a in zip(*(getattr(task.bank, n).double().tolist() for n in OTHER), strict=True)]
    shape, mean = task.weighting, sum(scores) / len(scores)
    variance = sum((score - mean) ** 2 for score in scores) / (len(scores) - 1)
    curve = NormalDist(mean + shape.midpoint * variance**0.5, (shape.spread * variance) ** 0.5)
    return [shape.floor + (1 - shape.floor) * curve.cdf(score) for score in scores]


@given(st.integers(1, 5), st.integers(1, 30), st.integers(0, 10_000))
def test_soft_contrastive_is_the_equation(batch, count, seed):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(batch, count, generator=generator, dtype=torch.float64) * 5
    target = torch.rand(batch, count, generator=generator, dtype=torch.float64)
    target /= target.sum(1, keepdim=True)
    expected = [
        -sum(t * math.log(p) for t, p in zip(ts, softmax(row), strict=True))
        for ts, row in zip(target.tolist(), scores.tolist(), strict=True)
    ]
    torch.testing.assert_close(soft_contrastive(scores, target), torch.tensor(expected, dtype=torch.float64))
    # One candidate is nothing to choose from; equal scores cost the logarithm of their number.
    torch.testing.assert_close(
        soft_contrastive(scores[:, :1], torch.ones(batch, 1).double()), torch.zeros(batch).double()
    )
    level = soft_contrastive(torch.zeros_like(scores), target)
    torch.testing.assert_close(level, torch.full_like(level, math.log(count)))


@given(
    st.lists(st.floats(-1, 1), min_size=2, max_size=20),
    st.floats(-2, 2),
    st.floats(0.05, 4),
    st.floats(0, 1),
    st.floats(-0.5, 0.5),
    st.floats(0.01, 0.5),
)
@example([0.0, 0.421875], 0.0, 0.125, 0.0, 0.43125408600664117, 0.015625)
def test_weights_are_equation_3_6(scores, midpoint, spread, floor, mean, deviation):
    score = torch.tensor(sorted(scores), dtype=torch.float64)
    at = torch.tensor(mean, dtype=torch.float64), torch.tensor(deviation, dtype=torch.float64)
    weights = agreement_weights(score, *at, midpoint, spread, floor)
    curve = NormalDist(mean + midpoint * deviation, (spread * deviation**2) ** 0.5)
    expected = [floor + (1 - floor) * curve.cdf(one) for one in score.tolist()]
    torch.testing.assert_close(weights, torch.tensor(expected, dtype=torch.float64), atol=1e-9, rtol=1e-6)
    assert (weights.diff() >= 0).all()
    assert ((weights >= floor) & (weights <= 1)).all()


def test_weights_at_the_midpoint_and_without_spread():
    mean, deviation = torch.tensor(0.3), torch.tensor(0.2)
    at_midpoint = agreement_weights((mean - deviation)[None], mean, deviation)
    torch.testing.assert_close(at_midpoint, torch.tensor([0.625]))
    # All scores equal: they lie one standard deviation above the midpoint, whatever that deviation is.
    level = agreement_weights(torch.full((3,), 0.3), mean, torch.tensor(0.0))
    torch.testing.assert_close(level, torch.full((3,), 0.25 + 0.75 * NormalDist().cdf(2**0.5)))


def test_the_known_fraction_is_the_midpoint():
    assert Weighting.known(0.5).midpoint == pytest.approx(0)
    # A quarter of normally distributed scores lies below the midpoint, and has weights below half way.
    weighting, scores = Weighting.known(0.25), torch.randn(100_000, generator=torch.Generator().manual_seed(0))
    weights = agreement_weights(scores, scores.mean(), scores.std(), weighting.midpoint)
    assert float((weights < 0.625).float().mean()) == pytest.approx(0.25, abs=0.005)


@pytest.mark.parametrize("rule", RULES)
def test_targets_are_the_equations(rule):
    how = Softening(rule, mixture=0.4, temperature=0.1, cycle_temperature=0.3)
    task, (_, batch) = make_task(softening=how), make_pair()
    candidates = candidates_of(task, batch)
    for anchor, target in task.soft_targets(candidates).items():
        expected = [slow_target(task, rule, anchor, row, how) for row in candidates.tolist()]
        torch.testing.assert_close(target, torch.tensor(expected))
        torch.testing.assert_close(target.sum(1), torch.ones(6))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("weighting", [None, Weighting(-0.5, 0.7, 0.1)])
def test_the_loss_is_equation_3_17(rule, weighting):
    how = Softening(rule, mixture=0.6, temperature=0.15)
    task, (response, batch) = make_task(weighting, how), make_pair()
    loss = task.charge(response, batch)
    weights = slow_weights(task) if weighting else [1.0] * 40
    expected = dict.fromkeys(("video-audio", "audio-video"), 0.0)
    candidates = candidates_of(task, batch).tolist()
    total = sum(weights[row[0]] for row in candidates)
    for anchor, other in OTHER.items():
        z, m = response.outputs[anchor].double().tolist(), getattr(task.bank, other).double().tolist()
        for b, row in enumerate(candidates):
            posterior = softmax([dot(z[b], m[j]) / 0.07 for j in row])
            target = slow_target(task, rule, anchor, row, how)
            cost = -sum(t * math.log(p) for t, p in zip(target, posterior, strict=True))
            expected[f"{anchor}-{other}"] += weights[row[0]] * cost / total
    assert {name: float(part.detach()) for name, part in loss.parts.items()} == pytest.approx(expected, rel=1e-5)


def test_without_weights_and_mixture_it_is_xid():
    """Eq. 3.1: floor 1 makes all weights 1, lambda 0 makes all targets one-hot."""
    response, batch = make_pair()
    plain = make_task()
    candidates = candidates_of(plain, batch)
    one_hot = torch.zeros(6, dtype=torch.int64)
    expected = sum(
        contrastive(plain.bank.scores(other, response.outputs[anchor], candidates) / 0.07, one_hot).mean()
        for anchor, other in OTHER.items()
    )
    for task in (plain, make_task(Weighting(floor=1.0)), make_task(softening=Softening(mixture=0.0))):
        torch.testing.assert_close(task.charge(response, batch).total, expected)


def test_with_identical_modalities_all_rules_are_one():
    _, batch = make_pair()
    targets = []
    for rule in RULES[:4]:
        task = make_task(softening=Softening(rule, temperature=0.2))
        task.bank.audio.copy_(task.bank.video)
        targets += task.soft_targets(candidates_of(task, batch)).values()
    for target in targets:
        torch.testing.assert_close(target, targets[0])


def test_cycle_is_swapped_when_correspondence_does_not_count():
    _, batch = make_pair()
    cycle = make_task(softening=Softening("cycle", temperature=0.2, cycle_temperature=1e6))
    swapped = make_task(softening=Softening("swapped", temperature=0.2))
    candidates = candidates_of(cycle, batch)
    for name, target in cycle.soft_targets(candidates).items():
        torch.testing.assert_close(target, swapped.soft_targets(candidates)[name], atol=1e-5, rtol=1e-4)


def test_the_label_oracle_is_uniform_over_the_class():
    _, batch = make_pair()
    task = make_task(softening=Softening("labels", mixture=1.0), negatives=30)
    candidates = candidates_of(task, batch)
    for target in task.soft_targets(candidates).values():
        for row, picked in zip(target.tolist(), candidates.tolist(), strict=True):
            same = (LABELS[picked] == LABELS[picked[0]]).tolist()
            assert row == pytest.approx([1 / sum(same) if one else 0.0 for one in same])


def test_gradients_are_those_of_the_equations_and_reach_embeddings_only():
    """Eq. 3.15 and 3.16: the gradient of v_i is w_i / sum w times sum_j (P - T) m_j / tau; memories get none."""
    task, (response, batch) = make_task(Weighting(), Softening("cycle", temperature=0.1)), make_pair()
    loss = task.charge(response, batch)
    loss.total.backward()
    candidates = candidates_of(task, batch)
    targets, weights = task.soft_targets(candidates), task.weights(candidates[:, 0])
    assert not any(target.requires_grad for target in (*targets.values(), weights))
    assert not any(buffer.requires_grad for buffer in task.buffers())
    for anchor, other in OTHER.items():
        rows = getattr(task.bank, other)[candidates].double()
        z = response.outputs[anchor]
        posterior = (torch.einsum("bd,bgd->bg", z.double().detach(), rows) / 0.07).softmax(1)
        pull = torch.einsum("bg,bgd->bd", posterior - targets[anchor].double(), rows) / 0.07
        expected = (weights / weights.sum())[:, None] * pull
        torch.testing.assert_close(z.grad, expected.float(), atol=1e-6, rtol=1e-4)


def test_the_statistics_are_of_the_whole_bank_before_each_epoch():
    task, (response, batch) = make_task(Weighting()), make_pair(10)
    rows, before = torch.arange(40), None
    for epoch in range(2):
        task.begin_epoch(epoch)
        mean = float(task.mean)
        assert mean != before
        torch.testing.assert_close(task.weights(rows).double(), torch.tensor(slow_weights(task)).double())
        task.charge(response, batch)
        task.remember(Response({name: z.detach() for name, z in response.outputs.items()}), batch)
        assert float(task.mean) == mean
        before = mean


def test_the_losses_of_two_processes_average_to_that_of_one(monkeypatch):
    task, (response, batch) = make_task(Weighting(), Softening()), make_pair()
    whole, own = task.charge(response, batch).total, task.bank.position(batch.items)
    mean = task.weights(own).mean()
    monkeypatch.setattr("seehear.dist.gather", lambda share: own)
    monkeypatch.setattr("seehear.dist.mean", lambda value: mean)
    halves = []
    for process, mine in enumerate((slice(0, 3), slice(3, 6))):
        monkeypatch.setattr("seehear.dist.part", lambda process=process: (process, 2))
        half = Batch(batch.items[mine], batch.labels[mine], {}, batch.draw)
        halves.append(task.charge(Response({name: z[mine] for name, z in response.outputs.items()}), half).total)
    torch.testing.assert_close(torch.stack(halves).mean(), whole)


def test_pairs_known_to_be_faulty_are_left_out():
    response, batch = make_pair()
    faulty = torch.zeros(40, dtype=torch.bool)
    faulty[[4, 6]] = True
    total = make_task(faulty=faulty).charge(response, batch).total
    total.backward()
    for z in response.outputs.values():
        assert (z.grad.abs().sum(1) == 0).tolist() == [False, True, False, True, False, False]
    everyone = make_task(faulty=torch.ones(40, dtype=torch.bool)).charge(response, batch).total
    assert float(everyone.detach()) == 0


def test_weights_of_faulty_pairs_become_low():
    """Half of the sounds of eight separable classes are those of another class; each modality learns a linear head."""
    generator = torch.Generator().manual_seed(0)
    count, classes = 64, 8
    label = torch.arange(count) % classes
    wrong = torch.randperm(count, generator=generator) < count // 2
    heard = label.clone()
    heard[wrong] = (label[wrong] + torch.randint(1, classes, (int(wrong.sum()),), generator=generator)) % classes
    inputs = {
        "video": nn.functional.one_hot(label, classes) + 0.1 * torch.randn(count, classes, generator=generator),
        "audio": nn.functional.one_hot(heard, classes) + 0.1 * torch.randn(count, classes, generator=generator),
    }
    torch.manual_seed(0)
    heads = nn.ModuleDict({name: nn.Linear(classes, 16) for name in inputs})
    bank = Bank(np.arange(count), 16)
    task = RobustXID(heads, bank, Weighting.known(0.5), Softening("cycle"), negatives=32)
    optimiser = torch.optim.Adam(heads.parameters(), lr=1e-2)
    for step in range(60):
        # Two batches of 32 are an epoch.
        if step % 2 == 0:
            task.begin_epoch(step // 2)
        rows = torch.randperm(count, generator=generator)[:32]
        batch = Batch(rows, label[rows], {}, (0, step))
        z = Response({name: normalize(heads[name](one[rows]), dim=1) for name, one in inputs.items()})
        optimiser.zero_grad()
        task.charge(z, batch).total.backward()
        optimiser.step()
        task.remember(Response({name: one.detach() for name, one in z.outputs.items()}), batch)
    weights = task.weights(torch.arange(count))
    assert float(weights[wrong].mean()) < float(weights[~wrong].mean()) - 0.15


def robust_run():
    run = make_run()
    fill = run.stages[1]
    bank, heads = fill.task.task.bank, run.model.heads
    task = RobustXID(heads, bank, Weighting(), Softening(), negatives=16)
    run.stages = [fill, replace(run.stages[2], task=task, epochs=2)]
    return run


def test_resuming_is_bit_identical(tmp_path):
    train.fit(robust_run(), tmp_path / "whole", quiet=True)
    position = train.fit(robust_run(), tmp_path / "parts", max_minutes=0.0, quiet=True)
    while not position.done:
        position = train.fit(robust_run(), tmp_path / "parts", max_minutes=0.0, resume=True, quiet=True)
    whole, parts = (checkpoint.read(tmp_path / name / "last.safetensors")[0] for name in ("whole", "parts"))
    assert set(whole) == set(parts)
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    assert any(name.endswith("deviation") and float(tensor) > 0 for name, tensor in whole.items())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Weighting(spread=0.0), "spread > 0 and floor in"),
        (lambda: Weighting(floor=1.5), "spread > 0 and floor in"),
        (lambda: Weighting(math.nan), "finite midpoint of the weights, got nan"),
        (lambda: Weighting.known(0.0), r"in \(0, 1\), got 0"),
        (lambda: Softening(mixture=1.1), r"in \[0, 1\], got 1.1"),
        (lambda: Softening(temperature=0.0), "temperatures > 0"),
        (lambda: Softening(cycle_temperature=-1.0), "temperatures > 0"),
        (lambda: Softening(temperature=math.nan), "temperatures > 0"),
        (lambda: make_unlabelled(torch.tensor([-1] * 3 + [0] * 37)), "3 of 40 have none"),
        (lambda: make_unlabelled(None), "40 of 40 have none"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


def make_unlabelled(labels):
    return RobustXID(nn.ModuleDict(), Bank(ITEMS, 16), None, Softening("labels"), labels)


@pytest.fixture
def on_small_clips(monkeypatch):
    monkeypatch.setattr("seehear.recipes.robust.shelf", lambda data, seed: make_shelf(24))


def test_the_recipe_names_what_it_trains(on_small_clips):
    made = {
        (weights, targets): robust_xid(weights=weights, targets=targets, faults=0.25, epochs=3, batch=8)
        for weights in ("equal", "agreement", "oracle")
        for targets in ("one-hot", "cycle", "labels")
    }
    assert {key: run.name for key, run in made.items()} == {
        ("equal", "one-hot"): "xid-tiny",
        ("equal", "cycle"): "soft-xid-tiny",
        ("equal", "labels"): "soft-xid-tiny",
        ("agreement", "one-hot"): "weighted-xid-tiny",
        ("agreement", "cycle"): "robust-xid-tiny",
        ("agreement", "labels"): "robust-xid-tiny",
        ("oracle", "one-hot"): "weighted-xid-tiny",
        ("oracle", "cycle"): "robust-xid-tiny",
        ("oracle", "labels"): "robust-xid-tiny",
    }
    assert [(stage.name, stage.epochs) for stage in made["equal", "cycle"].stages] == [
        ("warm-up", 1), ("fill", 1), ("soft-xid", 2)
    ]  # fmt: skip
    task = made["agreement", "labels"].stages[-1].task
    assert task.weighting.midpoint == pytest.approx(NormalDist().inv_cdf(0.25))
    assert task.softening.mixture == 1
    assert made["agreement", "cycle"].stages[-1].task.softening.mixture == 0.5


def test_the_recipe_knows_the_injected_faults_by_row(on_small_clips):
    run = robust_xid(weights="oracle", faults=0.5, epochs=3, seed=2)
    catalog = inject(make_shelf(24), 0.5, 2).split("train").catalog
    assert run.describe()["data_hash"] == catalog.hash
    task = run.stages[-1].task
    rows = task.bank.position(torch.from_numpy(catalog.items))
    assert task.faulty[rows].tolist() == list(catalog.truth["faulty"])
    assert torch.equal(task.labels[rows], torch.from_numpy(catalog.labels))
    with pytest.raises(InputError, match="add --faults"):
        robust_xid(weights="oracle")


@pytest.mark.parametrize("weights", ["equal", "oracle"])
def test_options_that_would_change_nothing_are_refused(on_small_clips, weights):
    with pytest.raises(InputError, match=f"weights agreement alone, got it beside {weights}"):
        robust_xid(weights=weights, faults=0.5, midpoint=-1.0)
    with pytest.raises(InputError, match="soft targets alone, got it beside one-hot"):
        robust_xid(targets="one-hot", mixture=0.5)


def test_sizes_are_those_of_the_thesis(on_small_clips):
    sizes = {"small": (66, 34, 128), "analysis": (400, 200, 224), "paper": (200, 200, 512)}
    for size, (warm, rest, batch) in sizes.items():
        run = robust_xid(size=size)
        assert [stage.epochs for stage in run.stages] == [warm, rest]
        assert run.batch == batch
        assert {stage.optimiser for stage in run.stages} == {Adam(5e-4 if size == "paper" else 1e-4, 0.0)}
        assert [stage.schedule for stage in run.stages] == [constant, to_a_tenth]
        first, last = (stage.task for stage in run.stages)
        assert last.weighting == Weighting(-1.0, 0.5, 0.25)
        assert last.softening == Softening("cycle", 0.5, 0.02, 0.07)
        assert {(task.negatives, task.temperature, task.momentum) for task in (first, last)} == {(1024, 0.07, 0.5)}
        assert first.bank is last.bank
        assert first.weighting is first.softening is None
        views = run.model.views
        shape = (views.count, views.size, views.front.frames, views.front.bins, round(views.front.seconds, 2))
        assert shape == ((8, 112, 128, 128, 2.0) if size == "paper" else (8, 80, 80, 80, 2.0))
        assert (views.grey, views.blur, views.volume) == (0.2, 0.5, 0.2)
    assert robust_model("tiny", 0).arguments == avid_model("tiny", 0).arguments
    assert [to_a_tenth(step, 100) for step in (0, 50, 100)] == pytest.approx([1, 0.55, 0.1])
