"""Stories of the door: codes, passkeys, and whoever must not come in."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from desk.ground import World

pytest.importorskip("playwright", reason="no playwright: make setup brings it")

from playwright.sync_api import expect  # after the skip

Sit = Callable[..., Any]


def test_a_code_two_passkeys_and_back_by_either(world: World, sit: Sit) -> None:
    """Somebody comes by a one-time link, registers two passkeys, leaves, and comes back by either
    of them; both registrations stand in the journal with their public keys; the link is dead."""
    seat = sit(world.alpha, keys=0)
    seat.go("/me")
    expect(seat.page.get_by_text("Register two passkeys on two devices")).to_be_visible()
    seat.register("safe", 0)
    seat.register("string", 1)
    expect(seat.page.get_by_text("Register two passkeys on two devices")).to_have_count(0)
    seat.shot("me")
    for key in (0, 1):
        seat.leave()
        seat.shot("sign-in")
        seat.touch(key)
        seat.use_passkey()
        expect(seat.page.get_by_role("heading", name="Lines")).to_be_visible()
    made = [one for one in world.alpha.journal("passkey-registered") if one["name"] == seat.name]
    assert [one["label"] for one in made] == ["safe", "string"]
    assert all(one["public_key"] and not one["by_passkey"] for one in made)


def test_a_link_opens_the_door_once(world: World, sit: Sit) -> None:
    """A one-time code that was used is refused, and so is one that never was; neither it nor what
    keeps somebody signed in stands in an address, a referrer or the desk's log."""
    seat = sit(world.alpha, keys=0)
    code = world.alpha.code(seat.name)
    secrets = [code, *(one["value"] for one in seat.context.cookies())]
    referrers: list[str] = []
    seat.context.on("request", lambda one: referrers.append(one.headers.get("referer", "")))
    seat.leave()
    for given, outcome in ((code, "Passkeys"), (code, "Refused"), ("0" * 40, "Refused")):
        seat.context.clear_cookies()
        seat.go(f"/enter#{given}")
        expect(seat.page.get_by_role("heading", name=outcome, exact=True)).to_be_visible()
        assert given not in seat.page.url
        secrets += [one["value"] for one in seat.context.cookies()]
    told = "\n".join([*seat.requests, *referrers, world.alpha.log.read_text()])
    assert len(secrets) > 2
    assert not [one for one in secrets if one in told]


def test_a_key_that_does_not_ask_who_it_is_makes_no_passkey(world: World, sit: Sit) -> None:
    """An authenticator without a PIN, finger or face registers nothing, and the page says so."""
    seat = sit(world.alpha, keys=0)
    for key in list(seat.keys):
        seat.cdp.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": key})
    seat.keys.clear()
    seat.add_key(transport="usb", isUserVerified=False)
    seat.touch(0)
    seat.go("/me")
    seat.page.locator("#label").fill("weak")
    seat.page.locator("form[data-passkey-create] button").click()
    expect(seat.page.locator("[data-said]")).to_have_text(re.compile("No passkey was made"))
    seat.go("/me")
    expect(seat.page.get_by_text("No passkey is registered.")).to_be_visible()


def test_a_passkey_that_is_synced_is_refused_by_name(world: World, sit: Sit) -> None:
    """An authenticator that copies its keys to other devices registers nothing; the refusal says
    why and what to use."""
    seat = sit(world.alpha, keys=0)
    seat.add_key(transport="ble", defaultBackupEligibility=True, defaultBackupState=True)
    seat.touch(2)
    seat.go("/me")
    seat.page.locator("#label").fill("cloud")
    seat.page.locator("form[data-passkey-create] button").click()
    expect(seat.page.locator("[data-said]")).to_have_text(re.compile("synced to other devices"))
    seat.shot("me-synced")
    seat.go("/me")
    expect(seat.page.get_by_text("No passkey is registered.")).to_be_visible()


