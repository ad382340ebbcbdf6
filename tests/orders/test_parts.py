"""The parts on the way to a venue: circuit, message budget, numbered executions, and the exchange itself."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.budget import Budget, BudgetRules
from actors.circuit import Circuit, CircuitRules, CircuitState
from actors.dialogue import Backoff
from actors.executions import Executions
from market.orders import OrderStatus
from venues.messages import AnswerKind, Execution, IdRule, Refusal, Request, RequestKind
from venues.simulated.exchange import Exchange

SECOND = 10**9


# --- circuit


def a_circuit(**rules):
    return Circuit(CircuitRules(**rules), random.Random(1))


def test_a_circuit_opens_after_failures_in_a_row_and_not_before():
    circuit = a_circuit(failures_max=3)
    for _ in range(2):
        circuit.failed(0)
    circuit.succeeded()
    for _ in range(2):
        circuit.failed(0)
    assert circuit.lets_orders_out
    circuit.failed(0)
    assert (circuit.state, circuit.lets_orders_out) == (CircuitState.OPEN, False)


@pytest.mark.parametrize(
    ("latency_ns", "rejected"), [(0, True), (3 * SECOND, False)], ids=["rejects", "dawdles"]
)  # fmt: skip
def test_a_venue_that_answers_badly_is_left_alone_until_a_probe_is_answered(latency_ns, rejected):
    circuit = a_circuit(pause_ns=SECOND)
    for _ in range(18):
        circuit.answered(0, 0)
    circuit.answered(0, latency_ns, rejected=rejected)
    assert circuit.lets_orders_out, "a few answers say nothing"
    circuit.answered(0, latency_ns, rejected=rejected)
    assert (circuit.state, circuit.opened_ns) == (CircuitState.OPEN, 0)
    circuit.answered(1, 0)
    assert not circuit.lets_orders_out, "an answer to something that was asked before is no probe"
    assert circuit.is_probe_due(SECOND)
    circuit.answered(SECOND, 0)
    assert circuit.lets_orders_out
    circuit.answered(SECOND, latency_ns, rejected=rejected)
    assert circuit.lets_orders_out, "it is judged anew"


def test_failures_that_are_not_in_a_row_open_it_when_they_are_too_many():
    circuit = a_circuit()
    for _ in range(18):
        circuit.answered(0, 0)
    circuit.failed(0)
    circuit.answered(0, 0)
    circuit.failed(0)
    assert not circuit.lets_orders_out
    circuit.answered(0, 0)
    assert circuit.lets_orders_out, "it was silent, and has answered"


def test_one_probe_goes_when_the_pause_is_over_and_its_answer_closes_the_circuit():
    circuit = a_circuit(failures_max=1, pause_ns=SECOND)
    circuit.failed(0)
    assert not circuit.is_probe_due(SECOND // 2)
    assert circuit.is_probe_due(SECOND)
    assert (circuit.state, circuit.is_probe_due(SECOND)) == (CircuitState.HALF_OPEN, False)
    assert not circuit.lets_orders_out
    circuit.succeeded()
    assert (circuit.state, circuit.opened_ns) == (CircuitState.CLOSED, None)


@given(outage_s=st.integers(1, 100_000), seed=st.integers(0, 1000))
def test_a_venue_that_is_back_is_used_again_within_a_minute_however_long_it_was_away(outage_s, seed):
    circuit = Circuit(CircuitRules(), random.Random(seed))
    now = 0
    while circuit.state is CircuitState.CLOSED:
        circuit.failed(now)
    while True:
        now = circuit._probe_ns
        assert circuit.is_probe_due(now)
        if now >= outage_s * SECOND:
            break
        circuit.failed(now)
    assert now - outage_s * SECOND < 60 * SECOND


# --- budget


def test_orders_stop_at_the_reserve_and_cancels_go_on():
    budget = Budget(BudgetRules(per_s=1, burst=10, reserve=4))
    assert [budget.take(RequestKind.SUBMIT, 0) for _ in range(8)] == [True] * 6 + [False] * 2
    assert [budget.take(RequestKind.CANCEL, 0) for _ in range(5)] == [True] * 4 + [False]
    assert not budget.take(RequestKind.SUBMIT, SECOND)
    assert budget.take(RequestKind.SUBMIT, 0, reduces=True)  # the second's token; time never runs back


def test_a_request_costs_its_weight_and_tokens_never_exceed_the_burst():
    budget = Budget(BudgetRules(per_s=1, burst=10, reserve=0, weights={RequestKind.SNAPSHOT: 8}))
    assert budget.tokens(10**6 * SECOND) == 10
    assert budget.take(RequestKind.SNAPSHOT, 10**6 * SECOND)
    assert not budget.take(RequestKind.SNAPSHOT, 10**6 * SECOND + 5 * SECOND)


def test_a_venue_that_says_not_now_gets_nothing_until_then():
    budget = Budget(BudgetRules())
    budget.close(5 * SECOND)
    assert not budget.take(RequestKind.CANCEL, 5 * SECOND - 1)
    assert budget.take(RequestKind.CANCEL, 5 * SECOND)


@pytest.mark.parametrize("rules", [{"burst": 5, "reserve": 5}, {"reserve": -1}, {"per_s": 0}])
def test_an_impossible_budget_is_refused(rules):
    with pytest.raises(ValueError, match="allowed"):
        Budget(BudgetRules(**rules))


def test_pauses_grow_to_a_bound_and_differ():
    backoff, chance = Backoff(first_ns=100, max_ns=1000, jitter=0.5), random.Random(1)
    pauses = [[backoff.pause_ns(tries, chance) for _ in range(50)] for tries in range(40)]
    assert all(
        min(100 << min(t, 9), 1000) // 2 <= p <= min(100 << min(t, 9), 1000) for t in range(40) for p in pauses[t]
    )
    assert len(set(pauses[10])) > 1


# --- executions


def an_execution(number, lots=1):
    return Execution(
        number=number, execution=f"x{number}", client_id="tri-a", instrument="EURUSD@sim", lots=lots, price=1, time_ns=0
    )  # fmt: skip


@given(st.permutations(range(1, 9)), st.lists(st.integers(1, 8), max_size=8))
def test_each_execution_is_taken_once_in_whatever_order_they_come(order, again):
    executions = Executions()
    taken = [number for number in (*order, *again) if executions.take(an_execution(number))]
    assert sorted(taken) == list(range(1, 9))
    assert (executions.contiguous, executions.is_missing_some) == (8, False)


def test_a_gap_is_seen_by_a_later_execution_or_by_hearing_of_one():
    executions = Executions([1, 2, 4])
    assert (executions.contiguous, executions.is_missing_some) == (2, True)
    executions.take(an_execution(3))
    assert (executions.contiguous, executions.is_missing_some) == (4, False)
    executions.hear_of(6)
    assert executions.is_missing_some


# --- the exchange


def an_exchange(**options):
    exchange = Exchange("sim", **options)
    exchange.quote("EURUSD@sim", 99, 101, 0)
    return exchange


def ask(exchange, kind, **what):
    what.setdefault("client_id", "tri-a")
    return exchange.answer(Request(number=1, kind=kind, **what), 0)


def submit(exchange, lots=10, **what):
    return ask(exchange, RequestKind.SUBMIT, instrument="EURUSD@sim", lots=lots, **what)


@pytest.mark.parametrize(
    ("lots", "kind", "limit", "status", "price"),
    [
        (10, "market", 0, OrderStatus.FILLED, 101), (-10, "market", 0, OrderStatus.FILLED, 99),
        (10, "limit", 101, OrderStatus.FILLED, 101), (10, "limit", 100, OrderStatus.ACCEPTED, None),
        (-10, "limit", 99, OrderStatus.FILLED, 99), (-10, "limit", 100, OrderStatus.ACCEPTED, None),
        (10, "ioc", 101, OrderStatus.FILLED, 101), (10, "ioc", 100, OrderStatus.CANCELED, None),
    ],
)  # fmt: skip
def test_an_order_trades_at_the_other_side_of_the_quote(lots, kind, limit, status, price):
    exchange = an_exchange()
    answer = submit(exchange, lots, order_kind=kind, limit=limit)
    assert (answer.kind, answer.order.status) == (AnswerKind.DONE, status)
    assert [item.price for item in exchange.executions] == ([price] if price else [])
    assert exchange.positions.get("EURUSD@sim", 0) == (lots if price else 0)


def test_a_resting_order_trades_when_the_quote_reaches_it():
    exchange = an_exchange()
    submit(exchange, order_kind="limit", limit=95)
    exchange.quote("EURUSD@sim", 94, 96, 1)
    assert not exchange.executions
    exchange.quote("EURUSD@sim", 93, 95, 2)
    assert [(item.lots, item.price, item.time_ns) for item in exchange.executions] == [(10, 95, 2)]


def test_a_client_id_is_used_once_where_the_venue_looks():
    exchange = an_exchange()
    submit(exchange)
    again = submit(exchange)
    assert (again.kind, again.refusal, again.order.cum) == (AnswerKind.REFUSED, Refusal.DUPLICATE_ID, 10)
    careless = an_exchange(id_rule=IdRule.NEVER)
    submit(careless)
    assert submit(careless).kind is AnswerKind.DONE
    assert careless.positions == {"EURUSD@sim": 20}


def test_a_replacement_keeps_its_side_and_is_carried_out_once():
    exchange = an_exchange()
    submit(exchange, order_kind="limit", limit=95)
    change = {"new_id": "tri-b", "lots": 4, "limit": 96}
    for _ in range(2):
        answer = ask(exchange, RequestKind.REPLACE, **change)
        assert (answer.kind, answer.order.client_id, answer.order.lots) == (AnswerKind.DONE, "tri-b", 4)
    assert ask(exchange, RequestKind.REPLACE, new_id="tri-c", lots=-4).refusal is Refusal.INVALID
    assert ask(exchange, RequestKind.QUERY).order.client_id == "tri-b"
    assert ask(exchange, RequestKind.CANCEL, client_id="tri-b").order.status is OrderStatus.CANCELED
    assert ask(exchange, RequestKind.REPLACE, **{**change, "new_id": "tri-d"}).refusal is Refusal.TOO_LATE


def test_an_order_that_only_reduces_never_opens_or_flips():
    exchange = an_exchange()
    assert submit(exchange, -10, reduce=True).order.status is OrderStatus.CANCELED
    submit(exchange, 6, client_id="tri-b")
    answer = submit(exchange, -10, client_id="tri-c", reduce=True)
    assert (answer.order.cum, exchange.positions["EURUSD@sim"]) == (6, 0)


def test_a_bust_takes_the_position_back():
    exchange = an_exchange()
    submit(exchange)
    exchange.bust("sim-1", 5)
    assert (exchange.positions["EURUSD@sim"], exchange.orders[0].status) == (0, OrderStatus.CANCELED)
    assert [item.busted for item in exchange.executions] == [False, True]


@pytest.mark.parametrize("what", [{"lots": 0}, {"order_kind": "stop"}, {"instrument": "XAUUSD@sim"}])
def test_a_senseless_order_is_refused(what):
    exchange = an_exchange()
    request = {"client_id": "tri-a", "instrument": "EURUSD@sim", "lots": 1} | what
    answer = exchange.answer(Request(number=1, kind=RequestKind.SUBMIT, **request), 0)
    assert (answer.kind, answer.refusal, bool(answer.reason)) == (AnswerKind.REFUSED, Refusal.INVALID, True)


@pytest.mark.parametrize("kind", [RequestKind.CANCEL, RequestKind.REPLACE])
def test_an_unknown_order_is_said_to_be_unknown(kind):
    assert ask(an_exchange(), kind, lots=1).refusal is Refusal.UNKNOWN_ORDER
    assert ask(an_exchange(), RequestKind.QUERY).kind is AnswerKind.NOT_FOUND
