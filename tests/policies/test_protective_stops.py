"""Protective stops: toward the market, tested before moved, never widened, away from liquidation."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.protective_stops import (
    LONG,
    SHORT,
    PriceBar,
    TrailingTerms,
    atr_stop,
    follow,
    liquidation_price,
    protective,
    stops_before_liquidation,
)
from tests.properties import PROPERTY

D = Decimal
TERMS = TrailingTerms(cost=D("0.15"), tick=D("0.1"), breakeven_at_r=D(1), trail_at_r=D("1.5"), trail_atr=D(2))


def bars(*rows: tuple[str, str, str, str]) -> list[PriceBar]:
    return [PriceBar(*map(D, row)) for row in rows]


PRICES = st.integers(1, 100_000).map(lambda ticks: D(ticks).scaleb(-3))


@given(PRICES, st.sampled_from([LONG, SHORT]), st.sampled_from([D("0.01"), D("0.05"), D(1)]))
@PROPERTY
def test_a_stop_is_on_tick_and_less_than_one_tick_nearer_to_the_market(
    level: Decimal, side: int, tick: Decimal
) -> None:
    stop = protective(level, side, tick)
    assert stop % tick == 0
    assert 0 <= side * (stop - level) < tick


def test_an_atr_stop_lies_k_ranges_away_and_never_further() -> None:
    assert atr_stop(LONG, D(100), D("1.03"), D(2), D("0.1")) == (D("97.94"), D("98.0"))
    assert atr_stop(SHORT, D(100), D("1.03"), D(2), D("0.1")) == (D("102.06"), D("102.0"))


@pytest.mark.parametrize("bad", ["0", "-1", "NaN", "Infinity"])
def test_a_stop_without_a_distance_is_refused(bad: str) -> None:
    for place in range(4):
        terms = [D(bad) if k == place else D(1) for k in range(4)]
        with pytest.raises(ValueError, match="finite and more than 0 is allowed"):
            atr_stop(LONG, *terms)


@pytest.mark.parametrize("side", [0, 2])
def test_a_side_is_long_or_short(side: int) -> None:
    with pytest.raises(ValueError, match="side"):
        protective(D(1), side, D(1))


def test_the_stop_that_existed_is_tested_before_the_bars_high_moves_it() -> None:
    (step,) = follow(LONG, D(100), D(98), TERMS, bars(("110", "98", "109", "1")))
    assert step == (D(98), True)
    moved = list(follow(LONG, D(100), D(98), TERMS, bars(("110", "98.1", "99", "1"), ("99", "98.5", "99", "1"))))
    assert moved == [(D(108), False), (D(108), True)]


def test_breakeven_pays_for_the_round_trip() -> None:
    (long,) = follow(LONG, D(100), D(98), TERMS, bars(("102", "99", "101", "1")))
    (short,) = follow(SHORT, D(100), D(102), TERMS, bars(("101", "98", "99", "1")))
    assert (long.stop, short.stop) == (D("100.2"), D("99.8"))


def test_below_one_risk_of_gain_nothing_moves() -> None:
    (step,) = follow(LONG, D(100), D(98), TERMS, bars(("101.9", "99", "101", "1")))
    assert step == (D(98), False)


@pytest.mark.parametrize(("side", "stop"), [(LONG, "100"), (LONG, "101"), (SHORT, "99"), (LONG, "NaN")])
def test_a_stop_on_the_wrong_side_is_refused(side: int, stop: str) -> None:
    with pytest.raises(ValueError, match="initial stop"):
        next(follow(side, D(100), D(stop), TERMS, []))


def test_a_bar_without_a_price_is_refused() -> None:
    with pytest.raises(ValueError, match="bar"):
        list(follow(LONG, D(100), D(98), TERMS, bars(("NaN", "99", "100", "1"))))


BARS = st.lists(
    st.tuples(st.integers(900, 1_100), st.integers(0, 60), st.integers(1, 200)).map(
        lambda bar: PriceBar(D(bar[0] + bar[1]) / 10, D(bar[0] - bar[1]) / 10, D(bar[0]) / 10, D(bar[2]) / 100)
    ),
    max_size=25,
)


@given(BARS, st.sampled_from([LONG, SHORT]))
@PROPERTY
def test_a_stop_is_never_widened_and_the_first_bar_that_meets_it_ends_the_path(seen: list[PriceBar], side: int) -> None:
    stop = D(100) - side * D(2)
    for bar, step in zip(seen, follow(side, D(100), stop, TERMS, seen), strict=False):
        met = bar.low <= stop if side == LONG else bar.high >= stop
        assert step.exit == met
        assert side * (step.stop - stop) >= 0
        assert step.stop % TERMS.tick == 0
        stop = step.stop


@given(BARS)
@PROPERTY
def test_a_short_in_a_mirrored_market_is_a_long(seen: list[PriceBar]) -> None:
    mirrored = [PriceBar(200 - bar.low, 200 - bar.high, 200 - bar.close, bar.atr) for bar in seen]
    long = list(follow(LONG, D(100), D(98), TERMS, seen))
    short = list(follow(SHORT, D(100), D(102), TERMS, mirrored))
    assert [(200 - step.stop, step.exit) for step in short] == long


def test_more_leverage_brings_liquidation_nearer_on_both_sides() -> None:
    longs, shorts = ([liquidation_price(side, D(100), D(k), D("0.005")) for k in (2, 5, 10)] for side in (LONG, SHORT))
    assert longs == sorted(longs)
    assert shorts == sorted(shorts, reverse=True)
    assert liquidation_price(LONG, D(100), D(1), D(0)) == liquidation_price(LONG, D(100), D("0.5"), D(0)) == 0


@pytest.mark.parametrize(
    "terms", [("0", "3", "0"), ("NaN", "3", "0"), ("1", "0", "0"), ("1", "-3", "0"), ("1", "3", "1"),
              ("1", "3", "-0.1"), ("1", "3", "NaN")],
)  # fmt: skip
def test_a_liquidation_of_what_cannot_be_is_refused(terms: tuple[str, str, str]) -> None:
    with pytest.raises(ValueError, match="allowed"):
        liquidation_price(LONG, *map(D, terms))


@pytest.mark.parametrize(
    ("side", "stop", "safe"),
    [(LONG, "92", True), (LONG, "91.9", False), (LONG, "100", False), (LONG, "89", False), (SHORT, "108", True),
     (SHORT, "108.1", False), (SHORT, "99", False)],
)  # fmt: skip
def test_a_stop_keeps_a_fifth_of_the_way_from_liquidation(side: int, stop: str, safe: bool) -> None:
    assert stops_before_liquidation(side, D(100), D(stop), D(100) - side * D(10)) == safe


def test_a_liquidation_on_the_wrong_side_protects_nobody() -> None:
    assert not stops_before_liquidation(LONG, D(100), D(99), D(110))
