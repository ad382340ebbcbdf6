"""A scan: as of a time it knows what was known then, it names everything, and its rows add up and are in order."""

import math
from decimal import Decimal

import numpy as np
import pyarrow.parquet as pq
import pytest

from research.catalogue import NotInCatalogueError, build
from research.scan.judging import BARS_MIN, CLOSURE_NS, bars_of, context_of
from research.scan.rows import rows_of
from research.scan.scanning import Memory, Request, pace_of, scan, timeframes_of
from research.scan.series import instruments_of, series_for
from tests.cli.markets import ticks, walk
from tests.research.files import MINUTE, MONDAY, bars, changed, write
from tests.research.scanned import HOUR, ROWS, an_hourly_market, hourly, scanned

END = MONDAY + ROWS * HOUR


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return an_hourly_market(tmp_path_factory.mktemp("hours") / "data")


@pytest.fixture(scope="module")
def found(root):
    return scanned(root, "1h", "4h", now_ns=END)


def cut(root, target, end_ns):
    """Write the same files without what was not known at a time."""
    for path in sorted(root.rglob("*.parquet")):
        table = pq.read_table(path)
        known = int(np.searchsorted(table["ts"].to_numpy().astype(np.int64) + HOUR, end_ns, side="right"))
        write(target, str(path.relative_to(root)), table.slice(0, known))
    return target


@pytest.mark.parametrize("hours", [700, 1_101.5])
def test_as_of_a_time_it_knows_what_files_that_end_there_know(root, tmp_path, hours):
    at_ns = MONDAY + int(hours * HOUR)
    then = scanned(cut(root, tmp_path / "data", at_ns), "1h", "4h", now_ns=at_ns)
    assert scanned(root, "1h", "4h", at_ns=at_ns).rows == then.rows
    assert then.rows


def test_a_later_time_than_the_data_end_changes_ages_alone(root, found):
    later = scanned(root, "1h", "4h", at_ns=END + 30 * HOUR)
    assert [row._replace(age_ns=0) for row in later.rows] == [row._replace(age_ns=0) for row in found.rows]
    assert {row.age_ns for row in later.rows if row.timeframe == "1h"} == {30 * HOUR}


def test_every_instrument_and_timeframe_is_judged_or_named_once(root, tmp_path):
    folder = an_hourly_market(tmp_path / "data", ("EURUSD",))
    write(folder, "fx/USDJPY_M1_histdata.parquet", bars())
    found = scanned(folder, "15m", "1h", "4h", now_ns=END)
    places = [(row.symbol, row.timeframe) for row in found.rows]
    places += [(one.symbol, timeframe) for one in found.unjudged for timeframe in one.timeframes]
    assert sorted(places) == sorted((symbol, name) for symbol in ("EURUSD", "USDJPY") for name in ("15m", "1h", "4h"))
    reasons = {(one.symbol, name): one.reason for one in found.unjudged for name in one.timeframes}
    assert reasons["EURUSD", "15m"] == "its bars are of 1h: too long, or no part of it"
    assert reasons["USDJPY", "1h"] == f"fewer than {BARS_MIN} bars"


def test_parts_of_the_votes_add_up_to_the_score_and_weights_to_one(found):
    scored = [row for row in found.rows if row.score is not None]
    for row in scored:
        assert math.isclose(sum(one.share for one in row.votes), row.score, abs_tol=1e-12)
        assert math.isclose(sum(one.weight for one in row.votes), 1.0, abs_tol=1e-9)
    assert scored


def test_the_interval_holds_the_probability(found):
    scored = [row for row in found.rows if row.probability is not None]
    assert scored
    for row in scored:
        assert 0.0 <= row.low <= row.probability <= row.high <= 1.0
        assert row.expectancy_low_r is None or row.expectancy_low_r <= row.expectancy_r


def test_what_speaks_against_has_the_other_sign(found):
    row = next(row for row in found.rows if row.score)
    for agreeing in (True, False):
        shares = row.reasons(agreeing=agreeing)
        assert all((one.share * row.score > 0.0) is agreeing for one in shares)
        assert [abs(one.share) for one in shares] == sorted((abs(one.share) for one in shares), reverse=True)


