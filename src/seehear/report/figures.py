# SPDX-License-Identifier: Apache-2.0
"""Drawings as SVG inside the page (they take its colours, light or dark) and pictures as data URIs."""

import base64
from dataclasses import dataclass
from math import floor, isfinite, log2, log10

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8

from seehear.data.packed import pack_sound
from seehear.report.html import Html, element
from seehear.signal.spectrogram import LogSpectrogram

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 420, 200, 46, 22, 16
COLOURS = ("var(--trained)", "#e07b39", "#2a9d6f", "#c15ca8", "#b39a16", "#5b9bb5")
"""One a run; they differ in lightness too."""
POINTS = 400
RANGE = 70.0
"""Decibels below the loudest spot that a drawn spectrogram still shows."""


@dataclass(frozen=True)
class Line:
    """One curve: a colour, whether it is dashed, and its points."""

    colour: str
    dashed: bool
    x: list[float]
    y: list[float]


def colour_of(kind: int, kinds: int) -> str:
    """A hue for class `kind` of `kinds`; neighbours on the circle differ in lightness."""
    return f"hsl({360 * kind / max(kinds, 1):.0f} 62% {44 + 14 * (kind % 2)}%)"


def ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Round numbers between two bounds: steps of 1, 2 or 5 times a power of ten."""
    span = (high - low) / count
    power = 10.0 ** floor(log10(span))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= span * 0.999)
    first = -floor(-low / step + 1e-9)
    return [step * k for k in range(int(first), floor(high / step + 1e-9) + 1)]


def curves(title: str, lines: list[Line], stages: list[tuple[float, str]]) -> Html | None:
    """A figure of curves over steps; `stages` are marked where they begin. None when nothing can be drawn."""
    lines = [_finite(line) for line in lines]
    xs, ys = [x for line in lines for x in line.x], [y for line in lines for y in line.y]
    if len(xs) < 2:
        return None
    x0, x1 = min(xs), max(xs)
    y0, y1 = min(ys), max(ys)
    margin = (y1 - y0) * 0.06 or abs(y1) * 0.1 or 1.0
    y0, y1, x1 = y0 - margin, y1 + margin, max(x1, x0 + 1)

    def at(x: float, y: float) -> tuple[float, float]:
        right, down = LEFT + (WIDTH - LEFT - 8) * (x - x0) / (x1 - x0), HEIGHT - BOTTOM
        return right, down - (down - TOP) * (y - y0) / (y1 - y0)

    parts: list[Html] = []
    for value in ticks(y0, y1):
        _, y = at(x0, value)
        parts += [element("line", x1=LEFT, x2=WIDTH - 8, y1=f"{y:.1f}", y2=f"{y:.1f}", class_="axis")]
        parts += [element("text", f"{value:g}", x=LEFT - 6, y=f"{y + 4:.1f}", text_anchor="end")]
    for value in ticks(x0, x1):
        x, _ = at(value, y0)
        parts += [element("text", f"{value:g}", x=f"{x:.1f}", y=HEIGHT - 6, text_anchor="middle")]
    for step, name in stages:
        x, _ = at(step, y0)
        parts += [element("line", x1=f"{x:.1f}", x2=f"{x:.1f}", y1=TOP, y2=HEIGHT - BOTTOM, class_="stage")]
        parts += [element("text", name, x=f"{x + 3:.1f}", y=TOP - 5)]
    for line in lines:
        thin = max(1, len(line.x) // POINTS)
        points = " ".join("{:.1f},{:.1f}".format(*at(x, y)) for x, y in list(zip(line.x, line.y, strict=True))[::thin])
        dash = "5 3" if line.dashed else None
        style = {"fill": "none", "stroke_width": 1.8, "stroke_dasharray": dash, "stroke_linejoin": "round"}
        parts.append(element("polyline", points=points, style=f"stroke: {line.colour}", **style))
    drawing = element("svg", *parts, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=title)
    return element("figure", element("figcaption", title), drawing)


def _finite(line: Line) -> Line:
    pairs = [(x, y) for x, y in zip(line.x, line.y, strict=True) if isfinite(x) and isfinite(y)]
    return Line(line.colour, line.dashed, [x for x, _ in pairs], [y for _, y in pairs])


def scatter(title: str, points: Float[np.ndarray, "N 2"], colours: list[str], names: list[str]) -> Html:
    """Points on a square, each with its name shown when it is pointed at."""
    extent = np.abs(points).max() or 1.0
    placed = 150 + 140 * points / extent
    dots = [
        element("circle", element("title", name), cx=f"{x:.1f}", cy=f"{300 - y:.1f}", r=4, style=f"fill: {colour}")
        for (x, y), colour, name in zip(placed, colours, names, strict=True)
    ]
    drawing = element("svg", *dots, viewBox="0 0 300 300", role="img", aria_label=title)
    return element("figure", element("figcaption", title), drawing)


def histogram(title: str, values: list[float], marks: list[tuple[float, str]]) -> Html:
    """How many values lie where, in 40 bins; `marks` are values with a name."""
    counts, edges = np.histogram(values, 40)
    low, high = float(edges[0]), float(edges[-1])

    def at(value: float) -> float:
        return LEFT + (WIDTH - LEFT - 8) * (value - low) / (high - low)

    parts: list[Html] = []
    for count, left, right in zip(counts.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        height = (HEIGHT - BOTTOM - TOP) * count / int(counts.max())
        box = {"x": f"{at(left):.1f}", "width": f"{at(right) - at(left):.1f}", "height": f"{height:.1f}"}
        parts.append(element("rect", y=f"{HEIGHT - BOTTOM - height:.1f}", style="fill: var(--trained)", **box))
    parts += [element("text", f"{x:g}", x=f"{at(x):.1f}", y=HEIGHT - 6, text_anchor="middle") for x in ticks(low, high)]
    for value, name in marks:
        x = f"{at(value):.1f}"
        parts.append(element("line", x1=x, x2=x, y1=TOP, y2=HEIGHT - BOTTOM, class_="stage"))
        parts.append(element("text", name, x=x, y=TOP - 5, text_anchor="middle"))
    drawing = element("svg", *parts, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=title)
    return element("figure", element("figcaption", title), drawing)


def picture(pixels: UInt8[np.ndarray, "H W 3"], alt: str, class_: str | None = None) -> Html:
    """A photograph as a JPEG inside the page."""
    import cv2

    _, data = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 82])
    return _image("jpeg", data.tobytes(), alt, class_)


def sound_levels(samples: Float32[np.ndarray, "1 N"], rate: int) -> UInt8[np.ndarray, "F T"]:
    """The spectrogram of a sound, in windows of about 32 ms: 0 quiet .. 255 loud, low notes below."""
    window = 2 ** round(log2(0.032 * rate))
    spectra = LogSpectrogram(rate, window=window, hop=window // 2, average=4)
    level = spectra.decibel(torch.from_numpy(samples)[None])[0, 0]
    return (((level - level.max()) / RANGE + 1).clamp(0, 1).T.flip(0) * 255).byte().numpy()


def spectrogram(levels: UInt8[np.ndarray, "F T"], alt: str, class_: str | None = None) -> Html:
    """A spectrogram in colours as a PNG inside the page; time to the right, low notes below."""
    import cv2

    _, data = cv2.imencode(".png", cv2.applyColorMap(levels, cv2.COLORMAP_MAGMA))
    return _image("png", data.tobytes(), alt, class_)


def sound(samples: Float32[np.ndarray, "C N"], rate: int) -> Html:
    """A player of a sound for one ear or two, as 16-bit FLAC inside the page."""
    data = pack_sound(samples, rate)[1]
    return element(
        "audio", controls="", preload="metadata", src=f"data:audio/flac;base64,{base64.b64encode(data).decode()}"
    )


def _image(kind: str, data: bytes, alt: str, class_: str | None) -> Html:
    source = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    return element("img", src=source, alt=alt, class_=class_)
