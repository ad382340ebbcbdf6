"""The parts of a risk report: holdings and prices as they were known, returns over closed markets, forecasts, ruin."""

import numpy as np
import pytest

from journal.order_records import Report
from journal.records import Sample
from market.money import money_of
from market.quality import DataQualityError
from market.tape import Tape, slice_tape
from research.holdings import ROWS_MAX, held_at, moves_until, quotes_at, value_holdings
from research.risk_report import equity_returns, exceptions_of, money_of_fraction
from tests.builders import HOUR, MINUTE, MONEY, START_NS, a_plan, a_tape

PLAN = a_plan()
TAPE = a_tape(minutes=120, ticks=2_000)
END_NS = int(TAPE.time_ns[-1])
EURUSD, USDJPY, CONTRACT = 0, 2, 6


def samples(*equity: int, step_ns: int = HOUR) -> list[Sample]:
    return [
        Sample(time_ns=START_NS + (k + 1) * step_ns, equity=money, low=money, cash=money, peak=money)
        for k, money in enumerate(equity)
    ]


def a_fill(number: int, lots: int, price: int, time_ns: int = START_NS + HOUR, **terms: object) -> Report:
    instrument = PLAN.instruments[number].key
    rate = {"rate_num": 1, "rate_den": 1}
    return Report(
        venue="fx", execution=1, number=1, instrument=instrument, report="FILL", reason="ENTRY", lots=lots, price=price,
        fee=0, **({"amount": 0, "time_ns": time_ns} | rate | terms),  # type: ignore[arg-type]
    )  # fmt: skip


def test_returns_are_from_sample_to_sample_or_from_period_to_period() -> None:
    found, reason = equity_returns(samples(100, 110, 99, 99), 0)
    assert (found, reason) == (pytest.approx([0.1, -0.1, 0.0]), None)
    found, _ = equity_returns(samples(100, 110, 99, 198), 2 * HOUR)
    assert found == pytest.approx([0.8])


def test_an_account_that_was_ruined_has_no_returns_and_says_so() -> None:
    assert equity_returns(samples(100, 0, 100), 0) == ([], "equity_not_positive")


def test_a_forecast_knows_only_what_came_before() -> None:
    calm = [0.001 * (-1) ** k for k in range(60)]
    whole = exceptions_of([*calm, -0.5], 0.95)
    assert (whole.forecasts, whole.exceeded) == (31, exceptions_of(calm, 0.95).exceeded + 1)
    assert exceptions_of(calm[:30], 0.95).number.reason == "no_observations"


def test_a_fraction_of_equity_is_money_and_nothing_stays_nothing() -> None:
    assert money_of_fraction(0.05, 1_000 * MONEY) == pytest.approx(50.0)
    assert money_of_fraction(None, 1_000 * MONEY) is None


def test_positions_are_those_of_reports_known_by_then() -> None:
    reports = [a_fill(EURUSD, -2, 110_000, START_NS + 2 * HOUR), a_fill(EURUSD, 5, 110_000)]
    held = [held_at(PLAN, reports, START_NS + hours * HOUR)[EURUSD].lots for hours in (0, 1, 2)]
    assert held == [0, 5, 3]


def test_longs_are_worth_the_bid_and_shorts_the_ask_in_account_money() -> None:
    quotes = quotes_at(PLAN, TAPE, END_NS)
    reports = [a_fill(EURUSD, 2, 110_000), a_fill(USDJPY, -3, 108_000, rate_num=1, rate_den=108)]
    held = {one.number: one for one in value_holdings(PLAN, TAPE, held_at(PLAN, reports, END_NS), END_NS)}
    assert held[EURUSD].notional == 2 * quotes[EURUSD].bid * money_of("0.01")
    yen = -3 * quotes[USDJPY].ask * 1000
    middle = (quotes[USDJPY].bid + quotes[USDJPY].ask) / 2
    assert held[USDJPY].notional / MONEY == pytest.approx(yen / middle, rel=1e-6)


def test_a_contract_is_worth_its_stake() -> None:
    reports = [a_fill(CONTRACT, 4, 220_000, amount=-4 * MONEY)]
    (held,) = value_holdings(PLAN, TAPE, held_at(PLAN, reports, END_NS), END_NS)
    assert (held.notional, held.is_contract, held.lots) == (4 * MONEY, True, 4)


def test_a_position_without_a_price_is_named() -> None:
    held = held_at(PLAN, [a_fill(EURUSD, 2, 110_000)], END_NS)
    with pytest.raises(DataQualityError, match="EURUSD@fx: 2 lots are held and no price or rate is known"):
        value_holdings(PLAN, TAPE, held, START_NS)


def test_moves_end_at_the_instant_that_is_asked_for() -> None:
    half = START_NS + HOUR
    rows = int(np.searchsorted(TAPE.time_ns, half, side="right"))
    cut: Tape = slice_tape(TAPE, 0, rows)
    whole, known = (moves_until(PLAN, tape, 5 * MINUTE, half) for tape in (TAPE, cut))
    assert whole.numbers == known.numbers == (0, 1, 2, 3, 4, 5)
    assert np.array_equal(whole.returns, known.returns, equal_nan=True)
    assert 10 <= len(whole.returns) <= 12


def test_a_closed_market_has_no_return_over_its_break() -> None:
    later = TAPE._replace(time_ns=np.where(TAPE.time_ns > START_NS + HOUR, TAPE.time_ns + 48 * HOUR, TAPE.time_ns))
    open_, broken = (moves_until(PLAN, tape, 5 * MINUTE, int(tape.time_ns[-1])) for tape in (TAPE, later))
    assert len(broken.returns) == len(open_.returns) - 1


def test_flawed_rows_move_nothing_and_missing_ones_are_not_made_up() -> None:
    flawed = TAPE._replace(flaws=np.where(TAPE.feed == EURUSD, 1, TAPE.flaws).astype(np.uint8))
    found = moves_until(PLAN, flawed, 5 * MINUTE, END_NS)
    assert np.isnan(found.returns[:, 0]).all()
    assert np.isfinite(found.returns[:, 1]).any()


def test_before_the_first_row_nothing_has_moved() -> None:
    assert moves_until(PLAN, TAPE, MINUTE, START_NS - HOUR).returns.shape == (0, 6)


def test_only_the_newest_periods_are_looked_at() -> None:
    found = moves_until(PLAN, TAPE, 10**8, END_NS)
    assert len(found.returns) <= ROWS_MAX


def test_the_tape_of_a_report_is_left_as_it_was() -> None:
    before = [column.tobytes() for column in TAPE]
    moves_until(PLAN, TAPE, 5 * MINUTE, END_NS)
    assert [column.tobytes() for column in TAPE] == before
