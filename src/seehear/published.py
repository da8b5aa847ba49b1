# SPDX-License-Identifier: Apache-2.0
"""Published weights as a run folder of ours: AVID and AVID-CMA at the size of thesis tables 2.14 and 2.15.

The file is a checkpoint of torch, or safetensors. Its tensors are called PART.LAYER, with `module.` before all of them
or none; the parts are video_model, audio_model, video_proj and audio_proj, and a checkpoint holds them under `model`
beside what only training needs. The nets are ours under other names, number for number, so nothing is converted:
a file either has every tensor in its shape and type, or is refused.

The spectrogram's mean and spread of each bin are not among the weights: the published code ships them in a file apart
(.npz, arrays mean and std), and divides by std + 1e-5. The published evaluation shows the middle 224 of 256 pixels,
our views the largest square.
"""

import re
import zipfile
from collections.abc import Mapping
from hashlib import file_digest
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from seehear import atomic, checkpoint
from seehear.checkpoint import Model
from seehear.errors import InputError
from seehear.nets.audio import Conv2D
from seehear.nets.video import R2Plus1D
from seehear.signal.spectrogram import LogSpectrogram
from seehear.views import AudioVisual

LARGEST = 4 * 2**30
"""Bytes of a checkpoint; with the memories of 1.8 million videos and an optimiser it has half of that."""

PARTS = {"encoders.video": "video_model", "encoders.audio": "audio_model"}
PARTS |= {"heads.video": "video_proj.projection", "heads.audio": "audio_proj.projection"}
RESIDUAL = {"spatial1": "spt_conv1", "norm1": "spt_bn1", "temporal1": "tmp_conv1", "norm2": "tmp_bn1"}
RESIDUAL |= {"spatial2": "spt_conv2", "norm3": "spt_bn2", "temporal2": "tmp_conv2", "norm4": "out_bn"}
RESIDUAL |= {"shortcut": "res_conv"}
PLAIN = {"0": "conv1", "1": "bn1", "3": "conv2", "4": "bn2"}


class ArchitectureError(InputError):
    """A state dict of another architecture: `keys` has all that differ, by how they do; the message names a few."""

    def __init__(self, file: Path, keys: dict[str, list[str]]) -> None:
        self.keys = {kind: names for kind, names in keys.items() if names}
        told = "; ".join(f"{len(names)} {kind} ({_some(names)})" for kind, names in self.keys.items())
        super().__init__(f"expected AVID's R(2+1)D-18, Conv2D and heads, {file} differs: {told}")


def import_weights(
    file: Path, out: Path, source: Literal["avid-cma"] = "avid-cma", statistics: Path | None = None
) -> dict[str, Any]:
    """Write the run folder `out` from the published weights in `file`, and say what was found.

    `statistics` is the .npz of the published spectrogram, 257 bins. Without it the encoders take views as they are,
    but the front end, which would have to guess, refuses to make any out of sound. Raises ArchitectureError
    when the file holds another architecture, and InputError when it holds more than tensors or is damaged, and when
    `out` holds a run.
    """
    for name in ("run.json", "last.safetensors"):
        if (out / name).exists():
            raise InputError(f"expected a folder without a run, {out} holds one: choose another folder")
    state, beside = _read(file)
    model = _model()
    ours = {name: tensor for name, tensor in model.state_dict().items() if name.startswith(tuple(PARTS))}
    _compare(file, {published_name(name): tensor for name, tensor in ours.items()}, state)
    for name, tensor in ours.items():
        tensor.copy_(state.get(published_name(name), tensor))
    _statistics(model.front, statistics)
    with file.open("rb") as opened:
        digest = file_digest(opened, "sha256").hexdigest()
    found = {
        **{"source": source, "file": file.name, "sha256": digest},
        "tensors": len(state),
        "parameters": {part: sum(p.numel() for p in model.get_submodule(part).parameters()) for part in PARTS},
        "statistics": statistics.name if statistics else None,
        "left out": beside,
    }
    checkpoint.save(out / "last.safetensors", {f"model.{n}": t for n, t in model.state_dict().items()}, {})
    origin = {"name": source, "recipe": {"name": "import", "arguments": found}, "model": model.arguments}
    made = {"commit": checkpoint.commit(), "versions": checkpoint.versions()}
    atomic.write_json(out / "run.json", {**origin, **made})
    return found


def published_name(name: str) -> str:
    """The published name of a tensor of our model."""
    part, modality, *layer = name.split(".")
    if layer[0].startswith("block"):
        number = int(layer[0].removeprefix("block"))
        if modality == "video":
            layer[:3] = [f"conv{number}x", layer[1], RESIDUAL[layer[2]]]
        else:
            layer[:2] = [f"block{number - 1}", PLAIN[layer[1]]]
    return ".".join([PARTS[f"{part}.{modality}"], *layer])


def _model() -> Model:
    """The published architecture, its views and its front end; the draws of its weights are nobody's business."""
    views = AudioVisual(count=8, fps=16.0, size=224, stretch=(1.0, 1.0), front=LogSpectrogram.published())
    with torch.random.fork_rng(devices=[]):
        return Model({"video": R2Plus1D.pooled(18), "audio": Conv2D.pooled()}, views)


