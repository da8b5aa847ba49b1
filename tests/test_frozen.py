"""Protocols on frozen encoders: support vector machines, few examples, maps, classes; folds; one modality alone."""

import numpy as np
import pytest
import soundfile
import torch
from sklearn.svm import LinearSVC

from seehear.data.catalog import Catalog, Selected
from seehear.data.labels import Label
from seehear.data.library import Library
from seehear.data.pack import pack
from seehear.errors import InputError
from seehear.evals import folds, logistic
from seehear.evals.chance import blind, guessed
from seehear.evals.class_retrieval import class_retrieval
from seehear.evals.embed import embed
from seehear.evals.evaluate import PROTOCOLS, divide, evaluate
from seehear.evals.features import MAP, Extracted, Splits, describer, extract, frozen, shrink
from seehear.evals.few_shot import _draw, few_shot, left_out
from seehear.evals.map_retrieval import map_retrieval
from seehear.evals.supervised import supervised
from seehear.evals.svm import STEPS, svm
from seehear.metrics import accuracy
from small import make_model, make_shelf, make_views

CLASSES = ("bell", "dog", "drum", "horn")


def table(split, count, first=0, labels=None, recordings=None, **truth):
    """`count` clips of a split, their classes in turns unless told."""
    items = np.arange(first, first + count)
    classes = items % len(CLASSES) if labels is None else np.asarray(labels)
    named = {"recording": tuple(recordings)} if recordings else {}
    sources = tuple(f"{item}.wav" for item in items)
    return Catalog(items, np.ones(count), classes, sources, (split,) * count, CLASSES, {**named, **truth})


def clusters(catalog, spread=0.1, windows=2, seed=0):
    """Features of both modalities around a direction of their class; the map says the same in more numbers."""
    rng = torch.Generator().manual_seed(seed)
    centres = torch.randn(len(CLASSES), 12, generator=torch.Generator().manual_seed(99))
    near = centres[torch.from_numpy(catalog.labels).clamp(min=0)][:, None]
    noisy = near + spread * torch.randn(len(catalog), windows, 12, generator=rng)
    names = ("video/pool", "video/embedding", "audio/pool", "audio/embedding")
    maps = {f"{modality}/{MAP}": torch.cat([noisy, -noisy], dim=2) for modality in ("video", "audio")}
    return Extracted(dict.fromkeys(names, noisy) | maps, catalog)


def splits_of(spread=0.1, counts=(40, 8, 12), first=0, **changes):
    """Features of training, validation and test clips; `changes` go to all three tables."""
    firsts = np.cumsum([0, *counts])
    names = ("train", "validation", "test")
    parts = [table(name, n, first, **changes) for name, n, first in zip(names, counts, firsts, strict=False)]
    return Splits(*(clusters(part, spread, seed=first + number) for number, part in enumerate(parts)))


def blinded(splits):
    return Splits(*(blind(part) for part in vars(splits).values()))


