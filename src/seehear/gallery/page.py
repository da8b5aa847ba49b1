# SPDX-License-Identifier: Apache-2.0
"""The page: one thing of each class, scenes all around the listener, and the places that they share."""

from pathlib import Path

from seehear import atomic, progress
from seehear.errors import InputError
from seehear.gallery import places, scenes, things
from seehear.gallery.examples import EXAMPLES
from seehear.report.html import Html, element, page, section
from seehear.world.classes import CLASSES
from seehear.world.surround_draw import draw_surround
from seehear.world.surround_places import PLACES
from seehear.world.surround_plan import SURROUND_VERSION

NAME = "gallery.html"
_SMALL = 2.5  # times smaller than the panoramas of scenes are those of places


def gallery(folder: Path, seed: int = 0, height: int = 320, seconds: float = 4.0, quiet: bool = False) -> Path:
    """Write gallery.html, about the surround world of this seed, into a folder and return its path.

    `height` (pixels) is that of the panoramas, `seconds` the length of every sound. The page holds its pictures and
    sounds itself, and the same arguments make the same page. Raises InputError for sizes and seeds that cannot be.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"expected a folder for {NAME}, {folder} is a file: choose another")
    if not 40 <= height <= 1024:
        raise InputError(f"expected panoramas of 40 to 1024 pixels in height, got {height}")
    draw_surround(seed, 0, duration=seconds)  # refuses what cannot be before anything is rendered
    with progress.bar("gallery", len(CLASSES) + len(EXAMPLES) + PLACES, quiet) as bar:

        def made(part: Html) -> Html:
            bar.advance()
            return part

        tiles = [made(things.thing(kind, seed, height // 2, seconds)) for kind in range(len(CLASSES))]
        around = [made(scenes.shown(which, seed, height, seconds)) for which in EXAMPLES]
        empty = [made(places.empty(number, round(height / _SMALL))) for number in range(PLACES)]
    body = [_head(seed, height, seconds), _things(tiles), _scenes(around), _places(empty)]
    atomic.write_text(folder / NAME, page(f"seehear world: gallery of seed {seed}", *body))
    return folder / NAME


def _head(seed: int, height: int, seconds: float) -> Html:
    lead = "A made-up world that is seen and heard all around, of which everything is known: "
    lead += f"{len(CLASSES)} classes of things, {PLACES} places, and sound that comes from where its source is."
    options = f"--seed {seed} --seconds {seconds:g} --size {height}"
    made = f"Version {SURROUND_VERSION}, made by: seehear world FOLDER --gallery {options}"
    return element("div", element("h1", "A world to look at and listen to"), element("p", lead, class_="lead"), made)


def _things(tiles: list[Html]) -> Html:
    said = "Above, the thing that is heard at instants 0.2 s apart; below, four others of its class. A camera looks at "
    said += "them in the middle of a scene without other things. The spectrogram shows the whole sound, W, "
    said += f"from 0 to {things.RATE / 2000:g} kHz upwards and down to 70 dB below its loudest spot."
    return section("One of each class", said, element("div", *tiles, class_="sheets"))


def _scenes(around: list[Html]) -> Html:
    said = "The middle of a panorama is the front, its left edge 180° and its right edge -180° of azimuth. Circles are "
    said += "where sources truly are. The heat is the energy of ambisonic sound by direction, in "
    said += f"{scenes.WINDOW:g} s around an instant: darker red is louder."
    return section("All around the listener", said, *around)


def _places(empty: list[Html]) -> Html:
    said = "Scenes take place in these, turned, mirrored and in other light. Sound is rendered by the same numbers."
    return section("The places", said, element("div", *empty, class_="curated"))
