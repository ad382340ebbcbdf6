"""The portfolio gate in the verdict: it objects where its limits would be passed, and wherever it cannot know."""

import math
from typing import Any

import numpy as np
import pytest

from policies.bookkeeping import reserve
from policies.clusters import labels_of
from policies.estimating import open_estimator
from policies.intents import PORTFOLIO_SHIFT, Reduce, Rule
from policies.portfolio_gate import PortfolioRule, learn
from policies.portfolio_rules import portfolio_bits
from policies.risk import Book, judge
from policies.shrinkage import Measured
from tests.builders import HOUR, MONEY
from tests.policies.books import NOW, a_book, an_intent, hold

LIMITS = {
    "var_max": 10_000 * MONEY, "cluster_ppm_max": 5_000_000, "stale_after_ns": HOUR, "z": 2.0, "correlation_max": 0.7,
}  # fmt: skip
CONTRACT = 2
WIDE = {"position_ppm_max": 10**9}


def gated(rho: float = 0.0, deviation: float = 0.01, observations: int = 100, **limits: Any) -> Book:
    """Return a book that has just measured EURUSD and USDJPY, with a portfolio gate."""
    book = a_book(**WIDE)
    own = open_estimator([0, 0, -1], 10)
    own.terms[0].step_ns, own.terms[0].gate = 1, 1
    for name, value in (LIMITS | limits).items():
        own.limits[0][name] = value
    matrix = np.array([[1.0, rho, 0.0], [rho, 1.0, 0.0], [0.0, 0.0, 1.0]])
    counts = np.full((3, 3), observations)
    counts[2], counts[:, 2] = 0, 0
    found = Measured(np.array([deviation, 0.01, math.nan]), matrix, counts, 0.0)
    learn(own.portfolio, found, labels_of(found, [0, 0, -1], 0.7), NOW)
    return book._replace(estimator=own)


def says(book: Book, *lots: int, **terms: Any) -> Rule:
    found = Rule(judge(book, an_intent(*lots, **terms)))
    assert int(found) == portfolio_bits(book, an_intent(*lots, **terms))
    return found


def test_a_calm_portfolio_is_let_through_and_one_without_a_gate_is_not_asked() -> None:
    assert says(gated(), 5) == Rule(0)
    off = gated(var_max=0)
    off.estimator.terms[0].gate = 0
    assert says(off, 5) == Rule(0)


def test_value_at_risk_counts_what_is_held_what_works_and_what_is_new() -> None:
    """A lot of 1,000 at 100008 is 1,000.08; with a deviation of 1 % at z = 2 its value at risk is 20.0016."""
    assert says(gated(var_max=100_008_000), 5) == Rule(0)
    assert says(gated(var_max=100_007_999), 5) == Rule.VAR_LIMIT
    for fill in (lambda book: hold(book, 3), lambda book: reserve(book, an_intent(3), 1)):
        book = gated(var_max=100_008_000)
        fill(book)
        assert says(book, 2) == Rule(0)
        assert says(book, 3) == Rule.VAR_LIMIT


def test_what_moves_together_shares_a_cap_whatever_its_side() -> None:
    """100 lots of 10 dollars and five of 1,000 euros are 6,000.40 in all, more than 6 % of 100,000."""
    for rho, lots, rules in ((0.8, -5, Rule.CLUSTER_CAP), (0.8, -4, Rule(0)), (0.0, -5, Rule(0)), (0.0, 5, Rule(0))):
        book = gated(rho, cluster_ppm_max=60_000, correlation_max=1.0)
        hold(book, 100, instrument=1)
        assert says(book, lots) == rules, (rho, lots)


def test_a_position_that_repeats_another_is_the_same_bet() -> None:
    for rho, held, lots, rules in (
        (0.7, 100, 5, Rule.SAME_BET), (0.69, 100, 5, Rule(0)), (0.7, 100, -5, Rule(0)), (-0.9, 100, -5, Rule.SAME_BET),
        (-0.9, -100, -5, Rule(0)), (0.9, 0, 5, Rule(0)),
    ):  # fmt: skip
        book = gated(rho)
        if held:
            hold(book, held, instrument=1)
        assert says(book, lots) == rules, (rho, held, lots)


def test_a_pair_without_enough_common_returns_is_the_same_bet_within_its_class() -> None:
    book = gated(0.0, observations=29)
    hold(book, 100, instrument=1)
    assert Rule.SAME_BET in says(book, -5)


@pytest.mark.parametrize(
    "break_it",
    [
        lambda book: book.estimator.portfolio.estimated_ns.fill(0),
        lambda book: book.estimator.portfolio.estimated_ns.fill(NOW + 1),
        lambda book: book.estimator.portfolio.estimated_ns.fill(NOW - HOUR - 1),
        lambda book: book.estimator.portfolio.deviation.fill(math.nan),
        lambda book: book.estimator.portfolio.correlation.fill(math.nan),
        lambda book: book.estimator.limits.z.fill(math.nan),
        lambda book: book.quotes[1].__setitem__("time_ns", 0),
        lambda book: book.quotes[1].__setitem__("flaws", 1),
        lambda book: book.quotes[1].__setitem__("time_ns", 1),
    ],
    ids=[
        "no estimate", "one from the future", "one too old", "no deviation", "no correlation", "no limit",
        "a holding without a price", "a holding with a flawed price", "a holding with an old price",
    ],
)  # fmt: skip
def test_what_is_not_known_objects(break_it: Any) -> None:
    book = gated()
    hold(book, 100, instrument=1)
    assert says(book, 5) == Rule(0)
    break_it(book)
    assert portfolio_bits(book, an_intent(5)) & Rule.NOT_MEASURED
    assert portfolio_bits(book, an_intent(0, reduce=Reduce.POLICY)) == 0


def test_an_account_without_equity_may_not_open() -> None:
    book = gated()
    book.ledger.account[0].equity = 0
    assert portfolio_bits(book, an_intent(5)) & Rule.NOT_MEASURED


def test_contracts_are_stakes_and_in_no_value_at_risk() -> None:
    book = gated(var_max=1)
    assert portfolio_bits(book, an_intent(5, instrument0=CONTRACT)) == 0
    hold(book, 5, CONTRACT)
    assert says(gated(), 5) == Rule(0)


def test_both_legs_of_a_pair_are_looked_at_together() -> None:
    assert says(gated(0.9), 5, 5) == Rule.SAME_BET
    assert says(gated(0.9), 5, -5) == Rule(0)


def test_objections_stand_among_the_rules_in_their_order() -> None:
    for own in PortfolioRule:
        assert Rule(own.value << PORTFOLIO_SHIFT).name == own.name
