# SPDX-License-Identifier: Apache-2.0
"""The gnomonic projection between a panorama [H, W] and the picture [h, w] of a pinhole camera, in pixels.

The camera looks along its x axis. Pixel (i, j) of its picture, f (rad) wide, lies on the ray

    (1, (1 - 2 (j + 1/2) / w) t, (1 - 2 (i + 1/2) / h) t h / w),   t = tan(f / 2)

which the camera's pose R takes to the world: for azimuth a and elevation e it is viewpoint(a, e) transposed. Values are
interpolated bilinearly, around the seam and across the poles (beyond the top row comes the top row half a turn away).

Where a pixel of the result spans more than two of the source, it is the mean of n x n samples, n = ceil(span / 2) <= 8
with the span in the middle of the camera, so that fine patterns fade instead of flickering; `antialias=False` always
takes one. A source decoded at no more than the wanted resolution is the fastest way: n is then 1 in any case.

`perspective_batch` and `place_batch` take tensors on any device; `panorama` does the same to pixels on the CPU, faster.
"""

from math import ceil, pi, tan
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import avg_pool2d, grid_sample

from seehear.spatial.directions import equirectangular

_MOST_SAMPLES = 8  # across a pixel; an extreme field of view would ask for thousands


def onto_panorama(pose: Any, half: Any, size: tuple[int, int], panorama: tuple[int, int]) -> tuple[Any, Any]:
    """Column in [-1/2, W - 1/2] and row in [-1/2, H - 1/2] of each pixel of a picture, both [*n, h, w].

    Takes NumPy arrays or tensors: poses [*n, 3, 3] and half widths t [*n].
    """
    (height, width), maths = size, torch if isinstance(pose, Tensor) else np
    left = half[..., None] * _middles(width, pose)
    up = half[..., None] * _middles(height, pose) * (height / width)
    x, y, z = (
        pose[..., axis, 0, None, None]
        + pose[..., axis, 1, None, None] * left[..., None, :]
        + pose[..., axis, 2, None, None] * up[..., :, None]
        for axis in range(3)
    )
    columns = (pi - maths.arctan2(y, x)) * (panorama[1] / (2 * pi)) - 0.5
    rows = (pi / 2 - maths.arctan2(z, maths.sqrt(x * x + y * y))) * (panorama[0] / pi) - 0.5
    return columns, rows


def onto_picture(pose: Any, half: Any, size: tuple[int, int], panorama: tuple[int, int]) -> tuple[Any, Any, Any]:
    """Column and row in a picture, held at its edges, of each pixel of a panorama; whether it is seen; [*n, H, W]."""
    (height, width), tensor = size, isinstance(pose, Tensor)
    grid: Any = equirectangular(*panorama)
    seen = (torch.from_numpy(grid).to(pose) if tensor else grid) @ pose[..., None, :, :]
    front, half = seen[..., 0], half[..., None, None]
    depth = front.clip(1e-6) * half
    left, up = seen[..., 1] / depth, seen[..., 2] / depth * (width / height)
    inside = (front > 0) & (abs(left) <= 1) & (abs(up) <= 1)
    columns = ((1 - left) * (width / 2) - 0.5).clip(0, width - 1)
    rows = ((1 - up) * (height / 2) - 0.5).clip(0, height - 1)
    return columns, rows, inside


def samples_across(fov: float, width: int, height: int, onto_camera: bool) -> int:
    """How many samples across make up a pixel: one per two pixels of the source, measured in the middle of the camera.

    `width` is that of the picture, `height` that of the panorama, `fov` in rad.
    """
    ratio = 2 * tan(fov / 2) / width / (pi / height)
    return min(max(ceil((ratio if onto_camera else 1 / ratio) / 2 - 1e-6), 1), _MOST_SAMPLES)


def perspective_batch(
    panorama: Float[Tensor, "B C *t H W"],
    pose: Float[Tensor, "B K 3 3"],
    fov: Float[Tensor, "B K"],
    size: tuple[int, int],
    antialias: bool = True,
) -> Float[Tensor, "B K C *t h w"]:
    """What K cameras see of each item: pictures of `size` (h, w), horizontal fields of view in rad.

    The widest field of view decides for the batch how many samples make up a pixel.
    """
    cameras, (height, width) = pose.shape[1], panorama.shape[-2:]
    n = samples_across(float(fov.max()), size[1], height, True) if antialias else 1
    fine = (size[0] * n, size[1] * n)
    columns, rows = onto_panorama(pose, (fov / 2).tan().to(pose), fine, (height, width))
    # One grid an item, its cameras one below the other, so that no panorama is copied.
    seen = _sampled(_wrapped(panorama), (columns + 1).flatten(1, 2), (rows + 1).flatten(1, 2), n)
    return seen.unflatten(-2, (cameras, size[0])).movedim(-3, 1)


def place_batch(
    picture: Float[Tensor, "B C *t h w"],
    pose: Float[Tensor, "B 3 3"],
    fov: Float[Tensor, "B"],
    size: tuple[int, int],
    antialias: bool = True,
) -> tuple[Float[Tensor, "B C *t H W"], Bool[Tensor, "B H W"]]:
    """Panoramas of `size` (H, W) that show each item where its camera saw it and are 0 elsewhere; and where."""
    n = samples_across(float(fov.min()), picture.shape[-1], size[0], False) if antialias else 1
    half, shape = (fov / 2).tan().to(pose), (picture.shape[-2], picture.shape[-1])
    columns, rows, _ = onto_picture(pose, half, shape, (size[0] * n, size[1] * n))
    mask = onto_picture(pose, half, shape, size)[2]
    spread = mask.reshape(len(mask), *[1] * (picture.ndim - 3), *size)
    return _sampled(picture, columns, rows, n) * spread, mask


def _sampled(
    source: Float[Tensor, "B C *t h w"], columns: Float[Tensor, "B Y X"], rows: Float[Tensor, "B Y X"], samples: int
) -> Float[Tensor, "B C *t y x"]:
    """The values at these places, averaged over samples x samples of them."""
    flat, (height, width) = source.flatten(1, -3), source.shape[-2:]
    grid = torch.stack([2 * columns / max(width - 1, 1) - 1, 2 * rows / max(height - 1, 1) - 1], dim=-1)
    found = grid_sample(flat, grid.to(flat), mode="bilinear", padding_mode="border", align_corners=True)
    found = avg_pool2d(found, samples) if samples > 1 else found
    return found.reshape(*source.shape[:-2], *found.shape[-2:])


def _wrapped(panorama: Float[Tensor, "*b H W"]) -> Float[Tensor, "*b H+2 W+2"]:
    """One pixel more on each side: around the seam, and half a turn away across the poles."""
    turn = panorama.shape[-1] // 2
    ends = panorama[..., [0, -1], :]
    across = (ends.roll(turn, -1) + ends.roll(-turn, -1)) / 2
    tall = torch.cat([across[..., :1, :], panorama, across[..., 1:, :]], dim=-2)
    return torch.cat([tall[..., -1:], tall, tall[..., :1]], dim=-1)


def _middles(count: int, like: Any) -> Any:
    """1 - 2 (k + 1/2) / count for k = 0 .. count - 1."""
    if isinstance(like, Tensor):
        return 1 - 2 * (torch.arange(count, dtype=like.dtype, device=like.device) + 0.5) / count
    return 1 - 2 * (np.arange(count) + 0.5) / count
