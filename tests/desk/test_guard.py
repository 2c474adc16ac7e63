"""What stands before every page: headers, sessions, forms that only our own pages can send."""

from __future__ import annotations

import asyncio
import html
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from desk.authenticator import Authenticator
from desk.visitor import Visitor

from detente.core.errors import LocalError, Refusal
from detente.desk import desk as desk_module
from detente.desk import entering, guard, noting, own_page, passkeys, people_page
from detente.desk.cabinet import Cabinet
from detente.desk.desk import TRIES, TRIES_IN_ALL, Desk
from detente.desk.own_page import FRESH_S
from detente.desk.people import POWER_WORDS, POWERS, ROLES
from detente.desk.serve import origin_of
from detente.desk.sessions import IDLE_S, INVITATION_S
from detente.desk.throttle import DOORS_MAX, Throttle

NOW_S = 1_770_292_800
Enter = Callable[..., Visitor]


class Clock:
    """The machine's clock, for tests to turn."""

    def __init__(self) -> None:
        self.now_s = NOW_S

    def __call__(self) -> int:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of every part of the desk."""
    made = Clock()
    for module in (desk_module, entering, guard, own_page, passkeys, people_page):
        monkeypatch.setattr(module, "wall_s", made)
    return made


@pytest.fixture
def desk(tmp_path: Path, clock: Clock) -> Iterator[Desk]:
    """A desk that nobody serves."""
    made = Desk(tmp_path, Cabinet.open(tmp_path, create=True), "http://alpha.localhost:8471")
    yield made
    made.cabinet.close()


@pytest.fixture
def enter(desk: Desk, clock: Clock) -> Enter:
    """``enter("Name", "role", …)``: somebody signed in by a one-time code."""

    def come(name: str, *roles: str) -> Visitor:
        person = desk.people.add(name, frozenset(roles), "en", clock())
        visitor = Visitor(desk)
        answer = visitor.post("/code", {"code": desk.sessions.invite(person, clock())})
        assert answer.status == 303
        return visitor

    return come


# --- headers and cookies ---


def test_every_answer_carries_the_strict_headers(desk: Desk, enter: Enter) -> None:
    """Pages, refusals, files, redirections and answers to scripts: the same headers, no answer
    that a cache may keep, and no policy with unsafe- in it."""
    admin = enter("Admin", "administrator")
    stranger = Visitor(desk)
    answers = [
        admin.get("/"),
        admin.get("/people"),
        admin.get("/people/77"),
        admin.get("/nowhere"),
        admin.get("/static/desk.css"),
        stranger.get("/sign-in"),
        stranger.get("/people"),
        stranger.get("/", host="evil.localhost"),
        stranger.post("/code", {"code": "wrong"}),
        stranger.post("/passkey/options", accept="application/json"),
        stranger.post("/me/passkeys", accept="application/json"),
    ]
    assert [one.status for one in answers] == [
        200,
        200,
        404,
        404,
        200,
        200,
        303,
        400,
        403,
        200,
        403,
    ]
    for one in answers:
        assert one.headers["content-security-policy"].startswith("default-src 'none'; script-src")
        assert "unsafe" not in one.headers["content-security-policy"]
        assert one.headers["x-content-type-options"] == "nosniff"
        assert one.headers["cache-control"] == "no-store"
        assert one.headers["referrer-policy"] == "same-origin"
        assert "strict-transport-security" not in one.headers


def test_a_desk_on_a_network_keeps_browsers_to_https(desk: Desk) -> None:
    """With a name of its own the desk says HTTPS for ever, and its cookie travels by it alone."""
    desk.origin = origin_of("desk.alpha.example", 443)
    assert desk.origin == "https://desk.alpha.example"
    person = desk.people.add("Officer", frozenset({"watch"}), "en", NOW_S)
    visitor = Visitor(desk)
    answer = visitor.post("/code", {"code": desk.sessions.invite(person, NOW_S)})
    assert answer.headers["strict-transport-security"].startswith("max-age=")
    (cookie,) = answer.cookies
    for word in ("HttpOnly", "Secure", "SameSite=strict", "Path=/"):
        assert word in cookie


def test_no_page_has_a_script_or_style_of_its_own(enter: Enter, desk: Desk) -> None:
    """Nothing in a page would need more than the policy gives: no inline script, style or handler,
    and nothing from elsewhere."""
    admin = enter("Admin", "administrator")
    for path in ("/", "/me", "/people", "/people/1"):
        text = admin.get(path).text
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", text), path
        assert not re.search(r'(src|href)="(?!/|#|\?)', text), path


# --- sessions ---


def test_a_session_lasts_while_it_is_used_and_ends_when_it_is_not(
    enter: Enter, clock: Clock
) -> None:
    """Twelve hours after its last page a session has ended; used in between, it has not."""
    officer = enter("Officer", "watch")
    for _ in range(3):
        clock.now_s += IDLE_S - 1
        assert officer.get("/").status == 200
    clock.now_s += IDLE_S + 1
    answer = officer.get("/me")
    assert (answer.status, answer.headers["location"]) == (303, "/sign-in?then=/me")


def test_signing_out_ends_the_session_for_whoever_kept_its_cookie(enter: Enter) -> None:
    """A copied cookie is worth nothing after its owner has left."""
    officer = enter("Officer", "watch")
    kept = dict(officer.cookies)
    assert officer.post("/sign-out", {"form_token": officer.get("/me").token}).status == 303
    officer.cookies = kept
    assert officer.get("/me").status == 303


def test_a_code_is_good_once_and_for_a_quarter_of_an_hour(desk: Desk, clock: Clock) -> None:
    """A used code, a late one and one of somebody who left open nothing; the desk's file holds
    none of them."""
    person = desk.people.add("Officer", frozenset({"watch"}), "en", clock())
    visitor = Visitor(desk)
    code = desk.sessions.invite(person, clock())
    assert visitor.post("/code", {"code": f" {code} "}).status == 303
    assert visitor.post("/code", {"code": code}).status == 403
    late = desk.sessions.invite(person, clock())
    clock.now_s += INVITATION_S + 1
    assert visitor.post("/code", {"code": late}).status == 403
    kept = desk.sessions.invite(person, clock())
    dump = repr(desk.cabinet.rows("SELECT * FROM invitation"))
    assert kept not in dump
    desk.people.part(person.number, clock())
    assert visitor.post("/code", {"code": kept}).status == 403


def test_a_link_opened_where_somebody_sits_ends_their_session(enter: Enter, desk: Desk) -> None:
    """Whoever opens their link in a browser that somebody else is signed in at gets a session of
    their own, and the other's is over."""
    officer = enter("Officer", "watch")
    before = dict(officer.cookies)
    relief = desk.people.add("Relief", frozenset({"watch"}), "uk", NOW_S)
    assert 'id="code-form"' in officer.get("/enter").text
    assert officer.get("/sign-in").status == 303
    assert officer.post("/code", {"code": desk.sessions.invite(relief, NOW_S)}).status == 303
    assert "Relief" in officer.get("/me").text
    officer.cookies = before
    assert officer.get("/me").status == 303


