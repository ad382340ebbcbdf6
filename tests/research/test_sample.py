"""The packaged sample: what is committed is what is documented, looks like a market, and can be made again."""

import re
from collections import Counter
from itertools import groupby
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import PCG64, Generator

from market.tape import Flaw
from research.catalogue import FileKind, Level, build, file_hash, judge
from research.loader import load_bars, load_quotes, tick_size_of
from research.sample import sources
from research.sample.__main__ import main
from research.sample.bars import HOUR_NS, MINUTE_NS, Quotes, between
from research.sample.bridge import Ohlc, fit, volatility_shares
from research.sample.dislocations import Dislocation, measured
from research.sample.minutes import PAIRS
from research.sample.scenario import CROSSED, DEAD_MS, ZERO, dead_window, sound, two_venues
from research.sample.tables import bars_of, quotes_of
from tests.properties import PROPERTY
from tests.research.files import DATA, REPO, needs

SAMPLE = REPO / "data"
VENUES = "multi_venue/fx_ticks_2022_02_scenario/GBPUSD_ticks_venue_{}_20220209_20220210.parquet"
BYTES_MAX = 6 * 10**6


@pytest.fixture(scope="module")
def entries():
    return {entry.path: entry for entry in build(SAMPLE).entries}


@pytest.fixture(scope="module")
def quotes():
    return [quotes_of("GBPUSD", SAMPLE / VENUES.format(name)) for name in "ab"]


@pytest.fixture(scope="module")
def minutes():
    return {pair: bars_of(pair, SAMPLE / f"fx/m1/{pair}_M1_2022_02_scenario.parquet") for pair in PAIRS}


@pytest.fixture(scope="module")
def hours():
    return {pair: bars_of(pair, SAMPLE / f"fx/h1/{pair}_H1_2021_2022_mt5.parquet") for pair in PAIRS}


# --- what is stated


def test_every_file_has_the_hash_that_the_readme_states(entries):
    stated = re.findall(r"^\| `([^`]+\.parquet)` .*\| `([0-9a-f]{64})` \|$", (SAMPLE / "README.md").read_text(), re.M)
    assert dict(stated) == {path: file_hash(SAMPLE / path) for path in entries}


def test_every_file_is_in_the_catalogue_with_kind_symbol_venue_timeframe_and_licence(entries):
    apache = "Apache-2.0"
    derived = "Apache-2.0 (derived from the hours)"
    expected = {f"fx/h1/{pair}_H1_2021_2022_mt5.parquet": ("bars", pair, "mt5", "1h", apache) for pair in PAIRS}
    expected |= {
        f"fx/m1/{pair}_M1_2022_02_scenario.parquet": ("bars", pair, "scenario", "1m", derived) for pair in PAIRS
    }
    expected |= {
        f"fx/m5/{pair}_{step}_2026_03_orkad.parquet": ("bars", pair, "orkad", step, "MIT")
        for pair, step in (("EURUSD", "5m"), ("GBPUSD", "5m"), ("USDJPY", "3m"))
    }
    expected |= {VENUES.format(name): ("quotes", "GBPUSD", f"venue_{name}", None, derived) for name in "ab"}
    found = {
        path: (entry.kind.value, entry.symbol, entry.venue, entry.timeframe, entry.licence)
        for path, entry in entries.items()
    }
    assert found == expected
    assert [entry.path for entry in entries.values() if entry.problem or not entry.is_utc] == []


def test_the_clean_files_are_ok_and_the_dirty_ones_bring_a_warning(entries):
    levels = {path: judge(entry).level for path, entry in entries.items()}
    dirty = {path for path in entries if path.startswith(("fx/m5", "multi_venue"))}
    assert levels == {path: Level.WARNING if path in dirty else Level.OK for path in entries}


def test_every_file_loads_with_its_measured_tick(entries):
    for path, entry in entries.items():
        load = load_bars if entry.kind is FileKind.BARS else load_quotes
        loaded = load(SAMPLE, entry, tick_size_of(entry), None, None)
        assert (path, loaded.report.rows_used) == (path, entry.rows)


