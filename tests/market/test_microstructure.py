"""Microstructure: definitions by hand, streams against one-shot functions, flawed input, real quotes and trades."""

import math
from functools import cache

import numpy as np
import pyarrow.parquet as parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market import microstructure as micro
from market.microstructure import BookFlaw, DepthFill, book_measures, book_of, depth_fill
from market.quality import DataQualityError
from tests.market.bars import DATA

N = 20
FLAWED = (math.nan, math.inf, -1.0, 0.0)


@cache
def trades(rows=3000):
    """Real prints: time in us, side, price, size."""
    path = DATA / "crypto/binance_usdm/BTCUSDT_trades_20200222_tardis.parquet"
    if not path.exists():
        pytest.skip(f"{path} is not there; set TRIFECTA_DATA")
    table = parquet.read_table(path).slice(0, rows)
    side = np.where(table["side"].to_numpy(zero_copy_only=False) == "buy", 1.0, -1.0)
    time = table["ts"].to_numpy().astype("datetime64[us]").astype(np.float64)
    return time, side, table["price"].to_numpy().copy(), table["amount"].to_numpy().copy()


@cache
def quotes(rows=6000):
    """Real best quotes: time in us, bid, bid size, ask, ask size; those of the same instant kept in their order."""
    path = DATA / "crypto/binance_usdm/BTCUSDT_quotes_20200222_tardis.parquet"
    if not path.exists():
        pytest.skip(f"{path} is not there; set TRIFECTA_DATA")
    table = parquet.read_table(path).slice(0, rows)
    names = {name: next(one for one in table.column_names if one in spelled) for name, spelled in SPELLED.items()}
    time = table["ts"].to_numpy().astype("datetime64[us]").astype(np.float64)
    return (time, *(table[names[name]].to_numpy().copy() for name in SPELLED))


SPELLED = {
    "bid": ("bid", "bid_price"), "bid_size": ("bid_amount", "bid_qty", "bid_size", "bid_vol"),
    "ask": ("ask", "ask_price"), "ask_size": ("ask_amount", "ask_qty", "ask_size", "ask_vol"),
}  # fmt: skip


def streams():
    """Per stream: floats of state, events, and the update; each of the events is one tuple of arguments."""
    time, side, price, size = trades()
    _, *best = quotes(len(time))
    signed = side * size
    return {
        "order_flow": (micro.order_flow_size(N), list(zip(*best, strict=True)), micro.order_flow_update),
        "kyle": (micro.kyle_size(N), list(zip(price, signed, strict=True)), micro.kyle_update),
        "amihud": (micro.amihud_size(N), list(zip(price, size, strict=True)), micro.amihud_update),
        "roll": (micro.roll_size(N), [(one,) for one in price], micro.roll_update),
        "bulk": (micro.bulk_size(N), list(zip(price, size, strict=True)), micro.bulk_update),
    }  # fmt: skip


NAMES = ("order_flow", "kyle", "amihud", "roll", "bulk")


def run(size, events, update):
    state = np.zeros(size)
    return np.array([update(state, 0, *event, N) for event in events])


@pytest.mark.parametrize("name", NAMES)
def test_a_value_depends_on_its_window_alone(name):
    size, events, update = streams()[name]
    values = run(size, events, update)
    assert np.isfinite(values).mean() > 0.2
    for end in range(N + 1, len(events) + 1, 97):
        (*_, alone) = run(size, events[end - N - 1 : end], update)
        np.testing.assert_array_equal(alone, values[end - 1])


@pytest.mark.parametrize("name", NAMES)
def test_what_comes_later_changes_nothing(name):
    size, events, update = streams()[name]
    whole = run(size, events, update)
    np.testing.assert_array_equal(run(size, events[:1111], update), whole[:1111])
    assert np.isnan(whole[:N]).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("flaw", [math.nan, math.inf, -1.0])
def test_a_flawed_event_has_no_value_and_is_not_counted(name, flaw):
    size, events, update = streams()[name]
    events = events[: 3 * N]
    bad = (flaw, *events[N][1:])
    values = run(size, [*events[: N + 9], bad, *events[N + 9 :]], update)
    assert math.isnan(values[N + 9])
    after = np.delete(values, N + 9)
    if name == "order_flow":  # what came between two quotes is not known: it starts anew
        np.testing.assert_array_equal(after[N + 9 :], run(size, events[N + 9 :], update))
    else:
        np.testing.assert_array_equal(after, run(size, events, update))


