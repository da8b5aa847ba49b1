# SPDX-License-Identifier: Apache-2.0
"""Draw docs/axes.svg: where front, left and up are on an equirectangular frame. Run it after changing it."""

from math import pi, radians
from pathlib import Path

import torch

from seehear.spatial.directions import angles, direction

LEFT, TOP, WIDTH, HEIGHT = 76, 66, 720, 360
RIGHT, BELOW = LEFT + WIDTH, TOP + HEIGHT
INK, FAINT, AXES = "#1f2933", "#b8c2cc", {"x": "#c0392b", "y": "#1e8449", "z": "#2457a6"}
NAMES = {"+x": "front", "-x": "back", "+y": "left", "-y": "right", "+z": "up", "-z": "down"}
WORDS = [
    "Pixel (u, v) of a frame W wide and H high, from the upper left corner, looks to",
    "a = 180° - 360° (u + 0.5) / W,   e = 90° - 180° (v + 0.5) / H",
    "x = cos a cos e,   y = sin a cos e,   z = sin e",
    "Ambisonic W, Y, Z, X of a sound from there: 1, y, z, x (ACN, SN3D).",
    "Positive yaw turns to the left, positive pitch turns the front down,",
    "positive roll lowers the right side.",
]
TIP = f'<path d="M 0 0 L 8 4 L 0 8 z" fill="{INK}"/>'


def place(azimuth: float, elevation: float) -> tuple[float, float]:
    """Where a direction (rad) lies in the drawing: the formula of docs/conventions.md, solved for u and v."""
    return LEFT + WIDTH * (pi - azimuth) / (2 * pi), TOP + HEIGHT * (pi / 2 - elevation) / pi


def text(x: float, y: float, words: str, size: int = 13, colour: str = INK, anchor: str = "middle") -> str:
    """One line of words on a white rim."""
    where = f'x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}"'
    return f'<text {where} stroke="white" stroke-width="3" paint-order="stroke">{words}</text>'


def line(x1: float, y1: float, x2: float, y2: float, colour: str = FAINT, more: str = "") -> str:
    """A straight line."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" {more}/>'


def dot(x: float, y: float, axis: str) -> str:
    """An end of an axis: filled where it is positive, a ring where it is negative."""
    fill = AXES[axis[1]] if axis[0] == "+" else "white"
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="{fill}" stroke="{AXES[axis[1]]}" stroke-width="2.5"/>'


def frame() -> list[str]:
    """The equirectangular picture with lines of equal azimuth and elevation."""
    parts = [f'<rect x="{LEFT}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}" fill="#f7f9fb" stroke="{INK}"/>']
    for angle in range(-180, 181, 45):
        x, _ = place(radians(angle), 0)
        parts += [line(x, TOP, x, BELOW), text(x, TOP - 12, f"{angle:+d}°" if angle else "0°")]
    for angle in range(-90, 91, 30):
        _, y = place(0, radians(angle))
        parts += [line(LEFT, y, RIGHT, y), text(LEFT - 8, y + 5, f"{angle:+d}°" if angle else "0°", anchor="end")]
    middle = TOP + HEIGHT / 2
    parts += [text(LEFT + WIDTH / 2, TOP - 36, "azimuth a: counter-clockwise from above, positive to the left", 14)]
    return [*parts, f'<g transform="rotate(-90 22 {middle})">', text(22, middle, "elevation e", 14), "</g>"]


def ends() -> list[str]:
    """The six ends of the axes where the library puts them; up, down and back lie on the edges of the frame."""
    parts = []
    for axis, name in NAMES.items():
        colour, words = AXES[axis[1]], f"{axis} {name}"
        vector = torch.zeros(3, dtype=torch.float64)
        vector["xyz".index(axis[1])] = 1.0 if axis[0] == "+" else -1.0
        x, y = place(*(float(angle) for angle in angles(vector)))
        if axis[1] == "z":
            inside = 24 if axis == "+z" else -14
            parts += [line(LEFT, y, RIGHT, y, colour, 'stroke-width="4"')]
            parts += [text(x, y + inside, f"{words}: the whole edge", 15, colour)]
        elif axis == "-x":
            for edge, shift, anchor in ((LEFT, 14, "start"), (RIGHT, -14, "end")):
                parts += [line(edge, TOP, edge, BELOW, colour, 'stroke-width="4" stroke-dasharray="8 6"')]
                parts += [dot(edge, y, axis), text(edge + shift, y - 12, words, 15, colour, anchor)]
        else:
            parts += [dot(x, y, axis), text(x, y - 14, words, 15, colour)]
    return parts


def from_above(x: float, y: float, radius: float) -> list[str]:
    """The horizontal plane seen from above, the front at the top, and the sense of azimuth."""
    parts = [f'<circle cx="{x}" cy="{y}" r="{radius}" fill="none" stroke="{FAINT}"/>']
    for axis in ("+x", "+y", "-x", "-y"):
        forward, left = ((1.0 if axis[0] == "+" else -1.0) * (axis[1] == letter) for letter in "xy")
        end = x - radius * left, y - radius * forward
        parts += [line(x, y, *end, AXES[axis[1]]), dot(*end, axis)]
    forward, left, _ = (0.6 * radius * direction(radians(55), 0.0)).tolist()
    arc = f"M {x} {y - 0.6 * radius:.1f} A {0.6 * radius:.1f} {0.6 * radius:.1f} 0 0 0 {x - left:.1f} {y - forward:.1f}"
    parts += [f'<path d="{arc}" fill="none" stroke="{INK}" stroke-width="2" marker-end="url(#tip)"/>']
    parts += [text(x - 0.32 * radius, y - 0.66 * radius, "a"), text(x, y + radius + 28, "from above")]
    parts += [text(x, y - radius - 13, "front"), text(x - radius - 13, y + 5, "left", anchor="end")]
    return [*parts, text(x + radius + 13, y + 5, "right", anchor="start")]


def drawing() -> str:
    """The whole drawing as SVG."""
    width, height = RIGHT + 44, BELOW + 186
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">'
    tip = (
        f'<defs><marker id="tip" markerWidth="8" markerHeight="8" refX="4" refY="4" orient="auto">{TIP}</marker></defs>'
    )
    paper = f'<rect width="{width}" height="{height}" fill="white"/>'
    lines = [text(LEFT, BELOW + 36 + 25 * index, words, 14, anchor="start") for index, words in enumerate(WORDS)]
    return "\n".join([head, tip, paper, *frame(), *ends(), *from_above(RIGHT - 64, BELOW + 90, 50), *lines, "</svg>\n"])


if __name__ == "__main__":
    Path(__file__).with_suffix(".svg").write_text(drawing(), encoding="utf-8")
