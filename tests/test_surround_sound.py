# SPDX-License-Identifier: Apache-2.0
"""Sound around a listener: closed forms, laws, and pyroomacoustics for the echoes of a shoebox."""

from dataclasses import replace
from math import log, pi

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seehear.spatial.ambisonics import mirror, rotate
from seehear.spatial.binaural import filters, to_binaural
from seehear.spatial.directions import direction, fibonacci, rotation
from seehear.spatial.energy import energy_map, peak
from seehear.spatial.harmonics import harmonics
from seehear.spatial.hrtf import RADIUS, spherical_head
from seehear.world import surround_sound
from seehear.world.classes import CLASSES
from seehear.world.draw import draw_scene, label_of
from seehear.world.scene import Dials
from seehear.world.sound import SPEED
from seehear.world.surround_delay import coefficients, delayed, prepared
from seehear.world.surround_ears import degree_filters
from seehear.world.surround_echoes import images, reverberation_time, tail
from seehear.world.surround_filter import centred, convolved
from seehear.world.surround_microphone import diffuse_noise
from seehear.world.surround_path import position
from seehear.world.surround_scene import Field, Light, Microphone, Room, Source, Surround
from seehear.world.surround_shot import SurroundShot
from seehear.world.surround_sound import Span, carried, hear
from seehear.world.synthesis import impulses

RATE = 24_000
GREY = (0.5, 0.5, 0.5)
ROOM = Room((6.0, 5.0, 3.0), (-2.0, -2.7, -1.4), (0.2, 0.5, 0.35, 0.6, 0.15, 0.7), (GREY,) * 6, (GREY,) * 6)
OPEN = Field(1.6, (GREY, GREY), (GREY, GREY), (), (), 1.0)
QUIET = Microphone(3, -200.0, 0.3, (0.0,) * 17, -30.0)
HISSING = Microphone(3, -15.0, 0.3, tuple(np.linspace(-4, 4, 17)), -30.0)
FOA = SurroundShot(rate=RATE)


def source(name="drum", place=(1.5, 0.8, 0.3), moves=False, **changes):
    """A thing at a place that stays there but for what is asked for."""
    index = next(k for k in range(20) if CLASSES[label_of(900_120, k)] == name)
    thing = draw_scene(900_120, index, Dials(nuisance=0.0, companions=0.0), 2.0).things[0]
    still = {} if moves else {"sway": 0.0, "approach": 0.0}
    return Source(replace(thing, position=place, **still), **changes)


def scene(*sources, place=OPEN, microphone=QUIET, duration=0.5, **changes):
    light = Light(1.0, GREY, 1.0)
    return Surround(1, 2, duration, 0, sources, place, 4, light, microphone, **changes)


BUSY = scene(
    source("dog", moves=True),
    source("bell", (-1.0, 1.2, 0.4), turn=0.5),
    source("clock", (0.4, -2.0, 0.0), velocity=(1.0, 0.3, 0.0)),
    source("siren", (2.0, 0.0, 0.0), located=False),
    place=ROOM,
    microphone=HISSING,
)


@pytest.fixture
def emits(monkeypatch):
    """Lets sources emit a function of time instead of their voices."""
    return lambda wave: monkeypatch.setattr(surround_sound, "emitted", lambda thing, grid: wave(grid))


def noise(grid):
    return np.random.default_rng(5).standard_normal(grid.count)


def field(scene, order=1, ringing=False, rate=RATE, start=0.0):
    """The ambisonic field of the sources alone, unscaled, in float64."""
    span = Span(start, rate, round((scene.duration - start) * rate))
    return carried(scene, span, np.eye((order + 1) ** 2), ringing)[0]


def sound(scene, **changes):
    return hear(scene, replace(FOA, **changes)).sound.astype(np.float64)


# Delays and filters


@pytest.mark.parametrize("frequency", [100, 2000, 5000, 8000])
@pytest.mark.parametrize("speed", [0.0, 1.0, 5.0, 60.0])
def test_a_delayed_tone_is_the_tone_at_another_time(frequency, speed):
    turn, hop = 2 * pi * frequency / 48_000, 240
    edges = 300.37 + np.arange(11) * hop * (1 - speed / SPEED)
    heard = delayed(prepared(np.cos(turn * np.arange(4000)), edges[None], hop), edges[None], hop)
    exact = np.cos(turn * np.interp(np.arange(10 * hop) / hop, np.arange(11), edges))
    np.testing.assert_allclose(heard.reshape(-1), exact, atol=3e-4)


