"""Published weights against a forward pass written from thesis tables 2.14 and 2.15 on the published names."""

import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from seehear import checkpoint
from seehear.errors import InputError
from seehear.published import ArchitectureError, import_weights
from seehear.signal.spectrogram import LogSpectrogram
from seehear.verbs.training import import_published

State = dict[str, Tensor]


def norm(state: State, name: str, channels: int, generator: torch.Generator) -> None:
    for key in ("weight", "running_var"):
        state[f"{name}.{key}"] = 0.5 + torch.rand(channels, generator=generator)
    for key in ("bias", "running_mean"):
        state[f"{name}.{key}"] = 0.3 * torch.randn(channels, generator=generator)
    state[f"{name}.num_batches_tracked"] = torch.tensor(7)


def published() -> State:
    """Random weights in the published layout."""
    generator, state = torch.Generator().manual_seed(0), {}

    def kernel(name: str, *shape: int) -> None:
        state[f"{name}.weight"] = torch.randn(shape, generator=generator) * (2 / np.prod(shape[1:])) ** 0.5

    kernel("video_model.conv1.0", 64, 3, 3, 7, 7)
    norm(state, "video_model.conv1.1", 64, generator)
    kernel("audio_model.conv1.0", 64, 1, 7, 7)
    norm(state, "audio_model.conv1.1", 64, generator)
    before = 64
    for stage, out in zip((2, 3, 4, 5), (64, 128, 256, 512), strict=True):
        for index in (0, 1):
            block, channels = f"video_model.conv{stage}x.{index}", before if index == 0 else out
            for number, entering in ((1, channels), (2, out)):
                kernel(f"{block}.spt_conv{number}", out, entering, 1, 3, 3)
                norm(state, f"{block}.spt_bn{number}", out, generator)
                kernel(f"{block}.tmp_conv{number}", out, out, 3, 1, 1)
            norm(state, f"{block}.tmp_bn1", out, generator)
            norm(state, f"{block}.out_bn", out, generator)
        if stage > 2:
            kernel(f"video_model.conv{stage}x.0.res_conv", out, before, 1, 1, 1)
        for number, entering in ((1, before), (2, out)):
            kernel(f"audio_model.block{stage - 1}.conv{number}", out, entering, 3, 3)
            norm(state, f"audio_model.block{stage - 1}.bn{number}", out, generator)
        before = out
    for part in ("video_proj", "audio_proj"):
        for layer, out in ((0, 512), (2, 512), (4, 128)):
            kernel(f"{part}.projection.{layer}", out, 512)
            state[f"{part}.projection.{layer}.bias"] = torch.randn(out, generator=generator)
    return state


def normed(state: State, name: str, x: Tensor) -> Tensor:
    mean, var, gain, shift = (state[f"{name}.{k}"] for k in ("running_mean", "running_var", "weight", "bias"))
    return F.batch_norm(x, mean, var, gain, shift, False)


def video_maps(state: State, x: Tensor) -> dict[str, Tensor]:
    """Thesis table 2.14: conv1 and its max-pool, four stages of two blocks, max-pool."""
    p = {name.removeprefix("video_model."): tensor for name, tensor in state.items()}
    x = F.relu(normed(p, "conv1.1", F.conv3d(x, p["conv1.0.weight"], None, (1, 2, 2), (1, 3, 3))))
    maps = {"conv1": (x := F.max_pool3d(x, (1, 3, 3), (1, 2, 2), (0, 1, 1)))}
    for stage, stride in ((2, 1), (3, 2), (4, 2), (5, 2)):
        for index, s in ((0, stride), (1, 1)):
            b = f"conv{stage}x.{index}"
            y = F.conv3d(x, p[f"{b}.spt_conv1.weight"], None, (1, s, s), (0, 1, 1))
            y = F.conv3d(F.relu(normed(p, f"{b}.spt_bn1", y)), p[f"{b}.tmp_conv1.weight"], None, (s, 1, 1), (1, 0, 0))
            y = F.conv3d(F.relu(normed(p, f"{b}.tmp_bn1", y)), p[f"{b}.spt_conv2.weight"], None, 1, (0, 1, 1))
            y = F.conv3d(F.relu(normed(p, f"{b}.spt_bn2", y)), p[f"{b}.tmp_conv2.weight"], None, 1, (1, 0, 0))
            if f"{b}.res_conv.weight" in p:
                x = F.conv3d(x, p[f"{b}.res_conv.weight"], None, s)
            x = F.relu(normed(p, f"{b}.out_bn", y + x))
        maps[f"block{stage}"] = x
    return {**maps, "pool": x.flatten(2).max(2).values}


def audio_maps(state: State, x: Tensor) -> dict[str, Tensor]:
    """Thesis table 2.15: conv1, four blocks of two convolutions, max-pool."""
    p = {name.removeprefix("audio_model."): tensor for name, tensor in state.items()}
    maps = {"conv1": (x := F.relu(normed(p, "conv1.1", F.conv2d(x, p["conv1.0.weight"], None, 2, 3))))}
    for block, stride in ((1, 2), (2, 2), (3, 2), (4, 1)):
        for number, s in ((1, stride), (2, 1)):
            y = F.conv2d(x, p[f"block{block}.conv{number}.weight"], None, s, 1)
            x = F.relu(normed(p, f"block{block}.bn{number}", y))
        maps[f"block{block + 1}"] = x
    return {**maps, "pool": x.flatten(2).max(2).values}


