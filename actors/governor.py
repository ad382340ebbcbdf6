"""The governor: one in the whole cluster. It claims an epoch, sequences, journals, rules and executes.

It merges two streams in market time: what risk finds and what gateways report. A report is taken once no intent before
it can still come; a group of intents once every report up to it has been taken. Whatever one message brings is written
to the journal in one durable transaction, and only then told to anybody: an order that leaves has its decision on disk.
While the journal cannot be written trading is held: nothing is taken or told, and every tick tries to write again.

A later epoch fences this governor: the journal refuses its next write and it ends its own process.
"""

from collections import deque
from typing import Any

from numpy.typing import NDArray

from actors.demoting import Demotions
from actors.flattener import Flattener
from actors.messages import END, START, Finding, Grant, Pull, Reports, Rulings, Standings, Switches, Verdicts
from actors.obeying import CommandWatch
from actors.order_messages import Hello, Told
from actors.recent import Recent
from actors.restoring import newest_session
from actors.rewatching import rewatch
from actors.route import Route, held_ns
from actors.rows import Asking
from actors.settings import RISK, SUPERVISOR, JournalOpener, Life, Resolver, Settings
from actors.switching import SwitchWatch
from actors.unheard import Unheard
from actors.venue_route import open_keeper, open_routes, venue_route
from actors.writing import Writer, record_of
from journal.records import AnyRecord, Mandate, Stop
from journal.store import Fenced, JournalUnavailable
from market.paper import ORDER, REPORT
from market.records import Records, copied, packed, records, unpacked
from policies.assembly import desks_of, instruments_of
from policies.bookkeeping import DAY_NS
from policies.governor import rule
from policies.intents import INTENT, Reduce, Ruling
from policies.legs import follow_up, order_of_leg, track, watch_order, watching


