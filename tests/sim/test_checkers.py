"""Each checker sees its promise broken: by a defect that is planted in a world without faults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from detente.core.leaf import LogId
from detente.core.line import Line
from detente.core.station import fall_mute
from detente.core.wire import ENTRIES
from detente.dossiers.presence import Presence, Source, State
from detente.dossiers.receipts import receipts as true_receipts
from detente.sim.checkers import proofs
from detente.sim.disk import Disk, File
from detente.sim.machine import Machine
from detente.sim.parties import NAMES
from detente.sim.plan import SETUP_MS, Deed, Plan
from detente.sim.run import Simulation
from detente.sim.seam import seeded_signatures

SAID = "eleven words that nobody else will ever say in this very order"
SAYS = (
    Deed(SETUP_MS + 1_000, "say", 0, 1, SAID),
    Deed(SETUP_MS + 2_000, "say", 1, 2, SAID[::-1]),
    Deed(SETUP_MS + 9_000, "say", 0, 3, SAID.upper()),
)


class Spoiled(Simulation):
    """A simulation in which somebody does something just before the checkers look."""

    spoil: Callable[[Simulation], None] = staticmethod(lambda _: None)

    def _settle(self) -> None:
        super()._settle()
        self.spoil(self)


def broken(
    spoil: Callable[[Simulation], None] = lambda _: None,
    *more: Deed,
    roles: tuple[str, ...] = ("party", "party"),
) -> dict[str, str]:
    """What each checker says: two parties or more, three messages, and ``more``."""
    names = NAMES[: len(roles)]
    deeds = tuple(sorted((*SAYS, *more)))
    with seeded_signatures():
        simulation = Spoiled(Plan(3, names, roles, SETUP_MS + 600_000, deeds))
        simulation.spoil = spoil
        result = simulation.run()
    return {one.checker: one.what for one in reversed(result.violations)}


def database(machine: Machine):  # a test looks behind the store
    return machine.process.store._database


def test_a_world_without_a_defect_is_without_fault() -> None:
    """No checker says anything where nothing is wrong."""
    assert not broken()
    assert not broken(roles=("party", "party", "observer"))


def test_a_message_that_nobody_submitted_is_seen() -> None:
    """What stands of an honest author was asked of its node by somebody."""
    found = broken(lambda simulation: simulation.record.asked.clear())
    assert "never submitted" in found["nothing altered"]


def test_a_root_that_is_not_that_of_the_leaves_is_seen() -> None:
    """Signed heads are held against the leaves in the store."""

    def spoil(simulation: Simulation) -> None:
        database(simulation.world.machines[1]).run("UPDATE head SET root = ?", (bytes(32),))

    assert "root" in broken(spoil)["nothing altered"]


def test_a_leaf_that_was_changed_on_the_disk_is_seen() -> None:
    """Every leaf has the hash that it is kept under."""

    def spoil(simulation: Simulation) -> None:
        first = "SELECT leaf FROM entry WHERE kind = 6 ORDER BY id LIMIT 1"
        change = f"UPDATE entry SET leaf = ({first}) WHERE kind = 6"
        database(simulation.world.machines[1]).run(change)

    assert "hash" in broken(spoil)["nothing altered"]


def test_a_receipt_before_the_sync_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node whose commits reach no disk receipts what a power cut would take."""
    monkeypatch.setattr(Disk, "take_sync", lambda _self, _file: None)
    assert "not synced" in broken()["receipts"]


def test_a_receipt_for_what_was_not_stored_is_seen() -> None:
    """The other's store is read when a receipt is told."""

    def spoil(simulation: Simulation) -> None:
        alpha, bravo = simulation.world.machines
        mine = alpha.station.lines[simulation.world.line_id].own
        database(bravo).run("UPDATE log SET size = 1 WHERE member = 0")
        alpha.process.stepper.run([])
        simulation.checkers.receipts.forget()
        simulation.checkers.receipts.told(alpha, cosigned(simulation, mine.size))

    assert "are held where" in broken(spoil)["receipts"]


