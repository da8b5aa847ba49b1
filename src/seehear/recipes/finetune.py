# SPDX-License-Identifier: Apache-2.0
"""How encoders are finetuned: thesis tables 2.10, 2.11 (`ucf`, `hmdb`, `kinetics`) and section 3.5.1 (`robust`).

The tables know no stage for the classifier alone; published code has one of 5 epochs in each of which it takes 10 (UCF,
8 frames), 5 (UCF, 32), 25 (HMDB, 8) or 10 (HMDB, 32) clips of a film. An epoch is one clip of each film here, as in the
tables. Published batches are twice those of the table, which wins. Section 3.5.1 leaves the share of dropout open: .5,
as in the others; pictures are of the size, and jittered as, the encoder was trained.

On Kinetics only classifiers of the blocks learn (`evals.block_probe`). The table's 20 epochs of 10,000 clips are five
sixths of a pass over its training clips: one pass here, with the milestones at the same fractions of it. Published code
takes batches of 128, 12 passes and two milestones, and jitters colours; the tables win.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from seehear.errors import InputError

if TYPE_CHECKING:
    from seehear.evals.tuning import Finetuning

Size = Literal["tiny", "paper-ucf", "paper-hmdb", "paper-kinetics", "paper-robust"]


def finetuning(
    size: Size = "tiny", frames: int | None = None, epochs: int | None = None, batch: int | None = None
) -> "Finetuning":
    """The settings of a size, with other epochs or another batch if wanted; raises InputError for other frames."""
    if size == "paper-kinetics" and frames not in (None, 8, 16):
        raise InputError(f"expected 8 or 16 frames for {size}, got {frames}")
    if size not in ("tiny", "paper-kinetics") and frames not in (None, 8, 32):
        raise InputError(f"expected 8 or 32 frames for {size}, got {frames}")
    for name, value in (("frames", frames), ("epochs", epochs), ("batch", batch)):
        if value is not None and value < 1:
            raise InputError(f"expected --{name} of at least 1, got {value}")
    if size == "tiny":
        made = tiny(frames)
    elif size == "paper-kinetics":
        made = kinetics(8 if frames == 8 else 16)
    else:
        made = {"paper-ucf": ucf, "paper-hmdb": hmdb, "paper-robust": robust}[size](32 if frames == 32 else 8)
    return replace(made, epochs=epochs or made.epochs, batch=batch or made.batch)


def tiny(frames: int | None = None) -> "Finetuning":
    """Minutes on two CPU cores: pictures as the run saw them, `frames` of them if told; validation chooses."""
    from seehear.evals.tuning import Finetuning
    from seehear.optim import milestones

    views = {"count": frames} if frames else {}
    name = f"tiny-{frames}" if frames else "tiny"
    steps = milestones(0.3, (0.5, 0.7, 0.9))
    return Finetuning(name, 2, 20, 32, (2e-3, 5e-3), steps, every=2, views=views, clip=10.0)


def ucf(frames: Literal[8, 32] = 8) -> "Finetuning":
    """UCF-101 (tables 2.10 and 2.11)."""
    jitter = (0.4, 0.4, 0.4, 0.2)
    if frames == 8:
        return _table(f"ucf-{frames}", frames, jitter, 50, 160, 32, (60, 100, 140))
    return _table(f"ucf-{frames}", frames, jitter, 25, 80, 16, (30, 50, 70))


def hmdb(frames: Literal[8, 32] = 8) -> "Finetuning":
    """HMDB-51 (tables 2.10 and 2.11)."""
    jitter = (1.0, 1.0, 1.0, 0.2)
    if frames == 8:
        return _table(f"hmdb-{frames}", frames, jitter, 125, 250, 32, (75, 150, 200))
    return _table(f"hmdb-{frames}", frames, jitter, 50, 100, 16, (30, 60, 80))


def _table(
    name: str,
    frames: int,
    jitter: tuple[float, float, float, float],
    warm_up: int,
    epochs: int,
    batch: int,
    drops: tuple[int, ...],
) -> "Finetuning":
    from seehear.evals.tuning import Finetuning
    from seehear.optim import milestones

    views = {"count": frames, "fps": 16.0, "size": 224, "area": (0.08, 1.0), "mirror": 0.5, "colour": jitter}
    schedule = milestones(0.3, tuple(drop / epochs for drop in drops))
    return Finetuning(name, warm_up, epochs, batch, (1e-4,), schedule, views=views)


def kinetics(frames: Literal[8, 16] = 16) -> "Finetuning":
    """Linear classifiers of the blocks on Kinetics-400 (tables 2.10 and 2.11; 8 frames as section 2.5 has them)."""
    made = _table(
        f"kinetics-{frames}" if frames == 8 else "kinetics", frames, (0.0, 0.0, 0.0, 0.0), 0, 20, 32, (8, 12, 15, 18)
    )
    return replace(made, epochs=1, blocks=True, views=made.views | {"size": 112 if frames == 16 else 224})


def robust(frames: Literal[8, 32] = 8) -> "Finetuning":
    """UCF-101 and HMDB-51 after robust pre-training (sections 3.5.1 and 3.6)."""
    from seehear.evals.tuning import Finetuning
    from seehear.recipes.robust import to_a_tenth

    views = {"count": frames, "fps": 16.0}
    name = f"robust-{frames}"
    return Finetuning(name, 0, 200, 192, (1e-4,), to_a_tenth, decay=1e-3, backbone=0.1, views=views)
