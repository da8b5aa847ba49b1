# SPDX-License-Identifier: Apache-2.0
"""The page of the surround world: whole, alone, and true about where things are and where they are heard."""

import base64
import re
from dataclasses import replace
from io import BytesIO
from itertools import combinations

import cv2
import numpy as np
import pytest
import soundfile

from seehear import atomic
from seehear.errors import InputError
from seehear.gallery import gallery, page, places, scenes, things
from seehear.gallery.examples import EXAMPLES
from seehear.gallery.places import said_of
from seehear.gallery.scenes import heat, marks, truth
from seehear.gallery.things import BLOCKS, RATE, SHOWN, aimed, alikes, alone
from seehear.gallery.truth import INSTANCES, KINDS, NAMES, depth_shown, flow_shown
from seehear.report.html import Html
from seehear.spatial.directions import equirectangular
from seehear.world.classes import CLASSES, look_alike
from seehear.world.surround_draw import draw_surround
from seehear.world.surround_picture import see
from seehear.world.surround_places import PLACES, place
from seehear.world.surround_render import render_surround
from seehear.world.surround_scene import STUFF, Field, Room
from seehear.world.surround_shot import SurroundDials, SurroundShot
from test_report import Reader

SEED, HEIGHT, SECONDS = 900_500, 40, 0.5


@pytest.fixture(scope="module")
def text(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("gallery") / "new"
    written = gallery(folder, SEED, HEIGHT, SECONDS, quiet=True)
    assert [path.name for path in folder.iterdir()] == [written.name] == ["gallery.html"]
    return written.read_text(encoding="utf-8")


def sources(text: str, tag: str) -> list[bytes]:
    """What the elements of this tag hold, decoded from their data URIs."""
    found = re.findall(rf'<{tag}[^>]* src="([^"]*)"', text)
    assert all(re.match(r"data:(image/(jpeg|png)|audio/flac);base64,", one) for one in found)
    return [base64.b64decode(one.split(",", 1)[1], validate=True) for one in found]


def test_the_page_needs_nothing_from_outside(text):
    reader = Reader(text)
    assert all(link.startswith("data:") for link in reader.links)
    assert "http:" not in text
    assert "https:" not in text
    assert "script" not in reader.tags
    pictures = [cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) for data in sources(text, "img")]
    assert len(pictures) == 2 * len(CLASSES) + 10 * len(EXAMPLES) + PLACES
    shapes = [picture.shape[:2] for picture in pictures]
    assert shapes.count((HEIGHT, 2 * HEIGHT)) == 9 * len(EXAMPLES) + len(CLASSES)
    assert shapes.count((16, 32)) == PLACES
    sounds = [soundfile.read(BytesIO(data)) for data in sources(text, "audio")]
    assert [samples.ndim for samples, _ in sounds] == [1] * len(CLASSES) + [2] * len(EXAMPLES)
    assert {(len(samples), rate) for samples, rate in sounds} == {(round(SECONDS * RATE), RATE)}
    assert all(np.abs(samples).max() > 1e-3 for samples, _ in sounds)
    assert len(text) < 3e6


def test_it_holds_every_class_every_example_and_every_place(text):
    said = Reader(text).text
    bold = re.findall("<b>([^<]*)</b>", text)
    assert bold == [*CLASSES, *(f"place {number}" for number in range(PLACES))]
    assert all(which.name in said for which in EXAMPLES)
    assert all(said_of(place(number)) in said for number in range(PLACES))
    assert alikes("bus") == "look-alike tram, sound-alike truck"
    assert alikes("bus") in said
    assert alikes("siren") == ""
    assert f"seehear world FOLDER --gallery --seed {SEED} --seconds 0.5 --size 40" in said