def projected(state: State, part: str, x: Tensor) -> Tensor:
    for layer in (0, 2, 4):
        name = f"{part}.projection.{layer}"
        x = F.linear(F.relu(x) if layer else x, state[f"{name}.weight"], state[f"{name}.bias"])
    return x


@pytest.fixture(scope="module")
def weights() -> State:
    return published()


@pytest.fixture(scope="module")
def files(weights, tmp_path_factory) -> Path:
    """A checkpoint as published (DataParallel, an old file, memories beside the model) and the statistics."""
    folder = tmp_path_factory.mktemp("published")
    state = {f"module.{name}": tensor for name, tensor in weights.items()}
    banks = {"nce_average.view1_mem": torch.randn(5, 128)}
    whole = {"epoch": 200, "model": state, "train_criterion": banks}
    torch.save(whole, folder / "checkpoint.pth.tar", _use_new_zipfile_serialization=False)
    np.savez(folder / "statistics.npz", mean=np.linspace(-0.1, -53.9, 257), std=np.linspace(17.4, 21.4, 257))
    return folder


@pytest.fixture(scope="module")
def imported(files) -> tuple[Path, dict]:
    out = files / "run"
    return out, import_weights(files / "checkpoint.pth.tar", out, "avid-cma", files / "statistics.npz")


def test_every_feature_map_is_that_of_the_published_net(weights, imported):
    model = checkpoint.load(imported[0])
    frames = torch.randn(2, 3, 8, 56, 64, generator=torch.Generator().manual_seed(1))
    spectrogram = torch.randn(2, 1, 100, 129, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        cases = {"video": (model.video(frames), video_maps(weights, frames))}
        cases["audio"] = (model.audio(spectrogram), audio_maps(weights, spectrogram))
        for name, (ours, theirs) in cases.items():
            assert list(ours.blocks) == list(theirs)
            for block, expected in theirs.items():
                assert expected.std() > 0.1
                torch.testing.assert_close(ours.blocks[block], expected, atol=1e-5, rtol=1e-5)
            there = F.normalize(projected(weights, f"{name}_proj", theirs["pool"]), dim=1)
            torch.testing.assert_close(model.embed(name, ours), there, atol=1e-5, rtol=1e-5)


def test_what_was_found_is_said_and_kept(imported):
    out, found = imported
    counts = {"encoders.video": 15_379_136, "encoders.audio": 4_725_696}
    assert found["parameters"] == {**counts, "heads.video": 590_976, "heads.audio": 590_976}
    assert found["left out"] == ["epoch", "train_criterion"]
    about = json.loads((out / "run.json").read_text())
    assert about["recipe"]["arguments"] == found
    assert about["model"]["views"]["size"] == 224
    with pytest.raises(InputError, match="without a run"):
        import_weights(out / "absent.pth", out)


def test_the_front_end_is_the_published_one(imported):
    # In float64: 2 s mirrored at its ends, Hann windows of 1024 every 240, pairs of bins, 100 dB, normalised.
    front = checkpoint.load(imported[0]).front
    generator = np.random.default_rng(0)
    sound = np.sin(2 * np.pi * 3000 * np.arange(48_000) / 24_000) + generator.normal(0, 1e-5, 48_000)
    sound[:24_000] *= 0.5
    mirrored = np.pad(sound.astype(np.float32).astype(float), 512, mode="reflect")
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1024) / 1024)
    levels = np.empty((200, 257))
    for step in range(200):
        power = np.abs(np.fft.rfft(mirrored[240 * step : 240 * step + 1024] * hann)) ** 2
        levels[step] = 10 * np.log10(np.maximum([power[0], *(power[1::2] + power[2::2]) / 2], 1e-10))
    assert levels.max() - levels.min() > 105
    levels = np.maximum(levels, levels.max() - 100)
    expected = (levels - np.linspace(-0.1, -53.9, 257)) / (np.linspace(17.4, 21.4, 257) + 1e-5)
    ours = front(torch.from_numpy(sound).float()[None, None])[0, 0].double().numpy()
    np.testing.assert_allclose(ours, expected, atol=0.02)
    torch.testing.assert_close(front.std, torch.linspace(17.40001, 21.40001, 257), atol=4e-6, rtol=0)
    assert LogSpectrogram(**front.arguments).arguments == front.arguments


def test_without_statistics_sound_is_refused_and_views_are_not(weights, files, tmp_path):
    # The state dict alone, as safetensors, from a torch that did not count batches.
    save_file({n: t for n, t in weights.items() if "tracked" not in n}, tmp_path / "weights.safetensors")
    found = import_weights(tmp_path / "weights.safetensors", tmp_path / "run")
    assert found["statistics"] is None
    model = checkpoint.load(tmp_path / "run")
    assert model.audio(torch.zeros(1, 1, 40, 40)).pooled.isfinite().all()
    with pytest.raises(InputError, match="has none: seehear import --statistics"):
        model.front(torch.zeros(1, 1, 48_000))


