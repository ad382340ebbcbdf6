"""What goes over the counter: requests with their units and bounds, and answers. Money and prices are exact decimals.

A field's description says what is allowed; it is the OpenAPI text and the line that a refused request gets back.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt

from policies.intents import Ruling

PAGE_MAX: Final = 1000
SEQUENCE_MAX: Final = 2**62
LOTS_MAX: Final = 10**9
REWARD_MAX: Final = 10**6

Money: TypeAlias = Annotated[Decimal, Field(allow_inf_nan=False, max_digits=18, decimal_places=6)]
Price: TypeAlias = Annotated[Decimal, Field(gt=0, allow_inf_nan=False, max_digits=18)]
RulingName: TypeAlias = Literal[tuple(ruling.name for ruling in Ruling)]  # type: ignore[valid-type]


QUERY: Final[Mapping[str, str]] = {
    "after": "a journal sequence number, a whole number from 0; the `next` of the page before",
    "limit": f"decisions per page, a whole number from 1 to {PAGE_MAX}",
    "ruling": f"{', '.join(ruling.name for ruling in Ruling)} is allowed",
}
"""What is allowed per query parameter."""


class Model(BaseModel):
    """What all of them have: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ProposedLeg(Model):
    """One leg of a proposal."""

    instrument: str = Field(description="an instrument of the plan, SYMBOL@VENUE", max_length=64)
    lots: StrictInt | None = Field(
        default=None, ge=-LOTS_MAX, le=LOTS_MAX,
        description="whole lots, above 0 to buy and below 0 to sell; left out when the proposal reduces",
    )  # fmt: skip
    limit: Price | None = Field(
        default=None, description="a price above 0 in quote currency, on the instrument's price step"
    )


class ProposalRequest(Model):
    """A proposal to preview. What it would take to be traded is up to its desk: see `reward`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "desk": "forex", "legs": [{"instrument": "GBPUSD@scenario", "lots": 5}], "stop": "1.35000",
                    "target": "1.36500", "confidence": 0.8,
                }
            ]
        }
    )  # fmt: skip

    desk: str = Field(description="a desk of the plan", max_length=64)
    legs: list[ProposedLeg] = Field(
        min_length=1, max_length=2, description="one leg; two for the arbitrage desk, both legs of one route"
    )
    reduce: StrictBool = Field(default=False, description="true to close what is held, then without lots")
    stop: Price | None = Field(default=None, description="a price above 0 on the price step, on the losing side")
    target: Price | None = Field(default=None, description="a price above 0 on the price step, on the winning side")
    hold_s: float | None = Field(
        default=None, gt=0, le=30 * 86_400, allow_inf_nan=False,
        description="seconds until it is closed or settles, above 0 and at most 2592000; a contract's own by default",
    )  # fmt: skip
    confidence: float | None = Field(
        default=None, ge=0, le=1, allow_inf_nan=False,
        description="a fraction from 0 to 1 (0.72, not 72); for a contract the probability to win",
    )  # fmt: skip
    reward: float | None = Field(
        default=None, ge=-REWARD_MAX, le=REWARD_MAX, allow_inf_nan=False,
        description="from -1000000 to 1000000: reward to risk (forex, or give stop and target), net profit in basis "
        "points (arbitrage), expected value per unit staked (binary, or leave it to the payout)",
    )  # fmt: skip
    gross: float | None = Field(
        default=None, ge=-REWARD_MAX, le=REWARD_MAX, allow_inf_nan=False,
        description="gross spread in basis points, from -1000000 to 1000000; arbitrage only",
    )  # fmt: skip
    gain: Money | None = Field(
        default=None, description="net profit in account currency, at most 6 decimal places; arbitrage only"
    )
    risk_score: float | None = Field(
        default=None, ge=0, le=100, allow_inf_nan=False, description="from 0 to 100; arbitrage only"
    )


class LegAnswer(Model):
    """One leg as it was judged, and the position it would leave.

    `after_lots` counts this order alone; `worst_lots` and `worst_value` (account currency) also count every working
    order on its side, as the position limit does.
    """

    instrument: str
    lots: int
    bid: Decimal
    ask: Decimal
    quote_age_s: float | None
    held_lots: int
    working_long_lots: int
    working_short_lots: int
    after_lots: int
    worst_lots: int
    worst_value: Decimal


class PreviewAnswer(Model):
    """What would have been decided at this moment. Nothing was reserved, numbered, journaled or sent."""

    preview: Literal[True] = True
    market_time: str | None
    epoch: int
    desk: str
    verdict: Literal["approved", "refused"]
    rules: list[str]
    ruling: RulingName
    would_execute: bool
    reasons: list[str]
    confidence: float
    reward: float
    score: float
    currency: str
    equity: Decimal
    position_value_max: Decimal
    legs: list[LegAnswer]


class JournaledLeg(Model):
    """One leg of a journaled decision: lots signed, prices in ticks.

    `claimed` are lots that orders under way were closing already; a reduction left them alone.
    """

    instrument: str
    lots: int
    limit: int
    bid: int
    ask: int
    quote_ns: int
    claimed: int = 0


class JournaledConfluence(Model):
    """What a chain's opinion stands on: votes in [-1, 1] by source (null: no opinion) and what each weighed."""

    sources: list[str]
    votes: list[float | None]
    weights: list[float]
    regime: str
    volatility: str
    coverage: float
    agreement: float
    claim: float
    outcomes: int
    low: float
    high: float