def test_what_is_drawn_again_is_the_same(text):
    for kind in (0, 7, 19):
        assert things.thing(kind, SEED, HEIGHT // 2, SECONDS) in text
    assert scenes.shown(EXAMPLES[1], SEED, HEIGHT, SECONDS) in text
    assert places.empty(5, 16) in text
    assert things.thing(0, SEED + 1, HEIGHT // 2, SECONDS) not in text


def test_a_page_is_replaced_as_a_whole_or_not_at_all(tmp_path, monkeypatch):
    for part, name in ((page.things, "thing"), (page.scenes, "shown"), (page.places, "empty")):
        monkeypatch.setattr(part, name, lambda *_: Html("<p></p>"))
    written = gallery(tmp_path, quiet=True)
    before = written.read_text()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        gallery(tmp_path, 1, quiet=True)
    assert written.read_text() == before
    assert list(tmp_path.iterdir()) == [written]


def test_what_cannot_be_is_refused_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"expected a folder for gallery\.html"):
        gallery(tmp_path / "file")
    for height in (39, 1025):
        with pytest.raises(InputError, match=f"expected panoramas of 40 to 1024 pixels in height, got {height}"):
            gallery(tmp_path, height=height)
    with pytest.raises(InputError, match="expected a seed and an index of at least 0"):
        gallery(tmp_path, seed=-1, quiet=True)
    with pytest.raises(InputError, match=r"got 0, .* and 0.1 s"):
        gallery(tmp_path, seconds=0.1, quiet=True)


@pytest.mark.parametrize("block", range(2))
def test_cameras_see_the_whole_thing_and_nothing_else_of_size(block):
    for kind in range(len(CLASSES)):
        scene = alone(kind, SEED, block, SHOWN / 5)
        assert [source.thing.kind for source in scene.sources] == [kind]
        assert scene.index // len(CLASSES) == block < BLOCKS
        seen = see(scene, replace(aimed(scene, 40), masks=True))
        assert len(seen.frames) == SHOWN
        thing = seen.instances == 1
        rows, columns = (np.flatnonzero(thing.any(axis=axis)) for axis in ((0, 2), (0, 1)))
        assert rows.min() > 0, CLASSES[kind]
        assert columns.min() > 0, CLASSES[kind]
        assert max(rows.max(), columns.max()) < 39, CLASSES[kind]
        assert max(np.ptp(rows), np.ptp(columns)) > 14, CLASSES[kind]
        assert abs((columns.min() + columns.max()) / 2 - 19.5) < 8, CLASSES[kind]


@pytest.mark.parametrize("seed", [SEED, SEED + 1, SEED + 2])
def test_examples_are_what_their_names_say(seed):
    moving, twins, room, hidden, over = (which.scene(seed, 1.0) for which in EXAMPLES)
    assert [type(scene.place) for scene in (moving, twins, room, hidden, over)] == [Field, Field, Room, Room, Room]
    assert all(source.turn or any(source.velocity) for source in moving.sources)
    silent = {source.thing.kind for source in twins.sources if not source.thing.heard}
    assert silent == {twins.label, look_alike(twins.label)}
    assert len(room.heard) == len(room.seen) == 4
    assert (len(hidden.heard), len(hidden.seen)) == (3, 1)
    assert over.voice_over in ("speech", "music")
    assert [source.located for source in over.heard] == [False]
    indices = [scene.index for scene in (moving, twins, room, hidden, over)]
    assert len(set(indices)) == len(EXAMPLES)
    assert min(indices) >= BLOCKS * len(CLASSES)


def circles(drawn: str) -> list[tuple[float, float]]:
    """Centres of the circles, and the frame that they are drawn in is one of degrees."""
    assert 'viewBox="0 0 360 180"' in drawn
    return [(float(x), float(y)) for x, y in re.findall(r'cx="([-\d.]+)" cy="([-\d.]+)"', drawn)]


def test_marks_are_where_the_directions_are():
    scene = EXAMPLES[0].scene(SEED, 1.0)
    ahead, left, behind = (3.0, 0, 0), (0, 2.0, 0), (-1.0, 1e-9, 1.0)
    placed = circles(marks(scene, np.array([ahead, left, behind])))
    np.testing.assert_allclose(placed, [(180, 90), (90, 90), (0, 45)], atol=0.01)


def test_marks_lie_on_what_is_seen_and_name_it():
    for which in EXAMPLES:
        scene = which.scene(SEED, 0.5)
        taken = render_surround(scene, SurroundShot(90, 180, fps=2.0, rate=8000, sound="mono", tail=False, masks=True))
        drawn = marks(scene, taken.positions[:, 0])
        located = [number for number, source in enumerate(scene.sources) if source.located]
        for number, (x, y) in zip(located, circles(drawn), strict=True):
            source = scene.sources[number]
            words = [str(number + 1), *["unseen"] * (not source.thing.seen), *["silent"] * (not source.thing.heard)]
            assert " ".join([*words, CLASSES[source.thing.kind]]) in drawn
            mask = taken.picture.instances[0] == number + 1
            if mask.sum() > 20:
                rows, columns = np.nonzero(mask)
                across = (columns + 0.5 - x / 2 + 90) % 180 - 90
                assert across.min() - 1 < 0 < across.max() + 1
                assert rows.min() - 1 < y / 2 < rows.max() + 2


def test_the_table_says_where_sources_are():
    scene = EXAMPLES[4].scene(SEED, 1.0)
    positions = np.array([[(0, 2.0, 0), (-3.0, 0, 0)], [(1.0, 0, 1.0), (1.0, 0, -1.0)], [(1.0, 0, 0)] * 2])
    said = Reader(truth(scene, positions)).text
    names = [CLASSES[source.thing.kind] for source in scene.sources[:2]]
    assert f"1 {names[0]} yes no 90°, 0°, 2.0 m 180°, 0°, 3.0 m" in said
    assert f"2 {names[1]} yes no 0°, 45°, 1.4 m 0°, -45°, 1.4 m" in said
    assert f"3 {scene.voice_over} no yes nowhere nowhere" in said


@pytest.mark.parametrize("channels", [4, 16])
def test_the_heat_of_one_clean_source_lies_on_its_mark(channels):
    dials = SurroundDials(least=1, most=1, moving=1.0, reverberation=0.0)
    shot = SurroundShot(90, 180, fps=10.0, rate=16_000, sound="toa")
    grey, sphere = np.full((90, 180, 3), 128, np.uint8), equirectangular(90, 180)
    for index in range(6):
        scene = draw_surround(SEED, index, dials, 1.0)
        scene = replace(scene, microphone=replace(scene.microphone, noise=-90.0))
        taken = render_surround(scene, shot)
        at = int(np.argmax(heat(taken.sound.sound[:channels], shot).spread[:10]))
        painted = heat(taken.sound.sound[:channels], shot)(grey, at).astype(int).sum(axis=-1)
        found = sphere[painted == painted.min()].mean(axis=0)
        ((x, y),) = circles(marks(scene, taken.positions[:, at]))
        azimuth, elevation = np.radians(180 - x), np.radians(90 - y)
        towards = [np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)]
        angle = np.degrees(np.arccos(np.clip(found @ towards / np.linalg.norm(found), -1, 1)))
        assert angle < 8, (index, CLASSES[scene.label])


