"""Explaining: the story of one order in words, step by step, with the numbers behind every step."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from msgspec import Struct, to_builtins

from actors.settings import decode_plan
from actors.writing import Writer, rows_of
from journal.order_records import Cancel, Order, OrderNews, Replace, Report
from journal.records import Decision, Leg, Mandate
from journal.story import Noted, Story
from market.instruments import Instrument, Kind
from market.money import show_money
from market.paper import REPORT
from policies.assembly import book_of
from policies.bookkeeping import book_report
from policies.intents import TradingState
from policies.plan import Plan
from research.choices import feature_names
from research.report.markup import span_text, utc
from research.wording import REASONS, REPORTS, RULES, RULINGS, VOTES


class Step(Struct, frozen=True, kw_only=True):
    """One thing that happened: where it stands in the journal (0: nowhere by itself), when, what, and in words."""

    seq: int
    time_ns: int
    time: str
    what: str
    text: str
    facts: dict[str, Any]


class Explanation(Struct, frozen=True, kw_only=True):
    """The whole story of an order or intent."""

    order_ids: tuple[str, ...]
    numbers: tuple[int, ...]
    intent_id: str | None
    session: int
    stage: str
    instruments: tuple[str, ...]
    steps: tuple[Step, ...]
    outcome: str


class Explainer:
    """Puts stories of one session into words."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self._plan: Plan = decode_plan(story.session.plan)
        self._writer = Writer(self._plan, story.session.number)
        self._instruments = {instrument.key: instrument for instrument in self._plan.instruments}

    def explain(self) -> Explanation:
        """Return the story in words."""
        story = self._story
        decision = story.decision.record if story.decision else None
        instruments = [order.record.instrument for order in story.orders]
        instruments = instruments or [leg.instrument for leg in (decision.legs if decision else ())]
        steps = tuple(self._steps())
        return Explanation(
            order_ids=tuple(order.record.order_id for order in story.orders),
            numbers=tuple(order.record.number for order in story.orders),
            intent_id=decision.intent_id if decision else None,
            session=story.session.number,
            stage=story.session.stage,
            instruments=tuple(dict.fromkeys(instruments)),
            steps=steps,
            outcome=self._outcome(),
        )

    def _steps(self) -> Iterator[Step]:
        story = self._story
        if story.mandate is not None:
            yield self._mandate(story.mandate)
        if story.decision is not None:
            yield from self._decision(story.decision)
        if story.cause is not None:
            report = story.cause.record
            text = f"order #{report.number} {self._report_text(report)}; that called for another order"
            yield _step(story.cause.seq, report.time_ns, "cause", text, to_builtins(report))
        for order in story.orders:
            yield self._order(order)
        positions = self._positions()
        told: list[Noted[Any]] = [*story.reports, *story.news]
        for noted in sorted(told, key=lambda noted: noted.seq):
            record = noted.record
            what = "report" if isinstance(record, Report) else record.__struct_config__.tag.removeprefix("order_")
            text = self._report_text(record) if isinstance(record, Report) else self._news_text(record)
            if len(story.orders) > 1:
                text = f"#{record.number} {text}"
            yield _step(noted.seq, record.time_ns, what, text, to_builtins(record))
            if noted.seq in positions:
                yield positions[noted.seq]
        for order in story.follow_ups:
            yield self._order(order, "follow-up")

    # -- before the order ---------------------------------------------------------------------------------------------

    def _mandate(self, noted: Noted[Mandate]) -> Step:
        mandate, desks = noted.record, self._plan.desks
        own = self._story.decision.record.desk if self._story.decision else None
        parts = []
        for desk, budget, state in zip(desks, mandate.budgets, mandate.states, strict=True):
            if own in (None, desk.name):
                parts.append(f"desk {desk.name} is {TradingState(state).name}, with {self._money(budget)} to use")
        facts = to_builtins(mandate)
        return _step(noted.seq, mandate.time_ns, "mandate", f"for the day: {'; '.join(parts)}", facts)

    def _decision(self, noted: Noted[Decision]) -> Iterator[Step]:
        decision, seq = noted.record, noted.seq
        desk = next(desk for desk in self._plan.desks if desk.name == decision.desk)
        for leg in decision.legs:
            yield _step(seq, leg.quote_ns, "quote", self._quote_text(leg, decision.time_ns), to_builtins(leg))
        features = _named(feature_names(self._plan, desk, len(decision.features)), decision.features)
        votes = _named(VOTES.get(decision.policy, ()), decision.votes, "vote")
        text = "; ".join(
            part for part in (_list("features", features), _list("votes", votes), f"view {decision.view_hash}") if part
        )
        facts: dict[str, Any] = {"features": features, "votes": votes, "view_hash": decision.view_hash}
        yield _step(seq, decision.time_ns, "view", text, facts)
        yield _step(seq, decision.time_ns, "signal", _signal_text(decision), {
            "policy": decision.policy, "strength": decision.strength, "confidence": decision.confidence,
            "reward": decision.reward, "gross": decision.gross, "gain": decision.gain,
            "risk_score": decision.risk_score, "score": decision.score,
        })  # fmt: skip
        legs = " and ".join(self._leg_text(leg) for leg in decision.legs)
        text = f"{decision.intent_id}: {'reduce: ' if decision.reduce else ''}{legs}, {_kind(decision.order_kind)}"
        text += self._protection(decision, decision.legs[0].instrument)
        yield _step(seq, decision.time_ns, "intent", text, {
            "intent_id": decision.intent_id, "legs": to_builtins(decision.legs), "reduce": decision.reduce,
            "stop": decision.stop, "target": decision.target, "hold_ns": decision.hold_ns,
        })  # fmt: skip
        equity = f"at an equity of {self._money(decision.equity)}"
        if decision.rules:
            objections = "; ".join(f"{name}: {_rule(name)}" for name in decision.rules)
            text = f"risk refused {equity}: {objections}"
        else:
            text = f"risk approved all legs {equity}: no rule objected"
        facts = {"approved": not decision.rules, "rules": list(decision.rules), "equity": decision.equity}
        yield _step(seq, decision.time_ns, "verdict", text, facts)
        ruling = RULINGS.get(decision.ruling, decision.ruling.lower())
        text = f"the governor of epoch {decision.epoch} ruled {decision.ruling}: {ruling}"
        facts = {"ruling": decision.ruling, "epoch": decision.epoch, "orders": list(decision.orders)}
        yield _step(seq, decision.time_ns, "ruling", text, facts)

    def _quote_text(self, leg: Leg, time_ns: int) -> str:
        bid, ask = self._price(leg.instrument, leg.bid), self._price(leg.instrument, leg.ask)
        age = span_text(max(time_ns - leg.quote_ns, 0))
        return f"{leg.instrument} bid {bid}, ask {ask}, seen {age} after it was quoted"

    def _leg_text(self, leg: Leg) -> str:
        limit = f" at {self._price(leg.instrument, leg.limit)} or better" if leg.limit else ""
        return f"{self._quantity(leg.instrument, leg.lots)}{limit}"

    def _protection(self, record: Decision | Order, instrument: str) -> str:
        parts = []
        if record.stop:
            parts.append(f"stop {self._price(instrument, record.stop)}")
        if record.target:
            parts.append(f"target {self._price(instrument, record.target)}")
        if record.hold_ns:
            parts.append(f"held {span_text(record.hold_ns)} at most")
        return "".join(f", {part}" for part in parts)

    # -- the order and after ------------------------------------------------------------------------------------------

    def _order(self, noted: Noted[Order], what: str = "order") -> Step:
        order = noted.record
        limit = f" at {self._price(order.instrument, order.limit)} or better" if order.limit else ""
        text = f"#{order.number} {order.order_id} left: {self._quantity(order.instrument, order.lots)}{limit}, "
        text += f"{_kind(order.order_kind)}{self._protection(order, order.instrument)}"
        text += ", only to reduce" if order.reduce else ""
        text += f"; {_reason(order.reason)}; at the venue {span_text(order.arrive_ns - order.time_ns)} later"
        return _step(noted.seq, order.time_ns, what, text, to_builtins(order))

    def _report_text(self, report: Report) -> str:
        what = REPORTS.get(report.report, report.report.lower())
        settled = report.report == "SETTLE"  # what was held goes: its side says nothing
        text = f"{what} {self._quantity(report.instrument, report.lots, sided=not settled)}"
        if settled or report.report == "FILL":
            text += f" at {self._paid(report.instrument, report.price)}"
        if report.fee:
            text += f", fee {show_money(report.fee)} {self._instruments[report.instrument].quote}"
        return f"{text} by {report.venue}: {_reason(report.reason)}"

    def _news_text(self, news: Cancel | Replace | OrderNews) -> str:
        """Say what was wished of a live order, or what became of it on its way and at its venue."""
        match news:
            case Cancel():
                return f"to be cancelled: {news.reason}"
            case Replace():
                return f"to be replaced by {news.order_id}: {news.lots:+,} lots in all, limit {news.limit} ticks"
        text = f"{news.event.lower().replace('_', ' ')} at {news.venue}"
        if news.lots:
            text += f": {news.lots:+,} lots at {news.price} ticks"
        return f"{text}; {news.reason}" if news.reason else text

    def _positions(self) -> dict[int, Step]:
        """Fold all reports of the session; return what the position was after each of this story's."""
        book, row = book_of(self._plan), rows_of(REPORT, 1)[0]
        account = book.ledger.account[0]
        own = {report.seq for report in self._story.reports}
        found = {}
        for noted in self._story.history:
            cash = int(account.cash)
            self._writer.report_row(noted.record, row)
            book_report(book, row)
            if noted.seq in own and noted.record.report in ("FILL", "SETTLE"):
                instrument = noted.record.instrument
                position = book.ledger.positions[self._writer.index_of(instrument)]
                lots, change = int(position.lots), int(account.cash) - cash
                text = f"{instrument}: {f'{lots:+,} lots' if lots else 'flat'}; cash {self._money(change, signed=True)}"
                facts = {"instrument": instrument, "lots": lots, "cost": int(position.cost), "cash_change": change,
                         "cash": int(account.cash)}  # fmt: skip
                found[noted.seq] = _step(noted.seq, noted.record.time_ns, "position", text, facts)
        return found

    def _outcome(self) -> str:
        story = self._story
        if not story.orders:
            decision = story.decision.record if story.decision else None
            return f"no order: {decision.ruling}" if decision else "no order"
        lines = []
        for order in story.orders:
            reports = [report.record for report in story.reports if report.record.number == order.record.number]
            entered = sum(abs(r.lots) for r in reports if r.report == "FILL" and r.lots * order.record.lots > 0)
            last = f"last report {reports[-1].report}, {_reason(reports[-1].reason)}" if reports else "no report yet"
            lines.append(f"#{order.record.number} filled {entered:,} of {abs(order.record.lots):,} lots; {last}")
        return "; ".join(lines)

    # -- numbers ------------------------------------------------------------------------------------------------------

    def _price(self, key: str, ticks: int) -> str:
        priced = self._priced(key)
        return f"{priced.decimal_price(ticks):.{priced.price_digits}f}"

    def _paid(self, key: str, price: int) -> str:
        """Return the price of a report: a contract's is the sum of bid and ask of its underlying."""
        if self._instruments[key].kind is not Kind.BINARY:
            return self._price(key, price)
        priced = self._priced(key)
        return f"{priced.decimal_price(price) / 2:.{priced.price_digits + 1}f}"

    def _priced(self, key: str) -> Instrument:
        """Return the instrument in whose ticks prices are: of a contract, its underlying."""
        instrument = self._instruments[key]
        return self._instruments.get(instrument.underlying or key, instrument)

    def _quantity(self, key: str, lots: int, *, sided: bool = True) -> str:
        instrument = self._instruments[key]
        up, down = ("up", "down") if instrument.kind is Kind.BINARY else ("buy", "sell")
        side = f"{up if lots > 0 else down} " if sided else ""
        return f"{side}{abs(lots):,} {'lot' if abs(lots) == 1 else 'lots'} of {key} ({_size(instrument, lots)})"

    def _money(self, money: int, *, signed: bool = False) -> str:
        return f"{'+' if signed and money >= 0 else ''}{show_money(money)} {self._plan.currency}"


