"""The recipes at `paper` size against thesis tables 2.9 and 2.11 and section 2.5; tables win over text."""

from collections.abc import Callable

import pytest

from seehear.optim import Adam, constant
from seehear.recipes.avid import cross_avid, joint_avid, self_avid
from seehear.run import Run
from small import make_shelf


@pytest.fixture(autouse=True)
def _small_shelf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seehear.recipes.avid.shelf", lambda data, seed: make_shelf())


@pytest.mark.parametrize("recipe", [cross_avid, self_avid, joint_avid])
def test_avid_has_the_numbers_of_the_tables(recipe: Callable[..., Run]):
    run = recipe(size="paper")
    (stage,) = run.stages
    # Table 2.9, AVID (section 2.5) on Audioset: lr, wd, ep. Its bs of 32 is a processor's share in the published code.
    assert stage.optimiser == Adam(5e-4, 1e-5)
    assert stage.schedule is constant
    assert stage.epochs == 200
    # msc, hf, bj, sj, cj, hj; 8 % smallest area, sound within 0.5 s, volume 0.9 to 1.1, 1.4 to 2.8 s (section 2.7.1).
    views = run.model.views
    assert (views.area, views.mirror, views.colour) == ((0.08, 1.0), 0.5, (0.4, 0.4, 0.4, 0.2))
    assert (views.offset, views.volume) == (0.5, 0.1)
    assert [views.front.seconds * factor for factor in views.stretch] == pytest.approx([1.4, 2.8])
    # Section 2.5: 8 frames of 224 x 224 at 16 fps, 200 x 257 spectrograms of 2 s at 24 kHz, 1024 negatives.
    assert (views.count, views.size, views.fps) == (8, 224, 16.0)
    assert (views.front.frames, views.front.bins, views.front.rate) == (200, 257, 24_000)
    assert views.front.seconds == 2.0
    assert stage.task.negatives == 1024
    parameters = {name: sum(p.numel() for p in net.parameters()) for name, net in run.model.encoders.items()}
    assert parameters == {"video": 15_379_136, "audio": 4_725_696}
