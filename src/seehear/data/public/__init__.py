# SPDX-License-Identifier: Apache-2.0
"""Public data sets in their official layouts, read as the labels `pack` takes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from seehear.data.public.actions import hmdb51, ucf101
from seehear.data.public.listing import Folder, Listing
from seehear.data.public.segments import audioset, kinetics400, vggsound
from seehear.data.public.sounds import dcase, esc10, esc50
from seehear.errors import InputError
from seehear.media.verdict import Needs


@dataclass(frozen=True)
class Layout:
    """How a data set is read, how many official splits or folds it has to choose from, and what its files must have."""

    reader: Callable[..., Listing]
    splits: int = 1
    needs: Needs = "both"


LAYOUTS = {
    "kinetics400": Layout(kinetics400),
    "audioset": Layout(audioset),
    "vggsound": Layout(vggsound),
    # Half the films of UCF-101 and all of HMDB-51 have no sound.
    "ucf101": Layout(ucf101, 3, "pictures"),
    "hmdb51": Layout(hmdb51, 3, "pictures"),
    "esc50": Layout(esc50, 5, "sound"),
    "esc10": Layout(esc10, 5, "sound"),
    "dcase": Layout(dcase, 4, "sound"),
}


def read(layout: str, root: Path, split: int | None = None, lists: Path | None = None) -> Listing:
    """Meet the official lists below `lists` (by default `root`) with the clips below `root`; `split` counts from 1.

    Raises InputError for an unknown layout or split, lists that are not there or of another data set, and no clips.
    """
    if layout not in LAYOUTS:
        raise InputError(f"expected a layout out of {', '.join(LAYOUTS)}, got {layout}")
    known = LAYOUTS[layout]
    if split is not None and not 1 <= split <= known.splits:
        raise InputError(f"expected a split of {layout} from 1 to {known.splits}, got {split}")
    folder = Folder(root)
    chosen = (split or 1,) if known.splits > 1 else ()
    return known.reader(folder, Folder(lists) if lists else folder, *chosen)
