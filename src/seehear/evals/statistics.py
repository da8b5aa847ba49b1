# SPDX-License-Identifier: Apache-2.0
"""What plain statistics of the very same windows already tell: the row a learnt encoder has to beat.

Pictures: a joint histogram of 4 x 4 x 4 colours over all pixels and frames. Sound: mean and standard deviation over
time of every band of the log spectrogram. Both go through the same classifiers as an encoder's blocks. For retrieval
across modalities the two are related by canonical correlation (Hotelling 1936), fitted on the training pairs.
"""

from dataclasses import replace

import torch
from jaxtyping import Float32
from torch import Tensor
from torch.nn import functional

from seehear.evals.features import EMBEDDING, Splits
from seehear.views import MEAN, STD

LEVELS = 4
DIRECTIONS = 16
RIDGE = 0.3
"""Added to the diagonal of the covariances of standardised statistics: a few hundred pairs fit them badly without."""


def describe(views: dict[str, Tensor]) -> dict[str, Float32[Tensor, "B D"]]:
    """The statistics of finished views, by the names of features: "video/histogram" and "audio/bands"."""
    kinds = {"video": ("histogram", histogram), "audio": ("bands", bands)}
    return {f"{modality}/{kinds[modality][0]}": kinds[modality][1](view) for modality, view in views.items()}


def bands(audio: Float32[Tensor, "B C T F"]) -> Float32[Tensor, "B D"]:
    """Mean and standard deviation over time of every band and channel."""
    sound = audio.transpose(1, 2).flatten(2)
    return torch.cat([sound.mean(1), sound.std(1, correction=0)], dim=1)


def histogram(video: Float32[Tensor, "B 3 T H W"]) -> Float32[Tensor, "B 64"]:
    """Shares of the pixels in each of 4 x 4 x 4 colours."""
    colour = video.movedim(1, -1).flatten(1, 3) * video.new_tensor(STD) + video.new_tensor(MEAN)
    level = (colour * LEVELS).long().clamp(0, LEVELS - 1)
    index = (level[..., 0] * LEVELS + level[..., 1]) * LEVELS + level[..., 2]
    counts = video.new_zeros(len(video), LEVELS**3)
    return counts.scatter_add_(1, index, torch.ones_like(index, dtype=counts.dtype)) / index.shape[1]


def correlate(splits: Splits) -> Splits:
    """Add to each modality an "embedding": unit vectors of the directions that correlate most over the training pairs.

    With standardised x and y, A = Cxx^-1/2 Cxy Cyy^-1/2 = U S V^T; x becomes U^T Cxx^-1/2 x, y becomes V^T Cyy^-1/2 y,
    both weighted by S. Without training clips or with one modality alone there is no common space: nothing is added.
    """
    if len(splits.train.catalog) < 2 or len(splits.train.modalities) < 2:
        return splits
    whitened, standard = [], []
    for modality in ("video", "audio"):
        rows = _clips(splits.train.blocks(modality))
        mean, scale = rows.mean(0), rows.std(0).clamp(min=1e-4)
        rows = (rows - mean) / scale
        values, vectors = torch.linalg.eigh(rows.T @ rows / len(rows) + RIDGE * torch.eye(rows.shape[1]))
        root = vectors * values.rsqrt() @ vectors.T
        whitened.append(rows @ root)
        standard.append((mean, root / scale[:, None]))
    left, share, right = torch.linalg.svd(whitened[0].T @ whitened[1] / len(whitened[0]), full_matrices=False)
    turns = {"video": left * share, "audio": right.T * share}
    parts = {}
    for name, part in vars(splits).items():
        added = {}
        for (modality, turn), (mean, root) in zip(turns.items(), standard, strict=True):
            moved = (next(iter(part.blocks(modality).values())) - mean) @ root @ turn[:, :DIRECTIONS]
            added[f"{modality}/{EMBEDDING}"] = functional.normalize(moved, dim=-1)
        parts[name] = replace(part, features=part.features | added)
    return Splits(**parts)


def _clips(blocks: dict[str, Tensor]) -> Float32[Tensor, "N D"]:
    """The statistics of a modality, averaged over the windows of a clip."""
    return next(iter(blocks.values())).mean(1)
