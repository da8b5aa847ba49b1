"""The documents say what is there: the README's tree and verbs, the walk of one clip, names of files."""

import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest

from seehear.cli import VERBS
from seehear.verbs.training import RECIPES

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("page", ["one_clip.md", "world.md"])
def test_the_walks_run(page):
    failed, tried = doctest.testfile(str(ROOT / "docs" / page), module_relative=False)
    assert tried > 10
    assert failed == 0


def test_the_tree_of_the_readme_is_the_tree_on_the_disk():
    tree = (ROOT / "README.md").read_text().split("## Rooms")[1].split("```")[1]
    inside, rooms = set(), set()
    for line in tree.splitlines():
        if line.startswith("  "):
            names = line.split("  ")[1:] if line.strip().endswith("errors.py") else [line.split()[0]]
            inside |= {name.strip() for name in names if name.strip()}
        elif line.strip():
            rooms.add(line.split()[0])
    for room in rooms:
        assert (ROOT / room).exists(), room
    package = ROOT / "src" / "seehear"
    there = {p.name + ("/" if p.is_dir() else "") for p in package.iterdir() if p.suffix == ".py" or p.is_dir()}
    assert inside == there - {"__init__.py", "__pycache__/"}


def test_every_verb_and_recipe_is_documented():
    readme, tasks = (ROOT / "README.md").read_text(), (ROOT / "docs" / "tasks.md").read_text()
    assert all(f"`seehear {verb}" in readme for verb in VERBS)
    assert all(f"`{recipe}`" in tasks for recipe in RECIPES)


# Says what each command would call instead of calling it.
WATCHED = """
import functools, sys
from seehear import cli
from seehear.verbs import training

def watched(function):
    return functools.wraps(function)(lambda *values, **options: print(function.__name__))

training._fit = watched(training._fit)
cli.VERBS = {name: verb if name == "train" else watched(verb) for name, verb in cli.VERBS.items()}
for command in sys.stdin:
    sys.argv = ["seehear", *command.split()]
    cli.main()
"""


def test_the_commands_of_the_papers_are_understood():
    commands = re.findall(r"(?:`|    )seehear (.+?)[`\n]", (ROOT / "docs" / "papers.md").read_text())
    assert len(commands) > 30
    done = subprocess.run(
        [sys.executable, "-c", WATCHED], input="\n".join(commands), capture_output=True, text=True, timeout=120
    )
    assert done.stderr == ""
    names = {"train": "_fit", "import": "import_published", "eval": "evaluate"}
    verbs = [command.split()[0] for command in commands]
    assert done.stdout.split() == [names.get(verb, verb) for verb in verbs]


@pytest.mark.parametrize("page", [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
