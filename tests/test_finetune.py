"""Finetuning: what is learnt, what stays frozen, what is chosen by what, and how videos are scored."""

import subprocess
import sys
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from seehear import checkpoint, train
from seehear.clip import Batch, Features
from seehear.data.catalog import ArrayClip, ArrayClips
from seehear.errors import InputError, MediaError
from seehear.evals import finetune as protocol
from seehear.evals import results, tuning
from seehear.evals.block_probe import BlockClassifiers
from seehear.evals.features import Extracted
from seehear.evals.finetune import finetune
from seehear.evals.parts import labelled_parts, official_splits
from seehear.evals.tuning import Finetuning, begin
from seehear.evals.video_accuracy import clip_accuracy, video_accuracy
from seehear.nets.video import R2Plus1D
from seehear.optim import constant
from seehear.recipes.finetune import finetuning
from seehear.report import write_report
from seehear.report.finetuned import finetuned
from seehear.report.runs import read_run
from seehear.tasks.supervised import Supervised
from seehear.views import AudioVisual
from small import make_model, make_shelf

SHORT = Finetuning("short", 1, 1, 8, (1e-3,), constant, every=1)
MODEL = make_model()
SHOWN = {
    "video": (3, MODEL.views.count, MODEL.views.size, MODEL.views.size),
    "audio": (1, MODEL.front.frames, MODEL.front.bins),
}
CHANGED = {
    "weights": {},
    "settings": {"dropout": 0.4},
    "rate": {"rates": (2e-3,)},
    "views": {"views": {"count": 3}},
}


class Same(nn.Module):
    """An encoder that says what it is shown."""

    def forward(self, views):
        return Features({}, views)


class Deaf(ArrayClip):
    """A clip without sound."""

    def sound(self, start, duration, rate):
        raise MediaError(self.source, "no sound", "")


class Blind(ArrayClip):
    """A clip without pictures."""

    def frames(self, start, count, fps):
        raise MediaError(self.source, "no picture", "")


def relabelled(shelf, labels=None, **changes):
    """The same clips with other labels or other columns."""
    labels = shelf.catalog.labels if labels is None else np.asarray(labels)
    return ArrayClips(shelf.clips, replace(shelf.catalog, labels=labels, **changes))


def weights(folder):
    """Every tensor of every model and classifier below a folder, by file and name; optimisers end with their runs."""
    read = ((file.relative_to(folder), checkpoint.read(file)[0]) for file in sorted(folder.rglob("*.safetensors")))
    return {(file, n): tensor for file, all_ in read for n, tensor in all_.items() if not n.startswith("optimiser")}


def said(scores, labels, sources):
    """Scores [N, M, K] of clips of these recordings."""
    shelf = make_shelf(len(labels))
    table = replace(shelf.catalog, labels=np.asarray(labels), sources=tuple(sources))
    return Extracted({"video/scores": torch.tensor(scores)}, table)


@pytest.mark.parametrize("modality", ["video", "audio"])
def test_separable_classes_are_learnt_and_chance_is_chance(tmp_path, modality):
    settings = Finetuning("quick", 1, 10, 8, (1e-2,), constant, every=5, views={"colour": (0.0, 0.0, 0.0, 0.0)})
    found = finetune(make_model(5), make_shelf(36), tmp_path, settings, modality, (1, 2), quiet=True)
    for row in ("trained", "random"):
        assert found.rows[row][f"{modality}/quick/averaged2"] > 0.5
        assert found.rows[row][f"{modality}/quick/clip"] > 0.5
    assert found.chance == pytest.approx(
        {f"{modality}/quick/{one}": 1 / 3 for one in ("averaged1", "averaged2", "clip")}
    )
    assert (found.clips, found.windows, found.split) == (12, 2, "test")
    stored, broken = results.read(tmp_path)
    assert (stored[0].rows, broken) == (found.rows, 0)


