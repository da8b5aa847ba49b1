# SPDX-License-Identifier: Apache-2.0
"""The picture of a surround scene and its truth: things painted as boards over a background that stands still.

Frame k shows the instant k / fps. The same looks, shapes and light as in `picture`, seen through another projection;
of what things hide, the nearer hides the farther by the mean of their distances.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float16, Float32, UInt8

from seehear.world.classes import kind_of
from seehear.world.motion import Curve, rest
from seehear.world.picture import blend, fitted
from seehear.world.scene import Thing
from seehear.world.shapes import Grid, Part, Plane, coverage, local, over_time
from seehear.world.surround_background import Background, background
from seehear.world.surround_board import Board, board, cut, on_board
from seehear.world.surround_path import Points, position
from seehear.world.surround_scene import Light, Source, Surround
from seehear.world.surround_shot import SurroundShot
from seehear.world.surround_trace import Trace, trace_of
from seehear.world.surround_view import View, view_of

_BLOCK = 2_000_000  # pixels of pictures whose things are painted at once: those then stay in the processor's cache


@dataclass(frozen=True)
class SurroundPicture:
    """Frames, and the truth that the shot asked for.

    `instances`: 0 for the background, else 1 + the number of the source in the scene. `classes`: the class of the
    thing, or 20 + the number of the background in STUFF. `depth` along the ray in m, infinite in the sky. `flow`: by
    how many pixels (to the right, down) the point that a pixel shows has moved in the next frame.
    """

    frames: UInt8[np.ndarray, "T H W 3"]
    instances: UInt8[np.ndarray, "T H W"] | None
    classes: UInt8[np.ndarray, "T H W"] | None
    depth: Float16[np.ndarray, "T H W"] | None
    flow: Float32[np.ndarray, "T H W 2"] | None


def see(scene: Surround, shot: SurroundShot) -> SurroundPicture:
    """Paint every frame of a scene, T = round(duration fps)."""
    view = view_of(scene, shot)
    times = np.arange(round(scene.duration * shot.fps) + 1) / shot.fps
    picture = _empty(background(view), shot, len(times) - 1)
    rays = view.rays()
    seen = [number for number, source in enumerate(scene.sources) if source.thing.seen]
    step = max(1, _BLOCK // (shot.height * shot.width))
    for number in sorted(seen, key=lambda number: -_mean_distance(scene.sources[number], times[:-1])):
        source = scene.sources[number]
        for first in range(0, len(times) - 1, step):
            now, later = times[:-1][first : first + step], times[1:][first : first + step]
            shown = board(view, rays, source.thing, position(source, now), _parts(source.thing, now))
            if shown is not None:
                trace = _trace(shown, shot, later)
                _paint(picture.frames[first : first + step], shown, scene.light, trace)
                if trace is not None:
                    _note(picture, trace, number, first, view, position(source, later))
    return picture


def _empty(back: Background, shot: SurroundShot, count: int) -> SurroundPicture:
    """The background in every frame."""
    size = (count, shot.height, shot.width)
    return SurroundPicture(
        frames=np.repeat(back.colour[None], count, axis=0),
        instances=np.zeros(size, np.uint8) if shot.masks else None,
        classes=np.repeat(back.classes[None], count, axis=0) if shot.masks else None,
        depth=np.repeat(back.depth[None].astype(np.float16), count, axis=0) if shot.depth else None,
        flow=np.zeros((*size, 2), np.float32) if shot.flow else None,
    )


def _mean_distance(source: Source, times: Curve) -> float:
    return float(np.sqrt((position(source, times) ** 2).sum(axis=1)).mean())


def _parts(thing: Thing, times: Curve) -> list[Part]:
    kind = kind_of(thing.kind)
    return fitted(kind.look((kind.motion if thing.events else rest)(thing, times)), thing.look)


def _trace(shown: Board, shot: SurroundShot, later: Curve) -> Trace | None:
    """What is to be noted while the board is painted."""
    if shot.flow:
        return trace_of(shown, _parts(shown.thing, later))
    return trace_of(shown, None) if shot.masks or shot.depth else None


def _paint(frames: UInt8[np.ndarray, "T H W 3"], shown: Board, shine: Light, trace: Trace | None) -> None:
    """Paint a thing over some frames."""
    at = (np.arange(len(frames))[:, None, None], shown.rows[:, :, None], shown.columns[:, None, :])
    canvas = np.ascontiguousarray(np.moveaxis(frames[at], -1, 0), dtype=np.float32)
    look = shown.thing.look
    for number, (part, box) in enumerate(zip(shown.parts, shown.boxes, strict=True)):
        if box is None:
            continue
        x, y = local(part, cut(shown.u, box), cut(shown.v, box))
        covered = _covered(part, x, y, shown.pixels)
        blend(canvas[:, :, *box], covered, part, look, shine, x, y)
        if trace is not None:
            trace.note(number, box, covered, x, y)
    frames[at] = np.moveaxis(np.clip(canvas + np.float32(0.5), 0, 255), 0, -1)


def _covered(part: Part, x: Plane, y: Plane, pixels: Float32[np.ndarray, "T 1 1"]) -> Grid:
    """What a part takes of each pixel."""
    covered = coverage(part, x, y, pixels) * over_time(part.opacity)
    if part.shape == "ellipse" and np.min(np.minimum(part.a, part.b)) * pixels.min() < 1:
        # To first order, a line of an ellipse would run on beyond its ends as far as its box happens to be.
        covered *= (np.abs(x) - over_time(part.a)) * pixels < 1
        covered *= (np.abs(y) - over_time(part.b)) * pixels < 1
    return covered


def _note(picture: SurroundPicture, trace: Trace, number: int, first: int, view: View, later: Points) -> None:
    """Write down what the pixels show that a thing has been painted on; `later` is where it is one frame later."""
    shown, hits = trace.board, np.nonzero(trace.hit)
    frame = hits[0]
    at = (first + frame, shown.rows[frame, hits[1]], shown.columns[frame, hits[2]])
    if picture.instances is not None and picture.classes is not None:
        picture.instances[at], picture.classes[at] = number + 1, shown.thing.kind
    if picture.depth is not None:
        along = np.broadcast_to(shown.reach, trace.hit.shape)[hits]
        up = shown.place[frame, 2] + shown.thing.size * shown.v[hits]
        picture.depth[at] = np.sqrt(along * along + up * up)
    if picture.flow is not None and trace.u is not None and trace.v is not None:
        there = view.pixels(on_board(shown.thing, later[frame], trace.u[hits], trace.v[hits]))
        across = there.columns - (at[2] + 0.5)
        if view.pose is None:
            across = (across + view.width / 2) % view.width - view.width / 2
        picture.flow[at] = np.stack([across, there.rows - (at[1] + 0.5)], axis=1)
