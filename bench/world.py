# SPDX-License-Identifier: Apache-2.0
"""Speed of the procedural world on one core: picture, sound and encoding timed apart, in times real time.

Two formats: 10 s at 160x160 (the goal is 20 times real time, encoding included) and the quickstart's 4 s at 96x96.
Every repeat renders the same twenty scenes, one of each class. Times are those of the processor, summed over threads,
so that other work on the machine does not count; "wall" is by the clock, waiting for the disk included. "import" is how
long a worker process takes to load what it needs, once.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from measure import mean_and_error, write
from seehear.media.encode import encode
from seehear.world.draw import draw_scene
from seehear.world.picture import see
from seehear.world.scene import Shot
from seehear.world.sound import hear

SCENES, REPEATS, SEED = 20, 5, 900_200
FORMATS = {"10 s at 160x160": (10.0, Shot(160, 160)), "4 s at 96x96": (4.0, Shot())}


def main() -> None:
    """Measure, print and keep the numbers."""
    numbers: dict[str, Any] = {name: timed(*what) for name, what in FORMATS.items()}
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import seehear.world.files"], check=True)
    numbers["import_seconds"] = time.perf_counter() - started
    numbers["goal"] = "real_time of 10 s at 160x160 >= 20 on one core, encoding included"
    write("world", numbers)


def timed(duration: float, shot: Shot) -> dict[str, float]:
    """Milliseconds a scene of each part, and times real time of the whole, with standard errors over the repeats."""
    parts: dict[str, list[float]] = {"draw": [], "picture": [], "sound": [], "encoding": []}
    wall = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(REPEATS + 1):
            spent = dict.fromkeys(parts, 0.0)
            started = time.perf_counter()
            for index in range(SCENES):
                marks = [time.process_time()]
                scene = draw_scene(SEED, index, duration=duration)
                marks.append(time.process_time())
                frames = see(scene, shot).frames
                marks.append(time.process_time())
                sound = hear(scene, shot).sound
                marks.append(time.process_time())
                encode(Path(folder) / f"{index}.mp4", frames, shot.fps, sound, shot.rate)
                marks.append(time.process_time())
                for name, seconds in zip(parts, np.diff(marks), strict=True):
                    spent[name] += float(seconds)
            wall.append(time.perf_counter() - started)
            for name, seconds in spent.items():
                parts[name].append(seconds)
    # The first round fills the caches of backgrounds, rooms and noises.
    kept = {name: np.array(values[1:]) for name, values in parts.items()}
    numbers = {f"{name}_ms": mean_and_error(1e3 * values / SCENES)[0] for name, values in kept.items()}
    speed, error = mean_and_error(SCENES * duration / sum(kept.values()))
    by_clock = SCENES * duration / float(np.mean(wall[1:]))
    return {**numbers, "real_time": speed, "real_time_error": error, "wall_real_time": by_clock}


if __name__ == "__main__":
    main()
