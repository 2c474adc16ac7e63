"""A second verifier, as small as can be, written from spec/ alone: it shares no code with Détente.

    python vectors/verify.py FILE --card CARD [--card CARD ...] [--now SECONDS]

FILE is a checkpoint, a proof, a bundle of proofs or a transcript. The exit status is 0 when all of
it holds under the cards given, and 1 otherwise. Left out: accusations, what bodies say (they are
not decompressed), and whether a card's keys are of prime order. `cryptography` gives Ed25519 and
ML-DSA-44; everything else is the standard library.
"""

from __future__ import annotations

import base64
import hashlib
import sys
import time

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519, mldsa

UNTIL = 1_924_992_000  # 2031-01-01, where no charter says


class Bad(Exception):
    """What does not hold."""


def need(holds, what):
    if not holds:
        raise Bad(what)


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def unb64(text):  # encoding.md §4
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as exc:
        raise Bad("base64") from exc
    need(base64.b64encode(data).decode() == text, "base64")
    return data


def number(text):
    need(text.isascii() and text.isdigit() and str(int(text)) == text and int(text) < 1 << 63, text)
    return int(text)


def hexed(text, length):
    need(len(text) == 2 * length and not text.strip("0123456789abcdef"), "hex")
    return bytes.fromhex(text)


class Reader:  # encoding.md §2, §3
    def __init__(self, data):
        self.data, self.pos = data, 0

    def take(self, count):
        self.pos += count
        need(self.pos <= len(self.data), "cut short")
        return self.data[self.pos - count : self.pos]

    def varint(self, most=(1 << 63) - 1):
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 127) << shift
            need(shift <= 56 and not (shift and byte == 0), "varint")
            if byte < 128:
                need(value <= most, "number above its limit")
                return value
            shift += 7

    def counted(self, most):
        return self.take(self.varint(most))

    def log(self):
        member, word = self.varint(31), self.varint(31)
        return member, word >> 1, self.take(8) if word & 1 else b""

    def done(self):
        need(self.pos == len(self.data), "bytes behind the end")


def leaf_of(raw):  # log.md §2
    """Kind, commitment and `seen` of a leaf; None for signed bytes that are none."""
    try:
        need(len(raw) <= 4096, "leaf")
        reader = Reader(raw)
        form, kind, flags = reader.take(3)
        need(form == 1 and flags < 64 and flags & 7 < 6, "leaf")
        reader.varint((1 << 32) - 1)
        reader.varint()
        reader.take(7)
        seen = []
        for _ in range(reader.varint(64)):
            seen.append((reader.log(), reader.varint(), reader.take(32)))
            reader.take(5)
        need(all(a[0] < b[0] for a, b in zip(seen, seen[1:])), "seen")
        reader.take(32 * reader.varint(32))
        reader.counted(1536)
        commitment = reader.take(32) if flags & 16 else None
        reader.take(32 if flags & 32 else 0)
        reader.done()
    except Bad:
        return None
    return kind, commitment, seen


def leaf_hash(raw):
    return sha(b"\0", raw)


def root_of(hash_, index, size, path):  # RFC 9162 §2.1.3.2
    need(index < size, "index")
    at, last = index, size - 1
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


class Tree:
    def __init__(self):
        self.size, self.peaks = 0, []

    def append(self, raw):
        hash_, size = leaf_hash(raw), self.size
        while size & 1:
            hash_, size = sha(b"\1", self.peaks.pop(), hash_), size >> 1
        self.peaks.append(hash_)
        self.size += 1

    def root(self):
        root = self.peaks[-1]
        for peak in self.peaks[-2::-1]:
            root = sha(b"\1", peak, root)
        return root


def signed(public, signature, message, context=b""):
    try:
        if len(public) == 32:
            ed25519.Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
        else:
            mldsa.MLDSA44PublicKey.from_public_bytes(public).verify(signature, message, context)
    except InvalidSignature:
        return False
    return True


def key_id(name, public, note):  # notes.md §3
    kind = {(32, True): b"\1", (32, False): b"\4", (1312, False): b"\6"}
    material = kind.get((len(public), note), b"\xffdetente.note/ml-dsa-44")
    return sha(name.encode(), b"\n", material, public)[:4]


