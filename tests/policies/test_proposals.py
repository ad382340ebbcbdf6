"""Proposals: what an agent makes of bars and candidates, as its intents show it; never of a row that is flawed."""

import math
from typing import Any

import numpy as np
import pytest

from market.costs import round_trip_cost_ticks
from market.paper import OrderKind
from market.records import Record, Records, records
from market.tape import PRICE_COLUMNS, Flaw, Tape, merge_tapes, select_feeds
from policies.assembly import agent_of
from policies.catalogue import params_of, policy_named
from policies.forex import (
    P_BREAKEVEN,
    P_CANDIDATE,
    P_HOLD,
    P_REARM,
    P_STOP,
    P_TARGET,
    P_TRAIL,
    P_TRAIL_ATR,
    reward_to_risk,
)
from policies.hearing import hear_rows
from policies.intents import INTENT, Ruling
from policies.plan import Plan
from policies.proposals import DAY_END, EPOCH, Agent, propose_pair
from policies.routes import CANDIDATE, Scan
from policies.sizing import fixed_fraction_lots
from tests.builders import DAY, MINUTE, MONEY, SECOND, a_plan, a_tape, an_instrument
from tests.market.bars import Bars, features_of
from tests.market.floor import a_bar, a_quote

BUDGET = 100_000 * MONEY
FOREX = np.array([True] * 4 + [False] * 3)
BINARY = np.array([False] * 4 + [True, False, True])


def an_agent(plan: Plan | None = None, budget: int = BUDGET) -> Agent:
    """Return the agents of a plan with a budget each, in an epoch and a day that never ends."""
    agent = agent_of(plan or a_plan())
    agent.budgets[:] = budget
    agent.control[EPOCH], agent.control[DAY_END] = 7, 2**62
    return agent


def heard(agent: Agent, tape: Tape, room: int = 4096) -> Records:
    """Return what the agents propose on a tape."""
    intents = records(room, INTENT)
    reached, count = hear_rows(agent, tape, 0, len(tape.time_ns), intents, 0)
    assert reached == len(tape.time_ns)
    return intents[:count]


def a_cross_plan(**changes: Any) -> Plan:
    """Return a plan whose forex desk trades crossings of averages of 2 and 3 bars, 5 lots each."""
    params = params_of(policy_named("sma_cross"), {"fast": 2, "slow": 3, "lots": 5})
    return a_plan(forex={"policy": "sma_cross", "params": params}, **changes)


def closes(*prices: int, feed: int = 0) -> Tape:
    """Return minute bars without range."""
    return merge_tapes([a_bar((k + 1) * MINUTE, (price,) * 4, feed=feed) for k, price in enumerate(prices)])


