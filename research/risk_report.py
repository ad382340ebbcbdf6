"""The risk of an account at one instant: tails of its equity, shares of its positions, clusters, stress.

Every part stands alone: where one is undefined it is None with a reason, and the others are there. Money is exact where
it is money (positions, clusters, stress) and a float where it is an estimate (VaR and ES).
"""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from journal.order_records import Report
from journal.records import Sample
from market.money import MONEY_UNIT
from market.quality import DataQualityError
from market.tape import Tape
from policies.clusters import Cluster, cluster_exposures, labels_of
from policies.component_risk import ComponentEs, ComponentVar, component_es, component_var
from policies.plan import Plan
from policies.shrinkage import OBSERVATIONS_MIN, Measured, measure
from policies.stress import StressLoss, stress
from policies.tail_risk import EWMA_DECAY, Method, Tail, alpha_of, ewma_sigma, normal, tails
from policies.var_backtest import LikelihoodRatio, christoffersen, kupiec
from research.holdings import Holding, Moves, held_at, moves_until, value_holdings
from research.scenarios import Scenarios

Floats = NDArray[np.float64]

FORECASTS_AFTER: Final = 30
"""Returns that EWMA has taken in before its forecasts are held against what came."""


class Source(NamedTuple):
    """What a report is made of: a run's plan, samples and reports, its tape, or why there is none of it."""

    name: str
    plan: Plan
    samples: Sequence[Sample]
    reports: Sequence[Report]
    tape: Tape | None
    no_tape: str | None = None


class Terms(NamedTuple):
    """What is asked for.

    Confidence, period of equity returns (0: as sampled) and of price returns, instant (None: the newest sample),
    threshold and cap of clusters, and what is held at venues.
    """

    confidence: float
    period_ns: int
    moves_ns: int
    at_ns: int | None
    threshold: float
    cluster_cap: Decimal
    balances: Mapping[str, int]


class Exceptions(Struct, frozen=True, kw_only=True):
    """EWMA's VaR forecasts against what came: how many were exceeded, by number and by clustering."""

    forecasts: int
    exceeded: int
    number: LikelihoodRatio
    independence: LikelihoodRatio


class Shares(Struct, frozen=True, kw_only=True):
    """Positions with their shares of VaR and ES, in the order of the held instruments; None with a reason."""

    var: ComponentVar | None = None
    es: ComponentEs | None = None
    reason: str | None = None


class Clusters(Struct, frozen=True, kw_only=True):
    """Clusters of the priced instruments, by the keys of their members; what was measured, and what was assumed."""

    members: tuple[tuple[str, ...], ...] = ()
    exposures: tuple[Cluster, ...] = ()
    observations: int = 0
    shrinkage: float | None = None
    not_measured: tuple[str, ...] = ()
    reason: str | None = None


class RiskReport(Struct, frozen=True, kw_only=True):
    """The whole report."""

    source: str
    currency: str
    at_ns: int
    equity: int
    period_ns: int
    moves_ns: int
    returns: int
    returns_reason: str | None
    tails: dict[Method, Tail]
    exceptions: Exceptions
    holdings: tuple[Holding, ...]
    holdings_reason: str | None
    shares: Shares
    clusters: Clusters
    stress: tuple[StressLoss, ...]


def risk_report(source: Source, terms: Terms, scenarios: Scenarios) -> RiskReport:
    """Return the report of a run at an instant; ValueError when it had no sample by then."""
    samples = [sample for sample in source.samples if terms.at_ns is None or sample.time_ns <= terms.at_ns]
    if not samples:
        raise DataQualityError(f"{source.name}: no equity was sampled up to then; a later --at is allowed")
    at_ns = samples[-1].time_ns if terms.at_ns is None else terms.at_ns
    equity, series, reason = int(samples[-1].equity), *equity_returns(samples, terms.period_ns)
    holdings, holdings_reason = _holdings(source, at_ns)
    moves = None if source.tape is None else moves_until(source.plan, source.tape, terms.moves_ns, at_ns)
    measured = None if moves is None else measure(moves.returns)
    return RiskReport(
        source=source.name,
        currency=source.plan.currency,
        at_ns=at_ns,
        equity=equity,
        period_ns=terms.period_ns or source.plan.limits.sample_ns,
        moves_ns=terms.moves_ns,
        returns=len(series),
        returns_reason=reason,
        tails=tails(series, terms.confidence),
        exceptions=exceptions_of(series, terms.confidence),
        holdings=tuple(holdings),
        holdings_reason=holdings_reason,
        shares=_shares(holdings, holdings_reason, moves, measured, terms.confidence),
        clusters=_clusters(source, holdings, moves, measured, (terms, equity)),
        stress=tuple(_stressed(holdings, equity, terms, scenarios)) if holdings_reason is None else (),
    )


