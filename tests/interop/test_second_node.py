"""A node written from the texts alone, which shares no code with ours, meets ours on a wire."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from interop.ours import Ours
from interop.peer import Peer
from interop.peer_bytes import DISPATCH, LogId, RefusedError, leaf_or_none, open_body
from interop.peer_charter import write_charter
from interop.peer_frames import Known
from interop.peer_tls import lib

HERE = Path(__file__).parent
PRECEDENCES = ("ROUTINE", "PRIORITY", "IMMEDIATE", "FLASH")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ours, Peer]]:
    """Both parties, linked, on a line that ours has proposed; each test leaves it whole."""
    root = tmp_path_factory.mktemp("pair")
    (root / "peer").mkdir()
    peer = Peer("Bravo", ("127.0.0.1", 0), root / "peer")
    ours = Ours(root, peer)
    try:
        ours.init()
        ours.start()
        peer.until(lambda: peer.links)
        soon = ["--set", "seen-within-s=1"]  # so that no receipt is waited for
        ours.run("line", "propose", ours.title, "--member", "Bravo", *soon)
        peer.until(lambda: peer.offers)
        peer.accept(peer.offers.pop())
        peer.until(peer.line.open)
        yield ours, peer
    finally:
        ours.stop()
        peer.close()


def _said(peer: Peer, party: str) -> list[bytes]:
    """What a party's dispatches say, by the second node's own reading, without their handling."""
    log = next(log for origin, log in peer.transcript().items() if f"/{party}/" in origin)
    entries = [(leaf_or_none(raw), body) for raw, body in log]
    return [open_body(body)[9:] for leaf, body in entries if leaf.kind == DISPATCH]


def _settle(ours: Ours, peer: Peer) -> None:
    """All that either has said is received by the other, and both tell one transcript."""
    peer.until(lambda: not peer.line.drafts and peer.line.is_received())
    for _ in range(5):  # a link test may fall due, once, between two looks
        peer.until(lambda: peer.line.is_confirmed() and peer.line.is_received())
        ours.run("line", "open", *ours.on)
        status = ours.status()
        if ours.verified() == peer.transcript() and "0 without receipt" in status:
            break
    else:
        pytest.fail(status)
    assert peer.line.alarms == []


def test_it_imports_nothing_of_ours() -> None:
    """No file of the second node names a module of Détente."""
    for path in HERE.glob("peer*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.split(".")[0] == "detente"], path


def test_a_node_written_from_the_texts_and_ours_end_with_one_transcript(
    pair: tuple[Ours, Peer],
) -> None:
    """Of every precedence both ways, all is received, and both hold the same leaves and bodies."""
    ours, peer = pair
    mine, theirs = (len(_said(peer, party)) for party in (peer.keys.party(), ours.party))
    for number, word in enumerate(PRECEDENCES):
        ours.say(f"Alpha says {word}", "--subject", "Air", "-p", word)
        peer.say("Sea", f"Bravo says {word}", number + 1)
    _settle(ours, peer)
    heard = [b"\3Air" + f"Alpha says {word}".encode() for word in PRECEDENCES]
    told = [b"\3Sea" + f"Bravo says {word}".encode() for word in PRECEDENCES]
    assert _said(peer, ours.party)[theirs:] == heard
    assert sorted(_said(peer, peer.keys.party())[mine:]) == sorted(told)


def test_after_a_cut_they_end_with_one_transcript(pair: tuple[Ours, Peer]) -> None:
    """What either says while the link is cut without a word is there after the next one."""
    ours, peer = pair
    before = len(_said(peer, peer.keys.party()))
    peer.cut()
    for number in range(40):
        peer.say("Sea", f"in the cut {number}", 1)
    peer.call(ours.party)
    ours.say("in the cut", "-p", "FLASH")
    _settle(ours, peer)
    assert len(_said(peer, peer.keys.party())) == before + 40


def test_after_a_kill_they_end_with_one_transcript(pair: tuple[Ours, Peer]) -> None:
    """Ours killed, and the second node begun again, they lose and repeat nothing."""
    ours, peer = pair
    ours.say("before the kill", "-p", "ROUTINE")
    ours.kill()
    peer.say("Sea", "while the other was dead", 4)
    peer.until(lambda: not peer.links)
    ours.start()
    peer.until(lambda: peer.links)
    peer.until(lambda: not peer.line.drafts and peer.line.is_confirmed())
    before = peer.transcript()
    peer.restart()
    assert peer.transcript() == before
    peer.say("Sea", "begun again", 3)
    peer.call(ours.party)
    _settle(ours, peer)
    assert _said(peer, peer.keys.party())[-2:] == [
        b"\3Seawhile the other was dead",
        b"\3Seabegun again",
    ]


def test_ours_accepts_the_charter_of_a_second_node(pair: tuple[Ours, Peer]) -> None:
    """A charter that the second node wrote opens a line with ours."""
    ours, peer = pair
    line, title = peer.line, ours.title
    try:
        peer.cut()
        peer.line, ours.title = None, "Another line"
        peer.call(ours.party)
        cards = [peer.cards[peer.keys.party()], peer.cards[ours.party]]
        peer.propose(write_charter(ours.title, cards, bytes(range(16))))
        ours.run("line", "accept")
        peer.until(peer.line.open)
        assert "open" in ours.run("line", "open", *ours.on)
    finally:
        peer.cut()
        peer.line, ours.title = line, title
        peer.call(ours.party)


def test_what_it_cannot_fill_in_it_is_sent_in_full(
    pair: tuple[Ours, Peer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch of ours without a root that the other lacks is asked for, and sent, in full."""
    ours, peer = pair
    lacking: list[tuple[LogId, int]] = []
    monkeypatch.setattr(
        "interop.peer_session.Known",
        lambda _root, hash_, mine: Known(lambda *place: lacking.append(place), hash_, mine),
    )
    peer.say("Sea", "cover this", 3)
    peer.until(lambda: not peer.line.drafts and peer.line.is_received())
    assert lacking
    _settle(ours, peer)


def test_neither_lets_in_whom_it_does_not_know(pair: tuple[Ours, Peer]) -> None:
    """Ours ends a stranger's link; the second node refuses a card by digits that are another's."""
    ours, peer = pair
    stranger = Peer("Charlie", ("127.0.0.1", 0))
    try:
        with pytest.raises(RefusedError, match="wrong-digits"):
            stranger.trust((ours.home / "own.card").read_bytes(), peer.digits())
        stranger.trust((ours.home / "own.card").read_bytes(), peer.cards[ours.party].digits)
        stranger.call(ours.party)
        stranger.until(lambda: not stranger.links)
    finally:
        stranger.close()


def test_ours_takes_no_other_key_exchange(
    pair: tuple[Ours, Peer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who offers X25519 alone is not let in, with the right key or without."""
    ours, peer = pair

    class Classical:
        def __getattr__(self, name: str) -> object:
            if name == "SSL_CTX_set1_curves_list":
                return lambda context, _groups: lib.SSL_CTX_set1_curves_list(context, b"X25519")
            return getattr(lib, name)

    monkeypatch.setattr("interop.peer_tls.lib", Classical())
    with pytest.raises(RefusedError, match="unreachable"):
        peer.call(ours.party)
