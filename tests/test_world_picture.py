# SPDX-License-Identifier: Apache-2.0
"""The picture: coverage sums to the area, things are where the camera equation puts them, every class is seen."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seehear.world.classes import CLASSES, KINDS
from seehear.world.draw import draw_scene, label_of
from seehear.world.motion import position
from seehear.world.picture import FOCAL, see
from seehear.world.scene import Dials, Scene, Shot
from seehear.world.shapes import Part, coverage, local, turned

CALM = Dials(nuisance=0.0, companions=0.0)


def painted_area(part: Part, scale: float, centre: tuple[float, float] = (0.0, 0.0)) -> float:
    """Sum of the coverage over a picture of 64 x 64 pixels, in pixels."""
    u = ((np.arange(64) + 0.5 - 32 - centre[0]) / scale)[None, None, :].astype(np.float32)
    v = ((np.arange(64) + 0.5 - 32 - centre[1]) / scale)[None, :, None].astype(np.float32)
    x, y = local(part, u, v)
    return float(coverage(part, x, y, np.full((1, 1, 1), scale, np.float32)).sum())


fraction = st.floats(-0.5, 0.5)


@settings(max_examples=60)
@given(st.floats(0.02, 1.0), st.floats(0.02, 1.0), fraction, fraction)
def test_a_box_covers_its_area_exactly_however_thin_and_wherever(a, b, du, dv):
    scale = 20.0
    assert painted_area(Part("box", 0.0, 0.0, a, b), scale, (du, dv)) == pytest.approx(4 * a * b * scale**2, rel=1e-4)


@settings(max_examples=60)
@given(st.floats(0.1, 1.0), st.floats(0.1, 1.0), st.floats(0, 3.2), fraction, fraction)
def test_turned_boxes_and_ellipses_cover_their_area_to_a_few_percent(a, b, angle, du, dv):
    scale = 20.0
    box = painted_area(Part("box", 0.0, 0.0, a, b, angle), scale, (du, dv))
    assert box == pytest.approx(4 * a * b * scale**2, rel=0.06)
    ellipse = painted_area(Part("ellipse", 0.0, 0.0, a, b, angle), scale, (du, dv))
    assert ellipse == pytest.approx(np.pi * a * b * scale**2, rel=0.06)


def test_tapered_boxes_and_rings_cover_their_area():
    triangle = painted_area(Part("box", 0.0, 0.0, 0.8, 0.9, taper=1.0), 20.0)
    assert triangle == pytest.approx(2 * 0.8 * 0.9 * 400, rel=0.02)
    ring = painted_area(Part("ring", 0.0, 0.0, 0.8, 0.8, taper=0.25), 20.0)
    assert ring == pytest.approx(np.pi * (0.8**2 - 0.6**2) * 400, rel=0.02)


def test_the_middle_of_an_ellipse_is_inside():
    part = Part("ellipse", 0.0, 0.0, 0.5, 0.3)
    point = np.zeros((1, 1, 1), np.float32)
    assert coverage(part, point, point, np.full((1, 1, 1), 20.0, np.float32)).item() == 1


def test_turning_moves_centres_counter_clockwise():
    (part,) = turned([Part("box", 1.0, 0.0, 0.1, 0.1)], np.pi / 2)
    assert (part.u, part.v) == (pytest.approx(0, abs=1e-12), pytest.approx(1))


def scene_of(name: str, seed: int = 900_110, dials: Dials = CALM) -> Scene:
    index = next(k for k in range(20) if CLASSES[label_of(seed, k)] == name)
    return draw_scene(seed, index, dials, 2.0)


def test_a_thing_is_seen_where_the_camera_equation_puts_it():
    shot = Shot(96, 128)
    scene = scene_of("ball")
    thing = replace(scene.things[0], position=(2.0, -0.5, 0.3), size=0.3)
    scene = replace(scene, things=(thing,))
    picture = see(scene, shot, masks=True)
    times = np.arange(20) / 10
    x, y, z = position(thing, KINDS[thing.kind].motion, times).T
    for k in range(20):
        rows, columns = np.nonzero(picture.masks[k] == 1)
        assert np.mean(columns + 0.5) == pytest.approx(64 - FOCAL * 96 * y[k] / x[k], abs=1.0)
        assert np.mean(rows + 0.5) == pytest.approx(48 - FOCAL * 96 * z[k] / x[k], abs=2.5)


def test_twice_as_far_is_a_quarter_of_the_area():
    scene = scene_of("clock")
    thing = scene.things[0]
    x, y, z = thing.position
    far = replace(thing, position=(2 * x, 2 * y, 2 * z))
    shot = Shot(192, 192)
    near_area = np.count_nonzero(see(scene, shot, masks=True).masks)
    far_area = np.count_nonzero(see(replace(scene, things=(far,)), shot, masks=True).masks)
    assert far_area == pytest.approx(near_area / 4, rel=0.05)


def test_a_nearer_thing_hides_a_farther_one():
    scene = scene_of("clock")
    front = scene.things[0]
    back = replace(front, position=(1.3 * front.position[0], *front.position[1:]))
    for order in ((front, back), (back, front)):
        masks = see(replace(scene, things=order), Shot(), masks=True).masks
        assert masks[0, 48, 48] == 1 + order.index(front)


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_is_large_and_moves(name):
    picture = see(scene_of(name), Shot(), masks=True)
    assert picture.frames.shape == (20, 96, 96, 3)
    assert picture.frames.dtype == np.uint8
    height = np.ptp(np.nonzero(picture.masks.any(0))[0])
    width = np.ptp(np.nonzero(picture.masks.any(0))[1])
    assert max(height, width) > 48
    changed = np.abs(np.diff(picture.frames.astype(int), axis=0)).max(axis=(1, 2, 3))
    assert (changed > 20).mean() > 0.4


def test_a_resting_thing_does_not_move():
    scene = scene_of("dog")
    resting = replace(scene.things[0], events=(), heard=False, sway=0.0, approach=0.0)
    frames = see(replace(scene, things=(resting,)), Shot()).frames
    assert (frames == frames[0]).all()


def test_things_outside_the_view_are_not_seen():
    scene = scene_of("car")
    hidden = replace(scene.things[0], seen=False)
    frames = see(replace(scene, things=(hidden,)), Shot()).frames
    assert (frames == frames[0]).all()


def test_frames_do_not_depend_on_the_length_of_the_scene_or_on_blocks():
    scene = scene_of("hammer", dials=Dials())
    long = see(scene, Shot(64, 64)).frames
    short = see(replace(scene, duration=0.5), Shot(64, 64)).frames
    assert (long[:5] == short).all()
