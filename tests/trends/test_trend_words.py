"""The words of a report: by ICD 203, without causes, and never more certain than can be."""

from __future__ import annotations

import re
from itertools import product

import pytest

from detente.trends import words
from detente.trends.estimate import Estimate, Interval
from detente.trends.verdict import Verdict
from detente.words import LANGUAGES, use

# ICD 203, table of terms: the first row, in percent.
TABLE = {
    "almost no chance": (1, 5),
    "very unlikely": (5, 20),
    "unlikely": (20, 45),
    "roughly an even chance": (45, 55),
    "likely": (55, 80),
    "very likely": (80, 95),
    "almost certain": (95, 99),
}


@pytest.fixture(autouse=True)
def _english():
    use("en")
    yield
    use("en")


def estimate(ratio: float = 2.0, p_up: float = 0.9) -> Estimate:
    """An estimate with intervals about it."""
    return Estimate(
        ratio,
        Interval(ratio / 1.2, ratio * 1.2),
        Interval(ratio / 2, ratio * 2),
        p_up,
        10,
        20,
        100,
        26,
    )


def every_sentence() -> list[str]:
    """All that a cell may say, over the whole range of its numbers."""
    return [
        sentence
        for verdict, p_up, ratio in product(
            Verdict, (0.0, 0.003, 0.2, 0.5, 0.8, 0.997, 1.0), (0.0001, 0.4, 1.0, 7.7, 1e6)
        )
        for sentence in words.sentences(
            verdict.value, "AAA-BBB, conflict", estimate(ratio, p_up), detectable=7.7, limit=1.5
        )
    ]


def test_terms_are_those_of_icd_203():
    """Each whole percent from 1 to 99 has the term whose range it lies in."""
    for hundredth in range(1, 100):
        low, high = TABLE[words.likelihood(hundredth / 100)]
        assert low <= hundredth <= high


def test_the_term_fits_the_number_printed_beside_it():
    """79.6 % is printed as 80 % and called what 80 % is called."""
    assert (words.likelihood(0.796), words.percent(0.796)) == (
        "very likely",
        "80\N{NO-BREAK SPACE}%",
    )


def test_nothing_is_certain():
    """0 and 1 are printed as what can be known."""
    assert [words.percent(p) for p in (0.0, 0.004, 0.5, 0.996, 1.0)] == [
        "under 1\N{NO-BREAK SPACE}%",
        "under 1\N{NO-BREAK SPACE}%",
        "50\N{NO-BREAK SPACE}%",
        "over 99\N{NO-BREAK SPACE}%",
        "over 99\N{NO-BREAK SPACE}%",
    ]


def test_no_sentence_names_a_cause_or_is_certain():
    """Over all verdicts and numbers, no sentence breaks a rule of the words."""
    said = every_sentence()
    assert len(said) > 100
    assert [words.breaches(one) for one in said if words.breaches(one)] == []


@pytest.mark.parametrize(
    "text",
    [
        "It fell because the line was opened.",
        "The line led to fewer threats.",
        "The effect of the line is clear.",
        "Conflict was caused by the outage.",
        "The line helped.",
        "A rise of 100 % is seen.",
        "The chance is 0 %.",
        "It is likely, with high confidence.",
        "Это произошло вследствие линии.",
        "Це сталося завдяки лінії.",
    ],
)
def test_what_may_not_be_said_is_found(text):
    """Causes, certainty, and a likelihood in one sentence with a confidence."""
    assert words.breaches(text)


def test_what_may_be_said_is_not_found():
    """Shares that are no certainty, and words that only look like the banned ones."""
    assert words.breaches("Moved. 10 % and 110 %, the 90 % interval; it is likely.") == []
    assert words.breaches("Confidence: low.\nThat it is higher: likely (60 %).") == []


def test_a_fall_is_told_as_one():
    """Below one half the sentence speaks of a fall, with the other half of the probability."""
    assert words.direction(0.1) == "That it is lower: very likely (90\N{NO-BREAK SPACE}%)."
    assert words.direction(0.9) == "That it is higher: very likely (90\N{NO-BREAK SPACE}%)."


def test_ratios_are_short_and_never_nought():
    """Two decimals about 1, fewer further out."""
    assert [words.times(one) for one in (26.4, 4.12, 1.17, 0.41, 0.052, 0.0)] == [
        "×26",
        "×4.1",
        "×1.17",
        "×0.41",
        "×0.052",
        "×0.001",
    ]


def test_confidence_is_read_off_a_list():
    """All conditions met: high; up to two lacking: moderate; what was not checked lacks."""
    met = [words.Condition("x", True, "")] * 4
    unknown = words.Condition("x", None, "")
    missing = words.Condition("x", False, "")
    assert words.confidence(met) == "high"
    assert words.confidence([*met, unknown, missing]) == "moderate"
    assert words.confidence([*met, missing, missing, unknown]) == "low"


def test_every_verdict_has_a_word():
    """The four verdicts are told apart, and the one with a bound names it."""
    told = [words.verdict_word(one.value, 1.4) for one in Verdict]
    assert len(set(told)) == len(Verdict)
    assert "no change larger than ×1.40" in told


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_translation_names_a_cause(language):
    """In each language, where it is translated, the sentences keep the rules of the words."""
    use(language)
    said = " ".join(every_sentence())
    assert words.CAUSAL.findall(said) == []
    assert re.search(r"(?<!\d)100 %", said) is None
