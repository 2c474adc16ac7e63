"""What a seed means: who takes part, over what routes, with which clocks, and every deed in time.

A plan is a value. A violation is made shorter by taking deeds out of it and running it again, and a
scenario file is a plan that a person wrote.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from detente.sim.dice import Dice
from detente.sim.network import Route
from detente.sim.parties import NAMES, START_S

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
SETUP_MS = 60_000  # the line is open by then
REAL_EVERY = 50  # one seed in so many signs with the real ML-DSA, and cannot be traced


class Deed(NamedTuple):
    """Something that happens at a time: ``word`` names it in ``sim.deeds.DEEDS``."""

    at_ms: int
    word: str
    who: int  # a machine
    number: int = 0  # what the deed makes of it stands there
    text: str = ""


class Attack(NamedTuple):
    """A party that attacks: ``word`` names its way in ``sim.attackers``."""

    word: str
    who: int


@dataclass(frozen=True, slots=True)
class ClockPlan:
    """How wrong a machine's clock begins."""

    offset_s: int = 0
    drift_ppm: int = 0


@dataclass(frozen=True, slots=True)
class RoutePlan:
    """As ``network.Route``, for the pair of machines in order."""

    wide: bool = True
    delay_ms: int = 20
    jitter_ms: int = 5
    bits_per_s: int = 10_000_000
    loses: float = 0.0
    doubles: float = 0.0
    swaps: float = 0.0

    def route(self) -> Route:
        """A route like this, open both ways."""
        return Route(
            self.wide,
            self.delay_ms,
            self.jitter_ms,
            self.bits_per_s,
            self.loses,
            self.doubles,
            self.swaps,
        )


