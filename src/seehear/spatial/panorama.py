# SPDX-License-Identifier: Apache-2.0
"""Equirectangular panoramas [H, W] seen through a pinhole camera [h, w], and what it saw put back in its place.

The projection, what happens at the seam and at the poles, and `antialias` are those of `gnomonic`, whose functions for
tensors give the same grey levels up to one, with OpenCV 5 (4 rounds positions to 1/32 pixel), and step in where there
is no OpenCV. The maps of the last cameras are remembered.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import cos, degrees, pi, sin, tan

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, UInt8
from torch import Tensor

from seehear.errors import InputError
from seehear.spatial.gnomonic import onto_panorama, onto_picture, perspective_batch, place_batch, samples_across

_REMEMBERED = 16  # maps; that of a picture of 112 x 112 takes 0.1 MB, of one in full HD 17 MB


@dataclass(frozen=True)
class Camera:
    """Where a camera looks, its horizontal field of view (angles in rad), and the size of its picture in pixels.

    A positive roll lowers its right side.
    """

    azimuth: float = 0.0
    elevation: float = 0.0
    fov: float = pi / 2
    height: int = 112
    width: int = 112
    roll: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.fov < pi:
            raise InputError(f"expected a field of view between 0 and 180 degrees, got {degrees(self.fov):g}")
        if min(self.height, self.width) < 1:
            raise InputError(f"expected a picture of at least one pixel, got {self.width}x{self.height}")

    @property
    def pose(self) -> Float64[np.ndarray, "3 3"]:
        """The rotation from the directions of the camera to those of the world; its columns are front, left and up."""
        a, e, r = self.azimuth, self.elevation, self.roll
        front = np.array([cos(a) * cos(e), sin(a) * cos(e), sin(e)])
        left, up = np.array([-sin(a), cos(a), 0]), np.array([-cos(a) * sin(e), -sin(a) * sin(e), cos(e)])
        return np.stack([front, cos(r) * left + sin(r) * up, cos(r) * up - sin(r) * left], axis=1)


@dataclass(frozen=True)
class _Map:
    """Where the samples of a result lie in its source: columns and rows, both float32.

    The samples `beyond` lie between a pole and the middle of its row `edge`: they are made of the share `near` of that
    row at their own column, and of the rest of it half a turn away.
    """

    columns: np.ndarray
    rows: np.ndarray
    beyond: tuple[np.ndarray, np.ndarray]
    edge: np.ndarray
    near: np.ndarray


def perspective(
    panorama: UInt8[np.ndarray, "*t H W 3"], camera: Camera, antialias: bool = True
) -> UInt8[np.ndarray, "*t h w 3"]:
    """What the camera sees of a panorama, or of each frame of one."""
    *count, height, width, _ = panorama.shape
    frames = panorama.reshape(-1, height, width, 3)
    samples = samples_across(camera.fov, camera.width, height, True) if antialias else 1
    try:
        seen = _remapped(frames, _map_to_camera(camera, height, width, samples), samples)
    except ImportError:
        pose, fov = torch.from_numpy(camera.pose)[None, None], torch.tensor([[camera.fov]], dtype=torch.float64)
        size = (camera.height, camera.width)
        seen = _pixels(perspective_batch(_tensor(frames), pose, fov, size, antialias)[:, 0])
    return seen.reshape(*count, camera.height, camera.width, 3)


def place(
    picture: UInt8[np.ndarray, "*t h w 3"], camera: Camera, size: tuple[int, int], antialias: bool = True
) -> tuple[UInt8[np.ndarray, "*t H W 3"], Bool[np.ndarray, "H W"]]:
    """A panorama of `size` (H, W) that shows a picture where the camera saw it and is black elsewhere; and where."""
    *count, height, width, _ = picture.shape
    if (height, width) != (camera.height, camera.width):
        raise InputError(f"expected the camera's {camera.width}x{camera.height} pixels, got {width}x{height}")
    frames = picture.reshape(-1, height, width, 3)
    samples = samples_across(camera.fov, width, size[0], False) if antialias else 1
    mask = _mask(camera, size)
    try:
        placed = _remapped(frames, _map_from_camera(camera, size, samples), samples) * mask[..., None]
    except ImportError:
        pose, fov = torch.from_numpy(camera.pose)[None], torch.tensor([camera.fov], dtype=torch.float64)
        placed = _pixels(place_batch(_tensor(frames), pose, fov, size, antialias)[0])
    return placed.reshape(*count, *size, 3), mask.copy()


def _remapped(frames: UInt8[np.ndarray, "T a b 3"], where: _Map, samples: int) -> UInt8[np.ndarray, "T c d 3"]:
    """The frames at the places of the map, averaged over samples x samples of them."""
    import cv2

    height, width = where.rows.shape
    found = np.empty((len(frames), height, width, 3), dtype=np.uint8)
    for frame, target in zip(frames, found, strict=True):
        cv2.remap(frame, where.columns, where.rows, cv2.INTER_LINEAR, target, cv2.BORDER_WRAP)
    if where.near.size:
        lines, places = where.beyond
        columns = where.columns[where.beyond].astype(np.float64)
        here = _in_row(frames, where.edge, columns)
        across = _in_row(frames, where.edge, columns + frames.shape[2] / 2)
        near = where.near[:, None]
        found[:, lines, places] = np.round(near * here + (1 - near) * across)
    if samples == 1:
        return found
    size = (width // samples, height // samples)
    return np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in found])


def _in_row(frames: UInt8[np.ndarray, "T a b 3"], row: np.ndarray, columns: np.ndarray) -> Float[np.ndarray, "T P 3"]:
    """The frames at these fractional columns of these rows, around the seam."""
    left, width = np.floor(columns).astype(int), frames.shape[2]
    share = (columns - left)[:, None]
    return (1 - share) * frames[:, row, left % width] + share * frames[:, row, (left + 1) % width]


@lru_cache(_REMEMBERED)
def _map_to_camera(camera: Camera, height: int, width: int, samples: int) -> _Map:
    fine = (camera.height * samples, camera.width * samples)
    half = np.array(tan(camera.fov / 2))
    columns, rows = onto_panorama(camera.pose, half, fine, (height, width))
    lines, places = np.nonzero((rows < 0) | (rows > height - 1))
    far = rows[lines, places]
    edge = np.where(far < 0, 0, height - 1)
    held = rows.clip(0, height - 1, dtype=np.float32)
    return _Map(columns.astype(np.float32), held, (lines, places), edge, 1 - np.abs(far - edge))


@lru_cache(_REMEMBERED)
def _map_from_camera(camera: Camera, size: tuple[int, int], samples: int) -> _Map:
    fine = (size[0] * samples, size[1] * samples)
    half = np.array(tan(camera.fov / 2))
    columns, rows, _ = onto_picture(camera.pose, half, (camera.height, camera.width), fine)
    none = np.empty(0, dtype=int)
    return _Map(columns.astype(np.float32), rows.astype(np.float32), (none, none), none, none)


@lru_cache(_REMEMBERED)
def _mask(camera: Camera, size: tuple[int, int]) -> Bool[np.ndarray, "H W"]:
    half = np.array(tan(camera.fov / 2))
    return onto_picture(camera.pose, half, (camera.height, camera.width), size)[2]


def _tensor(frames: UInt8[np.ndarray, "T a b 3"]) -> Float[Tensor, "1 3 T a b"]:
    return torch.from_numpy(np.ascontiguousarray(frames.transpose(3, 0, 1, 2)))[None].float()


def _pixels(tensor: Float[Tensor, "1 3 T a b"]) -> UInt8[np.ndarray, "T a b 3"]:
    return tensor[0].round().clamp(0, 255).byte().permute(1, 2, 3, 0).numpy()
