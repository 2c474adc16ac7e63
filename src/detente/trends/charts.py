"""Charts as SVG without scripts: their colours are the page's, so that they print and turn dark.

A gap is hatched and never joined over; a band is never drawn without the other beside it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Final

from markupsafe import Markup, escape

from detente.words import translate

WIDTH: Final = 720
HEIGHT: Final = 250
LEFT: Final = 46
RIGHT: Final = 10
TOP: Final = 14
BOTTOM: Final = 30
HISTOGRAM_HEIGHT: Final = 150
BINS: Final = 24

Scale = Callable[[float], float]  # a value to its place
Band = Sequence[tuple[float, float] | None]  # by week; None where there is none


@dataclass(frozen=True, slots=True)
class Weekly:
    """What a weekly chart shows. ``seen`` is None in a week without data."""

    weeks: Sequence[date]
    seen: Sequence[float | None]
    starts: int  # index of the first week after
    transition: int  # weeks left out on both sides
    half: Band
    ninety: Band
    beside_half: Band  # counterfactual: had the level stayed, only after the date
    beside_ninety: Band
    scale: str  # "share" or "count"


def weekly(chart: Weekly, key: str, title: str, marks: tuple[str, str]) -> Markup:
    """The weekly series with its bands. ``marks`` name the date and the gaps, for readers of the
    picture's text."""
    top = _top(chart)
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    step = (right - LEFT) / max(len(chart.weeks), 1)

    def x(at: float) -> float:
        return LEFT + step * at

    def y(value: float) -> float:
        return bottom - (bottom - TOP) * min(value / top, 1.0)

    parts = [
        _hatch(key),
        *_scale(chart.scale, top, y),
        *_years(chart.weeks, x, bottom),
        *(
            _rect("gap", (x(a), TOP), (x(b), bottom), f' fill="url(#h-{key})"')
            for a, b in runs([value is None for value in chart.seen])
        ),
        _rect(
            "transition",
            (x(max(chart.starts - chart.transition, 0)), TOP),
            (x(min(chart.starts + chart.transition, len(chart.weeks))), bottom),
        ),
        *(
            _area(band, part, kind, x, y)
            for band, kind in (
                (chart.beside_ninety, "beside ninety"),
                (chart.beside_half, "beside half"),
                (chart.ninety, "ninety"),
                (chart.half, "half"),
            )
            for part in ((0, chart.starts), (chart.starts, len(chart.weeks)))
        ),
        *(
            f'<circle class="seen" cx="{x(at + 0.5):.1f}" cy="{y(value):.1f}" r="1.7"/>'
            for at, value in enumerate(chart.seen)
            if value is not None
        ),
        _line("date", (x(chart.starts), TOP - 8), (x(chart.starts), bottom)),
        _text("at", (x(chart.starts) - 4, TOP - 3), "end", marks[0]),
    ]
    return _picture(key, HEIGHT, title, marks[1], parts)


def histogram(estimates: Sequence[float], found: float, key: str, title: str, mark: str) -> Markup:
    """Placebo estimates as logarithms of ratios, with what was found at the date looked at."""
    logs = [math.log(max(value, 1e-6)) for value in estimates]
    here = math.log(max(found, 1e-6))
    reach = max([abs(here), *map(abs, logs), math.log(2)]) * 1.05
    counts = [0] * BINS
    for value in logs:
        counts[min(int((value + reach) / (2 * reach) * BINS), BINS - 1)] += 1
    right, bottom = WIDTH - RIGHT, HISTOGRAM_HEIGHT - BOTTOM
    step, most = (right - LEFT) / BINS, max([*counts, 1])

    def x(value: float) -> float:
        return LEFT + (value + reach) / (2 * reach) * (right - LEFT)

    parts = [_line("axis", (LEFT, bottom), (right, bottom))]
    for at, count in enumerate(counts):
        left, high = LEFT + step * at, bottom - (bottom - TOP) * count / most
        parts.append(_rect("bar", (left + 0.5, high), (left + step - 0.5, bottom)))
    parts += [
        _text("tick", (x(math.log(ratio)), bottom + 14), "middle", label)
        for ratio, label in _ratio_ticks(reach)
    ]
    anchor, shift = ("end", -4) if here > 0 else ("start", 4)
    parts += [
        _text("tick", (LEFT - 6, TOP + 4), "end", str(most)),
        _line("date", (x(here), TOP - 8), (x(here), bottom)),
        _text("at", (x(here) + shift, TOP - 3), anchor, mark),
    ]
    return _picture(key, HISTOGRAM_HEIGHT, title, mark, parts)


def runs(flags: Sequence[bool]) -> list[tuple[int, int]]:
    """Where flags are set, as half-open spans."""
    edges = [at for at, (a, b) in enumerate(pairwise([False, *flags, False])) if a != b]
    return list(zip(edges[::2], edges[1::2], strict=True))


def _picture(key: str, height: int, title: str, about: str, parts: Sequence[str]) -> Markup:
    inner = "\n".join(part for part in parts if part)
    return Markup(  # every text in it was escaped where it was put in  # noqa: S704
        f'<svg class="chart" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-labelledby="t-{key} d-{key}">\n<title id="t-{key}">{escape(title)}</title>\n'
        f'<desc id="d-{key}">{escape(about)}</desc>\n{inner}\n</svg>'
    )


Point = tuple[float, float]


def _line(kind: str, a: Point, b: Point) -> str:
    return f'<line class="{kind}" x1="{a[0]:.1f}" y1="{a[1]:.1f}" x2="{b[0]:.1f}" y2="{b[1]:.1f}"/>'


