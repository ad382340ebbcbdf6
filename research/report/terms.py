"""The terms of a run: the limits in force, and the plan's desks, instruments, feeds and routes."""

from typing import Final

import msgspec

from market.instruments import Instrument
from market.money import MONEY_UNIT
from market.tape import Role
from policies.floors import Mode
from policies.intents import DeskKind
from policies.leverage import Basis
from policies.plan import DeskPlan, FeedPlan, LimitsPlan, Plan, RoutePlan, RulesPlan
from research.report.markup import (
    SECOND_NS,
    amount,
    bound,
    details,
    percent,
    plural,
    scrolling,
    span_text,
    table,
    text,
)

TOPS: Final = {
    Mode.DAILY: "from the anchor of the last reset", Mode.STATIC: "from the initial capital",
    Mode.CLOSING: "from the highest balance at a reset", Mode.PEAK: "from the highest equity so far",
    Mode.PERIOD_PEAK: "from the highest equity of the period",
}  # fmt: skip
GATES: Final = tuple(name for name in DeskPlan.__struct_fields__ if name not in ("name", "kind", "policy", "params"))


def limits_table(plan: Plan) -> str:
    """Return the limits in force, in words and numbers."""
    limits, currency = plan.limits, plan.currency
    daily = "equity since the day's start" if limits.daily_loss_basis == 1 else "realised today plus the floating loss"
    total = "below the highest equity so far" if limits.drawdown_basis == 1 else "below the initial capital"
    rows = [
        ("Profile", limits.profile, ""),
        ("Daily loss", f"{amount(limits.daily_loss_max / MONEY_UNIT)} {currency}", f"{daily}; day = UTC day"),
        ("Total drawdown", f"{amount(limits.drawdown_max / MONEY_UNIT)} {currency}", f"{total}, worst prices"),
        ("Trades per day", f"{limits.trades_per_day_max:,}", "opening trades of all desks"),
        ("Losses in a row", f"{limits.loss_streak_max:,}", "round trips; forgotten when the day rolls"),
        ("Position", percent(limits.position_ppm_max / 1e6), "of equity per instrument, working orders counted"),
        ("Pause after losses", _cooldowns(limits), "after so many losses in a row"),
        ("Equity sampled every", span_text(limits.sample_ns), ""),
        *_account_rules(plan),
    ]
    return table(("Limit", "Value", "Measured"), rows, left=3)


def _account_rules(plan: Plan) -> list[tuple[str, str, str]]:
    """Return what the account's profiles add: their floors, and the caps and reserves that are not the default."""
    rules, rows = plan.rules, []
    for floor in rules.floors:
        calendar = rules.calendars[floor.calendar]
        value = percent(floor.ppm / 1e6) if floor.of_top else f"{amount(floor.amount / MONEY_UNIT)} {plan.currency}"
        word = "at or below" if floor.inclusive else "below"
        period = f"resets at {calendar.reset} {calendar.zone}, every {calendar.period}"
        rows.append((floor.name, value, f"{TOPS[Mode(floor.mode)]}; a breach is equity {word} the floor; {period}"))
    if rules.profiles:
        rows.append(
            ("Buffer over the floors", f"{amount(rules.buffer / MONEY_UNIT)} {plan.currency}", "every stop hit")
        )
    if rules.flattens and rules.floors:
        share = percent(rules.flatten_ppm / 1e6)
        rows.append(("Everything is closed at", share, "of a floor's amount, or at half of the buffer over open stops"))
    rows += _times(rules)
    for phase in rules.phases:
        profit = "" if phase.profit_min is None else f", {amount(phase.profit_min / MONEY_UNIT)} {plan.currency} made"
        shown = f"of a size from {phase.trades_min} closed trades, {phase.days_min} trading days{profit} on"
        rows.append((f"Phase {phase.name}", percent(phase.volume_ppm / 1e6), shown))
    for cap in rules.protects:
        fall = f"{amount(cap.drawdown / MONEY_UNIT)} {plan.currency}"
        rows.append((f"From a drawdown of {fall}", percent(cap.volume_ppm / 1e6), "of a size at most"))
    if rules.exposure_ppm_max:
        basis = Basis(rules.exposure_basis).name.lower().replace("_", " ")
        rows.append(("Exposure", percent(rules.exposure_ppm_max / 1e6), f"of equity, {basis}, working orders counted"))
    return [*rows, *_portfolio(rules, plan.currency)]


def _times(rules: RulesPlan) -> list[tuple[str, str, str]]:
    """Return the times at which nothing is opened, or held."""
    rows, news = [], rules.news
    if news is not None:
        held = f"; what is held is closed {span_text(rules.exit_ns)} and two bars before" if news.closes else ""
        near = plural(len(news.events), "release")
        name = news.source.partition("#")[0]
        rows.append(("News", span_text(news.window_s * SECOND_NS), f"to either side of {near} of {name}{held}"))
    for weekend in rules.weekends:
        hours = f"{weekend.opens} to {weekend.closes} {weekend.zone}, {plural(len(weekend.instruments), 'instrument')}"
        rows.append(("Weekend", span_text(rules.exit_ns), f"and two bars before the week of {hours} all is closed"))
    return rows


