# SPDX-License-Identifier: Apache-2.0
"""A memory bank of 2,000,000 x 128 with 1024 negatives and batch 256: seconds a step, and resident memory.

A step is both terms of Cross-AVID forward and backward, and the update of both banks. The floor is the bytes that must
be read: 256 x 1024 rows of 512 bytes, forward and backward, in both banks.
"""

import gc
import resource

import numpy as np
import torch
from torch import nn

from measure import mean_and_error, write

ROWS, BATCH, NEGATIVES, REPEATS = 2_000_000, 256, 1024, 8


def resident() -> int:
    """Bytes of memory that this process has now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def main() -> None:
    """Measure, print and keep the numbers."""
    import time

    from seehear.clip import Batch, Response
    from seehear.memory import Bank
    from seehear.tasks.avid import AVID

    torch.randn(64, 64) @ torch.randn(64, 64)
    gc.collect()
    before = resident()
    task = AVID(nn.ModuleDict(), Bank(np.arange(ROWS)), negatives=NEGATIVES)
    generator = torch.Generator().manual_seed(0)
    seconds = []
    for step in range(REPEATS + 1):
        items = torch.randint(ROWS, (BATCH,), generator=generator).unique()
        z = {n: torch.randn(len(items), 128, generator=generator, requires_grad=True) for n in ("video", "audio")}
        batch = Batch(items, items, {}, (0, step))
        started = time.perf_counter()
        unit = {name: nn.functional.normalize(one, dim=1) for name, one in z.items()}
        task.charge(Response(unit), batch).total.backward()
        task.remember(Response({name: one.detach() for name, one in unit.items()}), batch)
        seconds.append(time.perf_counter() - started)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    banks = 2 * ROWS * 128 * 4
    read = 2 * 2 * BATCH * NEGATIVES * 512
    buffer = torch.empty(read // 4)
    started = time.perf_counter()
    buffer.fill_(1.0)
    floor = time.perf_counter() - started
    mean, error = mean_and_error(np.array(seconds[1:]))
    write(
        "bank",
        {
            "seconds": mean,
            "seconds_error": error,
            "bytes_gathered": read,
            "floor_seconds": floor,
            "peak_above_import": (peak - before) / banks - 1,
            "threads": torch.get_num_threads(),
            "goal": "seconds <= 0.4, peak_above_import <= 0.10 of the two banks",
        },
    )


if __name__ == "__main__":
    main()
