# SPDX-License-Identifier: Apache-2.0
"""Clip -> views: which half second is seen, which second is heard, and how both are varied (thesis 2.7.1, table 2.9).

A view has two halves. `cut` runs in a loader worker, once a clip: it draws every random number from the generator it
is given, decodes only the window it needs and returns small arrays (pixels as uint8) together with its draws. `finish`
runs on the device, once a batch, and is a pure function of what was cut: float, mirror, colour, volume, spectrogram.
The result therefore depends on (seed, epoch, item) alone, not on batches, workers or processes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from math import exp, gcd, log, sqrt
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, UInt8
from torch import Tensor

from seehear.clip import Clip
from seehear.signal.layout import to_mono
from seehear.signal.spectrogram import LogSpectrogram

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and spread of red, green and blue in natural photographs, by which pictures are normalised."""

TO_YIQ = torch.tensor([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])


@dataclass(frozen=True)
class AudioVisual:
    """One window of pictures "video" [B, 3, T, size, size] and one of sound "audio" [B, 1, frames, bins].

    T = `count` frames at `fps`. `area` and `ratio` bound the random crop (fraction of the picture, width / height);
    `colour` holds the strengths of brightness, contrast, saturation and hue; `grey` and `blur` how often pictures lose
    their colour, or are blurred by a Gaussian of .1 to 2 pixels (Chen et al., 2020); `volume` the relative gain;
    `offset` (s) how far the sound may start from the pictures; `stretch` the factors of its temporal jitter.
    With `position` set (0 .. 1) nothing is random: the window at that fraction of the clip, the centre crop.
    Of `modalities` only one may be wanted: what is left out is neither decoded nor made.
    """

    count: int = 8
    fps: float = 16.0
    size: int = 112
    area: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    mirror: float = 0.5
    colour: tuple[float, float, float, float] = (0.4, 0.4, 0.4, 0.2)
    grey: float = 0.0
    blur: float = 0.0
    volume: float = 0.1
    offset: float = 0.5
    stretch: tuple[float, float] = (0.7, 1.4)
    front: LogSpectrogram = field(default_factory=LogSpectrogram.paper)
    position: float | None = None
    modalities: tuple[str, ...] = ("video", "audio")

    @property
    def arguments(self) -> dict[str, Any]:
        """What rebuilds these views, as plain JSON values (the front end's statistics live in the checkpoint)."""
        fields = (
            (name, value) for name, value in vars(self).items() if name not in ("front", "position", "modalities")
        )
        # Only where they are used: runs from before grey and blurred pictures keep their description, and resume.
        fields = ((name, value) for name, value in fields if value or name not in ("grey", "blur"))
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in fields}
        return {**plain, "front": self.front.arguments}

    @classmethod
    def rebuild(cls, arguments: dict[str, Any]) -> "AudioVisual":
        """The inverse of `arguments`; raises ValueError for views of nothing."""
        if not (arguments["count"] > 0 and arguments["fps"] > 0 and arguments["size"] > 0):
            raise ValueError(f"expected views of frames, got {arguments}")
        plain: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in arguments.items()}
        plain["front"] = LogSpectrogram(**arguments["front"])
        return cls(**plain)

    def at(self, position: float) -> "AudioVisual":
        """The evaluation view of the window at fraction `position` of the clip."""
        return replace(self, position=position)

    def only(self, *modalities: str) -> "AudioVisual":
        """The same views of these modalities alone, for clips without pictures or without sound."""
        return replace(self, modalities=modalities)

    def for_workers(self) -> "AudioVisual":
        """The same views without their statistics, small and on the CPU: all that `cut` needs in another process."""
        return replace(self, front=LogSpectrogram(**self.front.arguments))

    def fit_front(self, clips: Iterable[Clip], generator: np.random.Generator) -> None:
        """Estimate the front end's statistics from one random window of each clip."""
        windows = []
        for clip in clips:
            start = generator.uniform(0, max(clip.duration - self.front.seconds, 0.0))
            sound = to_mono(clip.sound(start, self.front.seconds, self.front.rate), clip.layout)
            windows.append(torch.from_numpy(sound)[None])
        self.front.cpu().fit(windows)

    def cut(self, clip: Clip, generator: np.random.Generator) -> dict[str, np.ndarray]:
        """Draw, decode, crop and resize: "pixels" uint8 [T, size, size, 3], "samples" int16 [N], and the draws.

        One modality alone is cut from the window that it would be cut from beside the other.
        """
        fixed = self.position is not None
        jitter = 1.0 if fixed else self.stretch[1]
        seen, heard = self.count / self.fps, self.front.seconds * jitter
        free = max(clip.duration - seen, 0.0)
        start = free * (self.position if self.position is not None else generator.random())
        # The sound starts within `offset` of the pictures and inside the clip; a fixed window shares its centre.
        shift = (seen - heard) / 2 if fixed else generator.uniform(-self.offset, self.offset)
        begin = float(np.clip(start + shift, 0.0, max(clip.duration - heard, 0.0)))
        cuts: dict[str, np.ndarray] = {}
        if "video" in self.modalities:
            frames = clip.frames(start, self.count, self.fps)
            box = centre_box(frames) if fixed else random_box(frames, self.area, self.ratio, generator)
            cuts["pixels"] = resize(frames[:, box[0] : box[1], box[2] : box[3]], self.size)
        if "audio" in self.modalities:
            sound = to_mono(clip.sound(begin, heard, self.front.rate), clip.layout)[0]
            cuts["samples"] = np.round(np.clip(sound, -1, 1) * 32767).astype(np.int16)
        count = 10 if self.grey or self.blur else 7
        draws = np.zeros(count) if fixed else generator.random(count)
        return {**cuts, "draws": draws.astype(np.float32)}

    def finish(self, cuts: dict[str, Tensor]) -> dict[str, Tensor]:
        """Cut arrays, stacked [B, ...] on a device, to the views "video" and "audio", or to the one that was cut."""
        views: dict[str, Tensor] = {}
        if "pixels" in cuts:
            views["video"] = self._finish_pixels(cuts["pixels"], cuts["draws"])
        if "samples" in cuts:
            views["audio"] = self._finish_samples(cuts["samples"], cuts["draws"])
        return views

    def _finish_pixels(self, pixels: UInt8[Tensor, "B T H W 3"], draws: Tensor) -> Float32[Tensor, "B 3 T H W"]:
        if self.position is not None:
            return _normalise(pixels, None)
        flip = draws[:, 0] < self.mirror
        pixels = torch.where(flip[:, None, None, None, None], pixels.flip(3), pixels)
        grey = draws[:, 7] < self.grey if self.grey else None
        video = _normalise(pixels, colour_map(pixels, 2 * draws[:, 1:5] - 1, self.colour, grey))
        if not self.blur:
            return video
        return blurred(video, torch.where(draws[:, 8] < self.blur, 0.1 + 1.9 * draws[:, 9], 0.0))

    def _finish_samples(self, samples: Tensor, draws: Tensor) -> Float32[Tensor, "B 1 T F"]:
        sound = (samples.float() / 32767)[:, None]
        if self.position is not None:
            return self.front(sound)
        gain = 1 + self.volume * (2 * draws[:, 5] - 1)
        low, high = self.stretch
        stretch = low * (high / low) ** draws[:, 6] if high > low else None
        return self.front(sound * gain[:, None, None], stretch)


