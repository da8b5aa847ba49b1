# SPDX-License-Identifier: Apache-2.0
"""What is drawn: balance, splits, dials, and that nothing of an instance leaks from one modality to the other."""

from dataclasses import astuple

import numpy as np
import pytest

from seehear.errors import InputError
from seehear.world.classes import CLASSES, KINDS, LOOK_ALIKES, SOUND_ALIKES, VEHICLES, look_alike
from seehear.world.draw import FIRST, draw_scene, label_of
from seehear.world.plan import Plan, split_of, truth
from seehear.world.scene import Dials, Scene, Shot


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [draw_scene(900_100, index) for index in range(600)]


def test_twenty_classes_five_of_them_vehicles_with_pairs_that_exclude_each_other():
    assert len(KINDS) == len(set(CLASSES)) == 20
    assert set(VEHICLES) < set(CLASSES)
    for pairs in (LOOK_ALIKES, SOUND_ALIKES):
        assert 3 <= len(pairs) <= 5
        members = [name for pair in pairs for name in pair]
        assert len(members) == len(set(members))
        assert set(members) <= set(CLASSES)
    assert not set(map(frozenset, LOOK_ALIKES)) & set(map(frozenset, SOUND_ALIKES))
    assert look_alike(CLASSES.index("bus")) == CLASSES.index("tram")
    assert look_alike(CLASSES.index("ball")) is None


def test_a_scene_is_a_function_of_seed_and_index():
    assert draw_scene(3, 17) == draw_scene(3, 17)
    assert draw_scene(3, 17) != draw_scene(3, 18)
    assert draw_scene(3, 17) != draw_scene(4, 17)


def test_every_block_of_twenty_scenes_holds_every_class_once():
    for split, first in FIRST.items():
        for block in range(3):
            labels = [label_of(5, first + 20 * block + k) for k in range(20)]
            assert sorted(labels) == list(range(20)), split


def test_splits_share_no_scene_and_every_index_knows_its_split():
    plan = Plan.of(900, seed=2)
    assert (plan.train, plan.validation, plan.test) == (600, 100, 200)
    by_split: dict[str, set[int]] = {}
    for index in plan.indices:
        by_split.setdefault(split_of(index), set()).add(index)
    assert {name: len(found) for name, found in by_split.items()} == {"train": 600, "validation": 100, "test": 200}
    assert len(set(plan.indices)) == 900
    shots = {astuple(scene)[2:] for scene in plan.draw()}
    assert len(shots) == 900  # nothing of a scene but its length comes twice


def test_plans_of_any_size_hold_exactly_that_many():
    for scenes in (1, 2, 7, 20, 31, 900, 2600):
        assert len(Plan.of(scenes)) == len(Plan.of(scenes).indices) == scenes


def picture_numbers(scene: Scene) -> list[float]:
    thing, setting = scene.things[0], scene.setting
    look = thing.look
    # Size is read off the distance in half sizes, because the classes have sizes of their own.
    size = thing.size / thing.position[0]
    place = [size, thing.position[1] / thing.position[0], thing.position[2] / thing.position[0]]
    colours = [*look.main, *look.second, *setting.tint]
    shapes = [look.texture, look.waves, look.aspect, look.tilt, look.facing, thing.sway, thing.approach]
    return [*place, *colours, *shapes, setting.place, setting.gain, setting.cut, setting.contrast]


def sound_numbers(scene: Scene) -> list[float]:
    voice, acoustics = scene.things[0].voice, scene.acoustics
    voiced = [voice.pitch, voice.brightness, voice.decay]
    amounts = [acoustics.wet, acoustics.noise, acoustics.level, acoustics.compression, acoustics.fading[0]]
    return [*voiced, *amounts, acoustics.room, acoustics.floor, *acoustics.response]


def test_no_number_of_the_picture_is_correlated_with_one_of_the_sound(scenes):
    pictures = np.array([picture_numbers(scene) for scene in scenes])
    sounds = np.array([sound_numbers(scene) for scene in scenes])
    both = np.corrcoef(pictures.T, sounds.T)[: pictures.shape[1], pictures.shape[1] :]
    # Of n = 600 independent pairs a correlation exceeds 4.5 / sqrt(n) with probability 7e-6; there are 575.
    assert np.abs(both).max() < 4.5 / np.sqrt(len(scenes))


def test_no_number_of_an_instance_depends_on_the_class(scenes):
    labels = np.array([scene.label for scene in scenes])
    numbers = np.array([picture_numbers(scene) + sound_numbers(scene) for scene in scenes])
    groups = [numbers[labels == k] for k in range(20)]
    between = np.mean([len(g) * (g.mean(0) - numbers.mean(0)) ** 2 for g in groups], axis=0) * 20 / 19
    within = np.sum([((g - g.mean(0)) ** 2).sum(0) for g in groups], axis=0) / (len(scenes) - 20)
    # F statistic with 19 and 580 degrees of freedom: 2.9 is exceeded with probability 3e-5.
    assert (between / within).max() < 2.9


