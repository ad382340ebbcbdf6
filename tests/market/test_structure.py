"""The structure of a market: what is known at every instant, live as in a series, and never more than that."""

from typing import Any

import numpy as np
import pytest
import talib
from numpy.typing import NDArray

from market.bars import BAR, rewind
from market.features import feature_program, run_series, warmup_of
from market.records import records
from market.structure import (
    Known,
    Structure,
    open_structure,
    run_structure,
    session_stamp,
    step,
    step_all,
    step_clock,
    step_lost,
)
from market.tape import Tape, bar_tape, slice_tape
from market.timeframes import DAY_NS, MINUTE_NS, TIMEFRAMES, WHOLE_NS, Calendar, align, grid_of
from policies.sessions import FOREX, calendar_of
from tests.market.bars import Bars, real_bars
from tests.market.rows import a_minute, a_quote_row, a_row, resampled, tick_tape

MINUTES = {"fx/m1/EURUSD_M1_2018_2019_histdata": 1e-5, "fx/m1/XAUUSD_M1_2018_2019_histdata": 1e-3}
FRAMES = ("1m", "5m", "15m", "1h", "4h", "1d", "1w")
SHORT = ("ema:5", "rsi:4", "macd_hist:3:6:3", "bollinger_upper:5:2", "atr:4", "adx:4", "stoch_d:5:3:3", "cci:5",
         "mfi:4", "obv", "vwap:5", "vwap_session", "profile_vah:12:6", "sma:5")  # fmt: skip
FULL = ("ema:12", "ema:26", "rsi:14", "macd_hist:12:26:9", "bollinger_upper:20:2", "bollinger_lower:20:2", "atr:14",
        "adx:14", "stoch_k:14:3:3", "cci:20", "mfi:14", "obv", "vwap:20", "vwap_session", "sma:20",
        "profile_poc:48:24")  # fmt: skip


def real_tape(name: str, rows: int, begin: int = 0) -> Tape:
    return tick_tape(real_bars(name).part(begin, begin + rows), MINUTES[name])


def forex(tape: Tape) -> Calendar:
    return calendar_of(FOREX, int(tape.time_ns[0]), int(tape.time_ns[-1]))


def a_structure(
    *timeframes: str, features: tuple[str, ...] = SHORT, calendar: Calendar | None = None, instruments: int = 1
) -> Structure:
    return open_structure(grid_of(timeframes, [calendar]), [features] * len(timeframes), [0] * instruments)


def live(structure: Structure, tape: Tape) -> Known:
    """Return what is known after every row, taken one by one as they would come."""
    known = Known(np.zeros((len(tape.time_ns), structure.newest.shape[1]), np.int64), np.array([]))
    values = []
    for i in range(len(tape.time_ns)):
        prices = [int(column[i]) for column in (tape.open, tape.high, tape.low, tape.close)]
        close_ns, spread = int(tape.time_ns[i]), int(tape.ask_close[i] - tape.close[i])
        step(structure, 0, a_row(close_ns - MINUTE_NS, close_ns, prices, float(tape.volume[i]), spread))
        known.close_ns[i] = structure.newest[0].close_ns
        values.append(structure.features[0].copy())
    return known._replace(values=np.array(values))


def bars_by_numpy(tape: Tape, timeframe: str, calendar: Calendar | None) -> tuple[Bars, NDArray[Any]]:
    """Return the whole bars of a series that is known as a whole, and their time for features: no kernel of ours."""
    length, stamps = TIMEFRAMES[timeframe], tape.time_ns - 1
    if calendar is None:
        shift = 4 * DAY_NS if timeframe == "1w" else 0
        keys = (stamps - shift) // length
        opens, closes = keys * length + shift, (keys + 1) * length + shift
        times = closes
    else:
        days = calendar.weeks if timeframe == "1w" else calendar.days
        length = WHOLE_NS if length >= DAY_NS else length
        at = np.searchsorted(days.opens, stamps, side="right") - 1
        number = (stamps - days.opens[at]) // length
        keys = at * 10_000 + number
        opens = days.opens[at] + number * length
        closes, times = np.minimum(opens + length, days.closes[at]), days.numbers[at] * DAY_NS + 1
    bars = resampled(tape, keys, closes)
    last = np.append(np.flatnonzero(np.diff(keys)), len(keys) - 1)
    whole = opens[last] >= tape.time_ns[0] - MINUTE_NS
    return Bars(*(column[whole] for column in bars)), times[last][whole]


