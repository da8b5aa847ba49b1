# SPDX-License-Identifier: Apache-2.0
"""The front end of the audio encoders: a log spectrogram, z-normalised per frequency bin.

    P[t, f] = |sum_n h[n] x[t hop + n - window / 2] exp(-2 pi i f n / window)|^2,  h the periodic Hann window
    L[t, f] = 10 log10 max(P[t, f], 1e-10)
    S[t, f] = (L[t, f] - mean[f]) / std[f]

or, relative, (L[t, f] - the mean of L[., f] over the frames of this sound) / std[f]: what a microphone or a room
colours all the time is gone (cepstral mean normalisation; Atal, 1974). Thesis 2.7.1; with bands equally wide in mel
= 2595 log10(1 + frequency / 700 Hz) in the place of bins, 3.5.1. Time is the first spatial axis of the result:
[B, C, T, F], T frames, F bins or bands.
"""

import math
from typing import Any

import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn

from seehear.errors import InputError

FLOOR = 1e-10
"""Power below which everything is silence (-100 dB)."""


class LogSpectrogram(nn.Module):
    """Log spectrogram of `frames` time steps, `hop` samples apart, at `rate` Hz.

    `window` (samples) is the length of the transform. With `average` > 1 the constant bin is kept and the others are
    averaged in power in groups of that size: F = 1 + window / 2 / average; with `mel` they are averaged into so many
    bands. `relative` takes each bin's level relative to its mean over the sound. With `reflect` the sound is mirrored
    at its ends (it is longer than half a window then) instead of followed by silence; levels more than `span` (dB)
    below the loudest of a sound are raised to that. Mean and standard deviation (dB) are estimated from training data
    with `fit` and travel with the weights; NaN says that nobody knows them.
    """

    mean: Tensor
    std: Tensor
    hann: Tensor
    bands: Tensor | None

    def __init__(
        self,
        rate: int = 24_000,
        window: int = 512,
        hop: int = 240,
        frames: int = 200,
        average: int = 1,
        relative: bool = False,
        reflect: bool = False,
        span: float | None = None,
        mel: int | None = None,
    ) -> None:
        super().__init__()
        if min(rate, window, hop, frames, average) < 1:
            raise ValueError(f"expected whole numbers above 0, got {rate=} {window=} {hop=} {frames=} {average=}")
        self.arguments: dict[str, Any] = {"rate": rate, "window": window, "hop": hop, "frames": frames}
        self.arguments |= {"average": average, "relative": relative}
        # Only where they differ: runs from before these arguments keep their description, and resume.
        self.arguments |= ({"reflect": True} if reflect else {}) | ({} if span is None else {"span": span})
        self.arguments |= {} if mel is None else {"mel": mel}
        self.rate, self.window, self.hop, self.frames, self.average = rate, window, hop, frames, average
        self.relative, self.reflect, self.span = relative, reflect, span
        self.bins = mel or 1 + window // 2 // average
        self.register_buffer("mean", torch.zeros(self.bins))
        self.register_buffer("std", torch.ones(self.bins))
        self.register_buffer("hann", torch.hann_window(window), persistent=False)
        self.register_buffer("bands", mel_bands(rate, window, mel) if mel else None, persistent=False)

    @classmethod
    def paper(cls) -> "LogSpectrogram":
        """200 x 257 for 2 s at 24 kHz, 10 ms apart (thesis table 2.15)."""
        return cls()

    @classmethod
    def analysis(cls) -> "LogSpectrogram":
        """100 x 129 for 2 s at 24 kHz, 20 ms apart (thesis table 2.13)."""
        return cls(window=256, hop=480, frames=100)

    @classmethod
    def tiny(cls) -> "LogSpectrogram":
        """64 x 65 for 1.024 s at 16 kHz, 16 ms apart, relative to each sound's own spectrum."""
        return cls(rate=16_000, window=512, hop=256, frames=64, average=4, relative=True)

    @classmethod
    def published(cls) -> "LogSpectrogram":
        """200 x 257 for 2 s at 24 kHz as the published AVID weights were trained: windows of 43 ms, pairs of bins."""
        return cls(window=1024, average=2, reflect=True, span=100.0)

    @property
    def seconds(self) -> float:
        """Length of the sound that `frames` time steps cover (s)."""
        return self.frames * self.hop / self.rate

    def decibel(self, sound: Float32[Tensor, "B C N"]) -> Float32[Tensor, "B C T F"]:
        """10 log10 of the power of every frame that starts inside the sound, T = N / hop (at least one), in dB."""
        batch, channels, samples = sound.shape
        steps = max(samples // self.hop, 1)
        half = self.window // 2
        if self.reflect:
            padded = nn.functional.pad(sound, (half, half), mode="reflect")
        else:
            padded = nn.functional.pad(sound, (half, self.window))
        pieces = padded.unfold(-1, self.window, self.hop)[:, :, :steps]
        power = torch.fft.rfft(pieces * self.hann).abs().square()
        if self.average > 1:
            groups = power[..., 1:].reshape(batch, channels, steps, -1, self.average).mean(-1)
            power = torch.cat([power[..., :1], groups], dim=-1)
        if self.bands is not None:
            power = power @ self.bands
        level = 10 * power.clamp(min=FLOOR).log10()
        return level if self.span is None else level.maximum(level.amax((2, 3), keepdim=True) - self.span)

    def forward(
        self, sound: Float32[Tensor, "B C N"], stretch: Float[Tensor, "B"] | None = None
    ) -> Float32[Tensor, "B C T F"]:
        """The normalised spectrogram of the first `frames` steps.

        `stretch` is the temporal jitter of thesis 2.7.1: item b reads its time axis at steps k stretch[b] (linearly
        interpolated), so that `seconds * stretch` of sound fill the same number of frames. Raises InputError without
        statistics.
        """
        if self.std.isnan().any():
            raise InputError("expected a spectrogram with statistics, this one has none: seehear import --statistics")
        level = self.decibel(sound)
        if stretch is not None:
            level = _read_at(level, stretch[:, None] * torch.arange(self.frames, device=level.device))
        level = level[:, :, : self.frames]
        usual = level.mean(2, keepdim=True) if self.relative else self.mean
        missing = self.frames - level.shape[2]
        if missing > 0:
            level = nn.functional.pad(level, (0, 0, 0, missing), value=-100.0)
        return (level - usual) / self.std

    def fit(self, sounds: list[Float32[Tensor, "B C N"]]) -> None:
        """Estimate mean and standard deviation of every bin (dB) over batches of sound."""
        decibels = [self.decibel(sound).double() for sound in sounds]
        if self.relative:
            decibels = [level - level.mean(2, keepdim=True) for level in decibels]
        levels = torch.cat([level.flatten(0, 2) for level in decibels])
        self.mean.copy_(levels.mean(0))
        # A bin that never moves (digital silence) would divide by zero: 1 dB is far below any real spread.
        self.std.copy_(levels.std(0, correction=0).clamp(min=1.0))


def mel_bands(rate: int, window: int, count: int) -> Float32[Tensor, "F M"]:
    """Shares of each bin in `count` bands, triangles over mel that overlap by half, from 0 Hz to rate / 2 (Hz).

    A band is a mean of power. A bin counts as the interval around it, so that no band is empty, however narrow.
    """
    parts = 64
    top = 2595 * math.log10(1 + rate / 2 / 700)
    edges = 700 * (10 ** (torch.linspace(0, top, count + 2, dtype=torch.float64) / 2595) - 1)
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    places = (torch.arange((window // 2 + 1) * parts, dtype=torch.float64) + 0.5) / parts - 0.5
    frequency = (places * rate / window)[:, None]
    triangles = torch.minimum((frequency - low) / (centre - low), (high - frequency) / (high - centre)).clamp(min=0)
    shares = triangles.unflatten(0, (-1, parts)).mean(1)
    return (shares / shares.sum(0)).float()


def _read_at(level: Float[Tensor, "B C S F"], position: Float[Tensor, "B T"]) -> Float[Tensor, "B C T F"]:
    """Linear interpolation of the time axis at fractional positions, held at the end."""
    position = position.clamp(max=level.shape[2] - 1)
    before = position.floor().long()
    after = (before + 1).clamp(max=level.shape[2] - 1)
    weight = (position - before)[:, None, :, None]
    rows = torch.arange(len(level), device=level.device)[:, None]
    by_time = level.transpose(1, 2)
    here, there = by_time[rows, before].transpose(1, 2), by_time[rows, after].transpose(1, 2)
    return here + weight * (there - here)
