# SPDX-License-Identifier: Apache-2.0
"""What a camera sees of a panorama, against spherical trigonometry: seam, poles, field of view, there and back."""

import sys
from math import asin, atan, atan2, cos, degrees, floor, hypot, pi, radians, sin, tan

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seehear.errors import InputError
from seehear.spatial.directions import equirectangular, great_circle, rotation, viewpoint
from seehear.spatial.gnomonic import perspective_batch, place_batch
from seehear.spatial.panorama import Camera, perspective, place

NOISE = np.random.default_rng(0).integers(0, 256, (48, 96, 3), dtype=np.uint8)


def clouds(height, width):
    """A smooth panorama: grey levels that are low polynomials of the direction."""
    x, y, z = np.moveaxis(equirectangular(height, width), -1, 0)
    return np.round(127 + 100 * np.stack([x * y, (z + x) / 2, x * z - y / 3], axis=-1)).astype(np.uint8)


def seen_by_trigonometry(panorama, camera):
    """The crop, pixel by pixel, by the inverse gnomonic formulas of spherical trigonometry in float64."""
    height, width = panorama.shape[:2]

    def pixel(row, column):
        if not 0 <= row < height:  # over the pole and down the other side
            row, column = (-1 - row if row < 0 else 2 * height - 1 - row), column + width / 2
        left = floor(column)
        share = column - left
        a, b = (panorama[row, k % width].astype(np.float64) for k in (left, left + 1))
        return (1 - share) * a + share * b

    crop = np.empty((camera.height, camera.width, 3))
    scale = 2 * tan(camera.fov / 2) / camera.width
    for i in range(camera.height):
        for j in range(camera.width):
            right, up = scale * (j + 0.5 - camera.width / 2), scale * (camera.height / 2 - i - 0.5)
            # Lowering the right side of the camera turns what it sees counter-clockwise.
            angle = atan2(up, right) - camera.roll
            distance = hypot(right, up)
            right, up, c = distance * cos(angle), distance * sin(angle), atan(distance)
            latitude = asin(cos(c) * sin(camera.elevation) + up * sin(c) * cos(camera.elevation) / (distance or 1))
            below = distance * cos(camera.elevation) * cos(c) - up * sin(camera.elevation) * sin(c)
            longitude = camera.azimuth - atan2(right * sin(c), below)
            row = (pi / 2 - latitude) / pi * height - 0.5
            column = ((pi - longitude) / (2 * pi) % 1) * width - 0.5
            top = floor(row)
            crop[i, j] = (1 - row + top) * pixel(top, column) + (row - top) * pixel(top + 1, column)
    return crop


def batch(panorama, camera, antialias=True):
    """The same crop from the tensors' side, in float32."""
    tensor = torch.from_numpy(panorama).permute(2, 0, 1)[None].float()
    pose, fov = torch.from_numpy(camera.pose)[None, None], torch.tensor([[camera.fov]], dtype=torch.float64)
    return perspective_batch(tensor, pose, fov, (camera.height, camera.width), antialias)[0, 0].permute(1, 2, 0).numpy()


VIEWS = {
    "front": Camera(0.0, 0.0, 1.5, 20, 30),
    "seam": Camera(pi, 0.1, 1.2, 20, 30),
    "seam, rolled": Camera(-3.0, -0.3, 1.0, 25, 20, 0.6),
    "zenith": Camera(0.4, pi / 2, 1.2, 25, 25),
    "zenith, near": Camera(-2.0, 1.5, 0.1, 25, 25, -0.4),
    "nadir": Camera(2.0, -pi / 2, 1.5, 20, 31),
    "across the nadir": Camera(1.0, -1.3, 0.8, 21, 30),
    "wide": Camera(0.1, 0.6, 2.9, 24, 24),
    "narrow": Camera(1.2, 0.6, 0.01, 8, 8),
}


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("width", [96, 95])
def test_crop_is_that_of_spherical_trigonometry(name, width):
    panorama, camera = NOISE[:, :width].copy(), VIEWS[name]
    want = seen_by_trigonometry(panorama, camera)
    got = perspective(panorama, camera, antialias=False)
    assert got.shape == (camera.height, camera.width, 3)
    assert np.abs(got - want).max() <= 0.51
    if width % 2 == 0:  # half a turn is between two pixels otherwise, where the tensors' rows are averaged beforehand
        assert np.abs(batch(panorama, camera, antialias=False) - want).max() <= 0.02


CAMERAS = st.tuples(
    st.floats(-4, 4),
    st.floats(-pi / 2, pi / 2),
    st.floats(0.2, 2.6),
    st.integers(5, 24),
    st.integers(5, 24),
    st.floats(-pi, pi),
)


