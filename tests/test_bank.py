# SPDX-License-Identifier: Apache-2.0
"""What memory banks say, on banks made by hand whose answers are known."""

import itertools
import json
import shutil

import lance
import numpy as np
import pyarrow
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from seehear import checkpoint, metrics, mining
from seehear.data.catalog import ArrayClips
from seehear.data.faults import inject
from seehear.errors import InputError
from seehear.evals import agreement as agreeing
from seehear.evals import collapse, positive_sets, results
from seehear.evals.agreement import agreement, standardise
from seehear.evals.bank import PROTOCOLS, evaluate_bank, has_memories
from seehear.evals.collapse import calibration
from seehear.evals.faulty_pairs import faulty_pairs, truth_of
from seehear.evals.memories import as_trained, memories, without
from seehear.evals.memory_probe import memory_probe, scored_memory_probe
from seehear.memory import Bank
from seehear.run import Run, Stage
from seehear.tasks.avid import AVID
from seehear.tasks.cma import CMA
from small import make_model, make_run, make_shelf


def write_run(folder, run, **arguments):
    """A run folder as training leaves it, without the training."""
    folder.mkdir(parents=True, exist_ok=True)
    run.recipe = {"name": "unit", "arguments": arguments}
    checkpoint.save(folder / "last.safetensors", run.tensors(), {})
    (folder / "run.json").write_text(json.dumps(run.describe()))
    return folder


def run_on(clips, seed=0):
    """A run whose bank has a row for every clip."""
    model, bank = make_model(seed), Bank(clips.catalog.items, seed=seed)
    return Run("unit", model, clips, [Stage("bank", AVID(model.heads, bank, negatives=4), 1)], 4, seed)


def lay(place):
    """Lay down as much of a library as tells its age."""
    lance.write_dataset(pyarrow.table({"item": [0]}), f"{place}/clips.lance")
    return str(place)


def write_bank(folder, **tensors):
    folder.mkdir(parents=True, exist_ok=True)
    named = {f"tasks.0.bank.{name}": torch.as_tensor(value) for name, value in tensors.items()}
    checkpoint.save(folder / "last.safetensors", named, {})
    return folder


def altered(shelf, rows=None, **columns):
    """The same clips with other rows or columns of the catalog."""
    catalog = shelf.catalog if rows is None else shelf.catalog.take(rows)
    clips = shelf.clips if rows is None else [shelf.clips[row] for row in rows]
    return ArrayClips(clips, type(catalog)(**{**vars(catalog), **columns}))


def unit(*rows):
    return torch.nn.functional.normalize(torch.tensor(rows, dtype=torch.float32), dim=1)


# --- reading a bank


def test_the_bank_of_a_run_is_read_by_item_id(tmp_path):
    run = make_run()
    bank = run.stages[0].task.bank
    items, rows = checkpoint.memory(write_run(tmp_path, run))
    assert torch.equal(items, bank.items)
    assert torch.equal(rows["video"], bank.video)
    assert torch.equal(rows["audio"], bank.audio)


def test_a_bank_is_found_inside_the_task_of_a_task_and_the_last_of_two_counts(tmp_path):
    run, other = make_run(), make_run(seed=1)
    run.stages = [*run.stages, other.stages[-1]]
    run.stages[-1].task.__class__, task = CMA, run.stages[-1].task
    task.__init__(make_run(seed=2).stages[-1].task, positives=2)
    _, rows = checkpoint.memory(write_run(tmp_path, run))
    assert torch.equal(rows["audio"], task.task.bank.audio)
    assert not torch.equal(rows["audio"], run.stages[0].task.bank.audio)


