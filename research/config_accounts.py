"""The sections of a profile that hold an account to rules: a firm's floors, its objectives, our guard, crypto's caps.

Keys, units and what is allowed; nothing is read here. A section that is left out asks for nothing.
"""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from policies.calendars import CalendarError, clock_of, zone
from research.config_base import Fraction, Section

Share = Annotated[Decimal, Field(gt=0, le=1, decimal_places=6, allow_inf_nan=False)]
"""A share of money, exact to a millionth."""
ShareOrNone = Annotated[Decimal, Field(ge=0, le=1, decimal_places=6, allow_inf_nan=False)]


class FirmRules(Section):
    """A firm's loss rules: floors of the equity, floating profit and loss included, at every instant.

    Daily: the anchor of the last reset less its amount. Total: the initial capital (`static`), the highest balance at
    a reset (`trailing_eod_balance`) or the highest equity (`trailing_intraday_equity`) less its amount. A breach is
    final, unless it `clears`: then a person may lift it after the next reset.
    """

    daily_fraction: Share | None = None
    daily_amount_of: Literal["initial", "anchor"] = "initial"
    daily_anchor: Literal["balance", "equity", "max_balance_equity"] = "balance"
    total_mode: Literal["static", "trailing_eod_balance", "trailing_intraday_equity"]
    total_fraction: Share
    total_amount_of: Literal["initial", "hwm"] = "initial"
    lock_at: Literal["none", "initial"] = "none"
    breach: Literal["below", "at_or_below"]
    clears: Literal["never", "acknowledged"] = "never"
    time_zone: str
    reset: str

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            zone(value)
        except CalendarError as error:
            raise ValueError(str(error).split(": ", 1)[1]) from error
        return value

    @field_validator("reset")
    @classmethod
    def _clock(cls, value: str) -> str:
        try:
            clock_of(value)
        except CalendarError as error:
            raise ValueError(str(error).split(": ", 1)[1]) from error
        return value


class Objectives(Section):
    """What an evaluation asks for, and when a firm forbids to trade or hold; 0 or absent: nothing."""

    profit_target_fraction: Share | None = None
    trading_days_min: Annotated[int, Field(ge=0, le=1000)] = 0
    best_day_fraction_max: Share | None = None
    best_day_of: Literal["positive_days", "net_total"] = "positive_days"
    news_minutes: Annotated[int, Field(ge=0, le=1440)] = 0
    weekend_hold: bool = True

    @property
    def minds_the_time(self) -> bool:
        """Tell whether there are times at which nothing may be opened, or held."""
        return self.news_minutes > 0 or not self.weekend_hold


class VolumePhase(Section):
    """A step of phased volume: what must all be reached for its share of a size; without `profit_min`, no profit."""

    name: Annotated[str, Field(min_length=1)]
    trades_min: Annotated[int, Field(ge=0, le=10**6)]
    days_min: Annotated[int, Field(ge=0, le=10**5)]
    profit_min: Annotated[Decimal, Field(ge=-1, le=100, decimal_places=6, allow_inf_nan=False)] | None = None
    volume: Share


class VolumeCap(Section):
    """From which drawdown on, as a fraction of the initial capital, sizes are at most which share."""

    drawdown_fraction: Share
    volume: ShareOrNone


class Guard(Section):
    """What we keep between us and a floor; shares are of the initial capital, of an amount, or of a notional.

    `exit_before_news`: what is held is closed before the news, for a stop that triggers within its window is a trade.
    What must be closed before the news or a weekend is closed `exit_minutes` ahead.
    """

    buffer_fraction: ShareOrNone = Decimal("0.005")
    overnight_buffer_multiple: Annotated[int, Field(ge=1, le=100)] = 2
    gap_fraction: Share = Decimal("0.02")
    stop_gap_fraction: ShareOrNone = Decimal("0.005")
    halve_at: Share = Decimal("0.6")
    no_new_risk_at: Share = Decimal("0.75")
    flatten_at: Share = Decimal("0.85")
    exit_before_news: bool = False
    exit_minutes: Annotated[int, Field(ge=0, le=1440)] = 15
    daily_room_share: Share = Decimal("0.5")
    total_room_share: Share = Decimal("0.25")
    phases: tuple[VolumePhase, ...] = ()
    protect: tuple[VolumeCap, ...] = ()

    @model_validator(mode="after")
    def _ladder(self) -> "Guard":
        if not self.halve_at <= self.no_new_risk_at <= self.flatten_at:
            raise ValueError("halve_at <= no_new_risk_at <= flatten_at is allowed")
        if self.protect and not self.phases:
            raise ValueError("protect without phases: a phase from 0 trades on with volume 1 is allowed")
        return self


