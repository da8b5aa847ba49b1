# SPDX-License-Identifier: Apache-2.0
"""Where the pixels of a surround picture look, and where points of the world are seen in it.

A ray leaves the listener in the direction (cosine, sine, slope) of the world: a horizontal unit vector, and metres up
for each metre along the ground. In a panorama the first two belong to the column and the third to the row alone, so
they are kept as [1, W] and [H, 1]; those of a pinhole camera are [H, W]. Places in a picture are in pixels from its
upper left corner: the middle of pixel (row i, column j) is at (i + 1/2, j + 1/2).
"""

from dataclasses import dataclass
from math import pi, tan

import numpy as np
from jaxtyping import Bool, Float32, Float64, UInt8

from seehear.world.surround_path import to_listener, to_world
from seehear.world.surround_scene import Surround
from seehear.world.surround_shot import SurroundShot

_LEAST = 1e-6  # of a ray that is level, and of a point in front of the camera: what is divided by is not 0


@dataclass(frozen=True)
class Rays:
    """One ray for each pixel, as arrays that broadcast to [H, W]."""

    cosine: Float64[np.ndarray, "#H #W"]
    sine: Float64[np.ndarray, "#H #W"]
    slope: Float64[np.ndarray, "#H #W"]


@dataclass(frozen=True)
class Surface:
    """What rays meet: colour in [0, 1], number in STUFF, and how far along the ground it is (m, or infinite)."""

    colour: Float32[np.ndarray, "3 h w"]
    stuff: UInt8[np.ndarray, "h w"]
    reach: Float32[np.ndarray, "h w"]


@dataclass(frozen=True)
class Pixels:
    """Where points are seen: column and row (pixels), and whether they are in front of the camera at all."""

    columns: Float64[np.ndarray, "*n"]
    rows: Float64[np.ndarray, "*n"]
    front: Bool[np.ndarray, "*n"]


@dataclass(frozen=True)
class View:
    """What a shot of a scene looks at. `pose` turns directions of the camera into the listener's; None: a panorama.

    `half` is the tangent of half of the camera's horizontal field of view.
    """

    scene: Surround
    height: int
    width: int
    pose: Float64[np.ndarray, "3 3"] | None = None
    half: float = 1.0

    def rays(self, first: int = 0, last: int | None = None, samples: int = 1) -> Rays:
        """The rays of some rows, samples x samples evenly in each pixel."""
        rows = (np.arange(first * samples, (self.height if last is None else last) * samples) + 0.5) / samples
        columns = (np.arange(self.width * samples) + 0.5) / samples
        if self.pose is None:
            azimuth = pi - 2 * pi * columns / self.width
            level = np.stack([np.cos(azimuth), np.sin(azimuth), np.zeros_like(azimuth)], axis=1)
            x, y, _ = to_world(self.scene, level).T
            return Rays(x[None], y[None], np.tan(pi / 2 - pi * rows / self.height)[:, None])
        left = self.half * (1 - 2 * columns / self.width)[None, :]
        up = self.half * (1 - 2 * rows / self.height)[:, None] * (self.height / self.width)
        ahead = np.stack(np.broadcast_arrays(1.0, left, up), axis=-1)
        x, y, z = np.moveaxis(to_world(self.scene, ahead @ self.pose.T), -1, 0)
        length = np.maximum(np.hypot(x, y), _LEAST)
        return Rays(x / length, y / length, z / length)

    def pixels(self, points: Float64[np.ndarray, "*n 3"]) -> Pixels:
        """Where points of the world are seen."""
        heard = to_listener(self.scene, points)
        if self.pose is None:
            x, y, z = np.moveaxis(heard, -1, 0)
            columns = (pi - np.arctan2(y, x)) * (self.width / (2 * pi))
            rows = (pi / 2 - np.arctan2(z, np.hypot(x, y))) * (self.height / pi)
            return Pixels(columns, rows, np.ones(columns.shape, dtype=bool))
        front, left, up = np.moveaxis(heard @ self.pose, -1, 0)
        depth = np.maximum(front, _LEAST) * self.half
        columns = (1 - left / depth) * (self.width / 2)
        rows = self.height / 2 - up / depth * (self.width / 2)
        return Pixels(columns, rows, front > _LEAST)

    def scale(self, points: Float64[np.ndarray, "T 3"]) -> Float64[np.ndarray, "T"]:
        """Pixels for each metre of an upright board at these points that faces the listener: the root of an area.

        H / (pi r) in a panorama, f sqrt(X / D^3) for a camera, r being the distance, X the horizontal distance, D that
        along the camera's axis and f the focal length in pixels.
        """
        distance = np.sqrt((points**2).sum(axis=1))
        if self.pose is None:
            return self.height / (pi * distance)
        along = to_listener(self.scene, points) @ self.pose[:, 0]
        along = np.maximum(along, 0.1 * distance)
        return self.width / (2 * self.half) * np.sqrt(np.hypot(points[:, 0], points[:, 1]) / along**3)


def view_of(scene: Surround, shot: SurroundShot) -> View:
    """The view of a shot: the whole panorama, or that of a pinhole camera."""
    if shot.fov is None:
        return View(scene, shot.height, shot.width)
    from seehear.spatial.panorama import Camera

    pose = Camera(shot.azimuth, shot.elevation, shot.fov, shot.height, shot.width).pose
    return View(scene, shot.height, shot.width, pose, tan(shot.fov / 2))
