"""The loader: every clip once, keyed samples, shares of processes, worker processes."""

import pickle

import numpy as np
import pytest
import torch

from seehear.data.loader import Loader
from seehear.errors import InputError, MediaError
from seehear.tasks.synchrony import Synchrony
from small import make_shelf, make_views


def flat(batches):
    return [row for batch in batches for row in batch]


def rows(loader, epoch, skip=0):
    return [cut.rows.tolist() for cut in loader.epoch(epoch, skip)]


def test_a_measuring_epoch_shows_every_clip_once_in_order():
    assert flat(rows(Loader(make_shelf(), make_views(), 5), 0)) == list(range(12))


def test_a_training_epoch_is_shuffled_by_seed_and_epoch():
    loader = Loader(make_shelf(), make_views(), 4, seed=1, shuffle=True)
    first = rows(loader, 0)
    assert sorted(flat(first)) == list(range(12))
    assert first == rows(loader, 0)
    assert first != rows(loader, 1)
    assert first[2:] == rows(loader, 0, skip=2)


def test_processes_share_the_batches_of_one():
    whole = rows(Loader(make_shelf(), make_views(), 4, shuffle=True), 3)
    parts = [rows(Loader(make_shelf(), make_views(), 4, shuffle=True, part=(p, 2)), 3) for p in (0, 1)]
    assert [a + b for a, b in zip(*parts, strict=True)] == whole


def test_worker_processes_do_not_change_the_samples():
    shelf, views = make_shelf(), make_views()
    alone = list(Loader(shelf, views, 6, seed=2, shuffle=True).epoch(1))
    spawned = list(Loader(shelf, views, 6, seed=2, workers=1, shuffle=True).epoch(1))
    for one, other in zip(alone, spawned, strict=True):
        assert torch.equal(one.items, other.items)
        for name in one.arrays:
            assert torch.equal(one.arrays[name], other.arrays[name])


@pytest.mark.parametrize("workers", [0, 1])
def test_what_is_wrong_with_a_clip_is_said_in_one_line_from_a_worker_too(workers):
    demanding = Synchrony(**vars(make_views()), gap=10.0)
    with pytest.raises(InputError, match=r"^expected clips of 11.43 s .*, got 3.00 s of 0.mp4$"):
        next(Loader(make_shelf(), demanding, 4, workers=workers).epoch(0))


def test_errors_of_media_travel_between_processes():
    error = MediaError("one.mp4", "broken", "cut off")
    there = pickle.loads(pickle.dumps(error))
    assert (type(there), str(there), vars(there)) == (MediaError, str(error), vars(error))


def test_items_and_labels_are_those_of_the_catalog():
    shelf = make_shelf()
    cut = next(Loader(shelf, make_views(), 4, shuffle=True).epoch(0))
    assert np.array_equal(cut.items.numpy(), shelf.catalog.items[cut.rows.numpy()])
    assert np.array_equal(cut.labels.numpy(), shelf.catalog.labels[cut.rows.numpy()])


def test_what_cannot_be_shared_or_filled_is_refused():
    with pytest.raises(InputError, match="divisible"):
        Loader(make_shelf(), make_views(), 5, part=(0, 2))
    with pytest.raises(InputError, match="smaller batch"):
        Loader(make_shelf(), make_views(), 64, shuffle=True)


def test_a_split_that_is_not_there_is_named():
    with pytest.raises(InputError, match="found only test, train"):
        make_shelf().split("validation")
