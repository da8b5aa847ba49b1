# SPDX-License-Identifier: Apache-2.0
"""Official layouts in miniature: every clip gets its label and split, what is missing is counted, bad lists refused."""

import csv
import string

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from seehear.data.info import info, info_table
from seehear.data.library import Library
from seehear.data.pack import pack
from seehear.data.public import LAYOUTS, read
from seehear.data.public.listing import Folder, by_split, class_name
from seehear.data.public.tables import cells, lines, records
from seehear.data.store import Store
from seehear.errors import InputError, MediaError
from seehear.media.decode import sound
from seehear.media.encode import encode

FILMS = ["-3B32lodo2M", "0123456789_", "abcdefghijk"]


def grow(root, *files, **lists):
    """Make empty files, and lists whose names have __ for the point before csv or txt."""
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    for name, text in lists.items():
        (root / "lists").mkdir(parents=True, exist_ok=True)
        (root / "lists" / name.replace("__", ".")).write_text(text, encoding="utf-8")
    return root


def brief(listing):
    return {file: (label.label, label.split) for file, label in listing.labels.items()}


UCF = {
    "trainlist01__txt": "ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi 1\n"
    "HandstandPushups/v_HandStandPushups_g09_c01.avi 37\n",
    "testlist01__txt": "ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi\r\nApplyEyeMakeup/v_ApplyEyeMakeup_g01_c02.avi\r\n",
    "trainlist02__txt": "ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi 1\n",
    "testlist02__txt": "ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi\n",
    "trainlist03__txt": "",
}
UCF_FILES = [
    "UCF-101/ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi",
    "UCF-101/ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.mp4",  # transcoded by the user
    "UCF-101/HandstandPushups/v_HandStandPushups_g09_c01.avi",
    "UCF-101/HandstandPushups/v_HandStandPushups_g99_c01.avi",  # in no list
]


def test_ucf101(tmp_path):
    root = grow(tmp_path, *UCF_FILES, **UCF)
    first, second = read("ucf101", root, 1), read("ucf101", root, 2)
    assert brief(first) == {
        UCF_FILES[0]: ("ApplyEyeMakeup", "train"),
        UCF_FILES[1]: ("ApplyEyeMakeup", "test"),
        UCF_FILES[2]: ("HandstandPushups", "train"),
    }
    assert first.missing == ("ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c02.avi",)
    assert first.note == (
        "UCF-101 split 1: 3 clips of 2 classes (test 1, train 2), 1 missing, such as "
        "ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c02.avi"
    )
    assert brief(second) == {
        UCF_FILES[0]: ("ApplyEyeMakeup", "test"),
        UCF_FILES[1]: ("ApplyEyeMakeup", "train"),
        UCF_FILES[2]: ("HandstandPushups", "unused"),
    }
    for listing in (first, second):
        known = {"split 1": "train", "split 2": "test", "recording": "v_ApplyEyeMakeup_g08"}
        assert listing.labels[UCF_FILES[0]].truth == known
    with pytest.raises(InputError, match=r"expected the official list testlist03.txt, found none"):
        read("ucf101", root, 3)
    assert read("ucf101", root / "UCF-101", 1, root / "lists").labels.keys() == {f[8:] for f in first.labels}


def test_hmdb51(tmp_path):
    films = ["A (1)_brush_hair_u_cm_np1_ba_goo_0", "B#2_brush_hair_u_cm_np2_le_med_1", "twice_u_cm_np1_fr_bad_2"]
    root = grow(
        tmp_path,
        *(f"brush_hair/{film}.avi" for film in films[:2]),
        f"wave/{films[2]}.avi",
        brush_hair_test_split1__txt=f"{films[0]}.avi 1 \n{films[1]}.avi 0 \n{films[2]}.avi 2 \n",
        wave_test_split1__txt=f"{films[2]}.avi 2 \n",
        brush_hair_test_split2__txt=f"{films[0]}.avi 2 \n",
    )
    listing = read("hmdb51", root)
    assert brief(listing) == {
        f"brush_hair/{films[0]}.avi": ("brush hair", "train"),
        f"brush_hair/{films[1]}.avi": ("brush hair", "unused"),
        f"wave/{films[2]}.avi": ("wave", "test"),
    }
    # The file of the same name in the folder of another class is not the film.
    assert listing.missing == (f"brush_hair/{films[2]}.avi",)
    assert listing.labels[f"brush_hair/{films[0]}.avi"].truth == {"split 1": "train", "split 2": "test"}
    with pytest.raises(InputError, match=r"CLASS_test_split3.txt, found none"):
        read("hmdb51", root, 3)


