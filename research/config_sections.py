"""The sections of configuration files and profiles: keys, units and what is allowed. Nothing is read here."""

from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, field_validator

from research.config_accounts import Crypto, FirmRules, Guard, Objectives, PortfolioRules
from research.config_base import Fraction, Section
from research.config_breakers import Breakers

Amount = Annotated[Decimal, Field(ge=Decimal("-1e12"), le=Decimal("1e12"), allow_inf_nan=False)]
"""A number kept as it is written: steps, rates, percentages."""
Money = Annotated[Amount, Field(decimal_places=6)]
"""Account money: the smallest unit is 10**-6 (`market.money`)."""
LotSize = Annotated[Decimal, Field(gt=0, le=Decimal("1e9"), allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=10**12)]
Ticks = Annotated[int, Field(ge=-(10**9), le=10**9)]
TicksPaid = Annotated[int, Field(ge=0, le=10**9)]
FeePpm = Annotated[int, Field(ge=0, le=500_000)]
Span = Annotated[float, Field(gt=0, le=1e9)]
"""A span of time in the unit that its key ends with; nanoseconds of it fit 63 bits."""


class Account(Section):
    """The account of a paper run or backtest."""

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3,5}$")]
    cash: Annotated[Money, Field(gt=0, le=Decimal("1e9"))]
    profile: str
    news: str = ""


class Data(Section):
    """Which of the data is replayed."""

    forex_symbols: tuple[str, ...]
    forex_timeframe: Literal["1m", "3m", "5m", "15m", "30m", "1h", "4h", "1d"]
    forex_days_max: Annotated[float, Field(gt=0, le=1e6)]
    route_symbol: str
    route_hours_max: Annotated[float, Field(gt=0, le=1e6)]
    contract_symbol: str
    contract_hours_max: Annotated[float, Field(gt=0, le=1e6)]


class Venues(Section):
    """Defaults of simulated venues."""

    latency_ms: Annotated[float, Field(ge=0.001, le=60_000)]
    stale_after_s: Annotated[float, Field(ge=0.001, le=86_400)]


class VenueOverride(Section):
    """What differs for one venue."""

    latency_ms: Annotated[float, Field(ge=0.001, le=60_000)] | None = None
    stale_after_s: Annotated[float, Field(ge=0.001, le=86_400)] | None = None


class Instruments(Section):
    """Defaults of instruments, by kind."""

    fx_lot_size: LotSize
    metal_lot_size: LotSize
    crypto_lot_size: LotSize
    equity_lot_size: LotSize
    index_lot_size: LotSize
    fx_spread_pips: Annotated[Decimal, Field(ge=0, le=10_000, allow_inf_nan=False)]
    other_spread_ppm: Annotated[int, Field(ge=0, le=500_000)]
    slippage_ticks: TicksPaid
    fx_fee_ppm: FeePpm
    crypto_fee_ppm: FeePpm
    equity_fee_ppm: FeePpm
    depth_lots: Annotated[int, Field(gt=0, le=10**9)]


class InstrumentOverride(Section):
    """What differs for one symbol."""

    lot_size: LotSize | None = None
    spread_ticks: TicksPaid | None = None
    slippage_ticks: TicksPaid | None = None
    fee_ppm: FeePpm | None = None
    depth_lots: Annotated[int, Field(gt=0, le=10**9)] | None = None
    news_currencies: tuple[Annotated[str, Field(pattern=r"^[A-Z]{3}$")], ...] | None = None


class MarketHours(Section):
    """When a kind of market is open: an IANA zone, two times of its day, days without a session or with an early end.

    Weekdays are numbers from 0, Monday, to 6. A session that opens at or after its close opens on the day before.
    """

    zone: str
    opens: str
    closes: str
    weekdays: Annotated[tuple[Annotated[int, Field(ge=0, le=6)], ...], Field(min_length=1)] = (0, 1, 2, 3, 4)
    holidays: tuple[date, ...] = ()
    early: dict[date, str] = Field(default_factory=dict)


