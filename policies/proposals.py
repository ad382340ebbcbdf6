"""From an opinion to an intent: what an agent makes of a policy's word on one bar, or of one candidate."""

import math
from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled, folded
from market.costs import round_trip_cost_ticks
from market.paper import OrderKind
from market.payoff import expected_value, stake_fraction, stake_money
from market.quotes import to_account, to_account_up
from market.records import Record, Records
from market.rounding import BUY, SELL, PriceKind, floor_lots, ticks_of_level
from market.tape import Tape
from policies import arbitrage, binary, forex, sma_cross
from policies.gates import forex_combined, position_cap, size_multiplier_ppm
from policies.intents import Reduce, no_evidence
from policies.models import CHOICES, Models, network_action
from policies.observing import observe_pair
from policies.opportunity import BPS
from policies.routes import Scan
from policies.signals import desk, sources
from policies.signals.desk import Chains
from policies.sizing import fixed_fraction_lots, notional_lots, share_of
from policies.stance import leave_stance, take_stance
from policies.track_record import FILL, HEALTH, evaluated, route_row, setup_row, side_row
from policies.view import HASH_START, Views, mix


class PolicyKind(IntEnum):
    """The compiled policies."""

    SMA_CROSS = 1
    TREND_REVERSION = 2
    DRIFTING_DIGITAL = 3
    CONVERGENCE = 4
    CONFLUENCE = 5
    NETWORK = 6
    GENOME = 7
    NETWORK_DIGITAL = 8
    NETWORK_PAIR = 9


class Agent(NamedTuple):
    """What the agents of one process hold: per desk a policy, its params and its views, plus the newest quotes.

    `standing` [desks, rows, 2] is what came of the desks' own trades before: by it a claim is worth more or less.
    """

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
    chains: Chains
    models: Models
    standing: NDArray[np.float64]


GAIN_MAX: Final = 2.0**62
"""Money beyond which a float has no integer that could be counted."""
NOT_FINITE: Final = -9999
"""Stands for the exponent of a feature that has none."""

EPOCH, DAY_END = 0, 1
"""Slots of `control`: the governor's epoch, and the end of the UTC day for which the budgets hold."""


@folded
def propose_bar(agent: Agent, tape: Tape, row: int, out: Record) -> bool:
    """Make the opinion in `out` an intent: what it trades, the quote it saw, stop, target and lots."""
    feed = agent.feeds[tape.feed[row]]
    kind = agent.policies[feed.desk]
    _begin(agent, tape, row, out)
    if kind == PolicyKind.SMA_CROSS:
        return _follow_cross(agent, feed, out)
    params = agent.params[feed.desk]
    features = agent.views.features[feed.view_number]
    if kind == PolicyKind.CONFLUENCE:
        desk.show_evidence(agent.chains, feed.view_number, out)
        risk_fraction = desk.risk_share(params, out.confidence)
        return _size_forex(agent, feed, params, features[sources.ATR], risk_fraction, out)
    if kind == PolicyKind.TREND_REVERSION:
        return _size_forex(agent, feed, params, features[forex.ATR], params[forex.P_RISK], out)
    if kind >= PolicyKind.NETWORK:
        return _size_model(agent, feed, params, features, out)
    return _size_binary(agent, feed, params, out)


@compiled
def _size_model(
    agent: Agent, feed: Record, params: NDArray[np.float64], features: NDArray[np.float64], out: Record
) -> bool:
    """Size what a model says: a close of what is held, or a trade by the first feature, its ATR; move the stance."""
    view = agent.views.views[feed.view_number]
    if out.strength == 0.0:
        out.reduce = Reduce.POLICY
        leave_stance(view)
        return _sign(out)
    if agent.policies[feed.desk] == PolicyKind.NETWORK_DIGITAL:
        life = agent.instruments[feed.trades].expiry_ns // max(feed.bar_ns, 1)
        proposed = _size_binary(agent, feed, params, out)
    else:
        life = int(params[forex.P_HOLD])
        proposed = _size_forex(agent, feed, params, features[0], params[forex.P_RISK], out)
    if proposed:
        take_stance(view, out, life)
    return proposed


