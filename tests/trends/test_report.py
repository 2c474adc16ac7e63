"""The report: three tables, no cause, every number with its provenance, the same bytes again."""

from __future__ import annotations

import dataclasses
import json
import re
from datetime import date
from html.parser import HTMLParser

import pytest
from trends import world

from detente.trends import ledger, words
from detente.trends.board import board_of, question_of
from detente.trends.demo_line import demo_transcript
from detente.trends.line_record import read_record
from detente.trends.monitor import forecasts, monitor
from detente.trends.plan import Plan
from detente.trends.prov import hashes_behind
from detente.trends.report import HTML, JSON, MARKDOWN, PROV, Given, Made, make, steps

pytestmark = pytest.mark.timeout(600)  # tens of fits


def given(plan: Plan) -> Given:
    """Counts, coverage, one file, a transcript, and forecasts made 16 weeks before the end."""
    question = question_of(plan)
    counts = world.counts(question, plan.starts)
    covered = world.coverage(question)
    board = board_of(plan, question, counts, covered)
    starts_s = (plan.monday - date(1970, 1, 1)).days * 86_400
    return Given(
        plan=plan,
        counts=counts,
        covered=covered,
        reads=[world.READ],
        engine="SELECT 1",
        attributions={"gdelt2": "Source: somebody, https://example.org."},
        record=read_record([demo_transcript(starts_s, 26)]),
        record_name="line.detente",
        ledger=tuple(forecasts(plan, board, len(board.weeks) - 16)),
    )


@pytest.fixture(scope="module")
def asked() -> Given:
    """A small plan: one dyad, one third country."""
    text = world.PLAN.replace('["AAA-BBB", "AAA-DDD"]', '["AAA-BBB"]').replace(', "CAN"', "")
    return given(dataclasses.replace(world.plan(text), frozen=True))


@pytest.fixture(scope="module")
def made(asked: Given) -> Made:
    """The report of it."""
    told: list[int] = []
    report = make(asked, told.append)
    assert told[-1] == steps(asked.plan)
    return report


class Page(HTMLParser):
    """Numbers with their provenance, tags, and what is said outside style and picture."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.bare: list[str] = []
        self.said: list[str] = []
        self.provs: set[str] = set()
        self._stack: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keeps the tag and what it says of provenance."""
        self.tags.append(tag)
        held = dict(attrs)
        if "data-prov" in held:
            self.provs.add(str(held["data-prov"]))
        if held.get("class") in {"n", "dim n"} and "data-prov" not in held:
            self.bare.append(tag)
        if tag not in {"meta", "br"}:
            self._stack.append((tag, held.get("class")))

    def handle_endtag(self, tag: str) -> None:
        """Leaves the tag."""
        if self._stack and self._stack[-1][0] == tag:
            self._stack.pop()

    def handle_data(self, data: str) -> None:
        """Keeps what is said."""
        if not any(tag in {"style", "svg"} for tag, _class in self._stack):
            self.said.append(data.strip())


@pytest.fixture(scope="module")
def page(made: Made) -> Page:
    """The page, read."""
    found = Page()
    found.feed(made.files[HTML].decode())
    return found


def test_the_same_inputs_give_the_same_bytes(asked, made):
    """Made a second time, all four files are equal byte for byte."""
    assert make(asked, lambda _step: None).files == made.files


def test_the_page_stands_alone(page, made):
    """No script, nothing fetched, light and dark and print by its own style."""
    text = made.files[HTML].decode()
    assert not {"script", "img", "link", "iframe"} & set(page.tags)
    assert re.findall(r'(?:src|href)="(?!#)', text) == []
    assert "prefers-color-scheme: dark" in text
    assert "@page { size: A4" in text


def test_every_number_leads_to_file_hashes(page, made):
    """Each number of a table has an id, and each id has a file's hash behind it."""
    assert page.bare == []
    behind = hashes_behind(json.loads(made.files[PROV]))
    assert len(page.provs) > 8
    assert all(behind[short] for short in page.provs)
    assert behind["f1"] == {world.READ.sha256}
    line = made.document["line"]
    assert behind[line["prov"]] == {line["sha256"]}


