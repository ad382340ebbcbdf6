"""Where a stop belongs: the reference paths in ticks, never wider, on tick, on the loss side of the mark."""

import json
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.rounding import BUY, SELL, PriceKind, ticks_of_level
from market.stops import breakeven_stop, standing_stop, tighter, trailing_stop
from policies.forex import distance_ticks, gain_ticks
from tests.builders import MONEY
from tests.properties import PROPERTY
from tests.reference.cases import ROOT

SIGNS = st.sampled_from([1, -1])
PRICES = st.integers(1, 10**7)
SIZING = ROOT / "sizing" / "position_sizing.json"


def reference(fn: str) -> list[Any]:
    """Return the cases of one function of the sizing reference."""
    found = json.loads(SIZING.read_text())["cases"] if SIZING.exists() else []
    return [pytest.param(case["inputs"], case["expected"], id=case["id"]) for case in found if case["fn"] == fn]


def in_ticks(text: str, tick: str) -> Decimal:
    return Decimal(text) / Decimal(tick)


@pytest.mark.parametrize(("inputs", "expected"), reference("atr_stop"))
def test_an_initial_stop_is_the_reference_stop_in_ticks(inputs: dict[str, str], expected: dict[str, str]) -> None:
    sign, closing = (1, SELL) if inputs["side"] == "LONG" else (-1, BUY)
    level = in_ticks(inputs["entry"], inputs["tick"]) - sign * Decimal(inputs["k"]) * in_ticks(
        inputs["atr"], inputs["tick"]
    )
    stop = ticks_of_level(float(level), closing, PriceKind.PROTECTIVE_STOP)
    assert stop == in_ticks(expected["stop"], inputs["tick"])


@pytest.mark.parametrize(("inputs", "expected"), reference("trailing_stop_path"))
def test_a_trailed_stop_takes_the_reference_path_in_ticks(inputs: dict[str, Any], expected: dict[str, Any]) -> None:
    """The reference widens its distance with every bar's ATR; here each bar hands its own distance in."""
    sign = 1 if inputs["side"] == "LONG" else -1
    names = ("entry", "initial_stop", "fee_per_unit_roundtrip")
    entry, stop, fee = (in_ticks(inputs[name], inputs["tick"]) for name in names)
    risk = int(abs(entry - stop))
    breakeven_at, trail_at = (gain_ticks(risk, float(inputs[name])) for name in ("breakeven_at_R", "trail_at_R"))
    best, standing, path = int(entry), int(stop), []
    for number, bar in enumerate(inputs["bars_high_low_close_atr"]):
        high, low, _, atr = (in_ticks(value, inputs["tick"]) for value in bar)
        worst, fresh = (low, high) if sign > 0 else (high, low)
        if (worst - standing) * sign <= 0:
            path.append((number, standing, True))
            break
        best = tighter(best, int(fresh), sign)
        gain = (best - int(entry)) * sign
        if gain >= breakeven_at:
            standing = tighter(standing, breakeven_stop(sign, sign * int(entry), MONEY, int(fee * MONEY)), sign)
        if gain >= trail_at:
            behind = int(atr * Decimal(inputs["trail_atr_k"]))
            standing = tighter(standing, trailing_stop(best, behind, sign), sign)
        path.append((number, standing, False))
    wanted = [(step["bar"], in_ticks(step["stop"], inputs["tick"]), step["exit"]) for step in expected["path"]]
    assert path == wanted


@given(SIGNS, PRICES, st.integers(1, 10**6), st.integers(1, 10**5), st.integers(0, 10**12))
@PROPERTY
def test_break_even_pays_back_entry_and_costs_with_as_few_ticks_as_that_takes(
    sign: int, entry: int, lots: int, tick_value: int, costs: int
) -> None:
    signed = sign * lots
    stop = breakeven_stop(signed, signed * entry, tick_value, costs)
    gain = (signed * stop - signed * entry) * tick_value
    assert gain >= costs
    assert gain - lots * tick_value < costs


@given(SIGNS, PRICES, PRICES, PRICES)
@PROPERTY
def test_a_standing_stop_is_never_wider_and_where_it_moves_it_leaves_a_tick_to_the_mark(
    sign: int, stop: int, goal: int, mark: int
) -> None:
    standing = standing_stop(stop, goal, mark, sign)
    assert (standing - stop) * sign >= 0
    if standing != stop:
        assert (mark - standing) * sign >= 1
        assert (goal - standing) * sign >= 0


@given(st.floats(0.001, 1e5), st.floats(0.1, 200.0), SIGNS, PRICES)
@PROPERTY
def test_a_distance_goes_to_the_tick_that_is_nearer_to_the_market(
    atr: float, multiple: float, sign: int, best: int
) -> None:
    stop = trailing_stop(best, distance_ticks(atr, multiple), sign)
    level = Fraction(best) - sign * Fraction(atr * multiple)
    rounding = ROUND_CEILING if sign > 0 else ROUND_FLOOR
    exact = (Decimal(level.numerator) / Decimal(level.denominator)).to_integral_value(rounding)
    assert stop == (exact if atr * multiple >= 1 else best - sign)


def test_a_gain_is_reached_and_not_nearly_reached() -> None:
    assert [gain_ticks(7, multiple) for multiple in (0.0, 1.0, 1.5)] == [0, 7, 11]


def test_stops_of_mirrored_positions_are_mirrored() -> None:
    assert tighter(90, 95, 1) == 95
    assert tighter(-90, -95, -1) == -95
    assert (trailing_stop(100, 7, 1), trailing_stop(-100, 7, -1)) == (93, -93)
    assert breakeven_stop(3, 300, 10, 1) == 101
    assert breakeven_stop(-3, -300, 10, 1) == 99
