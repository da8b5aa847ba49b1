# SPDX-License-Identifier: Apache-2.0
"""Intervals against theory and by simulation, the rules of verdicts, and what a study may hold."""

import numpy as np
import pytest

from seehear.errors import InputError
from seehear.studies.study import Arm, Claim, Contrast, Score, Study
from seehear.studies.verdict import bootstrap, compare, judge, mean_and_spread
from small_study import first, make_study, scores_of

RNG = np.random.default_rng


def one(arm):
    return Score(arm, ("m",))


def over(better, worse, plausible=None, reported=False):
    return Contrast((one(better),), (one(worse),), plausible, reported)


def claim(*contrasts, **rest):
    return Claim("X", "text", "paper", contrasts, **rest)


def half_width(interval):
    return (interval.high - interval.low) / 2


def test_the_interval_over_seeds_alone_is_that_of_a_mean():
    rows = RNG(0).normal(0.3, 0.1, (400, 1))
    found = bootstrap(rows)
    assert found.mean == pytest.approx(rows.mean())
    assert half_width(found) == pytest.approx(1.96 * rows.std() / 20, rel=0.05)


def test_the_interval_over_items_alone_is_that_of_a_mean():
    """Seeds that agree on every item have nothing to add, however many there are."""
    items = RNG(1).normal(0, 1, 900)
    for seeds in (2, 5):
        found = bootstrap(np.tile(items, (seeds, 1)))
        assert half_width(found) == pytest.approx(1.96 * items.std() / 30, rel=0.05)


def test_the_variance_of_replicates_is_that_of_the_docstring():
    seeds, items = 60, 80
    rng = RNG(2)
    for seed_spread, item_spread, pair_spread in ((1, 0, 0), (0, 1, 0), (0, 0, 1), (0.3, 0.5, 2)):
        rows = seed_spread * rng.normal(size=(seeds, 1)) + item_spread * rng.normal(size=(1, items))
        rows = rows + pair_spread * rng.normal(size=(seeds, items))
        expected = seed_spread**2 / seeds + item_spread**2 / items + 3 * pair_spread**2 / (seeds * items)
        assert half_width(bootstrap(rows)) == pytest.approx(1.96 * expected**0.5, rel=0.25)


@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("spreads", [(0.02, 0.2, 0.45), (0.0, 0.2, 0.45), (0.04, 0.1, 0.45)])
def test_nine_times_in_ten_the_interval_holds_the_truth(seeds, spreads):
    """Differences of accuracies over 300 clips, as studies have them: seeds, clips and both together matter."""
    rng, inside, trials = RNG(3), 0, 150
    for _ in range(trials):
        parts = rng.normal(size=(seeds, 1)), rng.normal(size=(1, 300)), rng.normal(size=(seeds, 300))
        rows = 0.05 + sum(spread * part for spread, part in zip(spreads, parts, strict=True))
        found = bootstrap(rows, draws=400)
        inside += found.low <= 0.05 <= found.high
    assert 0.85 <= inside / trials <= 1.0


def test_the_same_seed_gives_the_same_interval_and_another_does_not():
    rows = RNG(4).normal(size=(4, 50))
    assert bootstrap(rows, seed=1) == bootstrap(rows, seed=1) != bootstrap(rows, seed=2)


@pytest.mark.parametrize(("gain", "word"), [(0.3, "shown"), (-0.3, "contradicted"), (0.01, "not shown")])
def test_a_direction_is_shown_when_the_interval_excludes_0(gain, word):
    base = RNG(5).normal(0.5, 0.05, (5, 400))
    scores = scores_of(a=base + gain + RNG(6).normal(0, 0.5, (5, 400)), b=base)
    found = judge(claim(over("a", "b")), scores, "b")
    assert found.word == word
    assert found.findings[0].interval.mean == pytest.approx(found.findings[0].better - found.findings[0].worse)