def sound_library(folder, count=24, splits=True):
    """A packed library of sounds without pictures: 1.5 s of a note of their class, two takes of each recording."""
    rng, labels = np.random.default_rng(0), {}
    (folder / "sounds").mkdir(parents=True)
    for number in range(count):
        label, take = number // 2 % len(CLASSES), number % 2
        note = 0.3 * np.sin(2 * np.pi * 400 * (label + 1) * np.arange(12_000) / 8000)
        name = f"{number}.wav"
        soundfile.write(folder / "sounds" / name, note + 0.01 * rng.standard_normal(12_000), 8000)
        truth = {"recording": f"r{number // 2}", "take": "AB"[take], "fold": number // 8 + 1}
        labels[name] = Label(CLASSES[label], "test" if splits and truth["fold"] == 1 else "train", truth=truth)
    pack(folder / "sounds", folder / "library", rate=8000, labels=labels, needs="sound", workers=1, quiet=True)
    return Library(folder / "library")


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    return sound_library(tmp_path_factory.mktemp("sounds"))


def test_the_machines_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    rows, labels = rng.standard_normal((90, 8)), rng.integers(0, 3, 90)
    rows[np.arange(90), labels] += 1
    standard = (rows - rows.mean(0)) / rows.std(0)
    tensors = torch.from_numpy(rows).float(), torch.from_numpy(labels)
    for found in logistic.path(*tensors, 3, (0.1, 0.01), 1e-5, loss=logistic.squared_hinge):
        # A large constant feature leaves the offset all but free, as it is here.
        settings = {"dual": False, "intercept_scaling": 100.0, "tol": 1e-8, "max_iter": 10_000}
        reference = LinearSVC(C=1 / (found.strength * 90), **settings).fit(standard, labels)
        np.testing.assert_allclose(found.scores(tensors[0]), reference.decision_function(standard), atol=5e-3)


def test_problems_solved_side_by_side_are_those_solved_alone():
    rng = torch.Generator().manual_seed(0)
    rows, labels = torch.randn(3, 40, 6, generator=rng), torch.randint(3, (3, 40), generator=rng)
    rows[0] *= 100
    (together,) = logistic.path(rows, labels, 3, (0.05,), 1e-6, loss=logistic.squared_hinge)
    asked = torch.randn(5, 6, generator=rng)
    for number, scores in enumerate(together.scores(asked[None])):
        (alone,) = logistic.path(rows[number], labels[number], 3, (0.05,), 1e-6, loss=logistic.squared_hinge)
        torch.testing.assert_close(scores, alone.scores(asked), rtol=1e-3, atol=1e-3)


def test_the_squared_hinge_counts_only_what_is_inside_the_margin():
    scores = torch.tensor([[2.0, -3.0], [0.5, -1.0]])
    # First row: label 1 is at -3, so (1 + 3)^2; class 0 is at 2 where it should be below -1: (1 + 2)^2.
    assert logistic.squared_hinge(scores, torch.tensor([1, 0])) == pytest.approx((9 + 16 + 0.25 + 0) / 2)


def test_separable_features_are_all_right_and_equal_ones_are_chance():
    numbers = svm(splits_of(), torch.Generator())
    assert [numbers[f"{m}/{kind}/averaged"] for m in ("video", "audio") for kind in ("unpooled", "pooled")] == [1] * 4
    assert numbers["video/unpooled/clip"] == numbers["audio/pooled/validation"] == 1
    assert "video/pooled/spread" not in numbers
    nothing = blinded(splits_of())
    always = svm(nothing, torch.Generator())
    assert always["video/unpooled/averaged"] == 0.25
    assert guessed("svm", always, nothing, torch.Generator())["video/unpooled/averaged"] == pytest.approx(0.25)


def test_a_clip_is_the_mean_decision_of_its_windows():
    # One number a window, at -1 or 1 in training; the test clip has windows at 0.9, 0.9 and -3, the mean says -1.
    train = table("train", 8, labels=[0, 1] * 4)
    sides = torch.tensor([-1.0, 1.0]).repeat(4)[:, None, None].expand(8, 3, 1)
    part = Extracted({"audio/pool": sides}, train)
    test = Extracted({"audio/pool": torch.tensor([[[0.9], [0.9], [-3.0]]])}, table("test", 1, 8, labels=[0]))
    numbers = svm(Splits(part, part, test), torch.Generator())
    assert numbers["audio/pooled/clip"] == pytest.approx(1 / 3)
    assert numbers["audio/pooled/averaged"] == 1


def test_the_strength_is_chosen_on_validation_and_the_rest_is_fitted_again():
    seen = splits_of(spread=3.0, counts=(40, 20, 12), first=20)
    changed = Splits(seen.train, seen.validation, clusters(seen.test.catalog, 0.1, seed=9))
    first, second = svm(seen, torch.Generator()), svm(changed, torch.Generator())
    assert first["video/pooled/strength"] == second["video/pooled/strength"]
    rows, labels = seen.train.last("video").flatten(0, 1), seen.train.labels.repeat_interleave(2)
    scored = {
        machine.strength: accuracy(machine.scores(seen.validation.last("video")).mean(1), seen.validation.labels)
        for machine in logistic.path(rows, labels, 4, steps=STEPS, loss=logistic.squared_hinge)
    }
    assert first["video/pooled/validation"] == max(scored.values()) > min(scored.values())
    assert scored[first["video/pooled/strength"]] == max(scored.values()) > scored[10.0]
    part = folds.given(seen)
    assert part.again.tolist() == part.fit.tolist() == list(range(40))
    # What was set aside out of the training split is fitted on in the end.
    aside = Splits(seen.train, clusters(table("train", 8, 40)), seen.test)
    assert folds.given(aside).again.tolist() == list(range(48))
    assert folds.given(aside).fit.tolist() == list(range(40))


@pytest.mark.parametrize("protocol", [svm, few_shot, map_retrieval, class_retrieval])
def test_without_labels_every_number_is_none(protocol):
    plain = splits_of()
    bare = {name: Extracted(part.features, unlabelled(part.catalog)) for name, part in vars(plain).items()}
    numbers = protocol(Splits(**bare), torch.Generator())
    assert numbers
    assert set(numbers.values()) == {None}


def unlabelled(catalog):
    nobody = np.full(len(catalog), -1)
    return Catalog(catalog.items, catalog.durations, nobody, catalog.sources, catalog.splits, ())


def test_clips_without_a_label_are_left_out_of_everything():
    labels = [0, 1, 2, 3] * 5 + [-1] * 4
    parts = [table(name, 24, 24 * n, labels=labels) for n, name in enumerate(("train", "validation", "test"))]
    splits = Splits(*(clusters(part) for part in parts))
    for part in vars(splits).values():
        for value in part.features.values():
            value[20:] = torch.randn(4, *value.shape[1:]) * 100
    assert svm(splits, torch.Generator())["video/pooled/averaged"] == 1
    assert map_retrieval(splits, torch.Generator())["audio/r1"] == 1
    assert few_shot(splits, torch.Generator(), 2)["video/shots_5/mean"] == 1
    assert class_retrieval(splits, torch.Generator())["video_to_audio/r1"] == 1


def test_few_examples_are_enough_for_clusters_and_equal_features_are_chance():
    numbers = few_shot(splits_of(counts=(80, 8, 12)), torch.Generator(), trials=3)
    for k in (1, 5, 20):
        assert numbers[f"audio/shots_{k}/mean"] == 1
        assert numbers[f"audio/shots_{k}/std"] == 0
        assert numbers[f"audio/shots_{k}/classes"] == 4
    assert few_shot(blinded(splits_of()), torch.Generator(), trials=2)["video/shots_5/mean"] == 0.25
    hard = splits_of(spread=2.0, counts=(80, 8, 40))
    means = [few_shot(hard, torch.Generator().manual_seed(seed), trials=4) for seed in (0, 0, 1)]
    assert means[0] == means[1] != means[2]
    assert means[0]["video/shots_20/mean"] > means[0]["video/shots_1/mean"] > 0.25


def test_few_examples_are_learnt_with_c_of_one():
    parts = table("train", 80), table("train", 8, 80), table("test", 200, 88)
    splits = Splits(*(clusters(part, 3.0, seed=number) for number, part in enumerate(parts)))
    draws = torch.Generator().manual_seed(0)
    numbers = few_shot(splits, torch.Generator().manual_seed(0), trials=1)
    labels, rows = torch.from_numpy(folds.whole(splits).labels), folds.stack(splits, Extracted.last, "video").mean(1)
    for k in (1, 5, 20):
        # What was set aside out of the training split may be drawn too.
        shown = _draw(labels, np.arange(88), 4, k, draws)
        assert sorted(labels[shown].tolist()) == sorted([0, 1, 2, 3] * k)
        mean, scale = rows[shown].mean(0), rows[shown].std(0, correction=0)
        machine = LinearSVC(C=1, dual=False, intercept_scaling=100.0).fit((rows[shown] - mean) / scale, labels[shown])
        right = machine.score((rows[88:] - mean) / scale, labels[88:])
        assert numbers[f"video/shots_{k}/mean"] == pytest.approx(right, abs=0.006)


def test_classes_with_too_few_examples_are_left_out_and_said():
    # Two classes have 6 clips, one has 3, one has none: five examples leave two of four, twenty leave none.
    train = table("train", 15, labels=[0] * 6 + [1] * 6 + [2] * 3)
    splits = Splits(clusters(train), clusters(table("validation", 4, 15)), clusters(table("test", 8, 20)))
    numbers = few_shot(splits, torch.Generator(), trials=2)
    assert [numbers[f"video/shots_{k}/classes"] for k in (1, 5, 20)] == [3, 2, None]
    assert numbers["video/shots_5/mean"] == 1
    assert numbers["video/shots_20/mean"] is None
    assert left_out(splits) == "1 of 4 at 1, 2 of 4 at 5, 4 of 4 at 20"
    assert left_out(splits_of(counts=(80, 8, 12))) == ""


def test_nearest_maps_by_hand():
    # Gallery: bell at 0 degrees, dog at 30, dog at 90. Queries: a bell at 10 degrees and a dog at 5.
    def at(*degrees):
        angle = torch.deg2rad(torch.tensor(degrees))
        return torch.stack([angle.cos(), angle.sin()], dim=1)[:, None]

    gallery = Extracted({"video/pool": at(0.0, 30.0, 90.0)}, table("train", 3, labels=[0, 1, 1]))
    nothing = gallery.take(np.zeros(0, dtype=np.int64))
    queries = Extracted({"video/pool": at(10.0, 5.0)}, table("test", 2, 3, labels=[0, 1]))
    numbers = map_retrieval(Splits(gallery, nothing, queries), torch.Generator())
    assert numbers["video/r1"] == 0.5
    assert numbers["video/r5"] == numbers["video/r20"] == 1
    assert (numbers["video/class/bell/r1"], numbers["video/class/dog/r1"]) == (1, 0)
    assert numbers["video/class/horn/r1"] is None


def test_maps_are_averaged_over_windows_and_classes_the_gallery_lacks_are_wrong():
    gallery = Extracted(
        {f"video/{MAP}": torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]]), "video/pool": torch.ones(2, 1, 1)},
        table("train", 2, labels=[0, 1]),
    )
    windows = torch.tensor([[[0.0, 2.0], [3.0, 0.0]], [[0.0, 2.0], [3.0, 0.0]]])
    queries = Extracted(
        {f"video/{MAP}": windows, "video/pool": torch.ones(2, 2, 1)}, table("test", 2, 2, labels=[0, 2])
    )
    nothing = gallery.take(np.zeros(0, dtype=np.int64))
    numbers = map_retrieval(Splits(gallery, nothing, queries), torch.Generator())
    # The mean (1.5, 1) is nearest to the first axis, though the first window is on the second.
    assert numbers["video/class/bell/r1"] == 1
    assert numbers["video/class/drum/r20"] == 0
    assert numbers["video/r1"] == 0.5


