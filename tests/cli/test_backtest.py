"""`trifecta backtest`: what its options do, what it prints, and that it decides the same every time."""

from pathlib import Path

import pytest

from tests.cli.markets import MINUTES, a_market
from tests.cli.running import refused, schema, trifecta
from tests.research.files import DATA, needs

SMA = ("--policy", "sma_cross", "--param", "fast=3", "--param", "slow=10")


@pytest.fixture
def backtest(market, home):
    def run(*words):
        ended = trifecta("backtest", "--data", market, "--home", home, "--json", "--no-report", *words)
        assert (ended.code, ended.err) == (0, "")
        schema("backtest").validate(ended.document)
        return ended.document

    return run


def test_three_desks_trade_and_the_document_fits_its_schema(backtest):
    document = backtest("--profile", "research")
    desks = document["desks"]
    assert list(desks) == ["arbitrage", "binary", "forex"]
    assert all(desk["decisions"] > 0 for desk in desks.values())
    assert {trade["desk"] for trade in document["trades"]} == set(desks)
    for desk in desks.values():
        assert desk["decisions"] == desk["executed"] + desk["withheld"] + desk["refused"]
    assert document["bars"] == sum(desk["events"] for desk in desks.values())
    assert [source["rows"] for source in document["data"]] == [MINUTES] * 4 + [4000, 3997]  # the spans overlap


def test_trades_and_open_profit_add_up_to_the_equity(backtest):
    document = backtest("--cash", "25000")
    closed = sum(trade["pnl"] for trade in document["trades"])
    assert closed == pytest.approx(sum(desk["pnl"] for desk in document["desks"].values()), abs=1e-6)
    assert float(document["metrics"]["net_pnl"]) == pytest.approx(closed, abs=1e-6)
    assert document["metrics"]["trades"] == len(document["trades"])
    assert document["final_equity"] - 25_000 == pytest.approx(document["metrics"]["total_return"] * 25_000, abs=1e-6)


def test_a_contract_is_bought_and_settled_at_prices_of_what_it_is_on(backtest):
    contracts = backtest("--desk", "binary", "--profile", "research")["trades"]
    assert contracts
    for trade in contracts:
        assert trade["entry_price"] == pytest.approx(1.1, abs=0.05)
        won = (trade["exit_price"] > trade["entry_price"]) == (trade["side"] == "LONG")
        assert won == (trade["pnl"] > 0) or trade["exit_price"] == trade["entry_price"]


@pytest.mark.parametrize("desk", ["forex", "arbitrage", "binary"])
def test_one_desk_may_be_asked_for(backtest, desk):
    assert list(backtest("--desk", desk)["desks"]) == [desk]


@pytest.mark.parametrize("words", [("--desk", "forex", "binary"), ("--desk", "forex,binary"),
                                   ("--desk", "binary", "--desk", "forex")])  # fmt: skip
def test_several_desks_are_words_behind_one_another(backtest, words):
    assert list(backtest(*words)["desks"]) == ["binary", "forex"]


@pytest.mark.parametrize("words", [("AAPL", "MSFT"), ("AAPL,MSFT",), ("aapl", "Msft", "AAPL")])
def test_symbols_are_words_behind_one_another_and_count_once(backtest, words):
    document = backtest("--symbols", *words)
    assert document["symbols"] == ["AAPL@yahoo", "MSFT@yahoo"]
    assert (document["bars"], document["currency"], list(document["desks"])) == (600, "USD", ["forex"])


def test_equal_requests_decide_the_same(backtest):
    first, again = backtest(), backtest()
    measured = ("bars_per_second", "kernel_seconds")
    assert {k: v for k, v in first.items() if k not in measured} == {
        k: v for k, v in again.items() if k not in measured
    }
    assert backtest("--cash", "20000")["decisions_digest"] != first["decisions_digest"]


def test_the_span_bounds_what_is_replayed(backtest):
    words = ("--symbols", "EURUSD", "--timeframe", "1m")
    assert backtest(*words)["bars"] == MINUTES
    assert backtest(*words, "--start", "2024-01-08T01:00")["bars"] == MINUTES - 60
    assert backtest(*words, "--start", "2024-01-08T01:00", "--end", "2024-01-08T02:00:00+00:00")["bars"] == 60
    assert backtest(*words, "--end", "2024-01-08T00:00:00.5")["bars"] == 1


def test_parameters_reach_the_policy_with_and_without_its_name(backtest):
    usual = backtest("--symbols", "EURUSD")
    keen = backtest("--symbols", "EURUSD", "--param", "candidate_min=0.5")
    named = backtest("--symbols", "EURUSD", "--policy", "trend_reversion", "--param", "candidate_min=0.5")
    assert keen["desks"]["forex"]["decisions"] > usual["desks"]["forex"]["decisions"]
    assert named["decisions_digest"] == keen["decisions_digest"]
    assert backtest("--desk", "forex", "--param", "candidate_min=0.5")["desks"]["forex"]["decisions"] > 0


