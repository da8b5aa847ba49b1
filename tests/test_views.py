"""Views: which window is read, what the draws do, and that nothing depends on anything but the generator."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seehear.clip import Clip
from seehear.data.catalog import ArrayClip, cut_sound, frame_indices
from seehear.views import MEAN, STD, AudioVisual, blurred, centre_box, colour_map, random_box, resize
from small import make_shelf, make_views


class Recorded(Clip):
    """A clip that notes which windows it was asked for."""

    item, label, source, layout = 1, 0, "recorded", "mono"

    def __init__(self, duration):
        self.duration, self.asked = duration, {}

    def frames(self, start, count, fps):
        self.asked["video"] = (start, start + count / fps)
        return np.zeros((count, 20, 30, 3), np.uint8)

    def sound(self, start, duration, rate):
        self.asked["audio"] = (start, start + duration)
        return np.zeros((1, round(duration * rate)), np.float32)


@given(st.floats(1.5, 20), st.integers(0, 1000))
def test_windows_lie_inside_the_clip_and_near_each_other(duration, seed):
    views, clip = make_views(), Recorded(duration)
    views.cut(clip, np.random.default_rng(seed))
    (seen, seen_end), (heard, heard_end) = clip.asked["video"], clip.asked["audio"]
    assert 0 <= seen <= seen_end <= duration + 1e-9
    assert 0 <= heard <= heard_end <= duration + 1e-9
    pushed_in = max(seen + heard_end - heard - duration, 0)
    assert abs(heard - seen) <= views.offset + pushed_in + 1e-9


@pytest.mark.parametrize("position", [0.0, 0.5, 1.0])
def test_an_evaluation_view_draws_nothing_and_shares_its_centre(position):
    views, clip = make_views().at(position), Recorded(10.0)
    generator = np.random.default_rng(0)
    state = generator.bit_generator.state
    views.cut(clip, generator)
    assert generator.bit_generator.state == state
    seen, heard = clip.asked["video"], clip.asked["audio"]
    assert seen[0] == pytest.approx(position * (10 - views.count / views.fps))
    if position == 0.5:
        assert sum(seen) == pytest.approx(sum(heard))


def test_a_sample_depends_on_its_generator_alone():
    views, clip = make_views(), make_shelf().clips[0]
    first, again, other = (views.cut(clip, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["pixels"], other["pixels"])


def test_finishing_a_batch_is_finishing_its_items():
    views, shelf = make_views(), make_shelf()
    cuts = [views.cut(clip, np.random.default_rng(i)) for i, clip in enumerate(shelf.clips[:3])]
    arrays = {name: torch.from_numpy(np.stack([cut[name] for cut in cuts])) for name in cuts[0]}
    whole = views.finish(arrays)
    assert whole["video"].shape == (3, 3, 4, 16, 16)
    assert whole["audio"].shape == (3, 1, 32, 33)
    for i in range(3):
        alone = views.finish({name: array[i : i + 1] for name, array in arrays.items()})
        for name in whole:
            torch.testing.assert_close(alone[name][0], whole[name][i])


def test_the_mirror_reverses_the_picture():
    views = make_views(colour=(0.0, 0.0, 0.0, 0.0), volume=0.0, stretch=(1.0, 1.0))
    pixels = torch.from_numpy(np.random.default_rng(0).integers(0, 255, (2, 4, 16, 16, 3), dtype=np.uint8))
    draws = torch.full((2, 7), 0.5)
    draws[0, 0], draws[1, 0] = 0.1, 0.9
    samples = torch.zeros(2, 4096, dtype=torch.int16)
    video = views.finish({"pixels": pixels, "samples": samples, "draws": draws})["video"]
    plain = views.at(0.5).finish({"pixels": pixels, "samples": samples, "draws": draws})["video"]
    torch.testing.assert_close(video[0], plain[0].flip(-1))
    torch.testing.assert_close(video[1], plain[1])


def test_volume_is_a_gain():
    views = make_views(colour=(0.0, 0.0, 0.0, 0.0), volume=0.1, stretch=(1.0, 1.0))
    generator = torch.Generator().manual_seed(0)
    samples = (torch.randn(1, 4096, generator=generator) * 3000).to(torch.int16)
    pixels = torch.zeros(1, 4, 16, 16, 3, dtype=torch.uint8)
    draws = torch.full((1, 7), 0.5)
    levels = []
    for draw in (0.0, 1.0):
        draws[0, 5] = draw
        levels.append(views.finish({"pixels": pixels, "samples": samples, "draws": draws})["audio"])
    gain = torch.full_like(levels[0], 20 * np.log10(1.1 / 0.9))
    torch.testing.assert_close(levels[1] - levels[0], gain, atol=1e-3, rtol=0)


def test_colour_jitter_at_rest_is_the_identity_and_keeps_grey_grey():
    pixels = torch.randint(0, 256, (2, 2, 8, 8, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    matrix, offset = colour_map(pixels, torch.zeros(2, 4), (0.4, 0.4, 0.4, 0.2))
    torch.testing.assert_close(matrix, torch.eye(3).expand(2, 3, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(offset, torch.zeros(2, 3))
    matrix, offset = colour_map(pixels, torch.tensor([[0.0, 0.0, 0.7, -0.9]] * 2), (0.4, 0.4, 0.4, 0.2))
    torch.testing.assert_close(matrix @ torch.ones(3), torch.ones(2, 3), atol=2e-3, rtol=0)


def test_contrast_keeps_the_mean_grey():
    pixels = torch.randint(0, 256, (1, 1, 16, 16, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    pixels = pixels[:, :, ::4, ::4].repeat_interleave(4, 2).repeat_interleave(4, 3)
    matrix, offset = colour_map(pixels, torch.tensor([[0.0, 1.0, 0.0, 0.0]]), (0.4, 0.4, 0.4, 0.2))
    flat = pixels[0].float().flatten(0, 2) / 255
    grey = torch.tensor([0.299, 0.587, 0.114])
    torch.testing.assert_close(((flat @ matrix[0].mT + offset[0]) @ grey).mean(), (flat @ grey).mean())


def test_draws_decide_which_pictures_are_grey_and_which_blurred():
    views = make_views(grey=0.2, blur=0.5, mirror=0.0)
    pixels = torch.randint(0, 256, (4, 2, 16, 16, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    draws = torch.full((4, 10), 0.5)
    draws[:, 7] = torch.tensor([0.1, 0.3, 0.1, 0.3])
    draws[:, 8] = torch.tensor([0.4, 0.4, 0.6, 0.6])
    video = views._finish_pixels(pixels, draws)
    assert torch.equal(video[3], make_views(mirror=0.0)._finish_pixels(pixels, draws)[3])
    mean, std = (torch.tensor(numbers)[:, None, None, None] for numbers in (MEAN, STD))
    red, green, blue = (video * std + mean).unbind(1)
    for item, grey in enumerate((True, False, True, False)):
        assert torch.allclose(red[item], green[item], atol=1e-5) == torch.allclose(red[item], blue[item], atol=1e-5)
        assert torch.allclose(red[item], green[item], atol=1e-5) == grey
    seen = (pixels[2].float() / 255) @ torch.tensor([0.299, 0.587, 0.114])
    torch.testing.assert_close(green[2], seen, atol=2e-3, rtol=0)
    steps = video.diff(dim=-1).abs().mean(dim=(1, 2, 3, 4))
    assert steps[0] < 0.5 * steps[2]
    assert steps[1] < 0.5 * steps[3]
    assert views.cut(make_shelf().clips[0], np.random.default_rng(0))["draws"].shape == (10,)
    assert AudioVisual.rebuild(views.arguments).blur == 0.5
    assert not {"grey", "blur"} & set(make_views().arguments)


def test_a_blurred_point_is_a_gaussian_and_a_wall_stays_as_it_is():
    video = torch.zeros(3, 1, 1, 33, 41)
    video[:2, ..., 16, 20] = 1
    video[2] = 0.7
    still, seen, wall = blurred(video, torch.tensor([0.0, 1.5, 1.5]))
    assert torch.equal(still, video[0])
    y, x = torch.meshgrid(torch.arange(33) - 16, torch.arange(41) - 20, indexing="ij")
    expected = torch.exp(-(x**2 + y**2) / (2 * 1.5**2)) / (2 * torch.pi * 1.5**2)
    torch.testing.assert_close(seen[0, 0], expected, atol=1e-4, rtol=0)
    torch.testing.assert_close(wall, video[2])


@given(st.integers(8, 90), st.integers(8, 90), st.integers(0, 500))
def test_crops_fit_and_have_the_asked_area(height, width, seed):
    frames = np.zeros((1, height, width, 3), np.uint8)
    top, bottom, left, right = random_box(frames, (0.5, 0.8), (3 / 4, 4 / 3), np.random.default_rng(seed))
    assert 0 <= top < bottom <= height
    assert 0 <= left < right <= width
    share = (bottom - top) * (right - left) / (height * width)
    side = min(height, width)
    centre = centre_box(frames) == (top, bottom, left, right) and share == side * side / (height * width)
    assert centre or 0.5 - 4 / side <= share <= 0.8 + 4 / side


def test_resizing_keeps_the_mean(monkeypatch):
    frames = np.random.default_rng(0).integers(0, 255, (2, 64, 64, 3), dtype=np.uint8)
    by_area = resize(frames, 16)
    assert np.abs(by_area.astype(float) - frames.reshape(2, 16, 4, 16, 4, 3).mean((2, 4))).max() <= 1
    monkeypatch.setitem(__import__("sys").modules, "cv2", None)
    without = resize(frames, 16)
    assert without.shape == by_area.shape
    assert abs(without.mean() - frames.mean()) < 0.5


def test_arguments_rebuild_the_views():
    views = make_views(colour=(0.1, 0.2, 0.3, 0.0))
    again = AudioVisual.rebuild(views.arguments)
    assert again.arguments == views.arguments
    assert again.size == 16


@given(st.floats(0, 2), st.integers(1, 8), st.sampled_from([8.0, 10.0, 16.0]))
def test_frame_indices_are_the_floor_of_time(start, count, fps):
    indices = frame_indices(start, count, fps, 25.0, 50)
    for k, index in enumerate(indices):
        exact = (start + k / fps) * 25
        assert index in {min(int(exact), 49), min(int(exact + 1e-4), 49)}


def test_sound_outside_the_recording_is_silent():
    samples = np.ones((2, 100), np.float32)
    piece = cut_sound(samples, 100, -0.5, 2.0, 100)
    assert piece.shape == (2, 200)
    assert piece[:, :50].sum() == 0
    assert piece[:, 50:150].all()
    assert piece[:, 150:].sum() == 0


def test_an_array_clip_shows_the_frame_of_the_instant():
    frames = np.arange(20, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 3), np.uint8)
    clip = ArrayClip(frames, 10.0, np.zeros((1, 16_000), np.float32), 8000)
    assert clip.frames(0.55, 4, 5.0)[:, 0, 0, 0].tolist() == [5, 7, 9, 11]
    assert clip.frames(1.8, 4, 10.0)[:, 0, 0, 0].tolist() == [18, 19, 19, 19]
