"""One tree of errors: whose fault it is, what to do, and what the peer is told.

Every refusal has a number and a name in ``spec/registry.md``; nothing is dropped without one.
"""

from __future__ import annotations

from enum import IntEnum


class Refusal(IntEnum):
    """Why something was not accepted. Numbers are assigned in spec/registry.md, Refusals."""

    MALFORMED = 1  # bytes that are not the canonical form of anything
    OVERSIZE = 2  # longer or more than a limit allows
    UNKNOWN_LINE = 3  # a line this node has not accepted
    UNKNOWN_LOG = 4  # a log nobody on the line is known to keep
    UNKNOWN_PARTY = 5  # no trusted card for this party
    BAD_SIGNATURE = 6  # a signature that does not verify over the full form
    WANT_FULL = 7  # an elided form that did not verify: send the full one
    BAD_PROOF = 8  # a Merkle proof that does not lead to the signed root
    BAD_COMMITMENT = 9  # body and salt that do not open the leaf
    FORKED = 10  # two signed heads of one log that cannot both be true
    FROZEN = 11  # an entry at or beyond the point where its log was frozen
    OVER_QUOTA = 12  # the author has used up what the charter grants
    NOT_IN_AUDIENCE = 13  # a body asked for by a party it was not addressed to
    NOT_HELD = 14  # an entry or body asked for that is not here
    PURGED = 15  # a body asked for that was declared purged
    MUTE = 16  # a restored node that signs nothing until its officers adopt it
    CHARTER_MISMATCH = 17  # a charter that is not the one this line was opened with
    BAD_CARD = 18  # a card that is not signed by its root, or names unsafe keys
    STALE_CARD = 19  # a card whose serial is not above the one in force
    REVOKED = 20  # a key that its root has revoked
    OUT_OF_TURN = 21  # a frame that this state of the session does not allow
    BAD_LEAF = 22  # a signed leaf that breaks a rule of its log
    NOT_ALLOWED = 23  # something the charter, the role or the state forbids
    EXPIRED = 24  # an offer or a lease past its time
    UNREADABLE = 25  # a body that will not open though its commitment holds
    CONTEXT_INCOMPLETE = 26  # a decision whose causal past is not all here
    WITHHELD = 27  # an entry shown only after its peer had signed a lower closing head
    CLOCK = 28  # this machine's clock cannot be used as it stands
    BAD_PASSPHRASE = 29  # a passphrase that does not open the keys
    NOT_FOUND = 30  # a file, entry or name that is not there
    IN_USE = 31  # another process holds this home or this mark
    DISK = 32  # the disk did not keep what it was given
    NEWER_SCHEMA = 33  # a store written by a newer program
    UNREACHABLE = 34  # a peer or a node that does not answer
    USAGE = 35  # a command that asks for something impossible
    UNKNOWN_VERSION = 36  # a version of the protocol this node does not speak
    WRONG_DIGITS = 37  # digits that were heard and are not those of the card in hand

    @property
    def word(self) -> str:
        """The name people and logs see: lower case, hyphens."""
        return self.name.lower().replace("_", "-")


class DetenteError(Exception):
    """Anything Détente refuses. ``refusal`` names it, ``facts`` are safe to log and show."""

    fault = "nobody"

    def __init__(self, refusal: Refusal, detail: str = "", **facts: object) -> None:
        super().__init__(detail or refusal.word)
        self.refusal = refusal
        self.detail = detail
        self.facts = facts

    def __str__(self) -> str:
        return f"{self.refusal.word}: {self.detail}" if self.detail else self.refusal.word


class LocalError(DetenteError):
    """Our own caller or operator asked for something that cannot be. The peer is told nothing."""

    fault = "ours"


class PeerError(DetenteError):
    """The other side sent what must be refused. The peer is told ``refusal`` and no more."""

    fault = "theirs"


class MachineError(DetenteError):
    """This machine failed (disk, clock, memory). The process ends rather than guess."""

    fault = "machine"