def test_the_profile_limits_what_is_executed(backtest, tmp_path):
    wide = backtest("--desk", "forex", "--profile", "research")
    assert (wide["profile"], wide["desks"]["forex"]["refused"]) == ("research", 0)
    source = (Path(__file__).resolve().parents[2] / "config" / "profiles" / "research.toml").read_text()
    own = tmp_path / "own.toml"
    own.write_text(source.replace("trades_per_day_max = 1000000000", "trades_per_day_max = 2"))
    strict = backtest("--desk", "forex", "--profile", own)
    assert strict["desks"]["forex"]["executed"] < wide["desks"]["forex"]["executed"]
    assert strict["desks"]["forex"]["reasons"]["TRADES_PER_DAY"] > 0


def test_the_textbook_policy_pays_the_fee_alone(backtest):
    free, paid = (backtest("--symbols", "AAPL", *SMA, "--fee", fee) for fee in ("0", "0.001"))
    notional = sum(trade["lots"] * (trade["entry_price"] + trade["exit_price"]) for trade in free["trades"])
    assert [trade["entry_price"] for trade in free["trades"]] == [trade["entry_price"] for trade in paid["trades"]]
    fees = sum(trade["fees"] for trade in paid["trades"])
    assert fees == pytest.approx(notional * 0.001, abs=1e-4)
    assert free["metrics"]["total_fees"] == "0.000000"


def test_a_fee_counts_for_the_desks_own_data_too(backtest):
    assert float(backtest("--desk", "forex", "--fee", "0.0001")["metrics"]["total_fees"]) > 0


def test_shares_without_quotes_pay_the_configured_share_of_the_price_as_spread(backtest, tmp_path):
    config = tmp_path / "dear.toml"
    config.write_text("[instruments]\nother_spread_ppm = 10000\n")
    words = ("--symbols", "AAPL", "--profile", "research", "--cash", "1000000")
    assert backtest(*words, "--config", config)["final_equity"] < backtest(*words)["final_equity"]