def cosigned(simulation: Simulation, size: int):  # one of the record's own
    tells = [t.tell for t in simulation.record.tells if t.machine == 0]
    tell = next(tell for tell in reversed(tells) if tell.word == "cosigned")
    return replace(tell, facts={**tell.facts, "size": size})


def test_a_ladder_that_says_more_than_was_signed_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A receipt with another time than its entry states is no receipt."""

    def earlier(*args: object, **kwargs: object) -> object:
        found = true_receipts(*args, **kwargs)
        return {member: replace(one, at_s=one.at_s - 60) for member, one in found.items()}

    monkeypatch.setattr("detente.sim.checkers.receipts.receipts", earlier)
    assert "nobody signed" in broken()["receipts"]


def test_a_body_for_an_observer_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """No frame to a member outside the audience carries the body."""
    monkeypatch.setattr(Line, "entitled", lambda *_: True)
    found = broken(roles=("party", "party", "observer"))
    assert "not for it" in found["nobody outside"]


def test_words_in_clear_on_a_disk_are_seen() -> None:
    """Bodies at rest are sealed: the image of a disk holds no words."""

    def spoil(simulation: Simulation) -> None:
        said = " ".join((SAID, SAID[::-1], SAID.upper()))
        simulation.world.machines[1].disk.files["spool"] = File(said.encode())

    assert "in clear" in broken(spoil)["nobody outside"]


def test_two_heads_of_one_size_are_seen() -> None:
    """Whatever disks it lost, an author lets out one head of each size."""

    def spoil(simulation: Simulation) -> None:
        alpha, bravo = simulation.world.machines
        connection = next(iter(alpha.connections.values()))
        alpha.station.lines[simulation.world.line_id].own.root = bytes(32)
        simulation.record.frame(alpha, connection, b"")
        assert bravo.process is not None

    assert "two heads" in broken(spoil)["come back"]


def test_a_message_shown_twice_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was entered again after a restore is one message."""
    monkeypatch.setattr(
        "detente.sim.checkers.come_back.latest",
        lambda line, *_: (2 * [line.shelf.entry(line.mine, 0)], ""),
    )
    assert "twice" in broken()["come back"]


def test_a_purge_that_leaves_the_body_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who holds the entry that says so holds the body no more."""
    monkeypatch.setattr("detente.core.judging.purge", lambda *_: None)
    monkeypatch.setattr("detente.sim.deeds.purge", lambda *_: None)
    assert "still opens" in broken(lambda _: None, purge())["purged"]


def test_a_purge_that_leaves_the_salt_on_the_disk_is_seen() -> None:
    """What was deleted is overwritten too, in every file."""

    def spoil(simulation: Simulation) -> None:
        (_, _, salt) = simulation.record.purged[0]
        simulation.world.machines[1].disk.files["old"] = File(b"before" + salt + b"behind")

    assert "salt" in broken(spoil, purge())["purged"]
    assert not broken(lambda _: None, purge())


# --- promises 5, 6 and 8, decisions, and bounds -------------------------------------------------


def test_flash_that_is_held_back_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """It leaves at once while its link is up."""
    true_append = Line.may_sign

    def late(line: Line) -> bool:
        rows = line.queue.rows.values()
        line.touched = line.touched or bool(rows)
        waits = any(row.draft.precedence >= 4 and now() - row.submitted_s < 3 for row in rows)
        return true_append(line) and not waits

    worlds: list[Simulation] = []

    def now() -> int:
        return worlds[0].world.machines[0].clock.now(worlds[0].world.now_ms).wall_s

    monkeypatch.setattr(Line, "may_sign", late)
    begin = Simulation.run
    monkeypatch.setattr(Simulation, "run", lambda self: worlds.append(self) or begin(self))
    flash = [Deed(SETUP_MS + 60_000 * n, "say", 0, n, SAID + str(n)) for n in range(1, 25)]
    assert "after it was submitted" in broken(lambda _: None, *flash)["FLASH first"]


def test_flash_behind_a_heap_of_other_traffic_is_seen() -> None:
    """On a narrow bearer no entries wait before it."""

    def spoil(simulation: Simulation) -> None:
        alpha = simulation.world.machines[0]
        connection = next(iter(alpha.connections.values()))
        connection.route.wide = False
        pipe = connection.pipes[connection.side(0)]
        pipe._waiting.append(bytes((ENTRIES << 4,)))
        simulation.checkers.flash_first._behind("it", connection, connection.side(0))

    assert "narrow" in broken(spoil)["FLASH first"]


def test_a_silence_that_claims_too_much_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """«No sign of life» is not said of who is heard, nor «attended» of who did not say so."""
    found = Presence(State.NO_SIGN_OF_LIFE, Source.OBSERVED)
    monkeypatch.setattr("detente.sim.checkers.silences.presence", lambda *_: found)
    assert "all along" in broken()["silences"]
    attended = Presence(State.ON_DUTY, Source.SIGNED)
    monkeypatch.setattr("detente.sim.checkers.silences.presence", lambda *_: attended)
    assert "last word" in broken()["silences"]


def test_who_has_stated_an_entry_and_is_blamed_for_it_is_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """«Not receipting» is not said about an entry that the other's log covers."""

    def shown(_charter: object, _member: int, _saw: object, ours: list, *_rest: object) -> Presence:
        place = ours[0].place if ours else None
        return Presence(State.NOT_RECEIPTING, Source.DERIVED, 0, place)

    monkeypatch.setattr("detente.sim.checkers.silences.presence", shown)
    assert "has stated that very entry" in broken()["silences"]


