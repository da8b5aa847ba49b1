"""The command as a user types it: help, mistakes, exit codes."""

import json
import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import soundfile

from seehear.cli import VERBS
from seehear.data.library import Library
from seehear.data.public import LAYOUTS
from seehear.media.encode import encode
from seehear.verbs.libraries import Layout
from seehear.verbs.training import RECIPES

SEEHEAR = Path(sys.executable).parent / "seehear"


def seehear(*words, cwd=None):
    return subprocess.run([SEEHEAR, *map(str, words)], capture_output=True, text=True, timeout=120, cwd=cwd)


def refused(done, *expected):
    """Exit code 2, one line on standard error that says what is wrong, no traceback."""
    assert done.returncode == 2, done.stderr
    lines = done.stderr.strip().splitlines()
    assert lines[-1].startswith("error: ")
    assert "Traceback" not in done.stderr
    for word in expected:
        assert word in lines[-1], lines[-1]


def test_help_lists_every_verb():
    done = seehear("--help")
    assert done.returncode == 0
    assert all(f"  {verb} " in done.stdout for verb in VERBS)
    assert seehear().stdout == done.stdout


def test_training_with_a_recipe_of_ones_own_ends_with_what_to_do_next(tmp_path):
    told = ["train", "small:make_run", "--count", "9", "--out", tmp_path / "run", "--workers", "0"]
    here = Path(__file__).parent
    stopped = seehear(*told, "--max-minutes", "0", cwd=here)
    assert stopped.stderr.endswith("stopped at step 1; go on with the same command and --resume\n")
    done = seehear(*told, "--resume", "--json", tmp_path / "found.json", cwd=here)
    steps = json.loads((tmp_path / "found.json").read_text())["total"]
    assert f"{tmp_path / 'run'}: {steps} steps in " in done.stderr


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(verb):
    done = seehear(verb, "--help")
    assert done.returncode == 0, done.stderr
    assert f"seehear {verb}" in done.stdout
    assert "Example" in done.stdout


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_has_its_own_options_and_those_of_training(recipe):
    done = seehear("train", recipe, "--help")
    assert done.returncode == 0, done.stderr
    for option in ("--data", "--size", "--seed", "--out", "--resume", "--device", "--workers", "--max-minutes"):
        assert option in done.stdout


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["pakc"], ["no verb pakc", "did you mean pack?"]),
        (["pack", "a", "b", "--lables", "x.csv"], ["no option --lables", "did you mean --labels"]),
        (["train", "cros_avid"], ["did you mean cross_avid"]),
        (["train", "cross_avid", "--sead", "3"], ["no option --sead", "--seed"]),
        (["train", "no.such.module:recipe"], ["could not import"]),
        (["train"], ["expected a recipe first"]),
        (["train", "avts", "--out", "run", "--max-minutes", "-1"], ["--max-minutes of at least 0 minutes, got -1"]),
        (["train", "avts", "--out", "run", "--max-minutes", "nan"], ["--max-minutes of at least 0 minutes, got nan"]),
        (["train", "avts", "--out", "run", "--epochs", "9" * 20], ["--epochs of at least 0 and below 2^31"]),
        (["study", "instance", "robust"], ["expected a study, or status and a study", "got instance robust"]),
        (["study", "instance", "--processes", "0"], ["at least 1 process"]),
        (["study", "status", "instance", "--out", "nowhere"], ["expected a study in nowhere, found none"]),
        (["scan", "nowhere"], ["nowhere"]),
        (["info", "nowhere"], ["nowhere"]),
        (["doctor"], ["expected a media file"]),
        (["doctor", "nowhere.mp4"], ["nowhere.mp4", "found none"]),
        (["doctor", "a.mp4", "--order", "wxyz"], ["--order"]),
        (["view", "nowhere.mp4", "out.mp4"], ["nowhere.mp4", "found none"]),
        (["view", "a.mp4"], ["required"]),
        (["report", "nowhere"], ["nowhere"]),
        (["report"], ["expected the folder of a run"]),
        (["pack", "folder"], ["required"]),
        (["world", "folder", "--scenes", "many"], ["--scenes"]),
        (["world", "folder", "--sources", "6", "6"], ["--sources", "(6, 6)", "--view panorama"]),
        (["world", "folder", "--view", "panorama", "--sources", "3", "1"], ["3 to 1"]),
        (["world", "folder", "--gallery", "--masks"], ["--gallery", "--masks"]),
        (["world", "folder", "--gallery", "--workers", "3"], ["--gallery", "--workers 3"]),
        (["eval", "retrieval", "nowhere", "nothing"], ["nowhere"]),
        (["quickstart", "--data", "nowhere"], ["nowhere"]),
        (["train", "cross_avid", "--data", "nowhere", "--out", "run"], ["nowhere"]),
    ],
)
def test_mistakes_are_one_line(words, expected, tmp_path):
    refused(seehear(*words, cwd=tmp_path), *expected)


