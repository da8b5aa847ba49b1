# SPDX-License-Identifier: Apache-2.0
"""Calibrate the spatial dials of the surround world: can one tell where the sounding thing is, and from what?

600 training and 200 test scenes of seeds that no study uses: one thing that sounds, and elsewhere another of its
class at rest; four windows of 1 s from each. The nets of a tiny run are trained with labels, for as many updates as a
tiny run has, to say in which quarter around the listener (front, left, back, right) the sounding thing is in the middle
of a window. Every test window counts. Inputs: the panorama (4 frames), W alone (its log spectrogram), or all of FOA
(with it, the intensity Re(W* X_k) of every bin relative to its energy).

    python bench/calibrate_surround.py [--seeds 900001 900002 900003] [--arms foa+panorama w]
"""

import argparse
import time

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64, UInt8
from torch import Tensor, nn
from torch.nn import functional

from calibrate import EPOCHS, FIRST_SEED, RATE
from measure import write
from seehear import progress
from seehear.nets.audio import Conv2D
from seehear.nets.video import R2Plus1D
from seehear.signal.spectrogram import LogSpectrogram
from seehear.world.surround_path import position, to_listener
from seehear.world.surround_plan import SURROUND_VERSION, SurroundPlan
from seehear.world.surround_scene import Surround
from seehear.world.surround_shot import SurroundDials, SurroundShot

SHOT = SurroundShot(64, 128, 4.0, 16_000)
DIALS = SurroundDials(least=1, most=1, silent_twin=1.0)
WINDOWS, BATCH = 4, 32
ARMS = ("foa+panorama", "foa", "panorama", "w+panorama", "w")
GOALS = {"foa+panorama": ">= 0.85", "w": "near chance, 0.25"}
Scenes = dict[str, Tensor]