def _read(file: Path) -> tuple[dict[str, Tensor], list[str]]:
    """The tensors of the model by their published names, and what else the file holds."""
    _bounded(file, LARGEST)
    loaded = _safetensors(file) if file.suffix == ".safetensors" else _torch(file)
    beside: list[str] = []
    if isinstance(loaded, Mapping) and isinstance(loaded.get("model"), Mapping):
        beside = sorted(str(name)[:80] for name in loaded if name != "model")
        loaded = loaded["model"]
    if not isinstance(loaded, Mapping) or not loaded:
        raise InputError(f"expected a state dict, or a checkpoint with one under 'model', {file} holds neither")
    for name, value in loaded.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise InputError(f"expected tensors by name, {file} has {type(value).__name__} at {str(name)[:80]!r}")
    wrapped = all(name.startswith("module.") for name in loaded)
    return {name.removeprefix("module.") if wrapped else name: value for name, value in loaded.items()}, beside


def _bounded(file: Path, limit: int) -> None:
    """Raise InputError unless the file is there and neither it nor, if packed, its contents exceed `limit` bytes."""
    if not file.is_file():
        raise InputError(f"expected a file of published weights, found none at {file}")
    size = file.stat().st_size
    if zipfile.is_zipfile(file):
        try:
            with zipfile.ZipFile(file) as packed:
                size = max(size, sum(entry.file_size for entry in packed.infolist()))
        except (zipfile.BadZipFile, OSError) as error:
            raise InputError(f"expected a complete file, {file} is cut short or damaged: {error}") from error
    if size > limit:
        raise InputError(f"expected at most {limit} bytes, {file} has {size}: save the state dict alone")


def _safetensors(file: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(file)
    except (SafetensorError, OSError) as error:
        raise InputError(f"expected a complete safetensors file, {file} is cut short or damaged: {error}") from error


def _torch(file: Path) -> Any:
    # Only newer files can be mapped; the published ones are older, and are read whole.
    mapped = zipfile.is_zipfile(file)
    try:
        return torch.load(file, map_location="cpu", weights_only=True, mmap=mapped)
    except Exception as error:  # Whatever a hostile file can make torch raise.
        wanted = re.search(r"GLOBAL ([\w.]{1,80})", str(error))
        if wanted:
            problem = f"asks to run {wanted[1]}, which could be anything: save the state dict alone"
        else:
            problem = f"is cut short, damaged, or none ({type(error).__name__})"
        raise InputError(f"expected a checkpoint of tensors and plain numbers, {file} {problem}") from error


def _compare(file: Path, expected: dict[str, Tensor], state: dict[str, Tensor]) -> None:
    """Raise ArchitectureError unless the state dict has every tensor we expect, as we expect it, and no other."""
    # The number of batches seen so far is used by nothing, and older files have none.
    missing = [name for name in expected if name not in state and not name.endswith("num_batches_tracked")]
    unexpected = [name for name in state if name not in expected]
    both = [name for name in expected if name in state and _kind(state[name]) != _kind(expected[name])]
    other = [f"{name} {_kind(state[name])} for {_kind(expected[name])}" for name in both]
    kinds = {"missing": missing, "unexpected": unexpected, "of another shape": other}
    if any(kinds.values()):
        raise ArchitectureError(file, kinds)
    broken = [name for name, tensor in state.items() if not tensor.isfinite().all()]
    if broken:
        raise InputError(f"expected finite numbers, {file} has others in {len(broken)} tensors ({_some(broken)})")


def _kind(tensor: Tensor) -> str:
    """Type and shape in words; plain tensors in memory only."""
    sort = "" if tensor.layout == torch.strided and tensor.device.type == "cpu" else f"{tensor.layout} "
    return f"{sort}{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"


def _some(names: list[str]) -> str:
    """The first three names, and how many more there are."""
    shown = ", ".join(name[:120].encode("unicode_escape").decode() for name in names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown


def _statistics(front: LogSpectrogram, file: Path | None) -> None:
    """Set the front end's mean and spread to the published ones, or to NaN when they are not given."""
    if file is None:
        front.mean.fill_(torch.nan)
        front.std.fill_(torch.nan)
        return
    _bounded(file, 2**20)
    try:
        with np.load(file, allow_pickle=False) as arrays:
            mean, std = (np.asarray(arrays[name], np.float32) for name in ("mean", "std"))
    except (OSError, ValueError, KeyError, EOFError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise InputError(f"expected an .npz with arrays mean and std, {file} is none: {str(error)[:80]!r}") from error
    if mean.shape != (front.bins,) or std.shape != mean.shape or not np.isfinite([mean, std]).all() or std.min() < 0:
        shapes = f"{list(mean.shape)} and {list(std.shape)}"
        raise InputError(f"expected finite mean and std of {front.bins} bins (dB), {file} has others, {shapes}")
    front.mean.copy_(torch.from_numpy(mean))
    front.std.copy_(torch.from_numpy(std) + 1e-5)
