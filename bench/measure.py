# SPDX-License-Identifier: Apache-2.0
"""What every bench shares: interleaved repeats, means with standard errors, and the JSON behind docs/bench.md."""

import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "bench"


def interleaved(
    arms: dict[str, Callable[[], object]], repeats: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, np.ndarray]:
    """Seconds of each arm, measured in turns so that a slow minute of the machine hits all of them alike.

    With `time.process_time` as the clock, other work on the machine does not count at all.
    """
    for arm in arms.values():
        arm()
    seconds: dict[str, list[float]] = {name: [] for name in arms}
    for _ in range(repeats):
        for name, arm in arms.items():
            before = clock()
            arm()
            seconds[name].append(clock() - before)
    return {name: np.array(one) for name, one in seconds.items()}


def mean_and_error(values: np.ndarray) -> tuple[float, float]:
    """Mean and standard error of the mean."""
    return float(values.mean()), float(values.std(ddof=1) / len(values) ** 0.5)


def write(name: str, numbers: dict[str, Any]) -> None:
    """Print the numbers and keep them with the machine they were measured on."""
    machine = {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()}
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps({"machine": machine, **numbers}, indent=2) + "\n")
    print(json.dumps(numbers, indent=2))
