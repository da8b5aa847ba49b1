# SPDX-License-Identifier: Apache-2.0
"""Claims A1 to A10 of AVID-CMA (Morgado, Vasconcelos and Misra, CVPR 2021; thesis chapter 2) as contrasts of arms.

Accuracies are those of linear probes of the best block, over all windows of a clip as in the thesis' tables 2.1 to 2.3.
What real sounds (ESC-10) say of A2 and A10 is reported beside them: verdicts are about the frozen world.
"""

from seehear.studies.study import Claim, Contrast, Score

WEIGHTS = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0)
VIDEO, CLIP, AUDIO = "probe:video/best/averaged", "probe:video/best/clip", "probe:audio/best/averaged"
FINETUNED, SVM, REAL = "finetune:video/averaged", "svm:audio/unpooled/averaged", "esc10:audio/unpooled/averaged"
COUNTS = (1, 2, 4, 8, 16)
"""Sizes of positive sets."""


def claims() -> tuple[Claim, ...]:
    """A1 to A10 on the arms of `studies.instance`."""
    gain = _over("cma", "cross-avid-again", VIDEO, 0.0116)
    memories, collapse = {"video": 0.0499, "audio": 0.0231, "both": 0.0423}, "calibration:video/mean_dot"
    rivals = {"video": 0.0094, "audio": 0.0149, "either": 0.0053}
    weighed = tuple(Score(f"cma-{weight:g}" if weight != 1 else "cma", (VIDEO,)) for weight in WEIGHTS if weight)
    # Of L3 what Cross-AVID gains with fewer frames than it (88.3 v 82.3), of AVTS with about as many (91.0 v 89.0).
    pairs = [("avc", FINETUNED, 0.06), ("avc", SVM, 0.099), ("avts", FINETUNED, 0.02), ("avts", SVM, 0.086)]
    return (
        Claim(
            "A1",
            "cross-modal beats within-modal discrimination, video (targets from momentum encoders and a queue)",
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
                *(_over("cross-queue", rival, REAL, reported=True) for rival in ("self-queue", "joint-queue")),
            ),
            seeds=5,
        ),
        Claim(
            "A3",
            "CMA improves AVID at equal updates",
            "41.11 > 39.95; clip 35.1 > 33.3",
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
            (_over("cross-avid-again", "cross-avid", VIDEO),),
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
            "88.3 v 82.3, 91.0 v 89.0 (UCF); 89.2 v 79.3, 80.6 (ESC)",
            (
                *(_over("cross-avid", *pair) for pair in pairs),
                *(_over("cross-avid", rival, REAL, reported=True) for rival in ("avc", "avts")),
            ),
        ),
    )


def _over(better: str, worse: str, metric: str, plausible: float | None = None, reported: bool = False) -> Contrast:
    return Contrast((Score(better, (metric,)),), (Score(worse, (metric,)),), plausible, reported)


def _purity(kind: str) -> Score:
    return Score("cross-avid", tuple(f"positive-sets:{kind}/p{count}" for count in COUNTS), kind)
