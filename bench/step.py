# SPDX-License-Identifier: Apache-2.0
"""What a training step costs beyond the encoders: views, loss, memory, optimiser, log.

R(2+1)D-9 and Conv2D-9 at full width, 8 x 112 x 112 and 200 x 257, batch 16, on the CPU. The floor is one forward and
backward pass of the encoders on views that are already there.
"""

import numpy as np
import torch

from measure import interleaved, mean_and_error, write
from seehear import dist
from seehear.checkpoint import Model
from seehear.data.catalog import ArrayClip, ArrayClips, Catalog
from seehear.memory import Bank
from seehear.nets.audio import Conv2D
from seehear.nets.video import R2Plus1D
from seehear.optim import Adam
from seehear.run import Position, Run, Stage
from seehear.tasks.avid import AVID
from seehear.train import Loop
from seehear.views import AudioVisual

BATCH, REPEATS = 16, 8


def make_run() -> Run:
    """Cross-AVID over 64 clips of noise; the bank is as large as Kinetics."""
    generator = np.random.default_rng(0)
    frames = generator.integers(0, 255, (64, 128, 170, 3), dtype=np.uint8)
    sound = generator.normal(0, 0.1, (1, 4 * 24_000)).astype(np.float32)
    clips = [ArrayClip(frames, 16.0, sound, 24_000, item) for item in range(64)]
    catalog = Catalog(np.arange(64), np.full(64, 4.0), np.full(64, -1), ("noise",) * 64, ("train",) * 64, ())
    model = Model({"video": R2Plus1D.pooled(9), "audio": Conv2D.pooled()}, AudioVisual(size=112))
    task = AVID(model.heads, Bank(np.arange(232_067)))
    return Run("bench", model, ArrayClips(clips, catalog), [Stage("avid", task, 1, Adam())], BATCH)


def main() -> None:
    """Measure, print and keep the numbers."""
    run = make_run()
    stage = run.stages[0]
    loop = Loop(run, None, Position(), dist.engine("cpu"), 0, float("inf"))
    module = loop.prepare(stage, {})
    cut = next(loop.loader(stage).epoch(0))
    views = run.model.views.finish(cut.arrays)

    def encoders() -> None:
        total = sum(encoder(views[name]).pooled.sum() for name, encoder in run.model.encoders.items())
        assert isinstance(total, torch.Tensor)
        total.backward()

    seconds = interleaved({"encoders": encoders, "step": lambda: loop.step(stage, module, cut)}, REPEATS)
    extra, error = mean_and_error(seconds["step"] / seconds["encoders"] - 1)
    write(
        "step",
        {
            "encoders_seconds": mean_and_error(seconds["encoders"]),
            "step_seconds": mean_and_error(seconds["step"]),
            "extra": extra,
            "extra_error": error,
            "threads": torch.get_num_threads(),
            "goal": "extra <= 0.15",
        },
    )


if __name__ == "__main__":
    main()