def test_stop_and_target_lie_as_far_from_the_price_on_the_sides_of_the_direction(found):
    pointed = [row for row in found.rows if row.stop is not None]
    for row in pointed:
        away = row.target - row.price
        assert (away > 0.0) is (row.side == "long")
        assert math.isclose(row.price - row.stop, away, abs_tol=1e-9)
        assert row.reward_to_risk == 1.0, "bars of one side have no spread"
    assert pointed


def test_the_spread_is_paid_where_both_sides_are_known(tmp_path):
    rng = np.random.default_rng(11)
    table = hourly(rng)
    columns = {"ts": table["ts"], "volume": table["volume"]}
    for side, add in (("bid", 0.0), ("ask", 0.0004)):
        columns |= {f"{side}_{name}": table[name].to_numpy() + add for name in ("open", "high", "low", "close")}
    write(tmp_path / "data", "fx/EURUSD_H1_bidask_oanda.parquet", type(table).from_pydict(columns))
    rows = [
        row
        for hours in range(800, ROWS, 50)
        for row in scanned(tmp_path / "data", at_ns=MONDAY + hours * HOUR).rows
        if row.reward_to_risk is not None
    ]
    assert rows
    for row in rows:
        distance = abs(row.target - row.price)
        assert math.isclose(row.reward_to_risk, (distance - 0.0004) / (distance + 0.0004), rel_tol=1e-6)


def test_a_row_is_stale_after_three_bars_and_a_long_weekend(root):
    limit = 3 * HOUR + CLOSURE_NS
    fresh = scanned(root, at_ns=END + limit).rows
    assert [row.is_stale for row in fresh] == [False, False]
    assert [row.is_stale for row in scanned(root, at_ns=END + limit + 1).rows] == [True, True]


def test_bars_are_made_of_quotes_as_they_came(tmp_path):
    rng = np.random.default_rng(3)
    write(tmp_path / "data", "EURUSD_ticks_oanda.parquet", ticks(rng, 1.1 + np.cumsum(rng.normal(0, 2e-5, 4000))))
    at_ns = MONDAY + 300 * MINUTE + 1
    row = scanned(tmp_path / "data", "1m", at_ns=at_ns).rows[0]
    assert (row.time_ns, row.age_ns, row.timeframe, row.context) == (MONDAY + 300 * MINUTE, 1, "1m", ("5m", "15m"))


def test_a_bad_row_is_refused_and_the_rest_judged(tmp_path):
    rng = np.random.default_rng(5)
    table = changed("close", 700, 0.0, walk(rng, ROWS, 1.2, 5, HOUR, 0.001))
    write(tmp_path / "data", "fx/EURUSD_H1_oanda.parquet", table)
    assert [row.bars for row in scanned(tmp_path / "data", now_ns=END).rows] == [ROWS - 1]


def test_damaged_and_foreign_files_are_named_and_the_rest_judged(tmp_path):
    folder = an_hourly_market(tmp_path / "data", ("EURUSD",))
    (folder / "fx" / "GBPUSD_H1_oanda.parquet").write_bytes(b"PAR1 cut off")
    closes = {"AAPL": np.linspace(1.0, 2.0, 30), "MSFT": np.linspace(2.0, 3.0, 30)}
    table = bars(30, 24 * HOUR)
    write(folder, "closes.parquet", type(table).from_pydict({"ts": table["ts"]} | closes))
    found = scanned(folder, now_ns=END)
    assert [row.symbol for row in found.rows] == ["EURUSD"]
    reasons = {one.symbol: one.reason for one in found.unjudged}
    assert "the footer is missing (fx/GBPUSD_H1_oanda.parquet)" in reasons["GBPUSD"]
    assert reasons["2 instruments (AAPL, MSFT)"] == "closes alone, no open, high and low (closes.parquet)"


