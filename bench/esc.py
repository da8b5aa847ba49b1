# SPDX-License-Identifier: Apache-2.0
"""Real sounds, ESC-10 and fold 4 of ESC-50, read by support vector machines from encoders that never heard them.

`python bench/esc.py RUN DATA`: a run of the quickstart; DATA holds the folders esc10 (`CLASS/FOLD-SOURCE-TAKE.ogg`) and
esc50_fold4 with esc50_fold4.csv (columns file, category, freesound_id). 10 windows a clip; accuracy of the mean
decision, averaged over folds that never share a recording: the official ones of ESC-10, and five that are drawn for the
fold of ESC-50. Beside the run: random weights, mean and spread over time of the very same spectrograms, and of 64
log-mel bands (20 ms apart, 60 Hz to 8 kHz), which also know how loud each band is.
"""

import csv
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from measure import write
from seehear import checkpoint
from seehear.data import public
from seehear.data.labels import Label
from seehear.data.library import Library
from seehear.data.pack import pack
from seehear.evals import statistics
from seehear.evals.evaluate import evaluate
from seehear.evals.features import Splits, extract_all
from seehear.evals.svm import svm
from seehear.signal.spectrogram import LogSpectrogram

WINDOWS, BANDS, RATE, SIZE = 10, 64, 16_000, 512


def main() -> None:
    """Pack, measure, print and keep the numbers."""
    run, data = Path(sys.argv[1]), Path(sys.argv[2])
    model = checkpoint.load(run)
    listed = {
        "ESC-10": (data / "esc10", public.read("esc10", data / "esc10").labels),
        "ESC-50 fold 4": (data / "esc50_fold4", fold_four(data / "esc50_fold4.csv")),
    }
    sets = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (sounds, labels) in listed.items():
            pack(sounds, Path(folder) / name, rate=RATE, labels=labels, needs="sound", quiet=True)
            sets[name] = measure(model, Library(Path(folder) / name))
    about = {key: model.run.get(key, "unknown") for key in ("name", "seed", "commit", "data_hash")}
    write("esc", {"run": about, "windows": WINDOWS, "sets": sets})


def fold_four(path: Path) -> dict[str, Label]:
    """The classes and recordings of the sounds of one fold; nothing is held out, so that folds are drawn."""
    with path.open(newline="", encoding="utf-8") as file:
        return {
            Path(row["file"]).name: Label(row["category"], truth={"recording": row["freesound_id"]})
            for row in csv.DictReader(file)
        }


def measure(model: checkpoint.Model, library: Library) -> dict[str, object]:
    """Accuracies by row, and what they were measured on."""
    (result,) = evaluate(["svm"], model, library, count=WINDOWS)
    front = LogSpectrogram(rate=RATE, window=SIZE, hop=RATE // 50, frames=50)
    found = extract_all({"mel": mel}, replace(model.views, front=front), library, WINDOWS)["mel"]
    nothing = found.take(torch.zeros(0, dtype=torch.long).numpy())
    rows = {**result.rows, "log-mel statistics": svm(Splits(nothing, nothing, found), torch.Generator().manual_seed(0))}
    kept = [f"audio/{kind}/{name}" for kind in ("unpooled", "pooled") for name in ("averaged", "spread", "clip")]
    return {
        "clips": len(library),
        "recordings": len(set(library.catalog.recordings)),
        "classes": len(library.catalog.classes),
        "folds": result.split,
        "rows": {row: {name: numbers[name] for name in kept} for row, numbers in rows.items()},
    }


def mel(views: dict[str, Tensor]) -> dict[str, Tensor]:
    """Mean and standard deviation over time of log-mel bands, out of a spectrogram in decibels."""
    edges = torch.linspace(*(2595 * torch.tensor([1 + 60 / 700, 1 + RATE / 2 / 700]).log10()), BANDS + 2)
    low, centre, high = (700 * (10 ** (edges[i : i + BANDS] / 2595) - 1) for i in range(3))
    bins = torch.arange(SIZE // 2 + 1)[:, None] * RATE / SIZE
    triangles = torch.minimum((bins - low) / (centre - low), (high - bins) / (high - centre)).clamp(min=0)
    # Below 500 Hz some bands are narrower than a bin: each gets its nearest.
    nearest = torch.nn.functional.one_hot((bins - centre).abs().argmin(0), len(bins)).T.float()
    power = 10 ** (views["audio"] / 10) @ torch.where(triangles.sum(0) > 0, triangles, nearest)
    return {"audio/mel": statistics.bands(power.clamp(min=1e-10).log10())}


if __name__ == "__main__":
    main()
