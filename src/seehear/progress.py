# SPDX-License-Identifier: Apache-2.0
"""What every long job has: a progress bar and an end in good order at Ctrl-C.

The bar is rich on a terminal, a line now and then elsewhere, silence when asked.
"""

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol, runtime_checkable


@runtime_checkable
class Bar(Protocol):
    """What a job may do with its bar."""

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Say that `steps` more are done; `note` is shown behind the bar until the next one."""


class _Lines:
    """A bar for log files: at most one line every 20 s."""

    def __init__(self, title: str, total: int) -> None:
        self.title, self.total, self.done = title, total, 0
        self.started = self.printed = time.monotonic()
        self.note = ""

    def advance(self, steps: int = 1, note: str = "") -> None:
        self.done += steps
        self.note = note or self.note
        now = time.monotonic()
        if now - self.printed < 20:
            return
        self.printed = now
        left = (now - self.started) / max(self.done, 1) * max(self.total - self.done, 0)
        print(f"{self.title}: {self.done}/{self.total}, {left:.0f} s left {self.note}", file=sys.stderr, flush=True)


@contextmanager
def bar(title: str, total: int, quiet: bool = False) -> Iterator[Bar]:
    """Show the progress of a job of `total` steps with the time left, on standard error."""
    if quiet or not sys.stderr.isatty():
        yield _Silent() if quiet else _Lines(title, total)
        return
    try:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    except ImportError:
        yield _Lines(title, total)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, TextColumn("{task.fields[note]}"), console=Console(stderr=True)) as shown:
        task = shown.add_task(title, total=total, note="")

        class _Rich:
            def advance(self, steps: int = 1, note: str = "") -> None:
                if note:
                    shown.update(task, note=note)
                shown.advance(task, steps)

        yield _Rich()


class _Silent:
    """A bar that shows nothing."""

    def advance(self, steps: int = 1, note: str = "") -> None:
        pass


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C into a flag that is read between steps; the second one stops at once."""
    pressed = threading.Event()

    def press(number: int, frame: FrameType | None) -> None:
        pressed.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    here = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, press) if here else None
    try:
        yield pressed
    finally:
        if here:
            signal.signal(signal.SIGINT, before)
