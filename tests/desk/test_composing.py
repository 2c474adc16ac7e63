"""Stories of what is written: from draft to answer, by two people; STOP; edits; the wrong place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from desk.ground import World
from processes import until

if TYPE_CHECKING:
    from desk.seat import Seat
    from playwright.sync_api import Locator

TWO = [1, 1, 1, 2, 2, 2]


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, browser: Any) -> Iterator[World]:
    """Alpha and Bravo with a charter that asks for two people from IMMEDIATE on."""
    made = World.make(tmp_path_factory.mktemp("strict"), release=TWO)
    yield made
    made.close()


def see(seat: Seat, text: str) -> None:
    """The text comes to stand on the screen."""
    from playwright.sync_api import expect

    expect(seat.page.locator("#main").get_by_text(text).first).to_be_visible()


def write(seat: Seat, subject: str, text: str, precedence: str = "FLASH") -> None:
    """Writes a dispatch and looks at it as the other side will see it."""
    seat.page.goto(seat.side.line_url)
    seat.page.keyboard.press("w")
    seat.page.locator(f"input[name=precedence][value={precedence}]").check()
    seat.page.locator("#subject").fill(subject)
    seat.page.locator("#text").fill(text)
    seat.page.locator("button[value=preview]").click()
    see(seat, text)


def offer(seat: Seat) -> str:
    """Offers what is on the screen; gives the address where it is authorised."""
    seat.page.get_by_role("button", name=seat.says("Offer for authorisation")).click()
    see(seat, seat.says("Authorised by"))
    return seat.page.url.removeprefix(seat.side.origin)


def authorise(seat: Seat) -> None:
    """Presses the button, by keyboard: a band that comes meanwhile moves what a mouse points at."""
    from playwright.sync_api import expect

    button = seat.page.locator("#authorise")
    expect(button).to_be_visible()
    button.press("Enter")


def key(entry: Locator, number: str) -> None:
    """Presses a key over an entry, and waits until the desk has taken it: what is pressed while a
    page is on its way is pressed nowhere."""
    from playwright.sync_api import expect

    expect(entry.locator(f"[data-key='{number}']")).to_be_visible()
    entry.press(number)
    expect(entry.locator(f"[data-key='{number}']")).to_have_count(0)
    entry.page.wait_for_load_state()  # keys serve once the scripts of the new page have run


def still_typing(seat: Seat, field: str, text: str) -> None:
    """What was typed stands there, and the keyboard writes on behind it."""
    from playwright.sync_api import expect

    expect(seat.page.locator(field)).to_be_focused()
    seat.page.keyboard.type("!")
    expect(seat.page.locator(field)).to_have_value(f"{text}!")


def no_key_states_what_nobody_reads(far: Seat, text: str) -> None:
    """Neither with no entry in focus nor while its text is off the screen, on a page that stays as
    it is."""
    far.page.route("**/live", lambda route: route.abort())
    far.page.goto(far.side.line_url)
    entry = far.page.locator("article.entry", has_text=text)
    far.page.keyboard.press("1")
    entry.focus()
    entry.evaluate("one => { one.style.marginTop = '5000px'; scrollTo(0, 0); }")
    far.page.keyboard.press("1")
    assert far.page.evaluate("scrollY") == 0  # no page came instead of this one
    far.page.unroute("**/live")
    far.page.goto(far.side.line_url)


@pytest.mark.parametrize(
    ("here", "there", "subject", "text", "answer"),
    [
        (
            "en",
            "en",
            "Convoy",
            "Ten lorries at 0600Z on the northern road.",
            "The road is free of mines.",
        ),
        (
            "ru",
            "uk",
            "Колонна",
            "Десять грузовиков в 0600Z на северной дороге.",
            "На дорозі немає мін.",
        ),
    ],
    ids=["in-english", "in-russian-and-ukrainian"],
)
def test_a_flash_from_draft_to_answer_by_two_people(
    strict: World,
    sit: Callable[..., Seat],
    here: str,
    there: str,
    subject: str,
    text: str,
    answer: str,
) -> None:
    """A drafter writes a FLASH, two officers authorise it by passkey, it goes by itself; the far
    watch marks it with one key each, and its answer comes back and stands on the first desk; all
    of it in English, and again in Russian on one side and Ukrainian on the other."""
    drafter = sit(strict.alpha, "Drafter", "drafter", keys=0, language=here)
    first = sit(strict.alpha, "First", "releaser", keys=1, language=here)
    second = sit(strict.alpha, "Second", "releaser", keys=1, language=here)
    far = sit(strict.bravo, "Watch", keys=1, language=there)
    before = len(strict.alpha.journal("authorisation"))
    write(drafter, subject, text)
    at = offer(drafter)
    assert drafter.page.locator("#authorise").count() == 0  # a drafter has not the power
    first.go(at)
    see(first, text)
    see(first, "Bravo")
    authorise(first)
    see(first, first.says("You have authorised it; it takes another person."))
    assert len(strict.alpha.journal("authorisation")) == before
    second.go(at)
    authorise(second)
    until(lambda: len(strict.alpha.journal("authorisation")) > before, "the record")
    note = strict.alpha.journal("authorisation")[-1]
    assert [one["name"] for one in note["by"]] == [first.name, second.name]
    see(drafter, drafter.says("Sent:"))
    serial = str(drafter.page.locator(".done a").inner_text())
    far.page.goto(strict.bravo.line_url)
    see(far, text)
    no_key_states_what_nobody_reads(far, text)
    assert not _rung(strict, serial, "seen")
    entry = far.page.locator("article.entry", has_text=text)
    key(entry, "1")
    key(entry, "2")
    entry.press("3")
    far.page.locator("#comment").fill(text)
    far.page.get_by_role("button", name=far.says("read back")).click()
    for rung in ("seen", "passed-on", "read-back"):
        until(lambda rung=rung: _rung(strict, serial, rung), f"{rung} to come back")
    entry.get_by_role("link", name=far.says("Answer"), exact=True).click()
    far.page.locator("input[name=precedence][value=PRIORITY]").check()
    far.page.locator("#text").fill(answer)
    far.page.locator("button[value=preview]").click()
    offer(far)
    first.page.goto(strict.alpha.line_url)
    first.page.locator("#words").fill(subject)
    authorise(far)
    see(first, answer)  # on a page that renewed itself under what is being typed
    see(first, first.says("answered"))
    still_typing(first, "#words", subject)


def _rung(world: World, entry: str, rung: str) -> bool:
    ladder = world.alpha.call("show", entry=entry)["ladder"]
    return any(step["rung"] == rung for step in ladder)


def test_an_edit_voids_what_was_authorised(strict: World, sit: Callable[..., Seat]) -> None:
    """One of two has authorised; the drafter edits; the first authorisation counts no more, and a
    page that still shows the old text signs nothing."""
    writer = sit(strict.alpha, "Writer", keys=1)
    other = sit(strict.alpha, "Other", "releaser", keys=1)
    write(writer, "Bridge", "The bridge is open.")
    at = offer(writer)
    authorise(writer)
    see(writer, "it takes another person")
    other.go(at)
    other.page.route("**/live", lambda route: route.abort())  # a page that does not renew itself
    other.page.reload()
    writer.page.get_by_role("button", name="Edit").click()
    writer.page.locator("#text").fill("The bridge is closed.")
    writer.page.locator("button[value=preview]").click()
    offer(writer)
    see(writer, "nobody yet")
    before = len(strict.alpha.journal("authorisation"))
    authorise(other)
    see(other, "This is not what is offered now")
    assert len(strict.alpha.journal("authorisation")) == before
    other.go(at)
    see(other, "The bridge is closed.")
    other.page.locator("summary", has_text="Refuse").click()
    other.page.locator("#why-not").fill("say which bridge")
    other.page.locator("form[action$=refuse] button").click()
    see(writer, "It came back")  # the page that waited turned into the draft again
    writer.go("/drafts")
    see(writer, "say which bridge")
    writer.shot("drafts")


def test_stop_in_one_key_with_one_passkey(strict: World, sit: Callable[..., Seat]) -> None:
    """From any page one key opens STOP; one officer's passkey sends it as FLASH; everybody at the
    desk sees that the second authorisation is missing, until somebody countersigns."""
    from playwright.sync_api import expect

    officer = sit(strict.alpha, "Night watch", "watch", keys=1)
    other = sit(strict.alpha, "Relief", "releaser", keys=1)
    far = sit(strict.bravo, "Watch", keys=0)
    officer.go("/drafts")
    officer.page.keyboard.press("s")
    officer.page.locator("#what").fill("Our battery fired by mistake")
    officer.shot("stop")
    officer.page.keyboard.press("Enter")
    see(officer, "Our battery fired by mistake")
    officer.shot("stop-sign")
    authorise(officer)
    see(officer, "still missing")
    far.page.goto(strict.bravo.line_url)
    see(far, "Our battery fired by mistake")
    other.go("/")
    band = other.page.locator(".missing.band")
    expect(band).to_contain_text("the second is missing")
    other.shot("missing")
    assert strict.alpha.journal("authorisation")[-1]["missing"] == 1
    assert officer.page.locator("#authorise").count() == 0  # one person is not two
    band.locator("a").click()
    authorise(other)
    until(lambda: strict.alpha.journal("countersigned"), "the countersignature")
    expect(other.page).to_have_url(re.compile("/entry/"))  # else it may be on its way there yet
    other.go("/")
    expect(other.page.locator(".missing.band")).to_have_count(0)


def test_misdirected_says_what_became_of_it(strict: World, sit: Callable[..., Seat]) -> None:
    """The sender says that it went to the wrong place; the receiver states opened and purged."""
    strict.alpha.call("say", text="Not for you.", reason="a test")
    near = sit(strict.alpha, "Watch", keys=0)
    far = sit(strict.bravo, "Watch", keys=0)
    near.page.goto(strict.alpha.line_url)
    near.page.locator("article.entry", has_text="Not for you.").get_by_text("misdirected").click()
    near.page.locator("#comment").fill("meant for another line")
    near.page.locator("form button", has_text="misdirected").click()
    far.page.goto(strict.bravo.line_url)
    far.page.locator("article.entry", has_text="Not for you.").get_by_text("misdirected").click()
    # by keyboard: a band that comes meanwhile moves what a mouse points at
    far.page.locator("input[name=opened][value=yes]").press("Space")
    far.page.locator("input[name=purged][value=no]").press("Space")
    far.shot("misdirected")
    far.page.locator("form button", has_text="misdirected").click()

    def stated() -> Any:
        (entry,) = (
            one
            for one in strict.alpha.call("inbox")["entries"]
            if one.get("text") == "Not for you."
        )
        return [
            step["detail"]
            for step in entry["ladder"]
            if step["rung"] == "misdirected" and step["member"] == 1
        ]

    assert until(stated, "the far side's word") == [1]


def test_a_dead_node_keeps_the_draft_and_what_was_authorised(
    strict: World, sit: Callable[..., Seat]
) -> None:
    """Written and authorised while the node is down, it goes out once, by itself, when the node
    is back."""
    officer = sit(strict.alpha, "Watch", keys=1)
    write(officer, "Wells", "The wells are clean.", "ROUTINE")
    at = offer(officer)
    strict.alpha.stop_node()
    try:
        officer.go("/drafts")
        see(officer, "Wells")
        officer.page.goto(f"{strict.alpha.origin}{at}")
        authorise(officer)
        see(officer, "goes out once, by itself")
        officer.shot("node-gone")
    finally:
        strict.alpha.start_node()
    see(officer, "Sent:")

    def said() -> list[Any]:
        entries = strict.alpha.call("inbox", limit=100)["entries"]
        return [one for one in entries if one.get("text") == "The wells are clean."]

    assert len(until(said, "the dispatch")) == 1


def test_a_translation_stands_beside_its_original(strict: World, sit: Callable[..., Seat]) -> None:
    """A translator adds an agreed term, sees it beside the text, enters a sight translation, and
    the author's desk shows both texts with its grade."""
    strict.alpha.call("say", text="The bridge is open again.", language="en", reason="a test")
    translator = sit(
        strict.bravo, "Translator", "translator", "watch", keys=0, color_scheme="light"
    )
    author = sit(strict.alpha, "Author", keys=0, color_scheme="light")
    translator.go("/glossary")
    for name, value in (
        ("language", "en"),
        ("text", "bridge"),
        ("into_language", "ru"),
        ("into_text", "мост"),
    ):
        translator.page.locator(f"input[name={name}]").fill(value)
    translator.page.locator("form[method=post] button", has_text="Add").click()
    see(translator, "мост")
    translator.page.goto(strict.bravo.line_url)
    entry = translator.page.locator("article.entry", has_text="open again")
    entry.get_by_text("Translate").click()
    translator.page.goto(translator.page.url + "?into=ru")
    see(translator, "мост")
    see(translator, "The bridge is open again.")
    translator.page.locator("#text").fill("Мост снова открыт.")
    translator.shot("translate")
    translator.page.get_by_role("button", name="Enter the translation").click()
    see(translator, "Мост снова открыт.")
    author.page.goto(strict.alpha.line_url)
    see(author, "Мост снова открыт.")
    see(author, "sight translation")
    see(author, "The bridge is open again.")
    write(author, "Light", "As it looks by day.", "IMMEDIATE")
    offer(author)
    author.shot("authorise-light")
    author.page.keyboard.press("s")
    see(author, "Leave blank what is not known")
    author.shot("stop-light")
