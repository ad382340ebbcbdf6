"""Builders of whole runs: a plan of three desks, a seeded tape on which each of them trades, and what comes of it."""

from typing import Any

import msgspec
import numpy as np

from envs.rollout import Rollout, open_engine, roll
from market.continuity import flag_rows
from market.instruments import Instrument, Kind, VenueSpec
from market.tape import Role, Tape, bar_tape, merge_tapes, quote_tape
from policies.catalogue import params_of, policy_named
from policies.intents import DeskKind
from policies.plan import ControlsPlan, DeskPlan, FeedPlan, InstrumentControls, LimitsPlan, Plan, RoutePlan
from research.result import RunResult, result_of_rollout

SECOND = 10**9
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
MONEY = 10**6
START_NS = 1_599_955_200 * SECOND + 22 * HOUR
"""Sunday 2020-09-13 22:00 UTC, when the FX week opens: two hours before a day rolls."""

PAIRS = (("EURUSD", "0.00001", 110000), ("GBPUSD", "0.00001", 130000), ("USDJPY", "0.001", 108000),
         ("AUDUSD", "0.00001", 70000))  # fmt: skip
"""Bars of the forex desk: symbol, tick size, first price in ticks."""

SPREAD = 8
BARS = np.array([True, True, True, True, False, False, True])
"""Which feeds of the plan are bars: the pairs, then EURUSD quotes of venues a and b, then bars made of a's quotes."""


def an_instrument(symbol: str, venue: str, **changes: Any) -> Instrument:
    terms = {"kind": Kind.FX, "tick_size": "0.00001", "lot_size": "1000", "spread_ticks": SPREAD}
    base, quote = symbol[:3], symbol[3:6]
    return Instrument(symbol=symbol, venue=venue, base=base, quote=quote, **(terms | changes))  # type: ignore[arg-type]


def a_desk(name: str, kind: DeskKind, policy: str, params: dict[str, float], **changes: Any) -> DeskPlan:
    return DeskPlan(
        name=name, kind=kind, policy=policy, params=params_of(policy_named(policy), params),
        **({"auto_execute": True} | changes),
    )  # fmt: skip


DESKS = (
    a_desk(
        "forex", DeskKind.FOREX, "trend_reversion",
        {
            "candidate_min": 0.6, "rearm_bars": 5, "stop_atr": 3, "target_atr": 8, "hold_bars": 60,
            "risk_fraction": 0.002, "notional_fraction": 0.25, "breakeven_r": 1, "trail_r": 1.5, "trail_atr": 3,
        },
        top_n=2, confidence_min=0.6, reward_min=0.5, auto_confidence=0.6, auto_reward=0.5,
        size_multipliers=((0.8, 1.0), (0.65, 0.75), (0.0, 0.5)),
    ),
    a_desk(
        "arbitrage", DeskKind.ARBITRAGE, "convergence", {"notional_fraction": 0.25},
        top_n=3, reward_min=-1e9, auto_gross=-1e9, auto_gain=-1e15,
    ),
    a_desk(
        "binary", DeskKind.BINARY, "drifting_digital",
        {"candidate_edge": 0.01, "trend_weight": 1.0, "kelly_fraction": 0.25, "stake_fraction_max": 0.002},
        confidence_min=0.5, reward_min=-1.0,
    ),
)  # fmt: skip

LIMITS = LimitsPlan(
    profile="test", trades_per_day_max=200, daily_loss_max=5_000 * MONEY, daily_loss_basis=0,
    drawdown_max=10_000 * MONEY, drawdown_basis=0, loss_streak_max=50, position_ppm_max=250_000,
    cooldowns_ns=(0, 0, 30 * SECOND), sample_ns=15 * MINUTE,
)  # fmt: skip


CONTROLS = ControlsPlan(
    instruments=(
        InstrumentControls(
            collar_ppm=5_000, drift_ppm=300, lots_max=40, reference_ns_max=2 * MINUTE, permitted=True,
        ),
    ) * 7,
    value_max=10**6 * MONEY, value_ppm_max=250_000, gross_ppm_max=900_000, messages_max=3, venue_messages_max=2,
    message_ns=SECOND, executions_max=12, executions_ns=10 * MINUTE, same_max=3, same_ns=2 * MINUTE,
    duplicate_ns=SECOND, drift_ns=MINUTE, fat_finger_factor=3, jump_sigma=4, self_trade=1, locked=1,
)  # fmt: skip
"""Pre-trade controls so tight that most of them object now and then on `a_tape`."""


