# SPDX-License-Identifier: Apache-2.0
"""Speed of the procedural world on one core: picture, sound and encoding timed apart, in times real time.

Flat: 10 s at 160x160 (the goal is 20 times real time, encoding included) and the quickstart's 4 s at 96x96. Surround:
10 s at 320x160 with four sources, 20 times real time with FOA and without tail, 5 times with tail, masks, flow, SOA and
the rig of eight ears. Every repeat renders the same twenty scenes. Times are those of the processor, so that other work
on the machine counts only by what it takes from caches and from the other thread of a core; "wall" is by the clock,
waiting for the disk included. "import" is how long a worker process takes to load what it needs, once.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from measure import mean_and_error, write
from seehear.media.encode import encode
from seehear.world import picture, sound, surround_picture, surround_sound
from seehear.world.draw import draw_scene
from seehear.world.scene import Shot
from seehear.world.surround_draw import draw_surround
from seehear.world.surround_render import SurroundRecording, write_surround
from seehear.world.surround_shot import SurroundDials, SurroundShot

SCENES, REPEATS, SEED = 20, 5, 900_200
FLAT = {"10 s at 160x160": (10.0, Shot(160, 160)), "4 s at 96x96": (4.0, Shot())}
FOUR = SurroundDials(least=4, most=4)
LEAN, FULL = "360°, 4 sources, FOA, no tail", "360°, 4 sources, SOA, tail, rig, masks, flow"
SURROUND = {
    f"{LEAN}, 48 kHz": SurroundShot(tail=False, rate=48_000),
    f"{LEAN}, 24 kHz": SurroundShot(tail=False),
    f"{FULL}, 48 kHz": SurroundShot(sound="soa", rig=True, masks=True, flow=True, rate=48_000),
}
GOALS = {"10 s at 160x160": 20, f"{LEAN}, 48 kHz": 20, f"{LEAN}, 24 kHz": 20, f"{FULL}, 48 kHz": 5}
Parts = tuple[Callable[[int], Any], Callable[[Any], Any], Callable[[Any], Any], Callable[[Any, Any, Path], None]]
"""How a scene is drawn from its index, seen, heard, and written."""


def main() -> None:
    """Measure, print and keep the numbers."""
    torch.set_num_threads(1)
    numbers: dict[str, Any] = {name: timed(flat(*what), what[0]) for name, what in FLAT.items()}
    numbers |= {name: timed(surround(shot), 10.0) for name, shot in SURROUND.items()}
    for module in ("files", "surround_render"):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", f"import seehear.world.{module}"], check=True)
        numbers[f"import_{module}_seconds"] = time.perf_counter() - started
    write("world", numbers | {"goals": GOALS})


def flat(duration: float, shot: Shot) -> Parts:
    """The parts of a flat scene."""

    def store(seen: Any, heard: Any, path: Path) -> None:
        encode(path, seen.frames, shot.fps, heard.sound, shot.rate)

    return (
        lambda index: draw_scene(SEED, index, duration=duration),
        lambda scene: picture.see(scene, shot),
        lambda scene: sound.hear(scene, shot),
        store,
    )


def surround(shot: SurroundShot) -> Parts:
    """The parts of a surround scene of 10 s."""
    nowhere = np.zeros((4, 100, 3))
    return (
        lambda index: draw_surround(SEED, index, FOUR, 10.0),
        lambda scene: surround_picture.see(scene, shot),
        lambda scene: surround_sound.hear(scene, shot),
        lambda seen, heard, path: write_surround(SurroundRecording(shot, seen, heard, nowhere), path),
    )


def timed(of: Parts, duration: float) -> dict[str, float]:
    """Milliseconds a scene of each part, and times real time of the whole, with standard errors over the repeats."""
    draw, see, hear, store = of
    parts: dict[str, list[float]] = {"draw": [], "picture": [], "sound": [], "encoding": []}
    wall = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(REPEATS + 1):
            spent = dict.fromkeys(parts, 0.0)
            started = time.perf_counter()
            for index in range(SCENES):
                marks = [time.process_time()]
                scene = draw(index)
                marks.append(time.process_time())
                seen = see(scene)
                marks.append(time.process_time())
                heard = hear(scene)
                marks.append(time.process_time())
                store(seen, heard, Path(folder) / f"{index}.mp4")
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
