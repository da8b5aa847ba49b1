# SPDX-License-Identifier: Apache-2.0
"""The crew of a study with processes that only seem to run: who starts when, what is lost, what is told."""

import signal
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from seehear import atomic, cli
from seehear.dist import engine
from seehear.errors import InputError
from seehear.studies import conduct, job, runner, store
from seehear.studies.runner import GRACE
from seehear.studies.status import status
from seehear.studies.store import Place
from seehear.studies.study import Arm, Study
from small_study import broken, first, second


class Seeming:
    """A process that ends when it is waited for."""

    def __init__(self, exitcode):
        self.exitcode, self.pid, self.alive, self.calls = exitcode, 4321, True, []
        self.sentinel = self

    def is_alive(self):
        return self.alive

    def join(self, seconds):
        self.calls.append(("join", seconds))

    def kill(self):
        self.calls.append(("kill",))


class Bench:
    """What was started in which order and how many at once; exit codes by job; the latest to start ends first."""

    def __init__(self, monkeypatch, place):
        self.place, self.study, self.order, self.most, self.codes, self.made = place, STUDY, [], 0, {}, {}
        self.stopped, self.told = set(), {}
        monkeypatch.setattr(runner.Crew, "_start", lambda *given: self.start(*given))
        monkeypatch.setattr(runner, "wait", self.wait)

    def start(self, crew, arm, seed):
        self.order.append((arm.name, seed))
        self.made[arm.name, seed] = crew.running[arm.name, seed] = Seeming(self.codes.get((arm.name, seed), 0))
        self.most = max(self.most, len(crew.running))

    def wait(self, sentinels):
        ended = sentinels[-1]
        ended.alive = False
        ((name, seed),) = (key for key, process in self.made.items() if process is ended)
        folder = self.place.of(self.study, self.study.arm(name), seed)
        if ended.exitcode == 0 and (name, seed) not in self.stopped:
            store.keep(folder, {"measured": [], "numbers": {}, "seconds": {"training": 1.0}}, {})
            (folder / "run").mkdir(exist_ok=True)
            (folder / "run" / "last.safetensors").touch()
        if (name, seed) in self.told:
            atomic.write_text(folder / "failed.txt", self.told[name, seed])

    def run(self, **options):
        jobs = runner.run(self.study, self.place, quiet=True, **options)
        return {(one.arm, one.seed): one for one in jobs}


STUDY = Study("small", "S", (Arm("first", first), Arm("second", second, start="first")), (), "first")


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "small", tmp_path / "library", "data")


@pytest.fixture
def bench(monkeypatch, place):
    return Bench(monkeypatch, place)


def test_an_arm_waits_for_its_start_of_the_same_seed(bench):
    found = bench.run(seeds=[0, 1], processes=2)
    assert bench.order == [("first", 0), ("first", 1), ("second", 1), ("second", 0)]
    assert {one.state for one in found.values()} == {"done"}
    assert bench.most == 2


@pytest.mark.parametrize(("processes", "most"), [(1, 1), (3, 3), (None, 2)])
def test_no_more_are_started_at_once_than_there_may_be(bench, monkeypatch, processes, most):
    monkeypatch.setattr(runner.os, "cpu_count", lambda: 2)
    bench.run(processes=processes)
    assert bench.most == most
    assert len(bench.order) == len(set(bench.order)) == 8


def test_fewer_than_one_process_is_refused(bench, place):
    for processes in (0, -1):
        with pytest.raises(InputError, match=f"expected --processes of at least 1, got {processes}"):
            bench.run(processes=processes)
    assert not place.folder.exists()


def test_what_was_finished_before_is_a_start_and_is_not_started(bench):
    bench.run(arms=["first"], seeds=[0])
    bench.run(seeds=[0])
    assert bench.order == [("first", 0), ("second", 0)]


def test_numbers_without_checkpoints_count_and_a_start_is_trained_again_where_it_is_needed(bench, place):
    bench.run(seeds=[0, 1])
    bench.order.clear()
    # As on another machine, to which only numbers were copied.
    for checkpoint in place.folder.glob("*/run/last.safetensors"):
        checkpoint.unlink()
    bench.run(seeds=[0, 1])
    assert bench.order == []
    (place.of(STUDY, STUDY.arm("second"), 1) / "numbers.json").unlink()
    bench.run(seeds=[0, 1])
    assert bench.order == [("first", 1), ("second", 1)]
    # What has begun to go on has taken what it needs with it.
    bench.order.clear()
    (place.of(STUDY, STUDY.arm("second"), 1) / "numbers.json").unlink()
    (place.of(STUDY, STUDY.arm("first"), 1) / "run" / "last.safetensors").unlink()
    bench.run(seeds=[0, 1])
    assert bench.order == [("second", 1)]


def test_a_lost_process_is_told_and_only_what_starts_from_it_waits(bench, place, capsys):
    bench.codes["first", 0] = -9
    found = bench.run(seeds=[0, 1], processes=1)
    assert bench.order == [("first", 0), ("first", 1), ("second", 1)]
    assert {job: one.state for job, one in found.items()} == {
        ("first", 0): "failed",
        ("first", 1): "done",
        ("second", 0): "waiting",
        ("second", 1): "done",
    }
    assert found["first", 0].why == "its process ended with exit code -9"
    failed = place.of(STUDY, STUDY.arm("first"), 0) / "failed.txt"
    assert failed.read_text() == "its process ended with exit code -9\n"
    assert capsys.readouterr().err == f"first seed 0 failed: see {failed}\n"
    # The next run tries it again.
    bench.codes.clear()
    assert {one.state for one in bench.run(seeds=[0, 1]).values()} == {"done"}
    assert bench.order[3:] == [("first", 0), ("second", 0)]