def test_a_run_without_a_bank_has_no_memory(tmp_path):
    checkpoint.save(tmp_path / "last.safetensors", {"model.weight": torch.zeros(2)}, {})
    assert checkpoint.memory(tmp_path) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"items": torch.arange(5)},
        {"video": torch.zeros(4, 7)},
        {"audio": torch.zeros(4)},
        {"items": torch.tensor([0, 2, 1, 3])},
        {"items": torch.tensor([0, 1, 1, 2])},
        {"items": torch.arange(4.0)},
        {"audio": torch.zeros(4, 8, dtype=torch.int64)},
        {"video": torch.zeros(4, 5000), "audio": torch.zeros(4, 5000)},
    ],
)
def test_a_bank_that_does_not_fit_itself_is_refused(tmp_path, changes):
    good = {"items": torch.arange(4), "video": torch.ones(4, 8), "audio": torch.ones(4, 8)}
    assert checkpoint.memory(write_bank(tmp_path, **good)) is not None
    with pytest.raises(InputError, match="bank"):
        checkpoint.memory(write_bank(tmp_path, **good | changes))


def test_a_damaged_or_missing_checkpoint_is_one_line(tmp_path):
    with pytest.raises(InputError, match="found none"):
        checkpoint.memory(tmp_path)
    whole = write_run(tmp_path, make_run()) / "last.safetensors"
    whole.write_bytes(whole.read_bytes()[:-100])
    with pytest.raises(InputError, match="damaged"):
        checkpoint.memory(tmp_path)


# --- memories and clips