def test_streams_say_what_the_one_shot_functions_say_of_their_window():
    _, side, price, size = trades()
    signed = side * size
    rows = np.column_stack(quotes(len(price))[1:])
    live = {name: run(*streams()[name]) for name in NAMES}
    for end in range(N + 1, len(price), 131):
        part, window = slice(end - N, end + 1), slice(end - N + 1, end + 1)
        changes = np.diff(price[part])
        wanted = {
            "order_flow": micro.order_flow(rows[part])[1],
            "kyle": micro.kyle_lambda(changes, signed[window]).lambda_,
            "amihud": micro.amihud(price[part], size[part])[0],
            "roll": micro.roll_spread(price[part]).roll_spread,
        }
        bought = micro.bulk_buy_volume(changes, size[window])[1]
        wanted["bulk"] = None if bought is None else bought[-1]
        for name, value in wanted.items():
            expected = math.nan if value is None else value
            np.testing.assert_allclose(live[name][end], expected, rtol=1e-9, atol=1e-12, err_msg=name)


def test_vpin_of_a_stream_is_that_of_its_buckets():
    _, _, price, size = trades()
    volume = float(np.median(size)) * 40
    state = np.zeros(micro.vpin_size(5))
    live = [micro.vpin_update(state, 0, *one, volume, 5) for one in zip(price, size, strict=True)]
    rows = np.column_stack([price, size])
    for end in (1, 400, 1234, len(price)):
        buckets, values = micro.vpin(rows[:end], volume, 5)
        np.testing.assert_allclose(buckets.sum(axis=1), volume, rtol=1e-8)
        newest = values[-1] if len(values) else math.nan
        np.testing.assert_allclose(live[end - 1], newest, rtol=1e-12)
    assert 0.0 <= np.nanmin(live) <= np.nanmax(live) <= 1.0


def test_a_trade_larger_than_the_whole_window_fills_it_at_once():
    state, tiny = np.zeros(micro.vpin_size(3)), 1e-9
    assert micro.vpin_update(state, 0, 100.0, 1.0, tiny, 3) == 1.0
    assert state[3] + state[4] < tiny


def test_buckets_of_decimal_sizes_fill_where_decimals_say_so():
    buckets, _ = micro.vpin(np.array([[100.0, 0.1]] * 20), 1.0, 1)
    assert len(buckets) == 2


def test_live_spreads_are_those_of_the_series():
    quoted, bid, _, ask, _ = quotes()
    time, side, price, _ = (column[trades()[0] < quoted[-1]] for column in trades())
    horizon, n = 200_000.0, len(time) * 3 // 4
    wanted = micro.trade_spreads(time, side, price, quoted, (bid + ask) / 2, horizon)
    known = np.sort(wanted[np.isfinite(wanted[:, 3]), 3])
    events = sorted([*((t, 0, k) for k, t in enumerate(time)), *((t, 1, k) for k, t in enumerate(quoted))])
    state = np.zeros(micro.spread_size(n))
    effective, live, done = [], math.nan, 0
    for when, kind, k in events:
        if kind == 0:
            effective.append(micro.spread_trade(state, 0, when, side[k], price[k], n))
        else:
            live = micro.spread_update(state, 0, when, bid[k], ask[k], horizon, n)
            done = int(np.searchsorted(known, when, "right"))
            assert math.isnan(live) == (done < n)
            if done >= n:
                break
    assert done >= n
    np.testing.assert_array_equal(effective, wanted[: len(effective), 0])
    assert state[3] == 0.0
    seen = wanted[np.isfinite(wanted[:, 1]), 1][:done]
    np.testing.assert_allclose(live, seen[-n:].mean(), rtol=1e-12)
    parts = wanted[np.isfinite(wanted[:, 1])]
    np.testing.assert_allclose(parts[:, 0], parts[:, 1] + parts[:, 2], atol=1e-9)


def test_a_realised_spread_is_not_known_before_a_quote_shows_it():
    time, side, price, _ = trades(400)
    quoted, bid, _, ask, _ = quotes()
    mid = (bid + ask) / 2
    whole = micro.trade_spreads(time, side, price, quoted, mid, 1e6)
    for cut in (0, 1, 700, 3000):
        part = micro.trade_spreads(time, side, price, quoted[:cut], mid[:cut], 1e6)
        known = whole[:, 3] <= (quoted[cut - 1] if cut else -1)
        np.testing.assert_array_equal(part[known], whole[known])
        assert np.isnan(part[~known, 1:]).all()


