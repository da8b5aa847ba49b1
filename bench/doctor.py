# SPDX-License-Identifier: Apache-2.0
"""How long `seehear doctor` takes on 10 s of media, start-up included, how often it is right, and how fast `view` is.

The command runs as a process of its own; "wall" is by the clock with whatever else the machine does, "processor" is
what the process used. Right, open and wrong are shares of made-up recordings of 2 s at 16 kHz whose truth is known: 1
to 30 plane waves from random directions (as many on the horizon as not, in half of the cases without height), that come
and go or stay, with noise 10 to 40 dB under W in every channel; first order in three conventions, orders 2 and 3 in the
three and in FuMa order with SN3D weights. "Open" says that it cannot be told. `view` paints 1280x640, encoding
included, in times real time of the processor.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from measure import mean_and_error, write
from seehear.doctor.convention import Said, convention
from seehear.doctor.sound import measure
from seehear.media.encode import encode
from seehear.media.probe import probe
from seehear.media.tags import Ambisonic, Spherical, Tags
from seehear.overlay.view import Recording, view
from seehear.spatial.ambisonics import encode as ambisonic
from seehear.spatial.binaural import to_stereo
from seehear.spatial.directions import equirectangular
from seehear.spatial.harmonics import convert

REPEATS, SEEDS, RATE = 10, 60, 48_000
SIZES = {"order 1, Opus, 1920x960": (1, ".mp4", True), "order 3, PCM, 1920x960": (3, ".mov", True)}
SIZES["order 1, PCM, no picture"] = (1, ".mov", False)
CONVENTIONS = (("ACN", "SN3D"), ("ACN", "N3D"), ("FuMa", "FuMa"), ("FuMa", "SN3D"))


def main() -> None:
    """Measure, print and keep the numbers."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        files = {name: made(Path(folder), number, *what) for number, (name, what) in enumerate(SIZES.items())}
        spent: dict[str, list[tuple[float, float]]] = {name: [] for name in files}
        for _ in range(REPEATS + 1):
            for name, file in files.items():
                spent[name].append(timed(file))
        seconds = {name: summary(np.array(rows[1:])) for name, rows in spent.items()}
        first = next(iter(files.values()))
        recording = Recording(first, probe(first), tuple(range(4)), (1.0,) * 4)
        before = time.process_time()
        view(recording, Path(folder) / "map.mp4", to_stereo, quiet=True)
        painted = 10 / (time.process_time() - before)
    right = {f"order {order}": shares(order) for order in (1, 2, 3)}
    numbers = {"seconds": seconds, "right": right, "view_real_time": painted, "repeats": REPEATS, "seeds": SEEDS}
    write("doctor", {**numbers, "goal": "under 2 s by the clock"})


def made(folder: Path, number: int, order: int, suffix: str, pictures: bool) -> Path:
    """A file of 10 s: a turning panorama with noise from a few directions."""
    path, components = folder / f"{number}{suffix}", (order + 1) ** 2
    sound = field(np.random.default_rng(number), order, RATE, 10.0)
    tags = Tags(Spherical(2, "equirectangular") if pictures else None, Ambisonic.ambix(order))
    assert len(sound) == components
    encode(path, turning() if pictures else None, 25.0, sound.astype(np.float32), RATE, tags=tags)
    return path


def turning() -> Iterator[np.ndarray]:
    """250 frames of 1920x960 with structure everywhere."""
    x, y, z = np.moveaxis(equirectangular(960, 1920).astype(np.float32), -1, 0)
    for frame in range(250):
        a = frame / 50
        turned = x * np.cos(a) - y * np.sin(a)
        yield np.repeat(
            (127 + 60 * np.sin(9 * turned) + 60 * np.sin(7 * z)).clip(0, 255).astype(np.uint8)[..., None], 3, 2
        )


def timed(file: Path) -> tuple[float, float]:
    """Seconds by the clock and of the processor of one call."""
    before = time.perf_counter()
    command = [sys.executable, "-m", "seehear.cli", "doctor", str(file)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0
    return time.perf_counter() - before, used.ru_utime + used.ru_stime


def summary(rows: np.ndarray) -> dict[str, float]:
    """Means with standard errors, and the slowest."""
    (wall, wall_error), (used, used_error) = mean_and_error(rows[:, 0]), mean_and_error(rows[:, 1])
    return {
        "wall": wall,
        "wall_error": wall_error,
        "wall_most": float(rows[:, 0].max()),
        "processor": used,
        "processor_error": used_error,
    }


def field(rng: np.random.Generator, order: int, rate: int, seconds: float) -> np.ndarray:
    """AmbiX of plane waves as described above."""
    count, samples = int(rng.integers(1, 31)), round(rate * seconds)
    vectors = rng.normal(size=(count, 3)) * [1, 1, rng.choice([0.0, 0.3, 1.0], p=[0.5, 0.25, 0.25])]
    vectors = torch.from_numpy(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    sound = rng.normal(size=(count, samples)) * rng.uniform(0.2, 1, size=(count, 1))
    if rng.random() < 0.5:
        sound *= 0.02 + (rng.random((count, 10)) > 0.5).repeat(-(-samples // 10), axis=1)[:, :samples]
    sound = ambisonic(torch.from_numpy(sound), vectors, order).numpy()
    return 0.05 * sound / np.sqrt(np.mean(sound[0] ** 2))


def shares(order: int) -> dict[str, float]:
    """Shares of right, open and wrong verdicts."""
    counts: Counter[str] = Counter()
    for channels, weights in CONVENTIONS[: 3 if order == 1 else 4]:
        for seed in range(SEEDS):
            rng = np.random.default_rng([order, seed])
            sound = torch.from_numpy(field(rng, order, 16_000, 2.0))
            sound = convert(sound, "sn3d", {"SN3D": "sn3d", "N3D": "n3d", "FuMa": "fuma"}[weights])  # type: ignore[arg-type]
            if (channels, weights) == ("FuMa", "SN3D"):
                sound = sound[convert(torch.eye(len(sound)), "sn3d", "fuma").argmax(dim=1)]
            noise = rng.normal(size=sound.shape) * 10 ** (-rng.uniform(10, 40) / 20)
            heard = sound.numpy() + noise * np.sqrt(np.mean(sound[0].numpy() ** 2))
            found = convention(measure(heard.astype(np.float32), 16_000), len(heard), Said())
            verdict = (found.order, found.normalisation)
            counts["right" if verdict == (channels, weights) else "open" if None in verdict else "wrong"] += 1
    return {name: counts[name] / counts.total() for name in ("right", "open", "wrong")}


if __name__ == "__main__":
    main()
