"""Momentum encoders in closed form; targets from the queue against a slow float64 reference; resuming."""

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from seehear import checkpoint, train
from seehear.clip import Batch, Response
from seehear.errors import InputError
from seehear.memory import Bank
from seehear.optim import Adam
from seehear.run import Run, Stage
from seehear.tasks.avid import AVID, TERMS
from seehear.tasks.momentum import Momentum, Twice
from small import make_model, make_shelf, make_views

ITEMS = np.arange(100, 140)
BATCH = Batch(torch.from_numpy(ITEMS[[5, 0, 17, 39]]), torch.full((4,), -1), {}, (0, 3))


def make_task(variant="cross", size=12, queued=(3, 5, 9, 39, 5, 20)):
    """A task with no nets whose queue holds the embeddings of these items, two of them of the batch's own."""
    empty = torch.nn.ModuleDict()
    task = AVID(empty, Bank(ITEMS, 16), variant, "queue", size, slow=Momentum(empty, empty))
    if queued:
        generator = torch.Generator().manual_seed(1)
        rows = {n: normalize(torch.randn(len(queued), 16, generator=generator), dim=1) for n in ("video", "audio")}
        task.queue.push(torch.from_numpy(ITEMS[list(queued)]), rows)
    return task


def make_response():
    generator = torch.Generator().manual_seed(0)
    names = ("video", "audio", "video-target", "audio-target")
    z = {name: normalize(torch.randn(4, 16, generator=generator), dim=1).requires_grad_() for name in names}
    return Response(z)


def slow_loss(task, variant, z, batch):
    """InfoNCE anchor by anchor in float64, over the batch's targets and what others have queued."""
    queue, total = {name: task.queue.latest(name) for name in ("video", "audio")}, 0.0
    for anchor, other in TERMS[variant]:
        for b, item in enumerate(batch.items.tolist()):
            keys = list(z[f"{other}-target"])
            keys += [row.double() for i, row in zip(*queue[other], strict=True) if int(i) != item]
            scores = [(z[anchor][b] @ key / 0.07).exp() for key in keys]
            total = total - (scores[b] / sum(scores)).log() / len(batch.items)
    return total


@pytest.mark.parametrize("variant", ["self", "cross", "joint"])
@pytest.mark.parametrize("queued", [(), (3, 5, 9, 39, 5, 20)])
def test_loss_and_gradients_are_those_of_a_slow_reference(variant, queued):
    task, response = make_task(variant, queued=queued), make_response()
    loss = task.charge(response, BATCH).total
    z = {name: one.detach().double().requires_grad_() for name, one in response.outputs.items()}
    expected = slow_loss(task, variant, z, BATCH)
    torch.testing.assert_close(loss.double(), expected, rtol=1e-5, atol=0)
    loss.backward()
    expected.backward()
    for name in ("video", "audio"):
        torch.testing.assert_close(response.outputs[name].grad.double(), z[name].grad, rtol=1e-4, atol=1e-5)


def test_what_the_queue_holds_of_the_own_item_is_no_negative():
    task, response = make_task(queued=(5, 0, 17, 39)), make_response()
    alone = make_task(queued=())
    kept = Batch(BATCH.items[:1], BATCH.labels[:1], {}, BATCH.draw)
    first = Response({name: z[:1] for name, z in response.outputs.items()})
    # Of one clip and a queue of its own embeddings nothing is left to be told apart.
    task.queue.items.fill_(int(kept.items))
    torch.testing.assert_close(task.charge(first, kept).total, alone.charge(first, kept).total)
    assert float(task.charge(first, kept).total.detach()) == 0
    task.queue.items.fill_(int(ITEMS[30]))
    assert float(task.charge(first, kept).total.detach()) > 0.1


def test_the_queue_is_no_larger_than_the_data():
    assert len(make_task(size=12).queue) == 12
    assert len(make_task(size=1024).queue) == len(ITEMS)


def test_remembering_queues_the_targets_and_follows():
    task, response = make_task(queued=()), make_response()
    rows = normalize(task.bank.video[BATCH.items - 100] + response.outputs["video"].detach(), dim=1)
    nets = torch.nn.ModuleDict({"video": torch.nn.Linear(2, 2)})
    task.slow = Momentum(nets, torch.nn.ModuleDict(), 0.5)
    before = nets["video"].weight.detach().clone()
    torch.nn.init.zeros_(nets["video"].weight)
    task.remember(response, BATCH)
    torch.testing.assert_close(task.slow.encoders["video"].weight, before / 2)
    items, queued = task.queue.latest("audio")
    assert torch.equal(items, BATCH.items)
    assert torch.equal(queued, response.outputs["audio-target"])
    torch.testing.assert_close(task.bank.video[BATCH.items - 100], rows)


def test_a_copy_follows_in_closed_form():
    model = make_model()
    copies = Momentum(model.encoders, model.heads, 0.9)
    before = {name: tensor.double().clone() for name, tensor in copies.named_buffers()}
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
    for _ in range(5):
        copies.follow()
    # With weights that stand still, the distance to them shrinks by the rate at every step.
    for part in ("encoders", "heads"):
        for name, parameter in getattr(model, part).named_parameters():
            expected = parameter.double() + 0.9**5 * (before[f"{part}.{name}"] - parameter.double())
            torch.testing.assert_close(copies.get_buffer(f"{part}.{name}").double(), expected.detach())
    # Statistics of batch norms are the copy's own.
    assert torch.equal(
        copies.encoders["video"].conv1[1].running_mean.double(), before["encoders.video.conv1.1.running_mean"]
    )