def test_parting_ends_every_session_at_once(enter: Enter, desk: Desk) -> None:
    """The next request of whoever was parted with meets the door."""
    officer = enter("Officer", "watch")
    number = desk.people.named("Officer").number
    desk.people.part(number, NOW_S)
    assert officer.get("/me").status == 303
    assert officer.post("/me/language", {"language": "ru"}).status == 401


# --- forms ---


@pytest.mark.parametrize(
    "origin", ["http://evil.localhost:8471", "null", "", "http://alpha.localhost"]
)
def test_a_form_from_elsewhere_is_refused(enter: Enter, desk: Desk, origin: str) -> None:
    """A form that another site, a file or nobody sent changes nothing, though cookie and token
    are good."""
    officer = enter("Officer", "watch")
    token = officer.get("/me").token
    form = {"language": "ru", "form_token": token}
    assert officer.post("/me/language", form, origin=origin).status == 403
    assert desk.people.named("Officer").language == "en"
    assert officer.post("/me/language", form).status == 303
    assert desk.people.named("Officer").language == "ru"


def test_a_form_without_the_sessions_own_token_is_refused(enter: Enter, desk: Desk) -> None:
    """No token, an empty one and another session's token change nothing; what was typed is
    offered back under this session's."""
    officer, other = enter("Officer", "watch"), enter("Other", "watch")
    for token in ({}, {"form_token": ""}, {"form_token": other.get("/me").token}):
        answer = officer.post("/me/language", {"language": "ru", **token})
        assert answer.status == 403
        assert 'name="language" value="ru"' in answer.text
        assert answer.token == officer.get("/me").token
    assert desk.people.named("Officer").language == "en"
    script = officer.post("/me/language", {"language": "ru"}, accept="application/json")
    assert (script.status, list(json.loads(script.text))) == (403, ["refused"])