def random_box(
    frames: UInt8[np.ndarray, "T H W 3"],
    area: tuple[float, float],
    ratio: tuple[float, float],
    generator: np.random.Generator,
) -> tuple[int, int, int, int]:
    """Top, bottom, left, right of a crop whose area and log aspect ratio are uniform; centre crop if none fits."""
    height, width = frames.shape[1:3]
    for _ in range(10):
        share = generator.uniform(*area) * height * width
        aspect = exp(generator.uniform(log(ratio[0]), log(ratio[1])))
        w, h = round(sqrt(share * aspect)), round(sqrt(share / aspect))
        if 0 < w <= width and 0 < h <= height:
            top, left = int(generator.integers(height - h + 1)), int(generator.integers(width - w + 1))
            return top, top + h, left, left + w
    return centre_box(frames)


def centre_box(frames: UInt8[np.ndarray, "T H W 3"]) -> tuple[int, int, int, int]:
    """Top, bottom, left, right of the largest square in the middle."""
    height, width = frames.shape[1:3]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return top, top + side, left, left + side


def resize(frames: UInt8[np.ndarray, "T h w 3"], size: int) -> UInt8[np.ndarray, "T size size 3"]:
    """Frames of size x size pixels: area averages when shrinking, bilinear when growing."""
    try:
        import cv2
    except ImportError:
        stacked = torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float()
        resized = torch.nn.functional.interpolate(stacked, (size, size), mode="bilinear", antialias=True)
        return resized.round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
    method = cv2.INTER_AREA if min(frames.shape[1:3]) > size else cv2.INTER_LINEAR
    return np.stack([cv2.resize(frame, (size, size), interpolation=method) for frame in frames])


