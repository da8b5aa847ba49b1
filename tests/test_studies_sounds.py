# SPDX-License-Identifier: Apache-2.0
"""Real sounds beside the world: packed once and whole, measured by their own folds, left out where there are none."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from seehear import checkpoint, train
from seehear.data.library import Library
from seehear.errors import InputError
from seehear.evals.evaluate import evaluate
from seehear.studies import conduct, job, store
from seehear.studies.instance import instance
from seehear.studies.measures import SECONDS, Subject, measure
from seehear.studies.robust import robust
from seehear.studies.sounds import hear, pack_sounds
from seehear.studies.store import Place
from seehear.studies.study import Arm, Claim, Contrast, Score, Study
from small import make_run, make_shelf
from small_study import METRIC, first, make_sounds

REAL = "esc10:audio/unpooled/averaged"


def make_esc(root):
    """Eight sounds of two classes and two folds in the layout of folders."""
    for number, name in enumerate(("001 - Dog bark", "002 - Rain")):
        (root / name).mkdir(parents=True)
        for file in range(4):
            samples = 0.1 * np.random.default_rng([number, file]).standard_normal(24_000)
            soundfile.write(root / name / f"{1 + file % 2}-{100 + number}{file}-A.wav", samples, 16_000)
    return root


def listening():
    """A study of one arm that measures real sounds, and a claim on them."""
    heard, own = (Contrast((Score("first", (metric,)),), reported=metric == REAL) for metric in (REAL, METRIC))
    arm, claim = Arm("first", first, measures=("retrieval", "esc10")), Claim("S1", "text", "", (own, heard))
    return Study("small", "Small", (arm,), (claim,), "first", {"own": METRIC, "real": REAL}, "Tiny.")


def test_sounds_are_packed_once_with_their_folds(tmp_path):
    root, out = make_esc(tmp_path / "esc"), tmp_path / "out"
    pack_sounds(listening(), out, root)
    catalog = Library(out / "esc10").catalog
    assert catalog.classes == ("dog bark", "rain")
    assert sorted(catalog.truth["fold"]) == [1] * 4 + [2] * 4
    assert catalog.modalities == ("audio",)
    (root / "002 - Rain" / "1-1010-A.wav").unlink()
    pack_sounds(listening(), out, root)
    assert len(Library(out / "esc10")) == 8
    assert sorted(os.listdir(out)) == ["esc10", "lock"]


def test_what_was_half_packed_is_packed_again(tmp_path, monkeypatch):
    root, out = make_esc(tmp_path / "esc"), tmp_path / "out"

    def stopped(self, name):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(Path, "rename", stopped)
        with pytest.raises(KeyboardInterrupt):
            pack_sounds(listening(), out, root)
    assert not (out / "esc10").exists()
    (root / "002 - Rain" / "1-1010-A.wav").unlink()
    pack_sounds(listening(), out, root)
    assert len(Library(out / "esc10")) == 7


def test_folders_of_something_else_and_deaf_studies_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(conduct, "prepare", lambda *given: pytest.fail("made a world"))
    with pytest.raises(InputError, match="got it beside robust"):
        conduct.conduct("robust", tmp_path / "out", esc=make_esc(tmp_path / "esc"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty"):
        conduct.conduct("instance", tmp_path / "out", esc=tmp_path / "empty")
    assert not (tmp_path / "out").exists()


def test_without_sounds_nothing_asks_for_them_and_the_page_says_so(tmp_path):
    place = Place(tmp_path / "small", tmp_path / "library", "data")
    study, same = hear(listening(), place, tmp_path)
    assert same == place
    assert study.arms[0].measures == ("retrieval",)
    assert [one.better[0].metrics for one in study.claims[0].contrasts] == [(METRIC,)]
    assert study.columns == {"own": METRIC}
    assert study.settings == "Tiny. ESC-10 was not measured: its folder was not given (`--esc`)."
    (tmp_path / "esc10").mkdir()
    assert hear(listening(), place, tmp_path) == (listening(), replace(place, sounds=tmp_path / "esc10"))
    assert hear(robust(), place, tmp_path) == (robust(), place)


def test_real_sounds_decide_no_verdict():
    whole, plain = instance(), instance().without("esc10")
    assert {arm.name for arm in whole.arms if "esc10" in arm.measures} == {
        *("cross-avid", "cross-avid-again", "cma", "cross-queue", "self-queue", "joint-queue", "avc", "avts", "random")
    }
    left_out = [
        (claim.name, contrast.reported)
        for claim, other in zip(whole.claims, plain.claims, strict=True)
        for contrast in claim.contrasts
        if contrast not in other.contrasts
    ]
    assert left_out == [("A2", True), ("A2", True), ("A10", True), ("A10", True)]
    assert [store.key(whole, arm, 0, "") for arm in whole.arms] == [store.key(plain, arm, 0, "") for arm in plain.arms]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A place whose libraries are small shelves in memory."""
    shelves = {"library": make_shelf(12), "esc10": make_sounds()}
    monkeypatch.setattr(job, "Library", lambda path, keep=0: shelves[path.name])
    return Place(tmp_path / "small", tmp_path / "library", "data", windows=2)


def test_an_arm_that_was_finished_is_measured_when_sounds_come(tmp_path, place, monkeypatch):
    deaf, _ = hear(listening(), place, tmp_path)
    assert job.work(deaf, deaf.arms[0], 0, place)
    (tmp_path / "esc10").mkdir()
    study, place = hear(listening(), place, tmp_path)
    folder = place.of(study, study.arms[0], 0)
    before = store.numbers(folder)
    assert before["measured"] == ["retrieval"]
    monkeypatch.setattr("seehear.train.Loop.step", lambda *given: pytest.fail("trained again"))
    assert job.work(study, study.arms[0], 0, place)
    after = store.numbers(folder)
    assert after["measured"] == ["retrieval", "esc10"]
    assert before["numbers"].items() <= after["numbers"].items()
    assert 0 <= after["numbers"][REAL] <= 1


def test_the_measure_is_the_svm_on_the_official_folds(tmp_path):
    """Of the library's own sounds, whatever the world's clips are."""
    train.fit(make_run(), tmp_path / "run", quiet=True)
    numbers, items = measure("esc10", Subject(tmp_path / "run", make_shelf(3), sounds=make_sounds()))
    model = checkpoint.load(tmp_path / "run")
    (expected,) = evaluate(["svm"], model, make_sounds(), count=SECONDS, quiet=True)
    assert expected.split == "2 official folds"
    assert numbers == {f"esc10:{metric}": value for metric, value in expected.metrics.items()}
    assert all(metric.startswith("esc10:audio/") for metric in numbers)
    folds = make_sounds().catalog.truth["fold"]
    each = items["esc10:audio/unpooled/averaged"]
    means = [float(each[[one == fold for one in folds]].mean()) for fold in sorted(set(folds))]
    assert numbers["esc10:audio/unpooled/averaged"] == pytest.approx(sum(means) / len(means))
    with pytest.raises(InputError, match="expected ESC-10 to measure on"):
        measure("esc10", Subject(tmp_path / "run", make_shelf(3)))