def test_the_first_stage_trains_the_classifier_alone():
    model, shelf = make_model(), make_shelf(24)
    run = begin(model, "video", SHORT, shelf.split("train"), 1e-2, seed=0)
    task, whole = run.stages[0].task, run.stages
    encoder = {name: tensor.clone() for name, tensor in run.model.encoders.state_dict().items()}
    classifier = {name: tensor.clone() for name, tensor in task.state_dict().items()}
    run.stages = whole[:1]
    train.fit(run, quiet=True)
    for name, tensor in run.model.encoders.state_dict().items():
        assert torch.equal(tensor, encoder[name]), name
    assert not any(torch.equal(tensor, classifier[name]) for name, tensor in task.state_dict().items())
    run.stages = whole[1:]
    train.fit(run, quiet=True)
    changed = run.model.encoders.state_dict()
    assert not any(torch.equal(changed[name], encoder[name]) for name in encoder)
    # The encoder of the run itself is not what was trained.
    assert all(torch.equal(model.encoders.state_dict()[name], encoder[name]) for name in encoder)


@pytest.mark.parametrize("modality", ["video", "audio"])
def test_classifiers_of_blocks_learn_and_the_encoder_stays_as_it_is(tmp_path, modality):
    settings = replace(SHORT, epochs=12, rates=(1e-2,), every=6, blocks=True, views={"colour": (0.0, 0.0, 0.0, 0.0)})
    model, shelf = make_model(5), make_shelf(36)
    encoder = {name: tensor.clone() for name, tensor in model.encoders[modality].state_dict().items()}
    found = finetune(model, shelf, tmp_path, settings, modality, (1, 2), quiet=True)
    blocks = list(model.encoders[modality].eval()(torch.zeros(1, *SHOWN[modality])).blocks)[1:-1]
    for metric in ("averaged1", "averaged2", "clip"):
        names = [f"{modality}/short/{block}/{metric}" for block in blocks]
        assert [name for name in found.metrics if name.endswith(metric)] == names
        assert [found.chance[name] for name in names] == pytest.approx([1 / 3] * len(blocks))
        assert max(found.metrics[name] for name in names) > 0.6
    (stored,) = tmp_path.glob("finetune/*/trained/0.01/last.safetensors")
    tensors = checkpoint.read(stored)[0]
    assert all(torch.equal(tensors[f"model.encoders.{modality}.{name}"], kept) for name, kept in encoder.items())


def test_blocks_are_told_apart_by_the_cells_of_the_tables():
    views = AudioVisual(count=16, size=112)
    task = BlockClassifiers(R2Plus1D.analysis(), "video", views, 400)
    # 64 x 12 x 12, 128 x 8 x 8, 256 x 6 x 6 and 512 x 4 x 4: tables 2.12 and 2.14 have as many channels.
    sizes = {block: (norm.num_features, linear.in_features) for block, (norm, linear) in task.classifiers.items()}
    assert sizes == {f"block{n}": (size, size) for n, size in ((2, 9216), (3, 8192), (4, 9216), (5, 8192))}


def test_classifiers_of_blocks_share_nothing_but_the_views():
    model, labels = make_model(), torch.tensor([0, 1, 2, 0])
    task = BlockClassifiers(model.encoders["video"], "video", model.views, 3)
    batch = Batch(
        labels, labels, {"video": torch.randn(4, *SHOWN["video"], generator=torch.Generator().manual_seed(0))}
    )
    scores = task.respond(model.encoders, batch)
    loss = task.charge(scores, batch)
    slow = [-sum(s.double().log_softmax(1)[i, k] for i, k in enumerate(labels)) / 4 for s in scores.outputs.values()]
    assert float(loss.total.detach()) == pytest.approx(float(sum(slow).detach()), rel=1e-6)
    loss.parts["video/block3"].backward()
    assert {name for name, p in task.named_parameters() if p.grad is not None} == {
        f"classifiers.block3.{name}" for name in ("0.weight", "0.bias", "1.weight", "1.bias")
    }


