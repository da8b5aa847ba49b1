# SPDX-License-Identifier: Apache-2.0
"""Fractional delays that change with time, quickly: a sound s read at places x(n) between its samples.

    s(k + u) = sum_p u^p sum_j c_pj s(k + j),  p = 0 .. 4, j = -8 .. 8, k the sample nearest to x

(Farrow, "A continuously variable digital delay element", ISCAS 1988.) The c_pj fit exp(i w u), |u| < 0.7 and w up to
80 % of the Nyquist frequency, by least squares, the lower the better. At 48 kHz the largest error is 3e-5 to 2 kHz,
5e-4 to 10 kHz, 3e-3 at 15 kHz and 0.05 at 20 kHz.

The sums over j are made once for a sound (`prepared`). A place is linear over a block of hop samples, and k goes on by
one from sample to sample for runs so short that |u| stays under 0.7; samples are copied by runs.
"""

from functools import lru_cache

import numpy as np
from jaxtyping import Float64
from numpy.lib.stride_tricks import sliding_window_view

_DEGREE, _REACH = 4, 8
_BLOCK, _AT_ONCE = 32, 256  # samples summed together, and blocks that fit the cache
_DRIFT = 0.2  # of u to either side of the middle of a run


def prepared(
    sound: Float64[np.ndarray, "M"], places: Float64[np.ndarray, "I edges"], hop: int
) -> Float64[np.ndarray, "P K run"]:
    """The sums over j of every p in every run of samples, zero beyond both ends; runs that suit these places."""
    around = 2 * _REACH
    blocks = -(-(len(sound) + around) // _BLOCK)
    padded = np.zeros(blocks * _BLOCK + around)
    padded[around : around + len(sound)] = sound
    windows = sliding_window_view(padded, _BLOCK + around)[::_BLOCK]
    fastest = np.abs(np.diff(places) / hop - 1).max()
    run = max(length for length in range(1, hop + 1) if hop % length == 0 and (length - 1) * fastest <= 2 * _DRIFT)
    sums = np.zeros((_DEGREE + 1, 2 * run + blocks * _BLOCK))
    body = sums[:, run : run + blocks * _BLOCK].reshape(_DEGREE + 1, blocks, _BLOCK)
    for first in range(0, blocks, _AT_ONCE):
        some = windows[first : first + _AT_ONCE] @ _filters()
        body[:, first : first + _AT_ONCE] = some.reshape(-1, _DEGREE + 1, _BLOCK).transpose(1, 0, 2)
    return sliding_window_view(sums, run, axis=1)


def delayed(
    runs: Float64[np.ndarray, "P K run"], places: Float64[np.ndarray, "I edges"], hop: int
) -> Float64[np.ndarray, "blocks I hop"]:
    """The sound at I places, given in samples at the edges of blocks; zero outside of the sound."""
    length = runs.shape[2]
    middle = (length - 1) / 2
    begin, rise = places[:, :-1].T[..., None, None], np.diff(places).T[..., None, None] / hop
    centre = begin + rise * (np.arange(0, hop, length)[:, None] + middle) - middle
    first = np.rint(centre)
    u = (centre - first) + (rise - 1) * (np.arange(length) - middle)
    start = np.clip(first[..., 0].astype(np.int64) + length + _REACH, 0, runs.shape[1] - 1)
    out = runs[_DEGREE][start]
    for power in range(_DEGREE - 1, -1, -1):
        out *= u
        out += runs[power][start]
    return out.reshape(*out.shape[:2], hop)


@lru_cache(maxsize=1)
def _filters() -> Float64[np.ndarray, "window sums"]:
    """The c_pj as a matrix from a window of samples to the sums of one block."""
    fitted = coefficients()
    matrix = np.zeros((_BLOCK + 2 * _REACH, _DEGREE + 1, _BLOCK))
    for place in range(_BLOCK):
        matrix[place : place + 2 * _REACH + 1, :, place] = fitted.T
    return matrix.reshape(len(matrix), -1)


@lru_cache(maxsize=1)
def coefficients() -> Float64[np.ndarray, "P J"]:
    """The c_pj: even and odd powers fit the cosine and the sine of w u apart, j and -j being equal or opposite."""
    w, u = (grid.ravel() for grid in np.meshgrid(np.linspace(0, 0.8 * np.pi, 120), np.linspace(-0.7, 0.7, 29)))
    weight = 1 / (0.01 + (w / np.pi) ** 3)
    out = np.zeros((_DEGREE + 1, 2 * _REACH + 1))
    for odd, wave in ((0, np.cos), (1, np.sin)):
        powers, j = np.arange(odd, _DEGREE + 1, 2), np.arange(odd, _REACH + 1)
        both = np.where(j == 0, 1, 2) * wave(w[:, None] * j)
        terms = (u[:, None, None] ** powers[:, None]) * both[:, None] * weight[:, None, None]
        fitted = np.linalg.lstsq(terms.reshape(len(w), -1), wave(w * u) * weight, rcond=1e-12)[0]
        out[powers[:, None], _REACH + j] = fitted.reshape(len(powers), len(j))
        out[powers[:, None], _REACH - j] = (1 - 2 * odd) * fitted.reshape(len(powers), len(j))
    return out
