"""From a request to a plan: which files, which window, which instruments at which costs."""

import json
from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np
import pytest

from market.bars import derived_bars
from market.instruments import Kind
from market.tape import Flaw, Role, tape_hash
from policies.plan import plan_hash
from research.asking import Request, bars_for, plan_for
from research.catalogue import NotInCatalogueError, build
from research.configuration import load_configuration
from research.home import Home, HomeLockedError
from research.planning import flaw_warnings, limits_plan
from research.profiles import load_profile
from research.selection import DAY_NS, HOUR_NS, select
from research.specs import contract_of, currencies_of, instrument_of, whole_money_lot
from tests.cli.markets import MINUTES, a_market, walk
from tests.research.files import MINUTE, MONDAY, bars, write


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    return a_market(tmp_path_factory.mktemp("market") / "data")


@pytest.fixture
def plan(market, tmp_path):
    def make(**changes):
        return plan_for(Request(data=market, home=tmp_path / "home", **changes))

    return make


def test_a_plan_names_its_data_by_hash_and_is_the_same_every_time(plan, market):
    one, two = plan(), plan()
    assert plan_hash(one.plan) == plan_hash(two.plan)
    assert tape_hash(one.tape) == tape_hash(two.tape)
    for (path, digest, _), feed in zip(one.data, one.plan.feeds, strict=False):
        import hashlib

        assert hashlib.sha256((market / path).read_bytes()).hexdigest() == digest
        assert feed.source == f"{path}#{digest}"


def test_every_desk_has_its_feeds_in_tape_order(plan):
    made = plan().plan
    assert [desk.name for desk in made.desks] == ["forex", "arbitrage", "binary"]
    assert [Role(feed.roles) for feed in made.feeds] == (
        [Role.MATCH | Role.VIEW] * 4 + [Role.MATCH | Role.SCAN] * 2 + [Role.VIEW]
    )
    assert [feed.desk for feed in made.feeds] == [0, 0, 0, 0, 1, 1, 2]
    assert made.feeds[-1].trades == "EURUSD.60s@fxcm"
    assert made.index_of("EURUSD.60s@fxcm") == 6


def test_the_configuration_reaches_the_plan(plan, tmp_path):
    config = tmp_path / "own.toml"
    config.write_text(
        '[account]\ncash = "5000"\n[venue.oanda]\nlatency_ms = 5\n[instrument.EURUSD]\nfee_ppm = 7\nlot_size = "10"\n'
        "[desks.binary]\nexpiry_s = 60\nbars_s = 30\n[report]\nsample_s = 60\n"
    )
    made = plan(config=config).plan
    assert made.cash == 5000 * 10**6
    assert {venue.name: venue.latency_ns for venue in made.venues}["oanda"] == 5_000_000
    euro = [one for one in made.instruments if one.symbol == "EURUSD"]
    assert {(one.fee_ppm, one.lot_size) for one in euro} == {(7, "10")}
    assert made.feeds[-1].bar_ns == 30 * 10**9
    assert dict(made.desks[2].params)["life_bars"] == 2.0
    assert made.limits.sample_ns == 60 * 10**9


def test_a_quote_is_never_older_than_two_bars_before_it_is_stale(plan):
    assert {venue.name: venue.stale_after_ns for venue in plan().plan.venues}["histdata"] == 120 * 10**9
    daily = plan(symbols=("AAPL",)).plan
    assert daily.venues[0].stale_after_ns == 2 * DAY_NS


def test_the_profile_s_expiries_are_all_allowed(plan, tmp_path):
    text = (Path(__file__).resolve().parents[2] / "config" / "profiles" / "trifecta.toml").read_text()
    profile = tmp_path / "own.toml"
    profile.write_text(text.replace("expiry_seconds = [60]", "expiry_seconds = [30, 60, 120]"))
    for expiry, demanded in ((120, 120), (60, 60), (45, 30)):
        config = tmp_path / "config.toml"
        config.write_text(f"[desks.binary]\nexpiry_s = {expiry}\n")
        desk = plan(profile=str(profile), config=config).plan.desks[2]
        assert desk.expiry_ns == demanded * 10**9


def test_shares_are_traded_in_their_own_currency_and_pairs_in_the_account_s(plan):
    assert plan(symbols=("AAPL", "MSFT")).plan.currency == "USD"
    assert plan(symbols=("USDJPY",)).plan.currency == "JPY"
    assert plan(symbols=("USDJPY", "EURUSD")).plan.currency == "USD"


def test_the_textbook_policy_has_no_costs_but_the_fee(plan):
    made = plan(symbols=("EURUSD",), policy="sma_cross", fee_ppm=250).plan
    (instrument,) = made.instruments
    assert (instrument.spread_ticks, instrument.slippage_ticks, instrument.fee_ppm) == (0, 0, 250)
    assert (made.limits.profile, made.desks[0].reward_min) == ("research", -1e9)
    usual = plan(symbols=("EURUSD",)).plan.instruments[0]
    assert (usual.spread_ticks, usual.slippage_ticks) == (8, 1)


