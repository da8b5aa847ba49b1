"""Injected faults: exactly as many as asked for, none by its own recording, known, and nowhere else."""

import pickle
from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from seehear.data.catalog import ArrayClip, ArrayClips, Catalog
from seehear.data.faults import inject
from seehear.errors import InputError
from small import make_shelf


def shelf_of(sources, splits=None, ids=None, lengths=None):
    """One clip a source name, whose picture and sound say which item it is."""
    ids = list(range(len(sources))) if ids is None else ids
    lengths = lengths or [1.0] * len(ids)
    clips = [
        ArrayClip(
            np.full((round(4 * length), 2, 2, 3), item % 251, np.uint8),
            4.0,
            np.full((1, round(100 * length)), item / 1000, np.float32),
            100,
            item,
            0,
            source,
        )
        for item, source, length in zip(ids, sources, lengths, strict=True)
    ]
    names = tuple(splits or ["train"] * len(ids))
    table = (np.array(ids, dtype=np.int64), np.array(lengths, dtype=np.float64), np.zeros(len(ids), dtype=np.int64))
    return ArrayClips(clips, Catalog(*table, tuple(sources), names, ("only",)))


def heard(shelf, row):
    return round(float(shelf.open(row).sound(0.0, 0.5, 100)[0, 0]) * 1000)


@given(st.lists(st.integers(0, 6), min_size=4, max_size=40), st.floats(0, 0.999), st.integers(0, 1000))
def test_exactly_the_fraction_and_never_the_own_recording(sources, fraction, seed):
    plain = shelf_of([str(source) for source in sources])
    count = round(fraction * len(plain))
    try:
        shelf = inject(plain, fraction, seed)
    except InputError:
        # One recording may hold more than half of what is drawn: then there is no such exchange.
        assume(False)
    truth = shelf.catalog.truth if fraction else {"faulty": (False,) * len(plain)}
    assert sum(truth["faulty"]) == count
    for row, faulty in enumerate(truth["faulty"]):
        assert (heard(shelf, row) != row) == faulty
        if faulty:
            assert heard(shelf, row) == truth["sound_item"][row]
            assert sources[heard(shelf, row)] != sources[row]
    assert Counter(heard(shelf, row) for row in range(len(plain))) == Counter(range(len(plain)))


def test_pictures_labels_and_other_splits_are_untouched():
    plain = make_shelf(24)
    shelf = inject(plain, 0.75)
    for row, split in enumerate(plain.catalog.splits):
        one, other = plain.open(row), shelf.open(row)
        assert np.array_equal(one.frames(0.3, 5, 8.0), other.frames(0.3, 5, 8.0))
        assert (one.item, one.label, one.source, one.duration) == (other.item, other.label, other.source, 3.0)
        same = np.array_equal(one.sound(0.0, 1.0, 8000), other.sound(0.0, 1.0, 8000))
        assert same != shelf.catalog.truth["faulty"][row]
        assert same or split == "train"
    assert sum(shelf.catalog.truth["faulty"]) == 12


def test_the_draw_belongs_to_seed_and_item_and_not_to_the_order():
    ids = list(range(30))
    pairs = []
    for order in (ids, ids[::-1]):
        catalog = inject(shelf_of([f"s{item}" for item in order], ids=order), 0.4, seed=3).catalog
        pairs.append(dict(zip(catalog.items.tolist(), catalog.truth["sound_item"], strict=True)))
    assert pairs[0] == pairs[1]
    other = inject(shelf_of([f"s{item}" for item in ids]), 0.4, seed=4).catalog
    assert dict(zip(ids, other.truth["sound_item"], strict=True)) != pairs[0]


def test_more_faults_keep_the_faults_there_were():
    plain = shelf_of([f"s{item}" for item in range(50)])
    few, many = (np.array(inject(plain, share).catalog.truth["faulty"]) for share in (0.2, 0.6))
    assert (many | ~few).all()


def test_the_hash_is_that_of_what_is_heard():
    plain = shelf_of([f"s{item}" for item in range(20)], ["train"] * 14 + ["test"] * 6)
    one, again, other = inject(plain, 0.5), inject(plain, 0.5), inject(plain, 0.5, seed=1)
    assert len({plain.catalog.hash, one.catalog.hash, other.catalog.hash}) == 3
    assert one.catalog.hash == again.catalog.hash
    assert one.split("train").catalog.hash not in (plain.split("train").catalog.hash, one.catalog.hash)
    assert one.split("test").catalog.hash == plain.split("test").catalog.hash
    assert one.split("test").catalog.truth["faulty"] == (False,) * 6


def test_a_faulty_clip_ends_with_the_shorter_of_the_two():
    plain = shelf_of(["a", "b"], lengths=[2.0, 1.0])
    shelf = inject(plain, 0.9)
    assert [shelf.open(row).duration for row in range(2)] == [1.0, 1.0]
    assert shelf.catalog.durations.tolist() == [1.0, 1.0]


def test_no_faults_leave_the_shelf_itself():
    plain = make_shelf()
    assert inject(plain, 0.0) is plain


def test_faulty_clips_read_together_are_those_read_alone():
    shelf = inject(make_shelf(), 0.5)
    assert any(shelf.catalog.truth["faulty"])
    rows = list(range(len(shelf)))[::-1]
    for row, clip in zip(rows, shelf.open_all(rows), strict=True):
        np.testing.assert_array_equal(clip.sound(0.0, 0.5, 8000), shelf.open(row).sound(0.0, 0.5, 8000))
        np.testing.assert_array_equal(clip.frames(0.0, 2, 4.0), shelf.open(row).frames(0.0, 2, 4.0))


def test_a_faulty_shelf_travels_to_a_worker():
    shelf = inject(make_shelf(), 0.5)
    assert any(shelf.catalog.truth["faulty"])
    other = pickle.loads(pickle.dumps(shelf))
    row = shelf.catalog.truth["faulty"].index(True)
    assert np.array_equal(other.open(row).sound(0.0, 1.0, 8000), shelf.open(row).sound(0.0, 1.0, 8000))


@pytest.mark.parametrize(
    ("fraction", "sources", "split", "message"),
    [
        (1.0, "abcdef", "train", r"in \[0, 1\), got 1"),
        (-0.1, "abcdef", "train", r"in \[0, 1\), got -0.1"),
        (float("nan"), "abcdef", "train", r"in \[0, 1\), got nan"),
        (0.2, "abcdef", "train", "0.2 of 6 train clips makes 1"),
        (0.5, "abcdef", "valid", "0.5 of 0 valid clips makes 0"),
        (0.9, "aaaaab", "train", "found one with 4"),
        (0.5, "abcdef", "test", "that one measures"),
        (0.5, "abcdef", "val", "that one measures"),
    ],
)
def test_what_cannot_be_injected_is_refused(fraction, sources, split, message):
    with pytest.raises(InputError, match=message):
        inject(shelf_of(list(sources)), fraction, split=split)