@dataclass(frozen=True, slots=True)
class CablePlan:
    """A sealed link over a narrow way of bytes, beside the route of a pair, or from the beginning
    ``alone``. Chances are those of one byte, one slice and one block."""

    pair: int
    bits_per_s: int = 1_200
    delay_ms: int = 50
    damages: float = 0.0
    loses: float = 0.0
    replays: float = 0.0
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a simulation is told beforehand."""

    seed: int
    names: tuple[str, ...]
    roles: tuple[str, ...]
    until_ms: int  # then the faults stop
    deeds: tuple[Deed, ...]
    attacks: tuple[Attack, ...] = ()
    clocks: tuple[ClockPlan, ...] = ()
    routes: tuple[RoutePlan, ...] = ()  # in the order of itertools.combinations
    real: bool = False
    joins: bool = False  # the last is not of the founding charter
    cables: tuple[CablePlan, ...] = ()
    attached: bool = False  # people put files beside what they say

    def without(self, keep: Callable[[int, Deed], bool]) -> Plan:
        """The same with fewer deeds."""
        kept = tuple(deed for number, deed in enumerate(self.deeds) if keep(number, deed))
        return replace(self, deeds=kept)


@dataclass
class Rates:
    """How often each thing happens in this seed: most seeds know only some of the faults."""

    dice: Dice
    chance: float = 0.5  # that a kind of fault exists at all
    most: dict[str, int] = field(default_factory=dict)

    def count(self, word: str, most: int) -> int:
        """How many deeds of this word: none in many seeds, a few in others."""
        most = self.most.get(word, most)
        there = self.dice.happens(self.chance)
        found = self.dice.between(1, most) if most else 0
        return found if there else 0


# Each fault, and how many of it one day of one machine knows at the most.
MACHINE_FAULTS = {
    "kill": 4,
    "power": 3,
    "fuse": 5,
    "fail-sync": 2,
    "lie": 2,
    "full": 1,
    "mark-fails": 1,
    "restore": 2,
    "restore-unmarked": 1,
    "lose-disk": 1,
    "clock-step": 3,
    "clock-back": 2,
}
ROUTE_FAULTS = {"shut": 3, "shut-one-way": 2, "lose-link": 5, "slow": 1}
OFFICERS = {
    "mark": 12,
    "translate": 4,
    "test": 4,
    "purge": 2,
    "duty": 4,
    "offer": 2,
    "rotate": 1,
    "revoke": 1,
    "backup": 3,
}
COMINGS = 1 / 8  # of the seeds with three members or more: somebody joins, or leaves
COMINGS_STREAM = 6  # the first by which all seeds that were recorded before stay as they were
CARRIED = CABLED = 1 / 12  # of the seeds
CARRIED_STREAM, CABLED_STREAM = 886, 5285  # as COMINGS_STREAM
COURIERS = {"courier": 9, "courier-again": 4}
CABLE_FAULTS = {"cable-shut": 3, "cable-noise": 3, "rekey": 1, "blackhole": 2}
MONTHS_MS = (10 * DAY_MS, 60 * DAY_MS)
EMCON = 1 / 8  # of the seeds without an attack, a quarter as many of the others
EMCON_STREAM = 1179  # the first by which all seeds that were recorded before stay as they were
ATTACHED = 1 / 16  # of the seeds
ATTACHED_STREAM = 773  # as COMINGS_STREAM
FAR = 1 / 2  # of the seeds in which couriers go on for months
FAR_STREAM = 7  # as COMINGS_STREAM
NAMED = 1 / 24  # of the seeds: who attacks has a way that is younger than the draw of all others
NAMED_STREAM = 239  # as COMINGS_STREAM
NAMED_WAYS = ("hoard", "misfits", "sated")
LATE = 12  # messages of an evening
BURSTS = {"burst": 1}  # not on the day that the speed is stated for, whose entries are counted
MEMBERS = ((2, 0.55), (3, 0.3), (4, 0.1), (5, 0.05))


def plan_of(seed: int, *, day: bool = False) -> Plan:
    """The plan of a seed. ``day``: two parties, a day, 100 entries, as the speed is stated for."""
    dice = Dice(seed, "plan")
    members = 2 if day else _members(dice.stream("members"))
    until_ms = DAY_MS if day else dice.stream("until").spread(10 * 60_000, 3 * DAY_MS)
    deeds: list[Deed] = []
    says = 100 if day else dice.stream("says").spread(4, 150)
    for number in range(says):
        throw = dice.stream("say", number)
        at_ms = _when(throw, until_ms)
        deeds.append(Deed(at_ms, "say", throw.between(0, members - 1), throw.between(0, 1 << 30)))
    cables: tuple[CablePlan, ...] = ()
    far, more_ms = list[Deed](), 0
    roles = _roles(dice.stream("roles"), members)
    for who in range(members):
        deeds += _of(dice.stream("machine", who), MACHINE_FAULTS, who, until_ms)
        deeds += _of(dice.stream("officers", who), OFFICERS, who, until_ms)
        if not day:
            deeds += _of(dice.stream("bursts", who), BURSTS, who, until_ms)
    for pair in range(members * (members - 1) // 2):
        deeds += _of(dice.stream("route", pair), ROUTE_FAULTS, pair, until_ms)
    deeds += _nights(dice.stream("nights"), members, until_ms)
    attacks = _attacks(dice.stream("attacks"), members)
    named = () if day else _named(dice.stream("named", NAMED_STREAM), members)
    attacks = named or attacks
    hoards, sates = (any(one.word == word for one in named) for word in ("hoard", "sated"))
    joins, comings = _comings(dice.stream("comings", COMINGS_STREAM), roles, attacks, until_ms)
    if not day:
        carried, more_ms = _carried(dice.stream("carried", CARRIED_STREAM), members, until_ms)
        far = _far(dice.stream("far", FAR_STREAM), members, until_ms, more_ms)
        stream = dice.stream("cabled", CABLED_STREAM)
        cables, wired = _cabled(stream, members, until_ms, more_ms)
        deeds += carried + wired
    files = dice.stream("attached", ATTACHED_STREAM)
    late, night_ms = _late(dice.stream("late"), members, until_ms) if sates else ([], 0)
    more_ms = max(more_ms, night_ms)
    attached = [] if day else far + _attached(files, members, until_ms, always=hoards)
    quiet = [] if day else _quiet(dice.stream("emcon", EMCON_STREAM), members, until_ms, attacks)
    return Plan(
        seed=seed,
        names=NAMES[:members],
        roles=roles,
        until_ms=SETUP_MS + until_ms + more_ms,
        deeds=tuple(sorted(deeds + comings + quiet + attached + late)),
        attacks=attacks,
        clocks=tuple(_clock(dice.stream("clock", who)) for who in range(members)),
        routes=tuple(
            _route(dice.stream("road", pair)) for pair in range(members * (members - 1) // 2)
        ),
        real=not day and seed % REAL_EVERY == REAL_EVERY - 1,
        joins=joins,
        cables=cables,
        attached=bool(attached),
    )


def _when(dice: Dice, until_ms: int) -> int:
    return SETUP_MS + dice.between(0, until_ms)


def _members(dice: Dice) -> int:
    left = dice.between(0, 999) / 1000
    for members, share in MEMBERS:
        left -= share
        if left < 0:
            return members
    return 2


def _roles(dice: Dice, members: int) -> tuple[str, ...]:
    """Two parties at the least; whoever else may be a mediator or an observer."""
    others = (dice.one_of(("party", "party", "mediator", "observer")) for _ in range(members - 2))
    return ("party", "party", *others)


def _of(dice: Dice, kinds: dict[str, int], who: int, until_ms: int) -> list[Deed]:
    rates = Rates(dice.stream("rates"))
    deeds = []
    for word, most in kinds.items():
        for number in range(rates.count(word, most)):
            throw = dice.stream(word, number)
            deeds.append(Deed(_when(throw, until_ms), word, who, throw.between(0, 1 << 30)))
    return deeds


def _nights(dice: Dice, members: int, until_ms: int) -> list[Deed]:
    """Links are called up for a while and let go again, in all but the short worlds and a few of
    half a day: a line that is up for days has little to tell but heartbeats."""
    if until_ms < 2 * HOUR_MS or (dice.happens(0.05) and until_ms < DAY_MS // 2):
        return []
    deeds = []
    for pair in range(members * (members - 1) // 2):
        throw, at_ms = dice.stream(pair), SETUP_MS
        while at_ms < until_ms:
            at_ms += throw.spread(60_000, 30 * 60_000)
            asleep_ms = throw.spread(HOUR_MS // 2, 12 * HOUR_MS)
            if at_ms < SETUP_MS + until_ms:  # then nobody sleeps any more
                deeds.append(Deed(at_ms, "night", pair, asleep_ms))
            at_ms += asleep_ms
    return deeds


def _quiet(dice: Dice, members: int, until_ms: int, attacks: tuple[Attack, ...]) -> list[Deed]:
    """In a few seeds parties receive only, for minutes or for hours."""
    if not dice.happens(EMCON / 4 if attacks else EMCON):
        return []
    throws = [dice.stream(number) for number in range(dice.between(4, 10))]
    return [
        Deed(
            _when(throw, until_ms),
            "quiet",
            throw.between(0, members - 1),
            throw.spread(5 * 60_000, 12 * HOUR_MS),
        )
        for throw in throws
    ]


def _attached(dice: Dice, members: int, until_ms: int, *, always: bool) -> list[Deed]:
    """In a few seeds people put files beside what they say."""
    if not dice.happens(ATTACHED) and not always:
        return []
    throws = [dice.stream(number) for number in range(dice.between(2, 8))]
    return [
        Deed(
            _when(throw, until_ms),
            "attach",
            throw.between(0, members - 1),
            throw.between(0, 1 << 30),
        )
        for throw in throws
    ]


def _far(dice: Dice, members: int, until_ms: int, more_ms: int) -> list[Deed]:
    """In half of the seeds with months in which couriers alone pass, people send files by them."""
    if not more_ms or not dice.happens(FAR):
        return []
    deeds = []
    for number in range(dice.between(2, 6)):
        throw = dice.stream(number)
        at_ms = SETUP_MS + until_ms + throw.between(0, more_ms // 2)
        who, draw = throw.between(0, members - 1), throw.between(0, 1 << 30)
        deeds.append(Deed(at_ms, "attach", who, draw))
    return deeds


def _clock(dice: Dice) -> ClockPlan:
    if dice.happens(0.6):
        return ClockPlan()
    return ClockPlan(dice.between(-90, 90), dice.between(-500, 500))


def _route(dice: Dice) -> RoutePlan:
    kind = dice.between(0, 9)
    if kind < 6:
        return RoutePlan(delay_ms=dice.spread(1, 800), jitter_ms=dice.spread(1, 200))
    if kind < 8:
        return RoutePlan(
            wide=False, delay_ms=dice.spread(50, 2_000), bits_per_s=dice.spread(2_400, 64_000)
        )
    if kind == 8:
        return RoutePlan(wide=False, delay_ms=1_000, bits_per_s=dice.spread(75, 600))
    return RoutePlan(
        loses=dice.between(0, 20) / 1000, doubles=dice.between(0, 20) / 1000, swaps=0.01
    )


def _attacks(dice: Dice, members: int) -> tuple[Attack, ...]:
    """One party attacks in half of the seeds. Its ways are drawn when the world is made."""
    if not dice.happens(0.5):
        return ()
    return (Attack("", dice.between(0, members - 1)),)


def _named(dice: Dice, members: int) -> tuple[Attack, ...]:
    """In a few seeds one party attacks in a way that no other seed may have drawn."""
    if not dice.happens(NAMED):
        return ()
    return (Attack(dice.one_of(NAMED_WAYS), dice.between(0, members - 1)),)


def _late(dice: Dice, members: int, until_ms: int) -> tuple[list[Deed], int]:
    """What is said after all else until midnight, and how long it is until two hours behind it."""
    first_ms = SETUP_MS + until_ms
    left_ms = DAY_MS - (START_S * 1_000 + first_ms) % DAY_MS
    throws = [dice.stream(number) for number in range(LATE)]
    says = [
        Deed(first_ms + throw.between(0, left_ms), "say", throw.between(0, members - 1), number)
        for number, throw in enumerate(throws)
    ]
    return says, left_ms + 2 * HOUR_MS


def _comings(
    dice: Dice, roles: tuple[str, ...], attacks: tuple[Attack, ...], until_ms: int
) -> tuple[bool, list[Deed]]:
    """In a few seeds the last party is not of the founding charter and joins by an amendment, or
    somebody leaves by one and perhaps comes back. Each is offered more than once, since officers
    refuse and offers expire. Who attacks is a member from the beginning to the end."""
    members, parties = len(roles), roles.count("party")
    if members < 3 or not dice.happens(COMINGS):
        return False, []
    stay = {attack.who for attack in attacks}
    able = [who for who in range(members) if who not in stay]
    joins = members - 1 in able and dice.happens(0.75)
    deeds: list[Deed] = []

    def often(word: str, who: int, first_ms: int, last_ms: int) -> None:
        for number in range(dice.between(2, 4)):
            throw = dice.stream(word, who, first_ms, number)
            at_ms = SETUP_MS + throw.between(first_ms, last_ms)
            deeds.append(Deed(at_ms, word, who, throw.between(0, 1 << 30)))

    if joins:
        often("join", members - 1, 0, until_ms // 2)
    may_go = [who for who in able if roles[who] != "party" or parties > 2]  # two parties stay
    if may_go and (not joins or dice.happens(0.6)):
        who = dice.one_of(may_go)
        often("leave", who, until_ms // 3, 3 * until_ms // 4)
        if dice.happens(0.5):
            often("join", who, 3 * until_ms // 4, until_ms)
    return joins, deeds


def _carried(dice: Dice, members: int, until_ms: int) -> tuple[list[Deed], int]:
    """In a few seeds files are carried by hand; some of these go on for months in which nothing
    else passes."""
    if not dice.happens(CARRIED):
        return [], 0
    deeds, more_ms = list[Deed](), dice.spread(*MONTHS_MS) if dice.happens(0.2) else 0
    for who in range(members):
        deeds += _of(dice.stream("couriers", who), COURIERS, who, until_ms)
        deeds += _months(dice.stream("months", who), who, until_ms, more_ms)
    for pair in range(members * (members - 1) // 2 if more_ms else 0):
        deeds.append(Deed(SETUP_MS + until_ms, "night", pair, more_ms))
    return deeds, more_ms


def _cabled(
    dice: Dice, members: int, until_ms: int, more_ms: int
) -> tuple[tuple[CablePlan, ...], list[Deed]]:
    """In a few seeds a sealed link leads beside the route of a pair, or instead of it."""
    if not dice.happens(CABLED):
        return (), []
    pair = dice.between(0, members * (members - 1) // 2 - 1)
    deeds = _of(dice.stream("faults"), CABLE_FAULTS, pair, until_ms)
    for night in _nights(dice.stream("nights"), 2, until_ms):
        deeds.append(Deed(night.at_ms, "cable-night", pair, night.number))
    if more_ms:
        deeds.append(Deed(SETUP_MS + until_ms, "cable-night", pair, more_ms))
    for number in range(2):
        throw = dice.stream("bulk", number)
        deeds.append(Deed(_when(throw, until_ms), "bulk", pair, throw.between(0, 1 << 30)))
    return (_cable(dice.stream("cable"), pair),), deeds


def _months(dice: Dice, who: int, until_ms: int, more_ms: int) -> list[Deed]:
    """What one party says in months of silence, and whom it sends with it."""
    deeds = []
    for word, most in {"say": 8, "courier": 6, "courier-again": 3}.items() if more_ms else ():
        for number in range(dice.between(1, most)):
            throw = dice.stream(word, number)
            at_ms = SETUP_MS + until_ms + throw.between(0, more_ms)
            deeds.append(Deed(at_ms, word, who, throw.between(0, 1 << 30)))
    return deeds


def _cable(dice: Dice, pair: int) -> CablePlan:
    quiet = dice.happens(0.4)
    return CablePlan(
        pair,
        bits_per_s=dice.spread(75, 9_600),
        delay_ms=dice.spread(5, 2_000),
        damages=0.0 if quiet else dice.spread(1, 300) / 10_000,
        loses=0.0 if quiet else dice.between(0, 20) / 1_000,
        replays=0.0 if quiet else dice.between(0, 50) / 1_000,
        alone=dice.happens(0.3),
    )
