# SPDX-License-Identifier: Apache-2.0
"""Whose sound does not belong to its picture: every clip of a library in a table, and a page to look and listen.

The page holds pictures and sounds itself: at most `MOST` clips, of each `STILLS` stills and `SECONDS` s of sound.
"""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, UInt8

from seehear import atomic, progress
from seehear.clip import Clip
from seehear.data.catalog import Clips, Selected
from seehear.errors import InputError, MediaError
from seehear.evals.agreement import Agreement, agreement
from seehear.evals.faulty_pairs import SHARES, faulty_pairs, truth_of
from seehear.evals.memories import as_trained, memories, without
from seehear.report.figures import histogram, picture, sound, sound_levels, spectrogram
from seehear.report.html import Html, element, page, section, table
from seehear.report.numbers import percent
from seehear.signal.layout import to_mono
from seehear.views import centre_box, resize

MOST, STILLS, SIDE, RATE, SECONDS = 200, 3, 112, 16_000, 4.0
"""Clips on a page; pictures of each, and their height (pixels); rate (Hz) and length (s) of their sound."""
TRUTH = {1: ("wrong", "✗ known to be faulty"), 0: ("right", "✓ known to belong"), -1: ("", "")}


def curate(
    library: Clips,
    folder: Path,
    out: Path,
    count: int = 24,
    which: str = "last",
    windows: int = 4,
    device: str = "cpu",
    workers: int = 0,
    quiet: bool = False,
) -> dict[str, Any]:
    """Rank the clips of a library by what a run thinks of them; write curate.csv and curate.html into `out`.

    The page shows the `count` clips that agree least and, for comparison, a third as many that agree best. Clips
    without pictures or without sound are left out. Returns the numbers worth printing; where it is known which clips
    are faulty, these include how well they were found. Raises InputError when nothing can be ranked.
    """
    if not 1 <= count <= MOST:
        raise InputError(f"expected a page of 1 to {MOST} clips, got {count}: curate.csv has all of them")
    if out.exists() and not out.is_dir():
        raise InputError(f"expected a folder for curate.csv and curate.html, {out} is a file: choose another")
    whole = as_trained(folder, library)
    shelf = _complete(whole)
    known = memories(folder, whole, which)
    found = agreement(folder, shelf, known, which, windows, device, workers=workers, quiet=quiet)
    notes = known.notes if known else (without(folder, which),)
    truth = truth_of(shelf.catalog)
    measured = faulty_pairs(torch.from_numpy(found.score), truth)
    numbers: dict[str, Any] = {
        "clips": len(shelf),
        "by_memory": int(found.remembered.sum()),
        "by_encoders": int((~found.remembered).sum()),
        "without_pictures_or_sound": len(whole) - len(shelf),
        "notes": list(notes),
        **{name: value for name, value in measured.items() if value is not None},
    }
    atomic.write_text(out / "curate.csv", _csv(found))
    body = [_head(folder, found, notes), _truth(measured)]
    shown = truth if measured["base_rate"] is not None else torch.full_like(truth, -1)
    body += _tiles(shelf, found, shown.tolist(), count, quiet)
    atomic.write_text(out / "curate.html", page(f"seehear curate: {folder.name}", *(part for part in body if part)))
    return {**numbers, "table": str(out / "curate.csv"), "page": str(out / "curate.html")}


def _complete(shelf: Clips) -> Clips:
    """The clips that have pictures and sound."""
    there = shelf.catalog.truth.get("modalities", (("video", "audio"),) * len(shelf))
    rows = [row for row, has in enumerate(there) if has == ("video", "audio")]
    if not rows:
        raise InputError(f"expected clips with pictures and sound, found none among {len(shelf)}")
    return Selected(shelf, np.asarray(rows))


