"""From a plan to kernel state: the arrays that an agent, the book, the watch or a venue starts with."""

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from market.features import feature_program
from market.instruments import Kind, RateMode, instrument_table
from market.ledger import open_ledger
from market.money import INT64_MAX
from market.quotes import QUOTE
from market.records import Record, Records, records
from market.tape import FEED, Role
from policies.breakers import CostTerms, PriceTerms, VenueTerms
from policies.breaking import Breakers, open_breakers
from policies.catalogue import policy_named
from policies.controls import override_bits
from policies.estimating import Estimator, open_estimator
from policies.floors import open_floors
from policies.guard import alerts_of, open_guard, start_guard
from policies.intents import FEATURES_MAX
from policies.model_plans import features_of_desk, models_of
from policies.phases import PHASE, PROTECT
from policies.plan import FeedPlan, Plan, PortfolioPlan, RulesPlan
from policies.portfolio_gate import PORTFOLIO_LIMITS
from policies.proposals import Agent, PolicyKind
from policies.remembered import BOUNDS, OVERRIDE, TERMS, Controls, open_controls
from policies.risk import DESK, LIMITS, Book, Guards, no_guards, open_book
from policies.routes import CANDIDATE, ROUTE, Scanner
from policies.signals.desk import Chains, frames_of, no_chains, open_chains, rule_of
from policies.signals.outcomes import CHANGES_MAX
from policies.signals.sources import JUDGED_COUNT
from policies.standing_plan import standing_array
from policies.timed_rules import timetable_of
from policies.view import open_views


def instruments_of(plan: Plan) -> Records:
    """Return the instrument table with bar lengths, groups and desks filled in from the feeds and routes."""
    table = instrument_table(plan.instruments, {venue.name: venue for venue in plan.venues}, plan.currency)
    groups = 0
    for route in plan.routes:
        a, b = plan.index_of(route.instrument_a), plan.index_of(route.instrument_b)
        for instrument in (a, b):
            table[instrument].desk = route.desk
            table[instrument].group = groups
        groups += 1
    for feed in plan.feeds:
        if feed.roles & Role.MATCH:
            table[plan.index_of(feed.instrument)].bar_ns = feed.bar_ns
    shadows = {model.desk for model in plan.models if model.shadow}
    for feed in plan.feeds:
        if feed.roles & Role.VIEW:
            row = table[plan.index_of(feed.trades or feed.instrument)]
            _check_bars(plan, feed, row)
            if feed.desk not in shadows:
                row.desk = feed.desk
            if row.group < 0:
                row.group = groups
                groups += 1
    return table


def feeds_of(plan: Plan) -> Records:
    """Return the feed table: views are numbered in feed order, routes by their place in the plan."""
    table = records(len(plan.feeds), FEED)
    views = 0
    for row, feed in zip(table, plan.feeds, strict=True):
        row.instrument, row.roles, row.desk, row.bar_ns = (
            plan.index_of(feed.instrument), feed.roles, feed.desk, feed.bar_ns,
        )  # fmt: skip
        row.view_number, row.route = -1, -1
        row.trades = plan.index_of(feed.trades or feed.instrument)
        if feed.roles & Role.VIEW:
            row.view_number, views = views, views + 1
        if feed.roles & Role.SCAN:
            row.route = _route_of(plan, feed.instrument)
    return table


def _route_of(plan: Plan, key: str) -> int:
    """Return the route that an instrument belongs to; ValueError where it is in none, or in several."""
    found = [i for i, route in enumerate(plan.routes) if key in (route.instrument_a, route.instrument_b)]
    if len(found) != 1:
        raise ValueError(f"{key}: its feed is scanned, so it must be in one route; it is in {len(found)}")
    return found[0]


def _check_bars(plan: Plan, feed: FeedPlan, row: Record) -> None:
    """Refuse a view that trades bars other than its own: it could decide within a bar and fill at its open."""
    own = feed.bar_ns == row.bar_ns and (feed.trades or feed.instrument) == feed.instrument
    if row.bar_ns > 0 and not own:
        raise ValueError(
            f"{feed.instrument}: a view of it trades {feed.trades or feed.instrument}, which bars of "
            f"{row.bar_ns / 1e9:g} s move; only a view of those bars may"
        )


def routes_of(plan: Plan) -> Records:
    """Return the routes, idle."""
    table = records(len(plan.routes), ROUTE)
    for row, route in zip(table, plan.routes, strict=True):
        row.instrument_a, row.instrument_b = plan.index_of(route.instrument_a), plan.index_of(route.instrument_b)
        row.view_number = -1
        for name in ("desk", "enter_ticks", "exit_ticks", "hold_ns", "quiet_ns", "age_ns_max"):
            row[name] = getattr(route, name)
        row.basis_weight, row.variance_weight = route.basis_weight, route.variance_weight
    return table


