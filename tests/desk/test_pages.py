"""Every page of the desk, looked at as somebody does who cannot see it, has no mouse, or has it
twice as large."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from desk.gallery import EVERY, OFFICER, PAGES, Gallery, gallery
from starlette.routing import Route

from detente.desk.app import application

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, CDPSession, Page

SCREENS = os.environ.get("DETENTE_SCREENS", "")
WIDE, TALL = 1280, 900
BEHIND = {"write", "find", "authorise", "person"}  # others show all that these do, and more
NO_PAGES = {
    "/live",
    "/line/{line}/entry/{entry:path}/attachment/{number:int}",
    "/line/{line}/entry/{entry:path}/proof",
    "/line/{line}/export",
    "/line/{line}/notices.ics",
}
# What a role sees otherwise than somebody with all of them: fewer places to go, fewer buttons.
DIFFERENT = [
    ("watch", "watch"),
    ("drafter", "authorise"),
    ("releaser", "authorise-broken"),
    ("translator", "translate"),
    ("principal", "telephone"),
    ("administrator", "people"),
    ("administrator", "lines"),
    ("auditor", "entry"),
    ("", "sign-in"),
]
CONTROLS = "a[href], button, input:not([type=hidden]), select, textarea, summary, article[tabindex]"
ROLES = {
    "button",
    "link",
    "textbox",
    "searchbox",
    "checkbox",
    "radio",
    "combobox",
    "DisclosureTriangle",
}
TAB = {"type": "rawKeyDown", "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
OUTSIDE = 4  # places of the window that the way round leads through
LISTEN = """() => {
  window.met = new Set();
  addEventListener("focusin", (event) => window.met.add(event.target), true);
}"""
UNMET = """selector => {
  const met = [...window.met];
  const radios = new Set(met.filter((one) => one.type === "radio").map((one) => one.name));
  return [...document.querySelectorAll(selector)].filter((one) =>
    one.checkVisibility({ visibilityProperty: true }) && !one.disabled && !window.met.has(one) &&
    !(one.type === "radio" && radios.has(one.name))).map((one) => one.outerHTML.slice(0, 120));
}"""


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory, chromium: str) -> Iterator[Gallery]:
    """A desk on a busy night."""
    with gallery(tmp_path_factory.mktemp("gallery") / "night") as made:
        yield made


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One browser for all of them."""
    size = {"width": WIDE, "height": TALL}
    made = browser.new_context(viewport=size, color_scheme="dark")
    made.set_default_timeout(20_000)
    yield made
    made.close()


@pytest.fixture(scope="module")
def page(context: BrowserContext) -> Page:
    """The page in which they are opened, one after the other."""
    return context.new_page()


@pytest.fixture(scope="module")
def reader(page: Page) -> CDPSession:
    """What a screen reader is told of the page."""
    return page.context.new_cdp_session(page)


def axe(page: Page) -> list[str]:
    """What axe finds, in the dark and by day. It is evaluated, which our policy does not forbid to
    a debugger, and no part of the page."""
    script = pytest.importorskip("axe_playwright_python.base", reason="no axe: make setup")
    page.evaluate(script.AXE_SCRIPT)
    complaints = []
    for scheme, rules in (("dark", None), ("light", ["color-contrast"])):
        page.emulate_media(color_scheme=scheme)
        options = {"reporter": "no-passes", **({"runOnly": rules} if rules else {})}
        for one in page.evaluate("options => axe.run(options)", options)["violations"]:
            places = [node["target"] for node in one["nodes"]]
            complaints.append(f"{scheme}: {one['id']}, {one['help']}: {places}")
    page.emulate_media(color_scheme="dark")
    return complaints


def nameless(reader: CDPSession) -> list[str]:
    """The controls that a screen reader has no name for."""
    nodes = reader.send("Accessibility.getFullAXTree")["nodes"]
    return [
        str(node["role"]["value"])
        for node in nodes
        if not node.get("ignored")
        and node.get("role", {}).get("value") in ROLES
        and not str(node.get("name", {}).get("value", "")).strip()
    ]


def unreached(page: Page, reader: CDPSession) -> list[str]:
    """The controls that Tab never comes to; of radio buttons one a group is enough.

    Twice round at most: it begins at whatever has the focus when the page opens, the way round
    leads through the window too, and a band that comes meanwhile puts new controls behind it."""
    page.evaluate(LISTEN)
    missed: list[str] = page.evaluate(UNMET, CONTROLS)
    for _ in range(2 * (len(missed) + OUTSIDE)):
        if not missed:
            break
        reader.send("Input.dispatchKeyEvent", TAB)
        missed = page.evaluate(UNMET, CONTROLS)
    return missed


