"""Terms of made markets: one frozen struct each, every number with its unit and its bounds; nothing else gets through.

A step is `step_ns` of market time. Drifts and volatilities are of log returns, in basis points per step: 1 bp is 1e-4.
`first_ticks` is the price before the first step. Shares and chances are fractions from 0 to 1.
"""

from types import UnionType
from typing import Any, Final

import msgspec
from msgspec import Struct

MINUTE_NS: Final = 60 * 10**9
STEPS_MAX: Final = 10**7
TICKS_MAX: Final = 2**40
END_NS_MAX: Final = 2**62

BOUNDS: Final[dict[str, tuple[float, float, str]]] = {
    "steps": (1, STEPS_MAX, "steps"),
    "step_ns": (10**6, 7 * 86_400 * 10**9, "ns"),
    "start_ns": (0, END_NS_MAX, "ns since 1970"),
    "first_ticks": (100, TICKS_MAX, "ticks"),
    "spread_ticks": (0, 10**6, "ticks"),
    "drift_bp": (-1_000, 1_000, "basis points per step"),
    "volatility_bp": (0, 1_000, "basis points per step"),
    "tail_df": (2.5, 1_000, "degrees of freedom"),
    "jumps_per_step": (0, 1, "jumps per step"),
    "jump_mean_bp": (-5_000, 5_000, "basis points"),
    "jump_bp": (0, 5_000, "basis points"),
    "drifts_bp": (-1_000, 1_000, "basis points per step"),
    "volatilities_bp": (0, 1_000, "basis points per step"),
    "stay": (0, 0.9999, "chance per step"),
    "open_steps": (2, STEPS_MAX, "steps"),
    "closed_steps": (1, STEPS_MAX, "steps"),
    "gap_bp": (0, 5_000, "basis points per closure"),
    "missing_share": (0, 0.9, "share of rows"),
    "outage_chance": (0, 0.5, "chance per step"),
    "outage_steps": (1, 10**6, "steps"),
    "stale_share": (0, 1, "share of outages"),
    "flawed_share": (0, 0.5, "share of rows"),
    "quotes_per_step": (0.01, 1_000, "quotes per step and venue"),
    "noise_ticks": (0, 10**5, "ticks"),
    "latency_ns": (0, 60 * 10**9, "ns"),
    "episode_chance": (0, 0.5, "chance per step"),
    "episode_steps": (1, 10**6, "steps"),
    "lag_share": (0, 1, "share of episodes"),
    "lag_ns": (0, 3_600 * 10**9, "ns"),
    "displaced_ticks": (0, 10**6, "ticks"),
    "depth_lots": (0, 10**9, "lots"),
}
"""Per name of a term: the least and the most that is allowed, and its unit."""


class ScenarioError(ValueError):
    """Terms that make no market; one line that names what, where and what is allowed."""


