# SPDX-License-Identifier: Apache-2.0
"""A scene all around the listener: panoramas with the energy of the sound over them, the truth, and the sound itself.

Marks are drawn in degrees: a source at azimuth a and elevation e is at (180 - a, 90 - e) of a drawing of 360 x 180.
"""

from math import degrees
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float32, Float64

from seehear.gallery.examples import Example
from seehear.gallery.places import said_of
from seehear.gallery.things import RATE
from seehear.gallery.truth import INSTANCES, KINDS, NAMES, Picture, depth_shown, flow_shown
from seehear.overlay.paint import Heat
from seehear.overlay.view import instants
from seehear.report.figures import picture, sound, sound_levels, spectrogram
from seehear.report.html import Html, element, join, table
from seehear.spatial.energy import covariance
from seehear.world.classes import kind_of
from seehear.world.surround_path import polar
from seehear.world.surround_render import SurroundRecording, render_surround
from seehear.world.surround_scene import Source, Surround
from seehear.world.surround_shot import SurroundShot

Kept = TypeVar("Kept", bound=np.ndarray)

WINDOW = 0.2
"""The time around an instant of which a map shows the sound (s)."""
_FPS = 10.0
_RESOLUTION, _OPACITY = 4.0, 0.7  # of a map: degrees, and how opaque its loudest directions are
_FIRST, _THIRD = 4, 16  # channels


def shown(which: Example, seed: int, height: int, seconds: float) -> Html:
    """The part of the page about an example, with panoramas of 2 height x height pixels."""
    scene = which.scene(seed, seconds)
    shot = SurroundShot(height, 2 * height, _FPS, RATE, "toa", rig=True, masks=True, depth=True, flow=True)
    taken = render_surround(scene, shot)
    about = f"Scene {scene.index}, {said_of(scene.place)}. Drawn with {which.dials}."
    over = f"All that is heard is {scene.voice_over}. " if scene.voice_over else ""
    return element(
        "div",
        element("h3", which.name),
        element("p", f"{over}{which.explanation}", class_="explain"),
        truth(scene, taken.positions),
        element("p", "For headphones:"),
        sound(_asked(taken.sound.rig)[:2], RATE),
        element("div", *_figures(scene, taken), class_="panoramas"),
        element("p", about, class_="soft"),
    )


def heat(heard: Float32[np.ndarray, "C N"], shot: SurroundShot) -> Heat:
    """Paints over a panorama of the shot the energy of the sound in the `WINDOW` around a frame."""
    half = round(WINDOW / 2 * shot.rate)
    around = torch.from_numpy(np.pad(heard, ((0, 0), (half, half))))
    return Heat(covariance(around, shot.rate, WINDOW, 1 / shot.fps), _RESOLUTION, (shot.height, shot.width), _OPACITY)


def marks(scene: Surround, positions: Float64[np.ndarray, "S 3"]) -> Html:
    """A circle and a name at the direction of each source that has one, in the listener's axes."""
    drawn = []
    for number, source in enumerate(scene.sources):
        if source.located:
            azimuth, elevation, _ = polar(positions[number])
            x, y = 180 - degrees(azimuth), 90 - degrees(elevation)
            anchor = "start" if x < 45 else "end" if x > 315 else "middle"
            drawn.append(element("circle", cx=f"{x:.2f}", cy=f"{y:.2f}", r=4))
            # Names above and below by turns overlap less.
            beside = y + (13 if number % 2 else -7)
            drawn.append(element("text", _named(number, source), x=f"{x:.2f}", y=f"{beside:.2f}", text_anchor=anchor))
    return element("svg", *drawn, viewBox="0 0 360 180")


def truth(scene: Surround, positions: Float64[np.ndarray, "S T 3"]) -> Html:
    """A table of the sources and where they are in the first and in the last frame."""
    rows: list[list[object]] = []
    for number, source in enumerate(scene.sources):
        where = [_polar(positions[number, at]) if source.located else "nowhere" for at in (0, -1)]
        flags = ["yes" if flag else "no" for flag in (source.thing.seen, source.thing.heard)]
        rows.append([f"{number + 1} {kind_of(source.thing.kind).name}", *flags, *where])
    return table(["source", "seen", "heard", "begins at azimuth, elevation, distance", "ends at"], rows)


def _figures(scene: Surround, taken: SurroundRecording) -> list[Html]:
    """The scene at two instants with much direction in their sound, and what is known of the second one."""
    shot, seen, heard = taken.shot, taken.picture, taken.sound.sound
    third, first = (heat(heard[:channels], shot) for channels in (_THIRD, _FIRST))
    chosen = instants(third.spread[: len(seen.frames)], 2)
    drawn = []
    for at in chosen:
        named, time = marks(scene, taken.positions[:, at]), f"{at / shot.fps:.1f} s"
        drawn.append(_figure(seen.frames[at], f"What is seen at {time}, and where the sources are", named))
        drawn.append(_figure(third(seen.frames[at], at), f"Energy of the sound at {time}, third order", named))
    at = chosen[-1]
    named = marks(scene, taken.positions[:, at])
    instances, classes, depth, flow = (_asked(t)[at] for t in (seen.instances, seen.classes, seen.depth, seen.flow))
    return [
        *drawn,
        _figure(first(seen.frames[at], at), "The same energy, first order: four of the sixteen channels", named),
        _figure(INSTANCES[instances], "Masks of the sources", named),
        _figure(KINDS[classes], join("Classes: ", *(_chip(kind) for kind in np.unique(classes).tolist()))),
        _figure(depth_shown(depth), "Depth: white 1 m and less, black 100 m and more"),
        _figure(
            flow_shown(flow),
            "Flow to the next frame: red to the right, green down, cyan to the left, violet up",
        ),
        _spectrum(heard[:1]),
    ]


def _asked(kept: Kept | None) -> Kept:
    assert kept is not None
    return kept


def _figure(pixels: Picture, caption: object, over: Html | None = None) -> Html:
    drawn = [picture(pixels, ""), *([] if over is None else [over])]
    return element("figure", element("div", *drawn, class_="panorama"), element("figcaption", caption))


def _spectrum(heard: Float32[np.ndarray, "1 N"]) -> Html:
    said = f"Spectrogram of W: 0 to {RATE / 2000:g} kHz upwards, {heard.shape[1] / RATE:g} s to the right"
    return element("figure", spectrogram(sound_levels(heard, RATE), said), element("figcaption", said))


def _chip(kind: int) -> Html:
    red, green, blue = KINDS[kind].tolist()
    return element("span", element("i", style=f"background: rgb({red} {green} {blue})"), NAMES[kind], class_="chip")


def _named(number: int, source: Source) -> str:
    missing = [word for word, there in (("unseen", source.thing.seen), ("silent", source.thing.heard)) if not there]
    return " ".join([str(number + 1), *missing, kind_of(source.thing.kind).name])


def _polar(point: Float64[np.ndarray, "3"]) -> str:
    azimuth, elevation, distance = polar(point)
    return f"{degrees(azimuth):.0f}°, {degrees(elevation):.0f}°, {distance:.1f} m"
