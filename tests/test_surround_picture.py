# SPDX-License-Identifier: Apache-2.0
"""The picture of a surround scene: rolls, mirrors, cameras, where things are seen, and truth against closed forms."""

from dataclasses import replace
from math import pi

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seehear.spatial.panorama import Camera, perspective
from seehear.world.classes import CLASSES, KINDS, kind_of
from seehear.world.draw import draw_scene, label_of
from seehear.world.scene import Dials, Thing
from seehear.world.surround_background import background
from seehear.world.surround_path import position, to_listener
from seehear.world.surround_picture import SurroundPicture, see
from seehear.world.surround_places import PLACES, place
from seehear.world.surround_scene import STUFF, Field, Light, Microphone, Room, Source, Surround
from seehear.world.surround_shot import SurroundShot
from seehear.world.surround_view import view_of

TRUTH = {"masks": True, "depth": True, "flow": True}
SMALL = SurroundShot(80, 160, 10.0, **TRUTH)
STUFF_OF = {name: len(KINDS) + number for number, name in enumerate(STUFF)}


def thing(name: str, azimuth: float, distance: float, up: float = 0.0, nuisance: float = 1.0, **changes) -> Thing:
    index = next(k for k in range(20) if CLASSES[label_of(900_110, k)] == name)
    drawn = draw_scene(900_110, index, Dials(nuisance=nuisance, companions=0.0), 2.0).things[0]
    where = (distance * np.cos(azimuth), distance * np.sin(azimuth), up)
    return replace(drawn, position=where, approach=0.0, sway=0.0, **changes)


def scene_of(*sources: Source | Thing, number: int = 0, seconds: float = 0.5, **changes) -> Surround:
    things = tuple(Source(s) if isinstance(s, Thing) else s for s in sources)
    light, microphone = Light(0.9, (1.0, 0.95, 0.9), 0.7), Microphone(0, -30.0, 0.0, (0.0,) * 17, -20.0)
    return Surround(0, 0, seconds, 0, things, place(number), number, light, microphone, **changes)


def crowd(number: int, **changes) -> Surround:
    """Four things all around, one across the seam of the panorama, one that walks, one overlapping another."""
    sources = (
        Source(thing("tram", 3.1, 11.0)),
        Source(thing("dog", 0.4, 3.0, 0.5), turn=0.6),
        Source(thing("fan", 0.5, 2.5)),
        Source(thing("bird", -1.5, 1.0, 1.0), velocity=(0.5, 0.2, 0.1)),
    )
    return scene_of(*sources, number=number, **changes)


def centroid(mask: np.ndarray) -> tuple[float, float]:
    """Column and row of the middle of a mask that does not cross the seam."""
    rows, columns = np.nonzero(mask)
    return float(columns.mean() + 0.5), float(rows.mean() + 0.5)