def test_a_charter_that_nobody_sealed_is_seen() -> None:
    """Nobody is bound by what was never final, and all are bound by the same."""

    def spoil(simulation: Simulation) -> None:
        line = simulation.world.machines[1].station.lines[simulation.world.line_id]
        line.charter = replace(line.charter, number=1, seen_within_s=7)

    assert "never final" in broken(spoil)["decisions"]

    def differ(simulation: Simulation) -> None:
        line = simulation.world.machines[1].station.lines[simulation.world.line_id]
        line.charter = replace(line.charter, seen_within_s=7)

    assert "another charter 0" in broken(differ)["decisions"]


def test_a_table_that_grows_and_a_store_that_swells_are_seen() -> None:
    """Memory is held against its limits, and the disk against what was entered."""

    def leak(simulation: Simulation) -> None:
        line = simulation.world.machines[0].station.lines[simulation.world.line_id]
        line.granted |= dict.fromkeys(range(5_000), (0, 0, False))

    assert "grants of attachments" in broken(leak)["bounded"]

    def swell(simulation: Simulation) -> None:
        simulation.world.machines[0].disk.files["spool"] = File(bytes(9_000_000))

    assert "bytes for" in broken(swell)["bounded"]


def test_a_proof_with_other_words_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a stranger reads is what stands in the store."""
    monkeypatch.setattr(proofs, "PROOFS", 1.0)
    monkeypatch.setattr(proofs, "asdict", lambda _: {"text": "something else"})
    assert "other words" in broken()["proofs"]


def test_an_export_with_a_false_signature_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole file is checked with the cards alone."""
    monkeypatch.setattr(proofs, "EXPORTS", 1.0)
    assert not broken()

    def spoil(simulation: Simulation) -> None:
        for machine in simulation.world.machines:
            database(machine).run("UPDATE head SET signature = ?", (bytes(64),))

    assert "bad-signature" in broken(spoil)["proofs"]


