"""Reading without a browser: finding, paper, times, the auditor, drills, what another wrote."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from desk.parties import Parties, at_desk
from desk.visitor import Visitor
from node.conftest import command, found
from starlette.routing import Route

from detente.cli.main import main
from detente.core.errors import LocalError, Refusal
from detente.desk.cabinet import Cabinet
from detente.desk.paper import spoken, spoken_of_day
from detente.desk.people import ROLES
from detente.desk.sheets import foreign
from detente.desk.zones import Zone, kept_zones, parse_zones, there

# --- finding and paper ---


def test_the_page_finds_and_says_what_it_read(parties: Parties) -> None:
    """Words of any script, a serial, a day; a wish that means nothing is refused as such."""
    watch = parties.enter("Watch", "watch")
    parties.bravo_says("Туман над морем", language="ru")
    parties.bravo_says("Rain", precedence="PRIORITY")
    page = f"/line/{parties.line}/find"

    def serials(query: str) -> list[str]:
        return re.findall(r'class="serial" href="[^"]*">([^<]+)<', watch.get(page + query).text)

    assert "entries found" not in watch.get(page).text
    assert serials("?words=%D0%A2%D0%A3%D0%9C%D0%90%D0%9D") == ["B-0001"]
    assert serials("?entry=B-0002") == ["B-0002"]
    assert serials("?precedence=PRIORITY&author=1") == ["B-0002"]
    assert serials("?to=2001-01-01") == []
    assert serials("?from=2026-01-01&kind=dispatch") == ["B-0002", "B-0001"]
    assert "Everything was read." in watch.get(page + "?words=nothing").text
    for wrong in ("?from=soon", "?precedence=LOUD", "?state=happy", "?entry=%20x"):
        assert watch.get(page + wrong).status == 400
    assert watch.get(page + "?entry=B-0099").status == 404
    assert 'value="&#34;&gt;&lt;script' in watch.get(page + "?words=%22%3E%3Cscript").text


def test_a_dispatch_and_a_day_go_on_paper_with_groups_to_read_aloud(parties: Parties) -> None:
    """A sheet has its hash, its groups, its receipts and no button; the day's groups are the same
    wherever the same entries are held, and others as soon as one is missing."""
    watch = parties.enter("Watch", "watch")
    flash = parties.bravo_says("Now.", precedence="FLASH", subject="On fog")
    sheet = watch.get(f"/line/{parties.line}/entry/{flash}/print").text
    view = command(parties.pair.alpha, "show", entry=flash)
    assert view["hash"] in sheet
    assert spoken(bytes.fromhex(view["hash"])) in sheet
    assert "marks" not in sheet.split("<main")[1]
    assert re.search(r'<th scope="row">received</th><td><bdi>alpha</bdi>', sheet)
    day = sheet.split('datetime="')[1][:10]
    page = watch.get(f"/line/{parties.line}/day/{day}").text
    hashes = [
        [one["hash"] for one in command(node, "find", limit=200)["entries"]]
        for node in (parties.pair.alpha, parties.pair.bravo)
    ]
    assert spoken_of_day(hashes[0]) == spoken_of_day(reversed(hashes[1]))
    assert spoken_of_day(hashes[0]) in page
    assert spoken_of_day(hashes[0][1:]) != spoken_of_day(hashes[0])
    for wrong in ("yesterday", "2026-13-01", "2026-02-05T10:00", "1969-12-31"):
        assert watch.get(f"/line/{parties.line}/day/{wrong}").status == 400
    empty = watch.get(f"/line/{parties.line}/day/2001-01-01").text
    assert "Nothing was said" in empty


def test_groups_are_forty_digits_in_eights() -> None:
    """Eight groups of five digits, zeros in front kept, other bytes other groups."""
    assert spoken(bytes(32)) == " ".join(["00000"] * 8)
    assert spoken(bytes(31) + b"\x07").endswith(" 00007")
    assert re.fullmatch(r"\d{5}( \d{5}){7}", spoken(bytes(range(32))))


# --- the capitals' times ---


def test_times_of_the_capitals_stand_beside_utc() -> None:
    """Summer and winter, and the day where it is another one; nothing is guessed."""
    kyiv = parse_zones("Kyiv = Europe/Kyiv, Moscow=Europe/Moscow")
    assert there(1_770_292_800, kyiv) == "14:00 Kyiv · 15:00 Moscow"
    assert there(1_783_512_000, kyiv) == "15:00 Kyiv · 15:00 Moscow"
    assert there(1_770_332_400, kyiv) == "06/01:00 Kyiv · 06/02:00 Moscow"
    assert there(1 << 62, kyiv) == ""
    assert parse_zones("") == kept_zones(None) == ()
    assert kept_zones("Kyiv=Europe/Kyiv") == (Zone("Kyiv", "Europe/Kyiv"),)
    assert "no time zones on this machine" in there(0, (Zone("Oz", "Nowhere/Oz"),))
    for wrong in ("Kyiv", "=Europe/Kyiv", "X=Nowhere/Oz", "A\u202e=UTC", "X=../etc/passwd"):
        with pytest.raises(LocalError):
            parse_zones(wrong)
    with pytest.raises(LocalError):
        parse_zones(",".join(f"Z{n}=UTC" for n in range(9)))


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (
            ("zones", "Kyiv = Europe/Kyiv,Moscow=Europe/Moscow"),
            "Kyiv=Europe/Kyiv,Moscow=Europe/Moscow",
        ),
        (("telephone", "on"), "on"),
        (("telephone", "perhaps"), None),
        (("zones", "Oz=Nowhere/Oz"), None),
        (("colour", "red"), None),
    ],
)
def test_a_setting_is_kept_by_the_command_line(
    tmp_path: Path, words: tuple[str, str], kept: str | None
) -> None:
    """`desk set` keeps what it understands, and says what it does not."""
    Cabinet.open(tmp_path, create=True).close()
    done = CliRunner().invoke(main, ["--json", "--home", str(tmp_path), "desk", "set", *words])
    cabinet = Cabinet.open(tmp_path)
    assert (done.exit_code == 0) is (kept is not None)
    assert cabinet.setting(words[0]) == kept
    cabinet.close()


# --- the auditor ---


def paths(parties: Parties, place: str) -> Iterator[tuple[str, set[str]]]:
    """Every address of the desk with its methods, filled in so that it means something."""
    filled = {
        "line": parties.line,
        "entry": place,
        "entry:path": place,
        "number:int": "1",
        "number": "1",
        "day": "2026-02-05",
        "rung": "read-back",
        "id": "x",
        "key": "x",
    }
    for route in parties.people["Auditor"].app.routes:
        if isinstance(route, Route):
            path = re.sub(r"{([^}]+)}", lambda m: filled.get(m[1], "1"), route.path)
            yield path, set(route.methods or ())


def test_an_auditor_reads_and_proves_and_changes_nothing(parties: Parties) -> None:
    """On every address of the desk an auditor's form is refused, but for signing out and what is
    their own; the pages that they are for open, and what they take is noted."""
    auditor = parties.enter("Auditor", "auditor")
    flash = parties.bravo_says("Now.", precedence="FLASH")
    place = command(parties.pair.alpha, "show", entry=flash)["place"]
    token = auditor.get("/watch").token
    own = ("/me", "/sign-out", "/code", "/passkey")  # their own keys and language; the door
    before = parties.own_size(), parties.journal("authorisation")
    tried = 0
    for path, methods in paths(parties, place):
        if "POST" in methods and not path.startswith(own):
            answer = auditor.post(path, {"form_token": token})
            assert answer.status in (403, 404), path
            tried += 1
    assert tried > 20
    assert before == (parties.own_size(), parties.journal("authorisation"))
    for path in (
        "/",
        "/watch",
        "/journal",
        "/system",
        f"/line/{parties.line}",
        f"/line/{parties.line}/find?words=now",
        f"/line/{parties.line}/entry/{place}",
        f"/line/{parties.line}/entry/{place}/print",
    ):
        page = auditor.get(path)
        assert page.status == 200, path
        forms = re.findall(r'<form[^>]*method="post"[^>]*action="([^"]*)"', page.text)
        assert set(forms) <= {"/sign-out"}, path
    proof = auditor.get(f"/line/{parties.line}/entry/{place}/proof")
    assert proof.status == 200
    assert proof.headers["content-disposition"] == 'attachment; filename="B-0001.proof"'
    whole = auditor.get(f"/line/{parties.line}/export")
    assert whole.status == 200
    assert not list((parties.desk.home / "desk").glob("export-*"))
    assert [one["entry"] for one in parties.journal("proof-taken")] == ["B-0001", ""]


def test_the_journal_is_paged_and_plain(parties: Parties) -> None:
    """Newest first, older behind «Earlier», and what a note holds shows as text alone."""
    auditor = parties.enter("Auditor", "auditor")
    for number in range(120):
        data = {"text": f"<i>{number}</i>\u202e"}
        command(parties.pair.alpha, "journal_note", word="by-voice", data=data)
    page = auditor.get("/journal").text
    assert "&lt;i&gt;119&lt;/i&gt;" in page
    assert "\u202e" not in page
    earlier = re.search(r'href="(\?before=\d+)"', page)
    assert earlier is not None
    assert "&lt;i&gt;69&lt;/i&gt;" in auditor.get(f"/journal{earlier[1]}").text
    assert auditor.get("/journal?before=x").status == 400


@pytest.mark.parametrize("role", sorted(set(ROLES) - {"auditor", "watch"}))
def test_the_journal_and_proofs_are_for_those_whose_they_are(parties: Parties, role: str) -> None:
    """No other role reads the journal or takes proofs away."""
    visitor = parties.enter("Somebody", role)
    assert visitor.get("/journal").status == 403
    assert visitor.get(f"/line/{parties.line}/export").status == 403
    assert visitor.get("/system").status == (200 if role == "administrator" else 403)


def test_the_telephone_page_is_off_and_then_holds_no_form(parties: Parties) -> None:
    """A principal reads on a telephone only where an administrator allowed it, and states nothing
    by it."""
    principal = parties.enter("Principal", "principal")
    parties.bravo_says("<Fog>", subject="On fog", precedence="FLASH")
    assert principal.get("/telephone").status == 403
    parties.desk.cabinet.settle("telephone", "on")
    page = principal.get("/telephone")
    assert page.status == 200
    assert "&lt;Fog&gt;" in page.text
    assert re.findall(r'action="([^"]*)"', page.text) == ["/sign-out"]


# --- drills ---


def test_real_world_ends_a_drill_on_both_sides_until_it_is_taken_back(tmp_path: Path) -> None:
    """A FLASH of that subject takes the colours of the drill off; a lesser one, or another word,
    does not; its author's cancelling brings them back."""
    found(tmp_path, drill=True)
    with at_desk(tmp_path) as parties:
        watch = parties.enter("Watch", "watch", "drafter")
        page = f"/line/{parties.line}"
        parties.bravo_says("x", subject="REAL-WORLD", precedence="IMMEDIATE")
        parties.bravo_says("x", subject="real world", precedence="FLASH")
        shown = watch.get(page).text
        assert "DRILL DRILL DRILL" in shown
        assert 'class="drill-page"' in shown
        assert f'action="{page}/real-world"' in shown
        begun = parties.send(watch, f"{page}/real-world", page)
        assert begun.status == 303
        assert begun.headers["location"].startswith("/draft/")
        assert command(parties.pair.bravo, "lines")[0]["drill"] is True  # nobody has signed yet
        ended = parties.bravo_says("It is meant.", subject="REAL-WORLD", precedence="FLASH")
        for node in (parties.pair.alpha, parties.pair.bravo):
            (line,) = command(node, "lines")
            assert (line["drill"], line["drill_line"]) == (False, True)
            assert line["real_world"]["entry"] == ended
        parties.desk.node.changes += 1
        shown = watch.get(page).text
        assert "REAL WORLD · " in shown
        assert 'class="drill-page"' not in shown
        article = shown.split(f'aria-label="{ended}"')[1].split("</article>")[0]
        assert "DRILL DRILL DRILL" not in article
        cancel = [{"entry": ended, "relation": "cancels"}]
        parties.bravo_says("No.", subject="Cancel", precedence="FLASH", relations=cancel)
        assert command(parties.pair.alpha, "lines")[0]["drill"] is True


