"""Plans for made markets: one desk, one instrument or one pair of venues, gates open, so that nothing hides an action.

What is not stated here is as everywhere: orders take 80 ms, cost spread, slippage and fee, are judged by every rule.
"""

from typing import Final

from market.instruments import Instrument, Kind, VenueSpec
from market.money import MONEY_UNIT
from market.tape import Role
from policies.catalogue import params_of, policy_named
from policies.intents import DeskKind
from policies.plan import DeskPlan, FeedPlan, LimitsPlan, Plan, RoutePlan

SECOND_NS: Final = 10**9
LATENCY_NS: Final = 80_000_000
CASH: Final = 10_000 * MONEY_UNIT
WIDE: Final = 10**15

OPEN_LIMITS: Final = LimitsPlan(
    profile="made", trades_per_day_max=10**9, daily_loss_max=WIDE, daily_loss_basis=0, drawdown_max=WIDE,
    drawdown_basis=0, loss_streak_max=10**9, position_ppm_max=1_000_000, cooldowns_ns=(0,), sample_ns=3_600 * SECOND_NS,
)  # fmt: skip


def _pair(venue: str, spread_ticks: int, slippage_ticks: int, fee_ppm: int) -> Instrument:
    return Instrument(
        symbol="EURUSD", venue=venue, kind=Kind.FX, base="EUR", quote="USD", tick_size="0.00001", lot_size="1000",
        lots_max=10**6, depth_lots=10**6, spread_ticks=spread_ticks, slippage_ticks=slippage_ticks, fee_ppm=fee_ppm,
    )  # fmt: skip


def _plan(
    instruments: tuple[Instrument, ...], feeds: tuple[FeedPlan, ...], desk: DeskPlan, routes: tuple[RoutePlan, ...] = ()
) -> Plan:
    venues = tuple(dict.fromkeys(instrument.venue for instrument in instruments))
    return Plan(
        currency="USD", cash=CASH, instruments=instruments, feeds=feeds, desks=(desk,), limits=OPEN_LIMITS,
        venues=tuple(VenueSpec(name=name, latency_ns=LATENCY_NS, stale_after_ns=600 * SECOND_NS) for name in venues),
        routes=routes,
    )  # fmt: skip


def _desk(
    name: str, kind: DeskKind, policy: str, params: dict[str, float], expiry_ns: int = 60 * SECOND_NS
) -> DeskPlan:  # fmt: skip
    return DeskPlan(
        name=name, kind=kind, policy=policy, params=params_of(policy_named(policy), params), auto_execute=True, top_n=3,
        expiry_ns=expiry_ns,
    )  # fmt: skip


def forex_plan(
    bar_ns: int = 60 * SECOND_NS, *, spread_ticks: int = 8, slippage_ticks: int = 1, fee_ppm: int = 0,
    params: dict[str, float] | None = None,
) -> Plan:  # fmt: skip
    """Return the plan of a forex desk on bars of one pair; parameters are those of the policy `network`."""
    instrument = _pair("made", spread_ticks, slippage_ticks, fee_ppm)
    roles = int(Role.MATCH | Role.VIEW)
    feed = FeedPlan(instrument=instrument.key, roles=roles, desk=0, bar_ns=bar_ns)
    return _plan((instrument,), (feed,), _desk("forex", DeskKind.FOREX, "network", params or {}))


def binary_plan(
    bar_ns: int = 60 * SECOND_NS, *, payout_ppm: int = 850_000, spread_ticks: int = 8,
    params: dict[str, float] | None = None,
) -> Plan:  # fmt: skip
    """Return the plan of a binary desk: contracts of one bar on the bars of a pair."""
    under = _pair("made", spread_ticks, 0, 0)
    contract = Instrument(
        symbol="EURUSD_UP", venue="made", kind=Kind.BINARY, base="EUR", quote="USD", tick_size="0.00001", lot_size="1",
        lots_max=10**6, underlying=under.key, payout_ppm=payout_ppm, expiry_ns=bar_ns,
    )  # fmt: skip
    feeds = (
        FeedPlan(instrument=under.key, roles=int(Role.MATCH), desk=0),
        FeedPlan(instrument=under.key, roles=int(Role.VIEW), desk=0, bar_ns=bar_ns, trades=contract.key),
    )
    return _plan((under, contract), feeds, _desk("binary", DeskKind.BINARY, "network_digital", params or {}, bar_ns))


def arbitrage_plan(
    *, enter_ticks: int = 12, exit_ticks: int = 6, hold_ns: int = 120 * SECOND_NS, slippage_ticks: int = 0,
    fee_ppm: int = 0, params: dict[str, float] | None = None,
) -> Plan:  # fmt: skip
    """Return the plan of an arbitrage desk on one pair quoted at two venues."""
    instruments = (_pair("one", 0, slippage_ticks, fee_ppm), _pair("two", 0, slippage_ticks, fee_ppm))
    roles = int(Role.MATCH | Role.SCAN)
    route = RoutePlan(
        instrument_a=instruments[0].key, instrument_b=instruments[1].key, desk=0, enter_ticks=enter_ticks,
        exit_ticks=exit_ticks, hold_ns=hold_ns, quiet_ns=2 * SECOND_NS, age_ns_max=3 * SECOND_NS,
    )  # fmt: skip
    return _plan(
        instruments, tuple(FeedPlan(instrument=one.key, roles=roles, desk=0) for one in instruments),
        _desk("arbitrage", DeskKind.ARBITRAGE, "network_pair", params or {}), routes=(route,),
    )  # fmt: skip