def test_the_encoder_keeps_the_statistics_of_its_spectrogram():
    model, clips = make_model(), make_shelf(24).split("train")
    model.front.mean.fill_(-50.0)
    run = begin(model, "audio", SHORT, clips, 1e-3, seed=0)
    train.fit(run, quiet=True)
    assert (run.model.front.mean == -50).all()
    model.front.std.fill_(float("nan"))
    run = begin(model, "audio", SHORT, clips, 1e-3, seed=0)
    train.fit(run, quiet=True)
    assert run.model.front.std.isfinite().all()
    assert model.front.std.isnan().all()


@pytest.mark.parametrize(("kind", "modality"), [(Deaf, "video"), (Blind, "audio")])
def test_clips_need_only_what_is_learnt_from(tmp_path, kind, modality):
    shelf, model = make_shelf(36), make_model()
    model.front.std.fill_(float("nan"))
    for clip in shelf.clips:
        clip.__class__ = kind
    found = finetune(model, shelf, tmp_path, SHORT, modality, (1,), quiet=True)
    assert found.metrics[f"{modality}/short/averaged1"] is not None


def test_a_video_is_told_by_the_mean_softmax_of_all_its_windows():
    # Recording a: two windows lean to 1, one is sure of 0; sums 1.7 and 1.3. Recording b: two clips, 0 by a little.
    scores = [[[0.9, 0.1], [0.4, 0.6], [0.4, 0.6]], [[0.2, 0.8]] * 3, [[0.9, 0.1]] * 3]
    assert video_accuracy(said(scores, [0, 0, 0], "abb")) == 1
    assert clip_accuracy(said(scores, [0, 0, 0], "abb")) == pytest.approx(4 / 9)
    assert video_accuracy(said(scores, [0, 1, 1], "abb")) == 0.5
    assert clip_accuracy(said(scores, [0, 1, 1], "abb")) == pytest.approx(4 / 9)
    assert video_accuracy(said(scores, [1, 1, 1], "abc")) == pytest.approx(1 / 3)
    # Files that are takes of one recording are videos of their own, and may differ in class.
    takes = said(scores, [0, 1, 1], "abc")
    takes = replace(takes, catalog=replace(takes.catalog, truth={"recording": ("r", "r", "r")}))
    assert video_accuracy(takes) == pytest.approx(2 / 3)


@given(st.lists(st.lists(st.integers(0, 9), min_size=3, max_size=3), min_size=1, max_size=8), st.integers(0, 2))
def test_videos_of_one_window_are_clips(scores, label):
    one = said(
        [[[float(value) for value in row]] for row in scores], [label] * len(scores), map(str, range(len(scores)))
    )
    assert video_accuracy(one) == pytest.approx(clip_accuracy(one))


def test_a_stopped_finetuning_goes_on_bit_identically(tmp_path, monkeypatch):
    shelf, model = make_shelf(36), make_model(5)
    whole = finetune(model, shelf, tmp_path / "run", SHORT, windows=(1,), quiet=True)
    stops = 0
    with monkeypatch.context() as patched:
        patched.setattr(tuning, "fit", partial(train.fit, max_minutes=0.0))
        while not (tmp_path / "parts/run/results.jsonl").exists():
            try:
                parts = finetune(model, shelf, tmp_path / "parts/run", SHORT, windows=(1,), quiet=True)
            except KeyboardInterrupt:
                stops += 1
    # 19 of 24 training clips: 2 stages of 1 epoch of 2 steps, for trained and for random weights.
    assert stops == 8
    assert parts == whole
    first, second = weights(tmp_path / "run"), weights(tmp_path / "parts/run")
    assert set(first) == set(second)
    assert len({path for path, _ in first}) == 4
    assert all(torch.equal(first[key], second[key]) for key in first)
    stems = {file.parts[2]: t for (file, n), t in first.items() if n == "model.encoders.video.conv1.0.weight"}
    assert not torch.allclose(stems["trained"], stems["random"], atol=0.01)
    seen = {path: path.read_bytes() for path in (tmp_path / "run").rglob("metrics.jsonl")}
    assert finetune(model, shelf, tmp_path / "run", SHORT, windows=(1,), quiet=True) == whole
    assert all(path.read_bytes() == old for path, old in seen.items())


