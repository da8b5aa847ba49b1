# SPDX-License-Identifier: Apache-2.0
"""Every file of a folder gets its verdict, whatever it does to the decoder."""

import importlib
import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from seehear.errors import InputError, MediaError
from seehear.media.encode import encode
from seehear.media.pool import Lost, work
from seehear.media.scan import REASONS, require_usable, scan, table

SHARED = Path(__file__).parents[2] / "shared" / "data"
CONTRACT = ("file", "usable", "reason", "duration", "fps", "width", "height", "channels", "sample_rate")


def moving(count=20, seed=0):
    pictures = np.full((count, 48, 64, 3), 40, np.uint8)
    for k in range(count):
        pictures[k, 10:30, (3 * k + seed) % 40 : (3 * k + seed) % 40 + 20] = 200
    return pictures


def noise(seconds=2.0, rate=16000, level=0.1):
    return (level * np.random.default_rng(0).standard_normal((1, round(seconds * rate)))).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One file for every reason, and a few that are usable."""
    root = tmp_path_factory.mktemp("media")
    encode(root / "a_good.mp4", moving(), 10.0, noise(), 16000)
    (root / "deeper").mkdir()
    shutil.copy(root / "a_good.mp4", root / "deeper" / "copy.mp4")
    # Something moves, and sounds, only between the windows that are looked at first.
    late = np.concatenate([np.repeat(moving(1), 20, 0), moving(4), np.repeat(moving(1), 66, 0)])
    heard = np.concatenate([noise(2.0) * 0, noise(0.4), noise(6.6) * 0], 1)
    encode(root / "late.webm", late, 10.0, heard, 16000)
    encode(root / "mute.mp4", moving(), 10.0, None, 1)
    encode(root / "voice.wav", None, 1.0, noise(), 16000)
    encode(root / "silent.mkv", moving(), 10.0, noise(level=4e-5), 16000, audio_codec="pcm_s16le")
    encode(root / "still.mp4", np.repeat(moving(1), 20, 0), 10.0, noise(), 16000)
    encode(root / "short.mp4", moving(5), 10.0, noise(0.5), 16000)
    (root / "words.txt").write_text("no media\n" * 100)
    (root / "empty.mp4").write_bytes(b"")
    (root / ".hidden").write_bytes(b"left out")
    long = root / "cut.mp4"
    encode(long, np.random.default_rng(0).integers(0, 255, (60, 48, 64, 3), dtype=np.uint8), 10.0, noise(6.0), 16000)
    whole = long.read_bytes()
    # The index stays, and promises what the data no longer hold.
    kept, index = whole.index(b"mdat") + 2000, whole.index(b"moov") - 4
    long.write_bytes(whole[:kept] + bytes(index - kept) + whole[index:])
    return root


@pytest.fixture(scope="module")
def rows(folder):
    return scan(folder, workers=1, quiet=True)


def test_every_verdict(rows):
    verdicts = {row.file: row.reason or "usable" for row in rows}
    assert verdicts == {
        "a_good.mp4": "usable",
        "cut.mp4": "corrupt",
        "deeper/copy.mp4": "duplicate",
        "empty.mp4": "unknown",
        "late.webm": "usable",
        "mute.mp4": "no sound",
        "short.mp4": "too short",
        "silent.mkv": "silent",
        "still.mp4": "still picture",
        "voice.wav": "no picture",
        "words.txt": "unknown",
    }
    assert set(verdicts.values()) - {"usable"} == set(REASONS)


def test_rows_are_json_and_complete(rows):
    listed = json.loads(json.dumps([row.json() for row in rows]))
    good = listed[0]
    assert [name for name in CONTRACT if name not in good] == []
    assert good["reason"] is None
    assert (good["width"], good["height"], good["channels"], good["sample_rate"]) == (64, 48, 1, 16000)
    assert good["duration"] == pytest.approx(2.0, abs=0.1)
    assert good["fps"] == pytest.approx(10)
    copy = next(row for row in listed if row["file"] == "deeper/copy.mp4")
    assert copy["duplicate_of"] == "a_good.mp4"


def test_the_table_names_every_file(rows):
    from rich.console import Console

    console = Console(width=200, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
    console.print(table(rows))
    text = console.export_text()
    console.file.close()
    assert all(row.file in text for row in rows)
    assert "2 of 11 files usable" in text


def test_folders_that_cannot_be_used(tmp_path, folder):
    with pytest.raises(InputError, match="found nothing there"):
        scan(tmp_path / "missing")
    with pytest.raises(InputError, match="no file"):
        scan(tmp_path)
    shutil.copy(folder / "mute.mp4", tmp_path)
    shutil.copy(folder / "words.txt", tmp_path)
    found = scan(tmp_path, workers=1, quiet=True)
    with pytest.raises(InputError, match=r"none usable among 2 \(unknown 1, no sound 1\)"):
        require_usable(tmp_path, found)


def test_one_file_by_name(folder):
    (row,) = scan(folder / "a_good.mp4", workers=1, quiet=True)
    assert row.usable
    require_usable(folder / "a_good.mp4", [row])
    rows = scan(folder / "mute.mp4", workers=1, quiet=True)
    with pytest.raises(MediaError, match="no sound"):
        require_usable(folder / "mute.mp4", rows)


TASKS = """
import os, time