def explain(story: Story) -> Explanation:
    """Return a story in words."""
    return Explainer(story).explain()


def _step(seq: int, time_ns: int, what: str, text: str, facts: dict[str, Any]) -> Step:
    return Step(seq=seq, time_ns=time_ns, time=utc(time_ns), what=what, text=text, facts=facts)


def _size(instrument: Instrument, lots: int) -> str:
    unit = instrument.quote if instrument.kind is Kind.BINARY else instrument.base
    return f"{(Decimal(instrument.lot_size) * abs(lots)).normalize():,f} {unit}"


def _named(names: tuple[str, ...], values: tuple[float | None, ...], kind: str = "feature") -> dict[str, float | None]:
    """Return values by name, by number where there are no names for them."""
    if len(names) != len(values):
        names = tuple(f"{kind} {k + 1}" for k in range(len(values)))
    return dict(zip(names, values, strict=True))


def _list(title: str, values: dict[str, float | None]) -> str:
    """Return values in words; `-` stands for what was not defined."""
    words = (f"{name} {'-' if value is None else format(value, '.6g')}" for name, value in values.items())
    return f"{title} {', '.join(words)}" if values else ""


def _signal_text(decision: Decision) -> str:
    side = "buy" if decision.strength > 0 else "sell" if decision.strength < 0 else "neither"
    text = f"{decision.policy}: {side}, strength {decision.strength:+.4g}, confidence {decision.confidence:.4g}"
    return f"{text}, reward {decision.reward:.4g}, score {decision.score:.4g}"


def _kind(order_kind: str) -> str:
    return f"{order_kind.lower()} order"


def _rule(name: str) -> str:
    return RULES.get(name, name.lower().replace("_", " "))


def _reason(name: str) -> str:
    return REASONS.get(name, name.lower().replace("_", " "))
