"""The loop: resuming is bit-identical from anywhere, killing loses nothing, two processes are one."""

import json
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from seehear import checkpoint, train
from seehear.errors import InputError
from seehear.optim import SGD, Adam, constant, cosine, milestones, warmed
from small import make_run, make_shelf, torchrun

HERE = Path(__file__).parent


def tensors(folder):
    return checkpoint.read(folder / "last.safetensors")[0]


def same(first, second):
    return set(first) == set(second) and all(torch.equal(first[name], second[name]) for name in first)


def finished(folder):
    """The checkpoint of an uninterrupted run."""
    assert train.fit(make_run(), folder, quiet=True).done
    return tensors(folder)


def test_resuming_after_every_step_is_bit_identical(tmp_path):
    whole = finished(tmp_path / "whole")
    position, visits = train.fit(make_run(), tmp_path / "parts", max_minutes=0.0, quiet=True), 1
    while not position.done:
        position = train.fit(make_run(), tmp_path / "parts", max_minutes=0.0, resume=True, quiet=True)
        visits += 1
    # 2 epochs of 3 steps, a pass of 3 steps, 2 epochs of 3 steps; the last visit finds nothing left to do.
    assert visits == 15 + 1
    assert same(whole, tensors(tmp_path / "parts"))
    steps = [json.loads(line)["step"] for line in (tmp_path / "parts/metrics.jsonl").read_text().splitlines()]
    assert steps == sorted(set(steps))


def test_worker_processes_do_not_change_the_result(tmp_path):
    assert same(
        finished(tmp_path / "one"),
        (train.fit(make_run(), tmp_path / "two", workers=1, quiet=True), tensors(tmp_path / "two"))[1],
    )


def test_the_seed_decides(tmp_path):
    whole = finished(tmp_path / "one")
    train.fit(make_run(seed=1), tmp_path / "two", quiet=True)
    assert not same(whole, tensors(tmp_path / "two"))


KILLED = """
import sys
sys.path.insert(0, sys.argv[1])
import torch
torch.set_num_threads(1)
from pathlib import Path
from small import make_run
from seehear import train
train.fit(make_run(), Path(sys.argv[2]), resume=True, quiet=True, save_seconds=0.0)
"""


@pytest.mark.parametrize("delay", [0.0, 0.15, 0.4])
def test_a_killed_run_goes_on_as_if_nothing_had_happened(tmp_path, delay):
    folder = tmp_path / "killed"
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(HERE), str(folder)])
    deadline = time.monotonic() + 60
    while not (folder / "last.safetensors").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(delay)
    process.kill()
    process.wait()
    train.fit(make_run(), folder, resume=True, quiet=True)
    assert same(finished(tmp_path / "whole"), tensors(folder))


def test_ctrl_c_saves_and_stops(tmp_path):
    folder = tmp_path / "stopped"
    script = KILLED.replace("train.fit(", "at = train.fit(") + "sys.exit(0 if not at.done else 3)\n"
    script = script.replace("make_run()", "slow()").replace(
        "from seehear import train",
        textwrap.dedent("""
        from seehear import train
        def slow():
            run = make_run()
            run.stages = [type(run.stages[0])("warm-up", run.stages[0].task, 4000)]
            return run
        """),
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(HERE), str(folder)])
    deadline = time.monotonic() + 60
    while not (folder / "last.safetensors").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 0
    assert checkpoint.read(folder / "last.safetensors")[1]["total"] > 0


TWO = """
import sys
sys.path.insert(0, sys.argv[1])
from dataclasses import replace
from pathlib import Path
import torch
torch.set_num_threads(1)
from small import make_run
from seehear import train
from seehear.optim import SGD
from seehear.views import AudioVisual

class Exact(AudioVisual):
    def finish(self, cuts):
        return {name: view.double() for name, view in super().finish(cuts).items()}

run = make_run(count=int(sys.argv[4]))
run.model.encoders.double()
run.model.heads.double()
run.model.views = Exact(**vars(run.model.views))
stage = replace(run.stages[int(sys.argv[3])], epochs=1, freeze_norm=True)
run.stages = [replace(stage, optimiser=stage.optimiser and SGD(0.05))]
train.fit(run, Path(sys.argv[2]), device="cpu", quiet=True)
"""