def test_a_form_is_bounded(enter: Enter) -> None:
    """A form longer than any dispatch is refused before it is read."""
    officer = enter("Officer", "watch")
    big = officer.post("/me/language", {"language": "ru"}, content_length=str(5 * 1024 * 1024))
    assert big.status == 413
    unsaid = officer.post("/me/language", {"language": "ru"}, transfer_encoding="chunked")
    assert unsaid.status == 413


TYPED = '"><script>alert(1)</script>\n\u202eevil'


def test_what_was_typed_comes_back_after_the_door(enter: Enter, desk: Desk) -> None:
    """A form under a session that has ended goes through the door by code and comes out as it was,
    every field, escaped; the old token does not travel."""
    admin = enter("Admin", "administrator")
    token = admin.get("/people").token
    admin.cookies.clear()
    form = {"name": TYPED, "role": ["watch", "translator"], "form_token": token}
    door = admin.post("/people?x=1", form)
    assert door.status == 401
    assert "<script>alert" not in door.text
    assert token not in door.text
    code = desk.sessions.invite(desk.people.named("Admin"), NOW_S)
    kept = re.findall(r'name="(typed:[^"]*)" value="([^"]*)"', door.text.partition("/code")[2])
    given: dict[str, Any] = {"code": code, "then": "/people?x=1", "typed:role": []}
    for name, value in kept:
        if name == "typed:role":
            given[name].append(value)
        else:
            given[name] = html.unescape(value)
    back = admin.post("/code", given)
    assert back.status == 200
    assert 'action="/people?x=1"' in back.text
    assert back.text.count('name="role"') == 2
    assert "<script>alert" not in back.text
    assert f'value="{TYPED}"' in html.unescape(back.text)
    assert back.token
    assert "\u202e" not in back.text.partition('<dl class="typed">')[2]
    assert not [one for one in desk.people.all() if "evil" in one.name]


def test_what_was_refused_can_be_sent_once_more(enter: Enter, desk: Desk) -> None:
    """A form that our own page sent and that was refused comes back with what was typed; a form
    from elsewhere does not, nor one whose signature is used up; the way back is a page of ours."""
    admin = enter("Admin", "administrator")
    form = {"name": "Admin", "role": "watch", "language": "en"}
    form["form_token"] = admin.get("/people").token
    answer = admin.post("/people", form, referer=f"{desk.origin}/people?page=2")
    assert answer.status == 400
    assert 'name="name" value="Admin"' in answer.text
    assert 'href="/people?page=2">Try again' in answer.text
    elsewhere = {"origin": "http://evil.localhost", "referer": "http://evil.localhost/x"}
    foreign = admin.post("/people", form, **elsewhere)
    assert foreign.status == 403
    assert 'name="name"' not in foreign.text
    assert 'href="/">Try again' in foreign.text
    assert 'name="name"' not in admin.post("/people", {**form, "answer": "{}"}).text
    assert 'name="name"' not in admin.post("/people", form, content_length="9999999").text
    assert "Refused" in admin.get("/code").text


@pytest.mark.parametrize(
    "then", ["//evil.example", "/\\evil.example", "https://evil.example", "\n//x", "/a\nb", ""]
)
def test_the_door_leads_nowhere_outside(desk: Desk, then: str) -> None:
    """Whoever is sent to the door with a way elsewhere comes out on the first page."""
    assert entering.inward(then) == "/"
    assert entering.inward("/line/ab?before=3") == "/line/ab?before=3"


# --- tries ---