@folded
def _begin(agent: Agent, tape: Tape, row: int, out: Record) -> None:
    """Write what every intent of a view has: when, who, what it trades and the quote it saw."""
    feed = agent.feeds[tape.feed[row]]
    quote = agent.quotes[agent.instruments[feed.trades].underlying]
    out.time_ns, out.desk, out.view_number = tape.time_ns[row], feed.desk, feed.view_number
    out.group = agent.instruments[feed.trades].group
    out.legs, out.reduce, out.order_kind, out.hold_ns = 1, 0, OrderKind.MARKET, 0
    out.instrument0, out.instrument1, out.lots0, out.lots1 = feed.trades, -1, 0, 0
    _without_protection(out)
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
def _without_protection(out: Record) -> None:
    """Begin an intent without limits, stop, target or evidence, and with nothing claimed."""
    no_evidence(out)
    out.limit0, out.limit1, out.stop, out.target = 0, 0, 0, 0
    out.breakeven_at, out.trail_at, out.trail_by = 0, 0, 0
    out.claimed0, out.claimed1 = 0, 0


@compiled
def _follow_cross(agent: Agent, feed: Record, out: Record) -> bool:
    """Buy a fixed number of lots when the averages cross upward; close what is held when they cross downward."""
    out.confidence = 1.0
    if out.strength > 0.0:
        lots = int(agent.params[feed.desk, sma_cross.P_LOTS])
        out.lots0 = floor_lots(lots, 1, agent.instruments[feed.trades].lots_max)
    else:
        out.reduce = 1
    return _sign(out)


@compiled
def _size_forex(
    agent: Agent, feed: Record, params: NDArray[np.float64], atr: float, risk_fraction: float, out: Record
) -> bool:
    """Set stop and target by ATR, then the lots whose loss at the stop is `risk_fraction` of the budget.

    Nothing is proposed whose stop would not stand on the loss side of the mark.
    """
    buys = out.strength > 0.0
    sign = 1.0 if buys else -1.0
    entry = float(out.ask0 if buys else out.bid0)
    closing = SELL if buys else BUY
    out.stop = ticks_of_level(entry - sign * params[forex.P_STOP] * atr, closing, PriceKind.PROTECTIVE_STOP)
    out.target = ticks_of_level(entry + sign * params[forex.P_TARGET] * atr, closing, PriceKind.TAKE_PROFIT)
    mark = out.bid0 if buys else out.ask0
    if out.stop <= 0 or out.target <= 0 or (mark - out.stop) * sign <= 0:
        return False
    _move_stop(params, int(abs(out.stop - entry)), atr, out)
    out.hold_ns = int(params[forex.P_HOLD]) * feed.bar_ns
    cost = round_trip_cost_ticks(agent.instruments, feed.trades, out.bid0, out.ask0, 1)
    out.reward = forex.reward_to_risk(entry, float(out.stop), float(out.target), cost)
    out.confidence = evaluated(out.confidence, agent.standing[feed.desk, side_row(feed.trades, out.strength)])
    budget = agent.budgets[feed.desk]
    combined = forex_combined(agent.desks[feed.desk], out.confidence, out.reward)
    risk = position_cap(share_of(budget, risk_fraction), size_multiplier_ppm(agent.multipliers[feed.desk], combined))
    lots = fixed_fraction_lots(
        agent.instruments, agent.quotes, feed.trades, int(abs(out.stop - entry)), risk,
        share_of(budget, params[forex.P_NOTIONAL]),
    )  # fmt: skip
    out.lots0 = lots if buys else -lots
    return _sign(out)


@compiled
def _move_stop(params: NDArray[np.float64], risk_ticks: int, atr: float, out: Record) -> None:
    """Say what moves the stop: the best gain that takes it to break-even, that makes it trail, and how far behind."""
    out.breakeven_at = forex.gain_ticks(risk_ticks, params[forex.P_BREAKEVEN])
    out.trail_at = forex.gain_ticks(risk_ticks, params[forex.P_TRAIL])
    out.trail_by = forex.distance_ticks(atr, params[forex.P_TRAIL_ATR]) if out.trail_at > 0 else 0