def note_of(data):  # notes.md §2
    text = data.decode()
    need(not any(c < " " and c != "\n" for c in text) and text.endswith("\n"), "note")
    body, gap, lines = text[:-1].rpartition("\n\n")
    found = []
    for line in lines.split("\n"):
        dash, name, coded = line.split(" ") if line.count(" ") == 2 else ("", "", "")
        raw = unb64(coded)
        need(dash == "—" and name and "+" not in name and not any(map(str.isspace, name)), "note")
        need(len(raw) > 4, "signature line")
        found.append((name, raw[:4], raw[4:]))
    need(gap and len(found) <= 16, "note")
    return body + "\n", found


class Cards:  # identity.md §5, §7
    def __init__(self, files):
        self.files, self.logs, self.cosigners, self.parties = files, {}, {}, set()
        for data in files:
            self.add(data)

    def add(self, data):
        text, lines = note_of(data)
        rows = [line.partition(" ") for line in text[:-1].split("\n")]
        card = {key: value for key, _, value in rows}
        need(text.startswith("detente card v1\n"), "not a card")
        roots = [unb64(card[word]) for word in ("root-ed25519", "root-mldsa44")]
        party = sha(b"detente party v1\n", *roots).hex()
        name = f"detente-root/v1/{party}"
        need(party == card["party"], "party")
        need([s[:2] for s in lines] == [(name, key_id(name, r, note=True)) for r in roots], "roots")
        for root, (_, _, signature) in zip(roots, lines):
            need(signed(root, signature, text.encode(), b"detente note v1"), "a root's signature")
        self.parties.add(party)
        self.cosigner(f"detente-author/v1/{party}", unb64(card["log-mldsa44"]))
        self.cosigner(f"detente-holds/v1/{party}", unb64(card["holds-mldsa44"]))
        self.cosigner(f"detente-heads/v1/{party}", unb64(card["heads-ed25519"]))
        for k in range(16):
            log, holds = map(unb64, card[f"pair-{k}"].split(" "))
            self.logs.setdefault((party, k), []).append(log)
            self.cosigner(f"detente-holds/v1/{party}/{k}", holds)

    def cosigner(self, name, public):
        self.cosigners.setdefault(name, []).append(public)


def origin_of(text):  # identity.md §5
    parts = text.split("/")
    need(len(parts) == 5 and parts[:2] == ["detente", "v1"], "origin")
    word, dot, life = parts[4].partition(".")
    k = number(word)
    need(k < 16 and not (dot and k == 0), "origin")
    return hexed(parts[2], 32), hexed(parts[3], 32).hex(), k, hexed(life, 8) if dot else b""


def cosigned(name, public, origin, size, root, at, signature):  # notes.md §5
    if len(public) == 32:
        text = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"
        return signed(public, signature, f"cosignature/v1\ntime {at}\n{text}".encode())
    names = [bytes((len(word),)) + word for word in (name.encode(), origin.encode())]
    tail = bytes(8) + size.to_bytes(8, "big") + root
    message = b"subtree/v1\n\0" + names[0] + at.to_bytes(8, "big") + names[1] + tail
    return len(signature) == 2420 and signed(public, signature, message)


def head_of(data, cards):  # notes.md §4, proof.md §2
    """Origin, size, root, and whether the author's ML-DSA-44 signature is there."""
    text, lines = note_of(data)
    need(text.count("\n") == 3, "a checkpoint has three lines")
    origin, size, root = text[:-1].split("\n")
    size, root = number(size), unb64(root)
    need(len(root) == 32, "root")
    _, party, k, _ = origin_of(origin)
    need((party, k) in cards.logs, "no card of the author")
    author = pq = False
    for name, stated, raw in lines:
        for public in cards.logs[party, k] if name == origin else ():
            if stated == key_id(name, public, note=True):
                author = signed(public, raw, text.encode())
                need(author, "the author's signature")
        for public in cards.cosigners.get(name, ()):
            if stated == key_id(name, public, note=False):
                need(len(raw) in (72, 2428) and raw[0] < 128, "cosignature")
                at = int.from_bytes(raw[:8], "big")
                need(cosigned(name, public, origin, size, root, at, raw[8:]), "a cosignature")
                pq = pq or name == f"detente-author/v1/{party}"
    need(author, "no signature of the author")
    return origin, size, root, pq


def first_of(leaf, origin):  # log.md §5
    line, _, _, life = origin_of(origin)
    need(leaf is not None and leaf[0] == (1 if life else 0), "leaf 0")
    need(life or leaf[1] == line, "leaf 0 of another line")


