"""A line of the second node: a pure machine of frames in and effects out.

Written from spec/session.md alone. Inputs are method calls with `now` and `steady` set before;
effects are collected in `out`.
"""

from __future__ import annotations

from typing import Any

from interop.peer_bytes import (
    ACCIDENT,
    CHARTER,
    DISPATCH,
    HELD_AHEAD,
    MARK,
    NO_RECEIPT,
    QUOTE,
    RESUME,
    SEEN,
    Leaf,
    LogId,
    Reader,
    RefusedError,
    check,
    commitment,
    counted,
    leaf_hash,
    leaf_or_none,
    log_id,
    u40,
    varint,
)
from interop.peer_frames import Frame, Known, read_frame, read_item, rebuild, refuse, tag
from interop.peer_held import Session, read_extra
from interop.peer_notes import checkpoint, cosigned, subtree, verifies
from interop.peer_speaking import Speaker
from interop.peer_trees import (
    Tape,
    consistency_path,
    frontier,
    inclusion_path,
    root_behind_gap,
    tree_root,
)

_NOT_COUNTED = """unknown-line unknown-log want-full frozen over-quota not-in-audience not-held
purged"""
NOT_COUNTED = set(_NOT_COUNTED.split())
MAY_OVERTAKE = {SEEN, HELD_AHEAD, DISPATCH, ACCIDENT, MARK}


