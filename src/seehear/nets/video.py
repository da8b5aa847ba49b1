# SPDX-License-Identifier: Apache-2.0
"""R(2+1)D video encoders: every 3-D convolution is a spatial one followed by a temporal one.

Thesis tables 2.12 (analysis, no pool in the stem) and 2.14 (pool in the stem). Unlike Tran et al. (2018) there is no
widening between the two halves: spatial in -> out, temporal out -> out. Depth counts the two-halves convolutions of the
blocks plus the stem: 9 has one block a stage, 18 has two.
"""

from collections.abc import Sequence
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from seehear.clip import Features


class Residual(nn.Module):
    """Two factorised convolutions and a shortcut: ReLU(BN(conv(conv(x)) + shortcut(x))).

    `stride` acts on space in the first spatial and on time in the first temporal convolution. The shortcut is the
    identity, or a 1x1x1 convolution without bias or batch norm where the shape changes; batch norm follows the sum.
    """

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.spatial1 = nn.Conv3d(channels, out, (1, 3, 3), (1, stride, stride), (0, 1, 1), bias=False)
        self.norm1 = nn.BatchNorm3d(out)
        self.temporal1 = nn.Conv3d(out, out, (3, 1, 1), (stride, 1, 1), (1, 0, 0), bias=False)
        self.norm2 = nn.BatchNorm3d(out)
        self.spatial2 = nn.Conv3d(out, out, (1, 3, 3), 1, (0, 1, 1), bias=False)
        self.norm3 = nn.BatchNorm3d(out)
        self.temporal2 = nn.Conv3d(out, out, (3, 1, 1), 1, (1, 0, 0), bias=False)
        self.norm4 = nn.BatchNorm3d(out)
        same = stride == 1 and channels == out
        self.shortcut = nn.Identity() if same else nn.Conv3d(channels, out, 1, stride, bias=False)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Float[Tensor, "B c t h w"]) -> Float[Tensor, "B d u v x"]:
        """Return the block's activation."""
        y = self.relu(self.norm1(self.spatial1(x)))
        y = self.relu(self.norm2(self.temporal1(y)))
        y = self.relu(self.norm3(self.spatial2(y)))
        return self.relu(self.norm4(self.temporal2(y) + self.shortcut(x)))


class R2Plus1D(nn.Module):
    """Video encoder [B, 3, T, H, W] -> Features: blocks conv1, block2 .. block5, pool; 8 width pooled numbers.

    `width` is the number of channels of the first block (64 in the thesis); `strides` are those of blocks 2 to 5. The
    `stem` (conv1) is a 3 x 7 x 7 convolution with batch norm and ReLU ("plain"), these and a spatial pool ("pooled"),
    or for few small frames a 1 x 5 x 5 convolution that is pooled before it is normalised ("light").
    7,015,616 (depth 9) and 15,379,136 (depth 18) parameters at width 64. Pooling is the maximum over time and space.
    """

    def __init__(
        self,
        depth: int = 9,
        width: int = 64,
        stem: Literal["plain", "pooled", "light"] = "pooled",
        strides: Sequence[int] = (1, 2, 2, 2),
    ) -> None:
        super().__init__()
        if depth not in (9, 18):
            raise ValueError(f"expected depth 9 or 18, got {depth}")
        if stem not in ("plain", "pooled", "light"):
            raise ValueError(f"expected a stem that is plain, pooled or light, got {stem!r}")
        self.arguments = {"depth": depth, "width": width, "stem": stem, "strides": list(strides)}
        self.dimension: int = 8 * width
        kernel = (1, 5, 5) if stem == "light" else (3, 7, 7)
        padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
        convolution = nn.Conv3d(3, width, kernel, (1, 2, 2), padding, bias=False)
        normalised = [nn.BatchNorm3d(width), nn.ReLU(inplace=True)]
        pool = nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1))
        after = {"plain": normalised, "pooled": [*normalised, pool], "light": [pool, *normalised]}[stem]
        self.conv1 = nn.Sequential(convolution, *after)
        channels = width
        for number, stride in enumerate(strides):
            out = width * 2**number
            blocks = [Residual(channels, out, stride)]
            blocks += [Residual(out, out, 1) for _ in range(depth // 9 - 1)]
            setattr(self, f"block{number + 2}", nn.Sequential(*blocks))
            channels = out

    @classmethod
    def analysis(cls, width: int = 64) -> "R2Plus1D":
        """Depth 9 without a pool in the stem (thesis table 2.12; 16 x 112 x 112 input)."""
        return cls(9, width, "plain")

    @classmethod
    def pooled(cls, depth: int = 18, width: int = 64) -> "R2Plus1D":
        """A pool in the stem (thesis table 2.14 at depth 18; 8 x 224 x 224 input)."""
        return cls(depth, width)

    @classmethod
    def tiny(cls, width: int = 16) -> "R2Plus1D":
        """Depth 9 with the light stem: a quarter of the stem's time, and more learnt in each step (docs/log.md)."""
        return cls(9, width, "light")

    def forward(self, video: Float[Tensor, "B 3 T H W"]) -> Features:
        """Return every block and the pooled embedding."""
        blocks = {"conv1": (x := self.conv1(video))}
        for name in ("block2", "block3", "block4", "block5"):
            blocks[name] = x = getattr(self, name)(x)
        pooled = x.amax(dim=(2, 3, 4))
        return Features({**blocks, "pool": pooled}, pooled)
