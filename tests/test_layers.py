"""What imports what: the bare core, light signatures, light workers."""

import subprocess
import sys

import pytest

BARE = """
import sys
for name in ("accelerate", "av", "cv2", "lance", "matplotlib", "pyarrow", "rich", "safetensors", "sklearn",
             "soundfile", "soxr", "tensorboard", "tyro"):
    sys.modules[name] = None
import torch
torch.set_num_threads(1)
from seehear import train
from seehear.recipes.avid import avid_model
from seehear.data.catalog import Selected
from seehear.memory import Bank
from seehear.run import Run, Stage
from seehear.tasks.avid import AVID
from seehear.world.plan import Plan
from seehear.world.shelf import World
import numpy as np
world = World(Plan.of(30))
clips = Selected(world, np.arange(20))
model = avid_model("tiny", 0)
task = AVID(model.heads, Bank(clips.catalog.items), negatives=8)
at = train.fit(Run("bare", model, clips, [Stage("avid", task, 5)], batch=10), quiet=True)
assert at.done and at.total == 10, at
"""


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)


def test_the_core_trains_ten_steps_with_torch_numpy_and_scipy_alone():
    done = python(BARE)
    assert done.returncode == 0, done.stderr


SIGNATURES = ["cli", "recipes.avid", "quickstart", "media.scan", "studies.conduct"]


@pytest.mark.parametrize("module", [f"seehear.{name}" for name in SIGNATURES])
def test_signatures_are_light(module):
    done = python(f"import sys, {module}; sys.exit(len({{'torch', 'torchvision', 'lance', 'av'}} & set(sys.modules)))")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", ["seehear.data.loader", "seehear.views", "seehear.data.library"])
def test_loader_workers_do_not_import_torchvision(module):
    assert python(f"import sys, {module}; sys.exit('torchvision' in sys.modules)").returncode == 0


@pytest.mark.parametrize("module", ["seehear.data.transcode", "seehear.world.files"])
def test_workers_that_transcode_and_render_do_not_import_torch(module):
    assert python(f"import sys, {module}; sys.exit('torch' in sys.modules)").returncode == 0
