"""What a line of the second node says by itself: entries, signatures, heartbeats, streams.

Written from spec/log.md §5, §7 and session.md §4, §6, §8 alone.
"""

from __future__ import annotations

from interop.peer_bytes import (
    CHARTER,
    CLOCK,
    LACKS,
    NO_RECEIPT,
    SEEN,
    WITH_SERIAL,
    Leaf,
    LogId,
    check,
    commitment,
    leaf_hash,
    log_id,
    signed,
    u40,
    varint,
)
from interop.peer_frames import cosign, full_batch, hello, presence, tag
from interop.peer_held import Held, Session, read_extra
from interop.peer_notes import checkpoint, cosigned, subtree, verifies
from interop.peer_trees import Tape, tree_root


class Speaker(Held):
    """A line that states what it holds and says what it was given to say (log.md §7)."""

    # Own entries

    def accept(self) -> None:
        """Officers accept the charter: leaf 0 (charter.md §3.1)."""
        self._enter(CHARTER, 1, (), b"", (bytes(16), self.charter.text))

    def say(
        self,
        kind: int,
        body: bytes | None,
        precedence: int = 1,
        refs: tuple[bytes, ...] = (),
        extra: bytes = b"",
        salt: bytes = b"",
        audience: int | None = None,
    ) -> None:
        """Queue something; it is durable before anybody is told (log.md §7)."""
        pair = None if body is None else (salt or self.random(16), body)
        audience = self.charter.everyone if audience is None else audience
        self.keep("draft", kind, precedence, audience, refs, extra, pair)

    def _enter(
        self,
        kind: int,
        precedence: int,
        refs: tuple[bytes, ...],
        extra: bytes,
        body: tuple[bytes, bytes] | None = None,
        audience: int | None = None,
    ) -> None:
        """Sign one entry, with every new `seen`, alone under its head (log.md §3, §7.3)."""
        tape = self.tapes.get(self.mine, Tape())
        lacked = read_extra(Leaf(kind, extra=extra)) if kind == LACKS else None
        if lacked is not None:  # it excepts what it names, so the same leaf may cover it
            self.excepted.setdefault(lacked["log"], set()).update(lacked["indices"])
            self._hold(lacked["log"], self.now)
        seen = []
        for log in sorted(self.tapes):
            size = self.held(log)
            if log != self.mine and kind != CHARTER and size > self.covered.get(log, 0):
                seen.append((log, size, self.tapes[log].root(size), self.tapes[log].held_at[size]))
        serial = (self.serial + 1) * (kind in WITH_SERIAL)
        flags = precedence | 8 * self.charter.drill | 16 * (body is not None)
        bound = commitment(*body) if body is not None else b""
        everyone = self.charter.everyone if audience is None else audience
        leaf = Leaf(
            kind, flags, everyone, serial, self.now, self.error, tuple(seen), refs, extra, bound
        )
        raw = leaf.encode()
        text = checkpoint(
            self.origin(self.mine), len(tape.leaves) + 1, tree_root([*tape.hashes, leaf_hash(raw)])
        )
        signature = self.keys.log[self.mine[1]].sign(text.encode())
        check(
            verifies(self.card_of(self.mine).pairs[self.mine[1]][0], signature, text.encode()),
            "disk",
        )
        self.keep("entries", self.mine, [(raw, body)], signature, self.now)
        for log, size, *_ in seen:
            if size >= self.held(log):
                self.seen_due.pop(log, None)

    def open(self) -> bool:
        """Whether every founding member's leaf 0 is held (log.md §7.1)."""
        return all(one.number in {log[0] for log in self.tapes} for one in self.charter.members)

    def is_confirmed(self) -> bool:
        """Whether the other has confirmed on a link that is up all of this log (session.md §6)."""
        size = len(self.tapes[self.mine].leaves)
        return any(session.confirmed == size for session in self.sessions.values())

    def is_received(self) -> bool:
        """Whether the other's `seen` covers all of this log that calls for one (log.md §3)."""
        own = self.tapes[self.mine]
        stated = max(self.stated.values(), default=0)
        rest = [own.leaf(index) for index in range(stated, len(own.leaves))]
        return all(leaf is not None and leaf.kind in NO_RECEIPT for leaf in rest)

    def set_duty(self, on: bool) -> None:
        """The desk is attended or not: told at the next tick (session.md §8)."""
        self.duty = on
        for session in self.sessions.values():
            session.beat = -1e9

    # Time

    def tick(self) -> None:
        """Do what is due now (log.md §5.7, §7; session.md §6, §8)."""
        live = [one for one in self.sessions.values() if one.channel is not None and one.said]
        for session in self.sessions.values():
            if session.said and self.steady - session.beat >= 30:
                self._beat(session)
        step, self.clock = self.now - self.clock, self.now
        if step < -1:
            self.todo.append((CLOCK, 1, (), signed(step)))
        if live:
            self._chase_bodies(live[0])
        if self.greeted and not self.mute:
            for session in live:
                self._cosign_due(session)
            while self.todo:
                self._enter(*self.todo.pop(0))
            self._sequence(live)
            for log, (due, precedence) in sorted(self.seen_due.items()):
                if (
                    live
                    and due <= self.steady
                    and log in self.seen_due
                    and self.held(log) > self.covered.get(log, 0)
                ):
                    self._enter(SEEN, precedence, (), b"")
        for session in live[:1]:
            self._stream(session)
            if not self.mute:
                self._quantum_due(session)

    def _sequence(self, live: list[Session]) -> None:
        while self.drafts and live and self.open():
            best = max(
                range(len(self.drafts)), key=lambda place: (self.drafts[place].precedence, -place)
            )
            draft, size = self.drafts[best], len(self.tapes[self.mine].leaves)
            if draft.precedence < 4 and size - max(one.confirmed for one in live) >= (
                512 if self.wide else 1
            ):
                return
            self.keep("sequenced", best)
            self._enter(
                draft.kind, draft.precedence, draft.refs, draft.extra, draft.body, draft.audience
            )

    def _chase_bodies(self, session: Session) -> None:
        limit = int(self.charter.values["lacks-after-s"])
        for (log, index), (since, asked) in [*self.missing.items()]:
            if index in self.excepted.get(log, set()):
                continue
            if self.steady - asked >= 5:
                self._send(session, tag("want", 1) + b"\2" + log_id(log) + varint(index))
                self.missing[log, index] = (since, self.steady)
            if self.steady - since >= limit:
                self.todo.append((LACKS, 1, (), log_id(log) + varint(1) + varint(index)))

    def _cosign_due(self, session: Session) -> None:
        for log, due in [*self.cosign_due.items()]:
            if log[0] == session.member and due <= self.steady:
                self._cosign(session, log)

    def _cosign(self, session: Session, log: LogId) -> None:
        size, tape = self.held(log), self.tapes[log]
        at, text = tape.held_at[size], checkpoint(self.origin(log), size, tape.root(size))
        signature = self.keys.holds[self.mine[1]].sign(cosigned(text, at))
        self.keep("cosignature", log, size, self.me, (at, signature))
        leaf = tape.leaf(size - 1)
        late = at - (leaf.time if leaf is not None else 0)
        self._send(session, cosign(1, size, log, session.member, late, signature))

    def _quantum_due(self, session: Session) -> None:
        if not self.wide:
            return
        due = (
            [(self.mine, len(self.tapes[self.mine].leaves), "author")]
            if self.pq_due <= self.steady
            else []
        )
        due += [
            (log, size, "holds") for log, size in sorted(self.pq_hold) if log[0] == session.member
        ]
        for log, size, role in due:
            tape, at = self.tapes[log], self.now
            message = subtree(
                f"detente-{role}/v1/{self.keys.party()}",
                at,
                self.origin(log),
                size,
                tape.root(size),
            )
            signature = (self.keys.log_pq if role == "author" else self.keys.holds_pq).sign(message)
            self.keep("quantum", log, size, self.me, (at, signature))
            self._send(
                session, tag("quantum", 1) + log_id(log) + varint(size) + u40(at) + signature
            )

    def _stream(self, session: Session) -> None:
        for log in sorted(session.sent):
            tape = self.tapes.get(log, Tape())
            while session.sent[log] < len(tape.leaves):
                start = session.sent[log]
                if not self.wide and start > session.confirmed and log == self.mine:
                    break
                ends = [size for size in tape.heads if start < size <= start + 32]
                end = (min if not self.wide else max)(ends, default=0) or min(
                    s for s in tape.heads if s > start
                )
                items = []
                for index in range(start, end):
                    shown = self.addressed(tape.leaf(index), session.member)
                    items.append((tape.leaves[index], tape.bodies.get(index) if shown else None))
                named = None if log == self.mine else log
                self._send(session, full_batch(1, named, start, items, tape.heads[end]))
                session.sent[log] = end

    def _beat(self, session: Session) -> None:
        session.beat = self.steady
        self._send(session, presence(1, self.duty, self.error, self.now))

    # Links

    def _send(self, session: Session, frame: bytes) -> None:
        self.out.append(("send", session.link, frame))

    def link_up(self, link: int, party: str, answer: bool = False) -> None:
        """A bearer to this party is there: say hello (session.md §4)."""
        self.sessions[link] = Session(link, party, beat=self.steady)
        self._hello(self.sessions[link], answer)

    def link_down(self, link: int) -> None:
        """Nothing of a session outlives its link (session.md §2)."""
        self.sessions.pop(link, None)

    def _hello(self, session: Session, answer: bool = False) -> None:
        heads = []
        for log in sorted(self.tapes):
            size = max(self.tapes[log].heads)
            heads.append((log, size, self.tapes[log].root(size), self.tapes[log].heads[size]))
        current = self.mine if self.mine in self.tapes else None
        session.said = True
        self._send(
            session, hello(1, self.id, self.me, self.random(16), current, heads, self.mute, answer)
        )

    def alarm(self, text: str) -> None:
        """Tell people (session.md §7)."""
        self.alarms.append(text)

    def _want(self, session: Session, what: int, log: LogId, index: int) -> None:
        self._send(session, tag("want", 1) + bytes([what]) + log_id(log) + varint(index))
