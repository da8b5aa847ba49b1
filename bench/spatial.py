# SPDX-License-Identifier: Apache-2.0
"""Speed and error of spatial sound on one core: energy maps and binaural rendering of 10 s at 48 kHz, first order.

Energy maps: ten a second (windows of 0.1 s) on 240 directions, on an equirectangular grid of 2 degrees (16,200), and of
a third-order sound on that grid. Binaural: through the spherical head, and through a measured KEMAR head where its SOFA
file is at hand (../shared/data/spatial360). Times are those of the processor, from sound to result; making the filters,
once a head, is timed apart. The reference does Eq. 5.5 sample by sample and the convolution by its sum, both in float64
NumPy; errors are largest differences relative to the largest value of the reference. Last: the matrices that turn an
order-3 sound to 1,000 viewpoints, and their error beside harmonics of the turned directions.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from measure import mean_and_error, write
from seehear.spatial.ambisonics import rotation_matrix
from seehear.spatial.binaural import filters, to_binaural
from seehear.spatial.directions import equirectangular, fibonacci, viewpoint
from seehear.spatial.energy import energy_map
from seehear.spatial.harmonics import harmonics
from seehear.spatial.hrtf import Hrtf, read_sofa, spherical_head

RATE, SECONDS, REPEATS = 48_000, 10, 20
KEMAR = Path(__file__).parents[2] / "shared" / "data" / "spatial360" / "hrtf_MIT_KEMAR_normal_pinna.sofa"


def main() -> None:
    """Measure, print and keep the numbers."""
    torch.set_num_threads(1)
    sound = {order: torch.randn((order + 1) ** 2, SECONDS * RATE, generator=generator()) for order in (1, 3)}
    fine = torch.from_numpy(equirectangular(90, 180)).reshape(-1, 3)
    maps = {
        "240 directions, order 1": mapped(sound[1], torch.from_numpy(fibonacci(240))),
        "2 degrees, order 1": mapped(sound[1], fine),
        "2 degrees, order 3": mapped(sound[3], fine),
    }
    heads: dict[str, Callable[[], Hrtf]] = {"spherical head": lambda: spherical_head(RATE)}
    if KEMAR.exists():
        heads["KEMAR"] = lambda: read_sofa(KEMAR)
    binaural = {name: rendered(sound[1], head) for name, head in heads.items()}
    goal = "times real time >= 50 on one core"
    write("spatial", {"maps": maps, "binaural": binaural, "rotation": turned(), "repeats": REPEATS, "goal": goal})


def generator() -> torch.Generator:
    """The same noise every time."""
    return torch.Generator().manual_seed(0)


def speed(work: Callable[[], object]) -> dict[str, float]:
    """Times real time with its standard error over the repeats; the first, which warms the caches, does not count."""
    spent = []
    for _ in range(REPEATS + 1):
        before = time.process_time()
        work()
        spent.append(time.process_time() - before)
    mean, error = mean_and_error(SECONDS / np.array(spent[1:]))
    return {"real_time": mean, "real_time_error": error}


def mapped(sound: torch.Tensor, grid: torch.Tensor) -> dict[str, Any]:
    """Speed of the maps of one grid, and how far they are from those of the reference (on 200 of its directions)."""
    found = energy_map(sound, grid, RATE)
    some = torch.linspace(0, len(grid) - 1, 200).long()
    order = {4: 1, 16: 3}[len(sound)]
    y, exact, window = harmonics(grid[some], order).numpy(), sound.double().numpy(), RATE // 10
    before = time.process_time()
    slow = np.stack(
        [np.sqrt(np.mean((y @ exact[:, k : k + window]) ** 2, axis=1)) for k in range(0, exact.shape[1], window)]
    )
    reference = SECONDS / (time.process_time() - before) * 200 / len(grid)
    error = float(np.abs(found[:, some].numpy() - slow).max() / slow.max())
    return {**speed(lambda: energy_map(sound, grid, RATE)), "reference_real_time": reference, "error": error}


def rendered(sound: torch.Tensor, head: Callable[[], Hrtf]) -> dict[str, Any]:
    """Speed of rendering through a head, and its difference from a plain convolution of the first second."""
    before = time.process_time()
    made = filters(head(), 1, RATE)
    making = time.process_time() - before
    part = to_binaural(sound[:, :RATE], made).numpy()
    taps = made.shape[-1]
    before = time.process_time()
    slow = np.array(
        [
            sum(np.convolve(sound[c, :RATE].double().numpy(), made[c, ear].double().numpy()) for c in range(4))
            for ear in range(2)
        ]
    )[:, taps // 4 : taps // 4 + RATE]
    reference = 1 / (time.process_time() - before)
    error = float(np.abs(part - slow).max() / np.abs(slow).max())
    result = {"taps": taps, "making_seconds": making, **speed(lambda: to_binaural(sound, made))}
    return {**result, "reference_real_time": reference, "error": error}


def turned() -> dict[str, float]:
    """Milliseconds for 1,000 rotation matrices of order 3, and their largest error on 100 directions."""
    draw = torch.rand(2, 1000, generator=generator(), dtype=torch.float64)
    views = viewpoint(2 * torch.pi * draw[0], draw[1] - 0.5)
    grid = torch.from_numpy(fibonacci(100))
    expected = harmonics(grid @ views.mT, 3).mT
    error = float((rotation_matrix(views, 3) @ harmonics(grid, 3).mT - expected).abs().max())
    speeds = speed(lambda: rotation_matrix(views, 3))
    return {"milliseconds": 1e3 * SECONDS / speeds["real_time"], "error": error}


if __name__ == "__main__":
    main()