def test_one_sided_bars_of_shares_get_a_share_of_their_first_price_as_spread(plan):
    planned = plan(symbols=("AAPL",))
    (instrument,) = planned.plan.instruments
    first = int(planned.tape.close[0])
    assert instrument.spread_ticks == -(-first * 100 // 1_000_000)
    assert (planned.tape.ask_close - planned.tape.close == instrument.spread_ticks).all()


def test_the_forex_window_begins_with_the_day_of_the_ticks_and_is_cut(market):
    catalogue, data = build(market), load_configuration().data
    chosen = select(catalogue, data, ("forex", "arbitrage", "binary"), (None, None))
    assert [entry.symbol for entry in chosen.forex] == ["EURUSD", "GBPUSD", "USDJPY", "AUDUSD"]
    assert [entry.venue for entry in chosen.route] == ["fxcm", "oanda"]
    assert chosen.contract is chosen.route[0]
    assert chosen.forex_window.start_ns == MONDAY
    short = data.model_copy(update={"forex_days_max": 0.25, "route_hours_max": 2.0})
    cut = select(catalogue, short, ("forex", "arbitrage"), (None, None))
    assert cut.forex_window.end_ns - cut.forex_window.start_ns == 6 * HOUR_NS
    assert cut.route_window.end_ns - cut.route_window.start_ns == 2 * HOUR_NS


def test_a_span_that_names_both_ends_is_taken_whole(market):
    catalogue, data = build(market), load_configuration().data
    short = data.model_copy(update=dict.fromkeys(("forex_days_max", "route_hours_max", "contract_hours_max"), 0.1))
    whole = select(catalogue, data.model_copy(update={"forex_days_max": 1e5}), ("forex", "arbitrage"), (None, None))
    start, end = whole.forex_window.start_ns + HOUR_NS, whole.forex_window.end_ns - HOUR_NS
    named = select(catalogue, short, ("forex", "arbitrage"), (start, end))
    assert named.forex_window == (start, end)
    assert named.route_window.end_ns - named.route_window.start_ns > HOUR_NS
    assert select(catalogue, short, ("forex",), (start, None)).forex_window == (start, start + DAY_NS // 10)


def test_only_what_is_asked_for_is_selected(market):
    catalogue, data = build(market), load_configuration().data
    chosen = select(catalogue, data, ("binary",), (None, None))
    assert (chosen.forex, chosen.route) == ((), None)
    assert chosen.contract is not None
    named = data.model_copy(update={"forex_symbols": ("usd/jpy",)})
    assert [entry.symbol for entry in select(catalogue, named, ("forex",), (None, None)).forex] == ["USDJPY"]


@pytest.mark.parametrize(
    ("changes", "desks", "message"),
    [
        ({"forex_symbols": ("XAUUSD",)}, ("forex",), "forex desk: no 1m bars of XAUUSD that overlap"),
        ({"forex_timeframe": "5m"}, ("forex",), "forex desk: no 5m bars that overlap"),
        ({"route_symbol": "GBPUSD"}, ("arbitrage",), "arbitrage desk: no two venues quote GBPUSD at the same time"),
        ({"contract_symbol": "GBPUSD"}, ("binary",), "binary desk: nobody quotes GBPUSD here"),
    ],
)
def test_what_no_data_serves_is_said(market, changes, desks, message):
    data = load_configuration().data.model_copy(update=changes)
    with pytest.raises(NotInCatalogueError, match=message):
        select(build(market), data, desks, (None, None))


def test_the_timeframe_with_most_rows_in_the_span_is_taken(tmp_path):
    rng = np.random.default_rng(1)
    write(tmp_path, "a/AAPL_daily_yahoo.parquet", walk(rng, 900, 150.0, 2, DAY_NS, 0.01))
    write(tmp_path, "a/AAPL_M1_yahoo.parquet", walk(rng, 500, 150.0, 2, MINUTE, 0.001))
    catalogue = build(tmp_path)
    request = Request(data=tmp_path, home=tmp_path, symbols=("AAPL",))
    assert [entry.timeframe for entry in bars_for(catalogue, request)] == ["1d"]
    inside = request._replace(start_ns=MONDAY, end_ns=MONDAY + HOUR_NS)
    assert [entry.timeframe for entry in bars_for(catalogue, inside)] == ["1m"]
    later = request._replace(start_ns=MONDAY + 10 * DAY_NS)
    assert [entry.timeframe for entry in bars_for(catalogue, later)] == ["1d"]


@pytest.mark.parametrize(
    ("symbol", "kind", "currencies"),
    [
        ("EURUSD", Kind.FX, ("EUR", "USD")), ("USDJPY", Kind.FX, ("USD", "JPY")),
        ("AAPL", Kind.EQUITY, ("AAPL", "USD")),
        ("BTCUSDT", Kind.CRYPTO, ("BTC", "USDT")), ("BTC-USD", Kind.CRYPTO, ("BTC", "USD")),
        ("ETHBTC", Kind.CRYPTO, ("ETH", "BTC")), ("XAUUSD", Kind.METAL, ("XAU", "USD")),
        ("USD", Kind.FX, ("USD", "USD")),
    ],
)  # fmt: skip
def test_a_symbol_says_what_is_paid_in_what(symbol, kind, currencies):
    assert currencies_of(symbol, kind) == currencies


@pytest.mark.parametrize(
    ("tick", "lot", "expected"),
    [("0.00001", "1000", "1000"), ("0.01", "1", "1"), ("0.0000001", "0.001", "10.000"), ("0.00000001", "1", "100")],
)
def test_a_tick_on_a_lot_is_whole_money(tmp_path, tick, lot, expected):
    made = whole_money_lot(Decimal(tick), Decimal(lot))
    assert made == Decimal(expected)
    assert Decimal(tick) * made * 10**6 % 1 == 0


def test_a_contract_is_on_its_underlying(tmp_path):
    configuration = load_configuration()
    underlying = instrument_of(write(tmp_path, "EURUSD_M1_oanda.parquet", bars()), configuration, "USD")
    contract = contract_of(underlying, configuration.desks.binary)
    assert (contract.key, contract.underlying) == ("EURUSD.60s@oanda", "EURUSD@oanda")
    assert (contract.payout_ppm, contract.expiry_ns, contract.tick_size) == (850_000, 60 * 10**9, underlying.tick_size)


def test_limits_are_whole_money_counts_and_nanoseconds():
    limits = limits_plan(load_profile("trifecta"), 300 * 10**9)
    assert msgspec.to_builtins(limits) == {
        "profile": "trifecta", "trades_per_day_max": 50, "daily_loss_max": 100 * 10**6, "daily_loss_basis": 0,
        "drawdown_max": 1000 * 10**6, "drawdown_basis": 0, "loss_streak_max": 5, "position_ppm_max": 250_000,
        "cooldowns_ns": (0, 0, 300 * 10**9, 900 * 10**9, 1800 * 10**9), "sample_ns": 300 * 10**9,
    }  # fmt: skip


def test_a_flaw_is_told_once_per_row_with_the_time_of_the_first():
    flaws = np.zeros(9, np.uint8)
    flaws[[2, 5]] = Flaw.ZERO | Flaw.RANGE
    flaws[7] = Flaw.RANGE
    times = MONDAY + np.arange(9) * MINUTE
    assert flaw_warnings("a.parquet", flaws, times) == [
        "a.parquet: 2 rows with a zero or negative price; they move nothing, the first is of 2024-01-08T00:02:00Z",
        "a.parquet: 1 row with open or close outside of low to high; they move nothing, the first is of "
        "2024-01-08T00:07:00Z",
    ]
    assert flaw_warnings("a.parquet", flaws * 0, times) == []


def test_bars_of_quotes_know_no_quote_of_their_future(plan):
    planned = plan(desks=("arbitrage", "binary"))
    quotes = planned.tape.feed == 0
    tape = type(planned.tape)(*(column[quotes] for column in planned.tape))
    made = derived_bars(tape, MINUTE)
    for k in (0, 7, len(made.time_ns) - 1):
        inside = (tape.time_ns > made.time_ns[k] - MINUTE) & (tape.time_ns <= made.time_ns[k]) & (tape.flaws == 0)
        before = tape.time_ns < made.time_ns[k]
        seen = tape.close[inside & before]
        assert (made.open[k], made.high[k], made.low[k], made.close[k]) == (
            seen[0], seen.max(), seen.min(), seen[-1],
        )  # fmt: skip
    assert (np.diff(made.time_ns) % MINUTE == 0).all()


def test_the_rows_taken_are_those_of_the_window(plan):
    planned = plan(symbols=("EURUSD",), timeframe="1m", start_ns=MONDAY + HOUR_NS, end_ns=MONDAY + 2 * HOUR_NS)
    assert (planned.data[0][2], len(planned.tape.time_ns)) == (60, 60)
    assert planned.tape.time_ns[0] == MONDAY + HOUR_NS + MINUTE
    assert MINUTES > 60


def test_a_home_lets_in_one_at_a_time_and_leaves_no_lock(tmp_path):
    import os

    home = Home(tmp_path / "home")
    with home:
        with pytest.raises(
            HomeLockedError, match=rf"locked by process {os.getpid()}; let it end, or use another --home"
        ):
            Home(tmp_path / "home").__enter__()
        assert (tmp_path / "home" / "lock").is_file()
    assert list((tmp_path / "home").iterdir()) == []
    with home, pytest.raises(HomeLockedError), Home(tmp_path / "home"):
        pass


def test_a_lock_left_behind_by_the_dead_is_taken_over(tmp_path):
    (tmp_path / "lock").write_text("999999")
    with Home(tmp_path) as home:
        assert (home.path / "lock").read_text() != "999999"


def test_the_catalogue_is_read_once_and_again_when_a_file_changes(market, tmp_path):
    home = tmp_path / "home"
    one = build(market, home)
    stored = json.loads(next((home / "catalogue").glob("*.json")).read_text())
    assert stored
    assert build(market, home).entries == one.entries
