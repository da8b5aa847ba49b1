# SPDX-License-Identifier: Apache-2.0
"""Four crops of 112x112 out of 8 frames of a panorama, on one core, beside bare cv2.remap and grid_sample.

The viewpoints are those of the thesis (elevation within 60 degrees, field of view 25 to 90 degrees). "bare" is
cv2.remap with prebuilt maps and the same bilinear interpolation, "fixed-point" the same with maps rounded to 1/32
pixel, which is faster and up to 6 grey levels off on noise. "repeated" sees the same four viewpoints again, "fresh"
four new ones every time. Without anti-aliasing all arms take one sample a pixel; "averaged" is the default, which takes
more where a pixel spans more than two of the panorama, beside cv2.remap and cv2.resize with as many. Times are those of
the processor, so that other work on the machine does not count.
"""

import math
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import torch

from measure import interleaved, mean_and_error, write
from seehear.spatial.gnomonic import perspective_batch
from seehear.spatial.panorama import Camera, _map_to_camera, perspective, samples_across

REPEATS, SEED = 200, 0
SIZES = ((224, 448), (960, 1920))


def camera(generator: np.random.Generator) -> Camera:
    """A viewpoint as the thesis draws them."""
    elevation = generator.uniform(-math.pi / 3, math.pi / 3)
    return Camera(generator.uniform(-math.pi, math.pi), elevation, math.radians(generator.uniform(25, 90)))


def arms_of(height: int, width: int) -> dict[str, Callable[[], object]]:
    """What is measured on panoramas of this size."""
    generator = np.random.default_rng(SEED)
    frames = generator.integers(0, 256, (8, height, width, 3), dtype=np.uint8)
    cameras = [camera(generator) for _ in range(4)]
    poses = torch.from_numpy(np.stack([one.pose for one in cameras]))[None]
    fovs = torch.tensor([[one.fov for one in cameras]])
    tensor = torch.from_numpy(frames).permute(3, 0, 1, 2)[None].float()

    def bare(fixed: bool, samples: list[int]) -> Callable[[], object]:
        maps = [_map_to_camera(one, height, width, n) for one, n in zip(cameras, samples, strict=True)]
        pairs = [(one.columns, one.rows) for one in maps]
        pairs = [cv2.convertMaps(*pair, cv2.CV_16SC2) for pair in pairs] if fixed else pairs

        def run() -> None:
            for pair, n in zip(pairs, samples, strict=True):
                for frame in frames:
                    seen = cv2.remap(frame, *pair, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
                    if n > 1:
                        cv2.resize(seen, (112, 112), interpolation=cv2.INTER_AREA)

        return run

    def fresh() -> None:
        for _ in range(4):
            perspective(frames, camera(generator), antialias=False)

    many = [samples_across(one.fov, 112, height, True) for one in cameras]
    return {
        "bare": bare(False, [1] * 4),
        "bare, fixed-point": bare(True, [1] * 4),
        "repeated": lambda: [perspective(frames, one, antialias=False) for one in cameras],
        "fresh": fresh,
        "bare, averaged": bare(False, many),
        "repeated, averaged": lambda: [perspective(frames, one) for one in cameras],
        "grid_sample": lambda: perspective_batch(tensor, poses, fovs, (112, 112), antialias=False),
    }


def main() -> None:
    """Measure, print and keep the numbers."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    sizes: dict[str, Any] = {}
    for height, width in SIZES:
        seconds = interleaved(arms_of(height, width), REPEATS, time.process_time)
        means = {name: mean_and_error(1e3 * values) for name, values in seconds.items()}
        base = {name: "bare, averaged" if name.endswith("averaged") else "bare" for name in means}
        sizes[f"{width}x{height}"] = {
            name: {"ms": mean, "error": error, "times_bare": mean / means[base[name]][0]}
            for name, (mean, error) in means.items()
        }
    goal = "repeated <= 1.5 times bare, fresh <= 2.5 times bare"
    write("panorama", {"repeats": REPEATS, "goal": goal, "sizes": sizes})


if __name__ == "__main__":
    main()
