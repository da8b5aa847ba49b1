# SPDX-License-Identifier: Apache-2.0
"""The findings of a study as an SVG: a line a contrast, its 95 % interval, the paper's direction to the right.

All differences share one axis, from the least to the greatest bound. Verdicts differ in mark and word as well as in
colour, and colours are those of Okabe and Ito (2008), which the colour-blind tell apart. Sizes are in pixels.
"""

from collections.abc import Sequence

from seehear.report.figures import ticks
from seehear.report.html import Html, element
from seehear.studies.study import Study
from seehear.studies.verdict import Finding, Verdict

WIDTH, LEFT, RIGHT, TOP = 1000, 430, 840, 70
ROW, HEAD, GAP = 19, 22, 9
LONGEST, LONGEST_CLAIM = 66, 115
"""Letters that fit left of the axis, and left of the words."""
SAID = "Difference of each contrast and its 95 % interval; where arms are to be equal, their margin is shaded."
INK, SOFT, GRID, BAND = "#1f2328", "#57606a", "#d8dee4", "#eaeef2"
CIRCLE, SQUARE, DIAMOND = "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0z", "M-4.5-4.5h9v9h-9z", "M0-6l6 6l-6 6l-6-6z"
MARKS = {
    "shown": (CIRCLE, "#0072b2", "#0072b2"),
    "contradicted": (SQUARE, "#d55e00", "#d55e00"),
    "not shown": (CIRCLE, SOFT, "white"),
    "not testable": (DIAMOND, SOFT, "white"),
}
"""Shape, colour and filling by word."""


class Axis:
    """The shared axis: what is 0 or wider, with a little room at both ends."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        intervals = [finding.interval for finding in findings if finding.interval]
        margins = [finding.margin or 0.0 for finding in findings]
        bounds = [0.0, *(one.low for one in intervals), *(one.high for one in intervals)]
        bounds += [*margins, *(-margin for margin in margins)]
        room = 0.04 * (max(bounds) - min(bounds)) or 0.1
        self.low, self.high = min(bounds) - room, max(bounds) + room

    def at(self, value: float) -> float:
        """Where a difference lies."""
        return LEFT + (RIGHT - LEFT) * (value - self.low) / (self.high - self.low)


def plot(study: Study, verdicts: Sequence[Verdict]) -> str:
    """The drawing, the same text for the same findings."""
    axis = Axis([finding for verdict in verdicts for finding in verdict.findings])
    parts, y = list[Html](), TOP
    for verdict in verdicts:
        y += HEAD
        parts += [
            _text(verdict.claim.name, 16, y, font_weight="bold"),
            _text(_short(verdict.claim.text, LONGEST_CLAIM), 52, y),
            _text(verdict.word, RIGHT + 16, y, font_weight="bold"),
        ]
        for finding in verdict.findings:
            y += ROW
            parts += _line(study, finding, axis, y)
        y += GAP
    height = y + 24
    head = [
        element("title", study.title),
        element("rect", width=WIDTH, height=height, fill="white"),
        _text(study.title, 16, 26, size=16, font_weight="bold"),
        _text(SAID, 16, 46, SOFT),
    ]
    shape = {"viewBox": f"0 0 {WIDTH} {height}", "width": WIDTH, "height": height, "font_family": "sans-serif"}
    body = (*head, *_grid(axis, y), *parts)
    return element("svg", *body, xmlns="http://www.w3.org/2000/svg", role="img", **shape) + "\n"


def _line(study: Study, finding: Finding, axis: Axis, y: int) -> list[Html]:
    """One contrast: what is compared, its interval with a mark at the mean, and its word."""
    compared, metrics = study.words(finding.contrast)
    word = finding.word if finding.testable or finding.word == "not run" else "not testable"
    note = f"{word} (reported)" if finding.contrast.reported else word
    parts = [_text(_short(f"{compared}, {metrics}", LONGEST), 52, y, SOFT, size=11)]
    parts.append(_text(note, RIGHT + 16, y, SOFT, size=11))
    if finding.interval is None:
        return parts
    shape, colour, filling = MARKS[word]
    low, mean, high = (axis.at(value) for value in (finding.interval.low, finding.interval.mean, finding.interval.high))
    dashes = "3 2" if word == "not testable" else None
    if finding.margin is not None:
        left, right = axis.at(-finding.margin), axis.at(finding.margin)
        box = {"x": f"{left:.1f}", "y": y - 13, "width": f"{right - left:.1f}", "height": ROW - 2, "fill": BAND}
        parts.append(element("rect", **box))
    stroke = {"y1": y - 4, "y2": y - 4, "stroke": colour, "stroke_width": 2.5, "stroke_dasharray": dashes}
    parts.append(element("line", x1=f"{low:.1f}", x2=f"{high:.1f}", **stroke))
    place = f"translate({mean:.1f} {y - 4})"
    parts.append(element("path", d=shape, transform=place, fill=filling, stroke=colour, stroke_width=1.8))
    return parts


def _grid(axis: Axis, bottom: int) -> list[Html]:
    """Round differences, the line at 0, and what its two sides mean."""
    parts = []
    for value in ticks(axis.low, axis.high, 9):
        x, zero = f"{axis.at(value):.1f}", abs(value) < 1e-9
        ends = {"x1": x, "x2": x, "y1": TOP, "y2": bottom}
        parts.append(element("line", stroke=INK if zero else GRID, stroke_width=1, **ends))
        parts.append(_text("0" if zero else f"{value:+.3g}", x, bottom + 16, SOFT, 11, text_anchor="middle"))
    zero_at = axis.at(0.0)
    parts.append(_text("← against the paper", f"{zero_at - 8:.1f}", TOP - 6, SOFT, 11, text_anchor="end"))
    parts.append(_text("as the paper says →", f"{zero_at + 8:.1f}", TOP - 6, SOFT, 11))
    return parts


def _text(words: str, x: object, y: int, colour: str = INK, size: int = 12, **more: str) -> Html:
    # White around the letters, so that lines of the grid do not cross them.
    halo = {"paint_order": "stroke", "stroke": "white", "stroke_width": 3}
    return element("text", words, x=x, y=y, fill=colour, font_size=size, **halo, **more)


def _short(words: str, longest: int) -> str:
    return words if len(words) <= longest else words[: longest - 1] + "…"
