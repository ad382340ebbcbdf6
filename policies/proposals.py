"""From an opinion to an intent: what an agent does with one closed bar or one candidate. Compiled, used everywhere.

A proposal is made when the policy's view changes side or has held it long enough to be said again, not on every bar:
an agent does not know the book, so it must not repeat itself.
"""

import math
from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled, inlined
from market.costs import round_trip_cost_ticks
from market.paper import OrderKind
from market.payoff import expected_value, stake_fraction, stake_money
from market.quotes import to_account, to_account_up, update_quote
from market.records import Record, Records
from market.rounding import BUY, SELL, PriceKind, floor_lots, ticks_of_level
from market.tape import Role, Tape
from policies import arbitrage, binary, forex, sma_cross
from policies.gates import forex_combined, position_cap, size_multiplier_ppm
from policies.opportunity import BPS
from policies.routes import Scan
from policies.sizing import fixed_fraction_lots, notional_lots, share_of
from policies.view import FNV_OFFSET, Views, mix, update_view


class PolicyKind(IntEnum):
    """The compiled policies."""

    SMA_CROSS = 1
    TREND_REVERSION = 2
    DRIFTING_DIGITAL = 3
    CONVERGENCE = 4


class Agent(NamedTuple):
    """What the agents of one process hold: per desk a policy, its params and its views, plus the newest quotes."""

    feeds: Records
    instruments: Records
    quotes: Records
    routes: Records
    desks: Records
    policies: NDArray[np.int64]
    params: NDArray[np.float64]
    budgets: NDArray[np.int64]
    multipliers: NDArray[np.float64]
    control: NDArray[np.int64]
    views: Views


EPOCH, DAY_END = 0, 1
"""Slots of `control`: the governor's epoch, and the end of the UTC day for which the budgets hold."""


P_LOTS: Final = 2
"""sma_cross: the third parameter, after fast and slow, is its number of lots."""


@inlined
def hear_bar(agent: Agent, tape: Tape, row: int, out: Record) -> bool:
    """Take one closed bar into its view and ask the policy; True when it has something new to propose.

    Writes the opinion (votes, strength, confidence) to `out`; `propose_bar` makes it an intent.
    """
    feed = agent.feeds[tape.feed[row]]
    update_view(agent.views, feed.desk, feed.view_number, tape, row)
    kind = agent.policies[feed.desk]
    if kind == PolicyKind.SMA_CROSS:
        side = sma_cross.crossing(agent.views.before[feed.view_number], agent.views.features[feed.view_number])
        out.strength, out.votes_count = side, 0
        return side != 0
    features = agent.views.features[feed.view_number]
    return asked(agent.views.views[feed.view_number], kind, features, agent.params[feed.desk], tape.close[row], out)


@compiled
def asked(
    view: Record, kind: int, features: NDArray[np.float64], params: NDArray[np.float64], close: float, out: Record
) -> bool:
    """Ask a policy that forms its opinion on every bar; True when it is strong enough and new."""
    if kind == PolicyKind.TREND_REVERSION:
        if not forex.trend_reversion(features, params, close, out):
            return False
        return _speaks(view, out, params[forex.P_CANDIDATE], params[forex.P_REARM])
    if not binary.drifting_digital(features, params, close, out):
        return False
    return _speaks(view, out, 0.5 + params[binary.P_EDGE], params[binary.P_REARM])


@compiled
def propose_bar(agent: Agent, tape: Tape, row: int, out: Record) -> bool:
    """Make the opinion in `out` an intent: what it trades, the quote it saw, stop, target and lots."""
    feed = agent.feeds[tape.feed[row]]
    kind = agent.policies[feed.desk]
    _begin(agent, tape, row, out)
    if kind == PolicyKind.SMA_CROSS:
        return _follow_cross(agent, feed, out)
    params = agent.params[feed.desk]
    if kind == PolicyKind.TREND_REVERSION:
        return _size_forex(agent, feed, params, agent.views.features[feed.view_number], out)
    return _size_binary(agent, feed, params, out)


@compiled
def _begin(agent: Agent, tape: Tape, row: int, out: Record) -> None:
    """Write what every intent of a view has: when, who, what it trades and the quote it saw."""
    feed = agent.feeds[tape.feed[row]]
    quote = agent.quotes[agent.instruments[feed.trades].underlying]
    out.time_ns, out.desk, out.view_number = tape.time_ns[row], feed.desk, feed.view_number
    out.group = agent.instruments[feed.trades].group
    out.legs, out.reduce, out.order_kind, out.hold_ns = 1, 0, OrderKind.MARKET, 0
    out.instrument0, out.instrument1, out.lots0, out.lots1 = feed.trades, -1, 0, 0
    out.limit0, out.limit1, out.stop, out.target = 0, 0, 0, 0
    out.bid0, out.ask0, out.bid1, out.ask1 = quote.bid, quote.ask, 0, 0
    out.quote0_ns, out.quote1_ns = quote.time_ns, 0
    out.gain, out.rules, out.ruling, out.equity, out.first_order = 0, 0, 0, 0, -1
    out.reward, out.gross, out.risk_score, out.score = 0.0, 0.0, 0.0, 0.0
    out.features_count = agent.views.spans[feed.desk, 1]
    out.epoch = agent.control[EPOCH]
    for k in range(out.votes_count, len(out.votes)):
        out.votes[k] = 0.0
    for k in range(len(out.features)):
        out.features[k] = agent.views.features[feed.view_number, k] if k < out.features_count else 0.0