def test_kinetics400(tmp_path):
    root = grow(
        tmp_path,
        f"train/playing_guitar/{FILMS[0]}_000059_000069.mp4",
        f"val/tai chi/{FILMS[1]}.mkv",
        f"test/{FILMS[2]}_000007_000017.mp4",
        kinetics_train__csv=f'label,youtube_id,time_start,time_end,is_cc\n"Playing  guitar",{FILMS[0]},59,69,0\n',
        validate__csv=f"label,youtube_id,time_start,time_end\ntai_chi,{FILMS[1]},0,10\nzumba,notthere-_1,3,13\n",
        test__csv=f"youtube_id,time_start,time_end,split\n{FILMS[2]},7,17,test\n",
    )
    listing = read("kinetics400", root)
    assert brief(listing) == {
        f"train/playing_guitar/{FILMS[0]}_000059_000069.mp4": ("playing guitar", "train"),
        f"val/tai chi/{FILMS[1]}.mkv": ("tai chi", "val"),
        f"test/{FILMS[2]}_000007_000017.mp4": ("", "test"),
    }
    assert listing.missing == ("notthere-_1_000003_000013",)
    assert all(label.truth["film"] in file for file, label in listing.labels.items())


def test_vggsound(tmp_path):
    text = (
        f'{FILMS[0]},1,"cattle, bovinae cowbell",test\n{FILMS[1]},20,people marching,train\n{FILMS[2]},0,zebra,train\n'
    )
    root = grow(tmp_path, f"video/{FILMS[0]}_000001.mp4", f"{FILMS[1]}_20000_30000.webm", vggsound__csv=text)
    listing = read("vggsound", root)
    assert brief(listing) == {
        f"video/{FILMS[0]}_000001.mp4": ("cattle, bovinae cowbell", "test"),
        f"{FILMS[1]}_20000_30000.webm": ("people marching", "train"),
    }
    assert listing.missing == (f"{FILMS[2]}_000000_000010",)


def test_audioset(tmp_path):
    head = "# Segments csv\n# num_ytids=2\n# YTID, start_seconds, end_seconds, positive_labels\n"
    root = grow(
        tmp_path,
        f"audio/Y{FILMS[0]}.wav",
        f"video/{FILMS[1]}.mp4",
        f"video/{FILMS[1]}.wav",
        class_labels_indices__csv='index,mid,display_name\n0,/m/09x0r,"Speech"\n1,/t/dd00088,"Gush, spurt"\n',
        balanced_train_segments__csv=head + f'{FILMS[0]}, 30.000, 40.000, "/m/09x0r,/t/dd00088"\n',
        eval_segments__csv=head + f'{FILMS[1]}, 0.000, 9.500, "/t/dd00088"\n{FILMS[2]}, 1.000, 11.000, "/m/09x0r"\n',
    )
    listing = read("audioset", root)
    assert brief(listing) == {f"audio/Y{FILMS[0]}.wav": ("", "train"), f"video/{FILMS[1]}.mp4": ("Gush, spurt", "test")}
    assert listing.labels[f"audio/Y{FILMS[0]}.wav"].truth == {
        "film": FILMS[0],
        "subset": "balanced_train",
        "classes": "Speech; Gush, spurt",
    }
    assert listing.missing == (f"{FILMS[2]}_000001_000011",)
    (root / "lists" / "eval_segments.csv").write_text(f'{FILMS[1]}, 0, 10, "/m/unknown"\n')
    with pytest.raises(InputError, match=r"eval_segments.csv, line 1: expected film, start, end, .*got .*m/unknown"):
        read("audioset", root)


ESC = "filename,fold,target,category,esc10,src_file,take\n" + "".join(
    f"{fold}-1000{fold}-A-{target}.wav,{fold},{target},{category},{ten},1000{fold},A\n"
    for fold in range(1, 6)
    for target, category, ten in ((0, "dog", True), (49, "hand_saw", False))
)