@pytest.mark.parametrize(("sample", "frames"), [(2300, [2, 3]), (2500, [3, 4])])
def test_the_heat_of_a_frame_is_of_the_time_around_it(sample, frames):
    click = np.zeros((4, 8000), np.float32)
    click[:2, sample] = 1.0
    spread = heat(click, SurroundShot(90, 180, fps=10.0, rate=8000)).spread
    assert len(spread) >= 10
    np.testing.assert_array_equal(np.flatnonzero(spread > 1e-6), frames)


def test_depth_is_grey_by_its_logarithm_and_flow_a_hue():
    grey = depth_shown(np.array([[0.5, 1.0, 10.0, 100.0, np.inf]], np.float16))
    assert grey[0, :, 0].tolist() == [255, 255, 127, 0, 0]
    assert (grey == grey[..., :1]).all()
    right, down, left, up, none, slow = flow_shown(
        np.array([[(1.0, 0), (0, 1.0), (-1.0, 0), (0, -1.0), (0, 0), (0.03, 0)]]) * 0.06
    )[0]
    assert right.tolist() == [255, 0, 0]
    assert down.argmax() == 1
    assert left.tolist() == [0, 255, 255]
    assert up.argmax() == 2
    assert up[0] > 100
    assert none.tolist() == [0, 0, 0]
    assert 0 < slow[0] < 20


def test_what_is_different_has_another_colour():
    assert len(KINDS) == len(NAMES) == len(CLASSES) + len(STUFF)
    for colours in (KINDS, INSTANCES[:10]):
        for one, other in combinations(colours.astype(int), 2):
            assert np.abs(one - other).sum() > 24
