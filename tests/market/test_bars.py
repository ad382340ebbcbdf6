"""Bars of several timeframes: closed by the clock, known at their close, absent where nothing was heard."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.bars import (
    BAR,
    SINCE_EVER,
    Builder,
    Heard,
    bars_of_quotes,
    bars_of_tape,
    begin,
    lost,
    open_builder,
    rewind,
)
from market.records import Record, joined
from market.tape import Flaw, bar_tape, quote_tape
from market.timeframes import MINUTE_NS, TIMEFRAMES, Calendar, Sessions, grid_of
from tests.market.rows import (
    Stretch,
    a_minute,
    a_quote_row,
    a_row,
    a_trade_row,
    closed_by,
    heard_of,
    plain_borders,
    shown,
    twin_bars,
)
from tests.properties import PROPERTY

TAKEN = Heard.TAKEN
FRAMES = ("1m", "5m", "15m", "1h")
WALKS = settings(PROPERTY, max_examples=10)


def a_builder(*timeframes: str, calendar: Calendar | None = None, since_ns: int | None = SINCE_EVER) -> Builder:
    """Return a builder of one instrument, whose rows are all heard unless told otherwise."""
    builder = open_builder(grid_of(timeframes, [calendar]))
    if since_ns is not None:
        begin(builder, 0, since_ns)
    return builder


def quote_bars(quotes: list[tuple[int, int]], bar_ns: int = 60) -> list[list[int]]:
    columns = np.array(quotes, np.int64).reshape(-1, 2).T
    time_ns, price = (np.ascontiguousarray(column) for column in columns)
    return bars_of_quotes(time_ns, price, bar_ns).tolist()


def test_a_stamp_on_the_border_opens_the_next_bar() -> None:
    assert quote_bars([(0, 10), (59, 12), (60, 7)]) == [[60, 10, 12, 10, 12], [120, 7, 7, 7, 7]]


def test_a_stretch_without_quotes_has_no_bar() -> None:
    assert [bar[0] for bar in quote_bars([(10, 5), (310, 6)])] == [60, 360]
    assert quote_bars([]) == []


@pytest.mark.parametrize("quotes", [[(5, 10), (4, 10)], [(5, 10), (6, 0)]])
def test_quotes_out_of_order_or_without_a_price_are_refused(quotes: list[tuple[int, int]]) -> None:
    with pytest.raises(ValueError, match="1 of 2 quotes are out of order or not above zero; none may be"):
        quote_bars(quotes)


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(1, 500)), max_size=60), st.integers(1, 200))
@PROPERTY
def test_a_bar_is_the_first_highest_lowest_and_last_of_its_quotes(quotes: list[tuple[int, int]], bar_ns: int) -> None:
    quotes.sort(key=lambda quote: quote[0])
    expected = []
    for number in sorted({time // bar_ns for time, _ in quotes}):
        prices = [price for time, price in quotes if time // bar_ns == number]
        expected.append([(number + 1) * bar_ns, prices[0], max(prices), min(prices), prices[-1]])
    assert quote_bars(quotes, bar_ns) == expected


def minutes_of(seed: int, count: int = 120) -> list[Record]:
    """Return minutes of a random walk in whole ticks, some of them absent, with holes up to three hours."""
    rng = np.random.default_rng(seed)
    steps = np.where(rng.random(count) < 0.05, rng.integers(2, 180, count), 1) + (rng.random(count) < 0.1)
    close = 1000 + np.cumsum(rng.integers(-4, 5, count))
    rows = []
    for number, price in zip(np.cumsum(steps), close, strict=True):
        low, high = price - rng.integers(0, 3), price + rng.integers(0, 3)
        rows.append(a_minute(int(number), int(low), int(high), int(low), int(price), volume=float(rng.integers(0, 9))))
    return rows


@given(st.integers(0, 10**6))
@WALKS
def test_every_timeframe_equals_the_definition_looked_up_row_by_row(seed: int) -> None:
    rows = minutes_of(seed)
    builder = a_builder(*FRAMES)
    said, bars = heard_of(builder, rows)
    assert set(said) == {TAKEN}
    bars = joined([bars, closed_by(builder, 2**62)], BAR)
    for k, timeframe in enumerate(FRAMES):
        assert shown(bars, k) == twin_bars(rows, plain_borders(timeframe, int(rows[-1].close_ns)))


def test_a_bar_is_shown_by_the_row_that_ends_it_and_not_before() -> None:
    builder = a_builder("1m", "5m")
    for number in range(4):
        _, bars = heard_of(builder, [a_minute(number, 10 + number)])
        assert bars.timeframe.tolist() == [0]
    _, bars = heard_of(builder, [a_minute(4, 7)])
    assert shown(bars, 1) == [(0, 5 * MINUTE_NS, 10, 13, 7, 7, 0.0, 5)]
    assert bars.close_ns.tolist() == [5 * MINUTE_NS] * 2


def test_after_a_gap_the_bar_before_it_comes_first_and_is_stamped_with_its_own_close() -> None:
    builder = a_builder("1m", "5m")
    _, bars = heard_of(builder, [a_minute(0, 10), a_minute(9, 20)])
    assert shown(bars, 1) == [
        (0, 5 * MINUTE_NS, 10, 10, 10, 10, 0, 1),
        (5 * MINUTE_NS, 10 * MINUTE_NS, 20, 20, 20, 20, 0, 1),
    ]
    assert bars.timeframe.tolist() == [0, 1, 0, 1]


def test_a_watermark_closes_what_is_over_and_nothing_twice() -> None:
    builder = a_builder("1m", "5m")
    heard_of(builder, [a_minute(3, 10)])
    assert len(closed_by(builder, 5 * MINUTE_NS - 1)) == 0
    assert shown(closed_by(builder, 5 * MINUTE_NS), 1) == [(0, 5 * MINUTE_NS, 10, 10, 10, 10, 0, 1)]
    assert len(closed_by(builder, 50 * MINUTE_NS)) == 0


@given(st.integers(0, 10**6), st.lists(st.integers(0, 119), max_size=20))
@WALKS
def test_watermarks_between_rows_change_no_bar(seed: int, places: list[int]) -> None:
    rows = minutes_of(seed)
    _, expected = heard_of(a_builder(*FRAMES), rows)
    builder, found = a_builder(*FRAMES), []
    for i, row in enumerate(rows):
        found.append(heard_of(builder, [row])[1])
        if i in places and i + 1 < len(rows):
            found += [closed_by(builder, int(t)) for t in np.linspace(row.close_ns, rows[i + 1].open_ns, 3)]
    bars = joined(found, BAR)
    bars = bars[bars.close_ns <= rows[-1].close_ns]
    for k in range(len(FRAMES)):
        assert shown(bars, k) == shown(expected, k)


def test_nothing_is_closed_before_anything_was_heard() -> None:
    builder = a_builder("1m", since_ns=None)
    assert len(closed_by(builder, 10**18)) == 0
    assert heard_of(builder, [a_minute(0, 5)])[0] == [TAKEN]


def test_quotes_trades_and_smaller_bars_of_the_same_prices_make_the_same_bars() -> None:
    minutes = [a_row(0, MINUTE_NS, (5, 9, 4, 6)), a_row(MINUTE_NS, 2 * MINUTE_NS, (6, 8, 6, 8))]
    quotes = [a_quote_row(time, price) for time, price in ((3, 5), (7, 9), (9, 4), (MINUTE_NS - 1, 6))]
    quotes += [a_quote_row(MINUTE_NS + time, price) for time, price in ((0, 6), (5, 8))]
    trades = [a_trade_row(int(row.open_ns), int(row.open), 1.5) for row in quotes]
    of_minutes, of_quotes, of_trades = (
        joined([heard_of(builder, rows)[1], closed_by(builder, 5 * MINUTE_NS)], BAR)
        for builder, rows in ((a_builder("1m", "5m"), rows) for rows in (minutes, quotes, trades))
    )
    for k in range(2):
        same = [bar[:6] for bar in shown(of_minutes, k)]
        assert [bar[:6] for bar in shown(of_quotes, k)] == same
        assert [bar[:6] for bar in shown(of_trades, k)] == same
    assert (of_quotes.ask_high == of_quotes.high + 2).all()
    assert (of_trades.ask_close == of_trades.close).all()
    assert (of_trades.volume[-1], of_trades.inputs[-1], of_quotes.volume[-1]) == (9.0, 6, 0.0)


def test_a_row_that_comes_late_again_or_revised_is_refused_and_changes_nothing() -> None:
    rows = [a_minute(0, 10), a_minute(1, 11), a_minute(2, 12), a_minute(3, 13), a_minute(4, 14)]
    _, expected = heard_of(a_builder("1m", "5m"), rows)
    builder = a_builder("1m", "5m")
    disturbed = [rows[0], rows[1], rows[1], a_minute(1, 99), a_minute(0, 99), a_quote_row(5, 99), *rows[2:]]
    said, bars = heard_of(builder, disturbed)
    assert said[2:6] == [Heard.REPEATED, Heard.REVISED, Heard.LATE, Heard.LATE]
    assert bars.tobytes() == expected.tobytes()
    assert builder.counts[0].tolist() == [5, 1, 1, 2, 0, 0, 0]


def test_a_revised_history_is_built_anew_from_its_rows() -> None:
    rows = minutes_of(3)
    revised = list(rows)
    revised[50] = a_minute(int(rows[50].open_ns) // MINUTE_NS, 5000)
    _, before = heard_of(a_builder(*FRAMES), rows)
    _, after = heard_of(a_builder(*FRAMES), revised)
    changed = before.close_ns[[a.tobytes() != b.tobytes() for a, b in zip(before, after, strict=True)]]
    assert len(changed) == len(FRAMES)
    assert (changed - rows[50].close_ns < 60 * MINUTE_NS).all()


def test_a_row_before_a_watermark_is_late() -> None:
    builder = a_builder("5m")
    heard_of(builder, [a_minute(0, 10)])
    closed_by(builder, 3 * MINUTE_NS)
    assert heard_of(builder, [a_minute(2, 11), a_minute(3, 12)])[0] == [Heard.LATE, TAKEN]


def flawed(**changes: Any) -> Record:
    row = a_minute(7, 10, 12, 9, 11, volume=1.0)
    for name, value in changes.items():
        row[name] = value
    return row


FLAWED = {
    "zero": flawed(low=0), "negative": flawed(open=-1), "crossed": flawed(ask_close=10), "range": flawed(high=8),
    "ask range": flawed(ask_low=20), "volume nan": flawed(volume=math.nan), "volume infinite": flawed(volume=math.inf),
    "volume negative": flawed(volume=-1.0), "not whole": flawed(whole=0), "no inputs": flawed(inputs=0),
    "backwards": flawed(open_ns=9 * MINUTE_NS),
}  # fmt: skip


@pytest.mark.parametrize("name", FLAWED)
def test_a_flawed_row_is_refused_and_changes_nothing(name: str) -> None:
    builder = a_builder("1m", "5m")
    heard_of(builder, [a_minute(6, 10)])
    said, bars = heard_of(builder, [FLAWED[name], a_minute(7, 12), a_minute(8, 13), a_minute(9, 14)])
    assert said == [Heard.FLAWED, TAKEN, TAKEN, TAKEN]
    assert shown(bars, 1) == [(5 * MINUTE_NS, 10 * MINUTE_NS, 10, 14, 10, 14, 0.0, 4)]


def test_a_row_longer_than_the_shortest_bar_or_shifted_is_refused() -> None:
    builder = a_builder("1m", "5m")
    long, shifted = a_row(0, 2 * MINUTE_NS, (5,) * 4), a_row(30, MINUTE_NS + 30, (5,) * 4)
    assert heard_of(builder, [long, shifted, a_row(30, MINUTE_NS, (5,) * 4)])[0] == [Heard.ASTRIDE] * 2 + [TAKEN]


HOUR_NS = 60 * MINUTE_NS
SESSIONS = Calendar(
    Sessions(np.array([0, 3 * HOUR_NS]), np.array([90 * MINUTE_NS, 5 * HOUR_NS]), np.array([0, 1])),
    Sessions(np.array([0]), np.array([5 * HOUR_NS]), np.array([0])),
)
"""A session of 90 minutes, a pause, a session of two hours; one week."""


def test_sessions_cut_bars_and_a_row_between_them_is_refused_whole() -> None:
    builder = a_builder("1h", "1d", "1w", calendar=SESSIONS)
    rows = [a_minute(number, 10 + number % 7) for number in (0, 59, 60, 89, 90, 170, 180, 299, 300)]
    said, bars = heard_of(builder, rows)
    assert said == [TAKEN] * 4 + [Heard.OUTSIDE] * 2 + [TAKEN] * 2 + [Heard.OUTSIDE]
    assert [(bar[0] // MINUTE_NS, bar[1] // MINUTE_NS) for bar in shown(bars, 0)] == [
        (0, 60),
        (60, 90),
        (180, 240),
        (240, 300),
    ]
    assert [(bar[0] // MINUTE_NS, bar[1] // MINUTE_NS) for bar in shown(bars, 1)] == [(0, 90), (180, 300)]
    assert shown(bars, 2) == [(0, 300 * MINUTE_NS, 10, 15, 10, 15, 0.0, 6)]
    borders = [Stretch(0, 90 * MINUTE_NS), Stretch(180 * MINUTE_NS, 300 * MINUTE_NS)]
    assert shown(bars, 1) == twin_bars(rows, borders)


def test_a_bar_whose_beginning_was_not_heard_is_never_shown() -> None:
    builder = a_builder("1m", "5m", since_ns=None)
    _, bars = heard_of(builder, [a_minute(number, 10) for number in range(3, 12)])
    assert [bar[0] // MINUTE_NS for bar in shown(bars, 1)] == [5]
    assert len(shown(bars, 0)) == 9
    assert builder.sources[0].partial == 1


def test_a_hole_that_stays_hides_every_bar_that_began_before_its_end() -> None:
    builder = a_builder("1m", "5m", "15m")
    heard_of(builder, [a_minute(number, 10) for number in range(8)])
    lost(builder, 0, 10 * MINUTE_NS)
    assert heard_of(builder, [a_minute(8, 9)])[0] == [Heard.LATE]
    _, bars = heard_of(builder, [a_minute(number, 10) for number in range(10, 30)])
    assert [[bar[0] // MINUTE_NS for bar in shown(bars, k)] for k in (1, 2)] == [[10, 15, 20, 25], [15]]


@given(st.integers(0, 10**6), st.integers(1, 119))
@WALKS
def test_an_hour_of_outage_that_is_heard_later_gives_the_same_bars(seed: int, cut: int) -> None:
    rows = minutes_of(seed)
    _, expected = heard_of(a_builder(*FRAMES), rows)
    builder = a_builder(*FRAMES)
    _, before = heard_of(builder, rows[:cut])
    assert rewind(builder, 0) == rows[cut - 1].close_ns
    overlap = rows[max(cut - 5, 0) : cut + 60]  # what was heard already may come again
    said, filled = heard_of(builder, overlap)
    assert said.count(TAKEN) == len(rows[cut : cut + 60])
    _, after = heard_of(builder, rows[cut + 60 :])
    assert joined([before, filled, after], BAR).tobytes() == expected.tobytes()


def quotes_of(seed: int, hours: int = 3) -> list[Record]:
    """Return quotes every eleven seconds or so, several at once now and then."""
    rng = np.random.default_rng(seed)
    count = hours * 330
    times = np.cumsum(rng.integers(0, 22 * 10**9, count)) // 10**8 * 10**8
    prices = 1000 + np.cumsum(rng.integers(-4, 5, count))
    return [a_quote_row(int(time), int(price)) for time, price in zip(times, prices, strict=True)]


@pytest.mark.parametrize("seed", range(3))
def test_an_outage_of_quotes_filled_with_minute_bars_gives_the_same_bars(seed: int) -> None:
    rows = quotes_of(seed)
    _, expected = heard_of(a_builder(*FRAMES), rows)
    minutes = joined([heard_of(a_builder("1m"), rows)[1]], BAR)
    cut = 200 + 31 * seed
    builder = a_builder(*FRAMES)
    _, before = heard_of(builder, rows[:cut])
    again_ns = rewind(builder, 0)
    end_ns = (int(rows[cut].open_ns) // MINUTE_NS + 60) * MINUTE_NS
    missing = minutes[(minutes.open_ns >= again_ns) & (minutes.close_ns <= end_ns)]
    said, filled = heard_of(builder, missing)
    assert set(said) == {TAKEN}
    _, after = heard_of(builder, [row for row in rows if row.open_ns >= end_ns])
    found = joined([before, filled, after], BAR)
    for k in range(len(FRAMES)):
        assert shown(found, k) == shown(expected, k)


def test_a_second_rewind_goes_no_further_back() -> None:
    builder = a_builder("1m", "5m")
    heard_of(builder, [a_minute(0, 10), a_quote_row(MINUTE_NS + 5, 11)])
    assert [rewind(builder, 0), rewind(builder, 0)] == [MINUTE_NS] * 2
    _, bars = heard_of(builder, [a_minute(number, 12) for number in range(1, 5)])
    assert shown(bars, 1) == [(0, 5 * MINUTE_NS, 10, 12, 10, 12, 0.0, 5)]


def test_instruments_do_not_touch_each_other() -> None:
    rows = [minutes_of(seed) for seed in (1, 2)]
    builder = open_builder(grid_of(FRAMES), [0, 0])
    found: tuple[list[Any], list[Any]] = ([], [])
    for pair in zip(*rows, strict=True):
        for instrument, row in enumerate(pair):
            found[instrument].append(heard_of(builder, [row], instrument)[1])
    for instrument in range(2):
        _, alone = heard_of(a_builder(*FRAMES, since_ns=None), rows[instrument])
        assert joined(found[instrument], BAR).tobytes() == alone.tobytes()


def test_a_calendar_that_the_grid_has_not_is_refused() -> None:
    with pytest.raises(ValueError, match="calendar 1: the grid has 1, numbered from 0"):
        open_builder(grid_of(["1m"]), [0, 1])


def test_a_tape_gives_its_bars_sorted_by_when_they_were_known_and_flawed_rows_none() -> None:
    rows = minutes_of(4)
    columns = [np.array([row[name] for row in rows]) for name in ("open", "high", "low", "close")]
    close_ns, volume = np.array([row.close_ns for row in rows]), np.array([row.volume for row in rows])
    tape = bar_tape(0, close_ns, columns, [column + 2 for column in columns], volume)
    _, expected = heard_of(a_builder(*FRAMES), rows)
    bars = bars_of_tape(a_builder(*FRAMES), tape, MINUTE_NS)
    assert (np.diff(bars.close_ns) >= 0).all()
    for k in range(len(FRAMES)):
        assert shown(bars, k) == shown(expected, k)
    tape.flaws[20] = Flaw.NOT_FINITE
    builder = a_builder(*FRAMES)
    bars_of_tape(builder, tape, MINUTE_NS)
    assert builder.counts[0, Heard.FLAWED] == 1


def test_a_long_tape_is_folded_in_pieces() -> None:
    times = np.arange(9_000, dtype=np.int64) * MINUTE_NS
    price = 100 + np.arange(9_000, dtype=np.int64) % 13
    bars = bars_of_tape(a_builder("1m", "5m"), quote_tape(0, times, price, price), 0, until_ns=2**62)
    assert len(bars) == 9_000 + 1_800
    assert (np.diff(bars.close_ns[bars.timeframe == 1]) == TIMEFRAMES["5m"]).all()
