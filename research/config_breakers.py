"""The section of circuit breakers: what stops an instrument or a venue by itself. A breaker left out is off."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field, model_validator

from policies.plan import BreakersPlan, CostBreakerPlan, PriceBreakerPlan, VenueBreakerPlan
from research.config_base import Section

SECOND_NS = 10**9
PPM = 10**6

Seconds = Annotated[float, Field(ge=0.001, le=86_400)]
Times = Annotated[int, Field(ge=1, le=10_000)]
Percent = Annotated[Decimal, Field(gt=0, lt=100, decimal_places=4, allow_inf_nan=False)]


class PriceBreaker(Section):
    """CB-02: an instrument pauses when its price moves by so many sigmas within a window, or its spread is so wide.

    `spreads` is times the median of the newest spreads. The pause ends `pause_s` after the last cause of it.
    """

    window_s: Seconds = 60.0
    sigmas: Times = 5
    spreads: Times = 5
    pause_s: Seconds = 60.0


class VenueBreaker(Section):
    """CB-03: a venue is left alone when more than a share of its answers within a window are rejects, then probed."""

    window_s: Seconds = 60.0
    rejects_percent: Percent = Decimal(5)
    answers_min: Annotated[int, Field(ge=1, le=512)] = 20
    pause_s: Seconds = 15.0
    pause_s_max: Seconds = 60.0

    @model_validator(mode="after")
    def _pauses(self) -> "VenueBreaker":
        if self.pause_s > self.pause_s_max:
            raise ValueError("pause_s <= pause_s_max is allowed")
        return self


class CostBreaker(Section):
    """CB-04: an instrument stops when its newest fills have cost so many times what the model says."""

    times: Times = 3
    fills: Annotated[int, Field(ge=1, le=10_000)] = 20


class Breakers(Section):
    """All breakers of a run; one that is left out is off."""

    price: PriceBreaker | None = None
    venue: VenueBreaker | None = None
    cost: CostBreaker | None = None


def breakers_plan(own: Breakers) -> BreakersPlan | None:
    """Return the breakers of a plan; None where none is configured."""
    if own == Breakers():
        return None
    price = venue = cost = None
    if own.price is not None:
        price = PriceBreakerPlan(_ns(own.price.window_s), own.price.sigmas, own.price.spreads, _ns(own.price.pause_s))
    if own.venue is not None:
        share = int(own.venue.rejects_percent * PPM / 100)
        # A venue of recorded data answers at once and without fail: live, both are the circuit's of its gateway.
        venue = VenueBreakerPlan(
            _ns(own.venue.window_s), share, share, 0, own.venue.answers_min, _ns(own.venue.pause_s),
            _ns(own.venue.pause_s_max),
        )  # fmt: skip
    if own.cost is not None:
        cost = CostBreakerPlan(own.cost.times, own.cost.fills)
    return BreakersPlan(price=price, venue=venue, cost=cost)


def _ns(seconds: float) -> int:
    return int(seconds * SECOND_NS)
