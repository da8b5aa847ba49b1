# SPDX-License-Identifier: Apache-2.0
"""seehear: learn to see and hear from videos nobody labelled."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seehear.checkpoint import Model

__version__ = "0.1.0"


def load(run: Path | str, which: str = "last") -> "Model":
    """The encoders, heads and views of a run folder, ready for use; see `checkpoint.load`."""
    # Imported here, because the command line must answer before torch is there.
    from seehear import checkpoint

    return checkpoint.load(run, which)
