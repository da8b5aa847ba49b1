# SPDX-License-Identifier: Apache-2.0
"""What a run writes down while it trains: RUN/metrics.jsonl (one JSON object a line) and TensorBoard files."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from seehear import atomic, dist


class Logbook:
    """Opened at step `total`, the log is cut back to the rows before it: steps after a checkpoint are taken again.

    Without a folder, and in every process but the first, nothing is written.
    """

    def __init__(self, folder: Path | None, total: int) -> None:
        self.file: TextIO | None = None
        self.board: Any = None
        if folder is None or dist.part()[0] > 0:
            return
        path = folder / "metrics.jsonl"
        old = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        atomic.write_text(path, "".join(f"{line}\n" for line in old if _step(line) < total))
        self.file = path.open("a", encoding="utf-8")
        with suppress(ImportError):
            from torch.utils.tensorboard import SummaryWriter

            self.board = SummaryWriter(str(folder / "tensorboard"), purge_step=total)

    def write(self, row: dict[str, Any]) -> None:
        """Add one row; its numbers go to TensorBoard under its "step"."""
        if self.file is None:
            return
        self.file.write(json.dumps(row) + "\n")
        self.file.flush()
        if self.board is not None:
            for name, value in row.items():
                if isinstance(value, (int, float)):
                    self.board.add_scalar(name, value, row["step"])

    def close(self) -> None:
        """Close the files."""
        if self.file is not None:
            self.file.close()
        if self.board is not None:
            self.board.close()


def _step(line: str) -> int:
    """The step of a row; a row cut short by a crash counts as after every checkpoint."""
    try:
        return int(json.loads(line)["step"])
    except (json.JSONDecodeError, KeyError, TypeError):
        return 1 << 62
