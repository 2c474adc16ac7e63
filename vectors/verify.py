"""A second verifier, as small as can be, written from spec/ alone: it shares no code with Détente.

    python vectors/verify.py FILE --card CARD [--card CARD ...] [--revocation FILE] [--now SECONDS]

FILE is a checkpoint, a proof, a bundle of proofs or a transcript. The exit status is 0 when all of
it holds under the cards given, and 1 otherwise. Left out: accusations, what bodies say (they are
not decompressed, so that revocations entered in a log are not read), `held-ahead` receipts, how
much of a revoked log others hold, and whether a card's keys are of prime order. `cryptography`
gives Ed25519 and ML-DSA-44; everything else is the standard library.
"""
# ruff: noqa: ANN001, ANN002, ANN201, ANN204, INP001, T201, PTH123, SIM115

from __future__ import annotations

import base64
import calendar
import hashlib
import sys
import time
from itertools import pairwise

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519, mldsa


class Bad(Exception):  # noqa: N818
    """What does not hold."""


def need(holds, what):
    if not holds:
        raise Bad(what)


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def b64(data):
    return base64.b64encode(data).decode()


def unb64(text):  # encoding.md §4
    data = base64.b64decode(text, validate=True)
    need(b64(data) == text, "base64 not in its one form")
    return data


def number(text):
    need(text.isascii() and text.isdigit() and str(int(text)) == text, "not a decimal")
    need(int(text) < 1 << 63, "a number too large")
    return int(text)


def hexed(text, length):
    need(len(text) == 2 * length and not text.strip("0123456789abcdef"), "not hex")
    return bytes.fromhex(text)


class Reader:  # encoding.md §2, §3; log ids: log.md §2
    def __init__(self, data):
        self.data = data

    def take(self, count):
        taken, self.data = self.data[:count], self.data[count:]
        need(len(taken) == count, "cut short")
        return taken

    def varint(self, most=(1 << 63) - 1):
        value = 0
        for shift in range(0, 63, 7):
            byte = self.take(1)[0]
            value |= (byte & 127) << shift
            if byte < 128:
                need((byte or not shift) and value <= most, "varint")
                return value
        raise Bad("varint too long")

    def counted(self, most):
        return self.take(self.varint(most))

    def log(self):
        member, word = self.varint(31), self.varint(31)
        return member, word >> 1, self.take(8) if word & 1 else b""


def leaf_of(raw):  # log.md §2
    """Kind, commitment and `seen` of a leaf; None for signed bytes that are none."""
    try:
        reader, seen = Reader(raw), []
        form, kind, flags = reader.take(3)
        need(len(raw) <= 4096 and form == 1 and flags < 64 and flags & 7 < 6, "leaf")
        reader.varint((1 << 32) - 1), reader.varint(), reader.take(7)
        for _ in range(reader.varint(64)):
            seen.append((reader.log(), reader.varint(), reader.take(32)))
            reader.take(5)
        need(all(a[0] < b[0] for a, b in pairwise(seen)), "seen")
        reader.take(32 * reader.varint(32)), reader.counted(1536)
        commitment = reader.take(32) if flags & 16 else None
        need(len(reader.data) == (32 if flags & 32 else 0), "leaf")
    except Bad:
        return None
    return kind, commitment, seen


def check_leaf(raw, line, life, *, first, opened=None):  # log.md §5, commitment.md §2
    leaf = leaf_of(raw)
    if first:
        need(leaf and (leaf[0] == 1 if life else leaf[:2] == (0, line)), "leaf 0")
    if opened is not None:
        need(leaf and leaf[1] == sha(b"detente body v1\n", *opened), "a body of another leaf")
    return leaf


def root_of(hash_, at, size, path):  # RFC 9162 §2.1.3.2
    need(at < size, "no such leaf")
    last = size - 1
    for item in path:
        need(last > 0 and len(item) == 32, "path")
        if at & 1 or at == last:
            hash_ = sha(b"\1", item, hash_)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            hash_ = sha(b"\1", hash_, item)
        at, last = at >> 1, last >> 1
    need(last == 0, "path")
    return hash_


def signed(public, signature, message, context=b""):
    try:
        if len(public) == 32:
            ed25519.Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
        else:
            mldsa.MLDSA44PublicKey.from_public_bytes(public).verify(signature, message, context)
    except InvalidSignature:
        return False
    return True


def key_id(name, public, types):  # notes.md §3
    kind = types[len(public) != 32]
    return sha(name.encode(), b"\n", kind, public)[:4]


