# SPDX-License-Identifier: Apache-2.0
"""Is a sound ambisonic, of which order and convention, and what is wrong with it: samples, streams and tags."""

from dataclasses import dataclass

import numpy as np

from seehear.doctor import streams
from seehear.doctor.convention import Convention, Said, convention
from seehear.doctor.evidence import energies, turning
from seehear.doctor.sound import Heard
from seehear.doctor.streams import Track
from seehear.media.probe import Probe
from seehear.media.tags import Ambisonic

_ORDERS = {4: 1, 9: 2, 16: 3}
_LETTERS = {"ACN": "WYZX", "FuMa": "WXYZ"}
_CLIPPED = 3  # places; fewer may be chance
_QUIET = -60.0  # dB
_SURE = 0.5  # dB of spread over the bands that shows six channels to be first order and a pair


@dataclass(frozen=True)
class Field:
    """The verdict on a sound: `ambisonic` is what AmbiX tags would say, None for other sound and for none;
    `convention` what its samples are. `rewrite` says that the sound has to be written anew to put it right.
    """

    ambisonic: Ambisonic | None = None
    convention: Convention | None = None
    level: float | None = None
    dead: tuple[int, ...] = ()
    problems: tuple[str, ...] = ()
    fixes: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    rewrite: bool = False


def judge(heard: Heard, seen: Probe, tracks: list[Track], channels: list[int], said: Said) -> Field:
    """Judge a sound whose channels come from files with these tracks and numbers of `channels`."""
    ambisonic, words, problems = components(heard, seen, said)
    problems += condition(heard)
    if ambisonic is None:
        level = 10 * np.log10(np.mean(10 ** (np.array(heard.levels) / 10)))
        return Field(None, None, _level(float(level)), heard.dead, tuple(problems), (), tuple(words))
    count = (ambisonic.order + 1) ** 2
    known = Said(said.order, said.normalisation, seen.ambisonic is not None and not seen.contradiction)
    undone = streams.undone(tracks, channels)
    found = convention(heard, count, known, undone if len(undone) == count else ())
    of_streams = streams.problems(seen, tracks[0], ambisonic)
    if len(tracks) > 1:
        of_streams.append(f"its channels are spread over {len(tracks)} files")
    problems += [*found.problems, *of_streams, *_not_ambix(found), *_missing(heard, found)]
    rewrite = not found.ambix or streams.permuted(seen) or tracks[0].layout == "quad" or len(tracks) > 1
    fixes = _fixes(found, rewrite, ambisonic) if rewrite or of_streams else []
    words += [*found.words, *streams.remarks(seen, tracks[0])]
    return Field(
        ambisonic,
        found,
        _level(heard.levels[found.places[0]]),
        heard.dead,
        tuple(problems),
        tuple(fixes),
        tuple(words),
        rewrite,
    )


def components(heard: Heard, seen: Probe, said: Said) -> tuple[Ambisonic | None, list[str], list[str]]:
    """What ambisonic sound this is, if any, with words and problems."""
    count = heard.channels
    if seen.ambisonic is not None and not seen.contradiction:
        return Ambisonic.ambix(seen.ambisonic.order, seen.ambisonic.head_locked), [], []
    if count in _ORDERS:
        order = _ORDERS[count]
        return Ambisonic.ambix(order), [f"{count} channels ({seen.layout}) are as many as order {order} has"], []
    if count == 6 and (said.order or said.normalisation):
        return Ambisonic.ambix(1, head_locked=True), ["6 channels: first order and a head-locked pair, as told"], []
    if count == 6 and not heard.silent:
        measured = energies(heard.covariance[:, :, :4, :4])
        if len(measured.candidates) == 1 and measured.spread <= _SURE:
            word = f"6 channels, of which the first four have the energies of first order: {measured.words}"
            return Ambisonic.ambix(1, head_locked=True), [word], []
    if count <= 2 or streams.for_loudspeakers(seen.layout):
        half = ", or half of a third order: give both files" if count == 8 else " loudspeakers"
        return None, [f"{seen.layout}{half}"] if count > 2 else [], []
    hint = {
        6: "5.1 or first order with a head-locked pair: --order acn or --order fuma if it is that",
        8: "7.1, or half of a third order: give both files",
    }.get(count, "ambisonic sound has 4, 9 or 16, or 6 with a head-locked pair")
    return None, [], [f"{count} channels of unknown layout ({hint})"]


def condition(heard: Heard) -> list[str]:
    """Silence, clipping, copies: what is wrong whatever the channels are."""
    if heard.silent:
        loudest = max(heard.levels)
        return [f"silent: no channel is over {loudest:.0f} dB" if loudest > -190 else "silent: every sample is zero"]
    found = []
    if heard.clipped >= _CLIPPED:
        found.append(f"clipped in {heard.clipped} places of {heard.seconds:.0f} s listened to")
    alive = heard.channels - len(heard.dead)
    same = len({channel for pair in heard.copies for channel in pair})
    if heard.channels > 2 and alive > 1 and same == alive:
        found.append("all channels are the same: a mono sound copied")
    elif heard.channels > 2 and heard.copies and turning(heard.covariance):
        pairs = ", ".join(f"{first} and {second}" for first, second in heard.copies)
        found.append(f"channels {pairs} are the same")
    return found


def _level(level: float) -> float | None:
    return None if level < -190 else level


def _not_ambix(found: Convention) -> list[str]:
    wrong = []
    if found.order == "FuMa":
        wrong.append("the channels are in FuMa order (W, X, Y, Z), players take ACN (W, Y, Z, X)")
    if found.normalisation in ("FuMa", "N3D"):
        wrong.append(f"the weights are those of {found.normalisation}, players take SN3D")
    return wrong


def _missing(heard: Heard, found: Convention) -> list[str]:
    """Dead channels that a sound field cannot be without."""
    dead = [channel for channel in range(4) if found.places[channel] in heard.dead and not heard.silent]
    if 0 in dead:
        return ["W is dead: there is no sound without direction"]
    letter = _LETTERS[found.order][dead[0]] if found.order and len(dead) == 1 else ""
    axis = {"X": "front and back", "Y": "left and right"}.get(letter)
    return [f"{letter} is dead: {axis} cannot be told apart"] if axis and turning(heard.covariance) else []


def _fixes(found: Convention, rewrite: bool, ambisonic: Ambisonic) -> list[str]:
    """What has to be done; nothing while the convention is not known."""
    if found.order is None or found.normalisation is None:
        return []
    done = [f"tag the sound as AmbiX of order {ambisonic.order}" + " with a head-locked pair" * ambisonic.head_locked]
    if not found.ambix:
        done.insert(0, f"convert the sound from {found.order} order and {found.normalisation} to ACN and SN3D")
    elif rewrite:
        done.insert(0, "write the sound anew, its channels in their order")
    return done
