# SPDX-License-Identifier: Apache-2.0
"""How the instruments look.

Guitar and violin look alike: a hole and a hand that strums, or a long bow that is drawn.
"""

import numpy as np

from seehear.world.motion import Pose
from seehear.world.shapes import Part, turned


def drum(pose: Pose) -> list[Part]:
    """A barrel with a skin, and two sticks that take turns."""
    left = turned(
        [Part("box", -0.58, 0.3, 0.42, 0.05, colour="second")], -0.15 - 0.7 * np.maximum(pose.limb, 0), -1.0, 0.3
    )
    right = turned(
        [Part("box", 0.58, 0.3, 0.42, 0.05, colour="second")], 0.15 + 0.7 * np.maximum(-pose.limb, 0), 1.0, 0.3
    )
    return [
        Part("box", 0.0, -0.38, 0.72, 0.42, textured=True),
        Part("ellipse", 0.0, -0.8, 0.72, 0.16, textured=True),
        Part("box", 0.0, -0.1, 0.74, 0.05, colour="dark"),
        Part("ellipse", 0.0, 0.05, 0.76, 0.2, colour="dark"),
        Part("ellipse", 0.0, 0.07, 0.68, 0.15 - 0.05 * pose.pulse, colour="light"),
        *left,
        *right,
    ]


def bell(pose: Pose) -> list[Part]:
    """A cup that swings below a beam, its clapper late."""
    cup = [
        Part("ellipse", 0.0, 0.4, 0.3, 0.22),
        Part("box", 0.0, -0.05, 0.62, 0.47, textured=True, taper=0.52),
        Part("box", 0.0, -0.5, 0.68, 0.09, colour="second"),
    ]
    clapper = turned([Part("ellipse", 0.0, -0.66, 0.14, 0.14, colour="dark")], -0.5 * pose.tilt, 0.0, 0.75)
    beam = [Part("box", 0.0, 0.85, 0.95, 0.09, colour="dark"), Part("box", 0.0, 0.7, 0.06, 0.15, colour="dark")]
    return [*beam, *turned([*clapper, *cup], pose.tilt, 0.0, 0.8)]


def _fiddle(lower: float, upper: float) -> list[Part]:
    """The body with a waist and the neck that guitar and violin share, along u."""
    return [
        Part("box", 0.62, 0.0, 0.5, 0.07, colour="dark"),
        Part("box", 1.1, 0.0, 0.12, 0.11, colour="dark"),
        Part("ellipse", -0.5, 0.0, lower, 0.46, textured=True),
        Part("ellipse", 0.08, 0.0, upper, 0.36, textured=True),
        Part("box", -0.2, 0.0, 0.25, 0.28, textured=True),
    ]


def guitar(pose: Pose) -> list[Part]:
    """A hole in the middle, a bridge, and a hand that strums across."""
    body = [
        *_fiddle(0.46, 0.36),
        Part("ellipse", -0.08, 0.0, 0.22, 0.22, colour="dark"),
        Part("box", -0.65, 0.0, 0.06, 0.24, colour="dark"),
        Part("box", 0.15, 0.0, 0.8, 0.02 + 0.03 * pose.pulse, colour="light"),
    ]
    hand = [
        Part("box", -0.35, -0.35 + 0.4 * pose.limb, 0.35, 0.09, 1.0, "second", 0.8),
        Part("ellipse", -0.15, -0.05 + 0.4 * pose.limb, 0.17, 0.13, colour="second"),
    ]
    return [*turned(body, 0.45), *hand]


def violin(pose: Pose) -> list[Part]:
    """Two sound holes, and a bow that is drawn across."""
    body = [
        *_fiddle(0.42, 0.36),
        Part("box", -0.25, 0.2, 0.16, 0.035, 0.2, colour="dark"),
        Part("box", -0.25, -0.2, 0.16, 0.035, -0.2, colour="dark"),
        Part("box", 0.15, 0.0, 0.8, 0.025, colour="light"),
    ]
    drawn = 0.6 * pose.limb
    bow = [
        Part("box", 0.1 * drawn, drawn, 0.05, 0.9, 0.1, colour="light"),
        Part("box", 0.12 + 0.1 * drawn, drawn, 0.04, 0.9, 0.1, colour="dark"),
    ]
    return [*turned(body, 0.45), *turned(bow, 0.45)]


def trumpet(pose: Pose) -> list[Part]:
    """A tube that widens into a bell, a loop, and valves that are pressed."""
    valves = [
        Part("box", u, 0.25 - 0.12 * pose.limb * (k == 1) - 0.1 * pose.pulse * (k != 1), 0.06, 0.2, colour="light")
        for k, u in enumerate((-0.25, -0.05, 0.15))
    ]
    tube = [
        *valves,
        Part("ring", -0.05, -0.18, 0.5, 0.26, taper=0.45),
        Part("box", -0.25, 0.06, 0.8, 0.07, textured=True),
        Part("box", 0.72, 0.06, 0.48, 0.3, np.pi / 2, textured=True, taper=0.85),
        Part("ellipse", 1.0, 0.06, 0.09, 0.48, colour="dark"),
        Part("ellipse", -1.05, 0.06, 0.08, 0.12, colour="light"),
    ]
    return turned(tube, pose.tilt, -1.0, 0.0)
