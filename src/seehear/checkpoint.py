# SPDX-License-Identifier: Apache-2.0
"""A trained pair of encoders on disk: RUN/run.json (what it is) and RUN/last.safetensors, best.safetensors (numbers).

A checkpoint is one safetensors file, so it is replaced in one step; the progress of the run travels in its header.
Nothing is ever unpickled.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor, nn

from seehear import atomic
from seehear.clip import Features
from seehear.errors import InputError
from seehear.nets.audio import Conv2D
from seehear.nets.heads import projection
from seehear.nets.video import R2Plus1D
from seehear.views import AudioVisual

ENCODERS: dict[str, type[R2Plus1D] | type[Conv2D]] = {"R2Plus1D": R2Plus1D, "Conv2D": Conv2D}
"""Encoder classes by the name that run.json gives them."""
BANK, WIDEST = r"tasks\.\d+\.(\w+\.)*bank\.items", 4096
"""Where a checkpoint has the item ids of a memory bank, and the longest rows of one that are read."""


class Model(nn.Module):
    """Two encoders ("video", "audio"), their projection heads, and the views they were trained on."""

    def __init__(self, encoders: dict[str, R2Plus1D | Conv2D], views: AudioVisual, heads: bool = True) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict(encoders)
        self.heads = nn.ModuleDict({n: projection(e.dimension) for n, e in encoders.items()} if heads else {})
        self.views, self.front = views, views.front
        self.dimensions: dict[str, int] = {name: encoder.dimension for name, encoder in encoders.items()}
        self.run: dict[str, Any] = {}

    @property
    def arguments(self) -> dict[str, Any]:
        """What rebuilds this model, as plain JSON values."""
        encoders = {n: {"kind": type(e).__name__, **e.arguments} for n, e in self.encoders.items()}  # type: ignore[dict-item]
        return {"encoders": encoders, "views": self.views.arguments, "heads": len(self.heads) > 0}

    @classmethod
    def rebuild(cls, arguments: dict[str, Any], seed: int = 0) -> "Model":
        """The inverse of `arguments`, with fresh weights drawn from `seed`."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            encoders = {}
            for name, plain in arguments["encoders"].items():
                kind = ENCODERS[plain["kind"]]
                encoders[name] = kind(**{key: value for key, value in plain.items() if key != "kind"})
            return cls(encoders, AudioVisual.rebuild(arguments["views"]), arguments["heads"])

    def random(self, seed: int = 0) -> "Model":
        """The same architecture, views and front-end statistics with random weights: the row every table shows."""
        other = Model.rebuild(self.arguments, seed)
        other.front.load_state_dict(self.front.state_dict())
        other.run = self.run
        return other.to(self.device)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    def video(self, frames: Float32[Tensor, "B 3 T H W"]) -> Features:
        """Features of finished video views."""
        return self.encoders["video"](frames)

    def audio(self, spectrogram: Float32[Tensor, "B C T F"]) -> Features:
        """Features of finished audio views."""
        return self.encoders["audio"](spectrogram)

    def embed(self, name: str, features: Features) -> Float[Tensor, "B D"]:
        """Unit vectors in the space that video and audio share."""
        return nn.functional.normalize(self.heads[name](features.pooled).float(), dim=1)


def commit() -> str:
    """The commit of the source tree this package runs from, or "unknown"."""
    here = Path(__file__).parent
    command = ["git", "-C", str(here), "rev-parse", "--short=12", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=5).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def versions() -> dict[str, str]:
    """Versions of what decides the numbers."""
    return {name: version(name) for name in ("seehear", "torch", "numpy")}