def test_of_too_many_waiting_trades_the_oldest_is_dropped_and_counted():
    state = np.zeros(micro.spread_size(2))
    assert math.isnan(micro.spread_trade(state, 0, 0.0, 1.0, 100.0, 2))
    micro.spread_update(state, 0, 1.0, 99.0, 101.0, 5.0, 2)
    assert [micro.spread_trade(state, 0, float(t), 1.0, 101.0 + t, 2) for t in (2, 3, 4)] == [600.0, 800.0, 1000.0]
    assert state[3] == 1.0
    assert micro.spread_update(state, 0, 99.0, 99.0, 101.0, 5.0, 2) == pytest.approx((800.0 + 1000.0) / 2)
    assert math.isnan(micro.spread_update(state, 0, 100.0, 101.0, 101.0, 5.0, 2))
    assert math.isnan(micro.spread_trade(state, 0, 100.0, 0.0, 101.0, 2))


level = st.tuples(st.integers(1, 10**6), st.integers(1, 10**6))


@settings(max_examples=60, deadline=None)
@given(
    middle=st.integers(1000, 10**6), gaps=st.lists(level, min_size=1, max_size=8),
    others=st.lists(level, min_size=1, max_size=8), levels=st.integers(1, 10), bps=st.floats(0, 500),
)  # fmt: skip
def test_measures_of_any_sound_book_keep_their_bounds_and_mirror(middle, gaps, others, levels, bps):
    """Negating prices about a middle and swapping the sides mirrors every measure."""
    middle += 10**8
    bids = list(zip((middle - np.cumsum([g for g, _ in gaps])).tolist(), [q for _, q in gaps], strict=True))
    asks = list(zip((middle + np.cumsum([g for g, _ in others])).tolist(), [q for _, q in others], strict=True))
    found = book_measures(book_of(bids, asks), levels, bps)
    assert found.valid
    assert bids[0][0] <= found.microprice <= asks[0][0]
    assert -1.0 <= found.imbalance <= 1.0
    assert (found.microprice > found.mid) == (found.imbalance_top > 0)
    turned = book_measures(
        book_of([(2 * middle - p, q) for p, q in asks], [(2 * middle - p, q) for p, q in bids]), levels, bps
    )
    assert turned.imbalance == -found.imbalance
    assert turned.spread == found.spread
    assert turned.microprice - turned.mid == pytest.approx(found.mid - found.microprice, abs=1e-6)


def test_depth_counts_a_level_on_the_bound_whatever_its_last_bit_says():
    book = book_of([(1.0995, 3), (1.0990, 4)], [(1.1005, 5), (1.1011, 6)])
    on = 1e4 * 0.0005 / 1.1
    assert book_measures(book, 2, on).bid_depth_bps == 3
    assert book_measures(book, 2, on).ask_depth_bps == 5
    assert book_measures(book, 2, on * 0.999).ask_depth_bps == 0


@pytest.mark.parametrize("flaw", FLAWED)
@pytest.mark.parametrize("place", [(0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0)])
def test_a_book_with_an_unsound_level_has_no_measures(flaw, place):
    sides = [[[99.0, 5.0], [98.0, 7.0]], [[101.0, 2.0], [102.0, 4.0]]]
    sides[place[0]][place[1]][place[2]] = flaw
    found = book_measures(book_of(*sides), 2, 50)
    assert found == (False, "MALFORMED", *[None] * len(micro.BOOK_MEASURES))
    with pytest.raises(DataQualityError, match="MALFORMED"):
        depth_fill(book_of(*sides), 1, 1.0)


@pytest.mark.parametrize(
    ("bids", "asks", "reason"),
    [
        ([], [], "EMPTY_SIDE"), ([(1, 1)], [], "EMPTY_SIDE"), ([], [(1, 1)], "EMPTY_SIDE"),
        ([(2, 1)], [(2, 1)], "CROSSED_OR_LOCKED"), ([(3, 1)], [(2, 1)], "CROSSED_OR_LOCKED"),
        ([(3, 1), (3, 2)], [(4, 1)], "MALFORMED"), ([(1, 1), (2, 2)], [(4, 1)], "MALFORMED"),
    ],
)  # fmt: skip
def test_a_book_that_is_none_says_why(bids, asks, reason):
    found = book_measures(book_of(bids, asks), 1, 10)
    assert (found.valid, found.reason) == (False, reason)
    assert reason in BookFlaw.__members__


