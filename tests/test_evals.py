# SPDX-License-Identifier: Apache-2.0
"""Protocols on features whose answers are known, and the whole evaluation on a small shelf in memory."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from seehear.checkpoint import Model
from seehear.data.catalog import ArrayClip, ArrayClips, Catalog
from seehear.errors import InputError
from seehear.evals import logistic, results, statistics
from seehear.evals.chance import blind, guessed
from seehear.evals.collapse import collapse
from seehear.evals.evaluate import PROTOCOLS, divide, evaluate
from seehear.evals.features import PAPER_LIMIT, Extracted, Splits, Windows, extract, frozen, shrink
from seehear.evals.linear_probe import linear_probe
from seehear.evals.nearest import nearest, vote
from seehear.evals.neighbours import choose, search
from seehear.evals.results import Result
from seehear.evals.retrieval import retrieval, validation_score
from seehear.nets.audio import Conv2D
from seehear.nets.video import R2Plus1D
from seehear.signal.spectrogram import LogSpectrogram
from seehear.views import AudioVisual

CLASSES = ("bell", "dog", "drum", "horn")


def catalog(count, split="test", labels=True, sources=None, first=0):
    """`count` clips, every recording one clip unless told."""
    items = np.arange(first, first + count)
    classes = items % len(CLASSES) if labels else np.full(count, -1)
    names = tuple(f"{split}{i}" for i in range(count)) if sources is None else tuple(sources)
    return Catalog(items, np.full(count, 1.0), classes, names, (split,) * count, CLASSES if labels else ())


def shelf(splits=(("train", 12), ("validation", 8), ("test", 8)), labels=True, seed=0):
    """Clips in memory whose colour and pitch follow their class."""
    rng, clips, parts, first = np.random.default_rng(seed), [], [], 0
    for name, count in splits:
        parts.append(catalog(count, name, labels, first=first))
        for i in range(count):
            kind = (first + i) % len(CLASSES)
            frames = rng.integers(0, 40, (8, 24, 24, 3), dtype=np.uint8) + np.uint8(60 * (kind + 1) - 40)
            times = np.arange(16_000) / 8000
            sound = 0.3 * np.sin(2 * np.pi * 300 * (kind + 1) * times) + 0.01 * rng.standard_normal(16_000)
            label = kind if labels else -1
            clips.append(ArrayClip(frames, 8.0, sound[None].astype(np.float32), 8000, first + i, label, f"{name}{i}"))
        first += count
    joined = Catalog(
        np.concatenate([part.items for part in parts]),
        np.concatenate([part.durations for part in parts]),
        np.concatenate([part.labels for part in parts]),
        sum((part.sources for part in parts), ()),
        sum((part.splits for part in parts), ()),
        parts[0].classes,
    )
    return ArrayClips(clips, joined)


@pytest.fixture
def model():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        front = LogSpectrogram(rate=8000, window=256, hop=128, frames=16, average=4)
        views = AudioVisual(count=4, fps=8.0, size=32, front=front)
        return Model({"video": R2Plus1D(9, 4), "audio": Conv2D(width=4)}, views)


def features(table, seed=0, spread=0.1, dimension=16, windows=3):
    """Embeddings of both modalities that agree for each clip up to noise, around a direction of their class."""
    rng = torch.Generator().manual_seed(seed)
    centres = torch.randn(len(CLASSES), dimension, generator=torch.Generator().manual_seed(99))
    clip = torch.randn(len(table), 1, dimension, generator=rng) * 0.3
    clip = clip + centres[torch.from_numpy(table.labels).clamp(min=0)][:, None]
    made = {}
    for name in ("video/pool", "video/embedding", "audio/pool", "audio/embedding"):
        noisy = clip + spread * torch.randn(len(table), windows, dimension, generator=rng)
        made[name] = torch.nn.functional.normalize(noisy, dim=2)
    return Extracted(made, table)


def splits_of(spread=0.1, labels=True):
    tables = (catalog(40, "train", labels), catalog(20, "validation", labels), catalog(24, "test", labels))
    return Splits(*(features(table, seed, spread) for seed, table in enumerate(tables)))


def blinded():
    return Splits(*(blind(part) for part in vars(splits_of()).values()))


def test_logistic_regression_equals_scikit_learn():
    rng = np.random.default_rng(0)
    rows, labels = rng.standard_normal((120, 30)), rng.integers(0, 5, 120)
    rows[:, 3] = 1.5  # a constant feature must not divide by zero
    rows[np.arange(120), labels] += 1.0
    standard = (rows - rows.mean(0)) / np.where(rows.std(0) > 0, rows.std(0), 1)
    for found in logistic.path(torch.from_numpy(rows).float(), torch.from_numpy(labels), 5, (1.0, 0.1, 0.01), 1e-5):
        reference = LogisticRegression(C=1 / (found.strength * len(rows)), tol=1e-10, max_iter=5000)
        reference.fit(standard, labels)
        expected = reference.predict_proba(standard)
        np.testing.assert_allclose(found.probabilities(torch.from_numpy(rows).float()), expected, atol=5e-4)


def test_linear_probe_reads_classes_and_chance_is_chance():
    numbers = linear_probe(splits_of(), torch.Generator())
    assert numbers["video/best/averaged"] == numbers["audio/best/averaged"] == 1
    assert [numbers[f"video/class/{name}"] for name in CLASSES] == [1] * 4
    chance = linear_probe(blinded(), torch.Generator())
    assert chance["video/best/averaged"] == 0.25


@pytest.mark.parametrize(("protocol", "key"), [("linear-probe", "best/averaged"), ("nearest", "accuracy")])
def test_chance_is_that_of_guesses_not_of_one_answer(protocol, key):
    # Six bells to learn from and one of every other class, one bell to ask for and five of each other class.
    shown, asked = [0] * 6 + [1, 2, 3], [0] + [1] * 5 + [2] * 5 + [3] * 5
    parts = [
        replace(catalog(len(labels), split), labels=np.asarray(labels))
        for labels, split in ((shown, "train"), ([0, 1, 2, 3], "validation"), (asked, "test"))
    ]
    nothing = Splits(*(blind(features(part)) for part in parts))
    always = PROTOCOLS[protocol](nothing, torch.Generator())
    chance = guessed(protocol, always, nothing, torch.Generator())
    assert chance[f"video/{key}"] == pytest.approx((6 / 9) * (1 / 16) + 3 * (1 / 9) * (5 / 16))
    if protocol == "linear-probe":
        assert always[f"video/{key}"] == pytest.approx(1 / 16)
        assert [chance[f"audio/class/{name}"] for name in CLASSES] == pytest.approx([6 / 9, 1 / 9, 1 / 9, 1 / 9])
        assert chance["video/best/strength"] == always["video/best/strength"]


def test_linear_probe_chooses_the_block_on_validation():
    splits = splits_of()
    for part in vars(splits).values():
        noise = torch.randn(part.features["video/pool"].shape, generator=torch.Generator().manual_seed(1))
        part.features["video/noise"] = noise
    numbers = linear_probe(splits, torch.Generator())
    assert numbers["video/best/validation"] == numbers["video/pool/validation"] > numbers["video/noise/validation"]
    assert numbers["video/best/averaged"] == numbers["video/pool/averaged"]


def test_without_labels_probes_are_null():
    splits = splits_of(labels=False)
    assert linear_probe(splits, torch.Generator())["video/best/averaged"] is None
    assert nearest(splits, torch.Generator())["audio/accuracy"] is None
    numbers = retrieval(splits, torch.Generator())
    assert numbers["class/mean/r1"] is None
    assert numbers["instance/mean/r1"] > 0.5


def test_neighbours_vote_by_their_similarity():
    similarity = torch.tensor([[0.9, 0.5, 0.5, 0.1]])
    scores = vote(similarity, torch.tensor([0, 1, 1, 2]), 3, 3)
    expected = [np.exp(-0.1 / 0.07), 2 * np.exp(-0.5 / 0.07), 0]
    np.testing.assert_allclose(scores[0], expected, rtol=1e-5)
    assert nearest(splits_of(), torch.Generator())["video/accuracy"] == 1


def test_the_validation_score_is_the_recall_of_a_clips_own_sound(model):
    everything = shelf((("train", 12), ("validation", 8)), labels=False)
    score = validation_score(everything)
    assert score is not None
    model.train()
    said = extract(model, everything.split("validation"), count=1, quiet=True)
    similarity = said.embedding("video")[:, 0] @ said.embedding("audio")[:, 0].mT
    places = [(s > s.diagonal()[:, None]).sum(1) for s in (similarity, similarity.mT)]
    recalls = [sum((place < k).float().mean() for place in places) / 2 for k in (1, 5, 20)]
    assert score(model) == pytest.approx(float(sum(recalls)) / 3)
    assert model.training
    assert validation_score(everything.split("train")) is None
    called = tuple("val" if part == "validation" else part for part in everything.catalog.splits)
    everything.catalog = replace(everything.catalog, splits=called)
    assert validation_score(everything) is not None


def test_retrieval_finds_its_own_and_equal_embeddings_find_chance():
    numbers = retrieval(splits_of(spread=0.001), torch.Generator())
    assert numbers["instance/mean/r1"] == numbers["class/mean/r1"] == numbers["within/video/instance/r1"] == 1
    assert numbers["instance/gallery"] == 24
    chance = retrieval(blinded(), torch.Generator())
    assert chance["instance/video_to_audio/r5"] == pytest.approx(5 / 24)
    # 6 of 24 clips are of the class; within a modality 5 of the other 23.
    assert chance["class/mean/r1"] == pytest.approx(6 / 24)
    assert chance["within/audio/class/r1"] == pytest.approx(5 / 23)
    # 2 sibling windows among 71 others.
    assert chance["within/audio/instance/r1"] == pytest.approx(2 / 71)


def test_windows_of_the_same_recording_are_not_counted_as_wrong():
    # Two recordings of two identical clips each: only the other recording can be confused with the query.
    table = catalog(4, labels=False, sources=("a", "a", "b", "b"))
    same = torch.eye(2).repeat_interleave(2, 0)[:, None]
    test = Extracted({f"{m}/{kind}": same for m in ("video", "audio") for kind in ("pool", "embedding")}, table)
    numbers = retrieval(Splits(test, test, test), torch.Generator())
    assert numbers["instance/mean/r1"] == 1
    assert numbers["instance/gallery"] == 3


def test_gallery_is_drawn_from_the_generator():
    drawn = [retrieval(splits_of(spread=1.0), torch.Generator().manual_seed(seed), gallery=10) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0]["instance/gallery"] == 10


def test_collapse_is_seen():
    spread, same = collapse(splits_of(), torch.Generator()), collapse(splits_of(), torch.Generator())
    assert spread == same
    gone = collapse(blinded(), torch.Generator())
    assert gone["video/mean_dot"] == pytest.approx(1)
    assert gone["video/effective_rank"] == pytest.approx(1)
    assert spread["video/mean_dot"] < 0.9
    assert spread["video/effective_rank"] > 2


def test_histogram_counts_colours():
    video = torch.zeros(1, 3, 2, 4, 4)
    video[:, 0, 0] = 1  # half of the pixels pure red, half black
    mean, std = (torch.tensor(v)[None, :, None, None, None] for v in (statistics.MEAN, statistics.STD))
    found = statistics.histogram((video - mean) / std)
    assert found.sum() == pytest.approx(1)
    assert found[0, 0] == found[0, 3 * 16] == pytest.approx(0.5)


def test_correlated_statistics_find_their_partner():
    rng = torch.Generator().manual_seed(0)

    def part(table, seed):
        shared = torch.randn(len(table), 1, 3, generator=torch.Generator().manual_seed(seed))
        rows = {
            "video/histogram": shared @ torch.eye(3, 6) + 0.05 * torch.randn(len(table), 2, 6, generator=rng),
            "audio/bands": -2 * shared @ torch.eye(3, 5) + 0.05 * torch.randn(len(table), 2, 5, generator=rng),
        }
        return Extracted(rows, table)

    splits = Splits(part(catalog(100), 1), part(catalog(10), 2), part(catalog(30), 3))
    numbers = retrieval(statistics.correlate(splits), torch.Generator())
    assert numbers["instance/mean/r1"] > 0.6


def test_shrink_has_the_grids_of_the_paper():
    sides = {64: 12, 128: 8, 256: 6, 512: 4}
    for channels, side in sides.items():
        block = torch.rand(1, channels, 2, 28, 28)
        small = shrink(block, PAPER_LIMIT)
        assert small.shape == (1, channels * side * side)
        assert small.max() == block.max()
    assert shrink(torch.rand(2, 8, 3, 2), 9216).shape == (2, 8 * 3 * 2)


def test_extraction_leaves_the_encoders_exactly_as_they_are(model):
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    first = extract(model, shelf(), count=2, quiet=True)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert all(module.training for module in model.modules())
    again = extract(model, shelf(), count=2, batch=10, quiet=True)
    for name, value in first.features.items():
        torch.testing.assert_close(value, again.features[name], rtol=1e-4, atol=1e-5)
        assert not value.requires_grad
    assert first.features["video/embedding"].shape == (28, 2, 128)
    torch.testing.assert_close(first.embedding("audio").norm(dim=2), torch.ones(28, 2))
    with frozen(model):
        assert not any(module.training for module in model.modules())


def test_features_are_those_of_the_windows_asked_for(model):
    clips = shelf()
    found = extract(model, clips, count=3, quiet=True).take(np.array([5]))
    pieces = Windows(model.views, 3).cut(clips.open(5), np.random.default_rng(0))
    view = model.views.at(5 / 6)
    alone = view.cut(clips.open(5), np.random.default_rng(0))
    np.testing.assert_array_equal(pieces["pixels"][2], alone["pixels"])
    with frozen(model), torch.no_grad():
        finished = view.finish({name: torch.from_numpy(array)[None] for name, array in alone.items()})
        said = model.video(finished["video"])
        torch.testing.assert_close(found.features["video/pool"][0, 2], said.pooled[0], rtol=1e-4, atol=1e-5)
        expected = model.embed("video", said)[0]
        torch.testing.assert_close(found.features["video/embedding"][0, 2], expected, rtol=1e-4, atol=1e-5)


def test_a_diverged_model_is_told(model):
    with torch.no_grad():
        model.heads["audio"][0].bias.fill_(float("nan"))
    with pytest.raises(InputError, match="audio/embedding"):
        extract(model, shelf(), count=1, quiet=True)


def test_evaluate_writes_every_row_and_the_embeddings(model, tmp_path):
    model.run = {"name": "unit", "seed": 3, "commit": "abc"}
    clips = shelf()
    made = evaluate(list(PROTOCOLS), model, clips, tmp_path, count=2, limit=64, quiet=True)
    assert [one.protocol for one in made] == list(PROTOCOLS)
    probe, found = made[0], made[1]
    assert set(probe.rows) == {"trained", "random", "statistics", "chance"}
    assert probe.rows["statistics"]["video/best/averaged"] == 1  # colour and pitch give the class away
    assert probe.chance["video/best/averaged"] == 0.25
    assert found.chance["instance/mean/r1"] == pytest.approx(1 / 8)
    assert found.rows["trained"]["instance/gallery"] == 8
    assert {"protocol", "metrics", "chance", "run", "data_hash"} <= set(json.loads(json.dumps(probe.plain)))
    back, broken = results.read(tmp_path)
    assert (back, broken) == (made, 0)
    assert back[0].seed == 3
    with np.load(tmp_path / "embeddings.npz") as stored:
        np.testing.assert_array_equal(stored["items"], clips.split("test").catalog.items)
        assert stored["video_embedding"].shape == (8, 128)
    with pytest.raises(InputError, match="expected a protocol of linear-probe"):
        evaluate(["linear"], model, clips)
    with pytest.raises(InputError, match="at least one window of each clip, got 0"):
        evaluate(["retrieval"], model, clips, count=0)
    with pytest.raises(InputError, match="at least one number of each block, got 0"):
        evaluate(["retrieval"], model, clips, limit=0)


def test_evaluate_without_labels_says_so(model, tmp_path):
    clips = shelf((("", 6),), labels=False)
    probe, found = evaluate(["linear-probe", "retrieval"], model, clips, tmp_path, count=1, limit=64, quiet=True)
    assert probe.metrics == {"video/best/averaged": None, "audio/best/averaged": None}
    assert "labelled" in " ".join(probe.notes)
    assert "mean little" in " ".join(found.notes)
    assert found.split == "all (nothing held out)"
    assert found.metrics["instance/mean/r1"] is not None
    assert found.metrics["class/mean/r1"] is None


def test_clips_without_a_label_are_neither_counted_nor_forgotten(model):
    clips = shelf()
    labels = clips.catalog.labels.copy()
    labels[-3:] = -1
    some = ArrayClips(clips.clips, replace(clips.catalog, labels=labels))
    made = evaluate(["linear-probe", "svm", "collapse"], model, some, count=1, quiet=True)
    assert [one.clips for one in made] == [5, 5, 8]
    assert all("3 of 8 clips have no class" in " ".join(one.notes) for one in made)


def test_a_single_clip_is_measured_as_far_as_it_goes(model, tmp_path):
    made = evaluate(list(PROTOCOLS), model, shelf((("train", 1),)), tmp_path, count=1, limit=64, quiet=True)
    found = {one.protocol: one.metrics for one in made}
    assert found["retrieval"]["instance/mean/r1"] is None
    assert (
        set(found["few-shot"].values()) == set(found["map-retrieval"].values()) == set(found["svm"].values()) == {None}
    )
    assert results.read(tmp_path)[0][0].metrics == {"video/best/averaged": None, "audio/best/averaged": None}


def test_clips_of_a_recording_stay_on_one_side_of_the_division():
    table = Catalog(
        np.arange(60),
        np.ones(60),
        np.zeros(60, dtype=np.int64),
        tuple(f"s{i // 3}" for i in range(60)),
        ("train",) * 45 + ("test",) * 15,
        ("a",),
    )
    rows, split = divide(table, 0)
    assert split == "test"
    sides = [{table.sources[i] for i in rows[name]} for name in ("train", "validation", "test")]
    assert not (sides[0] & sides[1])
    assert len(sides[1]) == 3
    assert sum(map(len, rows.values())) == 60
    few, _ = divide(table, 0, learn=False)
    assert len(few["validation"]) == 0


def test_a_test_split_without_labels_is_not_what_classes_are_measured_on():
    table = catalog(12, "train").join(catalog(4, "val", first=12)).join(catalog(6, "test", first=16))
    table.labels[16:] = -1
    rows, split = divide(table, 0)
    assert (split, rows["test"].tolist()) == ("validation", [12, 13, 14, 15])
    assert sorted([*rows["train"], *rows["validation"]]) == list(range(12))
    rows, split = divide(table, 0, learn=False)
    assert (split, rows["test"].tolist()) == ("test", list(range(16, 22)))
    table.labels[:] = -1
    assert divide(table, 0)[1] == "test"


def test_the_result_that_was_measured_last_comes_last(tmp_path):
    for data in ("a", "b", "a"):
        results.append(tmp_path, Result("svm", {"trained": {"x": 0.5}, "random": {"x": 0.1}}, data_hash=data))
    assert [one.data_hash for one in results.read(tmp_path)[0]] == ["b", "a"]


def test_results_survive_a_crash_and_newest_wins(tmp_path):
    first = Result("retrieval", {"trained": {"r1": 0.1, "r5": 0.3}}, run="a", data_hash="h", clips=5)
    results.append(tmp_path, first)
    with (tmp_path / "results.jsonl").open("a") as file:
        file.write('{"protocol": "retrieval", "split": "te')
    results.append(
        tmp_path, Result("retrieval", {"trained": {"r1": 0.2}}, run="a", data_hash="h", clips=7, notes=("few clips",))
    )
    results.append(
        tmp_path, Result("retrieval", {"supervised": {"r1": None}}, data_hash="h", clips=3, notes=("10 epochs",))
    )
    found, broken = results.read(tmp_path)
    assert broken == 1
    text = (tmp_path / "results.jsonl").read_text()
    assert all(line for line in text.splitlines())
    assert text.startswith('{"protocol"')
    assert found[0].rows == {"trained": {"r1": 0.2, "r5": 0.3}, "supervised": {"r1": None}}
    assert found[0].clips == 7
    assert found[0].notes == ("few clips", "10 epochs")
    assert results.read(tmp_path / "nothing") == ([], 0)


def test_neighbours_are_the_most_similar_of_other_recordings():
    table = catalog(4, labels=False, sources=("a", "a", "b", "c"))
    seen = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])[:, None]
    heard = torch.tensor([[0.8, 0.6], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])[:, None]
    test = Extracted({"video/embedding": seen, "audio/embedding": heard}, table)
    found = search(test, np.array([0, 3]), "video", "audio", count=3)
    # Clip 1 is of the recording of clip 0: it is neither found nor counted.
    assert found.nearest[0].tolist() == [2, 0, 3]
    assert found.own_rank.tolist() == [2, 1]
    assert found.among.tolist() == [3, 4]
    queries = choose(test, torch.Generator().manual_seed(0), 3)
    assert len({table.sources[row] for row in queries}) == 3


def test_the_printed_table_leaves_out_what_nobody_measured_and_windows_that_there_are_none_of():
    rows = {"trained": {"r1": None, "r5": None}, "random": {"r1": 0.5, "r5": None}}
    some = results.table(Result("retrieval", rows, clips=3, windows=4, data_hash="feed"))
    assert (some.title, some.row_count) == ("retrieval: 3 clips of test, 4 windows each, data feed", 1)
    assert [list(column.cells) for column in some.columns] == [["r1"], [""], ["0.500"]]
    nothing = results.table(Result("memory-probe", {"trained": {"r1": None}}, clips=3, notes=("not measured: why",)))
    assert (nothing.title, nothing.row_count, nothing.caption) == (
        "memory-probe: 3 clips of test, data ",
        0,
        "not measured: why",
    )