def a_plan(**changes: Any) -> Plan:
    """Return a plan of three desks. A keyword changes a limit, a desk by its name (a mapping), or the plan itself."""
    limits = {name: changes.pop(name) for name in LimitsPlan.__struct_fields__ if name in changes}
    desks = tuple(msgspec.structs.replace(desk, **changes.pop(desk.name, {})) for desk in DESKS)
    pairs = tuple(an_instrument(symbol, "fx", tick_size=tick) for symbol, tick, _ in PAIRS)
    a, b = (an_instrument("EURUSD", venue, depth_lots=1000) for venue in "ab")
    contract = an_instrument(
        "EURUSD.60s", "a", kind=Kind.BINARY, tick_size="1", lot_size="1", spread_ticks=0, underlying=a.key,
        payout_ppm=850_000, expiry_ns=MINUTE,
    )  # fmt: skip
    bars, quotes = Role.MATCH | Role.VIEW, Role.MATCH | Role.SCAN
    plan = Plan(
        currency="USD",
        cash=100_000 * MONEY,
        venues=(
            VenueSpec(name="fx", latency_ns=50_000_000, stale_after_ns=10 * MINUTE),
            VenueSpec(name="a", latency_ns=100_000_000, stale_after_ns=30 * SECOND),
            VenueSpec(name="b", latency_ns=150_000_000, stale_after_ns=30 * SECOND),
        ),
        instruments=(*pairs, a, b, contract),
        feeds=(
            *(FeedPlan(instrument=pair.key, roles=bars, desk=0, bar_ns=MINUTE) for pair in pairs),
            FeedPlan(instrument=a.key, roles=quotes, desk=1),
            FeedPlan(instrument=b.key, roles=quotes, desk=1),
            FeedPlan(instrument=a.key, roles=Role.VIEW, desk=2, bar_ns=MINUTE, trades=contract.key),
        ),
        routes=(
            RoutePlan(
                instrument_a=a.key, instrument_b=b.key, desk=1, enter_ticks=2, exit_ticks=3, hold_ns=120 * SECOND,
                quiet_ns=5 * SECOND, age_ns_max=2 * SECOND,
            ),
        ),
        desks=desks,
        limits=msgspec.structs.replace(LIMITS, **limits),
    )  # fmt: skip
    return msgspec.structs.replace(plan, **changes)


def a_tape(
    minutes: int = 600, ticks: int = 20_000, seed: int = 1, flaws: bool = True, start_ns: int = START_NS
) -> Tape:
    """Return a tape for `a_plan`: walks with drifts, minutes missing, and a crossed quote now and then."""
    rng = np.random.default_rng(seed)
    pairs = [_pair_bars(rng, feed, first, minutes, start_ns) for feed, (_, _, first) in enumerate(PAIRS)]
    walk = np.cumsum(rng.normal(0, 0.8, minutes * 60 + 1)) + PAIRS[0][2]
    quotes = [_quotes(rng, feed, walk, ticks, start_ns, flaws) for feed in (4, 5)]
    tape = merge_tapes([*pairs, *quotes, _bars_of_quotes(6, quotes[0], minutes, start_ns)])
    flag_rows(tape, BARS, np.full(len(BARS), -1), tape.flaws)
    return tape


def _pair_bars(rng: np.random.Generator, feed: int, first: int, minutes: int, start_ns: int) -> Tape:
    """Four prices a minute of a walk whose drift changes every 200 prices; one minute of fifty is missing."""
    steps = 4 * minutes
    drift = np.repeat(rng.normal(0, 1, steps // 200 + 1), 200)[:steps]
    prices = (first + np.cumsum(rng.normal(0, 4, steps) + drift)).round().astype(np.int64).reshape(minutes, 4)
    columns = [prices[:, 0], prices.max(1), prices.min(1), prices[:, 3]]
    close_ns = start_ns + (np.arange(minutes) + 1) * MINUTE
    keep = rng.random(minutes) > 0.02
    bid = [column[keep] for column in columns]
    return bar_tape(feed, close_ns[keep], bid, [column + SPREAD for column in bid])


def _quotes(
    rng: np.random.Generator, feed: int, walk: np.ndarray, ticks: int, start_ns: int, flaws: bool
) -> Tape:  # fmt: skip
    """Quotes at random milliseconds around a walk per second, so that two venues differ now and then."""
    span_ms = (len(walk) - 1) * 1000
    time_ns = start_ns + np.sort(rng.integers(0, span_ms, ticks)) * 10**6
    middle = np.interp((time_ns - start_ns) / SECOND, np.arange(len(walk)), walk) + rng.normal(0, 3, ticks)
    bid = middle.round().astype(np.int64)
    ask = bid + rng.integers(4, 9, ticks)
    crossed = rng.random(ticks) < 0.001
    return quote_tape(feed, time_ns, bid, np.where(crossed, bid - 3, ask) if flaws else ask)


def _bars_of_quotes(feed: int, quotes: Tape, minutes: int, start_ns: int) -> Tape:
    """Minute bars of a feed's bids; a minute without a quote has none."""
    close_ns = start_ns + (np.arange(minutes) + 1) * MINUTE
    ends = np.searchsorted(quotes.time_ns, close_ns)
    begins = np.concatenate([[0], ends[:-1]])
    heard = ends > begins
    spans = [quotes.close[begin:end] for begin, end in zip(begins[heard], ends[heard], strict=True)]
    rows = np.array([(span[0], span.max(), span.min(), span[-1]) for span in spans], np.int64).reshape(-1, 4)
    bid = [np.ascontiguousarray(column) for column in rows.T]
    return bar_tape(feed, close_ns[heard], bid, [column + SPREAD for column in bid])


def roll_whole(plan: Plan, tape: Tape) -> Rollout:
    """Return the rollout of a plan over a tape, from a fresh account."""
    return roll(open_engine(plan), tape)


def a_result(plan: Plan | None = None, tape: Tape | None = None) -> RunResult:
    """Return what the kernel makes of a plan on a tape."""
    plan, tape = plan or a_plan(), tape or a_tape()
    return result_of_rollout(plan, tape, roll_whole(plan, tape))
