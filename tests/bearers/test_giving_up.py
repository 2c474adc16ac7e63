"""A way on which packets vanish: the kernel is told how long to try (spec/bearer-tls.md §6)."""

import socket

from detente.bearers import tls


async def test_both_ends_give_up_in_time(tls_ends):
    """Who called and who answered both end a link whose packets are not acknowledged."""
    async with tls_ends() as ends:
        socks = [end._transport.get_extra_info("socket") for end in (ends.near, ends.far)]
        for sock in socks:
            given_ms = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
            assert given_ms == tls.UNACKNOWLEDGED_S * 1000
