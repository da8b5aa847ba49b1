# SPDX-License-Identifier: Apache-2.0
"""Arms that go on from each other equal arms trained in one go; nothing is trained twice; what breaks stays alone."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from seehear import checkpoint, train
from seehear.errors import InputError
from seehear.evals.features import Extracted, Splits
from seehear.evals.memories import Memories
from seehear.studies import conduct, job, runner, store
from seehear.studies.instance import instance
from seehear.studies.measures import MEASURES, Subject, measure
from seehear.studies.page import page
from seehear.studies.prepare import SIZES
from seehear.studies.robust import robust
from seehear.studies.status import Progress, left, status
from seehear.studies.store import Place
from seehear.studies.study import Arm
from small import make_run, make_shelf
from small_study import METRIC, broken, first, lost, make_sounds, make_study, second, untouched

HERE = Path(__file__).parent


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A place whose library is a small shelf in memory."""
    monkeypatch.setattr(job, "Library", lambda path, keep=0: make_shelf(12))
    return Place(tmp_path / "small", tmp_path / "library", "data", windows=2)


def tensors(folder):
    found = checkpoint.read(folder / "last.safetensors")[0]
    return {name: tensor for name, tensor in found.items() if not name.startswith("optimiser.")}


def same(one, two):
    return one.keys() == two.keys() and all(torch.equal(tensor, two[name]) for name, tensor in one.items())


def trained(tmp_path, build, seed=0):
    train.fit(build(None, seed), tmp_path / "whole", quiet=True)
    return tensors(tmp_path / "whole")