def test_training_clips_set_aside_can_be_found_and_lengths_of_maps_do_not_matter():
    def part(split, first, label, row):
        features = {f"video/{name}": torch.tensor([[row]]) for name in (MAP, "pool")}
        return Extracted(features, table(split, 1, first, labels=[label]))

    train, aside = part("train", 0, 1, [10.0, 9.0]), part("train", 1, 0, [1.0, 0.0])
    splits = Splits(train, aside, part("test", 2, 0, [1.0, 0.0]))
    assert map_retrieval(splits, torch.Generator())["video/r1"] == 1


def test_equal_maps_are_chance_and_blocks_of_queries_change_nothing(monkeypatch):
    splits = splits_of(spread=2.0)
    chance = map_retrieval(blinded(splits), torch.Generator())
    # 10 of the 40 training clips are of each class.
    assert chance["video/r1"] == pytest.approx(0.25)
    assert chance["audio/r5"] == pytest.approx(1 - np.prod([(30 - i) / (40 - i) for i in range(5)]))
    whole = map_retrieval(splits, torch.Generator()), class_retrieval(splits, torch.Generator())
    monkeypatch.setattr("seehear.evals.map_retrieval.BLOCK", 5)
    assert (map_retrieval(splits, torch.Generator()), class_retrieval(splits, torch.Generator())) == whole