def batch(tape: Tape, calendar: Calendar | None, features: tuple[str, ...]) -> Known:
    """Return what is known after every row: bars of each timeframe, their features, joined by what is known by when."""
    program, size = feature_program(features)
    closes, values = [], []
    for timeframe in FRAMES:
        bars, times = bars_by_numpy(tape, timeframe, calendar)
        series = run_series(program, size, *bars._replace(time_ns=times))
        at = align(bars.time_ns, tape.time_ns)
        closes.append(np.where(at >= 0, bars.time_ns[np.maximum(at, 0)] if len(bars.time_ns) else 0, 0))
        nothing = np.full((len(at), len(features)), np.nan)
        values.append(np.where((at >= 0)[:, None], series[np.maximum(at, 0)], nothing) if len(series) else nothing)
    return Known(np.stack(closes, axis=1), np.stack(values, axis=1))


def assert_same(found: Known, expected: Known) -> None:
    np.testing.assert_array_equal(found.close_ns, expected.close_ns)
    np.testing.assert_array_equal(found.values, expected.values)


@pytest.mark.parametrize("sessions", [False, True])
def test_live_equals_batch_at_every_minute(sessions: bool) -> None:
    tape = real_tape("fx/m1/EURUSD_M1_2018_2019_histdata", 1_500, begin=6_300)
    calendar = forex(tape) if sessions else None
    series = run_structure(a_structure(*FRAMES, calendar=calendar), tape, MINUTE_NS)
    assert_same(live(a_structure(*FRAMES, calendar=calendar), tape), series)
    assert_same(batch(tape, calendar, SHORT), series)
    assert np.isfinite(series.values[-1, :3]).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", MINUTES)
@pytest.mark.parametrize("sessions", [False, True])
def test_live_equals_batch_at_every_one_of_a_hundred_thousand_minutes(name: str, sessions: bool) -> None:
    tape = real_tape(name, 120_000)
    calendar = forex(tape) if sessions else None
    series = run_structure(a_structure(*FRAMES, features=FULL, calendar=calendar), tape, MINUTE_NS)
    assert_same(live(a_structure(*FRAMES, features=FULL, calendar=calendar), tape), series)
    assert_same(batch(tape, calendar, FULL), series)
    assert np.isfinite(series.values[-1, :5]).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", MINUTES)
def test_indicators_of_longer_timeframes_equal_talib(name: str) -> None:
    features = ("ema:12", "rsi:14", "atr:14", "adx:14", "cci:20", "macd_hist:12:26:9", "bollinger_upper:20:2", "mfi:14")
    tape = real_tape(name, 120_000)
    known = run_structure(a_structure(*FRAMES, features=features), tape, MINUTE_NS)
    for k, timeframe in enumerate(FRAMES[:5]):
        bars, _ = bars_by_numpy(tape, timeframe, None)
        high, low, close = bars.high, bars.low, bars.close
        expected = (
            talib.EMA(close, 12), talib.RSI(close, 14), talib.ATR(high, low, close, 14),
            talib.ADX(high, low, close, 14), talib.CCI(high, low, close, 20),
            talib.MACD(close, 12, 26, 9)[2], talib.BBANDS(close, 20, 2.0, 2.0)[0],
            talib.MFI(high, low, close, bars.volume, 14),
        )  # fmt: skip
        at = np.searchsorted(tape.time_ns, bars.time_ns[bars.time_ns <= tape.time_ns[-1]])
        for j, reference in enumerate(expected):
            np.testing.assert_allclose(
                known.values[at, k, j], reference[: len(at)], rtol=1e-8, atol=1e-6, err_msg=f"{timeframe} {features[j]}"
            )


@pytest.mark.parametrize("cut", [1, 77, 400, 701])
def test_what_is_known_at_an_instant_does_not_depend_on_what_comes(cut: int) -> None:
    tape = real_tape("fx/m1/XAUUSD_M1_2018_2019_histdata", 900, begin=4_000)
    whole = run_structure(a_structure(*FRAMES), tape, MINUTE_NS)
    part = run_structure(a_structure(*FRAMES), slice_tape(tape, 0, cut), MINUTE_NS)
    assert_same(part, Known(whole.close_ns[:cut], whole.values[:cut]))


