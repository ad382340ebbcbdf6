"""What the figures of a report show: floors, drawdown, outcomes, reasons, fills, thresholds, probabilities."""

import msgspec
import numpy as np
import pytest

from journal.records import Decision, Latch, Sample
from research.report.decisions import outcome_counts, outcome_figure, reason_figure, reason_rows, who_stops
from research.report.equity import drawdown_of, equity_figure, floor_notes, floors_of
from research.report.facts import price_series
from research.report.fills import fill_figures
from research.report.probabilities import hurdles_of, passing, probability_figure, proposals_of
from research.report.tables import desk_rows, latch_table, position_table
from research.report.terms import limits_table, plan_terms
from research.report.thresholds import arbitrage_desks, threshold_figures, thresholds_of
from research.run_metrics import EquityCurve
from tests.builders import DAY, LIMITS, MONEY, START_NS, a_plan, a_result, a_tape
from tests.policies.account_books import timed_rules


@pytest.fixture(scope="module")
def plan():
    return a_plan()


@pytest.fixture(scope="module")
def tape():
    return a_tape()


@pytest.fixture(scope="module")
def result(plan, tape):
    return a_result(plan, tape)


def a_curve(*rows):
    """Return a curve of (day, equity, low, cash, peak)."""
    table = np.array(rows, np.float64)
    return EquityCurve((table[:, 0] * DAY).astype(np.int64), *table[:, 1:].T)


CURVE = a_curve((0.1, 1000, 990, 1000, 1000), (0.9, 1100, 1000, 1050, 1100), (1.2, 1080, 1050, 1060, 1100))


@pytest.mark.parametrize(
    ("basis", "total"), [(0, [900, 900, 900]), (1, [900, 1000, 1000])], ids=["below initial", "below peak"]
)
def test_the_total_floor_lies_below_its_basis(basis, total):
    limits = msgspec.structs.replace(LIMITS, drawdown_max=100 * MONEY, drawdown_basis=basis)
    assert floors_of(CURVE, limits, 1000.0).total.tolist() == total


@pytest.mark.parametrize(("basis", "daily"), [(0, [950, 1010]), (1, [950, 1030])], ids=["cash", "equity"])
def test_the_daily_floor_starts_anew_with_the_first_sample_of_a_day(basis, daily):
    limits = msgspec.structs.replace(LIMITS, daily_loss_max=50 * MONEY, daily_loss_basis=basis)
    floors = floors_of(CURVE, limits, 1000.0)
    assert floors.daily.tolist() == daily
    assert floors.day_ns.tolist() == [CURVE.time_ns[0], CURVE.time_ns[2]]


def test_drawdown_counts_the_worst_prices_since_the_sample_before():
    assert drawdown_of(CURVE).tolist() == [10, 0, 50]


def test_the_equity_figure_has_floors_latches_and_views(result):
    latched = msgspec.structs.replace(
        result, latches=(Latch(time_ns=result.samples[3].time_ns, rules=("DAILY_LOSS", "TOTAL_DRAWDOWN")),)
    )
    figure = equity_figure(latched)
    names = [trace["name"] for trace in figure.data]
    assert names == [
        "Worst-price low", "Equity", "Cash", "Running peak", "Total-drawdown floor", "Daily-loss floor",
        "Limit latched", "Drawdown", "Drawdown limit",
    ]  # fmt: skip
    assert [view.label for view in figure.views] == ["With loss floors", "Equity close up"]
    assert figure.data[6]["text"] == ["DAILY_LOSS, TOTAL_DRAWDOWN"]
    assert "DAILY_LOSS, TOTAL_DRAWDOWN" in figure.summary
    assert "DAILY_LOSS, TOTAL_DRAWDOWN" in latch_table(latched)
    assert latch_table(result) == ""


def test_floors_out_of_reach_are_named_and_not_zoomed_out_to(plan, tape):
    far = a_result(a_plan(daily_loss_max=90_000 * MONEY, drawdown_max=95_000 * MONEY), tape)
    assert equity_figure(far).views == ()
    assert "Too far below to be in view at first: total-drawdown floor (5,000.00), daily-loss" in floor_notes(far)


def test_no_sample_no_figure(result):
    assert equity_figure(msgspec.structs.replace(result, samples=())) is None


