# SPDX-License-Identifier: Apache-2.0
"""What is drawn of a run: curves of its training, embeddings as points, nearest neighbours as pictures."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from seehear.report.figures import COLOURS, Line, colour_of, curves, picture, scatter, spectrogram
from seehear.report.html import Html, element, join
from seehear.report.numbers import SENSES
from seehear.report.runs import Arrays, RunRecord

PANELS = (
    ("loss", "Loss"),
    ("mean_dot", "Mean dot product of two clips (1 = collapsed)"),
    ("effective_rank", "Effective rank of a batch (1 = collapsed)"),
    ("score", "Score on validation"),
    ("lr", "Learning rate"),
    ("clips_per_second", "Clips a second"),
    ("data_wait", "Share of time waiting for data"),
)


def training(runs: Sequence[RunRecord]) -> list[Html]:
    """Curves of the logs, one figure a quantity, runs on top of each other; parts of a quantity are dashed."""
    figures = []
    stages = _stages(runs[0]) if len(runs) == 1 else []
    for key, title in PANELS:
        lines = []
        for number, run in enumerate(runs):
            names = sorted({name for row in run.log for name in row if name == key or name.startswith(f"{key}/")})
            if key == "loss":
                names = [name for name in names if name == key]
            for order, name in enumerate(names):
                colour = COLOURS[number % len(COLOURS)]
                lines += [Line(colour, order % 2 == 1, *piece) for piece in _pieces(run, name)]
        figure = curves(title, lines, stages)
        figures += [figure] if figure else []
    return figures


def _pieces(run: RunRecord, name: str) -> list[tuple[list[float], list[float]]]:
    """Steps and values of one quantity, a piece a stage: losses of two stages are not comparable.

    Stages that learn nothing (learning rate and loss 0) have no piece.
    """
    pieces: dict[object, tuple[list[float], list[float]]] = {}
    for row in run.log:
        if isinstance(row.get(name), (int, float)) and (row.get("lr") or row.get("loss") or name == "score"):
            steps, values = pieces.setdefault(row.get("stage"), ([], []))
            steps.append(float(row["step"]))
            values.append(float(row[name]))
    return list(pieces.values())


def _stages(run: RunRecord) -> list[tuple[float, str]]:
    """Steps at which the stages of a run begin, with their names."""
    begun: dict[str, float] = {}
    for row in run.log:
        begun.setdefault(str(row.get("stage", ""))[:20], float(row["step"]))
    return [(step, name) for name, step in begun.items()] if len(begun) > 1 else []


def map_of(run: RunRecord) -> Html | None:
    """The embeddings of the test clips on two axes that both modalities share; None without embeddings."""
    stored = run.embeddings
    names = [m for m in SENSES if f"{m}_embedding" in stored] if stored else []
    if not names or len(stored["items"]) < 3:
        return None
    spread = [stored[f"{m}_embedding"] - stored[f"{m}_embedding"].mean(0) for m in names]
    axes = principal(np.concatenate(spread))
    labels, classes = stored["labels"], [str(name) for name in stored["classes"]]
    kinds = labels if len(classes) else np.unique(stored["sources"], return_inverse=True)[1]
    count = len(classes) or int(kinds.max()) + 1
    colours = ["var(--soft)" if kind < 0 else colour_of(int(kind), count) for kind in kinds]
    said = [classes[k] if 0 <= k < len(classes) else str(s) for k, s in zip(labels, stored["sources"], strict=True)]
    panels = [
        scatter(SENSES[m].capitalize(), rows @ axes, colours, said) for m, rows in zip(names, spread, strict=True)
    ]
    chips = [join(element("i", style=f"background: {colour_of(k, count)}"), name) for k, name in enumerate(classes)]
    legend = element("div", *(element("span", chip) for chip in chips), class_="legend")
    return join(element("div", *panels, class_="grid"), legend)


def principal(rows: Float[np.ndarray, "N D"]) -> Float[np.ndarray, "D 2"]:
    """The two directions of largest variance of centred rows, each pointing where its largest number is positive."""
    axes = np.linalg.svd(rows, full_matrices=False)[2][:2].T
    return axes * np.sign(axes[np.abs(axes).argmax(0), np.arange(axes.shape[1])])


def neighbours(run: RunRecord) -> list[Html]:
    """For each query a line of pictures: what was asked, and the clips that were found, right or wrong."""
    drawn, known = run.neighbours, run.embeddings
    if not drawn or not known:
        return []
    bodies: list[Html] = []
    for query, answer in (("video", "audio"), ("audio", "video")):
        if f"{query}_nearest" not in drawn:
            continue
        asked = {"video": "From a picture to sounds", "audio": "From a sound to pictures"}[query]
        lines = []
        answers = (drawn[f"{query}_{kind}"] for kind in ("nearest", "rank", "among"))
        for row, found, rank, among in zip(drawn["queries"], *answers, strict=True):
            tiles = [_tile(drawn, known, int(row), "query", f"{SENSES[query][:-1]}?", faded=answer)]
            tiles.append(element("span", "→", class_="arrow"))
            tiles += [_answer(drawn, known, int(row), int(one)) for one in found]
            said = element("p", f"Its own came at place {rank} of {among}.", class_="soft")
            lines.append(element("div", said, element("div", *tiles, class_="row")))
        bodies += [element("h3", asked), element("div", *lines, class_="queries")]
    return bodies


def _answer(drawn: Arrays, known: Arrays, query: int, found: int) -> Html:
    """A clip that was found, marked by whether it is the query's own, of its class, or another."""
    labels = known["labels"]
    if found == query:
        return _tile(drawn, known, found, "right", "✓ its own")
    if labels[query] < 0 or labels[found] < 0:
        return _tile(drawn, known, found, "wrong", "✗ another clip")
    same = labels[query] == labels[found]
    return _tile(drawn, known, found, "right" if same else "wrong", "✓ same class" if same else "✗ another class")


def _tile(drawn: Arrays, known: Arrays, row: int, mark: str, verdict: str, faded: str = "") -> Html:
    """Picture, sound and name of a clip."""
    place = int(np.flatnonzero(drawn["rows"] == row)[0])
    label, classes = int(known["labels"][row]), known["classes"]
    name = str(classes[label]) if 0 <= label < len(classes) else str(known["sources"][row])
    seen = picture(drawn["pictures"][place], f"frame of {name}", "faded" if faded == "video" else None)
    heard = spectrogram(drawn["sounds"][place], f"spectrogram of {name}", "faded" if faded == "audio" else None)
    said = element("div", element("b", verdict, class_=mark), " ", name, class_="name")
    return element("div", seen, heard, said, class_=f"tile {mark}", title=str(known["sources"][row]))
