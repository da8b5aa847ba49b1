# SPDX-License-Identifier: Apache-2.0
"""What the same nets reach on this world when they are trained with labels: measured once, shipped with the package.

calibration.json is written by bench/calibrate.py on seeds that nothing else uses.
"""

import json
from importlib.resources import files
from typing import Any


def calibration() -> dict[str, Any]:
    """The whole calibration table."""
    text = files("seehear.world").joinpath("calibration.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def supervised_bound() -> dict[str, float]:
    """Mean test accuracy, averaged over the windows of a clip, of the supervised "video" and "audio" encoder."""
    table = calibration()
    return {name: float(table["mean"][name]["supervised"]) for name in ("video", "audio")}