@pytest.mark.parametrize("suffix", ["wav", "ogg"])
def test_esc_list(tmp_path, suffix):
    files = [f"audio/{fold}-1000{fold}-A-{target}.{suffix}" for fold in range(1, 6) for target in (0, 49)]
    root = grow(tmp_path, *files[1:], esc50__csv=ESC)
    listing = read("esc50", root, 5)
    assert listing.missing == ("1-10001-A-0.wav",)
    assert brief(listing)[files[1]] == ("hand saw", "train")
    assert [file for file, (_, split) in brief(listing).items() if split == "test"] == files[8:]
    assert listing.labels[files[2]].truth == {"fold": 2, "recording": "10002", "take": "A"}
    assert brief(read("esc10", root, 2)) == {
        file: ("dog", "test" if "/2-" in file else "train") for file in files[2:] if "-0." in file
    }


def test_esc_folds_are_those_of_the_names(tmp_path):
    root = grow(tmp_path, "1-10001-A-0.wav", esc50__csv=ESC.replace("-A-0.wav,1,", "-A-0.wav,2,"))
    with pytest.raises(InputError, match=r"line 2: expected a file named after its fold .*, got '1-10001-A-0.wav'"):
        read("esc50", root)


def test_esc_folders(tmp_path):
    root = grow(tmp_path, "001 - Dog bark/1-30226-A.ogg", "crying_baby/5-7-B.ogg", "notes/readme.txt")
    listing = read("esc10", root, 5)
    assert brief(listing) == {
        "001 - Dog bark/1-30226-A.ogg": ("dog bark", "train"),
        "crying_baby/5-7-B.ogg": ("crying baby", "test"),
    }
    assert listing.missing == ()
    # Names with the number of a class have no folder of their own: they need the list.
    assert read("esc10", grow(root, "audio/1-2-A-49.ogg"), 5) == listing
    for layout in ("esc10", "esc50"):
        with pytest.raises(InputError, match=r"audio: expected clips of ESC-.0 fold 1, found none, and no off"):
            read(layout, root / "audio")
    grow(root, *(f"{n} - class {n}/1-{n}-A.ogg" for n in range(9)))
    with pytest.raises(InputError, match="expected the ten classes of ESC-10, found 11: give a folder of them alone"):
        read("esc10", root)


def test_dcase(tmp_path):
    root = grow(
        tmp_path,
        "audio/a001_0_30.wav",
        "audio/b020_90_120.wav",
        fold1_train__txt="audio/a001_0_30.wav\tcity_center\n",
        fold1_evaluate__txt="audio/b020_90_120.wav\tcafe/restaurant\naudio/b020_0_30.wav\tbeach\n",
        fold2_train__csv="filename\tscene_label\naudio/b020_90_120.wav\tcafe/restaurant\n",
        fold2_evaluate__csv="filename\tscene_label\naudio/a001_0_30.wav\tcity_center\n",
        fold1_test__txt="audio/b020_90_120.wav\n",
    )
    listing = read("dcase", root, 1)
    assert brief(listing) == {
        "audio/a001_0_30.wav": ("city center", "train"),
        "audio/b020_90_120.wav": ("cafe/restaurant", "test"),
    }
    assert listing.missing == ("audio/b020_0_30.wav",)
    assert listing.labels["audio/a001_0_30.wav"].truth == {"fold 1": "train", "fold 2": "test"}
    with pytest.raises(InputError, match=r"expected one of the folds \[1, 2\] there, got 3"):
        read("dcase", root, 3)
    (root / "lists" / "fold1_evaluate.txt").write_text("audio/a001_0_30.wav\tcity_center\n")
    with pytest.raises(InputError, match=r"expected one class and one part .*got \('city center', 'test'\) before"):
        read("dcase", root, 1)


def test_dcase_2013_has_one_split(tmp_path):
    with pytest.raises(InputError, match="expected split 1, the layout of 2013 and 2014 has no other, got 2"):
        read("dcase", grow(tmp_path, "scenes_stereo/bus01.wav"), 2)


def test_dcase_2013(tmp_path):
    root = grow(tmp_path, "scenes_stereo/bus01.wav", "scenes_stereo_testset/bus01.wav", "other/bus02.wav")
    assert brief(read("dcase", root)) == {
        "scenes_stereo/bus01.wav": ("bus", "train"),
        "scenes_stereo_testset/bus01.wav": ("bus", "test"),
    }


