# SPDX-License-Identifier: Apache-2.0
"""What the channels of a sound are, and how to make one of them."""

import numpy as np
from jaxtyping import Float32


def to_mono(sound: Float32[np.ndarray, "C N"], layout: str) -> Float32[np.ndarray, "1 N"]:
    """One channel: W (channel 0) of an ambisonic sound, the mean of the channels of any other layout."""
    if layout == "ambisonic" or len(sound) == 1:
        return sound[:1]
    return sound.mean(axis=0, keepdims=True, dtype=np.float32)
