"""What a person is told about each refusal: a plain sentence, and a hint at what to do next.

Refusals are numbered in spec/registry.md; here they only get their words. The sentences are the
keys of the catalogs under ``locale/``; ``detente.words`` translates them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from detente.core.errors import Refusal


class Sentence(NamedTuple):
    """What happened, without a full stop, and what to do about it, in full sentences."""

    text: str
    hint: str


def marked(message: str) -> str:
    """The same message, marked for the catalogs: for text written down before it is shown."""
    return message


SENTENCES: Final[Mapping[Refusal, Sentence]] = {
    Refusal.MALFORMED: Sentence(
        marked("This does not have the form the protocol prescribes"),
        marked(
            "Ask whoever made it to make it again. "
            "If the next one is the same, the fault is in their program."
        ),
    ),
    Refusal.OVERSIZE: Sentence(
        marked("This is longer, or more, than a limit allows"),
        marked("Shorten it or split it. Every limit is listed in spec/registry.md."),
    ),
    Refusal.UNKNOWN_LINE: Sentence(
        marked("This node has no such line"),
        marked("`detente line status` shows the lines there are. A new one begins with a charter."),
    ),
    Refusal.UNKNOWN_LOG: Sentence(
        marked("Nobody on this line is known to keep such a log"),
        marked("Make sure that both sides mean the same line, then compare its id by voice."),
    ),
    Refusal.UNKNOWN_PARTY: Sentence(
        marked("There is no trusted card for this party"),
        marked(
            "Take the card from the party by hand, compare the digits aloud, "
            "then run `detente party trust`."
        ),
    ),
    Refusal.BAD_SIGNATURE: Sentence(
        marked("The signature does not verify"),
        marked("Do not act on it. Ask the other side by another way whether it comes from them."),
    ),
    Refusal.WANT_FULL: Sentence(
        marked("The shortened form could not be checked"),
        marked("There is nothing to do: the node asks for the full form by itself."),
    ),
    Refusal.BAD_PROOF: Sentence(
        marked("The proof does not lead to what was signed"),
        marked("Do not rely on it. Ask for the proof again, from another member if you can."),
    ),
    Refusal.BAD_COMMITMENT: Sentence(
        marked("The body is not the one its entry commits to"),
        marked("Do not rely on it. Ask for the body again, from another member if you can."),
    ),
    Refusal.FORKED: Sentence(
        marked("Two signed heads of one log contradict each other"),
        marked("Do not act on the contested entries. Keep the proof and report it at once."),
    ),
    Refusal.FROZEN: Sentence(
        marked("This entry lies beyond the point at which its log was frozen"),
        marked("It is shown as contested and decides nothing. Its author has to start a new log."),
    ),
    Refusal.OVER_QUOTA: Sentence(
        marked("The author has used up what the charter grants"),
        marked("Wait until the quota renews, or propose another one with `detente line amend`."),
    ),
    Refusal.NOT_IN_AUDIENCE: Sentence(
        marked("This was not addressed to the party that asks for it"),
        marked("Only its author can address it to more readers, in a new message."),
    ),
    Refusal.NOT_HELD: Sentence(
        marked("This entry or body is not stored here"),
        marked("`detente line status` shows what is missing. Another member may have it."),
    ),
    Refusal.PURGED: Sentence(
        marked("The body was purged, and its purge declared; the entry remains"),
        marked("Nothing here can bring it back. Ask its author whether a copy was kept."),
    ),
    Refusal.MUTE: Sentence(
        marked("This node was restored or copied, and signs nothing until it is adopted"),
        marked("Its officers run `detente node adopt` with the number from their paper register."),
    ),
    Refusal.CHARTER_MISMATCH: Sentence(
        marked("This is not the charter the line was opened with"),
        marked("Go no further. Compare the id of the line with the other side by voice."),
    ),
    Refusal.BAD_CARD: Sentence(
        marked("The card is not signed by its root keys, or names unsafe keys"),
        marked("Do not trust it. Ask the party for its card again, by hand."),
    ),
    Refusal.WRONG_DIGITS: Sentence(
        marked("What was heard is not what this card says"),
        marked(
            "The card itself is whole. Have its owner read all 40 digits again, once, on a channel "
            "over which the card did not come. If they differ again, it is not their card."
        ),
    ),
    Refusal.STALE_CARD: Sentence(
        marked("A card at least as new as this one is already in force"),
        marked("If you expected a change, ask the party for its newest card."),
    ),
    Refusal.REVOKED: Sentence(
        marked("The key was revoked by the root keys of its party"),
        marked("Do not act on what it signed later. Ask the party for its newest card."),
    ),
    Refusal.OUT_OF_TURN: Sentence(
        marked("The other side sent something that does not belong at this point"),
        marked("The link starts again by itself. If this repeats, run `detente doctor`."),
    ),
    Refusal.BAD_LEAF: Sentence(
        marked("The entry is signed but breaks a rule of its log"),
        marked("Do not act on it. Tell its author: the fault is in their program."),
    ),
    Refusal.NOT_ALLOWED: Sentence(
        marked("The charter, the role or the present state does not allow this"),
        marked(
            "`detente line status` shows roles and state, `detente line decisions` what is signed."
            " The charter says who may do what."
        ),
    ),
    Refusal.EXPIRED: Sentence(
        marked("Its time has run out"),
        marked("Make it again, with a later end."),
    ),
    Refusal.UNREADABLE: Sentence(
        marked("The body matches its entry but cannot be opened"),
        marked("Ask its author to send the text again, as a new message."),
    ),
    Refusal.CONTEXT_INCOMPLETE: Sentence(
        marked("Not everything this decision rests on is here yet"),
        marked("Read it, but decide nothing on it. The node asks for what is missing."),
    ),
    Refusal.WITHHELD: Sentence(
        marked("This entry was shown only after its log had been closed without it"),
        marked("It counts for nothing on this line. It remains as evidence."),
    ),
    Refusal.CLOCK: Sentence(
        marked("The clock of this machine cannot be used as it stands"),
        marked("Set the clock, state how far off it may be, then run `detente doctor`."),
    ),
    Refusal.BAD_PASSPHRASE: Sentence(
        marked("The passphrase does not open the keys"),
        marked("Try again, minding capital letters and the keyboard's language."),
    ),
    Refusal.NOT_FOUND: Sentence(
        marked("There is no such file, entry or name"),
        marked("Check the spelling, and the folder you are in."),
    ),
    Refusal.IN_USE: Sentence(
        marked("Another process is using this home, or its high-water mark"),
        marked("Stop the other process first. Never copy a home that is in use."),
    ),
    Refusal.DISK: Sentence(
        marked("The disk did not keep what it was given"),
        marked(
            "The node stops rather than guess. "
            "See to the disk and its free space, then run `detente doctor`."
        ),
    ),
    Refusal.NEWER_SCHEMA: Sentence(
        marked("This store was written by a newer version of the program"),
        marked("Install that version or a later one. Nothing in the store was changed."),
    ),
    Refusal.UNREACHABLE: Sentence(
        marked("The peer, or the node, does not answer"),
        marked(
            "What is queued stays queued and goes out by itself. "
            "If it is your own node, start it with `detente node run`."
        ),
    ),
    Refusal.USAGE: Sentence(
        marked("This command asks for something impossible"),
        marked("Run it with --help to see what it takes."),
    ),
    Refusal.UNKNOWN_VERSION: Sentence(
        marked("This node does not speak that version of the protocol"),
        marked("One of the two programs is older. Compare `detente --version` on both sides."),
    ),
}

# Files that people write themselves. Errors name one as their fact ``by_hand``: whoever reads the
# sentence is whoever can mend the file.
BY_HAND: Final[Mapping[str, Sentence]] = {
    "config": Sentence(
        marked("The settings of this home cannot be used"),
        marked(
            "Mend what is named, in `config.toml` of the home; "
            "docs/operating/install.md lists every setting."
        ),
    ),
    "passphrases": Sentence(
        marked("The file of passphrases cannot be used"),
        marked("Write each passphrase on a line of its own, in UTF-8, with no empty line."),
    ),
    "profile": Sentence(
        marked("The profile cannot be used"),
        marked("Mend what is named in the file; docs/operating/notices.md has an example."),
    ),
    "scenario": Sentence(
        marked("The scenario cannot be played"),
        marked("Mend what is named in the file; docs/simulator.md says what each field is."),
    ),
    "plan": Sentence(
        marked("The plan cannot be used"),
        marked(
            "Mend what is named in the plan that you wrote, and freeze it again. "
            "docs/operating/trends.md says what each field is; "
            "`detente trends plan --example` prints a plan to begin with."
        ),
    ),
    "mapping": Sentence(
        marked("The mapping file cannot be used"),
        marked("Mend what is named in the file; docs/operating/trends.md says what stands in one."),
    ),
}
