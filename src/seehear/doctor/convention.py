# SPDX-License-Identifier: Apache-2.0
"""Which order and normalisation ambisonic channels have: what the user says, the signal, the tags, or nobody.

What the user says holds. The signal comes next where physics decides (`evidence`), then the tags, then the habit that
FuMa order goes with FuMa weights and ACN with SN3D or N3D, which is named as such. What is left open stays None.
"""

from dataclasses import dataclass, field

from seehear.doctor import evidence
from seehear.doctor.evidence import Covariance, Energies, Normalisation, Order, Products
from seehear.doctor.sound import Heard

_CLEAR = 6.0  # dB by which the quietest of X, Y, Z is quieter than the next when it has to be Z
_NARROW = 0.5  # dB of spread over the bands within which channels other than the first may claim to be W
_LETTERS: dict[Order, str] = {"ACN": "WYZX", "FuMa": "WXYZ"}


@dataclass(frozen=True)
class Said:
    """What is known before listening: by the user, and whether the tags say AmbiX (ACN, SN3D)."""

    order: Order | None = None
    normalisation: Normalisation | None = None
    tagged: bool = False


@dataclass(frozen=True)
class Convention:
    """The verdict. Channel k in `order` is channel `places[k]` of the decoded sound times `signs[k]`."""

    order: Order | None
    normalisation: Normalisation | None
    places: tuple[int, ...]
    signs: tuple[int, ...]
    words: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def ambix(self) -> bool:
        """Whether the samples are AmbiX as they are."""
        kept = self.places == tuple(range(len(self.places))) and min(self.signs) > 0
        return kept and (self.order, self.normalisation) == ("ACN", "SN3D")


@dataclass
class _Case:
    """The channels while they are judged."""

    heard: Heard
    said: Said
    places: list[int]
    words: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def covariance(self) -> Covariance:
        return self.heard.covariance[:, :, self.places][:, :, :, self.places]

    @property
    def silenced(self) -> list[int]:
        """Which channels are dead."""
        return [channel for channel, place in enumerate(self.places) if place in self.heard.dead]

    @property
    def dead(self) -> list[int]:
        """Which of channels 1 to 3 are dead."""
        return [channel for channel in self.silenced if 1 <= channel <= 3]


def convention(heard: Heard, channels: int, said: Said, undone: tuple[int, ...] = ()) -> Convention:
    """Judge the first `channels` of a sound. `undone` undoes an order of loudspeakers that its decoder may have made
    out of the order in the file.
    """
    case, signs = _Case(heard, said, list(range(channels))), [1] * channels
    if heard.silent:
        order: Order | None = said.order or ("ACN" if said.tagged else None)
        normalisation: Normalisation | None = said.normalisation or ("SN3D" if said.tagged else None)
    else:
        if undone and _better(case, undone):
            case.places = list(undone)
            case.problems.append(
                "the decoder has put the channels into the order of loudspeakers; they make sense in the order "
                + ", ".join(map(str, undone))
            )
        missing = len(case.dead) == 1 and evidence.turning(case.covariance)
        measured = evidence.energies(case.covariance, dead=case.silenced, missing=missing)
        case.words.append(measured.words)
        found = evidence.products(case.covariance) if channels >= 9 else None
        case.words += [found.words] if found else []
        by_signal = found.order if found else _by_height(case, measured)
        order, normalisation = _settled(case, by_signal, measured)
        if found and order:
            signs = _put_right(case, order, found)
    return Convention(order, normalisation, tuple(case.places), tuple(signs), tuple(case.words), tuple(case.problems))


def _better(case: _Case, undone: tuple[int, ...]) -> bool:
    """Whether the channels make sense in the other order and not in their own."""
    there = case.heard.covariance[:, :, undone][:, :, :, undone]
    if len(undone) >= 9:
        return evidence.products(case.covariance).order is None and evidence.products(there).order is not None
    other = evidence.energies(there)
    return not evidence.energies(case.covariance).candidates and bool(other.candidates) and other.spread <= _NARROW


def _by_height(case: _Case, measured: Energies) -> Order | None:
    """The order in which a dead channel is Z; first order has nothing better."""
    if not measured.candidates:
        for channel in range(1, 4):
            other = evidence.energies(case.covariance, channel)
            if min(other.misfits.values()) <= _NARROW and other.spread <= _NARROW:
                case.problems.append(f"channel {channel} behaves as W, which has to be channel 0: channels exchanged")
    if len(case.dead) == 1 and evidence.turning(case.covariance):
        orders: dict[int, Order] = {2: "ACN", 3: "FuMa"}
        order = orders.get(case.dead[0])
        if order:
            case.words.append(f"channel {case.dead[0]} is dead, as Z is in {order} order when height was not recorded")
        return order
    quietest, by = evidence.vertical(case.covariance)
    case.words.append(f"of channels 1 to 3 number {quietest} is the quietest, by {by:.1f} dB")
    return None


