"""The message budget of one venue: a token bucket with weights, of which a part is kept for what reduces risk."""

from collections.abc import Mapping

from msgspec import Struct, field

from venues.messages import RequestKind


class BudgetRules(Struct, frozen=True, kw_only=True):
    """Tokens per second, the most that are kept, those kept for cancels, and what each request costs (1 if unsaid)."""

    per_s: float = 20.0
    burst: float = 40.0
    reserve: float = 10.0
    weights: Mapping[RequestKind, float] = field(default_factory=dict)


class Budget:
    """How many messages may leave; time is its caller's."""

    def __init__(self, rules: BudgetRules, now_ns: int = 0) -> None:
        if not 0 <= rules.reserve < rules.burst:
            raise ValueError(f"reserve {rules.reserve}: at least 0 and below the burst of {rules.burst} is allowed")
        if rules.per_s <= 0:
            raise ValueError(f"per_s {rules.per_s}: more than 0 tokens a second are allowed")
        self._rules = rules
        self._tokens = rules.burst
        self._then_ns = now_ns
        self._closed_until_ns = 0

    def tokens(self, now_ns: int) -> float:
        """Return what is left at an instant."""
        if now_ns > self._then_ns:
            gained = (now_ns - self._then_ns) / 1e9 * self._rules.per_s
            self._tokens = min(self._rules.burst, self._tokens + gained)
            self._then_ns = now_ns
        return self._tokens

    def take(self, kind: RequestKind, now_ns: int, *, reduces: bool = False) -> bool:
        """Pay for a request if that is possible; only what reduces risk may use the reserve."""
        if now_ns < self._closed_until_ns:
            return False
        cost = self._rules.weights.get(kind, 1.0)
        floor = 0.0 if reduces or kind in (RequestKind.CANCEL, RequestKind.HEARTBEAT) else self._rules.reserve
        if self.tokens(now_ns) - cost < floor:
            return False
        self._tokens -= cost
        return True

    def close(self, until_ns: int) -> None:
        """Send nothing up to an instant: the venue has said so."""
        self._closed_until_ns = max(self._closed_until_ns, until_ns)