def too_wide(page: Page) -> int:
    """By how many pixels a page is wider than the screen at 200 % zoom, which leaves half."""
    page.set_viewport_size({"width": WIDE // 2, "height": TALL // 2})
    root = "document.documentElement"
    over = page.evaluate(f"{root}.scrollWidth - {root}.clientWidth")
    page.set_viewport_size({"width": WIDE, "height": TALL})
    return int(over)


@pytest.mark.parametrize(  # for `make test-desk`
    ("name", "language"), product([*EVERY, "sign-in"], OFFICER) if SCREENS else []
)
def test_a_page_has_its_picture(night: Gallery, page: Page, language: str, name: str) -> None:
    """Each page in each language lies in build/screens, for people to look at."""
    night.sign_in(page.context, "" if name == "sign-in" else language)
    page.set_extra_http_headers({"accept-language": language})
    night.go(page, name)
    assert page.locator("html").get_attribute("lang") == language
    page.evaluate("scrollTo(0, 0)")
    Path(SCREENS).mkdir(parents=True, exist_ok=True)
    page.screenshot(path=Path(SCREENS) / f"{name}-{language}.png", full_page=True)


def test_every_page_is_in_the_gallery(night: Gallery) -> None:
    """Each address that answers with a page is one that the tests of this module open."""
    shown = [night.address(name).partition("?")[0] for name in PAGES] + ["/enter"]
    for route in application(night.parties.desk).routes:
        if isinstance(route, Route) and "GET" in (route.methods or ()):
            if route.path in NO_PAGES:
                continue
            assert any(route.path_regex.fullmatch(path) for path in shown), route.path


@pytest.mark.parametrize(
    ("who", "name"), [*(("en", name) for name in EVERY if name not in BEHIND), *DIFFERENT]
)
def test_a_page_is_for_everybody(
    night: Gallery, page: Page, reader: CDPSession, who: str, name: str
) -> None:
    """Axe finds nothing, by night and by day; every control has a name for a screen reader and is
    come to by Tab; and nothing is to be scrolled sideways at 200 % zoom."""
    night.sign_in(page.context, who)
    night.go(page, name)
    assert axe(page) == []
    assert nameless(reader) == []
    assert unreached(page, reader) == []
    assert too_wide(page) == 0


def test_whoever_is_not_signed_in_reads_the_language_that_the_page_says(
    night: Gallery, browser: Browser
) -> None:
    """A page in the language of the browser is marked as being in it, for whoever hears it."""
    stranger = browser.new_context(locale="uk")
    shown = stranger.new_page()
    shown.goto(night.origin + "/sign-in")
    assert shown.locator("html").get_attribute("lang") == "uk"
    assert shown.locator("h1").inner_text() != "Sign in"
    stranger.close()


def test_a_relief_reads_what_is_wrong_in_their_own_language(night: Gallery, page: Page) -> None:
    """What is handed over in English is read in Russian, and what lay open stays so when the page
    renews itself."""
    from playwright.sync_api import expect

    night.sign_in(page.context, "ru")
    night.go(page, "watch")
    expect(page.locator(".handover")).to_contain_text("здесь никто не просмотрел")
    night.go(page, "authorise-unfolded")
    page.evaluate("document.querySelector('h1').id = 'old'")
    night.run(night.parties.desk.live.ring)
    expect(page.locator("h1#old")).to_have_count(0)
    assert page.evaluate("[...document.querySelectorAll('details')].every(one => one.open)")


def test_reading_finding_and_drafting_take_no_script(night: Gallery, browser: Browser) -> None:
    """Nothing is shown that only a script would serve; what is asked for is found, and what was
    written is kept."""
    from playwright.sync_api import expect

    plain = browser.new_context(java_script_enabled=False)
    night.sign_in(plain, "en")
    page = plain.new_page()
    night.go(page, "line")
    page.locator("#words").fill("stop the strike")
    page.locator("#words").press("Enter")
    expect(page.locator("article.entry", has_text="Stop the strike")).to_have_count(1)
    night.go(page, "write")
    assert page.locator("[data-needs-script]:visible").count() == 0
    page.locator("#text").fill("Written without scripts.")
    page.locator("button[value=preview]").click()
    expect(page.locator("article.entry")).to_contain_text("Written without scripts.")
    page.goto(night.origin + "/drafts")
    expect(page.get_by_text("Written without scripts.")).to_be_visible()
    plain.close()


@pytest.mark.parametrize("height", [TALL, TALL // 2])
def test_a_band_that_comes_or_goes_moves_nothing_under_the_mouse(
    night: Gallery, page: Page, height: int
) -> None:
    """Where somebody is about to press, they press what they saw; and the band is on the screen,
    however far down they are."""
    from playwright.sync_api import expect

    night.sign_in(page.context, "en")
    night.go(page, "voice")
    page.set_viewport_size({"width": WIDE, "height": height})
    button = page.locator("main button")
    button.scroll_into_view_if_needed()
    before = button.bounding_box()
    assert before is not None
    for dead in (True, False):
        night.die(dead)
        band = page.locator(".alarm.band", has_text="THE NODE DOES NOT RUN")
        expect(band).to_have_count(int(dead))
        after = button.bounding_box()
        assert after is not None
        assert abs(after["y"] - before["y"]) < 1  # what is scrolled stops at whole pixels
        if dead:
            expect(band).to_be_in_viewport()
    page.set_viewport_size({"width": WIDE, "height": TALL})
