# SPDX-License-Identifier: Apache-2.0
"""From what a user asks for to the plan of a world, flat or surround; contradictions are refused in one line."""

from dataclasses import fields
from math import radians
from typing import Any

from seehear.errors import InputError
from seehear.world.plan import AnyPlan, Plan
from seehear.world.scene import Dials, Shot
from seehear.world.surround_plan import SurroundPlan
from seehear.world.surround_shot import SurroundDials, SurroundShot

_FLAT = {field.name for one in (Dials, Shot) for field in fields(one)}


def plan_of(scenes: int, seed: int, seconds: float, view: str, size: int | None, **options: Any) -> AnyPlan[Any]:
    """The plan of a world of `view` "flat", "panorama" or "perspective"; options of None or False are not asked for.

    Options are the fields of dials and shots, but for `sources` (fewest, most), `look` (azimuth, elevation) and `fov`
    in degrees. Raises InputError for an option that the view does not have, and for values that cannot be.
    """
    asked = {name: value for name, value in options.items() if value is not None and value is not False}
    if asked.get("tail") is True:
        del asked["tail"]
    if options.get("tail") is False:
        asked["tail"] = False
    if view == "flat":
        _refuse(asked, set(asked) - _FLAT, view, "--view panorama or --view perspective")
        height = size or Shot().height
        dials, shot = _divided(asked, Dials), _divided(asked, Shot)
        return Plan.of(scenes, seed, seconds, Shot(height, height, **shot), Dials(**dials))
    _refuse(asked, set(asked) & {"companions", "off_screen"}, view, "--view flat")
    if view == "panorama":
        _refuse(asked, set(asked) & {"fov", "look"}, view, "--view perspective")
    if "sources" in asked:
        asked["least"], asked["most"] = asked.pop("sources")
    height = size or SurroundShot().height
    if view == "perspective":
        asked["fov"] = radians(asked.get("fov", 90.0))
        asked["azimuth"], asked["elevation"] = (radians(angle) for angle in asked.pop("look", (0.0, 0.0)))
    dials, shot = _divided(asked, SurroundDials), _divided(asked, SurroundShot)
    width = height if view == "perspective" else 2 * height
    return SurroundPlan.of(scenes, seed, seconds, SurroundShot(height, width, **shot), SurroundDials(**dials))


def _divided(asked: dict[str, Any], kind: type[Any]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in asked.items() if name in names}


def _refuse(asked: dict[str, Any], wrong: set[str], view: str, instead: str) -> None:
    for name in sorted(wrong):
        option, value = name.replace("_", "-"), asked[name]
        raise InputError(f"expected no --{option} with --view {view}, got {value}; it needs {instead}")
