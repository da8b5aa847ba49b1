# SPDX-License-Identifier: Apache-2.0
"""Every claim compares what the paper compares, by its metric, in its direction; better first."""

import pytest

from seehear.studies.instance import instance
from seehear.studies.robust import robust

VIDEO, CLIP, SOUND = "video", "video, one window", "sound"
FINETUNED, SVM, R5 = "finetuned", "svm:audio/unpooled/averaged", "R@5"
INSTANCE = {
    "A1": [("cross-queue - joint-queue", VIDEO), ("joint-queue - self-queue", VIDEO)],
    "A2": [("cross-queue - self-queue", SOUND), ("cross-queue - joint-queue", SOUND)],
    "A3": [("cma - cross-avid-again", VIDEO), ("cma - cross-avid-again", CLIP)],
    "A4": [(f"cma - {kind}-expansion", VIDEO) for kind in ("video", "audio", "either")],
    "A5": [("cross-avid", f"agreement - {kind}") for kind in ("video", "audio", "either")],
    "A6": [("cross-avid-again - cma", "calibration:video/mean_dot")],
    "A7": [("cma - cross-avid-again", f"memory-probe:{kind}/accuracy") for kind in ("video", "audio", "both")],
    "A8": [("cross-avid-again - cross-avid", VIDEO)],
    "A9": [("cma-0.1 or cma-0.3 or cma or cma-3 or cma-10 - cma-0", VIDEO)],
    "A10": [
        (f"cross-avid - {task}", metric) for task in ("avc", "avts") for metric in ("finetune:video/averaged", SVM)
    ],
}
LEVELS, RULES = (25, 50, 75), ("bootstrapping", "neighbour", "swapped", "cycle")
ROBUST = {
    "B1": [(f"xid-0 - xid-{level}", metric) for metric in (R5, FINETUNED) for level in LEVELS],
    "B2": [(f"weighted-{level} - xid-{level}", metric) for metric in (R5, FINETUNED) for level in LEVELS],
    "B3": [(f"soft-{rule} - xid-0", R5) for rule in RULES],
    "B4": [("labels - xid-0", R5), *((f"labels - soft-{rule}", R5) for rule in RULES)],
    "B5": [
        *((f"robust-25 - {one}-25", R5) for one in ("weighted", "soft")),
        *((f"{one}-25 - xid-25", R5) for one in ("weighted", "soft")),
    ],
    "B6": [("mixture-0.25 or soft-cycle - xid-0", R5), ("xid-0 - mixture-1", R5)],
    "B7": [("delta-2 or delta-1 or delta+0 or delta+1 or delta+2", R5)],
    "B8": [("robust-25", f"faulty-pairs:gain_{share}") for share in (4, 10)],
    "B9": [
        *(("robust-25 - xid-cma-25", name) for name in ("map-retrieval:video/r1", R5, "map-retrieval:video/r20")),
        *(("robust-25 - xid-cma-25", f"few-shot:video/shots_{count}/mean") for count in (1, 5, 20)),
    ],
}


@pytest.mark.parametrize(("study", "expected"), [(instance(), INSTANCE), (robust(), ROBUST)], ids=["A", "B"])
def test_claims_compare_what_the_papers_compare(study, expected):
    found = {
        claim.name: [study.words(contrast) for contrast in claim.contrasts if not contrast.reported]
        for claim in study.claims
    }
    assert found == expected
    five = {"A1", "A2", "A3", "A4", "B1", "B2", "B3", "B5"}
    assert {claim.name: claim.seeds for claim in study.claims} == {name: 5 if name in five else 3 for name in expected}
    # An equality holds within half the gain of A3, or of B2.
    equal = {claim.name: study.words(claim.margin) for claim in study.claims if claim.kind == "equality"}
    margins = {"A8": ("cma - cross-avid-again", VIDEO), "B7": ("weighted-25 - xid-25", R5)}
    assert equal == {name: words for name, words in margins.items() if name in expected}


@pytest.mark.parametrize("study", [instance(), robust()], ids=lambda study: study.name)
def test_the_base_arm_tells_the_spread_wherever_a_gain_is_expected(study):
    measured = study.arm(study.base).measures
    expected = [one for claim in study.claims for one in claim.contrasts if one.plausible is not None]
    assert {metric.partition(":")[0] for one in expected for metric in one.better[0].metrics} <= set(measured)


def test_arms_are_what_their_names_say():
    arms = {arm.name: arm for study in (instance(), robust()) for arm in study.arms}
    assert [arms[name].arguments["kind"] for name in ("cross-queue", "self-queue", "joint-queue")] == [
        *("cross", "self", "joint")
    ]
    for kind in ("video", "audio", "either"):
        assert arms[f"{kind}-expansion"].arguments["kind"] == kind
    weights = {name: arm.arguments["weight"] for name, arm in arms.items() if "weight" in arm.arguments}
    assert weights == {"cma": 1.0, "cma-0": 0.0, "cma-0.1": 0.1, "cma-0.3": 0.3, "cma-3": 3.0, "cma-10": 10.0}
    for name, arm in arms.items():
        sort, _, level = name.partition("-")
        if sort in ("start", "xid", "weighted", "oracle", "robust") and level.isdigit():
            assert arm.arguments["faults"] == int(level) / 100
            assert arm.start == (None if sort == "start" else f"start-{level}")
    chosen = {name: {key: arm.arguments.get(key) for key in ("weights", "targets")} for name, arm in arms.items()}
    assert chosen["xid-25"] == {"weights": None, "targets": None}
    assert chosen["weighted-25"] == chosen["delta+1"] == {"weights": "agreement", "targets": None}
    assert chosen["robust-25"] == {"weights": "agreement", "targets": "cycle"}
    assert chosen["soft-25"] == chosen["soft-cycle"] == chosen["mixture-1"] == {"weights": None, "targets": "cycle"}
    assert chosen["labels"] == {"weights": None, "targets": "labels"}
    assert chosen["oracle-50"] == {"weights": "oracle", "targets": None}
    assert [arms[f"soft-{rule}"].arguments["targets"] for rule in RULES] == list(RULES)
    assert [arms[f"mixture-{share}"].arguments["mixture"] for share in ("0.25", "0.75", "1")] == [0.25, 0.75, 1.0]
    assert [arms[f"delta{delta:+d}"].arguments["midpoint"] for delta in range(-2, 3)] == [-2.0, -1.0, 0.0, 1.0, 2.0]