def test_differences_are_paired_by_seed_and_item():
    """Items that differ by far more than the arms do not hide a gain that every item has."""
    hard = RNG(7).normal(0, 10, (1, 300)) + RNG(8).normal(0, 10, (5, 1))
    scores = scores_of(a=hard + 0.01 + RNG(9).normal(0, 0.001, (5, 300)), b=hard)
    assert judge(claim(over("a", "b")), scores, "c").word == "shown"


def test_items_that_were_not_asked_are_left_out():
    rows = RNG(10).normal(1, 0.1, (3, 50))
    holes = rows.copy()
    holes[1, 7] = np.nan
    found = compare(over("a", "b"), scores_of(a=holes, b=rows - 1), "b")
    assert found.interval.items == 49
    assert found.interval.mean == pytest.approx(1.0)


def test_only_seeds_of_both_arms_count_and_two_are_the_least():
    rows = RNG(11).normal(1, 0.1, (5, 50))
    scores = {**scores_of(a=rows, b=rows[:3] - 1)}
    assert compare(over("a", "b"), scores, "b").interval.seeds == 3
    assert compare(over("a", "b"), scores_of(a=rows, b=rows[:1]), "b").word == "not run"
    assert judge(claim(over("a", "absent")), scores, "b").word == "not run"


def test_the_best_of_several_is_chosen_by_the_other_seeds():
    # Seed 0 alone would choose "lucky", seeds 1 and 2 alone "steady": each is judged by what the others choose.
    scores = scores_of(lucky=[[9.0], [0.0], [0.0]], steady=[[1.0], [1.0], [1.0]], zero=[[0.0], [0.0], [0.0]])
    found = compare(Contrast((one("lucky"), one("steady")), (one("zero"),)), scores, "zero")
    # Seed 0: the others say steady (1); seeds 1 and 2: 9 and 0 say lucky (0).
    assert found.better == pytest.approx(1 / 3)


def test_noise_alone_gives_the_best_of_many_no_gain():
    rng, gains = RNG(12), []
    for _ in range(150):
        scores = scores_of(**{name: rng.normal(size=(3, 1)) for name in "abcdef"}, zero=np.zeros((3, 1)))
        gains.append(compare(Contrast(tuple(map(one, "abcdef")), (one("zero"),)), scores, "zero").interval.mean)
    assert abs(np.mean(gains)) < 4 * np.std(gains) / 150**0.5


def test_highest_minus_lowest_takes_the_lowest_of_the_other_side():
    scores = scores_of(low=np.full((3, 1), 1.0), mid=np.full((3, 1), 2.0), high=np.full((3, 1), 4.0))
    sides = one("low"), one("mid"), one("high")
    assert compare(Contrast(sides, sides), scores, "low").interval.mean == pytest.approx(3.0)


def test_without_another_side_the_difference_is_from_0():
    found = compare(Contrast((one("a"),)), scores_of(a=[[0.3], [0.4], [0.5]]), "a")
    assert (found.word, found.worse, found.interval.mean) == ("shown", None, pytest.approx(0.4))


@pytest.mark.parametrize(("shift", "word"), [(0.0, "shown"), (0.1, "not shown"), (0.4, "contradicted")])
def test_an_equality_holds_within_half_of_another_gain(shift, word):
    base = RNG(13).normal(0.5, 0.01, (5, 100))
    noise = RNG(14).normal(0, 0.01, (5, 100))
    scores = scores_of(base=base, longer=base + shift + noise, better=base + 0.2 + noise)
    found = judge(claim(over("longer", "base"), kind="equality", margin=over("better", "base")), scores, "base")
    assert found.word == word
    assert found.findings[0].margin == pytest.approx(0.1, abs=0.01)


def test_without_a_gain_to_compare_with_no_equality_is_shown():
    base = RNG(15).normal(0.5, 0.01, (5, 100))
    scores = scores_of(base=base, longer=base + RNG(16).normal(0, 0.01, (5, 100)), better=base - 0.2)
    equality = claim(over("longer", "base"), kind="equality", margin=over("better", "base"))
    assert judge(equality, scores, "base").word == "not shown"
    assert judge(equality, scores_of(base=base, longer=base), "base").word == "not run"


