"""What a node reads of its own: bodies as text, requests, configuration, keys, marks, rows."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from fuzz.contract import BrokenError, Target, canonical, read, same, stable
from fuzz.sessions import world
from node.conftest import CHEAP, NAMES, Pair, make_home, trusting
from node.conftest import command as run

from detente.core.errors import LocalError, MachineError
from detente.core.leaf import LogId
from detente.core.log import Log, decode_log
from detente.core.merkle import Frontier
from detente.dossiers.dispatch import CODECS
from detente.node import control
from detente.node.commands import COMMANDS, run_command
from detente.node.config import CONFIG_FILE, load_config, write_config
from detente.node.folds import FORMAT, decode_folds
from detente.node.renewal import kind_of, note_of
from detente.store import keyring, mark, sealed
from detente.store.drafts import decode_draft, encode_draft
from detente.store.sqlite_shelf import read_log

_LINE = bytes(32)


@cache
def _folder() -> Path:
    """A folder for the files of this process, in memory where the system has such a place."""
    shm = Path("/dev/shm")  # noqa: S108 - a folder of our own is made inside
    base = shm if shm.is_dir() and os.access(shm, os.W_OK) else None
    kept = tempfile.TemporaryDirectory(prefix="detente-fuzz-", dir=base)
    _KEPT.append(kept)
    return Path(kept.name)


_KEPT: list[tempfile.TemporaryDirectory[str]] = []  # removed when the process ends


def _dispatch(data: bytes) -> None:
    """The text of a body, as every kind of message; and what a peer offers as a note."""
    for decode in CODECS.values():
        canonical(data, decode, lambda body: body.encode())
    note = read(note_of, data)
    if note is not None:
        kind_of(note)


def _dispatches() -> Iterator[bytes]:
    head = bytes((0x10, 2)) + b"en"
    time = (1_770_282_000).to_bytes(5, "big")
    yield head + time + b"\x05Hello" + "Text, текст\n".encode()
    yield bytes((0x1D, 5)) + b"uk-ua" + time + time + b"\x01a\x00\x02bc\x03def" + b"asked"
    yield head + b"\x00text"
    yield head + b"\x07A line."


def _config(data: bytes) -> None:
    """Any file is a configuration or a fault in it, named; written again it is the same."""
    home = _folder()
    (home / CONFIG_FILE).write_bytes(data)
    config = read(load_config, home)
    if config is not None:
        write_config(home, config)
        same(load_config(home), config, "a configuration written again")


_CONFIG = """mark = "/var/lib/marks"  # outside
listen = ["127.0.0.1:7700", "[::1]:0"]
clock_error_s = 50
clock_source = "network"
language = "uk"
log = "debug"

