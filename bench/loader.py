# SPDX-License-Identifier: Apache-2.0
"""Loader: clips/s of one core, a clip being 8 frames at 112x112 (16 frames/s) and 2 s of sound at 24 kHz.

Side by side, interleaved, in one process with one thread: decoding 640x360 H.264 + AAC sources of 10 s with a key frame
every 250 frames (PyAV), and the same sources packed as H.264 and as JPEG, or kept decoded in memory as training does
with as many clips as there is room for. Error: what a clip differs by from the decoded source scaled in the same two
steps, in grey levels and as signal-to-noise ratio of the sound (the source itself is scaled in one step, which shows in
its error). Floor of what is packed: reading the packed bytes alone.

    python bench/loader.py [--repeats 12] [--json docs/results/bench/loader.json]
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np

from seehear.atomic import write_json
from seehear.data.library import KEEP, Library
from seehear.data.pack import pack
from seehear.data.transcode import Settings, scaled
from seehear.media.decode import frames, sound
from seehear.media.encode import encode

SOURCES, SECONDS, FPS, HEIGHT, WIDTH, RATE = 8, 10, 30, 360, 640, 44100
COUNT, CLIP_FPS, SIDE, HEARD, HEARD_RATE = 8, 16, 112, 2.0, 24000
Loaded = tuple[np.ndarray, np.ndarray]


def scene(seed: int) -> Iterator[np.ndarray]:
    """Smooth noise that scrolls and zooms, with discs crossing it: texture everywhere, motion everywhere."""
    random = np.random.default_rng(seed)
    ground = np.zeros((2 * HEIGHT, 2 * WIDTH, 3), np.float32)
    for octave in (64, 16, 4):
        coarse = random.random((2 * HEIGHT // octave, 2 * WIDTH // octave, 3), np.float32) - 0.5
        ground += cv2.resize(coarse, (2 * WIDTH, 2 * HEIGHT), interpolation=cv2.INTER_CUBIC) * octave**0.5 * 12
    ground = np.clip(ground + 128, 0, 255).astype(np.uint8)
    speed, phase = random.uniform(10, 40, 2), random.uniform(0, 6, 6)
    for index in range(SECONDS * FPS):
        t = index / FPS
        zoom = 1 + 0.15 * np.sin(0.7 * t + phase[0])
        matrix = np.array([[zoom, 0, -speed[0] * t - 40], [0, zoom, -speed[1] * t * 0.5 - 40]], np.float32)
        picture = cv2.warpAffine(ground, matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)
        for disc in range(4):
            x, y = (
                WIDTH * (0.5 + 0.4 * np.sin(t + phase[disc])),
                HEIGHT * (0.5 + 0.4 * np.sin(1.7 * t + phase[disc + 2])),
            )
            colour = tuple(int(c) for c in 255 * ((np.arange(3) + disc) % 3 == 0) + 30 * disc)
            cv2.circle(picture, (int(x), int(y)), 20 + 10 * disc, colour, -1, cv2.LINE_AA)
        yield picture


def melody(seed: int) -> np.ndarray:
    """Two channels of gliding tones with noise."""
    random = np.random.default_rng(seed)
    t = np.arange(SECONDS * RATE) / RATE
    tones = [0.2 * np.sin(2 * np.pi * (200 + 150 * k + seed) * t + 3 * np.sin(t + k)) for k in range(2)]
    return (np.stack(tones) + 0.02 * random.standard_normal((2, len(t)))).astype(np.float32)


def from_source(path: Path, start: float) -> Loaded:
    """One clip out of a source file."""
    return frames(path, start, COUNT, CLIP_FPS, (SIDE, SIDE)), sound(path, start, HEARD, HEARD_RATE)


def from_library(library: Library, row: int, start: float) -> Loaded:
    """One clip out of a library."""
    (clip,) = library.open_all([row])
    pictures = clip.frames(start, COUNT, CLIP_FPS)
    small = np.stack([cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for picture in pictures])
    return small, clip.sound(start, HEARD, HEARD_RATE)


def same_way(path: Path, start: float) -> Loaded:
    """One clip out of a source file, scaled in the two steps that packing and loading take."""
    pictures = frames(path, start, COUNT, CLIP_FPS, scaled(WIDTH, HEIGHT, Settings().size)[::-1])
    small = np.stack([cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for picture in pictures])
    return small, sound(path, start, HEARD, HEARD_RATE)


def read_only(library: Library, row: int, start: float) -> Loaded:
    """The packed bytes of one clip, not decoded: the floor."""
    read = library.read([row], "video", "offsets", "sound")[0]
    return np.frombuffer(read["video"], np.uint8), np.frombuffer(read["sound"], np.uint8)


def errors(loaded: Loaded, truth: Loaded) -> tuple[float, float]:
    """Mean absolute difference in grey levels, and signal-to-noise ratio of the sound in dB."""
    grey = float(np.abs(loaded[0].astype(np.int16) - truth[0]).mean())
    noise = float(np.square(loaded[1] - truth[1]).mean())
    return grey, 10 * float(np.log10(np.square(truth[1]).mean() / max(noise, 1e-20)))


def main() -> None:
    """Measure, print and write the numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=12)
    parser.add_argument("--json", type=Path, default=Path("docs/results/bench/loader.json"))
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        results = measure(Path(folder), chosen.repeats)
    write_json(chosen.json, results)
    print(f"{'':14} clips/s        x source   MB a clip   grey levels   sound dB")
    for name, row in results["loaders"].items():
        print(
            f"{name:14} {row['clips_per_s']:7.1f} ± {row['standard_error']:4.1f} {row['times_source']:8.1f} "
            f"{row['megabytes_a_clip']:11.3f} {row['grey_levels'] or 0:13.2f} {row['sound_db'] or 0:10.1f}"
        )