LISTS = {
    "ucf101": ("trainlist01__txt", "testlist01__txt"),
    "hmdb51": ("wave_test_split1__txt",),
    "kinetics400": ("train__csv",),
    "vggsound": ("vggsound__csv",),
    "audioset": ("eval_segments__csv", "class_labels_indices__csv"),
    "esc50": ("esc50__csv",),
    "esc10": ("esc50__csv",),
    "dcase": ("fold1_train__txt", "fold1_evaluate__txt"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_other_lists(tmp_path, layout):
    """A list of another data set, no list, and clips that are none of the list's are one line of error each."""
    root = grow(tmp_path / "other", "clip.mp4", **dict.fromkeys(LISTS[layout], "some,other\nlist,1,2\n"))
    with pytest.raises(InputError, match=r"line 1: expected .* is it the list of another data set") as caught:
        read(layout, root)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=r"expected (the official list|clips of)"):
        read(layout, grow(tmp_path / "none", "clip.mp4"))
    with pytest.raises(InputError, match="expected the folder of a data set"):
        read(layout, tmp_path / "nowhere")


def test_arguments(tmp_path):
    with pytest.raises(InputError, match=r"expected a layout out of kinetics400, .*, got imagenet"):
        read("imagenet", tmp_path)
    for layout in LAYOUTS:
        with pytest.raises(InputError, match=f"expected a split of {layout} from 1 to {LAYOUTS[layout].splits}, got 9"):
            read(layout, tmp_path, 9)


def test_nothing_there(tmp_path):
    root = grow(tmp_path, "other.mp4", **UCF)
    with pytest.raises(InputError, match=r"expected clips of UCF-101 split 1, none of the 4 names .* such as ApplyEye"):
        read("ucf101", root)


def test_two_lists(tmp_path):
    root = grow(tmp_path, "copy/vggsound.csv", f"{FILMS[0]}.mp4", vggsound__csv=f"{FILMS[0]},1,dog,test\n")
    with pytest.raises(InputError, match=r"expected one vggsound.csv, found also lists/vggsound.csv"):
        read("vggsound", root)


def test_contradiction(tmp_path):
    root = grow(tmp_path, f"{FILMS[0]}.mp4", vggsound__csv=f"{FILMS[0]},1,dog,test\n{FILMS[0]},1,cat,test\n")
    with pytest.raises(InputError, match="lists of VGGSound contradict on"):
        read("vggsound", root)


@pytest.mark.parametrize("row", ["../../x.mp4,1", "abc,1", f"{FILMS[0]},-1", f"{FILMS[0]},nan", f"{FILMS[0]},1e999"])
def test_no_segment_of_a_film(tmp_path, row):
    root = grow(tmp_path, "x.mp4", "abc.mp4", f"{FILMS[0]}.mp4", vggsound__csv=f"{row},dog,test\n")
    with pytest.raises(InputError, match=r"line 1: expected (a film of YouTube, )?start and end in seconds, got"):
        read("vggsound", root)


@pytest.mark.parametrize("name", ["../out.wav", "audio/../../out.wav", "/out.wav", "audio\\out.wav"])
def test_no_way_out(tmp_path, name):
    root = grow(tmp_path / "in", "audio/out.wav", fold1_train__txt=f"{name}\tbus\n")
    with pytest.raises(InputError, match="expected names of files below it"):
        read("dcase", root)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a" * 20000, "lines of at most 16384 bytes"),
        (b"good\nb\0d\n", "line 2: expected text in lines"),
        (b"good\n\xff\xfe\n", "line 2: expected text in UTF-8"),
    ],
)
def test_hostile_text(tmp_path, data, expected):
    path = tmp_path / "list.csv"
    path.write_bytes(data)
    with pytest.raises(InputError, match=expected):
        list(lines(path))


def test_large_list(tmp_path):
    path = tmp_path / "list.csv"
    with path.open("wb") as file:
        file.truncate(2**29 + 1)
    with pytest.raises(InputError, match="expected a list of at most 536870912 bytes"):
        next(lines(path))


def test_records(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text('\ufeffa,b\n1,"2,3"\n\n4,5\n', encoding="utf-8")
    assert list(records(path, "b")) == [(2, {"a": "1", "b": "2,3"}), (4, {"a": "4", "b": "5"})]
    path.write_text("a,b\n1\n")
    with pytest.raises(InputError, match="line 2: expected 2 columns, got '1'"):
        list(records(path, "a"))
    path.write_text('a,b\n1,"2\n')
    with pytest.raises(InputError, match="line 2: expected comma-separated values"):
        list(records(path, "a"))
    path.write_text("")
    with pytest.raises(InputError, match="line 1: expected the columns a, got ''"):
        list(records(path, "a"))


WORDS = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=8)


