# SPDX-License-Identifier: Apache-2.0
"""Features of every clip as a table: a Parquet file, and the table "features" beside the clips of a library.

Columns: item, source, start (s), label (a class or null); video_pooled, audio_pooled, what the encoders hand on; and
video_embedding, audio_embedding, unit vectors in the space both share. Each is the mean over the windows of a clip.
The library's own tables are not touched: a reader, or a pack that appends, goes on undisturbed.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch.nn import functional

from seehear import atomic
from seehear.checkpoint import Model
from seehear.data.catalog import Catalog
from seehear.data.library import Library
from seehear.errors import InputError
from seehear.evals.features import EMBEDDING, describer, frozen, stream


def embed(
    model: Model,
    library: Library,
    out: Path,
    count: int = 4,
    device: str = "cpu",
    batch: int = 64,
    workers: int = 0,
    quiet: bool = False,
) -> dict[str, Any]:
    """Write the features of `count` windows a clip to `out` and into the library; features of an earlier run go.

    Both writes are all or nothing. Returns the numbers worth printing. Raises InputError when there is no room.
    """
    import lance
    import pyarrow.parquet as parquet

    with atomic.replacing(out) as temporary:
        batches = _tables(model, library, count, device, batch, workers, quiet)
        first = next(batches)
        about = {key: str(model.run.get(key, "unknown")) for key in ("name", "seed", "commit")}
        schema = first.schema.with_metadata({**about, "data_hash": library.catalog.hash, "windows": str(count)})
        with parquet.ParquetWriter(temporary, schema) as writer:
            for rows in (first, *batches):
                writer.write_table(rows.cast(schema))
    stored, place = parquet.ParquetFile(out), f"{library.uri}/features.lance"
    try:
        mode = "overwrite" if _is_there(place) else "create"
        lance.write_dataset(stored.iter_batches(), place, schema=schema, mode=mode)
    except OSError as error:
        raise InputError(f"{library.uri}: expected room and leave to write features, got: {error}") from error
    columns = [name for name in schema.names if name.endswith(("_pooled", "_embedding"))]
    return {"clips": stored.metadata.num_rows, "features": ", ".join(columns), "file": str(out), "library": library.uri}


def _is_there(place: str) -> bool:
    import lance

    try:
        lance.dataset(place)
    except ValueError:
        return False
    return True


def _tables(
    model: Model, library: Library, count: int, device: str, batch: int, workers: int, quiet: bool
) -> Iterator[Any]:
    """One Arrow table a batch of clips."""
    import pyarrow as pa

    done = 0
    with frozen(model, device):
        describe = {"model": describer(model, limit=1)}
        for said in stream(describe, model.views, library, count, device, batch, workers, quiet):
            columns = {}
            for name, value in said["model"].items():
                modality, kind = name.split("/")
                if kind in ("pool", EMBEDDING):
                    mean = value.mean(1)
                    unit = functional.normalize(mean, dim=1) if kind == EMBEDDING else mean
                    flat = pa.array(unit.flatten().numpy())
                    column = f"{modality}_{'pooled' if kind == 'pool' else kind}"
                    columns[column] = pa.FixedSizeListArray.from_arrays(flat, unit.shape[1])
                    rows = range(done, done + len(unit))
            yield pa.table(_names(library.catalog, rows) | columns)
            done = rows.stop


def _names(catalog: Catalog, rows: range) -> dict[str, Any]:
    """Who the clips of these rows are."""
    import pyarrow as pa

    labels = [int(catalog.labels[row]) for row in rows]
    starts = catalog.truth.get("start", (0.0,) * len(catalog))
    return {
        "item": pa.array(catalog.items[rows.start : rows.stop]),
        "source": pa.array([catalog.sources[row] for row in rows], pa.string()),
        "start": pa.array([starts[row] for row in rows], pa.float64()),
        "label": pa.array([catalog.classes[label] if label >= 0 else None for label in labels], pa.string()),
    }