@pytest.mark.parametrize(("stage", "count"), [(0, 12), (1, 11), (1, 9), (2, 12)])
def test_two_processes_are_one(tmp_path, stage, count):
    """Three steps on the same global batches with frozen batch-norm statistics: targets from the batch, filling the
    bank where the last batch is no multiple of two or has one clip, and targets from the bank.

    Nets are in float64, so that what processors add up in another order stays far below the tolerance.
    """
    script = tmp_path / "two.py"
    script.write_text(TWO)
    for name, processes in (("one", 1), ("two", 2)):
        torchrun(processes, script, tmp_path / name, stage, count)
    one, two = tensors(tmp_path / "one"), tensors(tmp_path / "two")
    assert set(one) == set(two)
    assert checkpoint.read(tmp_path / "two/last.safetensors")[1]["total"] == 3
    for name in one:
        torch.testing.assert_close(
            two[name],
            one[name],
            atol=1e-5 * max(1.0, float(one[name].abs().max())),
            rtol=0,
            msg=lambda text, name=name: f"{name}: {text}",
        )


STOPPED = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
import torch
torch.set_num_threads(1)
from small import make_run
from seehear import dist, train

dist.engine("cpu")
limit = 0.0 if dist.part()[0] == 1 else None
assert train.fit(make_run(), Path(sys.argv[2]), device="cpu", quiet=True, max_minutes=limit).total == 1
"""


def test_all_processes_stop_where_one_does(tmp_path):
    """The second process is out of time after a step, the first one is not: neither may wait for the other for ever."""
    script = tmp_path / "stopped.py"
    script.write_text(STOPPED)
    torchrun(2, script, tmp_path / "run")
    assert checkpoint.read(tmp_path / "run/last.safetensors")[1]["total"] == 1


def test_filling_writes_every_row_once(tmp_path):
    run = make_run(count=10)
    run.stages = run.stages[1:2]
    before = run.stages[0].task.task.bank.video.clone()
    weights = {name: tensor.clone() for name, tensor in run.model.encoders.state_dict().items()}
    assert train.fit(run, quiet=True).total == 3
    assert (run.stages[0].task.task.bank.video != before).any(1).all()
    assert all(torch.equal(weights[name], tensor) for name, tensor in run.model.encoders.state_dict().items())


def test_frozen_parts_keep_weights_and_statistics(tmp_path):
    run = make_run()
    run.stages = [replace(run.stages[0], frozen=("encoders.video",))]
    before = {name: tensor.clone() for name, tensor in run.model.encoders.state_dict().items()}
    train.fit(run, quiet=True)
    changed = {n.split(".")[0] for n, t in run.model.encoders.state_dict().items() if not torch.equal(before[n], t)}
    assert changed == {"audio"}


def test_the_best_checkpoint_is_the_one_that_scored_best(tmp_path):
    run, scores = make_run(), iter([0.2, 0.9, 0.1, 0.3])
    seen = []

    def measure(model):
        seen.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
        assert not model.training
        return next(scores)

    run.measure, run.measure_every = measure, 1
    position = train.fit(run, tmp_path, quiet=True)
    assert position.best == 0.9
    best = checkpoint.load(tmp_path, "best").state_dict()
    assert all(torch.equal(seen[1][name], best[name]) for name in best)
    assert run.model.encoders.training


def test_a_loss_that_is_not_finite_stops_with_its_step(tmp_path):
    run = make_run()
    run.stages[0] = replace(run.stages[0], optimiser=SGD(1e30), clip=1e30)
    with pytest.raises(InputError, match=r"finite loss, got nan at step \d+ \(warm-up\): lower the learning rate"):
        train.fit(run, tmp_path, quiet=True)
    assert (tmp_path / "run.json").exists()


def test_resuming_something_else_is_refused(tmp_path):
    train.fit(make_run(), tmp_path, max_minutes=0.0, quiet=True)
    with pytest.raises(InputError, match="add --resume"):
        train.fit(make_run(), tmp_path, quiet=True)
    with pytest.raises(InputError, match="expected seed 0"):
        train.fit(make_run(seed=1), tmp_path, resume=True, quiet=True)
    other = make_run()
    other.clips = make_shelf(count=11)
    with pytest.raises(InputError, match="expected the clips that the run in"):
        train.fit(other, tmp_path, resume=True, quiet=True)


def test_resuming_with_another_option_of_the_recipe_is_refused(tmp_path):
    def run(**options):
        return replace(make_run(), recipe={"name": "mine", "arguments": options})

    train.fit(run(weight=1.0, data="here"), tmp_path, max_minutes=0.0, quiet=True)
    with pytest.raises(InputError, match=r"expected weight 1\.0 of the run in .*, got 0\.5: resume with the same"):
        train.fit(run(weight=0.5, data="here"), tmp_path, resume=True, quiet=True)
    # Its library may have moved, and the run may be older than an option.
    train.fit(run(weight=1.0, data="there", later=2), tmp_path, max_minutes=0.0, resume=True, quiet=True)


@pytest.mark.parametrize("keep", [0, 7, 200, 5000])
def test_a_checkpoint_cut_short_is_named(tmp_path, keep):
    train.fit(make_run(), tmp_path, max_minutes=0.0, quiet=True)
    path = tmp_path / "last.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"last\.safetensors is cut short or damaged"):
        train.fit(make_run(), tmp_path, resume=True, quiet=True)
    with pytest.raises(InputError, match="cut short"):
        checkpoint.load(tmp_path)


def test_a_loaded_model_is_the_trained_one(tmp_path):
    run = make_run()
    train.fit(run, tmp_path, quiet=True)
    loaded, trained = checkpoint.load(tmp_path), run.model.eval()
    x = torch.randn(2, 3, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    assert torch.equal(loaded.embed("video", loaded.video(x)), trained.embed("video", trained.video(x)))
    assert torch.equal(loaded.front.mean, trained.front.mean)
    assert not torch.equal(loaded.random().video(x).pooled, loaded.video(x).pooled)
    assert torch.equal(loaded.random().front.mean, trained.front.mean)


@pytest.mark.parametrize(
    "contents", ["", "[1]", "{}", '{"model": {"encoders": {"video": {"kind": "Pickle"}}}}', "\x00"]
)
def test_a_hostile_run_json_is_one_line(tmp_path, contents):
    train.fit(make_run(), tmp_path, max_minutes=0.0, quiet=True)
    (tmp_path / "run.json").write_text(contents)
    with pytest.raises(InputError, match=r"run\.json"):
        checkpoint.load(tmp_path)


@pytest.mark.parametrize(("width", "said"), [(8, "tensors of other shapes, such as"), (10**9, "no model can be built")])
def test_a_run_json_of_other_encoders_is_one_line(tmp_path, width, said):
    train.fit(make_run(), tmp_path, max_minutes=0.0, quiet=True)
    about = checkpoint.describe(tmp_path)
    about["model"]["encoders"]["audio"]["width"] = width
    (tmp_path / "run.json").write_text(json.dumps(about))
    with pytest.raises(InputError, match=said) as raised:
        checkpoint.load(tmp_path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("name", "value"), [("fps", -1.0), ("count", 0), ("front", {"rate": 0})])
def test_a_run_json_of_views_of_nothing_is_one_line(tmp_path, name, value):
    train.fit(make_run(), tmp_path, max_minutes=0.0, quiet=True)
    about = checkpoint.describe(tmp_path)
    about["model"]["views"][name] = value
    (tmp_path / "run.json").write_text(json.dumps(about))
    with pytest.raises(InputError, match="no model can be built from it"):
        checkpoint.load(tmp_path)


def test_what_cannot_be_built_is_one_line_though_the_error_says_nothing(tmp_path, monkeypatch):
    train.fit(make_run(), tmp_path, max_minutes=0.0, quiet=True)

    def fail(arguments):
        raise MemoryError

    monkeypatch.setattr(checkpoint.Model, "rebuild", fail)
    with pytest.raises(InputError, match=r"no model can be built from it \(MemoryError\(\)\)"):
        checkpoint.load(tmp_path)


def test_weights_that_are_not_finite_are_named_and_a_checkpoint_that_is_not_there_is_too(tmp_path):
    run = make_run()
    train.fit(run, tmp_path, max_minutes=0.0, quiet=True)
    with pytest.raises(InputError, match=r"checkpoint at .*, found last: choose that"):
        checkpoint.load(tmp_path, "best")
    tensors, progress = checkpoint.read(tmp_path / "last.safetensors")
    tensors["model.encoders.video.conv1.0.weight"][0] = torch.nan
    checkpoint.save(tmp_path / "last.safetensors", tensors, progress)
    with pytest.raises(InputError, match=r"expected finite weights .* encoders.video.conv1.0.weight is not"):
        checkpoint.load(tmp_path)


def test_long_options_are_shown_where_they_part(tmp_path):
    train.fit(make_run(), tmp_path, max_minutes=0.0, quiet=True)
    other = make_run()
    other.stages[-1] = replace(other.stages[-1], epochs=77)
    with pytest.raises(InputError) as raised:
        train.fit(other, tmp_path, resume=True, quiet=True)
    was, now = str(raised.value).split(f" of the run in {tmp_path}, got ")
    assert '"epochs": 77' in now
    assert '"epochs": ' in was
    assert was.startswith("expected stages ...")


def test_schedules_are_functions_of_the_step():
    assert constant(7, 10) == 1
    assert [round(cosine(step, 4), 3) for step in range(5)] == [1, 0.854, 0.5, 0.146, 0]
    assert [warmed(constant, 4)(step, 10) for step in range(5)] == [0.25, 0.5, 0.75, 1, 1]
    assert [milestones(0.5, (0.4, 0.6))(step, 10) for step in (3, 4, 6)] == [1, 0.5, 0.25]


def test_optimisers_are_those_of_torch():
    groups = [{"params": [nn.Parameter(torch.ones(1))]}]
    assert isinstance(Adam(0.1, 0.2).build(groups), torch.optim.Adam)
    assert SGD(0.1, 0.2, 0.3).build(groups).param_groups[0]["momentum"] == 0.3


def test_decoupled_decay_shrinks_weights_that_have_no_gradient():
    for decoupled, left in ((True, 1 - 0.1 * 0.2), (False, 1 - 0.1)):
        weight = nn.Parameter(torch.ones(1))
        optimiser = Adam(0.1, 0.2, decoupled).build([{"params": [weight]}])
        weight.grad = torch.zeros(1)
        optimiser.step()
        torch.testing.assert_close(weight.detach(), torch.tensor([left]))


def test_a_share_of_the_rate_is_a_share_of_the_step():
    moved = {}
    for share in (1.0, 0.25):
        run = make_run()
        run.stages = [replace(run.stages[0], optimiser=SGD(1e-3, 0.0, 0.0), shares={"heads.audio": share}, epochs=1)]
        before = {name: value.clone() for name, value in run.model.named_parameters()}
        train.fit(run, max_minutes=0.0, quiet=True)
        moved[share] = {name: value.detach() - before[name] for name, value in run.model.named_parameters()}
    for name, whole in moved[1.0].items():
        expected = whole * (0.25 if name.startswith("heads.audio") else 1.0)
        assert whole.any()
        torch.testing.assert_close(moved[0.25][name], expected, rtol=1e-2, atol=1e-7)
