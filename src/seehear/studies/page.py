# SPDX-License-Identifier: Apache-2.0
"""The page of a study in Markdown: one row a claim, one row an arm, and what a reader must know.

Of a study that was run in part only that part is told, and what was not begun is named.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from seehear.studies import store
from seehear.studies.status import Progress
from seehear.studies.store import Place
from seehear.studies.study import Claim, Score, Study
from seehear.studies.verdict import LEAST_GAIN, LEAST_SEEDS, Finding, Scores, Verdict, judge, mean_and_spread

METHOD = f"""Intervals are 95 % bootstraps over seeds, then clips, of paired differences (the same seeds and clips in
both arms). Few seeds make them too narrow: simulated, they hold the truth in 78 to 99 % of cases
(`studies/verdict.py`), in about 80 % where it says *seeds alone*. *Shown*: the interval excludes 0 with the paper's
sign; *contradicted*: with the other; *not shown*: it includes 0. An equality is shown when its interval lies inside the
margin, half of another claim's gain. *Not testable*: the paper's own gain is below {LEAST_GAIN} of the spread over
seeds of the base arm, so that it could not be seen; what came out is listed all the same, and has no part in the
verdict on the row, but a row with a contrast that could neither be seen nor came out is at best *shown in part*.
Contrasts that the paper only draws, without a figure, always count. Which of several arms is the highest or lowest was
decided for each seed by the others. Only directions must carry over from the papers' data, which are far larger."""


def gather(study: Study, place: Place, jobs: Sequence[Progress]) -> Scores:
    """What every finished job scored."""
    scores: dict[str, dict[int, Mapping[str, np.ndarray]]] = {}
    for job in jobs:
        if job.state == "done":
            folder = place.of(study, study.arm(job.arm), job.seed)
            scores.setdefault(job.arm, {})[job.seed] = store.scores(folder)
    return scores


def page(study: Study, place: Place, jobs: Sequence[Progress]) -> tuple[str, str, dict[str, Any]]:
    """The page, its drawing NAME.svg, and the same as JSON values."""
    scores = gather(study, place, jobs)
    judged = [judge(claim, scores, study.base) for claim in study.claims]
    verdicts = [begun for verdict in judged if (begun := _begun(verdict, scores)).findings]
    minutes, done = sum(job.seconds for job in jobs) / 60, sum(job.state == "done" for job in jobs)
    about = f"{done} of {len(jobs)} runs are finished ({minutes:.0f} minutes of one core by the clock, evaluation "
    about += "included). A run takes one core and only its own stages: on two cores, where two run, half as long. "
    about += f"Data {place.data_hash}, study version {study.version}, code {', '.join(_commits(study, place, jobs))}."
    claims = _table(
        ("", "claim", "what came out: means, difference and 95 % interval", "paper", "verdict"),
        [
            (
                v.claim.name,
                v.claim.text,
                "<br>".join(_told(v, study, scores)),
                v.claim.paper,
                v.word,
            )
            for v in verdicts
        ],
    )
    drawn = f"![What came out: a line a contrast, the paper's direction to the right]({study.name}.svg)"
    told = claims if verdicts else ""
    parts = [f"# {study.title}", study.settings, about, drawn, METHOD, told, "## Arms", _arms(study, scores, jobs)]
    parts += ["## Not finished", _missing(study, verdicts, jobs)] if done < len(jobs) else []
    plain = {"study": study.name, "minutes": round(minutes, 1), "claims": [_plain(verdict) for verdict in judged]}
    # With its drawing comes torch, which `seehear study --help` need not wait for.
    from seehear.studies.plot import plot

    return "\n\n".join(part for part in parts if part) + "\n", plot(study, verdicts), plain


def _begun(verdict: Verdict, scores: Scores) -> Verdict:
    """The verdict with its contrasts of which every arm has finished a seed."""
    findings = (one for one in verdict.findings if all(scores.get(arm) for arm in one.contrast.arms))
    return replace(verdict, findings=tuple(findings))


def _told(verdict: Verdict, study: Study, scores: Scores) -> list[str]:
    """The contrasts of a claim in words, and how many more it has."""
    lines = [_said(one, study, _lacking(one, verdict.claim, study, scores)) for one in verdict.findings]
    more = len(verdict.claim.contrasts) - len(lines)
    return [*lines, *([f"{more} more not run"] if more else [])]


