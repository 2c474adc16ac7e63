"""The bare wire: TLS 1.3 over the loopback to another process, and nothing behind it.

``python -m bench.echo CERTIFICATE KEY THERE BACK`` answers THERE bytes with BACK bytes.
"""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.children import child
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

LOOPBACK = "127.0.0.1"


@contextmanager
def echoing(sizes: tuple[int, int]) -> Iterator[Callable[[], object]]:
    """A call that sends ``sizes[0]`` bytes and waits for ``sizes[1]`` in answer."""
    with tempfile.TemporaryDirectory(prefix="detente-bench-") as folder:
        files = _certificate(Path(folder))
        process = child("bench.echo", *map(str, (*files, *sizes)), out=subprocess.PIPE)
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            with socket.create_connection((LOOPBACK, port)) as sock:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with context.wrap_socket(sock) as link:
                    there = bytes(sizes[0])

                    def trip() -> None:
                        link.sendall(there)
                        _read(link, sizes[1])

                    yield trip
        finally:
            process.kill()
            process.communicate()


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ed25519.Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "echo")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, None)
    )
    files = folder / "certificate.pem", folder / "key.pem"
    pem = serialization.Encoding.PEM
    files[0].write_bytes(certificate.public_bytes(pem))
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    files[1].write_bytes(secret)
    return files


def _read(link: ssl.SSLSocket, size: int) -> bool:
    """Takes ``size`` bytes; False when the other side is gone."""
    while size:
        data = link.recv(size)
        if not data:
            return False
        size -= len(data)
    return True


def answer(certificate: str, key: str, there: int, back: int) -> None:
    """Serves one connection until it ends."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(certificate, key)
    with socket.create_server((LOOPBACK, 0)) as server:
        print(server.getsockname()[1], flush=True)
        sock, _ = server.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with context.wrap_socket(sock, server_side=True) as link:
            while _read(link, there):
                link.sendall(bytes(back))


if __name__ == "__main__":
    answer(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