[dial]
"%s" = "host.example:7700"
"""


def _marks(data: bytes) -> None:
    """A mark file of any bytes; and with checksums that fit, as no accident makes them."""
    fields, size = mark._FIELDS.size, mark._RECORD_BYTES
    for parity in (0, 1):
        record = data[parity * size : (parity + 1) * size].ljust(fields, b"\0")[:fields]
        mended = record + hashlib.sha256(record).digest()
        _read_mark(data.ljust(mark.SLOT_STRIDE_BYTES, b"\0") + mended)
    _read_mark(data)


def _read_mark(data: bytes) -> None:
    folder = _folder() / "marks"
    folder.mkdir(exist_ok=True)
    (folder / f"{_LINE.hex()}.mark").write_bytes(data)
    held = mark.MarkFolder.open(folder, create=False, home=_folder() / "home")
    try:
        found = read(held.read, _LINE)
        if found is not None:
            new = mark.Mark(found.incarnation, found.life, found.size + 1, bytes(32))
            held.advance(_LINE, found, new)
            same(held.read(_LINE), new, "a mark after its advance")
    finally:
        held.close()


def _mark_seeds() -> Iterator[bytes]:
    for head in (mark.Mark(0, b"", 7, b"\1" * 32), mark.Mark(3, b"lifelife", 1, b"\2" * 32)):
        record = mark._record(4, _LINE, head)
        yield record + mark._record(5, _LINE, head)
        yield record.ljust(mark.SLOT_STRIDE_BYTES, b"\0") + mark._record(5, _LINE, head)


def _keyring(data: bytes) -> None:
    """A sealed file up to where a passphrase is needed, and what is inside once it has opened.

    Argon2id is not run: a file names its own cost, up to a bound.
    """
    for look in (sealed.officers, sealed.party_of):
        read(look, data)
    found = read(sealed._parsed, data)
    if found is not None:
        lines = found.header + b"box " + data.rpartition(b"box ")[2]
        same(lines, data, "sealed keys written again")
    secrets = canonical(data, sealed._unpacked, sealed._packed)
    if secrets is not None:
        for kind in (keyring.RootKeys, keyring.NodeKeys, keyring.SpareKeys):
            read(kind.from_mapping, secrets)


def _sealed() -> Iterator[bytes]:
    def entropy(count: int) -> bytes:
        return bytes(range(count))

    root, node, spare = keyring.generate(entropy)
    for keys in (root, node, spare):
        yield sealed._packed(keys.to_mapping())
    secrets = root.to_mapping()
    yield sealed.seal("root", _LINE, secrets, ["a long passphrase"], entropy=entropy, cost=CHEAP)


def _rows(data: bytes) -> None:
    """Rows of the store that are decoded: damage is named, never guessed at."""
    stable(data, decode_draft, encode_draft)
    stable(data, lambda given: decode_log(LogId(0, 0, b""), "origin", bytes(32), given), Log.encode)
    canonical(data, read_log, lambda log: log.encode())
    canonical(data, Frontier.decode, Frontier.encode)
    kept = decode_folds(data).encode()
    same(decode_folds(kept).encode(), kept, "folds kept again")


_FOLDS = b"""{"format":%d,"scanned":[[0,0,"",5],[1,1,"0102030405060708",2]],"serials":[[0,0,"",3]],
"indices":[],"open":[[0,0,"",[1,3,2,3]]],"answers":[],"referred":[],"declined":[],"unwatched":0,
"gaps":[[1,0,"",4,2,3]]}"""


def _row_seeds() -> Iterator[bytes]:
    for shelf in world().ends["alpha"].shelves.values():
        yield from shelf.states.values()
    yield _FOLDS % FORMAT
    yield bytes((6, 1, 7, 3, 1)) + bytes(32) + b"\x01\x01" + b"\x04body\x10" + bytes(17)


# --- requests on the control socket ---------------------------------------------------------------

_NEVER = frozenset({"stop"})  # ends the node, as it should
_WRITES_MAX = 150  # requests that write before the pair is made anew

_state: dict[str, Any] = {}


def _pair() -> Pair:
    """Two nodes with a line and a few entries, made anew after so many requests that write."""
    found: Pair | None = _state.get("pair")
    if found is None or _state["size"] + _WRITES_MAX < found.alpha.store.journal.size():
        if found is not None:
            found.close()
        _state["pair"] = found = _opened()
        _state["size"] = found.alpha.store.journal.size()
    return found


def _opened() -> Pair:
    folder = _folder() / "parties"
    shutil.rmtree(folder, ignore_errors=True)
    for name in NAMES:
        make_home(folder, name)
    pair = Pair(folder).open()
    for one in pair.nodes.values():
        one.log._stream = io.StringIO()
    run(pair.alpha, "trust", **trusting(folder, "bravo"))
    run(pair.bravo, "trust", **trusting(folder, "alpha"))
    text = run(pair.alpha, "propose", title="Line", members=[{"party": "bravo"}])["charter_b64"]
    run(pair.bravo, "accept", charter_b64=text)
    pair.connect()
    pair.say("one", subject="s")
    pair.say("two", pair.bravo)
    return pair


def _control(data: bytes) -> None:
    """Any line on the socket gets an answer in JSON; a mistake in it is named and stops nothing."""
    request = control._parsed(data)
    if request is None or request.get("do") in _NEVER:
        return
    if request.get("do") == "export":  # into our own folder, whatever was asked
        path = str(request.get("path", ""))
        request["path"] = f"{_folder()}/out/{path.replace('/', '_')}"
    node = _pair().alpha
    try:
        result = run_command(node, request)
        if callable(result):
            result = result()
    except MachineError as error:
        raise BrokenError(f"a request ended the node: {error}") from error
    except LocalError as error:
        result = control.answer_of(error)
    _spoken(result)


def _spoken(answer: Any) -> None:
    line = json.dumps(answer, default=str).encode() + b"\n"
    json.loads(line)


def _requests() -> Iterator[bytes]:
    """One plain request for each command, and each with texts that no file system or UTF-8 has."""
    plain: dict[str, Any] = {
        "line": "Line",
        "entry": "A-0001",
        "text": "Hello",
        "subject": "s",
        "language": "en",
        "precedence": "FLASH",
        "to": ["bravo"],
        "rung": "seen",
        "who": "watch",
        "on": True,
        "number": 1,
        "send": False,
        "party": "bravo",
        "title": "Other",
        "members": [{"party": "bravo", "role": "party"}],
        "set": {"test-every-s": 60},
        "limit": 5,
        "only": "all",
        "path": "out.transcript",
        "bundle": True,
        "k": 1,
        "method": "voice",
        "digits": "1" * 40,
        "words": "w",
        "card_b64": "AAAA",
        "charter_b64": "AAAA",
        "revocation_b64": "AAAA",
        "wait": "queued",
        "grade": "sight",
        "stater": "watch",
        "what": "w",
        "where": "w",
        "persons": "p",
        "known": "k",
        "asked": "a",
        "kind": "accident",
        "time_s": 1_770_282_000,
        "answers": "B-0001",
        "hold": False,
        "languages": ["en"],
        "before": "A-0001",
        "expires_s": 1_900_000_000,
    }
    for name in COMMANDS:
        if name not in _NEVER:
            yield json.dumps({"do": name, **plain}).encode()
            odd = {key: "\ud800\0" for key, value in plain.items() if isinstance(value, str)}
            yield json.dumps({"do": name, **plain, **odd, "line": "Line"}).encode()
            for key in ("path", "party", "entry", "title", "text", "who"):
                yield json.dumps({"do": name, **plain, key: "\ud800\0"}).encode()


_FIELDS = (b'"line":null', b'"\\ud800"', b'"\\u0000"', b"1e999", b"-1", b"[]", b"{}", b'"do":"say"')

TARGETS = (
    Target("dispatch", _dispatch, _dispatches, words=("\u200e".encode(), "\ud55c".encode())),
    Target(
        "config",
        _config,
        lambda: ((_CONFIG % ("0a" * 32)).encode(),),
        words=(b"[dial]", b"= {", b"[[", b'"""', b"1979-05-27", b"nan", b'"\\u0000"'),
        tries=400,
    ),
    Target("marks", _marks, _mark_seeds, bytes_max=8192, tries=200),
    Target("keyring", _keyring, _sealed, words=(b"\nsalt ", b"officers 2", b"argon2id 8 1 1")),
    Target("rows", _rows, _row_seeds, words=(b'"open":[', b"[0,0,", b'""')),
    Target("control", _control, _requests, words=_FIELDS, bytes_max=8192, tries=100),
)
