# SPDX-License-Identifier: Apache-2.0
"""Fractional delays that change with time, quickly: a sound s read at places x(n) between its samples.

    s(k + u) = sum_p u^p sum_j c_pj s(k + j),  p = 0 .. 4, j = -8 .. 8, k the sample nearest to x, |u| <= 1/2

(Farrow, "A continuously variable digital delay element", ISCAS 1988.) The c_pj fit exp(i w u), w up to 80 % of the
Nyquist frequency, by least squares, the lower the better. At 48 kHz the largest error is 2e-5 to 2 kHz, 3e-4 to 10 kHz,
2e-3 at 15 kHz and 0.05 at 20 kHz (bench/world_surround.py).

The sums over j are made once for a sound (`prepared`). A place is linear over a block of hop samples, and k goes on by
one from sample to sample for runs of eight, so that samples are copied by runs: at 30 m/s |u| reaches 0.8 at the end
of a run, with an error of 1e-3 at 8 kHz.
"""

from functools import lru_cache

import numpy as np
from jaxtyping import Float64
from numpy.lib.stride_tricks import sliding_window_view

RUN = 12
"""Samples that are copied at a time; a hop is a multiple of it."""
_DEGREE, _REACH = 4, 8
_BLOCK, _AT_ONCE = 32, 256  # samples summed together, and blocks that fit the cache
_ZEROS = 2 * RUN  # on both sides of a sound


def prepared(sound: Float64[np.ndarray, "M"]) -> Float64[np.ndarray, "P K run"]:
    """The sums over j of every p in every run of samples, zero beyond both ends."""
    around = 2 * _REACH
    blocks = -(-(len(sound) + around) // _BLOCK)
    padded = np.zeros(blocks * _BLOCK + around)
    padded[around : around + len(sound)] = sound
    windows = sliding_window_view(padded, _BLOCK + around)[::_BLOCK]
    sums = np.zeros((_DEGREE + 1, 2 * _ZEROS + blocks * _BLOCK))
    body = sums[:, _ZEROS - _REACH : blocks * _BLOCK + _ZEROS - _REACH].reshape(_DEGREE + 1, blocks, _BLOCK)
    for first in range(0, blocks, _AT_ONCE):
        some = windows[first : first + _AT_ONCE] @ _filters()
        body[:, first : first + _AT_ONCE] = some.reshape(-1, _DEGREE + 1, _BLOCK).transpose(1, 0, 2)
    return sliding_window_view(sums, RUN, axis=1)


def delayed(
    runs: Float64[np.ndarray, "P K run"], places: Float64[np.ndarray, "I edges"], hop: int
) -> Float64[np.ndarray, "blocks I hop"]:
    """The sound at I places, given in samples at the edges of blocks; zero outside of the sound."""
    begin, rise = places[:, :-1].T[..., None, None], np.diff(places).T[..., None, None] / hop
    middle = (RUN - 1) / 2
    run = np.arange(0, hop, RUN)[:, None]
    centre = begin + rise * (run + middle)
    first = np.rint(centre - middle)
    u = (centre - middle - first) + (rise - 1) * (np.arange(RUN) - middle)
    start = np.clip(first[..., 0].astype(np.int64) + _ZEROS, 0, runs.shape[1] - 1)
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
