"""Serving the desk: one process beside the node, so that neither takes the other down."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import uvicorn

from detente.desk import certificates
from detente.desk.app import application
from detente.desk.cabinet import Cabinet
from detente.desk.desk import HOST_SETTING, PORT_SETTING, Desk, wall_s
from detente.node.releasing import DESK_FOLDER

LOCAL = ".localhost"  # browsers take such names for this machine, and for safe without TLS
LOOPBACK = "127.0.0.1"
REQUESTS_MAX = 600  # open at once; 50 desks with a page and a form each are 100


def origin_of(host: str, port: int) -> str:
    """What the address line of a browser says. Plain HTTP never leaves this machine."""
    if host.endswith(LOCAL):
        return f"http://{host}:{port}"
    return f"https://{host}" + ("" if port == 443 else f":{port}")


def open_desk(home: Path) -> Desk:
    """The desk of a home. LocalError NOT_FOUND where none was set up."""
    cabinet = Cabinet.open(home)
    host, port = cabinet.setting(HOST_SETTING) or "", int(cabinet.setting(PORT_SETTING) or 0)
    return Desk(home, cabinet, origin_of(host, port))


class Server(uvicorn.Server):
    """uvicorn that says when it listens."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """Opens the door."""
        await super().startup(sockets)  # type: ignore[arg-type]
        if self.started:
            self._ready()


def serve(desk: Desk, ready: Callable[[str], None]) -> None:
    """Serves until SIGTERM or SIGINT."""
    local = desk.host.endswith(LOCAL)
    folder = desk.home / DESK_FOLDER
    if not local:
        certificates.renew_if_due(folder, desk.host, wall_s())
    config = uvicorn.Config(
        application(desk),
        host=LOOPBACK if local else "0.0.0.0",  # noqa: S104  # the watch's own network
        port=int(desk.cabinet.setting(PORT_SETTING) or 0),
        ssl_certfile=None if local else folder / certificates.SERVER,
        access_log=False,  # addresses say who read what
        log_level="warning",
        server_header=False,
        date_header=True,
        limit_concurrency=REQUESTS_MAX,
        timeout_graceful_shutdown=3,
        lifespan="on",
    )
    config.load()
    if config.ssl is not None:
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        Server(config, lambda: ready(desk.origin)).run()
    finally:
        desk.cabinet.close()
