# SPDX-License-Identifier: Apache-2.0
"""What a training step of other tasks costs beyond a step of Cross-AVID, at 8 x 112 x 112 and batch 16, on the CPU.

Encoders, views, bank and negatives are those of bench/step.py; CMA has 32 positives, Robust-xID weights and targets of
the rule cycle. Targets from the queue, which is full, cost a pass of the momentum encoders, here on the same views: the
goal is not for them. What happens once in many epochs, the search for positives, is measured in bench/mining.py.
"""

import torch

from measure import interleaved, mean_and_error, write
from seehear import dist
from seehear.checkpoint import Model
from seehear.optim import Adam
from seehear.run import Position, Run, Stage
from seehear.tasks.avid import AVID
from seehear.tasks.cma import CMA
from seehear.tasks.momentum import Momentum
from seehear.tasks.robust import RobustXID, Softening, Weighting
from seehear.train import Loop
from step import make_run

REPEATS = 12


def cma(avid: AVID) -> CMA:
    """CMA whose positives are the next 32 rows of the bank."""
    task = CMA(avid)
    items, count = task.positives.shape
    task.positives.copy_((torch.arange(items)[:, None] + torch.arange(1, count + 1)) % items)
    return task


def queue(model: Model, avid: AVID) -> AVID:
    """Cross-AVID with targets from momentum encoders and a full queue."""
    slow = Momentum(model.encoders, model.heads)
    task = AVID(model.heads, avid.bank, targets="queue", negatives=avid.negatives, slow=slow)
    assert task.queue is not None
    items = avid.bank.items[: len(task.queue)]
    task.queue.push(items, {name: avid.bank.get_buffer(name)[: len(items)] for name in ("video", "audio")})
    return task


def main() -> None:
    """Measure, print and keep the numbers."""
    run = make_run()
    avid = run.stages[0].task
    assert isinstance(avid, AVID)
    robust = RobustXID(run.model.heads, avid.bank, Weighting(), Softening())
    loops = {}
    tasks = {"cross_avid": avid, "cma": cma(avid), "robust_xid": robust, "cross_avid, queue": queue(run.model, avid)}
    for name, task in tasks.items():
        stage = Stage(name, task, 1, Adam())
        loop = Loop(Run(name, run.model, run.clips, [stage], run.batch), None, Position(), dist.engine("cpu"), 0, 1e9)
        loops[name] = loop, stage, loop.prepare(stage, {})
    loop, stage, _ = loops["cross_avid"]
    cut = next(loop.loader(stage).epoch(0))
    arms = {name: lambda one=one: one[0].step(one[1], one[2], cut) for name, one in loops.items()}
    seconds = interleaved(arms, REPEATS)
    rows = {name: {"seconds": mean_and_error(one)} for name, one in seconds.items()}
    extra = {name: mean_and_error(one / seconds["cross_avid"] - 1) for name, one in seconds.items()}
    write(
        "task_step",
        {
            "tasks": {name: {**row, "extra": extra[name]} for name, row in rows.items()},
            "repeats": REPEATS,
            "threads": torch.get_num_threads(),
            "goal": "extra <= 0.10",
        },
    )


if __name__ == "__main__":
    main()
