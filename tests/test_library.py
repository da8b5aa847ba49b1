# SPDX-License-Identifier: Apache-2.0
"""A packed library gives back what was packed, clip by clip, and a pack goes on where it was stopped."""

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from seehear.data.info import info, info_table
from seehear.data.labels import match, read_labels, value_of
from seehear.data.library import Library
from seehear.data.pack import pack
from seehear.data.packed import cut_packed, pack_h264, pack_jpeg, pack_sound, unpack
from seehear.data.store import Store
from seehear.errors import InputError, MediaError
from seehear.media.decode import frames, sound
from seehear.media.encode import encode
from seehear.verbs.training import pictures_smaller_than_crops
from small import make_run

RATE = 24000


def pictures(count, seed=0, height=48, width=64):
    """Smooth colours that move: codecs lose about 4 grey levels of them, a frame more or less is 20."""
    rows, columns = np.mgrid[:height, :width]
    phase = 0.3 * np.arange(count)[:, None, None] + seed
    parts = [np.sin(columns / 9 + phase), np.cos(rows / 7 - phase), np.sin((rows + columns) / 11 + 2 * phase)]
    return np.stack([128 + 80 * part for part in parts], axis=-1).astype(np.uint8)


def tones(channels, seconds, seed=0):
    t = np.arange(round(seconds * RATE)) / RATE
    return np.stack([0.3 * np.sin(2 * np.pi * (300 + 200 * c + 17 * seed) * t) for c in range(channels)]).astype(
        np.float32
    )


def film(path, seconds=2.0, seed=0, channels=1):
    codec = "pcm_s16le" if path.suffix == ".mov" else None
    encode(path, pictures(round(seconds * 10), seed), 10.0, tones(channels, seconds, seed), RATE, audio_codec=codec)


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    """Three usable files, one of them longer than a clip, and four that are not."""
    root = tmp_path_factory.mktemp("media")
    film(root / "a.mp4", seed=1)
    film(root / "b.mov", seed=2, channels=4)
    film(root / "c.mkv", seconds=7.5, seed=3, channels=2)
    shutil.copy(root / "a.mp4", root / "z_again.mp4")
    encode(root / "mute.mp4", pictures(20), 10.0, None, 1)
    film(root / "short.mp4", seconds=0.4)
    (root / "words.txt").write_text("no media")
    (root / "labels.csv").write_text(
        "file,label,split,licence,voice_over,loudness\n"
        "a.mp4,dog,train,CC0,true,0.5\n"
        "c.mkv,cat,test,CC BY,false,2\n"
        "gone.mp4,cow,test,CC0,false,3\n"
    )
    return root


def packed(media, target, **options):
    return pack(media, target, seconds=3.0, workers=1, quiet=True, **options)


@pytest.fixture(scope="module", params=["jpeg", "h264"])
def library(media, tmp_path_factory, request):
    target = tmp_path_factory.mktemp("library") / request.param
    packed(media, target, profile=request.param, labels=media / "labels.csv")
    return Library(target)


def test_catalog(library, media):
    catalog = library.catalog
    assert catalog.items.tolist() == [0, 1, 2, 3, 4]
    assert catalog.sources == ("a.mp4", "b.mov", "c.mkv", "c.mkv", "c.mkv")
    assert catalog.durations.tolist() == pytest.approx([2.0, 2.0, 3.0, 3.0, 1.5])
    assert catalog.classes == ("cat", "dog")
    assert catalog.labels.tolist() == [1, -1, 0, 0, 0]
    assert catalog.splits == ("train", "train", "test", "test", "test")
    assert catalog.truth["voice_over"] == (True, None, False, False, False)
    assert catalog.truth["loudness"] == (0.5, None, 2, 2, 2)
    assert catalog.truth["licence"] == ("CC0", "", "CC BY", "CC BY", "CC BY")
    assert catalog.truth["start"] == (0.0, 0.0, 0.0, 3.0, 6.0)
    assert len(library.split("test")) == 3


