"""Somebody at a desk: a browser of their own, with authenticators that are not really there."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from desk.ground import Side
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, Request, Response, expect

from detente import words

SCREENS = os.environ.get("DETENTE_SCREENS", "")
AUTHENTICATOR = {
    "protocol": "ctap2",
    "ctap2Version": "ctap2_1",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": False,
    "defaultBackupEligibility": False,
    "defaultBackupState": False,
}
KINDS = ("internal", "usb")  # the key in the machine, and one on a string


@dataclass
class Seat:
    """A browser context at one side's desk. Every request and every complaint is remembered."""

    side: Side
    name: str
    context: BrowserContext
    page: Page
    cdp: CDPSession
    keys: list[str] = field(default_factory=list)  # the authenticators, by their id
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    bare: list[str] = field(default_factory=list)  # answers that came without our headers
    language: str = "en"

    @classmethod
    def take(cls, browser: Browser, side: Side, name: str, **options: Any) -> Seat:
        """A fresh browser with two authenticators; nobody is signed in yet."""
        options = {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"} | options
        context = browser.new_context(**options)
        context.set_default_timeout(20_000)
        page = context.new_page()
        seat = cls(side, name, context, page, context.new_cdp_session(page))
        context.on("request", seat._heard)
        context.on("response", seat._answered)
        context.on(
            "console",
            lambda said: said.type == "error" and seat.complaints.append(said.text),
        )
        page.on("pageerror", lambda error: seat.complaints.append(str(error)))
        seat.cdp.send("WebAuthn.enable")
        for kind in KINDS:
            seat.add_key(transport=kind)
        seat.touch(0)
        return seat

    def _heard(self, request: Request) -> None:
        self.requests.append(request.url)

    def _answered(self, response: Response) -> None:
        headers = response.headers
        strict = headers.get("content-security-policy", "").startswith("default-src 'none'")
        if not strict or headers.get("x-content-type-options") != "nosniff":
            self.bare.append(response.url)

    # --- authenticators ---

    def add_key(self, **options: Any) -> str:
        """One more authenticator, which answers when it is touched."""
        added = self.cdp.send(
            "WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR | options}
        )
        self.keys.append(added["authenticatorId"])
        return self.keys[-1]

    def touch(self, at: int | None) -> None:
        """From now on the authenticator of this number answers at once, and no other."""
        for number, key in enumerate(self.keys):
            self.cdp.send(
                "WebAuthn.setAutomaticPresenceSimulation",
                {"authenticatorId": key, "enabled": number == at},
            )

    # --- coming and going ---

    def go(self, path: str = "/") -> Page:
        """Opens a page of the desk."""
        self.page.goto(f"{self.side.origin}{path}")
        return self.page

    def come_in(self) -> None:
        """Signs in by a one-time link."""
        self.go(f"/enter#{self.side.code(self.name)}")
        expect(self.page.locator("form[action='/sign-out'] button")).to_be_visible()

    def register(self, label: str, key: int = 0) -> None:
        """Registers a passkey on an authenticator, on the person's own page."""
        self.touch(key)
        self.go("/me")
        self.page.locator("#label").fill(label)
        self.page.locator("form[data-passkey-create] button").click()
        expect(self.page.locator(".keys").get_by_text(label, exact=True)).to_be_visible()
        self.touch(0)

    def leave(self) -> None:
        """Signs out."""
        self.page.locator("form[action='/sign-out'] button").click()
        expect(self.page.locator("#by-code")).to_be_visible()

    def use_passkey(self) -> None:
        """Signs in by passkey, on the page of the door."""
        self.page.locator("form[data-passkey-sign] button").click()

    # --- what is looked at ---

    def says(self, text: str) -> str:
        """A sentence of the desk as it stands on this person's pages."""
        words.use(self.language)
        try:
            return words.translate(text)
        finally:
            words.use("en")

    def shot(self, name: str) -> None:
        """A picture of the page for people to look at, where `make test-desk` asks for them."""
        if SCREENS:
            folder = Path(SCREENS)
            folder.mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=folder / f"{name}.png", full_page=True)

    def close(self) -> None:
        """Goes home; nothing may have been fetched from elsewhere, nor refused by our policy."""
        self.context.close()
        foreign = [url for url in self.requests if not url.startswith(self.side.origin + "/")]
        assert not foreign, foreign
        refused = [one for one in self.complaints if "Content Security Policy" in one]
        assert not refused, refused
        assert not self.bare, self.bare