def test_classes_are_found_across_modalities_by_hand():
    # Pictures at 0, 90, 180 degrees; sounds at 0, 180, 90: the bells find each other, the dogs' sounds are swapped.
    place = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.6, 0.8]])
    seen, heard = place[[0, 1, 2]][:, None], place[[0, 2, 3]][:, None]
    test = Extracted(
        {f"{m}/{kind}": value for m, value in (("video", seen), ("audio", heard)) for kind in ("pool", "embedding")},
        table("test", 3, labels=[0, 1, 2]),
    )
    numbers = class_retrieval(Splits(test, test, test), torch.Generator())
    assert numbers["video_to_audio/class/bell/r1"] == 1
    # The picture at 90 degrees is nearest to the sound at 53 degrees, which is the drum's.
    assert numbers["video_to_audio/class/dog/r1"] == numbers["video_to_audio/class/drum/r1"] == 0
    assert numbers["video_to_audio/r1"] == pytest.approx(1 / 3)
    assert numbers["audio_to_video/r5"] == 1
    # Another clip of the dog's own recording sounds nearer than its own, but is not among the answers.
    takes = Catalog(np.arange(3), np.ones(3), np.array([0, 1, 2]), ("a", "b", "b"), ("test",) * 3, CLASSES)
    same = Extracted({**test.features, "audio/embedding": place[[0, 3, 1]][:, None]}, takes)
    assert class_retrieval(Splits(same, same, same), torch.Generator())["video_to_audio/class/dog/r1"] == 1


