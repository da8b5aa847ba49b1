# SPDX-License-Identifier: Apache-2.0
"""Three shapes, anti-aliased: what share of each pixel they cover.

A pixel is covered by an interval of half length a (pixels) whose centre is x away by

    clip(a + 1/2 - |x|, 0, min(1, 2 a)).

Shapes use this in one or two directions of their own, so that coverage sums to the area, for thin shapes too.
Coordinates u (right), v (up) and lengths are in half sizes of the thing, `pixels` is the half size in pixels [T, 1, 1].
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float32, Float64

Curve = float | Float64[np.ndarray, "T"]
Plane = Float32[np.ndarray, "T #h #w"]
Grid = Float32[np.ndarray, "T h w"]


@dataclass(frozen=True)
class Part:
    """One primitive of a thing: its shape, centre (u, v), half sizes (a, b), angle (rad) and colour.

    "box" narrows linearly towards the top: its half width is a (1 - taper (v + b) / (2 b)); taper 1 is a triangle.
    "ring" is an ellipse without its inside; `taper` is then the width of its line relative to the radius.
    Numbers may be curves over time. `shade` multiplies the colour; `textured` parts carry the texture of the
    thing; these and `outlined` parts have a dark outline.
    """

    shape: Literal["box", "ellipse", "ring"]
    u: Curve
    v: Curve
    a: Curve
    b: Curve
    angle: Curve = 0.0
    colour: str = "main"
    shade: Curve = 1.0
    taper: float = 0.0
    textured: bool = False
    outlined: bool = False
    opacity: Curve = 1.0

    @property
    def reach(self) -> Curve:
        """Radius of a circle about the centre that holds the part."""
        return np.hypot(self.a, self.b)


def turned(parts: Sequence[Part], angle: Curve, u: float = 0.0, v: float = 0.0) -> list[Part]:
    """The parts turned counter-clockwise by `angle` about the point (u, v)."""
    c, s = np.cos(angle), np.sin(angle)
    return [
        replace(
            part,
            u=u + c * (part.u - u) - s * (part.v - v),
            v=v + s * (part.u - u) + c * (part.v - v),
            angle=part.angle + angle,
        )
        for part in parts
    ]


def over_time(curve: Curve) -> Float32[np.ndarray, "#T 1 1"]:
    """A number, or one for each instant, as a plane that broadcasts over pixels."""
    return np.asarray(curve, dtype=np.float32).reshape(-1, 1, 1)


def local(part: Part, u: Plane, v: Plane) -> tuple[Plane, Plane]:
    """Coordinates along the part's own axes; without rotation they stay separable ([T, 1, w] and [T, h, 1])."""
    x, y = u - over_time(part.u), v - over_time(part.v)
    if np.all(np.asarray(part.angle) == 0):
        return x, y
    c, s = over_time(np.cos(part.angle)), over_time(np.sin(part.angle))
    return c * x + s * y, c * y - s * x


def coverage(part: Part, x: Plane, y: Plane, pixels: Float32[np.ndarray, "#T 1 1"]) -> Grid:
    """Share [0, 1] of each pixel that the part covers, at its own coordinates."""
    if part.shape == "box":
        half = over_time(part.a)
        if part.taper:
            b = over_time(part.b)
            half = half * (1 - part.taper * np.clip((y + b) / (2 * b), 0, 1))
        return _interval(x * pixels, half * pixels) * _interval(y * pixels, over_time(part.b) * pixels)
    a, b = over_time(part.a), over_time(part.b)
    # Distance to an ellipse to first order: (k - 1) k / |grad|, k = |(x / a, y / b)|; exact for circles.
    xa, yb = x / a, y / b
    k2 = np.maximum(xa * xa + yb * yb, 1e-8)
    slope = np.sqrt((xa / a) ** 2 + (yb / b) ** 2)
    distance = (k2 - np.sqrt(k2)) / np.maximum(slope, 1e-6) * pixels
    if part.shape == "ring":
        line = part.taper * np.minimum(a, b) * pixels / 2
        return _interval(distance + line, line)
    return np.clip(0.5 - distance, 0, 1)


def _interval(x: Plane, half: Plane) -> Plane:
    return np.clip(half + 0.5 - np.abs(x), 0, np.minimum(1, 2 * half))
