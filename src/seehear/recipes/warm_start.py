# SPDX-License-Identifier: Apache-2.0
"""Going on from what another run has learnt: `seehear train RECIPE --start RUN`.

Of the recipe only the last stage is left, Cross-AVID after its warm-up, agreement after Cross-AVID (thesis 2.4.2), or
robust discrimination after xID (3.4). Encoders, heads, front end, memories and partition function Z are those of RUN.
Memories follow item ids, so that the library may have changed since: clips that are new get theirs in a pass of their
own before anything is learnt; and so do all clips, and Z anew, where the library is another.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from seehear import checkpoint
from seehear.errors import InputError
from seehear.evals.memories import same_library
from seehear.run import Run, Stage
from seehear.tasks.avid import AVID, Fill


def warm_start(run: Run, start: Path) -> tuple[Run, str]:
    """The run that goes on from the last checkpoint of the run folder `start`, and what is known of its memories.

    Raises InputError when `start` holds no run, or one with other encoders or views.
    """
    there, here = checkpoint.describe(start).get("model"), json.loads(json.dumps(run.model.arguments))
    if there != here:
        differ = sorted(key for key in here if not isinstance(there, dict) or there.get(key) != here[key])
        raise InputError(
            f"expected the encoders and views of {start}, got other {' and '.join(differ)}: use its --size"
        )
    run.model.load_state_dict(checkpoint.load(start).state_dict())
    last = run.stages[-1]
    stages, said = [last], "its encoders alone"
    task = next((module for module in last.task.modules() if isinstance(module, AVID)), None)
    if task is not None and task.targets == "bank":
        stages, said = _with_memories(task, last, run, start)
    recipe = {**run.recipe, "arguments": {**run.recipe.get("arguments", {}), "start": str(start)}}
    return replace(run, stages=stages, fit_front=False, recipe=recipe), f"start from {start}: {said}"


def _with_memories(task: AVID, last: Stage, run: Run, start: Path) -> tuple[list[Stage], str]:
    """Memories and Z as they were, and a pass for the clips that have none."""
    bank, saved = task.bank, checkpoint.memory(start)
    items, rows = saved if saved is not None else (bank.items[:0], {})
    catalog, chosen = run.clips.catalog, checkpoint.arguments(run.describe())
    shared = catalog.take(np.flatnonzero(np.isin(catalog.items, items.numpy())))
    # A clip with an injected fault is another in the same place: of its own sound no memory is wanted.
    place = chosen.get("data") if not chosen.get("faults") else None
    if saved and not same_library(start, shared, place if isinstance(place, str) else None):
        said = f"its memories are of other clips or sounds; all {len(bank)} get theirs first"
        return [Stage("fill", Fill(task), 1, None), last], said
    new, gone = bank.adopt(items, rows)
    named = checkpoint.read(start / "last.safetensors")[0]
    known = [float(tensor) for name, tensor in named.items() if name.endswith(".partition") and float(tensor) > 0]
    if known:
        task.partition.fill_(known[-1])
    said = f"{len(bank) - new} clips have memories, {new} are new, {gone} are gone"
    if not new:
        return [last], said
    unknown = bank.items[~torch.isin(bank.items, items)]
    return [Stage("fill", Fill(task, unknown), 1, None), last], said
