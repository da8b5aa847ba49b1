# SPDX-License-Identifier: Apache-2.0
"""The numbers of one or several runs as cards and tables, always beside what must be beaten."""

import re
from collections.abc import Sequence

from seehear.evals.results import ROWS
from seehear.report.figures import COLOURS
from seehear.report.html import Html, element, join, table
from seehear.report.runs import RunRecord

Runs = Sequence[RunRecord]
WORDS = {
    "trained": "trained, no labels",
    "supervised": "trained with labels",
    "random": "random weights",
    "statistics": "plain statistics",
    "chance": "chance",
}
SENSES = {"video": "pictures", "audio": "sounds"}
CARDS = (
    ("Finds its own sound", "retrieval", "instance/mean/r1", "a picture finds the sound of its clip first, and back"),
    ("Finds its kind", "retrieval", "class/mean/r1", "a picture finds a sound of its class first, and back"),
    ("What it sees", "linear-probe", "video/last/averaged", "classes read linearly from the video encoder's output"),
    ("What it hears", "linear-probe", "audio/last/averaged", "classes read linearly from the sound encoder's output"),
)


def percent(value: float | None) -> str:
    """A share as a percentage; a dash when there is none."""
    return "–" if value is None else f"{100 * value:.1f} %"


def look_up(run: RunRecord, protocol: str, row: str, metric: str) -> float | None:
    """One number of a run, or None."""
    result = run.numbers(protocol)
    return None if result is None else result.rows.get(row, {}).get(metric)


def shared(runs: Runs, protocol: str, row: str, metric: str) -> float | None:
    """A number that does not depend on the run: that of the first run that has it.

    Supervised nets are read from their output alone, so that it is their last and their best block.
    """
    metric = metric.replace("/last/", "/best/") if row == "supervised" else metric
    found = (look_up(run, protocol, row, metric) for run in runs)
    return next((value for value in found if value is not None), None)


def cards(runs: Runs) -> Html:
    """The four numbers that say most, each as a card with bars."""
    made = [_card(runs, *card) for card in CARDS]
    return element("div", *(card for card in made if card), class_="cards")


def _card(runs: Runs, title: str, protocol: str, metric: str, meaning: str) -> Html | None:
    first = look_up(runs[0], protocol, "trained", metric)
    if all(look_up(run, protocol, "trained", metric) is None for run in runs):
        return None
    bars = []
    for number, run in enumerate(runs):
        name = run.name if len(runs) > 1 else WORDS["trained"]
        bars.append((name, look_up(run, protocol, "trained", metric), COLOURS[number % len(COLOURS)]))
    for row in ROWS[1:]:
        bars.append((WORDS[row], shared(runs, protocol, row, metric), f"var(--{row})"))
    known = [(name, value, colour) for name, value, colour in bars if value is not None]
    longest = max(value for _, value, _ in known) or 1.0
    cells = []
    for name, value, colour in known:
        fill = element("div", class_="fill", style=f"width: {100 * value / longest:.1f}%; background: {colour}")
        cells += [element("span", name), element("span", percent(value), class_="value")]
        cells.append(element("div", fill, class_="track"))
    big = element("div", percent(first), class_="big")
    inside = (element("h3", title), big, element("p", meaning, class_="soft"), element("div", *cells, class_="bars"))
    return element("div", *inside, class_="card")


def comparison(runs: Runs, protocol: str, rows: Sequence[tuple[str, str]], plain: bool = False) -> Html | None:
    """A table: a line a (name, metric), a column a run and one each for what must be beaten; None without numbers."""
    others = [row for row in ROWS[1:] if any(shared(runs, protocol, row, metric) is not None for _, metric in rows)]
    head: list[object] = ["", *(run.name if len(runs) > 1 else WORDS["trained"] for run in runs)]
    head += [WORDS[row] for row in others]
    lines: list[list[object]] = []
    for name, metric in rows:
        values = [look_up(run, protocol, "trained", metric) for run in runs]
        values += [shared(runs, protocol, row, metric) for row in others]
        if any(value is not None for value in values):
            lines.append([name, *("–" if v is None else f"{v:.3f}" if plain else percent(v) for v in values)])
    return table(head, lines) if lines else None


def where(runs: Runs, protocol: str) -> Html:
    """On what the numbers of a protocol were measured, run by run, with their notes."""
    lines = []
    for run in runs:
        if (result := run.numbers(protocol)) is None:
            lines.append(f"{run.name}: not measured (seehear eval {protocol}).")
            continue
        lines.append(f"{run.name}: {result.place}, seed {result.seed}, commit {result.commit}.")
    notes = dict.fromkeys(note for run in runs if (one := run.numbers(protocol)) for note in one.notes)
    said = [element("p", note, class_="warn" if is_doubt(note) else "soft") for note in notes]
    return join(*(element("p", line, class_="soft") for line in lines), *said)


def is_doubt(note: str) -> bool:
    """Whether a note warns of its numbers; what training with labels says of its epochs only tells how it was done."""
    return re.search(r": (\d+ \+ )?\d+ epochs of \d+ (labelled )?clips, ", note) is None


def blocks(runs: Runs, modality: str) -> list[tuple[str, str]]:
    """The lines of a probe table: the best block, then every block of the trained encoders."""
    names: dict[str, None] = {}
    for run in runs:
        if result := run.numbers("linear-probe"):
            parts = [metric.split("/") for metric in result.metrics]
            names |= {p[1]: None for p in parts if len(p) == 3 and p[0] == modality and p[2] == "averaged"}
    rows = [("the encoder's output", f"{modality}/last/averaged"), ("… one window only", f"{modality}/last/clip")]
    rows += [("best block, chosen on validation", f"{modality}/best/averaged")]
    rows += [("… one window only", f"{modality}/best/clip")]
    return rows + [(name, f"{modality}/{name}/averaged") for name in names if name not in ("last", "best", "pool")]


def per_class(runs: Runs) -> Html | None:
    """Accuracy of every class with the best blocks, the best classes first."""
    columns = [(run, row, m) for m in SENSES for run, row in [*((run, "trained") for run in runs), (runs[0], "random")]]
    classes: dict[str, list[float | None]] = {}
    for position, (run, row, modality) in enumerate(columns):
        result = run.numbers("linear-probe")
        for metric, value in (result.rows.get(row, {}) if result else {}).items():
            owner, _, name = metric.partition("/class/")
            if name and owner == modality:
                classes.setdefault(name, [None] * len(columns))[position] = value
    if not classes:
        return None
    ranked = sorted(classes.items(), key=lambda item: -sum(value or 0 for value in item[1]))
    said = [WORDS[row] if row != "trained" else run.name if len(runs) > 1 else "trained" for run, row, _ in columns]
    head = ["class", *(f"{SENSES[m]}, {name}" for (_, _, m), name in zip(columns, said, strict=True))]
    colours = [f"var(--{row})" for _, row, _ in columns]
    lines = [[name, *map(_meter, values, colours)] for name, values in ranked]
    return table(list(head), [list(line) for line in lines])


def _meter(value: float | None, colour: str) -> Html:
    if value is None:
        return Html("–")
    bar = element("i", style=f"width: {100 * value:.0f}%; background: {colour}")
    return join(element("span", bar, class_="meter"), element("span", f"{100 * value:.0f} %"))
