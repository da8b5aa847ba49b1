# SPDX-License-Identifier: Apache-2.0
"""The table and the page of clips whose sound does not belong to their picture."""

import base64
import csv
import io
import json
import re
import shutil
import sys

import numpy as np
import pytest
import soundfile
import torch

from seehear import checkpoint, cli
from seehear.clip import Clip
from seehear.data.catalog import ArrayClips
from seehear.data.library import Library
from seehear.data.pack import pack
from seehear.errors import InputError, MediaError
from seehear.evals.bank import evaluate_bank
from seehear.media.encode import encode
from seehear.memory import Bank
from seehear.report import curate as curating
from seehear.report import figures, write_report
from seehear.report.curate import curate
from seehear.run import Run, Stage
from seehear.tasks.avid import AVID
from small import make_model, make_shelf
from test_report import EVIL, Reader


def write_run(folder, clips, video=None, audio=None, **arguments):
    """The folder of a run whose memories of these clips are as given."""
    model, bank = make_model(), Bank(clips.catalog.items)
    for name, rows in (("video", video), ("audio", audio)):
        if rows is not None:
            getattr(bank, name).copy_(torch.nn.functional.pad(rows, (0, 128 - rows.shape[1])))
    run = Run("unit", model, clips, [Stage("bank", AVID(model.heads, bank, negatives=4), 1)], 4)
    run.recipe = {"name": "unit", "arguments": arguments}
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint.save(folder / "last.safetensors", run.tensors(), {})
    (folder / "run.json").write_text(json.dumps(run.describe()))
    return folder


def at_angles(degrees):
    """Pairs of unit vectors with these angles between them."""
    angles = torch.deg2rad(torch.tensor(degrees, dtype=torch.float32))
    return torch.tensor([[1.0, 0.0]]).repeat(len(angles), 1), torch.stack([angles.cos(), angles.sin()], 1)


def altered(shelf, **columns):
    return ArrayClips(shelf.clips, type(shelf.catalog)(**{**vars(shelf.catalog), **columns}))


def rows_of(folder):
    return list(csv.DictReader(io.StringIO((folder / "curate.csv").read_text())))


def test_the_table_ranks_every_clip_by_the_agreement_of_its_memories(tmp_path):
    angles = [10, 80, 20, 120, 0, 40, 30, 5, 15, 25, 35, 45]
    shelf = make_shelf(12)
    numbers = curate(shelf, write_run(tmp_path / "run", shelf, *at_angles(angles)), tmp_path / "out", 4, quiet=True)
    assert (numbers["clips"], numbers["by_memory"], numbers["by_encoders"]) == (12, 12, 0)
    rows = rows_of(tmp_path / "out")
    order = np.argsort([-angle for angle in angles])
    assert [int(row["item"]) for row in rows] == shelf.catalog.items[order].tolist()
    assert [row["file"] for row in rows[:2]] == ["3.mp4", "1.mp4"]
    assert [int(row["rank"]) for row in rows] == list(range(1, 13))
    assert float(rows[2]["quantile"]) == pytest.approx(3 / 12)
    cosines = np.cos(np.radians(angles))
    assert float(rows[0]["agreement"]) == pytest.approx(cosines[3], abs=1e-5)
    assert float(rows[0]["score"]) == pytest.approx((cosines[3] - cosines.mean()) / cosines.std(), abs=1e-3)
    page = Reader((tmp_path / "out" / "curate.html").read_text())
    places = re.findall(r"(\d+) of 12: score", page.text)
    assert places == ["1", "2", "3", "4", "12"]
    assert re.findall(r"\d+\.mp4", page.text) == ["3.mp4", "1.mp4", "11.mp4", "5.mp4", "4.mp4"]
    assert page.tags.count("audio") == 5
    assert "known to" not in page.text


def test_the_page_needs_nothing_from_outside_and_plays_what_the_clip_has(tmp_path):
    shelf = make_shelf(6)
    curate(shelf, write_run(tmp_path / "run", shelf, *at_angles([0, 9, 8, 7, 6, 90])), tmp_path / "out", 1, quiet=True)
    page = (tmp_path / "out" / "curate.html").read_text()
    assert all(link.startswith("data:") for link in Reader(page).links)
    assert "media-src data:" in page
    first = re.search(r'src="data:audio/flac;base64,([^"]+)"', page)[1]
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(first)))
    assert rate == 16_000
    assert len(samples) == 3 * 16_000
    # Clip 5 is the one that agrees least; its tone is of 1500 Hz.
    power = np.abs(np.fft.rfft(samples))
    assert power.argmax() * rate / len(samples) == pytest.approx(1500, abs=1)


