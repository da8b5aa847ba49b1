# SPDX-License-Identifier: Apache-2.0
"""How the four animals look, facing right.

Dog and cat look alike: hanging ears and a long muzzle, or pointed ears and a short one.
"""

import numpy as np

from seehear.world.motion import Pose
from seehear.world.shapes import Part, turned


def _beast(pose: Pose) -> list[Part]:
    """The body that dog and cat share."""
    legs = [Part("box", u, -0.62, 0.09, 0.34, shade=0.75) for u in (-0.75, -0.45, 0.2, 0.45)]
    return [*legs, Part("ellipse", -0.2, -0.15, 0.75, 0.34, textured=True)]


def _jaws(pose: Pose, u: float, v: float, length: float, width: float) -> list[Part]:
    """An upper and a lower jaw that open about (u, v)."""
    upper = Part("box", u + length, v, length, width)
    lower = Part("box", u + length, v - width, 0.9 * length, 0.7 * width, shade=0.8)
    inside = Part("ellipse", u + 0.8 * length, v - width, 0.7 * length, 1.5 * width * pose.pulse + 0.01, colour="dark")
    return [inside, *turned([upper], 0.35 * pose.pulse, u, v), *turned([lower], -0.5 * pose.pulse, u, v)]


def dog(pose: Pose) -> list[Part]:
    """Hanging ears, a long muzzle and a wagging short tail."""
    tail = turned([Part("box", -0.95, 0.22, 0.06, 0.26)], 0.5 + 0.5 * pose.limb, -0.85, 0.0)
    head = [
        *_jaws(pose, 0.64, 0.32, 0.3, 0.12),
        Part("ellipse", 0.5, 0.42, 0.3, 0.28, outlined=True),
        Part("ellipse", 0.28, 0.28, 0.13, 0.36, 0.15, colour="second", shade=0.7, outlined=True),
        Part("ellipse", 0.6, 0.52, 0.06, 0.06, colour="dark"),
        Part("ellipse", 1.2, 0.4, 0.09, 0.09, colour="dark"),
    ]
    return [*tail, *_beast(pose), *turned(head, 0.25 * pose.pulse, 0.3, 0.1)]


def cat(pose: Pose) -> list[Part]:
    """Pointed ears, a short muzzle with whiskers and a long raised tail."""
    tail = turned(
        [Part("box", -0.95, 0.4, 0.05, 0.46), Part("ellipse", -0.88, 0.86, 0.16, 0.08)], 0.25 * pose.limb, -0.9, 0.0
    )
    head = [
        Part("box", 0.33, 0.78, 0.16, 0.24, 0.25, "second", taper=1.0, outlined=True),
        Part("box", 0.73, 0.78, 0.16, 0.24, -0.25, "second", taper=1.0, outlined=True),
        Part("ellipse", 0.53, 0.42, 0.36, 0.3, outlined=True),
        *_jaws(pose, 0.58, 0.3, 0.12, 0.1),
        Part("ellipse", 0.44, 0.5, 0.08, 0.09, colour="glow"),
        Part("ellipse", 0.68, 0.5, 0.08, 0.09, colour="glow"),
        *(Part("box", 0.9, 0.28 + 0.08 * k, 0.2, 0.015, 0.2 * k, colour="light") for k in (-1, 0, 1)),
    ]
    return [*tail, *_beast(pose), *turned(head, 0.2 * pose.pulse, 0.3, 0.1)]


def bird(pose: Pose) -> list[Part]:
    """A drop-shaped body on thin legs, a long beak that opens, a wing that flaps."""
    beak = [
        *turned([Part("box", 0.9, 0.5, 0.08, 0.28, -np.pi / 2, "glow", taper=1.0)], 0.4 * pose.pulse, 0.65, 0.48),
        *turned([Part("box", 0.88, 0.42, 0.07, 0.26, -np.pi / 2, "glow", 0.8, 1.0)], -0.5 * pose.pulse, 0.65, 0.44),
    ]
    wing = turned(
        [Part("box", -0.15, 0.5, 0.3, 0.5, 0.5, "second", taper=0.7, textured=True)], 1.9 * (1 - pose.pulse), -0.05, 0.1
    )
    body = [
        Part("box", -0.85, 0.05, 0.2, 0.4, -np.pi / 2 + 0.3, "second", 0.8, 0.8),
        Part("ellipse", -0.05, -0.05, 0.55, 0.36, 0.25, textured=True),
        *beak,
        Part("ellipse", 0.45, 0.48, 0.3, 0.3, outlined=True),
        Part("ellipse", 0.53, 0.56, 0.09, 0.09, colour="dark"),
        *wing,
    ]
    legs = [Part("box", u, -0.68, 0.045, 0.34, colour="dark") for u in (-0.1, 0.14)]
    return [*legs, *body]


def frog(pose: Pose) -> list[Part]:
    """A flat body with two eyes on top, a wide mouth, long hind legs, and a throat that swells."""
    sac = 0.16 + 0.3 * pose.pulse
    stretch = 0.5 * pose.limb
    legs = [
        *turned([Part("ellipse", -0.6, -0.4, 0.5, 0.18, 0.6, shade=0.8)], stretch, -0.3, -0.2),
        *turned([Part("box", -0.7, -0.72, 0.4, 0.08, shade=0.7)], 1.3 * stretch, -0.3, -0.4),
        Part("box", 0.4, -0.58, 0.08, 0.26, 0.3, shade=0.8),
    ]
    eyes = [
        part
        for u in (0.12, 0.55)
        for part in (
            Part("ellipse", u, 0.26, 0.21, 0.21, colour="dark"),
            Part("ellipse", u, 0.26, 0.17, 0.17, colour="light"),
            Part("ellipse", u + 0.03, 0.26, 0.08, 0.1, colour="dark"),
        )
    ]
    body = [
        Part("ellipse", 0.5, -0.35, sac, sac, colour="light"),
        Part("ellipse", 0.05, -0.15, 0.85, 0.34, 0.2, textured=True),
        Part("box", 0.5, -0.06, 0.36, 0.04, 0.1, "dark"),
    ]
    return [*legs, *body, *eyes]