def test_daily_bars_give_a_return_per_trading_day(tmp_path, home):
    root = a_market(tmp_path / "data")
    words = ("--data", root, "--home", home, "--json", "--no-report", "--symbols", "AAPL", *SMA)
    metrics = trifecta("backtest", *words).document["metrics"]
    assert (metrics["sampled"], metrics["periods_per_year"]) == ("day", 252)
    # 300 daily bars, weekends among them: Saturday and Sunday count as Monday's.
    assert metrics["n"] == 300 - 2 * (300 // 7)


def test_the_report_is_one_file_and_says_where(market, home, tmp_path):
    ended = trifecta("backtest", "--data", market, "--home", home, "--json", "--desk", "forex")
    report = Path(ended.document["report"])
    assert (report.parent, report.is_absolute()) == ((home / "reports").resolve(), True)
    assert report.read_text().startswith("<!doctype html>")
    out = tmp_path / "new" / "folder" / "own.html"
    ended = trifecta("backtest", "--data", market, "--home", home, "--json", "--desk", "forex", "--out", out)
    assert ended.document["report"] == str(out)
    assert out.read_bytes() == report.read_bytes() or "Wall time" in out.read_text()


@pytest.mark.parametrize("width", [80, 120])
def test_tables_fit_the_terminal_and_name_every_desk(market, home, width):
    words = ("backtest", "--data", market, "--home", home, "--no-report")
    lines = trifecta(*words, env={"COLUMNS": str(width)}).out.splitlines()
    assert max(map(len, lines)) <= width
    first = [line.split()[0] for line in lines if line.split()]
    assert [word for word in first if word in ("forex", "arbitrage", "binary", "all")] == [
        "forex", "arbitrage", "binary", "all",
    ]  # fmt: skip
    assert not any("…" in line for line in lines)


def test_the_packaged_sample_is_there_without_any_option(home):
    ended = trifecta("backtest", "--json", "--no-report", env={"TRIFECTA_HOME": str(home)})
    schema("backtest").validate(ended.document)
    assert list(ended.document["desks"]) == ["arbitrage", "binary", "forex"]
    assert all(desk["executed"] > 0 for desk in ended.document["desks"].values())


@needs("equities/AAPL_daily_lean.parquet")
@pytest.mark.slow
def test_daily_equity_bars_of_the_data_root_can_be_traded(home):
    words = ("backtest", "--data", DATA, "--home", home, "--json", "--no-report", "--symbols", "AAPL", "GOOG")
    document = trifecta(*words, "--timeframe", "1d", "--start", "2005-01-01", "--end", "2010-01-01").document
    schema("backtest").validate(document)
    assert len(document["symbols"]) == 2
    assert document["metrics"]["n"] == pytest.approx(5 * 252, abs=10)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--desk", "gold"), "--desk gold: forex, arbitrage, binary or all is allowed"),
        (("--symbols", "AAPL", "--desk", "binary"), "--symbols with --desk binary: only the forex desk"),
        (
            ("--policy", "convergence"),
            "convergence: the forex desk has confluence, sma_cross, trend_reversion",
        ),
        (("--policy", "magic"), "policy 'magic' is unknown; known are confluence, convergence, drifting_digital"),
        (("--param", "fast=2", "--desk", "binary"), "--policy and --param are for the forex desk"),
        (("--param", "speed=2"), "policy trend_reversion: parameter 'speed' is unknown; known are fast, slow"),
        (("--param", "fast=0"), "policy trend_reversion: fast = 0.0; allowed is a whole number from 1 to 2000"),
        (("--param", "fast=2.5"), "fast = 2.5; allowed is a whole number"),
        (("--param", "fast=nan"), "fast = nan; allowed is a whole number"),
        (("--param", "fast"), "--param fast: name=number is allowed"),
        (("--param", "fast=x"), "--param fast=x: name=number is allowed"),
        (("--param", "fast=2", "--param", "fast=3"), "--param fast=3: name=number is allowed, each name once"),
        (("--fee", "0.6"), "--fee 0.6: a fraction of the notional from 0 to 0.5 is allowed"),
        (("--fee", "-0.1"), "--fee -0.1: a fraction of the notional from 0 to 0.5 is allowed"),
        (("--fee", "nan"), "--fee nan: a fraction of the notional"),
        (("--fee", "free"), "--fee free: a fraction of the notional"),
        (("--fee", "0.00000001"), "--fee 0.00000001: whole parts per million are allowed"),
        (("--cash", "much"), '--cash: cash = "much": a number is allowed'),
        (("--cash", "0"), '--cash: cash = "0": more than 0 is allowed'),
        (("--cash", "1e12"), '--cash: cash = "1e12": at most 1000000000 is allowed'),
        (
            ("--profile", "wild"),
            "profile 'wild' is unknown; known are alpha_like, conservative_union, crypto, ftmo_1step",
        ),
        (("--profile", "wild.toml"), "wild.toml: there is no such file"),
        (("--config", "none.toml"), "none.toml: there is no such file"),
        (("--timeframe", "2m"), "--timeframe: forex_timeframe = \"2m\": '1m', '3m', '5m'"),
        (("--start", "2024-01-09", "--end", "2024-01-08"), "the end must lie after the start"),
        (("--start", "2024-01-08", "--end", "2024-01-08"), "the end must lie after the start"),
        (("--start", "monday"), "--start monday: not a date or time"),
        (("--end", "0001-01-01"), "--end 0001-01-01: not a date or time from 1678 to 2261"),
        (("--start", "2030-01-01"), "forex desk: no 1m bars that overlap in the asked span"),
        (("--symbols", "AAPL", "--start", "2030-01-01"), "AAPL: no rows between 2030-01-01T00:00:00Z and the end"),
        (("--symbols", "APPL"), "symbol 'APPL' is not in"),
        (("--symbols", "AAPL", "--timeframe", "5m"), "AAPL: no 5m bars in"),
        (("--symbols", "AAPL", "EURUSD"), "AAPL, EURUSD: there is no timeframe that all of them have bars of there"),
        (("--symbols",), "--symbols: at least one word is needed behind it"),
        (("--desk", "--json"), "--desk: at least one word is needed behind it"),
        (("--nonsense",), "No such option"),
        (("--data", "nowhere"), "does not exist"),
    ],
)
def test_a_wrong_request_is_one_line_and_exit_code_2(market, home, words, message):
    data = () if "--data" in words else ("--data", market)
    assert message in refused("backtest", *data, "--home", home, "--no-report", *words)


def test_an_unknown_symbol_is_answered_with_what_is_near(market, home):
    message = refused("backtest", "--data", market, "--home", home, "--symbols", "APPL", "MSFT")
    assert message == (
        f"symbol 'APPL' is not in {market}; near it: AAPL; there are AAPL, AUDUSD, EURUSD, GBPUSD, MSFT, USDJPY"
    )


def test_a_report_that_cannot_be_written_is_refused_before_the_work(market, home, tmp_path):
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "report.html"
    assert refused("backtest", "--data", market, "--home", home, "--out", out) == f"{tmp_path / 'file'}: File exists"
    assert not home.exists()


def test_a_home_that_cannot_be_written_is_refused(market, tmp_path):
    (tmp_path / "file").write_text("")
    message = refused("backtest", "--data", market, "--home", tmp_path / "file" / "home")
    assert message == f"{tmp_path / 'file' / 'home' / 'reports'}: Not a directory"
