# SPDX-License-Identifier: Apache-2.0
"""Public data sets in their official layouts, read as the labels `pack` takes."""

from collections.abc import Callable
from pathlib import Path

from seehear.data.public.actions import hmdb51, ucf101
from seehear.data.public.listing import Folder, Listing
from seehear.data.public.segments import audioset, kinetics400, vggsound
from seehear.data.public.sounds import dcase, esc10, esc50
from seehear.errors import InputError

LAYOUTS: dict[str, Callable[..., Listing]] = {
    "kinetics400": kinetics400,
    "audioset": audioset,
    "vggsound": vggsound,
    "ucf101": ucf101,
    "hmdb51": hmdb51,
    "esc50": esc50,
    "esc10": esc10,
    "dcase": dcase,
}
SPLITS = {"ucf101": 3, "hmdb51": 3, "esc50": 5, "esc10": 5, "dcase": 4}
"""How many official splits or folds there are to choose from, where there is more than one."""


def read(layout: str, root: Path, split: int | None = None, lists: Path | None = None) -> Listing:
    """Meet the official lists below `lists` (by default `root`) with the clips below `root`; `split` counts from 1.

    Raises InputError for an unknown layout or split, lists that are not there or of another data set, and no clips.
    """
    if layout not in LAYOUTS:
        raise InputError(f"expected a layout out of {', '.join(LAYOUTS)}, got {layout}")
    most = SPLITS.get(layout, 1)
    if split is not None and not 1 <= split <= most:
        raise InputError(f"expected a split of {layout} from 1 to {most}, got {split}")
    folder = Folder(root)
    chosen = (split or 1,) if layout in SPLITS else ()
    return LAYOUTS[layout](folder, Folder(lists) if lists else folder, *chosen)
