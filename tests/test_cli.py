"""The command as a user types it: help, mistakes, exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from seehear.cli import RECIPES, VERBS

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
        (["scan", "nowhere"], ["nowhere"]),
        (["info", "nowhere"], ["nowhere"]),
        (["report", "nowhere"], ["nowhere"]),
        (["report"], ["expected the folder of a run"]),
        (["pack", "folder"], ["required"]),
        (["world", "folder", "--scenes", "many"], ["--scenes"]),
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