def test_one_sample_is_a_figure(result):
    one = msgspec.structs.replace(result, samples=(Sample(time_ns=START_NS, equity=1, low=1, cash=1, peak=1),))
    assert equity_figure(one) is not None


def test_outcomes_add_up_to_the_decisions(result):
    counts = outcome_counts(result)
    assert sum(count.total() for count in counts.values()) == len(result.decisions)
    figure = outcome_figure(result)
    for k, desk in enumerate(result.desks.values()):
        assert sum(trace["customdata"][k] for trace in figure.data) == desk.decisions
        assert sum(trace["x"][k] for trace in figure.data) == pytest.approx(100.0)
    assert outcome_figure(msgspec.structs.replace(result, decisions=())) is None


def test_reasons_are_counted_per_desk_most_frequent_first(result):
    rows = reason_rows(result)
    totals = [int(row[-1].replace(",", "")) for row in rows]
    assert totals == sorted(totals, reverse=True)
    expected = {}
    for decision in result.decisions:
        for reason in decision.rules or ((decision.ruling,) if decision.ruling != "EXECUTE" else ()):
            expected[reason] = expected.get(reason, 0) + 1
    assert dict(zip([row[0] for row in rows], totals, strict=True)) == expected
    figure = reason_figure(result)
    assert sum(sum(trace["x"]) for trace in figure.data) == sum(totals)
    assert (who_stops("COOLDOWN"), who_stops("OUTRANKED")) == ("risk", "governor")


def test_every_instrument_with_a_fill_has_a_timeline(plan, tape, result):
    found = fill_figures(result, price_series(plan, tape))
    filled = {report.instrument for report in result.reports if report.report in ("FILL", "SETTLE")}
    assert set(found) == filled
    for key, (name, figure) in found.items():
        fills = [
            report for report in result.reports if report.instrument == key and report.report in ("FILL", "SETTLE")
        ]
        assert name.startswith(f"{key}: {len(fills):,} fill")
        drawn = sum(len(trace["customdata"]) for trace in figure.data if trace["mode"] == "markers")
        assert drawn == len(fills)
        assert [view.label for view in figure.views] == ["Around the fills", "Whole market span"]


def test_every_move_of_a_stop_is_a_stroke_from_where_it_stood_to_where_it_went(plan, tape, result):
    found = fill_figures(result, price_series(plan, tape))
    moves = [report for report in result.reports if report.report == "AMEND"]
    drawn = 0
    for key, (_, figure) in found.items():
        own = [report for report in moves if report.instrument == key]
        traces = [trace for trace in figure.data if trace["name"] == "Stop moved"]
        assert len(traces) == bool(own)
        for trace in traces:
            prices = np.cumsum(trace["y"]["steps"]) * trace["y"]["unit"] / trace["y"]["over"]
            price_of = plan.instruments[plan.index_of(key)].price_of
            levels = [price_of(ticks) for report in own for ticks in (report.stop_before, report.price)]
            assert prices == pytest.approx(levels)
            drawn += len(own)
    assert drawn == len(moves) > 0


def test_a_contract_is_drawn_over_the_price_of_what_it_is_on(plan, tape, result):
    prices = price_series(plan, tape)
    contract = next(instrument for instrument in plan.instruments if instrument.underlying)
    _, figure = fill_figures(result, prices)[contract.key]
    assert figure.layout["yaxis"]["title"]["text"] == "Price of EURUSD@a"
    series = prices["EURUSD@a"]
    for trade in result.trades:
        if trade.instrument == contract.key:
            assert series.bid.min() - 0.01 < trade.entry_price < series.ask.max() + 0.01
    segments = [trace for trace in figure.data if trace["name"].startswith("Trade that")]
    low, high = figure.views[1].ranges["yaxis.range"]
    for trace in segments:
        values = np.cumsum(trace["y"]["steps"]) * trace["y"]["unit"] / trace["y"]["over"]
        assert (values > low).all()
        assert (values < high).all()


def test_prices_leave_out_flawed_rows(plan, tape):
    prices = price_series(plan, tape)
    assert list(prices) == [instrument.key for instrument in plan.instruments if not instrument.underlying]
    for key, series in prices.items():
        (feed,) = [k for k, one in enumerate(plan.feeds) if one.instrument == key and one.roles & 1]
        assert len(series.time_ns) == int(((tape.feed == feed) & (tape.flaws == 0)).sum())
        assert (series.ask >= series.bid).all()