@compiled
def _speaks(view: Record, out: Record, confidence_min: float, rearm_bars: float) -> bool:
    """Tell whether the opinion is strong enough to be proposed, and new: another side, or said long enough ago."""
    side = 1 if out.strength > 0.0 else -1
    if out.confidence < confidence_min or out.strength == 0.0:
        return False
    if view.last_side == side and view.bars - view.last_bar < rearm_bars:
        return False
    view.last_side, view.last_bar = side, view.bars
    return True


@compiled
def _follow_cross(agent: Agent, feed: Record, out: Record) -> bool:
    """Buy a fixed number of lots when the averages cross upward; close what is held when they cross downward."""
    out.confidence = 1.0
    if out.strength > 0.0:
        lots = int(agent.params[feed.desk, P_LOTS])
        out.lots0 = floor_lots(lots, 1, agent.instruments[feed.trades].lots_max)
    else:
        out.reduce = 1
    return _sign(out)


@compiled
def _size_forex(
    agent: Agent, feed: Record, params: NDArray[np.float64], features: NDArray[np.float64], out: Record
) -> bool:
    """Set stop and target by ATR, then the lots whose loss at the stop is the share of the budget at risk."""
    buys = out.strength > 0.0
    sign = 1.0 if buys else -1.0
    entry = float(out.ask0 if buys else out.bid0)
    atr = features[forex.ATR]
    closing = SELL if buys else BUY
    out.stop = ticks_of_level(entry - sign * params[forex.P_STOP] * atr, closing, PriceKind.PROTECTIVE_STOP)
    out.target = ticks_of_level(entry + sign * params[forex.P_TARGET] * atr, closing, PriceKind.TAKE_PROFIT)
    if out.stop <= 0 or out.target <= 0 or out.stop == entry:
        return False
    out.hold_ns = int(params[forex.P_HOLD]) * feed.bar_ns
    cost = round_trip_cost_ticks(agent.instruments, feed.trades, out.bid0, out.ask0, 1)
    out.reward = forex.reward_to_risk(entry, float(out.stop), float(out.target), cost)
    budget = agent.budgets[feed.desk]
    combined = forex_combined(agent.desks[feed.desk], out.confidence, out.reward)
    risk = position_cap(share_of(budget, params[forex.P_RISK]), size_multiplier_ppm(agent.multipliers, combined))
    lots = fixed_fraction_lots(
        agent.instruments, agent.quotes, feed.trades, int(abs(out.stop - entry)), risk,
        share_of(budget, params[forex.P_NOTIONAL]),
    )  # fmt: skip
    out.lots0 = lots if buys else -lots
    return _sign(out)


@compiled
def _size_binary(agent: Agent, feed: Record, params: NDArray[np.float64], out: Record) -> bool:
    """Stake a fraction of Kelly on the likelier side, at least the venue's smallest stake, so a refusal shows why."""
    row = agent.instruments[feed.trades]
    out.order_kind = OrderKind.BINARY
    payout = row.payout_ppm * 1e-6
    out.gross, out.hold_ns = payout, row.expiry_ns
    out.reward = expected_value(out.confidence, payout, 0.0, 0.0)
    share = stake_fraction(out.confidence, payout, 0.0, 0.0, params[binary.P_KELLY], params[binary.P_STAKE])
    stake = stake_money(agent.budgets[feed.desk], share)
    lots = max(notional_lots(agent.instruments, agent.quotes, feed.trades, stake), row.lots_min)
    out.lots0 = min(lots, row.lots_max) if out.strength > 0.0 else -min(lots, row.lots_max)
    return _sign(out)


@compiled
def hear_rows(agent: Agent, tape: Tape, begin: int, end: int, intents: Records, count: int) -> tuple[int, int]:
    """Take whole instants of rows [begin, end) into the views; write what is proposed from intents[count] on.

    Returns (row it came to, new count). It stops before an instant of a later day than its budgets are for, and
    before one that could overfill `intents`.
    """
    row = begin
    feeds, quotes = agent.feeds, agent.quotes
    while row < end and tape.time_ns[row] < agent.control[DAY_END] and count + len(feeds) <= len(intents):
        now = tape.time_ns[row]
        last = row
        while last < end and tape.time_ns[last] == now:
            feed = feeds[tape.feed[last]]
            if feed.roles & Role.MATCH.value:
                update_quote(quotes, feed.instrument, tape, last)
            last += 1
        for j in range(row, last):
            heard = feeds[tape.feed[j]].roles & Role.VIEW.value and tape.flaws[j] == 0
            if heard and hear_bar(agent, tape, j, intents[count]) and propose_bar(agent, tape, j, intents[count]):
                count += 1
        row = last
    return row, count


