"""The recipes at `paper` size against thesis tables 2.9 to 2.11, sections 2.5 and 3.5.1; tables win over text."""

from collections.abc import Callable
from math import inf

import pytest

from seehear.errors import InputError
from seehear.evals.tuning import Finetuning, begin
from seehear.optim import Adam, constant
from seehear.recipes.avid import cross_avid, joint_avid, self_avid
from seehear.recipes.baselines import avts
from seehear.recipes.cma import cross_avid_cma
from seehear.recipes.finetune import Size, finetuning
from seehear.recipes.robust import robust_xid
from seehear.run import Run
from small import make_model, make_shelf


@pytest.fixture(autouse=True)
def _small_shelf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seehear.recipes.avid.shelf", lambda data, seed: make_shelf())


# Table 2.9: lr, and ep of AVID and of CMA. Its bs of 32 is a processor's share of the text's 256.
TABLE = {"analysis": (5e-4, 400, 200), "paper": (5e-4, 200, 200), "paper-kinetics": (2e-4, 300, 300)}
# Sections 2.3 and 2.5: frames, pixels, spectrogram; parameters by tables 2.12 to 2.15.
SHAPES = {"analysis": (16, 112, 100, 129), "paper": (8, 224, 200, 257), "paper-kinetics": (8, 224, 200, 257)}
PARAMETERS = {"video": {9: 7_015_616, 18: 15_379_136}, "audio": 4_725_696}


SIZES = ("tiny", "small", "analysis", "paper")


@pytest.mark.parametrize("size", TABLE)
@pytest.mark.parametrize("recipe", [cross_avid, self_avid, joint_avid])
def test_avid_has_the_numbers_of_the_tables(recipe: Callable[..., Run], size: str):
    run = recipe(size=size)
    (stage,) = run.stages
    rate, epochs, _ = TABLE[size]
    assert stage.optimiser == Adam(rate, 1e-5)
    assert stage.schedule is constant
    assert (stage.epochs, run.batch, stage.clip) == (epochs, 256, inf)
    # msc, hf, bj, sj, cj, hj; 8 % smallest area, sound within 0.5 s, volume 0.9 to 1.1, 1.4 to 2.8 s (section 2.7.1).
    views = run.model.views
    assert (views.area, views.mirror, views.colour) == ((0.08, 1.0), 0.5, (0.4, 0.4, 0.4, 0.2))
    assert (views.offset, views.volume) == (0.5, 0.1)
    assert [views.front.seconds * factor for factor in views.stretch] == pytest.approx([1.4, 2.8])
    # Sections 2.3 and 2.5: frames at 16 fps, spectrograms of 2 s at 24 kHz, 1024 negatives.
    assert (views.count, views.size, views.front.frames, views.front.bins) == SHAPES[size]
    assert (views.fps, views.front.rate, views.front.seconds) == (16.0, 24_000, 2.0)
    assert (stage.task.negatives, stage.task.temperature, stage.task.momentum) == (1024, 0.07, 0.5)
    parameters = {name: sum(p.numel() for p in net.parameters()) for name, net in run.model.encoders.items()}
    assert parameters == {"video": PARAMETERS["video"][9 if size == "analysis" else 18], "audio": PARAMETERS["audio"]}


@pytest.mark.parametrize("size", TABLE)
def test_agreement_has_the_numbers_of_the_tables(monkeypatch: pytest.MonkeyPatch, size: str):
    monkeypatch.setattr("seehear.recipes.avid.shelf", lambda data, seed: make_shelf(60))
    run = cross_avid_cma(size=size)
    avid, stage = run.stages
    rate, _, epochs = TABLE[size]
    # Table 2.9, CMA: from epoch 200 of Cross-AVID on; section 2.4.2 for the positives.
    assert avid.epochs == 200
    assert (stage.optimiser, stage.schedule, stage.epochs) == (Adam(rate, 1e-5), constant, epochs)
    assert (stage.task.kind, stage.task.weight, stage.task.refresh) == ("agreement", 1.0, 50)
    assert stage.task.positives.shape == (40, 32)
    assert stage.task.task is avid.task


def test_only_our_own_sizes_clip_gradients():
    for recipe in (cross_avid, robust_xid):
        limits = {size: {stage.clip for stage in recipe(size=size).stages if stage.optimiser} for size in SIZES}
        assert limits == {"tiny": {10.0}, "small": {10.0}, "analysis": {inf}, "paper": {inf}}


@pytest.mark.parametrize("recipe", [cross_avid, cross_avid_cma, robust_xid, avts])
@pytest.mark.parametrize(("name", "number"), [("seed", -1), ("epochs", 0), ("epochs", -3), ("batch", 1)])
def test_numbers_that_no_run_can_have_are_refused(recipe: Callable[..., Run], name: str, number: int):
    with pytest.raises(InputError, match=f"expected --{name} of at least ., got {number}"):
        recipe(**{name: number})


