# SPDX-License-Identifier: Apache-2.0
"""Conv2D audio encoder: a 9-layer convolutional network on a spectrogram whose first axis is time.

Thesis tables 2.13 (analysis: block 2 keeps the resolution) and 2.15 (block 2 halves it, for larger spectrograms).
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from seehear.clip import Features


class FewChannels(nn.Conv2d):
    """A convolution without bias of one or a few channels, computed with channels innermost.

    The numbers are the same; on the CPU the first convolution of the tiny net takes 2.7 ms instead of 7.1. What it
    returns has channels outermost again, so that nothing after it changes.
    """

    def forward(self, input: Float[Tensor, "B C T F"]) -> Float[Tensor, "B D U V"]:
        # Unlike `contiguous`, `to` also tells the layouts of a single channel apart.
        weight = self.weight.to(memory_format=torch.channels_last)
        return nn.functional.conv2d(input, weight, None, self.stride, self.padding).contiguous()


def _convolution(
    channels: int, out: int, kernel: int, stride: int, kind: type[nn.Conv2d] = nn.Conv2d
) -> list[nn.Module]:
    """Convolution without bias, batch norm, ReLU."""
    convolution = kind(channels, out, kernel, stride, kernel // 2, bias=False)
    return [convolution, nn.BatchNorm2d(out), nn.ReLU(inplace=True)]


class Conv2D(nn.Module):
    """Audio encoder [B, C, T, F] -> Features: blocks conv1, block2 .. block5, pool; 8 width pooled numbers.

    `strides` are those of blocks 2 to 5; `channels` is 1 for mono. 4,725,696 parameters at width 64 and one channel.
    Pooling is the maximum over time and frequency.
    """

    def __init__(self, width: int = 64, channels: int = 1, strides: Sequence[int] = (2, 2, 2, 1)) -> None:
        super().__init__()
        self.arguments = {"width": width, "channels": channels, "strides": list(strides)}
        self.dimension: int = 8 * width
        self.conv1 = nn.Sequential(*_convolution(channels, width, 7, 2, FewChannels))
        previous = width
        for number, stride in enumerate(strides):
            out = width * 2**number
            layers = _convolution(previous, out, 3, stride) + _convolution(out, out, 3, 1)
            setattr(self, f"block{number + 2}", nn.Sequential(*layers))
            previous = out

    @classmethod
    def analysis(cls, width: int = 64, channels: int = 1) -> "Conv2D":
        """Block 2 keeps the resolution (thesis table 2.13; 100 x 129 input)."""
        return cls(width, channels, (1, 2, 2, 1))

    @classmethod
    def pooled(cls, width: int = 64, channels: int = 1) -> "Conv2D":
        """Block 2 halves the resolution (thesis table 2.15; 200 x 257 input)."""
        return cls(width, channels, (2, 2, 2, 1))

    def forward(self, audio: Float[Tensor, "B C T F"]) -> Features:
        """Return every block and the pooled embedding."""
        blocks = {"conv1": (x := self.conv1(audio))}
        for name in ("block2", "block3", "block4", "block5"):
            blocks[name] = x = getattr(self, name)(x)
        pooled = x.amax(dim=(2, 3))
        return Features({**blocks, "pool": pooled}, pooled)
