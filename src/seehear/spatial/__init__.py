# SPDX-License-Identifier: Apache-2.0
"""The sphere: harmonics, ambisonics, energy maps, binaural sound, and panoramas seen as perspective pictures."""
