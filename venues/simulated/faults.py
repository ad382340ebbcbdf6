"""What can go wrong between us and a venue, by name, and how often it does: a plan, drawn from under a seed."""

import random
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct, field


class Fault(StrEnum):
    """One way in which a venue, or the way to it, fails."""

    NONE = "none"
    REJECT = "reject"  # the venue will not have the order
    DELAY = "delay"  # a request or an answer takes much longer, and is overtaken
    PARTIAL_STORM = "partial storm"  # a fill comes in many pieces
    DUPLICATE_EVENT = "duplicate event"  # an answer or news comes twice
    OUT_OF_ORDER_FILL = "out-of-order fill"  # news is overtaken by later news
    DROP_BEFORE = "drop before execution"  # the request never arrives
    DROP_AFTER = "drop after execution"  # it is carried out, the answer never arrives
    NEWS_LOST = "news lost"  # an execution or a change is never told
    ERROR_AFTER_ACCEPT = "5xx after accept"  # it is carried out, the answer says that something failed
    RATE_LIMIT = "rate limit"  # not now, come back later
    DISCONNECT = "disconnect"  # the connection breaks; what was under way on it is lost
    CLOCK_SKEW = "clock skew"  # the venue's clock is wrong
    MANUAL_TRADE = "manual trade"  # somebody trades on the account past us


ON_REQUESTS: Final = (Fault.DROP_BEFORE, Fault.DROP_AFTER, Fault.ERROR_AFTER_ACCEPT, Fault.RATE_LIMIT, Fault.DISCONNECT)
"""At most one of these befalls a request; the rest is drawn on its own."""


class FaultPlan(Struct, frozen=True, kw_only=True):
    """Chances of faults per request or message, and how bad they are. Durations in ns."""

    chances: Mapping[Fault, float] = field(default_factory=dict)
    latency_ns: int = 1_000_000
    delay_ns_max: int = 5_000_000_000
    pieces_max: int = 12
    retry_after_ns: int = 200_000_000
    skew_ns: int = 90_000_000_000
    outages: tuple[tuple[int, int], ...] = ()
    """Spans (from, to) in which nothing gets through and no connection can be made."""
    dead_man_ns: int = 0
    """Without a heartbeat for so long the venue cancels what is ours; 0: it has no such switch."""


class Draws:
    """The plan's dice, of one seed. What concerns one order is drawn from its id: a retry meets the same fate."""

    def __init__(self, plan: FaultPlan, seed: int) -> None:
        self.plan = plan
        self._seed = seed
        self._random = random.Random(seed)  # noqa: S311 - a simulation, not a secret

    def happens(self, fault: Fault) -> bool:
        """Tell whether a fault strikes this time."""
        chance = self.plan.chances.get(fault, 0.0)
        return chance > 0 and self._random.random() < chance

    def befalls(self) -> Fault:
        """Return what befalls a request on its way."""
        return next((fault for fault in ON_REQUESTS if self.happens(fault)), Fault.NONE)

    def latency_ns(self) -> int:
        """Return how long a message takes, most of the time."""
        return int(self.plan.latency_ns * (0.5 + self._random.random()))

    def delay_ns(self) -> int:
        """Return by how much a delayed message is late."""
        return int(self.plan.delay_ns_max * self._random.random())

    def skew_ns(self) -> int:
        """Return how far off the venue's clock is now."""
        return int(self.plan.skew_ns * (2 * self._random.random() - 1)) if self.happens(Fault.CLOCK_SKEW) else 0

    def refuses(self, client_id: str) -> str:
        """Return why an order will not be had, "" if it will."""
        chance = self.plan.chances.get(Fault.REJECT, 0.0)
        return "no funds for this order" if self._of_order(client_id, "reject") < chance else ""

    def pieces(self, client_id: str) -> int:
        """Return in how many parts an order's fills come."""
        if self._of_order(client_id, "storm") >= self.plan.chances.get(Fault.PARTIAL_STORM, 0.0):
            return 1
        return 2 + int(self._of_order(client_id, "pieces") * (self.plan.pieces_max - 1))

    def _of_order(self, client_id: str, what: str) -> float:
        return random.Random(f"{self._seed}|{what}|{client_id}").random()  # noqa: S311