def test_sound_is_read_as_zero_outside_of_it_and_a_constant_as_itself():
    edges = np.array([[-5000.0, -4760.0, -4520.0], [3000.0, 3240.0, 3480.0], [400.5, 640.5, 880.5]])
    heard = delayed(prepared(np.ones(2000), edges, 240), edges, 240)
    assert not heard[:, :2].any()
    np.testing.assert_allclose(heard[:, 2], 1.0, atol=1e-4)


def test_coefficients_are_those_of_a_sample_its_slope_and_so_on():
    """Moments: sum_j c_pj j^q is 1 for p = q and 0 else, as the sums are exact for polynomials."""
    j = np.arange(-8, 9)
    moments = coefficients() @ (j[:, None] ** np.arange(3))
    np.testing.assert_allclose(moments[:3], np.diag([1.0, 1.0, 2.0]) / [[1], [1], [2]], atol=0.03)


@settings(max_examples=20)
@given(st.integers(1, 4), st.integers(1, 40), st.integers(0, 900), st.integers(0, 3))
def test_blocks_are_convolution(rows, taps, more, seed):
    rng = np.random.default_rng(seed)
    sounds, kernels = rng.standard_normal((rows, taps + more)), rng.standard_normal((rows, taps))
    slow = [np.convolve(row, kernel, "valid") for row, kernel in zip(sounds, kernels, strict=True)]
    np.testing.assert_allclose(convolved(sounds, kernels), slow, atol=1e-10)
    np.testing.assert_allclose(convolved(sounds[:1], kernels)[-1], np.convolve(sounds[0], kernels[-1], "valid"))
    np.testing.assert_allclose(convolved(sounds, kernels[:1])[-1], np.convolve(sounds[-1], kernels[0], "valid"))


def test_a_filter_whose_middle_is_one_changes_nothing():
    sounds = np.random.default_rng(0).standard_normal((2, 300))
    kernel = np.zeros((1, 31))
    kernel[0, 7] = 1
    np.testing.assert_allclose(centred(sounds, kernel, 7, 40), sounds[:, 40:-40], atol=1e-12)


# Echoes


