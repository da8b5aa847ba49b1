# SPDX-License-Identifier: Apache-2.0
"""What the samples of a sound say: levels, channels that are dead or copies, clipping, and covariances.

C channels; R [T, B, C, C] is the real part of their cross-spectra, summed over about a second (T of them) and half an
octave (B of them, 250 Hz to 4 kHz, where microphones come closest to the ideal): all that is asked of the directions
in the sound is asked of R. Levels are in dB of full scale (root mean square).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float32, Float64

from seehear.media.container import Source
from seehear.media.sounds import SoundTrack

DEAD = 35.0  # dB below the loudest channel
NOISE = 12.0  # dB below it, if the channel has nothing in common with any other
SILENT = -80.0  # dB; the noise of 16 bits is at -96
_FLOOR = -200.0  # dB, instead of minus infinity

_WHOLE = 60.0  # s; longer sounds are sampled
_PIECES, _PIECE = 6, 10.0  # s
_WINDOW = 0.02  # s
_TILE = 1.0  # s
_BANDS = np.geomspace(250, 4000, 9)  # Hz
_ALL = 1e-3  # of the energy; with less of it in the bands, all frequencies are one band
_FULL, _RUN = 0.9999, 3  # so many samples on end at full scale are clipped
_COMMON = 0.05  # coherence; that of unrelated noises in a tile is about 0.01
_COPY = 1e-4  # of the energy is the largest difference of two copies


@dataclass(frozen=True)
class Heard:
    """What was measured: `levels` of the channels in dB, `dead` ones (35 dB below the loudest, or of four or more 12 dB
    and nothing but noise), `copies` (pairs of channels that are the same), `clipped` places, and the covariances R.
    `seconds` is how much was listened to, of `duration` s.
    """

    channels: int
    rate: int
    seconds: float
    duration: float
    levels: tuple[float, ...]
    dead: tuple[int, ...]
    copies: tuple[tuple[int, int], ...]
    clipped: int
    covariance: Float64[np.ndarray, "T B C C"]

    @property
    def silent(self) -> bool:
        """Whether no channel is louder than -80 dB."""
        return max(self.levels) < SILENT


def listen(sources: Sequence[Source], duration: float) -> Heard:
    """Measure a sound of about `duration` s. Raises MediaError when it cannot be decoded."""
    sound, rate, length = samples(sources, duration)
    return measure(sound, rate, length)


def samples(sources: Sequence[Source], duration: float) -> tuple[Float32[np.ndarray, "C N"], int, float]:
    """The whole sound, or six pieces of 10 s out of one over a minute; its rate in Hz, and its length in s.

    The channels of several sources follow each other; they are cut to the shortest.
    """
    spread = duration > _WHOLE
    starts, piece = (np.linspace(0, duration - _PIECE, _PIECES), _PIECE) if spread else (np.zeros(1), duration + _TILE)
    sounds, lengths = [], []
    for source in sources:
        with SoundTrack(source) as track:
            rate, pieces = track.rate, []
            for start in starts:
                cut = track.cut(float(start), piece, rate)
                pieces.append(cut[:, : max(track.end - round(start * rate), 0)])
            lengths.append(max(duration, track.end / rate) if spread else track.end / rate)
        sounds.append(np.concatenate(pieces, axis=1))
    count = min(sound.shape[1] for sound in sounds)
    return np.concatenate([sound[:, :count] for sound in sounds]), rate, min(lengths)


def measure(sound: Float32[np.ndarray, "C N"], rate: int, duration: float | None = None) -> Heard:
    """Measure samples."""
    seconds = sound.shape[1] / rate
    power = np.square(sound, dtype=np.float64).mean(axis=1) if sound.size else np.zeros(len(sound))
    levels = 10 * np.log10(np.maximum(power, 10 ** (_FLOOR / 10)))
    products = covariance(sound, rate)
    quiet = (levels < levels.max() - NOISE) & (common(products) < _COMMON)
    quiet[: len(sound) if len(sound) < 4 else 1] = False  # W has little in common with the rest in diffuse sound
    dead = np.flatnonzero(quiet | (levels < max(levels.max() - DEAD, SILENT - DEAD))).tolist()
    return Heard(
        channels=len(sound),
        rate=rate,
        seconds=seconds,
        duration=seconds if duration is None else duration,
        levels=tuple(levels.tolist()),
        dead=tuple(dead),
        copies=copies(sound, power, dead),
        clipped=clipped(sound),
        covariance=products,
    )


def clipped(sound: Float32[np.ndarray, "C N"]) -> int:
    """In how many places at least three samples on end are at full scale."""
    full = np.abs(sound) >= _FULL
    runs = full[:, : 1 - _RUN].copy()
    for step in range(1, _RUN):
        runs &= full[:, step : full.shape[1] - _RUN + 1 + step]
    return int((runs[:, 1:] & ~runs[:, :-1]).sum() + runs[:, :1].sum())


def copies(
    sound: Float32[np.ndarray, "C N"], power: Float64[np.ndarray, "C"], dead: list[int]
) -> tuple[tuple[int, int], ...]:
    """Pairs of living channels that are the same."""
    alive = [channel for channel in range(len(sound)) if channel not in dead]
    return tuple(
        (first, second)
        for at, first in enumerate(alive)
        for second in alive[at + 1 :]
        if np.square(sound[first] - sound[second], dtype=np.float64).mean() < _COPY * power[first]
    )


def common(covariance: Float64[np.ndarray, "T B C C"]) -> Float64[np.ndarray, "C"]:
    """The largest coherence of each channel with another, (R_ij)^2 / (R_ii R_jj), mean over the tiles."""
    power = covariance.diagonal(axis1=2, axis2=3)
    product = np.maximum(power[..., :, None] * power[..., None, :], 1e-300)
    coherence = (np.square(covariance) / product).mean(axis=(0, 1))
    np.fill_diagonal(coherence, 0.0)
    return coherence.max(axis=1)


def covariance(sound: Float32[np.ndarray, "C N"], rate: int) -> Float64[np.ndarray, "T B C C"]:
    """R of Hann windows of about 20 ms, half overlapping; one band of all frequencies where those bands are empty."""
    size = 2 ** round(np.log2(_WINDOW * rate))
    if sound.shape[1] < size:
        sound = np.pad(sound, ((0, 0), (0, size - sound.shape[1])))
    window = np.hanning(size).astype(np.float32)
    frequencies = np.fft.rfftfreq(size, 1 / rate)
    inside = [(frequencies >= low) & (frequencies < high) for low, high in pairwise(_BANDS)]
    inside = [band for band in inside if band.any()] + [frequencies > 0]
    frames = np.lib.stride_tricks.sliding_window_view(sound, size, axis=1)[:, :: size // 2]
    tile = max(1, round(_TILE * rate / (size // 2)))
    tiles = []
    for first in range(0, max(frames.shape[1] - tile // 2, 1), tile):
        spectra = np.fft.rfft(frames[:, first : first + tile] * window, axis=2)
        tiles.append([_products(spectra[:, :, band]) for band in inside])
    products = np.array(tiles, dtype=np.float64)
    energy = products.trace(axis1=2, axis2=3).sum(axis=0)
    within = energy[:-1].sum() >= _ALL * energy[-1]
    return products[:, :-1] if within and len(energy) > 1 else products[:, -1:]


def _products(spectra: np.ndarray) -> Float64[np.ndarray, "C C"]:
    flat = spectra.reshape(len(spectra), -1)
    return (flat.real @ flat.real.T + flat.imag @ flat.imag.T).astype(np.float64)
