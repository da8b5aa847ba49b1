# SPDX-License-Identifier: Apache-2.0
"""Measures against values worked by hand, slow counts and laws."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seehear import metrics


def test_recall_on_a_matrix_worked_by_hand():
    similarity = torch.tensor([[0.9, 0.5, 0.1], [0.8, 0.3, 0.6], [0.2, 0.4, 0.3]])
    own = torch.eye(3, dtype=torch.bool)
    assert metrics.recall_at_k(similarity, own, 1).tolist() == [1, 0, 0]
    assert metrics.recall_at_k(similarity, own, 2).tolist() == [1, 0, 1]
    assert metrics.recall_at_k(similarity, own, 3).tolist() == [1, 1, 1]
    # Without gallery items 0 and 2 the second query finds its own.
    allowed = torch.tensor([[True, True, True], [False, True, False], [True, True, True]])
    assert metrics.recall_at_k(similarity, own, 1, allowed).tolist() == [1, 1, 0]


@pytest.mark.parametrize("k", [1, 5, 20])
def test_equal_embeddings_score_chance(k):
    embeddings = torch.ones(40, 128) / math.sqrt(128)
    own = torch.eye(40, dtype=torch.bool)
    found = metrics.recall_at_k(embeddings @ embeddings.T, own, k).mean()
    assert float(found) == pytest.approx(k / 40, abs=1e-12)


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=6), st.integers(1, 7))
def test_recall_is_the_mean_over_all_orders_of_the_ties(row, k):
    scores, right = [score for score, _ in row], [hit for _, hit in row]
    hits = []
    for order in itertools.permutations(range(len(row))):
        ranked = sorted(order, key=lambda i: -scores[i])
        hits.append(any(right[i] for i in ranked[:k]))
    found = metrics.recall_at_k(torch.tensor([scores]).double(), torch.tensor([right]), k)
    expected = sum(hits) / len(hits) if any(right) else float("nan")
    assert float(found) == pytest.approx(expected, nan_ok=True)


def test_a_similarity_that_is_not_a_number_is_never_a_hit():
    own = torch.eye(4, dtype=torch.bool)
    assert metrics.recall_at_k(torch.full((4, 4), float("nan")), own, 3).max() == 0
    lost = torch.full((4, 4), -0.5).fill_diagonal_(float("nan"))
    assert metrics.recall_at_k(lost, own, 3).max() == 0


def test_precision_by_hand():
    labels = torch.tensor([0, 0, 1, -1, 0])
    found = torch.tensor([[1, 2, 4], [2, 0, 3], [3, 0, 1], [0, 1, 2], [3, 2, 1]])
    # Item 3 has no label: it asks nothing, and where it was found it does not count.
    first, second, third = metrics.precisions_at_k(found.int(), labels).nanmean(0).tolist()
    assert first == pytest.approx((1 + 0) / 2)  # items 2 and 4 found nothing with a label
    assert second == pytest.approx((1 / 2 + 1 / 2 + 0 + 0) / 4)
    assert third == pytest.approx((2 / 3 + 1 / 2 + 0 + 1 / 2) / 4)
    assert metrics.precisions_at_k(found, torch.full((5,), -1)).isnan().all()


def test_accuracy_and_confusion_by_hand():
    scores = torch.tensor([[2.0, 1, 0], [0, 3, 1], [1, 0, 0], [0, 0, 1]])
    labels = torch.tensor([0, 1, 2, 2])
    assert metrics.accuracy(scores, labels) == 0.75
    assert metrics.accuracy(torch.zeros(4, 3), labels) == pytest.approx(1 / 3)
    counts = metrics.confusion(scores.argmax(1), labels, 4)
    assert counts.tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]
    each = metrics.per_class_accuracy(counts)
    assert each[:3].tolist() == [1, 1, 0.5]
    assert each[3].isnan()


def test_mean_dot_is_the_mean_over_pairs():
    points = torch.randn(7, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    slow = [float(points[i] @ points[j]) for i in range(7) for j in range(7) if i != j]
    assert metrics.mean_dot(points) == pytest.approx(sum(slow) / len(slow))


def test_effective_rank_counts_equal_directions():
    assert metrics.effective_rank(torch.eye(6)) == pytest.approx(6)
    assert metrics.effective_rank(torch.ones(6, 4)) == pytest.approx(1)
    # Singular values 2, 1, 1: exp(.5 ln 2 + 2 * .25 ln 4) = 2 sqrt(2).
    assert metrics.effective_rank(torch.diag(torch.tensor([2.0, 1, 1]))) == pytest.approx(2 * math.sqrt(2))


def test_alignment_and_uniformity_by_hand():
    east, north = torch.tensor([[1.0, 0], [0, 1]]), torch.tensor([[0.0, 1], [0, 1]])
    assert metrics.alignment(east, east) == 0
    assert metrics.alignment(east, north) == pytest.approx(1)  # squared distances 2 and 0
    assert metrics.uniformity(torch.ones(3, 2)) == 0
    # Three points, squared distances 2, 4, 2.
    points = torch.tensor([[1.0, 0], [0, 1], [-1, 0]])
    assert metrics.uniformity(points) == pytest.approx(math.log((2 * math.exp(-4) + math.exp(-8)) / 3))
