# SPDX-License-Identifier: Apache-2.0
"""Ambisonic sound for two ears or two loudspeakers.

The ear e hears sum_c (f_(c, e) * b_c)(t): one filter for each of the C ambisonic channels, made so that a plane wave
from any direction d, b = y(d) s, is heard as nearly as possible through the response h_(d, e) of a head.
"""

import numpy as np
import torch
from jaxtyping import Complex128, Float, Float32, Float64
from torch import Tensor

from seehear.errors import InputError
from seehear.spatial.ambisonics import checked, decode
from seehear.spatial.directions import direction, shares
from seehear.spatial.harmonics import harmonics
from seehear.spatial.hrtf import Hrtf


def filters(hrtf: Hrtf, order: int, rate: int, cutoff: float = 1500.0) -> Float32[Tensor, "C 2 taps"]:
    """Filters from AmbiX channels of `order` at `rate` Hz to the left and the right ear.

    Below `cutoff` Hz the least-squares fit F = Y^+ H of the spectra H over the sphere, Y the harmonics of all
    directions. Above it, where few channels cannot follow the phase of H and a plain fit loses the treble, the fit of
    magnitudes alone: F_k = Y^+ (|H_k| exp(i arg(Y F_(k-1)))), bin k after bin k - 1. Directions count by their share
    of the sphere. Schoerkhuber, Zaunschirm and Hoeldrich, "Binaural rendering of ambisonic signals via magnitude least
    squares", DAGA 2018. The sound reaches the middle of the head at tap taps / 4, which `to_binaural` takes off again.
    """
    head = hrtf.at(rate)
    taps = head.responses.shape[-1]
    size = 4 * taps
    frequency = np.fft.rfftfreq(size, 1 / rate)
    centred = np.exp(2j * np.pi * frequency * head.origin / rate)
    spectrum = np.fft.rfft(head.responses, size).transpose(2, 0, 1) * centred[:, None, None]
    values = harmonics(torch.from_numpy(head.directions), order).numpy()
    fitted = _fit(spectrum, values, shares(head.directions), int(np.searchsorted(frequency, cutoff)))
    impulses = np.roll(np.fft.irfft(fitted, size, axis=0), taps // 4, axis=0)[:taps]
    inward = np.minimum(np.arange(1, taps + 1), np.arange(taps, 0, -1)) / (taps // 8 + 1)
    impulses *= np.sin(np.pi / 2 * np.minimum(inward, 1))[:, None, None] ** 2
    return torch.from_numpy(impulses.transpose(1, 2, 0).astype(np.float32))


def _fit(
    spectrum: Complex128[np.ndarray, "F D 2"],
    values: Float64[np.ndarray, "D C"],
    parts: Float64[np.ndarray, "D"],
    first: int,
) -> Complex128[np.ndarray, "F C 2"]:
    """Spectra of the filters: least squares, from bin `first` on of magnitudes."""
    root = np.sqrt(parts)[:, None]
    inverse = np.linalg.pinv(root * values, rcond=1e-3) * root.T
    fitted = inverse @ spectrum
    for k in range(max(first, 1), len(spectrum)):
        heard = values @ fitted[k - 1]
        fitted[k] = inverse @ (np.abs(spectrum[k]) * np.exp(1j * np.angle(heard)))
    return fitted


def to_binaural(ambisonic: Float[Tensor, "C N"], filters: Float[Tensor, "K 2 taps"]) -> Float[Tensor, "2 N"]:
    """What the two ears hear, in time with the sound (overlap-add of blocks in the frequency domain; differentiable).

    InputError for sound that is empty, not finite, or of another number of channels than the filters are made for.
    """
    checked(ambisonic)
    if len(ambisonic) != len(filters):
        raise InputError(f"expected sound of {len(filters)} channels, as the filters have, got {len(ambisonic)}")
    taps, samples = filters.shape[-1], ambisonic.shape[-1]
    size = 1 << (8 * taps - 1).bit_length()
    block = size - taps + 1
    lead = taps // 4
    count = -(-(samples + lead) // block)
    blocks = torch.nn.functional.pad(ambisonic, (0, count * block - samples)).unflatten(-1, (count, block))
    spectrum = torch.einsum("cbf,cef->ebf", torch.fft.rfft(blocks, size), torch.fft.rfft(filters.to(ambisonic), size))
    pieces = torch.fft.irfft(spectrum, size)
    out = pieces[..., :block].clone()
    out[:, 1:, : taps - 1] += pieces[:, :-1, block:]
    return out.flatten(-2)[:, lead : lead + samples]


def to_stereo(ambisonic: Float[Tensor, "*b C N"], azimuth: float = np.pi / 2) -> Float[Tensor, "*b 2 N"]:
    """Two cardioids (1 + cos c) / 2 that look to `azimuth` (rad) and to its mirror image; of the first order.

    At 90 degrees left + right is W, so that the mono sum of the result is the mono sound. Errors of `checked`.
    """
    checked(ambisonic, least=1)
    ears = torch.stack([direction(azimuth, 0.0), direction(-azimuth, 0.0)])
    return decode(ambisonic[..., :4, :], ears, "in-phase")
