"""Encoders against the tables of the thesis."""

import pytest
import torch
from torch import nn

from seehear.nets.audio import Conv2D, FewChannels
from seehear.nets.heads import projection
from seehear.nets.video import R2Plus1D


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_parameter_counts_of_the_published_networks():
    assert count(R2Plus1D()) == 7_015_616
    assert count(R2Plus1D.pooled(18)) == 15_379_136
    assert count(Conv2D.pooled()) == 4_725_696
    assert count(Conv2D.analysis()) == 4_725_696
    assert count(projection(512)) == 590_976


@pytest.mark.parametrize(
    ("net", "size", "shapes"),
    [
        # Table 2.12: X_t and X_s of conv1, block2 .. block5.
        (R2Plus1D.analysis(8), (16, 112), [(16, 56), (16, 56), (8, 28), (4, 14), (2, 7)]),
        # Table 2.14, where conv1 is followed by its pool.
        (R2Plus1D.pooled(18, 8), (8, 224), [(8, 56), (8, 56), (4, 28), (2, 14), (1, 7)]),
        # The same maps without a pool.
        (R2Plus1D.tiny(8), (8, 224), [(8, 56), (8, 56), (4, 28), (2, 14), (1, 7)]),
    ],
)
def test_video_shapes_of_the_tables(net, size, shapes):
    frames, pixels = size
    features = net.eval()(torch.zeros(1, 3, frames, pixels, pixels))
    assert [tuple(block.shape[2:4]) for block in list(features.blocks.values())[:5]] == shapes
    assert [block.shape[1] for block in features.blocks.values()] == [8, 8, 16, 32, 64, 64]
    assert torch.equal(features.pooled, features.blocks["block5"].amax((2, 3, 4)))


@pytest.mark.parametrize(
    ("net", "size", "shapes"),
    [
        (Conv2D.analysis(8), (100, 129), [(50, 65), (50, 65), (25, 33), (13, 17), (13, 17)]),
        (Conv2D.pooled(8), (200, 257), [(100, 129), (50, 65), (25, 33), (13, 17), (13, 17)]),
    ],
)
def test_audio_shapes_of_the_tables(net, size, shapes):
    features = net.eval()(torch.zeros(1, 1, *size))
    assert [tuple(block.shape[2:]) for block in list(features.blocks.values())[:5]] == shapes
    assert torch.equal(features.pooled, features.blocks["block5"].amax((2, 3)))


@pytest.mark.parametrize("channels", [1, 4])
def test_the_first_convolution_of_sound_is_that_of_torch_in_another_layout(channels, monkeypatch):
    torch.manual_seed(0)
    plain, ours = (kind(channels, 16, 7, 2, 3, bias=False) for kind in (nn.Conv2d, FewChannels))
    ours.load_state_dict(plain.state_dict())
    computed, convolve = [], nn.functional.conv2d
    monkeypatch.setattr(nn.functional, "conv2d", lambda *given: computed.append(convolve(*given)) or computed[-1])
    x, gradient = torch.randn(3, channels, 20, 17), torch.randn(3, 16, 10, 9)
    said = [net(x) for net in (plain, ours)]
    for one in said:
        one.backward(gradient)
    assert computed[1].stride(1) == 1
    # Norms, optimisers and checkpoints see the usual layout.
    assert all(tensor.is_contiguous() for tensor in (said[1], ours.weight, ours.weight.grad))
    torch.testing.assert_close(said[1], said[0])
    torch.testing.assert_close(ours.weight.grad, plain.weight.grad)


def test_shortcuts_have_no_bias_and_no_norm_and_blocks_are_residual():
    net = R2Plus1D.pooled(18, 4).eval()
    shortcuts = {n: m for n, m in net.named_modules() if n.endswith("shortcut") and isinstance(m, nn.Conv3d)}
    assert len(shortcuts) == 3
    assert all(shortcut.bias is None for shortcut in shortcuts.values())
    # With silent convolutions a block hands its input through its last norm: identity at initial statistics.
    block = net.block2[1]
    for convolution in (m for m in block.modules() if isinstance(m, nn.Conv3d)):
        nn.init.zeros_(convolution.weight)
    x = torch.rand(1, 4, 3, 5, 5)
    torch.testing.assert_close(block(x), x / (1 + block.norm4.eps) ** 0.5)


def test_depth_is_checked():
    with pytest.raises(ValueError, match="9 or 18"):
        R2Plus1D(10)
