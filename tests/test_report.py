# SPDX-License-Identifier: Apache-2.0
"""The page: honest, self-contained, and unharmed by what stands in files."""

import json
import re
import xml.etree.ElementTree as ElementTree
from functools import partial
from html import unescape
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seehear.data.pack import pack
from seehear.errors import InputError
from seehear.evals import finetune, results
from seehear.evals.evaluate import PROTOCOLS
from seehear.evals.features import Extracted, Splits
from seehear.evals.few_shot import few_shot
from seehear.evals.parts import Parts
from seehear.evals.results import Result
from seehear.evals.tuning import Tuned
from seehear.media.encode import encode
from seehear.recipes.finetune import finetuning
from seehear.report import figures, write_report
from seehear.report.drawings import principal
from seehear.report.html import element, table
from seehear.report.numbers import is_doubt, percent
from seehear.report.problems import data_problems
from seehear.report.runs import read_run
from small import make_run as small_run
from small import make_shelf

EVIL = "<script>alert(\"1\")</script>$\\frac$ & 'quoted'"
VOID = {"img", "meta", "br"}


class Reader(HTMLParser):
    """Collects tags, text and addresses, and checks that every element is closed."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.words, self.links = [], [], [], []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [value for name, value in attributes if name in ("src", "href", "action", "data")]
        assert not any(name.startswith("on") for name, _ in attributes)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(self.words)


def make_run(folder, classes=("bell", "dog"), source="clip", own=0.25):
    folder.mkdir(parents=True)
    about = {"name": "unit", "seed": 4, "clips": 90, "commit": "abc123", "recipe": {"name": source, "arguments": {}}}
    (folder / "run.json").write_text(json.dumps(about))
    rows = [
        {
            "step": step,
            "epoch": 0,
            "stage": stage,
            "loss": 5 - step / 20,
            "lr": 1e-3,
            "mean_dot/video": 0.5,
            "seconds": step,
        }
        for step, stage in ((0, "warm-up"), (10, "warm-up"), (20, "main"), (30, "main"))
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    about = {"run": "unit", "seed": 4, "commit": "abc123", "data_hash": "feed", "clips": 8, "windows": 3}
    found = {"instance/mean/r1": own, "class/mean/r1": 0.5, "instance/gallery": 8.0}
    chance = {"instance/mean/r1": 0.125, "class/mean/r1": 0.5, "instance/gallery": 8.0}
    few = ("only 8 recordings, fewer than 20: these numbers mean little",)
    rows = {"trained": found, "random": chance, "statistics": chance, "chance": chance}
    results.append(folder, Result("retrieval", rows, notes=few, **about))
    probe = {f"{m}/{block}/averaged": 0.75 for m in ("video", "audio") for block in ("conv1", "pool", "best", "last")}
    probe |= {f"video/class/{name}": 0.5 for name in classes}
    rows = {"trained": probe, "random": probe, "chance": {"video/best/averaged": 0.5}}
    results.append(folder, Result("linear-probe", rows, **about))
    results.append(folder, Result("linear-probe", {"supervised": {"video/best/averaged": 0.9}}, **about))
    rng = np.random.default_rng(0)
    vectors = {f"{m}_embedding": rng.standard_normal((8, 6)).astype(np.float32) for m in ("video", "audio")}
    np.savez(
        folder / "embeddings.npz",
        items=np.arange(8),
        labels=np.arange(8) % len(classes) if classes else np.full(8, -1),
        sources=np.asarray([f"{source}{i}" for i in range(8)]),
        classes=np.asarray(classes, dtype=np.str_),
        **vectors,
    )
    np.savez(
        folder / "neighbours.npz",
        rows=np.arange(8),
        items=np.arange(8),
        pictures=rng.integers(0, 255, (8, 16, 16, 3), dtype=np.uint8),
        sounds=rng.integers(0, 255, (8, 9, 12), dtype=np.uint8),
        queries=np.array([1, 2]),
        video_nearest=np.array([[1, 3], [5, 6]]),
        video_rank=np.array([1, 4]),
        video_among=np.array([8, 8]),
    )
    return folder


def read(runs, out):
    text = write_report(runs, out).read_text(encoding="utf-8")
    return text, Reader(text)


def test_a_page_shows_the_numbers_beside_what_must_be_beaten(tmp_path):
    _, page = read([make_run(tmp_path / "first")], tmp_path / "report.html")
    for said in ("25.0 %", "12.5 %", "chance", "random weights", "plain statistics", "trained with labels", "90.0 %"):
        assert said in page.text, said
    assert "out of 8 clips at the first try in 25.0 of 100 cases; guessing would do so in 12.5" in page.text
    assert "8 clips of test, 3 windows each, data feed" in page.text
    assert "these numbers mean little" in page.text
    assert "abc123" in page.text
    # Of the supervised nets the last block is the best: on the card and in both lines of the table.
    assert page.text.count("90.0 %") == 3
    assert "✓ its own" in page.text
    assert "✗ another class" in page.text
    assert "Its own came at place 4 of 8." in page.text
    assert page.tags.count("circle") == 16
    assert page.tags.count("polyline") >= 3


def test_a_page_needs_nothing_from_outside(tmp_path):
    text, page = read([make_run(tmp_path / "first")], tmp_path / "report.html")
    assert all(link.startswith("data:image/") for link in page.links)
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    assert "http" not in text.replace("http-equiv", "")
    assert "url(" not in text


def test_how_it_was_finetuned_is_said_and_is_no_warning(tmp_path):
    parts, run = Parts(make_shelf(40), make_shelf(), make_shelf(), "test", left_out=2), small_run()
    tuned = {row: Tuned(run, 0.002, None) for row in ("trained", "random")}
    how, doubt = finetune._notes("split 1", parts, finetuning("tiny"), "video", tuned)
    run = make_run(tmp_path / "run")
    results.append(run, Result("finetune", {"trained": {"video/tiny/clip": 0.5}}, notes=(how, doubt)))
    supervised = "supervised: 20 epochs of 40 labelled clips, Adam from 0.001"
    results.append(run, Result("linear-probe", {"supervised": {"video/best/averaged": 0.9}}, notes=(supervised,)))
    text, page = read([run], tmp_path / "report.html")
    warned = [unescape(words) for words in re.findall(r'<p class="warn">(.*?)</p>', text)]
    assert warned.count(doubt) == 2
    assert not {how, supervised} & set(warned)
    assert page.text.count(how) == 1
    assert page.text.count(doubt) == 3
    assert [is_doubt(note) for note in (how, doubt, supervised, "only 3 recordings")] == [False, True, False, True]


@pytest.fixture(scope="module")
def frozen(tmp_path_factory):
    """A run with everything that is measured of frozen encoders, on six numbers a clip, and what was found."""
    catalog, generator, run = make_shelf(60).catalog, torch.Generator().manual_seed(0), tmp_path_factory.mktemp("run")
    names = [f"{modality}/{block}" for modality in ("video", "audio") for block in ("pool", "map", "embedding")]
    whole = Extracted({name: torch.randn(60, 2, 6, generator=generator) for name in names}, catalog)
    splits = Splits(*(whole.take(np.arange(*ends)) for ends in ((0, 30), (30, 40), (40, 60))))
    measures = PROTOCOLS | {"few-shot": partial(few_shot, trials=2)}
    found = [
        Result(name, {"trained": measures[name](splits, generator)}, clips=20, windows=2, data_hash=catalog.hash)
        for name in ("svm", "few-shot", "map-retrieval", "class-retrieval")
    ]
    for result in found:
        results.append(run, result)
    return run, found


def test_every_number_of_frozen_encoders_is_on_the_page(frozen, tmp_path):
    run, found = frozen
    text, page = read([run], tmp_path / "report.html")
    _, _, chapter = text.partition("More ways to read the encoders")
    chapter = chapter.partition("<h2>")[0]
    shown = [re.findall(r"<td>([^<]*)</td>", row)[0] for row in re.findall(r"<tr><th scope.*?</tr>", chapter)]
    kept = [
        (metric, value)
        for result in found
        for metric, value in result.metrics.items()
        if not metric.endswith(("validation", "strength", "spread", "std", "classes")) and value is not None
        if metric.endswith("/r1") or "/class/" not in metric
    ]
    assert len(kept) == 8 + 6 - 2 + 6 + 6 + 2 * 6
    assert sorted(shown) == sorted(percent(value) for _, value in kept)
    for result in found:
        assert (
            f"{result.clips} clips of {result.split}, {result.windows} windows each, data {result.data_hash}"
            in page.text
        )
    assert chapter.count("Class by class") == 2
    assert "class 2: a picture of its class, from a sound" in page.text


def test_without_their_numbers_frozen_encoders_have_no_chapter(tmp_path):
    _, page = read([make_run(tmp_path / "run")], tmp_path / "report.html")
    assert "More ways to read the encoders" not in page.text


def test_a_class_may_have_any_name(frozen, tmp_path):
    run = make_run(tmp_path / "run")
    for name in (EVIL, "a/class/b", "r1"):
        rows = {"trained": {"video/r1": 0.5, f"video/class/{name}/r1": 0.375}}
        results.append(run, Result("map-retrieval", rows))
    text, page = read([run, frozen[0]], tmp_path / "report.html")
    assert "<script" not in text
    for name in (EVIL, "a/class/b", "r1"):
        assert f"{name}, by pictures" in page.text


def test_hostile_names_stay_text(tmp_path):
    run = make_run(tmp_path / "a&b<i>", classes=(EVIL, "dog"), source=EVIL)
    with (run / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"step": 40, "stage": EVIL, "loss": 1.0, "lr": 1, f"mean_dot/{EVIL}": 0.1}) + "\n")
    results.append(run, Result("retrieval", {"trained": {f"{EVIL}/r1": 0.5}}, run=EVIL, data_hash=EVIL, notes=(EVIL,)))
    text, page = read([run, make_run(tmp_path / "other")], tmp_path / "report.html")
    assert "script" not in page.tags
    assert "i" not in [tag for tag, following in zip(page.tags, page.tags[1:], strict=False) if following == "h1"]
    assert EVIL in page.text
    assert "<script" not in text


def test_several_runs_share_their_tables(tmp_path):
    runs = [make_run(tmp_path / "first"), make_run(tmp_path / "second", own=0.625)]
    _, page = read(runs, tmp_path / "report.html")
    for said in ("first", "second", "25.0 %", "62.5 %"):
        assert said in page.text
    assert page.text.count("Retrieval") == 1


@pytest.mark.parametrize("lost", ["run.json", "metrics.jsonl", "results.jsonl", "embeddings.npz", "neighbours.npz"])
def test_a_missing_or_damaged_piece_is_named(tmp_path, lost):
    run = make_run(tmp_path / "run")
    whole = (run / lost).read_bytes()
    (run / lost).unlink()
    _, page = read([run], tmp_path / "report.html")
    assert lost in page.text
    (run / lost).write_bytes(whole[: len(whole) // 2])
    _, page = read([run], tmp_path / "report.html")
    assert lost in page.text
    (run / lost).write_bytes(b"\xff\x00[1]\n{}\n")
    _, page = read([run], tmp_path / "report.html")
    assert lost in page.text


def test_an_empty_folder_gives_a_page_that_says_so(tmp_path):
    (tmp_path / "run").mkdir()
    _, page = read([tmp_path / "run"], tmp_path / "report.html")
    assert "has not been measured yet" in page.text
    with pytest.raises(InputError, match="expected the folder of a run"):
        write_report([tmp_path / "nothing"], tmp_path / "report.html")


def test_without_labels_sources_stand_for_classes(tmp_path):
    _, page = read([make_run(tmp_path / "run", classes=())], tmp_path / "report.html")
    assert "✗ another clip" in page.text
    assert "clip3" in page.text


def test_neighbours_of_another_evaluation_are_left_out(tmp_path):
    run = make_run(tmp_path / "run")
    with np.load(run / "embeddings.npz") as stored:
        np.savez(run / "embeddings.npz", **{**stored, "items": stored["items"] + 100})
    _, page = read([run], tmp_path / "report.html")
    assert "not from one evaluation" in page.text
    assert "✓ its own" not in page.text


def test_stored_arrays_are_never_unpickled(tmp_path):
    run = make_run(tmp_path / "run")
    np.savez(run / "embeddings.npz", items=np.array([{}], dtype=object), allow_pickle=True)
    assert any("embeddings.npz is damaged" in sentence for sentence in read_run(run).missing)


@given(st.text(), st.text())
def test_what_goes_in_comes_out(text, attribute):
    drawn = element("p", text, title=attribute)
    kept = "".join(c for c in text + attribute if c.isprintable() and not 0xD800 <= ord(c) < 0xE000) == text + attribute
    if kept:
        back = ElementTree.fromstring(drawn)
        assert (back.text or "") == text
        assert back.get("title") == attribute


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_are_round_and_inside(low, span):
    marks = figures.ticks(low, low + span)
    assert 1 <= len(marks) <= 9
    assert all(low - span * 1e-6 <= mark <= low + span * (1 + 1e-6) for mark in marks)
    steps = np.diff(marks)
    np.testing.assert_allclose(steps, steps[0] if len(steps) else 0, rtol=1e-3, atol=1e-9)


def test_curves_leave_out_what_is_not_finite():
    drawn = figures.curves("loss", [figures.Line("red", False, [0.0, 1.0, 2.0], [1.0, float("nan"), 3.0])], [])
    assert drawn.count("polyline") == 2  # one element, opened and closed
    assert "nan" not in drawn
    assert figures.curves("loss", [figures.Line("red", False, [0.0], [float("inf")])], []) is None


def test_principal_axes_are_those_of_largest_variance():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((200, 3)) * [1.0, 5.0, 3.0]
    axes = principal(rows - rows.mean(0))
    np.testing.assert_allclose(np.abs(axes.T), [[0, 1, 0], [0, 0, 1]], atol=0.1)
    np.testing.assert_array_equal(axes, principal(-(rows - rows.mean(0))))


def test_a_table_escapes_its_cells():
    assert "<b>" not in table(["<b>"], [["<b>", "<b>"]])


def test_what_a_library_left_out_is_listed(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "in").mkdir()
    frames = rng.integers(0, 255, (16, 48, 64, 3), dtype=np.uint8)
    encode(tmp_path / "in" / "good.mp4", frames, 8.0, rng.normal(0, 0.1, (1, 16_000)).astype(np.float32), 8000)
    (tmp_path / "in" / "bro<b>ken.mp4").write_bytes(b"nothing")
    pack(tmp_path / "in", tmp_path / "library", size=48, fps=8.0, rate=8000, workers=1, quiet=True)
    found = data_problems({"recipe": {"arguments": {"data": str(tmp_path / "library")}}})
    assert any("bro<b>ken.mp4" in problem for problem in found)
    assert any("no labels" in problem for problem in found)
    assert "not on this machine" in data_problems({"recipe": {"arguments": {"data": str(tmp_path / "gone")}}})[0]
    assert data_problems({"recipe": "cross_avid"}) == []
