# SPDX-License-Identifier: Apache-2.0
"""How the four animals look, facing right. Dog and cat look alike: hanging ears and a long muzzle, or pointed and short."""

import numpy as np

from seehear.world.motion import Pose
from seehear.world.shapes import Part, shifted, turned


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
        *_jaws(pose, 0.68, 0.3, 0.21, 0.1),
        Part("ellipse", 0.55, 0.4, 0.28, 0.26),
        Part("ellipse", 0.4, 0.34, 0.1, 0.26, 0.2, colour="second", shade=0.7),
        Part("ellipse", 0.64, 0.48, 0.05, 0.05, colour="dark"),
    ]
    return [*tail, *_beast(pose), *turned(head, 0.25 * pose.pulse, 0.3, 0.1)]


def cat(pose: Pose) -> list[Part]:
    """Pointed ears, a short muzzle with whiskers and a long raised tail."""
    tail = turned(
        [Part("box", -0.95, 0.4, 0.05, 0.42), Part("ellipse", -0.92, 0.84, 0.12, 0.07)], 0.25 * pose.limb, -0.9, 0.0
    )
    head = [
        Part("box", 0.36, 0.72, 0.12, 0.18, 0.25, "second", taper=1.0),
        Part("box", 0.68, 0.72, 0.12, 0.18, -0.25, "second", taper=1.0),
        Part("ellipse", 0.53, 0.4, 0.32, 0.28),
        *_jaws(pose, 0.6, 0.3, 0.11, 0.09),
        Part("ellipse", 0.62, 0.48, 0.06, 0.06, colour="light"),
        Part("box", 0.85, 0.3, 0.17, 0.015, 0.15, colour="light"),
    ]
    return [*tail, *_beast(pose), *turned(head, 0.2 * pose.pulse, 0.3, 0.1)]


def bird(pose: Pose) -> list[Part]:
    """A drop-shaped body on thin legs, a beak that opens, a wing that flaps."""
    beak = [
        *turned([Part("box", 0.83, 0.5, 0.07, 0.22, -np.pi / 2, "glow", taper=1.0)], 0.4 * pose.pulse, 0.65, 0.48),
        *turned([Part("box", 0.8, 0.42, 0.06, 0.2, -np.pi / 2, "glow", 0.8, 1.0)], -0.5 * pose.pulse, 0.65, 0.44),
    ]
    wing = turned([Part("ellipse", -0.4, 0.02, 0.5, 0.2, 0.3, "second")], -1.3 * pose.pulse, 0.05, 0.1)
    body = [
        Part("box", -0.8, 0.12, 0.12, 0.4, np.pi / 2 - 0.3, "second", 0.8, 0.3),
        Part("ellipse", -0.05, -0.05, 0.62, 0.42, 0.25, textured=True),
        *beak,
        Part("ellipse", 0.45, 0.45, 0.28, 0.27),
        Part("ellipse", 0.53, 0.52, 0.06, 0.06, colour="dark"),
        *wing,
    ]
    legs = [Part("box", u, -0.66, 0.035, 0.28, colour="dark") for u in (-0.1, 0.12)]
    return [*legs, *body]


def frog(pose: Pose) -> list[Part]:
    """A flat body with eyes on top, long hind legs, and a throat that swells."""
    sac = 0.14 + 0.26 * pose.pulse
    stretch = 0.3 * pose.limb
    legs = [
        Part("ellipse", -0.6, -0.45 - 0.5 * stretch, 0.42, 0.2, 0.5 + stretch, shade=0.8),
        Part("box", -0.62, -0.68 - stretch, 0.36, 0.07, -0.1, shade=0.7),
        Part("box", 0.35, -0.58, 0.08, 0.22, 0.2, shade=0.8),
    ]
    body = [
        Part("ellipse", 0.62, -0.28, sac, sac, colour="light"),
        Part("ellipse", 0.0, -0.2, 0.85, 0.38, 0.25, textured=True),
        Part("box", 0.55, -0.06, 0.3, 0.03, 0.15, "dark"),
        Part("ellipse", 0.4, 0.25, 0.2, 0.2, shade=1.1),
        Part("ellipse", 0.43, 0.27, 0.1, 0.1, colour="dark"),
    ]
    return [*shifted(legs, 0, 0), *body]
