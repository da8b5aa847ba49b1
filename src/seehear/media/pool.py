# SPDX-License-Identifier: Apache-2.0
"""Worker processes for hostile files: a decoder that crashes or hangs loses its own file and no other.

Every worker is a fresh interpreter, which imports only what its function needs (and not the script that asked for it),
and is handed one task at a time; what it yields comes back through a pipe. Results are given out in the order of the
tasks, so that nothing depends on how many workers there are or which was faster.
"""

import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import Any

_BIRTH = """
import sys
from multiprocessing.connection import Connection
pipe = Connection(int(sys.argv[1]))
sys.path[:] = pipe.recv()
from seehear.media.pool import serve
serve(pipe)
"""
_HELD = 32  # messages kept for a task whose turn has not come; then its worker has to wait


@dataclass(frozen=True)
class Lost:
    """Comes in place of the rest of a task whose worker had to be given up."""

    why: str


def work(
    function: Callable[[Any], Iterator[Any]], tasks: Sequence[Any], workers: int, patience: float
) -> Iterator[tuple[int, Any]]:
    """Yield (task number, what `function` yields for the task) in the order of the tasks.

    `function` must be found at the top of a module. A worker that says nothing for `patience` s is killed; its task,
    and that of a worker that died, ends with Lost. Stopping the iteration stops the workers.
    """
    if not tasks:
        return
    crew = [_Worker(function) for _ in range(max(1, min(workers, len(tasks))))]
    waiting = deque(range(len(tasks)))
    held: dict[int, deque[Any]] = {number: deque() for number in range(len(tasks))}
    try:
        for number in range(len(tasks)):
            while True:
                while held[number]:
                    kind, message = held[number].popleft()
                    if kind == "end":
                        break
                    yield number, message
                else:
                    _advance(crew, tasks, waiting, held, number, patience)
                    continue
                break
            del held[number]
    finally:
        for worker in crew:
            worker.stop()


def _advance(
    crew: "list[_Worker]",
    tasks: Sequence[Any],
    waiting: deque[int],
    held: dict[int, deque[Any]],
    head: int,
    patience: float,
) -> None:
    """Hand out tasks and wait until some worker has said something, died or run out of patience."""
    for worker in crew:
        if worker.task is None and waiting:
            worker.give(waiting[0], tasks[waiting.popleft()])
    listening = [w for w in crew if w.task is not None and (w.task == head or len(held[w.task]) < _HELD)]
    for worker in crew:
        if worker not in listening:
            worker.heard = time.monotonic()
    oldest = min(worker.heard for worker in listening)
    ready = wait([worker.pipe for worker in listening], max(0.0, oldest + patience - time.monotonic()))
    for worker in listening:
        task = worker.task
        assert task is not None
        if worker.pipe in ready:
            held[task] += worker.hear()
        elif time.monotonic() - worker.heard > patience:
            worker.stop()
            worker.start()
            held[task] += [("said", Lost(f"no progress for {patience:.0f} s")), ("end", None)]


class _Worker:
    """One process and the task it is at."""

    def __init__(self, function: Callable[[Any], Iterator[Any]]) -> None:
        self.function = function
        self.start()

    def start(self) -> None:
        self.pipe, theirs = Pipe()
        end = theirs.fileno()
        self.process = subprocess.Popen(
            [sys.executable, "-c", _BIRTH, str(end)], pass_fds=[end], stdin=subprocess.DEVNULL
        )
        theirs.close()
        self.task: int | None = None
        self.ready = False
        self.pipe.send(sys.path)
        self.pipe.send(self.function)
        self.heard = time.monotonic()

    def give(self, number: int, task: Any) -> None:
        self.task, self.heard = number, time.monotonic()
        try:
            self.pipe.send(task)
        except OSError:
            # It died while idle, or `hear` will say that it could not start.
            if self.ready:
                self.stop()
                self.start()
                self.give(number, task)

    def hear(self) -> list[tuple[str, Any]]:
        """The next message, or what stands for it when the process has died."""
        self.heard = time.monotonic()
        try:
            kind, message = self.pipe.recv()
        except (EOFError, OSError):
            if not self.ready:
                raise RuntimeError("a worker process died before it could start") from None
            self.stop()
            self.start()
            return [("said", Lost("the decoder crashed")), ("end", None)]
        if kind == "fault":
            raise RuntimeError(f"a worker process failed:\n{message}")
        if kind == "ready":
            self.ready = True
            return []
        if kind == "end":
            self.task = None
        return [(kind, message)]

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        self.pipe.close()


def serve(pipe: Connection) -> None:
    """The life of a worker: until the pipe closes, run tasks and send what they yield."""
    import traceback

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which stops its workers itself
    try:
        function = pipe.recv()
        pipe.send(("ready", None))
        while True:
            task = pipe.recv()
            try:
                for message in function(task):
                    pipe.send(("said", message))
            except (BrokenPipeError, ConnectionResetError):
                return
            except Exception:
                pipe.send(("fault", traceback.format_exc()))
                return
            pipe.send(("end", None))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the parent is gone
