"""Synchronisation against a slow float64 reference; two sounds of a clip stay apart; recipes of all baselines."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import normalize

from seehear import checkpoint, train
from seehear.clip import Batch, Clip, Response
from seehear.data.catalog import ArrayClips
from seehear.errors import InputError
from seehear.optim import constant
from seehear.recipes.avid import cross_avid, joint_avid
from seehear.recipes.baselines import avc, avts, info_nce
from seehear.recipes.robust import robust_xid
from seehear.tasks.momentum import Twice
from seehear.tasks.synchrony import AVTS, Synchrony
from small import make_model, make_shelf, make_views

BATCH = Batch(torch.arange(5), torch.full((5,), -1), {})


def make_response():
    generator = torch.Generator().manual_seed(0)
    near = torch.randn(5, 16, generator=generator)
    z = {
        "video": near,
        "audio": near + 0.3 * torch.randn(5, 16, generator=generator),
        "elsewhere": near + 0.5 * torch.randn(5, 16, generator=generator),
    }
    # One of the other clips is near as well: it lies within the margin.
    z["audio"][3] = near[1] + 0.2
    return Response({name: normalize(one, dim=1).requires_grad_() for name, one in z.items()})


@pytest.mark.parametrize("hard", [0.0, 0.25, 1.0])
def test_loss_and_gradients_are_those_of_a_slow_reference(hard):
    task, response = AVTS(torch.nn.ModuleDict(), hard), make_response()
    loss = task.charge(response, BATCH).total
    z = {name: one.detach().double().requires_grad_() for name, one in response.outputs.items()}
    expected = 0.0

    def distance(x, y):
        return sum((a - b) ** 2 for a, b in zip(x, y, strict=True)).sqrt()

    for i in range(5):
        expected = expected + distance(z["video"][i], z["audio"][i]) ** 2 / 10
        expected = expected + hard * (0.99 - distance(z["video"][i], z["elsewhere"][i])).clamp(0) ** 2 / 10
        for j in range(5):
            if i != j:
                expected = expected + (1 - hard) * (0.99 - distance(z["video"][i], z["audio"][j])).clamp(0) ** 2 / 40
    torch.testing.assert_close(loss.double(), expected, rtol=1e-5, atol=0)
    loss.backward()
    expected.backward()
    for name in task.views:
        torch.testing.assert_close(response.outputs[name].grad.double(), z[name].grad, rtol=1e-4, atol=1e-6)


def test_right_and_wrong_sounds_share_their_batch_statistics():
    model, views = make_model(), {"video": torch.randn(3, 3, 4, 16, 16)}
    views |= {name: torch.randn(3, 1, 32, 33) for name in ("audio", "elsewhere")}
    response = AVTS(model.heads).respond(model.encoders, Batch(torch.arange(3), torch.arange(3), views))
    assert int(model.encoders["audio"].conv1[1].num_batches_tracked) == 1
    both = model.embed("audio", model.audio(torch.cat([views["audio"], views["elsewhere"]])))
    torch.testing.assert_close(torch.cat([response.outputs["audio"], response.outputs["elsewhere"]]), both)


def test_bad_arguments_are_refused_with_one_line():
    with pytest.raises(InputError, match="share of hard negatives"):
        AVTS(torch.nn.ModuleDict(), 1.5)
    with pytest.raises(InputError, match="margin above 0"):
        AVTS(torch.nn.ModuleDict(), margin=0.0)
    for gap in (-0.1, float("nan")):
        with pytest.raises(InputError, match=f"gap of at least 0 s between two sounds of a clip, got {gap:g}"):
            make_synchrony(gap=gap)


class Recorded(Clip):
    """A clip that notes which windows it was asked for, whose sound is the time itself."""

    item, label, source, layout = 1, 0, "recorded.mp4", "mono"

    def __init__(self, duration):
        self.duration, self.seen, self.heard = duration, [], []

    def frames(self, start, count, fps):
        self.seen.append((start, start + count / fps))
        return np.zeros((count, 20, 30, 3), np.uint8)

    def sound(self, start, duration, rate):
        self.heard.append((start, start + duration))
        return np.full((1, round(duration * rate)), start / 100, np.float32)


def make_synchrony(**changes):
    return Synchrony(**{**vars(make_views()), **changes})


@given(st.floats(2.3, 20), st.floats(0, 0.8), st.integers(0, 1000))
def test_the_other_sound_is_apart_from_pictures_and_their_sound(duration, gap, seed):
    views, clip = make_synchrony(gap=gap), Recorded(duration)
    cuts = views.cut(clip, np.random.default_rng(seed))
    (seen,), (heard, elsewhere) = clip.seen, clip.heard
    for start, end in (seen, heard, elsewhere):
        assert -1e-9 <= start < end <= duration + 1e-9
    for start, end in (seen, heard):
        assert elsewhere[0] >= end + gap - 1e-9 or elsewhere[1] <= start - gap + 1e-9
    assert cuts["elsewhere"][0] == round(elsewhere[0] / 100 * 32767)
    assert cuts["samples"].shape == cuts["elsewhere"].shape


def test_the_other_sound_comes_before_as_often_as_after_and_from_everywhere():
    views, before, starts, apart = make_synchrony(offset=0.0, stretch=(1.0, 1.0)), 0, [], []
    for seed in range(400):
        clip = Recorded(6.0)
        views.cut(clip, np.random.default_rng(seed))
        (start, end), (other_start, other_end) = clip.heard
        before += other_start < start
        starts.append(start)
        apart.append(max(other_start - end, start - other_end))
        assert clip.heard[0][0] == pytest.approx(clip.seen[0][0], abs=0.02)
    # 400 fair coins: five standard deviations are 50.
    assert abs(before - 200) < 50
    assert views.gap <= min(apart) < 2 * views.gap
    # Half a second of sound begins anywhere between 0 and 5.49 s.
    assert min(starts) < 0.3
    assert max(starts) > 5.2


def test_a_clip_too_short_for_two_sounds_is_refused_with_one_line():
    views = make_synchrony(offset=0.0, stretch=(1.0, 1.0))
    views.cut(Recorded(1.53), np.random.default_rng(0))
    with pytest.raises(InputError, match=r"clips of 1.52 s or more.*got 1.50 s of recorded.mp4$"):
        views.cut(Recorded(1.5), np.random.default_rng(0))


def test_clips_too_short_for_two_sounds_are_left_out_and_counted(monkeypatch):
    shelf = make_shelf(36)
    train_rows = np.flatnonzero(np.asarray(shelf.catalog.splits) == "train")
    durations = shelf.catalog.durations.copy()
    durations[train_rows[3:8]] = 1.5
    short = ArrayClips(shelf.clips, replace(shelf.catalog, durations=durations))
    monkeypatch.setattr("seehear.recipes.avid.shelf", lambda data, seed: short)
    run = avts(gap=0.0)
    least = run.model.views.least
    assert 1.5 < least <= 3.0
    assert set(run.clips.catalog.items) == set(shelf.catalog.items[np.delete(train_rows, range(3, 8))])
    assert [run.clips.open(row).item for row in range(len(run.clips))] == run.clips.catalog.items.tolist()
    assert run.notes == (f"5 of 24 clips have less than {least:.2f} s and are left out",)
    with pytest.raises(InputError, match=r"clips of 12.05 s or more, the longest has 3.00: shorten --gap, or pack"):
        avts(gap=10.0)


def test_the_other_sound_is_finished_as_sounds_are():
    views, shelf = make_synchrony(), make_shelf()
    cuts = [views.cut(clip, np.random.default_rng(i)) for i, clip in enumerate(shelf.clips[:3])]
    arrays = {name: torch.from_numpy(np.stack([cut[name] for cut in cuts])) for name in cuts[0]}
    finished = views.finish(arrays)
    expected = make_views().finish({**arrays, "samples": arrays["elsewhere"]})["audio"]
    assert torch.equal(finished["elsewhere"], expected)
    assert not torch.equal(finished["elsewhere"], finished["audio"])


def test_evaluation_sees_plain_views():
    views, clip = make_synchrony(), make_shelf().clips[0]
    plain = make_views().at(0.5).cut(clip, np.random.default_rng(0))
    fixed = views.at(0.5).cut(clip, np.random.default_rng(0))
    assert set(fixed) == set(plain)
    assert all(np.array_equal(fixed[name], plain[name]) for name in plain)
    assert views.arguments == make_views().arguments


def test_a_worker_cuts_what_the_process_itself_cuts():
    views, clip = make_synchrony(gap=0.3), make_shelf().clips[0]
    sent = pickle.loads(pickle.dumps(views.for_workers()))
    here, there = (one.cut(clip, np.random.default_rng(5)) for one in (views, sent))
    assert all(np.array_equal(here[name], there[name]) for name in here)


@pytest.fixture
def _small_shelf(monkeypatch):
    shelf = make_shelf(60)
    # As long as the numbers of the papers ask for; views of tests are shorter.
    long = ArrayClips(shelf.clips, replace(shelf.catalog, durations=np.full(60, 5.0)))
    monkeypatch.setattr("seehear.recipes.avid.shelf", lambda data, seed: long)


def pace(stages):
    """The learning rate of every step, of 10 an epoch."""
    steps = [(stage, 10 * stage.epochs) for stage in stages]
    return [stage.optimiser.rate * stage.schedule(step, count) for stage, count in steps for step in range(count)]


@pytest.mark.usefixtures("_small_shelf")
@pytest.mark.parametrize("size", ["tiny", "paper"])
def test_baselines_learn_as_long_as_cross_avid_and_as_fast(size):
    avid = cross_avid(size=size)
    learning = [stage for stage in avid.stages if stage.optimiser is not None]
    learnt = sum(stage.epochs for stage in learning)
    rates = pace(learning)
    for recipe in (info_nce, avc, avts):
        run = recipe(size=size)
        assert sum(stage.epochs for stage in run.stages) == learnt
        assert run.model.arguments["encoders"] == avid.model.arguments["encoders"]
        assert run.batch == avid.batch
        assert run.recipe["name"] == recipe.__name__
        assert run.recipe["arguments"]["epochs"] == learnt
        if recipe is avc:
            (only,), last = run.stages, learning[-1]
            assert (only.optimiser, only.schedule, only.shares) == (last.optimiser, last.schedule, last.shares)
            continue
        if (recipe, size) != (avts, "paper"):
            assert pace(run.stages) == rates
        assert {repr(stage.optimiser) for stage in run.stages} == {repr(stage.optimiser) for stage in learning}
        assert [stage.shares for stage in run.stages[-len(learning) :]] == [stage.shares for stage in learning]
    views = avts(size=size).model.views
    assert (views.offset, views.stretch) == (0.0, (1.0, 1.0))


@pytest.mark.usefixtures("_small_shelf")
def test_the_curriculum_goes_from_easy_to_hard():
    run = avts(epochs=7, hard=0.5, gap=0.2)
    assert [(s.name, s.epochs, s.task.hard) for s in run.stages] == [("easy", 4, 0.0), ("easy-and-hard", 3, 0.5)]
    assert [(s.name, s.epochs, s.task.hard, s.schedule) for s in avts(size="paper", epochs=7).stages] == [
        ("easy", 3, 0.0, constant),
        ("easy-and-hard", 4, 0.25, constant),
    ]
    views = run.model.views
    assert views.gap == 0.2
    assert (run.recipe["arguments"]["hard"], run.recipe["arguments"]["gap"]) == (0.5, 0.2)
    assert run.model.front is views.front
    assert [stage.name for stage in avts(size="paper", epochs=1).stages] == ["easy-and-hard"]


@pytest.mark.usefixtures("_small_shelf")
def test_targets_are_one_option_of_the_recipes():
    assert [stage.task.targets for stage in cross_avid(epochs=3, targets="batch").stages] == ["batch"] * 2
    run = joint_avid(epochs=3, targets="queue")
    queue = run.stages[-1].task
    assert isinstance(run.model.views, Twice)
    assert (queue.targets, queue.slow.rate, len(queue.queue)) == ("queue", 0.99, 40)
    assert cross_avid(size="paper", targets="queue").stages[0].task.slow.rate == 0.999


@pytest.mark.usefixtures("_small_shelf")
def test_retrieval_scores_only_what_makes_distances(monkeypatch):
    monkeypatch.setattr("seehear.evals.retrieval.validation_score", lambda shelf: len)
    assert avc().measure is None
    assert [run.measure for run in (avc(comparison="distance"), avts(), info_nce())] == [len] * 3


@pytest.mark.usefixtures("_small_shelf")
@pytest.mark.parametrize("recipe", [avc, avts])
def test_what_is_resumed_is_bit_identical_and_loaded_as_any_model(tmp_path, monkeypatch, recipe):
    monkeypatch.setattr("seehear.recipes.avid.avid_model", lambda size, seed: make_model(seed))
    train.fit(recipe(epochs=2, batch=20), tmp_path / "whole", quiet=True)
    position = train.fit(recipe(epochs=2, batch=20), tmp_path / "parts", max_minutes=0.0, quiet=True)
    while not position.done:
        run = recipe(epochs=2, batch=20)
        position = train.fit(run, tmp_path / "parts", max_minutes=0.0, resume=True, quiet=True)
    first, second = (checkpoint.read(tmp_path / name / "last.safetensors")[0] for name in ("whole", "parts"))
    assert set(first) == set(second)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert checkpoint.load(tmp_path / "parts").views.arguments == run.model.views.arguments
    assert checkpoint.describe(tmp_path / "parts")["recipe"]["name"] == recipe.__name__


@pytest.mark.parametrize("recipe", [cross_avid, robust_xid, avc])
def test_clips_without_pictures_or_sound_are_left_out_and_counted(monkeypatch, recipe):
    shelf, has = make_shelf(40), ("video", "audio")
    lame = tuple(has[item % 2 :][:1] if item % 10 < 2 else has for item in range(40))
    table = replace(shelf.catalog, truth={"modalities": lame})
    monkeypatch.setattr("seehear.recipes.avid.shelf", lambda data, seed: ArrayClips(shelf.clips, table))
    monkeypatch.setattr("seehear.recipes.robust.shelf", lambda data, seed: ArrayClips(shelf.clips, table))
    run = recipe()
    assert run.notes == ("8 of 40 clips lack pictures or sound and are left out",)
    assert run.clips.catalog.modalities == has
    assert len(run.clips) == sum(split == "train" and item % 10 >= 2 for item, split in enumerate(table.splits))
    table = replace(table, truth={"modalities": (("audio",),) * 40})
    with pytest.raises(InputError, match="expected clips with pictures and sound, none of 40 has both"):
        recipe()
