"""Losses against float64 loops written from the equations, and their closed forms."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seehear.losses import contrastive, noise_contrastive, pair_logistic, pair_margin


def slow_noise_contrastive(positive, negative, partition):
    """Eq. 2.3 anchor by anchor: probabilities first, logarithms last."""
    losses = []
    for p, row in zip(positive.double().tolist(), negative.double().tolist(), strict=True):
        noise = len(row) * partition
        loss = -math.log(math.exp(p) / (math.exp(p) + noise))
        for n in row:
            loss -= math.log(1 - math.exp(n) / (math.exp(n) + noise))
        losses.append(loss)
    return torch.tensor(losses)


@given(st.integers(1, 5), st.integers(1, 40), st.floats(0.1, 50), st.integers(0, 10_000))
def test_noise_contrastive_is_the_equation(batch, count, partition, seed):
    generator = torch.Generator().manual_seed(seed)
    positive, negative = torch.randn(batch, generator=generator) * 4, torch.randn(batch, count, generator=generator) * 4
    fast = noise_contrastive(positive.double(), negative.double(), partition)
    torch.testing.assert_close(fast, slow_noise_contrastive(positive, negative, partition).double())


def test_noise_contrastive_gradient():
    generator = torch.Generator().manual_seed(0)
    positive = torch.randn(3, generator=generator, dtype=torch.float64, requires_grad=True)
    negative = torch.randn(3, 7, generator=generator, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda p, n: noise_contrastive(p, n, 2.2), (positive, negative))


def test_noise_contrastive_does_not_overflow():
    # e^(1 / .001) is infinite in every float: a softplus is not.
    loss = noise_contrastive(torch.tensor([1000.0]), torch.tensor([[-1000.0, 1000.0]]), 1.0)
    torch.testing.assert_close(loss, torch.tensor([1000.0 - math.log(2)]))


def test_noise_contrastive_of_equal_scores():
    # All scores s with Z = e^s: every pair is as likely data as noise up to the K negatives: 1/(1+K) and K/(1+K).
    count, score = 5, 1.7
    loss = noise_contrastive(torch.tensor([score]), torch.full((1, count), score), math.exp(score))
    expected = math.log(1 + count) + count * math.log((1 + count) / count)
    torch.testing.assert_close(loss, torch.tensor([expected]))


def test_contrastive_of_equal_candidates_is_log_of_their_number():
    loss = contrastive(torch.zeros(4, 9), torch.arange(4))
    torch.testing.assert_close(loss, torch.full((4,), math.log(9)))


@given(st.integers(1, 5), st.integers(1, 12), st.integers(0, 10_000))
def test_pair_losses_are_the_equations(batch, count, seed):
    generator = torch.Generator().manual_seed(seed)
    together = torch.rand(batch, generator=generator, dtype=torch.float64) * 2
    apart = torch.rand(batch, count, generator=generator, dtype=torch.float64) * 2
    logistic, margin = [], []
    for s, row in zip(together.tolist(), apart.tolist(), strict=True):
        # Cross-entropy of the probability 1 / (1 + e^-s), and squared distances within and up to the margin.
        wrong = sum(-math.log(1 - 1 / (1 + math.exp(-k))) for k in row) / count
        logistic.append((-math.log(1 / (1 + math.exp(-s))) + wrong) / 2)
        margin.append((s**2 + sum((0.7 - k) ** 2 if k < 0.7 else 0.0 for k in row) / count) / 2)
    torch.testing.assert_close(pair_logistic(together, apart), torch.tensor(logistic, dtype=torch.float64))
    torch.testing.assert_close(pair_margin(together, apart, 0.7), torch.tensor(margin, dtype=torch.float64))


@pytest.mark.parametrize("loss", [pair_logistic, pair_margin])
def test_pair_losses_have_the_right_gradient(loss):
    generator = torch.Generator().manual_seed(0)
    together = torch.rand(3, generator=generator, dtype=torch.float64, requires_grad=True)
    apart = (torch.rand(3, 7, generator=generator, dtype=torch.float64) * 2).requires_grad_()
    assert torch.autograd.gradcheck(loss, (together, apart))


def test_a_guess_costs_log_two_and_pairs_beyond_the_margin_nothing():
    torch.testing.assert_close(pair_logistic(torch.zeros(3), torch.zeros(3, 5)), torch.full((3,), math.log(2)))
    torch.testing.assert_close(pair_margin(torch.zeros(3), torch.full((3, 5), 0.99)), torch.zeros(3))
    # A thousand is far beyond where the exponential overflows.
    torch.testing.assert_close(pair_logistic(torch.tensor([-1e3]), torch.tensor([[-1e3]])), torch.tensor([500.0]))
