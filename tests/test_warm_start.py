"""Going on from another run: all that it learnt is there, memories follow item ids, and new clips get theirs first."""

import json
from dataclasses import replace

import pytest
import torch

from seehear import checkpoint, train
from seehear.data.catalog import ArrayClips
from seehear.errors import InputError
from seehear.memory import Bank
from seehear.recipes.warm_start import warm_start
from seehear.run import Run, Stage
from seehear.tasks.avid import AVID
from seehear.tasks.cma import CMA
from small import make_run


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    folder = tmp_path_factory.mktemp("before")
    assert train.fit(make_run(count=12), folder, quiet=True).done
    return folder


def agreement(count: int, seed: int = 3) -> Run:
    """Warm-up, fill, bank and agreement over the first `count` clips."""
    run = make_run(seed, count)
    task = CMA(run.stages[-1].task, positives=2, refresh=1)
    run.stages.append(Stage("cma", task, 1))
    return run


def test_all_that_was_learnt_is_there(before):
    run, said = warm_start(agreement(12), before)
    assert said == f"start from {before}: 12 clips have memories, 0 are new, 0 are gone"
    assert [stage.name for stage in run.stages] == ["cma"]
    saved = checkpoint.read(before / "last.safetensors")[0]
    learnt = checkpoint.load(before).state_dict()
    assert all(torch.equal(tensor, learnt[name]) for name, tensor in run.model.state_dict().items())
    task = run.stages[0].task.task
    assert torch.equal(task.bank.video, saved["tasks.0.bank.video"])
    assert float(task.partition) == float(saved["tasks.1.task.partition"]) > 0
    assert not run.fit_front
    assert run.recipe["arguments"]["start"] == str(before)


@pytest.mark.parametrize("count", [9, 15])
def test_memories_follow_the_clips_of_a_changed_library(before, monkeypatch, count):
    # Clips in memory have no place by which a library with fewer clips could be known again.
    monkeypatch.setattr("seehear.recipes.warm_start.same_library", lambda *_: True)
    run, said = warm_start(agreement(count), before)
    new, gone = max(count - 12, 0), max(12 - count, 0)
    assert said.endswith(f"{min(count, 12)} clips have memories, {new} are new, {gone} are gone")
    bank, saved = run.stages[-1].task.task.bank, checkpoint.read(before / "last.safetensors")[0]
    shared = [
        (int(row), int(where))
        for row, item in enumerate(bank.items)
        for where in (saved["tasks.0.bank.items"] == item).nonzero()
    ]
    assert len(shared) == min(count, 12)
    kept = {row: saved["tasks.0.bank.audio"][where] for row, where in shared}
    noise = Bank(run.clips.catalog.items, seed=3).audio
    assert [stage.name for stage in run.stages] == ["fill", "cma"][not new :]
    run.stages = run.stages[:-1]
    if new:
        train.fit(run, quiet=True)
    for row in range(count):
        if row in kept:
            assert torch.equal(bank.audio[row], kept[row])
        else:
            assert not torch.equal(bank.audio[row], noise[row])


@pytest.mark.parametrize("place", [None, "elsewhere.library"])
def test_of_another_library_no_memories_are_taken(before, place):
    run = agreement(12)
    other = replace(run.clips.catalog, sources=tuple(f"other {name}" for name in run.clips.catalog.sources))
    run.clips = ArrayClips(run.clips.clips, other)
    run.recipe = {"arguments": {"data": place}}
    run, said = warm_start(run, before)
    assert said == f"start from {before}: its memories are of other clips or sounds; all 12 get theirs first"
    bank, noise = run.stages[-1].task.task.bank, Bank(run.clips.catalog.items, seed=3)
    assert torch.equal(bank.video, noise.video)
    assert float(run.stages[-1].task.task.partition) == 0
    assert [stage.name for stage in run.stages] == ["fill", "cma"]
    run.stages = run.stages[:-1]
    train.fit(run, quiet=True)
    assert (bank.video != noise.video).any(1).all()


@pytest.mark.parametrize("faults", [None, 0.5])
def test_no_memory_is_wanted_of_the_sound_that_a_faulty_clip_no_longer_has(before, monkeypatch, faults):
    # Clips in memory are taken for a library that is known by its place.
    monkeypatch.setattr("seehear.recipes.warm_start.same_library", lambda folder, shared, here: here is not None)
    run = agreement(12)
    run.recipe = {"arguments": {"data": "films.library", "faults": faults}}
    run, said = warm_start(run, before)
    assert [stage.name for stage in run.stages] == (["fill", "cma"] if faults else ["cma"])
    assert ("all 12 get theirs first" in said) == bool(faults)


def test_it_trains_and_resumes_bit_identically(before, tmp_path):
    def go_on(**options):
        return train.fit(warm_start(agreement(15), before)[0], quiet=True, **options)

    go_on(folder=tmp_path / "whole")
    position = go_on(folder=tmp_path / "parts", max_minutes=0.0)
    while not position.done:
        position = go_on(folder=tmp_path / "parts", max_minutes=0.0, resume=True)
    whole, parts = (checkpoint.read(tmp_path / name / "last.safetensors")[0] for name in ("whole", "parts"))
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_a_run_without_memories_gives_its_encoders(before, tmp_path):
    run = make_run()
    plain = AVID(run.model.heads, run.stages[0].task.bank, targets="batch")
    run.stages = [Stage("batch", plain, 1)]
    run, said = warm_start(run, before)
    assert said == f"start from {before}: its encoders alone"
    learnt = checkpoint.load(before).state_dict()
    assert all(torch.equal(tensor, learnt[name]) for name, tensor in run.model.state_dict().items())


def test_what_does_not_fit_is_refused(before, tmp_path):
    with pytest.raises(InputError, match=r"expected a run folder with run\.json"):
        warm_start(agreement(12), tmp_path)
    run = agreement(12)
    about = json.loads((before / "run.json").read_text())
    about["model"]["views"]["size"] = 32
    (tmp_path / "run.json").write_text(json.dumps(about))
    with pytest.raises(InputError, match="got other views: use its --size"):
        warm_start(run, tmp_path)
    with pytest.raises(
        InputError, match=r"got others .*: resume on those, or begin a run in another folder with --start"
    ):
        train.fit(make_run(count=11), before, resume=True, quiet=True)