def test_hostile_names_stay_text_in_page_and_table(tmp_path):
    names = (
        EVIL,
        "=cmd|' /C calc'!A0,\"x\"",
        "two\nlines.mp4",
        "ünï—日本.mp4",
        "../../etc/passwd",
        "<img src=x onerror=y>",
    )
    shelf = altered(make_shelf(6), sources=names)
    curate(shelf, write_run(tmp_path / "<b>run", shelf), tmp_path / "out", 6, quiet=True)
    page = (tmp_path / "out" / "curate.html").read_text()
    read = Reader(page)
    assert "<script" not in page
    assert set(read.tags) <= {"html", "head", "meta", "title", "style", "body", "main", "div", "h1", "h2", "p", "b"} | {
        *("figure", "figcaption", "svg", "rect", "line", "text", "section", "img", "audio", "span")
    }
    assert all(name in "".join(read.words) for name in names)
    assert sorted(row["file"] for row in rows_of(tmp_path / "out")) == sorted(names)


def test_what_is_known_to_be_faulty_is_said_and_counted(tmp_path):
    faulty = tuple(row in (2, 5) for row in range(20))
    shelf = altered(make_shelf(20), truth={"faulty": faulty})
    angles = [90 if row in (2, 7) else row for row in range(20)]
    numbers = curate(shelf, write_run(tmp_path / "run", shelf, *at_angles(angles)), tmp_path, 3, quiet=True)
    assert numbers["lowest_10/precision"] == 0.5
    assert numbers["base_rate"] == pytest.approx(0.1)
    text = Reader((tmp_path / "curate.html").read_text()).text
    assert text.count("known to be faulty") == 1
    assert text.count("known to belong") == 3
    assert "the 10 % that agree least 50.0 %" in " ".join(text.split())


def test_where_no_clip_is_faulty_there_is_nothing_to_find(tmp_path):
    shelf = altered(make_shelf(6), truth={"voice_over": ("",) * 6})
    numbers = curate(shelf, write_run(tmp_path / "run", shelf), tmp_path, 3, quiet=True)
    assert "base_rate" not in numbers
    assert "known to" not in (tmp_path / "curate.html").read_text()


def test_clips_without_a_memory_are_judged_by_the_encoders(tmp_path):
    shelf = altered(make_shelf(12), splits=("train",) * 12)
    known = ArrayClips(shelf.clips[:8], shelf.catalog.take(range(8)))
    numbers = curate(shelf, write_run(tmp_path / "run", known), tmp_path / "out", 12, windows=1, quiet=True)
    assert (numbers["by_memory"], numbers["by_encoders"]) == (8, 4)
    by = {int(row["item"]): row["by"] for row in rows_of(tmp_path / "out")}
    assert [by[item] for item in shelf.catalog.items.tolist()] == ["memory"] * 8 + ["encoders"] * 4
    assert "4 clips are new and without a memory" in (tmp_path / "out" / "curate.html").read_text()


def test_clips_that_lack_something_are_left_out(tmp_path):
    both, one = ("video", "audio"), ("audio",)
    shelf = altered(make_shelf(6), truth={"modalities": (both, one, both, (), both, both)})
    numbers = curate(shelf, write_run(tmp_path / "run", shelf), tmp_path / "out", 2, quiet=True)
    assert (numbers["clips"], numbers["without_pictures_or_sound"]) == (4, 2)
    bare = altered(shelf, truth={"modalities": (one,) * 6})
    with pytest.raises(InputError, match="pictures and sound"):
        curate(bare, tmp_path / "run", tmp_path / "out", quiet=True)


def test_a_clip_that_cannot_be_read_is_said_so_and_the_page_goes_on(tmp_path):
    class Broken(Clip):
        duration, layout = 3.0, "mono"

        def frames(self, start, count, fps):
            raise MediaError("x", "corrupt", "frame 0")

        sound = frames

    shelf = make_shelf(6)
    folder = write_run(tmp_path / "run", shelf, *at_angles([0, 9, 8, 7, 6, 90]))
    shelf.clips[5] = Broken()
    curate(shelf, folder, tmp_path / "out", 2, quiet=True)
    read = Reader((tmp_path / "out" / "curate.html").read_text())
    assert "cannot be read: corrupt" in read.text
    assert read.tags.count("audio") == 2