def test_every_licence_that_a_file_names_lies_beside_it_in_full(entries):
    texts = {
        "Apache-2.0": "END OF TERMS AND CONDITIONS",
        "MIT": "The above copyright notice and this permission notice",
    }
    assert {entry.licence.split()[0] for entry in entries.values()} == set(texts)
    for name, phrase in texts.items():
        assert phrase in (SAMPLE / "LICENSES" / f"{name}.md").read_text()
    notice = (SAMPLE / "LICENSES" / "NOTICE.md").read_text()
    for entry in entries.values():
        repository, commit = re.search(r"([\w-]+/[\w-]+) `[^`]+` @(\w{10})$", entry.origin).groups()
        assert repository in notice
        assert commit in notice


def test_the_sample_is_small():
    assert sum(path.stat().st_size for path in SAMPLE.rglob("*") if path.is_file()) <= BYTES_MAX


# --- made again


@needs(*sources())
@pytest.mark.slow
def test_building_again_from_the_sources_gives_the_committed_files(tmp_path, entries):
    (tmp_path / "README.md").write_text((SAMPLE / "README.md").read_text())
    assert main(["--data", str(DATA), "--out", str(tmp_path), "--seed", "7"]) == 0
    made = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.parquet")}
    assert made == set(entries)
    for path in entries:
        same_writer = _writer(tmp_path / path) == _writer(SAMPLE / path)
        assert (path, _content(tmp_path / path, same_writer)) == (path, _content(SAMPLE / path, same_writer))
    if all(_writer(tmp_path / path) == _writer(SAMPLE / path) for path in entries):
        for name in ("README.md", "MANIFEST.json"):
            assert (tmp_path / name).read_text() == (SAMPLE / name).read_text()