def test_a_line_that_is_no_drill_has_none_to_end(parties: Parties) -> None:
    """The key is not there, the form is refused, and a dispatch of that subject changes nothing."""
    watch = parties.enter("Watch", "watch", "drafter")
    page = f"/line/{parties.line}"
    assert "/real-world" not in watch.get(page).text
    assert parties.send(watch, f"{page}/real-world", page).status == 403
    parties.bravo_says("x", subject="REAL-WORLD", precedence="FLASH")
    assert command(parties.pair.alpha, "lines")[0]["real_world"] is None


# --- what another wrote ---

EVIL = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 1234567 }} {% include 'x' %} </textarea></title>",
    "line one\nseen  alpha  051230Z FEB 26  stated by the watch",
    "◆ FLASH A-0001 alpha 051230Z FEB 26",
    "А-0001 answers Α-0001",  # Cyrillic А, Greek Α
)
TURNING = ("\u202e", "\u2066", "\u2069", "\u200b", "\ufeff", "\u00ad", "\u2028", "\x1b[2J", "\x85")


@pytest.mark.parametrize("char", TURNING)
def test_a_character_that_a_screen_would_obey_shows_as_its_number(char: str) -> None:
    """No body may carry most of them; were one to come through, it would show and do nothing."""
    shown = str(foreign(f"RECEIVED{char}DEVIECER\n{char}"))
    assert char not in shown
    assert f"&lt;U+{ord(char[0]):04X}&gt;" in shown
    assert shown.count('<bdi class="row" dir="auto">') == 2


