# SPDX-License-Identifier: Apache-2.0
"""The heat over a picture, the plain panorama for sound without one, and a still of several instants.

v(d, t) = sqrt(s(t) / S) (E(d, t) - min_d E) / s(t) is painted, with s = max_d E - min_d E, the spread of a map, and S
nearly the largest s of the recording (v has at most the peak 1). Sound from everywhere alike, and silence, leave the
picture as it is; darker red is louder (thesis figures 5.4 to 5.6), the root keeps soft sounds visible.
"""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float64, UInt8
from torch import Tensor

from seehear.atomic import replacing
from seehear.spatial.directions import equirectangular, fibonacci
from seehear.spatial.energy import directional_energy

Picture = UInt8[np.ndarray, "H W 3"]

_FULL = 0.95  # quantile of the spread over time that is painted darkest
# v where paint begins, and where it is as opaque as it gets; a plane wave of first order has .5 at 90 degrees from it.
_FAINT, _SOLID = 0.4, 0.9
_HEAT = ((0.4, (255, 235, 90)), (0.65, (255, 150, 20)), (0.85, (225, 40, 15)), (1.0, (120, 0, 10)))
_PLAIN, _LINE, _TEXT = (58, 62, 70), (92, 97, 107), (200, 204, 212)
_COLUMNS = 2


class Heat:
    """Paints maps over pictures of one size (height, width)."""

    def __init__(
        self, matrices: Float64[Tensor, "T C C"], resolution: float, size: tuple[int, int], opacity: float
    ) -> None:
        self.matrices, self.size = matrices, size
        self.shape = (max(round(180 / resolution), 4), max(round(360 / resolution), 8))
        self.grid = torch.from_numpy(equirectangular(*self.shape).reshape(-1, 3))
        coarse = directional_energy(matrices, torch.from_numpy(fibonacci(200)))
        self.spread = (coarse.amax(-1) - coarse.amin(-1)).numpy()
        self.full = max(float(np.quantile(self.spread, _FULL)), 1e-9)
        levels = np.arange(256) / 255
        at, colours = [stop for stop, _ in _HEAT], np.array([colour for _, colour in _HEAT])
        self.colours = np.stack([np.interp(levels, at, channel) for channel in colours.T], axis=1).astype(np.uint8)
        self.opaque = (opacity * np.clip((levels - _FAINT) / (_SOLID - _FAINT), 0, 1)).astype(np.float32)

    def __call__(self, picture: Picture, index: int) -> Picture:
        """The picture with the heat of frame `index`."""
        import cv2

        energy = directional_energy(self.matrices[index], self.grid).reshape(self.shape).numpy()
        spread = max(float(np.ptp(energy)), 1e-12)
        value = ((energy - energy.min()) * (min(spread / self.full, 1.0) ** 0.5 / spread)).astype(np.float32)
        height, width = self.size
        # Enlarged with a margin from the other side of the seam.
        margin = self.shape[1] // 4
        around = np.concatenate([value[:, -margin:], value, value[:, :margin]], axis=1)
        wide = round(width * around.shape[1] / self.shape[1])
        large = cv2.resize(around, (wide, height), interpolation=cv2.INTER_LINEAR)
        level = (255.4 * large[:, (wide - width) // 2 :][:, :width]).astype(np.uint8)
        paint, opaque = np.take(self.colours, level, axis=0), np.take(self.opaque, level)
        painted: Picture = cv2.blendLinear(picture, paint, 1 - opaque, opaque)
        return painted


def graticule(height: int, width: int) -> Picture:
    """A plain panorama with lines every 30 degrees and their azimuths (left is positive) and elevations."""
    import cv2

    picture = np.full((height, width, 3), _PLAIN, dtype=np.uint8)

    def line(x: int, y: int, along: tuple[int, int], angle: int) -> None:
        cv2.line(picture, (x * along[1], y * along[0]), (x if along[1] else width, y if along[0] else height), _LINE)
        cv2.putText(picture, str(angle), (x + 3, y - 4), 0, width / 2560, _TEXT, 1, cv2.LINE_AA)

    for azimuth in range(-150, 181, 30):
        line(round((180 - azimuth) / 360 * width), height // 2, (0, 1), azimuth)
    for elevation in (-60, -30, 0, 30, 60):
        line(width // 2, round((90 - elevation) / 180 * height), (1, 0), elevation)
    return picture


def write_still(out: Path, shown: list[Picture], times: list[float]) -> None:
    """Write a PNG of instants side by side, each with its time in s."""
    import cv2

    for picture, time in zip(shown, times, strict=True):
        place = (8, picture.shape[0] - 10)
        for colour, thickness in (((0, 0, 0), 4), ((255, 255, 255), 1)):
            cv2.putText(picture, f"{time:.2f} s", place, 0, 0.7, colour, thickness, cv2.LINE_AA)
    blank = np.zeros_like(shown[0])
    shown = shown + [blank] * (-len(shown) % _COLUMNS)
    rows = [np.concatenate(shown[k : k + _COLUMNS], axis=1) for k in range(0, len(shown), _COLUMNS)]
    good, data = cv2.imencode(".png", np.concatenate(rows)[..., ::-1])
    assert good
    with replacing(out) as temporary:
        temporary.write_bytes(data.tobytes())