NOTE, COSIGN = (b"\1", b"\xffdetente.note/ml-dsa-44"), (b"\4", b"\6")


def note_of(data):  # notes.md §2
    text, found = data.decode(), []
    need(not any(c < " " and c != "\n" for c in text) and text.endswith("\n"), "note")
    body, gap, lines = text[:-1].rpartition("\n\n")
    for line in lines.split("\n"):
        words = line.split(" ")
        need(len(words) == 3 and words[0] == "—" and words[1] and "+" not in words[1], "note")
        need(not any(map(str.isspace, words[1])), "key name")
        raw = unb64(words[2])
        need(len(raw) > 4, "signature line")
        found.append((words[1], raw[:4], raw[4:]))
    need(gap and len(found) <= 16, "note")
    return body + "\n", found


class Cards:  # identity.md §3, §5, §7
    def __init__(self, files):
        self.files, self.logs, self.cosigners, self.parties = files, {}, {}, {}
        self.revoked = {}
        for data in files:
            text, lines = note_of(data)
            rows = dict(line.split(" ", 1) for line in text[:-1].split("\n"))
            keys = {word: unb64(rows[word]) for word in rows if word.endswith(("519", "a44"))}
            roots = keys["root-ed25519"], keys["root-mldsa44"]
            party = sha(b"detente party v1\n", *roots).hex()
            name = f"detente-root/v1/{party}"
            need(text.startswith("detente card v1\n") and party == rows["party"], "card")
            need([s[:2] for s in lines] == [(name, key_id(name, r, NOTE)) for r in roots], "roots")
            for root, (_, _, signature) in zip(roots, lines, strict=True):
                need(signed(root, signature, text.encode(), b"detente note v1"), "a root's word")
            keys |= {f"log {k}": unb64(rows[f"pair-{k}"].split(" ")[0]) for k in range(16)}
            keys |= {f"holds {k}": unb64(rows[f"pair-{k}"].split(" ")[1]) for k in range(16)}
            self.parties.setdefault(party, []).append(
                (number(rows["serial"]), rows["issued"], keys)
            )
            self.cosigner(f"detente-author/v1/{party}", keys["log-mldsa44"])
            self.cosigner(f"detente-holds/v1/{party}", keys["holds-mldsa44"])
            self.cosigner(f"detente-heads/v1/{party}", keys["heads-ed25519"])
            for k in range(16):
                log, holds = map(unb64, rows[f"pair-{k}"].split(" "))
                self.logs.setdefault((party, k), []).append(log)
                self.cosigner(f"detente-holds/v1/{party}/{k}", holds)

    def cosigner(self, name, public):
        self.cosigners.setdefault(name, []).append(public)

    def revoke(self, data):  # identity.md §9
        """Takes in a revocation: whose key it is, and the heads that its party stands by."""
        text, lines = note_of(data)
        rows = [line.split(" ", 1) for line in text[:-1].split("\n")]
        need(
            [row[0] for row in rows[1:6]] == ["party", "serial", "key", "reason", "issued"], "form"
        )
        party, serial, word, _, issued = (row[1] for row in rows[1:6])
        need(text.startswith("detente revocation v1\n") and party in self.parties, "whose key?")
        known = sorted(self.parties[party], key=lambda card: card[0])
        roots, name = [known[0][2][f"root-{kind}"] for kind in KINDS], f"detente-root/v1/{party}"
        need([s[:2] for s in lines] == [(name, key_id(name, r, NOTE)) for r in roots], "roots")
        for root, (_, _, signature) in zip(roots, lines, strict=True):
            need(signed(root, signature, text.encode(), b"detente note v1"), "a root's word")
        stands = [row[1].split(" ") for row in rows[6:] if row[0] == "stands"]
        need(len(stands) == len(rows) - 6, "a line that means nothing")
        of_day = [card for card in known if card[1] <= issued][-1:]
        of_day = of_day or known[: word not in {"tls", "kem"}]
        of_log = {origin: (number(size), unb64(root)) for origin, size, root in stands}
        for _, _, keys in of_day if word in WORDS or " " in word else ():
            key = keys[WORDS.get(word, word)]
            before = self.revoked.get(key, (number(serial), of_log))
            self.revoked[key] = min(before, (number(serial), of_log), key=lambda one: one[0])
        print(f"revoked: {word} of {party}, which stands by {(of_log and 'these:') or 'nothing'}")
        for origin, (size, root) in of_log.items():
            print(f"  size {size} of {origin}, root {root.hex()}")

    def stand(self, key, origin):
        """The size and root stood by of a revoked key, (0, b"") for none; None if not revoked."""
        return self.revoked[key][1].get(origin, (0, b"")) if key in self.revoked else None


