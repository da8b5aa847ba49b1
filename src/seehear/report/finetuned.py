# SPDX-License-Identifier: Apache-2.0
"""What finetuning made of the encoders of one or several runs, as a section of the page."""

from collections.abc import Sequence

from seehear.report import numbers
from seehear.report.html import Html, section
from seehear.report.runs import RunRecord


def finetuned(records: Sequence[RunRecord]) -> Html | None:
    """Accuracies of every finetuning beside the same training from random weights; None where there was none."""
    results = filter(None, (record.numbers("finetune") for record in records))
    metrics = dict.fromkeys(metric for result in results for metric in result.metrics)
    shown = numbers.comparison(records, "finetune", [(_words(metric), metric) for metric in metrics])
    if shown is None:
        return None
    said = (
        "The whole encoder learns the labels, together with a linear classifier; where a block is named, it stays as "
        "it is, and a linear classifier of that block learns. Accuracy on held-out clips."
    )
    return section("Finetuned", said, shown, numbers.where(records, "finetune"))


def _words(metric: str) -> str:
    """What "video/tiny/averaged10" or "audio/tiny/split 1/clip" is, in words."""
    modality, *between, kind = metric.split("/")
    measured = {"clip": "single windows", "validation": "validation clips"}
    words = measured.get(kind, kind.replace("averaged", "whole videos, windows averaged: "))
    return ", ".join([numbers.SENSES.get(modality, modality), *between, words])
