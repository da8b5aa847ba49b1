# SPDX-License-Identifier: Apache-2.0
"""The exact 32 positives of 100,000 items by agreement: time beside that of the matrix products alone, and memory.

The floor is the two products v v^T and a a^T of the same blocks, in turns with the search in one process. Memory is the
peak of resident memory while mining in a process of its own, above what it held with the banks made.
"""

import argparse
import json
import resource
import subprocess
import sys

import torch

from measure import interleaved, mean_and_error, write

COUNT, REPEATS = 32, 4


def make_bank(items: int) -> dict[str, torch.Tensor]:
    """Random unit rows, the hardest case: nothing is alike."""
    generator = torch.Generator().manual_seed(0)
    rows = {name: torch.empty(items, 128).normal_(generator=generator) for name in ("video", "audio")}
    return {name: one.div_(one.norm(dim=1, keepdim=True)) for name, one in rows.items()}


def products(bank: dict[str, torch.Tensor]) -> None:
    """Both matrix products, tile by tile into the same memory."""
    from seehear.mining import ROWS, TILE

    tile = torch.empty(ROWS * TILE)
    for rows in bank.values():
        for here in rows.split(ROWS):
            for there in rows.split(TILE):
                torch.mm(here, there.mT, out=tile[: len(here) * len(there)].view(len(here), len(there)))


def peak_above_banks(items: int) -> float:
    """MiB of resident memory at the peak of mining above banks and libraries; to be called in a process of its own."""
    from seehear.mining import positives

    positives(make_bank(100), "agreement", 1)
    bank = make_bank(items)
    # The high-water mark of the kernel starts anew, so that what making the bank took does not hide what mining takes.
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    with open("/proc/self/statm") as file:
        before = int(file.read().split()[1]) * resource.getpagesize()
    positives(bank, "agreement", COUNT)
    with open("/proc/self/status") as file:
        peak = next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
    return (peak - before) / 2**20


def main() -> None:
    """Measure, print and keep the numbers."""
    from seehear.mining import positives

    parser = argparse.ArgumentParser()
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--memory", action="store_true", help="print the peak of mining above the banks and leave")
    given = parser.parse_args()
    if given.memory:
        print(peak_above_banks(given.items))
        return
    child = [sys.executable, __file__, "--memory", "--items", str(given.items)]
    memory = json.loads(subprocess.run(child, check=True, capture_output=True, text=True).stdout)
    bank = make_bank(given.items)
    arms = {"products": lambda: products(bank), "mining": lambda: positives(bank, "agreement", COUNT)}
    seconds = interleaved(arms, REPEATS)
    times, error = mean_and_error(seconds["mining"] / seconds["products"])
    write(
        "mining",
        {
            "items": given.items,
            "products_seconds": mean_and_error(seconds["products"]),
            "mining_seconds": mean_and_error(seconds["mining"]),
            "times_products": times,
            "times_products_error": error,
            "peak_above_banks_mib": memory,
            "threads": torch.get_num_threads(),
            "goal": "times_products <= 1.3, peak_above_banks_mib <= 256",
        },
    )


if __name__ == "__main__":
    main()