class Terms(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every made market has: how long it is, when it begins, where its price begins and its spread."""

    steps: int = 2_000
    step_ns: int = MINUTE_NS
    start_ns: int = 1_704_672_000 * 10**9
    first_ticks: int = 110_000
    spread_ticks: int = 8

    def __post_init__(self) -> None:
        for field in self.__struct_fields__:
            self._require(field, getattr(self, field))
        if self.end_ns > END_NS_MAX:
            self.refuse("steps", self.steps, f"a market that ends by {END_NS_MAX:,} ns since 1970")

    @property
    def end_ns(self) -> int:
        """Close of the last step."""
        return self.start_ns + self.steps * self.step_ns

    def _require(self, field: str, value: object) -> None:
        low, high, unit = BOUNDS[field]
        usual = type(self).__struct_defaults__[self.__struct_fields__.index(field)]
        whole = isinstance(usual[0] if isinstance(usual, tuple) else usual, int)
        many: tuple[object, ...] = (value,)
        if isinstance(usual, tuple):
            many = value if isinstance(value, tuple) and value else (None,)
        if not all(_within(one, int if whole else int | float, low, high) for one in many):
            kind = "whole numbers" if whole else "numbers"
            kind = f"a tuple of {kind}" if isinstance(usual, tuple) else f"a {kind[:-1]}"
            self.refuse(field, value, f"{kind} from {low:,.12g} to {high:,.12g} ({unit})")

    def refuse(self, field: str, value: object, allowed: str) -> None:
        """Raise what says that a term is not allowed."""
        raise ScenarioError(f"{type(self).__name__}: {field} = {value!r}: {allowed} is allowed")


def _within(value: Any, kind: type | UnionType, low: float, high: float) -> bool:
    """Tell whether a value is a number of a kind within bounds; NaN is not, and neither is True."""
    number: Any = value
    return isinstance(number, kind) and not isinstance(number, bool) and bool(low <= value <= high)


class Walk(Terms, frozen=True, kw_only=True):
    """Independent returns: normal, or Student's t of `tail_df` degrees (scaled to the same volatility) where given."""

    drift_bp: float = 0.0
    volatility_bp: float = 2.0
    tail_df: float | None = None

    def _require(self, field: str, value: object) -> None:
        if field != "tail_df" or value is not None:
            super()._require(field, value)


class Jumps(Walk, frozen=True, kw_only=True):
    """Merton's jump diffusion: beside the walk a Poisson number of normal jumps in every step."""

    jumps_per_step: float = 0.01
    jump_mean_bp: float = 0.0
    jump_bp: float = 20.0


class Regimes(Terms, frozen=True, kw_only=True):
    """A Markov chain of regimes, each with its drift and volatility.

    A regime lasts another step with chance `stay`; else the next is any other one, all equally likely.
    """

    drifts_bp: tuple[float, ...] = (0.4, 0.0, -0.6)
    volatilities_bp: tuple[float, ...] = (1.5, 1.0, 5.0)
    stay: tuple[float, ...] = (0.99, 0.99, 0.97)

    def __post_init__(self) -> None:
        super().__post_init__()
        counts = {len(self.drifts_bp), len(self.volatilities_bp), len(self.stay)}
        if len(counts) != 1 or not 2 <= len(self.stay) <= 16:
            self.refuse("stay", self.stay, "2 to 16 regimes, as many as drifts_bp and volatilities_bp,")


class Gaps(Walk, frozen=True, kw_only=True):
    """A market that closes: `open_steps` of trading, then `closed_steps` without a row, over which the price jumps.

    Within the open hours `missing_share` of the rows are missing, each by chance, while the price goes on.
    """

    open_steps: int = 390
    closed_steps: int = 1_050
    gap_bp: float = 30.0
    missing_share: float = 0.02

    @property
    def end_ns(self) -> int:
        """Close of the last step, with all closures before it."""
        return self.start_ns + (self.steps + (self.steps - 1) // self.open_steps * self.closed_steps) * self.step_ns


class DeadFeeds(Walk, frozen=True, kw_only=True):
    """A feed that dies for a while: silent (no rows), or stale (rows that repeat the last price), then is back.

    An outage begins with `outage_chance` in a step and lasts `outage_steps` in the mean (geometric). Of the other rows
    `flawed_share` are flawed: crossed, zero, out of range or twice there, as `market.continuity` marks them.
    """

    outage_chance: float = 0.005
    outage_steps: int = 15
    stale_share: float = 0.5
    flawed_share: float = 0.01


class Dislocations(Terms, frozen=True, kw_only=True):
    """One efficient price, quoted at two venues with noise and latency; in episodes one venue is displaced or lags.

    Quotes come at random (Poisson) instants per venue. An episode begins with `episode_chance` in a step and lasts
    `episode_steps` in the mean; `lag_share` of them add `lag_ns` to a venue's latency, the others move its quotes by
    `displaced_ticks` up or down. Sizes are whole lots from 1 to `depth_lots`; 0: not stated.
    """

    step_ns: int = 10**9
    volatility_bp: float = 0.15
    drift_bp: float = 0.0
    quotes_per_step: float = 2.0
    noise_ticks: tuple[float, float] = (0.5, 0.8)
    latency_ns: tuple[int, int] = (20_000_000, 80_000_000)
    episode_chance: float = 0.01
    episode_steps: int = 10
    lag_share: float = 0.3
    lag_ns: int = 3 * 10**9
    displaced_ticks: float = 20.0
    depth_lots: int = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        for field in ("noise_ticks", "latency_ns"):
            if len(getattr(self, field)) != 2:
                self.refuse(field, getattr(self, field), "one number for each of the two venues")


def changed(terms: Terms, changes: dict[str, object]) -> Terms:
    """Return terms with some of them changed; ScenarioError names one that they do not have."""
    for name, value in changes.items():
        if name not in terms.__struct_fields__:
            raise ScenarioError(
                f"{type(terms).__name__}: there is no term {name!r} (= {value!r}); allowed are "
                f"{', '.join(terms.__struct_fields__)}"
            )
    return msgspec.structs.replace(terms, **changes)
