"""The words of the report: likelihood by ICD 203, confidence by a list, and no word of causes.

ICD 203 (Analytic Standards, 2015) has one row of terms used here. A likelihood and a confidence
never stand in one sentence, and nothing is 0 or 100 percent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from detente.trends.estimate import Estimate
from detente.words import _, marked

# From its lower bound on, in percent: the term of ICD 203.
LIKELIHOODS: Final[tuple[tuple[int, str], ...]] = (
    (95, marked("almost certain")),
    (80, marked("very likely")),
    (55, marked("likely")),
    (45, marked("roughly an even chance")),
    (20, marked("unlikely")),
    (5, marked("very unlikely")),
    (0, marked("almost no chance")),
)
CONFIDENCES: Final[Mapping[str, str]] = {
    "high": marked("high"),
    "moderate": marked("moderate"),
    "low": marked("low"),
}
MOVED: Final = "moved"
AS_PLACEBO: Final = "moved, but placebo dates moved as much"
NO_LARGER: Final = "no change larger than ×m"
CANNOT_TELL: Final = "cannot tell"
STATES: Final[Mapping[str, str]] = {
    "data": marked("data"),
    "no data": marked("no data"),
    "source failed": marked("source failed"),
    "zero": marked("zero"),
}
CHECKED: Final[Mapping[bool, str]] = {True: marked("checked"), False: marked("not checked")}

# No sentence of ours says why something happened, in any of the three languages.
CAUSAL: Final = re.compile(
    r"\b(?:because|led to|leads? to|leading to|effects? (?:of|on)|caus(?:e[sd]?|ing|al)|due to"
    r"|thanks to|owing to|results? (?:of|in|from)|resulted|consequen\w+|impact\w*|drove|driven by"
    r"|brought about|responsible for|improve[sd]?|worsen(?:s|ed)?|helped|attributable"
    r"|потому что|привел[оаи]? к|из-за|вследствие|благодаря|вызва\w+|в результате|повлиял\w*"
    r"|тому що|призвел[оаи]? до|внаслідок|завдяки|спричин\w+|у результаті|вплину\w+)\b",
    re.IGNORECASE,
)
_CONFIDENCE = re.compile(r"\bconfiden|уверенност|впевненіст", re.IGNORECASE)
_LIKELIHOOD = re.compile(
    r"\b(?:almost certain|very likely|likely|even chance|unlikely|almost no chance)\b",
    re.IGNORECASE,
)
_CERTAIN = re.compile(r"(?<![\d.,])(?:0|100)(?:[.,]0+)?\s?%")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")


@dataclass(frozen=True, slots=True)
class Condition:
    """One row of the list that a confidence is read off. ``met`` is None where not checked."""

    says: str
    met: bool | None
    detail: str


def likelihood(p: float) -> str:
    """The term of ICD 203 for a probability, in the language in use."""
    whole = round(bounded(p) * 100)  # the term fits the number that is printed beside it
    return next(_(term) for least, term in LIKELIHOODS if whole >= least)


def bounded(p: float) -> float:
    """A probability as it may be printed: from .01 to .99."""
    return min(max(p, 0.01), 0.99)


def percent(p: float) -> str:
    """A probability in whole percent; beyond what can be known, «under 1 %» and «over 99 %»."""
    whole = round(p * 100)
    said = f"{min(max(whole, 1), 99)}\N{NO-BREAK SPACE}%"
    if whole < 1:
        return _("under {percent}").format(percent=said)
    return _("over {percent}").format(percent=said) if whole > 99 else said


def times(ratio: float) -> str:
    """A ratio: «×26», «×4.1», «×1.17», «×0.41», «×0.052»."""
    if ratio >= 9.95:
        return f"×{min(ratio, 9999):.0f}"
    if ratio >= 1.995:
        return f"×{ratio:.1f}"
    return f"×{ratio:.2f}" if ratio >= 0.0995 else f"×{max(ratio, 0.001):.2g}"


def span(low: float, high: float) -> str:
    """An interval of ratios."""
    return f"{times(low)} – {times(high)}"


def confidence(conditions: Sequence[Condition]) -> str:
    """«high», «moderate» or «low»: how many conditions of the list hold; the key, untranslated."""
    lacking = sum(one.met is not True for one in conditions)
    return "high" if lacking == 0 else "moderate" if lacking <= 2 else "low"


def verdict_word(kind: str, limit: float) -> str:
    """A verdict in the language in use; ``limit`` as in ``sentences``."""
    if kind == MOVED:
        return _("moved")
    if kind == AS_PLACEBO:
        return _("moved, but placebo dates moved as much")
    if kind == NO_LARGER:
        return _("no change larger than {times}").format(times=times(limit))
    return _("cannot tell")


def sentences(
    kind: str, what: str, found: Estimate, *, detectable: float, limit: float
) -> list[str]:
    """What one cell says, one sentence each, in the language in use. ``limit`` is the largest
    change that the data leave room for."""
    filled = {
        "what": what,
        "times": times(found.ratio),
        "low": times(found.ninety.low),
        "high": times(found.ninety.high),
        "detectable": times(detectable),
        "limit": times(limit),
    }
    level = _("{what}: after the date the level is {times} of that before it.").format(**filled)
    interval = _("The 90 % interval is {low} to {high}.").format(**filled)
    if kind == MOVED:
        return [level, interval, direction(found.p_up)]
    if kind == AS_PLACEBO:
        as_much = _("Dates on which nothing was expected moved as much, so this is no finding.")
        return [level, interval, as_much]
    if kind == NO_LARGER:
        return [_("{what}: no change larger than {limit} is seen.").format(**filled), interval]
    return [
        _("{what}: not enough evidence to tell.").format(**filled),
        interval,
        _("Only a change of {detectable} or more would show in so few stories.").format(**filled),
    ]


def direction(p_up: float) -> str:
    """How likely it is that the level is higher, or lower."""
    if p_up >= 0.5:
        text = _("That it is higher: {likelihood} ({percent}).")
        return text.format(likelihood=likelihood(p_up), percent=percent(p_up))
    text = _("That it is lower: {likelihood} ({percent}).")
    return text.format(likelihood=likelihood(1 - p_up), percent=percent(1 - p_up))


def breaches(text: str) -> list[str]:
    """What a text of ours says and may not: causes, certainty, likelihood with confidence."""
    found = [match[0] for match in CAUSAL.finditer(text)]
    found += [match[0] for match in _CERTAIN.finditer(text)]
    found += [
        sentence
        for sentence in _SENTENCE.split(text)
        if _CONFIDENCE.search(sentence) and _LIKELIHOOD.search(sentence)
    ]
    return found
