"""Small shelves of clips and small runs that many tests share."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

from seehear.checkpoint import Model
from seehear.data.catalog import ArrayClip, ArrayClips, Catalog
from seehear.memory import Bank
from seehear.nets.audio import Conv2D
from seehear.nets.video import R2Plus1D
from seehear.optim import Adam
from seehear.run import Run, Stage
from seehear.signal.spectrogram import LogSpectrogram
from seehear.tasks.avid import AVID, Fill
from seehear.views import AudioVisual


def make_shelf(count: int = 12, classes: int = 3, seed: int = 0) -> ArrayClips:
    """Clips of 3 s whose class shows in the colour of the picture and in the pitch of the sound."""
    generator = np.random.default_rng(seed)
    clips = []
    for item in range(count):
        label = item % classes
        frames = generator.integers(0, 120, (24, 32, 40, 3), dtype=np.uint8)
        frames[..., label % 3] += 120
        time = np.arange(3 * 8000) / 8000
        sound = 0.3 * np.sin(2 * np.pi * 500 * (label + 1) * time) + generator.normal(0, 0.05, time.shape)
        clips.append(ArrayClip(frames, 8.0, sound[None].astype(np.float32), 8000, 10 * item + 3, label, f"{item}.mp4"))
    splits = tuple("train" if item < count * 2 // 3 else "test" for item in range(count))
    catalog = Catalog(
        np.array([clip.item for clip in clips]),
        np.full(count, 3.0),
        np.array([clip.label for clip in clips]),
        tuple(clip.source for clip in clips),
        splits,
        tuple(f"class {number}" for number in range(classes)),
    )
    return ArrayClips(clips, catalog)


def make_views(**changes: object) -> AudioVisual:
    """Views of 4 frames of 16 pixels and half a second of sound."""
    front = LogSpectrogram(rate=8000, window=128, hop=128, frames=32, average=2)
    settings: dict[str, object] = {"count": 4, "fps": 8.0, "size": 16, "area": (0.5, 1.0), "front": front}
    return AudioVisual(**{**settings, **changes})  # type: ignore[arg-type]


def make_model(seed: int = 0) -> Model:
    """Encoders of width 4."""
    torch.manual_seed(seed)
    return Model({"video": R2Plus1D.pooled(9, 4), "audio": Conv2D.pooled(4)}, make_views())


def make_run(seed: int = 0, count: int = 12) -> Run:
    """Warm-up, fill and bank stages over a small shelf."""
    shelf, model = make_shelf(count), make_model(seed)
    bank = Bank(shelf.catalog.items, seed=seed)
    warm, main = AVID(model.heads, bank, targets="batch"), AVID(model.heads, bank, negatives=16)
    stages = [Stage("warm-up", warm, 2, Adam(1e-3)), Stage("fill", Fill(main), 1, None), Stage("bank", main, 2)]
    return Run("small", model, shelf, stages, batch=4, seed=seed)


def torchrun(processes, *arguments):
    """Run a script in one process, or in several that form a group; its first argument is the folder of the tests."""
    script, *rest = map(str, arguments)
    group = ["-m", "torch.distributed.run", f"--nproc-per-node={processes}", "--standalone"] if processes > 1 else []
    done = subprocess.run(
        [sys.executable, *group, script, str(Path(__file__).parent), *rest],
        env={**os.environ, "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr


def in_two_processes(text, folder):
    """Run a script on two processes; its arguments are the folder of the tests and `folder` / "two"."""
    script = folder / "two.py"
    script.write_text(text)
    torchrun(2, script, folder / "two")
