"""Estimating: how instruments move together, learnt from the run's own prices, at steps of time, by then known alone.

At every boundary of the clock (a multiple of the step) each instrument has the middle of its newest quote as price, if
that came within the step; a return needs two prices in a row. The newest returns give deviations, shrunk correlations
and clusters, as `policies.shrinkage.measure` and `policies.clusters.labels_of` have them, compiled and in place.

A boundary is taken at the first instant behind it, before anything of that instant is known: so it makes no difference
which instants there are, and nothing looks ahead. All that is learnt follows from the kept returns alone.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from market.instruments import Kind
from market.records import Record, Records, record_type, records
from policies.linkage import cluster_by_linkage
from policies.portfolio_gate import PORTFOLIO_LIMITS, Portfolio, open_portfolio

if TYPE_CHECKING:
    from policies.risk import Book

ESTIMATOR: Final = record_type("step_ns gate least next_ns count", floats="threshold")
"""`step_ns` 0: nothing is learnt; `gate` 1: the portfolio gate is asked; `least` common returns make a pair measured;
`threshold` is the correlation at which clusters are cut. `next_ns` is the next boundary (0: none was met yet), `count`
how many rows of returns were written."""


class Estimator(NamedTuple):
    """What is learnt and from what. Per instrument n, per kept row w.

    `prices` (n,) are those of the newest boundary, NaN for none; `returns` (w, n) a ring of the newest rows. `scaled`
    (w, n), `matrix` (2, n, n) and `marks` (2, max(n, w)) are room to compute in.
    """

    terms: Records
    limits: Records
    prices: NDArray[np.float64]
    returns: NDArray[np.float64]
    scaled: NDArray[np.float64]
    matrix: NDArray[np.float64]
    marks: NDArray[np.int64]
    portfolio: Portfolio


def open_estimator(classes: Sequence[int], window: int) -> Estimator:
    """Return an estimator of n instruments, by asset class, that keeps `window` rows and has learnt nothing."""
    count = len(classes)
    return Estimator(
        records(1, ESTIMATOR), records(1, PORTFOLIO_LIMITS), np.full(count, math.nan),
        np.full((window, count), math.nan), np.zeros((window, count)), np.zeros((2, count, count)),
        np.zeros((2, max(count, window)), np.int64), open_portfolio(classes),
    )  # fmt: skip


@compiled
def learn_before(book: "Book", time_ns: int) -> None:
    """Take the boundaries that lie before an instant of which nothing is known yet."""
    own, terms = book.estimator, book.estimator.terms[0]
    if terms.step_ns == 0 or time_ns <= terms.next_ns:
        return
    last = (time_ns - 1) // terms.step_ns * terms.step_ns
    if terms.next_ns > 0:
        if take_boundary(own, book.ledger.instruments, book.quotes, terms.next_ns):
            estimate(own, terms.next_ns)
            assume_by_class(own, book.rho)
        if last > terms.next_ns:  # nothing was heard for a whole step: no return spans that
            for i in range(len(own.prices)):
                own.prices[i] = math.nan
    terms.next_ns = last + terms.step_ns


@compiled
def take_boundary(own: Estimator, instruments: Records, quotes: Records, boundary_ns: int) -> bool:
    """Write the returns up to a boundary, if there is any; tell whether there is."""
    terms = own.terms[0]
    row, found = terms.count % len(own.returns), False
    for i in range(len(own.prices)):
        price = price_at(instruments[i], quotes[i], boundary_ns, terms.step_ns)
        move = math.nan
        if price > 0.0 and own.prices[i] > 0.0:
            move = math.log(price / own.prices[i])
            found = True
        own.returns[row, i], own.prices[i] = move, price
    if found:
        terms.count += 1
    return found


@compiled
def price_at(instrument: Record, quote: Record, boundary_ns: int, step_ns: int) -> float:
    """Return twice the middle of a quote that came within the step before a boundary; NaN for none, or a flawed one."""
    fresh = boundary_ns - step_ns < quote.time_ns <= boundary_ns
    if instrument.kind == Kind.BINARY or not fresh or quote.flaws != 0 or quote.bid + quote.ask <= 0:
        return math.nan
    return float(quote.bid + quote.ask)


@compiled
def estimate(own: Estimator, time_ns: int) -> None:
    """Learn deviations, correlations and clusters from the kept returns, as of an instant."""
    portfolio, kept = own.portfolio, own.marks[0]
    rows = choose(own)
    _forget(portfolio)
    if rows > 0:
        _measure(own, rows)
    for i in range(len(own.prices)):
        for j in range(len(own.prices)):
            own.matrix[0, i, j] = assumed_correlation(portfolio, i, j)
    cluster_by_linkage(own.matrix, kept, own.terms[0].threshold, portfolio.clusters)
    portfolio.estimated_ns[0] = time_ns


@compiled
def assumed_correlation(portfolio: Portfolio, i: int, j: int) -> float:
    """Return a pair's correlation; of one that was not measured 1 within an asset class, else 0."""
    if i == j:
        return 1.0
    if portfolio.blind[i, j] == 0.0:
        return float(portfolio.correlation[i, j])
    return 1.0 if portfolio.classes[i] == portfolio.classes[j] else 0.0


