"""What lies between two nodes on the web: a proxy that is asked to CONNECT, and a web server that
ends the TLS of others and passes on what it reads."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Change = Callable[[bytes], bytes]


class Front:
    """A server on the loopback that passes bytes on. ``seen`` is all it read, in both directions;
    ``back`` may change what goes back to who called."""

    def __init__(self) -> None:
        self.address = ""
        self.heads: list[bytes] = []
        self.seen = bytearray()
        self.back: Change = lambda data: data
        self.status = b"200 OK"
        self._tasks: set[asyncio.Task[None]] = set()
        self._target: str | None = None
        self._server: asyncio.Server

    async def open(self, target: str | None = None, tls: ssl.SSLContext | None = None) -> Front:
        """Listens: for CONNECT, or for all that goes to one ``target``."""
        self._target = target
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
        host, port = self._server.sockets[0].getsockname()
        self.address = f"{host}:{port}"
        return self

    def close(self) -> None:
        """Ends it, and what goes through it."""
        self._server.close()
        for task in self._tasks:
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            where = self._target or await self._asked(reader, writer)
            if where is None:
                return
            host, _, port = where.rpartition(":")
            far_reader, far_writer = await asyncio.open_connection(host, int(port))
            try:
                back = self._pass(far_reader, writer, back=True)
                await asyncio.gather(self._pass(reader, far_writer, back=False), back)
            finally:
                far_writer.close()
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    async def _asked(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> str | None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        writer.write(b"HTTP/1.1 " + self.status + b"\r\n\r\n")
        method, where, _ = head.split(b" ", 2)
        return where.decode() if method == b"CONNECT" and self.status.startswith(b"2") else None

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, back: bool
    ) -> None:
        while data := await reader.read(65_536):
            self.seen += data
            writer.write(self.back(data) if back else data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
        else:
            writer.close()


def worthless_tls(folder: Path) -> ssl.SSLContext:
    """A certificate of another name, that nobody signed, and long out of date."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "elsewhere.example")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2001, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2002, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    file = folder / "front.pem"
    file.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
