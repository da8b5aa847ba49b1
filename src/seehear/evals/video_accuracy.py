# SPDX-License-Identifier: Apache-2.0
"""Accuracy of windows and of videos, out of the softmax of every window.

N clips, M windows of each, K classes; p[n, m] softmax of a window, R the clips of one file.

    clip accuracy    share of the N M windows with argmax_k p[n, m, k] = label of n
    video accuracy   share of the files with argmax_k sum over n in R and m of p[n, m, k] = their label
"""

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from seehear import metrics
from seehear.data.catalog import Catalog
from seehear.evals.features import Extracted


def clip_accuracy(said: Extracted) -> float:
    """Share of windows that are told right; every clip has a label."""
    scores = _scores(said)
    return metrics.accuracy(scores.flatten(0, 1), said.labels.repeat_interleave(scores.shape[1]))


def video_accuracy(said: Extracted) -> float:
    """Share of files that the mean softmax of all their windows tells right; every clip has a label.

    A film that was packed as several clips is one video (thesis 2.5: windows spread over the whole video). Files of one
    recording, such as the takes of ESC-50, are videos of their own, as in the official tests.
    """
    scores = _scores(said).mean(1)
    videos, labels = video_labels(said.catalog)
    total = torch.zeros(len(labels), scores.shape[1]).index_add(0, videos, scores)
    return metrics.accuracy(total, labels)


def video_labels(catalog: Catalog) -> tuple[Int64[Tensor, "N"], Int64[Tensor, "V"]]:
    """For every clip the row of its file, and for every file its label."""
    _, first, videos = np.unique(catalog.sources, return_index=True, return_inverse=True)
    return torch.from_numpy(videos), torch.from_numpy(catalog.labels[first])


def _scores(said: Extracted) -> Float32[Tensor, "N M K"]:
    (scores,) = said.features.values()
    return scores
