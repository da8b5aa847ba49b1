# SPDX-License-Identifier: Apache-2.0
"""Measures of predictions, rankings and embeddings: one equation each, in float64, from 0 to 1 where they are rates.

Letters: N items, Q queries, G gallery items, K classes, D numbers of an embedding; S similarities (larger = nearer).
"""

import torch
from jaxtyping import Bool, Float, Float64, Int, Int64
from torch import Tensor

# Similarities closer than this are ties: equal embeddings differ by rounding when a matrix product is cut into tiles.
TIE = 1e-6


def accuracy(scores: Float[Tensor, "N K"], labels: Int64[Tensor, "N"]) -> float:
    """Share of items whose largest score is at their label: the mean of `hits`."""
    return float(hits(scores, labels).mean())


def hits(scores: Float[Tensor, "N K"], labels: Int64[Tensor, "N"]) -> Float64[Tensor, "N"]:
    """1 for an item whose largest score is at its label, else 0; a class tied with others gets its share."""
    best = scores >= scores.max(1, keepdim=True).values
    return (best.gather(1, labels[:, None])[:, 0] / best.sum(1)).double()


def shares(labels: Int64[Tensor, "N"], classes: int) -> Float64[Tensor, "K"]:
    """The share p_k of the items that are of class k."""
    return torch.bincount(labels, minlength=classes).double() / len(labels)


def guessing(shown: Int64[Tensor, "N"], asked: Int64[Tensor, "Q"]) -> float:
    """The accuracy sum_k p_k q_k to be expected of guesses as frequent as the labels shown (p) at those asked (q)."""
    classes = int(max(shown.max(), asked.max())) + 1
    return float(shares(shown, classes) @ shares(asked, classes))


