"""Stories of the watch in a browser: nobody at the desk, a cut link, a hand-over, an auditor's
visit, and a drill that REAL-WORLD ends on both desks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from desk.ground import Side, World
from processes import until

if TYPE_CHECKING:
    from desk.seat import Seat

BAND_MS = 30_000


def say(side: Side, text: str, **more: Any) -> str:
    """The other desk's party says something by its command line, and it is received."""
    said = side.call("say", text=text, reason="no desk is open there", wait="received", **more)
    return str(said["entry"])


def band(seat: Seat, words: str) -> Any:
    """The band with these words."""
    return seat.page.locator("section.alarm.band").filter(has_text=words)


def ladder(side: Side, entry: str) -> list[str]:
    """The rungs of an entry as its author's side has them."""
    return [one["rung"] for one in side.call("show", entry=entry)["ladder"]]


def test_nobody_is_at_the_desk(world: World, sit: Callable[..., Seat]) -> None:
    """Deir ez-Zor: a FLASH comes while only an auditor's page is open. The band, the title and the
    sound say so by themselves; an officer comes, silences the siren, and the far ladder is what
    it was; SEEN changes it, and the band goes on both."""
    from playwright.sync_api import expect

    auditor = sit(world.alpha, "Auditor", "auditor", keys=0)
    auditor.go("/watch")
    entry = say(world.bravo, "Stop the strike on the hill.", precedence="FLASH", subject="Hill")
    expect(band(auditor, f"{entry} from Bravo: nobody here has seen it")).to_be_visible(
        timeout=BAND_MS
    )
    expect(auditor.page).to_have_title("(1) Watch · Détente")
    expect(auditor.page.locator("#sound-note")).to_be_visible()
    auditor.page.locator("h1").click()
    expect(auditor.page.locator("body[data-sounded]")).to_be_attached()
    expect(auditor.page.locator("#sound-note")).to_be_hidden()
    auditor.shot("alarm-flash-unread")

    officer = sit(world.alpha, "Officer", keys=0)
    officer.go("/")
    before = ladder(world.bravo, entry)
    band(officer, entry).get_by_role("button").click()
    expect(officer.page.locator(".quiet-band")).to_be_visible()
    expect(band(officer, entry)).to_have_count(0)
    assert ladder(world.bravo, entry) == before == ["received"]
    officer.page.goto(world.alpha.line_url)
    expect(officer.page.locator("#first")).to_contain_text(f"FLASH {entry} from Bravo")
    officer.shot("line-first-sentence")
    officer.page.locator(f"article[aria-label='{entry}'] button[value=seen]").click()
    until(lambda: "seen" in ladder(world.bravo, entry), "SEEN to reach Bravo")
    expect(officer.page.locator("#first")).to_contain_text("is to be answered by")
    expect(officer.page.locator(".quiet-band")).to_have_count(0)


def test_a_link_that_is_cut_is_named_on_both_desks(world: World, sit: Callable[..., Seat]) -> None:
    """Both desks name the other side and the link within seconds, on pages that were open; when it
    is up again the bands go by themselves."""
    from playwright.sync_api import expect

    seats = {"Bravo": sit(world.alpha, keys=0), "Alpha": sit(world.bravo, keys=0)}
    for seat in seats.values():
        seat.go("/watch")
    for side, other in ((world.alpha, "Bravo"), (world.bravo, "Alpha")):
        side.call("cut", party=other, hold=True)
    try:
        for other, seat in seats.items():
            expect(band(seat, f"the link to {other} is down")).to_be_visible(timeout=BAND_MS)
        seats["Bravo"].shot("alarm-link-down")
    finally:
        for side, other in ((world.alpha, "Bravo"), (world.bravo, "Alpha")):
            side.call("cut", party=other, hold=False)
    for other, seat in seats.items():
        expect(band(seat, f"the link to {other} is down")).to_have_count(0, timeout=BAND_MS)


