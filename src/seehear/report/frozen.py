# SPDX-License-Identifier: Apache-2.0
"""What else the frozen encoders can do, as a chapter of the page: support vectors, few examples, nearest maps."""

from collections.abc import Sequence

from seehear.report.html import Html, element, section
from seehear.report.numbers import SENSES, comparison, where
from seehear.report.runs import RunRecord

RANKS, SHOTS = (1, 5, 20), (1, 5, 20)
KINDS = {"unpooled": "the last block's map", "pooled": "the encoder's output"}
WAYS = {
    "video_to_audio": "a sound of its class, from a picture",
    "audio_to_video": "a picture of its class, from a sound",
}


def frozen(records: Sequence[RunRecord]) -> Html | None:
    """Machines, few examples, and retrieval on maps and class by class; None when none of them was measured."""
    parts = [*_machines(records), *_few(records), *_maps(records), *_classes(records)]
    said = "The encoders stay as they are; what is fitted to them, or searched in them, differs."
    return section("More ways to read the encoders", said, *parts) if parts else None


def _machines(records: Sequence[RunRecord]) -> list[Html]:
    rows = [
        (f"from {sense}, {words}{more}", f"{modality}/{kind}/{metric}")
        for modality, sense in SENSES.items()
        for kind, words in KINDS.items()
        for metric, more in (("averaged", ""), ("clip", ", one window only"))
    ]
    return _part(records, "svm", "Classes told by linear support vector machines", rows)


def _few(records: Sequence[RunRecord]) -> list[Html]:
    rows = [
        (f"from {sense}, {shots} of each class", f"{modality}/shots_{shots}/mean")
        for modality, sense in SENSES.items()
        for shots in SHOTS
    ]
    return _part(records, "few-shot", "Classes told after a few examples, mean of many draws", rows)


def _maps(records: Sequence[RunRecord]) -> list[Html]:
    rows = [(f"by {sense}, R@{k}", f"{modality}/r{k}") for modality, sense in SENSES.items() for k in RANKS]
    each = [(f"{name}, by {SENSES[modality]}", metric) for modality, name, metric in _named(records, "map-retrieval")]
    return _part(records, "map-retrieval", "A training clip of its class among those with the nearest maps", rows, each)


def _classes(records: Sequence[RunRecord]) -> list[Html]:
    rows = [(f"{words}, R@{k}", f"{way}/r{k}") for way, words in WAYS.items() for k in RANKS]
    each = [(f"{name}: {WAYS[way]}", metric) for way, name, metric in _named(records, "class-retrieval")]
    return _part(records, "class-retrieval", "Its class across modalities, among all test clips", rows, each)


def _named(records: Sequence[RunRecord], protocol: str) -> list[tuple[str, str, str]]:
    """Owner, class and metric of every "OWNER/class/NAME/r1" that a run has; a name may hold any letter."""
    known = (result.metrics for record in records if (result := record.numbers(protocol)))
    metrics = dict.fromkeys(metric for metrics in known for metric in metrics)
    split = [(metric.partition("/class/"), metric) for metric in metrics if metric.endswith("/r1")]
    found = [(owner, name.removesuffix("/r1"), metric) for (owner, there, name), metric in split if there]
    return [one for one in found if one[0] in (*SENSES, *WAYS)]


def _part(
    records: Sequence[RunRecord],
    protocol: str,
    title: str,
    rows: Sequence[tuple[str, str]],
    each: Sequence[tuple[str, str]] = (),
) -> list[Html]:
    """One protocol: its numbers, class by class on demand, and what they were measured on; nothing without numbers."""
    shown = comparison(records, protocol, rows)
    if shown is None:
        return []
    single = comparison(records, protocol, each)
    deep = [element("details", element("summary", "Class by class, R@1"), single)] if single else []
    return [element("h3", title), shown, *deep, where(records, protocol)]
