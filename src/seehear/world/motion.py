# SPDX-License-Identifier: Apache-2.0
"""How things move: events (s) to a pose, and the one function of time that feeds picture and sound, `position`.

Between event k at e_k and the next, phi = (t - e_k) / (e_{k+1} - e_k) runs from 0 to 1. A thing without events rests.
Lengths are in half sizes of the thing, angles in rad, seen by somebody to whose right the thing faces.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from seehear.world.scene import Thing

Curve = Float64[np.ndarray, "T"]


@dataclass(frozen=True)
class Pose:
    """What a motion says at T instants.

    Shift up, tilt (rad), limb in [-1, 1], pulse (1 at an event, then dying away to 0), turn (rad).
    """

    up: Curve
    tilt: Curve
    limb: Curve
    pulse: Curve
    turn: Curve


@dataclass(frozen=True)
class Beat:
    """Where instants lie among the events: number k of the last one, phi in [0, 1), s since it, s to the next."""

    count: np.ndarray
    phase: Curve
    since: Curve
    interval: Curve


def beat(events: tuple[float, ...], times: Curve) -> Beat:
    """Locate instants among events; before the first and after the last the neighbouring intervals go on."""
    marks = np.asarray(events)
    head, tail = (marks[1] - marks[0], marks[-1] - marks[-2]) if len(marks) > 1 else (1.0, 1.0)
    first = marks[0] - head * np.arange(np.ceil(max(marks[0] - times[0], 0) / head) + 1, 0, -1)
    last = marks[-1] + tail * np.arange(1, np.ceil(max(times[-1] - marks[-1], 0) / tail) + 2)
    marks = np.concatenate([first, marks, last])
    index = np.clip(np.searchsorted(marks, times, side="right") - 1, 0, len(marks) - 2)
    since, interval = times - marks[index], marks[index + 1] - marks[index]
    # Counting from the first real event keeps left and right apart whatever instants are asked for.
    return Beat(index - len(first), since / interval, since, interval)


def _pose(times: Curve, **curves: Curve) -> Pose:
    still = np.zeros_like(times)
    names = ("up", "tilt", "limb", "pulse", "turn")
    return Pose(**{name: curves.get(name, still) for name in names})


def rest(thing: Thing, times: Curve) -> Pose:
    """Nothing moves."""
    return _pose(times)


def drive(thing: Thing, times: Curve) -> Pose:
    """Wheels turn at a steady pace; at every event the engine is pushed: a jolt, a puff."""
    b = beat(thing.events, times)
    pulse = np.exp(-b.since / 0.2)
    up = 0.02 * np.sin(2 * np.pi * 2.3 * times + thing.sway_phase)
    return _pose(times, up=up, tilt=0.05 * pulse, pulse=pulse, turn=2 * np.pi * times / thing.pace)


def bounce(thing: Thing, times: Curve) -> Pose:
    """Free flight between impacts: height 4 h phi (1 - phi); limb is the squash after an impact."""
    b = beat(thing.events, times)
    # Time between impacts fixes the height, g T^2 / 8, up to the size of the thing.
    height = np.minimum(1.0, 0.45 + 0.6 * b.interval)
    squash = np.exp(-np.minimum(b.since, b.interval - b.since) / 0.05)
    return _pose(times, up=height * (4 * b.phase * (1 - b.phase) - 0.5), limb=squash, pulse=squash, turn=2.5 * times)


def swing(thing: Thing, times: Curve) -> Pose:
    """A pendulum that reaches an end at every event: tilt = a (-1)^k cos(pi phi)."""
    b = beat(thing.events, times)
    side = np.where(b.count % 2 == 0, 1.0, -1.0) * np.cos(np.pi * b.phase)
    return _pose(times, tilt=0.5 * side, limb=side, pulse=np.exp(-b.since / 0.15))


def strike(thing: Thing, times: Curve) -> Pose:
    """A limb is raised slowly and falls onto its event: limb 0 at impact, 1 when raised."""
    b = beat(thing.events, times)
    raised = np.where(b.phase < 0.65, np.sin(np.pi / 2 * b.phase / 0.65), np.cos(np.pi / 2 * (b.phase - 0.65) / 0.35))
    return _pose(times, limb=raised, pulse=np.exp(-b.since / 0.12))


def alternate(thing: Thing, times: Curve) -> Pose:
    """Two limbs take turns: limb > 0 raises the one, < 0 the other; both are down at every event."""
    b = beat(thing.events, times)
    side = np.where(b.count % 2 == 0, 1.0, -1.0)
    return _pose(times, limb=side * np.sin(np.pi * b.phase), pulse=np.exp(-b.since / 0.12))


def call(thing: Thing, times: Curve) -> Pose:
    """A mouth opens at every event and closes again; the body jerks a little."""
    b = beat(thing.events, times)
    opened = np.minimum(1.0, b.since / 0.03) * np.clip((0.55 - b.phase) / 0.2, 0, 1)
    return _pose(times, up=0.07 * opened, tilt=0.06 * opened, pulse=opened, limb=np.sin(2 * np.pi * 0.9 * times))


def hop(thing: Thing, times: Curve) -> Pose:
    """Like `call`, with a jump that lands when the call ends."""
    b = beat(thing.events, times)
    air = np.clip(b.phase / 0.55, 0, 1)
    opened = np.clip((0.55 - b.phase) / 0.2, 0, 1) * np.minimum(1.0, b.since / 0.03)
    return _pose(times, up=0.5 * 4 * air * (1 - air) - 0.1, pulse=opened, limb=4 * air * (1 - air))


def stroke(thing: Thing, times: Curve) -> Pose:
    """A limb goes to and fro and turns round at every event: limb = (-1)^k (2 phi - 1)."""
    b = beat(thing.events, times)
    side = np.where(b.count % 2 == 0, 1.0, -1.0)
    return _pose(times, limb=side * (2 * b.phase - 1), pulse=np.exp(-b.since / 0.2))


def play(thing: Thing, times: Curve) -> Pose:
    """A player leans into every note and holds it for 80 % of the time."""
    b = beat(thing.events, times)
    held = np.minimum(1.0, b.since / 0.04) * np.clip((0.85 - b.phase) / 0.1, 0, 1)
    return _pose(times, tilt=0.12 * held, pulse=held, limb=np.where(b.count % 3 == 0, 1.0, 0.0))


def flash(thing: Thing, times: Curve) -> Pose:
    """A lamp jumps to the other side at every event."""
    b = beat(thing.events, times)
    return _pose(times, limb=np.where(b.count % 2 == 0, 1.0, -1.0), pulse=np.exp(-b.since / 0.25))


def spin(thing: Thing, times: Curve) -> Pose:
    """Blades turn by a third of a circle from event to event."""
    b = beat(thing.events, times)
    return _pose(times, turn=2 * np.pi / 3 * (b.count + b.phase), tilt=0.03 * np.sin(2 * np.pi * times / 1.7))


Motion = Callable[[Thing, Curve], Pose]


def position(thing: Thing, motion: Motion, times: Curve) -> Float64[np.ndarray, "T 3"]:
    """Where the thing is at each instant (m): its place, its slow drift, and the shift of its motion."""
    pose = (motion if thing.events else rest)(thing, times)
    drift = thing.sway * np.sin(2 * np.pi * thing.sway_rate * times + thing.sway_phase)
    front = 1 + thing.approach * np.sin(2 * np.pi * thing.sway_rate * times + 2 * thing.sway_phase)
    x, y, z = thing.position
    return np.stack([x * front, y * front - thing.size * drift, z * front + thing.size * pose.up], axis=1)
