# SPDX-License-Identifier: Apache-2.0
"""Packing: clips/s of one and of two workers (4 s, 96x96, 10 frames/s, mono), scanning, and how good the prediction is.

python bench/pack.py [--clips 300] [--json docs/results/bench/pack.json]
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np

from seehear.atomic import write_json
from seehear.data.pack import pack
from seehear.media.encode import encode
from seehear.media.scan import scan

SIDE, FPS, SECONDS, RATE = 96, 10, 4.0, 24000


def make(folder: Path, clips: int) -> float:
    """Write the sources: a textured ground that scrolls, tones with noise; returns clips/s of encoding."""
    spent = 0.0
    for seed in range(clips):
        random = np.random.default_rng(seed)
        ground = cv2.GaussianBlur(random.integers(0, 255, (2 * SIDE, 3 * SIDE, 3), dtype=np.uint8), (0, 0), 3)
        ground = cv2.normalize(ground, None, 0, 255, cv2.NORM_MINMAX)
        shown = [ground[k : k + SIDE, 2 * k : 2 * k + SIDE] for k in range(round(SECONDS * FPS))]
        t = np.arange(round(SECONDS * RATE)) / RATE
        heard = 0.2 * np.sin(2 * np.pi * (200 + 10 * seed) * t) + 0.03 * random.standard_normal(len(t))
        started = time.perf_counter()
        encode(folder / f"{seed:04d}.mp4", shown, FPS, heard[None].astype(np.float32), RATE)
        spent += time.perf_counter() - started
    return clips / spent


def main() -> None:
    """Measure, print and write the numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=300)
    parser.add_argument("--json", type=Path, default=Path("docs/results/bench/pack.json"))
    chosen = parser.parse_args()
    rows: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        rows["encode clips/s"] = make(folder / "media", chosen.clips)
        started = time.perf_counter()
        scan(folder / "media", workers=1, quiet=True)
        rows["scan files/s, 1 worker"] = chosen.clips / (time.perf_counter() - started)
        for profile in ("jpeg", "h264"):
            for workers in (1, 2):
                target = folder / f"{profile}{workers}"
                done = pack(folder / "media", target, profile=profile, workers=workers, quiet=True)
                rows[f"pack {profile} clips/s, {workers} workers"] = chosen.clips / done["seconds_taken"]
                rows[f"pack {profile} bytes predicted/actual, {workers} workers"] = (
                    done["predicted_bytes"] / done["bytes"]
                )
                rows[f"pack {profile} seconds predicted/actual, {workers} workers"] = (
                    done["predicted_seconds"] / done["seconds_taken"]
                )
    write_json(chosen.json, {"setting": f"{chosen.clips} clips of {SECONDS} s, {SIDE}x{SIDE}", "rows": rows})
    for name, value in rows.items():
        print(f"{name:48} {value:8.2f}")


if __name__ == "__main__":
    main()
