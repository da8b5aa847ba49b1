# SPDX-License-Identifier: Apache-2.0
"""Is a picture a panorama, and of how many eyes? What its pixels say.

An equirectangular picture goes once around, so that its last column borders on its first, and each of its poles is one
point, so that its first and its last row are nearly constant. With two eyes both of this holds for each half, and the
halves are alike. The picture of an eye is 2:1, or was squeezed so that the whole is 16:9 or 2:1. Levels are grey
levels of 0 to 255.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8

from seehear.errors import MediaError
from seehear.media.container import Media, Source, opened
from seehear.media.pictures import Painter, frames
from seehear.media.probe import Probe

LAYOUTS = ("mono", "top-bottom", "left-right")

_FRAMES = 4
_WIDEST = 1024  # pixels that are looked at in a row
_SEAM = 0.3  # of the difference between columns a third of the picture apart
_STEPS = 3.5  # differences between neighbouring columns; codecs and stitching add to the seam
_POLE = 0.3  # spread of the pole's row to that of the rows between
_CONTRAST = 8.0  # below it a picture or its edge says nothing
_ALIKE = 0.6  # correlation of the pictures of two eyes


@dataclass(frozen=True)
class Eye:
    """What one eye's picture shows: `seam`, last column to first, `step`, column to column, and `far`, a third of the
    picture apart, are mean differences; `edge` and `row` are spreads, of the first column and of the middle rows;
    `pole` is the larger spread of the first and the last row.
    """

    seam: float
    step: float
    far: float
    edge: float
    row: float
    pole: float

    @property
    def poles(self) -> bool:
        """Whether the first and the last row are nearly constant, compared with those between."""
        return self.pole <= _POLE * self.row

    @property
    def telling(self) -> bool:
        """Whether there is enough in the picture, and at its edge, to tell by; black bars say nothing."""
        return self.row >= _CONTRAST and (not self.poles or self.edge >= max(0.2 * self.far, _CONTRAST))

    @property
    def around(self) -> bool:
        """Whether it goes once around and has poles."""
        seam = self.seam <= _SEAM * self.far and self.seam <= _STEPS * max(self.step, 1.0)
        return self.telling and seam and self.poles


@dataclass(frozen=True)
class Look:
    """The verdict of the pixels: `panorama` is None where they cannot tell; `words` say why."""

    panorama: bool | None
    stereo: str
    words: str


def look(source: Source, seen: Probe) -> Look:
    """Judge a few key frames. Raises MediaError when none can be decoded."""
    pictures = key_frames(source, seen)
    found = [judge(picture) for picture in pictures]
    for stereo in ("top-bottom", "left-right", "mono"):
        there = [one for one in found if one.panorama and one.stereo == stereo]
        if 2 * len(there) > sum(one.panorama is not None for one in found):
            return there[len(there) // 2]
    flat = [one for one in found if one.panorama is False]
    return flat[len(flat) // 2] if flat else found[0]


def judge(picture: UInt8[np.ndarray, "H W"]) -> Look:
    """The verdict of one picture in grey."""
    if min(picture.shape) < 16:
        return Look(False, "mono", "too small to be a panorama")
    grey = picture.astype(np.float32)
    for stereo in ("top-bottom", "left-right", "mono"):
        eyes = halves(grey, stereo)
        shape, found = shape_of(picture.shape, eyes[0].shape), [measure(eye) for eye in eyes]
        alike = stereo == "mono" or correlation(*eyes) >= _ALIKE
        if shape and alike and all(eye.around for eye in found):
            return Look(True, stereo, f"{_words(found[0])}; {shape}")
    whole, (height, width) = measure(grey), picture.shape
    if not any(shape_of(picture.shape, halves(grey, stereo)[0].shape) for stereo in LAYOUTS):
        return Look(False, "mono", f"its shape {width / height:.2f}:1 is that of no panorama")
    if not whole.telling:
        return Look(None, "mono", "the picture, or its edge, has too little contrast to tell whether it goes around")
    return Look(False, "mono", _words(whole))


def measure(grey: Float32[np.ndarray, "H W"]) -> Eye:
    """The measures of one eye's picture."""
    height, width = grey.shape
    middle = grey[height // 4 : max(3 * height // 4, height // 4 + 1)]
    return Eye(
        seam=float(np.abs(grey[:, 0] - grey[:, -1]).mean()),
        step=float(np.abs(np.diff(grey, axis=1)).mean()),
        far=float(np.abs(grey - np.roll(grey, width // 3, axis=1)).mean()),
        edge=float(grey[:, 0].std()),
        row=float(middle.std(axis=1).mean()),
        pole=float(max(grey[0].std(), grey[-1].std())),
    )


def halves(grey: Float32[np.ndarray, "H W"], stereo: str) -> tuple[Float32[np.ndarray, "h w"], ...]:
    """The pictures of the eyes."""
    height, width = grey.shape
    if stereo == "top-bottom":
        return grey[: height // 2], grey[height - height // 2 :]
    if stereo == "left-right":
        return grey[:, : width // 2], grey[:, width - width // 2 :]
    return (grey,)


def correlation(a: Float32[np.ndarray, "H W"], b: Float32[np.ndarray, "H W"]) -> float:
    """Pearson's correlation of two pictures; 0 when one is constant."""
    a, b = a - a.mean(), b - b.mean()
    power = float(np.sqrt(np.square(a).sum() * np.square(b).sum()))
    return float((a * b).sum()) / power if power else 0.0


def shape_of(picture: tuple[int, ...], eye: tuple[int, ...]) -> str:
    """Why a picture (height, width) may hold panoramas of one eye's height and width; empty when it may not."""
    if abs(eye[1] / eye[0] - 2) < 0.1:
        return "its shape is 2:1"
    for shape, ratio in (("16:9", 16 / 9), ("2:1", 2)):
        if abs(picture[1] / picture[0] - ratio) < 0.05:
            return f"its shape of 2:1 was squeezed to fit into {shape}"
    return ""


def key_frames(source: Source, seen: Probe, count: int = _FRAMES) -> list[UInt8[np.ndarray, "H W"]]:
    """Some key frames in grey, spread over the file; in their place one from the middle when they show nothing."""
    height, width = seen.height, seen.width
    if width > _WIDEST:
        height, width = max(1, round(height * _WIDEST / width)), _WIDEST
    with opened(source) as media:
        paint = Painter((height, width))
        pictures = [paint(frame) for frame in _keys(media, count)]
    if not seen.still and all(picture.std() < _CONTRAST for picture in pictures):
        pictures += list(frames(source, seen.duration / 2, 1, 1.0, (height, width)))
    return [picture.mean(axis=-1).astype(np.uint8) for picture in pictures]


def _keys(media: Media, count: int) -> Any:
    """The key frames at or before `count` instants, each once."""
    stream = media.picture
    if media.image:
        yield next(media.container.decode(stream))
        return
    stream.codec_context.skip_frame = "NONKEY"
    seconds = float((stream.duration or 0) * stream.time_base)
    last = None
    for number in range(count if seconds else 1):
        if number:
            at = (stream.start_time or 0) + int(seconds * number / count / stream.time_base)
            media.container.seek(at, stream=stream)
        frame = next(media.container.decode(stream), None)
        if frame is None and not number:
            raise MediaError(media.name, "corrupt", "no frame could be decoded")
        if frame is not None and frame.pts != last:
            yield frame
            last = frame.pts


def _words(eye: Eye) -> str:
    return (
        f"the last column differs from the first by {eye.seam:.1f} grey levels, neighbours by {eye.step:.1f}, columns "
        f"far apart by {eye.far:.1f}; the rows at the poles spread by {eye.pole:.1f}, those between by {eye.row:.1f}"
    )
