# SPDX-License-Identifier: Apache-2.0
"""How the other things look.

Hammer and axe look alike: a block that falls on an anvil, or a blade that falls on a log.
"""

import numpy as np

from seehear.world.motion import Pose
from seehear.world.shapes import Part, turned


def ball(pose: Pose) -> list[Part]:
    """A turning ball with a band, flattened by an impact."""
    a, b = 0.62 * (1 + 0.25 * pose.limb), 0.62 * (1 - 0.3 * pose.limb)
    low = -0.1 * pose.limb
    return [
        Part("ellipse", 0.0, low, a, b, textured=True),
        Part("box", 0.0, low, 0.55, 0.1, pose.turn, "light"),
        Part("box", 0.0, low, 0.1, 0.55, pose.turn, "light"),
        Part("ring", 0.0, low, a, b, colour="dark", taper=0.2),
    ]


def _swung(pose: Pose, head: list[Part]) -> list[Part]:
    """A handle with a head, turned about a fist at the left, down at an event."""
    handle = Part("box", -0.25, 0.0, 0.68, 0.06, colour="second")
    fist = Part("ellipse", -0.85, 0.0, 0.14, 0.14, colour="second", shade=0.7)
    return turned([handle, *head, fist], 1.25 * pose.limb, -0.85, 0.0)


def hammer(pose: Pose) -> list[Part]:
    """A block on a handle, an anvil, sparks."""
    anvil = [
        Part("box", 0.45, -0.4, 0.5, 0.14, colour="dark"),
        Part("box", 0.45, -0.62, 0.22, 0.12, colour="dark"),
        Part("box", 0.45, -0.8, 0.42, 0.1, colour="dark"),
        Part("box", 1.0, -0.36, 0.1, 0.16, -np.pi / 2, "dark", taper=1.0),
    ]
    sparks = [
        Part(
            "ellipse",
            0.45 + 0.35 * s * (1 - pose.pulse),
            -0.2 + 0.3 * (1 - pose.pulse),
            0.09,
            0.09,
            colour="glow",
            opacity=pose.pulse,
        )
        for s in (-1, 0, 1)
    ]
    head = [Part("box", 0.42, 0.0, 0.17, 0.27, colour="main", textured=True)]
    return [*anvil, *_swung(pose, head), *sparks]


def axe(pose: Pose) -> list[Part]:
    """A blade on a handle, a log, chips of wood."""
    log = [
        Part("box", 0.45, -0.62, 0.42, 0.32, textured=True),
        Part("ellipse", 0.45, -0.3, 0.42, 0.11, colour="light"),
        Part("ellipse", 0.45, -0.3, 0.2, 0.05, shade=0.7),
    ]
    chips = [
        Part(
            "box",
            0.45 + 0.5 * s * (1 - pose.pulse),
            -0.2 + 0.5 * (1 - pose.pulse),
            0.08,
            0.04,
            1.0 * s,
            "light",
            opacity=pose.pulse,
        )
        for s in (-1, 1)
    ]
    head = [
        Part("box", 0.42, -0.07, 0.26, 0.22, colour="dark", taper=0.75),
    ]
    return [*log, *_swung(pose, head), *chips]


def siren(pose: Pose) -> list[Part]:
    """A lamp under a dome; its beam jumps from side to side."""
    lit = 0.35 + 0.65 * pose.pulse
    beam = [
        Part(
            "box",
            0.55 * side,
            0.15,
            0.34,
            0.5,
            -side * np.pi / 2 + np.pi,
            "glow",
            taper=0.8,
            opacity=0.9 * lit * (side * pose.limb > 0),
        )
        for side in (-1, 1)
    ]
    return [
        *beam,
        Part("ellipse", 0.0, 0.12, 0.42, 0.55, textured=True),
        Part("ellipse", 0.2 * pose.limb, 0.15, 0.2, 0.3, colour="glow", opacity=lit),
        Part("box", 0.0, -0.45, 0.6, 0.22, colour="dark"),
        Part("box", 0.0, -0.75, 0.75, 0.1, colour="second"),
    ]


def clock(pose: Pose) -> list[Part]:
    """A tall case with a dial and a pendulum."""
    pendulum = turned(
        [Part("box", 0.0, -0.32, 0.035, 0.38, colour="light"), Part("ellipse", 0.0, -0.66, 0.17, 0.17, colour="glow")],
        0.85 * pose.tilt,
        0.0,
        0.05,
    )
    return [
        Part("box", 0.0, -0.05, 0.52, 0.95, textured=True),
        Part("box", 0.0, 0.95, 0.6, 0.12, colour="second", taper=0.8),
        Part("box", 0.0, -0.47, 0.4, 0.42, colour="dark"),
        *pendulum,
        Part("ellipse", 0.0, 0.42, 0.4, 0.4, colour="light"),
        Part("ring", 0.0, 0.42, 0.4, 0.4, colour="dark", taper=0.15),
        *turned([Part("box", 0.0, 0.56, 0.04, 0.16, colour="dark")], -0.6, 0.0, 0.42),
        *turned([Part("box", 0.0, 0.54, 0.05, 0.12, colour="dark")], 1.2, 0.0, 0.42),
    ]


def fan(pose: Pose) -> list[Part]:
    """Three blades that turn in a cage on a stand."""
    blades = [
        turned(
            [Part("ellipse", 0.0, 0.58, 0.2, 0.34, colour="main", textured=True)],
            -pose.turn + k * 2 * np.pi / 3,
            0.0,
            0.25,
        )[0]
        for k in range(3)
    ]
    return [
        Part("box", 0.0, -0.7, 0.06, 0.3, colour="dark"),
        Part("ellipse", 0.0, -0.95, 0.4, 0.09, colour="dark"),
        *blades,
        Part("ellipse", 0.0, 0.25, 0.12, 0.12, colour="dark"),
        Part("ring", 0.0, 0.25, 0.72, 0.72, colour="second", taper=0.12),
    ]