def save(path: Path, tensors: dict[str, Tensor], progress: dict[str, Any]) -> None:
    """Write tensors and the progress of the run as one safetensors file, in one step."""
    from safetensors.torch import save_file

    plain = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    with atomic.replacing(path) as temporary:
        save_file(plain, temporary, {"progress": json.dumps(progress)})


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and progress of a checkpoint; raises InputError when it is missing, cut short or not one."""
    with _opened(path) as file:
        progress = json.loads((file.metadata() or {})["progress"])
        return {name: file.get_tensor(name) for name in file.keys()}, progress  # noqa: SIM118


def memory(run: Path | str, which: str = "last") -> tuple[Int64[Tensor, "N"], dict[str, Float32[Tensor, "N D"]]] | None:
    """Item ids of the memory bank of a run and their rows by modality; None for a run that has no bank.

    Of several banks, that of the last stage that brought one of its own. Only the bank is read. Raises InputError when
    there is no checkpoint, and when ids and rows do not fit each other.
    """
    path = Path(run) / f"{which}.safetensors"
    with _opened(path) as file:
        names = [name for name in file.keys() if re.fullmatch(BANK, name)]  # noqa: SIM118
        if not names:
            return None
        bank = max(names, key=lambda name: int(name.split(".")[1])).removesuffix("items")
        shapes = {name: tuple(file.get_slice(bank + name).get_shape()) for name in ("items", "video", "audio")}
        count, dimension = shapes["video"] if len(shapes["video"]) == 2 else (0, 0)
        fits = shapes == {"items": (count,), "video": (count, dimension), "audio": (count, dimension)}
        if not fits or not 0 < dimension <= WIDEST:
            raise InputError(f"expected a bank of one row of at most {WIDEST} numbers an item in {path}, got {shapes}")
        items, *rows = (file.get_tensor(bank + name) for name in shapes)
    if items.dtype != torch.int64 or not all(one.is_floating_point() for one in rows) or (items.diff() <= 0).any():
        raise InputError(f"expected ascending item ids and rows of numbers in the bank of {path}, got something else")
    return items, dict(zip(("video", "audio"), (one.float() for one in rows), strict=True))


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A checkpoint, open; whatever is wrong with it becomes one line."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        others = sorted(file.stem for file in path.parent.glob("*.safetensors"))
        there = f"found {' and '.join(others)}: choose that" if others else "found none: train first"
        raise InputError(f"expected a checkpoint at {path}, {there}, or name another run")
    try:
        with safe_open(path, "pt") as file:
            yield file
    except (SafetensorError, KeyError, json.JSONDecodeError, OSError) as error:
        raise InputError(
            f"expected a complete seehear checkpoint, {path} is cut short or damaged ({error}): train again"
        ) from error


def describe(run: Path) -> dict[str, Any]:
    """The contents of RUN/run.json; raises InputError when there is none."""
    try:
        return dict(json.loads((run / "run.json").read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise InputError(f"expected a run folder with run.json, got {run}: seehear train writes one") from None
    except (json.JSONDecodeError, UnicodeDecodeError, TypeError, ValueError, OSError) as error:
        raise InputError(f"expected JSON in {run / 'run.json'}, found something else: {error}") from error


def arguments(about: dict[str, Any]) -> dict[str, Any]:
    """What the recipe of a run was called with, out of its run.json; empty where that is not known."""
    recipe = about.get("recipe")
    chosen = recipe.get("arguments") if isinstance(recipe, dict) else None
    return chosen if isinstance(chosen, dict) else {}


def load(run: Path | str, which: str = "last") -> Model:
    """The model of a run folder, ready for evaluation; `which` is "last" or "best"."""
    folder = Path(run)
    description = describe(folder)
    try:
        model = Model.rebuild(description["model"])
    except (LookupError, TypeError, ValueError, ArithmeticError, RuntimeError, MemoryError) as error:
        expected = f"expected run.json of seehear {version('seehear')} in {folder}, no model can be built from it"
        why = (str(error).splitlines() or [repr(error)])[0][:80]
        raise InputError(f"{expected} ({why}): train again") from error
    tensors, _ = read(folder / f"{which}.safetensors")
    mine = {name: tensors[f"model.{name}"] for name in model.state_dict() if f"model.{name}" in tensors}
    there = model.state_dict()
    if missing := sorted(there.keys() - mine.keys()):
        raise InputError(f"expected weights of {len(missing)} more tensors in {folder}, such as {missing[0]}")
    if other := [name for name in mine if mine[name].shape != there[name].shape]:
        shapes = [tuple(one[other[0]].shape) for one in (there, mine)]
        raise InputError(
            f"expected weights of the encoders in {folder}/run.json, got {len(other)} tensors of other shapes, such as "
            f"{other[0]} {shapes[1]} for {shapes[0]}: run.json is of another run, or was changed"
        )
    if broken := [name for name in mine if not name.startswith("front.") and not bool(mine[name].isfinite().all())]:
        raise InputError(f"expected finite weights in {folder}, {broken[0]} is not: training diverged, train again")
    model.load_state_dict(mine)
    model.run = description
    return model.eval()