def equity_returns(samples: Sequence[Sample], period_ns: int) -> tuple[list[float], str | None]:
    """Return the returns of equity from sample to sample, or from the last sample of a period to that of the next.

    Returns of nothing mean nothing: none, with a reason, once equity has been at or below zero.
    """
    if period_ns:
        last = {(sample.time_ns - 1) // period_ns: sample for sample in samples}
        samples = [last[bucket] for bucket in sorted(last)]
    equity = [int(sample.equity) for sample in samples]
    if min(equity) <= 0:
        return [], "equity_not_positive"
    return [after / before - 1.0 for before, after in pairwise(equity)], None


def exceptions_of(series: Sequence[float], confidence: float) -> Exceptions:
    """Hold each return against the EWMA VaR of those before it: nothing that came later is looked at."""
    alpha = alpha_of(confidence)
    hits = []
    if len(series) > FORECASTS_AFTER:
        variance = ewma_sigma(np.array(series[:FORECASTS_AFTER]), EWMA_DECAY) ** 2
        for value in series[FORECASTS_AFTER:]:
            hits.append(int(-value > normal(0.0, math.sqrt(variance), alpha)[0]))
            variance = EWMA_DECAY * variance + (1.0 - EWMA_DECAY) * value**2
    return Exceptions(
        forecasts=len(hits),
        exceeded=sum(hits),
        number=kupiec(len(hits), sum(hits), float(alpha)),
        independence=christoffersen(hits).test,
    )


def money_of_fraction(fraction: float | None, equity: int) -> float | None:
    """Return a fraction of equity as money for people; None stays None."""
    return None if fraction is None else fraction * equity / MONEY_UNIT


def _holdings(source: Source, at_ns: int) -> tuple[list[Holding], str | None]:
    if source.tape is None:
        return [], source.no_tape
    return value_holdings(source.plan, source.tape, held_at(source.plan, source.reports, at_ns), at_ns), None


def _shares(
    holdings: Sequence[Holding], reason: str | None, moves: Moves | None, measured: Measured | None, confidence: float
) -> Shares:
    if moves is None or measured is None:
        return Shares(reason=reason)
    held = [holding for holding in holdings if not holding.is_contract]
    if not held:
        return Shares(reason="no_positions")
    places = [moves.numbers.index(holding.number) for holding in held]
    unknown = [holding.instrument for holding, k in zip(held, places, strict=True) if np.isnan(measured.deviation[k])]
    if unknown:
        return Shares(reason=f"fewer than {OBSERVATIONS_MIN} common returns of {', '.join(unknown)}")
    grid = np.ix_(np.array(places), np.array(places))
    deviation = measured.deviation[np.array(places)]
    weights = np.array([holding.notional / MONEY_UNIT for holding in held])
    rows = moves.returns[:, np.array(places)]
    return Shares(
        var=component_var(weights, measured.correlation[grid] * np.outer(deviation, deviation), confidence),
        es=component_es(rows[np.isfinite(rows).all(axis=1)], weights, confidence),
    )


def _clusters(
    source: Source, holdings: Sequence[Holding], moves: Moves | None, measured: Measured | None,
    asked: tuple[Terms, int],
) -> Clusters:  # fmt: skip
    if moves is None or measured is None:
        return Clusters(reason=source.no_tape)
    terms, equity = asked
    keys = [source.plan.instruments[number].key for number in moves.numbers]
    classes = [int(source.plan.instruments[number].kind) for number in moves.numbers]
    labels = labels_of(measured, classes, terms.threshold)
    notionals = {holding.number: holding.notional for holding in holdings if not holding.is_contract}
    exposures = cluster_exposures(
        labels, [notionals.get(number, 0) for number in moves.numbers], equity, terms.cluster_cap
    )
    return Clusters(
        members=tuple(tuple(keys[i] for i in cluster.members) for cluster in exposures),
        exposures=tuple(exposures),
        observations=int(measured.observations.max(initial=0)),
        shrinkage=measured.shrinkage,
        not_measured=tuple(key for key, deviation in zip(keys, measured.deviation, strict=True) if np.isnan(deviation)),
    )


def _stressed(holdings: Sequence[Holding], equity: int, terms: Terms, scenarios: Scenarios) -> list[StressLoss]:
    notionals: dict[str, int] = {}
    for holding in holdings:
        if not holding.is_contract:
            notionals[holding.symbol] = notionals.get(holding.symbol, 0) + holding.notional
    return [stress(one, notionals, equity, terms.balances, scenarios.betas) for one in scenarios.scenarios]