def test_chance_is_what_guesses_get(tmp_path):
    shelf = make_shelf(36)
    parts = np.asarray(shelf.catalog.splits)
    # Of the training clips 1 in 24 is of class 1; of the test clips half, all of them of one file.
    labels, sources = np.zeros(36, np.int64), np.asarray(shelf.catalog.sources, object)
    labels[np.flatnonzero(parts != "test")[:1]] = 1
    long = np.flatnonzero(parts == "test")[:6]
    labels[long], sources[long] = 1, "long"
    shelf = relabelled(shelf, labels, sources=tuple(sources))
    found = finetune(make_model(), shelf, tmp_path, replace(SHORT, every=None), windows=(1,), quiet=True).chance
    assert found["video/short/clip"] == pytest.approx((23 * 6 + 1 * 6) / 24 / 12)
    assert found["video/short/averaged1"] == pytest.approx((23 * 6 + 1 * 1) / 24 / 7)


def test_measuring_leaves_what_was_learnt_as_it_is(tmp_path, monkeypatch):
    shelf = make_shelf(36)
    parts, runs = labelled_parts(shelf, True, 0), {}
    for row in ("trained", "random"):
        runs[row] = begin(make_model(), "video", SHORT, shelf, 1e-3, seed=0)
    before = {name: tensor.clone() for run in runs.values() for name, tensor in run.tensors().items()}
    tuned = {row: tuning.Tuned(run, 1e-3, None) for row, run in runs.items()}
    # Stands for the accuracy, and says of how many windows it would be.
    monkeypatch.setattr(protocol, "clip_accuracy", lambda one: next(iter(one.features.values())).shape[1])
    numbers = [protocol.measure(tuned, parts, "video", "short", (2, 3), tuning.Place(tmp_path, quiet=True))]
    numbers += [protocol.measure(tuned, parts, "video", "short", (3, 2), tuning.Place(tmp_path, quiet=True))]
    assert numbers[0] == numbers[1]
    assert numbers[0]["trained"] == numbers[0]["random"]
    assert numbers[0]["trained"]["video/short/clip"] == 3
    for run in runs.values():
        assert all(torch.equal(before[name], tensor) for name, tensor in run.tensors().items())


@pytest.mark.parametrize("what", CHANGED)
def test_what_decides_the_weights_names_the_folder(what):
    model, parts = make_model(), labelled_parts(make_shelf(36), True, 0)
    before = protocol._key(model, "video", SHORT, parts, 0)
    assert before == protocol._key(make_model(), "video", SHORT, parts, 0)
    if what == "weights":
        model.encoders["video"].conv1[0].weight.data[0, 0, 0, 0, 0] += 1e-3
    assert protocol._key(model, "video", replace(SHORT, **CHANGED[what]), parts, 0) != before