@compiled
def _size_binary(agent: Agent, feed: Record, params: NDArray[np.float64], out: Record) -> bool:
    """Stake a fraction of Kelly on the likelier side; below the venue's smallest stake risk refuses it, and says so."""
    row = agent.instruments[feed.trades]
    out.order_kind = OrderKind.BINARY
    payout = row.payout_ppm * 1e-6
    setup = setup_row(feed.trades, out.strength, out.time_ns)
    out.confidence = evaluated(out.confidence, agent.standing[feed.desk, setup])
    out.gross, out.hold_ns = payout, row.expiry_ns
    out.reward = expected_value(out.confidence, payout, 0.0, 0.0)
    share = stake_fraction(out.confidence, payout, 0.0, 0.0, params[binary.P_KELLY], params[binary.P_STAKE])
    stake = stake_money(agent.budgets[feed.desk], share)
    lots = notional_lots(agent.instruments, agent.quotes, feed.trades, stake)
    out.lots0 = min(lots, row.lots_max) if out.strength > 0.0 else -min(lots, row.lots_max)
    return _sign(out)


@compiled
def draft_pair(agent: Agent, candidate: Record, out: Record) -> bool:
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
    rows = agent.standing[route.desk]
    fill = evaluated(params[arbitrage.P_FILL], rows[route_row(candidate.route, FILL)])
    health = evaluated(params[arbitrage.P_HEALTH], rows[route_row(candidate.route, HEALTH)])
    arbitrage.assess(agent.instruments, a, b, candidate, size, params, fill, health, out)
    paid, _ = arbitrage.entry_prices(candidate)
    net_ticks = out.reward * paid / BPS
    net = net_ticks * size * agent.instruments[a].tick_value
    if not abs(net) < GAIN_MAX:  # nor is NaN: what cannot be counted is not proposed
        return False
    out.gain = to_account(math.floor(net), candidate.rate_num, candidate.rate_den)
    return _sign(out)


@compiled
def propose_pair(agent: Agent, candidate: Record, out: Record) -> bool:
    """Turn a route's candidate into a two-leg intent, unless the desk's model leaves it; see `draft_pair`."""
    if not draft_pair(agent, candidate, out):
        return False
    desk = out.desk
    if agent.policies[desk] != PolicyKind.NETWORK_PAIR or out.reduce != 0:
        return True
    see_pair(agent, candidate, out)
    return network_action(agent.models, desk, agent.models.mask, CHOICES) != 0


@compiled
def see_pair(agent: Agent, candidate: Record, out: Record) -> None:
    """Write what a desk's model sees of a drafted candidate to scratch[0]; both choices are allowed."""
    models = agent.models
    observe_pair(models.observers[out.desk], candidate, out, models.scratch[0])
    models.mask[0] = models.mask[1] = True


@compiled
def _begin_pair(agent: Agent, candidate: Record, out: Record) -> None:
    route = agent.routes[candidate.route]
    out.time_ns, out.desk, out.view_number = candidate.time_ns, route.desk, route.view_number
    out.group = agent.instruments[route.instrument_a].group
    out.legs, out.reduce, out.order_kind, out.hold_ns = 2, 0, OrderKind.MARKET, 0
    out.instrument0, out.instrument1, out.lots0, out.lots1 = route.instrument_a, route.instrument_b, 0, 0
    _without_protection(out)
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


@folded
def _sign(out: Record) -> bool:
    """Hash what the policy saw and said into `view_hash`; always True."""
    state = mix(HASH_START, out.time_ns)
    state = mix(mix(mix(mix(state, out.bid0), out.ask0), out.bid1), out.ask1)
    state = mix(mix(state, out.quote0_ns), out.quote1_ns)
    for k in range(out.features_count):
        value = out.features[k]
        mantissa, exponent = math.frexp(value) if math.isfinite(value) else (0.0, NOT_FINITE)
        state = mix(mix(state, int(mantissa * 9007199254740992.0)), exponent)
    out.view_hash = np.int64(state)
    return True