def measure(folder: Path, repeats: int) -> dict:
    """The numbers of all loaders."""
    media = folder / "media"
    for seed in range(SOURCES):
        path = media / f"{seed}.mp4"
        encode(path, scene(seed), FPS, melody(seed), RATE, gop=250, crf=23, preset="medium")
    paths = sorted(media.iterdir())
    libraries = {}
    for profile in ("h264", "jpeg"):
        pack(media, folder / profile, profile=profile, workers=1, quiet=True)
        libraries[profile] = Library(folder / profile)
    kept = Library(folder / "jpeg", KEEP)
    kept.open_all(range(SOURCES))
    loaders: dict[str, Callable[[int, float], Loaded]] = {
        "source": lambda row, start: from_source(paths[row], start),
        "packed h264": lambda row, start: from_library(libraries["h264"], row, start),
        "packed jpeg": lambda row, start: from_library(libraries["jpeg"], row, start),
        "kept in memory": lambda row, start: from_library(kept, row, start),
        "reading jpeg": lambda row, start: read_only(libraries["jpeg"], row, start),
    }
    size = {"source": sum(path.stat().st_size for path in paths)} | {
        f"packed {profile}": sum(library.store.read("clips", "bytes")["bytes"])
        for profile, library in libraries.items()
    }
    size["kept in memory"] = sum(kept.open(row).decode() for row in range(SOURCES))
    random = np.random.default_rng(0)
    rates: dict[str, list[float]] = {name: [] for name in loaders}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in loaders}
    for _ in range(repeats):
        # Starts on the packed clips' own grid of frames, so that all loaders must return the same frames.
        draws = [(int(random.integers(SOURCES)), int(random.integers(8 * CLIP_FPS)) / CLIP_FPS) for _ in range(8)]
        truth = [same_way(paths[row], start) for row, start in draws]
        for name, load in loaders.items():
            many = draws * (1 if name == "source" else 5)
            started = time.perf_counter()
            loaded = [load(row, start) for row, start in many]
            rates[name].append(len(many) / (time.perf_counter() - started))
            if name != "reading jpeg":
                found[name] += [errors(one, true) for one, true in zip(loaded, truth, strict=False)]
    mean = {name: float(np.mean(values)) for name, values in rates.items()}
    rows = {
        name: {
            "clips_per_s": mean[name],
            "standard_error": float(np.std(rates[name], ddof=1) / repeats**0.5),
            "times_source": mean[name] / mean["source"],
            "megabytes_a_clip": size.get(name, size["packed jpeg"]) / SOURCES / 1e6,
            "grey_levels": float(np.mean([grey for grey, _ in found[name]])) if found[name] else None,
            "sound_db": min(200.0, float(np.mean([snr for _, snr in found[name]]))) if found[name] else None,
        }
        for name in loaders
    }
    setting = f"{SOURCES} sources of {SECONDS} s, {WIDTH}x{HEIGHT} at {FPS} frames/s, key frame every 250 frames"
    return {"setting": setting, "repeats": repeats, "loaders": rows}


if __name__ == "__main__":
    main()
