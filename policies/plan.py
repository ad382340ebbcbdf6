"""The plan: everything a run is made of but its data. Frozen, journaled at the start of every run, named by its hash.

A backtest, a parameter sweep, a paper run on Ray and the replay of its journal all start from the same plan.
"""

import hashlib
from typing import Any

import msgspec
from msgspec import Struct

from market.instruments import Instrument, VenueSpec
from policies.standing_plan import StandingPlan


class FeedPlan(Struct, frozen=True, kw_only=True):
    """One feed: what it quotes, what its rows do (`Role` bits), whose they are, and what its view trades.

    `source` names the data: path below the data root and SHA-256, or a scenario with its seed.
    """

    instrument: str
    roles: int
    desk: int
    bar_ns: int = 0
    trades: str | None = None
    source: str = ""


class RoutePlan(Struct, frozen=True, kw_only=True):
    """One arbitrage route: the same instrument at two venues, with its scan's numbers; see `policies.routes`."""

    instrument_a: str
    instrument_b: str
    desk: int
    enter_ticks: int
    exit_ticks: int
    hold_ns: int
    quiet_ns: int
    age_ns_max: int
    basis_weight: float = 0.001
    variance_weight: float = 0.01


class DeskPlan(Struct, frozen=True, kw_only=True):
    """One desk: its policy with parameters, its budget, and what the governor demands of its trades."""

    name: str
    kind: int
    policy: str
    params: tuple[tuple[str, float], ...]
    budget_fraction: float = 1.0
    auto_execute: bool = False
    top_n: int = 1
    confidence_min: float = 0.0
    reward_min: float = -1e9
    risk_score_max: float = 100.0
    auto_confidence: float = -1.0
    auto_reward: float = -1e9
    auto_gross: float = -1e9
    auto_gain: float = -1e15
    auto_risk_score: float = 101.0
    confidence_weight: float = 0.6
    reward_cap: float = 3.0
    expiry_ns: int = 60 * 10**9
    size_multipliers: tuple[tuple[float, float], ...] = ((0.0, 1.0),)