def opened(leaf, salt, body):  # commitment.md §2
    need(leaf and leaf[1] == sha(b"detente body v1\n", salt, body), "a body of another leaf")


def until_of(charter):
    row = charter.decode().split("\ned25519-until ")[1].split("\n")[0]
    return int(time.mktime(time.strptime(row + " UTC", "%Y-%m-%dT%H:%M:%SZ %Z")) - time.timezone)


def check_proof(data, cards, now):  # proof.md §1, §2
    head, _, note = data.partition(b"\n\n")
    lines = head.decode().split("\n")
    need(lines.pop(0) == "c2sp.org/tlog-proof@v1" and lines, "not a proof")
    extra = unb64(lines.pop(0)[6:]) if lines[0].startswith("extra ") else b""
    need(lines and lines[0].startswith("index "), "no index")
    index, path = number(lines[0][6:]), [unb64(line) for line in lines[1:]]
    origin, size, root, pq = head_of(note, cards)
    reader = Reader(extra)
    need(reader.take(1) == b"\1", "opening")
    raw = reader.counted(4096)
    body = (reader.take(16), reader.counted(65_536)) if reader.varint(1) else None
    charter, first = reader.counted(16_384), reader.counted(4096)
    first_path = [reader.take(32) for _ in range(reader.varint(63))]
    for _ in range(reader.varint(64)):
        reader.counted(4096).decode()
    build = reader.counted(64).decode()
    reader.done()
    need(all("!" <= char <= "~" for char in build), "build")
    need(root_of(leaf_hash(raw), index, size, path) == root, "the leaf is not in the tree")
    need(root_of(leaf_hash(first), 0, size, first_path) == root, "leaf 0 is not in the tree")
    need(sha(b"detente body v1\n", bytes(16), charter) == origin_of(origin)[0], "charter")
    first_of(leaf_of(first), origin)
    if body is not None:
        opened(leaf_of(raw), *body)
    need(pq or now < until_of(charter), "Ed25519 alone, after its date")
    return origin, index, size, leaf_hash(raw), root


def check_bundle(data, cards, now):
    parts = data.split(b"\n---\n")
    parts = [part + b"\n" for part in parts[:-1]] + parts[-1:]
    leaves, roots = {}, {}
    for part in parts:
        origin, index, size, hash_, root = check_proof(part, cards, now)
        need(leaves.setdefault((origin, index), hash_) == hash_, "two leaves at one index")
        need(roots.setdefault((origin, size), root) == root, "two roots at one size")
        print(f"proven: entry {index} of {origin}, leaf {hash_.hex()}")


class Log:
    def __init__(self, origin, cards):
        self.origin, self.tree, self.heads, self.claims, self.pq = origin, Tree(), {}, [], 0
        self.line, self.party, self.k, self.life = origin_of(origin)
        need((self.party, self.k) in cards.logs, "no card of the author")

    def entry(self, raw, *rest):
        raw, leaf, size = unb64(raw), leaf_of(unb64(raw)), self.tree.size
        need(leaf is not None or (size and not rest and len(raw) <= 4096), "not a leaf")
        if size == 0:
            first_of(leaf, self.origin)
        if len(rest) == 2:
            salt, body = map(unb64, rest)
            need(len(salt) == 16 and len(body) <= 65_536, "body")
            opened(leaf, salt, body)
        need(len(rest) < 3 and (len(rest) != 1 or rest[0] in ("purged", "missing", "notmine")), "entry")
        if leaf is not None:
            need((leaf[1] is None) == (not rest), "what became of the body")
            self.claims += leaf[2]
        self.tree.append(raw)

    def head(self, word, size, *rest, cards):
        size, signature = number(size), unb64(rest[-1])
        need(size == self.tree.size > 0, "a signature in another place")
        root = self.tree.root()
        if word == "signed" and len(rest) == 1:
            text = f"{self.origin}\n{size}\n{base64.b64encode(root).decode()}\n".encode()
            need(any(signed(key, signature, text) for key in cards.logs[self.party, self.k]), "author")
            self.heads[size] = root
            return
        need((word, len(rest)) in (("pq", 2), ("cosigned", 3)), "a line that means nothing")
        need(len(signature) in (64, 2420) and (word != "pq" or len(signature) == 2420), "signature")
        name = f"detente-author/v1/{self.party}" if word == "pq" else rest[0]
        keys = [k for k in cards.cosigners.get(name, ()) if (len(k) == 32) == (len(signature) == 64)]
        at = number(rest[-2])
        need(at < 1 << 40, "time")
        fits = [cosigned(name, k, self.origin, size, root, at, signature) for k in keys]
        need(any(fits) or (word == "cosigned" and not keys), "a cosignature")
        self.pq = size if word == "pq" else self.pq

    def close(self, late):
        need(self.tree.size and self.tree.size in self.heads, "entries that nobody signed")
        need(not late or self.pq == self.tree.size, "Ed25519 alone, after its date")
        print(f"verified: {self.tree.size} entries of {self.origin}, root {self.tree.root().hex()}")