def _lacking(finding: Finding, claim: Claim, study: Study, scores: Scores) -> str:
    """Which arms have too few seeds for a contrast, or for the margin of its claim."""
    arms, planned = (*finding.contrast.arms, *(claim.margin.arms if claim.margin else ())), study.seeds()
    there = {arm: len(scores.get(arm, {})) for arm in arms}
    few = [f"{arm} has {count} of {planned[arm]} seeds" for arm, count in there.items() if count < LEAST_SEEDS]
    return ", ".join(few) or f"fewer than {LEAST_SEEDS} seeds in common"


def _said(finding: Finding, study: Study, lacking: str) -> str:
    """One contrast in words and figures, or what it lacks."""
    contrast, interval = finding.contrast, finding.interval
    what, metrics = study.words(contrast)
    if interval is None or finding.better is None:
        return f"{what}, {metrics}: not run ({lacking})"
    means = f"{finding.better:.3f}" + (f" - {finding.worse:.3f}" if finding.worse is not None else "")
    range_ = f"{interval.mean:+.3f} [{interval.low:+.3f}, {interval.high:+.3f}]"
    notes = [f"{interval.seeds} seeds{' alone' * (interval.items == 1)}", finding.word]
    notes += [f"margin {finding.margin:.3f}"] if finding.margin is not None else []
    notes += (
        []
        if finding.testable
        else [f"but not testable: expected {contrast.plausible:.3f}, spread {finding.spread:.3f}"]
    )
    notes += ["reported only"] if contrast.reported else []
    return f"{what}, {metrics}: {means} = {range_} ({', '.join(notes)})"


def _arms(study: Study, scores: Scores, jobs: Sequence[Progress]) -> str:
    """Mean and standard deviation over seeds of every arm."""
    rows = []
    for arm in study.arms:
        seconds = [job.seconds for job in jobs if job.arm == arm.name and job.state == "done"]
        if not seconds:
            continue
        cells = []
        for metric in study.columns.values():
            found = mean_and_spread(scores, Score(arm.name, (metric,)))
            cells.append(f"{found[0]:.3f} ± {found[1]:.3f}" if found else "")
        rows.append((arm.name, str(len(seconds)), *cells, f"{np.mean(seconds) / 60:.1f}"))
    return _table(("arm", "seeds", *study.columns, "minutes of one core a seed"), rows)


def _missing(study: Study, verdicts: Sequence[Verdict], jobs: Sequence[Progress]) -> str:
    """A line an arm and state, why what failed did, and a line for all that was not begun."""
    begun = {job.arm for job in jobs if job.state != "waiting"}
    seeds: dict[tuple[str, str, str], list[str]] = {}
    for job in jobs:
        if job.state != "done" and job.arm in begun:
            seeds.setdefault((job.arm, job.state, job.why), []).append(str(job.seed))
    lines = [
        f"- {arm}, seeds {', '.join(which)}: {state}{f' ({why})' if why else ''}"
        for (arm, state, why), which in seeds.items()
    ]
    told = {verdict.claim.name for verdict in verdicts}
    claims = [claim.name for claim in study.claims if claim.name not in told]
    arms = [arm.name for arm in study.arms if arm.name not in begun]
    lines += [f"- not begun: {', '.join(arms)}"] if arms else []
    lines += [f"- claims of which nothing can be said: {', '.join(claims)}"] if claims else []
    return "\n".join(lines)


def _commits(study: Study, place: Place, jobs: Sequence[Progress]) -> list[str]:
    folders = (place.of(study, study.arm(job.arm), job.seed) for job in jobs if job.state == "done")
    return sorted({str(store.numbers(folder)["commit"]) for folder in folders}) or ["-"]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _plain(verdict: Verdict) -> dict[str, Any]:
    findings = [
        {
            "better": [vars(score) for score in finding.contrast.better],
            "worse": [vars(score) for score in finding.contrast.worse],
            "word": finding.word,
            "testable": finding.testable,
            "interval": vars(finding.interval) if finding.interval else None,
            "means": [finding.better, finding.worse],
            "margin": finding.margin,
            "spread": finding.spread,
        }
        for finding in verdict.findings
    ]
    return {"claim": verdict.claim.name, "verdict": verdict.word, "findings": findings}
