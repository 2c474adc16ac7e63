"""WebSockets of a node: whose calls it takes and whom it calls (spec/bearer-websocket.md §5)."""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from typing import TYPE_CHECKING, Any

from detente.bearers.websocket import Shared, WebSocketLink, connect
from detente.node.link_secrets import secret_of

if TYPE_CHECKING:
    from detente.node.links import Links
    from detente.node.node import Node


def shared(node: Node) -> Iterator[Shared]:
    """What is shared with each trusted party, for requests that come in."""
    for party in node.trusted():
        secret = secret_of(node, party)
        if secret is not None:
            yield Shared(node.station.party, party, secret)


def keep_calling(node: Node, links: Links, party: bytes) -> None:
    """Calls a party whenever no WebSocket leads to it, it has an address, and a secret is here."""

    def call() -> Coroutine[Any, Any, WebSocketLink] | None:
        url, secret = node.url_of(party), secret_of(node, party)
        if url is None or secret is None:
            return None
        given = Shared(node.station.party, party, secret)
        return connect(url, given, node.home.config.websocket.proxy)

    links.keep_dialling(party, WebSocketLink.bearer, call)
