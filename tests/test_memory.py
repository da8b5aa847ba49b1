"""The bank against slow float64 loops; negatives against their distribution; the queue against a deque."""

from collections import deque

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import normalize

from seehear.memory import Bank, Queue

ITEMS = np.array([7, 3, 11, 200, 5])


def test_rows_start_as_unit_vectors_and_depend_on_the_seed():
    first, again, other = Bank(ITEMS, 16), Bank(ITEMS, 16), Bank(ITEMS, 16, seed=1)
    torch.testing.assert_close(first.video.norm(dim=1), torch.ones(5))
    assert torch.equal(first.video, again.video)
    assert not torch.equal(first.video, other.video)
    assert not torch.equal(first.video, first.audio)


def test_update_is_the_equation():
    bank = Bank(ITEMS, 8)
    before = bank.audio.double().clone()
    z = normalize(torch.randn(2, 8, generator=torch.Generator().manual_seed(1)), dim=1)
    bank.update("audio", torch.tensor([200, 3]), z, momentum=0.3)
    expected = before.clone()
    for item, one in zip((200, 3), z.double(), strict=True):
        row = sorted(ITEMS.tolist()).index(item)
        moved = 0.3 * before[row] + 0.7 * one
        expected[row] = moved / moved.square().sum().sqrt()
    torch.testing.assert_close(bank.audio.double(), expected)


def test_an_item_met_twice_moves_to_the_mean_whatever_the_order():
    z = normalize(torch.randn(3, 8, generator=torch.Generator().manual_seed(2)), dim=1)
    one, other = Bank(ITEMS, 8), Bank(ITEMS, 8)
    one.update("video", torch.tensor([5, 7, 5]), z)
    other.update("video", torch.tensor([5, 5, 7]), z[[2, 0, 1]])
    torch.testing.assert_close(one.video, other.video)
    row = normalize(0.5 * Bank(ITEMS, 8).video[1] + 0.25 * (z[0] + z[2]), dim=0)
    torch.testing.assert_close(one.video[1], row)


def test_negatives_are_uniform_over_the_others():
    bank, own = Bank(np.arange(6), 4), torch.tensor([0, 3, 5])
    drawn = bank.negatives(own, 60_000, torch.Generator().manual_seed(0))
    for row, me in zip(drawn, own.tolist(), strict=True):
        counts = torch.bincount(row, minlength=6)
        assert counts[me] == 0
        others = counts[torch.arange(6) != me].double()
        # Chi-squared with 4 degrees of freedom: 18.5 is exceeded once in a thousand draws.
        assert ((others - 12_000) ** 2 / 12_000).sum() < 18.5


@pytest.mark.parametrize("rows", [40, 4000])
def test_scores_and_gradient_are_those_of_a_loop(rows):
    # 40 rows take the dense path, 4000 rows the gathered one, in several chunks.
    bank = Bank(np.arange(rows), 16)
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(5, 16, generator=generator, requires_grad=True)
    index = torch.randint(rows, (5, 20), generator=generator)
    weight = torch.randn(5, 20, generator=generator)
    scores = bank.scores("video", x, index)
    (gradient,) = torch.autograd.grad((scores * weight).sum(), x)
    memory, anchor = bank.video.double(), x.detach().double()
    for b in range(5):
        expected = torch.stack([anchor[b] @ memory[i] for i in index[b]])
        torch.testing.assert_close(scores[b], expected.float())
        pull = sum(weight[b, k].double() * memory[index[b, k]] for k in range(20))
        torch.testing.assert_close(gradient[b], pull.float())


def test_chunks_do_not_change_scores(monkeypatch):
    bank, index = Bank(np.arange(500), 16), torch.randint(500, (7, 20), generator=torch.Generator().manual_seed(0))
    x = torch.randn(7, 16)
    whole = bank.scores("audio", x, index)
    monkeypatch.setattr("seehear.memory.CHUNK", 16 * 20 * 2)
    assert torch.equal(bank.scores("audio", x, index), whole)


def test_rows_follow_item_ids():
    old, new = Bank(ITEMS, 8), Bank(np.array([3, 5, 7, 9, 11, 13]), 8, seed=4)
    fresh, gone = new.adopt(old.items, {"video": old.video, "audio": old.audio})
    assert (fresh, gone) == (2, 1)
    for item in (3, 5, 7, 11):
        where = torch.tensor([item])
        assert torch.equal(new.video[new.position(where)], old.video[old.position(where)])


def test_an_unknown_item_is_refused():
    with pytest.raises(ValueError, match="no row"):
        Bank(ITEMS, 8).position(torch.tensor([4]))
    with pytest.raises(ValueError, match="ids of their own"):
        Bank(np.array([1, 1, 2]), 8)


@given(st.integers(1, 9), st.lists(st.integers(0, 20), max_size=8))
def test_a_queue_is_first_in_first_out(size, batches):
    queue, expected, pushed = Queue(size, 2), deque(maxlen=size), 0
    for count in batches:
        items = torch.arange(pushed, pushed + count)
        pushed += count
        queue.push(items, {"video": torch.stack([items, -items], 1).float(), "audio": items[:, None] + torch.rand(2)})
        expected.extend(items.tolist())
        there, video = queue.latest("video")
        assert sorted(there.tolist()) == list(expected)
        assert torch.equal(video, torch.stack([there, -there], 1).float())
        assert torch.equal(queue.latest("audio")[1].floor().long()[:, 0], there)


def test_a_queue_without_places_is_refused():
    with pytest.raises(ValueError, match="at least one place, got 0"):
        Queue(0)
