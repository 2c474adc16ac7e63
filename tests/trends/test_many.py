"""Many cells at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from detente.core.errors import LocalError
from detente.trends.many import HOLM_CELLS_MAX, adjusted, bh, by_chance, holm

PS = st.lists(st.floats(0, 1), min_size=1, max_size=40)


def test_holm_multiplies_by_what_is_left():
    """The known example: .01, .04, .03 of three cells."""
    assert holm([0.01, 0.04, 0.03]) == pytest.approx((0.03, 0.06, 0.06))


@given(PS)
def test_bh_is_what_scipy_finds(ps):
    """Adjusted p-values agree with scipy's, in the order given."""
    assert bh(ps) == pytest.approx(tuple(false_discovery_control(ps)), abs=1e-12)


@given(PS)
def test_adjusting_never_makes_a_p_smaller_nor_turns_an_order(ps):
    """Holm is above Benjamini-Hochberg, which is above the p itself; none exceeds 1."""
    for p, low, high in zip(ps, bh(ps), holm(ps), strict=True):
        assert p - 1e-12 <= low <= high + 1e-12 <= 1 + 1e-9
    order = sorted(range(len(ps)), key=lambda cell: ps[cell])
    assert [holm(ps)[cell] for cell in order] == sorted(holm(ps))


def test_a_small_family_gets_holm_and_a_large_one_bh():
    """Twenty cells are the last that Holm holds."""
    few, more = [0.01] * HOLM_CELLS_MAX, [0.01] * (HOLM_CELLS_MAX + 1)
    assert adjusted(few) == ("Holm", holm(few))
    assert adjusted(more) == ("Benjamini-Hochberg", bh(more))


def test_what_chance_alone_would_name_is_cells_times_rate():
    """40 cells at 5 % are 2."""
    assert by_chance(40, 0.05) == 2.0


def test_no_cells_have_no_adjusted_p():
    """An empty family is empty."""
    assert holm([]) == bh([]) == ()


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_what_is_no_p_is_refused(p):
    """nan does not pass through."""
    with pytest.raises(LocalError):
        holm([0.5, p])
