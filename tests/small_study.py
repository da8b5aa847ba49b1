"""A miniature study, in a module of its own so that other processes can find it."""

import os
from dataclasses import replace

import numpy as np

from seehear.optim import Adam
from seehear.run import Run, Stage
from seehear.studies.study import Arm, Claim, Contrast, Score, Study
from seehear.tasks.cma import CMA
from small import make_run, make_shelf

METRIC = "retrieval:instance/mean/r1"


def first(data, seed, epochs=2):
    """Warm-up, fill and bank stages."""
    return make_run(seed)


def second(data, seed, epochs=2, weight=1.0):
    """The same stages, and one with mined positives."""
    run = make_run(seed)
    task = CMA(run.stages[-1].task, weight=weight, positives=3, refresh=1)
    run.stages.append(Stage("cma", task, epochs, Adam(2e-3)))
    return run


def broken(data, seed):
    """Cannot be built."""
    raise RuntimeError("this arm cannot be built")


def lost(data, seed):
    """Ends its process without a word."""
    os._exit(7)


def untouched(data, seed) -> Run:
    """Random weights."""
    return replace(make_run(seed), stages=[])


def make_study(version=1, weight=1.0, *more: Arm) -> Study:
    """Two arms, of which the second goes on from the first."""
    measures = ("retrieval", "calibration")
    arms = (Arm("first", first, measures=measures), Arm("second", second, {"weight": weight}, "first", measures), *more)
    contrast = Contrast((Score("second", (METRIC,)),), (Score("first", (METRIC,)),), 0.5)
    claim = Claim("S1", "the second is better", "1 > 0", (contrast,), seeds=2)
    return Study("small", "A small study", arms, (claim,), "first", {"own sound": METRIC}, "Tiny.", version)


def scores_of(**arms):
    """Item scores of one metric "m" by arm and seed, out of arrays [seeds, items]."""
    return {arm: {seed: {"m": row} for seed, row in enumerate(np.atleast_2d(rows))} for arm, rows in arms.items()}


def long(data, seed):
    """Takes until it is stopped."""
    run = make_run(seed)
    run.stages = [replace(run.stages[0], epochs=100_000)]
    return run


def make_long_study() -> Study:
    """One arm that takes until it is stopped."""
    return Study("long", "A long study", (Arm("long", long),), (), "long")


def make_sounds(count=18):
    """Sounds of three classes in two official folds, as a shelf of sounds alone."""
    shelf = make_shelf(count, seed=1)
    truth = {"modalities": (("audio",),) * count, "fold": tuple(1 + row % 2 for row in range(count))}
    shelf.catalog = replace(shelf.catalog, splits=("test",) * count, truth=truth)
    return shelf