def main() -> None:
    """Measure every seed and arm, print, and keep the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, nargs="+", default=[900_001, 900_002, 900_003])
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=ARMS)
    options = parser.parse_args()
    if min(options.seeds) < FIRST_SEED:
        parser.error(f"calibration seeds begin at {FIRST_SEED}")
    tables = {str(seed): measured(seed, options.arms) for seed in options.seeds}
    mean = {arm: float(np.mean([table[arm] for table in tables.values()])) for arm in options.arms}
    about = {"world": SURROUND_VERSION, "updates": EPOCHS * (600 // BATCH), "goals": GOALS, "chance": 0.25}
    write("calibrate_surround", {**about, "mean": mean, "seeds": tables})


def measured(seed: int, arms: list[str]) -> dict[str, float]:
    """Accuracy on the test windows of a seed by arm."""
    plan = SurroundPlan(600, 0, 200, seed, shot=SHOT, dials=DIALS)
    scenes = gathered(plan)
    accuracy = {}
    for arm in arms:
        started = time.monotonic()
        accuracy[arm] = trained(arm, scenes, plan.train, seed)
        print(seed, arm, round(accuracy[arm], 3), f"{time.monotonic() - started:.0f} s", flush=True)
    return accuracy


def gathered(plan: SurroundPlan) -> Scenes:
    """Frames [S, 16, 3, 64, 128], sound maps [S, 4, 4, 64, 65] and quarters [S, 4] of every scene."""
    frames, maps, quarters = [], [], []
    with progress.bar("scenes", len(plan)) as shown:
        for scene in plan.draw():
            recording = plan.record(scene)
            frames.append(torch.from_numpy(recording.frames).permute(0, 3, 1, 2))
            cuts = torch.from_numpy(recording.sound).unflatten(1, (WINDOWS, -1)).movedim(1, 0)
            maps.append(sound_map(cuts))
            quarters.append(torch.from_numpy(quarter(scene)))
            shown.advance(1)
    return {"frames": torch.stack(frames), "maps": torch.stack(maps), "quarters": torch.stack(quarters)}


def quarter(scene: Surround) -> Int64[np.ndarray, "M"]:
    """0 front, 1 left, 2 back, 3 right: where the sounding thing is in the middle of each window."""
    times = (np.arange(WINDOWS) + 0.5) * scene.duration / WINDOWS
    x, y, _ = to_listener(scene, position(scene.sources[0], times)).T
    return np.round(np.arctan2(y, x) / (np.pi / 2)).astype(np.int64) % 4


def sound_map(sound: Float32[Tensor, "M 4 N"]) -> Float32[Tensor, "M 4 T F"]:
    """The log spectrogram of W relative to its mean (20 dB are 1), and the intensity in x, y and z from -1 to 1."""
    front_end = LogSpectrogram.tiny()
    level = front_end.decibel(sound[:, :1])
    level = (level - level.mean((2, 3), keepdim=True)) / 20
    window, hop = front_end.window, front_end.hop
    pieces = functional.pad(sound, (window // 2, window)).unfold(-1, window, hop)[:, :, : level.shape[2]]
    spectrum = torch.fft.rfft(pieces * front_end.hann)
    w, y, z, x = spectrum.unbind(1)
    energy = (spectrum.abs() ** 2).sum(1)
    vector = torch.stack([(w.conj() * each).real for each in (x, y, z)], dim=1)
    grouped = [functional.avg_pool2d(one[..., 1:], (1, front_end.average)) for one in (vector, energy[:, None])]
    relative = functional.pad(2 * grouped[0] / (grouped[1] + 1e-12), (1, 0))
    return torch.cat([level, relative], dim=1)


class Pointer(nn.Module):
    """Tells the quarter from the pooled output of the audio net and from the map of the video net, whichever it has."""

    def __init__(self, arm: str) -> None:
        super().__init__()
        self.channels = 4 if "foa" in arm else 1 if "w" in arm.split("+") else 0
        self.audio = Conv2D(16, self.channels) if self.channels else None
        self.video = R2Plus1D.tiny() if "panorama" in arm else None
        self.of_audio, self.of_video = nn.LazyLinear(4), nn.LazyLinear(4)

    def forward(self, frames: UInt8[Tensor, "B 4 3 H W"], maps: Float32[Tensor, "B 4 T F"]) -> Float[Tensor, "B 4"]:
        """Scores of the quarters."""
        scores = torch.zeros(len(frames), 4)
        if self.audio is not None:
            scores = scores + self.of_audio(self.audio(maps[:, : self.channels]).pooled)
        if self.video is not None:
            seen = self.video(frames.transpose(1, 2).float() / 127.5 - 1).blocks["block5"]
            # Where something is on the panorama would be lost by pooling.
            scores = scores + self.of_video(seen.mean(2).flatten(1))
        return scores


def trained(arm: str, scenes: Scenes, train: int, seed: int) -> float:
    """Accuracy on the test windows after EPOCHS passes over the training scenes, one window of each at a time."""
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    net = Pointer(arm)
    net(*batch(scenes, torch.arange(2), torch.zeros(2, dtype=torch.int64))[:2])
    steps = EPOCHS * (train // BATCH)
    optimiser = torch.optim.AdamW(net.parameters(), RATE, weight_decay=1e-5)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps, pct_start=0.05)
    net.train()
    for _ in range(EPOCHS):
        for rows in torch.randperm(train, generator=generator)[: train // BATCH * BATCH].split(BATCH):
            frames, maps, quarters = batch(scenes, rows, torch.randint(WINDOWS, rows.shape, generator=generator))
            optimiser.zero_grad()
            functional.cross_entropy(net(frames, maps), quarters).backward()
            optimiser.step()
            schedule.step()
    net.eval()
    hits = []
    with torch.no_grad():
        for window in range(WINDOWS):
            for rows in torch.arange(train, len(scenes["quarters"])).split(50):
                frames, maps, quarters = batch(scenes, rows, torch.full_like(rows, window))
                hits.append(net(frames, maps).argmax(1) == quarters)
    return float(torch.cat(hits).float().mean())


def batch(scenes: Scenes, rows: Tensor, windows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Frames, sound maps and quarters of one window of each row."""
    frames = scenes["frames"].unflatten(1, (WINDOWS, -1))[rows, windows]
    return frames, scenes["maps"][rows, windows], scenes["quarters"][rows, windows]


if __name__ == "__main__":
    main()
