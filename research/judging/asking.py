"""What a user asked to have judged, turned into a ground and a candidate."""

from pathlib import Path
from typing import Final, NamedTuple

from msgspec import structs

from policies.catalogue import params_of, policy_named
from policies.intents import DeskKind
from policies.model_plans import models_of, with_model
from policies.plan import Plan
from research.asking import Request, plan_for
from research.catalogue.finding import NotInCatalogueError
from research.configuration import ConfigurationError
from research.judging.evaluating import Candidate
from research.judging.ground import Ground, Sizes, ground_of
from research.judging.statics import Static, statics_for, under
from research.learning.artefact import ArtefactError, model_of
from research.learning.seating import Seat, seats_of
from research.params import ParamsError, ParamsFile, chosen_on, load_params
from research.planning import DESKS, Planned
from research.walkforward import bars_of

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


def ask_models(request: Request, folder: Path, names: tuple[str, ...], sizes: Sizes) -> Asked:
    """Return trained agents of one desk as one candidate, a seed each, judged behind what they were chosen by.

    Their test parts are left: no agent has been trained on them or chosen by them. ValueErrors say what does not fit.
    """
    seats = seats_of(folder, (), names)  # several of one desk are allowed here: they are the seeds of one training
    desks = {seat.artefact.desk for seat in seats}
    if len(desks) != 1 or len({seat.sha256 for seat in seats}) != len(seats):
        raise ArtefactError(f"--model: {len(seats)} artefacts of {', '.join(sorted(desks))}; of one desk, each once")
    (name,) = desks
    if request.symbols and name != "forex":
        raise ConfigurationError(f"--symbols with the {name} desk: only the forex desk trades bars of any symbol")
    base = request._replace(policy=None, params={}, desks=(name,))
    planned = plan_for(base)
    plans = [
        with_model(planned.plan, model_of(seat.artefact, seat.sha256), seat.artefact.policy, seat.artefact.params)
        for seat in seats
    ]
    for plan in plans:
        models_of(plan)
    (own,) = planned.plan.desks
    static = Static(seats[0].artefact.policy, plans[0].desks[0].params)
    hold_ns = longest_hold_ns(planned.plan, (static, *statics_for(own)))
    known_ns = max((span.last_ns for seat in seats for span in seat.artefact.validation), default=-1)
    if sizes.test is None:
        sizes = sizes._replace(test=_behind(planned, known_ns))
    ground = ground_of(planned, plan_for(base._replace(profile=WIDE)).plan, sizes, hold_ns, known_ns)
    hashes = " ".join(seat.sha256[:8] for seat in seats)
    candidate = Candidate(f"{static.name} ({hashes})", lambda seed: _sampled_alike(ground, plans[seed]), _range(seats))
    return Asked(candidate, ground, 0)


def _behind(planned: Planned, known_ns: int) -> int:
    """Return the instants of a test of which two whole ones lie behind what is known, wherever they begin."""
    times = bars_of(planned.tape)
    return max(int((times > known_ns).sum()) // 3, 1)


def _sampled_alike(ground: Ground, plan: Plan) -> Plan:
    """Return a plan with its equity sampled as the ground asks it."""
    return structs.replace(plan, limits=ground.planned.plan.limits)


def _range(seats: tuple[Seat, ...]) -> tuple[int, ...]:
    return tuple(range(len(seats)))


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