@settings(max_examples=30)
@given(st.tuples(*(st.floats(-0.95, 0.95) for _ in range(6))), st.integers(0, 5))
def test_an_image_is_as_far_from_its_wall_as_the_source(numbers, wall):
    """Every point of a wall is as far from the source as from its image there."""
    low, size = np.array(ROOM.corner), np.array(ROOM.size)
    place, point = (low + size * (1 + np.array(part)) / 2 for part in (numbers[:3], numbers[3:]))
    point[wall // 2] = low[wall // 2] + (wall % 2) * size[wall // 2]
    where, factors = images(ROOM, place[None])
    assert np.linalg.norm(where[1 + wall, 0] - point) == pytest.approx(np.linalg.norm(place - point))
    assert factors[1 + wall] ** 2 == pytest.approx(1 - ROOM.absorption[wall])
    assert factors[0] == 1
    np.testing.assert_array_equal(where[0, 0], place)


def test_an_open_place_echoes_from_its_ground_and_what_swallows_all_not_at_all():
    where, factors = images(replace(OPEN, absorption=0.36), np.array([[3.0, 1.0, 0.5]]))
    np.testing.assert_allclose(where[1], [[3.0, 1.0, -3.7]])
    assert factors.tolist() == pytest.approx([1.0, 0.8])
    assert len(images(OPEN, np.ones((1, 3)))[0]) == 1
    dead = replace(ROOM, absorption=(1.0,) * 6)
    assert len(images(dead, np.ones((1, 3)))[0]) == 1
    assert reverberation_time(dead) == 0
    assert tail(dead, 0, np.arange(4), RATE, RATE).shape == (4, 0)
    bare = scene(source(), place=dead)
    np.testing.assert_array_equal(sound(bare), sound(replace(bare, place=OPEN)))


def even_room(share, size=(5.0, 4.0, 3.0)):
    return replace(ROOM, size=size, corner=(-2.0, -2.2, -1.3), absorption=(share,) * 6)


def test_reverberation_time_is_eyrings_and_sabines_where_little_is_swallowed():
    assert reverberation_time(even_room(0.3)) == pytest.approx(0.161 * 60 / (-94 * log(0.7)), rel=2e-3)
    assert reverberation_time(even_room(0.01)) == pytest.approx(0.161 * 60 / (94 * 0.01), rel=0.01)
    # The mean is by area: two walls of 12 of 94 m^2 that swallow all.
    open_ends = replace(even_room(1e-9), absorption=(1.0, 1.0, 1e-9, 1e-9, 1e-9, 1e-9))
    assert reverberation_time(open_ends) == pytest.approx(0.161 * 60 / (-94 * log(1 - 24 / 94)), rel=2e-3)


def test_a_tail_dies_away_in_its_time_and_is_diffuse():
    room, acn = even_room(0.15), np.arange(16)
    taps = tail(room, 7, acn, RATE, 10 * RATE)
    left = np.cumsum((taps**2)[:, ::-1], axis=1)[:, ::-1].sum(axis=0)
    decay = 10 * np.log10(left / left[0])
    fit = (decay < -5) & (decay > -35)
    slope = np.polyfit(np.arange(len(decay))[fit] / RATE, decay[fit], 1)[0]
    assert -60 / slope == pytest.approx(reverberation_time(room), rel=0.03)
    power = (taps**2).sum(axis=1)
    for n in range(4):
        # A chi-squared number of some hundred degrees for every channel.
        assert np.mean(power[n * n : (n + 1) ** 2]) * (2 * n + 1) == pytest.approx(power[0], rel=0.12)
    shared = taps @ taps.T / np.sqrt(np.outer(power, power))
    assert np.abs(shared - np.eye(16)).max() < 0.15
    start = 8 * 60 / (SPEED * 94)
    assert np.argmax(taps[0] != 0) == pytest.approx(start * RATE, abs=1)
    whole = (
        4 * pi * SPEED / 60 * reverberation_time(room) / (6 * log(10)) * 10 ** (-6 * start / reverberation_time(room))
    )
    assert power.mean() == pytest.approx(whole * np.mean(1 / (2 * np.floor(np.sqrt(acn)) + 1)), rel=0.05)


def test_a_tail_is_a_function_of_its_number_and_channel():
    one = tail(ROOM, 7, np.arange(4), RATE, RATE)
    np.testing.assert_array_equal(tail(ROOM, 7, np.array([3, 1]), RATE, RATE), one[[3, 1]])
    assert np.abs(np.corrcoef(one[0], tail(ROOM, 8, np.arange(1), RATE, RATE)[0])[0, 1]) < 0.1
    assert tail(ROOM, 7, np.arange(1), RATE, 1500).shape == (1, 1500)


PLACE = (1.5, 0.8, 0.3)


def shoebox(where, order, reach, rate):
    """What pyroomacoustics says of the way from PLACE to the listener: AmbiX channels, images of up to `reach`."""
    import pyroomacoustics as pra
    from pyroomacoustics.directivities import RealSphericalHarmonicsDirectivity

    names = ("west", "east", "south", "north", "floor", "ceiling")
    walls = {name: pra.Material(share) for name, share in zip(names, where.absorption, strict=True)}
    degrees = [(m, n) for n in range(order + 1) for m in range(-n, n + 1)]
    ears = [RealSphericalHarmonicsDirectivity(m, n) for m, n in degrees]
    filtered = pra.constants.get("rir_hpf_enable")
    pra.constants.set("rir_hpf_enable", False)
    try:
        room = pra.ShoeBox(np.array(where.size), fs=rate, materials=walls, max_order=reach)
        room.add_source(np.array(PLACE) - where.corner)
        room.add_microphone_array(pra.MicrophoneArray(np.tile(-np.array(where.corner)[:, None], len(ears)), rate, ears))
        room.compute_rir()
    finally:
        pra.constants.set("rir_hpf_enable", filtered)
    longest = max(len(response[0]) for response in room.rir)
    responses = np.stack([np.pad(response[0], (0, longest - len(response[0]))) for response in room.rir])
    # Its harmonics are orthonormal, and all is late by half of an interpolating filter.
    scale = [(4 * pi / (2 * n + 1)) ** 0.5 for _, n in degrees]
    return (responses * np.array(scale)[:, None])[:, pra.constants.get("frac_delay_length") // 2 :]


def pulse(times):
    """A pulse about 0.1 s with its power about 2.5 kHz."""
    turn = 2 * pi * 2500 * (times - 0.1)
    return (1 - turn**2 / 2) * np.exp(-(turn**2) / 4)


def test_direct_sound_and_first_echoes_are_the_closed_form_and_those_of_pyroomacoustics(emits):
    """Times and gains of seven arrivals: W to 1e-4 of the closed form, nine channels to 1e-3 of the other's.

    Its own interpolation misses the closed form by 6e-4.
    """
    emits(lambda grid: pulse(grid.times))
    rate = 48_000
    heard = field(scene(source(place=PLACE), place=ROOM, duration=0.2), 2, rate=rate)
    times = np.arange(heard.shape[1]) / rate
    x, y, z = PLACE
    echoes = [(-4 - x, y, z), (8 - x, y, z), (x, -5.4 - y, z), (x, 4.6 - y, z), (x, y, -2.8 - z), (x, y, 3.2 - z)]
    exact = np.zeros(len(times))
    for point, share in zip([PLACE, *echoes], [0.0, *ROOM.absorption], strict=True):
        distance = np.linalg.norm(point)
        exact += np.sqrt(1 - share) / distance * pulse(times - distance / SPEED)
    top = np.abs(exact).max()
    np.testing.assert_allclose(heard[0], exact, atol=1e-4 * top)
    expected = [np.convolve(response, pulse(times))[: len(times)] for response in shoebox(ROOM, 2, 1, rate)]
    np.testing.assert_allclose(heard, expected, atol=1e-3 * top)


def test_the_tail_is_as_strong_as_all_images_together():
    """From 20 to 80 ms and 1 to 9 kHz, W has the power of images of up to the 20th order to 1.5 dB.

    Below, images of one sign add up in phase.
    """
    room, window = even_room(0.2), slice(round(0.02 * RATE), round(0.08 * RATE))
    every = shoebox(room, 0, 20, RATE)[0, window]
    ours = np.stack([tail(room, number, np.arange(1), RATE, RATE)[0, window] for number in range(4)])

    def power(sound):
        return np.mean(np.abs(np.fft.rfft(sound * np.hanning(len(every))))[..., 60:540] ** 2)

    assert 10 * np.log10(power(ours) / power(every)) == pytest.approx(0, abs=1.5)


# Laws


def test_orbit_law(emits):
    """The peak of the energy map at order 2 follows the azimuth of p(t) within 2 degrees."""
    emits(noise)
    around = source(place=(2.0, 0.0, 0.0), turn=pi / 3)
    ambisonic = torch.from_numpy(sound(scene(around, duration=2.0), sound="soa"))
    ring = direction(torch.arange(-180.0, 180.0, 0.5).deg2rad(), 0.0)
    x, y, _ = peak(energy_map(ambisonic, ring, RATE, window=0.05, hop=0.05), ring).unbind(-1)
    where = position(around, 0.025 + 0.05 * np.arange(len(x)))
    turned = np.angle((x + 1j * y).numpy() * np.exp(-1j * np.arctan2(where[:, 1], where[:, 0])))
    assert len(x) == 40
    assert np.degrees(np.abs(turned)).max() < 2


@pytest.mark.parametrize("distance", [0.5, 3.43, 34.3])
def test_clap_law(emits, distance):
    """What happens at e is heard at e + r / c, to a sample."""
    event = 0.3003
    emits(lambda grid: impulses([event], [1.0], grid))
    heard = field(scene(source(place=(0.0, distance, 0.0))))
    for channel in (0, 1):
        assert np.abs(np.argmax(np.abs(heard[channel])) / RATE - event - distance / SPEED) <= 1 / RATE


@pytest.mark.parametrize("name", ["hammer", "drum", "axe"])
def test_blows_are_heard_when_they_are_seen(name):
    blow = source(name, place=(3.43, 0.0, 0.0))
    blow = replace(blow, thing=replace(blow.thing, events=(0.212,)))
    heard = np.abs(sound(scene(blow))[0])
    assert np.argmax(heard > 0.1 * heard.max()) / RATE == pytest.approx(0.222, abs=2e-3)


@pytest.mark.parametrize(("heading", "mirrored"), [(0.7, False), (-2.0, True), (0.0, True)])
def test_rotate_the_world_law(heading, mirrored):
    """Turning or mirroring a scene, its room, its tail and its noise is turning or mirroring the sound field."""
    plain = torch.from_numpy(sound(BUSY, sound="toa"))
    expected = rotate(plain, rotation(torch.tensor(-heading, dtype=torch.float64)))
    expected = mirror(expected) if mirrored else expected
    found = sound(replace(BUSY, heading=heading, mirrored=mirrored), sound="toa")
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-6)
    assert np.abs(found - plain.numpy()).max() > 0.01


def test_orders_are_nested_and_mono_is_w():
    whole = sound(BUSY, sound="toa")
    for name, channels in (("mono", 1), ("foa", 4), ("soa", 9)):
        np.testing.assert_allclose(sound(BUSY, sound=name), whole[:channels], atol=1e-7)


def test_level_falls_with_the_distance_but_not_within_reach(emits):
    emits(lambda grid: np.sin(2 * pi * 200 * grid.times))
    tops = [np.abs(field(scene(source(place=(0.0, r, 0.0)))))[0, 4000:].max() for r in (1.0, 2.0, 7.0, 0.3, 0.1)]
    assert tops == pytest.approx([1.0, 0.5, 1 / 7, 1 / 0.3, 1 / 0.3], rel=1e-3)


def test_what_passes_by_is_heard_with_the_doppler_shift(emits):
    """cos(2 pi f (t - r / c)) / r, so that f' = f (1 - r' / c), and towards its direction."""
    frequency, velocity = 1000.0, (-15.0, 0.0, 0.0)
    emits(lambda grid: np.cos(2 * pi * frequency * grid.times))
    passing = source(place=(7.5, 4.0, 0.0), velocity=velocity)
    heard = field(scene(passing, duration=1.0), start=-0.02)
    times = -0.02 + np.arange(heard.shape[1]) / RATE
    x, y = 7.5 - 15.0 * times, 4.0
    r = np.hypot(x, y)
    # Its level is heard from the middle of the path, not from its beginning.
    exact = np.cos(2 * pi * frequency * (times - r / SPEED)) / r * (4.0 / 8.5)
    # Over a block of 5 ms the delay misses v^2 / r (5 ms)^2 / 8 / c at most, in phase 3e-3.
    for channel, towards in ((0, 1), (1, y / r), (3, x / r)):
        np.testing.assert_allclose(heard[channel], exact * towards, atol=4e-3 * np.abs(exact).max())


def test_what_is_not_located_is_in_w_alone():
    narrator = scene(source("siren", located=False), place=ROOM)
    heard = hear(narrator, replace(FOA, sound="toa", stems=True, rig=True))
    assert np.abs(heard.sound[0]).max() > 0.01
    assert np.abs(heard.sound[1:]).max() < 1e-8
    # Neither echoes nor tail.
    np.testing.assert_allclose(heard.sound[0], heard.stems[0], atol=1e-6)
    np.testing.assert_allclose(heard.rig, np.broadcast_to(heard.rig[:1], (8, 12_000)), atol=1e-6)


def test_stems_add_up_to_the_recording_without_place_noise_and_microphone():
    heard = hear(replace(BUSY, place=OPEN, microphone=QUIET), replace(FOA, stems=True))
    assert heard.stems.shape == (4, 12_000)
    np.testing.assert_allclose(heard.stems.sum(axis=0), heard.sound[0], atol=2e-5)
    echoing = hear(replace(BUSY, microphone=QUIET), replace(FOA, stems=True))
    ratio = (echoing.stems * heard.stems).sum() / (heard.stems**2).sum()
    np.testing.assert_allclose(echoing.stems, ratio * heard.stems, atol=1e-6)
    assert np.abs(echoing.stems.sum(axis=0) - echoing.sound[0]).max() > 0.01


def test_a_room_rings_only_if_the_shot_wants_it(emits):
    emits(lambda grid: impulses([0.1], [1.0], grid))
    blow = scene(source(), place=even_room(0.1), duration=1.0)
    dry, wet = field(blow), field(blow, ringing=True)
    assert not dry[:, RATE // 4 :].any()
    taps = tail(blow.place, blow.place_number, np.arange(4), RATE, RATE)
    first = round(0.1 * RATE)
    np.testing.assert_allclose((wet - dry)[:, first:], taps[:, : RATE - first], atol=1e-9)
    np.testing.assert_array_equal(field(replace(blow, place=OPEN), ringing=True), field(replace(blow, place=OPEN)))


# Microphone


def test_noise_is_diffuse():
    """Channels of degree n have 1 / (2 n + 1) of the power of W, and nothing in common."""
    made = diffuse_noise(replace(HISSING, floor=5, noise=0.0), 1.0, np.eye(9), 8 * RATE, RATE)
    power = (made**2).mean(axis=1)
    np.testing.assert_allclose(power, np.repeat([1, 1 / 3, 1 / 5], [1, 3, 5]), rtol=1e-6)
    shared = made @ made.T / len(made[0]) / np.sqrt(np.outer(power, power))
    assert np.abs(shared - np.eye(9)).max() < 0.1


def test_noise_is_at_its_level_below_the_sources():
    fan = source("fan")
    loud, quiet = (sound(scene(fan, microphone=replace(QUIET, noise=noise))) for noise in (-10.0, -200.0))
    # One gain for both, from the correlation.
    share = (loud[0] @ quiet[0]) / (quiet[0] @ quiet[0])
    left = loud[0] - share * quiet[0]
    assert 10 * np.log10((left @ left) / (share**2 * quiet[0] @ quiet[0])) == pytest.approx(-10, abs=3)


def test_the_response_is_a_gain_at_its_frequency(emits):
    """Half octaves from 62.5 Hz: number 10 of them, 2 kHz, is 6 dB above the others."""
    bumped = replace(QUIET, response=tuple(6.0 * (k == 10) for k in range(17)), level=-40.0)
    both = {f: 2 * np.cos(2 * pi * f * np.arange(RATE // 2) / RATE) / (RATE // 2) for f in (500, 2000)}
    emits(lambda grid: np.cos(2 * pi * 500 * grid.times) + np.cos(2 * pi * 2000 * grid.times))
    heard = sound(scene(source(place=(2.0, 0.0, 0.0)), microphone=bumped))
    low, high = (np.hypot(heard[0] @ wave, heard[0] @ np.roll(wave, RATE // f // 4)) for f, wave in both.items())
    assert 20 * np.log10(high / low) == pytest.approx(6, abs=0.15)
    np.testing.assert_allclose(heard[3], heard[0], atol=1e-6)


def test_w_has_its_level_and_no_channel_exceeds_the_limit():
    assert 20 * np.log10(np.sqrt(np.mean(sound(BUSY)[0] ** 2))) == pytest.approx(-30, abs=1e-3)
    loud = hear(replace(BUSY, microphone=replace(HISSING, level=0.0)), replace(FOA, rig=True, sound="soa", stems=True))
    assert max(np.abs(part).max() for part in (loud.sound, loud.rig, loud.stems)) == pytest.approx(0.98, abs=1e-6)


def test_a_scene_with_nobody_to_hear_is_its_noise():
    heard = hear(scene(microphone=HISSING, place=ROOM), replace(FOA, stems=True))
    assert heard.stems.shape == (0, 12_000)
    assert heard.sound[0].any()
    assert np.isfinite(heard.sound).all()


@pytest.mark.parametrize("rate", [8_000, 44_100])
@pytest.mark.parametrize("kind", ["stereo", "binaural"])
def test_every_rate_has_its_samples(rate, kind):
    heard = hear(replace(BUSY, duration=0.301), SurroundShot(rate=rate, sound=kind, rig=True))
    assert heard.sound.shape == (2, round(0.301 * rate))
    assert heard.rig.shape == (8, round(0.301 * rate))
    assert heard.stems is None


# Ears


def test_loudspeakers_add_up_to_w():
    np.testing.assert_allclose(sound(BUSY, sound="stereo").sum(axis=0), sound(BUSY, sound="mono")[0], atol=1e-6)


@pytest.mark.parametrize("azimuth", [90, -90, 30])
def test_ears_hear_the_side_louder_and_earlier(emits, azimuth):
    """At low frequencies a sphere delays by 3 radius / c sin(azimuth)."""
    emits(lambda grid: impulses([0.2], [1.0], grid))
    angle = np.radians(azimuth)
    ears = sound(scene(source(place=(2 * np.cos(angle), 2 * np.sin(angle), 0.0))), sound="binaural")
    left, right = np.fft.rfft(ears, RATE)[:, 60]
    assert np.angle(left / right) / (2 * pi * 60) == pytest.approx(3 * RADIUS / SPEED * np.sin(angle), rel=0.01)
    # In time with the sound: the two ears together are at the middle of the head.
    middle = (left + right) * np.exp(2j * pi * 60 * (0.2 + 2 / SPEED))
    assert np.angle(middle) / (2 * pi * 60) == pytest.approx(0, abs=2e-5)
    level = 10 * np.log10((ears**2).sum(axis=1))
    assert (level[0] - level[1]) * np.sign(azimuth) > 5


def test_one_filter_for_each_degree_is_the_binaural_decoder():
    """`spatial.binaural` on all 36 channels, but for what its fit has of its grid: -30 dB."""
    made = filters(spherical_head(RATE), 5, RATE, 2500.0).double()
    points = torch.from_numpy(fibonacci(50))
    clicks = torch.zeros(50, 1, 400, dtype=torch.float64)
    clicks[:, 0, 100] = 1
    fields = harmonics(points, 5)[..., None] * clicks
    towards = np.stack([np.polynomial.legendre.legval(points[:, 1].numpy(), [0] * n + [1]) for n in range(6)], axis=1)
    own = degree_filters(RATE)
    for number in range(0, 50, 7):
        ears = to_binaural(fields[number], made).numpy()
        for ear, side in zip(ears, (1, -1), strict=True):
            mine = (towards[number] * float(side) ** np.arange(6)) @ own
            whole = np.zeros(400)
            whole[100 - own.shape[1] // 4 :][: own.shape[1]] = mine
            assert ((ear - whole) ** 2).sum() < 1e-3 * (ear**2).sum()


def test_each_ear_of_the_rig_is_that_of_a_head_turned_to_it():
    """The left ear of binaural sound is at 90 degrees: turned by a - 90 it is where the ear at a degrees is."""
    rig = hear(BUSY, replace(FOA, rig=True)).rig
    for ear, azimuth in zip(rig, (100, -100, -170, -10, -80, 80, 10, 170), strict=True):
        turned = hear(replace(BUSY, heading=BUSY.heading + np.radians(azimuth - 90)), replace(FOA, sound="binaural"))
        # Each is scaled so that W has its level; filters, rooms and noise are the same.
        np.testing.assert_allclose(ear, turned.sound[0], atol=1e-6)
    close = np.corrcoef(rig) - np.eye(8)
    assert close.max() < 0.9999


def test_turning_a_scene_by_a_quarter_permutes_the_heads():
    """What was 90 degrees to the left is in front: the first head hears what the second heard."""
    plain = hear(BUSY, replace(FOA, rig=True)).rig
    turned = hear(replace(BUSY, heading=pi / 2), replace(FOA, rig=True)).rig
    np.testing.assert_allclose(turned, np.roll(plain, -2, axis=0), atol=1e-6)
    # Left or right of nobody: in the open, a source in front is ahead of the first head, right of the second.
    ahead = hear(scene(source("fan", (2.0, 0.0, 0.0))), replace(FOA, rig=True)).rig
    level = (ahead**2).sum(axis=1)
    assert level[3] > 1.5 * level[2]
    assert level[6] > 1.5 * level[7]
    assert level[0] == pytest.approx(level[1], rel=1e-4)


def test_a_mirrored_scene_swaps_ears_and_heads():
    plain = hear(BUSY, replace(FOA, sound="binaural", rig=True))
    swapped = hear(replace(BUSY, mirrored=True), replace(FOA, sound="binaural", rig=True))
    np.testing.assert_allclose(swapped.sound, plain.sound[::-1], atol=1e-6)
    np.testing.assert_allclose(swapped.rig, plain.rig[[1, 0, 7, 6, 5, 4, 3, 2]], atol=1e-6)
    np.testing.assert_allclose(
        sound(replace(BUSY, mirrored=True), sound="stereo"), sound(BUSY, sound="stereo")[::-1], atol=1e-6
    )


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_sounds_from_where_it_is(name):
    place = (1.0, -1.5, 0.5)
    heard = sound(scene(source(name, place), duration=1.0))
    assert np.isfinite(heard).all()
    power = np.sqrt(np.mean(heard**2, axis=1))
    unit = np.array(place) / np.linalg.norm(place)
    np.testing.assert_allclose((heard[[3, 1, 2]] @ heard[0]) / (heard[0] @ heard[0]), unit, atol=0.06)
    assert power[0] > 0.02