def test_an_order_takes_what_is_there_and_no_more():
    assert depth_fill(book_of([(99, 1)], []), 1, 5.0) == DepthFill(0.0, None, False, None)
    assert depth_fill(book_of([(99, 1)], []), -1, 1.0) == DepthFill(1.0, 99.0, True, None)
    assert depth_fill(book_of([(99, 1)], [(101, 1), (102, 1)]), 1, 1.5).complete
    for side, size in ((0, 1.0), (1, 0.0), (1, math.nan)):
        with pytest.raises(ValueError, match="side 1 or -1 and a finite size above 0"):
            depth_fill(book_of([(99, 1)], [(101, 1)]), side, size)
    with pytest.raises(ValueError, match="levels from 1"):
        book_measures(book_of([(99, 1)], [(101, 1)]), 0, 1.0)


def test_a_side_is_back_when_enough_of_it_is():
    times, depths = np.array([0.0, 900.0, 1000.0, 1400.0]), np.array([99.0, 99.0, 20.0, 80.0])
    assert micro.recovery_time(times, depths, 1000, 100.0, 0.8) == 400.0
    assert micro.recovery_time(times, depths, 1000, 100.0, 0.9) is None
    state = np.zeros(micro.RESILIENCY_SIZE)
    assert math.isnan(micro.resiliency_update(state, 0, 5.0, 100.0))
    for bad in ((0.0, 0.9), (1.0, 0.0), (1.0, 1.1)):
        with pytest.raises(ValueError, match="a depth above 0 and a fraction to 1"):
            micro.recovery_time(times, depths, 0, *bad)
    with pytest.raises(ValueError, match="times fall"):
        micro.recovery_time(times[::-1], depths, 0, 1.0, 0.9)


def test_what_never_varies_has_no_estimate():
    flat, ones = np.zeros(5), np.ones(5)
    assert micro.kyle_lambda(flat, ones) == (None, None, None, 0.0)
    assert micro.kyle_lambda(flat, flat) == (None, None, None, None)
    assert micro.kyle_lambda(flat, np.arange(5.0))[2] is None
    assert micro.amihud(ones, flat) == (None, 0)
    assert micro.roll_spread(ones[:3]) == (None, None)
    assert micro.roll_spread(np.array([1.0, 2.0, 4.0, 8.0, 16.0]))[1] is None
    assert micro.bulk_buy_volume(flat, ones) == (None, None)
    assert micro.bulk_buy_volume(np.zeros(0), np.zeros(0)) == (None, None)
    assert micro.order_flow(np.array([[1.0, 1, 2, 1]]))[1] is None
    for name in ("kyle", "bulk"):
        size, _, update = streams()[name]
        assert np.isnan(run(size, [(100.0, 1.0)] * 60, update)).all()
    assert np.isnan(run(micro.amihud_size(N), [(100.0, 0.0)] * 60, micro.amihud_update)).all()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: micro.amihud(np.array([1.0, math.nan]), np.ones(2)), "bar 1: close nan"),
        (lambda: micro.amihud(np.ones(2), np.array([-1.0, 1.0])), "bar 0: close 1.0, volume -1.0"),
        (lambda: micro.kyle_lambda(np.array([1.0, math.inf]), np.ones(2)), "pair 1"),
        (lambda: micro.roll_spread(np.array([1.0, 0.0])), "price 1 is 0.0"),
        (lambda: micro.vpin(np.array([[1.0, 1.0], [1.0, 0.0]]), 1.0, 1), "trade 1: "),
        (lambda: micro.bulk_buy_volume(np.array([math.nan]), np.ones(1)), "bar 0"),
        (lambda: micro.order_flow(np.array([[2.0, 1, 2, 1]])), "quote 0: "),
        (lambda: micro.spread_parts(1, 1.0, math.nan, 1.0), "mid nan"),
    ],
)
def test_flawed_input_is_refused_by_place(call, said):
    with pytest.raises(DataQualityError, match=said):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: micro.amihud(np.ones(2), np.ones(3)), lambda: micro.kyle_lambda(np.ones(2), np.ones(3)),
        lambda: micro.bulk_buy_volume(np.ones(2), np.ones(3)), lambda: micro.vpin(np.ones((1, 2)), 0.0, 1),
        lambda: micro.vpin(np.ones((1, 2)), 1.0, 0), lambda: micro.spread_parts(0, 1.0, 1.0, 1.0),
    ],
)  # fmt: skip
def test_impossible_arguments_are_refused(call):
    with pytest.raises(ValueError, match="allowed"):
        call()
