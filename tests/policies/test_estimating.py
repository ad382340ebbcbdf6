"""What is learnt from the run's own prices: as the plain estimate has it, from what is known by then, and no more."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.learnt import adopt_learnt, learnt_of
from policies.assembly import book_of
from policies.clusters import labels_of
from policies.estimating import Estimator, estimate, learn_before, open_estimator
from policies.plan import Plan
from policies.portfolio_gate import learn, open_portfolio
from policies.risk import Book
from policies.shrinkage import measure
from tests.builders import MINUTE, SECOND, START_NS, a_plan
from tests.policies.account_books import portfolio_rules
from tests.properties import PROPERTY

EURUSD, GBPUSD, CONTRACT = 0, 1, 6


def a_learner(**terms: Any) -> Book:
    """Return a fresh book that learns from minutes."""
    return book_of(the_plan(**terms))


def the_plan(**terms: Any) -> Plan:
    return a_plan(rules=portfolio_rules(**terms))


def quote(book: Book, instrument: int, time_ns: int, bid: int, flaws: int = 0) -> None:
    row = book.quotes[instrument]
    row.bid, row.ask, row.time_ns, row.flaws = bid, bid + 2, time_ns, flaws


def walk(book: Book, minutes: int, seed: int = 1) -> None:
    """Let two instruments move together for some minutes, each quote half a minute before its boundary."""
    rng = np.random.default_rng(seed)
    prices = np.array([110_000.0, 130_000.0])
    for k in range(minutes):
        now = START_NS + k * MINUTE + MINUTE // 2
        learn_before(book, now)
        prices *= np.exp(rng.normal(0, 1e-4) + rng.normal(0, 5e-5, 2))
        for instrument, price in enumerate(prices):
            quote(book, instrument, now, int(price))
    learn_before(book, START_NS + minutes * MINUTE + 1)


def returns(book: Book) -> np.ndarray:
    own = book.estimator
    return own.returns[: min(int(own.terms[0].count), len(own.returns))]


@st.composite
def some_returns(draw: st.DrawFn) -> tuple[Estimator, np.ndarray, list[int]]:
    """Return an estimator with returns written, the returns, and the classes: gaps, flat and silent ones among them."""
    count, window = draw(st.integers(1, 6)), draw(st.integers(3, 40))
    least, rows = draw(st.integers(2, window)), draw(st.integers(0, window))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    found = rng.normal(0, 1, (rows, count)) * rng.uniform(0.1, 1.0) + rng.normal(0, 1, (rows, 1))
    found[rng.random(found.shape) < draw(st.sampled_from([0.0, 0.05, 0.3]))] = math.nan
    for column, value in ((0, 0.25), (-1, math.nan)):
        if draw(st.booleans()):
            found[:, column] = value
    classes = draw(st.lists(st.integers(0, 1), min_size=count, max_size=count))
    own = open_estimator(classes, window)
    own.terms[0].step_ns, own.terms[0].least, own.terms[0].threshold, own.terms[0].count = 1, least, 0.6, rows
    own.returns[:rows] = found
    return own, found, classes


@given(some_returns())
@PROPERTY
def test_it_is_the_plain_estimate_to_the_last_bits_of_a_float(case: tuple[Estimator, np.ndarray, list[int]]) -> None:
    own, found, classes = case
    least = int(own.terms[0].least)
    estimate(own, 5)
    plain, expected = measure(found, least), open_portfolio(classes)
    labels = labels_of(plain, classes, 0.6, least)
    learn(expected, plain, labels, 5, least)
    np.testing.assert_allclose(own.portfolio.deviation, expected.deviation, rtol=1e-9)
    np.testing.assert_allclose(own.portfolio.correlation, expected.correlation, rtol=1e-9, atol=1e-12)
    assert own.portfolio.blind.tolist() == expected.blind.tolist()
    assert tuple(own.portfolio.clusters) == labels
    assert own.portfolio.estimated_ns[0] == 5


def test_a_return_is_the_log_move_between_the_middles_of_two_boundaries_in_a_row() -> None:
    book = a_learner()
    for k, bid in enumerate((100, 110, 120)):
        learn_before(book, START_NS + k * MINUTE + SECOND)
        quote(book, EURUSD, START_NS + k * MINUTE + SECOND, bid)
    learn_before(book, START_NS + 3 * MINUTE)
    assert returns(book)[:, EURUSD].tolist() == [math.log(222 / 202)]
    learn_before(book, START_NS + 3 * MINUTE + 1)
    assert returns(book)[:, EURUSD].tolist() == [math.log(222 / 202), math.log(242 / 222)]
    assert np.isnan(returns(book)[:, GBPUSD]).all()


def test_what_comes_at_a_boundary_belongs_to_it_and_what_comes_later_does_not() -> None:
    book = a_learner()
    learn_before(book, START_NS)
    quote(book, EURUSD, START_NS, 100)
    learn_before(book, START_NS + 1)
    assert book.estimator.prices[EURUSD] == 202.0
    quote(book, EURUSD, START_NS + 1, 500)
    learn_before(book, START_NS + MINUTE)
    assert book.estimator.prices[EURUSD] == 202.0


@pytest.mark.parametrize("terms", [{"flaws": 1}, {"time_ns": START_NS - MINUTE}, {"bid": -1}])
def test_a_flawed_old_or_impossible_quote_is_no_price(terms: dict[str, int]) -> None:
    book = a_learner()
    learn_before(book, START_NS)
    quote(book, EURUSD, **({"time_ns": START_NS, "bid": 100} | terms))
    learn_before(book, START_NS + 1)
    assert math.isnan(book.estimator.prices[EURUSD])


def test_no_return_spans_a_step_in_which_nothing_was_heard() -> None:
    book = a_learner()
    walk(book, 3)
    count = int(book.estimator.terms[0].count)
    now = START_NS + 10 * MINUTE + SECOND
    learn_before(book, now)
    quote(book, EURUSD, now, 200_000)
    learn_before(book, now + MINUTE)
    assert int(book.estimator.terms[0].count) == count
    assert np.abs(returns(book)[:, EURUSD]).max() < 0.01


def test_a_contract_has_no_price_and_is_in_nobodys_cluster() -> None:
    book = a_learner()
    book.quotes[CONTRACT].bid = book.quotes[CONTRACT].ask = 100
    walk(book, 20)
    assert np.isnan(returns(book)[:, CONTRACT]).all()
    clusters = book.estimator.portfolio.clusters.tolist()
    assert clusters.count(clusters[CONTRACT]) == 1


def test_it_makes_no_difference_which_instants_there_are() -> None:
    one, other = a_learner(), a_learner()
    walk(one, 30)
    walk(other, 30)
    for second in range(1, 50):
        learn_before(other, START_NS + 30 * MINUTE + second)
    assert returns(one).tobytes() == returns(other).tobytes()


def test_account_rules_hear_what_was_measured_and_the_class_where_nothing_was() -> None:
    book = a_learner()
    assert book.rho[EURUSD, GBPUSD] == 0.0 or book.estimator.terms[0].count == 0
    walk(book, 40)
    rho = book.estimator.portfolio.correlation[EURUSD, GBPUSD]
    assert 0.5 < rho < 1.0
    assert book.rho[EURUSD, GBPUSD] == book.rho[GBPUSD, EURUSD] == rho
    assert book.rho[EURUSD, 2] == 1.0
    assert book.rho[EURUSD, CONTRACT] == 0.0


def test_what_was_learnt_outlives_a_restart_to_the_last_bit() -> None:
    book, fresh = a_learner(), a_learner()
    walk(book, 55)
    adopt_learnt(fresh, learnt_of(book.estimator))
    for name in ("terms", "prices", "returns"):
        assert getattr(fresh.estimator, name).tobytes() == getattr(book.estimator, name).tobytes(), name
    for ours, theirs in zip(fresh.estimator.portfolio[2:8], book.estimator.portfolio[2:8], strict=True):
        assert ours.tobytes() == theirs.tobytes()
    assert fresh.rho.tobytes() == book.rho.tobytes()


def test_a_plan_that_asks_for_nothing_learns_nothing() -> None:
    book = book_of(a_plan())
    learn_before(book, START_NS)
    assert (learnt_of(book.estimator), int(book.estimator.terms[0].next_ns)) == (None, 0)
    adopt_learnt(book, None)


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"step_ns": MINUTE - 1}, "a step of 60 s"), ({"step_ns": 0}, "a step of 0 s"),
        ({"observations_min": 41}, "observations_min = 41 of a window of 40: 2 to 40 is allowed"),
        ({"observations_min": 1}, "observations_min = 1"),
    ],
)  # fmt: skip
def test_an_estimate_that_could_never_be_made_is_refused_at_the_start(terms: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        a_learner(**terms)
