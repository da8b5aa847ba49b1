# SPDX-License-Identifier: Apache-2.0
"""A surround world as files and as a shelf: tags, truth beside the media, frozen hashes, resuming, a full disk."""

import csv
import errno
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seehear.errors import InputError
from seehear.media.container import opened
from seehear.media.decode import frames, sound
from seehear.media.tags import Ambisonic, Spherical, read_tags
from seehear.world.classes import CLASSES, KINDS
from seehear.world.files import name_of, write_world
from seehear.world.plan import Plan
from seehear.world.shelf import World
from seehear.world.surround_plan import SURROUND_VERSION, SurroundPlan
from seehear.world.surround_render import render_surround, write_surround
from seehear.world.surround_scene import STUFF
from seehear.world.surround_shot import SurroundDials, SurroundShot

SEED = 900_500
SHOT = SurroundShot(48, 96, 5.0, 16_000, rig=True, stems=True, masks=True, depth=True, flow=True)
PLAN = SurroundPlan.of(6, SEED, 1.0, SHOT, SurroundDials(most=2))
ROOMS = SurroundDials(indoors=1.0, voice_over=1.0)
ONE = {"workers": 1, "quiet": True}
FROZEN = {"foa": "460785468528e72e", "binaural": "711e875aa288d6cf", "perspective": "1cffc28e73bdc381"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    folder = tmp_path_factory.mktemp("worlds") / "around"
    return folder, write_world(folder, PLAN, **ONE)


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "catalog.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_surround_world_is_frozen():
    """Change SURROUND_VERSION, calibrate again and only then these hashes."""
    assert SURROUND_VERSION == "360-1"
    shots = {
        "foa": SurroundShot(64, 128),
        "binaural": SurroundShot(32, 64, rate=24_000, sound="binaural", rig=True),
        "perspective": SurroundShot(48, 64, sound="toa", fov=1.2, azimuth=0.5, tail=False),
    }
    made = {}
    for name, shot in shots.items():
        plan = SurroundPlan.of(20, 0, 1.0, shot, SurroundDials(most=4, silent_twin=0.3, voice_over=0.2, hidden=0.2))
        digests = "".join(plan.record(plan.scene(index)).hash for index in range(4))
        made[name] = hashlib.sha256(digests.encode()).hexdigest()[:16]
    assert made == FROZEN


def test_the_media_file_is_tagged_and_decodes_to_what_was_rendered(world):
    folder, _ = world
    for row, scene in zip(rows_of(folder), PLAN.draw(), strict=True):
        recording = PLAN.record(scene)
        assert recording.hash == row["hash"]
        path = folder / row["file"]
        tags = read_tags(path)
        assert tags.spherical == Spherical(2, "equirectangular")
        assert tags.ambisonic == Ambisonic.ambix(1)
        seen = frames(path, 0.0, 5, 5.0)
        assert np.abs(seen.astype(float) - recording.frames).mean() < 12
        heard = sound(path, 0.0, 1.0, 16_000)
        assert heard.shape == recording.sound.shape == (4, 16_000)
        for channel, true in zip(heard, recording.sound, strict=True):
            assert np.corrcoef(channel, true)[0, 1] > 0.8


def test_the_truth_beside_it_is_that_of_the_scene(world):
    folder, _ = world
    for row, scene in zip(rows_of(folder), PLAN.draw(), strict=True):
        taken = render_surround(scene, SHOT)
        with np.load((folder / row["file"]).with_suffix(".truth.npz"), allow_pickle=False) as truth:
            assert set(truth) == {"positions", "instances", "classes", "depth", "flow"}
            assert truth["positions"].shape == (len(scene.sources), 5, 3)
            assert truth["positions"] == pytest.approx(taken.positions, abs=1e-5)
            assert np.array_equal(truth["instances"], taken.picture.instances)
            assert truth["instances"].max() <= len(scene.sources)
            assert truth["classes"].max() < len(KINDS) + len(STUFF)
            assert truth["depth"].shape == truth["flow"].shape[:3] == (5, 48, 96)
            here = truth["instances"] == 1
            assert set(truth["classes"][here]) == {scene.label}
        rig = sound((folder / row["file"]).with_suffix(".rig.flac"), 0.0, 1.0, 16_000)
        assert rig == pytest.approx(taken.sound.rig, abs=1e-4)
        stems = sound((folder / row["file"]).with_suffix(".stems.flac"), 0.0, 1.0, 16_000)
        assert stems == pytest.approx(taken.sound.stems, abs=1e-4)


def test_the_catalog_says_where_things_are(world):
    folder, _ = world
    for row, scene in zip(rows_of(folder), PLAN.draw(), strict=True):
        assert row["file"] == name_of(scene.index)
        assert row["label"] == CLASSES[scene.label]
        heard = [source for source in scene.sources if source.thing.heard]
        assert len(row["azimuth"].split()) == len(heard) == int(row["sources"])
        # In the middle of the scene, at 0.5 s: between the frames at 0.4 and at 0.6 s.
        with np.load((folder / row["file"]).with_suffix(".truth.npz")) as truth:
            around = truth["positions"][0, 2:4].mean(0)
        azimuth, elevation = (
            np.radians(float(row["azimuth"].split()[0])),
            np.radians(float(row["elevation"].split()[0])),
        )
        level = np.cos(elevation)
        told = [np.cos(azimuth) * level, np.sin(azimuth) * level, np.sin(elevation)]
        assert np.degrees(np.arccos(np.dot(told, around) / np.linalg.norm(around))) < 8
        assert float(row["distance"].split()[0]) == pytest.approx(np.linalg.norm(around), rel=0.1)


def test_other_sounds_and_views_are_tagged_as_what_they_are(tmp_path):
    scene = PLAN.scene(0)
    small = SurroundShot(32, 64, 5.0, 16_000)
    shots = {
        "mono": (replace(small, sound="mono"), 1, None),
        "stereo": (replace(small, sound="stereo"), 2, None),
        "binaural": (replace(small, sound="binaural"), 2, None),
        "soa": (replace(small, sound="soa"), 9, 2),
        "toa": (replace(small, sound="toa"), 16, 3),
        "camera": (replace(small, fov=1.5), 4, 1),
    }
    for name, (shot, channels, order) in shots.items():
        write_surround(render_surround(scene, shot), tmp_path / f"{name}.mp4")
        tags = read_tags(tmp_path / f"{name}.mp4")
        assert (tags.spherical is None) == (name == "camera")
        assert tags.ambisonic == (None if order is None else Ambisonic.ambix(order))
        with opened(tmp_path / f"{name}.mp4") as media:
            assert media.sound.codec_context.channels == channels
    assert {path.suffix for path in tmp_path.iterdir()} == {".mp4", ".npz"}


def test_a_voice_from_nowhere_has_no_position_and_no_tail_no_reverberation():
    plan = SurroundPlan.of(6, SEED, 1.0, SurroundShot(16, 32, 2.0, 8_000, tail=False), ROOMS)
    scene = plan.scene(0)
    positions = render_surround(scene, plan.shot).positions
    assert np.isnan(positions[-1]).all()
    assert np.isfinite(positions[:-1]).all()
    assert plan.truth(scene)["reverberation"] == 0


def test_what_cannot_be_leaves_no_folder(tmp_path):
    with pytest.raises(InputError, match="60 s"):
        write_world(tmp_path / "world", replace(PLAN, duration=0.1), **ONE)
    assert not (tmp_path / "world").exists()
    with pytest.raises(InputError, match="choose another"):
        write_world(Path("/proc/nowhere"), PLAN, **ONE)


def test_a_stopped_world_goes_on_and_another_one_is_refused(world, tmp_path):
    folder, numbers = world
    lost = folder / name_of(0)
    whole = lost.read_bytes()
    lost.unlink()
    assert write_world(folder, PLAN, **ONE)["hash"] == numbers["hash"]
    assert lost.read_bytes() == whole
    for other in (replace(PLAN, dials=SurroundDials()), Plan.of(6, SEED, 1.0)):
        with pytest.raises(InputError, match=f"version {SURROUND_VERSION}, hash {numbers['hash']}"):
            write_world(folder, other, **ONE)
    about = json.loads((folder / "world.json").read_text())
    assert about["version"] == SURROUND_VERSION
    assert about["plan"]["dials"]["most"] == 2


def test_a_full_disk_is_told_in_one_line_and_leaves_nothing_half_written(tmp_path, monkeypatch):
    def full(self: SurroundPlan, scene: object, path: Path) -> str:
        if path.name.startswith("validation"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return written(self, scene, path)

    written = SurroundPlan.write
    monkeypatch.setattr(SurroundPlan, "write", full)
    # The work is done in this process, where the disk can be made full.
    monkeypatch.setattr(
        "seehear.world.files.work", lambda function, tasks, *_: ((0, m) for t in tasks for m in function(t))
    )
    small = replace(PLAN, shot=SurroundShot(16, 32, 2.0, 8_000))
    with pytest.raises(InputError, match=r"No space left on device: free some space"):
        write_world(tmp_path / "world", small, **ONE)
    monkeypatch.setattr(SurroundPlan, "write", written)
    assert len((tmp_path / "world" / "written.csv").read_text().split()) == 4
    assert not list((tmp_path / "world").glob(".*"))
    assert write_world(tmp_path / "world", small, **ONE)["scenes"] == 6


def test_the_shelf_holds_the_same_scenes_as_the_files(world):
    folder, _ = world
    shelf = World(PLAN)
    assert len(shelf) == 6
    clip = shelf.open(2)
    assert clip.rate == 16_000
    assert clip.sound(0.0, 1.0, 16_000).shape == (4, 16_000)
    assert clip.frames(0.0, 5, 5.0).shape == (5, 48, 96, 3)
    assert np.array_equal(clip.frames(0.0, 5, 5.0), PLAN.record(PLAN.draw()[2]).frames)
    assert shelf.catalog.truth["azimuth"][2] == rows_of(folder)[2]["azimuth"]


def test_the_catalog_places_what_is_heard_and_not_what_is_seen():
    plan = replace(PLAN, dials=SurroundDials(least=3, most=3, hidden=1.0, silent_twin=1.0))
    scene = plan.scene(0)
    row = plan.truth(scene)
    assert len(str(row["azimuth"]).split()) == len(scene.heard) == 3
    assert str(row["seen"]).split() == [CLASSES[scene.label]] * 2
    assert row["silent"] == CLASSES[scene.label]
