# SPDX-License-Identifier: Apache-2.0
"""Do clips whose sound does not belong to their pictures agree least (thesis section 3.8.2)?

The truth is known for injected faults (column "faulty"), for scenes of the world ("voice_over": what replaced the
sound, or nothing), and for any library with a CSV column `faulty` of true and false.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from seehear import metrics
from seehear.data.catalog import Catalog
from seehear.errors import InputError

SHARES = (4, 10)
"""Per cent of the clips, those that agree least, among which faulty ones are counted."""


def truth_of(catalog: Catalog) -> Int64[Tensor, "N"]:
    """1 for a faulty clip, 0 for a good one, -1 where nothing is known; raises InputError for other words."""
    faulty = [_known(value) for value in catalog.truth.get("faulty", (None,) * len(catalog))]
    replaced = catalog.truth.get("voice_over", (None,) * len(catalog))
    over = [-1 if value is None else int(bool(value)) for value in replaced]
    return torch.tensor([max(pair) for pair in zip(faulty, over, strict=True)], dtype=torch.int64)


def _known(value: object) -> int:
    if value is None or value == "":
        return -1
    if not isinstance(value, (bool, int)) or value not in (0, 1):
        raise InputError(f"expected true or false in the column `faulty`, got {str(value)[:40]!r}")
    return int(value)


def among(clips: int, share: int) -> int:
    """How many of the clips are `share` per cent, at least one."""
    return max(round(clips * share / 100), 1)


def faulty_pairs(agreement: Float[Tensor, "N"], truth: Int64[Tensor, "N"]) -> dict[str, float | None]:
    """Numbers "lowest_4/precision" and "lowest_10/precision", "average_precision" and "base_rate".

    The shares of faulty clips among the 4 and 10 % that agree least, the mean precision over the whole ranking, and the
    share of faulty clips among all, which is chance for each. Only clips of known truth are counted; None when they
    are not of both kinds.
    """
    known = (truth >= 0) & agreement.isfinite()
    doubt, faulty = -agreement[known], truth[known] == 1
    both = bool(faulty.any()) and not bool(faulty.all())
    numbers = dict[str, float | None]()
    for share in SHARES:
        count = among(len(faulty), share)
        numbers[f"lowest_{share}/precision"] = metrics.precision_among(doubt, faulty, count) if both else None
    numbers["average_precision"] = metrics.average_precision(doubt, faulty) if both else None
    numbers["base_rate"] = float(faulty.double().mean()) if both else None
    return numbers
