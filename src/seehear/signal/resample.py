# SPDX-License-Identifier: Apache-2.0
"""Changing the sampling rate of sound."""

from math import gcd

import numpy as np
from jaxtyping import Float32


def resample(
    sound: Float32[np.ndarray, "C M"], source_rate: int, rate: int, count: int | None = None
) -> Float32[np.ndarray, "C N"]:
    """Sound at `rate` Hz, band-limited to the lower of the two Nyquist frequencies.

    `count` fixes the number of samples (cut, or filled with zeros); without it N = ceil(M rate / source_rate).
    soxr does it (its high quality); without soxr a polyphase filter of SciPy.
    """
    if source_rate != rate and sound.size:
        try:
            import soxr

            sound = soxr.resample(sound.T, source_rate, rate).T
        except ImportError:
            from scipy.signal import resample_poly

            common = gcd(source_rate, rate)
            sound = resample_poly(sound, rate // common, source_rate // common, axis=1)
    if count is not None and sound.shape[1] != count:
        fitted = np.zeros((len(sound), count), dtype=np.float32)
        kept = min(count, sound.shape[1])
        fitted[:, :kept] = sound[:, :kept]
        sound = fitted
    return np.ascontiguousarray(sound, dtype=np.float32)