@settings(max_examples=50)
@given(st.lists(st.lists(WORDS.filter(lambda word: word[0] not in '#"'), min_size=1, max_size=4), max_size=5))
def test_cells_read_what_was_written(tmp_path_factory, table):
    path = tmp_path_factory.getbasetemp() / "written.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(table)
    assert [row for _, row in cells(path, comment="#")] == table


@settings(max_examples=50)
@given(st.binary(max_size=200))
def test_any_bytes(tmp_path_factory, data):
    """Whatever a list holds, the answer is rows or an InputError of one line."""
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(data)
    said = ""
    try:
        assert all(row for _, row in cells(path))
    except InputError as error:
        said = str(error)
    assert "\n" not in said


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from(FILMS), st.integers(0, 99999), min_size=1), st.integers(0, 6), st.data())
def test_segment_names(tmp_path_factory, starts, form, data):
    """A clip is found under any of the names downloaders give it, and every clip is either found or missing."""
    root = tmp_path_factory.mktemp("clips", numbered=True)
    there = data.draw(st.sets(st.sampled_from(sorted(starts)), min_size=1))
    for film in there:
        s, e = starts[film], starts[film] + 10
        name = [f"{film}_{s:06d}_{e:06d}", f"{film}_{s:06d}", f"{film}_{s * 1000}_{e * 1000}", f"{film}_{s}_{e}"]
        grow(root, [*name, f"{film}_{s}", f"Y{film}", film][form] + ".mp4")
    grow(root, vggsound__csv="".join(f"{film},{s},dog,train\n" for film, s in starts.items()))
    listing = read("vggsound", root)
    assert {label.truth["film"] for label in listing.labels.values()} == there
    assert {name[:11] for name in listing.missing} == starts.keys() - there


NAMES = st.text(string.ascii_lowercase, min_size=1, max_size=3)
PARTS = st.dictionaries(NAMES, st.sampled_from([("cat", "train"), ("cat", "test")]), min_size=1)


@settings(max_examples=50)
@given(st.dictionaries(st.integers(1, 3), PARTS, min_size=1), st.data())
def test_by_split(splits, data):
    """The truth columns hold every split, and the split is the chosen one's."""
    chosen = data.draw(st.sampled_from(sorted(splits)))
    entries = dict(by_split(splits, chosen, "split"))
    assert entries.keys() == {(name,) for split in splits.values() for name in split}
    for (name,), label in entries.items():
        expected = {f"split {n}": split[name][1] if name in split else "unused" for n, split in splits.items()}
        assert label.truth == expected
        assert label.split == expected[f"split {chosen}"]


@settings(max_examples=50)
@given(st.text())
def test_class_name(text):
    once = class_name(text)
    assert class_name(once) == once
    assert "_" not in once
    assert class_name(text.replace(" ", "_")) == once


def test_video_before_sound(tmp_path):
    folder = Folder(grow(tmp_path, "a/x.wav", "b/x.avi", "b/x.info.json", "b/y.z.WAV"))
    assert folder.find(["gone", "x"]) == "b/x.avi"
    assert folder.find(["x.mp4"]) == "b/x.avi"
    assert folder.find(["a/x.mp4"]) == "a/x.wav"
    assert folder.find(["y.z"]) == "b/y.z.WAV"
    assert folder.find(["c/x"]) is None


def packed(folder, library, listing, layout):
    return pack(
        folder,
        library,
        labels=listing.labels,
        needs=LAYOUTS[layout].needs,
        seconds=3.0,
        rate=16000,
        workers=1,
        quiet=True,
    )