def test_rates_and_epochs_are_chosen_on_validation_and_the_test_is_looked_at_once(tmp_path, monkeypatch):
    looked, chosen = {"tuning": [], "finetune": []}, {}
    for module, name in ((tuning, "tuning"), (protocol, "finetune")):

        def watched(*values, real=module.extract_all, name=name, **options):
            looked[name].append(set(values[2].catalog.items.tolist()))
            return real(*values, **options)

        monkeypatch.setattr(module, "extract_all", watched)

    def measured(tuned, *rest, real=protocol.measure):
        chosen.update(tuned)
        return real(tuned, *rest)

    monkeypatch.setattr(protocol, "measure", measured)
    # Two epochs at each of two rates: trained, then random.
    scores = iter((0.1, 0.2, 0.5, 0.3, 0.6, 0.4, 0.1, 0.3))
    monkeypatch.setattr(tuning, "video_accuracy", lambda said: next(scores))
    settings, shelf = Finetuning("two", 0, 2, 8, (1e-3, 1e-2), constant, every=1), make_shelf(36)
    found = finetune(make_model(), shelf, tmp_path, settings, windows=(1,), quiet=True)
    test = set(shelf.split("test").catalog.items.tolist())
    assert looked["finetune"] == [test]
    # A fifth of the training recordings.
    assert [len(items) for items in looked["tuning"]] == [5] * 8
    assert not any(items & test for items in looked["tuning"])
    for row, rate, score in (("trained", 0.01, 0.5), ("random", 0.001, 0.6)):
        assert (chosen[row].rate, found.rows[row]["video/two/validation"]) == (rate, score)
        (best,) = tmp_path.glob(f"finetune/*/{row}/{rate}/best.safetensors")
        stored, progress = checkpoint.read(best)
        # Its first epoch was the better one.
        assert progress["total"] == 2
        assert all(torch.equal(stored[name], tensor) for name, tensor in chosen[row].run.tensors().items())
    assert "rate trained 0.01, random 0.001" in found.notes[0]


def test_without_a_choice_every_training_clip_is_learnt_from(tmp_path):
    settings = replace(SHORT, every=None)
    found = finetune(make_model(), make_shelf(36), tmp_path, settings, windows=(1,), quiet=True)
    assert "1 + 1 epochs of 24 clips" in found.notes[0]
    assert "last epoch" in found.notes[0]
    assert found.metrics["video/short/validation"] is None
    assert not list(tmp_path.rglob("best.safetensors"))
    with pytest.raises(ValueError, match="expected one rate"):
        replace(settings, rates=(1e-3, 1e-4))


def test_clips_without_a_label_are_left_out_and_counted(tmp_path):
    shelf = make_shelf(36)
    labels = shelf.catalog.labels.copy()
    labels[[0, 5, 30]] = -1
    found = finetune(make_model(), relabelled(shelf, labels), tmp_path, SHORT, windows=(1,), quiet=True)
    assert "3 clips without a label were left out" in found.notes
    assert found.clips == 11
    assert all(np.isfinite(value) for value in found.metrics.values())


def test_classes_that_cannot_be_learnt_are_named(tmp_path):
    shelf = make_shelf(36)
    labels = np.where((shelf.catalog.labels == 2) & (np.arange(36) < 24), 1, shelf.catalog.labels)
    found = finetune(make_model(), relabelled(shelf, labels), tmp_path, SHORT, windows=(1,), quiet=True)
    assert any("1 classes of test clips have no training clip, such as class 2" in note for note in found.notes)
    for labels, words in (
        (np.zeros(36, dtype=int), "at least two classes"),
        (np.full(36, -1), "labelled clips for train"),
        (np.where(np.arange(36) < 24, shelf.catalog.labels, -1), "labelled clips for test"),
    ):
        with pytest.raises(InputError, match=words):
            labelled_parts(relabelled(shelf, labels), True, 0)
    with pytest.raises(InputError, match="held-out clips, found only train"):
        labelled_parts(relabelled(shelf, splits=("train",) * 36), True, 0)


@pytest.mark.parametrize("name", ["validation", "val"])
def test_without_a_test_split_validation_is_measured_and_nothing_is_chosen_by_it(name):
    shelf = make_shelf(36)
    splits = tuple(name if split == "test" else split for split in shelf.catalog.splits)
    parts = labelled_parts(relabelled(shelf, splits=splits), True, 0)
    assert parts.split == "validation"
    assert set(parts.test.catalog.splits) == {name}
    assert set(parts.validation.catalog.splits) == {"train"}
    items = [set(part.catalog.items.tolist()) for part in (parts.train, parts.validation, parts.test)]
    assert [len(part) for part in items] == [19, 5, 12]
    assert len(set.union(*items)) == 36


