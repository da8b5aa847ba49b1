"""One thread a test process: the suite runs several processes, and sums then have one order."""

import torch

torch.set_num_threads(1)
