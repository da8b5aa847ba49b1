# SPDX-License-Identifier: Apache-2.0
"""The whole evaluation at the size of the quickstart, and its linear probe beside scikit-learn's.

600 training, 100 validation and 200 test clips of 4 s at 64 x 80 pixels, 3 windows each; trained and random encoders of
width 16, both modalities, every block; then the page.
"""

import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from measure import write
from seehear.data.catalog import ArrayClip, ArrayClips, Catalog
from seehear.evals import logistic
from seehear.evals.evaluate import PROTOCOLS, evaluate
from seehear.evals.features import extract
from seehear.recipes.avid import avid_model
from seehear.report import write_report

COUNTS = {"train": 600, "validation": 100, "test": 200}
CLASSES, WINDOWS, STRENGTH = 20, 3, 0.01


def shelf() -> ArrayClips:
    """Clips of noise over a pattern and a chord of their class."""
    generator, total = np.random.default_rng(0), sum(COUNTS.values())
    patterns = generator.integers(0, 60, (CLASSES, 64, 80, 3))
    time_axis = np.arange(4 * 16_000) / 16_000
    clips = []
    for item in range(total):
        label = item % CLASSES
        frames = (patterns[label] + generator.integers(0, 190, (64, 64, 80, 3))).astype(np.uint8)
        tone = np.sin(2 * np.pi * 200 * (label + 1) * time_axis) + generator.standard_normal(len(time_axis))
        sound = (0.1 * tone)[None].astype(np.float32)
        clips.append(ArrayClip(frames, 16.0, sound, 16_000, item, label, str(item)))
    splits = tuple(name for name, count in COUNTS.items() for _ in range(count))
    items, names = np.arange(total), tuple(str(number) for number in range(CLASSES))
    sources = tuple(str(item) for item in range(total))
    return ArrayClips(clips, Catalog(items, np.full(total, 4.0), items % CLASSES, sources, splits, names))


def main() -> None:
    """Measure, print and keep the numbers."""
    clips, model = shelf(), avid_model("tiny", 0)
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder)
        before = time.perf_counter()
        evaluate(list(PROTOCOLS), model, clips, run, count=WINDOWS, seed=1, quiet=True)
        evaluated = time.perf_counter()
        write_report([run], run / "report.html")
        reported = time.perf_counter()
        size = (run / "report.html").stat().st_size
    found = extract(model, clips.split("train"), WINDOWS, quiet=True)
    rows, labels = found.features["video/block3"].flatten(0, 1), found.labels.repeat_interleave(WINDOWS)
    started = time.perf_counter()
    (ours,) = logistic.path(rows, labels, CLASSES, (STRENGTH,))
    ended = time.perf_counter()
    standard = ((rows - ours.mean) / ours.scale).double().numpy()
    reference = LogisticRegression(C=1 / (STRENGTH * len(rows)), tol=1e-8, max_iter=10_000).fit(
        standard, labels.numpy()
    )
    difference = np.abs(ours.probabilities(rows).numpy() - reference.predict_proba(standard)).max()
    write(
        "evaluation",
        {
            "threads": torch.get_num_threads(),
            "evaluate_seconds": evaluated - before,
            "report_seconds": reported - evaluated,
            "report_bytes": size,
            "probe_rows_by_numbers": list(rows.shape),
            "probe_seconds": ended - started,
            "scikit_learn_seconds": time.perf_counter() - ended,
            "largest_difference_of_a_probability": float(difference),
        },
    )


if __name__ == "__main__":
    main()