def test_clips_are_what_the_sources_show_and_sound(library, media):
    for row, (file, offset) in enumerate(
        [("a.mp4", 0.0), ("b.mov", 0.0), ("c.mkv", 0.0), ("c.mkv", 3.0), ("c.mkv", 6.0)]
    ):
        clip = library.open(row)
        for start, count, fps in ((0.0, 8, 10.0), (0.55, 6, 8.0), (1.2, 5, 30.0)):
            got = clip.frames(start, count, fps)
            if file == "c.mkv" or start + count / fps < 2:
                want = frames(media / file, offset + start, count, fps)
                assert np.abs(got.astype(int) - want).mean() < 6, (file, offset, start)
        for rate in (RATE, 16000):
            want = sound(media / file, offset + 0.25, 0.8, rate)
            got = clip.sound(0.25, 0.8, rate)
            assert got.shape == want.shape
            assert np.abs(got - want).max() < 1e-3
        assert (clip.item, clip.source) == (row, file)


def test_past_the_end_pictures_are_held_and_sound_is_zero(library):
    clip = library.open(0)
    last = clip.frames(1.9, 1, 10.0)
    assert np.array_equal(clip.frames(5.0, 3, 10.0), np.repeat(last, 3, 0))
    assert not clip.sound(2.05, 1.0, RATE).any()
    assert clip.sound(1.5, 1.0, RATE)[:, : RATE // 2].any()
    assert not clip.sound(-1.0, 1.0, RATE).any()


def test_clips_read_together_are_those_read_alone(library, monkeypatch):
    rows = [3, 0, len(library) - 1, 0]
    alone = [library.open(row).sound(0.1, 0.5, 16_000) for row in rows]
    asked = []
    read = Library.read
    monkeypatch.setattr(Library, "read", lambda self, rows, *names: asked.append(rows) or read(self, rows, *names))
    together = library.split("train").clips.open_all(rows)
    for clip, row, heard in zip(together, rows, alone, strict=True):
        assert clip.item == library.catalog.items[row]
        np.testing.assert_array_equal(clip.sound(0.1, 0.5, 16_000), heard)
    # One request, in which what is wanted twice is read once.
    assert asked == [list(dict.fromkeys(rows))]


@pytest.mark.parametrize("profile", ["jpeg", "h264"])
def test_clips_that_stay_in_memory_are_those_read_anew(media, tmp_path, profile, monkeypatch):
    pack(media, tmp_path / "library", profile=profile, size=32, rate=RATE, seconds=3.0, workers=1)
    kept, plain = Library(tmp_path / "library", keep=1 << 30), Library(tmp_path / "library")
    rows = list(range(len(plain)))
    kept.open_all(rows)
    monkeypatch.setattr(Library, "read", lambda *_: pytest.fail("read again"))
    again = kept.open_all(rows[::-1])[::-1]
    monkeypatch.undo()
    for one, other in zip(again, plain.open_all(rows), strict=True):
        assert (one.item, one.label, one.channels) == (other.item, other.label, other.channels)
        assert np.array_equal(one.frames(0.31, 5, 7.0), other.frames(0.31, 5, 7.0))
        for rate in (RATE, 16_000):
            assert np.array_equal(one.sound(-0.1, 1.5, rate), other.sound(-0.1, 1.5, rate))
    # A shelf that travels leaves its clips behind.
    assert len(pickle.dumps(kept)) < 1.1 * len(pickle.dumps(plain))


@pytest.mark.parametrize("workers", [None, 10])
def test_no_more_clips_stay_in_memory_than_there_is_room_for(library, monkeypatch, workers):
    size = Library(library.uri).open(0).decode()
    info = workers and SimpleNamespace(num_workers=workers)
    monkeypatch.setattr("torch.utils.data.get_worker_info", lambda: info)
    few = Library(library.uri, keep=(size + 1) * (workers or 1))
    few.open_all(range(len(few)))
    asked = []
    read = Library.read
    monkeypatch.setattr(Library, "read", lambda self, rows, *columns: asked.extend(rows) or read(self, rows, *columns))
    few.open_all(range(len(few)))
    # One clip leaves a byte of room, which the next one takes.
    assert asked == list(range(2, len(few)))


def test_a_broken_clip_stays_packed_and_says_so_when_it_is_asked_for(library):
    clip = Library(library.uri).open(0)
    packed = library.read([0], *clip.COLUMNS)[0]
    clip.hold(packed | {"sound": b"no FLAC"})
    assert clip.decode() == 0
    assert np.array_equal(clip.frames(0.0, 3, 5.0), library.open(0).frames(0.0, 3, 5.0))
    with pytest.raises(MediaError, match="FLAC"):
        clip.sound(0.0, 1.0, RATE)


def test_a_shelf_travels_to_another_process(library):
    library.open(1).frames(0.0, 1, 1.0)
    again = pickle.loads(pickle.dumps(library))
    assert np.array_equal(again.open(1).frames(0.3, 4, 10.0), library.open(1).frames(0.3, 4, 10.0))
    assert again.catalog.hash == library.catalog.hash


def test_info(library, media):
    found = info(library.uri)
    assert json.loads(json.dumps(found)) == found
    assert (found["clips"], found["sources"]) == (5, 3)
    assert found["hours"] * 3600 == pytest.approx(11.5)
    assert found["classes"] == {"cat": 3, "dog": 1}
    assert found["splits"] == {"test": 3, "train": 2}
    assert found["licences"] == {"CC BY": 3, "CC0": 1}
    assert found["channels"] == {"1": 1, "2": 3, "4": 1}
    refused = {row["file"]: row["reason"] for row in found["quarantined"]}
    assert refused == {
        "mute.mp4": "no sound",
        "short.mp4": "too short",
        "words.txt": "unknown",
        "z_again.mp4": "duplicate",
    }
    assert info_table(found).row_count > 6


def test_only_the_wanted_frames_are_touched():
    shown = [np.ascontiguousarray(p) for p in pictures(40)[..., ::-1]]
    for profile, made in (("jpeg", pack_jpeg(shown)), ("h264", pack_h264(shown, 10.0))):
        whole = unpack(made, np.arange(40), profile)
        assert np.abs(whole[..., ::-1].astype(int) - np.stack(shown)).mean() < 6
        damaged = bytearray(made.data)
        damaged[: made.offsets[16]] = bytes(int(made.offsets[16]))
        spoilt = type(made)(bytes(damaged), made.offsets, made.gop)
        wanted = np.array([17, 17, 23, 39])
        assert np.array_equal(unpack(spoilt, wanted, profile), whole[wanted])
        with pytest.raises(MediaError):
            unpack(spoilt, np.array([3]), profile)


@pytest.mark.parametrize("channels", [1, 4, 8, 9, 16])
def test_packed_sound_keeps_all_channels(channels):
    made = tones(channels, 2.0)
    coding, data = pack_sound(made, RATE)
    assert coding == ("flac" if channels <= 8 else "pcm_s16le")
    whole = cut_packed(coding, data, channels, RATE, 0.0, 2.0, RATE)
    assert np.abs(whole - made).max() <= 0.5 / 32768 + 1e-7
    for rate in (RATE, 16000, 44100):
        all_of_it = cut_packed(coding, data, channels, RATE, 0.0, 2.0, rate)
        first = round(0.7 * rate)
        window = cut_packed(coding, data, channels, RATE, 0.7, 0.6, rate)
        assert np.allclose(window, all_of_it[:, first : first + round(0.6 * rate)], atol=1e-6)


def test_nothing_is_done_twice_and_new_files_come_behind(media, tmp_path):
    own, target = tmp_path / "media", tmp_path / "library"
    shutil.copytree(media, own)
    first = packed(own, target)
    assert (first["clips"], first["sources"]) == (5, 3)
    again = packed(own, target)
    assert (again["clips"], again["done_before"]) == (0, first["files"])
    film(own / "aa_new.mp4", seed=9)
    shutil.move(own / "a.mp4", own / "moved.mp4")
    more = packed(own, target)
    assert (more["clips"], more["sources"]) == (1, 1)
    assert more["quarantined"] == {"duplicate": 1}
    catalog = Library(target).catalog
    assert catalog.items.tolist() == list(range(6))
    assert catalog.sources[-1] == "aa_new.mp4"


def test_what_was_only_copied_is_not_packed_again_and_what_was_replaced_is_said(media, tmp_path, capsys):
    own, target = tmp_path / "media", tmp_path / "library"
    shutil.copytree(media, own)
    first = packed(own, target)
    for path in own.iterdir():
        os.utime(path, (1, 1))
    again = packed(own, target)
    assert (again["clips"], again["sources"], again["changed"]) == (0, 0, 0)
    # Those that cannot be used are looked at again.
    assert again["done_before"] + sum(again["quarantined"].values()) == first["files"]
    assert packed(own, target)["done_before"] == first["files"]
    assert len(info(target)["quarantined"]) == sum(first["quarantined"].values())
    film(own / "a.mp4", seed=9)
    pack(own, target, seconds=3.0, workers=2)
    assert (
        "; 1 files are not what they were, and the clips of what they were are still there" in capsys.readouterr().out
    )
    assert (count := Library(target).catalog.sources.count("a.mp4")) > 1
    # What it was before is still there.
    shutil.copy(media / "a.mp4", own / "a.mp4")
    assert packed(own, target)["clips"] == 0
    assert Library(target).catalog.sources.count("a.mp4") == count


def test_ids_do_not_depend_on_the_workers(media, tmp_path):
    one, two = (packed(media, tmp_path / str(n)) for n in (1, 2))
    pack(media, tmp_path / "3", seconds=3.0, workers=3, quiet=True)
    assert one["clips"] == two["clips"] == 5
    hashes = {Library(tmp_path / str(n)).catalog.hash for n in (1, 2, 3)}
    assert len(hashes) == 1


def test_labels_can_be_given_later(media, tmp_path):
    packed(media, tmp_path / "l")
    assert Library(tmp_path / "l").catalog.classes == ()
    result = packed(media, tmp_path / "l", labels=media / "labels.csv")
    assert (result["clips"], result["unknown_labels"]) == (0, 1)
    assert Library(tmp_path / "l").catalog.classes == ("cat", "dog")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,label\na.mp4,dog\n", "expected a column `file`"),
        ("", "expected a column `file`"),
        ("file,label\na.mp4,dog\na.mp4,cat\n", "line 3 contradicts another: a.mp4"),
        ("file,label\na.mp4\n", "expected 2 columns in line 2"),
        ("file,label\na.mp4,dog,more\n", "expected 2 columns in line 2"),
    ],
)
def test_labels_that_cannot_be_read(tmp_path, text, message):
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_labels(tmp_path / "labels.csv")
    with pytest.raises(InputError, match="found nothing there"):
        read_labels(tmp_path / "none.csv")


