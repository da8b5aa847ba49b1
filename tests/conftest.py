"""One thread a test process, because sums then have one order; no test may fail because a machine is busy."""

import torch
from hypothesis import settings

torch.set_num_threads(1)
settings.register_profile("seehear", deadline=None)
settings.load_profile("seehear")
