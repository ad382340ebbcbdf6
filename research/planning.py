"""Planning: from configuration, profile and catalogue to the plan and the tape of a run."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from market.bars import derived_bars
from market.instruments import Instrument, VenueSpec
from market.money import money_of
from market.tape import Flaw, Int64, Role, Tape, bar_tape, merge_tapes, quote_tape
from policies.assembly import instruments_of
from policies.catalogue import params_of, policy_named
from policies.intents import DeskKind
from policies.plan import ControlsPlan, DeskPlan, FeedPlan, LimitsPlan, Plan, RoutePlan, RulesPlan
from policies.timed_rules import timetable_of
from research.account_plan import rules_plan
from research.catalogue import Catalogue, Entry, FileKind, file_hash, show_time
from research.config_breakers import breakers_plan
from research.config_sections import Configuration, Profile
from research.control_plans import controls_plan
from research.loader import Bars, Quotes, load_bars, load_quotes
from research.news_file import NewsFile
from research.portfolio_plan import for_feeds, gated_rules
from research.selection import Selection, Window
from research.specs import contract_of, instrument_of
from research.timed_plan import Markets

SECOND_NS: Final = 10**9
DESKS: Final = ("forex", "arbitrage", "binary")
SAMPLES_MAX: Final = 20_000
"""Equity samples of a run at most (beyond 55 years, one a day): a plot shows a thousand, a day needs its last one."""


class Planned(NamedTuple):
    """A run ready to start: `data` names every file by path, SHA-256 and rows taken; `warnings` are for people."""

    plan: Plan
    tape: Tape
    data: tuple[tuple[str, str, int], ...]
    warnings: tuple[str, ...]


class Costs(NamedTuple):
    """What a backtest overrides: fee per side in parts per million, and whether spread and slippage are charged."""

    fee_ppm: int | None = None
    spread: bool = True


@dataclass
class _Draft:
    """A plan while it is being put together."""

    root: Path
    home: Path
    configuration: Configuration
    profile: Profile
    currency: str
    costs: Costs = field(default_factory=Costs)
    news: NewsFile | None = None
    instruments: list[Instrument] = field(default_factory=list)
    feeds: list[FeedPlan] = field(default_factory=list)
    tapes: list[Tape] = field(default_factory=list)
    routes: list[RoutePlan] = field(default_factory=list)
    desks: list[DeskPlan] = field(default_factory=list)
    data: list[tuple[str, str, int]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def add_instrument(self, instrument: Instrument) -> Instrument:
        known = {own.key: own for own in self.instruments}
        if instrument.key not in known:
            self.instruments.append(instrument)
        return known.get(instrument.key, instrument)

    def add_feed(self, feed: FeedPlan, tape: Tape) -> None:
        number = len(self.feeds)
        self.feeds.append(feed)
        self.tapes.append(tape._replace(feed=np.full(len(tape.time_ns), number, np.int64)))

    def instrument_of(self, entry: Entry, *, spread: bool = True) -> Instrument:
        return instrument_of(entry, self.configuration, self.currency, spread=spread, fee_ppm=self.costs.fee_ppm)

    def note(self, entry: Entry, flaws: NDArray[np.uint8], time_ns: Int64, warnings: Sequence[str]) -> str:
        sha256 = file_hash(self.root / entry.path, self.home)
        self.data.append((entry.path, sha256, len(flaws)))
        self.warnings.extend([*warnings, *flaw_warnings(entry.path, flaws, time_ns)])
        return f"{entry.path}#{sha256}"


class Basis(NamedTuple):
    """What every plan stands on: the data there is, where files are kept, how desks are set, limits, costs and news."""

    catalogue: Catalogue
    home: Path
    configuration: Configuration
    profile: Profile
    costs: Costs = Costs()
    news: NewsFile | None = None

    def draft(self, currency: str) -> _Draft:
        """Return an empty plan in a currency."""
        root = Path(self.catalogue.root)
        return _Draft(root, self.home, self.configuration, self.profile, currency, self.costs, self.news)


def plan_run(basis: Basis, selection: Selection) -> Planned:
    """Plan the desks for which there is a selection; policies, gates and limits from configuration and profile."""
    draft = basis.draft(basis.configuration.account.currency)
    if selection.forex and selection.forex_window:
        add_forex(draft, selection.forex, selection.forex_window)
    if selection.route and selection.route_window:
        _add_arbitrage(draft, selection.route, selection.route_window)
    if selection.contract and selection.contract_window:
        _add_binary(draft, selection.contract, selection.contract_window)
    return _finished(draft)


def plan_backtest(basis: Basis, entries: Sequence[Entry], window: Window) -> Planned:
    """Plan the forex desk alone, over bars of any instruments, in their own currency where they share one."""
    instruments = [instrument_of(entry, basis.configuration, "", spread=False) for entry in entries]
    quotes = {instrument.quote for instrument in instruments}
    draft = basis.draft(quotes.pop() if len(quotes) == 1 else basis.configuration.account.currency)
    add_forex(draft, entries, window)
    return _finished(draft)


def add_forex(draft: _Draft, entries: Sequence[Entry], window: Window) -> None:
    """Add bars of some instruments and the desk that trades them."""
    desk = len(draft.desks)
    for entry in entries:
        instrument = draft.instrument_of(entry, spread=draft.costs.spread)
        bars = load_bars(draft.root, entry, Decimal(instrument.tick_size), window.start_ns, window.end_ns)
        if draft.costs.spread and bars.ask is None and not instrument.spread_ticks:
            ticks = share_spread(draft.configuration, entry, bars)
            instrument = msgspec.structs.replace(instrument, spread_ticks=ticks)
        instrument = draft.add_instrument(instrument)
        source = draft.note(entry, bars.flaws, bars.close_ns, bars.report.warnings)
        roles = int(Role.MATCH | Role.VIEW)
        feed = FeedPlan(instrument=instrument.key, roles=roles, desk=desk, bar_ns=entry.timeframe_ns, source=source)
        draft.add_feed(feed, _bars_tape(bars, instrument, draft.costs.spread))
    own, gate = draft.configuration.desks.forex, draft.profile.forex
    textbook = own.policy == "sma_cross"  # it states neither confidence nor reward, so no gate asks for them
    draft.desks.append(
        DeskPlan(
            name="forex",
            kind=DeskKind.FOREX,
            policy=own.policy,
            params=params_of(policy_named(own.policy), own.params),
            budget_fraction=own.budget_fraction,
            auto_execute=own.auto_execute,
            top_n=max(gate.top_n, len(entries)) if textbook else gate.top_n,
            confidence_min=0.0 if textbook else gate.confidence_min,
            reward_min=-1e9 if textbook else float(gate.reward_to_risk_min),
            auto_confidence=-1.0 if textbook else gate.auto_confidence,
            auto_reward=-1e9 if textbook else float(gate.auto_reward_to_risk),
            confidence_weight=gate.confidence_weight,
            reward_cap=gate.reward_to_risk_cap,
            size_multipliers=gate.size_multipliers,
        )
    )


def share_spread(configuration: Configuration, entry: Entry, bars: Bars) -> int:
    """Return the configured share of the first sound price as a spread in ticks; what pips are stated for has none."""
    own = configuration.instrument.get(entry.symbol or "")
    sound = np.flatnonzero(bars.flaws == 0)
    if entry.instrument_kind == "fx" or (own and own.spread_ticks is not None) or not len(sound):
        return 0
    return -(-int(bars.bid[3][sound[0]]) * configuration.instruments.other_spread_ppm // 1_000_000)


def _bars_tape(bars: Bars, instrument: Instrument, spread: bool) -> Tape:
    """Return bars as a tape; where the source has one side only, the ask is the bid plus the configured spread."""
    ticks = instrument.spread_ticks if spread else 0
    ask = bars.ask if bars.ask is not None and spread else bars.bid
    if ask is bars.bid and ticks:
        ask = (bars.bid[0] + ticks, bars.bid[1] + ticks, bars.bid[2] + ticks, bars.bid[3] + ticks)
    return bar_tape(0, bars.close_ns, bars.bid, ask, bars.volume)._replace(flaws=bars.flaws)


def _quotes_tape(quotes: Quotes, instrument: Instrument) -> Tape:
    lot = float(instrument.lot_size)
    sizes = [
        None if size is None else np.floor(size / lot).astype(np.int64) for size in (quotes.bid_size, quotes.ask_size)
    ]
    return quote_tape(0, quotes.time_ns, quotes.bid, quotes.ask, *sizes)._replace(flaws=quotes.flaws)


def _add_arbitrage(draft: _Draft, entries: tuple[Entry, Entry], window: Window) -> None:
    """Add the quotes of two venues, the route between them and its desk."""
    desk, own, gate = len(draft.desks), draft.configuration.desks.arbitrage, draft.profile.arbitrage
    keys = []
    for entry in entries:
        instrument = draft.add_instrument(draft.instrument_of(entry))
        quotes = load_quotes(draft.root, entry, Decimal(instrument.tick_size), window.start_ns, window.end_ns)
        source = draft.note(entry, quotes.flaws, quotes.time_ns, quotes.report.warnings)
        roles = int(Role.MATCH | Role.SCAN)
        feed = FeedPlan(instrument=instrument.key, roles=roles, desk=desk, source=source)
        draft.add_feed(feed, _quotes_tape(quotes, instrument))
        keys.append(instrument.key)
    draft.routes.append(
        RoutePlan(
            instrument_a=keys[0],
            instrument_b=keys[1],
            desk=desk,
            enter_ticks=own.enter_ticks,
            exit_ticks=own.exit_ticks,
            hold_ns=int(own.hold_s * SECOND_NS),
            quiet_ns=int(own.quiet_s * SECOND_NS),
            age_ns_max=int(own.age_ms_max * 1_000_000),
        )
    )
    draft.desks.append(
        DeskPlan(
            name="arbitrage",
            kind=DeskKind.ARBITRAGE,
            policy=own.policy,
            params=params_of(policy_named(own.policy), own.params),
            budget_fraction=own.budget_fraction,
            auto_execute=own.auto_execute,
            top_n=gate.top_n,
            reward_min=own.net_profit_bp_min,
            risk_score_max=gate.risk_score_max,
            auto_gross=own.auto_gross_bp,
            auto_gain=float(own.auto_net_profit),
            auto_risk_score=own.auto_risk_score,
        )
    )


def _add_binary(draft: _Draft, entry: Entry, window: Window) -> None:
    """Add contracts on a quoted instrument, the bars their policy reads, and their desk."""
    desk, own, gate = len(draft.desks), draft.configuration.desks.binary, draft.profile.binary
    underlying = draft.instrument_of(entry)
    known = next((k for k, feed in enumerate(draft.feeds) if feed.instrument == underlying.key), None)
    if known is None:
        draft.add_instrument(underlying)
        quotes = load_quotes(draft.root, entry, Decimal(underlying.tick_size), window.start_ns, window.end_ns)
        source = draft.note(entry, quotes.flaws, quotes.time_ns, quotes.report.warnings)
        feed = FeedPlan(instrument=underlying.key, roles=int(Role.MATCH), desk=desk, source=source)
        draft.add_feed(feed, _quotes_tape(quotes, underlying))
        known = len(draft.feeds) - 1
    contract = draft.add_instrument(contract_of(underlying, own))
    bar_ns = own.bars_s * SECOND_NS
    feed = FeedPlan(
        instrument=underlying.key,
        roles=int(Role.VIEW),
        desk=desk,
        bar_ns=bar_ns,
        trades=contract.key,
        source=f"bars of {own.bars_s} s from feed {known}",
    )
    draft.add_feed(feed, derived_bars(draft.tapes[known], bar_ns))
    params = {"life_bars": own.expiry_s / own.bars_s, **own.params}
    draft.desks.append(
        DeskPlan(
            name="binary",
            kind=DeskKind.BINARY,
            policy=own.policy,
            params=params_of(policy_named(own.policy), params),
            budget_fraction=own.budget_fraction,
            auto_execute=own.auto_execute,
            top_n=gate.top_n,
            confidence_min=gate.probability_min,
            reward_min=gate.edge_min,
            expiry_ns=(own.expiry_s if own.expiry_s in gate.expiry_seconds else gate.expiry_seconds[0]) * SECOND_NS,
        )
    )


FLAW_NAMES: Final = {
    Flaw.NOT_FINITE: "a price that is not finite", Flaw.ZERO: "a zero or negative price",
    Flaw.CROSSED: "the bid above the ask", Flaw.RANGE: "open or close outside of low to high",
}  # fmt: skip


def flaw_warnings(path: str, flaws: NDArray[np.uint8], time_ns: Int64) -> list[str]:
    """Say what is wrong with how many rows, each counted once, and when the first is known; the run goes on."""
    found, left = [], flaws.copy()
    for flaw, name in FLAW_NAMES.items():
        rows = np.flatnonzero(left & flaw.value)
        if len(rows):
            left[rows] = 0
            first, what = show_time(int(time_ns[rows[0]])), "row" if len(rows) == 1 else "rows"
            found.append(f"{path}: {len(rows):,} {what} with {name}; they move nothing, the first is of {first}")
    return found


def limits_plan(profile: Profile, sample_ns: int) -> LimitsPlan:
    """Return a profile's limits in integer money, counts and ns."""
    limits = profile.limits
    return LimitsPlan(
        profile=profile.name,
        trades_per_day_max=limits.trades_per_day_max,
        daily_loss_max=money_of(limits.daily_loss_max),
        daily_loss_basis=0 if limits.daily_loss_basis == "realised_plus_floating_loss" else 1,
        drawdown_max=money_of(limits.drawdown_max),
        drawdown_basis=0 if limits.drawdown_basis == "initial" else 1,
        loss_streak_max=limits.loss_streak_max,
        position_ppm_max=int(limits.position_fraction_max * 1_000_000),
        cooldowns_ns=tuple(seconds * SECOND_NS for seconds in limits.cooldown_seconds),
        sample_ns=sample_ns,
    )