def test_labels_by_bare_name_where_it_is_unique(tmp_path):
    (tmp_path / "labels.csv").write_text("\ufefffile, label\nx.mp4,dog\ntwin.mp4,cat\n", encoding="utf-8")
    matched, unknown = match(read_labels(tmp_path / "labels.csv"), ["deep/x.mp4", "one/twin.mp4", "two/twin.mp4"])
    assert {name: label.label for name, label in matched.items()} == {"deep/x.mp4": "dog"}
    assert unknown == ["twin.mp4"]


def test_cells_are_what_they_look_like():
    cells = {"True": True, " 7 ": 7, "-1.5": -1.5, "1e3": 1000.0, "10_000059": "10_000059", "1-2": "1-2", "": ""}
    assert {text: value_of(text) for text in cells} == cells
    assert [type(value_of(text)) for text in cells] == [type(value) for value in cells.values()]


SLOW = """
import signal, sys, time
from pathlib import Path
from seehear.data import ledger, pack as module
ledger._COMMIT_BYTES = 1
append = module.Store.append
def slowly(self, table, rows):
    append(self, table, rows)
    print(table, len(rows), flush=True)
    time.sleep(0.1)
module.Store.append = slowly
if __name__ == "__main__":
    # A shell that runs the tests in the background leaves Ctrl-C ignored to all its children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    module.pack(Path(sys.argv[1]), sys.argv[2], seconds=1.0, workers=1, quiet=True)
"""


