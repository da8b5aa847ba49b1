# SPDX-License-Identifier: Apache-2.0
"""Exact decoding of a window [start, start + duration): pictures by `frames`, sound by `sound`."""

from seehear.media.pictures import frames
from seehear.media.sounds import sound

__all__ = ["frames", "sound"]