def sample_step_ns(sample_s: float, span_ns: int) -> int:
    """Return the time between equity samples: as configured, in long runs the next even part of a day that suffices."""
    step_ns = int(sample_s * SECOND_NS)
    if span_ns <= SAMPLES_MAX * step_ns:
        return step_ns
    parts = [part * 60 * SECOND_NS for part in (5, 10, 15, 30, 60, 120, 240, 720, 1440)]
    return next((part for part in parts if part > step_ns and span_ns <= SAMPLES_MAX * part), parts[-1])


def _finished(draft: _Draft) -> Planned:
    """Put the parts together: venues in order of first use, feeds in tape order."""
    names = list(dict.fromkeys(instrument.venue for instrument in draft.instruments))
    tape = merge_tapes(draft.tapes)
    span_ns = int(tape.time_ns[-1] - tape.time_ns[0]) if len(tape.time_ns) else 0
    cash = money_of(draft.configuration.account.cash)
    plan = Plan(
        currency=draft.currency,
        cash=cash,
        venues=tuple(_venue(draft, name) for name in names),
        instruments=tuple(draft.instruments),
        feeds=tuple(draft.feeds),
        routes=tuple(draft.routes),
        desks=tuple(draft.desks),
        limits=limits_plan(draft.profile, sample_step_ns(draft.configuration.report.sample_s, span_ns)),
        rules=_rules(draft, cash, tape),
        controls=_controls(draft),
        breakers=breakers_plan(draft.configuration.breakers),
    )
    timetable_of(plan, instruments_of(plan))  # a time at which nothing could ever trade is refused now
    if draft.news is not None:
        _note_news(draft, plan.rules)
    return Planned(plan, tape, tuple(draft.data), tuple(draft.warnings))


