"""TLS of a desk with a name of its own, met by Python's own TLS instead of a browser's."""

from __future__ import annotations

import json
import socket
import ssl
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from desk.ground import Side

from detente.core.errors import LocalError, Refusal
from detente.desk import certificates
from detente.desk.certificates import AUTHORITY, AUTHORITY_KEY, SERVER

HOST = "desk.alpha.example"
NOW_S = 1_770_292_800
DAY_S = 86_400


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an authority and a server certificate."""
    certificates.make_authority(tmp_path, HOST, NOW_S)
    return tmp_path


def certificate(path: Path) -> x509.Certificate:
    """The first certificate of a file."""
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_the_authority_vouches_for_one_name_and_its_keys_are_for_the_owner(folder: Path) -> None:
    """The authority's certificate permits the desk's name alone; both keys have mode 0600; the
    server's certificate lasts 825 days at most."""
    authority, server = certificate(folder / AUTHORITY), certificate(folder / SERVER)
    limits = authority.extensions.get_extension_for_class(x509.NameConstraints)
    assert limits.critical
    assert limits.value.permitted_subtrees == [x509.DNSName(HOST)]
    assert len(limits.value.excluded_subtrees) == 2
    assert (server.not_valid_after_utc - server.not_valid_before_utc).days == 825
    for name in (AUTHORITY_KEY, SERVER):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600


def test_a_certificate_is_renewed_before_it_ends_and_not_earlier(folder: Path) -> None:
    """A fresh one is left alone; one that ends within 90 days, or is lost, is issued anew under
    the same authority, and never outlives it."""
    first = (folder / SERVER).read_bytes()
    assert not certificates.renew_if_due(folder, HOST, NOW_S + 700 * DAY_S)
    assert (folder / SERVER).read_bytes() == first
    assert certificates.renew_if_due(folder, HOST, NOW_S + 740 * DAY_S)
    assert certificate(folder / SERVER).issuer == certificate(folder / AUTHORITY).subject
    (folder / SERVER).unlink()
    assert certificates.renew_if_due(folder, HOST, NOW_S + 3600 * DAY_S)
    ends = certificate(folder / SERVER).not_valid_after_utc
    assert ends <= certificate(folder / AUTHORITY).not_valid_after_utc


@pytest.mark.parametrize("damage", [b"", b"-----BEGIN NOTHING-----\n"])
def test_a_damaged_or_missing_authority_is_named(folder: Path, damage: bytes) -> None:
    """Nothing is made anew in silence where an authority was: browsers would not know it."""
    (folder / AUTHORITY_KEY).write_bytes(damage)
    with pytest.raises(LocalError) as caught:
        certificates.issue(folder, HOST, NOW_S)
    assert caught.value.refusal is Refusal.MALFORMED
    (folder / AUTHORITY).unlink()
    with pytest.raises(LocalError) as caught:
        certificates.issue(folder, HOST, NOW_S)
    assert caught.value.refusal is Refusal.NOT_FOUND


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Side, dict[str, Any]]]:
    """A desk of that name, served on this machine, and what `desk init` said."""
    side = Side(tmp_path, "alpha")
    side.make_home()
    said = json.loads(side.run("desk", "init", HOST, "--port", str(side.desk_port)))
    side.start_desk()
    yield side, said
    side.close()


def shake(side: Side, said: dict[str, Any], name: str, *, tls: ssl.TLSVersion) -> str | None:
    """One handshake as a browser that took the authority in would make it."""
    context = ssl.create_default_context(cafile=said["authority"])
    context.maximum_version = tls
    with (
        socket.create_connection(("127.0.0.1", side.desk_port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=name) as sealed,
    ):
        return sealed.version()


def test_a_browser_that_knows_the_authority_is_served_by_tls_1_3_alone(
    served: tuple[Side, dict[str, Any]],
) -> None:
    """With the authority, TLS 1.3 and the right name the door opens, over HTTPS for ever after;
    without the authority, by TLS 1.2 or under another name it does not."""
    side, said = served
    authority = certificate(Path(said["authority"]))
    assert said["sha256"] == authority.fingerprint(hashes.SHA256()).hex()
    assert said["origin"] == f"https://{HOST}:{side.desk_port}"
    assert shake(side, said, HOST, tls=ssl.TLSVersion.TLSv1_3) == "TLSv1.3"
    with pytest.raises(ssl.SSLError):
        shake(side, said, HOST, tls=ssl.TLSVersion.TLSv1_2)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(side, said, "other.example", tls=ssl.TLSVersion.TLSv1_3)
    with (
        pytest.raises(ssl.SSLCertVerificationError),
        socket.create_connection(("127.0.0.1", side.desk_port), timeout=10) as plain,
    ):
        ssl.create_default_context().wrap_socket(plain, server_hostname=HOST)


def test_a_stolen_authority_vouches_for_no_other_name(folder: Path) -> None:
    """A certificate for another name, signed with the authority's own key, is refused by whoever
    trusts the authority."""
    certificates.issue(folder, "bank.example", int(time.time()))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / SERVER)
    client = ssl.create_default_context(cafile=folder / AUTHORITY)
    assert meet(client, server, "bank.example") == "permitted subtree violation"
    certificates.issue(folder, HOST, int(time.time()))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / SERVER)
    assert meet(client, server, HOST) == ""


def meet(client: ssl.SSLContext, server: ssl.SSLContext, name: str) -> str:
    """A handshake in memory; gives why the client refused, or nothing."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(back, there, server_hostname=name)
    far = server.wrap_bio(there, back, server_side=True)
    for _ in range(4):
        for end in (near, far):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                return error.verify_message
    return ""