def test_a_gain_below_the_spread_over_seeds_is_not_testable():
    base = np.array([[0.1], [0.2], [0.3], [0.4], [0.5]])
    spread = mean_and_spread(scores_of(a=base), one("a"))[1]
    assert spread == pytest.approx(0.158, abs=0.001)
    scores = scores_of(base=base, a=base + 1)
    for plausible, word in ((1.19 * spread, "not testable"), (1.21 * spread, "shown"), (None, "shown")):
        found = judge(claim(over("a", "base", plausible)), scores, "base")
        assert found.word == word
        assert found.findings[0].word == "shown"


def test_what_can_neither_be_tested_nor_is_shown_leaves_a_claim_shown_in_part():
    base = np.array([[0.1], [0.2], [0.3], [0.4], [0.5]])
    scores = scores_of(base=base, up=base + 1, flat=base + np.array([[1.0], [-1.0], [0.0], [1.0], [-1.0]]))
    up, flat = over("up", "base"), over("flat", "base", 0.01)
    assert judge(claim(up, flat), scores, "base").word == "shown in part"
    assert judge(claim(flat), scores, "base").word == "not testable"
    assert judge(claim(up, over("up", "base", 0.01)), scores, "base").word == "shown"
    # The margin of an equality says what matters, however large the spread.
    longer = claim(over("up", "base", 0.01), kind="equality", margin=over("up", "base"))
    assert judge(longer, scores, "base").word == "contradicted"


def test_contrasts_that_count_must_all_be_shown():
    base = np.zeros((3, 1))
    scores = scores_of(zero=base, up=base + 1, down=base - 1, flat=np.array([[1.0], [-1.0], [0.0]]))
    up, down, flat = (over(name, "zero") for name in ("up", "down", "flat"))
    assert judge(claim(up, up), scores, "zero").word == "shown"
    assert judge(claim(up, flat), scores, "zero").word == "not shown"
    assert judge(claim(up, flat, down), scores, "zero").word == "contradicted"
    assert judge(claim(up, over("down", "zero", reported=True)), scores, "zero").word == "shown"
    assert judge(claim(up, over("absent", "zero")), scores, "zero").word == "run in part"
    assert judge(claim(over("absent", "zero"), over("up", "zero", reported=True)), scores, "zero").word == "not run"


def test_a_study_knows_how_many_seeds_its_arms_need_and_in_which_order():
    study = make_study()
    assert study.seeds() == {"first": 5, "second": 3}
    assert [(arm.name, seed) for arm, seed in study.plan(["second"], [2, 4])] == [
        ("first", 2),
        ("first", 4),
        ("second", 2),
    ]
    assert len(study.plan()) == 8
    with pytest.raises(InputError, match="expected an arm of first, second, got 'third'"):
        study.plan(["third"])
    with pytest.raises(InputError, match="expected seeds from 0 to 4, got 7"):
        study.plan(seeds=[7])


def test_a_start_has_as_many_seeds_as_what_goes_on_from_it():
    arms = Arm("base", first), Arm("start", first), Arm("child", first, start="start")
    study = Study("s", "S", arms, (claim(over("child", "base"), seeds=5),), "base")
    assert study.seeds() == {"base": 5, "start": 5, "child": 5}


def test_a_study_that_does_not_fit_together_is_refused():
    with pytest.raises(ValueError, match="expected arm b before a"):
        Study("s", "S", (Arm("a", first, start="b"), Arm("b", first)), (), "a")
    with pytest.raises(ValueError, match=r"claims on \['absent'\]"):
        Study("s", "S", (Arm("a", first),), (claim(over("a", "absent")),), "a")
    with pytest.raises(ValueError, match="every arm once"):
        Study("s", "S", (Arm("a", first), Arm("a", first)), (), "a")