def test_going_on_from_another_arm_is_training_in_one_go(tmp_path, place):
    study = make_study()
    parent, child = study.arms
    assert job.work(study, parent, 0, place)
    assert job.work(study, child, 0, place)
    folder = place.of(study, child, 0) / "run"
    assert same(tensors(folder), trained(tmp_path, second))
    position = checkpoint.read(folder / "last.safetensors")[1]
    assert (position["stage"], position["total"], position["done"]) == (4, 9 + 6 + 6, True)
    steps = [json.loads(line)["step"] for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert min(steps) >= 15


def test_an_arm_stopped_at_every_step_is_one_trained_in_one_go(tmp_path, place):
    study, visits = make_study(), 0
    assert job.work(study, study.arms[0], 0, place)
    last = place.of(study, study.arms[1], 0) / "run" / "last.safetensors"
    while not last.exists() or not checkpoint.read(last)[1]["done"]:
        assert not job.work(study, study.arms[1], 0, place, minutes=0.0)
        visits += 1
    assert visits == 7
    assert same(tensors(place.of(study, study.arms[1], 0) / "run"), trained(tmp_path, second))


def test_only_a_finished_run_with_the_same_stages_is_a_start(tmp_path):
    start = tmp_path / "start"
    train.fit(make_run(), start, quiet=True, max_minutes=0.0)
    with pytest.raises(InputError, match="expected a finished run"):
        job.begin(second(None, 0), tmp_path / "child", start)
    train.fit(make_run(), start, quiet=True, resume=True)
    other = second(None, 0)
    other.stages[0] = replace(other.stages[0], epochs=3)
    for wrong in (other, second(None, 1), replace(second(None, 0), batch=2)):
        with pytest.raises(InputError, match="expected a finished run"):
            job.begin(wrong, tmp_path / "child", start)
    assert not (tmp_path / "child").exists()
    with pytest.raises(InputError, match="expected a checkpoint"):
        job.begin(second(None, 0), tmp_path / "child", tmp_path / "nowhere")


def test_what_is_finished_is_never_done_again(place, monkeypatch):
    study = make_study()
    arm = study.arms[0]
    assert job.work(study, arm, 0, place)
    before = store.numbers(place.of(study, arm, 0))
    assert before["measured"] == ["retrieval", "calibration"]
    assert (before["seed"], before["clips"], before["data_hash"]) == (0, 12, make_shelf(12).catalog.hash)
    monkeypatch.setattr(train, "fit", lambda *given, **named: pytest.fail("trained again"))
    assert job.work(study, arm, 0, place)
    assert store.numbers(place.of(study, arm, 0)) == before


def test_a_new_measure_is_added_without_training(place):
    study = make_study()
    arm = study.arms[0]
    job.work(study, arm, 0, place)
    old, weights = store.numbers(place.of(study, arm, 0)), tensors(place.of(study, arm, 0) / "run")
    more = replace(arm, measures=(*arm.measures, "probe"))
    folder = place.of(study, more, 0)
    assert not job.is_done(folder, more)
    long = {"training": old["seconds"]["training"], "measuring": 1000.0}
    (folder / "numbers.json").write_text(json.dumps(old | {"seconds": long}))
    assert job.work(study, more, 0, place)
    new = store.numbers(folder)
    assert new["seconds"]["measuring"] > 1000
    assert old["numbers"].items() <= new["numbers"].items()
    assert new["measured"] == ["retrieval", "calibration", "probe"]
    assert METRIC in store.items(folder)
    assert same(weights, tensors(folder / "run"))


def test_no_checkpoint_is_chosen_by_validation(place):
    def build(data, seed):
        return replace(make_run(seed), measure=lambda model: pytest.fail("looked at validation"))

    arm = Arm("scored", build)
    study = make_study(1, 1.0, arm)
    assert job.work(study, arm, 0, place)
    assert not (place.of(study, arm, 0) / "run" / "best.safetensors").exists()


def test_random_weights_are_an_arm_without_stages(place):
    arm = Arm("untouched", untouched, measures=("retrieval",))
    study = make_study(1, 1.0, arm)
    assert job.work(study, arm, 0, place)
    fresh = make_run(0).model.encoders.state_dict()
    found = tensors(place.of(study, arm, 0) / "run")
    assert all(torch.equal(found[f"model.encoders.{name}"], tensor) for name, tensor in fresh.items())


def test_the_key_is_over_what_decides_the_result():
    study = make_study()
    parent, child = study.arms
    key = store.key(study, child, 0, "data")
    assert key == store.key(make_study(), make_study().arms[1], 0, "data")
    assert key == store.key(replace(study, claims=(), title="", columns={}), replace(child, measures=()), 0, "data")
    others = [
        store.key(study, child, 1, "data"),
        store.key(study, child, 0, "other"),
        store.key(replace(study, version=2), child, 0, "data"),
        store.key(study, replace(child, arguments={"weight": 2.0}), 0, "data"),
        store.key(study, replace(child, build=first), 0, "data"),
        store.key(study, replace(child, start=None), 0, "data"),
        store.key(replace(study, arms=(replace(parent, arguments={"epochs": 9}), child)), child, 0, "data"),
    ]
    assert len({key, *others}) == 8


def test_numbers_and_items_come_back(tmp_path):
    items = {"a:b": np.array([0.0, 1.0, np.nan])}
    store.keep(tmp_path, {"measured": ["a"], "numbers": {"a:b": 0.5, "a:c": 0.25, "a:d": None}}, items)
    found = store.scores(tmp_path)
    assert set(found) == {"a:b", "a:c"}
    np.testing.assert_array_equal(found["a:b"], items["a:b"])
    assert found["a:c"] == 0.25
    assert store.scores(tmp_path / "nowhere") == {}


def test_damaged_files_are_named(tmp_path):
    (tmp_path / "numbers.json").write_text('{"measured": 3}')
    with pytest.raises(InputError, match=r"numbers\.json"):
        store.numbers(tmp_path)
    for data in (b"no archive", b""):
        (tmp_path / "items.npz").write_bytes(data)
        with pytest.raises(InputError, match=r"items\.npz"):
            store.items(tmp_path)
    np.savez(tmp_path / "items.npz", a=np.array([{"not": "numbers"}], dtype=object))
    with pytest.raises(InputError, match=r"items\.npz"):
        store.items(tmp_path)


def test_a_folder_is_held_by_one(tmp_path):
    assert not store.is_held(tmp_path)
    with store.held(tmp_path):
        assert store.is_held(tmp_path)
        with pytest.raises(InputError, match="expected nobody at work"), store.held(tmp_path):
            pass
    assert not store.is_held(tmp_path)


def bare(place, *more):
    """The small study without measures, for jobs in processes of their own."""
    study = make_study(1, 1.0, *more)
    return replace(study, arms=tuple(replace(arm, measures=()) for arm in study.arms))


def test_a_broken_arm_is_reported_and_does_not_stop_the_others(tmp_path, place, capfd):
    study = bare(place, Arm("broken", broken), Arm("after", second, start="broken"), Arm("lost", lost))
    study = replace(study, arms=(*study.arms[2:], *study.arms[:2]))
    jobs = runner.run(study, place, seeds=[0], processes=2, quiet=True)
    assert [(one.arm, one.state) for one in jobs] == [
        ("broken", "failed"),
        ("after", "waiting"),
        ("lost", "failed"),
        ("first", "done"),
        ("second", "done"),
    ]
    assert "this arm cannot be built" in jobs[0].why
    assert jobs[2].why == "its process ended with exit code 7"
    assert "broken seed 0 failed" in capfd.readouterr().err
    assert same(tensors(place.of(study, study.arm("second"), 0) / "run"), trained(tmp_path, second))


def test_without_time_nothing_is_started(place):
    jobs = runner.run(bare(place), place, minutes=0.0, quiet=True)
    assert {one.state for one in jobs} == {"waiting"}
    with store.held(place.folder), pytest.raises(InputError, match="expected nobody at work"):
        runner.run(bare(place), place, quiet=True)


KILLED = """
import sys
from dataclasses import replace
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from seehear.studies import runner
from seehear.studies.store import Place
from small_study import make_long_study
if __name__ == "__main__":
    runner.run(make_long_study(), Place(Path(sys.argv[2]), Path("library"), "data"), processes=1, quiet=True)
"""


def test_a_killed_runner_takes_its_jobs_with_it_and_what_they_learnt_is_kept(tmp_path):
    script = tmp_path / "run.py"
    script.write_text(KILLED)
    process = subprocess.Popen([sys.executable, str(script), str(HERE), str(tmp_path / "small")])
    deadline = time.monotonic() + 400
    logs = "small/long-0-*/run/metrics.jsonl"
    while not any(log.stat().st_size for log in tmp_path.glob(logs)) and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    (folder,) = tmp_path.glob("small/long-0-*")
    while store.is_held(folder) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not store.is_held(folder)
    assert checkpoint.read(folder / "run" / "last.safetensors")[1]["done"] is False


def test_status_tells_what_runs_what_is_stopped_and_how_long_it_takes(place):
    study = make_study()
    arm, child = study.arms
    job.work(study, arm, 0, place)
    job.work(study, arm, 1, place, minutes=0.0)
    (place.of(study, arm, 2)).mkdir(parents=True)
    (place.of(study, arm, 2) / "failed.txt").write_text("first line\nRuntimeError: no luck\n")
    with store.held(place.of(study, child, 0)):
        found = {(one.arm, one.seed): one for one in status(study, place)}
    states = [found["first", seed].state for seed in range(4)]
    assert states == ["done", "stopped", "failed", "waiting"]
    assert found["first", 2].why == "RuntimeError: no luck"
    assert found["second", 0].state == "running"
    assert found["first", 0].seconds > 0


def test_the_time_left_is_that_of_finished_runs():
    jobs = [Progress("a", 0, "done", 1.0, 100.0), Progress("a", 1, "running", 0.75), Progress("b", 0, "waiting")]
    assert left(jobs, 2) == pytest.approx((25 + 100) / 2)
    assert left([*jobs[:2], Progress("b", 1, "done", 1.0, 500.0)], 1) == pytest.approx(25)
    assert left(jobs[1:], 2) is None
    paused = [Progress("a", seed, "done", 1.0, seconds) for seed, seconds in ((2, 90.0), (3, 9000.0))]
    assert left([*jobs[:2], *paused], 1) == pytest.approx(25)


def test_the_share_of_steps_taken_counts_from_the_start(place):
    study = make_study()
    child = study.arms[1]
    folder = place.of(study, child, 0)
    (folder / "run").mkdir(parents=True)
    (folder / "job.json").write_text('{"first": 100, "last": 300}')
    (folder / "run" / "metrics.jsonl").write_text('{"step": 99, "seconds": 1}\n{"step": 149, "seconds": 7.5}\n')
    (one,) = [one for one in status(study, place, ["second"], [0]) if one.arm == "second"]
    assert (one.state, one.share, one.seconds) == ("stopped", 0.25, 7.5)


def test_the_page_says_what_came_out(place):
    study = make_study()
    for arm, gain in zip(study.arms, (0.0, 0.25), strict=True):
        for seed in range(study.seeds()[arm.name]):
            about = {
                "measured": list(arm.measures),
                "numbers": {METRIC: 0.25 + gain},
                "commit": "abc",
                "seconds": {"t": 60.0},
            }
            store.keep(place.of(study, arm, seed), about, {METRIC: np.full(4, 0.25 + gain)})
    (place.of(study, study.arms[1], 2) / "numbers.json").unlink()
    text, drawn, plain = page(study, place, status(study, place))
    assert "| S1 | the second is better | second - first, own sound: 0.500 - 0.250 = +0.250 [+0.250, +0.250]" in text
    assert "2 seeds, shown" in text
    assert "| first | 5 | 0.250 ± 0.000 | 1.0 |" in text
    assert text.partition("## Not finished")[2].strip() == "- second, seeds 2: waiting"
    assert "7 of 8 runs are finished (7 minutes" in text
    assert "abc" in text
    assert plain["claims"][0]["verdict"] == "shown"
    json.dumps(plain, allow_nan=False)
    assert "](small.svg)" in text
    assert drawn == page(study, place, status(study, place))[1]
    (place.of(study, study.arms[1], 1) / "numbers.json").unlink()
    text, _, plain = page(study, place, status(study, place))
    assert "own sound: not run (second has 1 of 3 seeds)" in text
    assert plain["claims"][0]["verdict"] == "not run"


def test_the_page_of_a_study_run_in_part_tells_that_part(place):
    study = make_study(1, 1.0, Arm("third", first))
    (claim,) = study.claims
    (contrast,) = claim.contrasts
    other = replace(contrast, better=(replace(contrast.better[0], arm="third"),))
    study = replace(study, claims=(replace(claim, contrasts=(contrast, other)),))
    for arm in study.arms[:2]:
        for seed in range(2):
            about = {"measured": list(arm.measures), "numbers": {METRIC: 0.5}, "commit": "abc", "seconds": {"t": 60.0}}
            store.keep(place.of(study, arm, seed), about, {METRIC: np.full(4, 0.5)})
    text, drawn, plain = page(study, place, status(study, place))
    (row,) = (line for line in text.splitlines() if line.startswith("| S1 |"))
    assert "(2 seeds, not shown)<br>1 more not run |" in row
    assert row.endswith("| run in part |")
    assert "third" not in row + drawn
    assert "- not begun: third" in text
    assert len(plain["claims"][0]["findings"]) == 2


def test_a_study_leaves_a_page_about_all_of_it_whatever_was_done_now(tmp_path, place, monkeypatch):
    study = make_study()

    def in_this_process(study, place, arms, seeds, *rest):
        for arm, seed in study.plan(arms, seeds):
            job.work(study, arm, seed, place)

    monkeypatch.setattr(conduct, "STUDIES", {"small": lambda size: study})
    monkeypatch.setattr(conduct, "prepare", lambda out, name, size, device: place)
    monkeypatch.setattr(conduct, "place_of", lambda out, name: place)
    monkeypatch.setattr(conduct.runner, "run", in_this_process)
    plain = conduct.conduct("small", tmp_path, arms=["first"], seeds=[1])
    assert json.loads((tmp_path / "small.json").read_text()) == json.loads(json.dumps(plain))
    text = (tmp_path / "small.md").read_text()
    assert "1 of 8 runs are finished" in text
    unfinished = text.partition("## Not finished")[2].strip().splitlines()
    assert unfinished[1:] == ["- not begun: second", "- claims of which nothing can be said: S1"]
    assert unfinished[0].startswith("- first, seeds 0, 2, 3, 4: waiting")
    assert "| second |" not in text
    assert (tmp_path / "small.svg").read_text().startswith("<svg")
    _, numbers = conduct.progress("small", tmp_path)
    assert (numbers["done"], numbers["waiting"], numbers["why_failed"]) == (1, 7, {})
    assert numbers["minutes_left"] is not None
    longer = conduct.conduct("small", tmp_path, arms=["first"], seeds=[1], size="longer")
    assert longer["study"] == "small-longer"
    assert "](small-longer.svg)" in (tmp_path / "small-longer.md").read_text()
    assert (tmp_path / "small.md").read_text() == text


def test_a_longer_study_takes_four_times_the_updates_on_the_same_clips():
    epochs = [instance(size).arm("cma").arguments["epochs"] for size in ("tiny", "longer")]
    assert epochs[1] == pytest.approx(4 * epochs[0], abs=2)
    assert SIZES["longer"].scenes == SIZES["tiny"].scenes


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """The names of everything that can be measured, on 40 clips and 18 real sounds."""
    folder = tmp_path_factory.mktemp("measured") / "run"
    train.fit(make_run(count=40), folder, quiet=True)
    subject = Subject(folder, make_shelf(40), windows=2, sounds=make_sounds())
    return {name: measure(name, subject) for name in MEASURES}


@pytest.mark.parametrize("study", [instance(), robust()], ids=lambda study: study.name)
def test_claims_are_about_what_their_arms_measure(study, measured):
    contrasts = [contrast for claim in study.claims for contrast in claim.contrasts]
    contrasts += [claim.margin for claim in study.claims if claim.margin]
    for score in (score for contrast in contrasts for score in (*contrast.better, *contrast.worse)):
        known = set().union(*(measured[name][0] for name in study.arm(score.arm).measures))
        assert set(score.metrics) <= known, score
    assert set(study.columns.values()) <= set().union(*(numbers for numbers, _ in measured.values()))


def test_test_clips_search_the_training_clips():
    """Against a loop over queries, on random maps."""
    generator = torch.Generator().manual_seed(0)
    parts = {}
    for name, count in (("train", 60), ("validation", 20), ("test", 30)):
        shelf = make_shelf(count, classes=10)
        features = {f"video/{block}": torch.randn(count, 2, 8, generator=generator) for block in ("pool", "map")}
        parts[name] = Extracted(features, shelf.catalog)
    subject = Subject(Path("run"), make_shelf(3))
    vars(subject)["splits"] = Splits(**parts)
    numbers, items = measure("map-retrieval", subject)
    given, asked = (parts[name].features["video/map"].double().mean(1) for name in ("train", "test"))
    for rank in (1, 5, 20):
        right = []
        for query, label in zip(asked, parts["test"].labels, strict=True):
            near = sorted(range(60), key=lambda row, q=query: -float(q @ given[row] / given[row].norm()))[:rank]
            right.append(float((parts["train"].labels[near] == label).any()))
        assert items[f"map-retrieval:video/r{rank}"].tolist() == right
        assert numbers[f"map-retrieval:video/r{rank}"] == pytest.approx(np.mean(right))


def test_numbers_are_means_over_items(measured):
    for name, (numbers, items) in measured.items():
        for metric, each in items.items():
            asked = each[~each.isnan()]
            of_test_clips = name in ("probe", "retrieval", "map-retrieval", "finetune")
            assert len(each) == (18 if name == "esc10" else 14 if of_test_clips else 40)
            if name == "memory-probe":
                continue  # a mean over draws, in which clips are measured several times or never
            assert numbers[metric] == (pytest.approx(float(asked.mean())) if len(asked) else None)
    assert {"probe:video/best/averaged", "probe:audio/best/clip"} <= measured["probe"][1].keys()


@pytest.mark.parametrize("study", [instance(), robust()], ids=lambda study: study.name)
def test_what_claims_are_about_is_scored_clip_by_clip(study, measured):
    """The intervals are over seeds and clips."""
    scored = set().union(*(items for _, items in measured.values()))
    contrasts = [contrast for claim in study.claims for contrast in claim.contrasts]
    asked = {metric for one in contrasts for score in (*one.better, *one.worse) for metric in score.metrics}
    found = {metric for numbers, _ in measured.values() for metric, value in numbers.items() if value is not None}
    # Which pairs are faulty is not known of these clips, and no class has 20.
    left_out = {f"faulty-pairs:gain_{share}" for share in (4, 10)} | {"few-shot:video/shots_20/mean"}
    assert asked - found <= left_out
    assert asked & found <= scored


def remembering(rows, **truth):
    """A subject with these memories of pictures; the sound of each clip has that of the picture before it."""
    shelf = make_shelf(len(rows))
    table = replace(shelf.catalog, truth={name: tuple(column) for name, column in truth.items()})
    subject = Subject(Path("run"), shelf)
    vars(subject)["memories"] = Memories({"video": rows, "audio": rows.roll(1, 0)}, table)
    return subject


def test_parts_of_the_mean_dot_product_vary_as_it_does_without_one_clip():
    rows = functional.normalize(torch.randn(30, 8, generator=torch.Generator().manual_seed(0)) + 0.5, dim=1)
    numbers, items = measure("calibration", remembering(rows))
    whole, rows = numbers["calibration:video/mean_dot"], rows.double()
    for i, part in enumerate(items["calibration:video/mean_dot"].tolist()):
        others = rows[torch.arange(30) != i]
        without = (float((others @ others.T).sum()) - 29) / (29 * 28)
        # The jackknife: theta - theta without i = 2 (h_i - theta) / (N - 2).
        assert (part - whole) / 28 == pytest.approx(whole - without, abs=1e-8)


def test_what_a_clip_brings_to_the_share_of_faulty_ones_among_the_lowest():
    rows = functional.normalize(torch.randn(50, 8, generator=torch.Generator().manual_seed(1)), dim=1)
    faulty = [None if i % 7 == 1 else i % 3 == 0 for i in range(50)]
    numbers, items = measure("faulty-pairs", remembering(rows, faulty=faulty))
    known = [i for i in range(50) if faulty[i] is not None]
    base = sum(faulty[i] for i in known) / len(known)
    order = sorted(known, key=lambda i: float(rows[i] @ rows[i - 1]))
    for share, count in ((4, 2), (10, 4)):
        found = sum(faulty[i] for i in order[:count]) / count
        each = items[f"faulty-pairs:gain_{share}"]
        assert numbers[f"faulty-pairs:gain_{share}"] == pytest.approx(found - base)
        assert float(each.nanmean()) == pytest.approx(found - base)
        assert torch.equal(each.isnan(), torch.tensor([one is None for one in faulty]))


@pytest.mark.parametrize("study", [instance(), robust()], ids=lambda study: study.name)
def test_arms_go_on_from_their_start_and_take_as_many_steps_as_those_they_are_compared_with(study, monkeypatch):
    shelf = make_shelf(120)
    for module in ("avid", "robust"):
        monkeypatch.setattr(f"seehear.recipes.{module}.shelf", lambda data, seed: shelf)
    made = {arm.name: arm.build(Path("library"), 0, **arm.arguments) for arm in study.arms}
    for arm in study.arms:
        run, start = made[arm.name], made.get(arm.start or "")
        assert run.seed == 0
        if start is not None:
            assert run.describe()["stages"][: len(start.stages)] == start.describe()["stages"]
            assert start.tensors().keys() <= run.tensors().keys()
            for stage, earlier in zip(run.stages, start.stages, strict=False):
                assert [stage.schedule(step, 20) for step in range(20)] == [earlier.schedule(s, 20) for s in range(20)]
    epochs = {name: sum(s.epochs for s in run.stages if s.optimiser is not None) for name, run in made.items()}
    # A8 is about twice as many steps, and a reported contrast of A6 is with the arm before.
    contrasts = [one for claim in study.claims if claim.name != "A8" for one in claim.contrasts if not one.reported]
    assert all(len({epochs[name] for name in contrast.arms}) == 1 for contrast in contrasts)


def test_unknown_studies_and_arms_are_refused(tmp_path):
    with pytest.raises(InputError, match="expected a study of instance, robust, got 'spatial'"):
        conduct.conduct("spatial", tmp_path)
    with pytest.raises(InputError, match="expected an arm of cross-avid"):
        conduct.conduct("instance", tmp_path, arms=["absent"])
    with pytest.raises(InputError, match=r"expected a study in .*, found none"):
        conduct.progress("instance", tmp_path)
    assert os.listdir(tmp_path) == []