def test_a_folder_without_videos_is_named(tmp_path):
    (tmp_path / "empty").mkdir()
    refused(seehear("scan", tmp_path / "empty"), "empty")
    (tmp_path / "empty" / "notes.txt").write_text("no video")
    refused(seehear("pack", tmp_path / "empty", tmp_path / "library"), "empty")
    refused(seehear("quickstart", "--data", tmp_path / "empty", "--out", tmp_path / "out"), "empty")


def test_a_world_is_made_of_either_view_and_does_not_take_the_folder_of_the_other(tmp_path):
    options = ("--scenes", "2", "--seconds", "1", "--size", "32", "--workers", "1", "--fps", "2", "--rate", "8000")
    flat = seehear("world", "flat", *options, cwd=tmp_path)
    assert flat.returncode == 0, flat.stderr
    assert "scenes: 2" in flat.stdout
    around = seehear("world", "around", *options, "--view", "panorama", "--sound", "mono", "--masks", cwd=tmp_path)
    assert around.returncode == 0, around.stderr
    assert {path.suffix for path in (tmp_path / "around").iterdir()} == {".csv", ".json", ".mp4", ".npz"}
    refused(seehear("world", "around", *options, cwd=tmp_path), "version 360-1", "choose another folder")


def test_doctor_lists_what_is_wrong_and_mends_it(tmp_path):
    noise = np.random.default_rng(0).normal(scale=0.05, size=16000)
    # A plane wave from 45 degrees to the left and 40 degrees up, in FuMa order and weights.
    x = y = np.cos(np.radians(40)) * np.sqrt(0.5)
    wave = np.stack([noise * np.sqrt(0.5), x * noise, y * noise, np.sin(np.radians(40)) * noise]).astype(np.float32)
    encode(tmp_path / "wave.wav", None, 1.0, wave, 16000)
    done = seehear("doctor", "wave.wav", "--json", "facts.json", "--fix", "mended.mov", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "channel order FuMa, normalisation FuMa" in done.stdout
    assert "no problem left" in done.stdout
    facts = json.loads((tmp_path / "facts.json").read_text())
    assert facts["channel_order"] == "FuMa"
    assert len(facts) == 9
    again = seehear("doctor", "mended.mov", cwd=tmp_path)
    assert "problems: none" in again.stdout


def test_what_is_not_spatial_is_one_line_unless_an_option_says_otherwise(tmp_path):
    sound = np.random.default_rng(0).normal(scale=0.05, size=8000) * np.array([[1], [0.6], [0], [0.8]])
    sound = sound.astype(np.float32)
    pictures = np.random.default_rng(1).integers(0, 255, (4, 48, 64, 3), dtype=np.uint8)
    encode(tmp_path / "flat.mov", pictures, 4.0, sound, 8000, audio_codec="pcm_s16le")
    encode(tmp_path / "mono.wav", None, 1.0, sound[:1], 8000)
    encode(tmp_path / "five.wav", None, 1.0, np.concatenate([sound, sound[:1]]), 8000)
    (tmp_path / "words.mp4").write_text("no media\n" * 50)
    refused(seehear("view", "flat.mov", "out.mp4", cwd=tmp_path), "expected a 360° picture, got a flat one", "--plain")
    refused(seehear("view", "mono.wav", "out.mp4", cwd=tmp_path), "expected ambisonic sound", "got 1 channel (")
    refused(seehear("view", "five.wav", "out.mp4", cwd=tmp_path), "expected ambisonic sound", "5 channels")
    refused(seehear("doctor", "words.mp4", cwd=tmp_path), "words.mp4: unknown")
    listed = seehear("doctor", "five.wav", cwd=tmp_path)
    assert listed.returncode == 0
    assert "5 channels of unknown layout" in listed.stdout
    options = ("--plain", "--width", "64", "--sound", "stereo", "--json", "numbers.json")
    plain = seehear("view", "flat.mov", "out.mkv", *options, cwd=tmp_path)
    assert plain.returncode == 0, plain.stderr
    assert "stereo, two cardioids" in plain.stdout
    assert json.loads((tmp_path / "numbers.json").read_text())["frames"] == 30


@pytest.mark.parametrize("words", [["--help"], ["pack", "--lables", "x"], ["train", "cross_avid", "--sead", "1"]])
def test_help_and_mistakes_do_not_import_torch(words):
    code = f"""
import sys
sys.argv = ["seehear", *{words!r}]
from seehear.cli import main
try:
    main()
except SystemExit:
    pass
sys.exit("torch" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60).returncode == 0


def test_a_users_own_recipe_trains_and_resumes(tmp_path):
    here = Path(__file__).parent
    (tmp_path / "mine.py").write_text(
        f"import sys\nsys.path.insert(0, {str(here)!r})\n"
        "def tiny(seed: int = 0):\n    '''Mine.'''\n    from small import make_run\n    return make_run(seed)\n"
    )
    done = seehear("train", "mine:tiny", "--out", "run", "--max-minutes", "0", "--workers", "0", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "go on with the same command and --resume" in done.stderr
    done = seehear(
        "train", "mine:tiny", "--out", "run", "--resume", "--workers", "0", "--json", "at.json", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "at.json").read_text())["done"] is True
    refused(seehear("train", "mine:tiny", "--out", "run", cwd=tmp_path), "add --resume")


def test_published_weights_are_imported_by_the_verb(tmp_path):
    refused(seehear("import", "none.pth", "--from", "avid-cma", "--out", "run", cwd=tmp_path), "none.pth")
    refused(seehear("import", "none.pth", "--form", "avid-cma", "--out", "run", cwd=tmp_path), "--from")


def test_a_public_data_set_is_packed_by_its_lists(tmp_path):
    (tmp_path / "001 - Dog bark").mkdir()
    for take, fold in (("a", 1), ("b", 2)):
        noise = np.random.default_rng(fold).normal(0, 0.1, 16_000)
        soundfile.write(tmp_path / "001 - Dog bark" / f"{fold}-100{fold}-{take.upper()}.ogg", noise, 16_000)
    words = "pack", tmp_path, tmp_path / "esc.library", "--layout", "esc10", "--split", "2", "--workers", "1"
    done = seehear(*words, "--json", tmp_path / "packed.json")
    assert done.returncode == 0, done.stderr
    # ESC in folders comes without a list of what should be there.
    assert json.loads((tmp_path / "packed.json").read_text())["missing"] == 0
    catalog = Library(tmp_path / "esc.library").catalog
    assert dict(zip(catalog.sources, catalog.splits, strict=True)) == {
        "001 - Dog bark/1-1001-A.ogg": "train",
        "001 - Dog bark/2-1002-B.ogg": "test",
    }
    refused(seehear("pack", tmp_path, tmp_path / "other.library", "--split", "2"), "--layout")
    refused(seehear("pack", tmp_path, tmp_path / "other.library", "--layout", "esc10", "--split", "9"), "1 to 5")
    assert set(get_args(Layout)) == set(LAYOUTS)
