# SPDX-License-Identifier: Apache-2.0
"""The quickstart on three seeds, from nothing, as a user types it: seconds and how good the encoders became.

Goals, on each seed: at most 300 s; a sound of its own class found first at least 40 % of the time; its own sound found
first at least 5 times as often as by chance (gallery of 200 held-out scenes, mean of both directions); the class read
from the video encoder at least 30 points better than from a random one, and from the sound encoder better too.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from measure import write

SEEDS = (0, 1, 2)


def main() -> None:
    """Measure, print and keep the numbers."""
    runs = []
    for seed in SEEDS:
        with tempfile.TemporaryDirectory() as folder:
            command = [str(Path(sys.executable).parent / "seehear"), "quickstart", "--out", folder, "--seed", str(seed)]
            subprocess.run([*command, "--json", f"{folder}/numbers.json"], check=True)
            numbers: dict[str, Any] = json.loads(Path(folder, "numbers.json").read_text())
        runs.append({"seed": seed, **{name: value for name, value in numbers.items() if name != "report"}})
    write("quickstart", {"runs": runs})


if __name__ == "__main__":
    main()