def test_ladders_that_differ_over_equal_heads_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal checkpoints mean equal dossiers."""
    count = iter(range(1_000))
    monkeypatch.setattr("detente.sim.checkers.proofs.ladder", lambda *_: next(count))
    assert "different ladders" in broken()["proofs"]


# --- what is stated, kept and in force ----------------------------------------------------------


def line_at(simulation: Simulation, number: int) -> Line:
    return simulation.world.machines[number].station.lines[simulation.world.line_id]


def test_a_cosignature_that_nobody_made_is_seen() -> None:
    """What is kept as a cosignature verifies under the key of its name."""

    def spoil(simulation: Simulation) -> None:
        database(simulation.world.machines[1]).run(
            "UPDATE cosignature SET signature = ?", (bytes(64),)
        )

    assert "false cosignature" in broken(spoil)["covers"]


def test_a_time_that_no_clock_has_shown_is_seen() -> None:
    """A `seen` bears a reading of the clock of whoever states it, from when it came or later."""

    def spoil(simulation: Simulation) -> None:
        simulation.checkers.held._clock.clear()

    assert "clock has not shown" in broken(spoil)["receipts"]


def test_what_is_owed_for_too_long_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that runs and is linked states what it holds within the charter's seconds."""
    monkeypatch.setattr("detente.sim.checkers.held._owes", lambda *_: True)
    monkeypatch.setattr("detente.sim.checkers.held.PATIENCE_MS", -600_000)
    assert "stated in time" in broken()["receipts"]


def test_a_card_that_its_party_never_made_is_seen() -> None:
    """In force is what a party has signed, and nothing older than what was in force before."""

    def another(simulation: Simulation) -> None:
        cards = simulation.world.machines[1].station.cards
        party = simulation.world.machines[0].party
        cards[party] = replace(cards[party], bearers=())

    assert "never made" in broken(another)["cards"]

    def older(simulation: Simulation) -> None:
        party = simulation.world.machines[0].party
        simulation.checkers.cards._most[1, party] = 2

    assert "behind 2" in broken(older)["cards"]


def test_who_is_there_and_not_shown_as_there_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the end everybody has a sign of life of everybody."""

    def shown(_charter: object, _member: int, _saw: object, ours: object, *_: object) -> Presence:
        state = State.ALIVE if ours != () else State.NO_SIGN_OF_LIFE
        return Presence(state, Source.OBSERVED)

    monkeypatch.setattr("detente.sim.checkers.silences.presence", shown)
    assert "who is there" in broken()["silences"]


def test_lower_traffic_that_is_entered_before_flash_is_seen() -> None:
    """What was submitted later and is lower stands behind it."""

    def spoil(simulation: Simulation) -> None:
        attempted = simulation.record.attempted
        ours = [at for at, one in enumerate(attempted) if one.machine == 0]
        first, last = ours[0], ours[-1]
        attempted[first] = replace(attempted[first], precedence=1)
        attempted[last] = replace(attempted[last], precedence=4, at_ms=0)

    assert "before an earlier FLASH" in broken(spoil)["FLASH first"]


def test_more_flash_than_was_granted_is_seen() -> None:
    """Nobody takes more of an author than its charter grants."""

    def spoil(simulation: Simulation) -> None:
        line = line_at(simulation, 1)
        line.charter = line.founding = replace(line.charter, quota_flash_per_day=0)

    found = broken(spoil, Deed(SETUP_MS + 60_000, "burst", 0, 1))
    assert "FLASH of log" in found["bounded"]


def test_a_log_that_grows_after_it_fell_mute_is_seen() -> None:
    """Only an adoption ends that, and then in another log."""

    def spoil(simulation: Simulation) -> None:
        alpha, checker = simulation.world.machines[0], simulation.checkers.come_back
        own = line_at(simulation, 0).own
        checker._mute[alpha.name, own.id] = simulation.world.now_ms
        checker._most[alpha.name, own.id] = 1
        simulation.record.frame(alpha, next(iter(alpha.connections.values())), b"")

    assert "fallen mute" in broken(spoil)["come back"]


def test_what_was_entered_before_a_node_fell_mute_is_no_growth() -> None:
    """An entry whose link was gone has left with no frame, and was signed by right all the same."""

    def spoil(simulation: Simulation) -> None:
        alpha, checker = simulation.world.machines[0], simulation.checkers.come_back
        own = line_at(simulation, 0).own
        checker._most[alpha.name, own.id] = own.size - 1
        alpha.change(lambda step: fall_mute(step, line_at(simulation, 0), "a test"))
        simulation.record.frame(alpha, next(iter(alpha.connections.values())), b"")

    assert "come back" not in broken(spoil)


def test_a_body_that_is_at_one_reader_alone_is_seen() -> None:
    """Whoever is addressed has it, or has said that it lacks."""

    def spoil(simulation: Simulation) -> None:
        change = "UPDATE entry SET body = NULL WHERE kind = 6"
        database(simulation.world.machines[1]).run(change)

    found = broken(spoil)
    assert "the body of" in found["nothing lost"]
    assert "without its body" in found["receipts"]
    assert "has not said that it lacks" in found["liveness"]


def test_an_offer_that_is_shown_as_less_than_it_is_is_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is final is worked out a second time."""
    offer = Deed(SETUP_MS + 60_000, "offer", 0, 5)
    assert not broken(lambda _: None, offer)
    monkeypatch.setattr("detente.core.decisions._Case._withdrawals_of", lambda *_: [None])
    monkeypatch.setattr("detente.core.decisions._Case._sealer_knows", lambda *_: True)
    assert "offer" in broken(lambda _: None, offer)["decisions"]


