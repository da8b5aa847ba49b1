# SPDX-License-Identifier: Apache-2.0
"""Write docs/bench.md out of docs/results/bench/*.json. Nobody edits the page: run a bench, then this."""

import json
from pathlib import Path
from typing import Any

from measure import RESULTS

NUMBERS = ("averaged", "spread", "clip")
PAGE = Path(__file__).parents[1] / "docs" / "bench.md"


def table(head: list[str], rows: list[list[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *[[str(cell) for cell in row] for row in rows]]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def percent(value: float | None) -> str:
    """A share for people."""
    return "-" if value is None else f"{100 * value:.1f} %"


def quickstart(numbers: dict[str, Any]) -> str:
    """Three seeds of `seehear quickstart`."""
    head = ["seed", "seconds", "own sound first", "chance", "own class first"]
    head += ["video probe", "random video", "sound probe", "random sound"]
    names = ("cross_modal_r1", "chance_r1", "class_r1", "probe_video", "probe_video_random", "probe_sound")
    rows = [
        [one["seed"], f"{one['seconds']:.0f}", *[percent(one[name]) for name in (*names, "probe_sound_random")]]
        for one in numbers["runs"]
    ]
    return table(head, rows)


def calibration(numbers: dict[str, Any]) -> str:
    """The table by which the difficulty of the world was fixed."""
    names = ("supervised", "random", "random_best", "statistics", "chance")
    rows = [
        [seed, modality, *[percent(one[modality][name]) for name in names]]
        for seed, one in [*numbers["seeds"].items(), ("mean", numbers["mean"])]
        for modality in ("video", "audio")
    ]
    head = ["seed", "modality", "supervised", "random encoder", "its best block", "plain statistics", "chance"]
    return f"World {numbers['world']}, {numbers['updates']} updates.\n\n" + table(head, rows)


def calibrate_surround(numbers: dict[str, Any]) -> str:
    """Where the sounding thing is, by what is seen and heard."""
    seeds = [*numbers["seeds"].items(), ("mean", numbers["mean"])]
    rows = [[seed, *[percent(value) for value in one.values()]] for seed, one in seeds]
    return f"World {numbers['world']}, {numbers['updates']} updates, chance {percent(numbers['chance'])}.\n\n" + table(
        ["seed", *numbers["mean"]], rows
    )


def loader(numbers: dict[str, Any]) -> str:
    """Clips a second of one core."""
    rows = [
        [
            name,
            f"{one['clips_per_s']:.1f} ± {one['standard_error']:.1f}",
            f"{one['times_source']:.1f}",
            f"{one['megabytes_a_clip']:.2f}",
            "-" if one["grey_levels"] is None else f"{one['grey_levels']:.2f}",
            "-" if one["sound_db"] is None else f"{one['sound_db']:.0f}",
        ]
        for name, one in numbers["loaders"].items()
    ]
    head = ["loader", "clips/s", "times the source", "MB a 10 s clip", "error (grey levels)", "sound SNR (dB)"]
    return f"{numbers['setting']}; {numbers['repeats']} interleaved repeats.\n\n" + table(head, rows)


def step(numbers: dict[str, Any]) -> str:
    """A training step beyond its encoders."""
    cells = [f"{numbers[name][0]:.2f} ± {numbers[name][1]:.2f}" for name in ("encoders_seconds", "step_seconds")]
    extra = f"{percent(numbers['extra'])} ± {percent(numbers['extra_error'])}"
    return table(["encoders alone (s)", "whole step (s)", "beyond the encoders"], [[*cells, extra]])


def bank(numbers: dict[str, Any]) -> str:
    """The memory bank at two million rows."""
    seconds = f"{numbers['seconds']:.3f} ± {numbers['seconds_error']:.3f}"
    floor = f"{numbers['floor_seconds']:.3f}"
    head = ["a step (s)", "writing as many bytes (s)", "peak memory above import, beyond the two banks"]
    return table(head, [[seconds, floor, percent(numbers["peak_above_import"])]])


def world(numbers: dict[str, Any]) -> str:
    """Times real time of the procedural world."""
    kinds = {name: one for name, one in numbers.items() if isinstance(one, dict) and "real_time" in one}
    parts = ("draw", "picture", "sound", "encoding")
    head = ["a scene", *(f"{part} (ms)" for part in parts), "times real time", "goal", "times real time by the clock"]
    rows = [
        [
            name,
            *(f"{one[f'{part}_ms']:.0f}" for part in parts),
            f"{one['real_time']:.1f} ± {one['real_time_error']:.1f}",
            str(numbers["goals"].get(name, "-")),
            f"{one['wall_real_time']:.1f}",
        ]
        for name, one in kinds.items()
    ]
    imports = (
        f"{numbers['import_files_seconds']:.1f} s flat, {numbers['import_surround_render_seconds']:.1f} s surround"
    )
    return table(head, rows) + f"\n\nImport: {imports}."


def spatial(numbers: dict[str, Any]) -> str:
    """Spatial sound, in times real time."""
    head = ["what", "times real time", "reference, times real time", "largest relative error", "making filters (s)"]
    rows = [
        [
            f"{title}: {name}" + (f", {one['taps']} taps" if "taps" in one else ""),
            f"{one['real_time']:.0f} ± {one['real_time_error']:.0f}",
            f"{one['reference_real_time']:.1f}",
            f"{one['error']:.0e}",
            f"{one['making_seconds']:.2f}" if "making_seconds" in one else "-",
        ]
        for kind, title in (("maps", "energy map"), ("binaural", "binaural"))
        for name, one in numbers[kind].items()
    ]
    turned = numbers["rotation"]
    last = f"1,000 rotation matrices: {turned['milliseconds']:.0f} ms, largest error {turned['error']:.0e}."
    return f"{table(head, rows)}\n\n{last} {numbers['repeats']} repeats; goal: {numbers['goal']}."


def panorama(numbers: dict[str, Any]) -> str:
    """Crops of panoramas, beside bare remapping."""
    head = ["panorama", "arm", "ms", "times bare"]
    rows = [
        [size, name, f"{one['ms']:.2f} ± {one['error']:.2f}", f"{one['times_bare']:.2f}"]
        for size, arms in numbers["sizes"].items()
        for name, one in arms.items()
    ]
    return f"{table(head, rows)}\n\n{numbers['repeats']} interleaved repeats; goal: {numbers['goal']}."


def doctor(numbers: dict[str, Any]) -> str:
    """The doctor: seconds a file, and how often it is right."""
    head = ["10 s of", "wall (s)", "slowest (s)", "processor (s)"]
    rows: list[list[object]] = [
        [
            name,
            f"{one['wall']:.2f} ± {one['wall_error']:.2f}",
            f"{one['wall_most']:.2f}",
            f"{one['processor']:.2f} ± {one['processor_error']:.2f}",
        ]
        for name, one in numbers["seconds"].items()
    ]
    told: list[list[object]] = [
        [name, *[percent(one[share]) for share in ("right", "open", "wrong")]] for name, one in numbers["right"].items()
    ]
    last = f"`view`: {numbers['view_real_time']:.2f} times real time. {numbers['repeats']} repeats, {numbers['seeds']} "
    last += f"recordings a convention; goal: {numbers['goal']}."
    return "\n\n".join([table(head, rows), table(["conventions", "right", "open", "wrong"], told), last])


def mining(numbers: dict[str, Any]) -> str:
    """The search for positives beside its matrix products."""
    cells = [f"{numbers[name][0]:.1f} ± {numbers[name][1]:.1f}" for name in ("products_seconds", "mining_seconds")]
    times = f"{numbers['times_products']:.2f} ± {numbers['times_products_error']:.2f}"
    head = ["items", "products (s)", "search (s)", "times the products", "memory above the banks (MiB)"]
    rows: list[list[object]] = [[f"{numbers['items']:,}", *cells, times, f"{numbers['peak_above_banks_mib']:.0f}"]]
    return f"{table(head, rows)}\n\n{numbers['threads']} threads; goal: {numbers['goal']}."


def task_step(numbers: dict[str, Any]) -> str:
    """Steps of other tasks beside Cross-AVID."""
    rows: list[list[object]] = [
        [
            name,
            f"{one['seconds'][0]:.2f} ± {one['seconds'][1]:.2f}",
            f"{percent(one['extra'][0])} ± {percent(one['extra'][1])}",
        ]
        for name, one in numbers["tasks"].items()
    ]
    last = f"{numbers['repeats']} interleaved repeats, {numbers['threads']} threads; goal: {numbers['goal']}."
    return f"{table(['task', 'step (s)', 'beyond Cross-AVID'], rows)}\n\n{last}"


def esc(numbers: dict[str, Any]) -> str:
    """Accuracy of support vector machines on real sounds, by encoder."""
    parts = []
    for name, one in numbers["sets"].items():
        rows = [
            [row, *[percent(found[f"audio/{kind}/{number}"]) for kind in ("unpooled", "pooled") for number in NUMBERS]]
            for row, found in one["rows"].items()
        ]
        head = ["features", "unpooled", "spread over folds", "one window", "pooled", "spread over folds", "one window"]
        about = f"{name}: {one['clips']} clips of {one['recordings']} recordings, {one['classes']} classes"
        parts.append(f"{about}, {one['folds']}, {numbers['windows']} windows.\n\n" + table(head, rows))
    return "\n\n".join(parts)


SECTIONS = {
    "quickstart": ("Quickstart", quickstart),
    "calibration": ("Calibration of the world", calibration),
    "calibrate_surround": ("Calibration of the surround world", calibrate_surround),
    "loader": ("Loader", loader),
    "step": ("Training step", step),
    "task_step": ("Steps of other tasks", task_step),
    "esc": ("Real sounds", esc),
    "bank": ("Memory bank", bank),
    "mining": ("Positives", mining),
    "world": ("World", world),
    "spatial": ("Spatial sound", spatial),
    "panorama": ("Panoramas", panorama),
    "doctor": ("Doctor", doctor),
}


def main() -> None:
    """Write the page."""
    parts = ["# Measured", "Generated by `python bench/page.py`; each section by the bench of its name."]
    for name, (title, describe) in SECTIONS.items():
        path = RESULTS / f"{name}.json"
        if path.exists():
            numbers = json.loads(path.read_text())
            script = (Path(__file__).parent / f"{'calibrate' if name == 'calibration' else name}.py").read_text()
            about = script.split('"""')[1].strip()
            parts += [f"## {title}", about, describe(numbers)]
            if "machine" in numbers:
                parts.append(f"Machine: {numbers['machine']['processor']}, {numbers['machine']['cores']} cores.")
    PAGE.write_text("\n\n".join(parts) + "\n")


if __name__ == "__main__":
    main()