def desks_of(plan: Plan) -> Records:
    """Return the desks without a budget: that comes with the first day."""
    table = records(len(plan.desks), DESK)
    for row, desk in zip(table, plan.desks, strict=True):
        for name in table.dtype.names or ():
            if hasattr(desk, name):
                row[name] = getattr(desk, name)
        row.budget_ppm = round(desk.budget_fraction * 1e6)
    for model in plan.models:
        if model.shadow:
            table[model.desk].shadow, table[model.desk].auto_execute = 1, 0
    return table


def limits_of(plan: Plan) -> Records:
    """Return the limits as one record."""
    table = records(1, LIMITS)
    for name in table.dtype.names or ():
        table[0][name] = getattr(plan.limits, name)
    return table


GUARD_TERMS: Final = (
    "buffer", "overnight_multiple", "gap_ppm", "stop_gap_ppm", "halve_ppm", "block_ppm", "flatten_ppm",
    "exposure_ppm_max", "exposure_basis", "leverage_ppm", "cluster_ppm_max", "risk_min", "risk_max",
    "confidence_floor", "confidence_cap", "gamma", "flattens",
)  # fmt: skip
FLOOR_TERMS: Final = (
    "rule", "mode", "calendar", "anchor", "of_top", "amount", "ppm", "inclusive", "clears", "share_ppm",
)  # fmt: skip


def guards_of(plan: Plan, instruments: Records) -> Guards:
    """Return what the account's profiles bring to the book, as of a fresh account; ValueError: a rule is never fed."""
    rules = plan.rules
    if not rules.profiles:
        if rules.flattens:
            raise ValueError("flattens: no profile is active, so nothing would ever call for it")
        none = no_guards(plan.cash, len(instruments))
        none.guard[0].stops = rules.stops
        return none
    _refuse_inert(rules)
    terms = [
        {name: getattr(floor, name) for name in FLOOR_TERMS} | ({} if floor.lock is None else {"lock": floor.lock})
        for floor in rules.floors
    ]
    floors = open_floors(terms, plan.cash)
    guard = open_guard({name: getattr(rules, name) for name in GUARD_TERMS}, plan.cash)
    guard[0].active, guard[0].stops = 1, rules.stops
    guard[0].correlates, guard[0].rho_max = int(rules.rho_max is not None), rules.rho_max or 0.0
    width = max((len(calendar.resets_s) for calendar in rules.calendars), default=0)
    resets_ns = np.full((len(rules.calendars), width), INT64_MAX)
    for row, calendar in zip(resets_ns, rules.calendars, strict=True):
        row[: len(calendar.resets_s)] = np.array(calendar.resets_s, np.int64) * 10**9
    start_guard(guard, floors, resets_ns)
    return Guards(floors, guard, resets_ns, class_correlations(instruments), alerts_of(floors, resets_ns))


def _refuse_inert(rules: RulesPlan) -> None:
    """Refuse a rule that nothing would ever feed: it would look like a limit and be none."""
    for floor in rules.floors:
        known = 0 <= floor.calendar < len(rules.calendars) and rules.calendars[floor.calendar].resets_s
        if not known:
            raise ValueError(f"{floor.name}: its calendar {floor.calendar} has no instants, so it would never reset")
        if (floor.ppm if floor.of_top else floor.amount) <= 0:
            raise ValueError(f"{floor.name}: its amount is 0; a positive amount is allowed")
    if rules.exposure_ppm_max and rules.leverage_ppm <= 0:
        raise ValueError(
            f"leverage_ppm = {rules.leverage_ppm}: a positive leverage is allowed where exposure is capped"
        )


def kinds_of(instruments: Records) -> NDArray[np.int64]:
    """Return the asset class of every instrument; a contract has that of what it is on."""
    kinds = np.array(instruments.kind)
    return np.where(kinds == Kind.BINARY, kinds[np.array(instruments.underlying)], kinds)


def class_correlations(instruments: Records) -> NDArray[np.float64]:
    """Return the correlation per pair of instruments that is assumed without data: 1 within a kind, else 0."""
    kinds = kinds_of(instruments)
    return np.asarray(kinds[:, None] == kinds[None, :], np.float64)