class CryptoRisk(Section):
    """Risk per trade by confidence, as a fraction of equity; below the floor there is no trade."""

    fraction_min: Share
    fraction_max: Share
    confidence_floor: Fraction
    confidence_cap: Fraction
    gamma: Annotated[float, Field(gt=0, le=10)]


class CryptoExposure(Section):
    """The most that open, working and new positions may come to together, as a fraction of equity."""

    fraction_max: Share
    basis: Literal["initial_margin", "gross_notional", "open_risk"]


class CryptoLeverage(Section):
    """Leverage of an order that asks for none, and the most of any; venue and jurisdiction cap it further."""

    default: Annotated[Decimal, Field(gt=0, le=500, decimal_places=2, allow_inf_nan=False)]
    max: Annotated[Decimal, Field(gt=0, le=500, decimal_places=2, allow_inf_nan=False)]


class CryptoCorrelation(Section):
    """When a new position repeats an open one."""

    window_bars: Annotated[int, Field(ge=2, le=100_000)]
    effective_rho_max: Annotated[float, Field(ge=-1.0, le=1.0)]
    cluster_fraction_max: Share
    observations_min: Annotated[int, Field(ge=2, le=100_000)]


class SafeMode(Section):
    """Drawdowns that stop new risk, reached inclusive; they end with the period and a person's acknowledgement."""

    daily_fraction: Share
    monthly_fraction: Share
    reference: Literal["period_peak_equity", "period_start_equity"]
    time_zone: Literal["UTC"]


class CryptoStops(Section):
    """Protective stops in multiples of the average true range, and of the initial risk R."""

    atr_period: Annotated[int, Field(ge=1, le=1000)]
    atr_multiple: Annotated[Decimal, Field(gt=0, le=100, allow_inf_nan=False)]
    breakeven_at_r: Annotated[Decimal, Field(gt=0, le=100, allow_inf_nan=False)]
    trail_at_r: Annotated[Decimal, Field(gt=0, le=100, allow_inf_nan=False)]
    trail_atr_multiple: Annotated[Decimal, Field(gt=0, le=100, allow_inf_nan=False)]


class PortfolioRules(Section):
    """Limits of the whole portfolio, and what its correlations are learnt from: returns of the run's own prices.

    Value at risk of `var_confidence` over one step, as a share of the initial capital; gross notional of a cluster as a
    share of equity; the correlation from which two positions are the same bet. A step of 0 is that of the bars (at
    least 60 s), an age of 0 ten steps.
    """

    var_fraction_max: Share
    var_confidence: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95
    cluster_fraction_max: Annotated[Decimal, Field(gt=0, le=1000, decimal_places=6, allow_inf_nan=False)]
    correlation_max: Annotated[float, Field(gt=-1.0, le=1.0)]
    step_s: Annotated[float, Field(ge=0, le=1e7)] = 0.0
    stale_after_s: Annotated[float, Field(ge=0, le=1e9)] = 0.0
    window: Annotated[int, Field(ge=2, le=10_000)] = 90
    observations_min: Annotated[int, Field(ge=2, le=10_000)] = 30

    @model_validator(mode="after")
    def _enough(self) -> "PortfolioRules":
        if self.observations_min > self.window:
            raise ValueError("observations_min of at most window is allowed: more would never be there")
        return self


class Crypto(Section):
    """The crypto profile's rules."""

    risk: CryptoRisk
    exposure: CryptoExposure
    leverage: CryptoLeverage
    correlation: CryptoCorrelation
    safe_mode: SafeMode
    stops: CryptoStops