def entries(*rewards):
    blank = dict.fromkeys(Decision.__struct_fields__, 0)
    return tuple(
        Decision(**(blank | {"desk": "arbitrage", "reward": reward, "gain": int(reward * MONEY), "reduce": False}))
        for reward in rewards
    )  # fmt: skip


def test_thresholds_count_what_reaches_them(plan, result):
    (desk,) = arbitrage_desks(plan)
    desk = msgspec.structs.replace(desk, reward_min=0.75)
    rows = thresholds_of(msgspec.structs.replace(result, decisions=entries(-1.0, 0.5, 1.0, 60.0)), desk)
    assert [(row.bp, row.trades, row.gain, row.mean_bp) for row in rows] == [
        (0.0, 3, 61.5, 20.5), (0.5, 3, 61.5, 20.5), (0.75, 2, 61.0, 30.5), (1.0, 2, 61.0, 30.5), (2.0, 1, 60.0, 60.0),
        (5.0, 1, 60.0, 60.0), (10.0, 1, 60.0, 60.0), (50.0, 1, 60.0, 60.0),
    ]  # fmt: skip
    assert {row.bp: row.mark for row in rows if row.mark} == {0.75: "the desk's own", 50.0: "profile trifecta (0.5 %)"}
    assert [trace["x"] for trace in threshold_figures(rows, "USD")["trades"].data] == [[3, 3, 2, 2, 1, 1, 1, 1]]
    assert threshold_figures(thresholds_of(msgspec.structs.replace(result, decisions=()), desk), "USD") == {}


def test_probabilities_stand_against_break_even_and_margin(plan, result):
    desk = msgspec.structs.replace(plan.desks[2], confidence_min=0.6, reward_min=0.02)
    proposals = proposals_of(result, desk)
    hurdles = hurdles_of(proposals, desk)
    assert hurdles == pytest.approx({
        "break-even": 1 / 1.85, "break-even + margin": 1 / 1.85 + 0.02, "least probability": 0.6,
    })  # fmt: skip
    assert passing(proposals, desk) == sum(decision.confidence >= 0.6 for decision in proposals)
    figure = probability_figure(result, desk)
    assert sum(sum(trace["y"]) for trace in figure.data) == len(proposals)
    assert len(figure.layout["shapes"]) == 3
    assert probability_figure(msgspec.structs.replace(result, decisions=()), desk) is None


def test_the_desks_table_adds_up_to_the_net_profit(result):
    rows = desk_rows(result)
    shown = [float(row[-1].replace(",", "")) for row in rows]
    assert sum(shown[:-1]) == pytest.approx(shown[-1], abs=0.02)
    assert shown[-1] == pytest.approx(float(result.final_equity) - result.plan.cash / MONEY, abs=0.005)
    assert [row[0] for row in rows] in (["forex", "arbitrage", "binary", "all"],
                                        ["forex", "arbitrage", "binary", "still open", "all"])  # fmt: skip


def test_open_positions_are_listed_with_what_was_paid(result):
    held = msgspec.structs.replace(
        result, positions={"EURUSD@fx": {"lots": -2, "cost": -220_000}, "EURUSD.60s@a": {"lots": 5, "cost": 5 * MONEY}}
    )
    listed = position_table(held)
    assert "<td>EURUSD@fx<td>-2<td>1.1 USD" in listed
    assert "<td>EURUSD.60s@a<td>+5<td>stake 5.00 USD" in listed


def test_terms_name_every_limit_and_part_of_the_plan(plan):
    limits = limits_table(plan)
    for words in ("5,000.00 USD", "10,000.00 USD", "200", "25.00 %", "2: 30 s and more", "15 min"):
        assert words in limits
    terms = plan_terms(plan)
    for words in ("Desk forex: trend_reversion", "Instruments (7)", "Feeds (7)", "Routes (1)", "Venues (3)"):
        assert words in terms


def test_terms_name_the_times_at_which_nothing_is_opened_or_held() -> None:
    limits = limits_table(a_plan(rules=timed_rules()))
    for words in ("2 min", "to either side of 30 releases of news.csv", "closed 1 min and two bars before"):
        assert words in limits
    assert "the week of 00:00 to 00:00 UTC, 2 instruments all is closed" in limits
    assert "News" not in limits_table(a_plan())
