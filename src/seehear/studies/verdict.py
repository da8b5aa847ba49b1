# SPDX-License-Identifier: Apache-2.0
"""Verdicts on claims, all from one interval: a 95 % bootstrap over seeds, then test items, of paired differences.

d_si = score of item i with seed s in one arm minus that in the other; S seeds, N items. A replicate draws S seeds and N
items with replacement and takes the mean of d over all pairs of a drawn seed and a drawn item. Items are drawn once a
replicate, because every seed is measured on the same ones; scores without items have N = 1, and their interval is over
seeds alone. Its variance is near s_seed^2 / S + s_item^2 / N + 3 s_pair^2 / (S N), the last term three times too
large. With few seeds percentiles are too narrow, and only in part does this make up for it: simulated coverage is 89 to
99 % where seeds differ little (the tests), 78 % with three seeds and 87 % with five where s_seed is .1, s_item .2 and
s_pair .45 on 667 items, and about 80 % over seeds alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np
from jaxtyping import Float64

from seehear.studies.study import Claim, Contrast, Score

Word = Literal["shown", "shown in part", "contradicted", "not shown", "not testable", "not run", "run in part"]
Scores = Mapping[str, Mapping[int, Mapping[str, Float64[np.ndarray, "..."]]]]
"""Arm -> seed -> metric -> what each item scored, NaN where it was not asked; a single number where there are none."""
DRAWS, LEVEL = 10_000, 0.95
LEAST_GAIN = 1.2
"""Gains below this many standard deviations over seeds cannot be seen: 1.96 sqrt(2 / 5) for five seeds a side."""
LEAST_SEEDS = 2
"""That all arms of a contrast must have."""


@dataclass(frozen=True)
class Interval:
    """Mean and 95 % interval of a difference over `seeds` seeds and `items` items."""

    low: float
    mean: float
    high: float
    seeds: int
    items: int


@dataclass(frozen=True)
class Finding:
    """What came out of one contrast; `spread` is the standard deviation of its score over the seeds of the base arm."""

    contrast: Contrast
    word: Word
    better: float | None = None
    worse: float | None = None
    interval: Interval | None = None
    margin: float | None = None
    spread: float | None = None

    @property
    def testable(self) -> bool:
        """Whether the gain that is to be expected is large enough to be seen; equalities expect none."""
        known = self.contrast.plausible is not None and self.spread is not None
        return (
            not known
            or self.margin is not None
            or abs(self.contrast.plausible or 0.0) >= LEAST_GAIN * (self.spread or 0.0)
        )


@dataclass(frozen=True)
class Verdict:
    """The word on a claim, and the findings behind it."""

    claim: Claim
    word: Word
    findings: tuple[Finding, ...]


def bootstrap(differences: Float64[np.ndarray, "S N"], draws: int = DRAWS, seed: int = 0) -> Interval:
    """The interval of the mean of paired differences."""
    seeds, items = differences.shape
    by_seed, by_item = _shares(seeds, draws, (seed, 0)), _shares(items, draws, (seed, 1))
    means = np.einsum("ri,ri->r", by_seed @ differences, by_item)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(low), float(differences.mean()), float(high), seeds, items)


@lru_cache(maxsize=4)
def _shares(count: int, draws: int, key: tuple[int, int]) -> Float64[np.ndarray, "R C"]:
    """Which share of a replicate each of `count` things has: how often it is drawn says as much as when."""
    return np.random.default_rng(key).multinomial(count, np.full(count, 1 / count), draws) / count


def judge(claim: Claim, scores: Scores, base: str) -> Verdict:
    """The verdict on a claim, from the scores of all arms; `base` tells the spread over seeds."""
    margin = None
    if claim.margin is not None:
        gain = compare(claim.margin, scores, base).interval
        margin = max(gain.mean / 2, 0.0) if gain else None
    findings = tuple(compare(contrast, scores, base, claim.kind == "equality", margin) for contrast in claim.contrasts)
    return Verdict(claim, _together(findings), findings)


def compare(
    contrast: Contrast, scores: Scores, base: str, equality: bool = False, margin: float | None = None
) -> Finding:
    """The finding of one contrast, over the seeds that all its arms have."""
    seeds = sorted(set.intersection(*(set(scores.get(arm, {})) for arm in contrast.arms)))
    better = _side(scores, contrast.better, seeds, 1)
    worse = _side(scores, contrast.worse, seeds, -1) if contrast.worse else np.zeros(1)
    enough = len(scores.get(base, {})) > 1
    base_score = mean_and_spread(scores, replace(contrast.better[0], arm=base)) if enough else None
    spread = base_score[1] if base_score else None
    if better is None or worse is None or (equality and margin is None):
        return Finding(contrast, "not run", spread=spread)
    differences = better - worse
    asked = ~np.isnan(differences).any(0)
    if len(seeds) < LEAST_SEEDS or not asked.any():
        return Finding(contrast, "not run", spread=spread)
    interval = bootstrap(differences[:, asked])
    word = _equal(interval, margin or 0.0) if equality else _directed(interval)
    means = float(better[:, asked].mean()), float(worse[:, asked].mean()) if contrast.worse else None
    return Finding(contrast, word, *means, interval, margin, spread)


def mean_and_spread(scores: Scores, score: Score) -> tuple[float, float] | None:
    """Mean and standard deviation (0 for one seed) over the seeds of an arm; None where nothing was measured."""
    values = [_mean(found, score) for found in scores.get(score.arm, {}).values()]
    known = [float(np.nanmean(value)) for value in values if value is not None]
    if not known:
        return None
    return float(np.mean(known)), float(np.std(known, ddof=1)) if len(known) > 1 else 0.0


def _side(
    scores: Scores, side: tuple[Score, ...], seeds: Sequence[int], sign: int
) -> Float64[np.ndarray, "S N"] | None:
    """Item scores seed by seed; of several scores the highest (`sign` 1) or lowest (-1) in the mean of other seeds."""
    found = [_mean(scores[score.arm][seed], score) for score in side for seed in seeds]
    known = [one for one in found if one is not None]
    if not known or len(known) < len(found):
        return None
    stacked = np.stack(known).reshape(len(side), len(seeds), -1)
    means = np.nanmean(stacked, axis=2)
    others = means.sum(1, keepdims=True) - means
    return stacked[(sign * others).argmax(0), np.arange(len(seeds))]


def _mean(found: Mapping[str, Float64[np.ndarray, "..."]], score: Score) -> Float64[np.ndarray, "N"] | None:
    known = [np.atleast_1d(found[metric]) for metric in score.metrics if metric in found]
    return np.mean(known, axis=0) if len(known) == len(score.metrics) else None


def _directed(interval: Interval) -> Word:
    if interval.low > 0:
        return "shown"
    return "contradicted" if interval.high < 0 else "not shown"


def _equal(interval: Interval, margin: float) -> Word:
    if -margin < interval.low and interval.high < margin:
        return "shown"
    return "contradicted" if interval.low > margin or interval.high < -margin else "not shown"


def _together(findings: tuple[Finding, ...]) -> Word:
    """All contrasts that count must be run and shown, and one that is contradicted contradicts the claim.

    Contrasts that cannot be tested are left out of that, but unless they are shown too, the claim is not shown whole.
    """
    counted = [finding for finding in findings if not finding.contrast.reported]
    ran = {finding.word != "not run" for finding in counted}
    if False in ran:
        return "run in part" if True in ran else "not run"
    words = {finding.word for finding in counted if finding.testable}
    if not words:
        return "not testable"
    for word in ("contradicted", "not shown"):
        if word in words:
            return word
    return "shown" if all(finding.word == "shown" for finding in counted) else "shown in part"