def _csv(found: Agreement) -> str:
    """One line a clip, from the least to the most agreement."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["item", "file", "start", "score", "rank", "quantile", "agreement", "by"])
    for rank, row in enumerate(found.order, 1):
        by = "memory" if found.remembered[row] else "encoders"
        place = [f"{found.score[row]:.4f}", rank, f"{rank / len(found.score):.6f}", f"{found.cosine[row]:.6f}", by]
        lines.writerow([int(found.catalog.items[row]), found.catalog.sources[row], f"{_start(found, row):g}", *place])
    return text.getvalue()


def _start(found: Agreement, row: int) -> float:
    """Where the clip begins in its file (s)."""
    starts: Sequence[Any] = found.catalog.truth.get("start", ())
    return float(starts[row]) if starts else 0.0


def _head(folder: Path, found: Agreement, notes: Sequence[str]) -> Html:
    """What was ranked, by what, and how the scores lie."""
    by_memory, clips = int(found.remembered.sum()), len(found.score)
    how = ((by_memory, "by memories"), (clips - by_memory, "by encoders"))
    said = f"{clips} clips, ranked by how well their sound and pictures agree: "
    said += f"{', '.join(f'{number} {by}' for number, by in how if number)} of {folder.name}."
    ordered = np.sort(found.score)
    marks = [(float(ordered[max(round(clips * share / 100), 1) - 1]), f"{share} %") for share in SHARES]
    drawn = histogram("Clips by score: agreement in standard deviations from the mean", ordered.tolist(), marks)
    narrow = element("div", drawn, class_="narrow")
    lead = element("p", said, class_="lead")
    warned = [element("p", note, class_="warn") for note in notes]
    return element("div", element("h1", "Whose sound does not belong to its picture?"), lead, *warned, narrow)


def _truth(measured: dict[str, float | None]) -> Html | None:
    """How well faulty clips were found, where it is known which are."""
    if measured["base_rate"] is None:
        return None
    rows = [[f"the {share} % that agree least", percent(measured[f"lowest_{share}/precision"])] for share in SHARES]
    rows.append(["all", percent(measured["base_rate"])])
    said = "It is known of these clips which sounds were replaced: this is their share."
    return section("Found faulty", said, table(["among", "faulty"], [list(row) for row in rows]))


def _tiles(shelf: Clips, found: Agreement, truth: list[int], count: int, quiet: bool) -> list[Html]:
    """The clips that agree least, and some that agree best."""
    order = found.order
    least = order[:count]
    best = order[len(least) :][::-1][: max(count // 3, 1)]
    with progress.bar("page", len(least) + len(best), quiet) as bar:

        def drawn(rows: list[int], first: int, step: int) -> Html:
            made = []
            for number, row in enumerate(rows):
                made.append(_tile(shelf, found, row, first + step * number, truth[row]))
                bar.advance()
            return element("div", *made, class_="curated")

        low = "Look and listen: a low place is a suspicion. Music, narration and sounds from off screen often cause it."
        parts = [section("They agree least", low, drawn(least, 1, 1))]
        if best:
            parts.append(section("They agree best", "For comparison.", drawn(best, len(order), -1)))
    return parts


def _tile(shelf: Clips, found: Agreement, row: int, rank: int, truth: int) -> Html:
    """Stills, spectrogram, sound and place of one clip."""
    mark, verdict = TRUTH[truth]
    name = found.catalog.sources[row]
    said = [element("b", f"{rank} of {len(found.score)}: score {found.score[row]:.2f}")]
    said += [element("b", verdict, class_=mark)] if verdict else []
    by = "memory" if found.remembered[row] else "encoders"
    about = [name, element("span", f" from {_start(found, row):g} s, by {by}", class_="soft")]
    try:
        clip = shelf.open(row)
        heard = _heard(clip)
        shown = [picture(_stills(clip), f"stills of {name}")]
        shown += [spectrogram(sound_levels(heard, RATE), f"spectrogram of {name}"), sound(heard, RATE)]
    except MediaError as error:
        shown = [element("p", f"cannot be read: {error.reason}", class_="warn")]
    return element("div", *shown, element("div", *said, *about, class_="name"), class_=f"tile {mark}")


def _stills(clip: Clip) -> UInt8[np.ndarray, "H W 3"]:
    """Pictures side by side, spread evenly over the clip."""
    frames = clip.frames(clip.duration / (2 * STILLS), STILLS, STILLS / clip.duration)
    top, bottom, left, right = centre_box(frames)
    return np.concatenate(list(resize(frames[:, top:bottom, left:right], SIDE)), axis=1)


def _heard(clip: Clip) -> Float32[np.ndarray, "1 N"]:
    """The sound in the middle of the clip, one channel."""
    length = min(clip.duration, SECONDS)
    return to_mono(clip.sound((clip.duration - length) / 2, length, RATE), clip.layout)