def fail(path: Path, value: object, words: str, **options) -> None:
    torch.save(value, path, **options)
    with pytest.raises(InputError, match=words) as caught:
        import_weights(path, path.parent / "run")
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 900
    assert not (path.parent / "run").exists()


@pytest.fixture(scope="module")
def hollow(weights) -> State:
    """Weights of the right shapes that take no space: one zero, seen many times."""
    return {name: torch.zeros((), dtype=tensor.dtype).expand(tensor.shape) for name, tensor in weights.items()}


def test_another_architecture_is_told_key_by_key(hollow, tmp_path):
    nine = {n: t for n, t in hollow.items() if "x.1." not in n}
    # Four blocks of four convolutions and four norms; how many batches a norm has seen is not missed.
    fail(
        tmp_path / "nine.pth",
        nine,
        r"differs: 80 missing \(video_model\.conv2x\.1\.spt_conv1\.weight, .* and 77 more\)$",
    )
    with pytest.raises(ArchitectureError):
        import_published(tmp_path / "nine.pth", tmp_path / "run", report_json=tmp_path / "keys.json")
    keys = json.loads((tmp_path / "keys.json").read_text())
    assert set(keys["missing"]) == {n for n in set(hollow) - set(nine) if not n.endswith("num_batches_tracked")}
    assert set(keys) == {"missing"}
    shortcut = {**hollow, "video_model.conv3x.0.res_conv.bias": torch.zeros(128)}
    fail(tmp_path / "bias.pth", shortcut, r"differs: 1 unexpected \(video_model\.conv3x\.0\.res_conv\.bias\)$")


@pytest.mark.filterwarnings("ignore:Validating sparse")
@pytest.mark.parametrize(
    ("tensor", "words"),
    [
        (torch.zeros(65), r"float32 \[65\]"),
        (torch.zeros(1).expand(10**12), r"float32 \[1000000000000\]"),
        (torch.zeros(64).half(), r"float16 \[64\]"),
        (torch.zeros(64).to_sparse(), r"sparse_coo float32 \[64\]"),
    ],
)
def test_a_tensor_of_another_kind_is_told(tensor, words, hollow, tmp_path):
    words = rf"differs: 1 of another shape \(audio_model\.conv1\.1\.bias .*{words} for float32 \[64\]\)$"
    fail(tmp_path / "other.pth", {**hollow, "audio_model.conv1.1.bias": tensor}, words)


def test_numbers_that_are_none_are_refused(hollow, tmp_path):
    broken = {**hollow, "audio_model.conv1.1.bias": torch.full((64,), torch.nan)}
    fail(tmp_path / "nan.pth", broken, r"finite numbers.*1 tensors \(audio_model\.conv1\.1\.bias\)")


class Runs:
    def __reduce__(self):
        return print, ("a checkpoint ran code",)


@pytest.mark.parametrize("new", [True, False])
def test_a_file_that_runs_code_is_refused_unrun(new, tmp_path, capsys):
    options = {"_use_new_zipfile_serialization": new}
    fail(tmp_path / "runs.pth", {"model": {"x": Runs()}}, "asks to run print, which", **options)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("value", [[1, 2], {}, {"model": 3}, {"model": {"x": 1}}, {3: torch.zeros(1)}])
def test_what_is_no_state_dict_is_refused(value, tmp_path):
    fail(tmp_path / "odd.pth", value, "holds neither|expected tensors by name")


def test_damaged_files_are_one_line(files, tmp_path):
    whole = (files / "checkpoint.pth.tar").read_bytes()
    bytes_of = {"cut.pth.tar": whole[: len(whole) // 2], "start.pth": whole[:50], "empty.pth": b""}
    bytes_of |= {"text.pth": b"hello", "pickle.pth": pickle.dumps({"a": 1}), "zip.pth": b"PK\x05\x06" + bytes(18)}
    for name, content in {**bytes_of, "bad.safetensors": b"\xff" * 100}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match="expected") as caught:
            import_weights(tmp_path / name, tmp_path / "run")
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="found none at"):
        import_weights(tmp_path / "absent.pth", tmp_path / "run")


def test_statistics_are_257_numbers_of_each_kind(hollow, tmp_path):
    torch.save(hollow, tmp_path / "weights.pth")
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("mean.npy", bytes(2**21))
    np.savez(tmp_path / "names.npz", average=np.zeros(257))
    np.savez(tmp_path / "bins.npz", mean=np.zeros(129), std=np.ones(129))
    np.savez(tmp_path / "objects.npz", mean=np.array([None] * 257), std=np.ones(257))
    words = {"bomb": "at most 1048576 bytes", "names": "arrays mean and std", "bins": r"257 bins .* \[129\]"}
    for name, said in {**words, "objects": "arrays mean and std", "absent": "found none"}.items():
        with pytest.raises(InputError, match=said):
            import_weights(tmp_path / "weights.pth", tmp_path / "run", "avid-cma", tmp_path / f"{name}.npz")
    assert not (tmp_path / "run").exists()
