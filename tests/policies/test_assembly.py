"""From a plan to arrays: every number of the plan stands where the kernels look for it."""

import msgspec
import numpy as np
import pytest

from market.feature_specs import Op
from market.tape import Role
from policies.assembly import (
    agent_of,
    book_of,
    desks_of,
    feeds_of,
    instruments_of,
    limits_of,
    price_sources,
    routes_of,
    scanner_of,
)
from policies.catalogue import POLICIES, PolicySpec
from policies.intents import DeskKind
from policies.plan import Plan
from policies.proposals import PolicyKind
from tests.builders import MINUTE, MONEY, SECOND, a_desk, a_plan, an_instrument

PLAN = a_plan()


def test_instruments_know_the_bars_that_move_them_their_desk_and_their_group() -> None:
    table = instruments_of(PLAN)
    assert table.bar_ns.tolist() == [MINUTE] * 4 + [0, 0, 0]
    assert table.desk.tolist() == [0, 0, 0, 0, 1, 1, 2]
    assert table.group.tolist() == [1, 2, 3, 4, 0, 0, 5]
    assert table.underlying.tolist() == [0, 1, 2, 3, 4, 5, 4]


def test_an_instrument_that_two_feeds_view_is_one_group() -> None:
    twice = a_plan(feeds=(*PLAN.feeds, PLAN.feeds[0]))
    assert instruments_of(twice).group.tolist() == [1, 2, 3, 4, 0, 0, 5]


def test_a_feed_that_only_shows_gives_no_bar_length() -> None:
    watched = tuple(msgspec.structs.replace(feed, roles=Role.VIEW) for feed in PLAN.feeds[:4])
    assert instruments_of(a_plan(feeds=(*watched, *PLAN.feeds[4:]))).bar_ns.tolist() == [0] * 7


def test_feeds_are_numbered_into_views_and_routes() -> None:
    table = feeds_of(PLAN)
    assert table.instrument.tolist() == [0, 1, 2, 3, 4, 5, 4]
    assert table.trades.tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert table.view_number.tolist() == [0, 1, 2, 3, -1, -1, 4]
    assert table.route.tolist() == [-1, -1, -1, -1, 0, 0, -1]
    assert table.desk.tolist() == [0, 0, 0, 0, 1, 1, 2]
    assert table.bar_ns.tolist() == [MINUTE] * 4 + [0, 0, MINUTE]
    assert table.roles.tolist() == [int(feed.roles) for feed in PLAN.feeds]


def test_routes_and_desks_carry_what_the_plan_says() -> None:
    route = routes_of(PLAN)[0]
    names = "instrument_a instrument_b desk view_number direction enter_ticks exit_ticks hold_ns quiet_ns age_ns_max"
    assert [int(route[name]) for name in names.split()] == [
        4, 5, 1, -1, 0, 2, 3, 120 * SECOND, 5 * SECOND, 2 * SECOND,
    ]  # fmt: skip
    assert (route.basis_weight, route.variance_weight) == (0.001, 0.01)
    desks = desks_of(a_plan(forex={"budget_fraction": 0.3333333}))
    assert desks.kind.tolist() == list(DeskKind)
    assert (desks.budget_ppm.tolist(), desks.budget.tolist()) == ([333_333, 10**6, 10**6], [0, 0, 0])
    assert (desks[0].top_n, desks[0].confidence_min, desks[1].auto_gross) == (2, 0.6, -1e9)


def test_limits_are_one_record() -> None:
    limits = limits_of(a_plan(trades_per_day_max=7, daily_loss_basis=1))[0]
    assert {name: int(limits[name]) for name in limits.dtype.names} == {
        "trades_per_day_max": 7, "daily_loss_max": 5_000 * MONEY, "daily_loss_basis": 1,
        "drawdown_max": 10_000 * MONEY, "drawdown_basis": 0, "loss_streak_max": 50, "position_ppm_max": 250_000,
        "sample_ns": 15 * MINUTE,
    }  # fmt: skip


def test_a_book_is_that_of_a_fresh_account_and_may_share_its_quotes() -> None:
    book = book_of(PLAN)
    assert (book.ledger.account[0].cash, len(book.ledger.groups)) == (100_000 * MONEY, 6)
    assert book.ledger.groups.desk.tolist() == [1, 0, 0, 0, 0, 2]
    assert book.cooldowns_ns.tolist() == [0, 0, 30 * SECOND]
    assert book_of(PLAN, book.quotes).quotes is book.quotes
    assert agent_of(PLAN, book.quotes).quotes is book.quotes


def test_an_agent_holds_per_desk_its_policy_its_parameters_and_its_part_of_the_program() -> None:
    agent = agent_of(PLAN)
    kinds = [PolicyKind.TREND_REVERSION, PolicyKind.CONVERGENCE, PolicyKind.DRIFTING_DIGITAL]
    assert agent.policies.tolist() == kinds
    assert agent.views.spans.tolist() == [[0, 7], [7, 0], [7, 4]]
    assert [Op(op).name for op in agent.views.program.op[7:]] == ["EMA", "EMA", "SMA", "ATR"]
    for row, desk in zip(agent.params, PLAN.desks, strict=True):
        values = [value for _, value in desk.params]
        assert row.tolist() == values + [0.0] * (len(row) - len(values))
    assert len(agent.views.views) == 5
    assert np.array_equal(agent.multipliers[0], [(0.8, 1.0), (0.65, 0.75), (0.0, 0.5)])
    assert np.array_equal(agent.multipliers[1], [(0.0, 1.0), (np.inf, np.inf), (np.inf, np.inf)])


def test_without_a_forex_desk_a_size_is_the_whole_one() -> None:
    plan = a_plan(desks=PLAN.desks[1:], feeds=(), routes=())
    assert agent_of(plan).multipliers.tolist() == [[[0.0, 1.0]]] * 2
    empty = agent_of(a_plan(desks=(), feeds=(), routes=()))
    assert (empty.params.shape, len(empty.views.views)) == ((0, 0), 0)


def test_a_policy_may_read_no_more_features_than_a_decision_records(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = PolicySpec("wide", PolicyKind.SMA_CROSS, DeskKind.FOREX, (), tuple(f"sma:{n}" for n in range(2, 19)))
    monkeypatch.setitem(POLICIES, "wide", wide)
    plan = a_plan(desks=(a_desk("forex", DeskKind.FOREX, "wide", {}),), feeds=(), routes=())
    with pytest.raises(ValueError, match="a policy reads 17 features; a decision records at most 16"):
        agent_of(plan)


def test_a_scanner_has_quotes_of_its_own_and_idle_routes() -> None:
    scanner = scanner_of(PLAN, 5)
    assert (len(scanner.candidates), len(scanner.quotes), scanner.routes[0].direction) == (5, 7, 0)
    assert not scanner.quotes.time_ns.any()


def test_it_takes_the_underlying_and_the_rate_to_price_an_instrument() -> None:
    table = instruments_of(PLAN)
    assert [price_sources(table, k) for k in range(7)] == [{0}, {1}, {2}, {3}, {4}, {5}, {4}]
    cross = an_instrument("EURJPY", "fx", tick_size="0.001")
    plan: Plan = a_plan(instruments=(*PLAN.instruments, cross))
    assert price_sources(instruments_of(plan), 7) == {7, 2}
