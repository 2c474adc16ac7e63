"""TLS 1.3 without sockets, on pyOpenSSL: bytes in, bytes out, one suite, both keys pinned.

Python's own ``ssl`` can neither demand one key exchange group nor export keying material before
3.15. pyOpenSSL carries an OpenSSL that can, but has no public call to choose groups and signature
algorithms; the two private bindings used for that (``SSL._lib``) stand in ``_restrict`` alone and
``tls.self_test`` proves at every start that they did what is meant. (spec/bearer-tls.md §3)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from OpenSSL import SSL, crypto

from detente.core.errors import MachineError, PeerError, Refusal

VERSION = "TLSv1.3"
GROUP = "X25519MLKEM768"  # the one key exchange: recorded today, still shut to a quantum computer
SIGNATURES = "ed25519"  # in the handshake and in the certificates
SUITE = "TLS_AES_256_GCM_SHA384"  # the one cipher suite: nothing is negotiated
BINDING_LABEL = b"EXPORTER-Channel-Binding"  # RFC 9266 §4.2, context empty, 32 bytes
BINDING_BYTES = 32
SPKI_ED25519 = bytes.fromhex("302a300506032b6570032100")  # RFC 8410 §4: the key's 32 bytes follow
KEY_BYTES = 32
READ_BYTES = 16_384  # the plain text of one record (RFC 8446 §5.1): a read never yields more
DRAIN_BYTES = 65_536  # four records at a time out of OpenSSL's buffer

Pins = Callable[[bytes], bytes | None]
"""From a raw 32-byte Ed25519 key to the 32-byte party id that it speaks for now, or None."""

_openssl: Any = vars(SSL)["_lib"]  # the bindings beneath pyOpenSSL: used in ``_restrict`` alone

# OpenSSL's words for what a stranger did, where more can be said than "not our TLS".
REASONS = {
    "certificate verify failed": Refusal.UNKNOWN_PARTY,
    "peer did not return a certificate": Refusal.UNKNOWN_PARTY,
    "unsupported protocol": Refusal.UNKNOWN_VERSION,
    "no suitable groups": Refusal.UNKNOWN_VERSION,
    "no suitable key share": Refusal.UNKNOWN_VERSION,
}


@dataclass(frozen=True, slots=True)
class TlsIdentity:
    """A node's TLS key. The certificate is made from it, in memory, the same each time."""

    seed: bytes = field(repr=False)
    """The 32-byte Ed25519 private key (RFC 8032 §5.1.5)."""

    @property
    def key(self) -> Ed25519PrivateKey:
        """The private key as the crypto library holds it."""
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    @property
    def public(self) -> bytes:
        """The raw 32-byte public key: what a card names and a peer pins."""
        return self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def certificate(self) -> x509.Certificate:
        """Self-signed, nameless, without extensions or end: only its key means anything."""
        nobody = x509.Name([])
        builder = x509.CertificateBuilder(
            subject_name=nobody,
            issuer_name=nobody,
            public_key=self.key.public_key(),
            serial_number=1,
            not_valid_before=datetime(1970, 1, 1, tzinfo=UTC),
            not_valid_after=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),  # RFC 5280 §4.1.2.5
        )
        return builder.sign(self.key, None)


def certificate_key(certificate: crypto.X509) -> bytes | None:
    """The raw Ed25519 key a certificate carries; None for any other key or none at all."""
    try:
        spki = crypto.dump_publickey(crypto.FILETYPE_ASN1, certificate.get_pubkey())
    except crypto.Error:
        return None
    if len(spki) != len(SPKI_ED25519) + KEY_BYTES or not spki.startswith(SPKI_ED25519):
        return None
    return spki[len(SPKI_ED25519) :]


def _restrict(context: SSL.Context) -> None:
    """Allows one group and one signature algorithm. MachineError if this OpenSSL cannot."""
    for name, words in (
        ("SSL_CTX_set1_curves_list", GROUP),
        ("SSL_CTX_set1_sigalgs_list", SIGNATURES),
    ):
        call = getattr(_openssl, name, None)
        if call is None or call(context._context, words.encode()) != 1:  # noqa: SLF001
            _openssl.ERR_clear_error()  # or the next, innocent call would be told of it
            raise MachineError(Refusal.UNKNOWN_VERSION, f"this OpenSSL cannot be held to {words}")


