# SPDX-License-Identifier: Apache-2.0
"""Which scenes all around the listener are shown, and what there is to look and listen for in each."""

from dataclasses import dataclass
from itertools import count

from seehear.gallery.things import BLOCKS
from seehear.world.classes import CLASSES, look_alike
from seehear.world.draw import label_of
from seehear.world.surround_draw import draw_surround
from seehear.world.surround_scene import Surround
from seehear.world.surround_shot import SurroundDials


@dataclass(frozen=True)
class Example:
    """A kind of scene: its name, what there is to see and hear, the dials; `alike`: its class has a look-alike."""

    name: str
    explanation: str
    dials: SurroundDials
    alike: bool = False

    def scene(self, seed: int, seconds: float) -> Surround:
        """The first such scene of the world `seed` from a block of twenty on that is its own."""
        indices = count((BLOCKS + EXAMPLES.index(self)) * len(CLASSES))
        index = next(k for k in indices if not self.alike or look_alike(label_of(seed, k)) is not None)
        return draw_surround(seed, index, self.dials, seconds)


EXAMPLES = (
    Example(
        "Three things in the open, all of them moving",
        "They pass by or go around the listener, and the heat goes with them.",
        SurroundDials(least=3, most=3, indoors=0.0, moving=1.0),
    ),
    Example(
        "In the open, with a silent twin and a silent look-alike",
        "Several things could have made the sound, and most of them are at rest. The heat tells who it was.",
        SurroundDials(least=2, most=2, indoors=0.0, silent_twin=1.0, silent_look_alike=1.0),
        alike=True,
    ),
    Example(
        "Four things in a room",
        "Echoes come from all sides, so that the heat is wider than in the open. Things are models that fit the room.",
        SurroundDials(least=4, most=4, indoors=1.0),
    ),
    Example(
        "A room that rings, and things that are heard and not seen",
        "It rings twice as long as the room of its number. Heat with nothing under it is of something hidden.",
        SurroundDials(least=3, most=3, indoors=1.0, hidden=1.0, reverberation=2.0),
    ),
    Example(
        "A voice over two things in a room",
        "It comes from nowhere and replaced the sound of what is seen. Heat, scaled to each scene, is of noise alone.",
        SurroundDials(least=2, most=2, indoors=1.0, voice_over=1.0),
    ),
)
