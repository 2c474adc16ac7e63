"""The TLS bearer of the second node, written from spec/bearer-tls.md alone.

TLS 1.3 with X25519MLKEM768 alone needs OpenSSL 3.5, which Python's own `ssl` often is not built
with, and Python before 3.15 cannot restrict the group. The `cryptography` package carries a newer
OpenSSL; its private cffi binding is called here as libssl itself would be from C.
"""

from __future__ import annotations

import datetime as dt
import select
import socket
import time
from collections.abc import Callable
from typing import Any

from cryptography import x509
from cryptography.hazmat.bindings._rust import _openssl
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from interop.peer_bytes import check, varint

lib, ffi = _openssl.lib, _openssl.ffi


def certificate(key: Ed25519PrivateKey) -> bytes:
    """The one certificate of a TLS key (bearer-tls.md §3)."""
    builder = x509.CertificateBuilder(x509.Name([]), x509.Name([]), key.public_key(), 1)
    builder = builder.not_valid_before(dt.datetime(1970, 1, 1, tzinfo=dt.UTC))
    builder = builder.not_valid_after(dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC))
    return builder.sign(key, None).public_bytes(serialization.Encoding.DER)


def _memory(data: bytes) -> Any:
    return ffi.gc(lib.BIO_new_mem_buf(data, len(data)), lib.BIO_free)


def _public_key(cert: Any) -> bytes:
    bio = ffi.gc(lib.BIO_new(lib.BIO_s_mem()), lib.BIO_free)
    lib.i2d_X509_bio(bio, cert)
    out = ffi.new("char **")
    size = lib.BIO_get_mem_data(bio, out)
    der = bytes(ffi.buffer(out[0], size))
    try:
        key = x509.load_der_x509_certificate(der).public_key()
    except ValueError:
        return b""
    return key.public_bytes_raw() if isinstance(key, Ed25519PublicKey) else b""


class Tls:
    """One end of a connection: frames over TLS 1.3, both ends pinned (bearer-tls.md §3, §4)."""

    def __init__(
        self,
        sock: socket.socket,
        key: Ed25519PrivateKey,
        pinned: Callable[[bytes], bool],
        server: bool,
    ) -> None:
        self.sock, self.peer, self.read, self.closed = sock, b"", b"", False
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        context = ffi.gc(lib.SSL_CTX_new(lib.TLS_method()), lib.SSL_CTX_free)
        done = [lib.SSL_CTX_set_min_proto_version(context, lib.TLS1_3_VERSION)]
        done += [lib.SSL_CTX_set_max_proto_version(context, lib.TLS1_3_VERSION)]
        done += [lib.SSL_CTX_set_ciphersuites(context, b"TLS_AES_256_GCM_SHA384")]
        done += [lib.SSL_CTX_set1_curves_list(context, b"X25519MLKEM768")]
        done += [lib.SSL_CTX_set1_sigalgs_list(context, b"ed25519")]
        lib.SSL_CTX_set_options(context, lib.SSL_OP_NO_TICKET)
        lib.SSL_CTX_set_session_cache_mode(context, lib.SSL_SESS_CACHE_OFF)
        der = certificate(key)
        done += [
            lib.SSL_CTX_use_certificate(
                context, ffi.gc(lib.d2i_X509_bio(_memory(der), ffi.NULL), lib.X509_free)
            )
        ]
        secret = key.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        loaded = ffi.gc(lib.d2i_PrivateKey_bio(_memory(secret), ffi.NULL), lib.EVP_PKEY_free)
        done += [lib.SSL_CTX_use_PrivateKey(context, loaded)]
        check(all(one == 1 for one in done), "unknown-version")

        @ffi.callback("int(int, X509_STORE_CTX *)", error=0)  # type: ignore[untyped-decorator]
        def verify(_sound: int, store: Any) -> int:
            self.peer = _public_key(lib.X509_STORE_CTX_get0_cert(store))
            return int(pinned(self.peer))

        mode = lib.SSL_VERIFY_PEER | lib.SSL_VERIFY_FAIL_IF_NO_PEER_CERT
        lib.SSL_CTX_set_verify(context, mode, verify)
        self.ssl = ffi.gc(lib.SSL_new(context), lib.SSL_free)
        self.alive = (context, verify)
        lib.SSL_set_fd(self.ssl, sock.fileno())
        (lib.SSL_set_accept_state if server else lib.SSL_set_connect_state)(self.ssl)
        self._run(lambda: lib.SSL_do_handshake(self.ssl), time.monotonic() + 10)
        group = ffi.string(lib.SSL_get0_group_name(self.ssl)).lower()
        check(group == b"x25519mlkem768" and pinned(self.peer), "unknown-party")

    def _run(self, step: Callable[[], int], until: float) -> int:
        while True:
            lib.ERR_clear_error()
            result = step()
            if result > 0:
                return result
            why = lib.SSL_get_error(self.ssl, result)
            waits = {
                lib.SSL_ERROR_WANT_READ: ([self.sock], []),
                lib.SSL_ERROR_WANT_WRITE: ([], [self.sock]),
            }
            check(why in waits and time.monotonic() < until, "unreachable")
            select.select(*waits[why], [], max(0.0, until - time.monotonic()))

    def send(self, frame: bytes) -> None:
        """Send one frame behind its length (bearer-tls.md §4)."""
        data = varint(len(frame)) + frame
        self._run(lambda: lib.SSL_write(self.ssl, data, len(data)), time.monotonic() + 20)

    def frames(self) -> list[bytes]:
        """Read what is there, and hand on whole frames (bearer-tls.md §4)."""
        buffer = ffi.new("char[65536]")
        while not self.closed:
            lib.ERR_clear_error()
            got = lib.SSL_read(self.ssl, buffer, 65536)
            if got <= 0:
                self.closed = lib.SSL_get_error(self.ssl, got) != lib.SSL_ERROR_WANT_READ
                break
            self.read += bytes(ffi.buffer(buffer, got))
        whole = []
        while (split := self._split()) is not None:
            whole.append(self.read[split[0] : sum(split)])
            self.read = self.read[sum(split) :]
        return whole

    def _split(self) -> tuple[int, int] | None:
        size = 0
        for place, byte in enumerate(self.read[:3]):
            size |= (byte & 127) << 7 * place
            if byte < 128:
                check(size > 0 and (byte > 0 or place == 0))
                check(size <= 655360, "oversize")
                return (place + 1, size) if len(self.read) > place + size else None
            check(place < 2, "oversize")
        return None

    def close(self, politely: bool = True) -> None:
        """End the link, with close_notify or as a cut (bearer-tls.md §5)."""
        if politely and not self.closed:
            lib.SSL_shutdown(self.ssl)
        self.closed = True
        self.sock.close()
