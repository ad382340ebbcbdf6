"""The circuit of one venue: after failures in a row nothing new goes out, until a probe has been answered.

CLOSED: all is well. OPEN: nothing that opens risk is sent; when its pause is over one probe may go (HALF_OPEN). An
answered probe closes the circuit, a failed one opens it again for longer, up to a bound: so a venue that has come
back is used again within that bound, however long it was away. Reads may always try; cancels always go.

A venue that answers may be unwell as well (CB-03): where too many of its newest answers were rejects, failures or slow
(`policies.breakers.is_unwell`), the circuit opens the same way, and counts them anew once a probe was answered.
"""

import random
from enum import IntEnum

from msgspec import Struct

from policies.breakers import Answer, Gate, VenueTerms, hear_answer, open_venue_breaker


class CircuitState(IntEnum):
    """Whether the venue is used."""

    CLOSED = 0
    OPEN = 1
    HALF_OPEN = 2


class CircuitRules(Struct, frozen=True, kw_only=True):
    """When a circuit opens, and for how long. Durations in ns; `jitter` is a share of the pause.

    `health` says how many rejects, failures or slow answers there may be; its pauses are not asked.
    """

    failures_max: int = 3
    pause_ns: int = 1_000_000_000
    pause_ns_max: int = 10_000_000_000
    jitter: float = 0.2
    health: VenueTerms = VenueTerms()


class Circuit:
    """Counts what the venue does; time and chance are its caller's."""

    def __init__(self, rules: CircuitRules, chance: random.Random) -> None:
        self._rules = rules
        self._chance = chance
        self.state = CircuitState.CLOSED
        self.failures = 0
        self.opened_ns: int | None = None
        self._pause_ns = rules.pause_ns
        self._probe_ns = 0
        self._health = open_venue_breaker()
        self._is_ill = False  # it answers, and badly: only the answer to a probe says that it is well again
        hear_answer(
            open_venue_breaker(), rules.health, 0, Answer.DONE.value, 0
        )  # compiled now, not while a venue waits

    @property
    def lets_orders_out(self) -> bool:
        """Tell whether an order that opens risk may be sent."""
        return self.state is CircuitState.CLOSED

    def is_probe_due(self, now_ns: int) -> bool:
        """Tell whether to send a probe now; saying yes makes it HALF_OPEN."""
        if self.state is CircuitState.OPEN and now_ns >= self._probe_ns:
            self.state = CircuitState.HALF_OPEN
            return True
        return False

    def succeeded(self) -> None:
        """Take an answer."""
        self.failures = 0
        self.state = CircuitState.CLOSED
        self.opened_ns = None
        self._pause_ns = self._rules.pause_ns

    def answered(self, now_ns: int, latency_ns: int, *, rejected: bool = False) -> None:
        """Take an answer to a request, a refusal of an order (`rejected`) or any other."""
        if self.state is CircuitState.OPEN and self._is_ill:
            return
        was_closed = self.state is CircuitState.CLOSED
        self.succeeded()
        if not was_closed:
            self._health, self._is_ill = open_venue_breaker(), False
        elif self._is_unwell(now_ns, Answer.REJECTED if rejected else Answer.DONE, latency_ns):
            self._is_ill = True
            self._open(now_ns)

    def failed(self, now_ns: int) -> None:
        """Take a silence, an error or a lost connection."""
        self.failures += 1
        unwell = self.state is CircuitState.CLOSED and self._is_unwell(now_ns, Answer.FAILED, 0)
        if self.state is CircuitState.OPEN or (self.failures < self._rules.failures_max and not unwell):
            return
        self._open(now_ns)

    def _is_unwell(self, now_ns: int, answer: Answer, latency_ns: int) -> bool:
        found = hear_answer(self._health, self._rules.health, now_ns, answer.value, latency_ns)
        return bool(found != Gate.CLOSED)

    def _open(self, now_ns: int) -> None:
        if self.state is CircuitState.HALF_OPEN:
            self._pause_ns = min(2 * self._pause_ns, self._rules.pause_ns_max)
        if self.opened_ns is None:
            self.opened_ns = now_ns
        self.state = CircuitState.OPEN
        spread = 1 - self._rules.jitter * self._chance.random()
        self._probe_ns = now_ns + int(self._pause_ns * spread)
