"""WebSockets of a node: whom it calls, whose calls it takes, and who gets a secret for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from fronts import Front, worthless_tls
from node.conftest import Pair, Wire, command, line_of

from detente.bearers.websocket import Shared
from detente.core.errors import PeerError, Refusal
from detente.node import link_secrets, web
from detente.node.config import WebSocket
from detente.node.home import check_bearer
from detente.node.node import Node
from detente.node.runner import Loop

URL = "wss://www.bravo.example/desk"


def configured(node: Node, **given: object) -> None:
    """The node has these settings of WebSockets."""
    config = msgspec.structs.replace(node.home.config, websocket=WebSocket(**given))
    object.__setattr__(node.home, "config", config)


def on_card(node: Node, party: bytes, *bearers: str) -> None:
    """The card of a party, as this node has it, names these bearers."""
    node.station.cards[party] = replace(node.station.cards[party], bearers=bearers)


def ends(pair: Pair) -> tuple[Node, Node]:
    """The node that makes the secret, and the other."""
    low, high = sorted(pair.nodes.values(), key=lambda node: node.station.party)
    return low, high


def test_whom_a_node_calls(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """A party is called where the file says, else where its card does, once a secret is here, and
    through the proxy of the file."""
    low, high = ends(pair)
    party = high.station.party
    calls: list[tuple[object, ...]] = []
    monkeypatch.setattr(web, "connect", lambda *given: calls.append(given))
    wire = Wire(party)
    low.go_online(wire)
    call = wire.dialling[party, "websocket"]
    call()
    on_card(low, party, "tls 192.0.2.1:1", f"websocket {URL}")
    call()
    assert calls == []
    link_secrets.keep(low, party, b"s" * 32)
    call()
    configured(low, proxy="http://proxy:3128", dial={party.hex(): "ws://192.0.2.9/"})
    call()
    given = Shared(low.station.party, party, b"s" * 32)
    assert calls == [(URL, given, ""), ("ws://192.0.2.9/", given, "http://proxy:3128")]
    assert low.address_of(party) == "192.0.2.1:1"


def test_who_gets_a_secret(pair: Pair) -> None:
    """Whoever has an address gets a secret, and every trusted party if calls are taken here."""
    low, high = ends(pair)
    party = high.station.party
    for live in low.links.live.values():
        live.link.wide = True
    for act, wanted in (
        (lambda: None, False),
        (lambda: low.distrusted.add(party), False),
        (lambda: configured(low, listen="127.0.0.1:0"), False),
        (lambda: low.distrusted.discard(party), True),
        (lambda: configured(low), False),
        (lambda: on_card(low, party, f"websocket {URL}"), True),
    ):
        low.secrets_sent.clear()
        act()
        link_secrets.deliver(low)
        assert bool(low.secrets_sent) is wanted
    pair.pump()
    secret = link_secrets.secret_of(high, low.station.party)
    assert list(web.shared(high)) == [Shared(party, low.station.party, secret)]
    high.distrusted.add(low.station.party)
    assert list(web.shared(high)) == []


def test_what_a_card_may_name() -> None:
    """An address of each kind, as that bearer reads it."""
    for bearer in ("192.0.2.1:7701", "tls [::1]:7701", f"websocket {URL}"):
        check_bearer(bearer)
    for bearer in ("tls nowhere", "websocket 192.0.2.1:7701", f"tls {URL}"):
        with pytest.raises(PeerError) as caught:
            check_bearer(bearer)
        assert caught.value.refusal is Refusal.MALFORMED


async def until(holds: Callable[[], bool]) -> None:
    """Lets the loop turn until something holds; the scene's own time limit ends it."""
    while not holds():  # noqa: ASYNC110 - what is waited for has no event
        await asyncio.sleep(0.05)


@asynccontextmanager
async def running(pair: Pair, name: str) -> AsyncIterator[tuple[Node, list[str]]]:
    """A node's own loop, and where it takes calls."""
    node, ready = pair.nodes[name], asyncio.Queue[list[str]]()
    loop = asyncio.ensure_future(Loop(node).run(ready.put_nowait))
    try:
        yield node, await ready.get()
    finally:
        node.stopping()
        await loop


def test_a_line_opens_through_https_alone(folder: Path, tmp_path: Path) -> None:
    """Two whole nodes that reach each other by nothing else: out through a proxy, in through a web
    server that ends TLS. A dispatch goes, its receipt comes back, and people see by what."""
    pair = Pair(folder).open()
    parties = {name: node.station.party for name, node in pair.nodes.items()}
    link_secrets.keep(pair.alpha, parties["bravo"], b"s" * 32)
    link_secrets.keep(pair.bravo, parties["alpha"], b"s" * 32)
    configured(pair.alpha, listen="127.0.0.1:0")

    async def scene() -> None:
        proxy = await Front().open()
        async with running(pair, "alpha") as (alpha, addresses):
            front = await Front().open(addresses[-1], worthless_tls(tmp_path))
            url = f"wss://{front.address}/desk"
            configured(
                pair.bravo, dial={parties["alpha"].hex(): url}, proxy=f"http://{proxy.address}"
            )
            async with running(pair, "bravo") as (bravo, _):
                await until(lambda: line_of(alpha).is_open() and line_of(bravo).is_open())
                look = command(alpha, "say", text="through a proxy", precedence="FLASH")
                await until(lambda: look()["state"] == "received")
                (shown,) = bravo.execute({"do": "lines"})
                assert [one["bearer"] for one in shown["bearers"]["0"]] == ["websocket"]
                assert proxy.heads
                assert b"through a proxy" not in front.seen
            front.close()
        proxy.close()

    asyncio.run(asyncio.wait_for(scene(), 100))
    pair.close()