def make_context(identity: TlsIdentity, pins: Pins) -> SSL.Context:
    """The settings of either end. MachineError if this OpenSSL cannot keep to them.

    ``pins`` is asked anew at each handshake, and before our own certificate is shown.
    """
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(SSL.TLS1_3_VERSION)
    context.set_max_proto_version(SSL.TLS1_3_VERSION)
    context.set_tls13_ciphersuites(SUITE.encode())
    _restrict(context)
    context.use_certificate(identity.certificate)
    context.use_privatekey(identity.key)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION)

    def pinned(
        _conn: SSL.Connection, certificate: crypto.X509, _error: int, depth: int, _ok: int
    ) -> bool:
        # In place of X.509's own judgement (names, dates, issuers): the leaf's key is pinned.
        # A chain is never looked at, so that a pinned key cannot vouch for another one.
        key = certificate_key(certificate) if depth == 0 else None
        return key is not None and pins(key) is not None

    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, pinned)
    return context


def _refusal(exc: SSL.Error) -> PeerError:
    """What the peer did wrong, from OpenSSL's list of (library, function, reason)."""
    errors = exc.args[0] if exc.args and isinstance(exc.args[0], list) else []
    reason = str(errors[0][2]) if errors else "broken off"
    if " alert " in f" {reason} ":
        return PeerError(Refusal.UNREACHABLE, f"refused by the peer: {reason}")
    return PeerError(REASONS.get(reason, Refusal.MALFORMED), f"TLS: {reason}")


class Engine:
    """One end of one TLS connection: ``feed`` it what came, send what ``drain`` gives."""

    __slots__ = ("_conn",)

    def __init__(self, context: SSL.Context, *, server: bool) -> None:
        self._conn = SSL.Connection(context, None)
        if server:
            self._conn.set_accept_state()
        else:
            self._conn.set_connect_state()

    def feed(self, data: bytes | memoryview) -> None:
        """Takes bytes from the wire, of any number."""
        self._conn.bio_write(data)

    def drain(self) -> bytes:
        """All bytes that now belong on the wire."""
        parts: list[bytes] = []
        try:
            while True:
                parts.append(self._conn.bio_read(DRAIN_BYTES))
                if len(parts[-1]) < DRAIN_BYTES:
                    break
        except SSL.WantReadError:
            pass  # empty: that is how OpenSSL says it
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def handshake(self) -> bool:
        """Goes on with the handshake; True once this end is done with it.

        PeerError UNKNOWN_PARTY for a key that is not pinned, UNKNOWN_VERSION for another TLS,
        MALFORMED for what is none, UNREACHABLE if the peer refuses us; then drain what is left.
        In TLS 1.3 the client is done before the server has judged it.
        """
        try:
            self._conn.do_handshake()
        except SSL.WantReadError:
            return False
        except SSL.Error as exc:
            raise _refusal(exc) from exc
        return True

    def peer_key(self) -> bytes | None:
        """The raw key that signed the finished handshake."""
        certificate = self._conn.get_peer_certificate()
        return None if certificate is None else certificate_key(certificate)

    def binding(self) -> bytes:
        """The channel binding of the finished handshake (RFC 9266), equal at both ends."""
        return self._conn.export_keying_material(BINDING_LABEL, BINDING_BYTES, b"")

    def facts(self) -> tuple[str, str, str]:
        """Version, group and cipher suite of the finished handshake."""
        conn = self._conn
        return (
            conn.get_protocol_version_name(),
            conn.get_group_name() or "",
            conn.get_cipher_name() or "",
        )

    def write(self, data: bytes) -> None:
        """Seals bytes into as few records as they fit. PeerError if the connection broke."""
        try:
            self._conn.sendall(data)
        except SSL.Error as exc:
            raise _refusal(exc) from exc

    def read(self) -> Iterator[bytes]:
        """The plain bytes that are here, record by record; an empty one at the peer's close.

        PeerError UNREACHABLE if the peer refused us, MALFORMED for a record that does not open.
        """
        while True:
            try:
                data = self._conn.recv(READ_BYTES)
            except SSL.WantReadError:
                return
            except SSL.ZeroReturnError:
                yield b""
                return
            except SSL.Error as exc:
                raise _refusal(exc) from exc
            yield data

    def end(self) -> None:
        """Says close_notify, so that the peer can tell an end from a cut.

        A connection that failed, or never came up, has nothing left to say it with.
        """
        with suppress(SSL.Error):
            self._conn.shutdown()
