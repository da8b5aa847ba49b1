"""Encoding, decoding and rotation: sources turned are channels turned, plane waves are heard as closed forms say."""

from math import pi, radians

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import eval_legendre

from seehear.errors import InputError
from seehear.spatial.ambisonics import beam_weights, checked, decode, encode, mirror, rotate, rotation_matrix
from seehear.spatial.directions import about, direction, fibonacci, great_circle, rotation, viewpoint
from seehear.spatial.harmonics import harmonics

GRID = torch.from_numpy(fibonacci(100))
MIRROR = torch.tensor([1.0, -1.0, 1.0], dtype=torch.float64).diag()
turns = st.floats(-pi, pi)


def sources(count=3, samples=50):
    generator = torch.Generator().manual_seed(0)
    sound = torch.randn(count, samples, dtype=torch.float64, generator=generator)
    return sound, GRID[torch.randperm(len(GRID), generator=generator)[:count]]


@given(turns, turns, turns, st.integers(0, 7))
def test_rotating_the_sources_is_rotating_the_channels(yaw, pitch, roll, order):
    sound, directions = sources()
    turn = rotation(yaw, pitch, roll)
    expected = encode(sound, directions @ turn.mT, order)
    torch.testing.assert_close(rotate(encode(sound, directions, order), turn), expected, atol=1e-12, rtol=0)
    single = rotate(encode(sound, directions, order).float(), turn.float())
    torch.testing.assert_close(single.double(), expected, atol=5e-6, rtol=0)


@given(turns, turns, turns)
def test_rotation_matrices_are_a_group_of_orthogonal_blocks(yaw, pitch, angle):
    one, other = rotation(yaw, pitch), about(direction(pitch, yaw / 2), angle)
    product = rotation_matrix(one @ other, 3)
    torch.testing.assert_close(product, rotation_matrix(one, 3) @ rotation_matrix(other, 3))
    torch.testing.assert_close(product @ product.mT, torch.eye(16, dtype=torch.float64))
    inside = torch.zeros(16, 16, dtype=torch.bool)
    for n in range(4):
        inside[n * n : (n + 1) ** 2, n * n : (n + 1) ** 2] = True
    assert bool((product[~inside] == 0).all())
    # Of the first order it is the rotation itself, in the order Y, Z, X.
    yzx = [1, 2, 0]
    torch.testing.assert_close(product[1:4, 1:4], (one @ other)[yzx][:, yzx])


def test_a_yaw_is_known_in_closed_form():
    angle = 0.7
    matrix = rotation_matrix(rotation(angle), 3)
    for n in range(4):
        for m in range(1, n + 1):
            plus, minus = n * n + n + m, n * n + n - m
            block = matrix[[plus, plus, minus, minus], [plus, minus, plus, minus]].tolist()
            c, s = torch.tensor(m * angle, dtype=torch.float64).cos(), torch.tensor(m * angle).double().sin()
            assert block == pytest.approx([float(c), float(-s), float(s), float(c)], abs=1e-7)


def test_rotation_matrices_are_batched_over_viewpoints_and_differentiable():
    azimuth = torch.linspace(-3, 3, 5, dtype=torch.float64)
    views = viewpoint(azimuth, torch.tensor([[0.2], [-0.4]], dtype=torch.float64))
    many = rotation_matrix(views, 2)
    assert many.shape == (2, 5, 9, 9)
    torch.testing.assert_close(many[1, 3], rotation_matrix(viewpoint(azimuth[3], -0.4), 2))
    sound, directions = sources()
    heard = rotate(encode(sound, directions, 2).expand(2, 5, -1, -1), views)
    torch.testing.assert_close(heard[1, 3], encode(sound, directions @ views[1, 3].mT, 2))
    angle = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a: rotation_matrix(rotation(a, 0.3 * a), 3), angle)


def test_a_viewpoint_brings_its_source_to_the_front():
    sound = torch.ones(1, 4, dtype=torch.float64)
    seen = rotate(encode(sound, direction(2.0, 0.5)[None], 1), viewpoint(2.0, 0.5))
    assert seen[:, 0].tolist() == pytest.approx([1, 0, 0, 1], abs=1e-12)


