# SPDX-License-Identifier: Apache-2.0
"""The sound: delay r / c, level 1 / r, events heard when they are seen, and what a voice-over puts in their place."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import resample_poly

from seehear.world.classes import CLASSES, KINDS
from seehear.world.draw import draw_scene, label_of
from seehear.world.motion import beat
from seehear.world.picture import see
from seehear.world.scene import Acoustics, Dials, Scene, Shot, Thing
from seehear.world.sound import SPEED, carried, delayed, hear, noise_floor
from seehear.world.synthesis import Grid, decaying, impulses, mode, periodic

RATE = 24_000
CALM = Dials(nuisance=0.0, companions=0.0)
LEAD = RATE // 2


def scene_of(name: str, seed: int = 900_120, dials: Dials = CALM) -> Scene:
    index = next(k for k in range(20) if CLASSES[label_of(seed, k)] == name)
    return draw_scene(seed, index, dials, 2.0)


def thing_at(name: str, distance: float, event: float) -> Thing:
    thing = scene_of(name).things[0]
    return replace(thing, position=(distance, 0.0, 0.0), sway=0.0, approach=0.0, events=(event,))


def onset(sound: np.ndarray) -> float:
    """When a sound first exceeds a tenth of its top (s)."""
    return float(np.argmax(np.abs(sound) > 0.1 * np.abs(sound).max())) / RATE


@pytest.mark.parametrize("name", ["hammer", "drum", "axe"])
@pytest.mark.parametrize("distance", [0.5, 34.3])
def test_clap_law(name, distance):
    """A blow at e is seen in the frame of e, and heard at e + r / c."""
    event = 0.812
    thing = thing_at(name, distance, event)
    heard = carried(thing, 2.0, RATE)[LEAD:]
    assert onset(heard) == pytest.approx(event + distance / SPEED, abs=2e-3)
    near = replace(thing, position=(thing.size / 0.37, 0.0, 0.0), events=(event - 0.6, event, event + 0.6))
    frames = see(replace(scene_of(name), things=(near,)), Shot(fps=50.0)).frames.astype(int)
    pulse = KINDS[near.kind].motion(near, np.arange(100) / 50).pulse
    # The pose jumps from before the blow to the blow within one frame, and the picture follows.
    first = int(np.argmax(np.diff(pulse) > 0.3)) + 1
    assert abs(np.flatnonzero(np.diff(pulse) > 0.3) + 1 - event * 50).min() <= 1
    assert np.abs(frames[first] - frames[first - 1]).max() > 20


def test_level_falls_with_the_distance():
    near, far = (carried(thing_at("drum", r, 0.8), 2.0, RATE) for r in (1.0, 7.3))
    # The emission is scaled to the level at the place of the thing, so undo that to compare what was emitted.
    assert np.abs(near).max() == pytest.approx(np.abs(far).max(), rel=0.05)
    moved = replace(thing_at("drum", 1.0, 0.8), approach=0.5, sway_rate=0.125, sway_phase=np.pi / 4)
    ratio = np.abs(carried(moved, 2.0, RATE)).max() / np.abs(near).max()
    middle = 1 + 0.5 * np.sin(2 * np.pi * 0.125 * (0.8 + 1.3 / SPEED) + np.pi / 2)
    assert ratio == pytest.approx(1 / middle, rel=0.02)


def test_delays_are_fractions_of_samples():
    time = np.arange(4000) / RATE
    tone = np.sin(2 * np.pi * 1500 * time)
    for shift in (0.25, 10.5, 33.37):
        late = delayed(tone, np.arange(4000) - shift)
        expected = np.sin(2 * np.pi * 1500 * (time - shift / RATE))
        assert np.abs(late - expected)[100:-100].max() < 2e-3
    assert np.array_equal(delayed(tone, np.arange(4000.0))[1:-2], tone[1:-2])


def test_a_moving_source_is_heard_with_the_doppler_shift():
    """Away at v: f' = f (1 - v / c) when the delay is taken at the moment of hearing."""
    speed, frequency = 20.0, 1000.0
    times = np.arange(RATE) / RATE
    tone = np.sin(2 * np.pi * frequency * times)
    heard = delayed(tone, (times - (5.0 + speed * times) / SPEED) * RATE)[RATE // 4 :]
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard)), 8 * RATE))
    assert np.argmax(spectrum) / 8 == pytest.approx(frequency * (1 - speed / SPEED), abs=0.3)


def test_impulses_keep_weight_and_instant():
    grid = Grid(-0.5, RATE, RATE)
    out = impulses([0.1, 0.20001], [1.0, 2.0], grid)
    assert out.sum() == pytest.approx(3.0)
    # Each impulse lies where its instant is: the first moment of the weights.
    assert (out * grid.times).sum() == pytest.approx(0.1 + 2 * 0.20001, abs=1e-9)


def test_decays_and_modes_are_their_closed_forms():
    grid = Grid(0.0, RATE, 2000)
    blow = impulses([0.0], [1.0], grid)
    t = grid.times
    assert decaying(blow, 0.01, grid) == pytest.approx(np.exp(-t / 0.01), abs=1e-9)
    assert mode(blow, 700.0, 0.02, grid) == pytest.approx(np.exp(-t / 0.02) * np.sin(2 * np.pi * 700 * t), abs=1e-9)
    assert not mode(blow, 0.46 * RATE, 0.02, grid).any()


