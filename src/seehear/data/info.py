# SPDX-License-Identifier: Apache-2.0
"""`seehear info`: what a library holds."""

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from seehear.data.store import Store


def info(uri: str | Path) -> dict[str, Any]:
    """Hours, clips, sources, classes, splits, rates, sizes and refused files of a library, from its small columns."""
    store = Store(uri)
    settings = store.settings()
    clips = store.read(
        "clips", "source", "duration", "fps", "width", "height", "channels", "bytes", "spherical", "ambisonic"
    )
    files = store.read("files", "file", "reason", "detail", "start")
    columns = store.read("labels", "source", "label", "split", "licence")
    labels = {source: rest for source, *rest in zip(*columns.values(), strict=True)}
    found = [labels.get(source, ["", "", ""]) for source in clips["source"]]
    rows = list(zip(*files.values(), strict=True))
    # A file may have been looked at several times: what it is now comes last.
    last = {file: (reason, detail) for file, reason, detail, start in rows if start is None}
    whole = [{"file": file, "reason": reason, "detail": detail} for file, (reason, detail) in last.items() if reason]
    return {
        "library": store.uri,
        "profile": settings["profile"],
        "clips": len(found),
        "hours": sum(clips["duration"]) / 3600,
        "sources": len(set(clips["source"])),
        "classes": _counts(label for label, _, _ in found if label),
        "splits": _counts(split or "train" for _, split, _ in found),
        "licences": _counts(licence for _, _, licence in found if licence),
        "fps": _counts(f"{fps:g}" if fps else "none" for fps in clips["fps"]),
        "pictures": _counts(f"{w}x{h}" if w else "none" for w, h in zip(clips["width"], clips["height"], strict=True)),
        "channels": _counts(str(channels) for channels in clips["channels"]),
        "sample_rate": int(settings["rate"]),
        "spherical": sum(map(bool, clips["spherical"])),
        "ambisonic": sum(map(bool, clips["ambisonic"])),
        "bytes": sum(clips["bytes"]),
        "quarantined": whole,
        "quarantined_clips": _counts(reason for _, reason, _, start in rows if start is not None),
    }


def _counts(values: Any) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def info_table(found: dict[str, Any]) -> Any:
    """What `info` returns as a table for the terminal."""
    from rich.table import Table

    shown = Table(title=found["library"], show_header=False)
    shown.add_column("what", style="bold")
    shown.add_column("value", overflow="fold")
    megabytes = found["bytes"] / 1e6
    shown.add_row("clips", f"{found['clips']} of {found['sources']} sources, {found['hours']:.3f} h")
    shown.add_row("size", f"{megabytes:.1f} MB, {megabytes / max(found['clips'], 1):.3f} MB a clip, {found['profile']}")
    shown.add_row("sample rate", f"{found['sample_rate']} Hz")
    for name in ("classes", "splits", "licences", "fps", "pictures", "channels"):
        if found[name]:
            shown.add_row(name, ", ".join(f"{value} {count}" for value, count in found[name].items()))
    if found["spherical"] or found["ambisonic"]:
        shown.add_row("space", f"{found['spherical']} clips spherical, {found['ambisonic']} ambisonic")
    files = defaultdict(list)
    for row in found["quarantined"]:
        files[row["reason"]].append(row["file"] + (f" ({row['detail']})" if row["detail"] else ""))
    for reason, named in sorted(files.items()):
        shown.add_row(f"{reason}: {len(named)} files", "\n".join(named[:20]) + ("\n..." if len(named) > 20 else ""))
    for reason, count in found["quarantined_clips"].items():
        shown.add_row(f"{reason}: clips", str(count))
    return shown