def test_a_spike_within_an_unfinished_bar_is_not_seen_before_that_bar_is_known() -> None:
    structure = a_structure("1m", "15m", features=("high", "close"))
    for number in range(15, 29):
        news = step(structure, 0, a_minute(number, 9_999 if number == 20 else 10))
        assert news == 0b01
        assert structure.seen[0].tolist() == [number - 14, 0]
        assert np.isnan(structure.features[0, 1]).all()
    assert step(structure, 0, a_minute(29, 10)) == 0b11
    assert structure.features[0, 1].tolist() == [9_999, 10]
    step(structure, 0, a_minute(30, 7_777))
    assert structure.features[0].tolist() == [[7_777, 7_777], [9_999, 10]]


def test_a_bar_is_known_when_its_last_minute_is_or_when_the_feed_says_that_none_came() -> None:
    structure = a_structure("1m", "5m", features=("close",))
    assert [step(structure, 0, a_minute(number, 10)) for number in range(4)] == [0b01] * 4
    assert step_clock(structure, 0, 5 * MINUTE_NS - 1) == 0
    assert step_clock(structure, 0, 5 * MINUTE_NS) == 0b10
    assert structure.newest[0, 1].close_ns == 5 * MINUTE_NS


def test_values_begin_with_the_warm_up_of_their_own_timeframe() -> None:
    structure = a_structure("1m", "5m", features=("sma:3", "rsi:4"))
    firsts: dict[tuple[int, int], int] = {}
    for number in range(60):
        step(structure, 0, a_minute(number, 10 + number % 3))
        for k, j in np.argwhere(np.isfinite(structure.features[0])):
            firsts.setdefault((int(k), int(j)), number)
    warm = [warmup_of([feature]) for feature in ("sma:3", "rsi:4")]
    assert firsts == {(k, j): (warm[j] + 1) * length - 1 for k, length in enumerate((1, 5)) for j in range(2)}


def test_quotes_make_the_same_structure_as_the_minutes_they_make() -> None:
    rng = np.random.default_rng(3)
    prices = 1_000 + np.cumsum(rng.integers(-3, 4, 1_200))
    of_quotes, of_minutes = a_structure("1m", "5m"), a_structure("1m", "5m")
    for minute, group in enumerate(prices.reshape(-1, 4)):
        for second, price in enumerate(group):
            step(of_quotes, 0, a_quote_row(minute * MINUTE_NS + second * 15 * 10**9, int(price)))
        step_clock(of_quotes, 0, (minute + 1) * MINUTE_NS)
        four = [int(price) for price in (group[0], group.max(), group.min(), group[-1])]
        step(of_minutes, 0, a_row(minute * MINUTE_NS, (minute + 1) * MINUTE_NS, four))
        assert of_quotes.features.tobytes() == of_minutes.features.tobytes()


def test_many_instruments_at_once_equal_each_alone_and_one_without_a_row_has_no_news() -> None:
    together = a_structure("1m", "5m", instruments=3)
    alone = [a_structure("1m", "5m") for _ in range(3)]
    rows, news = records(3, BAR), np.zeros(3, np.int64)
    rng = np.random.default_rng(5)
    for number in range(80):
        rows.inputs = 0
        expected = [0, 0, 0]
        for i in np.flatnonzero(rng.random(3) < 0.8):
            rows[i] = a_minute(number, int(rng.integers(90, 110)), volume=float(i))
            expected[int(i)] = step(alone[i], 0, rows[i])
        step_all(together, rows, news)
        assert news.tolist() == expected
    for i in range(3):
        assert together.features[i].tobytes() == alone[i].features[0].tobytes()
        assert together.newest[i].tobytes() == alone[i].newest[0].tobytes()


def test_after_a_hole_that_stays_indicators_warm_up_again() -> None:
    structure, fresh = a_structure("1m", "5m"), a_structure("1m", "5m")
    for number in range(100):
        step(structure, 0, a_minute(number, 10 + number % 7))
    step_lost(structure, 0, 160 * MINUTE_NS)
    assert np.isnan(structure.features).all()
    assert structure.newest[0, 1].close_ns == 100 * MINUTE_NS
    for number in range(160, 300):
        row = a_minute(number, 10 + number % 5, volume=2.0)
        assert step(structure, 0, row) == step(fresh, 0, row)
        assert structure.features.tobytes() == fresh.features.tobytes()