def _settled(case: _Case, by_signal: Order | None, measured: Energies) -> tuple[Order | None, Normalisation | None]:
    """Weigh the user, the signal, the tags and habit, in this order."""
    said, left = case.said, measured.candidates
    only = left[0] if len(left) == 1 else None
    if said.tagged and not (said.order or said.normalisation):
        return _against_tags(case, by_signal, only)
    order, normalisation = said.order or by_signal, said.normalisation or only
    if order is None and normalisation is not None:
        order = _usual_order(case, normalisation)
    if order is not None and normalisation is None:
        normalisation = _usual_normalisation(case, order, left)
    if order is None:
        case.problems.append("the order of the channels cannot be told from the signal: --order acn or --order fuma")
    if normalisation is None:
        why = " or ".join(left) if left else "the energies fit none"
        hint = f" ({order} order mostly has {'FuMa' if order == 'FuMa' else 'SN3D'})" if order else ""
        case.problems.append(
            f"the normalisation cannot be told from the signal, {why}{hint}: --normalisation sn3d, n3d or fuma"
        )
    return order, normalisation


def _usual_order(case: _Case, normalisation: Normalisation) -> Order:
    """The order that goes with a normalisation; a problem when the quietest channel speaks against it."""
    order: Order = "FuMa" if normalisation == "FuMa" else "ACN"
    case.words.append(f"{order} order is what goes with {normalisation}; the signal cannot tell it")
    quietest, by = evidence.vertical(case.covariance)
    if order == "ACN" and quietest == 3 and by >= _CLEAR and len(case.dead) < 2:
        case.problems.append(
            f"channel 3, in ACN order X, is the quietest by {by:.1f} dB, as Z mostly is: --order fuma if it is Z"
        )
    return order


def _usual_normalisation(case: _Case, order: Order, left: list[Normalisation]) -> Normalisation | None:
    """The one that goes with an order, among those the energies leave; if they leave none, only for a user's order."""
    usual: list[Normalisation] = ["FuMa"] if order == "FuMa" else ["SN3D", "N3D"]
    fitting = [name for name in usual if name in left]
    if not left and case.said.order:
        fitting = usual[:1]
    if len(fitting) != 1:
        return None
    case.words.append(f"{fitting[0]} is what goes with {order} order; the signal does not decide it")
    return fitting[0]


def _against_tags(case: _Case, by_signal: Order | None, only: Normalisation | None) -> tuple[Order, Normalisation]:
    """Tags say AmbiX; only physics overrules them, and that is a dead channel not."""
    rigorous = by_signal if len(case.places) >= 9 else None
    order: Order = rigorous or ("FuMa" if only == "FuMa" else "ACN")
    if (order, only or "SN3D") != ("ACN", "SN3D"):
        case.problems.append(f"the tags say ACN and SN3D, the signal says {order} and {only or 'SN3D'}")
    elif by_signal == "FuMa":
        case.problems.append("the tags say ACN, but channel 3, then X, is dead: --order fuma if it is Z")
    if only is None:
        case.words.append("SN3D is what the tags say; the signal does not decide it")
    return order, only or "SN3D"


def _put_right(case: _Case, order: Order, found: Products) -> list[int]:
    """Put exchanged channels of order 1 back into their places; returns the signs that undo inversions."""
    signs = [1] * len(case.places)
    # A dead channel cannot show what it is, and spoils what the others show.
    if found.wrong and not case.dead:
        letters, before = _LETTERS[order], list(case.places)
        for letter, axis, sign in zip("XYZ", *found.exchanged, strict=True):
            place, there = letters.index(letter), letters.index("XYZ"[axis])
            case.places[place], signs[place] = before[there], sign
            if place != there or sign < 0:
                inverted = " and inverted" if sign < 0 else ""
                case.problems.append(f"{letter} is in the place of {'XYZ'[axis]}{inverted}")
    if found.best < 0 and (found.wrong or found.order):
        signs[0] = -1
        case.problems.append("W is inverted, so that every direction is heard from the opposite side")
    return signs
