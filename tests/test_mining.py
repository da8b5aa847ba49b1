# SPDX-License-Identifier: Apache-2.0
"""Exact positives against slow float64 loops; negatives against their distribution."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import normalize

from seehear import dist, mining

KINDS = {"agreement": min, "either": max, "video": lambda v, a: v, "audio": lambda v, a: a}


def make_bank(count, dimension=8, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return {
        name: normalize(torch.randn(count, dimension, generator=generator), dim=1, eps=0) for name in ("video", "audio")
    }


@pytest.fixture
def small_tiles(monkeypatch):
    """Blocks of 32 items, stripes of 64, tiles of 24 and groups of 4: several of each even in a small bank."""
    for name, value in {"ROWS": 32, "TILE": 24, "COLUMNS": 64, "GROUP": 4}.items():
        monkeypatch.setattr(mining, name, value)


def slow(bank, kind, count):
    video, audio = bank["video"].double().tolist(), bank["audio"].double().tolist()

    def rho(i, j):
        dots = [sum(x * y for x, y in zip(rows[i], rows[j], strict=True)) for rows in (video, audio)]
        return KINDS[kind](*dots)

    everyone = range(len(video))
    return [sorted((j for j in everyone if j != i), key=lambda j: -rho(i, j))[:count] for i in everyone]


@pytest.mark.parametrize("kind", KINDS)
def test_positives_are_those_of_a_loop(small_tiles, kind):
    # 139 items: five blocks, three stripes, the last of both cut short; 6 positives take the grouped search.
    bank = make_bank(139)
    assert mining.positives(bank, kind, 6).tolist() == slow(bank, kind, 6)


@pytest.mark.parametrize("count", [1, 30, 99, 138])
def test_any_number_of_positives_is_exact(small_tiles, count):
    bank = make_bank(139, seed=1)
    assert mining.positives(bank, "agreement", count).tolist() == slow(bank, "agreement", count)


def test_tiles_of_the_usual_size_find_the_same():
    bank = make_bank(70, seed=2)
    assert mining.positives(bank, "either", 5).tolist() == slow(bank, "either", 5)


def test_equal_items_are_found_once_each_and_never_the_item_itself(small_tiles):
    # Three distinct rows, so that nearly everything ties.
    bank = {name: rows[torch.arange(200) % 3] for name, rows in make_bank(3).items()}
    found = mining.positives(bank, "agreement", 6).long()
    assert (found != torch.arange(200)[:, None]).all()
    assert (found % 3 == torch.arange(200)[:, None] % 3).all()
    assert all(len(set(row)) == 6 for row in found.tolist())


@pytest.mark.parametrize("processes", [2, 3, 8])
def test_the_number_of_processes_changes_nothing(small_tiles, monkeypatch, processes):
    bank, shares = make_bank(139, seed=3), []
    whole = mining.positives(bank, "agreement", 4)
    monkeypatch.setattr(dist, "gather", lambda share: shares.append(share) or share.repeat(processes, 1))
    for process in range(processes):
        monkeypatch.setattr(dist, "part", lambda process=process: (process, processes))
        mining.positives(bank, "agreement", 4)
    # Shares must be equally large to be gathered: 8 processes share five blocks, so some have none.
    assert len({len(share) for share in shares}) == 1
    assert torch.equal(torch.cat(shares)[:139], whole)


def test_the_bank_is_left_alone_and_learns_nothing(small_tiles):
    bank = {name: rows.requires_grad_() for name, rows in make_bank(90).items()}
    before = {name: rows.detach().clone() for name, rows in bank.items()}
    assert not mining.positives(bank, "either", 3).requires_grad
    assert all(torch.equal(rows, before[name]) for name, rows in bank.items())


@pytest.mark.parametrize("count", [0, 9, 12])
def test_more_positives_than_other_items_are_refused(count):
    with pytest.raises(ValueError, match=f"expected 1 to 8 positives for 9 items, got {count}"):
        mining.positives(make_bank(9), "video", count)


@given(st.integers(2, 40), st.data())
def test_negatives_avoid_what_they_must(total, data):
    size = data.draw(st.integers(0, total - 1))
    avoided = [data.draw(st.permutations(range(total)))[:size] for _ in range(3)]
    drawn = mining.negatives(
        torch.tensor(avoided).long().view(3, size),
        total,
        50,
        torch.Generator().manual_seed(data.draw(st.integers(0, 9))),
    )
    for row, forbidden in zip(drawn.tolist(), avoided, strict=True):
        assert set(row) <= set(range(total)) - set(forbidden)


def test_negatives_are_uniform_over_the_rest():
    avoided = torch.tensor([[3, 0, 7], [4, 5, 6], [9, 8, 1]])
    drawn = mining.negatives(avoided, 10, 70_000, torch.Generator().manual_seed(0))
    for row, forbidden in zip(drawn, avoided, strict=True):
        counts = torch.bincount(row, minlength=10).double()
        assert (counts[forbidden] == 0).all()
        rest = counts[[i for i in range(10) if i not in forbidden]]
        # Chi-squared with 6 degrees of freedom: 22.5 is exceeded once in a thousand draws.
        assert ((rest - 10_000) ** 2 / 10_000).sum() < 22.5
