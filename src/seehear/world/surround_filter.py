# SPDX-License-Identifier: Apache-2.0
"""Convolution of long sounds with short filters, in blocks that fit the cache (overlap-save)."""

from itertools import repeat

import numpy as np
from jaxtyping import Float64
from numpy.lib.stride_tricks import sliding_window_view
from scipy.fft import irfft, rfft

Channels = Float64[np.ndarray, "C N"]


def convolved(rows: Channels, filters: Float64[np.ndarray, "K taps"]) -> Float64[np.ndarray, "out M"]:
    """sum_k filter[k] row[n + taps - 1 - k] for n = 0 .. N - taps: samples that depend on nothing outside of the row.

    As many rows as filters, or one of either for all of the other.
    """
    taps = filters.shape[1]
    count, size = rows.shape[1] - taps + 1, 1 << (4 * taps - 1).bit_length()
    step = size - taps + 1
    blocks = -(-count // step)
    padded = np.pad(rows, ((0, 0), (0, blocks * step + taps - 1 - rows.shape[1])))
    frames = sliding_window_view(padded, size, axis=1)[:, ::step]
    spectra = map(rfft, frames) if len(rows) > 1 else repeat(rfft(frames[0]))
    responses = rfft(filters, size) if len(filters) > 1 else repeat(rfft(filters[0], size))
    out = np.empty((max(len(rows), len(filters)), blocks, step))
    for row, spectrum, response in zip(out, spectra, responses, strict=False):
        row[:] = irfft(spectrum * response, size)[:, taps - 1 :]
    return out.reshape(len(out), -1)[:, :count]


def centred(
    rows: Channels, filters: Float64[np.ndarray, "K taps"], middle: int, margin: int
) -> Float64[np.ndarray, "out M"]:
    """Rows without `margin` samples at either end, filtered; tap `middle` of a filter is at the instant of its result.

    The margin is at least what the filter reaches to either side of its middle.
    """
    first = margin + middle - (filters.shape[1] - 1)
    return convolved(rows[:, first : rows.shape[1] - margin + middle], filters)
