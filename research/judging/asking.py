"""What a user asked to have judged, turned into a ground and a candidate."""

from pathlib import Path
from typing import Final, NamedTuple

from policies.catalogue import params_of, policy_named
from policies.intents import DeskKind
from policies.plan import Plan
from research.asking import Request, plan_for
from research.catalogue.finding import NotInCatalogueError
from research.configuration import ConfigurationError
from research.judging.evaluating import Candidate
from research.judging.ground import Ground, Sizes, ground_of
from research.judging.statics import Static, statics_for, under
from research.params import ParamsError, ParamsFile, chosen_on, load_params
from research.planning import DESKS

WIDE: Final = "research"
"""The profile whose limits do not bind."""


class Asked(NamedTuple):
    """A candidate, the ground it is judged on, and how many sets were tried before it was chosen."""

    candidate: Candidate
    ground: Ground
    tried: int


def ask(request: Request, desk: str | None, params_file: Path | None, sizes: Sizes) -> Asked:
    """Return what to judge; ValueErrors say what does not fit.

    `request` names policy and parameters of any desk. The tape has the costs of the configuration, whatever the policy.
    """
    kept = _kept(request, params_file)
    policy = kept.policy if kept else request.policy
    name = _desk_of(desk, policy)
    if request.symbols and name != "forex":
        raise ConfigurationError(f"--symbols with --desk {name}: only the forex desk trades bars of any symbol")
    base = request._replace(policy=None, params={}, desks=(name,))
    planned = plan_for(base)
    if not len(planned.tape.time_ns):
        raise NotInCatalogueError("--start and --end: there is nothing between them")
    if not any(own.name == name for own in planned.plan.desks):
        raise NotInCatalogueError(f"{request.data}: nothing here that the {name} desk could trade")
    wide = plan_for(base._replace(profile=WIDE)).plan
    (own,) = planned.plan.desks
    spec = policy_named(policy or own.policy)
    given = dict(kept.params) if kept else request.params
    same = dict(own.params) if spec.name == own.policy else {}
    static = Static(spec.name, params_of(spec, {**same, **given}))
    known = kept.last_ns if kept and chosen_on(kept, planned.data, planned.tape) else -1
    hold_ns = longest_hold_ns(planned.plan, (static, *statics_for(own)))
    ground = ground_of(planned, wide, sizes, hold_ns, known)
    return Asked(candidate_of(ground, static), ground, kept.sets if kept else 0)


def candidate_of(ground: Ground, static: Static) -> Candidate:
    """Return a static policy as a candidate: one plan, one seed."""
    plan = under(ground.planned.plan, static)
    return Candidate(static.name, lambda _seed: plan, (0,), static)


def longest_hold_ns(plan: Plan, statics: tuple[Static, ...]) -> int:
    """Return the longest that any of the policies may hold a position, where it says so."""
    bar_ns = max((feed.bar_ns for feed in plan.feeds), default=0)
    (desk,) = plan.desks
    if desk.kind == DeskKind.ARBITRAGE:
        return max((route.hold_ns for route in plan.routes), default=0)
    if desk.kind == DeskKind.BINARY:
        return max(instrument.expiry_ns for instrument in plan.instruments)
    return max(int(dict(one.params).get("hold_bars", 0)) for one in statics) * bar_ns


def _kept(request: Request, path: Path | None) -> ParamsFile | None:
    if path is None:
        return None
    if request.policy is not None or request.params:
        raise ParamsError(
            f"--params {path}: it names policy and parameters; no --policy or --param is allowed beside it"
        )
    return load_params(path)


def _desk_of(desk: str | None, policy: str | None) -> str:
    """Return the desk that is asked for, else that of the policy, else forex."""
    if desk is not None and desk not in DESKS:
        raise ConfigurationError(f"--desk {desk}: {', '.join(DESKS)} is allowed")
    own = policy_named(policy).desk.name.lower() if policy else desk or "forex"
    if desk is not None and desk != own:
        raise ConfigurationError(f"--policy {policy}: it is of the {own} desk, --desk says {desk}")
    return own