def colour_map(
    pixels: UInt8[Tensor, "B T H W 3"],
    draw: Float[Tensor, "B 4"],
    strength: tuple[float, float, float, float],
    grey: Bool[Tensor, "B"] | None = None,
) -> tuple[Float32[Tensor, "B 3 3"], Float32[Tensor, "B 3"]] | None:
    """The affine map of RGB in [0, 1] that jitters brightness, contrast, saturation and hue of each item.

    With draws in [-1, 1] and strengths s: brightness and contrast and saturation are factors 1 + s draw, hue is a
    rotation of the colour plane by 2 pi s draw. Contrast keeps the mean grey of the item. Of items that are `grey` only
    the brightness is left.
    """
    if not any(strength) and grey is None:
        return None
    factor = 1 + draw[:, :3] * draw.new_tensor(strength[:3])
    angle = 2 * torch.pi * strength[3] * draw[:, 3]
    to_yiq = TO_YIQ.to(draw)
    turn = torch.zeros(len(draw), 3, 3, device=draw.device)
    turn[:, 0, 0] = 1
    turn[:, 1, 1] = turn[:, 2, 2] = factor[:, 2] * angle.cos()
    turn[:, 1, 2], turn[:, 2, 1] = -factor[:, 2] * angle.sin(), factor[:, 2] * angle.sin()
    matrix = torch.linalg.inv(to_yiq) @ turn @ to_yiq * (factor[:, 0] * factor[:, 1])[:, None, None]
    if grey is not None:
        matrix = torch.where(grey[:, None, None], (to_yiq[0] @ matrix)[:, None], matrix)
    # Every fourth pixel is plenty for one mean.
    mean = pixels[:, :, ::4, ::4].float().mean(dim=(1, 2, 3)) / 255
    offset = (mean @ to_yiq[0]) * factor[:, 0] * (1 - factor[:, 1])
    return matrix, offset[:, None].expand(-1, 3)


def blurred(video: Float32[Tensor, "B C T H W"], sigma: Float[Tensor, "B"]) -> Float32[Tensor, "B C T H W"]:
    """Every frame of item b blurred by a Gaussian of standard deviation sigma[b] (pixels), as it is where that is 0.

    Along each axis y_i = sum_j w_ij x_j / sum_j w_ij, w_ij = exp(-(i - j)^2 / 2 sigma^2): edges stay as bright.
    """
    # So narrow a Gaussian is the pixel itself.
    width = sigma.clamp(min=1e-3)[:, None, None]
    rows, columns = (torch.arange(size, device=video.device) for size in video.shape[3:])
    down, across = (
        torch.softmax(-(axis[:, None] - axis).square() / (2 * width.square()), dim=2) for axis in (rows, columns)
    )
    return torch.einsum("bij,bctjk,blk->bctil", down, video, across)


def _normalise(
    pixels: UInt8[Tensor, "B T H W 3"], colour: tuple[Tensor, Tensor] | None
) -> Float32[Tensor, "B 3 T H W"]:
    """Pixels as numbers of mean 0 and spread 1; the memory stays channels-last, which video convolutions like."""
    # Several pixels at a time: three numbers alone leave the lanes of a matrix product empty.
    together = gcd(pixels[0, ..., 0].numel(), 16)
    video = pixels.float().reshape(len(pixels), -1, 3 * together)
    mean, std = (video.new_tensor(numbers).repeat(together) for numbers in (MEAN, STD))
    if colour is None:
        video.sub_(255 * mean).div_(255 * std)
    else:
        matrix, offset = colour
        each = matrix.mT / (255 * std[:3])
        blocks = torch.einsum("ij,bkl->bikjl", torch.eye(together).to(each), each).flatten(3, 4).flatten(1, 2)
        shift = (offset.repeat(1, together) - mean) / std
        video = torch.baddbmm(shift[:, None], video, blocks).clamp_(-mean / std, (1 - mean) / std)
    return video.view(pixels.shape).permute(0, 4, 1, 2, 3)