def confusion(predicted: Int64[Tensor, "N"], labels: Int64[Tensor, "N"], classes: int) -> Int64[Tensor, "K K"]:
    """Counts n_ij of items of class i that were taken for class j."""
    return torch.bincount(labels * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def per_class_accuracy(counts: Int64[Tensor, "K K"]) -> Float64[Tensor, "K"]:
    """n_ii / sum_j n_ij of a confusion matrix; NaN for a class without items."""
    return counts.diagonal().double() / counts.sum(1).double()


def recall_at_k(
    similarity: Float[Tensor, "Q G"],
    relevant: Bool[Tensor, "Q G"],
    k: int,
    allowed: Bool[Tensor, "Q G"] | None = None,
) -> Float64[Tensor, "Q"]:
    """Probability that one of the k nearest allowed gallery items is relevant, ties broken at random; NaN without one.

    With b irrelevant items above the best relevant one, and e irrelevant and r relevant items tied with it, m = k - b
    places are drawn from e + r: P = 1 - C(e, m) / C(e + r, m). Equal embeddings therefore score exactly chance. A
    similarity that is not a number is the worst of a relevant item and the best of an irrelevant one.
    """
    allowed = torch.ones_like(relevant) if allowed is None else allowed
    similarity, infinity = similarity.double(), float("inf")
    right, wrong = relevant & allowed, ~relevant & allowed
    nearest = similarity.nan_to_num(nan=-infinity).masked_fill(~right, -infinity).max(1, keepdim=True).values
    others = similarity.nan_to_num(nan=infinity, posinf=infinity)
    above = (wrong & (others > nearest + TIE)).sum(1).double()
    tied_wrong = (wrong & (others <= nearest + TIE) & (others >= nearest - TIE)).sum(1).double()
    tied_right = (right & (similarity >= nearest - TIE)).sum(1).double().clamp(min=1)
    places = (k - above).clamp(min=0)
    missed = torch.exp(_log_choose(tied_wrong, places) - _log_choose(tied_wrong + tied_right, places))
    missed = torch.where(places > tied_wrong, 0.0, missed)
    return torch.where(right.any(1), 1 - missed, float("nan"))


def precisions_at_k(found: Int[Tensor, "N P"], labels: Int64[Tensor, "N"]) -> Float64[Tensor, "N P"]:
    """Share of items of the own class among the first k found for each item, k = 1 .. P. Thesis figure 2.5.

    Row i of `found` names items other than i, best first. Items without a label (-1) are not counted, neither as
    queries nor where they were found: NaN where nothing is left to count.
    """
    labels = labels.to(found.device)
    theirs, own = labels[found], labels[:, None]
    right = ((theirs == own) & (own >= 0)).double().cumsum(1)
    return (right / (theirs >= 0).double().cumsum(1)).masked_fill(own < 0, float("nan"))


def among_highest(scores: Float[Tensor, "N"], k: int) -> Float64[Tensor, "N"]:
    """How likely each item is to be among the k of highest score; those tied for the last places come in at random."""
    last = scores.topk(k).values[-1]
    above, tied = (scores > last).double(), (scores == last).double()
    return above + tied * (k - above.sum()) / tied.sum()


def precision_among(scores: Float[Tensor, "N"], relevant: Bool[Tensor, "N"], k: int) -> float:
    """Share of relevant items among the k of highest score."""
    return float(among_highest(scores, k) @ relevant.double() / k)


def average_precision(scores: Float[Tensor, "N"], relevant: Bool[Tensor, "N"]) -> float:
    """Sum over thresholds t of (R_t - R_(t-1)) P_t, P and R precision and recall of the scores of at least t.

    Equal scores share a threshold, so that scores that are all equal give the share of relevant items. NaN without a
    relevant item.
    """
    values, order = scores.sort(descending=True)
    last = torch.cat([values.diff() != 0, torch.ones(1, dtype=torch.bool, device=values.device)])
    found = relevant[order].double().cumsum(0)[last]
    precision = found / (torch.nonzero(last)[:, 0] + 1)
    return float((found.diff(prepend=found.new_zeros(1)) * precision).sum() / relevant.sum())


def _log_choose(n: Float64[Tensor, "Q"], k: Float64[Tensor, "Q"]) -> Float64[Tensor, "Q"]:
    """Logarithm of the binomial coefficient C(n, k), for 0 <= k <= n; callers mask the rest."""
    k = torch.minimum(k, n)
    return torch.lgamma(n + 1) - torch.lgamma(k + 1) - torch.lgamma(n - k + 1)


def mean_dots(embeddings: Float[Tensor, "N D"]) -> Float64[Tensor, "N"]:
    """Of every i the mean of z_i . z_j over j != i: (z_i . sum z - |z_i|^2) / (N - 1)."""
    embeddings = embeddings.double()
    return (embeddings @ embeddings.sum(0) - embeddings.square().sum(1)) / (len(embeddings) - 1)


def mean_dot(embeddings: Float[Tensor, "N D"]) -> float:
    """Mean of z_i . z_j over all pairs i != j; 1 when all are the same."""
    return float(mean_dots(embeddings).mean())


def effective_rank(embeddings: Float[Tensor, "N D"]) -> float:
    """exp(-sum p log p), p = singular values / their sum: how many directions are used (Roy & Vetterli 2007, eq. 3)."""
    values = torch.linalg.svdvals(embeddings.double())
    share = values / values.sum().clamp(min=1e-300)
    return float(torch.exp(torch.special.entr(share).sum()))


def alignment(first: Float[Tensor, "N D"], second: Float[Tensor, "N D"]) -> float:
    """Mean |x - y|^2 over positive pairs of unit vectors; 0 is best (Wang & Isola 2020, alpha = 2)."""
    return float((first.double() - second.double()).square().sum(1).mean())


def uniformity(embeddings: Float[Tensor, "N D"]) -> float:
    """Log-mean of exp(-2 |x - y|^2) over pairs; lower is more even, 0 is one point (Wang & Isola 2020, t = 2)."""
    return float(torch.pdist(embeddings.double()).square().mul(-2).exp().mean().log())