def between(frame: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Bilinear values of a frame between the middles of its pixels."""
    top, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    down, across = (rows - top)[:, None], (columns - left)[:, None]
    upper = (1 - across) * frame[top, left] + across * frame[top, left + 1]
    lower = (1 - across) * frame[top + 1, left] + across * frame[top + 1, left + 1]
    return (1 - down) * upper + down * lower


def agree(one: SurroundPicture, other: SurroundPicture, turned) -> None:
    """The one is the other after `turned`, but for a few pixels at edges that rounding decides."""
    assert np.abs(one.frames.astype(int) - turned(other.frames)).max() <= 1
    for name in ("instances", "classes"):
        assert (getattr(one, name) != turned(getattr(other, name))).mean() < 1e-3
    for name in ("depth", "flow"):
        mine, theirs = getattr(one, name).astype(float), turned(getattr(other, name)).astype(float)
        assert (~np.isclose(mine, theirs, rtol=2e-3, atol=2e-2)).mean() < 1e-3


@pytest.mark.parametrize("number", [4, 7])
@pytest.mark.parametrize("columns", [1, 53])
def test_turning_the_head_by_whole_columns_rolls_picture_and_truth(number, columns):
    ahead = see(crowd(number), SMALL)
    aside = see(crowd(number, heading=2 * pi * columns / SMALL.width), SMALL)
    agree(aside, ahead, lambda a: np.roll(a, columns, axis=2))


@pytest.mark.parametrize("number", [4, 7])
def test_a_mirrored_scene_is_the_picture_flipped(number):
    plain, mirrored = (see(crowd(number, heading=0.3, mirrored=m), SMALL) for m in (False, True))
    sign = np.array([-1.0, 1.0])
    agree(mirrored, plain, lambda a: a[:, :, ::-1] * (sign if a.ndim == 4 and a.shape[3] == 2 else 1))


@pytest.mark.parametrize("number", [4, 7])
def test_a_camera_sees_what_is_cut_out_of_a_large_panorama(number):
    scene = crowd(number, heading=0.7)
    scene = replace(scene, sources=(*scene.sources, Source(thing("clock", 0.1, 2.0))))
    camera = Camera(-0.35, 0.1, 1.2, 96, 128)
    shot = SurroundShot(96, 128, 2.0, fov=1.2, azimuth=-0.35, elevation=0.1)
    direct = see(scene, shot).frames[0].astype(float)
    cut = perspective(see(scene, SurroundShot(512, 1024, 2.0)).frames[0], camera).astype(float)
    difference = np.abs(direct - cut)
    assert difference.mean() < 2.0
    assert (difference.max(axis=2) > 25).mean() < 0.02


@settings(max_examples=40)
@given(
    st.floats(-3, 3), st.booleans(), st.floats(-3, 3), st.floats(-1.5, 1.5), st.one_of(st.none(), st.floats(0.3, 2.6))
)
def test_a_point_on_the_ray_of_a_pixel_is_seen_in_its_middle(heading, mirrored, azimuth, elevation, fov):
    looking = {} if fov is None else {"fov": fov, "azimuth": azimuth, "elevation": elevation}
    view = view_of(scene_of(heading=heading, mirrored=mirrored), SurroundShot(16, 32, **looking))
    rays = view.rays()
    x, y, z = np.broadcast_arrays(rays.cosine, rays.sine, rays.slope)
    seen = view.pixels(7.0 * np.stack([x, y, z], axis=-1))
    rows, columns = np.mgrid[0:16, 0:32] + 0.5
    assert seen.front.all()
    np.testing.assert_allclose(seen.columns, columns, atol=1e-5)
    np.testing.assert_allclose(seen.rows, rows, atol=1e-5)


def test_samples_of_a_pixel_surround_its_middle():
    view = view_of(scene_of(heading=0.4), SurroundShot(16, 32, fov=1.0, azimuth=0.3, elevation=0.2))
    fine, plain = view.rays(2, 7, 3), view.rays(2, 7)
    for name in ("cosine", "sine", "slope"):
        np.testing.assert_allclose(getattr(fine, name)[1::3, 1::3], getattr(plain, name), atol=1e-12)
    assert (np.abs(np.diff(fine.slope[:, 1])) < np.abs(np.diff(plain.slope[:, 0])).max() / 2).all()


def test_a_thing_that_walks_around_is_seen_at_its_azimuth():
    walker = Source(thing("clock", -2.6, 3.0, 0.2, nuisance=0.0, events=()), turn=1.3)
    scene = scene_of(walker, seconds=4.0, heading=0.2)
    picture = see(scene, replace(SMALL, flow=False))
    where = to_listener(scene, position(walker, np.arange(40) / 10))
    expected = (pi - np.arctan2(where[:, 1], where[:, 0])) * SMALL.width / (2 * pi)
    for k in range(40):
        rolled = np.roll(picture.instances[k] == 1, 80 - round(expected[k]), axis=1)
        assert centroid(rolled)[0] - 80 + round(expected[k]) == pytest.approx(expected[k], abs=1.0)


@pytest.mark.parametrize("elevation", [-0.9, -0.3, 0.0, 0.5, 1.0])
def test_a_thing_is_seen_at_its_elevation(elevation):
    ball = thing("ball", 1.0, 2.5, 2.5 * np.tan(elevation), nuisance=0.0, events=())
    _, row = centroid(see(scene_of(ball), SMALL).instances[0] == 1)
    assert row == pytest.approx(SMALL.height * (0.5 - elevation / pi), abs=1.0)


def test_the_ball_spans_its_solid_angle_and_a_quarter_of_it_from_twice_as_far():
    spans = []
    for distance, up in ((2.0, 0.0), (4.0, 0.0), (2.0, 1.5)):
        ball = thing("ball", 3.1, distance, up, nuisance=0.0, events=())
        shown = see(scene_of(ball), SurroundShot(200, 400, 2.0, masks=True)).instances[0] == 1
        elevation = pi / 2 - pi * (np.arange(200) + 0.5) / 200
        spans.append((shown * np.cos(elevation)[:, None]).sum() * 2 * pi / 400 * pi / 200)
        area = pi * ((0.62 + 0.05) * ball.size) ** 2
        # The board is upright: seen from below it is foreshortened by X / r.
        assert spans[-1] == pytest.approx(area * distance / np.hypot(distance, up) ** 3, rel=0.05)
    assert spans[1] == pytest.approx(spans[0] / 4, rel=0.05)


def slow_depth(room: Room, direction: np.ndarray) -> float:
    """Distance to the nearest of six planes that lies ahead and whose crossing is inside the room."""
    low, high = np.array(room.corner), np.array(room.corner) + np.array(room.size)
    ahead = [bound[axis] / direction[axis] for bound in (low, high) for axis in range(3)]
    inside = [t for t in ahead if t > 0 and (t * direction > low - 1e-9).all() and (t * direction < high + 1e-9).all()]
    return min(inside)


def test_depth_and_classes_of_a_room_are_those_of_a_slow_ray_caster():
    scene = scene_of(number=3, heading=0.9)
    shot = SurroundShot(24, 48, 2.0, masks=True, depth=True)
    picture = see(scene, shot)
    for row in range(24):
        for column in range(48):
            a, e = pi - 2 * pi * (column + 0.5) / 48 + 0.9, pi / 2 - pi * (row + 0.5) / 24
            direction = np.array([np.cos(a) * np.cos(e), np.sin(a) * np.cos(e), np.sin(e)])
            depth = slow_depth(scene.place, direction)
            assert picture.depth[0, row, column] == pytest.approx(depth, rel=1e-3)
            bottom, top = scene.place.corner[2], scene.place.corner[2] + scene.place.size[2]
            height = depth * direction[2]
            name = "floor" if height < bottom + 1e-6 else "ceiling" if height > top - 1e-6 else "wall"
            assert picture.classes[0, row, column] == STUFF_OF[name]


@pytest.mark.parametrize("number", range(0, PLACES, 2))
def test_ground_roads_and_rivers_lie_where_the_field_says(number):
    scene = scene_of(number=number)
    field = scene.place
    found = background(view_of(scene, SurroundShot(96, 192)))
    azimuth = pi - 2 * pi * (np.arange(192) + 0.5) / 192
    elevation = pi / 2 - pi * (np.arange(96) + 0.5) / 96
    depth = np.broadcast_to(field.height / np.sin(-elevation[:, None]), (96, 192))
    level = depth * np.cos(elevation)[:, None]
    x, y = level * np.cos(azimuth), level * np.sin(azimuth)
    wanted = np.where(elevation[:, None] < 0, STUFF_OF["ground"], STUFF_OF["sky"]) * np.ones((1, 192), int)
    for strip in field.strips:
        inside = np.abs(x * np.cos(strip.azimuth) + y * np.sin(strip.azimuth) - strip.offset) < strip.width / 2
        wanted[inside & (elevation < 0)[:, None]] = STUFF_OF[strip.stuff]
    upright = np.isin(found.classes, [STUFF_OF["building"], STUFF_OF["tree"]])
    assert (found.classes[~upright] == wanted[~upright]).all()
    low = ~upright & (elevation < 0)[:, None]
    np.testing.assert_allclose(found.depth[low], depth[low], rtol=1e-5)
    assert np.isinf(found.depth[found.classes == STUFF_OF["sky"]]).all()


def test_uprights_stand_on_the_ground_where_the_field_says():
    scene = scene_of(number=2)
    found = background(view_of(scene, SurroundShot(512, 1024)))
    for name in ("building", "tree"):
        shown = found.classes == STUFF_OF[name]
        distances = [u.distance for u in scene.place.uprights if u.stuff == name]
        assert found.depth[shown].min() == pytest.approx(min(distances), rel=0.02)
    building = max((u for u in scene.place.uprights if u.stuff == "building"), key=lambda u: u.height / u.distance)
    column = int((pi - building.azimuth) % (2 * pi) * 1024 / (2 * pi))
    rows = np.nonzero(found.classes[:, column] == STUFF_OF["building"])[0]
    for row, height in ((rows[0], building.height), (rows[-1] + 1, 0.0)):
        elevation = np.arctan((height - scene.place.height) / building.distance)
        assert row == pytest.approx(512 * (0.5 - elevation / pi), abs=1.5)


@pytest.mark.parametrize("number", range(PLACES))
def test_every_place_shows_all_its_stuff_and_nothing_else(number):
    ground = place(number)
    if isinstance(ground, Field):
        stuff = {"sky", "ground", *(s.stuff for s in ground.strips), *(u.stuff for u in ground.uprights)}
    else:
        stuff = {"wall", "floor", "ceiling"}
    for looking in ({}, {"fov": 2.8, "elevation": 0.0, "azimuth": 1.0}):
        found = set(np.unique(background(view_of(scene_of(number=number), SurroundShot(96, 192, **looking))).classes))
        assert found <= {STUFF_OF[name] for name in stuff}
        if not looking:
            assert found == {STUFF_OF[name] for name in stuff}


@pytest.mark.parametrize("number", range(PLACES))
def test_places_are_those_of_the_design(number):
    ground = place(number)
    assert ground == place(number)
    if isinstance(ground, Room):
        assert number % 2 == 1
        assert all(low <= side <= high for side, low, high in zip(ground.size, (6, 5, 2.8), (14, 12, 6), strict=True))
        assert 1.5 <= -ground.corner[2] <= 1.7
        assert all(
            min(-low, low + side) >= 0.3 * side - 1e-9
            for low, side in zip(ground.corner[:2], ground.size[:2], strict=True)
        )
        assert all(0.05 <= share <= 0.6 for share in ground.absorption)
    else:
        assert all(25 <= u.distance <= 80 for u in ground.uprights)
        assert {u.stuff for u in ground.uprights} == {"building", "tree"}
        for strip in ground.strips:
            assert abs(strip.offset) > strip.width / 2


def test_the_seam_splits_nothing():
    for name in ("tram", "fan"):
        far = 8.0 if name == "tram" else 2.0
        ahead, behind = (see(scene_of(thing(name, a, far), number=5), SMALL) for a in (0.0, pi))
        moved = np.roll(behind.instances, SMALL.width // 2, axis=2)
        assert (moved != ahead.instances).sum() <= 2
        shown = ahead.instances == 1
        assert (behind.instances[:, :, 0] == 1).any()
        assert (behind.instances[:, :, -1] == 1).any()
        flow = np.roll(behind.flow, SMALL.width // 2, axis=2)
        np.testing.assert_allclose(flow[shown], ahead.flow[shown], atol=1e-3)


@pytest.mark.parametrize("fov", [None, 1.0, 3.0])
@pytest.mark.parametrize("elevation", [-pi / 2, 0.0, pi / 2])
def test_what_is_overhead_behind_or_very_near_does_no_harm(fov, elevation):
    if fov is None and elevation:
        elevation = 0.0
    sources = (
        Source(thing("bird", 0.3, 0.01, 4.0), velocity=(0.1, 0.0, 0.0)),
        Source(thing("bus", -0.5, 1.0, -0.5), velocity=(3.0, 4.0, 0.0)),
        Source(thing("ball", 3.0, 0.05, -1.5)),
        Source(thing("frog", 2.0, 500.0)),
        Source(thing("tram", pi, 7.0), turn=3.0),
    )
    # With odd numbers of pixels the camera's axis is the ray of one.
    looking = {} if fov is None else {"fov": fov, "elevation": elevation, "azimuth": 0.2, "height": 81, "width": 161}
    picture = see(scene_of(*sources, seconds=1.0), replace(SMALL, **looking))
    assert set(np.unique(picture.instances)) <= set(range(6))
    assert np.isfinite(picture.flow).all()
    assert (picture.depth > 0).all()
    shown = picture.instances > 0
    assert shown.any()
    kinds = np.array([0, *(source.thing.kind for source in sources)])
    assert (picture.classes[shown] == kinds[picture.instances[shown]]).all()
    assert (picture.classes[~shown] >= len(KINDS)).all()
    assert (picture.flow[~shown] == 0).all()


def test_what_is_behind_a_camera_or_hidden_is_not_painted():
    shot = SurroundShot(48, 64, 10.0, fov=1.2, masks=True)
    empty = see(scene_of(), shot).frames
    for absent in (thing("tram", pi, 12.0), replace(thing("tram", 0.0, 12.0), seen=False)):
        picture = see(scene_of(absent), shot)
        assert (picture.frames == empty).all()
        assert not picture.instances.any()


def test_the_nearer_hides_the_farther_whatever_their_order():
    near, far = thing("clock", 0.2, 2.0), thing("clock", 0.2, 3.0)
    for order in ((near, far), (far, near)):
        picture = see(scene_of(*order), SMALL)
        column = round((pi - 0.2) * SMALL.width / (2 * pi))
        assert picture.instances[0, 40, column] == 1 + order.index(near)
        assert picture.depth[0, 40, column] == pytest.approx(2.0, rel=0.02)


@pytest.mark.parametrize("looking", [{}, {"fov": 1.6, "azimuth": 0.2, "elevation": 0.3}])
def test_depth_of_a_thing_is_the_distance_to_its_plane(looking):
    tram = thing("tram", 0.4, 9.0, 1.0, events=())
    scene = scene_of(tram, heading=0.1)
    shot = replace(SMALL, **looking)
    picture = see(scene, shot)
    rays = view_of(scene, shot).rays()
    x, y, z = np.broadcast_arrays(rays.cosine, rays.sine, rays.slope)
    ray = np.stack([x, y, z], axis=-1) / np.sqrt(1 + z * z)[..., None]
    normal = np.array([np.cos(0.4), np.sin(0.4), 0.0])
    shown = picture.instances[0] == 1
    assert shown.sum() > 300
    np.testing.assert_allclose(picture.depth[0][shown], (9.0 / (ray @ normal))[shown], rtol=1e-3)


def test_truth_does_not_change_the_picture_nor_length_or_blocks_a_frame(monkeypatch):
    scene = crowd(4, seconds=0.6)
    picture = see(scene, SMALL)
    assert (see(scene, SurroundShot(80, 160)).frames == picture.frames).all()
    short = see(replace(scene, duration=0.5), SMALL)
    monkeypatch.setattr("seehear.world.surround_picture._BLOCK", 1)
    one_by_one = see(scene, SMALL)
    for name in ("frames", "instances", "depth", "flow"):
        assert (getattr(short, name) == getattr(picture, name)[:5]).all()
        assert (getattr(one_by_one, name) == getattr(picture, name)).all()


def test_only_what_is_asked_for_is_kept():
    picture = see(crowd(4), SurroundShot(80, 160))
    assert picture.instances is picture.classes is picture.depth is picture.flow is None
    assert see(crowd(4), SurroundShot(80, 160, depth=True)).depth.dtype == np.float16


def test_without_contrast_the_place_is_one_colour_and_light_multiplies_it():
    scene = scene_of(number=6)
    pale = see(replace(scene, light=Light(1.0, (1.0, 1.0, 1.0), 0.0)), SMALL).frames
    assert (pale == pale[0, 0, 0]).all()
    dim = see(replace(scene, light=Light(0.5, (1.0, 0.8, 0.6), 0.0)), SMALL).frames
    np.testing.assert_allclose(dim[0, 0, 0], pale[0, 0, 0] * 0.5 * np.array([1.0, 0.8, 0.6]), atol=0.6)


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_is_seen_and_moves_and_rests_without_events(name):
    kind = KINDS[CLASSES.index(name)]
    shot = SurroundShot(64, 128, 10.0, fov=1.0, masks=True)
    moving = thing(name, 0.0, 3.5 * kind.size)
    picture = see(scene_of(moving, seconds=1.0), shot)
    assert 0.02 < (picture.classes == moving.kind).mean() < 0.5
    assert (np.abs(np.diff(picture.frames.astype(int), axis=0)).max(axis=(1, 2, 3)) > 20).mean() > 0.4
    resting = see(scene_of(replace(moving, events=())), shot)
    assert (resting.frames == resting.frames[0]).all()
    assert (resting.instances == 1).any()


def test_walking_one_column_a_frame_flows_and_rolls_by_one_column():
    walker = Source(thing("car", 1.0, 6.0, events=()), turn=2 * pi / SMALL.width * SMALL.fps)
    picture = see(scene_of(walker, number=5, seconds=2.0), SMALL)
    for k in range(19):
        shown = picture.instances[k] == 1
        assert (np.roll(shown, -1, axis=1) != (picture.instances[k + 1] == 1)).sum() <= 2
        np.testing.assert_allclose(picture.flow[k][shown], np.broadcast_to([-1.0, 0.0], (shown.sum(), 2)), atol=1e-4)


@pytest.mark.parametrize("looking", [{}, {"fov": 2.0, "azimuth": 0.2, "elevation": 0.15}])
def test_the_flow_of_a_thing_that_passes_leads_to_the_next_frame(looking):
    """Interior pixels land on the thing again, on its colour, and on average move as its path is seen to."""
    shot = SurroundShot(160, 320, 4.0, **TRUTH, **looking)
    passing = Source(thing("truck", 0.6, 14.0, events=()), velocity=(-1.5, -4.0, 0.3))
    scene = scene_of(passing, seconds=2.0)
    picture, view = see(scene, shot), view_of(scene, shot)
    path = view.pixels(position(passing, np.arange(9) / 4))
    for k in range(7):
        shown = picture.instances[k] == 1
        inner = shown.copy()
        for axis in (0, 1):
            inner &= np.roll(shown, 1, axis) & np.roll(shown, -1, axis)
        rows, columns = np.nonzero(inner)
        flow = picture.flow[k, rows, columns]
        there = np.floor(np.stack([columns, rows], 1) + 0.5 + flow).astype(int).T
        # The corners of a part turn over the pixels beside them.
        assert (picture.instances[k + 1, there[1], there[0]] == 1).mean() > 0.99
        now, later = (picture.frames[j].astype(float) for j in (k, k + 1))
        change = between(later, rows + flow[:, 1], columns + flow[:, 0]) - now[rows, columns]
        still = later[rows, columns] - now[rows, columns]
        assert np.abs(change).mean() < 0.5 * np.abs(still).mean()
        middle = np.hypot(columns + 0.5 - path.columns[k], rows + 0.5 - path.rows[k]) < 6
        step = [path.columns[k + 1] - path.columns[k], path.rows[k + 1] - path.rows[k]]
        np.testing.assert_allclose(flow[middle].mean(axis=0), step, atol=0.15)


@pytest.mark.parametrize("facing", [1, -1])
def test_blades_of_a_fan_flow_around_its_hub_and_the_stand_rests(facing):
    fan = thing("fan", 0.0, 1.2, 0.0, nuisance=0.0)
    fan = replace(fan, look=replace(fan.look, facing=facing))
    shot = SurroundShot(160, 160, 50.0, fov=1.0, **TRUTH)
    scene = scene_of(fan, seconds=0.5)
    picture = see(scene, shot)
    times = np.arange(26) / 50
    pose = kind_of(fan.kind).motion(fan, times)
    scale = 80 / np.tan(0.5) * fan.size / 1.2
    hub = np.array([80.0, 80.0 - 0.25 * scale])
    for k in (0, 7, 24):
        angle = -(pose.turn[k + 1] - pose.turn[k]) * facing
        rows, columns = np.nonzero(picture.instances[k] == 1)
        flow, arm = picture.flow[k, rows, columns], np.stack([columns, rows], 1) + 0.5 - hub
        blade = (np.hypot(*arm.T) > 0.3 * scale) & (np.hypot(*arm.T) < 0.6 * scale) & (arm[:, 1] < 0)
        moving = blade & (np.hypot(*flow.T) > 0)
        assert moving.sum() > 100
        # Counter-clockwise for the eye, whose rows count downwards.
        turned = arm @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        np.testing.assert_allclose(flow[moving], (turned - arm)[moving], atol=2e-3)
        np.testing.assert_allclose(flow[arm[:, 1] > 0.9 * scale], 0, atol=1e-4)


def test_a_bouncing_ball_flows_along_and_is_flattened():
    ball = thing("ball", 0.0, 1.5, 0.0, nuisance=0.0)
    shot = SurroundShot(160, 160, 20.0, fov=1.2, **TRUTH)
    picture = see(scene_of(ball, seconds=2.0), shot)
    for k in range(39):
        now, later = (np.nonzero(picture.instances[j] == 1)[0] for j in (k, k + 1))
        flow = picture.flow[k][picture.instances[k] == 1]
        moved = now + flow[:, 1]
        # Discs of the ball turn under its bands, but top and bottom go where the next frame has them.
        assert moved.min() == pytest.approx(later.min(), abs=1.5)
        assert moved.max() == pytest.approx(later.max(), abs=1.5)