class Hours(Section):
    """The hours of every kind of market; a contract has those of what it is on."""

    fx: MarketHours
    metal: MarketHours
    crypto: MarketHours
    equity: MarketHours
    index: MarketHours


class Desk(Section):
    """What all desks have."""

    policy: str
    budget_fraction: Fraction
    auto_execute: bool
    params: dict[str, float] = Field(default_factory=dict)


class ArbitrageDesk(Desk):
    """The arbitrage desk: its route's numbers and its own minimum."""

    enter_ticks: Ticks
    exit_ticks: Ticks
    hold_s: Span
    quiet_s: Annotated[float, Field(ge=0, le=1e9)]
    age_ms_max: Span
    net_profit_bp_min: Annotated[float, Field(ge=-1e9, le=1e9)]
    auto_gross_bp: Annotated[float, Field(ge=-1e9, le=1e9)]
    auto_net_profit: Money
    auto_risk_score: Annotated[float, Field(ge=0, le=101)]


class BinaryDesk(Desk):
    """The binary desk: the contract it trades."""

    payout: Annotated[Decimal, Field(gt=0, le=10, decimal_places=6, allow_inf_nan=False)]
    expiry_s: Annotated[int, Field(gt=0, le=86_400)]
    bars_s: Annotated[int, Field(gt=0, le=3600)]
    stake_lot: Annotated[Money, Field(gt=0, le=10**6)]
    tie_returns_stake: bool


class Desks(Section):
    """The three desks."""

    forex: Desk
    arbitrage: ArbitrageDesk
    binary: BinaryDesk


KindName = Literal["fx", "metal", "crypto", "equity", "index", "binary"]


class Override(Section):
    """Controls that two people set aside for at most an hour of market time, and why."""

    rules: Annotated[tuple[str, ...], Field(min_length=1)]
    people: Annotated[tuple[str, ...], Field(min_length=2)]
    reason: Annotated[str, Field(min_length=1)]
    begins: AwareDatetime
    ends: AwareDatetime


class Controls(Section):
    """Pre-trade controls: what one order may be, how many there may be, and who may trade what."""

    jurisdiction: str
    permitted: dict[str, tuple[KindName, ...]]
    collar_percent: dict[KindName, Annotated[Amount, Field(gt=0, le=100)]]
    reference_age_s: Span
    order_value_max: Annotated[Money, Field(ge=0)]
    order_value_fraction_max: Annotated[Amount, Field(ge=0, le=1000)]
    order_lots_max: Annotated[int, Field(ge=0, le=10**12)]
    gross_fraction_max: Annotated[Amount, Field(ge=0, le=1000)]
    messages_max: Annotated[int, Field(ge=0, le=100_000)]
    venue_messages_max: Annotated[int, Field(ge=0, le=100_000)]
    executions_max: Annotated[int, Field(ge=0, le=100_000)]
    executions_window_s: Annotated[int, Field(gt=0, le=86_400)]
    identical_max: Annotated[int, Field(ge=0, le=100_000)]
    identical_window_s: Annotated[int, Field(gt=0, le=86_400)]
    duplicate_s: Annotated[float, Field(ge=0, le=86_400)]
    drift_window_s: Annotated[float, Field(ge=0, le=86_400)]
    fat_finger_factor: Annotated[int, Field(gt=0, le=10**6)]
    jump_sigma: Annotated[int, Field(gt=0, le=10**6)]
    refuse_self_trade: bool
    refuse_locked: bool
    override: tuple[Override, ...] = ()


class Report(Section):
    """What reports hold."""

    sample_s: Annotated[float, Field(ge=1, le=1e9)]


class Configuration(Section):
    """A whole configuration file."""

    account: Account
    data: Data
    venues: Venues
    instruments: Instruments
    rates: dict[str, Annotated[Amount, Field(gt=0)]]
    desks: Desks
    controls: Controls
    breakers: Breakers = Field(default_factory=Breakers)
    report: Report
    hours: Hours
    portfolio: PortfolioRules | None = None
    venue: dict[str, VenueOverride] = Field(default_factory=dict)
    instrument: dict[str, InstrumentOverride] = Field(default_factory=dict)