def finetuned(size: Size, frames: int) -> tuple[Finetuning, Run]:
    settings = finetuning(size, frames)
    return settings, begin(make_model(), "video", settings, make_shelf(), settings.rates[0], seed=0)


# Table 2.10: bs, ep and mls; table 2.11: bj, cj, sj, hj. Of the warm-up they say nothing: 5 published epochs of 10, 5,
# 25 and 10 clips of a film.
@pytest.mark.parametrize(
    ("size", "frames", "batch", "epochs", "drops", "jitter", "warm_up"),
    [
        ("paper-ucf", 8, 32, 160, (60, 100, 140), (0.4, 0.4, 0.4, 0.2), 50),
        ("paper-ucf", 32, 16, 80, (30, 50, 70), (0.4, 0.4, 0.4, 0.2), 25),
        ("paper-hmdb", 8, 32, 250, (75, 150, 200), (1.0, 1.0, 1.0, 0.2), 125),
        ("paper-hmdb", 32, 16, 100, (30, 60, 80), (1.0, 1.0, 1.0, 0.2), 50),
    ],
)
def test_finetuning_has_the_numbers_of_the_tables(
    size: Size,
    frames: int,
    batch: int,
    epochs: int,
    drops: tuple[int, ...],
    jitter: tuple[float, ...],
    warm_up: int,
):
    settings, run = finetuned(size, frames)
    alone, whole = run.stages
    assert (alone.epochs, whole.epochs, settings.batch) == (warm_up, epochs, batch)
    # lr 1e-4, wd 0, gm .3 at each milestone; the encoder learns at the same rate.
    assert alone.optimiser == whole.optimiser == Adam(1e-4, 0.0)
    assert (alone.frozen, whole.frozen, whole.shares) == (("encoders.video",), (), {"encoders.video": 1.0})
    expected = [0.3 ** sum(epoch >= drop for drop in drops) for epoch in range(epochs)]
    assert [whole.schedule(300 * epoch, 300 * epochs) for epoch in range(epochs)] == pytest.approx(expected)
    views = run.model.views
    assert (views.count, views.size, views.fps) == (frames, 224, 16.0)
    assert (views.area, views.mirror, views.colour) == ((0.08, 1.0), 0.5, jitter)
    assert (settings.dropout, settings.every, alone.clip, whole.clip) == (0.5, None, inf, inf)


def test_classifiers_on_kinetics_have_the_numbers_of_the_tables():
    # Section 2.5 shows what it trained with: 8 frames of 224 pixels.
    large = finetuned("paper-kinetics", 8)[1].model.views
    assert (large.count, large.size, large.fps) == (8, 224, 16.0)
    settings, run = finetuned("paper-kinetics", 16)
    (stage,) = run.stages
    # Tables 2.10 and 2.11: 16 x 112^2, batch 32, lr 1e-4, wd 0, gm .3 at 8, 12, 15 and 18 of 20 epochs, no jitter.
    assert (stage.optimiser, settings.batch, stage.frozen) == (Adam(1e-4, 0.0), 32, ("encoders.video",))
    expected = [0.3 ** sum(epoch >= drop for drop in (8, 12, 15, 18)) for epoch in range(20)]
    assert [stage.schedule(epoch, 20) for epoch in range(20)] == pytest.approx(expected)
    views = run.model.views
    assert (views.count, views.size, views.fps) == (16, 112, 16.0)
    assert (views.area, views.mirror, views.colour) == ((0.08, 1.0), 0.5, (0.0, 0.0, 0.0, 0.0))
    # 20 epochs of 10,000 clips are a pass over the training clips.
    assert (stage.epochs, settings.every) == (1, None)


@pytest.mark.parametrize("frames", [8, 32])
def test_finetuning_after_robust_training_has_the_numbers_of_the_section(frames: int):
    settings, run = finetuned("paper-robust", frames)
    (stage,) = run.stages
    # Section 3.5.1: 200 epochs, batch 192, cosine from 1e-4 to 1e-5, decay 1e-3, backbone at a tenth of the rate.
    assert (stage.epochs, settings.batch, stage.optimiser) == (200, 192, Adam(1e-4, 1e-3))
    assert [1e-4 * stage.schedule(step, 100) for step in (0, 50, 100)] == pytest.approx([1e-4, 5.5e-5, 1e-5])
    assert stage.shares == {"encoders.video": 0.1}
    assert (run.model.views.count, run.model.views.fps) == (frames, 16.0)
    assert (settings.dropout, settings.every) == (0.5, None)
