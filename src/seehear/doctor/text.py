# SPDX-License-Identifier: Apache-2.0
"""A diagnosis in plain words."""

from seehear.doctor.examine import Diagnosis

_SHAPES = {True: "360°", False: "flat", None: "not known whether 360°"}


def describe(diagnosis: Diagnosis) -> str:
    """What the file is, why, what is wrong, and what `--fix` would do."""
    lines = [" + ".join(map(str, diagnosis.files))]
    lines += [f"  picture: {_picture(diagnosis)}", f"  sound: {_sound(diagnosis)}"]
    lines += _listed("evidence", (*diagnosis.picture.words, *diagnosis.sound.words))
    lines += _listed("problems", diagnosis.problems) or ["  problems: none"]
    lines += _listed("--fix OUT would", diagnosis.fixes)
    return "\n".join(lines)


def _picture(diagnosis: Diagnosis) -> str:
    seen, found = diagnosis.seen, diagnosis.picture
    if not seen.width:
        return "none"
    stereo = f", {found.stereo}" if found.spherical or found.stereo != "mono" else ""
    length = "" if seen.still else f", {seen.fps:.4g} frames/s"
    return f"{_SHAPES[found.spherical]}{stereo}, {seen.width}x{seen.height}{length}"


def _sound(diagnosis: Diagnosis) -> str:
    seen, found = diagnosis.seen, diagnosis.sound
    if not seen.channels:
        return "none"
    level = "silent" if found.level is None else f"{found.level:.1f} dB"
    if found.ambisonic is None or found.convention is None:
        plural = "s" if seen.channels > 1 else ""
        return f"{seen.channels} channel{plural} ({seen.layout}), {seen.sample_rate} Hz, {level}"
    pair = " with a head-locked pair" if found.ambisonic.head_locked else ""
    order, normalisation = (name or "unknown" for name in (found.convention.order, found.convention.normalisation))
    dead = f", dead channels {', '.join(map(str, found.dead))}" if found.dead else ""
    return (
        f"ambisonic, order {found.ambisonic.order}{pair}, channel order {order}, normalisation {normalisation}, "
        f"{seen.sample_rate} Hz, W at {level}{dead}"
    )


def _listed(title: str, items: tuple[str, ...]) -> list[str]:
    return [f"  {title}:", *[f"    - {item}" for item in items]] if items else []