def purge() -> Deed:
    return Deed(SETUP_MS + 300_000, "purge", 0, 4)


def rest_on_more(simulation: Simulation, more: int, **changes: bytes) -> None:
    """What the checker has seen final rested on so many more entries of every log."""
    checker = simulation.checkers.decisions
    checker.look()
    assert checker._final
    for key, one in checker._final.items():
        rests_on = {log: size + more for log, size in one.rests_on.items()}
        checker._final[key] = one._replace(rests_on=rests_on, **changes)


def test_a_final_seal_is_taken_back_only_where_all_have_lost_what_it_rests_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who lost its disk has back what any other holds, and what nobody holds is lost for good."""
    monkeypatch.setattr("detente.sim.checkers.decisions.fault_of", lambda *_: "")

    def said(more: int) -> str:
        def spoil(simulation: Simulation) -> None:
            rest_on_more(simulation, more)
            simulation.record.lost_disks.add("alpha")
            patch.setattr("detente.core.decisions.incomplete", lambda *_: [line_at(simulation, 0)])

        with monkeypatch.context() as patch:
            return broken(spoil, Deed(SETUP_MS + 60_000, "offer", 0, 4)).get("decisions", "")

    assert "alpha took back" in said(0)
    assert "bravo took back" in said(1_000)


@pytest.mark.parametrize(("more", "seen"), [(0, True), (1_000, False)])
def test_another_seal_of_one_offer_is_final_only_where_the_first_is_lost(
    more: int, seen: bool
) -> None:
    """Of two seals of one offer a node that lost its disk may have the second alone."""

    def spoil(simulation: Simulation) -> None:
        rest_on_more(simulation, more, seal=bytes(32))
        simulation.record.lost_disks.update(("alpha", "bravo"))

    told = broken(spoil, Deed(SETUP_MS + 60_000, "offer", 0, 4)).get("decisions", "")
    assert ("another seal" in told) is seen


@pytest.mark.parametrize(
    ("more", "lost", "seen"), [(0, True, True), (1_000, True, False), (1_000, False, True)]
)
def test_another_charter_is_in_force_only_where_all_have_lost_the_one_before(
    more: int, lost: bool, seen: bool
) -> None:
    """A number has a second charter where disks were lost, and with them all that made the first
    one final; where anybody still holds that, it has not."""

    def spoil(simulation: Simulation) -> None:
        log = line_at(simulation, 0).logs[LogId(0, 0, b"")]
        before = {b"the charter before": {log.id: log.size + more}}
        simulation.checkers.decisions._charters[0] = before
        if lost:
            simulation.record.lost_disks.add("alpha")

    assert ("another charter 0" in broken(spoil).get("decisions", "")) == seen


@pytest.mark.parametrize(("frozen", "covered"), [(-1, 0), (1, 0), (1, 1)])
def test_a_receipt_that_is_owed_is_seen(frozen: int, covered: int) -> None:
    """Up to where another's log is frozen, and not beyond."""

    def spoil(simulation: Simulation) -> None:
        log = line_at(simulation, 1).logs[LogId(0, 0, b"")]
        assert log.called > 1
        log.frozen, log.covered = frozen, covered

    owed = "bravo owes a receipt" in broken(spoil).get("liveness", "")
    assert owed == (covered < 1)
