# SPDX-License-Identifier: Apache-2.0
"""The world as files and as a shelf: round trip, resume, another world in the folder, the same hash everywhere."""

import csv
import hashlib
import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from seehear.errors import InputError
from seehear.media.decode import frames, sound
from seehear.world import files
from seehear.world.calibration import calibration, supervised_bound
from seehear.world.classes import CLASSES
from seehear.world.draw import draw_scene
from seehear.world.files import name_of, write_world
from seehear.world.plan import WORLD_VERSION, Plan
from seehear.world.render import render
from seehear.world.scene import Dials, Scene, Shot
from seehear.world.shelf import World

SMALL = Shot(32, 48, 10.0, 16_000)
ONE = {"workers": 1, "quiet": True}
FAULTY = Dials(voice_over=0.5)
PLAN = Plan.of(9, 900_130, 1.0, SMALL, FAULTY)
FROZEN = {
    (0, 0): "56aeb00e38f64171",
    (0, 1): "8337fa5267bafcd5",
    (7, 10_000_003): "a53d40cfc2aed4b2",
    (123, 20_000_011): "e1a0d55c9d9e219f",
}
FROZEN_FAULTS = "26070bfedaaf99f3"
FROZEN_CLASSES = "405517e029d49a5f"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    folder = tmp_path_factory.mktemp("worlds") / "world"
    return folder, write_world(folder, PLAN, **ONE)


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "catalog.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_world_is_frozen():
    """Change WORLD_VERSION, calibrate again and only then these hashes."""
    assert WORLD_VERSION == "1"
    made = {(seed, index): render(draw_scene(seed, index, duration=2.0), Shot()).hash for seed, index in FROZEN}
    assert made == FROZEN
    faults = draw_scene(5, 8, Dials(voice_over=1.0, silent_look_alike=1.0), 1.5)
    assert render(faults, Shot(64, 80, 12.5, 16_000)).hash == FROZEN_FAULTS
    of_every_class = "".join(render(draw_scene(0, k, duration=1.0), Shot(48, 48)).hash for k in range(20))
    assert hashlib.sha256(of_every_class.encode()).hexdigest()[:16] == FROZEN_CLASSES


def test_another_process_renders_the_same_pixels_and_samples_without_torch():
    script = (
        "import sys; import seehear.world.files; from seehear.world.render import render; "
        "from seehear.world.draw import draw_scene; from seehear.world.scene import Shot; "
        "print(render(draw_scene(0, 0, duration=2.0), Shot()).hash, 'torch' in sys.modules, 'cv2' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert said == [render(draw_scene(0, 0, duration=2.0), Shot()).hash, "False", "False"]


def test_the_hash_sees_one_pixel_and_one_sample():
    recording = render(draw_scene(0, 0, duration=0.5), Shot(32, 32))
    before = recording.hash
    recording.frames[3, 4, 5, 0] ^= 1
    assert recording.hash != before
    recording.frames[3, 4, 5, 0] ^= 1
    recording.sound[0, 77] += 1e-4
    assert recording.hash != before


def test_the_numbers_returned_are_those_of_the_contract(world):
    _, numbers = world
    assert set(numbers) == {"scenes", "seconds_of_scene", "seconds", "hash"}
    assert (numbers["scenes"], numbers["seconds_of_scene"]) == (9, 9.0)
    assert len(numbers["hash"]) == 16


def test_files_decode_to_what_was_rendered(world):
    folder, _ = world
    for row in rows_of(folder):
        scene = draw_scene(900_130, int(row["scene"]), FAULTY, 1.0)
        recording = render(scene, SMALL)
        assert recording.hash == row["hash"]
        seen = frames(folder / row["file"], 0.0, 10, 10.0)
        assert seen.shape == recording.frames.shape == (10, 32, 48, 3)
        assert np.abs(seen.astype(float) - recording.frames).mean() < 12
        heard = sound(folder / row["file"], 0.0, 1.0, 16_000)
        assert heard.shape == (1, 16_000)
        assert np.corrcoef(heard[0], recording.sound[0])[0, 1] > 0.8


def test_the_catalog_matches_the_scenes(world):
    folder, _ = world
    rows = rows_of(folder)
    scenes = PLAN.draw()
    assert [row["split"] for row in rows] == ["train"] * 6 + ["validation"] + ["test"] * 2
    for row, scene in zip(rows, scenes, strict=True):
        assert row["file"] == name_of(scene.index)
        assert row["label"] == CLASSES[scene.label]
        assert row["voice_over"] == scene.voice_over
        assert int(row["sources"]) == scene.sources
    assert {row["file"] for row in rows} == {path.name for path in folder.glob("*.mp4")}
    assert any(row["voice_over"] for row in rows)


def test_what_is_there_is_kept_and_what_is_missing_is_made_again(world, tmp_path, monkeypatch):
    folder, numbers = world
    copy = tmp_path / "world"
    shutil.copytree(folder, copy)
    lost = sorted(copy.glob("*.mp4"))[4]
    whole = lost.read_bytes()
    lost.unlink()
    (copy / "catalog.csv").unlink()
    with (copy / "written.csv").open("a") as journal:
        journal.write("20000000,12")  # a line cut short by a crash
    kept = {path: path.stat().st_mtime_ns for path in copy.glob("*.mp4")}
    again = write_world(copy, PLAN, **ONE)
    assert again["hash"] == numbers["hash"]
    assert lost.read_bytes() == whole
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert (copy / "catalog.csv").read_bytes() == (folder / "catalog.csv").read_bytes()

    def nothing_to_do(*arguments: object) -> object:
        assert arguments[1] == []
        return iter(())

    monkeypatch.setattr(files, "work", nothing_to_do)
    assert write_world(copy, PLAN, **ONE)["hash"] == numbers["hash"]


def test_the_hash_does_not_depend_on_the_number_of_workers(world, tmp_path):
    _, numbers = world
    other = write_world(tmp_path / "world", PLAN, workers=2, quiet=True)
    assert other["hash"] == numbers["hash"]


@pytest.mark.parametrize("change", [{"seed": 1}, {"scenes": 10}, {"dials": Dials()}, {"duration": 2.0}])
def test_another_world_in_the_folder_is_named(world, change):
    folder, numbers = world
    wanted = {"scenes": 9, "seed": 900_130, "duration": 1.0, "shot": SMALL, "dials": FAULTY, **change}
    with pytest.raises(InputError, match=f"version {WORLD_VERSION}, hash {numbers['hash']}"):
        write_world(folder, Plan.of(**wanted), **ONE)


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "holiday.mp4").write_bytes(b"mine")
    with pytest.raises(InputError, match="empty folder"):
        write_world(tmp_path, PLAN, **ONE)
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.mp4"]


