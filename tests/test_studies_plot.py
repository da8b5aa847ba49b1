# SPDX-License-Identifier: Apache-2.0
"""The drawing of a study: lengths are differences, verdicts are told apart without colour, names stay text."""

import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import numpy as np
import pytest

from seehear.studies.instance import instance
from seehear.studies.plot import LEFT, MARKS, RIGHT, SAID, plot
from seehear.studies.study import Claim, Contrast, Score
from seehear.studies.verdict import Finding, Interval, Verdict, judge
from small_study import make_study

SVG = "{http://www.w3.org/2000/svg}"
FOUND = {"shown": (0.1, 0.3), "not shown": (-0.05, 0.15), "contradicted": (-0.4, -0.1), "not testable": (0.0, 0.1)}


def finding(word, low, high, **more):
    contrast = Contrast((Score("second", ("m",)),), (Score("first", ("m",)),), 0.01, **more)
    interval = Interval(low, (low + high) / 2, high, 3, 10)
    spread = 1.0 if word == "not testable" else 0.0
    return Finding(contrast, "shown" if word == "not testable" else word, 0.6, 0.5, interval, None, spread)


def verdict(*findings, text="claimed"):
    claim = Claim("S1", text, "paper", tuple(one.contrast for one in findings))
    return Verdict(claim, "not shown", findings)


def read(drawing):
    root = ElementTree.fromstring(drawing)
    words = [element.text or "" for element in root.iter(f"{SVG}text")]
    marks = [element.attrib for element in root.iter(f"{SVG}path")]
    lines = [element.attrib for element in root.iter(f"{SVG}line")]
    return root, words, marks, lines


def place(mark):
    return [float(number) for number in mark["transform"][10:-1].split()]


def test_places_on_the_axis_are_differences():
    found = [finding(word, *bounds) for word, bounds in FOUND.items()]
    root, words, marks, lines = read(plot(make_study(), [verdict(*found)]))
    low = max((text.get("y") for text in root.iter(f"{SVG}text")), key=float)
    (zero,) = [float(line["x1"]) for line in lines if line["x1"] == line["x2"] and line["stroke"] == "#1f2328"]
    bars = [line for line in lines if line["y1"] == line["y2"]]
    scale = (place(marks[0])[0] - zero) / 0.2
    assert scale > 0
    for one, mark, bar in zip(found, marks, bars, strict=True):
        x, y = place(mark)
        ends = float(bar["x1"]), x, float(bar["x2"])
        bounds = one.interval.low, one.interval.mean, one.interval.high
        np.testing.assert_allclose(ends, [zero + scale * bound for bound in bounds], atol=0.15)
        assert float(bar["y1"]) == y
    rows = [place(mark)[1] for mark in marks]
    assert rows == sorted(set(rows))
    ruled = {float(line["x1"]) for line in lines if line["x1"] == line["x2"]}
    numbers = [(float(text.text), float(text.get("x"))) for text in root.iter(f"{SVG}text") if text.get("y") == low]
    assert {x for _, x in numbers} == ruled
    np.testing.assert_allclose([x for _, x in numbers], [zero + scale * number for number, _ in numbers], atol=0.15)
    assert {"← against the paper", "as the paper says →", SAID} <= set(words)


def test_verdicts_are_told_apart_without_colour():
    drawing = plot(make_study(), [verdict(*(finding(word, *bounds) for word, bounds in FOUND.items()))])
    _, words, marks, lines = read(drawing)
    assert len({(mark["d"], mark["fill"] == "white") for mark in marks}) == len(FOUND) == len(MARKS)
    assert set(FOUND) <= set(words)
    dashed = [line for line in lines if "stroke-dasharray" in line]
    assert [line["y1"] for line in dashed] == [f"{place(marks[3])[1]:.0f}"]
    # Okabe and Ito's blue and vermilion, in which the sign is told by those who see no red or green.
    assert [mark["stroke"] for mark in marks] == ["#0072b2", "#57606a", "#d55e00", "#57606a"]


def test_the_same_findings_are_the_same_text_inside_the_frame():
    study, found = make_study(), [finding(word, *bounds) for word, bounds in FOUND.items()]
    assert plot(study, [verdict(*found)]) == plot(study, [verdict(*found)])
    root, _, marks, _ = read(plot(study, [verdict(*found)] * 3))
    _, _, width, height = (float(number) for number in root.get("viewBox").split())
    assert all(0 < x < width and 0 < y < height for x, y in map(place, marks))
    assert len(marks) == 12


def test_what_was_not_run_has_a_line_and_no_mark():
    study = instance()
    _, words, marks, _ = read(plot(study, [judge(claim, {}, study.base) for claim in study.claims]))
    assert marks == []
    count = sum(len(claim.contrasts) for claim in study.claims)
    assert words.count("not run") + words.count("not run (reported)") == count + len(study.claims)
    assert {claim.name for claim in study.claims} <= set(words)


def test_a_margin_is_shaded_around_zero():
    equal = replace(finding("shown", -0.01, 0.01), margin=0.05)
    root, _, _, lines = read(plot(make_study(), [verdict(equal, finding("shown", 0.1, 0.3))]))
    (zero,) = [float(line["x1"]) for line in lines if line["x1"] == line["x2"] and line["stroke"] == "#1f2328"]
    _, band = root.iter(f"{SVG}rect")
    left, wide = float(band.get("x")), float(band.get("width"))
    assert left + wide / 2 == pytest.approx(zero, abs=0.15)
    bar = next(line for line in lines if line["y1"] == line["y2"])
    assert wide == pytest.approx(5 * (float(bar["x2"]) - float(bar["x1"])), abs=1.0)
    # Wider than all intervals, it still fits the axis on both sides.
    root, *_ = read(plot(make_study(), [verdict(equal)]))
    _, band = root.iter(f"{SVG}rect")
    left, wide = float(band.get("x")), float(band.get("width"))
    assert LEFT < left < left + wide < RIGHT


def test_names_stay_text_and_long_ones_are_cut():
    evil = "<script>alert('1')</script> & \"more\""
    study = replace(make_study(), title=evil)
    reported = finding("shown", 0.1, 0.2, reported=True)
    _, words, _, _ = read(plot(study, [verdict(reported, text="a" * 300)]))
    assert evil in words
    assert "shown (reported)" in words
    assert "a" * 114 + "…" in words
    assert "second - first, m" in words


def test_arms_and_metrics_in_words():
    study = make_study()
    several = Contrast(tuple(Score(arm, ("x", "y")) for arm in ("a", "b")), (Score("a", ("z",), "label"),))
    assert study.words(several) == ("a or b - a", "x + y - label")
    assert study.words(Contrast((Score("a", ("retrieval:instance/mean/r1",)),))) == ("a", "own sound")
    same = (Score("a", ("x",)), Score("b", ("x",)))
    assert study.words(Contrast(same, same)) == ("a or b", "x")
