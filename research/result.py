"""What a run leaves behind, whichever way it ran: the input of summaries, reports and comparisons.

A rollout gives kernel rows, a run on actors gives a journal; both become the same records here.
"""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from actors.obeying import Flow, flows_of
from actors.restoring import SessionLog
from actors.writing import Writer
from envs.rollout import Rollout
from journal.order_records import Order, Report
from journal.records import Alert, Breaker, Command, Decision, Demotion, Latch, Outcome, Sample
from market.instruments import Instrument, Kind
from market.ledger import TRADES, Ledger, apply_report, open_ledger
from market.money import decimal_of
from market.paper import REPORT, Reason
from market.records import Records, joined, records
from market.tape import Tape
from policies.assembly import instruments_of
from policies.plan import Plan


class Trade(Struct, frozen=True, kw_only=True):
    """One closed piece of a position; prices and `pnl` (account money, net of fees) as numbers for people.

    `entry_ns` and `exit_ns` are when the fills were known. Where bars (`bar_ns` long) move the instrument that is their
    close, and a bar has the name of its opening: `entry_at_ns` and `exit_at_ns`.
    """

    desk: str
    instrument: str
    side: str
    lots: int
    entry_ns: int
    exit_ns: int
    entry_price: float
    exit_price: float
    pnl: float
    fees: float
    reason: str
    bar_ns: int = 0

    @property
    def entry_at_ns(self) -> int:
        """Opening of the bar in which it was opened; without bars, the instant."""
        return self.entry_ns - self.bar_ns

    @property
    def exit_at_ns(self) -> int:
        """Opening of the bar in which it was closed; without bars, the instant."""
        return self.exit_ns - self.bar_ns


class DeskResult(Struct, frozen=True, kw_only=True):
    """One desk in numbers. `reasons` counts rulings other than EXECUTE and the risk rules that objected."""

    events: int
    candidates: int
    decisions: int
    executed: int
    withheld: int
    refused: int
    fills: int
    reasons: dict[str, int]
    pnl: float


