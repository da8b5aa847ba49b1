# SPDX-License-Identifier: Apache-2.0
"""Study `instance`: claims A1 to A10 of AVID-CMA (Morgado, Vasconcelos and Misra, CVPR 2021; thesis chapter 2).

Self-, Joint- and Cross-AVID of A1 and A2 all take their targets from momentum encoders from the first update: the tiny
recipe of Cross-AVID begins with targets from the batch, which the other two cannot. A3 to A9 start from that recipe;
what they compare goes on from the same checkpoint for as many updates again.
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from seehear.studies.instance_claims import AUDIO, CLIP, REAL, VIDEO, WEIGHTS, claims
from seehear.studies.prepare import SIZES, Size
from seehear.studies.study import Arm, Study

if TYPE_CHECKING:
    from seehear.mining import Kind
    from seehear.run import Run

UPDATES = 2_000
"""Steps of every stage that arms share or compare: arms that go on from Cross-AVID take as many again."""
NEGATIVES, POSITIVES = 256, 8


def cross(data: Path, seed: int, epochs: int) -> "Run":
    """Cross-AVID as the tiny recipe has it: a warm-up in the batch, then the bank."""
    from seehear.recipes.avid import cross_avid

    return cross_avid(data, seed=seed, epochs=epochs, negatives=NEGATIVES)


def random(data: Path, seed: int) -> "Run":
    """Random weights."""
    return replace(cross(data, seed, 1), name="random", stages=[], recipe={})


def variant(data: Path, seed: int, epochs: int, kind: Literal["self", "cross", "joint"]) -> "Run":
    """A variant of AVID with targets from momentum encoders."""
    from seehear.recipes.avid import cross_avid, joint_avid, self_avid

    recipe = {"self": self_avid, "cross": cross_avid, "joint": joint_avid}[kind]
    return recipe(data, seed=seed, epochs=epochs, negatives=NEGATIVES, targets="queue")


def longer(data: Path, seed: int, epochs: int) -> "Run":
    """Cross-AVID, and as many epochs of it again."""
    run = cross(data, seed, epochs)
    run.stages.append(replace(run.stages[-1], name="cross-avid-again", epochs=epochs))
    return run


def cma(data: Path, seed: int, epochs: int, kind: "Kind" = "agreement", weight: float = 1.0) -> "Run":
    """Cross-AVID, and as many epochs with mined positives."""
    from seehear.recipes.cma import cross_avid_cma

    mined: dict[str, Any] = {"kind": kind, "weight": weight, "positives": POSITIVES}
    return cross_avid_cma(data, seed=seed, epochs=epochs, negatives=NEGATIVES, **mined)


def pair_verification(data: Path, seed: int, epochs: int, task: Literal["avc", "avts"]) -> "Run":
    """Pair verification: does this sound belong to this picture (L3), or to this moment (AVTS)?"""
    from seehear.recipes.baselines import avc, avts

    return avc(data, seed=seed, epochs=epochs) if task == "avc" else avts(data, seed=seed, epochs=epochs)


def instance(size: Size = "tiny") -> Study:
    """The study at a size."""
    epochs = SIZES[size].epochs(UPDATES)
    passes, plain, learnt = {"epochs": epochs}, ("probe", "retrieval"), ("finetune", "svm")
    bank, real = ("memory-probe", "positive-sets", "calibration"), ("esc10",)

    def after(name: str, *more: str, **own: Any) -> Arm:
        return Arm(name, cma, passes | own, "cross-avid", plain + bank + more)

    def queued(kind: str) -> Arm:
        return Arm(f"{kind}-queue", variant, passes | {"kind": kind}, measures=plain + real)

    def verified(task: str) -> Arm:
        return Arm(task, pair_verification, passes | {"task": task}, measures=plain + learnt + real)

    arms = [
        Arm("cross-avid", cross, passes, measures=plain + bank + learnt + real),
        Arm("cross-avid-again", longer, passes, "cross-avid", plain + bank + real),
        after("cma", *real, weight=1.0),
        *map(queued, ("cross", "self", "joint")),
        *(after(f"{kind}-expansion", kind=kind) for kind in ("video", "audio", "either")),
        *map(verified, ("avc", "avts")),
        *(after(f"cma-{weight:g}", weight=weight) for weight in WEIGHTS if weight != 1.0),
        Arm("random", random, measures=plain + learnt + real),
    ]
    columns = {"video": VIDEO, "video, one window": CLIP, "sound": AUDIO, "R@5 of the class": "retrieval:class/mean/r5"}
    columns["ESC-10"] = REAL
    settings = (
        f"Size {size}: {SIZES[size].scenes} scenes of the frozen world, {epochs} epochs of batches of 32, as many "
    )
    settings += (
        f"for what goes on from Cross-AVID, {NEGATIVES} negatives, {POSITIVES} positives. Two thirds of the epochs "
    )
    settings += "of Cross-AVID take their negatives from the batch (InfoNCE), before its memories are filled."
    return Study(
        "instance", "Instance discrimination: claims A1 to A10", tuple(arms), claims(), "cross-avid", columns, settings
    )
