"""One typed file: ``config.toml`` in the home. Validated whole; unknown names are refused."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Literal

import msgspec

from detente.bearers.tls import parse_address
from detente.bearers.websocket import check_proxy, check_url
from detente.core.errors import LocalError, PeerError, Refusal

CONFIG_FILE = "config.toml"
_PARTY = re.compile(r"[0-9a-f]{64}")
SPEED_MAX = 4_000_000  # bauds; faster ways have a network
BITS_PER_S_MIN = 20  # slower, and one announcement takes half a minute
CLOCK_SOURCES = ("unknown", "hand", "network", "satellite")


class Serial(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A radio modem, or a bare cable, behind a serial port."""

    device: str  # the absolute path of the port
    peer: str  # party id in hex, whose node is at the other end
    speed: int = 9600  # of the port, in bauds
    carries: int = 0  # bits a second that pass beyond it; 0: eight tenths of the speed

    @property
    def bits_per_s(self) -> int:
        """What the way carries."""
        return self.carries or self.speed * 8 // 10


class WebSocket(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Calls over the HTTPS of others."""

    listen: str = ""  # host:port, where a web server that ends TLS passes requests to
    proxy: str = ""  # http://host:port, through which calls go out
    dial: dict[str, str] = {}  # party id in hex -> wss://host/path, in place of its card's


class Config(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What an operator decides about one node. Units stand last in each name."""

    mark: str  # folder of the high-water mark, outside the home
    listen: list[str] = []  # host:port to take calls on; empty: this node only calls
    clock_error_s: int = 65_535  # what the operator claims; 65,535 says nobody knows
    clock_source: Literal["unknown", "hand", "network", "satellite"] = "unknown"
    language: str = "en"  # of the desk and of what the node prints
    log: Literal["info", "debug"] = "info"
    dial: dict[str, str] = {}  # party id in hex -> host:port, in place of the card's address
    serial: list[Serial] = []
    websocket: WebSocket = WebSocket()


def load_config(home: Path) -> Config:
    """The configuration of a home. LocalError NOT_FOUND or USAGE, naming field and fault."""
    path = home / CONFIG_FILE
    try:
        data = path.read_bytes()
    except OSError as exc:
        why = exc.strerror or "it cannot be read"
        raise LocalError(Refusal.NOT_FOUND, f"no {CONFIG_FILE} in {home}: {why}") from exc
    try:
        config = msgspec.toml.decode(data, type=Config)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise _wrong(str(exc)) from exc
    if not 0 <= config.clock_error_s <= 65_535:
        raise _wrong("clock_error_s is 0 to 65535")
    if not Path(config.mark).is_absolute():
        raise _wrong("mark is the absolute path of a folder")
    for field, addresses in (("listen", config.listen), ("dial", config.dial.values())):
        for address in addresses:
            _check_address(field, address)
    for party in (*config.dial, *config.websocket.dial):
        if not _PARTY.fullmatch(party):
            raise _wrong(f"dial: {party} is not the 64 hex digits of a party")
    _check_websocket(config.websocket)
    for port in config.serial:
        _check_serial(port)
    return config


def _check_serial(port: Serial) -> None:
    if not _PARTY.fullmatch(port.peer):
        raise _wrong(f"serial: {port.peer} is not the 64 hex digits of a party")
    if not Path(port.device).is_absolute():
        raise _wrong("serial: device is the absolute path of a port")
    if not 0 < port.speed <= SPEED_MAX or not 0 <= port.carries <= SPEED_MAX:
        raise _wrong(f"serial: speed and carries are at most {SPEED_MAX}")
    if port.bits_per_s < BITS_PER_S_MIN:
        raise _wrong(f"serial: {port.device} carries less than {BITS_PER_S_MIN} bits a second")


def _check_websocket(given: WebSocket) -> None:
    if given.listen:
        _check_address("websocket", given.listen)
    try:
        if given.proxy:
            check_proxy(given.proxy)
        for url in given.dial.values():
            check_url(url)
    except PeerError as exc:
        raise _wrong(f"websocket: {exc.detail}") from exc


def _check_address(field: str, address: str) -> None:
    try:
        parse_address(address)
    except PeerError as exc:
        raise _wrong(f"{field}: {address}: {exc.detail}") from exc


def _wrong(detail: str) -> LocalError:
    return LocalError(Refusal.USAGE, f"{CONFIG_FILE}: {detail}", by_hand="config")


def write_config(home: Path, config: Config) -> None:
    """Writes the file that ``load_config`` reads, with a word about each line.

    LocalError USAGE, and the file stays as it was, for a path that is no text.
    """
    quoted = ", ".join(_quote(item) for item in config.listen)
    lines = [
        f"mark = {_quote(config.mark)}  # outside this folder, never in a backup",
        f"listen = [{quoted}]",
        f"clock_error_s = {config.clock_error_s}",
        f"clock_source = {_quote(config.clock_source)}  # {', '.join(CLOCK_SOURCES)}",
        f"language = {_quote(config.language)}",
        f"log = {_quote(config.log)}",
        "",
        "[dial]  # party id = host:port, in place of the address on its card",
        *(f"{_quote(party)} = {_quote(address)}" for party, address in config.dial.items()),
    ]
    for port in config.serial:
        lines += ["", "[[serial]]", f"device = {_quote(port.device)}"]
        lines += [
            f"peer = {_quote(port.peer)}",
            f"speed = {port.speed}",
            f"carries = {port.carries}",
        ]
    if config.websocket != WebSocket():
        found = config.websocket
        lines += ["", "[websocket]", f"listen = {_quote(found.listen)}"]
        lines += [f"proxy = {_quote(found.proxy)}", "[websocket.dial]"]
        lines += [f"{_quote(party)} = {_quote(url)}" for party, url in found.dial.items()]
    try:
        data = ("\n".join(lines) + "\n").encode()
    except UnicodeEncodeError as exc:  # what a folder may be named, and no TOML can say
        raise _wrong("the name of the mark's folder is not text in UTF-8") from exc
    (home / CONFIG_FILE).write_bytes(data)


def _quote(text: str) -> str:
    """A basic string of TOML; its escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