def test_folds_never_share_a_recording_and_are_even():
    rng = np.random.default_rng(0)
    recording = np.sort(rng.integers(0, 70, 200))
    catalog = table("train", 200, labels=recording % 4, recordings=[str(one) for one in recording])
    fold = folds.grouped(catalog, 5, rng)
    assert all(len(set(fold[recording == one])) == 1 for one in set(recording))
    counts = np.array([[((fold == f) & (catalog.labels == c)).sum() for c in range(4)] for f in range(5)])
    assert counts.min() > 0
    assert counts.sum(1).max() - counts.sum(1).min() <= 8


def test_official_folds_are_measured_one_after_the_other():
    recordings = [str(number // 2) for number in range(40)]
    fold = tuple(number // 8 + 1 for number in range(40))
    labels = [number // 2 % 4 for number in range(40)]
    parts = table("train", 40, labels=labels, recordings=recordings, fold=fold)
    rows = np.arange(40)
    splits = Splits(*(clusters(parts.take(part)) for part in (rows[16:], rows[8:16], rows[:8])))
    made = folds.rounds(splits, torch.Generator())
    catalog = folds.whole(splits)
    assert [{catalog.truth["fold"][row] for row in one.test} for one in made] == [{1}, {2}, {3}, {4}, {5}]
    for one in made:
        known = [{catalog.recordings[row] for row in part} for part in (one.fit, one.choose, one.test)]
        assert not known[0] & known[1]
        assert not (known[0] | known[1]) & known[2]
        assert sorted([*one.fit, *one.choose]) == one.again.tolist()
        assert len(one.again) == 32
    numbers = svm(splits, torch.Generator())
    assert (numbers["audio/pooled/averaged"], numbers["audio/pooled/spread"]) == (1, 0)
    assert folds.crossed(splits) == "5 official folds"


def test_official_splits_in_columns_are_folds_too():
    columns = {f"fold {n}": tuple("test" if i % 3 == n - 1 else "train" for i in range(24)) for n in (1, 2)}
    catalog = table("train", 24, labels=[i // 6 for i in range(24)], **columns)
    splits = Splits(*(clusters(catalog.take(part)) for part in np.split(np.arange(24), [12, 16])))
    made = folds.rounds(splits, torch.Generator())
    assert [one.test.tolist() for one in made] == [list(range(0, 24, 3)), list(range(1, 24, 3))]


def test_what_holds_nothing_out_is_divided_by_recording():
    catalog = table("train", 40, labels=[i // 2 % 4 for i in range(40)], recordings=[str(i // 2) for i in range(40)])
    none, everything = clusters(catalog.take(np.zeros(0, dtype=np.int64))), clusters(catalog)
    splits = Splits(none, none, everything)
    made = folds.rounds(splits, torch.Generator())
    assert sorted(row for one in made for row in one.test) == list(range(40))
    for one in made:
        assert not {catalog.recordings[row] for row in one.again} & {catalog.recordings[row] for row in one.test}
    assert svm(splits, torch.Generator())["video/unpooled/averaged"] == 1
    assert folds.crossed(splits) == "5 folds of recordings"
    everything.catalog.labels[:4] = -1
    known = folds.rounds(splits, torch.Generator())
    assert sorted(row for one in known for row in one.test) == list(range(4, 40))
    assert min(min(one.again) for one in known) == 4


def test_a_recording_is_not_set_aside_in_part():
    catalog = table("train", 30, recordings=[str(i // 3) for i in range(30)])
    measured = table("test", 4, 30, recordings=list("wxyz"))
    rows, _ = divide(catalog.join(measured), 0)
    sides = [{catalog.recordings[row] for row in rows[name]} for name in ("train", "validation")]
    assert not sides[0] & sides[1]
    assert sides[1]


def test_maps_are_the_last_block_before_pooling():
    model, shelf = make_model(), make_shelf(4)
    found = extract(model, shelf, count=2, quiet=True, maps=True)
    without = extract(model, shelf, count=2, quiet=True)
    assert found.blocks("video").keys() == without.blocks("video").keys()
    assert f"video/{MAP}" not in without.features
    assert torch.equal(without.map("video"), without.last("video"))
    views = {"audio": torch.randn(3, 1, 32, 33)}
    with frozen(model), torch.no_grad():
        block = model.audio(views["audio"]).blocks["block5"]
        said = describer(model, maps=True)(views)
    assert torch.equal(said[f"audio/{MAP}"], shrink(block, 9216))
    assert said[f"audio/{MAP}"].shape[1] == block[0].numel() > block.shape[1]
    # The pool is the maximum over the map.
    pooled = said[f"audio/{MAP}"].unflatten(1, (block.shape[1], -1)).amax(2)
    torch.testing.assert_close(pooled, said["audio/pool"])


@pytest.mark.parametrize("position", [None, 0.3])
def test_one_modality_is_cut_as_beside_the_other(position):
    views, clip = make_views(mirror=1.0), make_shelf().clips[0]
    views = views if position is None else views.at(position)
    both = views.cut(clip, np.random.default_rng(3))
    seen = views.only("video").cut(clip, np.random.default_rng(3))
    heard = views.only("audio").cut(clip, np.random.default_rng(3))
    assert set(seen) == {"pixels", "draws"}
    assert set(heard) == {"samples", "draws"}
    np.testing.assert_array_equal(seen["pixels"], both["pixels"])
    np.testing.assert_array_equal(heard["samples"], both["samples"])
    stacked = {name: torch.from_numpy(array)[None] for name, array in both.items()}
    whole = views.finish(stacked)
    alone = views.finish({name: stacked[name] for name in ("samples", "draws")})
    assert set(alone) == {"audio"}
    assert torch.equal(alone["audio"], whole["audio"])
    assert "modalities" not in views.only("video").arguments


def test_sounds_without_pictures_are_measured_by_every_protocol(sounds, tmp_path):
    assert sounds.catalog.modalities == ("audio",)
    model = make_model()
    made = evaluate(list(PROTOCOLS), model, sounds, tmp_path, count=2, quiet=True)
    by_name = {one.protocol: one for one in made}
    assert by_name["svm"].split == "3 official folds"
    assert by_name["svm"].clips == 24
    assert by_name["svm"].rows["statistics"]["audio/unpooled/averaged"] > 0.5
    assert by_name["linear-probe"].chance["audio/best/averaged"] == 0.25
    assert by_name["map-retrieval"].metrics["audio/r20"] == 1
    assert by_name["class-retrieval"].metrics["video_to_audio/r1"] is None
    assert "audio alone" in " ".join(by_name["retrieval"].notes)
    assert "4 of 4 at 20" in " ".join(by_name["few-shot"].notes)
    assert not any(metric.startswith("video/") for one in made for metric in one.metrics)
    assert not (tmp_path / "neighbours.npz").exists()


def test_the_supervised_bound_and_a_table_of_features_need_one_modality(sounds, tmp_path):
    result = supervised(make_model(), sounds, updates=4, batch=4, count=1, quiet=True)
    assert set(result.rows["supervised"]) == {"audio/best/averaged"}
    assert embed(make_model(), sounds, tmp_path / "f.parquet", count=1, quiet=True)["features"].count("audio_") == 2


def test_takes_of_a_recording_do_not_answer_each_other(sounds):
    assert len(set(sounds.catalog.recordings)) == 12
    found = extract(make_model(), Selected(sounds, np.arange(4)), count=1, quiet=True)
    assert found.sources.tolist() == [0, 0, 1, 1]


def test_clips_that_share_no_modality_are_refused():
    shelf = make_shelf(4)
    shelf.catalog.truth["modalities"] = (("video",), ("audio",), ("video",), ("audio",))
    with pytest.raises(InputError, match="all have pictures or all have sound"):
        extract(make_model(), shelf, count=1, quiet=True)
    shelf.catalog.truth["modalities"] = (("video", "audio"), ("video",), ("video",), ("video", "audio"))
    assert extract(make_model(), shelf, count=1, quiet=True).modalities == ["video"]
