"""A desk with a name of its own, in a browser that was told of its certificate."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from desk.ground import Side

from detente.desk.certificates import SERVER

HOST = "desk.alpha.example"


def pin(path: Path) -> str:
    """The hash of a certificate's key, as Chromium takes it."""
    key = x509.load_pem_x509_certificate(path.read_bytes()).public_key()
    data = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def test_a_passkey_of_a_named_desk_opens_it_over_tls(chromium: str, tmp_path: Path) -> None:
    """Under a name of its own, over TLS, somebody comes by link, registers a passkey for that name
    and comes back by it; without the pin the browser shows no page of the desk at all."""
    from desk.seat import Seat
    from playwright.sync_api import Error, expect, sync_playwright

    side = Side(tmp_path, "alpha", named=HOST)
    side.make()
    side.add("Officer", "watch")
    named = f"--host-resolver-rules=MAP {HOST} 127.0.0.1"
    told = f"--ignore-certificate-errors-spki-list={pin(side.home / 'desk' / SERVER)}"
    side.start_node()
    side.start_desk()
    try:
        with sync_playwright() as playwright:

            def browse(*args: str) -> Seat:
                given = ["--no-sandbox", named, *args]
                browser = playwright.chromium.launch(executable_path=chromium, args=given)
                return Seat.take(browser, side, "Officer")

            seat = browse(told)
            seat.come_in()
            seat.register("safe")
            seat.leave()
            seat.use_passkey()
            expect(seat.page.get_by_role("heading", name="Passkeys")).to_be_visible()
            (cookie,) = seat.context.cookies()
            assert (cookie["secure"], cookie["httpOnly"]) == (True, True)
            seat.close()
            stranger = browse()
            try:
                stranger.go("/sign-in")
                seen = stranger.page.content()
            except Error as error:
                seen = error.message
            assert "ERR_CERT_AUTHORITY_INVALID" in seen
    finally:
        side.close()
