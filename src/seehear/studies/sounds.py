# SPDX-License-Identifier: Apache-2.0
"""Real sounds that a study may be given: ESC-10, packed once beside the world and measured from then on."""

import shutil
from dataclasses import replace
from pathlib import Path

from seehear.errors import InputError
from seehear.studies.store import Place, held
from seehear.studies.study import Study

MEASURE = "esc10"
RATE = 16_000
"""That of the world's library (Hz)."""


def pack_sounds(study: Study, out: Path, folder: Path) -> None:
    """Make OUT/esc10 out of a folder in the official layout; what is there is left as it is.

    Raises InputError for a study that measures no real sounds, for a folder of something else, and when another process
    is at work in OUT.
    """
    from seehear.data import public
    from seehear.data.pack import pack

    if not _listens(study):
        raise InputError(f"expected --esc beside a study that measures real sounds, got it beside {study.name}")
    labels = public.read(MEASURE, folder).labels
    with held(out):
        if (out / MEASURE).exists():
            return
        # Under its own name there is never half a library: arms would be measured on different sounds.
        begun = out / f"{MEASURE}.part"
        shutil.rmtree(begun, ignore_errors=True)
        pack(folder, begun, rate=RATE, labels=labels, needs="sound", quiet=True)
        begun.rename(out / MEASURE)


def hear(study: Study, place: Place, out: Path) -> tuple[Study, Place]:
    """The study and its place with the sounds of OUT/esc10; without them, the study without what they are needed for.

    A study that measures no real sounds is left as it is.
    """
    if not _listens(study):
        return study, place
    if (out / MEASURE).exists():
        return study, replace(place, sounds=out / MEASURE)
    said = f"{study.settings} ESC-10 was not measured: its folder was not given (`--esc`)."
    return replace(study.without(MEASURE), settings=said), place


def _listens(study: Study) -> bool:
    return any(MEASURE in arm.measures for arm in study.arms)
