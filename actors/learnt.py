"""What a book has learnt of prices, for a Snapshot record, and back: returns are kept, the rest follows from them."""

import math

from journal.learnt import Learnt
from policies.estimating import Estimator, assume_by_class, estimate
from policies.risk import Book


def learnt_of(own: Estimator) -> Learnt | None:
    """Return what a restart must know; None where nothing is learnt. What is not known is None."""
    terms = own.terms[0]
    if terms.step_ns == 0:
        return None
    return Learnt(
        next_ns=int(terms.next_ns),
        count=int(terms.count),
        estimated_ns=int(own.portfolio.estimated_ns[0]),
        prices=_plain(own.prices),
        returns=_plain(own.returns[: int(terms.count)].ravel()),
    )


def adopt_learnt(book: Book, learnt: Learnt | None) -> None:
    """Set what a fresh book has learnt to that of a snapshot."""
    own = book.estimator
    if learnt is None or own.terms[0].step_ns == 0:
        return
    own.terms[0].next_ns, own.terms[0].count = learnt.next_ns, learnt.count
    own.prices[:] = _floats(learnt.prices)
    rows = len(learnt.returns) // max(len(own.prices), 1)
    own.returns[:rows] = [
        _floats(learnt.returns[row * len(own.prices) : (row + 1) * len(own.prices)]) for row in range(rows)
    ]
    if learnt.estimated_ns > 0:
        estimate(own, learnt.estimated_ns)
        assume_by_class(own, book.rho)


def _plain(values: object) -> tuple[float | None, ...]:
    found: list[float] = values.tolist()  # type: ignore[attr-defined]
    return tuple(None if math.isnan(value) else value for value in found)


def _floats(values: tuple[float | None, ...]) -> list[float]:
    return [math.nan if value is None else value for value in values]
