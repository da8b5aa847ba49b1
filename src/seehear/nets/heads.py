# SPDX-License-Identifier: Apache-2.0
"""Heads between an encoder's pooled embedding and a loss."""

from torch import nn


def projection(dimension: int, hidden: int = 512, out: int = 128) -> nn.Sequential:
    """Three linear layers dimension -> hidden -> hidden -> out with ReLU between (thesis tables 2.12-2.15, fc1-fc3).

    The output is not normalised: losses divide by the norm, so that heads can also be probed. Weights start as in He et
    al. (2015), which keeps the spread of the embedding; torch's own start shrinks it and adds one offset to all clips.
    """
    linears = nn.Linear(dimension, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, out)
    for linear in linears:
        nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
        nn.init.zeros_(linear.bias)
    first, second, third = linears
    return nn.Sequential(first, nn.ReLU(inplace=True), second, nn.ReLU(inplace=True), third)