def test_no_sentence_names_a_cause(page, made):
    """Neither the page nor the Markdown breaks a rule of the words."""
    assert [one for one in page.said if words.breaches(one)] == []
    markdown = made.files[MARKDOWN].decode()
    assert [one for one in markdown.splitlines() if words.breaches(one)] == []


def test_three_tables_and_what_they_must_say(made):
    """Rows of all three, with a bound beside each cell and the forecasts scored."""
    document = json.loads(made.files[JSON])
    assert document == json.loads(json.dumps(made.document))
    for row in (*document["stakeholders"], *document["ripple"]):
        assert row["detectable"] > 1
        assert 0 < row["placebo"]["p"] <= 1
        assert row["half"][0] >= row["ninety"][0]
        assert row["calibrated"]["held"] <= row["calibrated"]["n"] == row["placebo"]["n"]
    assert document["stakeholders"][0]["verdict"] == "moved"
    assert len(document["trends"]) == 4
    assert all(row["scores"]["n"] == 8 for row in document["trends"])
    assert document["looks"] == 2
    assert {row["checked_word"] for row in document["rivals"]} == {"checked", "not checked"}


def test_states_of_weeks_are_different_words(made):
    """One week without data and one whose source failed are told apart, and counted."""
    text = made.document["coverage_sentence"]
    assert "no data 1" in text
    assert "source failed 1" in text
    assert "zero 0" in text


def test_a_frozen_plan_is_said_to_be_one(asked, made):
    """The hash stands on the page; an unfrozen plan makes every row exploratory."""
    assert asked.plan.sha256 in made.files[HTML].decode()
    assert b'exploratory-band"' not in made.files[HTML]
    few = {"conflict": asked.plan.outcomes["conflict"]}
    small = dataclasses.replace(asked.plan, frozen=False, ripple=(), comparison=(), outcomes=few)
    loose = make(dataclasses.replace(given(small), record=None), lambda _step: None)
    assert b"everything here is exploratory" in loose.files[HTML]
    assert all(row["exploratory"] for row in loose.document["stakeholders"])
    assert b"nothing is said of the line itself" in loose.files[HTML]
    assert loose.document["ripple"] == []


def test_what_somebody_wrote_is_escaped(made):
    """A title is shown, not obeyed."""
    assert b'<h1 dir="auto">Ours &amp; theirs</h1>' in made.files[HTML]


def test_attribution_stands_in_the_footer(made):
    """What a source asks to be said is said, in both texts."""
    for name in (HTML, MARKDOWN):
        assert "Source: somebody, https://example.org." in made.files[name].decode()


def test_forecasts_are_made_once(asked):
    """What a ledger holds is not forecast again, and a look at the same week is one look."""
    plan = asked.plan
    question = question_of(plan)
    board = board_of(plan, question, asked.counts, asked.covered)
    until = len(board.weeks)
    fresh = forecasts(plan, board, until, asked.ledger)
    assert len(fresh) == len(plan.trends) * plan.horizon_weeks
    held = (*asked.ledger, *fresh)
    assert forecasts(plan, board, until, held) == []
    assert monitor(plan, board, held).looks == monitor(plan, board, asked.ledger).looks
    assert monitor(plan, board, held).scored.waiting == len(fresh)


def test_alarms_come_from_placebo_dyads(asked):
    """With comparison dyads a count is named that would be an alarm; without them none is."""
    plan = asked.plan
    question = question_of(plan)
    board = board_of(plan, question, asked.counts, asked.covered)
    trend = monitor(plan, board).trends[0]
    assert trend.alarm is not None
    assert trend.alarm > trend.count / trend.weeks
    alone = dataclasses.replace(plan, comparison=())
    assert monitor(alone, board).trends[0].alarm is None


def test_too_few_weeks_forecast_nothing(asked):
    """A quarter of a year is no ground for a forecast, and the row says so."""
    plan = asked.plan
    question = question_of(plan)
    board = board_of(plan, question, asked.counts, asked.covered)
    short = dataclasses.replace(board, keep=board.keep & False)
    found = monitor(plan, short)
    assert all(one.forecast is None and one.last is None for one in found.trends)
    assert forecasts(plan, short, len(board.weeks)) == []
    assert ledger.scored((), {}).n == found.scored.n == 0
