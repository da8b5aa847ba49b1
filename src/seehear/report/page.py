# SPDX-License-Identifier: Apache-2.0
"""The page about one run, or about several side by side."""

import json
from collections.abc import Sequence
from pathlib import Path

from seehear import atomic
from seehear.report import drawings, numbers
from seehear.report.figures import COLOURS
from seehear.report.finetuned import finetuned
from seehear.report.frozen import frozen
from seehear.report.html import Html, element, join, page, section, table
from seehear.report.problems import data_problems
from seehear.report.remembered import remembered
from seehear.report.runs import RunRecord, read_run

RANKS = (1, 5, 20)
SEARCHES = (
    ("its own sound, from a picture", "instance/video_to_audio"),
    ("its own picture, from a sound", "instance/audio_to_video"),
    ("its own, mean of both", "instance/mean"),
    ("a sound of its class, from a picture", "class/video_to_audio"),
    ("a picture of its class, from a sound", "class/audio_to_video"),
    ("its class, mean of both", "class/mean"),
    ("pictures to pictures: same clip, other window", "within/video/instance"),
    ("pictures to pictures: same class", "within/video/class"),
    ("sounds to sounds: same clip, other window", "within/audio/instance"),
    ("sounds to sounds: same class", "within/audio/class"),
)


def write_report(runs: list[Path], out: Path) -> Path:
    """Write one self-contained HTML page about run folders and return its path.

    What a folder lacks is said on the page. Raises InputError when a folder does not exist.
    """
    records = [read_run(folder) for folder in runs]
    title = "seehear: " + ", ".join(record.name for record in records)
    body = [_top(records), _neighbours(records), _retrieval(records), _probes(records), frozen(records)]
    body += [
        finetuned(records),
        remembered(records),
        _training(records),
        _map(records),
        _about(records),
        _problems(records),
    ]
    atomic.write_text(out, page(title, *(part for part in body if part)))
    return out


def _top(records: Sequence[RunRecord]) -> Html:
    """The result in a minute."""
    names = ", ".join(record.name for record in records)
    lead = element("p", _summary(records[0]), class_="lead")
    legend = Html("")
    if len(records) > 1:
        chips = [
            join(element("i", style=f"background: {COLOURS[n % len(COLOURS)]}"), r.name) for n, r in enumerate(records)
        ]
        legend = element("div", *(element("span", chip) for chip in chips), class_="legend")
    warned = [element("p", note, class_="warn") for note in _warnings(records)]
    return join(element("h1", names), lead, legend, *warned, numbers.cards(records))


def _summary(record: RunRecord) -> str:
    """What was learnt and how well, in words."""
    clips, found = record.about.get("clips"), record.numbers("retrieval")
    text = "Two encoders, one for pictures and one for sound, learnt from videos that nobody labelled"
    text += f" ({clips} clips)." if isinstance(clips, int) else "."
    own = found.metrics.get("instance/mean/r1") if found else None
    if found is None or own is None:
        return text + " How well they did has not been measured yet."
    clip = "a clip they never met" if found.split == "test" else "a clip"
    text += f" Shown the picture or the sound of {clip}, they pick its other half out of {_gallery(record):.0f} clips"
    chance = found.chance.get("instance/mean/r1") or 0.0
    text += f" at the first try in {100 * own:.1f} of 100 cases; guessing would do so in {100 * chance:.1f}."
    return text


def _warnings(records: Sequence[RunRecord]) -> list[str]:
    return [note for note in _doubts(records) if "not measured" not in note]


def _doubts(records: Sequence[RunRecord]) -> list[str]:
    notes = dict.fromkeys(note for record in records for result in record.results for note in result.notes)
    return [note for note in notes if numbers.is_doubt(note)]


def _retrieval(records: Sequence[RunRecord]) -> Html | None:
    first = numbers.comparison(records, "retrieval", [(name, f"{metric}/r1") for name, metric in SEARCHES])
    if first is None:
        return None
    more = [(f"{name}, R@{k}", f"{metric}/r{k}") for name, metric in SEARCHES for k in RANKS[1:]]
    deep = element("details", element("summary", "R@5 and R@20"), numbers.comparison(records, "retrieval", more) or "")
    sizes = {number for record in records if (number := _gallery(record))}
    said = "Share of queries whose nearest answer is right (R@1), out of " + " or ".join(
        f"{n:.0f}" for n in sorted(sizes)
    )
    said += " clips. Chance is the same search with embeddings that are all equal."
    return section("Retrieval", said, first, deep, numbers.where(records, "retrieval"), _collapse(records))