class Governor:
    """Rules, journals and executes under one epoch."""

    def __init__(self, name: str, settings: Settings, resolve: Resolver, journal: JournalOpener, life: Life) -> None:
        self.name = name
        self._settings, self._resolve, self._life = settings, resolve, life
        self._journal = journal(read_only=False)
        self._plan = settings.plan
        self._writer = Writer(settings.plan, settings.session)
        self.epoch = self._journal.claim(life.owner, life.now_ns())
        self._desks = desks_of(settings.plan)
        self._instruments = instruments_of(settings.plan)
        self._order = records(1, ORDER)
        self._records: list[AnyRecord] = []  # to be durable, in this order; the keeper of live orders adds to it
        self._restore()
        self.horizon_ns = START
        self._findings: deque[Finding] = deque()
        self._complete = False
        self._told_risk: tuple[int, int] | None = None
        self._held, self._switched = "", False  # why the journal does not take them; whether switches are to be told
        self._grants_due: list[Grant] = []
        self._answers: list[Rulings] = []
        self._asking = Asking(settings.batches_ahead)
        self.counts = {"decisions": 0, "executed": 0, "fills": 0}

    def _restore(self) -> None:
        """Fold the session: order numbers, what is under watch, how far both streams were taken."""
        log = newest_session(self._journal)
        self._ended = log.complete  # it had come to its end; what was only interrupted goes on
        cut = log.cut_ns
        self._keeper = open_keeper(self._settings, self._journal, self.epoch, self._resolve, self._records)
        self._routes = open_routes(self._settings, log, self._keeper)
        self._flattener = Flattener(self._plan, self._instruments, log, self._routes, self._keeper)
        self._latency_ns_min = min((venue.latency_ns for venue in self._plan.venues), default=0)
        self._grants = {mandate.day: mandate.budgets for mandate in log.mandates}
        self._intent_of: dict[int, tuple[str, int]] = {}
        self._recent = Recent(self._journal, self._writer)
        self._recent.load(log)
        self._ruled_ns = max((decision.time_ns for decision in log.decisions), default=0)
        self._commands = CommandWatch(self._settings, log)
        self._demotions = Demotions(self._settings.agents, self._writer, log.demotions)
        self._switches = SwitchWatch(self._settings.switches_path, self._plan, log.switches)
        self._unheard = Unheard(log.reports, cut, calls=bool(self._plan.rules.flattens))
        self.taken = log.findings
        self._watch, orders, self._number = rewatch(log, self._writer, self._instruments)
        for row in orders:
            self._route_of(int(row[0].instrument)).orders.append(row)
        for route in self._routes:
            route.calm_ns = START if route.orders else END  # what is not settled counts as under way

    def _route_of(self, instrument: int) -> Route:
        return self._routes[int(self._instruments[instrument].venue)]

    # -- what it hears ------------------------------------------------------------------------------------------------

    def on_verdicts(self, verdicts: Verdicts) -> None:
        """Take what risk found; what is here already was found again after a restart, and is answered again."""
        if verdicts.epoch != self.epoch:
            return
        for k, finding in enumerate(verdicts.findings):
            number = verdicts.first + k
            if number == self.taken + len(self._findings) + 1:
                self._findings.append(finding)
            elif number <= self.taken and finding.group is not None and not self._held:
                self._answer_again(finding.time_ns)
        if verdicts.first + len(verdicts.findings) - 1 <= self.taken + len(self._findings):
            self.horizon_ns = self._unheard.horizon(self.horizon_ns, verdicts)
            self._complete = self._complete or verdicts.complete
        self._commands.heard(verdicts.reported_ns)
        self._work()

    def on_reports(self, batch: Reports) -> None:
        """Take what a gateway reports."""
        route = next((route for route in self._routes if route.name == batch.source), None)
        if route is None or batch.epoch != self.epoch:
            return
        route.has = batch.orders
        if batch.after_ns > route.reported_ns:  # something before it was lost
            self._resolve(route.name).on_pull.remote(Pull(self.name, route.reported_ns, again=True))
            return
        reports = unpacked(batch.reports, REPORT)
        route.waiting.extend(copied(report)[0] for report in reports[reports.time_ns > route.reported_ns])
        if batch.upto_ns >= route.reported_ns:  # the newest word, not one repeated
            route.hear(batch)
        self._work()

    def on_told(self, told: Hello | Told) -> None:
        """Hear of a live venue's gateway: a life begins, or there is news; while trading is held it waits there."""
        if not self._held:
            venue_route(self._routes, told.venue).hear_of(told)
            self._work()

    on_hello = on_told

    def on_standings(self, batch: Standings) -> None:
        """Journal what has changed in the standing of sources, and say how much of it is durable."""
        if not (self._held or self._ended):
            self._records += self._demotions.fresh(batch)
            self._work()
        if not self._held:
            self._resolve(batch.source).on_kept.remote(self._demotions.taken(batch.source))

    def on_pull(self, pull: Pull) -> None:
        """Somebody has lost the thread: tell again what they need; while trading is held they ask in vain."""
        if self._held:
            return
        if pull.receiver == RISK:
            self._resolve(RISK).on_grant.remote(self._newest_grant())
            self._tell_risk(pull.after_ns)
        elif pull.receiver in self._settings.agents:
            for day, budgets in sorted(self._grants.items()):
                self._resolve(pull.receiver).on_grant.remote(Grant(self.epoch, day, budgets))
        for route in self._routes:
            if route.name == pull.receiver:
                route.has = min(pull.after_ns, len(route.orders))
                route.send(self._resolve, self.epoch, self._promise(route), self._recent.cut_ns, again=True)

    def on_stop(self, reason: str) -> None:
        """End the run before its end: nothing more is taken, and it can be continued from its newest snapshot."""
        if not self._ended:
            self._end(max(self.horizon_ns, 0), complete=False, reason=reason)
            self._work()

    def on_tick(self, now_ns: int) -> None:
        """Make the epoch known, and ask gateways again that have work and are silent; first write what is held."""
        if self._held and self._write():
            self._tell()
            self._work()
        self._resolve(SUPERVISOR).on_alive.remote(self.name, self.status())
        if self._held:
            return
        for name in (RISK, *self._settings.agents):
            self._resolve(name).on_grant.remote(self._newest_grant())
        for route in self._routes:
            if not route.quiet and self._asking.is_silent(route.name, route.reported_ns):
                route.remind(self._resolve, self.name)
                route.send(self._resolve, self.epoch, self._promise(route), self._recent.cut_ns, again=True)
        if self._settings.switches_path:
            self._resolve(RISK).on_switches.remote(self._postures())
            self._work()

    def _newest_grant(self) -> Grant:
        day = max(self._grants, default=-1)
        return Grant(self.epoch, day, self._grants.get(day, ()))

    # -- what it does -------------------------------------------------------------------------------------------------

    def _complete_to(self) -> int:
        return min((route.complete_to(self._promise(route)) for route in self._routes), default=END)

    def _promise(self, route: Route) -> int:
        """Return up to when no further order will arrive at a gateway: none that waits here to be found, either."""
        horizon = min(self.horizon_ns, self._findings[0].time_ns - 1) if self._findings else self.horizon_ns
        if horizon == START:
            return START
        promise = horizon + route.latency_ns
        if self._unheard.calls or watching(self._watch):  # a report may call for an order, at whatever gateway
            settled = min(held_ns(self._routes) - 1, horizon, *(other.settled_ns for other in self._routes))
            promise = min(promise, settled + self._latency_ns_min) if settled > START else START
        return min(promise, END)

    def _work(self) -> None:
        """Take what can be taken, make it durable, then tell everybody; nothing of it while trading is held."""
        if self._held:
            return
        self._heed_switches()
        while not self._ended and self._take_next():
            pass
        if not self._ended and self._switches.postures.any():
            told = self._told_risk
            self._decide(self._flattener.proposed(self._watch, self._switches, told, self._ruled_ns))
        if self._complete and not self._findings and self.taken and not self._ended:
            self._end(self.horizon_ns, complete=True, reason="end")
        if self._write():
            self._tell()

    def _end(self, time_ns: int, *, complete: bool, reason: str) -> None:
        self._records.append(Stop(time_ns=time_ns, number=self._settings.session, complete=complete, reason=reason))
        self._ended = True

    def _write(self) -> bool:
        """Make durable what was taken; False where the journal cannot be written: it is kept, in order, and held."""
        if self._records:
            try:
                self._journal.append(self.epoch, self._records)
            except Fenced:
                self._life.end()
                raise
            except JournalUnavailable as error:
                self._held = str(error)
                return False
        self._records.clear()
        self._held = ""
        return True

    def _tell(self) -> None:
        """Tell everybody what is durable."""
        if self._switched:
            self._resolve(RISK).on_switches.remote(self._postures())
            self._switched = False
        for route in self._routes:
            route.send(self._resolve, self.epoch, self._promise(route), self._recent.cut_ns)  # first: all else can wait
        for grant in self._grants_due:
            for agent in self._settings.agents:
                self._resolve(agent).on_grant.remote(grant)
        self._grants_due = []
        self._tell_risk(None)

    def _postures(self) -> Switches:
        return Switches(self.epoch, tuple(self._switches.postures.tolist()))

    def _heed_switches(self) -> None:
        """Journal what has changed on the switchboard; what is taken from here on is ruled on under it."""
        fresh = [] if self._ended else self._switches.poll(self._ruled_ns, self._life.now_ns())
        self._records += fresh
        self._switched |= bool(fresh)
        self._records += self._flattener.obeyed([] if self._ended else self._commands.poll())

    def _take_next(self) -> bool:
        """Take the earliest report or finding that may be taken; False when there is none."""
        reports_to = self._complete_to()
        waiting = [route for route in self._routes if route.waiting]
        earliest = min(waiting, key=lambda route: int(route.waiting[0]["time_ns"]), default=None)
        report_ns = int(earliest.waiting[0]["time_ns"]) if earliest else END
        finding = self._findings[0] if self._findings else None
        if earliest and report_ns <= reports_to:
            before = finding.time_ns if finding is not None else self.horizon_ns + 1
            if report_ns <= before:
                self._take_report(earliest.take())
                return True
        if finding is not None:
            self._take_finding(self._findings.popleft())
            return True
        return False

    def _take_report(self, report: Any) -> None:
        """Journal a report and send what it calls for."""
        self._records.append(self._writer.report(report))
        self._recent.add_report(report)
        self._flattener.taken(report)
        self.horizon_ns = self._unheard.taken(int(report["time_ns"]), self.horizon_ns)
        self.counts["fills"] += int(report["kind"]) == 1
        order = self._order[0]
        if follow_up(self._watch, report, self._instruments, order):
            order.number = self._number
            self._number += 1
            watch_order(self._watch, order.number, order)
            self._send(order, int(report["time_ns"]))

    def _take_finding(self, finding: Finding) -> None:
        self.taken += 1
        if finding.group is not None:
            self._take_group(finding.group)
        elif finding.budgets is not None:
            self._take_roll(finding)
        else:
            self._records.append(record_of(finding))
            if finding.snapshot is not None:
                self._recent.cut(finding.time_ns)

    def _take_roll(self, finding: Finding) -> None:
        """Grant the mandates of a new day."""
        assert finding.budgets is not None
        day = finding.time_ns // DAY_NS
        states = tuple(int(desk.state) for desk in self._desks)
        self._grants[day] = finding.budgets
        grant = Mandate(time_ns=finding.time_ns, epoch=self.epoch, day=day, budgets=finding.budgets, states=states)
        self._records.append(grant)
        self._grants_due.append(Grant(self.epoch, day, finding.budgets))

    def _take_group(self, judged: NDArray[Any]) -> None:
        """Rule on the judged intents of one instant; journal them and the orders of those that are executed."""
        group = unpacked(judged, INTENT)
        self._ruled_ns = int(group[0].time_ns)
        self._decide(group)
        self._answer_again(self._ruled_ns)

    def _decide(self, group: Records) -> None:
        self._switches.refuse(group)
        rule(self._desks, group, 0, len(group))
        orders: list[tuple[Any, int]] = []
        for intent in group:
            if intent.ruling == Ruling.EXECUTE:
                intent.first_order = self._number
                track(self._watch, intent.first_order, intent)
                self.counts["executed"] += 1
            self._number += int(intent.legs) if intent.ruling == Ruling.EXECUTE else 0
            decision = self._writer.decision(intent, self.epoch)
            self.counts["decisions"] += 1
            if intent.reduce != Reduce.SWITCH:
                self._recent.add_ruling(decision)
            self._records.append(decision)
            orders += [(intent, leg) for leg in range(len(decision.orders))]
            for leg, number in enumerate(decision.orders):
                self._intent_of[number] = (decision.intent_id, leg)
        for intent, leg in orders:
            instrument = int(intent.instrument0 if leg == 0 else intent.instrument1)
            order = self._order[0]
            order_of_leg(intent, leg, intent.first_order + leg, self._route_of(instrument).latency_ns, order)
            if intent.reduce == Reduce.SWITCH:
                order.arrive_ns = self._flattener.arrival_ns(order, self._told_risk)
            if order.lots != 0:
                self._send(order, int(intent.time_ns))

    def _send(self, order: Any, time_ns: int) -> None:
        """Journal an order; it leaves when the journal has it."""
        number = int(order.number)
        intent_id, leg = self._intent_of.pop(number, (self._writer.follow_up_id(number), 0))
        record = self._writer.order(order, intent_id, leg, self.epoch, time_ns)
        self._records.append(record)
        self._route_of(int(order.instrument)).add(order, record)

    def _answer_again(self, time_ns: int) -> None:
        """Tell risk the rulings of a group."""
        self._answers.append(self._recent.answer(self.epoch, time_ns))

    def _tell_risk(self, after_ns: int | None) -> None:
        """Tell risk the rulings, and with the last of them what was reported: one message is sooner there than two."""
        answers, self._answers = self._answers, []
        reports = self._fresh_reports(after_ns)
        for answer in answers[:-1]:
            self._resolve(RISK).on_rulings.remote(answer)
        if answers:
            self._resolve(RISK).on_rulings.remote(answers[-1], reports)
        elif reports is not None:
            self._resolve(RISK).on_reports.remote(reports)

    def _fresh_reports(self, after_ns: int | None) -> Reports | None:
        """Return what was reported, and up to when nothing else was; `after_ns` is where risk asked to go on from."""
        if after_ns is None and self._told_risk is None:
            return None  # a governor that has just begun does not know what risk has: risk will ask
        upto = min(self._complete_to(), held_ns(self._routes) - 1)
        after, findings = (after_ns, -1) if after_ns is not None else self._told_risk or (START, -1)
        if upto <= after and self.taken == findings:
            return None
        if after_ns is None and upto <= self.horizon_ns and any(route.is_due for route in self._routes):
            return None  # it would not bring risk to its next group; what a gateway is about to report may
        upto = max(upto, after)
        self._told_risk = (upto, self.taken)
        self._commands.told(upto)
        reports, commands = packed(self._recent.reports(after, upto)), self._commands.between(after, upto)
        return Reports(self.name, self.epoch, after, upto, reports, findings=self.taken, commands=commands)

    # -- what others may read -----------------------------------------------------------------------------------------

    @property
    def stopped(self) -> bool:
        """Tell whether the end is journaled."""
        return self._ended and not self._held

    def status(self) -> dict[str, Any]:
        """Tell how far the run is."""
        seq, head = self._journal.head
        where = {"epoch": self.epoch, "horizon_ns": self.horizon_ns, "records": seq, "head": head}
        how = {"complete": self.stopped, "held": self._held, "commands": self._commands.problem}
        hears, tells = [RISK, *self._settings.gateways], [RISK, *self._settings.gateways, *self._settings.agents]
        return {"name": self.name, **where, **how, **self.counts, "routes_in": hears, "routes_out": tells}
