# SPDX-License-Identifier: Apache-2.0
"""Sound as tensors: resampling, spectrograms, loudness."""
