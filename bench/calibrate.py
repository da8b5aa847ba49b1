# SPDX-License-Identifier: Apache-2.0
"""Calibrate the procedural world: supervised bound, random encoder, plain statistics, on seeds that nothing else uses.

600 training, 100 validation and 200 test scenes; the views, nets and updates of a tiny run. "supervised" is the test
accuracy of the classifiers trained with labels, "random" a linear probe on the pooled output of random encoders
("random_best": on the best of all their blocks), "statistics" one on colour histograms and on mean and standard
deviation of the log spectrogram's bands, all averaged over the windows of a clip ("..._window": of single windows).

    python bench/calibrate.py [--seeds 900001 900002] [--nuisance 1.0] [--ship]

With --ship the table is also written to src/seehear/world/calibration.json, which the package shows as its bound.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from measure import write
from seehear import atomic
from seehear.checkpoint import Model
from seehear.evals.evaluate import gather
from seehear.evals.linear_probe import linear_probe
from seehear.optim import Adam, cosine, warmed
from seehear.recipes.avid import avid_model
from seehear.run import Run, Stage
from seehear.tasks.supervised import Supervised
from seehear.train import fit
from seehear.world.classes import CLASSES
from seehear.world.plan import WORLD_VERSION, Plan
from seehear.world.scene import Dials, Shot
from seehear.world.shelf import World

EPOCHS, RATE, WINDOWS = 38, 3e-3, 4  # 38 epochs of 18 whole batches: 684 updates
SHOT = Shot(64, 64, 10.0, 16_000)
"""Size and rate of the library that a quickstart packs, so that nothing is resampled at every step."""
FIRST_SEED = 900_000
GOALS = {"supervised": ">= 0.85", "random": "< 0.35", "statistics": "< 0.50"}
MODALITIES = ("video", "audio")
Table = dict[str, dict[str, float]]


def main() -> None:
    """Measure every seed, print, and keep the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, nargs="+", default=[900_001, 900_002, 900_003])
    parser.add_argument("--nuisance", type=float, default=1.0)
    parser.add_argument("--ship", action="store_true")
    options = parser.parse_args()
    if min(options.seeds) < FIRST_SEED:
        parser.error(f"calibration seeds begin at {FIRST_SEED}")
    tables = {str(seed): measure(seed, options.nuisance) for seed in options.seeds}
    mean = {
        modality: {row: float(np.mean([table[modality][row] for table in tables.values()])) for row in rows}
        for modality, rows in next(iter(tables.values())).items()
    }
    numbers: dict[str, Any] = {
        "world": WORLD_VERSION,
        "nuisance": options.nuisance,
        "updates": EPOCHS * (600 // 32),
        "windows": WINDOWS,
        "goals": GOALS,
        "mean": mean,
        "seeds": tables,
    }
    write("calibration", numbers)
    if options.ship:
        atomic.write_json(Path(__file__).parents[1] / "src/seehear/world/calibration.json", numbers)


def measure(seed: int, nuisance: float) -> Table:
    """The table of one seed: modality -> row -> accuracy."""
    started = time.monotonic()
    shelf = World(Plan(600, 100, 200, seed, shot=SHOT, dials=Dials(nuisance=nuisance)))
    model = avid_model("tiny", seed)
    task = Supervised({name: encoder.dimension for name, encoder in model.encoders.items()}, len(CLASSES))
    stage = Stage("supervised", task, EPOCHS, Adam(RATE, 1e-5), warmed(cosine, 30))
    fit(Run("calibration", model, shelf.split("train"), [stage], 32, seed), quiet=True)
    rows = evaluated(model, task, shelf, seed)
    for modality, row in rows.items():
        print(seed, modality, {name: round(value, 3) for name, value in row.items()}, flush=True)
    print(f"{time.monotonic() - started:.0f} s", flush=True)
    return rows


def evaluated(model: Model, task: Supervised, shelf: World, seed: int) -> Table:
    """Classifier, probes and statistics on the test scenes."""
    split = np.asarray(shelf.catalog.splits)
    division = {name: np.flatnonzero(split == name) for name in ("train", "validation", "test")}
    rows = gather(model, shelf, division, WINDOWS, 1, False, seed, "cpu", 64, 0, True)
    generator = torch.Generator().manual_seed(seed)
    random = linear_probe(rows["random"], generator)
    statistics = linear_probe(rows["statistics"], generator)
    probe = linear_probe(rows["trained"], generator)
    test = rows["trained"].test
    table: Table = {}
    for modality in MODALITIES:
        with torch.no_grad():
            scores = task.classifiers[modality](test.features[f"{modality}/pool"]).softmax(-1)
        right = scores.mean(1).argmax(1) == test.labels
        single = scores.argmax(-1) == test.labels[:, None]
        numbers = {
            "supervised": right.float().mean(),
            "supervised_window": single.float().mean(),
            "supervised_probe": probe[f"{modality}/best/averaged"],
            "random": random[f"{modality}/pool/averaged"],
            "random_window": random[f"{modality}/pool/clip"],
            "random_best": random[f"{modality}/best/averaged"],
            "statistics": statistics[f"{modality}/best/averaged"],
            "statistics_window": statistics[f"{modality}/best/clip"],
            "chance": 1 / len(CLASSES),
        }
        table[modality] = {name: float(value or 0.0) for name, value in numbers.items()}
    return table


if __name__ == "__main__":
    main()