def phases_of(rules: RulesPlan) -> tuple[Records, Records]:
    """Return phases of volume and protective steps; ValueError for phases without a profile: nobody would ask them."""
    if rules.phases and not rules.profiles:
        raise ValueError("phases: no profile is active, so volume would never be scaled")
    phases, protects = records(len(rules.phases), PHASE), records(len(rules.protects), PROTECT)
    for row, phase in zip(phases, rules.phases, strict=True):
        row.trades_min, row.days_min, row.volume_ppm = phase.trades_min, phase.days_min, phase.volume_ppm
        row.profit_min = -INT64_MAX if phase.profit_min is None else phase.profit_min
    for row, protect in zip(protects, rules.protects, strict=True):
        row.drawdown, row.volume_ppm = protect.drawdown, protect.volume_ppm
    return phases, protects


def estimator_of(plan: Plan, instruments: Records) -> Estimator:
    """Return what learns from the run's prices, having learnt nothing; ValueError where it never would.

    A contract has no price of its own: each is a class by itself, and in nobody's cluster.
    """
    own = plan.rules.portfolio
    kinds = [-1 - k if row.kind == Kind.BINARY else int(row.kind) for k, row in enumerate(instruments)]
    if own is None:
        return open_estimator(kinds, 1)
    _refuse_unlearnt(plan, own, instruments)
    estimator = open_estimator(kinds, own.window)
    terms, limits = estimator.terms[0], estimator.limits[0]
    terms.step_ns, terms.gate, terms.least, terms.threshold = own.step_ns, own.gate, own.observations_min, own.threshold
    for name in PORTFOLIO_LIMITS.names or ():
        limits[name] = getattr(own, name)
    return estimator


def _refuse_unlearnt(plan: Plan, own: PortfolioPlan, instruments: Records) -> None:
    """Refuse an estimate that could never be made: limits on it would refuse everything, or look like limits."""
    longest = max((feed.bar_ns for feed in plan.feeds if feed.roles & Role.MATCH), default=0)
    if own.step_ns < max(longest, 1):
        raise ValueError(
            f"portfolio: a step of {own.step_ns / 1e9:g} s: more than 0, and at least the {longest / 1e9:g} s of the "
            "longest bars is allowed"
        )
    if not 2 <= own.observations_min <= own.window:
        raise ValueError(
            f"portfolio: observations_min = {own.observations_min} of a window of {own.window}: 2 to {own.window} is "
            "allowed"
        )
    if own.gate and all(row.kind == Kind.BINARY for row in instruments):
        raise ValueError("portfolio: nothing but contracts is traded, so its limits would never strike")


def controls_of(plan: Plan) -> Controls | None:
    """Return the pre-trade controls, having seen nothing; None where the plan has none."""
    own = plan.controls
    if own is None:
        return None
    if len(own.instruments) != len(plan.instruments):
        raise ValueError(f"controls of {len(own.instruments)} instruments in a plan of {len(plan.instruments)}")
    terms, bounds = records(1, TERMS), records(len(own.instruments), BOUNDS)
    for name in TERMS.names or ():
        terms[0][name] = 1 if name == "on" else getattr(own, name)
    for row, given in zip(bounds, own.instruments, strict=True):
        for name in BOUNDS.names or ():
            row[name] = getattr(given, name)
    overrides = records(len(own.overrides), OVERRIDE)
    for row, granted in zip(overrides, own.overrides, strict=True):
        row.rules = override_bits(granted.rules, granted.people, granted.from_ns, granted.until_ns)
        row.from_ns, row.until_ns = granted.from_ns, granted.until_ns
    return open_controls(terms, bounds, overrides, len(plan.desks), len(plan.venues))


def breakers_of(plan: Plan) -> Breakers | None:
    """Return the circuit breakers, having seen nothing; None where the plan has none."""
    own = plan.breakers
    if own is None:
        return None
    terms = (
        PriceTerms(*msgspec.structs.astuple(own.price)) if own.price else None,
        VenueTerms(*msgspec.structs.astuple(own.venue)) if own.venue else None,
        CostTerms(*msgspec.structs.astuple(own.cost)) if own.cost else None,
    )
    return open_breakers(*terms, instruments=len(plan.instruments), venues=len(plan.venues))


def price_sources(instruments: Records, number: int) -> set[int]:
    """Return the instruments whose prices it takes to trade one: what it is quoted by, and what converts its money."""
    row = instruments[number]
    sources = {int(row.underlying)}
    if row.rate_mode in (RateMode.MULTIPLY, RateMode.DIVIDE):
        sources.add(int(row.rate_instrument))
    return sources


