# SPDX-License-Identifier: Apache-2.0
"""What is recorded of the sound around a listener: ambisonic channels, two loudspeakers, two ears, or eight.

Everything is made of beams, fixed combinations of ambisonic channels; the first is W. What an ear at the direction u of
a rigid sphere hears of a plane wave depends on its angle to u alone, and so on one filter g_n for each degree:

    e_u(t) = sum_n (g_n * a_n)(t),  a_n(t) = sum_m Y_n^m(u) b_n^m(t)

and the ear opposite has the filters (-1)^n g_n. They are those of `spatial.binaural`, g_n = sum_m Y_n^m(u) f_n^m, but
for what in f depends on the grid that it was fitted on.

Binaural sound has its ears at 90 and -90 degrees. The rig are the ears of four heads that look to 0, 90, 180 and 270
degrees (azimuth, counter-clockwise), in this order, left before right, 100 degrees from where their head looks, as
people have them: at 100 and -100, -170 and -10, -80 and 80, 10 and 170 degrees. At 90 degrees the left ear of a head
would be the right ear of the opposite one, because a sphere has no pinnae.
"""

from functools import lru_cache
from math import radians

import numpy as np
from jaxtyping import Float64

from seehear.world.surround_filter import Channels, centred
from seehear.world.surround_microphone import Beams
from seehear.world.surround_shot import ORDERS, SurroundShot

Ears = Float64[np.ndarray, "2 M"]
_ORDER = 5  # of what ears hear: the sphere itself to 3 kHz, its magnitudes above
_CUTOFF = 2500.0  # Hz
_SIDE = (90,)
_RIG = (100, 80, 10, -10)
"""Azimuths (degrees) of one end of each axis between two ears."""


def needed(shot: SurroundShot) -> Beams:
    """The beams of a shot: the channels of its sound, then a_0 .. a_5 along every axis between two ears."""
    axes = _SIDE * (shot.sound == "binaural") + _RIG * shot.rig
    size = (_ORDER + 1) ** 2 if axes else _channels(shot)
    return np.concatenate([np.eye(_channels(shot), size), *(_towards(axis) for axis in axes)])


def listened(
    beams: Channels, response: Float64[np.ndarray, "taps"], margin: int, shot: SurroundShot
) -> tuple[Float64[np.ndarray, "1 M"], Float64[np.ndarray, "D M"], Float64[np.ndarray, "E M"]]:
    """W [1, N], the sound of a shot, and its rig (without channels if there is none), through the response.

    They are shorter than the beams by a margin at either end, as long at least as the response and a head together.
    """
    channels = _channels(shot)
    axes = [beams[first : first + _ORDER + 1] for first in range(channels, len(beams), _ORDER + 1)]
    ears = [_ears(axis, response, margin, shot.rate) for axis in axes]
    field = centred(beams[: channels or 1], response[None], len(response) // 2, margin)
    sound = ears[0] if shot.sound == "binaural" else _stereo(field) if shot.sound == "stereo" else field
    if not shot.rig:
        return field[:1], sound, sound[:0]
    (at_100, at_280), (at_80, at_260), (at_10, at_190), (at_350, at_170) = ears[-len(_RIG) :]
    return field[:1], sound, np.stack([at_100, at_260, at_190, at_350, at_280, at_80, at_10, at_170])


def _channels(shot: SurroundShot) -> int:
    """Ambisonic channels that the sound itself is made of."""
    return 0 if shot.sound == "binaural" else (ORDERS.get(shot.sound, 1) + 1) ** 2


def _ears(degrees: Channels, response: Float64[np.ndarray, "taps"], margin: int, rate: int) -> Ears:
    """What ears at either end of an axis hear, of a_0 .. a_5 towards its beginning."""
    filters = degree_filters(rate)
    both = np.stack([np.convolve(taps, response) for taps in filters])
    heard = centred(degrees, both, len(response) // 2 + filters.shape[1] // 4, margin)
    even, odd = heard[0::2].sum(axis=0), heard[1::2].sum(axis=0)
    return np.stack([even + odd, even - odd])


def _stereo(first_order: Float64[np.ndarray, "4 M"]) -> Ears:
    import torch

    from seehear.spatial.binaural import to_stereo

    return to_stereo(torch.from_numpy(first_order)).numpy()


def _towards(azimuth: int) -> Beams:
    """What makes a_0 .. a_5 towards an azimuth (degrees) out of ambisonic channels."""
    from seehear.spatial.directions import direction
    from seehear.spatial.harmonics import harmonics

    values = harmonics(direction(radians(azimuth), 0.0), _ORDER).numpy()
    degree = np.floor(np.sqrt(np.arange(len(values))))
    return np.where(degree == np.arange(_ORDER + 1)[:, None], values, 0.0)


@lru_cache(maxsize=8)
def degree_filters(rate: int) -> Float64[np.ndarray, "degrees taps"]:
    """The g_n; the sound is there at tap taps / 4."""
    from seehear.spatial.binaural import filters
    from seehear.spatial.hrtf import spherical_head

    fitted = filters(spherical_head(rate), _ORDER, rate, _CUTOFF).double().numpy()
    left, right = fitted.transpose(1, 0, 2)
    opposite = (-1.0) ** np.arange(_ORDER + 1)[:, None]
    return (_towards(*_SIDE) @ left + opposite * (_towards(*_SIDE) @ right)) / 2
