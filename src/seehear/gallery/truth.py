# SPDX-License-Identifier: Apache-2.0
"""The truth of a picture as pictures: masks of instances and classes, depth and flow, in colours that say what is what.

Colours are red, green, blue in uint8.
"""

from colorsys import hsv_to_rgb

import numpy as np
from jaxtyping import Float, UInt8

from seehear.world.classes import CLASSES
from seehear.world.surround_scene import STUFF

Picture = UInt8[np.ndarray, "H W 3"]

NEAREST, FARTHEST = 1.0, 100.0
"""What the picture of depth shows as white and as black (m)."""
FASTEST = 0.01
"""The flow of which the picture is brightest, in widths a frame."""
_GOLDEN = (5**0.5 - 1) / 2
_NOTHING = (48, 52, 60)
_STUFF = {
    "sky": (205, 222, 238),
    "ground": (168, 160, 122),
    "building": (142, 128, 122),
    "tree": (74, 110, 74),
    "water": (92, 130, 170),
    "road": (88, 88, 92),
    "wall": (206, 196, 180),
    "floor": (138, 112, 90),
    "ceiling": (238, 236, 230),
}


def _vivid(hue: float, tone: int) -> tuple[int, int, int]:
    red, green, blue = hsv_to_rgb(hue % 1, (0.6, 0.95)[tone % 2], (1.0, 0.75)[tone % 2])
    return (round(255 * red), round(255 * green), round(255 * blue))


INSTANCES = np.array([_NOTHING, *(_vivid(number * _GOLDEN, number) for number in range(255))], np.uint8)
"""Of the background and of every source."""
_THINGS = [_vivid(7 * kind / len(CLASSES), kind) for kind in range(len(CLASSES))]
KINDS = np.array([*_THINGS, *(_STUFF[name] for name in STUFF)], np.uint8)
"""Of the classes of things and of the background."""
NAMES = (*CLASSES, *STUFF)


def depth_shown(depth: Float[np.ndarray, "H W"]) -> Picture:
    """Grey by the logarithm of the distance: white at NEAREST or less, black at FARTHEST or more."""
    far = np.log(np.maximum(depth.astype(np.float32), NEAREST) / NEAREST) / np.log(FARTHEST / NEAREST)
    grey = 255 * (1 - np.minimum(far, 1))
    return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=-1)


def flow_shown(flow: Float[np.ndarray, "H W 2"]) -> Picture:
    """Black where nothing moves; the hue says where to: red right, green down, cyan left, violet up."""
    import cv2

    right, down = np.moveaxis(flow.astype(np.float32), -1, 0)
    angle = np.degrees(np.arctan2(down, right)) % 360
    strength = np.minimum(np.hypot(right, down) / (FASTEST * flow.shape[1]), 1)
    shown = cv2.cvtColor(np.stack([angle, np.ones_like(angle), strength], axis=-1), cv2.COLOR_HSV2RGB)
    return (255 * shown + 0.5).astype(np.uint8)