def book_of(plan: Plan, quotes: Records | None = None, instruments: Records | None = None) -> Book:
    """Return risk's book of a fresh account; `quotes` is shared with whoever else reads the newest prices.

    So may be the table of instruments: nobody writes to it.
    """
    instruments = instruments_of(plan) if instruments is None else instruments
    groups = int(instruments.group.max(initial=-1)) + 1
    ledger = open_ledger(instruments, groups, plan.cash)
    shared = records(len(instruments), QUOTE) if quotes is None else quotes
    cooldowns = np.array(plan.limits.cooldowns_ns, np.int64)
    book = open_book(ledger, shared, desks_of(plan), limits_of(plan), cooldowns, guards_of(plan, instruments))
    controls, breakers = controls_of(plan), breakers_of(plan)
    phases, protects = phases_of(plan.rules)
    book = book._replace(
        estimator=estimator_of(plan, instruments), phases=phases, protects=protects,
        timetable=timetable_of(plan, instruments),
    )  # fmt: skip
    if controls is not None:
        book = book._replace(controls=controls)
    return book if breakers is None else book._replace(breakers=breakers)


def agent_of(plan: Plan, quotes: Records | None = None) -> Agent:
    """Return the agents of all desks of a plan, having seen nothing."""
    instruments = instruments_of(plan)
    program, spans, floats = _features(plan)
    width = max([int(span[1]) for span in spans], default=0)
    if width > FEATURES_MAX:
        raise ValueError(f"a policy reads {width} features; a decision records at most {FEATURES_MAX}")
    feeds = feeds_of(plan)
    views = open_views(program, spans, floats, int((feeds.view_number >= 0).sum()), width)
    params = [
        [0.0] * policy_named(desk.policy).first + [value for _, value in desk.params] for desk in plan.desks
    ]  # fmt: skip
    table = np.zeros((len(params), max(map(len, params), default=0)))
    for row, values in zip(table, params, strict=True):
        row[: len(values)] = values
    rows = max((len(desk.size_multipliers) for desk in plan.desks), default=0)
    multipliers = np.full((len(plan.desks), rows, 2), np.inf)  # a row that no score reaches
    for sizes, desk in zip(multipliers, plan.desks, strict=True):
        sizes[: len(desk.size_multipliers)] = np.reshape(desk.size_multipliers, (-1, 2))
    return Agent(
        feeds, instruments, records(len(instruments), QUOTE) if quotes is None else quotes, routes_of(plan),
        desks_of(plan), np.array([policy_named(desk.policy).kind for desk in plan.desks], np.int64), table,
        np.zeros(len(plan.desks), np.int64), multipliers,
        np.zeros(2, np.int64), views, chains_of(plan), models_of(plan), standing_array(plan, plan.standing),
    )  # fmt: skip


def chained_feeds(plan: Plan) -> list[FeedPlan]:
    """Return the feeds whose views have a chain, in the order in which chains number them."""
    kinds = [policy_named(desk.policy).kind for desk in plan.desks]
    return [feed for feed in plan.feeds if feed.roles & Role.VIEW and kinds[feed.desk] == PolicyKind.CONFLUENCE]


def chains_of(plan: Plan) -> Chains:
    """Return the chains of a plan's views, having seen nothing; ValueError: two desks have different ones."""
    views = [feed for feed in plan.feeds if feed.roles & Role.VIEW]
    own = chained_feeds(plan)
    if not own:
        return no_chains(len(views))
    if len(plan.feeds) * JUDGED_COUNT > CHANGES_MAX:
        raise ValueError(f"{len(plan.feeds)} feeds; beside a chain at most {CHANGES_MAX // JUDGED_COUNT} are allowed")
    wanted = {plan.desks[feed.desk].params for feed in own}
    if len(wanted) > 1:
        raise ValueError("desks with the policy confluence have different parameters; in one plan they must agree")
    places = {id(feed): k for k, feed in enumerate(own)}
    numbers = np.array([places.get(id(feed), -1) for feed in views], np.int64)
    rule = rule_of([value for _, value in wanted.pop()])
    return Chains(numbers, open_chains([frames_of(feed.bar_ns) for feed in own], rule))


def scanner_of(plan: Plan, candidates_max: int = 1024, instruments: Records | None = None) -> Scanner:
    """Return the scanner of all routes of a plan, having seen nothing."""
    instruments = instruments_of(plan) if instruments is None else instruments
    return Scanner(
        feeds_of(plan), instruments, records(len(instruments), QUOTE), routes_of(plan),
        records(candidates_max, CANDIDATE),
    )  # fmt: skip


def _features(plan: Plan) -> tuple[Records, NDArray[np.int64], int]:
    """Return the programs of all desks in a row, per desk (first, count), and the floats of state a view needs."""
    programs, floats = [], 0
    spans = np.zeros((len(plan.desks), 2), np.int64)
    first = 0
    for k in range(len(plan.desks)):
        program, size = feature_program(features_of_desk(plan, k))
        programs.append(program)
        spans[k] = first, len(program)
        first, floats = first + len(program), max(floats, size)
    empty, _ = feature_program(())
    return np.concatenate([empty, *programs]).view(np.recarray), spans, floats
