# SPDX-License-Identifier: Apache-2.0
"""What is drawn of a surround world: balance, dials and their contradictions, paths that stay where they can be."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seehear.errors import InputError
from seehear.world.classes import CLASSES, KINDS, VEHICLES, kind_of, look_alike
from seehear.world.draw import draw_scene, label_of
from seehear.world.motion import rest
from seehear.world.options import plan_of
from seehear.world.plan import Plan
from seehear.world.scene import Dials, Shot
from seehear.world.surround_draw import draw_surround
from seehear.world.surround_path import position, to_listener, to_world
from seehear.world.surround_plan import SurroundPlan
from seehear.world.surround_scene import Field, Room, Source, Surround
from seehear.world.surround_shot import SurroundDials, SurroundShot

SEED = 900_400
TIMES = np.linspace(0, 4, 41)
OPTIONS = {"scenes": 9, "seed": 1, "seconds": 2.0, "view": "panorama", "size": 64}


@pytest.fixture(scope="module")
def scenes() -> list[Surround]:
    dials = SurroundDials(least=1, most=6)
    return [draw_surround(SEED, index, dials) for index in range(300)]


def azimuth(scene: Surround, source: Source) -> float:
    x, y, _ = to_listener(scene, position(source, TIMES[:1]))[0]
    return float(np.arctan2(y, x))


def test_a_surround_scene_is_a_function_of_seed_and_index_and_has_the_class_of_its_block():
    assert draw_surround(3, 17) == draw_surround(3, 17)
    assert draw_surround(3, 17) != draw_surround(3, 18)
    assert draw_surround(3, 17) != draw_surround(4, 17)
    for index in range(40):
        scene = draw_surround(SEED, index)
        assert scene.label == label_of(SEED, index) == scene.sources[0].thing.kind


def test_it_shares_no_numbers_with_the_flat_scene_of_the_same_seed():
    flat, surround = draw_scene(SEED, 5), draw_surround(SEED, 5)
    assert flat.label == surround.label
    assert flat.things[0].look != surround.sources[0].thing.look
    assert flat.things[0].events != surround.sources[0].thing.events


def test_one_to_six_things_are_heard_as_asked(scenes):
    counts = np.bincount([len(scene.heard) for scene in scenes])
    assert counts[0] == 0
    # Each of six numbers has a chance of a sixth: 50 of 300, give or take 6.5.
    assert len(counts) == 7
    assert counts[1:].min() > 25
    four = [draw_surround(SEED, index, SurroundDials(least=4, most=4)) for index in range(20)]
    assert all(len(scene.heard) == 4 for scene in four)
    for scene in scenes:
        kinds = [source.thing.kind for source in scene.heard]
        assert len(set(kinds)) == len(kinds)


def test_every_direction_is_as_likely_and_none_goes_with_a_class(scenes):
    found = np.array([azimuth(scene, scene.sources[0]) for scene in scenes])
    quarters = np.bincount(np.round(found / (np.pi / 2)).astype(int) % 4, minlength=4)
    # 75 of 300 each; the standard deviation is 7.5.
    assert np.abs(quarters - 75).max() < 4 * 7.5
    # Over the five vehicles and the rest the mean resultant of n directions is below 2.6 / sqrt(n) in 99.9 %.
    for of_vehicles in (True, False):
        some = found[[(CLASSES[scene.label] in VEHICLES) == of_vehicles for scene in scenes]]
        assert abs(np.exp(1j * some).mean()) < 2.6 / np.sqrt(len(some))


def test_things_are_apart_at_first(scenes):
    for scene in scenes:
        still = halfway(scene)
        found = np.sort([np.arctan2(source.thing.position[1], source.thing.position[0]) for source in still])
        gaps = np.diff(np.append(found, found[0] + 2 * np.pi))
        # Two more places are kept for things at rest.
        assert gaps.min() >= np.pi / (len(found) + 2) - 1e-9


def halfway(scene: Surround) -> list[Source]:
    """The sources where they are in the middle of the scene if nothing but their velocity moves them."""
    half = scene.duration / 2
    moved = [np.add(s.thing.position, np.multiply(s.velocity, half)).tolist() for s in scene.sources]
    return [replace(s, thing=replace(s.thing, position=tuple(at))) for s, at in zip(scene.sources, moved, strict=True)]


def test_nothing_leaves_its_room_or_sinks_into_the_ground(scenes):
    for scene in scenes:
        for source in scene.sources:
            points = position(source, TIMES)
            if isinstance(scene.place, Room):
                low = np.array(scene.place.corner)
                assert (points > low).all()
                assert (points < low + scene.place.size).all()
            else:
                assert (points[:, 2] > -scene.place.height).all()


def test_vehicles_outdoors_stand_on_level_ground(scenes):
    for scene in scenes:
        for source in scene.sources:
            thing = source.thing
            if isinstance(scene.place, Field) and CLASSES[thing.kind] in VEHICLES:
                assert thing.look.tilt == 0
                parts = KINDS[thing.kind].look(rest(thing, np.zeros(1)))
                lowest = min(np.min(part.v - part.b) for part in parts)
                # Rails and the aspect of an instance lie a little lower.
                assert thing.position[2] + lowest * thing.size == pytest.approx(
                    -scene.place.height, abs=0.02 * thing.size
                )
            elif thing.seen:
                assert thing.look.tilt != 0


def test_half_are_indoors_half_move_and_places_are_shared(scenes):
    indoors = [isinstance(scene.place, Room) for scene in scenes]
    assert 0.4 < np.mean(indoors) < 0.6
    sources = [source for scene in scenes for source in scene.sources]
    assert 0.4 < np.mean([bool(source.turn) or any(source.velocity) for source in sources]) < 0.6
    counts = np.unique([scene.place_number for scene in scenes], return_counts=True)[1]
    assert len(counts) == 24
    assert all(isinstance(scene.place, Room) == scene.place_number % 2 for scene in scenes)


def test_what_moves_faces_where_it_goes(scenes):
    for scene in scenes:
        for source in scene.sources:
            start, end = position(replace(source, thing=replace(source.thing, sway=0.0)), np.array([0.0, 0.01]))
            left = start[0] * end[1] - start[1] * end[0]
            if source.turn or any(source.velocity):
                assert source.thing.look.facing == (-1 if left > 0 else 1)


def test_dials_change_what_they_say_and_nothing_else():
    plain = [draw_surround(SEED, k) for k in range(60)]
    twins = [draw_surround(SEED, k, SurroundDials(silent_twin=1.0, silent_look_alike=1.0)) for k in range(60)]
    over = [draw_surround(SEED, k, SurroundDials(voice_over=1.0)) for k in range(60)]
    for scene, twin, spoken in zip(plain, twins, over, strict=True):
        alike = [look_alike(scene.label)] if look_alike(scene.label) is not None else []
        resting = [source.thing for source in twin.sources if not source.thing.events]
        assert [thing.kind for thing in resting] == [*alike, scene.label]
        assert not any(thing.heard for thing in resting)
        for other in (twin, spoken):
            assert replace(other, sources=(), voice_over="") == replace(scene, sources=())
        assert twin.sources[: len(scene.sources)] == scene.sources
        assert len(spoken.heard) == 1
        assert not spoken.heard[0].located
        assert not spoken.heard[0].thing.seen
        assert spoken.sources[:-1] == tuple(replace(s, thing=replace(s.thing, heard=False)) for s in scene.sources)


def test_what_lies_over_a_scene_is_speech_music_or_the_sound_of_another_class():
    scenes = [draw_surround(SEED, index, SurroundDials(voice_over=0.5)) for index in range(200)]
    over = [scene for scene in scenes if scene.voice_over]
    # 100 of 200, give or take 7.
    assert 70 < len(over) < 130
    assert {scene.voice_over for scene in over} == {"speech", "music", "scene"}
    for scene in over:
        name = kind_of(scene.heard[0].thing.kind).name
        assert name in CLASSES if scene.voice_over == "scene" else name == scene.voice_over
        assert scene.heard[0].thing.kind != scene.label


def test_every_dial_leaves_the_rest_of_a_scene_alone():
    usual = SurroundDials(moving=0.0)
    for index in range(20):
        scene = draw_surround(SEED, index, usual)
        more = draw_surround(SEED, index, replace(usual, hidden=1.0))
        assert [s.thing.position for s in more.sources] == [s.thing.position for s in scene.sources]
        moved = draw_surround(SEED, index, replace(usual, moving=1.0))
        assert [s.thing.voice for s in moved.sources] == [s.thing.voice for s in scene.sources]
        assert [s.thing.events for s in moved.sources] == [s.thing.events for s in scene.sources]
        assert (moved.light, moved.microphone, moved.heading) == (scene.light, scene.microphone, scene.heading)
        louder = draw_surround(SEED, index, replace(usual, noise=2.0))
        assert louder.microphone.noise == pytest.approx(scene.microphone.noise + 6.0206, abs=1e-3)
        assert replace(louder, microphone=scene.microphone) == scene
        other = draw_surround(SEED, index, replace(usual, indoors=1.0))
        assert [s.thing.look.main for s in other.sources] == [s.thing.look.main for s in scene.sources]


def test_what_is_hidden_is_heard_and_never_the_labelled_thing():
    for index in range(20):
        scene = draw_surround(SEED, index, SurroundDials(least=3, most=3, hidden=1.0))
        assert scene.seen == scene.sources[:1]
        assert len(scene.heard) == 3


def test_reverberation_multiplies_the_time_and_none_of_it_is_an_open_space():
    def attenuation(scene: Surround) -> np.ndarray:
        return -np.log1p(-np.array(scene.place.absorption))

    outdoors = SurroundDials(indoors=0.0, reverberation=0.0)
    assert draw_surround(SEED, 2, outdoors).place.absorption == 1.0
    dry, usual, long = (
        draw_surround(SEED, 2, SurroundDials(indoors=1.0, reverberation=factor)) for factor in (0.0, 1.0, 2.0)
    )
    assert dry.place.absorption == (1.0,) * 6
    assert attenuation(long) == pytest.approx(attenuation(usual) / 2)
    assert isinstance(draw_surround(SEED, 2, SurroundDials(indoors=0.0)).place, Field)


@given(st.floats(-10, 10), st.booleans(), st.lists(st.floats(-5, 5), min_size=3, max_size=3))
def test_world_and_listener_undo_each_other(heading, flipped, point):
    scene = replace(draw_surround(SEED, 0), heading=heading, mirrored=flipped)
    points = np.array([point])
    there = to_listener(scene, points)
    assert to_world(scene, there) == pytest.approx(points, abs=1e-12)
    assert np.linalg.norm(there) == pytest.approx(np.linalg.norm(points))
    assert there[0, 2] == points[0, 2]


@pytest.mark.parametrize(
    ("dials", "named"),
    [
        ({"least": 0}, "1 to 6"),
        ({"most": 7}, "1 to 6"),
        ({"least": 6, "most": 1}, "least not above"),
        ({"moving": 1.1}, "moving"),
        ({"reverberation": -1.0}, "reverberation"),
        ({"nuisance": float("nan")}, "nuisance"),
    ],
)
def test_dials_out_of_range_or_in_contradiction_are_named(dials, named):
    with pytest.raises(InputError, match=named):
        SurroundDials(**dials)


@pytest.mark.parametrize(
    "shot",
    [
        {"height": 8, "width": 16},
        {"width": 300},
        {"fov": 4.0},
        {"azimuth": 1.0},
        {"fov": 1.0, "elevation": 2.0},
        {"fps": 0.0},
        {"rate": 1},
    ],
)
def test_an_impossible_surround_shot_is_refused(shot):
    with pytest.raises(InputError, match="expected"):
        SurroundShot(**shot)


def test_options_make_the_plan_they_ask_for():
    plan = plan_of(**OPTIONS, sources=(2, 4), sound="soa", masks=True, tail=False, rig=None, hidden=0.5)
    shot = SurroundShot(64, 128, sound="soa", masks=True, tail=False)
    assert plan == SurroundPlan.of(9, 1, 2.0, shot, SurroundDials(2, 4, hidden=0.5))
    camera = plan_of(**{**OPTIONS, "view": "perspective"}, fov=60.0, look=(90.0, 10.0))
    assert (camera.shot.height, camera.shot.width) == (64, 64)
    assert (camera.shot.fov, camera.shot.azimuth) == pytest.approx((np.pi / 3, np.pi / 2))
    flat = plan_of(**{**OPTIONS, "view": "flat", "size": None}, companions=0.1, tail=True, masks=False)
    assert flat == Plan.of(9, 1, 2.0, Shot(), Dials(companions=0.1))


@pytest.mark.parametrize(
    ("view", "options", "named"),
    [
        ("flat", {"sources": (6, 6)}, "--sources.*--view panorama"),
        ("flat", {"flow": True}, "--flow"),
        ("flat", {"tail": False}, "--no-tail"),
        ("panorama", {"fps": 1.0, "seconds": 0.5}, "0 frames"),
        ("panorama", {"size": 2048, "seconds": 60.0}, "600 frames of 4096x2048"),
        ("perspective", {"look": (float("inf"), 0.0)}, "azimuth"),
        ("perspective", {"fov": 200.0}, "got 200"),
        ("panorama", {"companions": 0.5}, "--companions.*--view flat"),
        ("panorama", {"fov": 90.0}, "--fov.*--view perspective"),
        ("panorama", {"sources": (6, 1)}, "least not above"),
    ],
)
def test_options_of_another_view_are_refused(view, options, named):
    with pytest.raises(InputError, match=named):
        plan_of(**{**OPTIONS, "view": view, **options})
