"""From configuration and profiles to the portfolio gate of a plan, and to what it learns of the run's own prices.

Of a configured gate and those of profiles the tightest value of each key holds. The crypto profile asks for no gate,
but for correlations that are measured: they are learnt on its window. Where nothing asks, nothing is learnt.
"""

from collections.abc import Sequence
from decimal import ROUND_FLOOR
from statistics import NormalDist
from typing import Final

import msgspec

from market.costs import PPM
from market.instruments import Instrument, Kind
from market.tape import Role
from policies.plan import FeedPlan, PortfolioPlan, RulesPlan
from research.config_accounts import CryptoCorrelation, PortfolioRules
from research.config_sections import Configuration, Profile
from research.configuration import ConfigurationError
from research.profiles import combined

STEP_NS: Final = 60 * 10**9
"""What lies between two prices that a return is taken of, at least; bars that are longer are the step."""
STALE_STEPS: Final = 10
"""An estimate is too old after so many steps, where no age is configured."""


def gated_rules(rules: RulesPlan, configuration: Configuration, profile: Profile, cash: int) -> RulesPlan:
    """Return the rules of a plan with the portfolio gate, which `for_feeds` fits to the feeds, and sound stops."""
    return msgspec.structs.replace(rules, stops=1, portfolio=portfolio_plan(configuration, profile, cash))


def portfolio_plan(configuration: Configuration, profile: Profile, cash: int) -> PortfolioPlan | None:
    """Return what is to be learnt and asked; None where nothing asks for it. A step of 0 is that of the bars."""
    wanted = [("the configuration", configuration.portfolio)]
    wanted += [(f"profile {account.name}", account.portfolio) for account in profile.accounts]
    gates = [(name, gate) for name, gate in wanted if gate is not None]
    crypto = [account.crypto.correlation for account in profile.accounts if account.crypto is not None]
    if not gates:
        return _learnt(crypto) if crypto else None
    both = combined([{"portfolio": gate.model_dump()} for _, gate in gates], [name for name, _ in gates])
    return _gated(PortfolioRules.model_validate(both["portfolio"]), crypto, cash)


def _learnt(crypto: Sequence[CryptoCorrelation]) -> PortfolioPlan:
    return PortfolioPlan(
        step_ns=0,
        window=max(one.window_bars for one in crypto),
        observations_min=max(one.observations_min for one in crypto),
        threshold=min(one.effective_rho_max for one in crypto),
    )


def _gated(rules: PortfolioRules, crypto: Sequence[CryptoCorrelation], cash: int) -> PortfolioPlan:
    for one in crypto:
        if rules.window < one.window_bars or rules.observations_min < one.observations_min:
            raise ConfigurationError(
                f"portfolio: window = {rules.window} and observations_min = {rules.observations_min}: a profile asks "
                f"for {one.window_bars} and {one.observations_min}; at least these are allowed"
            )
    return PortfolioPlan(
        step_ns=int(rules.step_s * 10**9),
        window=rules.window,
        observations_min=rules.observations_min,
        threshold=rules.correlation_max,
        gate=1,
        var_max=int((cash * rules.var_fraction_max).to_integral_value(ROUND_FLOOR)),
        z=NormalDist().inv_cdf(rules.var_confidence),
        cluster_ppm_max=int(rules.cluster_fraction_max * PPM),
        correlation_max=rules.correlation_max,
        stale_after_ns=int(rules.stale_after_s * 10**9),
    )


def for_feeds(rules: RulesPlan, feeds: Sequence[FeedPlan], instruments: Sequence[Instrument]) -> RulesPlan:
    """Return the rules with the step and the age of their estimate, where none is configured, those of the feeds.

    ConfigurationError where a configured step would never bring a return, or nothing is there to be measured.
    """
    own = rules.portfolio
    if own is None:
        return rules
    longest = max((feed.bar_ns for feed in feeds if feed.roles & Role.MATCH), default=0)
    if 0 < own.step_ns < longest:
        raise ConfigurationError(
            f"portfolio.step_s = {own.step_ns / 1e9:g}: bars of {longest / 1e9:g} s are traded, so no return would "
            f"ever be known; at least {longest / 1e9:g}, or 0 for the step of the bars, is allowed"
        )
    if own.gate and all(instrument.kind is Kind.BINARY for instrument in instruments):
        raise ConfigurationError(
            "portfolio: nothing but contracts is traded, so its limits would never strike; a selection of other "
            "instruments, or no section portfolio, is allowed"
        )
    step_ns = own.step_ns or max(longest, STEP_NS)
    stale_ns = own.stale_after_ns or STALE_STEPS * step_ns
    if stale_ns < step_ns:
        raise ConfigurationError(
            f"portfolio.stale_after_s = {stale_ns / 1e9:g}: at least the step of {step_ns / 1e9:g} s, or 0 for "
            f"{STALE_STEPS} steps, is allowed"
        )
    return msgspec.structs.replace(
        rules, portfolio=msgspec.structs.replace(own, step_ns=step_ns, stale_after_ns=stale_ns)
    )