class Line(Speaker):
    """A line of two parties at one of them.

    It makes no accusation, no amendment, no adoption, sends no link tests and keeps no quotas.
    Shown what it does not hold of its own log it falls mute; shown two histories it tells people.
    """

    def frame(self, link: int, data: bytes) -> None:
        """Take a frame, or refuse it by number (session.md §7)."""
        session, channel = self.sessions[link], 0
        try:
            if data and data[0] & 15 == session.channel:
                channel = 1
            frame = read_frame(data)
            if frame.name == "hello":
                self._take_hello(session, frame)
            elif frame.name == "refuse":
                self._take_refuse(session, frame)
            elif frame.name == "notice":
                check(frame.channel == 0, "out-of-turn")
                self.out.append(("offered", session.party, frame.fields["data"]))
            else:
                check(frame.channel == session.channel, "out-of-turn")
                getattr(self, "_take_" + frame.name.replace("-", "_"))(session, **frame.fields)
        except RefusedError as refusal:
            self._send(session, refuse(channel, refusal))
            session.bad += refusal.word not in NOT_COUNTED
            if session.bad >= 8:
                self.out.append(("close", link, refusal.word))

    def _take_hello(self, session: Session, frame: Frame) -> None:
        fields = frame.fields
        check(fields["line"] == self.id, "unknown-line")
        numbers = [one.number for one in self.charter.members if one.party == session.party]
        check(numbers != [], "unknown-line")
        number = numbers[0]
        check(frame.channel > 0 and fields["member"] == number, "not-allowed")
        check(fields["current"] is None or fields["current"][0] == number, "not-allowed")
        first = session.channel is None
        session.channel, session.member, session.current = frame.channel, number, fields["current"]
        session.next, session.asked, session.confirmed = {}, set(), 0
        session.sent = {log: 0 for log in self.tapes if log[0] == self.me}
        self.greeted = True
        if (first and not session.said) or fields["answer"]:
            self._hello(session)
        self._take_heads(session, fields["heads"])
        self.pq_due = min(
            self.pq_due, self.steady
        )  # nothing asks for it again, and a link may have gone under it

    def _take_heads(self, session: Session, heads: list[Any]) -> None:
        bad = None
        for log, size, root, signature in heads:
            key = self.card_of(log).pairs[log[1]][0]
            if not verifies(key, signature, checkpoint(self.origin(log), size, root).encode()):
                bad = bad or RefusedError("bad-signature")
                continue
            here = self.root(log, size)
            if log[0] == self.me:
                if here != root:
                    self.alarm(f"a head of our own of size {size} that is not here: mute")
                    self.mute = True
                elif log in session.sent:
                    session.sent[log] = max(session.sent[log], size)
                    session.confirmed = max(session.confirmed, size)
            elif here not in (None, root):
                self.alarm(f"two histories of log {log} at size {size}")
        if bad is not None:
            raise bad

    def _take_refuse(self, session: Session, frame: Frame) -> None:
        word, log, index = frame.fields["refusal"], frame.fields["log"], frame.fields["index"]
        self.out.append(("refused", session.link, word, log, index))
        if word in ("bad-signature", "want-full", "over-quota") and log == self.mine:
            session.sent.pop(log, None)  # it rests on this link

    def _take_presence(self, session: Session, **fields: Any) -> None:
        self.out.append(("presence", session.link, fields))

    def _take_got(self, session: Session, log: LogId, size: int) -> None:
        check(log in self.tapes and size <= len(self.tapes[log].leaves), "not-held")
        if log == self.mine:
            session.confirmed = max(session.confirmed, size)

    # Entries

    def _take_entries(self, session: Session, **batch: Any) -> None:
        named: LogId | None = batch["log"] or session.current
        if named is None:
            raise RefusedError("unknown-log")
        log = named
        try:
            key = self.card_of(log).pairs[log[1]][0]
        except RefusedError as refusal:
            raise RefusedError(refusal.word, log) from None
        tape = self.tapes.get(log, Tape())
        start = batch["start"] if batch["start"] is not None else session.next.get(log)
        if start is None or start > len(tape.leaves):
            if log not in session.asked:
                self._want(session, 0, log, len(tape.leaves))
            return
        items = self._rebuilt(session, log, start, batch, tape, key)
        if items is None:
            return
        items, signature = items
        session.asked.discard(log)
        end = start + len(items)
        fresh = items[max(0, len(tape.leaves) - start) :]
        overlap = min(len(tape.leaves), end) - start
        if [leaf_hash(raw) for raw, _ in items[:overlap]] != tape.hashes[start : start + overlap]:
            self.alarm(f"two histories of log {log}")
            raise RefusedError("frozen", log, start)
        if start == 0:
            self._check_first(log, items[0][0])
        for raw, body in items:
            leaf = leaf_or_none(raw)
            check(
                body is None or leaf is None or commitment(*body) == leaf.commitment,
                "bad-commitment",
            )
        session.next[log] = end
        if log[0] == self.me and fresh:
            self.alarm("entries of our own that are not here: mute")
            self.mute = True
            return
        for index in range(start, start + overlap):
            if items[index - start][1] is not None and (log, index) in self.missing:
                self.keep("body", log, index, items[index - start][1], self.now)
        if fresh:
            first, stated = len(tape.leaves), self.stated.get(log[0], 0)
            self.keep("entries", log, fresh, signature, self.now)
            self._react(session, log, first, stated)
        if batch["confirm"]:
            self._send(session, tag("got", 1) + log_id(log) + varint(end))

    def _rebuilt(
        self,
        session: Session,
        log: LogId,
        start: int,
        batch: dict[str, Any],
        tape: Tape,
        key: bytes,
    ) -> Any:
        """The items and signature of a batch that verifies; none if asked for in full."""
        full = False
        known = Known(self.root, self._hash, self.mine)
        try:
            items, signature, full = rebuild(
                batch, tape.leaves[start - 1] if start else None, known
            )
            root = tree_root(tape.hashes[:start] + [leaf_hash(raw) for raw, _ in items])
            text = checkpoint(self.origin(log), start + len(items), root).encode()
            check(verifies(key, signature, text), "bad-signature")
        except RefusedError as refusal:
            if refusal.word == "bad-signature" and full:
                session.asked.discard(log)
                raise RefusedError("bad-signature", log, start) from None
            if refusal.word not in ("want-full", "bad-signature"):
                raise
            check(log not in session.asked, "want-full")
            session.asked.add(log)
            self._want(session, 1, log, start)
            return None
        return items, signature

    def _hash(self, log: LogId, index: int) -> bytes | None:
        tape = self.tapes.get(log)
        return tape.hashes[index] if tape is not None and index < len(tape.hashes) else None

    def _check_first(self, log: LogId, raw: bytes) -> None:
        leaf = leaf_or_none(raw)
        if log[2]:
            fields = read_extra(leaf) if leaf is not None and leaf.kind == RESUME else {}
            check((fields.get("k"), fields.get("life")) == log[1:], "bad-leaf")
        else:
            check(
                leaf is not None and leaf.kind == CHARTER and leaf.commitment == self.id,
                "charter-mismatch",
            )

    def _react(self, session: Session, log: LogId, first: int, stated: int) -> None:
        """What new entries call for beside receipts: bodies, quotes, disputes (log.md §5)."""
        tape = self.tapes[log]
        for index in range(first, len(tape.leaves)):
            leaf = tape.leaf(index)
            if (log, index) in self.missing:
                self._want(session, 2, log, index)
                self.missing[log, index] = (self.steady, self.steady)
            if leaf is None:
                continue
            for other, size, root, at in leaf.seen:
                if other == self.mine and root == self.root(other, size):
                    session.confirmed = max(session.confirmed, size)
                    self._quote_late(log[0], stated, at)
                    stated = max(stated, size)
            if leaf.kind == QUOTE:
                self._judge_quote(log, leaf, tape.hashes[index])

    def _quote_late(self, member: int, before: int, at: int) -> None:
        """Quote the member's own cosignature where its `seen` is late (log.md §5.9)."""
        within, late = int(self.charter.values["seen-within-s"]), at
        for (log, held, who), (time, signature) in sorted(self.cosigned.items(), reverse=True):
            if log == self.mine and who == member and before < held and time + within < late:
                late = time
                extra = (
                    log_id(log) + varint(held) + varint(member) + varint(0) + u40(time) + signature
                )
                self.todo.append((QUOTE, 1, (), extra))

    def _judge_quote(self, log: LogId, leaf: Leaf, hash_: bytes) -> None:
        """Dispute a quote in our name that we never signed (log.md §5.10)."""
        try:
            fields = read_extra(leaf)
        except RefusedError:
            return
        root = self.root(fields["log"], fields["size"])
        key = self.card_of(self.mine).pairs[fields["k"] % 16][1]
        text = checkpoint(self.origin(fields["log"]), fields["size"], root or b"")
        if (
            not verifies(key, fields["signature"], cosigned(text, fields["time"]))
            and fields["member"] == self.me
        ):
            self.todo.append((MARK, 1, (hash_,), bytes([9, 1, 0])))

    def _take_body(
        self, session: Session, log: LogId, index: int, salt: bytes, body: bytes
    ) -> None:
        tape = self.tapes.get(log, Tape())
        check(index < len(tape.leaves), "not-held")
        check(tape.hashes[index] not in self.purged, "purged")
        if index in tape.bodies:
            return
        leaf = tape.leaf(index)
        check(leaf is not None and commitment(salt, body) == leaf.commitment, "bad-commitment")
        assert leaf is not None
        lacked = index in self.excepted.get(log, set())
        self.keep("body", log, index, (salt, body), self.now)
        if lacked:
            extra = log_id(log) + varint(index) + tape.hashes[index] + u40(self.now)
            self.todo.append((HELD_AHEAD, leaf.precedence, (tape.hashes[index],), extra))

    def _take_ahead(
        self,
        session: Session,
        log: LogId,
        base: int,
        index: int,
        cover: list[bytes],
        signature: bytes,
        item: bytes,
    ) -> None:
        check(log == session.current and log in self.tapes, "unknown-log")
        tape = self.tapes[log]
        check(base <= len(tape.leaves), "bad-proof")
        known, full = Known(self.root, self._hash, self.mine), bool(item) and bool(item[0] & 64)
        try:
            reader = Reader(item)
            (raw, pair), _ = read_item(reader, leaf_or_none(tape.leaves[base - 1]), known)
            reader.end()
            root = root_behind_gap(base, frontier(tape.hashes[:base]), index, cover, leaf_hash(raw))
            text = checkpoint(self.origin(log), index + 1, root).encode()
            check(verifies(self.card_of(log).pairs[log[1]][0], signature, text), "bad-signature")
        except RefusedError as refusal:
            if full or refusal.word == "bad-proof":
                raise
            again = (log, index) in session.unread or len(session.unread) >= 64
            session.unread.add((log, index))
            word = "bad-signature" if again else "want-full"
            raise RefusedError(word, log, index) from None
        leaf = leaf_or_none(raw)
        check(leaf is not None and leaf.kind in MAY_OVERTAKE, "bad-leaf")
        assert leaf is not None
        check(pair is None or commitment(*pair) == leaf.commitment, "bad-commitment")
        kept = self.ahead.get(log, {})
        check(len(kept) < 64, "over-quota")
        if index < len(tape.leaves) or index in kept:
            return
        self.keep("ahead", log, index, (raw, pair, signature))
        here = pair is not None or not self.addressed(leaf, self.me)
        if leaf.kind not in NO_RECEIPT and leaf.kind != MARK and here:
            extra = log_id(log) + varint(index) + leaf_hash(raw) + u40(self.now)
            self.todo.append((HELD_AHEAD, leaf.precedence, (leaf_hash(raw),), extra))

    # Signatures and questions

    def _take_cosign(
        self, session: Session, log: LogId | None, size: int, late_s: int, signature: bytes
    ) -> None:
        log = log or (self.me, 0, b"")
        check(log[0] == self.me and log in self.tapes, "unknown-log")
        tape = self.tapes[log]
        check(0 < size <= len(tape.leaves), "not-held")
        leaf = tape.leaf(size - 1)
        at = (leaf.time if leaf is not None else 0) + late_s
        check(0 <= at < 2**40)
        check(session.current is not None, "unknown-log")
        assert session.current is not None
        key = self.card_of(session.current).pairs[session.current[1]][1]
        text = checkpoint(self.origin(log), size, tape.root(size))
        check(verifies(key, signature, cosigned(text, at)), "bad-signature")
        session.confirmed = max(session.confirmed, size)
        self.keep("cosignature", log, size, session.member, (at, signature))

    def _take_quantum(
        self, session: Session, log: LogId, size: int, time_s: int, signature: bytes
    ) -> None:
        root = self.root(log, size)
        if root is None:
            return
        role, key = (
            ("author", "log-mldsa44") if log[0] == session.member else ("holds", "holds-mldsa44")
        )
        message = subtree(
            f"detente-{role}/v1/{session.party}", time_s, self.origin(log), size, root
        )
        check(verifies(self.cards[session.party].keys[key], signature, message), "bad-signature")
        self.keep("quantum", log, size, session.member, (time_s, signature))

    def _take_want(
        self, session: Session, what: int, log: LogId, index: int, **_chunk: int
    ) -> None:
        tape = self.tapes.get(log, Tape())
        if what < 2:
            check(log in self.tapes and index <= len(tape.leaves), "not-held")
            session.sent[log] = index
        elif what == 2:
            check(index < len(tape.leaves), "not-held")
            check(self.addressed(tape.leaf(index), session.member), "not-in-audience")
            if tape.hashes[index] in self.purged:
                raise RefusedError("purged", log, index)
            check(index in tape.bodies, "not-held")
            salt, body = tape.bodies[index]
            self._send(session, tag("body", 1) + log_id(log) + varint(index) + salt + counted(body))
        else:
            check(not self.mute, "mute")
            check(log[0] == session.member and self.held(log) > 0, "not-allowed")
            self._cosign(session, log)

    def _take_ask_proof(
        self, session: Session, log: LogId, inclusion: bool, at: int, size: int
    ) -> None:
        tape = self.tapes.get(log, Tape())
        check(0 < size <= len(tape.leaves), "not-held")
        check(at < size if inclusion else 0 < at <= size, "bad-proof")
        path = (inclusion_path if inclusion else consistency_path)(tape.hashes[:size], at)
        raw, root = (tape.leaves[at], bytes(32)) if inclusion else (b"", tape.root(at))
        head = tag("show-proof", 1) + log_id(log) + bytes([inclusion]) + varint(at) + varint(size)
        self._send(session, head + varint(len(path)) + b"".join(path) + counted(raw) + root)

    def _take_show_proof(self, session: Session, **_fields: Any) -> None:
        raise RefusedError("out-of-turn")