@pytest.mark.parametrize("commits", [1, 4, 7])
def test_a_killed_pack_goes_on_without_loss_or_double(tmp_path, commits):
    media, target = tmp_path / "media", tmp_path / "library"
    for seed in range(3):
        film(media / f"{seed}.mp4", seconds=4.0, seed=seed)
    script = tmp_path / "slow.py"
    script.write_text(SLOW)
    process = subprocess.Popen(
        [sys.executable, str(script), str(media), str(target)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for _ in range(commits):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    before = len(Store(target).read("clips", "item")["item"])
    assert 0 < before <= 12
    pack(media, target, seconds=1.0, workers=1, quiet=True)
    catalog = Library(target).catalog
    assert catalog.items.tolist() == list(range(12))
    kept = list(zip(catalog.sources, catalog.truth["start"], strict=True))
    assert kept == [(f"{seed}.mp4", float(start)) for seed in range(3) for start in range(4)]


def test_ctrl_c_keeps_what_there_is_and_says_how_to_go_on(tmp_path):
    media, target = tmp_path / "media", tmp_path / "library"
    for seed in range(4):
        film(media / f"{seed}.mp4", seconds=4.0, seed=seed)
    script = tmp_path / "slow.py"
    script.write_text(SLOW.replace("0.1", "1.0"))
    command = [sys.executable, str(script), str(media), str(target)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert "are kept: the same command goes on" in said
    assert len(Store(target).read("clips", "item")["item"]) >= 1


def test_only_one_pack_at_a_time(media, tmp_path):
    import fcntl

    (tmp_path / "l").mkdir()
    with (tmp_path / "l" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="another pack is at work"):
            packed(media, tmp_path / "l")
    assert packed(media, tmp_path / "l")["clips"] == 5


def test_bad_input(media, tmp_path):
    with pytest.raises(InputError, match="found nothing there"):
        packed(tmp_path / "missing", tmp_path / "l")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no file"):
        packed(tmp_path / "empty", tmp_path / "l")
    with pytest.raises(MediaError, match=r"mute\.mp4: no sound"):
        packed(media / "mute.mp4", tmp_path / "m")
    (tmp_path / "useless").mkdir()
    shutil.copy(media / "mute.mp4", tmp_path / "useless")
    with pytest.raises(InputError, match="none usable"):
        packed(tmp_path / "useless", tmp_path / "u")
    with pytest.raises(InputError, match="expected a positive number for size"):
        packed(media, tmp_path / "l", size=0)
    packed(media, tmp_path / "l")
    with pytest.raises(InputError, match="profile jpeg, got h264"):
        packed(media, tmp_path / "l", profile="h264")
    assert packed(media / "a.mp4", tmp_path / "one")["clips"] == 1


def test_what_is_no_library(media, tmp_path):
    for uri in (tmp_path, tmp_path / "nothing", f"file://{tmp_path}/nothing"):
        with pytest.raises(InputError, match="expected a library made by `seehear pack`"):
            Library(uri)
    packed(media, tmp_path / "l")
    import lance

    lance.write_dataset(
        Store(tmp_path / "l").dataset("labels").to_table().replace_schema_metadata({}), tmp_path / "x" / "clips.lance"
    )
    with pytest.raises(InputError, match="another kind of table"):
        Library(tmp_path / "x")


def test_a_url_opens_like_a_path(media, tmp_path):
    url = f"file://{tmp_path}/library"
    packed(media, url)
    by_path, by_url = Library(tmp_path / "library"), Library(url)
    assert by_path.catalog.hash == by_url.catalog.hash
    assert np.array_equal(by_path.open(2).frames(0.0, 3, 10.0), by_url.open(2).frames(0.0, 3, 10.0))


def test_a_full_disk_is_said_and_nothing_is_lost(media, tmp_path, monkeypatch):
    import lance

    packed(media / "a.mp4", tmp_path / "l")

    def full(*arguments, **options):
        raise OSError("LanceError(IO): Generic LocalFileSystem error: No space left on device (os error 28)")

    with monkeypatch.context() as patch:
        patch.setattr(lance, "write_dataset", full)
        with pytest.raises(InputError, match="the disk is full"):
            packed(media, tmp_path / "l")
    assert len(Library(tmp_path / "l")) == 1
    assert packed(media, tmp_path / "l")["clips"] == 4


def test_a_worker_is_ready_without_torch():
    names = "seehear.data.transcode, seehear.media.scan, seehear.data.pack, seehear.data.info"
    code = f"import sys, {names}; print('torch' in sys.modules)"
    started = time.monotonic()
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "False"
    assert time.monotonic() - started < 20


def test_the_frame_rate_is_capped_or_kept(tmp_path):
    encode(tmp_path / "m" / "fast.mp4", pictures(60), 30.0, tones(1, 2.0), RATE)
    pack(tmp_path / "m", tmp_path / "capped", workers=1, quiet=True)
    pack(tmp_path / "m", tmp_path / "kept", workers=1, quiet=True, fps=None)
    capped, kept = Library(tmp_path / "capped").open(0), Library(tmp_path / "kept").open(0)
    assert (capped.fps, kept.fps) == (16.0, 30.0)
    want = frames(tmp_path / "m" / "fast.mp4", 0.5, 8, 16.0)
    assert np.abs(capped.frames(0.5, 8, 16.0).astype(int) - want).mean() < 6
    assert np.abs(kept.frames(0.5, 8, 16.0).astype(int) - want).mean() < 6


def test_silent_and_still_clips_of_a_good_file_are_left_out(tmp_path):
    shown = np.concatenate([pictures(20), np.repeat(pictures(1), 20, 0), pictures(20)])
    heard = np.concatenate([tones(1, 4.0), 0 * tones(1, 2.0)], 1)
    encode(tmp_path / "m" / "a.mkv", shown, 10.0, heard, RATE, audio_codec="pcm_s16le")
    pack(tmp_path / "m", tmp_path / "l", seconds=2.0, workers=1, quiet=True)
    assert Library(tmp_path / "l").catalog.truth["start"] == (0.0,)
    assert info(tmp_path / "l")["quarantined_clips"] == {"silent": 1, "still picture": 1}


def test_a_library_inside_its_folder_is_no_source(tmp_path):
    film(tmp_path / "a.mp4")
    packed(tmp_path, tmp_path / "library")
    again = packed(tmp_path, tmp_path / "library")
    assert (again["files"], again["clips"]) == (1, 0)


def test_a_picture_that_ends_early_keeps_its_clips_and_is_listed(tmp_path):
    film(tmp_path / "m" / "a.mp4", seconds=6.0)
    whole = (tmp_path / "m" / "a.mp4").read_bytes()
    start, index = whole.index(b"mdat") + 4, whole.index(b"moov") - 4
    kept = start + (index - start) * 2 // 3
    (tmp_path / "m" / "a.mp4").write_bytes(whole[:kept] + bytes(index - kept) + whole[index:])
    pack(tmp_path / "m", tmp_path / "l", seconds=1.0, workers=1, quiet=True)
    assert Library(tmp_path / "l").catalog.truth["start"][:2] == (0.0, 1.0)
    assert [row["reason"] for row in info(tmp_path / "l")["quarantined"]] == ["corrupt"]


def test_a_run_with_larger_crops_than_the_library_has_pictures_is_told(media, tmp_path):
    packed(media, tmp_path / "48", size=48)
    run = replace(make_run(), recipe={"arguments": {"data": str(tmp_path / "48")}})
    run.model.views = replace(run.model.views, size=48)
    assert pictures_smaller_than_crops(run) == []
    run.model.views = replace(run.model.views, size=49)
    (note,) = pictures_smaller_than_crops(run)
    assert "pictures of 48 pixels" in note
    assert pictures_smaller_than_crops(replace(run, recipe={})) == []
