"""Secrets for serial ports: made by one side, delivered over a wide link, kept sealed."""

from __future__ import annotations

from types import SimpleNamespace

import msgspec
import pytest
from node.conftest import Pair

from detente.core.crypto import xwing_public
from detente.core.events import Offered
from detente.core.link_keys import deliver_secret
from detente.node import link_secrets
from detente.node.config import Serial
from detente.node.node import Node
from detente.node.offers import take_offer


def cable_between(pair: Pair) -> tuple[Node, Node]:
    """Both nodes have a serial port to the other; the one that makes the secret comes first."""
    for node, other in ((pair.alpha, pair.bravo), (pair.bravo, pair.alpha)):
        port = Serial(device="/dev/ttyS0", peer=other.station.party.hex())
        config = msgspec.structs.replace(node.home.config, serial=[port])
        object.__setattr__(node.home, "config", config)
    nodes = sorted(pair.nodes.values(), key=lambda node: node.station.party)
    return nodes[0], nodes[1]


def widen(pair: Pair) -> None:
    """The wire counts as a wide link."""
    for node in pair.nodes.values():
        for live in node.links.live.values():
            live.link.wide = True


def test_a_secret_is_delivered_once_over_a_wide_link(pair: Pair) -> None:
    """The party with the lower id makes it as soon as a wide link is up; both then have the same,
    sealed in their stores; another link brings the same again, and changes nothing."""
    low, high = cable_between(pair)
    told: list[str] = []
    high.followers.append(lambda answer: told.append(answer["result"]["event"]))
    link_secrets.deliver(low)
    assert link_secrets.secret_of(low, high.station.party) is None
    for _ in range(2):
        pair.cut()
        pair.connect()
        widen(pair)
        for node in (low, high, low):
            link_secrets.deliver(node)
        pair.pump()
    secret = link_secrets.secret_of(low, high.station.party)
    assert secret is not None
    assert len(secret) == 32
    assert link_secrets.secret_of(high, low.station.party) == secret
    assert told.count("link-key-taken") == 1
    kept = low.store.get_meta(f"link-secret/{high.station.party.hex()}")
    assert secret not in kept


def test_without_a_port_or_a_network_nothing_is_delivered(pair: Pair) -> None:
    """Who has no serial port to a party makes no secret for it, and nobody does offline."""
    pair.connect()
    widen(pair)
    for node in pair.nodes.values():
        link_secrets.deliver(node)
    low, high = cable_between(pair)
    low.links = None
    link_secrets.deliver(low)
    assert link_secrets.secret_of(low, high.station.party) is None


def test_what_nobody_may_deliver_is_refused(pair: Pair) -> None:
    """A key from the higher id, one that does not open, and one of a party that is trusted no more
    change nothing, and each is named."""
    low, high = cable_between(pair)
    one, other = low.station.party, high.station.party
    told: list[str] = []
    for node in (low, high):
        node.followers.append(lambda answer: told.append(str(answer["result"].get("refusal"))))
    kem = {node: xwing_public(node.home.keys.kem) for node in (low, high)}
    take_offer(low, Offered(other, deliver_secret(kem[low], other, one, bytes(32))))
    take_offer(high, Offered(one, deliver_secret(kem[low], one, other, bytes(32))))
    high.distrusted.add(one)
    take_offer(high, Offered(one, deliver_secret(kem[high], one, other, bytes(32))))
    assert told == ["not-allowed", "unreadable", "not-allowed"]
    assert link_secrets.secret_of(low, other) is None
    assert link_secrets.secret_of(high, one) is None


def test_another_secret_begins_the_link_anew(pair: Pair) -> None:
    """What came last counts, and a port that is open is opened with it."""
    low, high = cable_between(pair)
    pair.connect()
    one, other = low.station.party, high.station.party
    kem = xwing_public(high.home.keys.kem)
    for secret in (bytes(32), bytes(32), b"s" * 32):
        take_offer(high, Offered(one, deliver_secret(kem, one, other, secret)))
    assert link_secrets.secret_of(high, one) == b"s" * 32
    assert high.links.reopened == [one, one]


def test_a_secret_of_other_keys_does_not_open(pair: Pair) -> None:
    """A store whose keys are others has no secret, and waits for one."""
    low, high = cable_between(pair)
    low.store.put_meta(f"link-secret/{high.station.party.hex()}", bytes(60))
    assert link_secrets.secret_of(low, high.station.party) is None


def test_each_port_of_the_file_is_kept_open(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every port is opened for its peer, once there is a secret, as the file says."""
    low, high = cable_between(pair)
    kept = []
    links = SimpleNamespace(keep_open=lambda *given: kept.append(given))
    link_secrets.keep_open(low, links)
    ((party, device, open_it),) = kept
    assert (party, device) == (high.station.party, "/dev/ttyS0")
    assert open_it() is None
    link_secrets.keep(low, party, b"s" * 32)
    monkeypatch.setattr(link_secrets, "open_port", lambda *given: given)
    tty, secret, own, peer = open_it()
    assert (tty.device, tty.speed, tty.bits_per_s) == ("/dev/ttyS0", 9600, 7680)
    assert (secret, own, peer) == (b"s" * 32, low.station.party, party)