@given(CAMERAS, st.booleans())
@settings(max_examples=40)
def test_pixels_and_tensors_agree_to_one_grey_level(values, antialias):
    camera = Camera(*values)
    assert np.abs(perspective(NOISE, camera, antialias) - batch(NOISE, camera, antialias)).max() <= 1.0
    picture = NOISE[: camera.height, : camera.width]
    placed, mask = place(picture, camera, (30, 60), antialias)
    pose, fov = torch.from_numpy(camera.pose)[None], torch.tensor([camera.fov], dtype=torch.float64)
    tensor = torch.from_numpy(picture).permute(2, 0, 1)[None].float()
    other, other_mask = place_batch(tensor, pose, fov, (30, 60), antialias)
    assert np.array_equal(mask, other_mask[0].numpy())
    assert np.abs(placed - other[0].permute(1, 2, 0).numpy()).max() <= 1.0


@given(st.integers(-200, 200), CAMERAS)
@settings(max_examples=40)
def test_rolled_panorama_is_another_yaw(shift, values):
    camera = Camera(*values)
    turned = Camera(values[0] + 2 * pi * shift / 96, *values[1:])
    rolled = perspective(np.roll(NOISE, shift, axis=1), camera).astype(int)
    assert np.abs(rolled - perspective(NOISE, turned)).max() <= 1


def test_field_of_view_is_true_and_the_camera_is_the_viewpoint():
    grid = torch.from_numpy(equirectangular(360, 720)).permute(2, 0, 1)[None]
    for azimuth, elevation, fov in ((0.3, 0.2, radians(60)), (3.1, -0.9, radians(90)), (-1.0, 1.5, radians(25))):
        camera = Camera(azimuth, elevation, fov, 9, 15)
        assert np.allclose(camera.pose, viewpoint(azimuth, elevation).mT, atol=1e-15)
        pose = torch.from_numpy(camera.pose)
        rays = perspective_batch(
            grid, pose[None, None], torch.tensor([[fov]], dtype=torch.float64), (9, 15), antialias=False
        )
        rays = torch.nn.functional.normalize(rays[0, 0].permute(1, 2, 0), dim=-1)
        # Pixel centres are a fifteenth of the width apart, so that the edges are half a pixel beyond the last ones.
        across = great_circle(rays[4, 0], rays[4, -1])
        assert degrees(across) == pytest.approx(degrees(2 * atan(tan(fov / 2) * 14 / 15)), abs=0.01)
        down = great_circle(rays[0, 7], rays[-1, 7])
        assert degrees(down) == pytest.approx(degrees(2 * atan(tan(fov / 2) * 8 / 15)), abs=0.01)
        middle = rays[4, 7] @ viewpoint(azimuth, elevation).mT
        assert torch.allclose(middle, torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64), atol=1e-4)
        left_of_it = rays[4, 0] @ viewpoint(azimuth, elevation).mT
        assert left_of_it[1] > 0.1
        higher = rays[0, 7] @ viewpoint(azimuth, elevation).mT
        assert higher[2] > 0.05


def test_roll_is_that_of_directions():
    pose = Camera(0.7, -0.4, roll=0.3).pose
    assert np.allclose(pose, rotation(0.7, 0.4, 0.3), atol=1e-15)


@pytest.mark.parametrize(("azimuth", "elevation"), [(0.2, 0.1), (pi, -0.4), (1.0, pi / 2), (-2.0, -1.4)])
@pytest.mark.parametrize("fov", [0.6, 1.5])
def test_there_and_back(azimuth, elevation, fov):
    sky = clouds(90, 180)
    camera = Camera(azimuth, elevation, fov, 120, 120)
    placed, mask = place(perspective(sky, camera), camera, (90, 180))
    assert not placed[~mask].any()
    assert np.abs(placed[mask].astype(int) - sky[mask]).max() <= 2
    area = (mask * np.cos((np.arange(90)[:, None] - 44.5) * pi / 90)).sum() * (pi / 90) ** 2
    assert area == pytest.approx(4 * asin(sin(fov / 2) ** 2), rel=0.02)  # the solid angle of a square pyramid


def test_fine_patterns_fade_when_they_shrink():
    noise = np.random.default_rng(3).integers(0, 256, (512, 1024, 3), dtype=np.uint8)
    camera, dense = Camera(0.3, 0.2, pi / 2, 40, 40), Camera(0.3, 0.2, pi / 2, 640, 640)
    truth = perspective(noise, dense, antialias=False).reshape(40, 16, 40, 16, 3).mean((1, 3))  # the mean of each pixel
    errors = [float((perspective(noise, camera, antialias) - truth).std()) for antialias in (False, True)]
    assert errors[0] > 40
    assert errors[1] < errors[0] / 5
    placed, mask = place(noise[:400, :400], Camera(0.3, 0.2, 1.0, 400, 400), (60, 120))
    assert placed[mask].std() < noise.std() / 4