KINDS = ("ed25519", "mldsa44")
WORDS = {"log-pq": "log-mldsa44", "holds-pq": "holds-mldsa44", "heads": "heads-ed25519"}


def origin_of(text, cards):  # identity.md §5
    """Line, party, life, and the keys that may sign this log."""
    parts = text.split("/")
    need(len(parts) == 5 and parts[:2] == ["detente", "v1"], "origin")
    word, dot, life = parts[4].partition(".")
    party, k = hexed(parts[3], 32).hex(), number(word)
    need((party, k) in cards.logs and not (dot and k == 0), "no card of the author")
    return hexed(parts[2], 32), party, hexed(life, 8) if dot else b"", cards.logs[party, k]


def cosigned(name, public, origin, size, root, at, signature):  # notes.md §5
    if len(public) == 32:
        text = f"cosignature/v1\ntime {at}\n{origin}\n{size}\n{b64(root)}\n"
        return signed(public, signature, text.encode())
    names = [bytes((len(word),)) + word.encode() for word in (name, origin)]
    time_s, end = at.to_bytes(8, "big"), size.to_bytes(8, "big")
    message = (b"subtree/v1\n\0", names[0], time_s, names[1], bytes(8), end, root)
    return signed(public, signature, b"".join(message))


def head_of(data, cards):  # notes.md §4, proof.md §2
    """Origin, size, root, whether the author's ML-DSA-44 signature is there, its Ed25519 key, and
    who else holds this tree, under keys that are not revoked."""
    text, lines = note_of(data)
    origin, size, root = text[:-1].split("\n")
    size, root, (_, party, _, keys) = number(size), unb64(root), origin_of(origin, cards)
    author = pq = key = False
    holders = set()
    for name, stated, raw in lines:
        for public in keys if name == origin else ():
            if stated == key_id(name, public, NOTE):
                author = signed(public, raw, text.encode())
                need(author, "the author's signature")
                key = public
        for public in cards.cosigners.get(name, ()):
            if stated == key_id(name, public, COSIGN):
                at = int.from_bytes(raw[:8], "big")
                need(len(raw) in {72, 2428} and at < 1 << 63, "cosignature")
                need(cosigned(name, public, origin, size, root, at, raw[8:]), "a cosignature")
                stood = cards.stand(public, origin) in {None, (size, root)}
                pq = pq or (stood and name == f"detente-author/v1/{party}")
                other = name.split("/")[2] if name.startswith("detente-holds/") else party
                holders |= {other} if stood and other != party else set()
                if stood and name.startswith("detente-heads/"):
                    print(f"witnessed (head only) by {name.split('/')[2]} at {at}: size {size}")
    need(author and len(root) == 32, "no signature of the author")
    return origin, size, root, pq, key, holders


def founded(charter, line):  # charter.md §3
    """Rows of the charter that opens a line."""
    need(sha(b"detente body v1\n", bytes(16), charter) == line, "the charter of another line")
    return [row.split(" ") for row in charter.decode().split("\n")]


def late(rows, now):
    until = next(row[1] for row in rows if row[0] == "ed25519-until")
    return now >= calendar.timegm(time.strptime(until, "%Y-%m-%dT%H:%M:%SZ"))


def is_build(word):
    return len(word) <= 64 and all("!" <= char <= "~" for char in word)


def check_proof(data, cards, now):  # proof.md §2
    head, _, note = data.partition(b"\n\n")
    words, *lines = head.decode().split("\n")
    extra = unb64(lines.pop(0)[6:]) if lines[0].startswith("extra ") else b""
    need(words == "c2sp.org/tlog-proof@v1" and lines[0].startswith("index "), "not a proof")
    index, path = number(lines[0][6:]), [unb64(line) for line in lines[1:]]
    origin, size, root, pq, key, holders = head_of(note, cards)
    reader = Reader(extra)
    need(reader.take(1) == b"\1", "opening")
    raw = reader.counted(4096)
    opened = (reader.take(16), reader.counted(65_536)) if reader.varint(1) else None
    charter, first = reader.counted(16_384), reader.counted(4096)
    first_path = [reader.take(32) for _ in range(reader.varint(63))]
    for _ in range(reader.varint(64)):
        reader.counted(4096).decode()
    need(is_build(reader.counted(64).decode()) and not reader.data, "opening")
    need(root_of(sha(b"\0", raw), index, size, path) == root, "the leaf is not in the tree")
    need(root_of(sha(b"\0", first), 0, size, first_path) == root, "leaf 0 is not in the tree")
    line, _, life, _ = origin_of(origin, cards)
    check_leaf(first, line, life, first=True)
    leaf = check_leaf(raw, line, life, first=False, opened=opened)
    rows = founded(charter, line)
    need(not late(rows, now) or pq, "Ed25519 alone, after its date")
    numbers = {row[3]: int(row[1]) for row in rows if row[0] == "member"}
    parts = origin.split("/")
    word, _, _ = parts[4].partition(".")
    log = numbers.get(parts[3]), int(word), life
    shown = {"line": line, "party": parts[3], "log": log, "key": key, "holders": holders}
    shown |= {"index": index, "tree": (size, root), "seen": leaf[2] if leaf else []}
    return origin, index, size, sha(b"\0", raw), root, shown