@pytest.mark.parametrize("order", [0, 1, 3, 5])
def test_the_mirror_is_a_mirrored_world(order):
    sound, directions = sources()
    field = encode(sound, directions, order)
    torch.testing.assert_close(mirror(field), encode(sound, directions @ MIRROR, order))
    torch.testing.assert_close(mirror(field), rotate(field, MIRROR))
    torch.testing.assert_close(mirror(mirror(field)), field)
    turned = rotate(mirror(field), rotation(-0.3))
    torch.testing.assert_close(mirror(rotate(field, rotation(0.3))), turned)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_a_plane_wave_is_heard_as_legendre_polynomials_say(order):
    source = direction(0.5, 0.2)
    heard = decode(encode(torch.ones(1, 1, dtype=torch.float64), source[None], order), GRID)[:, 0]
    expected = sum(eval_legendre(n, (GRID @ source).numpy()) for n in range(order + 1))
    torch.testing.assert_close(heard, torch.from_numpy(expected))


@pytest.mark.parametrize("order", [1, 2, 3])
def test_beams_do_what_they_are_named_for(order):
    source = direction(0.0, 0.0)
    dense = torch.from_numpy(fibonacci(4000))
    wave = encode(torch.ones(1, 1, dtype=torch.float64), source[None], order)
    heard = {name: decode(wave, dense, name)[:, 0] for name in ("max-directivity", "max-re", "in-phase")}
    for name, pattern in heard.items():
        assert float(decode(wave, source[None], name)) == pytest.approx(1), name
        assert float(pattern.abs().max()) <= 1 + 1e-9, name
    diffuse = {name: float(pattern.square().mean()) for name, pattern in heard.items()}
    spread = {
        name: float((pattern.square() * dense[:, 0]).sum() / pattern.square().sum()) for name, pattern in heard.items()
    }
    assert min(diffuse, key=diffuse.get) == "max-directivity"
    assert diffuse["max-directivity"] == pytest.approx(1 / (order + 1) ** 2, rel=1e-3)
    assert max(spread, key=spread.get) == "max-re"
    # The largest energy vector of order N is the largest root r of P_(N + 1), reached by weights (2 n + 1) P_n(r).
    root = [0.57735, 0.77460, 0.86114][order - 1]
    assert spread["max-re"] == pytest.approx(root, abs=1e-3)
    best = [(2 * n + 1) * eval_legendre(n, root) for n in range(order + 1)]
    assert beam_weights(order, "max-re") == pytest.approx([one / sum(best) for one in best], rel=0.02)
    assert float(heard["in-phase"].min()) >= -1e-9
    assert beam_weights(order, "projection") == [1.0] * (order + 1)


def test_the_in_phase_beam_of_order_one_is_the_cardioid():
    wave = encode(torch.ones(1, 1, dtype=torch.float64), direction(0.0, 0.0)[None], 1)
    torch.testing.assert_close(decode(wave, GRID, "in-phase")[:, 0], (1 + GRID[:, 0]) / 2)


def test_a_moving_source_is_where_it_is_at_every_instant():
    instants, samples = 91, 901
    azimuth = torch.linspace(0, 2 * pi, instants, dtype=torch.float64)
    path = direction(azimuth, 0.3 * azimuth.sin())
    field = encode(torch.ones(1, samples, dtype=torch.float64), path[None], 3)
    torch.testing.assert_close(field[:, ::10], harmonics(path, 3).mT)
    every = torch.linspace(0, 2 * pi, samples, dtype=torch.float64)
    heard = torch.nn.functional.normalize(field[[3, 1, 2]].mT, dim=-1)
    assert float(great_circle(heard, direction(every, 0.3 * every.sin())).max()) < radians(0.1)
    assert float(field[1:4].norm(dim=0).min()) > 0.999


def test_a_source_that_stands_still_may_be_given_as_moving():
    sound, directions = sources()
    still = directions[:, None].expand(-1, 4, -1)
    torch.testing.assert_close(encode(sound, still, 2), encode(sound, directions, 2))


def test_what_cannot_be_rendered_is_refused_in_one_line():
    assert checked(torch.zeros(9, 1)) == 2
    broken = torch.zeros(2, 4, 10)
    broken[1, 2, 7] = torch.nan
    cases = [(torch.zeros(4, 0), "length zero"), (torch.zeros(5, 9), "got 5"), (broken, "sample 7")]
    for sound, message in cases:
        with pytest.raises(InputError, match=message) as error:
            checked(sound)
        assert "\n" not in str(error.value)
    with pytest.raises(InputError, match="order 1 or more, got 1"):
        checked(torch.zeros(1, 9), least=1)
    with pytest.raises(InputError, match="got 6"):
        rotate(torch.zeros(6, 9), rotation(0.1))