def _note_news(draft: _Draft, rules: RulesPlan) -> None:
    """Name the calendar among the data of the run, or say that nobody asks for it."""
    assert draft.news is not None
    if rules.news is not None:
        draft.data.append((Path(draft.news.path).name, draft.news.sha256, draft.news.rows))
    else:
        draft.warnings.append(f"{draft.news.path}: no active profile asks for news, so nothing heeds it")


def _rules(draft: _Draft, cash: int, tape: Tape) -> RulesPlan:
    markets = Markets(draft.instruments, draft.configuration.hours, draft.configuration.instrument, draft.news)
    rules = rules_plan(draft.profile.accounts, cash, *_span(tape), markets)
    return for_feeds(
        gated_rules(rules, draft.configuration, draft.profile, cash), draft.feeds, draft.instruments
    )  # fmt: skip


def _span(tape: Tape) -> tuple[int, int]:
    """Return the times before the first row and of the last: a reset at the first row's instant is still to come."""
    return (int(tape.time_ns[0]) - 1, int(tape.time_ns[-1])) if len(tape.time_ns) else (0, 0)


def _controls(draft: _Draft) -> ControlsPlan:
    bars = {feed.instrument: feed.bar_ns for feed in draft.feeds if feed.roles & Role.MATCH}
    moved = [bars.get(instrument.underlying or instrument.key, 0) for instrument in draft.instruments]
    wide = draft.profile.controls == "wide"
    return controls_plan(draft.configuration.controls, draft.instruments, moved, wide=wide)


def _venue(draft: _Draft, name: str) -> VenueSpec:
    common, own = draft.configuration.venues, draft.configuration.venue.get(name)
    latency = own.latency_ms if own and own.latency_ms is not None else common.latency_ms
    stale = own.stale_after_s if own and own.stale_after_s is not None else common.stale_after_s
    longest = max((feed.bar_ns for feed in draft.feeds), default=0)
    return VenueSpec(
        name=name,
        latency_ns=int(latency * 1_000_000),
        stale_after_ns=max(int(stale * SECOND_NS), 2 * longest),
    )


def is_bars(entry: Entry) -> bool:
    """Tell whether a file holds bars that can be replayed."""
    return entry.kind is FileKind.BARS and entry.problem is None and entry.timeframe_ns > 0