def test_the_size_of_a_page_is_bounded(tmp_path):
    shelf = make_shelf(6)
    folder = write_run(tmp_path / "run", shelf)
    for count in (0, curating.MOST + 1):
        with pytest.raises(InputError, match="1 to 200 clips"):
            curate(shelf, folder, tmp_path / "out", count, quiet=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        curate(shelf, folder, tmp_path / "file", quiet=True)
    long = shelf.clips[0]
    long.duration = 1e6
    assert curating._heard(long).shape == (1, int(curating.SECONDS * curating.RATE))


def test_stills_are_spread_over_the_clip():
    clip = make_shelf(1).clips[0]
    clip.pictures = np.arange(24, dtype=np.uint8)[:, None, None, None].repeat(32, 1).repeat(40, 2).repeat(3, 3)
    stills = curating._stills(clip)
    assert stills.shape == (112, 3 * 112, 3)
    # A sixth, a half and five sixths of 24 frames.
    assert [int(stills[5, x, 0]) for x in (5, 117, 229)] == [4, 12, 20]


def test_a_histogram_counts_and_marks():
    drawn = figures.histogram("scores", [0.0] * 3 + [4.0], [(2.0, "half")])
    heights = [float(height) for height in re.findall(r'<rect.*?height="([\d.]+)"', drawn)]
    assert len(heights) == 40
    assert heights[0] == figures.HEIGHT - figures.BOTTOM - figures.TOP
    assert heights[-1] == pytest.approx(heights[0] / 3, abs=0.1)
    assert sum(heights[1:-1]) == 0
    places = [float(x) for x in re.findall(r'<rect.*? x="([\d.]+)"', drawn)]
    assert places[0] == figures.LEFT
    assert places[20] == pytest.approx((figures.LEFT + figures.WIDTH - 8) / 2, abs=0.1)
    mark = float(re.search(r'<line x1="([\d.]+)"', drawn)[1])
    assert mark == pytest.approx(places[20], abs=0.2)
    figures.histogram("one", [1.0, 1.0], [])


def test_curate_and_eval_as_a_user_types_them(tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(0)
    for name in ("a", "b", "c", "d", "e", "f"):
        frames = rng.integers(0, 255, (16, 48, 64, 3), dtype=np.uint8)
        (tmp_path / "in").mkdir(exist_ok=True)
        encode(tmp_path / "in" / f"{name}.mp4", frames, 8.0, rng.normal(0, 0.1, (1, 16_000)).astype(np.float32), 8000)
    rows = "".join(f"{name}.mp4,{name in 'ab'}\n" for name in "abcdef")
    (tmp_path / "labels.csv").write_text(f"file,faulty\n{rows}")
    shape = {"size": 48, "fps": 8.0, "rate": 8000, "labels": tmp_path / "labels.csv", "workers": 1, "quiet": True}
    pack(tmp_path / "in", tmp_path / "library", **shape)
    library = Library(tmp_path / "library")
    write_run(tmp_path / "run", library, *at_angles([90, 80, 0, 1, 2, 3]), data="library")

    monkeypatch.chdir(tmp_path)

    def seehear(*words):
        monkeypatch.setattr(sys, "argv", ["seehear", *words])
        cli.main()

    seehear("curate", "library", "run", "--count", "2", "--json", "numbers.json")
    assert "by_memory: 6" in capsys.readouterr().out
    assert json.loads((tmp_path / "numbers.json").read_text())["average_precision"] == 1
    assert rows_of(tmp_path / "run")[0]["file"] == "a.mp4"
    seehear("eval", "faulty-pairs", "run", "library", "--json", "found.json")
    result = json.loads((tmp_path / "found.json").read_text())
    assert result["metrics"]["lowest_4/precision"] == 1
    assert result["chance"]["base_rate"] == pytest.approx(1 / 3)
    with pytest.raises(SystemExit) as stop:
        seehear("eval", "faulty-pair", "run", "library")
    assert stop.value.code == 2
    assert "did you mean faulty-pairs" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        seehear("report", "run", "--out", "in")
    assert capsys.readouterr().err == "error: in: expected a place to read or write, got: Is a directory\n"
    with pytest.raises(SystemExit):
        seehear("eval", "faulty-pairs", "run", "library", "--seed", "-1")
    assert "--seed of at least 0" in capsys.readouterr().err
    # Other labels leave the clips as they are; in a library that is made anew they have other numbers.
    (tmp_path / "labels.csv").write_text("file,label\nb.mp4,bell\n")
    pack(tmp_path / "in", tmp_path / "library", **shape)
    seehear("curate", "library", "run", "--count", "1")
    assert "by_memory: 6" in capsys.readouterr().out
    shutil.rmtree(tmp_path / "library")
    (tmp_path / "in" / "a.mp4").unlink()
    pack(tmp_path / "in", tmp_path / "library", **shape)
    seehear("curate", "library", "run", "--count", "1", "--windows", "1")
    assert "by_memory: 0" in capsys.readouterr().out


def test_the_report_has_a_chapter_on_memories_when_they_were_measured(tmp_path):
    shelf = make_shelf(12)
    folder = write_run(tmp_path / "run", shelf, *at_angles(range(12)))
    page = Reader(write_report([folder], tmp_path / "before.html").read_text()).text
    assert "Memories" not in page
    evaluate_bank(("positive-sets", "calibration"), folder, shelf, quiet=True)
    text = " ".join(Reader(write_report([folder], tmp_path / "after.html").read_text()).text.split())
    assert "alike to the eye, mean over all K" in text
    assert "pictures: mean dot product 1.000 " in text
    assert text.count("12 clips of memories of train, data ") == 2
    assert "Classes read from memories" not in text