def test_tries_at_the_door_are_counted_by_address_person_and_desk(desk: Desk, clock: Clock) -> None:
    """After too many tries one address is refused for a minute and others are not; a flood from
    many addresses is refused as a whole; a person's key is tried so many times and no more."""
    one, other = Visitor(desk), Visitor(desk, address="10.0.0.2")
    for _ in range(TRIES):
        assert one.post("/code", {"code": "x"}).status == 403
    refused = one.post("/code", {"code": "x"})
    assert (refused.status, "Too many tries" in refused.text) == (429, True)
    assert other.post("/code", {"code": "x"}).status == 403
    clock.now_s += 60
    assert one.post("/code", {"code": "x"}).status == 403
    for number in range(TRIES_IN_ALL):
        Visitor(desk, address=f"10.1.0.{number}").post("/passkey/options")
    assert other.post("/code", {"code": "x"}).status == 429
    clock.now_s += 60
    for _ in range(TRIES):
        assert one.post("/people", {"name": "x"}).status == 401
    assert one.post("/people", {"name": "x"}).status == 429
    clock.now_s += 60
    person = desk.people.add("Officer", frozenset({"watch"}), "en", clock())
    key = Authenticator()
    offer = passkeys.offer_registration(desk, person)
    passkeys.register(desk, person, key.create(offer), "safe")
    answer = json.dumps(key.sign(passkeys.ask(desk, person, bytes(32), "other")))
    form = {"answer": answer, "statement": passkeys.text_of(bytes(32))}
    tries = [one.post("/passkey", form).status for _ in range(TRIES + 1)]
    assert tries == [400] * TRIES + [429]


def test_a_throttle_forgets_what_is_past_and_what_is_too_much() -> None:
    """A try counts for its time alone, and no flood of doors fills the memory."""
    throttle = Throttle(2, per_s=10)
    throttle.count(0, "a")
    throttle.count(9, "a")
    with pytest.raises(LocalError) as caught:
        throttle.count(9, "a")
    assert caught.value.refusal is Refusal.OVER_QUOTA
    throttle.count(10, "a")
    for number in range(DOORS_MAX + 5):
        throttle.count(10, str(number))
    assert len(throttle._doors) == DOORS_MAX


# --- keys and people, by form ---


def test_keys_change_only_soon_after_signing_in(enter: Enter, desk: Desk, clock: Clock) -> None:
    """A desk left open is not enough to make oneself a key, nor to void one."""
    officer = enter("Officer", "watch")
    token = officer.get("/me").token
    assert officer.post("/me/passkeys/options", {"form_token": token}).status == 200
    clock.now_s += FRESH_S + 1
    for path in ("/me/passkeys/options", "/me/passkeys", "/me/passkeys/void"):
        answer = officer.post(path, {"form_token": token, "passkey": "YQ"})
        assert (answer.status, "soon after signing in" in answer.text) == (403, True)
    page = officer.get("/me").text
    assert "data-passkey-create" not in page


@pytest.mark.parametrize("role", sorted(set(ROLES) - {"administrator"}))
def test_only_administrators_let_people_in(enter: Enter, desk: Desk, role: str) -> None:
    """Nobody else sees the page of people or changes anything on it."""
    officer = enter("Officer", role)
    token = officer.get("/me").token
    assert officer.get("/people").status == 403
    form = {"form_token": token, "name": "Friend", "role": "administrator", "language": "en"}
    for path in ("/people", "/people/1/link", "/people/1/part", "/people/1/void"):
        assert officer.post(path, {**form, "sure": "yes"}).status == 403
    assert [one.name for one in desk.people.all() if one.left_s is None] == ["Officer"]


def test_every_power_has_a_word() -> None:
    """Each power of each role can be told to whoever reads what somebody could do."""
    assert frozenset().union(*POWERS.values()) <= set(POWER_WORDS)
    assert set(POWERS) == set(ROLES)


def test_parting_takes_a_tick_and_lists_what_they_could(enter: Enter, desk: Desk) -> None:
    """Without the tick nobody is parted with; afterwards their page says what they could do."""
    admin, _officer = enter("Admin", "administrator"), enter("Officer", "releaser")
    number = desk.people.named("Officer").number
    form = {"form_token": admin.get("/people").token}
    assert admin.post(f"/people/{number}/part", form).status == 400
    assert desk.people.get(number).left_s is None
    assert admin.post(f"/people/{number}/part", {**form, "sure": "yes"}).status == 303
    page = admin.get(f"/people/{number}").text
    assert "Could, until leaving" in page
    assert POWER_WORDS["authorise"] in page
    assert admin.post(f"/people/{number}/link", form).status == 403
    assert desk.people.get(number).powers == frozenset()
    assert desk.people.get(number).past_powers == POWERS["releaser"]