def _rect(kind: str, a: Point, b: Point, more: str = "") -> str:
    at = f'x="{a[0]:.1f}" y="{a[1]:.1f}"'
    return f'<rect class="{kind}" {at} width="{b[0] - a[0]:.1f}" height="{b[1] - a[1]:.1f}"{more}/>'


def _text(kind: str, at: Point, anchor: str, says: str) -> str:
    where = f'x="{at[0]:.1f}" y="{at[1]:.1f}" text-anchor="{anchor}"'
    return f'<text class="{kind}" {where}>{escape(says)}</text>'


def _hatch(key: str, size: int = 6) -> str:
    return (
        f'<pattern id="h-{key}" width="{size}" height="{size}" patternUnits="userSpaceOnUse" '
        f'patternTransform="rotate(45)"><line class="hatch" x1="0" x2="0" y1="0" y2="{size}"/>'
        "</pattern>"
    )


def _top(chart: Weekly) -> float:
    seen = sorted(value for value in chart.seen if value is not None)
    bands = [pair[1] for band in (chart.ninety,) for pair in band if pair is not None]
    # One wild week must not flatten all the others, nor a band that widens at the end.
    high = max([*seen[-3:-2], seen[-1] * 0.75 if seen else 0.0, _quantile(bands, 0.9)])
    if chart.scale == "share":
        return min(1.0, max(high * 1.15, 0.05))
    return max(high * 1.15, 1.0)


def _quantile(values: Sequence[float], at: float) -> float:
    found = sorted(values)
    return found[int(at * (len(found) - 1))] if found else 0.0


def _scale(scale: str, top: float, y: Scale) -> list[str]:
    found = []
    for value in nice(top, 4):
        label = f"{value * 100:g} %" if scale == "share" else f"{value:g}"
        if scale == "share" and value in {0.0, 1.0}:
            label = "0" if value == 0 else "1"  # no certainty, and no percent, at the ends
        found += [
            _line("grid", (LEFT, y(value)), (WIDTH - RIGHT, y(value))),
            _text("tick", (LEFT - 6, y(value) + 4), "end", label),
        ]
    return found


def nice(top: float, about: int) -> list[float]:
    """Round values from 0 to ``top``, about so many of them."""
    raw = top / about
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if raw <= size * factor * 1.0001)
    return [round(step * number, 10) for number in range(int(top / step + 1e-9) + 1)]


def _years(weeks: Sequence[date], x: Scale, bottom: float) -> list[str]:
    found = []
    firsts = [at for at, (a, b) in enumerate(pairwise(weeks), start=1) if a.year != b.year]
    short = len(firsts) < 3
    if short:  # by quarters
        firsts = [
            at
            for at, (a, b) in enumerate(pairwise(weeks), start=1)
            if (a.month - 1) // 3 != (b.month - 1) // 3
        ]
    for at in firsts:
        label = f"{weeks[at]:%Y-%m}" if short else str(weeks[at].year)
        found += [
            _line("axis", (x(at), bottom), (x(at), bottom + 4)),
            _text("tick", (x(at), bottom + 16), "middle", label),
        ]
    return found


def _area(
    band: Band,
    part: tuple[int, int],
    kind: str,
    x: Scale,
    y: Scale,
) -> str:
    """A band over some weeks: not joined over a gap, nor over the date."""
    found = []
    for first, last in runs([pair is not None for pair in band[slice(*part)]]):
        at = part[0] + first
        known = [(week + 0.5, band[week]) for week in range(at, at + last - first)]
        pairs = [(week, pair) for week, pair in known if pair is not None]
        high = [f"{x(week):.1f},{y(pair[1]):.1f}" for week, pair in pairs]
        low = [f"{x(week):.1f},{y(pair[0]):.1f}" for week, pair in pairs]
        found.append(f'<polygon class="band {kind}" points="{" ".join([*high, *low[::-1]])}"/>')
    return "\n".join(found)


def _ratio_ticks(reach: float) -> list[tuple[float, str]]:
    steps: tuple[float, ...] = (2, 4) if reach < math.log(6) else (3, 10, 30, 100)
    ups = [ratio for ratio in steps if math.log(ratio) < reach * 0.97]
    return [
        *((1 / ratio, f"×{1 / ratio:.2g}") for ratio in reversed(ups)),
        (1.0, "×1"),
        *((ratio, f"×{ratio:g}") for ratio in ups),
    ]


def calendar(states: Sequence[tuple[date, str]], key: str, title: str) -> Markup:
    """Which weeks the files cover, a row a year: filled data, ring zero, hatched no data, cross
    failed. Each week says its state in words when pointed at."""
    years = sorted({week.isocalendar().year for week, _state in states})
    size, height = 12.0, len(years) * 16 + 4
    parts = [_hatch(key, 4)]
    parts += [
        _text("tick", (LEFT - 6, 16.0 * row + 12), "end", str(year))
        for row, year in enumerate(years)
    ]
    for week, state in states:
        at = week.isocalendar()
        x, y = LEFT + (at.week - 1) * (size + 0.6), 16.0 * years.index(at.year) + 2
        kind = state.replace(" ", "-")
        fill = f' fill="url(#h-{key})"' if kind == "no-data" else ""
        inner = _rect(f"week {kind}", (x, y), (x + size, y + size), fill)
        if kind == "source-failed":
            inner += _line("cross", (x, y), (x + size, y + size))
            inner += _line("cross", (x, y + size), (x + size, y))
        parts.append(f"<g><title>{week.isoformat()}: {escape(translate(state))}</title>{inner}</g>")
    return _picture(key, height, title, title, parts)
