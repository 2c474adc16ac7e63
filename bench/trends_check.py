"""``python -m bench.trends_check``: every acceptance row of trends beside its threshold.

The short form takes fewer series and allows what fewer series may be off by: the one-in-a-thousand
quantile of the binomial at the threshold (``binomial_most``, ``binomial_least``).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module

from scipy.stats import binom

PARTS = (
    "bench.trends_check_statistics",
    "bench.trends_check_forecasts",
    "bench.trends_check_data",
    "bench.trends_check_report",
)
_RARE = 0.001
NORMAL_RARE = 3.09  # standard deviations of a mean, beyond which one in a thousand lies


@dataclass(frozen=True, slots=True)
class Check:
    """One row: whether it holds, what was measured, what it is held against."""

    ok: bool
    figure: float | str
    threshold: str


Checks = dict[str, Callable[[bool], Check]]


def at_most(figure: float, limit: float, unit: str = "") -> Check:
    """A figure that may not be above its limit."""
    return Check(figure <= limit, round(figure, 4), f"<= {limit:.4g}{unit}")


def at_least(figure: float, limit: float, unit: str = "") -> Check:
    """A figure that may not be below its limit."""
    return Check(figure >= limit, round(figure, 4), f">= {limit:.4g}{unit}")


def within(figure: float, low: float, high: float) -> Check:
    """A figure between two limits."""
    return Check(low <= figure <= high, round(figure, 4), f"{low:.4g} to {high:.4g}")


def binomial_most(share: float, n: int, *, short: bool) -> float:
    """A share's upper limit; in the short form what ``n`` draws at the limit rarely exceed."""
    return max(share, float(binom.ppf(1 - _RARE, n, share)) / n) if short else share


def binomial_least(share: float, n: int, *, short: bool) -> float:
    """A share's lower limit; in the short form what ``n`` draws at the limit rarely fall below."""
    return min(share, float(binom.ppf(_RARE, n, share)) / n) if short else share


def collected() -> Checks:
    """All rows, in the order of their parts."""
    found: Checks = {}
    for name in PARTS:
        found |= import_module(name).CHECKS
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the chosen rows; 0 whatever they find, 2 for a name that is none."""
    parser = argparse.ArgumentParser(prog="python -m bench.trends_check", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW")
    parser.add_argument("--short", action="store_true", help="fewer series: minutes become seconds")
    parser.add_argument("--json", action="store_true", help="one JSON object in place of the table")
    asked = parser.parse_args(arguments)
    checks = collected()
    unknown = sorted(set(asked.rows) - set(checks))
    if unknown:
        print(f"error: no row {', '.join(unknown)}", file=sys.stderr)
        print(f"hint: rows are {', '.join(checks)}", file=sys.stderr)
        return 2
    chosen = [name for name in checks if name in asked.rows or not asked.rows]
    found = run({name: checks[name] for name in chosen}, short=asked.short)
    if asked.json:
        print(json.dumps({"checks": {name: asdict(each) for name, each in found.items()}}))
        return 0
    for name, each in found.items():
        print(f"{'ok  ' if each.ok else 'MISS'} {name:<34} {each.figure!s:>12}  {each.threshold}")
    return 0


def run(checks: Checks, *, short: bool) -> dict[str, Check]:
    """Every row in turn, each announced on standard error with the seconds so far."""
    found: dict[str, Check] = {}
    begun = time.monotonic()
    for number, (name, check) in enumerate(checks.items(), 1):
        print(f"[{time.monotonic() - begun:5.0f} s] {number}/{len(checks)} {name}", file=sys.stderr)
        found[name] = check(short)
    return found


if __name__ == "__main__":
    sys.exit(main())