def test_antialiasing_changes_nothing_where_nothing_shrinks_and_is_bounded():
    near = Camera(0.3, 0.2, 1.0, 20, 20)
    assert np.array_equal(perspective(NOISE, near), perspective(NOISE, near, antialias=False))
    assert perspective(NOISE, Camera(fov=pi - 1e-9, height=4, width=4)).shape == (4, 4, 3)
    assert place(NOISE[:4, :4], Camera(fov=1e-9, height=4, width=4), (8, 16))[0].shape == (8, 16, 3)


def test_every_frame_and_any_memory_order():
    frames = np.random.default_rng(1).integers(0, 256, (2, 3, 24, 48, 3), dtype=np.uint8)
    camera = Camera(3.0, 1.2, 1.3, 10, 12)
    crops = perspective(frames, camera)
    assert crops.shape == (2, 3, 10, 12, 3)
    assert np.array_equal(crops[1, 2], perspective(frames[1, 2], camera))
    turned = np.asfortranarray(frames[..., ::-1])
    assert np.array_equal(perspective(turned, camera), crops[..., ::-1])
    placed, mask = place(crops, camera, (24, 48))
    assert placed.shape == frames.shape
    mask[:] = False  # what a caller does to its mask is not remembered
    assert place(crops, camera, (24, 48))[1].any()


def test_without_opencv(monkeypatch):
    camera = Camera(3.0, 1.2, 1.3, 20, 24)
    frames = np.stack([NOISE, NOISE[::-1]])
    crops = perspective(frames, camera)
    placed = place(crops, camera, (48, 96))[0]
    monkeypatch.setitem(sys.modules, "cv2", None)
    assert np.abs(perspective(frames, camera).astype(int) - crops).max() <= 1
    assert np.abs(place(crops, camera, (48, 96))[0].astype(int) - placed).max() <= 1


def test_batches_of_several_cameras_and_frames():
    frames = torch.rand(2, 3, 4, 16, 32, generator=torch.Generator().manual_seed(0))
    poses = torch.stack(
        [viewpoint(a, e).mT for a, e in ((0.0, 0.0), (3.0, 1.0), (-1.0, -1.5), (1.0, 0.3), (2.0, 0.0), (0.5, 1.0))]
    )
    fovs = torch.full((2, 3), 1.0)
    crops = perspective_batch(frames, poses.unflatten(0, (2, 3)).float(), fovs, (6, 8))
    assert crops.shape == (2, 3, 3, 4, 6, 8)
    one = perspective_batch(frames[1:, :, 2], poses[4].float()[None, None], fovs[:1, :1], (6, 8))
    assert torch.allclose(crops[1, 1, :, 2], one[0, 0], atol=1e-5)
    placed, mask = place_batch(crops[:, 0], poses[[0, 3]].float(), fovs[:, 0], (16, 32))
    assert placed.shape == frames.shape
    assert mask.shape == (2, 16, 32)


def test_gradients_reach_the_panorama_and_the_pose():
    frames = torch.rand(1, 2, 8, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    turn = torch.tensor([0.31, -0.21], dtype=torch.float64, requires_grad=True)
    fov = torch.tensor([[0.9]], dtype=torch.float64)

    def crop(angles):
        return perspective_batch(frames, viewpoint(angles[0], angles[1]).mT[None, None], fov, (3, 3))

    total = crop(turn).sum()
    total.backward()
    assert (frames.grad * frames).sum().item() == pytest.approx(total.item())  # it is linear in the panorama
    steps = 1e-6 * torch.eye(2, dtype=torch.float64)
    slopes = [(crop(turn + step).sum() - crop(turn - step).sum()).item() / 2e-6 for step in steps]
    assert turn.grad.tolist() == pytest.approx(slopes, rel=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_to_one_grey_level():
    sky = np.random.default_rng(2).integers(0, 256, (8, 480, 960, 3), dtype=np.uint8)
    tensor = torch.from_numpy(sky).permute(3, 0, 1, 2)[None].float().cuda()
    for camera in VIEWS.values():
        pose, fov = torch.from_numpy(camera.pose).cuda()[None, None], torch.tensor([[camera.fov]]).cuda()
        got = perspective_batch(tensor, pose, fov, (camera.height, camera.width))[0, 0].permute(1, 2, 3, 0)
        assert np.abs(got.cpu().numpy() - perspective(sky, camera)).max() <= 1


@pytest.mark.parametrize("fov", [0.0, -1.0, pi, 7.0, float("nan")])
def test_impossible_fields_of_view_are_refused(fov):
    with pytest.raises(InputError, match="between 0 and 180 degrees"):
        Camera(fov=fov)


def test_impossible_sizes_are_refused():
    with pytest.raises(InputError, match="at least one pixel"):
        Camera(width=0)
    with pytest.raises(InputError, match=r"expected the camera's 112x112 pixels, got 96x48"):
        place(NOISE, Camera(), (48, 96))
