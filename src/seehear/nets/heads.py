# SPDX-License-Identifier: Apache-2.0
"""Heads between an encoder's pooled embedding and a loss."""

from torch import nn


def projection(dimension: int, hidden: int = 512, out: int = 128) -> nn.Sequential:
    """Three linear layers dimension -> hidden -> hidden -> out with ReLU between (thesis tables 2.12-2.15, fc1-fc3).

    The output is not normalised: losses divide by the norm, so that heads can also be probed.
    """
    return nn.Sequential(
        nn.Linear(dimension, hidden),
        nn.ReLU(inplace=True),
        nn.Linear(hidden, hidden),
        nn.ReLU(inplace=True),
        nn.Linear(hidden, out),
    )