def test_official_splits_are_averaged(tmp_path):
    shelf = make_shelf(36)
    first = shelf.catalog.splits
    second = (None, *("test" if part == "train" else "train" for part in first[1:]))
    truth = {"split 2": second, "split 10": first, "start": (0.0,) * 36}
    shelf = relabelled(shelf, truth=truth)
    found = finetune(make_model(), shelf, tmp_path, SHORT, windows=(1,), quiet=True)
    assert list(official_splits(shelf)) == ["split 2", "split 10"]
    assert found.clips == 23 + 12
    for row in ("trained", "random", "chance"):
        each = [found.rows[row][f"video/short/split {number}/averaged1"] for number in (2, 10)]
        assert found.rows[row]["video/short/averaged1"] == pytest.approx(sum(each) / 2)
    one = finetune(make_model(), shelf, tmp_path, SHORT, windows=(1,), split=10, quiet=True)
    assert one.metrics["video/short/averaged1"] == found.metrics["video/short/split 10/averaged1"]
    with pytest.raises(InputError, match="official split of the library, 2, 10; got 3"):
        official_splits(shelf, 3)
    with pytest.raises(InputError, match="none"):
        official_splits(make_shelf(), 1)


def test_dropout_is_drawn_by_item_and_step():
    task = Supervised({"video": 50}, 50, dropout=0.25)
    nn.init.eye_(task.classifiers["video"].weight)
    nn.init.zeros_(task.classifiers["video"].bias)
    encoders = nn.ModuleDict({"video": Same()})
    items = torch.arange(64)

    def seen(items, step=0):
        batch = Batch(items, items, {"video": torch.ones(len(items), 50)}, (0, step))
        return task.respond(encoders, batch).outputs["video"].detach()

    whole = seen(items)
    assert whole.unique().tolist() == pytest.approx([0, 4 / 3])
    # 3200 draws: three standard deviations of their mean are .023.
    assert float((whole > 0).float().mean()) == pytest.approx(0.75, abs=0.023)
    assert torch.equal(seen(items[[7, 3]]), whole[[7, 3]])
    assert not torch.equal(seen(items, 1), whole)
    task.eval()
    assert torch.equal(seen(items), torch.ones(64, 50))


def test_the_page_has_what_was_measured(tmp_path):
    assert finetuned([read_run(tmp_path)]) is None
    rows = {"trained": {"video/tiny/split 1/averaged10": 0.625}, "random": {"video/tiny/split 1/averaged10": 0.25}}
    results.append(tmp_path, results.Result("finetune", rows, clips=7, windows=25, notes=("3 clips < 4",)))
    shown = finetuned([read_run(tmp_path)])
    for words in ("pictures, tiny, split 1", "averaged: 10", "62.5 %", "25.0 %", "7 clips", "3 clips &lt; 4"):
        assert words in shown
    assert shown in write_report([tmp_path], tmp_path / "report.html").read_text()


def test_mistakes_are_one_line(tmp_path):
    model, shelf = make_model(), make_shelf(12)
    with pytest.raises(InputError, match="expected a modality of the run, video or audio, got smell"):
        finetune(model, shelf, tmp_path, SHORT, "smell")
    for windows in ((), (0, 10)):
        with pytest.raises(InputError, match="at least one window"):
            finetune(model, shelf, tmp_path, SHORT, windows=windows)
    with pytest.raises(InputError, match="8 or 32 frames for paper-ucf, got 9"):
        finetuning("paper-ucf", 9)
    with pytest.raises(InputError, match="8 or 16 frames for paper-kinetics, got 32"):
        finetuning("paper-kinetics", 32)
    with pytest.raises(InputError, match="--epochs of at least 1, got 0"):
        finetuning("tiny", epochs=0)
    assert list(tmp_path.iterdir()) == []


def test_the_verb_says_in_one_line_what_is_wrong(tmp_path):
    command = [sys.executable, "-m", "seehear.cli", "finetune", "nowhere", "nothing"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: expected a run folder with run.json, got nowhere")
    assert len(done.stderr.splitlines()) == 1