def test_a_wave_table_has_unit_power_and_its_harmonics():
    grid = Grid(0.0, RATE, RATE)
    wave = periodic(300.0 * grid.times, (1.0, 0.5))
    assert np.mean(wave**2) == pytest.approx(1, abs=1e-3)
    spectrum = np.abs(np.fft.rfft(wave))
    assert spectrum[600] / spectrum[300] == pytest.approx(0.5, abs=1e-3)
    assert spectrum[900] < 1e-3 * spectrum[300]


def test_beat_finds_its_event_and_goes_on_beyond_the_last():
    b = beat((0.0, 0.5, 1.1), np.array([-0.2, 0.0, 0.25, 0.5, 1.2, 1.8]))
    assert b.count.tolist() == [-1, 0, 0, 1, 2, 3]
    assert b.phase == pytest.approx([0.6, 0.0, 0.5, 0.0, 1 / 6, 1 / 6])
    assert b.since == pytest.approx([0.3, 0.0, 0.25, 0.0, 0.1, 0.1])


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_sounds_and_its_recording_is_in_range(name):
    heard = hear(scene_of(name, dials=Dials()), Shot())
    assert heard.sound.shape == (1, 48_000)
    assert heard.sound.dtype == np.float32
    assert np.isfinite(heard.sound).all()
    assert np.sqrt(np.mean(heard.sound**2)) > 0.01
    assert np.abs(heard.sound).max() <= 0.98 + 1e-6


def test_level_of_a_recording_is_drawn_and_not_a_matter_of_distance():
    scene = scene_of("violin")
    thing = scene.things[0]
    x, y, z = thing.position
    far = replace(scene, things=(replace(thing, position=(3 * x, 3 * y, 3 * z)),))
    powers = [np.mean(hear(s, Shot()).sound ** 2) for s in (scene, far)]
    assert 10 * np.log10(powers[0]) == pytest.approx(scene.acoustics.level, abs=0.01)
    assert powers[1] == pytest.approx(powers[0], rel=1e-3)


def test_stems_add_up_to_the_recording_without_room_noise_and_microphone():
    scene = scene_of("dog")
    dry = Acoustics(0, 0.0, 0, -200.0, 0.0, (0.0,) * 17, 0.0, (0.0, 1.0, 0.0), -30.0)
    heard = hear(replace(scene, acoustics=dry, things=scene.things + scene_of("bell").things), Shot())
    assert heard.stems.shape == (2, 48_000)
    assert heard.sound[0] == pytest.approx(heard.stems.sum(0), abs=1e-4)


def test_noise_is_at_its_level_below_the_things():
    scene = scene_of("fan")
    acoustics = replace(scene.acoustics, wet=0.0, compression=0.0, fading=(0.0, 1.0, 0.0))
    loud, quiet = (hear(replace(scene, acoustics=replace(acoustics, noise=noise)), Shot()) for noise in (-10.0, -200.0))
    clean, noisy = quiet.sound[0] / np.std(quiet.stems), loud.sound[0] / np.std(loud.stems)
    assert 10 * np.log10(np.mean((noisy - clean) ** 2)) == pytest.approx(-10, abs=2.5)


def test_the_shared_noise_has_unit_power_and_is_a_loop():
    acoustics = scene_of("car").acoustics
    for number in range(12):
        loop = noise_floor(replace(acoustics, floor=number, noise_at=0.0), 8 * RATE, RATE)
        assert np.mean(loop**2) == pytest.approx(1)
        other = noise_floor(replace(acoustics, floor=number, noise_at=0.5), 8 * RATE, RATE)
        assert np.array_equal(np.roll(loop, -4 * RATE), other)


def envelope(sound: np.ndarray) -> np.ndarray:
    return resample_poly(np.abs(sound), 1, 240)


@pytest.mark.parametrize("seed", range(900_121, 900_124))
def test_voice_over_replaces_the_sound_that_is_rendered(seed):
    """What is heard is the thing that the truth names, and nothing of the scene's own things."""
    found = set()
    for index in range(60):
        plain, over = draw_scene(seed, index, Dials(), 2.0), draw_scene(seed, index, Dials(voice_over=1.0), 2.0)
        if over.voice_over in found:
            continue
        found.add(over.voice_over)
        replaced, original = hear(over, Shot()), hear(plain, Shot())
        voice = over.things[-1]
        alone = carried(voice, 2.0, RATE)[LEAD:]
        assert replaced.stems.shape == (1, 48_000)
        assert np.corrcoef(replaced.stems[0], alone)[0, 1] == pytest.approx(1, abs=1e-6)
        shared = np.corrcoef(envelope(replaced.stems[0]), envelope(original.stems[0]))[0, 1]
        assert abs(shared) < 0.9
        assert (see(plain, Shot(32, 32)).frames == see(over, Shot(32, 32)).frames).all()
    assert found == {"speech", "music", "scene"}


def test_a_scene_with_nobody_to_hear_is_its_noise():
    scene = scene_of("car")
    quiet = hear(replace(scene, things=(replace(scene.things[0], heard=False),)), Shot())
    assert quiet.stems.shape == (0, 48_000)
    assert np.isfinite(quiet.sound).all()
    assert quiet.sound.any()
