"""The private keys of a party, as they are sealed: the root's, the node's, the spare ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from detente.core.errors import LocalError, Refusal
from detente.core.limits import INCARNATIONS_MAX

NODE_FILE = "node.keys"
SPARE_FILE = "spare.keys"
SEED_BYTES = 32
_NODE_SEEDS = ("log", "holds", "log_mldsa", "holds_mldsa", "heads", "tls", "kem", "store")


@dataclass(frozen=True, slots=True, repr=False)
class RootKeys:
    """The two root seeds; both must sign a card. Kept offline, in a file anywhere."""

    purpose: ClassVar[str] = "root"
    ed25519: bytes
    mldsa44: bytes

    def __post_init__(self) -> None:
        _need_seeds(self.ed25519, self.mldsa44)

    def to_mapping(self) -> dict[str, bytes]:
        """What ``seal`` takes."""
        return {"ed25519": self.ed25519, "mldsa44": self.mldsa44}

    @classmethod
    def from_mapping(cls, secrets: Mapping[str, bytes]) -> RootKeys:
        """The keys ``to_mapping`` gave. LocalError MALFORMED for anything else."""
        _need_names(secrets, ("ed25519", "mldsa44"))
        return cls(ed25519=secrets["ed25519"], mldsa44=secrets["mldsa44"])


@dataclass(frozen=True, slots=True, repr=False)
class NodeKeys:
    """What a running node signs, reads and stores with: 32-byte seeds, one per purpose.

    ``incarnation`` tells which pair of the card ``log`` and ``holds`` are; ``heads`` is the
    witness without content, ``store`` the master key for bodies at rest.
    """

    purpose: ClassVar[str] = "node"
    incarnation: int
    log: bytes
    holds: bytes
    log_mldsa: bytes
    holds_mldsa: bytes
    heads: bytes
    tls: bytes
    kem: bytes
    store: bytes

    def __post_init__(self) -> None:
        if not 0 <= self.incarnation < INCARNATIONS_MAX:
            raise LocalError(Refusal.MALFORMED, "an incarnation that no card lists")
        _need_seeds(*(getattr(self, name) for name in _NODE_SEEDS))

    def to_mapping(self) -> dict[str, bytes]:
        """What ``seal`` takes; the incarnation as one byte."""
        seeds = {name: getattr(self, name) for name in _NODE_SEEDS}
        return {"incarnation": bytes((self.incarnation,)), **seeds}

    @classmethod
    def from_mapping(cls, secrets: Mapping[str, bytes]) -> NodeKeys:
        """The keys ``to_mapping`` gave. LocalError MALFORMED for anything else."""
        _need_names(secrets, ("incarnation", *_NODE_SEEDS))
        number = secrets["incarnation"]
        if len(number) != 1:
            raise LocalError(Refusal.MALFORMED, "an incarnation is one byte")
        return cls(number[0], **{name: secrets[name] for name in _NODE_SEEDS})


@dataclass(frozen=True, slots=True, repr=False)
class SpareKeys:
    """The 16 (log, holds) seed pairs of the card, pair k for incarnation k, loaded by adoption."""

    purpose: ClassVar[str] = "spare"
    pairs: tuple[tuple[bytes, bytes], ...]

    def __post_init__(self) -> None:
        if len(self.pairs) != INCARNATIONS_MAX:
            raise LocalError(Refusal.MALFORMED, f"not {INCARNATIONS_MAX} pairs of keys")
        _need_seeds(*(seed for pair in self.pairs for seed in pair))

    def to_mapping(self) -> dict[str, bytes]:
        """What ``seal`` takes."""
        logs = {f"log-{k}": log for k, (log, _) in enumerate(self.pairs)}
        return logs | {f"holds-{k}": holds for k, (_, holds) in enumerate(self.pairs)}

    @classmethod
    def from_mapping(cls, secrets: Mapping[str, bytes]) -> SpareKeys:
        """The keys ``to_mapping`` gave. LocalError MALFORMED for anything else."""
        names = [(f"log-{k}", f"holds-{k}") for k in range(INCARNATIONS_MAX)]
        _need_names(secrets, [name for pair in names for name in pair])
        return cls(tuple((secrets[log], secrets[holds]) for log, holds in names))


def generate(entropy: Callable[[int], bytes]) -> tuple[RootKeys, NodeKeys, SpareKeys]:
    """Every key of a new party from ``entropy(count)``; the node has pair 0 of the spares."""
    root = RootKeys(ed25519=entropy(SEED_BYTES), mldsa44=entropy(SEED_BYTES))
    pairs = tuple((entropy(SEED_BYTES), entropy(SEED_BYTES)) for _ in range(INCARNATIONS_MAX))
    others = {name: entropy(SEED_BYTES) for name in _NODE_SEEDS[2:]}
    log, holds = pairs[0]
    return root, NodeKeys(0, log, holds, **others), SpareKeys(pairs)


def _need_seeds(*seeds: bytes) -> None:
    if any(len(seed) != SEED_BYTES for seed in seeds):
        raise LocalError(Refusal.MALFORMED, f"a seed has {SEED_BYTES} bytes")


def _need_names(secrets: Mapping[str, bytes], names: Sequence[str]) -> None:
    if set(secrets) != set(names):
        raise LocalError(Refusal.MALFORMED, "not the keys that belong here")