class ModelPlan(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a desk's policy decides by where it was trained or bred: its features and its numbers for the kernel.

    `sha256` names the artefact it is from. `observer` is `policies.observing.observer_of`, `numbers` a network of
    `policies.network` or a genome of `policies.genome`. A `shadow` (challenger) is heard and journaled, never executed.
    """

    desk: int
    sha256: str
    features: tuple[str, ...]
    observer: tuple[float, ...]
    numbers: tuple[float, ...]
    shadow: bool = False


class LimitsPlan(Struct, frozen=True, kw_only=True):
    """One account's limits in integer money and counts; see `policies.risk.LIMITS`."""

    profile: str
    trades_per_day_max: int
    daily_loss_max: int
    daily_loss_basis: int
    drawdown_max: int
    drawdown_basis: int
    loss_streak_max: int
    position_ppm_max: int
    cooldowns_ns: tuple[int, ...]
    sample_ns: int


class CalendarPlan(Struct, frozen=True, kw_only=True):
    """When periods begin: whole seconds of UTC, computed when the run was planned; beyond the last nothing is known."""

    zone: str
    reset: str
    period: str
    resets_s: tuple[int, ...]


class FloorPlan(Struct, frozen=True, kw_only=True):
    """One floor of a profile; see `policies.floors.FLOOR`. `lock` None: the floor may rise without end."""

    name: str
    rule: int
    mode: int
    calendar: int
    anchor: int = 0
    of_top: int = 0
    amount: int = 0
    ppm: int = 0
    inclusive: int = 0
    clears: int = 0
    lock: int | None = None
    share_ppm: int = 1_000_000


class PortfolioPlan(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is learnt of how instruments move together, and the limits of the portfolio gate.

    A return per `step_ns` and instrument, of which the newest `window` count; a pair with fewer than `observations_min`
    common ones is not measured; `threshold` is the correlation at which clusters are cut. `gate` 0: nothing is asked
    but what a profile asks of correlations. See `policies.portfolio_gate.PORTFOLIO_LIMITS` for the rest.
    """

    step_ns: int
    window: int
    observations_min: int
    threshold: float
    gate: int = 0
    var_max: int = 0
    z: float = 0.0
    cluster_ppm_max: int = 0
    correlation_max: float = 0.0
    stale_after_ns: int = 0


class PhasePlan(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A phase of volume: what must all be reached for its size; `profit_min` (money) None asks for no profit."""

    name: str
    trades_min: int
    days_min: int
    volume_ppm: int
    profit_min: int | None = None


class ProtectPlan(Struct, frozen=True, kw_only=True):
    """From which drawdown (money) on the volume is at most what."""

    drawdown: int
    volume_ppm: int


class NewsEvent(Struct, frozen=True):
    """A release of high impact, in whole seconds of UTC; one without a time of day lasts its whole local day."""

    from_s: int
    until_s: int
    currency: str
    title: str


class NewsPlan(Struct, frozen=True, kw_only=True):
    """When nothing is opened for the news, and whether what is held is closed before (`closes` 1).

    `source` names the calendar, path and SHA-256; it is complete from `from_s` up to, not including, `until_s`.
    `currencies` are those that move each instrument, in the plan's order. A window reaches `window_s` to either side.
    """

    source: str
    from_s: int
    until_s: int
    window_s: int
    closes: int
    currencies: tuple[tuple[str, ...], ...]
    events: tuple[NewsEvent, ...]


class WeekendPlan(Struct, frozen=True, kw_only=True):
    """The weekends over which some instruments (by number) are not held: whole seconds of UTC, from close to open.

    They are those of a market's week in a named zone; before `from_s` and from `until_s` on none is known.
    """

    zone: str
    opens: str
    closes: str
    instruments: tuple[int, ...]
    from_s: int
    until_s: int
    rests_s: tuple[tuple[int, int], ...]


class RulesPlan(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the account's profiles ask for beside the limits; without a profile, nothing. See `policies.guard.GUARD`.

    `flattens`, `stops` and `portfolio` are missing in plans of before these were asked: replayed, they decide as then.
    The latter two need no profile. What must be closed before the news or a weekend is closed `exit_ns` ahead.
    """

    profiles: tuple[str, ...] = ()
    floors: tuple[FloorPlan, ...] = ()
    calendars: tuple[CalendarPlan, ...] = ()
    buffer: int = 0
    overnight_multiple: int = 1
    gap_ppm: int = 1_000_000
    stop_gap_ppm: int = 0
    halve_ppm: int = 1_000_000
    block_ppm: int = 1_000_000
    flatten_ppm: int = 1_000_000
    exposure_ppm_max: int = 0
    exposure_basis: int = 0
    leverage_ppm: int = 1_000_000
    cluster_ppm_max: int = 0
    rho_max: float | None = None
    risk_min: float = 0.0
    risk_max: float = 0.0
    confidence_floor: float = 0.0
    confidence_cap: float = 1.0
    gamma: float = 1.0
    flattens: int = 0
    stops: int = 0
    phases: tuple[PhasePlan, ...] = ()
    protects: tuple[ProtectPlan, ...] = ()
    portfolio: PortfolioPlan | None = None
    news: NewsPlan | None = None
    weekends: tuple[WeekendPlan, ...] = ()
    exit_ns: int = 0


class InstrumentControls(Struct, frozen=True, kw_only=True):
    """What one order of an instrument may be, and whether its desk may trade it at all."""

    collar_ppm: int
    drift_ppm: int
    lots_max: int
    reference_ns_max: int
    permitted: bool


class OverridePlan(Struct, frozen=True, kw_only=True):
    """Controls that two people have set aside for a while, and why: it stands in the journal with the plan."""

    rules: tuple[str, ...]
    people: tuple[str, ...]
    reason: str
    from_ns: int
    until_ns: int


class ControlsPlan(Struct, frozen=True, kw_only=True):
    """The pre-trade controls of an account, instruments in the plan's order; see `policies.controls.TERMS`."""

    instruments: tuple[InstrumentControls, ...]
    value_max: int
    value_ppm_max: int
    gross_ppm_max: int
    messages_max: int
    venue_messages_max: int
    message_ns: int
    executions_max: int
    executions_ns: int
    same_max: int
    same_ns: int
    duplicate_ns: int
    drift_ns: int
    fat_finger_factor: int
    jump_sigma: int
    self_trade: int
    locked: int
    overrides: tuple[OverridePlan, ...] = ()


class PriceBreakerPlan(Struct, frozen=True):
    """Terms of CB-02 per instrument; see `policies.breakers.PriceTerms`."""

    window_ns: int
    sigmas: int
    spreads: int
    pause_ns: int


class VenueBreakerPlan(Struct, frozen=True):
    """Terms of CB-03 per venue; see `policies.breakers.VenueTerms`."""

    window_ns: int
    rejects_ppm_max: int
    failures_ppm_max: int
    latency_ns_max: int
    answers_min: int
    pause_ns: int
    pause_ns_max: int


class CostBreakerPlan(Struct, frozen=True):
    """Terms of CB-04 per instrument; see `policies.breakers.CostTerms`."""

    times: int
    fills: int


class BreakersPlan(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The circuit breakers of a run; one that is None is off."""

    price: PriceBreakerPlan | None = None
    venue: VenueBreakerPlan | None = None
    cost: CostBreakerPlan | None = None


class Plan(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A whole run: account, venues, instruments, feeds in tape order, routes, desks, limits, account rules.

    `controls` and `breakers` are missing where none are configured: in plans of before there were any, and in tests of
    other things.
    """

    currency: str
    cash: int
    venues: tuple[VenueSpec, ...]
    instruments: tuple[Instrument, ...]
    feeds: tuple[FeedPlan, ...]
    routes: tuple[RoutePlan, ...]
    desks: tuple[DeskPlan, ...]
    limits: LimitsPlan
    rules: RulesPlan = RulesPlan()
    controls: ControlsPlan | None = None
    breakers: BreakersPlan | None = None
    models: tuple[ModelPlan, ...] = ()
    standing: StandingPlan | None = None

    def model_of(self, desk: int) -> ModelPlan | None:
        """Return what a desk decides by, None where its policy is written by hand."""
        return next((model for model in self.models if model.desk == desk), None)

    def index_of(self, key: str) -> int:
        """Return the number of an instrument; ValueError when the plan has none of that name."""
        for i, instrument in enumerate(self.instruments):
            if instrument.key == key:
                return i
        raise ValueError(f"instrument {key!r} is not in the plan")


def plan_hash(plan: Plan) -> str:
    """Return the SHA-256 of the plan's canonical form (JSON, sorted keys)."""
    return hashlib.sha256(canonical(plan)).hexdigest()


def canonical(value: Any) -> bytes:
    """Return the one byte string that stands for a value: JSON, sorted keys, no spaces, shortest floats."""
    return msgspec.json.encode(value, order="sorted")
