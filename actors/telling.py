"""Telling: what the book has noted by itself since it was last asked: alerts of its floors, breakers that tripped."""

import numpy as np

from actors.messages import Finding
from actors.writing import Writer
from market.records import records
from policies.breaking import TRIP, TRIPS, Kind
from policies.plan import Plan
from policies.risk import Book


class Told:
    """Turns what is new in a book into findings; a book that was restored has told what it had noted by then."""

    def __init__(self, book: Book, plan: Plan) -> None:
        self._book = book
        self._writer = Writer(plan, 1)
        self._alerts = int(book.guard[0].told)
        self._disabled = book.controls.disabled.copy()

    def fresh(self, judged_ns: int | None = None) -> list[Finding]:
        """Return what is new, by kind and time; `judged_ns` is the instant of a group that was just judged."""
        np.minimum(self._disabled, self._book.controls.disabled, out=self._disabled)  # those that were enabled again
        found = [*self._fresh_alerts(), *self._fresh_trips()]
        if judged_ns is not None:
            found += self._fresh_disabled(judged_ns)
        return found

    def _fresh_alerts(self) -> list[Finding]:
        told = int(self._book.guard[0].told)
        if told == self._alerts:
            return []
        made = [self._writer.alert(row) for row in self._book.alerts[self._alerts : told]]
        self._alerts = told
        return [Finding(alert.time_ns, record=alert) for alert in made]

    def _fresh_trips(self) -> list[Finding]:
        breakers = self._book.breakers
        count = int(breakers.counts[TRIPS])
        if count == 0:
            return []
        made = [self._writer.breaker(row) for row in breakers.trips[:count]]
        breakers.counts[TRIPS] = 0
        return [Finding(breaker.time_ns, record=breaker) for breaker in made]

    def _fresh_disabled(self, judged_ns: int) -> list[Finding]:
        """Desks that executed too often: found out when they wanted to once more."""
        disabled = self._book.controls.disabled
        found = []
        for desk in np.flatnonzero(disabled > self._disabled):
            trip = records(1, TRIP)[0]
            trip.time_ns, trip.kind, trip.number = judged_ns, Kind.REPEATED.value, desk
            found.append(Finding(judged_ns, record=self._writer.breaker(trip)))
        self._disabled[:] = disabled
        return found
