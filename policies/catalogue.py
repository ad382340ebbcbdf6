"""The compiled policies by name: their parameters with defaults and bounds, and the features they read."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from policies import arbitrage, binary, forex
from policies.intents import DeskKind
from policies.proposals import PolicyKind
from policies.signals import desk as confluence
from policies.signals.sources import FEATURES as CHAIN_FEATURES


class Bound(Struct, frozen=True):
    """One parameter of a policy: default and the inclusive range of what is allowed."""

    name: str
    default: float
    low: float
    high: float
    whole: bool = False


class PolicySpec(Struct, frozen=True):
    """One compiled policy: its code in the kernel, its parameters in their order, and its features as templates.

    `rising` are pairs of parameters of which the first must be less than the second. `first` is the place of the first
    parameter in the kernel's row: policies that are sized alike have the same places. `modelled`: it decides by a model
    of the plan, which brings the features.
    """

    name: str
    kind: PolicyKind
    desk: DeskKind
    params: tuple[Bound, ...]
    features: tuple[str, ...]
    rising: tuple[tuple[str, str], ...] = ()
    first: int = 0
    modelled: bool = False


def _whole(name: str, default: int, low: int = 1, high: int = 2000) -> Bound:
    return Bound(name, default, low, high, whole=True)


_FOREX = (
    _whole("fast", 20), _whole("slow", 60), _whole("rsi", 14), _whole("mean", 30), _whole("atr", 14),
    _whole("adx", 14), Bound("trend_atr", 2.0, 0.1, 50.0), Bound("adx_low", 15.0, 0.0, 99.0),
    Bound("adx_high", 35.0, 1.0, 100.0), Bound("candidate_min", 0.62, 0.5, 1.0), _whole("rearm_bars", 30, 0, 10**6),
    Bound("stop_atr", 8.0, 0.1, 200.0), Bound("target_atr", 22.0, 0.1, 500.0), _whole("hold_bars", 240, 0, 10**6),
    Bound("risk_fraction", 0.002, 0.0, 0.05), Bound("notional_fraction", 0.5, 0.0, 100.0),
    Bound("breakeven_r", 1.0, 0.0, 100.0), Bound("trail_r", 1.5, 0.0, 100.0), Bound("trail_atr", 8.0, 0.1, 200.0),
)  # fmt: skip

_CONFLUENCE = (
    Bound("enter", 0.2, 0.01, 1.0), Bound("coverage_min", 0.6, 0.0, 1.0), _whole("horizon_bars", 32, 1, 10**5),
    Bound("barrier_atr", 4.0, 0.1, 200.0), _whole("calibration_window", 400, 20, 10_000),
    _whole("outcomes_min", 60, 2, 10_000), Bound("volatility_power", 0.5, 0.0, 4.0), _whole("adaptive", 1, 0, 1),
    Bound("probability_full", 0.7, 0.51, 1.0), Bound("probability_min", 0.53, 0.5, 0.99),
    *(bound for bound in _FOREX if bound.name in confluence.PARAMS),
)  # fmt: skip

_BINARY = (
    _whole("fast", 5), _whole("slow", 20), _whole("mean", 15), _whole("atr", 14),
    Bound("trend_weight", 0.15, -5.0, 5.0), Bound("reversion_weight", 0.25, -5.0, 5.0),
    Bound("candidate_edge", 0.08, 0.0, 0.5), _whole("rearm_bars", 5, 0, 10**6),
    Bound("kelly_fraction", 0.25, 0.0, 1.0), Bound("stake_fraction_max", 0.01, 0.0, 1.0),
    Bound("life_bars", 1.0, 0.01, 10**4),
)  # fmt: skip

_ARBITRAGE = (
    _whole("limit_slack_ticks", 2, 0, 10**6), Bound("notional_fraction", 1.0, 0.0, 100.0),
    Bound("fill_probability", 0.95, 0.0, 1.0), Bound("staleness_ms", 500.0, 1.0, 1e6),
    Bound("latency_ms_full", 1000.0, 1.0, 1e6), Bound("venue_health", 1.0, 0.0, 1.0),
)  # fmt: skip

_MODEL = (  # a stop that moves would leave the stance behind, so by default it does not
    _whole("adds_max", 0, 0, 100), Bound("claim", 0.75, 0.0, 1.0), _whole("rearm_bars", 0, 0, 10**6),
    Bound("stop_atr", 8.0, 0.1, 200.0), Bound("target_atr", 22.0, 0.1, 500.0), _whole("hold_bars", 240, 0, 10**6),
    Bound("risk_fraction", 0.002, 0.0, 0.05), Bound("notional_fraction", 0.5, 0.0, 100.0),
    Bound("breakeven_r", 0.0, 0.0, 100.0), Bound("trail_r", 0.0, 0.0, 100.0), Bound("trail_atr", 8.0, 0.1, 200.0),
)  # fmt: skip

_MODEL_BINARY = (
    Bound("claim", 0.78, 0.0, 1.0), _whole("rearm_bars", 0, 0, 10**6),
    Bound("kelly_fraction", 0.25, 0.0, 1.0), Bound("stake_fraction_max", 0.01, 0.0, 1.0),
)  # fmt: skip

POLICIES: Final[Mapping[str, PolicySpec]] = {
    spec.name: spec
    for spec in (
        PolicySpec(
            "sma_cross", PolicyKind.SMA_CROSS, DeskKind.FOREX,
            (_whole("fast", 10), _whole("slow", 30), _whole("lots", 1, 1, 10**9)), ("sma:{fast}", "sma:{slow}"),
        ),
        PolicySpec(
            "trend_reversion", PolicyKind.TREND_REVERSION, DeskKind.FOREX, _FOREX, forex.FEATURES,
            (("adx_low", "adx_high"),),
        ),
        PolicySpec(
            "confluence", PolicyKind.CONFLUENCE, DeskKind.FOREX, _CONFLUENCE, CHAIN_FEATURES,
            (("probability_min", "probability_full"),),
        ),
        PolicySpec("drifting_digital", PolicyKind.DRIFTING_DIGITAL, DeskKind.BINARY, _BINARY, binary.FEATURES),
        PolicySpec("convergence", PolicyKind.CONVERGENCE, DeskKind.ARBITRAGE, _ARBITRAGE, ()),
        PolicySpec(
            "network", PolicyKind.NETWORK, DeskKind.FOREX, _MODEL, (), first=forex.P_ADDS, modelled=True,
        ),
        PolicySpec(
            "genome", PolicyKind.GENOME, DeskKind.FOREX, _MODEL, (), first=forex.P_ADDS, modelled=True,
        ),
        PolicySpec(
            "network_digital", PolicyKind.NETWORK_DIGITAL, DeskKind.BINARY, _MODEL_BINARY, (), first=binary.P_EDGE,
            modelled=True,
        ),
        PolicySpec(
            "network_pair", PolicyKind.NETWORK_PAIR, DeskKind.ARBITRAGE, _ARBITRAGE, (), modelled=True,
        ),
    )
}  # fmt: skip

assert tuple(bound.name for bound in _FOREX) == forex.PARAMS
assert tuple(bound.name for bound in _MODEL) == ("adds_max", "claim", *forex.PARAMS[forex.P_REARM :])
assert forex.P_CANDIDATE == forex.P_ADDS + 1
assert tuple(bound.name for bound in _CONFLUENCE) == confluence.PARAMS
assert tuple(bound.name for bound in _BINARY) == binary.PARAMS
assert tuple(bound.name for bound in _ARBITRAGE) == arbitrage.PARAMS


def policy_named(name: str) -> PolicySpec:
    """Return the policy; ValueError lists what there is."""
    if name not in POLICIES:
        raise ValueError(f"policy {name!r} is unknown; known are {', '.join(sorted(POLICIES))}")
    return POLICIES[name]


def params_of(spec: PolicySpec, given: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    """Return all parameters in kernel order, defaults filled in; ValueError names what is unknown or out of range."""
    known = {bound.name: bound for bound in spec.params}
    for name in given:
        if name not in known:
            raise ValueError(f"policy {spec.name}: parameter {name!r} is unknown; known are {', '.join(known)}")
    values = []
    for bound in spec.params:
        value = float(given.get(bound.name, bound.default))
        if not bound.low <= value <= bound.high or (bound.whole and value != int(value)):
            what = "a whole number" if bound.whole else "a number"
            raise ValueError(
                f"policy {spec.name}: {bound.name} = {given[bound.name]}; allowed is {what} "
                f"from {bound.low:g} to {bound.high:g}"
            )
        values.append((bound.name, value))
    chosen = dict(values)
    for low, high in spec.rising:
        if chosen[low] >= chosen[high]:
            raise ValueError(f"policy {spec.name}: {low} = {chosen[low]:g} must be less than {high} = {chosen[high]:g}")
    return tuple(values)


def features_of(spec: PolicySpec, params: Mapping[str, float]) -> tuple[str, ...]:
    """Return the features that a policy reads under its parameters."""
    return tuple(template.format(**{name: int(value) for name, value in params.items()}) for template in spec.features)