def stands(one, copies, cards, origin):  # proof.md §6
    """Whether its party stands by the head of one of these copies, its key being revoked or not."""
    stand = cards.stand(one["key"], origin)
    under = [copy["tree"] for copy in copies]
    return stand is None or (one["index"] < stand[0] and stand in under)


def covered(one, copies, shown, cards):
    """Whether another party states to hold one of these trees, under a key that stands."""
    trees = {(one["log"], *copy["tree"]) for copy in copies}
    for origin, others in shown.items():
        for other in others:
            same = [copy for copy in others if copy["index"] == other["index"]]
            elsewhere = (other["line"], other["party"]) == (one["line"], one["party"])
            named = other["line"] == one["line"] and trees & set(other["seen"])
            if named and not elsewhere and stands(other, same, cards, origin):
                return True
    return any(copy["holders"] for copy in copies)


def check_bundle(data, cards, now):  # proof.md §3
    parts, leaves, roots, shown = data.split(b"\n---\n"), {}, {}, {}
    parts = [part + b"\n" for part in parts[:-1]] + parts[-1:]
    for part in parts:
        if part.startswith(b"detente revocation v1\n"):
            cards.revoke(part)
    for part in parts:
        if part.startswith(b"detente revocation v1\n"):
            continue
        origin, index, size, hash_, root, one = check_proof(part, cards, now)
        shown.setdefault(origin, []).append(one)
        need(leaves.setdefault((origin, index), hash_) == hash_, "two leaves at one index")
        need(roots.setdefault((origin, size), root) == root, "two roots at one size")
        print(f"proven: entry {index} of {origin}, leaf {hash_.hex()}")
    for origin, those in shown.items():
        for one in those:
            copies = [copy for copy in those if copy["index"] == one["index"]]
            if not stands(one, copies, cards, origin):
                held = covered(one, copies, shown, cards)
                need(held, f"contested: entry {one['index']} of {origin}, whose key is revoked")
                print(f"not stood by, and held by another: entry {one['index']} of {origin}")


class Log:  # proof.md §4
    def __init__(self, origin, cards):
        self.origin, self.cosigners, self.cards = origin, cards.cosigners, cards
        self.line, self.party, self.life, self.keys = origin_of(origin, cards)
        self.size, self.peaks, self.heads, self.claims, self.pq = 0, [], {}, [], {}

    def root(self):
        root = self.peaks[-1]
        for peak in self.peaks[-2::-1]:
            root = sha(b"\1", peak, root)
        return root

    def entry(self, raw, *rest):
        raw, opened = unb64(raw), tuple(map(unb64, rest)) if len(rest) == 2 else None
        need(not opened or (len(opened[0]), len(opened[1]) <= 65_536) == (16, True), "body")
        need(opened or not rest or rest in {("purged",), ("missing",), ("notmine",)}, "entry")
        leaf = check_leaf(raw, self.line, self.life, first=self.size == 0, opened=opened)
        if leaf is None:
            need(not rest and len(raw) <= 4096, "no leaf where one must be")
        else:
            need((leaf[1] is None) == (not rest), "what became of the body")
            self.claims += leaf[2]
        hash_, size = sha(b"\0", raw), self.size
        while size & 1:
            hash_, size = sha(b"\1", self.peaks.pop(), hash_), size >> 1
        self.peaks.append(hash_)
        self.size += 1

    def head(self, word, size, *rest):
        size, signature, root = number(size), unb64(rest[-1]), self.root()
        need(size == self.size, "a signature in another place")
        if word == "signed" and len(rest) == 1:
            text = f"{self.origin}\n{size}\n{b64(root)}\n".encode()
            need(any(signed(key, signature, text) for key in self.keys), "the author's signature")
            self.heads[size] = root
            return
        need((word, len(rest)) in {("pq", 2), ("cosigned", 3)}, "a line that means nothing")
        need(len(signature) in {64, 2420} and (word, len(signature)) != ("pq", 64), "signature")
        name = rest[0] if len(rest) == 3 else f"detente-author/v1/{self.party}"
        at, short = number(rest[-2]), len(signature) == 64
        keys = [key for key in self.cosigners.get(name, ()) if (len(key) == 32) == short]
        fits = [cosigned(name, key, self.origin, size, root, at, signature) for key in keys]
        need(at < 1 << 40 and (any(fits) or (word == "cosigned" and not keys)), "a cosignature")
        if word == "pq":
            self.pq[size] = keys[fits.index(True)]

    def close(self, *, expired):
        need(self.size and self.size in self.heads, "entries that nobody signed")
        stand = self.cards.stand(self.pq.get(self.size), self.origin)
        reached = self.size in self.pq and stand in {None, (self.size, self.root())}
        need(not expired or reached, "Ed25519 alone, after its date")
        print(f"verified: {self.size} entries of {self.origin}, root {self.root().hex()}")


