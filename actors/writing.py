"""From kernel rows to journal records: names instead of numbers, so that a record is readable on its own."""

import math
from functools import cache
from typing import Any, Final

import numpy as np

from actors.messages import Finding
from journal.order_records import Order, Report
from journal.records import Alert, AnyRecord, Breaker, Confluence, Decision, Demotion, Latch, Leg, Sample, Snapshot
from market.orders import client_order_id
from market.paper import OrderKind, Reason, ReportKind
from market.records import plain
from policies.assembly import chained_feeds
from policies.breaking import Kind
from policies.demotion import Standing, Why
from policies.intents import Reduce, Rule, Ruling
from policies.plan import FeedPlan, Plan
from policies.regime import Regime, Volatility
from policies.signals.desk import frame_names
from policies.signals.sources import JUDGED, JUDGED_COUNT, vote_names

ORDER_PREFIX: Final = "tri"

ORDER_KINDS: Final = {kind.value: kind.name for kind in OrderKind}
REASONS: Final = {reason.value: reason.name for reason in Reason}
REPORT_KINDS: Final = {kind.value: kind.name for kind in ReportKind}
RULINGS: Final = {ruling.value: ruling.name for ruling in Ruling}
"""Names by number: looking one up in its enumeration takes longer than all the rest of a record."""
BY_SWITCH: Final = "kill_switch"
CLOSERS: Final = {Reduce.GUARD.value: "guard", Reduce.SWITCH.value: BY_SWITCH}
"""What a decision names as its policy where the engine itself closes a holding."""
CLOSED_BY: Final = {name: reduce for reduce, name in CLOSERS.items()}


@cache
def rule_names(bits: int) -> tuple[str, ...]:
    """Return the names of risk rules, lowest bit first."""
    return tuple(str(rule.name) for rule in Rule if bits & rule)


def rule_bits(names: tuple[str, ...]) -> int:
    """Return the bits of named risk rules."""
    return sum(Rule[name] for name in names)


def record_of(finding: Finding) -> AnyRecord:
    """Return the record of a finding that is neither a group of intents nor a new day."""
    if finding.record is not None:
        return finding.record
    if finding.sample is not None:
        equity, low, cash, peak = finding.sample
        return Sample(time_ns=finding.time_ns, equity=equity, low=low, cash=cash, peak=peak)
    if finding.snapshot is not None:
        return Snapshot(time_ns=finding.time_ns, **finding.snapshot)
    return Latch(time_ns=finding.time_ns, rules=rule_names(finding.rules))