def hiss(path, seconds, rate=22050, gain=0.1, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = gain * np.random.default_rng(seed).standard_normal(round(seconds * rate))
    soundfile.write(path, samples, rate)


def test_sound_alone_is_packed(tmp_path):
    """Clips without pictures: cut to length, with label, split and fold; their sound is the file's to 16 bits."""
    root = tmp_path / "set"
    lengths = {"1-1-A-0.wav": 1.5, "2-2-A-0.wav": 7.2, "3-3-A-0.ogg": 3.0, "4-4-A-0.flac": 0.9, "5-5-A-0.wav": 2.0}
    for seed, (name, seconds) in enumerate(lengths.items()):
        hiss(root / "audio" / name, seconds, gain=0.0 if name[0] == "5" else 0.1, seed=seed)
    head = "filename,fold,target,category,esc10,src_file,take\n"
    grow(
        root,
        "audio/unlisted.wav",
        esc50__csv=head + "".join(f"{n[:7]}.wav,{n[0]},0,dog,True,{n[2]},A\n" for n in lengths),
    )
    found = packed(root, tmp_path / "library", read("esc50", root, 2), "esc50")
    assert found["quarantined"] == {"too short": 1, "silent": 1}
    library = Library(tmp_path / "library")
    starts, names = library.catalog.truth["start"], [source[6:] for source in library.catalog.sources]
    assert list(zip(names, starts, library.catalog.durations.tolist(), strict=True)) == [
        ("1-1-A-0.wav", 0.0, 1.5),
        ("2-2-A-0.wav", 0.0, 3.0),
        ("2-2-A-0.wav", 3.0, 3.0),
        ("2-2-A-0.wav", 6.0, pytest.approx(1.2, abs=1e-9)),
        ("3-3-A-0.ogg", 0.0, 3.0),
    ]
    assert library.catalog.splits == ("train", "test", "test", "test", "train")
    assert library.catalog.truth["fold"] == (1, 2, 2, 2, 3)
    assert library.catalog.classes == ("dog",)
    for row, (name, start) in enumerate(zip(names, starts, strict=True)):
        clip = library.open(row)
        whole = sound(root / "audio" / name, start, clip.duration, 16000)
        assert np.abs(clip.sound(0.0, clip.duration, 16000) - whole).max() <= 1 / 32768
        with pytest.raises(MediaError, match=r"library item \d: no picture"):
            clip.frames(0.0, 1, 8.0)
    about = info(tmp_path / "library")
    assert (about["pictures"], about["fps"], about["channels"]) == ({"none": 5}, {"none": 5}, {"1": 5})
    assert info_table(about).row_count > 5


def test_films_without_sound_are_packed(tmp_path):
    """Clips without sound are silent, only listed films are packed, and another split changes labels alone."""
    root, target = tmp_path / "set", tmp_path / "library"
    (root / "wave").mkdir(parents=True)
    for number in range(3):
        film = np.random.default_rng(number).integers(0, 255, (20, 32, 48, 3), dtype=np.uint8)
        tone = None if number else np.full((1, 32000), 0.25, dtype=np.float32)
        encode(root / "wave" / f"{number}.mkv", film, 10.0, tone, 16000, audio_codec="flac")
    grow(root, wave_test_split1__txt="0.avi 1\n1.avi 2\n", wave_test_split2__txt="0.avi 2\n1.avi 0\n")
    with pytest.raises(InputError, match=r"expected files with picture and sound, found none usable \(no sound 1"):
        pack(
            root,
            tmp_path / "both",
            labels={"wave/1.mkv": read("hmdb51", root).labels["wave/1.mkv"]},
            workers=1,
            quiet=True,
        )
    assert packed(root, target, read("hmdb51", root, 1), "hmdb51")["clips"] == 2
    first = Library(target)
    assert first.catalog.sources == ("wave/0.mkv", "wave/1.mkv")
    assert first.catalog.splits == ("train", "test")
    heard, silent = first.open(0), first.open(1)
    np.testing.assert_allclose(heard.sound(0.5, 1.0, 16000), np.full((1, 16000), 0.25), atol=1e-3)
    assert silent.sound(0.5, 1.0, 24000).tobytes() == np.zeros((1, 24000), dtype=np.float32).tobytes()
    assert silent.frames(0.0, 4, 8.0).shape == (4, 32, 48, 3)
    assert info(target)["channels"] == {"0": 1, "1": 1}
    again = packed(root, target, read("hmdb51", root, 2), "hmdb51")
    assert (again["clips"], again["done_before"]) == (0, 2)
    assert Library(target).catalog.splits == ("test", "unused")
    assert Library(target).catalog.truth["split 1"] == ("train", "test")


def test_what_a_file_needs_is_a_setting(tmp_path, monkeypatch):
    hiss(tmp_path / "set" / "1.wav", 1.5)
    pack(tmp_path / "set", tmp_path / "library", needs="sound", workers=1, quiet=True)
    with pytest.raises(InputError, match="expected the settings it was made with, needs sound, got both"):
        pack(tmp_path / "set", tmp_path / "library", workers=1, quiet=True)
    # A library made before there was the setting goes on as one that needs both.
    made_with = Store(tmp_path / "library").settings()
    monkeypatch.setattr(Store, "settings", lambda store: {k: v for k, v in made_with.items() if k != "needs"})
    with pytest.raises(InputError, match="expected the settings it was made with, needs both, got sound"):
        pack(tmp_path / "set", tmp_path / "library", needs="sound", workers=1, quiet=True)