def _portfolio(rules: RulesPlan, currency: str) -> list[tuple[str, str, str]]:
    """Return the limits of the portfolio gate, and what correlations are learnt from."""
    own, rows = rules.portfolio, []
    if own is None:
        return []
    if own.gate:
        age = span_text(own.stale_after_ns)
        rows = [
            ("Value at risk", f"{amount(own.var_max / MONEY_UNIT)} {currency}", f"{own.z:.3f} deviations of a step"),
            ("Cluster", percent(own.cluster_ppm_max / 1e6), "of equity, gross, of what moves together"),
            ("Same bet from", f"{own.correlation_max:g}", f"correlation x sides; an estimate is stale after {age}"),
        ]
    learnt = f"the newest {own.window} returns of {span_text(own.step_ns)}; fewer than {own.observations_min}: unknown"
    return [*rows, ("Correlations", f"cut at {own.threshold:g}", learnt)]


def _cooldowns(limits: LimitsPlan) -> str:
    pauses = [f"{losses}: {span_text(pause)}" for losses, pause in enumerate(limits.cooldowns_ns) if pause > 0]
    return ", ".join(pauses) + (" and more" if pauses else "none")


def plan_terms(plan: Plan) -> str:
    """Return everything else of the plan, folded away part by part."""
    parts = [details(f"Desk {desk.name}: {desk.policy}", _desk(desk)) for desk in plan.desks]
    parts.append(details(f"Instruments ({len(plan.instruments)})", scrolling(_instruments(plan), "Instruments")))
    parts.append(details(f"Feeds ({len(plan.feeds)})", scrolling(_feeds(plan.feeds, plan), "Feeds")))
    if plan.routes:
        parts.append(details(f"Routes ({len(plan.routes)})", scrolling(_routes(plan.routes), "Routes")))
    venues = [(venue.name, span_text(venue.latency_ns), span_text(venue.stale_after_ns)) for venue in plan.venues]
    parts.append(details(f"Venues ({len(plan.venues)})", table(("Venue", "Order latency", "Stale after"), venues)))
    return "".join(parts)


def _desk(desk: DeskPlan) -> str:
    """Two tables side by side: the policy's parameters, and what the governor demands."""
    params = table(("Parameter", "Value"), [(name, f"{value:,.12g}") for name, value in desk.params])
    gates = [(name.replace("_", " "), _gate(name, getattr(desk, name))) for name in GATES]
    kind = DeskKind(desk.kind).name.lower()
    demands = table(("Demand", "Value"), [("kind", kind), *gates])
    return f'<div class="columns"><div><h4>Parameters of {text(desk.policy)}</h4>{params}</div>' + (
        f"<div><h4>What the governor demands</h4>{demands}</div></div>"
    )


def _gate(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name.endswith("_ns") and isinstance(value, int):
        return span_text(value)
    if isinstance(value, tuple):
        return ", ".join(f"from {score:g}: {size:g}" for score, size in value)
    return bound(float(value)) if isinstance(value, int | float) else str(value)


def _instruments(plan: Plan) -> str:
    names = (
        "tick_size", "lot_size", "lots_min", "lots_max", "depth_lots", "notional_min", "spread_ticks", "slippage_ticks",
        "fee_ppm", "fee_per_lot", "payout_ppm", "expiry_ns",
    )  # fmt: skip
    headers = ("Instrument", "Kind", *(name.replace("_", " ").removesuffix(" ns") for name in names))
    return table(headers, [_instrument(instrument, names) for instrument in plan.instruments], left=2)


def _instrument(instrument: Instrument, names: tuple[str, ...]) -> tuple[str, ...]:
    values = [getattr(instrument, name) for name in names[:-1]]
    cells = [f"{value:,}" if isinstance(value, int) else value for value in values]
    return instrument.key, instrument.kind.name, *cells, span_text(instrument.expiry_ns) if instrument.expiry_ns else ""


def _feeds(feeds: tuple[FeedPlan, ...], plan: Plan) -> str:
    cells = [
        (
            feed.instrument, plan.desks[feed.desk].name if feed.desk < len(plan.desks) else "",
            " + ".join(role.name or "" for role in Role(feed.roles)),
            span_text(feed.bar_ns) if feed.bar_ns else "quotes", feed.trades or "", feed.source,
        )
        for feed in feeds
    ]  # fmt: skip
    return table(("Instrument", "Desk", "Roles", "Bars of", "Trades", "Source"), cells, left=6)


def _routes(routes: tuple[RoutePlan, ...]) -> str:
    names = [name for name in RoutePlan.__struct_fields__ if name not in ("instrument_a", "instrument_b", "desk")]
    headers = ("Instrument a", "Instrument b", *(name.replace("_", " ").replace(" ns", "") for name in names))
    cells = []
    for route in routes:
        values = msgspec.structs.asdict(route)
        shown = [span_text(values[name]) if "_ns" in name else f"{values[name]:,.6g}" for name in names]
        cells.append((route.instrument_a, route.instrument_b, *shown))
    return table(headers, cells, left=2)