def test_a_link_stands_on_its_page_alone(enter: Enter, desk: Desk) -> None:
    """The code is in no address, no journal note and no file; it opens the door."""
    admin = enter("Admin", "administrator")
    desk.people.add("Officer", frozenset({"watch"}), "en", NOW_S)
    number = desk.people.named("Officer").number
    answer = admin.post(f"/people/{number}/link", {"form_token": admin.get("/people").token})
    (code,) = re.findall(r"/enter#([0-9a-f]{40})", answer.text)
    assert code not in repr(admin.asked)
    assert code not in admin.get(f"/people/{number}").text
    assert Visitor(desk).post("/code", {"code": code}).status == 303


# --- the journal ---


def test_what_is_done_while_the_node_is_down_reaches_the_journal_later(
    enter: Enter, desk: Desk
) -> None:
    """A node that is down keeps nobody from being let in or parted with; the notes wait in order
    and are told once, when it is back."""
    admin = enter("Admin", "administrator")
    admin.asked.clear()
    admin.said["journal_note"] = LocalError(Refusal.UNREACHABLE, "no node")
    token = admin.get("/people").token
    form = {"form_token": token, "name": "Officer", "role": "watch", "language": "uk"}
    assert admin.post("/people", form).status == 303
    number = desk.people.named("Officer").number
    gone = {"form_token": token, "sure": "yes"}
    assert admin.post(f"/people/{number}/part", gone).status == 303
    assert len(desk.cabinet.rows("SELECT * FROM unsaid")) == 2
    admin.asked.clear()
    admin.said["journal_note"] = {}
    form["name"] = "Successor"
    assert admin.post("/people", form).status == 303
    told = [one for one in admin.asked if one["do"] == "journal_note"]
    assert [(one["word"], one["data"]["name"]) for one in told] == [
        ("person-added", "Officer"),
        ("person-left", "Officer"),
        ("person-added", "Successor"),
    ]
    assert all(one["data"]["by"] == "Admin" for one in told)
    assert not desk.cabinet.rows("SELECT * FROM unsaid")


def test_two_processes_that_tell_at_once_tell_each_note_once(desk: Desk) -> None:
    """The command at the shell and the desk that is served find the same notes; the journal hears
    each of them from one."""
    shell = Desk(desk.home, Cabinet.open(desk.home), desk.origin)
    heard: list[str] = []

    async def slow(_do: str, *, word: str, data: dict[str, Any]) -> None:
        await asyncio.sleep(0.05)
        heard.append(word)

    async def both() -> list[int]:
        return await asyncio.gather(noting.tell(desk), noting.tell(shell))

    words = ["person-added", "person-left"]
    for word in words:
        noting.put(desk.cabinet, word, NOW_S)
    for one in (desk, shell):
        one.node.ask = slow  # type: ignore[method-assign,assignment]
    try:
        assert sorted(asyncio.run(both())) == [0, 2]
    finally:
        shell.cabinet.close()
    assert heard == words
    assert not desk.cabinet.rows("SELECT * FROM unsaid")


def test_a_change_that_fails_leaves_no_note(enter: Enter, desk: Desk) -> None:
    """What did not happen is not told."""
    admin = enter("Admin", "administrator")
    token = admin.get("/people").token
    admin.asked.clear()
    for form in (
        {"name": "Admin", "role": "watch", "language": "en"},
        {"name": "", "role": "watch", "language": "en"},
        {"name": "X", "role": "king", "language": "en"},
        {"name": "X", "role": "watch", "language": "tlh"},
    ):
        assert admin.post("/people", {**form, "form_token": token}).status == 400
    assert not [one for one in admin.asked if one["do"] == "journal_note"]

    def cut_short() -> None:
        with desk.cabinet.change():
            noting.put(desk.cabinet, "person-added", 1)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        cut_short()
    assert not desk.cabinet.rows("SELECT * FROM unsaid")