def tricky(task):
    if task == "crash":
        os.kill(os.getpid(), 11)
    if task == "hang":
        time.sleep(600)
    for _ in range(2):
        yield task * 10

def many(task):
    yield from range(task)

def wrong(task):
    raise KeyError(task)
    yield
"""


@pytest.fixture
def tasks(tmp_path, monkeypatch):
    """A module that spawned workers can import too."""
    (tmp_path / "tricky_tasks.py").write_text(TASKS)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("tricky_tasks")
    del sys.modules["tricky_tasks"]


def test_a_crash_or_a_hang_loses_its_own_task_only(tasks):
    given = [1, "crash", 2, "hang", 3, 4]
    said = list(work(tasks.tricky, given, 2, patience=4.0))
    assert [(n, m) for n, m in said if not isinstance(m, Lost)] == [
        (n, given[n] * 10) for n in (0, 0, 2, 2, 4, 4, 5, 5)
    ]
    lost = {number: message.why for number, message in said if isinstance(message, Lost)}
    assert lost == {1: "the decoder crashed", 3: "no progress for 4 s"}
    assert [n for n, _ in said] == sorted(n for n, _ in said)


def test_results_come_in_order_however_many_there_are(tasks):
    said = list(work(tasks.many, [100, 0, 300, 2], 2, patience=60.0))
    assert said == [(n, k) for n, count in enumerate([100, 0, 300, 2]) for k in range(count)]
    assert list(work(tasks.many, [], 2, patience=60.0)) == []


def test_a_fault_of_ours_is_not_hidden(tasks):
    with pytest.raises(RuntimeError, match="KeyError"):
        list(work(tasks.wrong, ["x"], 1, patience=60.0))


@pytest.mark.skipif(not SHARED.exists(), reason="needs the shared media")
def test_odd_files():
    verdicts = {row.file: row.reason or "usable" for row in scan(SHARED / "odd", workers=1, quiet=True)}
    assert verdicts == {
        "decord_corrupted.mp4": "corrupt",
        "decord_unordered.mov": "no sound",
        "decord_video_0.mov": "no sound",
        "decord_video_90.mov": "no sound",
        "ear_rect_24bit_nods64.wav": "no picture",
        "ear_rect_24bit_noriff.wav": "unknown",
        "ear_rect_24bit_rf64.wav": "no picture",
        "iamf_guitar_12ch_0.5s.wav": "no picture",
        "mapillary_corrupt_exif.jpg": "still picture",
        "moviepy_no_duration.webm": "still picture",
        "moviepy_video-with-dash-.mp4": "no sound",
        "moviepy_video_with_failing_audio.mp4": "usable",
        "mp4parse_invalid_userdata.mp4": "corrupt",
        "mp4parse_no_timescale.mp4": "corrupt",
        "mp4parse_opus_audioinit_two_desc.mp4": "corrupt",
        "mutagen_8k-4ch-1s-silence.aif": "no picture",
        "pydub_creative_common_nonutf8_tags.mp4": "usable",
        "torchcodec_av1_video.mkv": "no sound",
        "torchcodec_h264_10bits.mp4": "no sound",
        "torchcodec_h265_video.mp4": "no sound",
        "torchcodec_nasa_13013.mp4.audio.mp3": "no picture",
        "torchcodec_sine_mono_s32_8000.wav": "no picture",
    }