class Writer:
    """Writes records of one session under its plan."""

    def __init__(self, plan: Plan, session: int) -> None:
        self.plan = plan
        self.session = session
        self._keys = [instrument.key for instrument in plan.instruments]
        self._index = {key: i for i, key in enumerate(self._keys)}
        self._chained = chained_feeds(plan)
        self._models = {model.desk: model.sha256 for model in plan.models}
        self._sources = {(feed.desk, traded(feed)): vote_names(frame_names(feed.bar_ns)) for feed in self._chained}

    def index_of(self, key: str) -> int:
        """Return an instrument's number."""
        return self._index[key]

    def intent_id(self, desk: int, time_ns: int, instrument: int, reduce: int = 0) -> str:
        """Name an intent: the same market and plan give the same name, for ever."""
        closer = f"-{CLOSERS[reduce]}" if reduce in CLOSERS else ""
        return f"{self.session}-{self.plan.desks[desk].name}-{time_ns}-{instrument}{closer}"

    def follow_up_id(self, number: int) -> str:
        """Name what an order came from that no intent asked for: an unwind, or a second try at closing."""
        return f"{self.session}-order-{number}"

    def decision(self, record: Any, epoch: int) -> Decision:
        """Return the record of a judged and ruled intent."""
        intent = plain(record)
        desk = self.plan.desks[intent.desk]
        first = intent.first_order
        legs = [self._leg(intent, leg) for leg in range(intent.legs)]
        return Decision(
            time_ns=intent.time_ns,
            epoch=epoch,
            intent_id=self.intent_id(intent.desk, intent.time_ns, intent.instrument0, intent.reduce),
            desk=desk.name,
            policy=CLOSERS.get(intent.reduce, desk.policy),
            legs=tuple(legs),
            reduce=bool(intent.reduce),
            order_kind=ORDER_KINDS[intent.order_kind],
            stop=intent.stop,
            target=intent.target,
            hold_ns=intent.hold_ns,
            strength=intent.strength,
            confidence=intent.confidence,
            reward=intent.reward,
            gross=intent.gross,
            gain=intent.gain,
            risk_score=intent.risk_score,
            score=intent.score,
            votes=tuple(intent.votes[: intent.votes_count].tolist()),
            features=_defined(intent.features[: intent.features_count].tolist()),
            view_hash=f"{intent.view_hash & 0xFFFFFFFFFFFFFFFF:016x}",
            rules=rule_names(intent.rules),
            ruling=RULINGS[intent.ruling],
            equity=intent.equity,
            orders=tuple(range(first, first + len(legs))) if first >= 0 else (),
            breakeven_at=intent.breakeven_at,
            trail_at=intent.trail_at,
            trail_by=intent.trail_by,
            confluence=self._confluence(intent) if intent.evidence else None,
            model=self._models.get(intent.desk, "") if intent.reduce not in CLOSERS else "",
        )

    def _confluence(self, intent: Any) -> Confluence:
        return Confluence(
            sources=self._sources[intent.desk, self._keys[intent.instrument0]],
            votes=_defined(intent.said[: intent.evidence].tolist()),
            weights=tuple(intent.weights[: intent.evidence].tolist()),
            regime=Regime(intent.regime).name,
            volatility=Volatility(intent.volatility).name,
            coverage=intent.coverage,
            agreement=intent.agreement,
            claim=intent.claim,
            outcomes=intent.outcomes,
            low=intent.low,
            high=intent.high,
        )

    def demotion(self, change: Any, number: int) -> Demotion:
        """Return the record of a source's change of standing, the how many-th of its desk."""
        chain, judged = divmod(int(change["source"]), JUDGED_COUNT)
        feed = self._chained[chain]
        return Demotion(
            time_ns=int(change["time_ns"]),
            desk=self.plan.desks[feed.desk].name,
            number=number,
            instrument=traded(feed),
            source=JUDGED[judged],
            outcome=int(change["outcome"]),
            before=Standing(int(change["before"])).name,
            after=Standing(int(change["after"])).name,
            why=Why(int(change["why"])).name,
            value=float(change["value"]),
            limit=float(change["limit"]),
        )

    def demotions(self, changes: Any) -> tuple[Demotion, ...]:
        """Return the records of all changes of a run, numbered per desk."""
        counts = [0] * len(self.plan.desks)
        found = []
        for change in changes:
            desk = self._chained[int(change["source"]) // JUDGED_COUNT].desk
            counts[desk] += 1
            found.append(self.demotion(change, counts[desk]))
        return tuple(found)

    def _leg(self, intent: Any, leg: int) -> Leg:
        if leg == 0:
            return Leg(
                instrument=self._keys[intent.instrument0], lots=intent.lots0, limit=intent.limit0, bid=intent.bid0,
                ask=intent.ask0, quote_ns=intent.quote0_ns, claimed=intent.claimed0,
            )  # fmt: skip
        return Leg(
            instrument=self._keys[intent.instrument1], lots=intent.lots1, limit=intent.limit1, bid=intent.bid1,
            ask=intent.ask1, quote_ns=intent.quote1_ns, claimed=intent.claimed1,
        )  # fmt: skip

    def order(self, record: Any, intent_id: str, leg: int, epoch: int, time_ns: int) -> Order:
        """Return the record of an order; its client id is derived from its intent and leg."""
        order = plain(record)
        return Order(
            time_ns=time_ns,
            epoch=epoch,
            number=order.number,
            order_id=client_order_id(ORDER_PREFIX, intent_id, leg, 0),
            instrument=self._keys[order.instrument],
            lots=order.lots,
            order_kind=ORDER_KINDS[order.kind],
            limit=order.limit,
            stop=order.stop,
            target=order.target,
            hold_ns=order.hold_ns,
            reduce=bool(order.reduce),
            reason=REASONS[order.reason],
            arrive_ns=order.arrive_ns,
            breakeven_at=order.breakeven_at,
            trail_at=order.trail_at,
            trail_by=order.trail_by,
        )

    def latch(self, latch: Any) -> Latch:
        """Return the record of newly latched rules."""
        return Latch(time_ns=int(latch["time_ns"]), rules=rule_names(int(latch["rules"])))

    def report(self, record: Any) -> Report:
        """Return the record of a venue's report."""
        report = plain(record)
        return Report(
            time_ns=report.time_ns,
            venue=self.plan.venues[report.venue].name,
            execution=report.execution,
            number=report.number,
            instrument=self._keys[report.instrument],
            report=REPORT_KINDS[report.kind],
            reason=REASONS[report.reason],
            lots=report.lots,
            price=report.price,
            fee=report.fee,
            amount=report.amount,
            rate_num=report.rate_num,
            rate_den=report.rate_den,
            stop_before=report.stop_before,
            stop_goal=report.stop_goal,
        )

    def alert(self, alert: Any) -> Alert:
        """Return the record of an alert."""
        return Alert(
            time_ns=int(alert["time_ns"]), floor=self.plan.rules.floors[int(alert["floor"])].name,
            percent=int(alert["percent"]), equity=int(alert["equity"]), line=int(alert["line"]),
        )  # fmt: skip

    def breaker(self, trip: Any) -> Breaker:
        """Return the record of a breaker that tripped."""
        kind, number = Kind(int(trip["kind"])), int(trip["number"])
        if kind is Kind.VENUE:
            scope = f"venue:{self.plan.venues[number].name}"
        elif kind is Kind.REPEATED:
            scope = f"desk:{self.plan.desks[number].name}"
        else:
            scope = f"instrument:{self._keys[number]}"
        return Breaker(
            time_ns=int(trip["time_ns"]), breaker=kind.name, scope=scope, until_ns=int(trip["until_ns"])
        )  # fmt: skip

    def order_row(self, record: Order, out: Any) -> None:
        """Write a journaled order back into a kernel row."""
        out["number"], out["instrument"] = record.number, self._index[record.instrument]
        out["lots"], out["kind"], out["limit"] = record.lots, OrderKind[record.order_kind], record.limit
        out["stop"], out["target"], out["hold_ns"] = record.stop, record.target, record.hold_ns
        out["reduce"], out["reason"], out["arrive_ns"] = record.reduce, Reason[record.reason], record.arrive_ns
        out["sent_ns"], out["breakeven_at"] = record.time_ns, record.breakeven_at
        out["trail_at"], out["trail_by"] = record.trail_at, record.trail_by

    def report_row(self, record: Report, out: Any) -> None:
        """Write a journaled report back into a kernel row."""
        venues = [venue.name for venue in self.plan.venues]
        out["time_ns"], out["venue"], out["execution"] = record.time_ns, venues.index(record.venue), record.execution
        out["number"], out["instrument"] = record.number, self._index[record.instrument]
        out["kind"], out["reason"], out["lots"] = ReportKind[record.report], Reason[record.reason], record.lots
        out["price"], out["fee"], out["amount"] = record.price, record.fee, record.amount
        out["rate_num"], out["rate_den"] = record.rate_num, record.rate_den
        out["stop_before"], out["stop_goal"] = record.stop_before, record.stop_goal

    def intent_row(self, record: Decision, out: Any) -> None:
        """Write what ruling and execution need of a journaled decision back into a kernel row."""
        names = [desk.name for desk in self.plan.desks]
        out["time_ns"], out["desk"], out["legs"] = record.time_ns, names.index(record.desk), len(record.legs)
        out["reduce"] = CLOSED_BY.get(record.policy, int(record.reduce))
        out["order_kind"] = OrderKind[record.order_kind]
        out["stop"], out["target"], out["hold_ns"] = record.stop, record.target, record.hold_ns
        for k, leg in enumerate(record.legs):
            out[f"instrument{k}"], out[f"lots{k}"] = self._index[leg.instrument], leg.lots
            out[f"limit{k}"], out[f"claimed{k}"] = leg.limit, leg.claimed
            out[f"bid{k}"], out[f"ask{k}"], out[f"quote{k}_ns"] = leg.bid, leg.ask, leg.quote_ns
        out["breakeven_at"], out["trail_at"], out["trail_by"] = record.breakeven_at, record.trail_at, record.trail_by
        out["rules"], out["ruling"] = rule_bits(record.rules), Ruling[record.ruling]
        out["first_order"] = record.orders[0] if record.orders else -1


def _defined(values: list[float]) -> tuple[float | None, ...]:
    """Return values with None for what is not defined: JSON has no NaN."""
    return tuple(None if math.isnan(value) else value for value in values)


def traded(feed: FeedPlan) -> str:
    """Return the instrument that a feed's view trades."""
    return feed.trades or feed.instrument


def rows_of(kind: np.dtype[Any], count: int) -> Any:
    """Return zeroed kernel rows."""
    return np.zeros(count, kind).view(np.recarray)
