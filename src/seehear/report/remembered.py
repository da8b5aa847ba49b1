# SPDX-License-Identifier: Apache-2.0
"""What the memory banks of runs say, as a chapter of the page."""

from collections.abc import Sequence

from seehear.evals.positive_sets import COUNTS
from seehear.report.html import Html, element, section
from seehear.report.numbers import SENSES, comparison, where
from seehear.report.runs import RunRecord

KINDS = {
    "agreement": "alike to eye and ear",
    "video": "alike to the eye",
    "audio": "alike to the ear",
    "either": "alike to eye or ear",
}


def remembered(records: Sequence[RunRecord]) -> Html | None:
    """Positive sets, probes, spread and doubted pairs of memories; None when nothing was measured."""
    parts: list[Html] = []
    senses = {**SENSES, "both": "both"}
    probe = [(f"class read from memories of {sense}", f"{name}/accuracy") for name, sense in senses.items()]
    sets = [(f"{said}, mean over all K", f"{kind}/mean") for kind, said in KINDS.items()]
    each = [(f"{said}, K = {count}", f"{kind}/p{count}") for kind, said in KINDS.items() for count in COUNTS]
    pairs = [(f"faulty among the {share} % that agree least", f"lowest_{share}/precision") for share in (4, 10)]
    pairs += [("average precision of the ranking", "average_precision"), ("faulty among all", "base_rate")]
    if shown := comparison(records, "positive-sets", sets):
        more = element("details", element("summary", "Each K"), comparison(records, "positive-sets", each) or "")
        parts += [
            element("h3", "Are the K most alike memories of the same class?"),
            shown,
            more,
            where(records, "positive-sets"),
        ]
    if shown := comparison(records, "memory-probe", probe):
        parts += [element("h3", "Classes read from memories"), shown, where(records, "memory-probe")]
    kinds = (("mean_dot", "mean dot product"), ("effective_rank", "effective rank"), ("uniformity", "uniformity"))
    spread = [(f"{sense}: {name}", f"{modality}/{kind}") for modality, sense in SENSES.items() for kind, name in kinds]
    if shown := comparison(records, "calibration", [*spread, ("alignment of the two", "alignment")], plain=True):
        parts += [element("h3", "Spread of the memories"), shown, where(records, "calibration")]
    if shown := comparison(records, "faulty-pairs", pairs):
        parts += [
            element("h3", "Do pairs that do not belong together agree least?"),
            shown,
            where(records, "faulty-pairs"),
        ]
    said = "What training remembers of each clip. Random memories are the noise that they start as."
    return section("Memories", said, *parts) if parts else None
