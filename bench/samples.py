"""What is sent: 500 bytes of English, another text every time, from a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import cycle
from typing import Any

from detente.core.body import SALT_BYTES, pack, quality_for
from detente.core.events import Draft, Submit
from detente.core.leaf import Kind, Precedence
from detente.core.line import Line
from detente.dossiers.dispatch import Dispatch

TEXT_BYTES = 500
TEXTS = 1000
DTG_S = 1_770_282_000  # 5 February 2026: any date-time group has the same length

_SENTENCES = (
    "Our patrol boat lost its steering at dawn and is drifting east with the tide.",
    "It carries eleven sailors, one of them injured, and no aircraft is to fly over it.",
    "We ask you to keep your cutters south of the lighthouse until a tug has arrived.",
    "The exercise announced last week ends tomorrow evening, two hours earlier than planned.",
    "Nothing that was fired today was aimed at your side of the river or at the bridge.",
    "A shepherd crossed the fence near the old customs house while looking for his animals.",
    "He is unharmed, has been given a meal, and can be handed over whenever you wish.",
    "Please confirm that the convoy of seven white lorries belongs to the relief agency.",
    "Our observers counted nine, and two of them turned back before they reached the pass.",
    "The power station reports a fault in its second turbine; smoke is steam and not a fire.",
    "Fishermen from both harbours have met on the shoal again and are quarrelling over nets.",
    "We propose that each of us calls his own boats home and that the matter rests till Monday.",
    "Heavy rain has washed mines out of the marked field beside the road to the quarry.",
    "Engineers will work there from noon with red flags, and may have to blow up three of them.",
    "If you hear explosions between twelve and four, they are ours and mean nothing else.",
    "The pilot of the light aircraft believed he was forty miles further to the north.",
    "Radar shows the same track as yours, so we regard the incident as closed unless you object.",
    "Your note about the listening post was read by the minister, who asks for the exact place.",
    "A crane will stand near the boundary stone for six days and will turn only by daylight.",
    "Drinking water for the village comes from your bank, and the pumps have been silent since.",
    "Could your officer on duty find out whether this is a repair or somebody's decision?",
    "We have told our own newspapers nothing, and will give you notice before we do.",
)


def texts(seed: int) -> Iterator[str]:
    """Texts of exactly TEXT_BYTES ASCII characters: TEXTS of them, over and over.

    All are made before the first is given, so that making them falls on no stop-watch.
    """
    draw = random.Random(seed)
    made = []
    for _ in range(TEXTS):
        joined = " ".join(draw.sample(_SENTENCES, len(_SENTENCES)))
        made.append(joined[:TEXT_BYTES].strip().ljust(TEXT_BYTES, "."))
    return cycle(made)


def request(text: str, precedence: str) -> dict[str, Any]:
    """What ``detente say`` asks of the node."""
    return {"do": "say", "text": text, "precedence": precedence}


def words(seed: int, count: int) -> str:
    """A text of so many words."""
    joined = " ".join(random.Random(seed).sample(_SENTENCES, len(_SENTENCES)))
    return " ".join(joined.split()[:count]).rstrip(".,;?") + "."


def submission(
    line: Line, text: str, queued: int, salt: bytes, precedence: int = Precedence.ROUTINE
) -> Submit:
    """One dispatch as the ``say`` command makes it, for drivers that hand over many."""
    if len(salt) != SALT_BYTES:
        raise ValueError("a salt is 16 bytes long")
    body = Dispatch(language="en", dtg_s=DTG_S, subject="", text=text).encode()
    draft = Draft(
        kind=Kind.DISPATCH,
        audience=line.charter.readers(),
        precedence=precedence,
        body=pack(body, quality_for(queued), line.charter.padding),
        salt=salt,
    )
    return Submit(line.id, draft)