def test_a_damaged_description_is_named(tmp_path):
    (tmp_path / "world.json").write_text("{")
    with pytest.raises(InputError, match=r"world\.json"):
        write_world(tmp_path, PLAN, **ONE)


def test_the_description_names_the_world(world):
    folder, numbers = world
    about = json.loads((folder / "world.json").read_text())
    assert about["version"] == WORLD_VERSION
    assert about["hash"] == numbers["hash"]
    assert about["plan"]["dials"]["voice_over"] == 0.5


def test_the_shelf_yields_the_scenes_of_the_files(world):
    folder, _ = world
    shelf = World(PLAN)
    assert len(shelf) == 9
    for row, written in enumerate(rows_of(folder)):
        clip = shelf.open(row)
        assert render(shelf.scenes[row], shelf.plan.shot).hash == written["hash"]
        assert CLASSES[clip.label] == written["label"] == CLASSES[shelf.catalog.labels[row]]
        assert clip.frames(0.0, 4, 10.0).shape == (4, 32, 48, 3)
        assert clip.sound(0.0, 1.0, 16_000).shape == (1, 16_000)
        assert shelf.catalog.truth["voice_over"][row] == written["voice_over"]
    assert len(set(shelf.catalog.sources)) == 9
    assert len(shelf.split("test")) == 2


def test_a_shelf_travels_without_what_it_has_rendered():
    shelf = World(Plan.of(9, 900_131, 1.0, Shot(32, 32)))
    first = shelf.open(0)
    assert shelf.open(0).pictures is first.pictures
    other = pickle.loads(pickle.dumps(shelf))
    assert not other.kept
    assert (other.open(0).pictures == first.pictures).all()
    careless = World(Plan.of(9, 900_131, 1.0, Shot(32, 32)), cache=False)
    careless.open(0)
    assert not careless.kept


def test_the_world_without_a_plan_is_that_of_the_quickstart():
    shelf = World(seed=900_132)
    counts = [shelf.catalog.splits.count(name) for name in ("train", "validation", "test")]
    assert counts == [600, 100, 200]
    assert isinstance(shelf.scenes[0], Scene)
    test_labels = shelf.catalog.labels[-200:]
    assert np.bincount(test_labels).tolist() == [10] * 20


def test_the_calibration_that_is_shipped_met_its_goals():
    table = calibration()
    assert table["world"] == WORLD_VERSION
    assert min(int(seed) for seed in table["seeds"]) >= 900_000
    assert len(table["seeds"]) >= 2
    for rows in table["seeds"].values():
        for modality in ("video", "audio"):
            assert rows[modality]["supervised"] >= 0.85
            assert rows[modality]["random"] < 0.35
            assert rows[modality]["statistics"] < 0.5
    assert set(supervised_bound()) == {"video", "audio"}