def test_what_was_typed_under_a_session_that_ended_is_sent_after_signing_in(
    world: World, sit: Sit
) -> None:
    """A session ends while somebody types: the form leads to the door, the passkey opens it, what
    was typed is shown and sent, and nothing was sent before."""
    seat = sit(world.alpha, "Admin", "administrator")
    page = seat.go("/people")
    page.locator("#name").fill("Officer <b>Late</b>")
    page.get_by_label("watch officer").check()
    page.get_by_label("translator").check()
    world.alpha.change("DELETE FROM session")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_text("What you typed is kept")).to_be_visible()
    seat.shot("sign-in-typed")
    seat.use_passkey()
    expect(page.get_by_text("Nothing was sent and nothing is lost")).to_be_visible()
    expect(page.get_by_text("Officer <b>Late</b>")).to_be_visible()
    assert not [one for one in world.alpha.journal("person-added") if "Late" in one["name"]]
    seat.shot("typed")
    page.get_by_role("button", name="Send it now").click()
    expect(page.get_by_role("heading", name="Officer <b>Late</b>")).to_be_visible()
    (added,) = [one for one in world.alpha.journal("person-added") if "Late" in one["name"]]
    assert (added["roles"], added["by"]) == (["translator", "watch"], seat.name)


def test_whoever_is_parted_with_is_out_at_once(world: World, sit: Sit) -> None:
    """A page that is open leads to the door as soon as somebody was parted with; their passkey
    and their code open nothing any more."""
    seat = sit(world.alpha)
    code = world.alpha.code(seat.name)
    world.alpha.run("desk", "part", seat.name)
    seat.go("/")
    expect(seat.page).to_have_url(re.compile("/sign-in"))
    seat.use_passkey()
    expect(seat.page.get_by_text("This desk does not know the passkey")).to_be_visible()
    seat.go(f"/enter#{code}")
    expect(seat.page.get_by_role("heading", name="Refused")).to_be_visible()
    (left,) = [one for one in world.alpha.journal("person-left") if one["name"] == seat.name]
    assert "authorise" in left["powers"]


def test_an_administrator_lets_somebody_in_and_parts_with_them(world: World, sit: Sit) -> None:
    """On the page of people: somebody is added, gets a link that works, loses a key that is then
    void, and leaves with their past powers listed; each act stands in the journal."""
    admin = sit(world.alpha, "Admin", "administrator")
    page = admin.go("/people")
    page.locator("#name").fill("Newcomer")
    page.get_by_label("watch officer").check()
    page.locator("#language").select_option("uk")
    admin.shot("people")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("heading", name="Newcomer")).to_be_visible()
    page.get_by_role("button", name="Make a one-time link").click()
    url = page.locator(".once code").inner_text()
    admin.shot("person-link")
    other = sit(world.alpha, keys=0)
    other.leave()
    other.page.goto(url)
    expect(other.page.locator("html")).to_have_attribute("lang", "uk")
    other.register("lost", 0)
    admin.go(page.url.removeprefix(world.alpha.origin).removesuffix("/link"))
    page.get_by_role("button", name="Void the passkey lost").click()
    expect(page.get_by_text("No passkey is registered.")).to_be_visible()
    page.get_by_label("I mean Newcomer").check()
    page.get_by_role("button", name="Part with this person").click()
    expect(page.get_by_text("Could, until leaving")).to_be_visible()
    expect(page.get_by_text("keep the watch")).to_be_visible()
    admin.shot("person-left")
    other.go("/")
    expect(other.page).to_have_url(re.compile("/sign-in"))
    for word in ("person-added", "sign-in-link", "person-left"):
        assert [one["by"] for one in world.alpha.journal(word) if one["name"] == "Newcomer"] == [
            admin.name
        ]
    assert world.alpha.journal("passkey-void")[-1]["by"] == admin.name


def test_ones_own_page_speaks_ones_own_language(world: World, sit: Sit) -> None:
    """The language chosen on one's own page is that of every page from then on."""
    seat = sit(world.alpha, color_scheme="light")
    page = seat.go("/me")
    page.locator("#language").select_option("ru")
    page.locator("form[action='/me/language'] button").click()
    expect(page.locator("html")).to_have_attribute("lang", "ru")
    seat.shot("me-light-ru")
    seat.go("/")
    expect(page.locator("html")).to_have_attribute("lang", "ru")