def test_what_a_job_told_itself_is_kept(bench):
    bench.codes["first", 0], bench.told["first", 0] = 1, "expected more luck\n"
    assert bench.run(seeds=[0])["first", 0].why == "expected more luck"


@pytest.mark.parametrize("exitcode", [0, -9])
def test_what_ended_unfinished_is_no_start(bench, exitcode):
    bench.study = replace(STUDY, arms=(*STUDY.arms, Arm("third", first, start="second")))
    bench.codes["second", 0] = exitcode
    bench.stopped.add(("second", 0))
    assert bench.run(seeds=[0])["third", 0].state == "waiting"
    assert bench.order == [("first", 0), ("second", 0)]


def test_a_study_has_one_crew(bench, place):
    with store.held(place.folder), pytest.raises(InputError, match="expected nobody at work"):
        bench.run()
    assert bench.order == []


def test_when_the_time_is_over_nothing_more_is_started(bench, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(runner, "time", SimpleNamespace(monotonic=lambda: now[0]))
    wait = bench.wait

    def later(sentinels):
        now[0] += 40.0
        wait(sentinels)

    monkeypatch.setattr(runner, "wait", later)
    bench.run(arms=["first"], minutes=1.0, processes=1)
    assert bench.order == [("first", 0), ("first", 1)]


def test_a_stopped_crew_lets_every_process_save_and_kills_those_that_do_not(bench, monkeypatch):
    sent = []
    monkeypatch.setattr(runner.os, "kill", lambda pid, number: sent.append((pid, number)))

    def stopped(sentinels):
        sentinels[0].alive = False
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "wait", stopped)
    with pytest.raises(KeyboardInterrupt):
        bench.run(arms=["first"], processes=2)
    assert sent == [(4321, signal.SIGINT)]
    assert [process.calls for process in bench.made.values()] == [[("join", GRACE), ("kill",)]] * 2


@pytest.fixture
def serve(monkeypatch, place):
    """A job as its process does it, in this one."""
    threads, handlers = torch.get_num_threads(), []
    monkeypatch.setattr(runner.os, "setpgrp", lambda: None)
    monkeypatch.setattr(runner.signal, "signal", lambda *handler: handlers.append(handler))

    def served(build):
        arm = Arm("arm", build)
        study = Study("small", "S", (arm,), (), "arm")
        failed = place.of(study, arm, 0) / "failed.txt"
        failed.parent.mkdir(parents=True, exist_ok=True)
        failed.write_text("what was before\n")
        ended = 0
        try:
            runner._serve(study, arm, 0, place, None)
        except SystemExit as stop:
            ended = stop.code
        (one,) = status(study, place, seeds=[0])
        return ended, failed.read_text() if failed.exists() else None, one

    yield served
    assert handlers[0] == (signal.SIGINT, signal.default_int_handler)
    torch.set_num_threads(threads)


def test_what_went_wrong_is_kept_in_full_and_told_in_a_line(serve):
    ended, text, one = serve(broken)
    assert ended == 1
    assert text.startswith("Traceback")
    assert "small_study.py" in text
    assert one.state == "failed"
    assert one.why == text.splitlines()[-1] == "RuntimeError: this arm cannot be built"


def test_wrong_input_is_told_in_a_line(serve):
    def build(data, seed):
        raise InputError("expected another seed")

    assert serve(build)[:2] == (1, "expected another seed\n")


def test_a_job_has_one_thread_and_forgets_what_failed_before(serve, monkeypatch):
    threads = []
    monkeypatch.setattr(job, "work", lambda *given: threads.append(torch.get_num_threads()))
    assert serve(first)[:2] == (0, None)
    assert threads == [1]


def test_a_job_that_is_stopped_has_not_failed(serve, monkeypatch):
    def stopped(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(job, "work", stopped)
    assert serve(first)[:2] == (0, None)


def test_a_job_is_done_by_one_process(place):
    arm = STUDY.arms[0]
    with store.held(place.of(STUDY, arm, 0)), pytest.raises(InputError, match="expected nobody at work"):
        job.work(STUDY, arm, 0, place)


def test_the_command_knows_its_device_before_anything_is_made(monkeypatch, tmp_path, capsys):
    given = []
    monkeypatch.setattr(conduct, "conduct", lambda *chosen: given.append(chosen) or {"claims": [], "study": ""})
    for device in ("auto", "abacus"):
        monkeypatch.setattr(sys, "argv", ["seehear", "study", "robust", "--out", str(tmp_path), "--device", device])
        if device == "auto":
            cli.main()
    assert [str(torch.device(chosen[7])) for chosen in given] == [str(engine("auto").device)]
    with pytest.raises(SystemExit, match="2"):
        cli.main()
    assert capsys.readouterr().err == "error: expected --device auto, cpu, cuda or cuda:N, got abacus\n"
