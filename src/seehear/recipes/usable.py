# SPDX-License-Identifier: Apache-2.0
"""Which clips of a library a recipe can learn from: the others are left out, and the run's notes count them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from seehear.data.catalog import Clips


def complete(clips: "Clips") -> tuple["Clips", tuple[str, ...]]:
    """The clips that have pictures and sound, and how many have not; raises InputError where none has both."""
    both = clips.catalog.have("video") & clips.catalog.have("audio")
    lack = f"expected clips with pictures and sound, none of {len(clips)} has both: pack videos"
    return _kept(clips, both, lack, "lack pictures or sound")


def long_enough(clips: "Clips", least: float) -> tuple["Clips", tuple[str, ...]]:
    """The clips of `least` s or more, and how many are shorter; raises InputError where no clip is left."""
    lengths = clips.catalog.durations
    lack = f"expected clips of {least:.2f} s or more, the longest has {max(lengths):.2f}"
    lack += ": shorten --gap, or pack with more --seconds"
    return _kept(clips, lengths >= least, lack, f"have less than {least:.2f} s")


def _kept(clips: "Clips", usable: "np.ndarray", lack: str, why: str) -> tuple["Clips", tuple[str, ...]]:
    import numpy as np

    from seehear.data.catalog import Selected
    from seehear.errors import InputError

    rows = np.flatnonzero(usable)
    if not len(rows):
        raise InputError(lack)
    if len(rows) == len(clips):
        return clips, ()
    return Selected(clips, rows), (f"{len(clips) - len(rows)} of {len(clips)} clips {why} and are left out",)
