# SPDX-License-Identifier: Apache-2.0
"""How the five vehicles look, facing right.

Bus and tram look alike: two wheels and a puff of smoke, or a wire above and small bogies.
"""

import numpy as np

from seehear.world.motion import Pose
from seehear.world.shapes import Part, turned


def _wheel(pose: Pose, u: float, v: float, radius: float) -> list[Part]:
    # Turning right is turning clockwise.
    spoke = Part("box", u, v, 0.8 * radius, 0.16 * radius, -pose.turn, "light")
    return [Part("ellipse", u, v, radius, radius, colour="dark"), spoke]


def _puff(pose: Pose, u: float, v: float) -> Part:
    """Exhaust: a cloud that grows and thins out after an event."""
    grown = 0.1 + 0.2 * (1 - pose.pulse)
    return Part("ellipse", u - 0.25 * (1 - pose.pulse), v, grown, grown, colour="light", opacity=0.9 * pose.pulse)


def car(pose: Pose) -> list[Part]:
    """A low body with a cabin in the middle."""
    body = [
        Part("box", -0.05, 0.32, 0.68, 0.26, taper=0.4),
        Part("box", -0.05, 0.32, 0.52, 0.18, colour="light", taper=0.4),
        Part("box", -0.05, 0.32, 0.04, 0.2, shade=0.8),
        Part("box", 0.0, -0.12, 1.15, 0.27, textured=True),
        Part("ellipse", 1.08, -0.05, 0.09, 0.09, colour="glow"),
    ]
    wheels = _wheel(pose, -0.65, -0.4, 0.27) + _wheel(pose, 0.68, -0.4, 0.27)
    return [_puff(pose, -1.25, -0.3), *turned(body, pose.tilt), *wheels]


def _coach(windows: int, door: float) -> list[Part]:
    """The long box that bus and tram share."""
    parts = [Part("box", 0.0, 0.08, 1.2, 0.55, textured=True)]
    step = 2.2 / windows
    parts += [Part("box", -1.1 + step * (k + 0.5), 0.28, 0.4 * step, 0.19, colour="light") for k in range(windows)]
    return [*parts, Part("box", door, -0.1, 0.11, 0.35, colour="dark")]


def bus(pose: Pose) -> list[Part]:
    """A long box on two large wheels, with an exhaust."""
    wheels = _wheel(pose, -0.72, -0.5, 0.25) + _wheel(pose, 0.72, -0.5, 0.25)
    return [_puff(pose, -1.3, -0.4), *turned(_coach(5, 1.0), pose.tilt), *wheels]


def tram(pose: Pose) -> list[Part]:
    """A long box on hidden bogies and a rail, with a current collector that touches a wire and sparks."""
    overhead = [
        Part("box", 0.0, 1.02, 1.5, 0.02, colour="dark"),
        Part("box", 0.0, -0.66, 1.5, 0.03, colour="dark"),
        Part("box", -0.12, 0.74, 0.2, 0.03, 0.9, "dark"),
        Part("box", -0.12, 0.9, 0.2, 0.03, -0.9, "dark"),
        Part("ellipse", -0.05, 1.02, 0.14, 0.14, colour="glow", opacity=pose.pulse),
    ]
    bogies = [Part("box", u, -0.55, 0.3, 0.09, colour="dark") for u in (-0.7, 0.7)]
    small = [wheel for u in (-0.85, -0.55, 0.55, 0.85) for wheel in _wheel(pose, u, -0.58, 0.1)]
    return [*overhead, *turned(_coach(5, 0.0), 0.3 * pose.tilt), *bogies, *small]


def truck(pose: Pose) -> list[Part]:
    """A tall box behind a separate cab, on three wheels, with a chimney."""
    body = [
        Part("box", -0.38, 0.15, 0.82, 0.6, textured=True),
        Part("box", 0.0, -0.42, 1.15, 0.08, colour="dark"),
        Part("box", 0.85, -0.08, 0.32, 0.42, colour="second"),
        Part("box", 0.95, 0.12, 0.2, 0.16, colour="light"),
        Part("box", 0.5, 0.4, 0.04, 0.4, colour="dark"),
        Part("ellipse", 1.12, -0.28, 0.08, 0.08, colour="glow"),
    ]
    wheels = [wheel for u in (-0.85, -0.3, 0.8) for wheel in _wheel(pose, u, -0.52, 0.24)]
    return [_puff(pose, 0.45, 0.95), *turned(body, pose.tilt), *wheels]


def motorcycle(pose: Pose) -> list[Part]:
    """Two large wheels, a frame and a bent rider."""
    body = [
        Part("box", -0.1, -0.12, 0.5, 0.14, 0.1, textured=True),
        Part("box", 0.5, 0.0, 0.06, 0.5, 0.45, "dark"),
        Part("box", -0.12, 0.35, 0.15, 0.4, -0.5, "second"),
        Part("box", 0.28, 0.36, 0.3, 0.06, -0.25, "second"),
        Part("box", 0.05, -0.05, 0.09, 0.3, 0.5, "second", 0.7),
        Part("ellipse", 0.14, 0.78, 0.2, 0.2, colour="main"),
        Part("ellipse", 0.24, 0.78, 0.1, 0.08, colour="light"),
    ]
    rims = [Part("ring", u, -0.42, 0.42, 0.42, colour="dark", taper=0.35) for u in (-0.75, 0.75)]
    spokes = [Part("box", u, -0.42, 0.36, 0.05, -pose.turn, "light") for u in (-0.75, 0.75)]
    lean = 3 * pose.tilt * np.ones_like(pose.tilt)
    return [_puff(pose, -1.2, -0.4), *rims, *spokes, *turned(body, lean, -0.75, -0.4)]