def _gallery(record: RunRecord) -> float:
    """The mean number of clips that a query chose from."""
    return numbers.look_up(record, "retrieval", "trained", "instance/gallery") or 0.0


def _collapse(records: Sequence[RunRecord]) -> Html:
    kinds = (("mean_dot", "mean dot product"), ("effective_rank", "effective rank"), ("uniformity", "uniformity"))
    rows = [(f"{numbers.SENSES[m]}: {name}", f"{m}/{kind}") for m in numbers.SENSES for kind, name in kinds]
    shown = numbers.comparison(records, "collapse", [*rows, ("alignment of the two", "alignment")], plain=True)
    if shown is None:
        return Html("")
    said = (
        "Have the embeddings collapsed? Mean dot product 1 or rank 1 would mean that all clips look the same to them."
    )
    return join(element("h3", "Spread of the embeddings"), element("p", said, class_="explain"), shown)


def _probes(records: Sequence[RunRecord]) -> Html | None:
    tables = []
    for modality, sense in numbers.SENSES.items():
        shown = numbers.comparison(records, "linear-probe", numbers.blocks(records, modality))
        tables += [element("h3", f"Classes read from {sense}, block by block"), shown] if shown else []
    near = [(f"from {sense}", f"{modality}/accuracy") for modality, sense in numbers.SENSES.items()]
    nearest = numbers.comparison(records, "nearest", near)
    if nearest:
        tables += [element("h3", "Classes told by the nearest training clips"), nearest]
    if each := numbers.per_class(records):
        tables += [element("h3", "Class by class, best blocks"), each]
    where = numbers.where(records, "linear-probe")
    if not tables and all(record.numbers("linear-probe") is None for record in records):
        return None
    said = (
        "The encoders stay frozen; a linear classifier is fitted to what each block says. Accuracy on held-out clips."
    )
    return section("Classes", said, *tables, where)


def _neighbours(records: Sequence[RunRecord]) -> Html | None:
    bodies: list[Html] = []
    for record in records:
        shown = drawings.neighbours(record)
        bodies += [element("h3", record.name)] if shown and len(records) > 1 else []
        bodies += shown
    said = (
        "Queries drawn at random, not by how well they do. A tile is a clip: a frame, and the spectrogram of its sound."
    )
    return section("Nearest neighbours", said, *bodies) if bodies else None


def _training(records: Sequence[RunRecord]) -> Html | None:
    figures = drawings.training(records)
    said = "Over training steps. Solid and dashed lines are the parts of a quantity, such as its two modalities."
    return section("Training", said, element("div", *figures, class_="grid")) if figures else None


def _map(records: Sequence[RunRecord]) -> Html | None:
    bodies = []
    for record in records:
        if drawn := drawings.map_of(record):
            bodies += [element("h3", record.name) if len(records) > 1 else "", drawn]
    said = (
        "Each point is a test clip, coloured by class; both panels have the same two axes (PCA). One colour in the "
        "same place in both means that seeing and hearing agree."
    )
    return section("Map of the embeddings", said, *bodies) if bodies else None


def _about(records: Sequence[RunRecord]) -> Html:
    """What was run, run by run."""
    keys = ("recipe", "seed", "batch", "clips", "data_hash", "stages", "commit", "versions", "model")
    lines: list[list[object]] = []
    for key in keys:
        values = [record.about.get(key) for record in records]
        if any(value is not None for value in values):
            lines.append([key.replace("_", " "), *(_plain(value) for value in values)])
    seconds = [max((float(row.get("seconds", 0)) for row in record.log), default=0) for record in records]
    lines.append(["training time", *(f"{s / 60:.1f} min" if s else "–" for s in seconds)])
    return section("What was run", "Enough to run it again.", table(["", *(r.name for r in records)], lines, "about"))


def _plain(value: object) -> str:
    return value if isinstance(value, str) else "–" if value is None else json.dumps(value, ensure_ascii=False)[:2000]


def _problems(records: Sequence[RunRecord]) -> Html:
    missing = [f"{record.name}: {sentence}" for record in records for sentence in record.missing]
    found = dict.fromkeys(problem for record in records for problem in data_problems(record.about))
    lines = [element("li", line) for line in (*missing, *_doubts(records), *found)]
    body = element("ul", *lines) if lines else element("p", "None were found.")
    return section("What is missing or doubtful", "Problems of the data and gaps of these runs.", body)