def test_a_watch_is_handed_over(world: World, sit: Callable[..., Seat]) -> None:
    """The outgoing officer may not go; the relief reads what is open in a session of their own and
    signs on; then the first may go. The far side learns that the watch was relieved."""
    from playwright.sync_api import expect

    out, relief = sit(world.alpha, "Outgoing", keys=0), sit(world.alpha, "Relief", keys=0)
    out.go("/watch")
    out.page.get_by_role("button", name="Take the watch").click()
    expect(out.page.locator(".big")).to_contain_text(out.name)
    out.page.locator("form[action='/sign-out'] button").click()
    expect(out.page.get_by_text("you have the watch")).to_be_visible()
    out.go("/watch/hand-over").locator("#note").fill("Their colonel calls at noon.")
    out.page.get_by_role("button", name="Hand over", exact=True).click()
    expect(out.page.get_by_text("You keep the watch until")).to_be_visible()
    relief.go("/watch")
    expect(relief.page.get_by_text("Their colonel calls at noon.")).to_be_visible()
    relief.shot("hand-over")
    relief.page.get_by_role("button", name="I have read this and take the watch").click()
    expect(relief.page.locator(".big")).to_contain_text(relief.name)
    out.go("/watch")
    out.leave()
    (taken,) = world.alpha.journal("hand-over-taken")
    assert (taken["who"], taken["relieved"]) == (relief.name, out.name)
    relief.go("/watch/hand-over")
    relief.page.get_by_role("button", name="Leave the watch to nobody").click()
    expect(relief.page.get_by_text("Nobody has the watch at this desk.")).to_be_visible()


def test_an_auditor_comes(world: World, sit: Callable[..., Seat]) -> None:
    """They read a line without any key that would state something, find an entry, take its proof
    away as a file, and read the journal, in which their taking stands."""
    from playwright.sync_api import expect

    entry = say(world.bravo, "Fog over the strait.", subject="Weather")
    auditor = sit(world.alpha, "Auditor", "auditor", keys=0)
    auditor.page.goto(world.alpha.line_url)
    expect(auditor.page.locator("button[name=rung]")).to_have_count(0)
    expect(auditor.page.get_by_text("STOP or accident report")).to_have_count(0)
    auditor.page.locator("#words").fill("STRAIT fog")
    auditor.page.keyboard.press("Enter")
    auditor.page.get_by_role("link", name=entry).first.click()
    with auditor.page.expect_download() as taken:
        auditor.page.get_by_role("link", name="Take the proof").click()
    assert taken.value.suggested_filename == f"{entry}.proof"
    auditor.go("/journal")
    expect(
        auditor.page.get_by_role("rowheader", name="a proof or an export was taken").first
    ).to_be_visible()
    auditor.shot("journal")
    auditor.go("/system")
    auditor.shot("system")


@pytest.fixture
def drill(tmp_path_factory: pytest.TempPathFactory, browser: Any) -> Iterator[World]:
    """Two desks on a line that is a drill."""
    made = World.make(tmp_path_factory.mktemp("drill"), drill=True)
    yield made
    made.close()


def test_a_drill_is_ended_on_both_desks(drill: World, sit: Callable[..., Seat]) -> None:
    """One key and one passkey at Alpha: the colours of the drill go on both desks, and both say
    REAL WORLD."""
    from playwright.sync_api import expect

    here, there = sit(drill.alpha, keys=1), sit(drill.bravo, keys=0)
    for seat in (here, there):
        seat.page.goto(seat.side.line_url)
        expect(seat.page.locator("body.drill-page")).to_be_attached()
    here.shot("drill")
    here.page.keyboard.press("r")
    here.page.locator("#authorise").click()
    for seat in (here, there):
        seat.page.goto(seat.side.line_url)
        expect(seat.page.locator(".real-world.band")).to_be_visible(timeout=BAND_MS)
        seat.page.reload()
        expect(seat.page.locator("body.drill-page")).to_have_count(0)
    there.shot("real-world")
