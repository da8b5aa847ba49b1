# SPDX-License-Identifier: Apache-2.0
"""Features of a library as a Parquet file and as a table of its own beside the clips."""

import lance
import numpy as np
import pyarrow.parquet as parquet
import pytest
import torch

from seehear.checkpoint import Model
from seehear.data.library import Library
from seehear.data.pack import pack
from seehear.evals.embed import embed
from seehear.evals.features import extract
from seehear.media.encode import encode
from seehear.nets.audio import Conv2D
from seehear.nets.video import R2Plus1D
from seehear.signal.spectrogram import LogSpectrogram
from seehear.views import AudioVisual


def videos(folder, names, seed=0):
    rng = np.random.default_rng(seed)
    folder.mkdir(exist_ok=True)
    for name in names:
        frames = rng.integers(0, 255, (16, 48, 64, 3), dtype=np.uint8)
        encode(folder / name, frames, 8.0, rng.normal(0, 0.1, (1, 16_000)).astype(np.float32), 8000)


@pytest.fixture
def model():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        front = LogSpectrogram(rate=8000, window=256, hop=128, frames=16, average=4)
        views = AudioVisual(count=4, fps=8.0, size=32, front=front)
        return Model({"video": R2Plus1D(9, 4), "audio": Conv2D(width=4)}, views)


def test_embed_writes_the_features_and_leaves_the_library_alone(model, tmp_path):
    videos(tmp_path / "in", ("a.mp4", "b.mp4", "c.mp4"))
    (tmp_path / "labels.csv").write_text("file,label\na.mp4,bell\n")
    where = tmp_path / "library"
    pack(tmp_path / "in", where, size=48, fps=8.0, rate=8000, labels=tmp_path / "labels.csv", workers=1, quiet=True)
    library, model.run = Library(where), {"name": "unit", "seed": 1}
    before = library.read([1], "item", "source", "sound")
    version = lance.dataset(str(where / "clips.lance")).version
    numbers = embed(model, library, tmp_path / "features.parquet", count=2, batch=4, quiet=True)
    assert numbers["clips"] == len(library) == 3
    table = parquet.read_table(tmp_path / "features.parquet")
    assert table["item"].to_pylist() == library.catalog.items.tolist()
    assert table["source"].to_pylist() == ["a.mp4", "b.mp4", "c.mp4"]
    assert table["label"].to_pylist() == ["bell", None, None]
    assert table["start"].to_pylist() == [0, 0, 0]
    assert table.schema.metadata[b"name"] == b"unit"
    found = extract(model, library, count=2, quiet=True)
    pooled = np.asarray(table["audio_pooled"].to_pylist())
    np.testing.assert_allclose(pooled, found.features["audio/pool"].mean(1), rtol=1e-4, atol=1e-5)
    vectors = np.asarray(table["video_embedding"].to_pylist())
    assert vectors.shape == (3, 128)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    # The shelf that was open reads on; its own table has not changed.
    assert library.read([1], "item", "source", "sound") == before
    assert lance.dataset(str(where / "clips.lance")).version == version
    assert lance.dataset(str(where / "features.lance")).to_table().equals(table.replace_schema_metadata(None)) or (
        lance.dataset(str(where / "features.lance")).to_table().to_pydict() == table.to_pydict()
    )
    # A second run replaces the features, and clips can still be added.
    videos(tmp_path / "in", ("d.mp4",), seed=1)
    pack(tmp_path / "in", where, size=48, fps=8.0, rate=8000, workers=1, quiet=True)
    embed(model, Library(where), tmp_path / "again.parquet", count=1, quiet=True)
    assert lance.dataset(str(where / "features.lance")).count_rows() == 4
