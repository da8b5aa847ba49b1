# SPDX-License-Identifier: Apache-2.0
"""The places that all scenes share, with nothing in them."""

from seehear.report.figures import picture
from seehear.report.html import Html, element
from seehear.world.surround_echoes import reverberation_time
from seehear.world.surround_picture import see
from seehear.world.surround_places import place
from seehear.world.surround_scene import Field, Light, Microphone, Room, Surround
from seehear.world.surround_shot import SurroundShot

_PLAIN = Light(1.0, (1.0, 1.0, 1.0), 1.0)
_DEAF = Microphone(0, 0.0, 0.0, (0.0,), 0.0)


def empty(number: int, height: int) -> Html:
    """The tile of a place: its panorama in plain light, 2 height x height pixels, and what it is."""
    here = place(number)
    scene = Surround(0, 0, 1.0, 0, (), here, number, _PLAIN, _DEAF)
    seen = see(scene, SurroundShot(height, 2 * height, fps=1.0)).frames[0]
    about = element("div", element("b", f"place {number}"), said_of(here), class_="name")
    return element("div", picture(seen, f"place {number}"), about, class_="tile")


def said_of(here: Field | Room) -> str:
    """What a place is, in a few words."""
    if isinstance(here, Room):
        sides = " x ".join(f"{side:.1f}" for side in here.size)
        return f"a room of {sides} m in which sound dies away in {reverberation_time(here):.2f} s"
    strips = ["a road" if strip.stuff == "road" else "water" for strip in here.strips]
    counts = [f"{sum(one.stuff == stuff for one in here.uprights)} {stuff}s" for stuff in ("building", "tree")]
    return f"in the open: {', '.join([*strips, *counts])}"
