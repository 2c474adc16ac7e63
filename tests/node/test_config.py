"""config.toml: what is written is read back, and each mistake is named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from detente.core.errors import LocalError, Refusal
from detente.node.config import CONFIG_FILE, Config, WebSocket, load_config, write_config

GOOD = 'mark = "/var/marks"\n'


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    """Every field, with quotes, backslashes and other scripts in it."""
    config = Config(
        mark='/var/"marks"\\ марки\u007f\n',
        listen=["127.0.0.1:7701", "[::1]:7701"],
        clock_error_s=2,
        clock_source="satellite",
        language="uk",
        log="debug",
        dial={"ab" * 32: "example.org:7701"},
        websocket=WebSocket("127.0.0.1:7702", "http://proxy:3128", {"ab" * 32: "wss://a.example/"}),
    )
    write_config(tmp_path, config)
    assert load_config(tmp_path) == config


def test_a_folder_that_no_text_names(tmp_path: Path) -> None:
    """It is refused by name, and the file that was there stays."""
    good = Config(mark="/var/marks")
    write_config(tmp_path, good)
    with pytest.raises(LocalError) as refused:
        write_config(tmp_path, Config(mark=os.fsdecode(b"/var/m\xe9rks")))
    assert refused.value.refusal == Refusal.USAGE
    assert load_config(tmp_path) == good


def test_defaults(tmp_path: Path) -> None:
    """A mark folder is all a file must name."""
    (tmp_path / CONFIG_FILE).write_text(GOOD)
    config = load_config(tmp_path)
    assert (config.listen, config.clock_error_s, config.clock_source) == ([], 65_535, "unknown")
    assert (config.language, config.log, config.dial) == ("en", "info", {})


def serial(peer: str = "ab" * 32, device: str = "/dev/ttyUSB0", more: str = "") -> str:
    """One serial port, as it stands in the file."""
    return f'[[serial]]\ndevice = "{device}"\npeer = "{peer}"\n{more}\n'


def test_a_serial_port_reads_back(tmp_path: Path) -> None:
    """What is left out of a serial port is as the spec of the file says, and what is written reads
    back."""
    (tmp_path / CONFIG_FILE).write_text(GOOD + serial() + serial(more="carries = 75"))
    config = load_config(tmp_path)
    assert [port.bits_per_s for port in config.serial] == [7680, 75]
    write_config(tmp_path, config)
    assert load_config(tmp_path) == config


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "mark"),
        ("mark = 3", "mark"),
        ('mark = "marks"', "mark"),
        (GOOD + 'marks = "/x"', "marks"),
        (GOOD + 'listen = "127.0.0.1:1"', "listen"),
        (GOOD + 'listen = ["nonsense"]', "listen"),
        (GOOD + 'listen = ["host:99999"]', "listen"),
        (GOOD + "clock_error_s = -1", "clock_error_s"),
        (GOOD + "clock_error_s = 70000", "clock_error_s"),
        (GOOD + 'clock_source = "sundial"', "clock_source"),
        (GOOD + 'log = "loud"', "log"),
        (GOOD + '[dial]\n"ab" = "host:1"', "dial"),
        (GOOD + f'[dial]\n"{"ab" * 32}" = "host"', "dial"),
        (GOOD + '[websocket]\nlisten = "host"', "websocket: host"),
        (GOOD + '[websocket]\nproxy = "socks5://a:1"', "websocket: a proxy is"),
        (GOOD + f'[websocket.dial]\n"{"ab" * 32}" = "a.example:1"', "websocket: an address is"),
        (GOOD + '[websocket.dial]\n"ab" = "wss://a.example"', "dial: ab is not"),
        (GOOD + serial("abc"), "serial: abc is not"),
        (GOOD + serial(device="ttyUSB0"), "device"),
        (GOOD + serial(more="speed = 0"), "speed"),
        (GOOD + serial(more="carries = -1"), "carries"),
        (GOOD + serial(more="carries = 19"), "less than 20"),
        (GOOD + serial(more="parity = 1"), "parity"),
        (GOOD + "[", "at end"),
        (GOOD + "dial = " + "[" * 2000, "recursion"),
    ],
)
def test_each_mistake_is_named(tmp_path: Path, text: str, named: str) -> None:
    """The file, and the field that is wrong."""
    (tmp_path / CONFIG_FILE).write_text(text)
    with pytest.raises(LocalError) as refused:
        load_config(tmp_path)
    assert refused.value.refusal == Refusal.USAGE
    assert refused.value.detail.startswith(CONFIG_FILE)
    assert named in refused.value.detail


def test_no_file_and_no_text(tmp_path: Path) -> None:
    """An absent file is not found; one that is no text is refused."""
    with pytest.raises(LocalError) as refused:
        load_config(tmp_path)
    assert refused.value.refusal == Refusal.NOT_FOUND
    (tmp_path / CONFIG_FILE).write_bytes(b"\xff\xfe")
    with pytest.raises(LocalError) as refused:
        load_config(tmp_path)
    assert refused.value.refusal == Refusal.USAGE
