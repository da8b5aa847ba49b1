"""The quickstart on a user's own few videos, stopped early: every step runs, and says what its numbers are worth."""

import json

import numpy as np
import pytest

from seehear.media.encode import encode
from seehear.quickstart import _hold_out, quickstart


@pytest.fixture
def folder(tmp_path):
    generator = np.random.default_rng(0)
    for number in range(3):
        frames = generator.integers(0, 255, (64, 48, 64, 3), dtype=np.uint8)
        time = np.arange(8 * 16_000) / 16_000
        sound = 0.3 * np.sin(2 * np.pi * (300 + 200 * number) * time) * (1 + 0.5 * np.sin(7 * time))
        encode(tmp_path / "videos" / f"{number}.mp4", frames, 8.0, sound[None].astype(np.float32), 16_000)
    (tmp_path / "videos" / "notes.txt").write_text("not a video")
    return tmp_path / "videos"


def test_a_folder_of_videos_becomes_measured_encoders(folder, tmp_path, capsys):
    numbers = quickstart(tmp_path / "out", folder, minutes=0.05)
    assert json.loads((tmp_path / "out" / "quickstart.json").read_text()) == numbers
    assert numbers["probe_video"] is None
    assert numbers["class_r1"] is None
    assert 0 <= numbers["cross_modal_r1"] <= 1
    assert 0 < numbers["chance_r1"] < 1
    page = (tmp_path / "out" / "run" / "report.html").read_text()
    assert "notes.txt" in page or "unknown" in page
    assert "mean little" in capsys.readouterr().out
    # The same command again goes on, and finds the library packed.
    again = quickstart(tmp_path / "out", folder, minutes=0.02)
    assert again["chance_r1"] == numbers["chance_r1"]


def test_many_recordings_are_held_out_by_their_names(tmp_path):
    videos = tmp_path / "videos"
    videos.mkdir()
    for number in range(40):
        (videos / f"{number}.mp4").touch()
    rows = _hold_out(tmp_path, videos).read_text().splitlines()[1:]
    held_out = [row for row in rows if row.endswith(",test")]
    assert len(rows) == 40
    assert 2 <= len(held_out) <= 16
    for path in list(videos.iterdir())[:25]:
        path.unlink()
    assert all(row.endswith(",train") for row in _hold_out(tmp_path, videos).read_text().splitlines()[1:])