def test_a_copy_says_what_its_original_says_and_never_learns():
    model = make_model()
    learning = dict(model.named_parameters())
    copies = Momentum(model.encoders, model.heads).requires_grad_()
    assert list(copies.parameters()) == []
    assert dict(model.named_parameters()).keys() == learning.keys()
    generator = torch.Generator().manual_seed(0)
    views = {"video": torch.randn(3, 3, 4, 16, 16, generator=generator), "audio": torch.randn(3, 1, 32, 33)}
    targets = copies.embed(Batch(torch.arange(3), torch.arange(3), views))
    for name, target in targets.items():
        expected = model.embed(name, model.encoders[name](views[name]))
        assert torch.equal(target, expected)
        assert not target.requires_grad
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2)
    again = copies.embed(Batch(torch.arange(3), torch.arange(3), views))
    assert all(torch.equal(again[name], targets[name]) for name in targets)
    copies.begin()
    assert all(torch.equal(copies.state_dict()[f"heads.{n}"], t) for n, t in model.heads.state_dict().items())


def test_bad_arguments_are_refused_with_one_line():
    with pytest.raises(InputError, match=r"in \[0, 1\], got 1.5"):
        Momentum(torch.nn.ModuleDict(), torch.nn.ModuleDict(), 1.5)
    empty = torch.nn.ModuleDict()
    with pytest.raises(ValueError, match="momentum encoders for targets from the queue alone"):
        AVID(empty, Bank(ITEMS), targets="queue")
    with pytest.raises(ValueError, match="got targets from bank"):
        AVID(empty, Bank(ITEMS), slow=Momentum(empty, empty))


def make_run():
    """An epoch of targets from the batch, then one of the queue, whose ten places three batches of four overfill."""
    shelf, model = make_shelf(), make_model()
    bank = Bank(shelf.catalog.items)
    task = AVID(model.heads, bank, "joint", "queue", 10, slow=Momentum(model.encoders, model.heads, 0.8))
    model.views = Twice(**vars(model.views))
    warm = AVID(model.heads, bank, targets="batch")
    stages = [Stage("warm-up", warm, 1, Adam(1e-3)), Stage("queue", task, 1, Adam(1e-3))]
    return Run("small", model, shelf, stages, batch=4)


def test_resuming_with_a_queue_is_bit_identical(tmp_path):
    whole = make_run()
    train.fit(whole, tmp_path / "whole", quiet=True)
    position = train.fit(make_run(), tmp_path / "parts", max_minutes=0.0, quiet=True)
    while not position.done:
        position = train.fit(make_run(), tmp_path / "parts", max_minutes=0.0, resume=True, quiet=True)
    first, second = (checkpoint.read(tmp_path / name / "last.safetensors")[0] for name in ("whole", "parts"))
    assert set(first) == set(second)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert int(first["tasks.1.queue.written"]) == 12
    assert not torch.equal(first["tasks.1.slow.heads.video.0.weight"], first["model.heads.video.0.weight"])


def test_a_stage_begins_with_copies_that_equal_the_encoders():
    run = make_run()
    task = run.stages[1].task
    train.fit(Run("warm", run.model, run.clips, run.stages[:1], run.batch), quiet=True)
    trained = run.model.encoders.state_dict()
    changed = [
        name for name, tensor in task.slow.encoders.state_dict().items() if not torch.equal(tensor, trained[name])
    ]
    assert len(changed) > 30
    task.begin_epoch(1)
    assert not torch.equal(task.slow.encoders.state_dict()[changed[0]], trained[changed[0]])
    task.begin_epoch(0)
    assert all(torch.equal(tensor, trained[name]) for name, tensor in task.slow.encoders.state_dict().items())
    kept = {name: tensor.clone() for name, tensor in trained.items()}
    with torch.no_grad():
        for parameter in run.model.parameters():
            parameter.add_(1)
    task.begin_epoch(1)
    assert all(torch.equal(tensor, kept[name]) for name, tensor in task.slow.encoders.state_dict().items())


def test_momentum_encoders_see_other_views_of_the_same_clips():
    views, plain, clips = Twice(**vars(make_views())), make_views(), make_shelf().clips[:3]
    cuts = [views.cut(clip, np.random.default_rng(i)) for i, clip in enumerate(clips)]
    generators = [np.random.default_rng(i) for i in range(3)]
    expected = {}
    for suffix in ("", " again"):
        pieces = [plain.cut(clip, generator) for clip, generator in zip(clips, generators, strict=True)]
        arrays = {name: torch.from_numpy(np.stack([one[name] for one in pieces])) for name in pieces[0]}
        expected |= {f"{name}{suffix}": view for name, view in plain.finish(arrays).items()}
    finished = views.finish({name: torch.from_numpy(np.stack([one[name] for one in cuts])) for name in cuts[0]})
    assert set(finished) == {"video", "audio", "video again", "audio again"}
    assert all(torch.equal(finished[name], expected[name]) for name in expected)
    assert not torch.equal(finished["audio"], finished["audio again"])
    model = make_model()
    copies = Momentum(model.encoders, model.heads)
    targets = copies.embed(Batch(torch.arange(3), torch.arange(3), finished))
    for name, target in targets.items():
        assert torch.equal(target, model.embed(name, model.encoders[name](finished[f"{name} again"])))


def test_evaluation_sees_each_clip_once():
    views, clip = Twice(**vars(make_views())).at(0.5), make_shelf().clips[0]
    cut, plain = (one.cut(clip, np.random.default_rng(0)) for one in (views, make_views().at(0.5)))
    assert set(cut) == set(plain)
    assert set(views.finish({name: torch.from_numpy(array)[None] for name, array in cut.items()})) == {"video", "audio"}
    assert views.arguments == make_views().arguments