def check_export(data, cards, now):  # proof.md §4, §6
    body, _, last = data[:-1].rpartition(b"\n")
    digest = sha(body, b"\n").hex()
    need(data.endswith(b"\n") and last.decode() == f"end {digest}", "last line")
    need(max(map(len, body.split(b"\n"))) <= 131_072, "a line too long")
    rows = [line.split(" ") for line in body.decode().split("\n")][1:]
    need(all(len(row) > 1 for row in rows), "a line of one word")
    (line_word, line), (build_word, build) = rows.pop(0), rows.pop(0)
    need((line_word, build_word) == ("line", "build") and build and is_build(build), "preamble")
    while rows[0][0] == "card":
        (file,) = map(unb64, rows.pop(0)[1:])
        known = file in cards.files or Cards([file]).parties.keys() <= cards.parties.keys()
        need(known, "a card that was not given")
    while rows[0][0] == "revocation":
        cards.revoke(*map(unb64, rows.pop(0)[1:]))
    word, charter = rows.pop(0)
    need(word == "charter", "no charter where it belongs")
    charter = founded(unb64(charter), hexed(line, 32))
    while rows and rows[0][0] == "ceremony":
        need(len(unb64(rows.pop(0)[1]).decode()) <= 4096, "ceremony")
    logs, expired = [], late(charter, now)
    for word, *rest in rows:
        if word == "log":
            need(len(rest) == 1 and rest[0] not in [log.origin for log in logs], "log")
            if logs:
                logs[-1].close(expired=expired)
            logs.append(Log(rest[0], cards))
            need(logs[-1].line.hex() == line, "a log of another line")
        elif word == "entry":
            logs[-1].entry(*rest)
        else:
            logs[-1].head(word, *rest)
    if logs:
        logs[-1].close(expired=expired)
    numbers = {row[3]: int(row[1]) for row in charter if row[0] == "member"}
    known = {}
    for log in (log for log in logs if log.party in numbers):
        word = log.origin.rpartition("/")[2].partition(".")[0]
        known[numbers[log.party], int(word), log.life] = log
    for named, size, root in (claim for log in logs for claim in log.claims):
        agrees = named not in known or known[named].heads.get(size, root) == root
        need(agrees, "another root in seen")


def check(data, card_files, now, revocations=()):
    """Raises Bad, or one of REFUSED, for whatever does not hold."""
    cards, first = Cards(card_files), data.partition(b"\n")[0]
    for note in revocations:
        cards.revoke(note)
    if first == b"c2sp.org/tlog-proof@v1":
        check_bundle(data, cards, now)
    elif first == b"detente transcript v1":
        check_export(data, cards, now)
    else:
        origin, size, root, *_ = head_of(data, cards)
        print(f"verified: size {size} of {origin}, root {root.hex()}")


REFUSED = (Bad, OSError, KeyError, ValueError, IndexError, TypeError, StopIteration)


def main(arguments):
    words, files, cards, notes, now = iter(arguments), [], [], [], int(time.time())
    into = {"--card": cards, "--revocation": notes}
    try:
        for word in words:
            if word == "--now":
                now = int(next(words))
                continue
            wanted = next(words) if word in into else word
            into.get(word, files).append(open(wanted, "rb").read())
        need(len(files) == 1, "one file, and --card for each party")
        check(files[0], cards, now, notes)
    except REFUSED as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
