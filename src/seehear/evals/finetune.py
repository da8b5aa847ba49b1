# SPDX-License-Identifier: Apache-2.0
"""Full finetuning: encoder and linear classifier learn the labels of the training clips (thesis 2.5, 3.5.1).

Rows: "trained" starts from the run's encoder, "random" is the same training from random weights, "chance" is what
guesses as frequent as the classes of the training clips are expected to get. Metrics, S being the name of the settings:

    modality/S/clip         accuracy of single windows, of the largest number of windows
    modality/S/averagedM    accuracy of videos, softmax averaged over M windows of each clip (10 and 25 in the papers)
    modality/S/validation   video accuracy that rate and epoch were chosen by; None where nothing was chosen

Settings that leave the encoder as it is (`block_probe`) say S/block for S, a row of a table for each block.

With several official splits these are means, and "modality/S/split 1/averagedM" is the number of one. Test clips are
looked at once, when everything is chosen. Checkpoints are in RUN/finetune, in a folder named by what decides them, so
that the same command goes on with a finetuning that was stopped, and repeats nothing that was finished.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import torch

from seehear import dist
from seehear.checkpoint import Model
from seehear.data.catalog import Clips
from seehear.errors import InputError
from seehear.evals import results
from seehear.evals.features import Describe, extract_all, frozen
from seehear.evals.parts import Parts, labelled_parts, official_splits
from seehear.evals.results import Numbers, Result
from seehear.evals.tuning import Finetuning, Place, Tuned, each, scorer, tune
from seehear.evals.video_accuracy import clip_accuracy, video_accuracy, video_labels
from seehear.metrics import guessing


def finetune(
    model: Model,
    shelf: Clips,
    folder: Path,
    settings: Finetuning,
    modality: str = "video",
    windows: Sequence[int] = (10, 25),
    split: int | None = None,
    seed: int = 0,
    device: str = "cpu",
    workers: int = 0,
    quiet: bool = False,
) -> Result:
    """Finetune the encoder of one modality on a shelf, and append what it reaches to the results of the run `folder`.

    `split` takes one official split instead of all. Raises InputError for a modality the model lacks, for windows
    below 1, and when there are no labelled clips to learn from, to choose by or to measure on.
    """
    if modality not in model.encoders:
        raise InputError(f"expected a modality of the run, {' or '.join(model.encoders)}, got {modality}")
    if not windows or min(windows) < 1:
        raise InputError(f"expected at least one window of each clip, got {' '.join(map(str, windows)) or 'none'}")
    made: dict[str, dict[str, Numbers]] = {}
    said: dict[str, None] = {}
    clips = 0
    for name, divided in official_splits(shelf, split).items():
        parts = labelled_parts(divided, settings.every is not None, seed)
        key = _key(model, modality, settings, parts, seed)
        place = Place(folder / "finetune" / f"{modality}-{key}", device, workers, quiet)
        tuned = {
            row: tune(start, modality, settings, parts, replace(place, folder=place.folder / row), seed)
            for row, start in (("trained", model), ("random", model.random(seed)))
        }
        made[name] = measure(tuned, parts, modality, settings.name, windows, place)
        said |= dict.fromkeys(_notes(name, parts, settings, modality, tuned))
        clips += len(parts.test)
    result = Result(
        "finetune",
        average(made, f"{modality}/{settings.name}"),
        run=folder.name,
        seed=seed,
        commit=str(model.run.get("commit", "unknown")),
        data_hash=shelf.catalog.hash,
        split=parts.split,
        clips=clips,
        windows=max(windows),
        notes=tuple(said),
    )
    if dist.part()[0] == 0:
        results.append(folder, result)
    return result


def _key(model: Model, modality: str, settings: Finetuning, parts: Parts, seed: int) -> str:
    """Eight hexadecimal digits of SHA-256 over what decides the weights that are learnt."""
    data = [parts.train.catalog.hash, parts.validation.catalog.hash]
    decides = sha256(json.dumps([settings.plain, model.arguments, data, seed]).encode())
    for tensor in (*model.encoders[modality].state_dict().values(), *model.front.state_dict().values()):
        decides.update(tensor.cpu().numpy().tobytes())
    return decides.hexdigest()[:8]


def measure(
    tuned: dict[str, Tuned], parts: Parts, modality: str, name: str, windows: Sequence[int], place: Place
) -> dict[str, Numbers]:
    """Metrics by row, of the same windows of the test clips; keys as in the module docstring."""
    numbers: dict[str, Numbers] = {row: {f"{modality}/{name}/validation": one.score} for row, one in tuned.items()}
    describe: dict[str, Describe] = {row: scorer(one.run) for row, one in tuned.items()}
    views = tuned["trained"].run.model.views
    for count in sorted(windows):
        with frozen(tuned["trained"].run.model, place.device), frozen(tuned["random"].run.model, place.device):
            said = extract_all(describe, views, parts.test, count, place.device, 32, place.workers, place.quiet)
        for row, all_ in said.items():
            for key, one in each(all_):
                found = {f"averaged{count}": video_accuracy(one)}
                # The largest number of windows comes last.
                if count == max(windows):
                    found["clip"] = clip_accuracy(one)
                numbers[row] |= {f"{_named(key, name)}/{metric}": value for metric, value in found.items()}
    asked = [key for key in numbers["trained"] if not key.endswith("/validation")]
    numbers["chance"] = {key: _chance(parts, videos=not key.endswith("/clip")) for key in asked}
    return numbers


def _chance(parts: Parts, videos: bool) -> float:
    """The accuracy to be expected of guesses, for files or for clips."""
    shown, asked = (torch.from_numpy(part.catalog.labels) for part in (parts.train, parts.test))
    return guessing(shown, video_labels(parts.test.catalog)[1] if videos else asked)


def _named(key: str, name: str) -> str:
    """The key, such as "video" or "video/block2", with the name of the settings behind the modality."""
    modality, *block = key.split("/")
    return "/".join((modality, name, *block))


def average(made: dict[str, dict[str, Numbers]], prefix: str) -> dict[str, Numbers]:
    """Means over official splits, followed by the numbers of each where there are several."""
    first = next(iter(made.values()))
    rows: dict[str, Numbers] = {}
    for row, metrics in first.items():
        rows[row] = {}
        for metric in metrics:
            values = [numbers[row][metric] for numbers in made.values()]
            known = [value for value in values if value is not None]
            rows[row][metric] = sum(known) / len(known) if known else None
    if len(made) > 1:
        for name, numbers in made.items():
            for row, metrics in numbers.items():
                own = {metric.replace(prefix, f"{prefix}/{name}", 1): value for metric, value in metrics.items()}
                rows[row] |= own
    return rows


def _notes(name: str, parts: Parts, settings: Finetuning, modality: str, tuned: dict[str, Tuned]) -> list[str]:
    """What a reader of the numbers must know."""
    where = f"{name}: " if name else ""
    rates = ", ".join(f"{row} {one.rate:g}" for row, one in tuned.items())
    chosen = "last epoch" if settings.every is None else "rate and epoch chosen on validation"
    notes = [
        f"{where}{settings.name}, {modality}: {settings.warm_up} + {settings.epochs} epochs of {len(parts.train)} clips"
        f", rate {rates}, {chosen}"
    ]
    if parts.left_out:
        notes.append(f"{where}{parts.left_out} clips without a label were left out")
    if parts.split != "test":
        notes.append(f"{where}measured on {parts.split}: there is no test split with labels")
    learnt, classes = set(parts.train.catalog.labels.tolist()), parts.test.catalog.classes
    unknown = sorted(set(parts.test.catalog.labels.tolist()) - learnt)
    if unknown:
        such = f"{len(unknown)} classes of test clips have no training clip, such as {classes[unknown[0]]}"
        notes.append(f"{where}{such}: those clips count as wrong")
    return notes
