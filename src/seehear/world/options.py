# SPDX-License-Identifier: Apache-2.0
"""From what a user asks for to the plan of a world, flat or surround; contradictions are refused in one line."""

from dataclasses import fields
from math import radians
from typing import Any, TypeVar

from seehear.errors import InputError
from seehear.world.plan import AnyPlan, Plan
from seehear.world.scene import Dials, Shot
from seehear.world.surround_plan import SurroundPlan
from seehear.world.surround_shot import SurroundDials, SurroundShot

P = TypeVar("P", Plan, SurroundPlan)
_MOST_PIXELS = 2**30  # of all frames of a scene: 3 GB of pictures, and as much again for each kind of truth
_FLAT = {field.name for one in (Dials, Shot) for field in fields(one)}


def plan_of(scenes: int, seed: int, seconds: float, view: str, size: int | None, **options: Any) -> AnyPlan[Any]:
    """The plan of a world of `view` "flat", "panorama" or "perspective"; what is None or as usual is not asked for.

    Options are the fields of dials and shots, but for `sources` (fewest, most), `look` (azimuth, elevation) and `fov`
    in degrees. Raises InputError for an option that the view does not have, and for values that cannot be.
    """
    usual = {"tail": True}
    asked = {
        name: value for name, value in options.items() if value is not None and value is not usual.get(name, False)
    }
    if view == "flat":
        _refuse(asked, set(asked) - _FLAT, view, "--view panorama or --view perspective")
        height = Shot().height if size is None else size
        dials, shot = _divided(asked, Dials), _divided(asked, Shot)
        return _bounded(Plan.of(scenes, seed, seconds, Shot(height, height, **shot), Dials(**dials)))
    _refuse(asked, set(asked) & {"companions", "off_screen"}, view, "--view flat")
    if view == "panorama":
        _refuse(asked, set(asked) & {"fov", "look"}, view, "--view perspective")
    if "sources" in asked:
        asked["least"], asked["most"] = asked.pop("sources")
    height = SurroundShot().height if size is None else size
    if view == "perspective":
        asked["fov"] = radians(asked.get("fov", 90.0))
        asked["azimuth"], asked["elevation"] = (radians(angle) for angle in asked.pop("look", (0.0, 0.0)))
    dials, shot = _divided(asked, SurroundDials), _divided(asked, SurroundShot)
    width = height if view == "perspective" else 2 * height
    return _bounded(SurroundPlan.of(scenes, seed, seconds, SurroundShot(height, width, **shot), SurroundDials(**dials)))


def _bounded(plan: P) -> P:
    """The plan, if its scenes have a frame and fit into memory."""
    frames, shot = round(plan.duration * plan.shot.fps), plan.shot
    if not 1 <= frames <= _MOST_PIXELS / (shot.height * shot.width):
        raise InputError(
            f"expected scenes of at least one frame and at most {_MOST_PIXELS:,} pixels, got {frames} frames of "
            f"{shot.width}x{shot.height}: change --seconds, --fps or --size"
        )
    return plan


def _divided(asked: dict[str, Any], kind: type[Any]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in asked.items() if name in names}


def _refuse(asked: dict[str, Any], wrong: set[str], view: str, instead: str) -> None:
    for name in sorted(wrong):
        option, value = name.replace("_", "-"), asked[name]
        told = f"--no-{option}" if value is False else f"--{option} {value}"
        raise InputError(f"expected an option of --view {view}, got {told}; it needs {instead}")