def check_export(data, cards, now):  # proof.md §4
    body, _, last = data[:-1].rpartition(b"\n")
    need(data.endswith(b"\n") and last == b"end " + sha(body + b"\n").hex().encode(), "last line")
    lines = body.decode().split("\n")
    need(all(len(line.encode()) <= 131_072 for line in lines), "a line too long")
    rows = iter(lines[1:])

    def take(word):
        row = next(rows, "").split(" ")
        need(row[0] == word and len(row) == 2, f"no line {word} where it belongs")
        return row[1]

    line, build = hexed(take("line"), 32), take("build")
    need(0 < len(build) <= 64 and all("!" <= char <= "~" for char in build), "build")
    row = next(rows, "").split(" ")
    while row[0] == "card" and len(row) == 2:
        file = unb64(row[1])
        if file not in cards.files:
            need(Cards([file]).parties <= cards.parties, "a card that was not given")
        row = next(rows, "").split(" ")
    need(row[0] == "charter" and len(row) == 2, "no charter where it belongs")
    charter = unb64(row[1])
    need(sha(b"detente body v1\n", bytes(16), charter) == line, "charter")
    members = [m.split(" ")[1:4] for m in charter.decode().split("\n") if m.startswith("member ")]
    numbers, late, logs, sheets = {m[2]: int(m[0]) for m in members}, now >= until_of(charter), [], 0
    for word, *rest in (row.split(" ") for row in rows):
        if word == "ceremony" and not logs and len(rest) == 1:
            sheets += 1
            need(len(unb64(rest[0]).decode().encode()) <= 4096 and sheets <= 64, "ceremony")
        elif word == "log" and len(rest) == 1:
            need(rest[0] not in [log.origin for log in logs], "a log that stands twice")
            if logs:
                logs[-1].close(late)
            logs.append(Log(rest[0], cards))
            need(logs[-1].line == line, "a log of another line")
        else:
            need(logs and rest, "a line that means nothing")
            if word == "entry":
                logs[-1].entry(*rest)
            else:
                need(len(rest) > 1, "a line that means nothing")
                logs[-1].head(word, *rest, cards=cards)
    if logs:
        logs[-1].close(late)
    known = {(numbers[g.party], g.k, g.life): g for g in logs if g.party in numbers}
    for named, size, root in (claim for log in logs for claim in log.claims):
        need(named not in known or known[named].heads.get(size, root) == root, "another root in seen")


def check(data, card_files, now):
    """Raises Bad, or a KeyError, ValueError or IndexError, for whatever does not hold."""
    cards = Cards(card_files)
    first = data.partition(b"\n")[0]
    if first == b"c2sp.org/tlog-proof@v1":
        check_bundle(data, cards, now)
    elif first == b"detente transcript v1":
        check_export(data, cards, now)
    elif first.startswith(b"detente/v1/"):
        origin, size, root, pq = head_of(data, cards)
        need(pq or now < UNTIL, "Ed25519 alone, after its date")
        print(f"verified: size {size} of {origin}, root {root.hex()}")
    else:
        raise Bad("not a file this verifier knows")


def main(arguments):
    paths, cards, now = [], [], int(time.time())
    words = iter(arguments)
    for word in words:
        if word == "--card":
            cards.append(next(words, ""))
        elif word == "--now":
            now = int(next(words, ""))
        else:
            paths.append(word)
    if len(paths) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        data, *files = (open(path, "rb").read() for path in (*paths, *cards))
        check(data, files, now)
    except (Bad, OSError, KeyError, ValueError, IndexError, TypeError) as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