def test_backgrounds_rooms_and_noises_are_shared_by_many_scenes(scenes):
    for column in ("place", "room", "floor"):
        counts = np.unique([truth(scene)[column] for scene in scenes], return_counts=True)[1]
        assert counts.min() > 5
        assert len(counts) >= 12


def test_one_to_three_sources_the_first_of_which_is_the_label(scenes):
    counts = np.bincount([scene.sources for scene in scenes])
    assert counts[0] == 0
    assert len(counts) == 4
    assert all(count > 10 for count in counts[1:])
    for scene in scenes:
        assert scene.things[0].kind == scene.label
        assert all(thing.kind != scene.label for thing in scene.things[1:])


def test_events_are_close_enough_that_every_second_holds_one(scenes):
    for scene in scenes:
        events = np.array(scene.things[0].events)
        assert events[0] < 0 < scene.duration < events[-1]
        assert np.diff(events).max() < 1.0
        assert np.diff(events).min() > 0.2


def test_the_tempo_says_nothing_of_most_classes():
    assert len({kind.pace for kind in KINDS}) <= 3


def test_the_faults_are_off_in_the_frozen_world(scenes):
    assert not any(scene.voice_over or scene.silent_look_alike for scene in scenes)


def test_voice_over_mutes_the_scene_and_says_so():
    scenes = [draw_scene(900_101, k, Dials(voice_over=0.5)) for k in range(400)]
    over = [scene for scene in scenes if scene.voice_over]
    assert 0.4 < len(over) / len(scenes) < 0.6
    assert {scene.voice_over for scene in over} == {"speech", "music", "scene"}
    for scene in over:
        heard = [thing for thing in scene.things if thing.heard]
        assert len(heard) == 1
        assert not heard[0].seen
        assert heard[0].kind != scene.label
        assert scene.things[0].seen
        assert truth(scene)["heard"] == (
            truth(scene)["voice_over"] if scene.voice_over != "scene" else CLASSES[heard[0].kind]
        )
    # The picture of a scene does not change when its sound is replaced.
    plain = [draw_scene(900_101, k) for k in range(400)]
    for scene, other in zip(scenes, plain, strict=True):
        assert scene.setting == other.setting
        assert scene.things[0].look == other.things[0].look
        assert scene.things[0].events == other.things[0].events


def test_a_silent_look_alike_is_seen_at_rest_and_not_heard():
    scenes = [draw_scene(900_102, k, Dials(silent_look_alike=1.0)) for k in range(100)]
    for scene in scenes:
        partner = look_alike(scene.label)
        assert scene.silent_look_alike == (partner is not None)
        resting = [thing for thing in scene.things if thing.seen and not thing.events]
        assert [thing.kind for thing in resting] == ([] if partner is None else [partner])
        assert not any(thing.heard for thing in resting)
        assert truth(scene)["silent"] == ("" if partner is None else CLASSES[partner])


def test_nuisance_zero_leaves_only_texture_kind_and_tempo():
    first, *others = [draw_scene(900_103, k, Dials(nuisance=0.0, companions=0.0)) for k in range(50)]
    for scene in others:
        assert scene.acoustics.response == first.acoustics.response == (0.0,) * 17
        assert scene.things[0].voice.pitch == 0
        assert scene.setting.contrast == scene.things[0].look.contrast == 0
        assert scene.things[0].position[1:] == pytest.approx((0, 0))


@pytest.mark.parametrize(
    "dials", [{"voice_over": 1.5}, {"companions": -0.1}, {"nuisance": 2.1}, {"nuisance": float("nan")}]
)
def test_a_dial_out_of_range_is_named(dials):
    with pytest.raises(InputError, match=next(iter(dials))):
        Dials(**dials)


@pytest.mark.parametrize("shot", [{"height": 8}, {"width": 5000}, {"fps": 0.0}, {"rate": 100}])
def test_an_impossible_shot_is_refused(shot):
    with pytest.raises(InputError, match="expected"):
        Shot(**shot)


def test_an_impossible_scene_or_plan_is_refused():
    for arguments in ((-1, 0), (0, -1)):
        with pytest.raises(InputError, match="at least 0"):
            draw_scene(*arguments)
    with pytest.raises(InputError, match="60 s"):
        draw_scene(0, 0, duration=600.0)
    with pytest.raises(InputError, match="scenes"):
        Plan.of(0)