def test_memories_follow_item_ids_through_a_grown_and_shuffled_library(tmp_path):
    big = make_shelf(18)
    big = altered(big, splits=("train",) * 18)
    run = run_on(altered(big, range(12)))
    folder, bank = write_run(tmp_path, run), run.stages[0].task.bank
    order = [int(row) for row in np.random.default_rng(0).permutation(18)]
    known = memories(folder, altered(big, order))
    assert (known.new, known.gone, known.spoilt) == (6, 0, 0)
    assert len(known.catalog) == 12
    place = bank.position(torch.from_numpy(known.catalog.items))
    torch.testing.assert_close(known.rows["video"], bank.video[place])
    torch.testing.assert_close(known.rows["audio"], bank.audio[place])
    assert known.labels.tolist() == [(item - 3) // 10 % 3 for item in known.catalog.items]
    assert "6 clips are new and without a memory, 0 are gone" in known.notes[0]


def test_clips_of_other_splits_are_not_new(tmp_path):
    shelf = make_shelf(18)
    assert memories(write_run(tmp_path, run_on(shelf.split("train"))), shelf).new == 0


def test_gone_clips_are_counted_where_the_library_lies_where_it_lay(tmp_path):
    run, shelf, place = make_run(), make_shelf(12), lay(tmp_path / "there")
    folder, fewer = write_run(tmp_path / "run", run, data=place), altered(shelf, range(3, 12))
    assert memories(folder, fewer) is None
    fewer.uri = place
    assert memories(folder, fewer).gone == 3
    fewer.uri = lay(tmp_path / "elsewhere")
    assert memories(folder, fewer) is None
    # A library that was made anew there numbers other clips alike.
    shutil.rmtree(place)
    fewer.uri = lay(tmp_path / "there")
    assert memories(folder, fewer) is None


def test_another_library_with_the_same_ids_gets_no_memories(tmp_path):
    folder, shelf = write_run(tmp_path, make_run()), make_shelf(12)
    assert memories(folder, shelf) is not None
    other = altered(shelf, sources=tuple(f"other {source}" for source in shelf.catalog.sources))
    assert memories(folder, other) is None
    assert not has_memories(folder, other)
    apart = altered(shelf, items=shelf.catalog.items + 5)
    assert memories(folder, apart) is None


def test_rows_that_are_no_directions_are_left_out_and_counted(tmp_path):
    run, shelf = make_run(), make_shelf(12)
    bank = run.stages[0].task.bank
    bank.video[2, 5], bank.audio[7] = torch.nan, 0.0
    known = memories(write_run(tmp_path, run), shelf)
    assert known.spoilt == 2
    assert known.catalog.items.tolist() == [item for k, item in enumerate(shelf.catalog.items) if k not in (2, 7)]
    assert all(bool(rows.isfinite().all()) for rows in known.rows.values())
    assert "2 memories are not finite" in known.notes[0]
    bank.audio[:] = torch.nan
    with pytest.raises(InputError, match="finite"):
        memories(write_run(tmp_path, run), shelf)


def test_injected_faults_are_injected_again_in_the_library_they_were_injected_in(tmp_path):
    shelf = make_shelf(12)
    faulty = inject(shelf, 0.5, 3)
    folder = write_run(tmp_path, run_on(faulty.split("train"), seed=3), faults=0.5, split="train")
    assert as_trained(folder, shelf).catalog.truth["faulty"] == faulty.catalog.truth["faulty"]
    other = altered(shelf, sources=tuple(f"other {source}" for source in shelf.catalog.sources))
    assert as_trained(folder, other) is other
    assert memories(folder, as_trained(folder, shelf)) is not None


def test_memories_of_injected_faults_are_not_those_of_a_changed_library(tmp_path):
    shelf, place = make_shelf(12), lay(tmp_path / "there")
    run, fewer = run_on(inject(shelf, 0.5).split("train")), altered(shelf, range(1, 12))
    fewer.uri = place
    assert memories(write_run(tmp_path / "plain", run, data=place), fewer) is not None
    folder = write_run(tmp_path / "faulty", run, data=place, faults=0.5)
    assert memories(folder, as_trained(folder, fewer)) is None
    assert "heard an injected fault is not known" in without(folder)
    assert without(write_run(tmp_path / "other", run, data="other")) == "the run has no memories of these clips"


# --- positive sets


def test_agreement_finds_classes_that_neither_modality_tells():
    # Video tells {A, B} from {C, D}, sound {A, C} from {B, D}; every group has five items.
    labels = torch.tensor([0] * 2 + [1] * 3 + [2] * 3 + [3] * 2)
    rows = {"video": torch.eye(2)[labels // 2], "audio": torch.eye(2)[labels % 2]}
    numbers = positive_sets.positive_sets(rows, labels)
    assert numbers["agreement/p1"] == 1
    # The four others of a group are all alike: 1 of 4 for classes of two, 2 of 4 for classes of three.
    assert numbers["video/p4"] == numbers["audio/p4"] == pytest.approx(0.4)
    assert [name for name in numbers if name.startswith("either")] == [
        f"either/{k}" for k in ("p1", "p2", "p4", "p8", "mean")
    ]
    parts = [numbers[f"agreement/p{k}"] for k in (1, 2, 4, 8)]
    assert numbers["agreement/mean"] == pytest.approx(sum(parts) / 4)


def test_perfect_clusters_are_pure_and_unlabelled_items_do_not_count():
    labels = torch.arange(40) % 2
    rows = {"video": torch.eye(2)[labels], "audio": torch.eye(2)[labels]}
    numbers = positive_sets.positive_sets(rows, labels)
    assert all(numbers[f"{kind}/p{k}"] == 1 for kind in ("agreement", "video") for k in (1, 2, 4, 8, 16))
    assert numbers["agreement/p32"] == pytest.approx(19 / 32)
    some = torch.where(torch.arange(40) % 5 == 0, -1, labels)
    assert positive_sets.positive_sets(rows, some)["agreement/p16"] == 1
    nothing = positive_sets.positive_sets(rows, torch.full((40,), -1))
    assert set(nothing.values()) == {None}


def test_chance_of_positive_sets_counts_pairs():
    labels = torch.tensor([0, 0, 0, 1, 1, -1, 2])
    known = labels[labels >= 0].tolist()
    pairs = [a == b for (i, a), (j, b) in itertools.product(enumerate(known), repeat=2) if i != j]
    assert set(positive_sets.chance(labels).values()) == {sum(pairs) / len(pairs)}
    assert set(positive_sets.chance(torch.full((5,), -1)).values()) == {None}


def test_the_numbers_of_positive_sets_are_means_over_items():
    generator = torch.Generator().manual_seed(0)
    rows = {
        name: torch.nn.functional.normalize(torch.randn(50, 6, generator=generator), dim=1)
        for name in ("video", "audio")
    }
    labels = torch.randint(-1, 3, (50,), generator=generator)
    numbers, items = positive_sets.scored_sets(rows, labels)
    assert set(items) == set(numbers)
    assert torch.equal(items["agreement/p32"].isnan(), labels < 0)
    for name in ("agreement/p32", "video/p8", "either/p16"):
        assert float(items[name].nanmean()) == pytest.approx(numbers[name])
    whole = items["audio/p32"][~items["audio/mean"].isnan()]
    assert len(whole) > 10
    found = mining.positives(rows, "audio", 1)[:, 0].long()
    know = (labels >= 0) & (labels[found] >= 0)
    assert torch.equal(items["audio/p1"][know], (labels[found] == labels)[know].double())


# --- memory probe


def test_both_memories_tell_what_each_tells_half():
    labels = torch.arange(160) % 4
    rows = {"video": torch.eye(2)[labels // 2], "audio": torch.eye(2)[labels % 2]}
    numbers, items = scored_memory_probe(rows, labels, [str(n) for n in range(160)], torch.Generator().manual_seed(0))
    assert numbers["both/accuracy"] == 1
    assert numbers["both/deviation"] == 0
    # Each of five draws measures 30 %: an item is in none of them with a probability of .17.
    measured = ~items["both/accuracy"].isnan()
    assert 0.6 < float(measured.double().mean()) < 1
    assert set(items["both/accuracy"][measured].tolist()) == {1.0}
    assert float(items["video/accuracy"].nanmean()) == pytest.approx(numbers["video/accuracy"], abs=0.1)
    assert numbers["video/accuracy"] == pytest.approx(0.5, abs=0.12)
    assert numbers["audio/accuracy"] == pytest.approx(0.5, abs=0.12)


def test_clips_of_one_recording_are_never_on_both_sides():
    # A memory says which recording a clip is of, and nothing of its class.
    recording = torch.arange(120) // 3
    labels = torch.randint(2, (40,), generator=torch.Generator().manual_seed(1))[recording]
    rows = {"video": torch.eye(40)[recording], "audio": torch.eye(40)[recording]}
    honest = memory_probe(rows, labels, [str(int(n)) for n in recording], torch.Generator().manual_seed(0))
    leaking = memory_probe(rows, labels, [str(n) for n in range(120)], torch.Generator().manual_seed(0))
    assert honest["video/accuracy"] < 0.7
    assert leaking["video/accuracy"] > 0.8


def test_the_probe_leaves_unlabelled_clips_out_and_says_when_there_are_too_few():
    labels = torch.arange(150) % 3
    rows = {"video": torch.eye(3)[labels], "audio": torch.eye(3)[labels]}
    some = torch.where(torch.arange(150) % 4 == 0, -1, labels)
    rows["video"][some < 0] = torch.eye(3)[0]
    names = [str(n) for n in range(150)]
    assert memory_probe(rows, some, names, torch.Generator())["video/accuracy"] == 1
    none = memory_probe(rows, torch.full((150,), -1), names, torch.Generator())
    assert none == {"video/accuracy": None, "audio/accuracy": None, "both/accuracy": None}


# --- calibration


def test_calibration_of_orthogonal_and_of_equal_rows():
    axes = torch.eye(8)
    numbers = calibration({"video": axes, "audio": -axes}, torch.Generator())
    assert numbers["video/mean_dot"] == pytest.approx(0, abs=1e-12)
    assert numbers["video/effective_rank"] == pytest.approx(8)
    assert numbers["audio/uniformity"] == pytest.approx(-4)  # all pairs are sqrt 2 apart
    assert numbers["alignment"] == pytest.approx(4)
    same = torch.zeros(8, 3).index_fill_(1, torch.tensor([0]), 1.0)
    numbers = calibration({"video": same, "audio": same}, torch.Generator())
    assert numbers["video/mean_dot"] == numbers["video/effective_rank"] == pytest.approx(1)
    assert numbers["video/uniformity"] == numbers["alignment"] == pytest.approx(0, abs=1e-12)
    assert "alignment" not in calibration({"audio": axes}, torch.Generator())
    assert calibration({"audio": axes[:1]}, torch.Generator()) == {}


def test_uniformity_of_many_rows_is_that_of_a_part_in_bounded_memory(monkeypatch):
    seen = []
    whole = metrics.uniformity
    monkeypatch.setattr(collapse, "MOST", 50)
    monkeypatch.setattr(collapse.metrics, "uniformity", lambda rows: seen.append(len(rows)) or whole(rows))
    rows = torch.nn.functional.normalize(torch.randn(400, 16, generator=torch.Generator().manual_seed(0)), dim=1)
    numbers = calibration({"video": rows, "audio": rows}, torch.Generator().manual_seed(0))
    assert seen == [50, 50]
    assert numbers["video/uniformity"] == pytest.approx(whole(rows), abs=0.2)
    assert numbers["video/uniformity"] == numbers["audio/uniformity"]


# --- faulty pairs


def test_numbers_of_a_known_ranking():
    truth = torch.zeros(20, dtype=torch.int64)
    truth[[0, 2]] = 1
    numbers = faulty_pairs(torch.arange(20.0), truth)
    assert numbers == {
        "lowest_4/precision": 1.0,
        "lowest_10/precision": 0.5,
        "average_precision": pytest.approx((1 + 2 / 3) / 2),
        "base_rate": pytest.approx(0.1),
    }
    assert list(faulty_pairs(torch.zeros(20), truth).values()) == [pytest.approx(0.1)] * 4


def test_clips_of_unknown_truth_and_spoilt_scores_are_not_counted():
    truth, scores = torch.tensor([1, -1, 0, 0, 1, 0]), torch.tensor([0.1, 0.0, 0.2, 0.3, float("nan"), 0.4])
    assert faulty_pairs(scores, truth)["base_rate"] == 0.25
    assert faulty_pairs(scores, truth)["average_precision"] == 1
    for lame in (torch.zeros(6, dtype=torch.int64), torch.ones(6, dtype=torch.int64), torch.full((6,), -1)):
        assert set(faulty_pairs(scores, lame).values()) == {None}


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=30))
def test_average_precision_is_that_of_scikit_learn_with_ties(pairs):
    scores, relevant = (np.array(column) for column in zip(*pairs, strict=True))
    found = metrics.average_precision(torch.tensor(scores.astype(np.float64)), torch.tensor(relevant))
    if relevant.any():
        assert found == pytest.approx(average_precision_score(relevant, scores))
    else:
        assert np.isnan(found)


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=6), st.integers(1, 6))
def test_precision_among_is_the_mean_over_all_orders_of_ties(pairs, k):
    k = min(k, len(pairs))
    orders = [sorted(one, key=lambda pair: -pair[0])[:k] for one in itertools.permutations(pairs)]
    expected = np.mean([[relevant for _, relevant in order] for order in orders])
    scores, relevant = (torch.tensor(column) for column in zip(*pairs, strict=True))
    assert metrics.precision_among(scores.double(), relevant, k) == pytest.approx(expected)


def test_truth_is_read_from_every_column_that_knows_it():
    shelf = make_shelf(6)

    def truth(**columns):
        return truth_of(altered(shelf, truth=columns).catalog).tolist()

    assert truth() == [-1] * 6
    assert truth(voice_over=("", "speech", "music", None, "scene", "")) == [0, 1, 1, -1, 1, 0]
    assert truth(faulty=(True, False, 1, 0, None, "")) == [1, 0, 1, 0, -1, -1]
    assert truth(faulty=(None, False, True, 0, None, 1), voice_over=("", "music", "", "", None, "")) == [
        0,
        1,
        1,
        0,
        -1,
        1,
    ]
    with pytest.raises(InputError, match="true or false"):
        truth(faulty=("perhaps",) * 6)


# --- agreement


def test_scores_are_standardised_among_clips_that_were_measured_likewise(tmp_path):
    shelf = altered(make_shelf(12), splits=("train",) * 12)
    folder = write_run(tmp_path, run_on(altered(shelf, range(8))))
    known = memories(folder, shelf)
    found = agreement(folder, shelf, known, count=1, quiet=True)
    assert found.remembered.tolist() == [True] * 8 + [False] * 4
    cosine = (known.rows["video"] * known.rows["audio"]).sum(1).double().numpy()
    np.testing.assert_allclose(found.cosine[:8], cosine, atol=1e-6)
    np.testing.assert_allclose(found.score[:8], (cosine - cosine.mean()) / cosine.std(), atol=1e-5)
    # Four clips are too few to stand for themselves: they are measured among the others, embedded likewise.
    alone = agreement(folder, shelf, None, count=1, quiet=True)
    np.testing.assert_allclose(found.cosine[8:], alone.cosine[8:], atol=1e-6)
    np.testing.assert_allclose(found.score[8:], alone.score[8:], atol=1e-5)
    assert abs(alone.score.mean()) < 1e-9
    assert alone.score.std() == pytest.approx(1)
    scores = found.score[found.order]
    assert (np.diff(scores) >= 0).all()


def test_enough_new_clips_stand_for_themselves(tmp_path, monkeypatch):
    monkeypatch.setattr(agreeing, "ENOUGH", 3)
    shelf = altered(make_shelf(12), splits=("train",) * 12)
    folder = write_run(tmp_path, run_on(altered(shelf, range(8))))
    found = agreement(folder, shelf, memories(folder, shelf), count=1, quiet=True)
    assert abs(found.score[8:].mean()) < 1e-9


def test_equal_agreement_is_no_doubt_and_keeps_the_order_of_items(tmp_path):
    assert standardise(np.full(3, 0.5), np.full(3, 0.5)).tolist() == [0, 0, 0]
    items = np.array([7, 3, 5])
    catalog = altered(make_shelf(3), items=items).catalog
    found = agreeing.Agreement(catalog, np.zeros(3), np.array([0.0, 0.0, -1.0]), np.zeros(3, dtype=bool))
    assert found.order == [2, 1, 0]


# --- all of it


def test_every_protocol_of_the_bank_lands_in_the_results(tmp_path):
    run = run_on(inject(altered(make_shelf(60), splits=("train",) * 60), 0.2))
    folder = write_run(tmp_path, run)
    made = evaluate_bank(PROTOCOLS, folder, run.clips, quiet=True)
    assert [one.protocol for one in made] == list(PROTOCOLS)
    stored = {one.protocol: one for one in results.read(folder)[0]}
    assert set(stored) == set(PROTOCOLS)
    assert all(one.clips == 60 and one.split == "memories of train" for one in made)
    assert stored["faulty-pairs"].chance["average_precision"] == pytest.approx(0.2)
    assert stored["positive-sets"].chance["video/p1"] == pytest.approx(19 / 59)
    assert stored["memory-probe"].chance["both/accuracy"] == pytest.approx(1 / 3)
    assert abs(stored["calibration"].rows["random"]["video/mean_dot"]) < 0.02
    with pytest.raises(InputError, match="expected a protocol"):
        evaluate_bank(["memory"], folder, run.clips, quiet=True)


def test_without_memories_pairs_are_judged_by_the_encoders_and_the_rest_is_refused(tmp_path):
    folder = write_run(tmp_path, make_run())
    other = inject(make_shelf(12, seed=5), 0.5)
    other = altered(other.clips, items=other.catalog.items + 1, truth=other.catalog.truth)
    (found,) = evaluate_bank(["faulty-pairs"], folder, other, count=2, quiet=True)
    assert set(found.rows) == {"trained", "random", "chance"}
    assert (found.split, found.clips, found.windows) == ("all", 12, 2)
    assert found.chance["lowest_10/precision"] == pytest.approx(4 / 12)
    assert "by the encoders" in found.notes[0]
    with pytest.raises(InputError, match="memories of these clips"):
        evaluate_bank(["calibration"], folder, other, quiet=True)


def test_without_labels_or_truth_the_notes_say_why(tmp_path):
    shelf = make_shelf(12)
    shelf = altered(shelf, labels=np.full(12, -1), classes=())
    folder = write_run(tmp_path, run_on(shelf))
    for one in evaluate_bank(("memory-probe", "positive-sets", "faulty-pairs"), folder, shelf, quiet=True):
        assert set(one.metrics.values()) == {None}
        assert any(note.startswith("not measured: ") for note in one.notes)