@compiled
def assume_by_class(own: Estimator, rho: NDArray[np.float64]) -> None:
    """Write what account rules take for correlations."""
    for i in range(len(own.prices)):
        for j in range(len(own.prices)):
            rho[i, j] = assumed_correlation(own.portfolio, i, j)


@compiled
def _forget(portfolio: Portfolio) -> None:
    for i in range(len(portfolio.net)):
        portfolio.deviation[i] = math.nan
        for j in range(len(portfolio.net)):
            portfolio.correlation[i, j], portfolio.blind[i, j] = 0.0, 1.0


@compiled
def choose(own: Estimator) -> int:
    """Mark the instruments that can be measured (`marks[0]`) and the rows that all of them have (`marks[1]`).

    Returns the number of rows: at least `least`, or 0 where nothing can be. The instrument with fewest returns is given
    up first; one that does not move is given up at once.
    """
    kept, common, filled = own.marks[0], own.marks[1], min(own.terms[0].count, len(own.returns))
    left = 0
    for i in range(len(own.prices)):
        for row in range(filled):
            common[row] = math.isfinite(own.returns[row, i])
        kept[i] = 0 if _is_flat(own.returns, common, i, filled) else 1
        left += kept[i]
    while left > 0:
        rows = 0
        for row in range(filled):
            common[row] = 1
            for i in range(len(own.prices)):
                if kept[i] != 0 and not math.isfinite(own.returns[row, i]):
                    common[row] = 0
            rows += common[row]
        given_up = _given_up(own, rows, filled)
        if given_up < 0:
            return rows
        kept[given_up] = 0
        left -= 1
    return 0


@compiled
def _given_up(own: Estimator, rows: int, filled: int) -> int:
    """Return the instrument that stands in the way of an estimate over the marked rows; -1 when none does."""
    kept, common = own.marks[0], own.marks[1]
    fewest, found = len(own.returns) + 1, -1
    for i in range(len(own.prices)):
        if kept[i] == 0:
            continue
        if rows >= own.terms[0].least:
            if _is_flat(own.returns, common, i, filled):
                return i
            continue
        known = 0
        for row in range(filled):
            known += math.isfinite(own.returns[row, i])
        if known < fewest:
            fewest, found = known, i
    return found


@compiled
def _is_flat(returns: NDArray[np.float64], marked: NDArray[np.int64], i: int, filled: int) -> bool:
    """Tell whether an instrument's returns of the marked rows are all the same, or none."""
    least, most = math.inf, -math.inf
    for row in range(filled):
        if marked[row] != 0:
            least, most = min(least, returns[row, i]), max(most, returns[row, i])
    return not most > least


@compiled
def _measure(own: Estimator, rows: int) -> None:
    """Write deviations and shrunk correlations of the marked instruments over the marked rows (Ledoit and Wolf)."""
    _scale(own, rows)
    kept, sample, portfolio = own.marks[0], own.matrix[0], own.portfolio
    count = 0
    squares = trace = noise = 0.0
    for i in range(len(own.prices)):
        if kept[i] == 0:
            continue
        count += 1
        for j in range(len(own.prices)):
            if kept[j] != 0:
                total = 0.0
                for row in range(rows):
                    total += own.scaled[row, i] * own.scaled[row, j]
                sample[i, j] = total / rows
                squares += sample[i, j] * sample[i, j]
        trace += sample[i, i]
    for row in range(rows):
        total = 0.0
        for i in range(len(own.prices)):
            total += own.scaled[row, i] * own.scaled[row, i] if kept[i] != 0 else 0.0
        noise += total * total
    mean = trace / count
    noise = (noise / rows - squares) / rows
    distance = squares - count * mean * mean
    share = min(max(noise / distance, 0.0), 1.0) if distance > 0.0 else 0.0
    for i in range(len(own.prices)):
        for j in range(len(own.prices)):
            if kept[i] != 0 and kept[j] != 0:
                portfolio.blind[i, j] = 0.0
                portfolio.correlation[i, j] = 1.0
                if i != j:
                    scale_i = (1.0 - share) * sample[i, i] + share * mean
                    scale_j = (1.0 - share) * sample[j, j] + share * mean
                    portfolio.correlation[i, j] = bounded((1.0 - share) * sample[i, j] / math.sqrt(scale_i * scale_j))


@compiled
def bounded(correlation: float) -> float:
    """Return a correlation within what one can be: rounding may pass it."""
    return min(max(correlation, -1.0), 1.0)


@compiled
def _scale(own: Estimator, rows: int) -> None:
    """Write returns less their mean, divided by their deviation (n - 1), of the marked rows to the first ones."""
    kept, common = own.marks[0], own.marks[1]
    for i in range(len(own.prices)):
        if kept[i] == 0:
            continue
        place, mean, square = 0, 0.0, 0.0
        for row in range(len(own.returns)):
            if row < own.terms[0].count and common[row] != 0:
                own.scaled[place, i] = own.returns[row, i]
                mean += own.returns[row, i]
                place += 1
        mean /= rows
        for row in range(rows):
            own.scaled[row, i] -= mean
            square += own.scaled[row, i] * own.scaled[row, i]
        deviation = math.sqrt(square / (rows - 1))
        for row in range(rows):
            own.scaled[row, i] /= deviation
        own.portfolio.deviation[i] = deviation