class ProfileLimits(Section):
    """Limits of a profile."""

    trades_per_day_max: Count
    daily_loss_max: Annotated[Money, Field(ge=0)]
    daily_loss_basis: Literal["realised_plus_floating_loss", "equity_from_day_anchor"]
    drawdown_max: Annotated[Money, Field(ge=0)]
    drawdown_basis: Literal["initial", "peak"]
    loss_streak_max: Count
    position_fraction_max: Annotated[Amount, Field(ge=0, le=1000)]
    cooldown_seconds: tuple[Annotated[int, Field(ge=0, le=10**9)], ...]

    @field_validator("cooldown_seconds")
    @classmethod
    def _not_empty(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not value:
            raise ValueError("at least one number is allowed, the pause after no loss in a row")
        return value


class ProfileLevels(Section):
    """From which usage a day is called MEDIUM and HIGH."""

    usage_medium: Fraction
    usage_high: Fraction


class ProfileArbitrage(Section):
    """Gates of the arbitrage desk."""

    net_profit_percent_min: Amount
    risk_score_max: Annotated[float, Field(ge=0, le=100)]
    auto_gross_spread_percent: Amount
    auto_net_profit: Money
    auto_risk_score: Annotated[float, Field(ge=0, le=101)]
    top_n: Count


class ProfileForex(Section):
    """Gates of the forex desk; confidences are fractions, 72 is a percent and an error."""

    confidence_min: Fraction
    reward_to_risk_min: Amount
    auto_confidence: Annotated[float, Field(ge=-1.0, le=1.0)]
    auto_reward_to_risk: Amount
    confidence_weight: Fraction
    reward_to_risk_cap: Annotated[float, Field(gt=0, le=1e9)]
    size_multipliers: tuple[tuple[float, Fraction], ...]
    top_n: Count

    @field_validator("size_multipliers")
    @classmethod
    def _descending(cls, value: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        scores = [score for score, _ in value]
        if not scores or any(above <= below for above, below in pairwise(scores)):
            raise ValueError("at least one pair [least score, size] is allowed, highest score first")
        return value


class ProfileBinary(Section):
    """Gates of the binary desk."""

    probability_min: Fraction
    edge_min: Annotated[float, Field(ge=-1.0, le=1.0)]
    expiry_seconds: tuple[Annotated[int, Field(gt=0, le=86_400)], ...]
    top_n: Count

    @field_validator("expiry_seconds")
    @classmethod
    def _not_empty(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not value:
            raise ValueError("at least one expiry is allowed")
        return value


class AccountProfile(Section):
    """The rules of one profile for the whole account; what is None asks for nothing."""

    name: str
    firm: FirmRules | None = None
    objectives: Objectives | None = None
    guard: Guard | None = None
    crypto: Crypto | None = None
    portfolio: PortfolioRules | None = None


class ProfileFile(Section):
    """A profile as its file has it: limits and gates of the desks, all or none of them, and rules of the account.

    With `extends` it is laid over another profile, key by key, and may only tighten it.
    """

    name: str
    extends: str = ""
    day_time_zone: Literal["UTC"] = "UTC"
    controls: Literal["configured", "wide"] = "configured"
    limits: ProfileLimits | None = None
    levels: ProfileLevels | None = None
    arbitrage: ProfileArbitrage | None = None
    forex: ProfileForex | None = None
    binary: ProfileBinary | None = None
    firm: FirmRules | None = None
    objectives: Objectives | None = None
    guard: Guard | None = None
    crypto: Crypto | None = None
    portfolio: PortfolioRules | None = None


class Profile(Section):
    """What all active profiles come to together: limits and gates of the desks, and every account's own rules."""

    name: str
    day_time_zone: Literal["UTC"]
    controls: Literal["configured", "wide"] = "configured"
    limits: ProfileLimits
    levels: ProfileLevels
    arbitrage: ProfileArbitrage
    forex: ProfileForex
    binary: ProfileBinary
    accounts: tuple[AccountProfile, ...] = ()