class RunResult(Struct, frozen=True, kw_only=True):
    """A whole run, in integer money.

    `alerts`, `commands` with their `outcomes`, and the `flows` of money that they brought are in order of time; what
    `breakers` tripped is known of a session alone. `account` is the account at its end, `positions` what is still open
    (lots, cost in ticks x lots); samples are the equity curve, oldest first. `demotions`
    are the changes of standing of what a chain listens to.
    """

    plan: Plan
    decisions: tuple[Decision, ...]
    orders: tuple[Order, ...]
    reports: tuple[Report, ...]
    samples: tuple[Sample, ...]
    latches: tuple[Latch, ...]
    trades: tuple[Trade, ...]
    account: dict[str, int]
    positions: dict[str, dict[str, int]]
    desks: dict[str, DeskResult]
    alerts: tuple[Alert, ...] = ()
    breakers: tuple[Breaker, ...] = ()
    commands: tuple[Command, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    flows: tuple[Flow, ...] = ()
    demotions: tuple[Demotion, ...] = ()

    @property
    def final_equity(self) -> Decimal:
        """Equity at the end, in account currency."""
        return decimal_of(self.account["equity"])

    @property
    def max_drawdown(self) -> Decimal:
        """Largest fall from the highest equity, worst prices of each instant, in account currency (positive)."""
        return decimal_of(self.account["drawdown_max"])


def result_of_rollout(plan: Plan, tape: Tape, rollout: Rollout, session: int = 1) -> RunResult:
    """Return the result of a rollout."""
    writer = Writer(plan, session)
    decisions = tuple(writer.decision(row, 1) for row in rollout.decisions)
    origin = {number: (decision, leg) for decision in decisions for leg, number in enumerate(decision.orders)}
    orders = []
    for row in rollout.orders:
        number = int(row.number)
        decision, leg = origin.get(number, (None, 0))
        intent_id = decision.intent_id if decision else writer.follow_up_id(number)
        orders.append(writer.order(row, intent_id, leg, 1, int(row.sent_ns)))
    reports = tuple(writer.report(row) for row in rollout.reports)
    samples = tuple(
        Sample(
            time_ns=int(row.time_ns), equity=int(row.equity), low=int(row.low), cash=int(row.cash), peak=int(row.peak)
        )
        for row in rollout.samples
    )
    latches = tuple(writer.latch(row) for row in rollout.latches)
    account = {name: int(rollout.account[0][name]) for name in rollout.account.dtype.names}
    positions = {
        plan.instruments[k].key: {"lots": int(row.lots), "cost": int(row.cost)}
        for k, row in enumerate(rollout.positions)
        if row.lots != 0
    }
    candidates = [int(count) for count in rollout.candidates]
    trades = trades_of(plan, rollout.trades, reports)
    return RunResult(
        plan=plan, decisions=decisions, orders=tuple(orders), reports=reports, samples=samples, latches=latches,
        trades=trades, account=account, positions=positions,
        desks=desk_results(plan, tape, decisions, reports, trades, candidates),
        alerts=in_order([writer.alert(row) for row in rollout.alerts]),
        demotions=writer.demotions(rollout.changes),
    )  # fmt: skip


def result_of_session(plan: Plan, tape: Tape, log: SessionLog, candidates: Sequence[int]) -> RunResult:
    """Return the result of a journaled session; trades are folded from its reports again."""
    account = dict(log.snapshots[-1].account) if log.snapshots else {}
    open_positions = log.snapshots[-1].positions if log.snapshots else {}
    positions = {key: {"lots": row["lots"], "cost": row["cost"]} for key, row in open_positions.items() if row["lots"]}
    trades = trades_of(plan, fold_trades(plan, log.reports), log.reports)
    return RunResult(
        plan=plan, decisions=tuple(log.decisions), orders=tuple(log.orders), reports=tuple(log.reports),
        samples=tuple(log.samples), latches=tuple(log.latches), trades=trades, account=account, positions=positions,
        desks=desk_results(plan, tape, log.decisions, log.reports, trades, candidates),
        alerts=in_order(log.alerts), breakers=tuple(log.breakers), commands=tuple(log.commands),
        outcomes=tuple(log.outcomes), flows=tuple(flows_of(log)),
        demotions=tuple(log.demotions),
    )  # fmt: skip


def in_order(alerts: Sequence[Alert]) -> tuple[Alert, ...]:
    """Return alerts in the one order: of resets that nobody has asked for at once, one floor's may be taken first."""
    return tuple(sorted(alerts, key=lambda alert: (alert.time_ns, alert.floor, alert.percent)))


def fold_trades(plan: Plan, reports: Sequence[Report]) -> Records:
    """Fold venue reports, in journal order, into closed trades."""
    instruments = instruments_of(plan)
    ledger: Ledger = open_ledger(instruments, int(instruments.group.max(initial=-1)) + 1, plan.cash)
    writer = Writer(plan, 1)
    row = records(1, REPORT)
    found = []
    for report in sorted(reports, key=lambda report: report.time_ns):
        writer.report_row(report, row[0])
        apply_report(ledger, row[0])
        count = int(ledger.control[TRADES])
        if count:
            found.append(ledger.trades[:count].copy())
        ledger.control[:] = 0
    return joined(found, ledger.trades.dtype)


def trades_of(plan: Plan, rows: Records, reports: Sequence[Report]) -> tuple[Trade, ...]:
    """Return closed trades as people read them; the reports tell at which price contracts were bought."""
    table = instruments_of(plan)
    strikes = _strikes(plan, reports)
    found = []
    for row in rows:
        instrument, lots = plan.instruments[row.instrument], abs(int(row.lots))
        mean = abs(int(row.cost)) / max(lots, 1)
        found.append(
            Trade(
                desk=plan.desks[int(table[row.instrument].desk)].name,
                instrument=instrument.key,
                side="LONG" if row.lots > 0 else "SHORT",
                lots=lots,
                entry_ns=int(row.entry_ns),
                exit_ns=int(row.exit_ns),
                entry_price=_price(plan, instrument, strikes.get((instrument.key, int(row.entry_ns)), mean)),
                exit_price=_price(plan, instrument, float(row.exit_price)),
                pnl=float(decimal_of(int(row.pnl))),
                fees=float(decimal_of(int(row.fees))),
                reason=Reason(int(row.reason)).name,
                bar_ns=int(table[row.instrument].bar_ns),
            )
        )
    return tuple(found)


def _strikes(plan: Plan, reports: Sequence[Report]) -> dict[tuple[str, int], float]:
    """Return the price at which each contract was bought, by instrument and instant; its cost is the stake."""
    contracts = {instrument.key for instrument in plan.instruments if instrument.kind is Kind.BINARY}
    return {
        (report.instrument, report.time_ns): float(report.price)
        for report in reports
        if report.report == "FILL" and report.reason == "ENTRY" and report.instrument in contracts
    }


def _price(plan: Plan, instrument: Instrument, ticks: float) -> float:
    """Return a price; a contract's is that of its underlying, which is kept in half ticks."""
    if instrument.kind is Kind.BINARY and instrument.underlying is not None:
        return plan.instruments[plan.index_of(instrument.underlying)].price_of(ticks / 2)
    return instrument.price_of(ticks)


def desk_results(
    plan: Plan,
    tape: Tape,
    decisions: Sequence[Decision],
    reports: Sequence[Report],
    trades: Sequence[Trade],
    candidates: Sequence[int],
) -> dict[str, DeskResult]:
    """Count, per desk, what was heard, proposed, decided and earned."""
    rows = np.bincount(tape.feed, minlength=len(plan.feeds))
    desks = instruments_of(plan).desk
    found = {}
    for k, desk in enumerate(plan.desks):
        own = [decision for decision in decisions if decision.desk == desk.name]
        keys = {plan.instruments[i].key for i in np.flatnonzero(desks == k)}
        rulings = Counter(decision.ruling for decision in own)
        reasons: Counter[str] = Counter()
        for decision in own:
            if decision.ruling == "REFUSED":
                reasons.update(decision.rules)
            elif decision.ruling != "EXECUTE":
                reasons[decision.ruling] += 1
        found[desk.name] = DeskResult(
            events=sum(int(rows[i]) for i, feed in enumerate(plan.feeds) if feed.desk == k),
            candidates=int(candidates[k]),
            decisions=len(own),
            executed=rulings["EXECUTE"],
            refused=rulings["REFUSED"],
            withheld=len(own) - rulings["EXECUTE"] - rulings["REFUSED"],
            fills=sum(1 for report in reports if report.report == "FILL" and report.instrument in keys),
            reasons=dict(reasons.most_common()),
            pnl=round(sum(trade.pnl for trade in trades if trade.desk == desk.name), 6),
        )
    return found


def equity_curve(result: RunResult) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return (time_ns, equity in account currency) of the samples."""
    times = np.array([sample.time_ns for sample in result.samples], np.int64)
    equity = np.array([float(decimal_of(sample.equity)) for sample in result.samples], np.float64)
    return times, equity