def test_a_symbol_that_is_not_there_is_refused_by_name(root):
    with pytest.raises(NotInCatalogueError, match=r"symbol 'EURUSQ' is not in .*; near it: EURUSD"):
        scanned(root, symbols=("EURUSQ",))


def test_only_the_symbols_asked_for_are_scanned(root):
    assert {row.symbol for row in scanned(root, symbols=("eur/usd",)).rows} == {"EURUSD"}


def test_an_empty_directory_has_nothing_to_judge(tmp_path):
    (tmp_path / "data").mkdir()
    found = scanned(tmp_path / "data")
    assert (found.rows, found.unjudged, found.instruments, math.isnan(found.pace.volatility_rank)) == ((), (), 0, True)


def test_what_is_remembered_changes_nothing_but_the_ages(root, found):
    memory, catalogue = Memory(), build(root)
    first = scan(root, catalogue, Request((), ("1h", "4h"), None, END), None, memory)
    later = scan(root, catalogue, Request((), ("1h", "4h"), None, END + HOUR), None, memory)
    assert (first.rows, first.liquidity) == (found.rows, later.liquidity)
    assert [row._replace(age_ns=row.age_ns - HOUR) for row in later.rows] == list(first.rows)


def test_a_file_that_grows_is_judged_anew(tmp_path):
    table = hourly(np.random.default_rng(11))
    memory, path = Memory(), "fx/EURUSD_H1_oanda.parquet"
    times = []
    for rows in (1_000, 1_001):
        write(tmp_path / "data", path, table.slice(0, rows))
        request = Request((), ("1h",), None, END)
        times.append(scan(tmp_path / "data", build(tmp_path / "data"), request, None, memory).rows[0].time_ns)
    assert times == [MONDAY + 1_000 * HOUR, MONDAY + 1_001 * HOUR]


def test_progress_is_told_once_per_instrument(root):
    heard = []
    scan(root, build(root), Request((), ("1h",), None, END), lambda done, total: heard.append((done, total)))
    assert heard == [(1, 2), (2, 2)]


def test_the_pace_follows_from_rows_and_opportunities(found):
    ranks = sorted(row.volatility_rank for row in found.rows)
    assert pace_of(found.rows).volatility_rank == (ranks[1] + ranks[2]) / 2.0
    assert pace_of(found.rows).found == len(found.opportunities)


@pytest.mark.parametrize(
    ("timeframe", "context"), [("1m", ("5m", "15m")), ("15m", ("1h", "4h")), ("1d", ("1w",)), ("1w", ())]
)
def test_the_context_is_that_of_the_desk(timeframe, context):
    assert context_of(timeframe) == context


def test_timeframes_are_sorted_and_an_unknown_one_is_refused():
    assert timeframes_of(("1d", "1h")) == ("1h", "1d")
    with pytest.raises(ValueError, match=r"--timeframe 2h: 1m, 5m, .* are allowed"):
        timeframes_of(("2h",))


def test_the_longest_timeframe_is_judged_without_context(tmp_path):
    rng = np.random.default_rng(5)
    write(tmp_path / "data", "equities/AAPL_daily_yahoo.parquet", walk(rng, 900, 150.0, 2, 24 * HOUR, 0.01))
    row = scanned(tmp_path / "data", "1w").rows[0]
    assert (row.context, {one.timeframe for one in row.votes}) == ((), {"1w"})


def test_rows_that_make_no_bar_say_what_became_of_them(tmp_path):
    write(tmp_path / "data", "fx/EURUSD_M1_oanda.parquet", bars(5))
    catalogue = build(tmp_path / "data")
    one = instruments_of(catalogue, ())[0][0]
    series = series_for(one, "1m", None, 1)
    rows = rows_of(tmp_path / "data", series, 0, None)
    assert rows.tick_size == Decimal("0.0001")
    flawed = rows._replace(tape=rows.tape._replace(flaws=np.ones(5, np.uint8)))
    assert bars_of(flawed, ["1m"]) == "no closed bar of 5 rows (5 flawed)"
