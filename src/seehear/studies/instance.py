# SPDX-License-Identifier: Apache-2.0
"""Study `instance`: claims A1 to A10 of AVID-CMA (Morgado, Vasconcelos and Misra, CVPR 2021; thesis chapter 2).

Accuracies are those of linear probes of the best block, over all windows of a clip as in the thesis' tables 2.1 to 2.3.
Self-, Joint- and Cross-AVID of A1 and A2 all take their targets from momentum encoders from the first update: the tiny
recipe of Cross-AVID begins with targets from the batch, which the other two cannot. A3 to A9 start from that recipe;
what they compare goes on from the same checkpoint for as many updates again.
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from seehear.studies.prepare import SIZES, Size
from seehear.studies.study import Arm, Claim, Contrast, Score, Study

if TYPE_CHECKING:
    from seehear.mining import Kind
    from seehear.run import Run

UPDATES = 2_000
"""Steps of every stage that arms share or compare: arms that go on from Cross-AVID take as many again."""
NEGATIVES, POSITIVES = 256, 8
WEIGHTS = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0)
VIDEO, CLIP, AUDIO = "probe:video/best/averaged", "probe:video/best/clip", "probe:audio/best/averaged"
FINETUNED, SVM = "finetune:video/averaged", "svm:audio/unpooled/averaged"
COUNTS = (1, 2, 4, 8, 16)
"""Sizes of positive sets."""


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


def verification(data: Path, seed: int, epochs: int, task: Literal["avc", "avts"]) -> "Run":
    """Pair verification: does this sound belong to this picture (L3), or to this moment (AVTS)?"""
    from seehear.recipes.baselines import avc, avts

    return avc(data, seed=seed, epochs=epochs) if task == "avc" else avts(data, seed=seed, epochs=epochs)


def instance(size: Size = "tiny") -> Study:
    """The study at a size."""
    epochs = SIZES[size].epochs(UPDATES)
    passes, plain, learnt = {"epochs": epochs}, ("probe", "retrieval"), ("finetune", "svm")
    bank = ("memory-probe", "positive-sets", "calibration")

    def after(name: str, **own: Any) -> Arm:
        return Arm(name, cma, passes | own, "cross-avid", plain + bank)

    arms = [
        Arm("cross-avid", cross, passes, measures=plain + bank + learnt),
        Arm("cross-avid-again", longer, passes, "cross-avid", plain + bank),
        after("cma", weight=1.0),
        *(
            Arm(f"{kind}-queue", variant, passes | {"kind": kind}, measures=plain)
            for kind in ("cross", "self", "joint")
        ),
        *(after(f"{kind}-expansion", kind=kind) for kind in ("video", "audio", "either")),
        *(Arm(task, verification, passes | {"task": task}, measures=plain + learnt) for task in ("avc", "avts")),
        *(after(f"cma-{weight:g}", weight=weight) for weight in WEIGHTS if weight != 1.0),
        Arm("random", random, measures=plain + learnt),
    ]
    columns = {"video": VIDEO, "video, one window": CLIP, "sound": AUDIO, "R@5 of the class": "retrieval:class/mean/r5"}
    settings = (
        f"Size {size}: {SIZES[size].scenes} scenes of the frozen world, {epochs} epochs of batches of 32, as many "
    )
    settings += f"for what goes on from Cross-AVID, {NEGATIVES} negatives, {POSITIVES} positives."
    return Study(
        "instance", "Instance discrimination: claims A1 to A10", tuple(arms), _claims(), "cross-avid", columns, settings
    )


def _claims() -> tuple[Claim, ...]:
    gain = _over("cma", "cross-avid-again", VIDEO, 0.0116)
    memories, collapse = {"video": 0.0499, "audio": 0.0231, "both": 0.0423}, "calibration:video/mean_dot"
    rivals = {"video": 0.0094, "audio": 0.0149, "either": 0.0053}
    weighed = tuple(Score(f"cma-{weight:g}" if weight != 1 else "cma", (VIDEO,)) for weight in WEIGHTS if weight)
    pairs = [(task, metric, paper) for task in ("avc", "avts") for metric, paper in ((FINETUNED, 0.02), (SVM, 0.086))]
    return (
        Claim(
            "A1",
            "cross-modal beats within-modal discrimination, video",
            "39.95 / 33.04 / 32.08",
            (
                _over("cross-queue", "joint-queue", VIDEO, 0.0691),
                _over("joint-queue", "self-queue", VIDEO, 0.0096),
            ),
            seeds=5,
        ),
        Claim(
            "A2",
            "the same, sound",
            "75.05 / 72.64 / 71.77",
            (
                _over("cross-queue", "self-queue", AUDIO, 0.0241),
                _over("cross-queue", "joint-queue", AUDIO, 0.0328),
            ),
            seeds=5,
        ),
        Claim(
            "A3",
            "CMA improves AVID at equal updates",
            "41.11 > 39.95; 44.5 > 43.1",
            (gain, _over("cma", "cross-avid-again", CLIP, 0.018)),
            seeds=5,
        ),
        Claim(
            "A4",
            "agreement beats expansion by one modality, or by either",
            "41.11 > 40.17, 39.62, 40.58",
            tuple(_over("cma", f"{kind}-expansion", VIDEO, paper) for kind, paper in rivals.items()),
            seeds=5,
        ),
        Claim(
            "A5",
            "agreement finds purer positives: precision at 1, 2, 4, 8, 16",
            "highest at every K",
            tuple(Contrast((_purity("agreement"),), (_purity(kind),)) for kind in rivals),
        ),
        Claim(
            "A6",
            "CMA undoes the collapse within modalities: mean dot product of video memories",
            "0.23 -> 0.00",
            (
                _over("cross-avid-again", "cma", collapse, 0.23),
                _over("cross-avid", "cma", collapse, 0.23, reported=True),
            ),
        ),
        Claim(
            "A7",
            "memories of CMA classify better: video, sound, both",
            "29.0/19.7/34.7 -> 34.0/22.0/38.9",
            tuple(
                _over("cma", "cross-avid-again", f"memory-probe:{name}/accuracy", paper)
                for name, paper in memories.items()
            ),
        ),
        Claim(
            "A8",
            "longer training of Cross-AVID does not explain CMA",
            "39.87 = 39.95",
            (_over("cross-avid-again", "cross-avid", VIDEO, 0.0116 / 2),),
            "equality",
            gain,
        ),
        Claim(
            "A9",
            "the weight within modalities matters: the best lambda is above 0",
            "fig. 2.3",
            (Contrast(weighed, (Score("cma-0", (VIDEO,)),), 0.0116),),
            "shape",
        ),
        Claim(
            "A10",
            "AVID beats verifying pairs (L3, AVTS): finetuned video, SVM on sound",
            "91.0 v 89.0 (UCF), 89.2 v 80.6 (ESC)",
            tuple(_over("cross-avid", *pair) for pair in pairs),
        ),
    )


def _over(better: str, worse: str, metric: str, plausible: float | None = None, reported: bool = False) -> Contrast:
    return Contrast((Score(better, (metric,)),), (Score(worse, (metric,)),), plausible, reported)


def _purity(kind: str) -> Score:
    return Score("cross-avid", tuple(f"positive-sets:{kind}/p{count}" for count in COUNTS), kind)