def test_a_missing_source_is_named(tmp_path, capsys):
    assert main(["--data", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert [path for path in sources() if path not in said] == []
    assert not (tmp_path / "out").exists()


def test_the_same_seed_gives_the_same_quotes_and_another_seed_others(minutes):
    afternoon = between(minutes["GBPUSD"], *_ns("2022-02-10T14:00", "2022-02-10T18:00"))
    first, again, other = (two_venues(afternoon, Generator(PCG64(seed))) for seed in (1, 1, 2))
    assert [column.tolist() for each in first for column in each] == [
        column.tolist() for each in again for column in each
    ]
    assert first[0].bid.tolist() != other[0].bid.tolist()


def _writer(path: Path) -> str:
    return pq.ParquetFile(path).metadata.created_by


def _content(path: Path, as_bytes: bool) -> object:
    return file_hash(path) if as_bytes else pq.read_table(path).to_pydict()


def _ns(*stamps: str) -> list[int]:
    return [int(np.datetime64(stamp, "ns").astype(np.int64)) for stamp in stamps]


# --- minutes


@pytest.mark.parametrize("pair", PAIRS)
def test_the_minutes_of_an_hour_aggregate_to_the_real_hour(pair, minutes, hours):
    rows = zip(*(column.tolist() for column in minutes[pair]), strict=True)
    made = {}
    for hour, group in groupby(rows, key=lambda row: row[0] // HOUR_NS * HOUR_NS):
        bars = list(group)
        high, low = max(bar[2] for bar in bars), min(bar[3] for bar in bars)
        made[hour] = (bars[0][1], high, low, bars[-1][4], sum(bar[5] for bar in bars))
    inside = between(hours[pair], *_ns("2022-02-06T22:00", "2022-02-18T22:00"))
    real = {row[0]: row[1:] for row in zip(*(column.tolist() for column in inside), strict=True)}
    assert made == real
    assert len(real) == 240


@pytest.mark.parametrize("pair", PAIRS)
def test_minutes_look_like_those_of_a_market(pair, minutes):
    bars = minutes[pair]
    ranges = bars.high - bars.low
    steps = np.diff(np.log(bars.close))
    assert 24 <= 240 * 60 - len(bars.open_ns) <= 104
    assert bars.tick_volume.min() >= 1
    assert 0.4 < np.corrcoef(ranges[1:], ranges[:-1])[0, 1] < 0.65  # volatility clusters
    assert abs(np.corrcoef(steps[1:], steps[:-1])[0, 1]) < 0.06  # and tells no direction
    hourly = np.maximum.reduceat(bars.high, _hour_begins(bars)) - np.minimum.reduceat(bars.low, _hour_begins(bars))
    assert 0.10 < ranges.mean() / hourly.mean() < 0.13


def test_pairs_move_together_as_stated(minutes):
    shared = minutes[PAIRS[0]].open_ns
    for pair in PAIRS:
        shared = np.intersect1d(shared, minutes[pair].open_ns)
    closes = np.array([np.log(minutes[pair].close[np.isin(minutes[pair].open_ns, shared)]) for pair in PAIRS])
    found = np.corrcoef(np.diff(closes)[:, np.diff(shared) == MINUTE_NS])
    stated = {(0, 1): 0.41, (0, 2): -0.44, (0, 3): -0.23, (1, 2): -0.44, (1, 3): -0.14, (2, 3): 0.18}
    assert {key: found[key] for key in stated} == pytest.approx(stated, abs=0.01)


def _hour_begins(bars):
    return np.flatnonzero(np.diff(bars.open_ns // HOUR_NS, prepend=-1))


@st.composite
def bars_and_nodes(draw):
    """Any bar, with at least as many nodes as it takes to show its four prices."""
    prices = draw(st.lists(st.integers(90_000, 90_000 + draw(st.sampled_from([0, 1, 3, 400]))), min_size=4, max_size=4))
    bar = Ohlc(prices[0], max(prices), min(prices), prices[3])
    inner = (bar.high > max(bar.open, bar.close)) + (bar.low < min(bar.open, bar.close))
    return bar, draw(st.integers(inner + (2 if bar.open != bar.close or inner else 1), 40))


@given(bars_and_nodes(), st.integers(0, 2**32))
@PROPERTY
def test_a_path_through_a_bar_shows_exactly_the_bar(drawn, seed):
    bar, count = drawn
    rng = Generator(PCG64(seed))
    nodes = np.sort(rng.choice(60, count, replace=False))
    variances = rng.gamma(2.0, size=60)
    steps = rng.standard_normal((8, 60)) * np.sqrt(variances)
    path = fit(bar, steps, variances, nodes, volatility_shares(rng, 8)).path
    assert (Ohlc(path[0], path.max(), path.min(), path[-1]), len(path)) == (bar, count)


# --- quotes of two venues


def test_quotes_are_in_order_and_whole_ticks(entries, quotes):
    stated = (SAMPLE / "README.md").read_text()
    for name, each in zip("ab", quotes, strict=True):
        entry = entries[VENUES.format(name)]
        assert np.all(np.diff(each.time_ms) > 0)
        assert entry.tick_size == "0.00001"
        assert f"{entry.rows:,}" in stated
        assert (entry.faults.disorder, entry.faults.duplicate, entry.gaps.holes) == (0, 0, 0)
        prices = pq.read_table(SAMPLE / entry.path)["bid"].to_numpy()
        assert np.array_equal(np.round(prices, 5), prices)


def test_bad_quotes_are_exactly_those_that_are_stated(entries):
    manifest = (SAMPLE / "MANIFEST.json").read_text()
    for name, crossed, zero in zip("ab", CROSSED, ZERO, strict=True):
        entry = entries[VENUES.format(name)]
        assert (entry.faults.crossed, entry.faults.zero, entry.faults.not_finite) == (crossed, zero, 0)
        assert f"{crossed} crossed and {zero} zero quotes on purpose" in manifest
        loaded = load_quotes(SAMPLE, entry, tick_size_of(entry), None, None)
        assert Counter(loaded.flaws[loaded.flaws > 0].tolist()) == {Flaw.CROSSED: crossed, Flaw.ZERO: zero}


def test_the_feed_of_venue_b_is_dead_while_the_market_moves(quotes):
    begin_ms, end_ms = dead_window()
    there = [each.bid[(each.time_ms >= begin_ms) & (each.time_ms < end_ms)] for each in map(sound, quotes)]
    assert end_ms - begin_ms == DEAD_MS == 90_000
    assert len(there[1]) == 0
    assert np.ptp(there[0]) > 20


def test_the_bid_of_venue_a_stays_near_the_minute_bar(quotes, minutes):
    each, bars = sound(quotes[0]), minutes["GBPUSD"]
    row = np.searchsorted(bars.open_ns, each.time_ms * 10**6, side="right") - 1
    outside = np.maximum(each.bid - bars.high[row], bars.low[row] - each.bid)
    assert np.mean(outside <= 2) > 0.99
    assert outside.max() < 100  # what a dislocation may add


def test_venues_have_spreads_of_their_own_and_follow_one_price(quotes):
    first, second = map(sound, quotes)
    assert [float(np.median(each.ask - each.bid)) for each in (first, second)] == [7, 15]
    assert [float(np.median(np.diff(each.time_ms))) for each in (first, second)] == pytest.approx([244, 379], abs=1)
    assert _correlation(first, second, 1_000, 0) == pytest.approx(0.81, abs=0.01)
    assert _correlation(first, second, 1_000, 100) == pytest.approx(0.86, abs=0.01)  # b follows a
    assert _correlation(first, second, 60_000, 0) == pytest.approx(0.99, abs=0.005)


def test_dislocations_are_as_many_and_as_long_as_stated(quotes):
    first, second = map(sound, quotes)
    found = measured(first, second)
    lasts = np.array([each.duration_ms for each in found])
    gross = np.array([each.gross for each in found])
    assert len(found) == 68
    assert np.histogram(lasts, [0, 200, 600, 9000])[0].tolist() == [22, 33, 13]
    assert np.mean(lasts <= 300) > 0.65
    assert (lasts.max(), gross.max(), np.median(gross)) == (5606, 80, 10)
    assert 0.3 < np.mean([each.buy for each in found]) < 0.7  # either venue may be the cheap one
    assert len(measured(first, second, stale_ms=10**9)) == 104


def test_a_dislocation_is_measured_from_the_first_quote_that_makes_it_to_the_first_that_ends_it():
    steady = Quotes(np.arange(0, 5_000, 500), np.full(10, 1000), np.full(10, 1010))
    moved = Quotes(np.array([0, 1200, 1300, 1450, 4000]), np.array([998, 1015, 1021, 997, 999]), np.full(5, 1030))
    assert measured(steady, moved) == [Dislocation(1200, 250, 11, 0)]
    assert measured(moved, steady) == [Dislocation(1200, 250, 11, 1)]


def test_a_stale_quote_makes_no_dislocation():
    silent = Quotes(np.array([0]), np.array([1000]), np.array([1010]))
    moving = Quotes(np.array([0, 3_000, 3_100]), np.array([1000, 1050, 1000]), np.array([1010, 1060, 1010]))
    assert measured(silent, moving) == []
    assert measured(silent, moving, stale_ms=10_000) == [Dislocation(3000, 100, 40, 0)]


def _correlation(first: Quotes, second: Quotes, step_ms: int, lag_ms: int) -> float:
    """Correlate changes of mid over steps; venue b is looked at `lag_ms` later."""
    begin, end = int(first.time_ms[0]) + 1_000, int(first.time_ms[-1]) - 1_000
    times = np.arange(begin, end, step_ms)
    mids = []
    for each, at in ((first, times), (second, times + lag_ms)):
        row = np.searchsorted(each.time_ms, at, side="right") - 1
        mids.append(each.bid[row] + each.ask[row])
    return float(np.corrcoef(np.diff(mids[0]), np.diff(mids[1]))[0, 1])