def test_averages_that_cross_upward_buy_and_downward_close() -> None:
    intents = heard(an_agent(a_cross_plan()), closes(100, 100, 100, 90, 112, 120, 80))
    assert [(int(i.time_ns) // MINUTE, int(i.lots0), int(i.reduce)) for i in intents] == [(5, 5, 0), (7, 0, 1)]
    bought = intents[0]
    expected = {
        "legs": 1, "instrument0": 0, "instrument1": -1, "lots1": 0, "bid0": 112, "ask0": 114, "bid1": 0, "ask1": 0,
        "quote0_ns": 5 * MINUTE, "quote1_ns": 0, "epoch": 7, "desk": 0, "group": 1, "view_number": 0, "stop": 0,
        "target": 0, "hold_ns": 0, "order_kind": OrderKind.MARKET, "features_count": 2, "votes_count": 0,
        "first_order": -1, "rules": 0, "ruling": Ruling.REFUSED, "strength": 1.0, "confidence": 1.0,
    }  # fmt: skip
    assert {name: bought[name] for name in expected} == expected
    assert bought.features[:3].tolist() == [101.0, 302 / 3, 0.0]
    assert intents[1].strength == -1.0


def test_the_lots_of_a_cross_are_cut_to_what_the_venue_takes() -> None:
    small = [an_instrument("EURUSD", "fx", lots_max=3), *a_plan().instruments[1:]]
    plan = a_cross_plan(instruments=tuple(small))
    assert heard(an_agent(plan), closes(100, 100, 100, 90, 112, 120)).lots0.tolist() == [3]


@pytest.mark.parametrize("flaw", list(Flaw))
def test_a_flawed_bar_is_not_heard(flaw: Flaw) -> None:
    tape = closes(100, 100, 100, 90, 500, 112, 120)
    tape.flaws[4] = flaw
    agent = an_agent(a_cross_plan())
    intents = heard(agent, tape)
    assert [int(i.time_ns) // MINUTE for i in intents] == [6]
    assert agent.views.views[0].bars == 6


def test_agents_stop_before_the_day_for_which_they_have_no_budget() -> None:
    agent, tape = an_agent(a_cross_plan()), closes(100, 100, 100, 90, 112, 120)
    agent.control[DAY_END] = 4 * MINUTE
    intents = records(64, INTENT)
    assert hear_rows(agent, tape, 0, 6, intents, 0) == (3, 0)
    agent.control[DAY_END] = DAY
    assert hear_rows(agent, tape, 3, 6, intents, 0) == (6, 1)


def test_agents_stop_before_an_instant_that_could_overfill_their_intents() -> None:
    agent = an_agent(a_cross_plan())
    tape = merge_tapes([closes(100, 100, 100, 90, 112, 120, feed=feed) for feed in range(4)])
    intents = records(8, INTENT)
    assert hear_rows(agent, tape, 0, 24, intents, 2) == (0, 2)
    assert hear_rows(agent, tape, 0, 24, intents, 1) == (20, 5)
    assert intents.instrument0[1:5].tolist() == [0, 1, 2, 3]


def test_hearing_in_pieces_is_hearing_the_whole() -> None:
    tape = a_tape(minutes=120, ticks=400)
    whole, pieces, intents = an_agent(), an_agent(), records(4096, INTENT)
    expected = heard(whole, tape)
    edges = [0, *np.flatnonzero(np.diff(tape.time_ns)) + 1, len(tape.time_ns)]
    count = 0
    for begin, end in zip(edges[:-1:7], [*edges[7::7], edges[-1]], strict=False):
        reached, count = hear_rows(pieces, tape, begin, end, intents, count)
        assert reached == end
    assert intents[:count].tobytes() == expected.tobytes()
    assert len(expected) > 20


@pytest.fixture(scope="module")
def forex_run() -> tuple[Agent, Tape, Records]:
    agent, tape = an_agent(), select_feeds(a_tape(minutes=600, ticks=10), FOREX)
    return agent, tape, heard(agent, tape)


def test_stop_and_target_stand_on_both_sides_at_their_multiples_of_atr(forex_run: tuple[Agent, Tape, Records]) -> None:
    agent, _, intents = forex_run
    params = agent.params[0]
    assert {int(np.sign(i.strength)) for i in intents} == {1, -1}
    for intent in intents:
        side = 1 if intent.strength > 0 else -1
        entry, atr = int(intent.ask0 if side > 0 else intent.bid0), intent.features[5]
        stop, target = side * (entry - int(intent.stop)), side * (int(intent.target) - entry)
        assert 0.0 <= params[P_STOP] * atr - stop < 1.0  # toward the market: never more at risk than meant
        assert 0.0 <= target - params[P_TARGET] * atr < 1.0  # away from it: never less than meant
        cost = round_trip_cost_ticks(agent.instruments, int(intent.instrument0), int(intent.bid0), int(intent.ask0), 1)
        assert intent.reward == reward_to_risk(float(entry), float(intent.stop), float(intent.target), cost)
        assert intent.hold_ns == params[P_HOLD] * MINUTE
        moves = stop * params[P_BREAKEVEN], stop * params[P_TRAIL]
        assert (intent.breakeven_at, intent.trail_at) == tuple(map(math.ceil, moves))
        assert 0.0 <= params[P_TRAIL_ATR] * atr - intent.trail_by < 1.0  # toward the market, as the stop itself
        assert intent.confidence >= params[P_CANDIDATE]


def test_a_forex_size_is_that_of_its_risk_times_the_multiplier_of_its_score(
    forex_run: tuple[Agent, Tape, Records],
) -> None:
    agent, tape, intents = forex_run
    sizes = {}
    for intent in intents:
        row = int(np.flatnonzero((tape.time_ns == intent.time_ns) & (tape.feed == intent.instrument0))[0])
        quotes = agent.quotes.copy()
        for feed in (int(intent.instrument0), 2):
            at = np.flatnonzero((tape.feed == feed) & (tape.time_ns <= intent.time_ns))[-1]
            quotes[feed].bid, quotes[feed].ask = tape.close[at], tape.ask_close[at]
            quotes[feed].time_ns = tape.time_ns[at]
        combined = 0.6 * intent.confidence + 0.4 * min(intent.reward / 3.0, 1.0)
        share = 1_000_000 if combined >= 0.8 else 750_000 if combined >= 0.65 else 500_000
        side = 1 if intent.strength > 0 else -1
        entry = int(intent.ask0 if side > 0 else intent.bid0)
        risk = BUDGET * 2_000 // 10**6 * share // 10**6
        lots = fixed_fraction_lots(
            agent.instruments, quotes, int(intent.instrument0), abs(entry - int(intent.stop)), risk, BUDGET // 4
        )
        assert intent.lots0 == side * lots
        assert int(tape.close[row]) == intent.bid0
        sizes[share] = lots
    assert len(sizes) > 1


def test_a_side_is_said_again_after_its_pause_and_not_before(forex_run: tuple[Agent, Tape, Records]) -> None:
    agent, tape, intents = forex_run
    pauses = []
    for feed in range(4):
        own = intents[intents.instrument0 == feed]
        bars, sides = np.searchsorted(tape.time_ns[tape.feed == feed], own.time_ns), np.sign(own.strength)
        pauses += [int(bars[k] - bars[k - 1]) for k in range(1, len(own)) if sides[k] == sides[k - 1]]
    assert min(pauses) == agent.params[0][P_REARM]


def test_the_recorded_features_are_those_of_the_bars_up_to_then(forex_run: tuple[Agent, Tape, Records]) -> None:
    _, tape, intents = forex_run
    rows = tape.feed == 1
    bars = [column[rows].astype(float) for column in (tape.open, tape.high, tape.low, tape.close, tape.volume)]
    series = Bars(*bars, tape.time_ns[rows])
    names = ("ema:20", "ema:60", "rsi:14", "sma:30", "stddev:30", "atr:14", "adx:14")
    values = features_of(series, *names)
    own = intents[intents.instrument0 == 1]
    at = np.searchsorted(series.time_ns, own.time_ns)
    assert own.features[:, :7].tobytes() == values[at].tobytes()
    assert not own.features[:, 7:].any()


@pytest.mark.parametrize("off", [{"breakeven_r": 0.0}, {"trail_r": 0.0}])
def test_what_is_switched_off_moves_no_stop(off: dict[str, float]) -> None:
    params = tuple((dict(a_plan().desks[0].params) | off).items())
    intents = heard(an_agent(a_plan(forex={"params": params})), select_feeds(a_tape(minutes=100, ticks=10), FOREX))
    assert len(intents) > 5
    assert (intents.breakeven_at == 0).all() == ("breakeven_r" in off)
    assert (intents.trail_at == 0).all() == (intents.trail_by == 0).all() == ("trail_r" in off)


@pytest.mark.parametrize(("stop_atr", "proposes"), [(0.3, False), (3.0, True)])
def test_nothing_is_proposed_whose_stop_would_not_stand_on_the_loss_side_of_the_mark(
    stop_atr: float, proposes: bool
) -> None:
    """A stop within the spread is reached the moment the position is opened."""
    params = tuple((dict(a_plan().desks[0].params) | {"stop_atr": stop_atr}).items())
    intents = heard(an_agent(a_plan(forex={"params": params})), select_feeds(a_tape(minutes=100, ticks=10), FOREX))
    assert (len(intents) > 0) == proposes


def test_a_market_whose_stop_would_lie_at_or_below_zero_is_left_alone() -> None:
    tape = select_feeds(a_tape(minutes=200, ticks=10), np.arange(7) == 0)
    shift = int(tape.low.min()) - 1
    low = tape._replace(**{name: getattr(tape, name) - shift for name in PRICE_COLUMNS})
    high, kept = heard(an_agent(), tape), heard(an_agent(), low)
    assert 0 < len(kept) < len(high)
    assert all(intent.stop > 0 and intent.target > 0 for intent in kept)


def test_a_contract_is_staked_by_kelly_and_never_raised_to_the_smallest_stake() -> None:
    tape = select_feeds(a_tape(minutes=300, ticks=3_000), BINARY)
    rich, poor = heard(an_agent(), tape), heard(an_agent(budget=0), tape)
    assert len(rich) == len(poor) > 5
    for intent in rich:
        win = intent.confidence
        kelly = max(0.0, (win * 0.85 - (1 - win)) / 0.85)
        stake = math.floor(BUDGET * min(0.25 * kelly, 0.002))
        assert abs(intent.lots0) == stake // MONEY
        assert intent.lots0 == 0 or (intent.lots0 > 0) == (intent.strength > 0)
        assert (intent.order_kind, intent.hold_ns, intent.gross) == (OrderKind.BINARY, MINUTE, 0.85)
        assert intent.reward == pytest.approx(win * 0.85 - (1 - win))
        assert (intent.instrument0, intent.stop, intent.target) == (6, 0, 0)
    assert {int(intent.lots0) for intent in poor} == {0}  # risk refuses it: below what the venue takes


def a_candidate(**changes: float) -> Record:
    candidate = records(1, CANDIDATE)[0]
    terms = {
        "time_ns": 100 * SECOND, "kind": Scan.ENTER, "direction": 1, "bid_a": 100_000, "ask_a": 100_004,
        "bid_b": 100_030, "ask_b": 100_034, "time_a_ns": 99 * SECOND, "time_b_ns": 100 * SECOND, "rate_num": 1,
        "rate_den": 1, "basis": 1.5, "sigma_1s": 0.25,
    }  # fmt: skip
    for name, value in (terms | changes).items():
        candidate[name] = value
    return candidate


def proposed(candidate: Record, budget: int = BUDGET) -> Record | None:
    out = records(1, INTENT)[0]
    return out if propose_pair(an_agent(budget=budget), candidate, out) else None


@pytest.mark.parametrize(
    ("direction", "lots", "limits"), [(1, (24, -24), (100_006, 100_028)), (2, (-24, 24), (99_998, 100_036))]
)
def test_a_pair_buys_one_leg_and_sells_the_other_at_limits_of_a_little_slack(
    direction: int, lots: tuple[int, int], limits: tuple[int, int]
) -> None:
    intent = proposed(a_candidate(direction=direction))
    assert intent is not None
    assert (intent.lots0, intent.lots1, intent.limit0, intent.limit1) == (*lots, *limits)
    expected = {
        "legs": 2, "instrument0": 4, "instrument1": 5, "order_kind": OrderKind.IOC, "reduce": 0, "hold_ns": 0,
        "bid0": 100_000, "ask0": 100_004, "bid1": 100_030, "ask1": 100_034, "quote0_ns": 99 * SECOND,
        "quote1_ns": 100 * SECOND, "features_count": 3, "votes_count": 0, "view_number": -1, "desk": 1, "group": 0,
    }  # fmt: skip
    assert {name: int(intent[name]) for name in expected} == expected
    assert intent.features[:3].tolist() == [1.5, 0.25, direction]
    net_ticks = (26 if direction == 1 else -34) - 4 - (1.5 if direction == 1 else -1.5)
    assert intent.gain == pytest.approx(net_ticks * 24 * 10_000, abs=1.0)


@pytest.mark.parametrize(
    ("changes", "budget", "lots"),
    [({"lots_a": 5}, BUDGET, 5), ({"lots_b": 3, "lots_a": 5}, BUDGET, 3), ({}, 10_000 * MONEY, 2), ({}, 0, None),
     ({"rate_num": 0}, BUDGET, None), ({"rate_num": 2, "rate_den": 1}, BUDGET, 12), ({}, -BUDGET, None)],
)  # fmt: skip
def test_a_pair_is_as_large_as_depth_and_budget_allow(changes: dict[str, int], budget: int, lots: int | None) -> None:
    intent = proposed(a_candidate(**changes), budget)
    assert (None if intent is None else int(intent.lots0)) == lots


def test_a_candidate_to_leave_closes_whatever_both_legs_hold() -> None:
    intent = proposed(a_candidate(kind=Scan.EXIT), budget=0)
    assert intent is not None
    assert (intent.reduce, intent.legs, intent.lots0, intent.lots1, intent.order_kind) == (1, 2, 0, 0, OrderKind.MARKET)


def test_what_was_seen_names_the_view_and_every_part_of_it_counts() -> None:
    base = proposed(a_candidate())
    changes = [{name: a_candidate()[name] + 1} for name in ("time_ns", "bid_a", "ask_a", "bid_b", "ask_b", "time_a_ns",
               "time_b_ns", "basis", "sigma_1s")] + [{"direction": 2}]  # fmt: skip
    hashes = {int(proposed(a_candidate(**change)).view_hash) for change in changes}  # type: ignore[union-attr]
    assert len(hashes | {int(base.view_hash)}) == len(changes) + 1  # type: ignore[union-attr]
    assert int(proposed(a_candidate()).view_hash) == int(base.view_hash)  # type: ignore[union-attr]


def test_floats_that_differ_name_different_views() -> None:
    values = [0.0, 1.0, -1.0, np.nextafter(1.0, 2.0), 0.5, 2.0, 1e300, 1e-300, math.pi, -math.pi, math.nan]
    exits = [a_candidate(kind=Scan.EXIT, basis=value) for value in [*values, math.inf]]
    *hashes, infinite = [int(proposed(candidate).view_hash) for candidate in exits]  # type: ignore[union-attr]
    assert len(set(hashes)) == len(values)
    assert infinite == hashes[-1]


@pytest.mark.parametrize("basis", [math.nan, math.inf, -math.inf, 1e300])
def test_a_pair_whose_gain_cannot_be_counted_is_not_proposed(basis: float) -> None:
    assert proposed(a_candidate(basis=basis)) is None


def test_a_quote_alone_moves_the_price_an_agent_sees() -> None:
    agent = an_agent()
    heard(agent, merge_tapes([a_quote(SECOND, 100, 104, feed=4), a_bar(MINUTE, (90, 95, 85, 92), feed=6)]))
    assert (agent.quotes[4].bid, agent.quotes[4].ask, agent.views.views[4].bars) == (100, 104, 1)
