# SPDX-License-Identifier: Apache-2.0
"""Which pixels show a thing, and where the points that they show are one frame later.

A part with centre c, half sizes (a, b) and angle f shows, at its own coordinates (x, y), the point (x / a, y / b) of
its surface. With primes for the next frame, that point is then on the board at

    (u', v') = c' + R(f') (x a' / a, y b' / b).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32

from seehear.world.shapes import Grid, Part, Plane, over_time
from seehear.world.surround_board import Board, Box


@dataclass(frozen=True)
class Trace:
    """The pixels of a board that show its thing: those that a part covers by more than half, the topmost if several.

    With the parts as they are one frame `later`, (u, v) is where the point is then; without, it is not kept.
    """

    board: Board
    later: list[Part] | None
    hit: Bool[np.ndarray, "T h w"]
    u: Float32[np.ndarray, "T h w"] | None
    v: Float32[np.ndarray, "T h w"] | None

    def note(self, number: int, box: Box, covered: Grid, x: Plane, y: Plane) -> None:
        """A part of this number is painted over all earlier ones; (x, y) are its own coordinates in its box."""
        now, covered = self.board.parts[number], covered > 0.5
        self.hit[:, *box] |= covered
        if self.later is not None and self.u is not None and self.v is not None:
            u, v = _carried(now, self.later[number], x, y)
            np.copyto(self.u[:, *box], u, where=covered)
            np.copyto(self.v[:, *box], v, where=covered)


def trace_of(board: Board, later: list[Part] | None) -> Trace:
    """A trace with nothing noted yet."""
    size = (*board.rows.shape, board.columns.shape[1])
    u, v = (None, None) if later is None else np.zeros((2, *size), np.float32)
    return Trace(board, later, np.zeros(size, bool), u, v)


def _carried(now: Part, later: Part, x: Plane, y: Plane) -> tuple[Plane, Plane]:
    """(u', v') of what a part shows at its coordinates (x, y)."""
    x, y = x * over_time(later.a / now.a), y * over_time(later.b / now.b)
    c, s = over_time(np.cos(later.angle)), over_time(np.sin(later.angle))
    return over_time(later.u) + c * x - s * y, over_time(later.v) + s * x + c * y
