# SPDX-License-Identifier: Apache-2.0
"""What a place does to sound: echoes of the first order from its surfaces.

A surface that swallows the share a of the energy reflects the amplitude sqrt(1 - a), as if from an image of the source
behind it: p_axis -> 2 plane - p_axis. Allen and Berkley, J. Acoust. Soc. Am. 65, 1979. A room has six such images, an
open place that of its ground.
"""

import numpy as np
from jaxtyping import Float64

from seehear.world.surround_path import Points
from seehear.world.surround_scene import Field, Room


def images(place: Field | Room, points: Points) -> tuple[Float64[np.ndarray, "I T 3"], Float64[np.ndarray, "I"]]:
    """Where a source and its images are in the world (m), and the factors of their amplitudes; the source is first."""
    where, factors = [points], [1.0]
    for axis, plane, absorption in _surfaces(place):
        if absorption < 1:
            image = points.copy()
            image[:, axis] = 2 * plane - image[:, axis]
            where.append(image)
            factors.append(float(np.sqrt(1 - absorption)))
    return np.stack(where), np.array(factors)


def _surfaces(place: Field | Room) -> list[tuple[int, float, float]]:
    """Axis, plane (m) and absorption of every surface that reflects."""
    if isinstance(place, Field):
        return [(2, -place.height, place.absorption)]
    low = place.corner
    planes = [(axis, low[axis] + side * place.size[axis]) for axis in range(3) for side in (0, 1)]
    return [(*plane, share) for plane, share in zip(planes, place.absorption, strict=True)]