@pytest.mark.parametrize("evil", EVIL)
def test_no_text_of_theirs_is_obeyed_anywhere(parties: Parties, evil: str) -> None:
    """On every page that shows it a foreign text is text: no tag of its own, no character that
    turns its neighbours round, each row shut in by itself, nothing that looks like a row of ours
    outside of it."""
    watch: Visitor = parties.enter("Watch", "watch", "drafter", "releaser", "translator")
    parties.enter("Auditor", "auditor")
    parties.desk.cabinet.settle("telephone", "on")
    subject = evil.partition("\n")[0]
    entry = parties.bravo_says(evil, subject=subject, precedence="FLASH")
    parties.look()
    place = command(parties.pair.alpha, "show", entry=entry)["place"]
    pages = [
        "/",
        "/watch",
        "/telephone",
        f"/line/{parties.line}",
        f"/line/{parties.line}/entry/{place}",
        f"/line/{parties.line}/entry/{place}/print",
        f"/line/{parties.line}/find?kind=dispatch",
        f"/line/{parties.line}/entry/{place}/state/read-back",
        f"/line/{parties.line}/entry/{place}/translate",
    ]
    for path in pages:
        answer = watch.get(path)
        assert answer.status == 200, path
        page = answer.text
        for bad in ("<script>alert", "<img", "8641969"):
            assert bad not in page, (path, bad)
        outside = re.sub(r'<bdi class="row" dir="auto">.*?</bdi>', "", page)
        for row in evil.split("\n"):
            if len(row) > 12:
                assert row not in outside, path
        serials = re.findall(r'class="serial"[^>]*>([^<]*)<', page)
        assert all(re.fullmatch(r"[A-Z]+-\d{4}|\d/\d:\d+", one) for one in serials), path


def test_the_sentinel_goes_on_after_a_refusal(parties: Parties) -> None:
    """A look that was refused is remembered for the page of the system, and the next one serves."""

    async def story() -> None:
        real = parties.desk.node.ask

        async def refusing(do: str, **arguments: Any) -> Any:
            raise LocalError(Refusal.OVER_QUOTA, "not now")

        parties.desk.node.ask = refusing  # type: ignore[method-assign]
        watching = asyncio.create_task(parties.desk.sentinel.run())
        await asyncio.sleep(0.1)
        parties.desk.node.ask = real  # type: ignore[method-assign]
        parties.desk.node.changes += 1
        parties.desk.sentinel._bell.set()
        await asyncio.sleep(0.6)
        watching.cancel()

    parties.enter("Admin", "administrator")
    asyncio.run(story())
    assert "not now" in parties.desk.sentinel.trouble
    assert parties.desk.sentinel.status is not None
    assert "not now" in parties.people["Admin"].get("/system").text
