"""From configuration and profiles to the portfolio gate of a plan: the tightest of all, nothing that never strikes."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from market.tape import Role
from policies.plan import FeedPlan, PhasePlan, PortfolioPlan, ProtectPlan, RulesPlan
from research.account_plan import rules_plan
from research.configuration import ConfigurationError, load_configuration
from research.portfolio_plan import for_feeds, gated_rules, portfolio_plan
from research.profiles import load_profile, read_profile
from tests.builders import MINUTE, MONEY, SECOND, a_plan

CASH = 100_000 * MONEY
GATE = '[portfolio]\nvar_fraction_max = "0.02"\ncluster_fraction_max = "0.5"\ncorrelation_max = 0.7\n'


def planned(tmp_path: Path, text: str = "", profile: str = "trifecta", own: str = "") -> PortfolioPlan | None:
    """Return the portfolio part of a plan under a configuration and profiles, one of them written here."""
    path = tmp_path / "own.toml"
    path.write_text(text)
    if own:
        (tmp_path / "mine.toml").write_text(own)
        profile = f"{profile},{tmp_path / 'mine.toml'}"
    return portfolio_plan(load_configuration(path), load_profile(profile), CASH)


def test_where_nothing_asks_nothing_is_learnt(tmp_path: Path) -> None:
    assert planned(tmp_path) is None
    configuration, profile = load_configuration(), load_profile("trifecta")
    assert gated_rules(RulesPlan(), configuration, profile, CASH) == RulesPlan(stops=1)


def test_a_section_becomes_limits_in_whole_money(tmp_path: Path) -> None:
    assert planned(tmp_path, GATE + "step_s = 300\nvar_confidence = 0.99\n") == PortfolioPlan(
        step_ns=300 * SECOND, window=90, observations_min=30, threshold=0.7, gate=1, var_max=2_000 * MONEY,
        z=2.3263478740408408, cluster_ppm_max=500_000, correlation_max=0.7, stale_after_ns=0,
    )  # fmt: skip


def test_the_crypto_profile_has_its_correlations_learnt_and_asks_for_no_gate(tmp_path: Path) -> None:
    assert planned(tmp_path, profile="crypto") == PortfolioPlan(
        step_ns=0, window=90, observations_min=30, threshold=0.7
    )  # fmt: skip


def test_of_a_configuration_and_a_profile_the_tightest_holds(tmp_path: Path) -> None:
    own = 'name = "mine"\n' + GATE.replace('"0.02"', '"0.01"').replace("0.7", "0.8")
    found = planned(tmp_path, GATE, own=own)
    assert found is not None
    assert (found.var_max, found.correlation_max) == (1_000 * MONEY, 0.7)


def test_a_profile_may_tighten_the_gate_of_one_it_extends_and_not_loosen_it(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text('name = "base"\n' + GATE)
    own = tmp_path / "own.toml"
    own.write_text('name = "own"\nextends = "base.toml"\n[portfolio]\nvar_fraction_max = "0.01"\n')
    found = read_profile("own.toml", tmp_path).portfolio
    assert found is not None
    assert str(found.var_fraction_max) == "0.01"
    own.write_text('name = "own"\nextends = "base.toml"\n[portfolio]\nvar_fraction_max = "0.03"\n')
    with pytest.raises(ConfigurationError, match=r'portfolio.var_fraction_max = "0.03" is looser'):
        read_profile("own.toml", tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[portfolio]\nvar_fraction_max = "0.02"\n', "portfolio.cluster_fraction_max is missing"),
        (GATE + "observations_min = 91\n", "observations_min of at most window is allowed"),
        (GATE.replace("0.7", "nan"), "portfolio.correlation_max"),
        (GATE + "span = 3\n", "portfolio.span = 3 is unknown"),
        (GATE.replace('"0.02"', '"0"'), "portfolio.var_fraction_max"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_section_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        planned(tmp_path, text)


def test_a_gate_that_learns_from_less_than_a_profile_asks_for_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="window = 60 and observations_min = 30: a profile asks for 90 and 30"):
        planned(tmp_path, GATE + "window = 60\n", profile="crypto")
    found = planned(tmp_path, GATE, profile="crypto")
    assert found is not None
    assert (found.gate, found.window) == (1, 90)


def feeds(*bars_ns: int) -> list[FeedPlan]:
    return [FeedPlan(instrument=f"X{k}@y", roles=int(Role.MATCH), desk=0, bar_ns=ns) for k, ns in enumerate(bars_ns)]


def fitted(bars_ns: tuple[int, ...], **terms: Any) -> PortfolioPlan:
    own = PortfolioPlan(**({"step_ns": 0, "window": 90, "observations_min": 30, "threshold": 0.7, "gate": 1} | terms))
    found = for_feeds(RulesPlan(portfolio=own), feeds(*bars_ns), a_plan().instruments).portfolio
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("bars_ns", "step_ns"), [((0,), MINUTE), ((MINUTE, 5 * MINUTE), 5 * MINUTE), ((SECOND,), MINUTE)]
)
def test_the_step_is_that_of_the_longest_bars_and_at_least_a_minute(bars_ns: tuple[int, ...], step_ns: int) -> None:
    found = fitted(bars_ns)
    assert (found.step_ns, found.stale_after_ns) == (step_ns, 10 * step_ns)


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"step_ns": MINUTE}, "bars of 300 s are traded, so no return would ever be known"),
        ({"stale_after_ns": MINUTE}, "portfolio.stale_after_s = 60: at least the step of 300 s"),
    ],
)
def test_an_estimate_that_would_never_come_or_never_hold_is_refused(terms: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        fitted((5 * MINUTE,), **terms)


def test_a_gate_over_contracts_alone_would_never_strike() -> None:
    own = PortfolioPlan(step_ns=0, window=90, observations_min=30, threshold=0.7, gate=1)
    with pytest.raises(ConfigurationError, match="nothing but contracts is traded"):
        for_feeds(RulesPlan(portfolio=own), feeds(0), a_plan().instruments[-1:])


def test_what_is_not_asked_is_not_in_the_text_of_a_plan() -> None:
    assert for_feeds(RulesPlan(), feeds(0), ()) == RulesPlan()
    assert msgspec.to_builtins(RulesPlan()) == {}


PHASES = """
name = "mine"
extends = "ftmo_2step"
[guard]
phases = [
    {name = "PROBE", trades_min = 0, days_min = 0, volume = "0.25"},
    {name = "NORMAL", trades_min = 60, days_min = 10, profit_min = "0.02", volume = "1"},
]
protect = [{drawdown_fraction = "0.04", volume = "0.25"}]
"""


def test_phases_become_money_and_millionths(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(PHASES)
    made = rules_plan(load_profile(str(tmp_path / "mine.toml")).accounts, CASH, 0, 1)
    assert made.phases == (
        PhasePlan(name="PROBE", trades_min=0, days_min=0, volume_ppm=250_000),
        PhasePlan(name="NORMAL", trades_min=60, days_min=10, volume_ppm=1_000_000, profit_min=2_000 * MONEY),
    )
    assert made.protects == (ProtectPlan(drawdown=4_000 * MONEY, volume_ppm=250_000),)


def test_profiles_with_phases_must_have_the_same_ones(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(PHASES)
    other = PHASES.replace('"mine"', '"other"').replace('"0.25"},\n    {', '"0.5"},\n    {')
    (tmp_path / "other.toml").write_text(other)
    names = f"{tmp_path / 'mine.toml'},{tmp_path / 'other.toml'},conservative_union"
    with pytest.raises(ConfigurationError, match=r"profiles mine and other: guard\.phases differ"):
        rules_plan(load_profile(names).accounts, CASH, 0, 1)


def test_a_firm_has_everything_closed_and_crypto_alone_has_not() -> None:
    assert [rules_plan(load_profile(name).accounts, CASH, 0, 1).flattens for name in ("ftmo_2step", "crypto")] == [1, 0]