@compiled
def propose_pair(agent: Agent, candidate: Record, out: Record) -> bool:
    """Turn a route's candidate into a two-leg intent: open both legs, or close whatever both hold."""
    route = agent.routes[candidate.route]
    a, b = route.instrument_a, route.instrument_b
    params = agent.params[route.desk]
    _begin_pair(agent, candidate, out)
    if candidate.kind == Scan.EXIT:
        out.reduce, out.confidence = 1, 1.0
        return _sign(out)
    first = 1 if candidate.direction == 1 else -1
    size = _pair_lots(agent, route, candidate, params)
    if size <= 0:
        return False
    out.lots0, out.lots1 = first * size, -first * size
    slack = int(params[arbitrage.P_SLACK])
    out.order_kind = OrderKind.IOC
    out.limit0 = candidate.ask_a + slack if first > 0 else candidate.bid_a - slack
    out.limit1 = candidate.bid_b - slack if first > 0 else candidate.ask_b + slack
    arbitrage.assess(agent.instruments, a, b, candidate, size, params, out)
    paid, _ = arbitrage.entry_prices(candidate)
    net_ticks = out.reward * paid / BPS
    net = math.floor(net_ticks * size * agent.instruments[a].tick_value)
    out.gain = to_account(net, candidate.rate_num, candidate.rate_den)
    return _sign(out)


@compiled
def _begin_pair(agent: Agent, candidate: Record, out: Record) -> None:
    route = agent.routes[candidate.route]
    out.time_ns, out.desk, out.view_number = candidate.time_ns, route.desk, route.view_number
    out.group = agent.instruments[route.instrument_a].group
    out.legs, out.reduce, out.order_kind, out.hold_ns = 2, 0, OrderKind.MARKET, 0
    out.instrument0, out.instrument1, out.lots0, out.lots1 = route.instrument_a, route.instrument_b, 0, 0
    out.limit0, out.limit1, out.stop, out.target = 0, 0, 0, 0
    out.bid0, out.ask0, out.bid1, out.ask1 = candidate.bid_a, candidate.ask_a, candidate.bid_b, candidate.ask_b
    out.quote0_ns, out.quote1_ns = candidate.time_a_ns, candidate.time_b_ns
    out.gain, out.rules, out.ruling, out.equity, out.first_order = 0, 0, 0, 0, -1
    out.strength, out.confidence, out.reward, out.gross = 0.0, 0.0, 0.0, 0.0
    out.risk_score, out.score = 0.0, 0.0
    out.votes_count, out.features_count = 0, 3
    out.epoch = agent.control[EPOCH]
    for k in range(len(out.votes)):
        out.votes[k] = 0.0
    for k in range(len(out.features)):
        out.features[k] = 0.0
    out.features[0], out.features[1] = candidate.basis, candidate.sigma_1s
    out.features[2] = float(candidate.direction)


@compiled
def _pair_lots(agent: Agent, route: Record, candidate: Record, params: NDArray[np.float64]) -> int:
    """Return the lots both legs can take: budget share, quoted or stated depth, both venues' bounds."""
    a, b = agent.instruments[route.instrument_a], agent.instruments[route.instrument_b]
    if candidate.rate_num <= 0:
        return 0
    cap = share_of(agent.budgets[route.desk], params[arbitrage.P_NOTIONAL])
    dearer = max(candidate.ask_a, candidate.ask_b) * max(a.tick_value, b.tick_value)
    size = min(
        max(cap, 0) // max(to_account_up(dearer, candidate.rate_num, candidate.rate_den), 1),
        candidate.lots_a if candidate.lots_a > 0 else a.depth_lots,
        candidate.lots_b if candidate.lots_b > 0 else b.depth_lots,
    )
    size = floor_lots(size, a.lots_min, a.lots_max)
    return floor_lots(size, b.lots_min, b.lots_max)


@compiled
def _sign(out: Record) -> bool:
    """Hash what the policy saw and said into `view_hash`; always True."""
    state = mix(FNV_OFFSET, out.time_ns)
    state = mix(mix(mix(mix(state, out.bid0), out.ask0), out.bid1), out.ask1)
    state = mix(mix(state, out.quote0_ns), out.quote1_ns)
    for k in range(out.features_count):
        state = mix(state, float_bits(out.features[k]))
    out.view_hash = np.int64(state)
    return True


@compiled
def float_bits(value: float) -> int:
    """Return a float as a whole number that differs whenever the value does, to 53 bits of mantissa."""
    mantissa, exponent = math.frexp(value) if math.isfinite(value) else (0.0, -9999)
    return int(mantissa * 9007199254740992.0) * 4099 + exponent