class JournaledDecision(Model):
    """A decision as it stands in the journal: prices in ticks, money in 10**-6, times in ns (UTC).

    What moves the stop, in ticks, 0 for never: `breakeven_at` is the gain that takes it to break-even, `trail_at` the
    one from which it follows the best price at a distance of `trail_by`.
    """

    kind: Literal["decision"]
    time_ns: int
    epoch: int
    intent_id: str
    desk: str
    policy: str
    legs: list[JournaledLeg]
    reduce: bool
    order_kind: str
    stop: int
    target: int
    hold_ns: int
    strength: float
    confidence: float
    reward: float
    gross: float
    gain: int
    risk_score: float
    score: float
    votes: list[float]
    features: list[float]
    view_hash: str
    rules: list[str]
    ruling: RulingName
    equity: int
    orders: list[int]
    breakeven_at: int = 0
    trail_at: int = 0
    trail_by: int = 0
    confluence: JournaledConfluence | None = None
    model: str = ""


class DecisionEntry(Model):
    """A journaled decision with its place in the journal's chain."""

    sequence: int
    hash: str
    market_time: str
    record: JournaledDecision


class DecisionPage(Model):
    """Decisions, oldest first. `next` is the `after` of the next page; `more` tells whether there was more to read."""

    decisions: list[DecisionEntry]
    next: int
    more: bool


class Holding(Model):
    """One open position. `average_price` is None for a contract, whose `stake` is paid already."""

    instrument: str
    desk: str
    lots: int
    average_price: Decimal | None
    stake: Decimal | None
    floating: Decimal
    working_long_lots: int
    working_short_lots: int


class DeskAccount(Model):
    """What a desk has made so far, open positions at the price they could be closed at, and its trading state."""

    pnl: Decimal
    state: str


class PositionsAnswer(Model):
    """The account as risk sees it. Money in `currency`; a loss and a drawdown are positive."""

    market_time: str | None
    currency: str
    equity: Decimal
    cash: Decimal
    day_loss: Decimal
    day_loss_max: Decimal
    drawdown: Decimal
    drawdown_max: Decimal
    trades_today: int
    trades_per_day_max: int
    loss_streak: int
    loss_streak_max: int
    state: str
    latched: list[str]
    desks: dict[str, DeskAccount]
    positions: list[Holding]


class ActorHealth(Model):
    """One actor: how long ago the supervisor heard of it (None: never), and under which epoch it works."""

    name: str
    role: Literal["governor", "risk", "gateway", "feed", "agent"]
    status: Literal["ok", "silent"]
    epoch: int | None
    heard_s: float | None


class HealthAnswer(Model):
    """ok; degraded when an actor other than governor and risk is silent; down when one of these two is."""

    status: Literal["ok", "degraded", "down"]
    stage: str | None
    session: int | None
    session_complete: bool | None
    market_time: str | None
    records: int | None
    unanswered: list[str]
    actors: list[ActorHealth]


class ErrorBody(Model):
    """What went wrong, in one line; `field` is the place in the request, where there is one."""

    code: str
    message: str
    field: str | None = None


class ErrorAnswer(Model):
    """Every answer that is not a success."""

    error: ErrorBody


def allowed_values() -> Mapping[str, str]:
    """Return what is allowed per field of a request's body."""
    fields = {**ProposedLeg.model_fields, **ProposalRequest.model_fields}
    return {name: field.description or "" for name, field in fields.items()}
