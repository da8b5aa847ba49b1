# SPDX-License-Identifier: Apache-2.0
"""What a study is, as data: arms that are trained, claims that compare them, and how many seeds each needs.

A score is a metric of an arm (or the mean of several metrics); a contrast is a difference of two scores, written so
that the paper's sign is positive; a claim holds one contrast or several.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from seehear.errors import InputError

if TYPE_CHECKING:
    from seehear.run import Run

Kind = Literal["direction", "equality", "shape"]


@dataclass(frozen=True)
class Arm:
    """One experiment: `build(data, seed, **arguments)` makes its Run, `measures` are what is measured of it.

    An arm with a `start` begins with the stages of that arm, which are trained once a seed, and adds its own.
    """

    name: str
    build: "Callable[..., Run]"
    arguments: Mapping[str, Any] = field(default_factory=dict)
    start: str | None = None
    measures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Score:
    """The mean of some metrics of an arm; metrics are named "measure:metric", `label` is what a page calls them."""

    arm: str
    metrics: tuple[str, ...]
    label: str = ""


@dataclass(frozen=True)
class Contrast:
    """The highest score of `better` minus the lowest of `worse`, or minus 0 without any.

    Which of several scores counts in a seed is decided by the other seeds, because the highest of several is too high
    in the seeds that chose it. `plausible` is the gain the paper leads one to expect; a contrast that only is
    `reported` has no part in the verdict.
    """

    better: tuple[Score, ...]
    worse: tuple[Score, ...] = ()
    plausible: float | None = None
    reported: bool = False

    @property
    def arms(self) -> tuple[str, ...]:
        """All arms that are compared."""
        return tuple(dict.fromkeys(score.arm for score in (*self.better, *self.worse)))

    def needs(self, measure: str) -> bool:
        """Whether a metric of this measure is compared."""
        return any(_of(measure, metric) for score in (*self.better, *self.worse) for metric in score.metrics)


@dataclass(frozen=True)
class Claim:
    """What a paper claims, and its own figures. An equality holds within half the gain of the contrast `margin`."""

    name: str
    text: str
    paper: str
    contrasts: tuple[Contrast, ...]
    kind: Kind = "direction"
    margin: Contrast | None = None
    seeds: int = 3


@dataclass(frozen=True)
class Study:
    """Arms in the order they are trained in, and claims; 5 seeds of the arm `base` tell what can be tested at all.

    `columns` are the metrics, by title, that a page shows of every arm, and `settings` says how arms are trained.
    `version` changes with anything that changes numbers and is not an argument of an arm. Raises ValueError for an arm
    that is not there, or not before the arm that starts from it.
    """

    name: str
    title: str
    arms: tuple[Arm, ...]
    claims: tuple[Claim, ...]
    base: str
    columns: Mapping[str, str] = field(default_factory=dict)
    settings: str = ""
    version: int = 1

    def __post_init__(self) -> None:
        names = [arm.name for arm in self.arms]
        for place, arm in enumerate(self.arms):
            if arm.start is not None and arm.start not in names[:place]:
                raise ValueError(f"expected arm {arm.start} before {arm.name}, which starts from it")
        missing = {arm for claim in self.claims for arm in needed(claim)} | {self.base}
        if missing - set(names) or len(set(names)) < len(names):
            raise ValueError(f"expected every arm once, got {names} and claims on {sorted(missing - set(names))}")

    def arm(self, name: str) -> Arm:
        """The arm of this name; raises InputError when there is none."""
        for arm in self.arms:
            if arm.name == name:
                return arm
        raise InputError(f"expected an arm of {', '.join(arm.name for arm in self.arms)}, got {name!r}")

    def words(self, contrast: Contrast) -> tuple[str, str]:
        """Which arms a contrast compares, and by which metrics."""
        titles = {metric: title for title, metric in self.columns.items()}
        sides = contrast.better, contrast.worse
        better, worse = (" or ".join(dict.fromkeys(score.arm for score in side)) for side in sides)
        labels = (
            dict.fromkeys(score.label or " + ".join(titles.get(one, one) for one in score.metrics) for score in side)
            for side in sides
        )
        metrics = dict.fromkeys(" or ".join(names) for names in labels if names)
        return f"{better} - {worse}" if worse and worse != better else better, " - ".join(metrics)

    def without(self, measure: str) -> "Study":
        """The study without one of its measures, and without the contrasts and columns that need it."""
        arms = (replace(arm, measures=tuple(one for one in arm.measures if one != measure)) for arm in self.arms)
        claims = (
            replace(claim, contrasts=tuple(one for one in claim.contrasts if not one.needs(measure)))
            for claim in self.claims
        )
        columns = {title: metric for title, metric in self.columns.items() if not _of(measure, metric)}
        return replace(self, arms=tuple(arms), claims=tuple(claims), columns=columns)

    def seeds(self) -> dict[str, int]:
        """How many seeds each arm is trained with: the most that a claim on it, or an arm started from it, needs."""
        counts = {arm.name: 5 if arm.name == self.base else 3 for arm in self.arms}
        for claim in self.claims:
            for name in needed(claim):
                counts[name] = max(counts[name], claim.seeds)
        for arm in reversed(self.arms):
            if arm.start is not None:
                counts[arm.start] = max(counts[arm.start], counts[arm.name])
        return counts

    def plan(self, arms: Sequence[str] = (), seeds: Sequence[int] = ()) -> list[tuple[Arm, int]]:
        """Jobs (arm, seed) in order: all, or only those of some arms and what they start from, and of some seeds.

        Raises InputError for an arm that is not there, and when no job is left.
        """
        wanted = {self.arm(name).name for name in arms} or {arm.name for arm in self.arms}
        for arm in reversed(self.arms):
            if arm.name in wanted and arm.start is not None:
                wanted.add(arm.start)
        counts = self.seeds()
        chosen = [arm for arm in self.arms if arm.name in wanted]
        jobs = [(arm, seed) for arm in chosen for seed in range(counts[arm.name]) if not seeds or seed in seeds]
        if not jobs:
            raise InputError(f"expected seeds from 0 to {max(counts.values()) - 1}, got {' '.join(map(str, seeds))}")
        return jobs


def needed(claim: Claim) -> list[str]:
    """The arms that a claim compares, its margin included."""
    contrasts = (*claim.contrasts, *((claim.margin,) if claim.margin else ()))
    return list(dict.fromkeys(arm for contrast in contrasts for arm in contrast.arms))


def _of(measure: str, metric: str) -> bool:
    return metric.partition(":")[0] == measure
