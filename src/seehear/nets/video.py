# SPDX-License-Identifier: Apache-2.0
"""R(2+1)D video encoders: every 3-D convolution is a spatial one followed by a temporal one.

Thesis tables 2.12 (analysis, no pool in the stem) and 2.14 (pool in the stem). Unlike Tran et al. (2018) there is no
widening between the two halves: spatial in -> out, temporal out -> out. Depth counts the two-halves convolutions of the
blocks plus the stem: 9 has one block a stage, 18 has two.
"""

from collections.abc import Sequence

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

    `width` is the number of channels of the first block (64 in the thesis); `strides` are those of blocks 2 to 5,
    `stem_stride` that of the first convolution.
    7,015,616 (depth 9) and 15,379,136 (depth 18) parameters at width 64. Pooling is the maximum over time and space.
    """

    def __init__(
        self,
        depth: int = 9,
        width: int = 64,
        stem_pool: bool = True,
        strides: Sequence[int] = (1, 2, 2, 2),
        stem_stride: int = 2,
    ) -> None:
        super().__init__()
        if depth not in (9, 18):
            raise ValueError(f"expected depth 9 or 18, got {depth}")
        self.arguments = {"depth": depth, "width": width, "stem_pool": stem_pool, "strides": list(strides)}
        self.arguments["stem_stride"] = stem_stride
        self.dimension: int = 8 * width
        layers: list[nn.Module] = [
            nn.Conv3d(3, width, (3, 7, 7), (1, stem_stride, stem_stride), (1, 3, 3), bias=False),
            nn.BatchNorm3d(width),
            nn.ReLU(inplace=True),
        ]
        if stem_pool:
            layers.append(nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)))
        self.conv1 = nn.Sequential(*layers)
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
        return cls(9, width, stem_pool=False)

    @classmethod
    def pooled(cls, depth: int = 18, width: int = 64) -> "R2Plus1D":
        """A pool in the stem (thesis table 2.14 at depth 18; 8 x 224 x 224 input)."""
        return cls(depth, width, stem_pool=True)

    @classmethod
    def tiny(cls, width: int = 16) -> "R2Plus1D":
        """Depth 9 with maps as small as after a pool, by a stride of 4 in the stem: a fifth of the stem's time."""
        return cls(9, width, stem_pool=False, stem_stride=4)

    def forward(self, video: Float[Tensor, "B 3 T H W"]) -> Features:
        """Return every block and the pooled embedding."""
        blocks = {"conv1": (x := self.conv1(video))}
        for name in ("block2", "block3", "block4", "block5"):
            blocks[name] = x = getattr(self, name)(x)
        pooled = x.amax(dim=(2, 3, 4))
        return Features({**blocks, "pool": pooled}, pooled)