def test_an_hour_of_outage_that_is_heard_later_leaves_no_trace() -> None:
    tape = real_tape("fx/m1/EURUSD_M1_2018_2019_histdata", 600, begin=3_000)
    expected = run_structure(a_structure(*FRAMES), tape, MINUTE_NS)
    structure = a_structure(*FRAMES)
    run_structure(structure, slice_tape(tape, 0, 333), MINUTE_NS)
    assert rewind(structure.builder, 0) == tape.time_ns[332]
    run_structure(structure, slice_tape(tape, 323, 393), MINUTE_NS)  # ten minutes of it are heard twice
    after = run_structure(structure, slice_tape(tape, 393, 600), MINUTE_NS)
    assert_same(after, Known(expected.close_ns[393:], expected.values[393:]))


def test_a_session_average_begins_with_the_session_of_the_calendar() -> None:
    begin = int(np.datetime64("2020-01-07T21:57", "m").astype(int))
    calendar = calendar_of(FOREX, begin * MINUTE_NS, (begin + 9) * MINUTE_NS)
    values: dict[str, list[float]] = {}
    for name, sessions in (("forex", calendar), ("utc", None)):
        structure = a_structure("1m", features=("vwap_session",), calendar=sessions)
        values[name] = []
        for number in range(6):
            step(structure, 0, a_minute(begin + number, 10 + number, volume=1.0))
            values[name].append(float(structure.features[0, 0, 0]))
    assert values["forex"] == [10.0, 10.5, 11.0, 13.0, 13.5, 14.0]
    assert values["utc"] == [10.0, 10.5, 11.0, 11.5, 12.0, 12.5]


def test_a_market_without_volume_has_bars_and_no_averages_by_volume() -> None:
    tape = real_tape("fx/m1/EURUSD_M1_2018_2019_histdata", 300)._replace(volume=np.zeros(300))
    features = ("close", "vwap:5", "vwap_session", "profile_poc:12:6", "mfi:4", "obv")
    known = run_structure(a_structure("1m", "5m", features=features), tape, MINUTE_NS)
    assert np.isnan(known.values[..., 1:4]).all()
    assert np.isfinite(known.values[-1, :, 0]).all()
    assert (known.values[-1, :, 4:] == 0.0).all()


def test_a_weekend_has_no_bars_and_days_follow_the_clock_of_new_york() -> None:
    tape = real_tape("fx/m1/EURUSD_M1_2018_2019_histdata", 14_500, begin=93_000)
    known = run_structure(a_structure("1d", "1w", features=("close",), calendar=forex(tape)), tape, MINUTE_NS)
    closes = np.unique(known.close_ns[:, 0])[1:].astype("datetime64[ns]")
    weekdays = (closes.astype("datetime64[D]").astype(int) + 3) % 7
    assert (weekdays < 5).all()
    hours = (closes - closes.astype("datetime64[D]")).astype("timedelta64[h]").astype(int)
    assert sorted(set(hours.tolist())) in ([21], [22], [21, 22])


def test_every_timeframe_may_have_its_own_features() -> None:
    structure = open_structure(grid_of(["1m", "5m"]), [["close", "sma:2"], ["high"]])
    for number in range(5):
        step(structure, 0, a_minute(number, 10 + number))
    np.testing.assert_array_equal(structure.features[0], [[14.0, 13.5], [14.0, np.nan]])


def test_the_features_of_a_bar_belong_to_the_day_of_its_session() -> None:
    bar = a_minute(3, 10)
    bar.session = 18_000
    assert (session_stamp(bar) - 1) // DAY_NS == 18_000


def test_lists_that_do_not_fit_the_timeframes_are_refused() -> None:
    with pytest.raises(ValueError, match="1 lists of features for 2 timeframes; one each is allowed"):
        open_structure(grid_of(["1m", "5m"]), [["close"]])
    with pytest.raises(ValueError, match="feature 'emma:3': 'emma' is unknown"):
        open_structure(grid_of(["1m"]), [["emma:3"]])


def test_flawed_rows_leave_everything_as_it_was() -> None:
    tape = real_tape("fx/m1/EURUSD_M1_2018_2019_histdata", 200)
    prices = [tape.open.copy(), tape.high, tape.low, tape.close]
    prices[0][120] = 0
    bad = bar_tape(0, tape.time_ns, prices, [tape.ask_open, tape.ask_high, tape.ask_low, tape.ask_close], tape.volume)
    known = run_structure(a_structure("1m", "5m"), bad, MINUTE_NS)
    np.testing.assert_array_equal(known.values[120], known.values[119])
    assert (known.close_ns[120] == known.close_ns[119]).all()
