"""The risk manager: the one writer of the book. It values the account at every instant and judges every intent.

Over recorded data it takes rows, reports and intents in market time, an instant only once every source has passed it.
After judging a group it waits for the governor's rulings, because they move reservations that the next group is judged
against; until then nothing moves. What it finds goes to the governor as one numbered stream, kept until it is durable.
"""

from collections import deque
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from actors.loading import load_kernel
from actors.messages import END, START, Finding, Grant, Intents, Pull, Reports, Rows, Rulings, Switches, Verdicts
from actors.obeying import wish_of
from actors.previewing import Preview, Proposal, market_time, preview_on
from actors.proposals import ProposalInbox
from actors.restoring import read_session, restore_book, snapshot_of
from actors.rows import Asking, RowInbox
from actors.rulings import apply_rulings, withdraw_group
from actors.settings import GOVERNOR, SUPERVISOR, JournalOpener, Resolver, Settings
from actors.standing import standing
from actors.telling import Told
from actors.writing import rule_names
from journal.records import Command, Outcome
from market.paper import REPORT
from market.quotes import update_quote
from market.records import Records, joined, packed, records, unpacked
from market.tape import Role, Tape
from policies.assembly import feeds_of
from policies.bookkeeping import DAY_NS, LATCH, SAMPLE, TRIPS_FULL, move_book, open_day
from policies.commands import obey
from policies.flattening import propose_closes
from policies.held import hold, judge_group_held
from policies.intents import INTENT
from policies.risk import LIVE_COUNT

SAMPLES_MAX: Final = 16384


class RiskManager:
    """Judges; owns ledger, reservations and latches."""

    def __init__(self, name: str, settings: Settings, resolve: Resolver, journal: JournalOpener) -> None:
        self.name = name
        self._settings = settings
        self._resolve = resolve
        log = read_session(journal)
        cut = log.cut_ns
        self._plan = settings.plan
        self._book = restore_book(self._plan, log, cut)
        self._held = hold(self._book)
        self._load()
        self._feeds = feeds_of(self._plan)
        self._inbox = RowInbox(settings.feeds, cut)
        self._held_back: set[str] = set()
        self._asking = Asking(settings.batches_ahead)
        self._proposals = ProposalInbox(settings.agents, cut)
        self._reports: Records = records(0, REPORT)
        self._reported_ns = cut
        self._done_ns = cut
        self._last_ns = cut
        self._found = log.snapshots[-1].findings if log.snapshots else 0
        self._outbox: deque[tuple[int, Finding]] = deque()
        self._sent = self._found
        self._sent_horizon = self._sent_done = START
        self._moving: tuple[Tape, Records, NDArray[np.int64], int] | None = None
        self._group: NDArray[Any] | None = None
        self._groups = 0
        self._epoch = 0
        self._postures = np.zeros(len(self._plan.instruments), np.int64)
        self._orders: deque[Command] = deque()
        self._told = Told(self._book, self._plan)
        self._unprimed = set(settings.feeds) if cut > START else set()
        self._complete = log.complete
        self._samples = records(SAMPLES_MAX, SAMPLE)
        self._latches = records(SAMPLES_MAX, LATCH)

    def _load(self) -> None:
        """Have the kernels at hand that answer an intent, or close what is held."""
        group = joined([records(1, INTENT), records(1, INTENT)], INTENT)
        load_kernel(propose_closes, self._book, 0, group, 1)
        load_kernel(judge_group_held, self._held, group, 1)

    # -- what it hears ------------------------------------------------------------------------------------------------

    def on_rows(self, batch: Rows) -> None:
        """Take prices."""
        if batch.primed:
            self._prime(batch)
        elif self._inbox.accept(batch):
            self._advance()
            if self._asking.is_due(batch.source):
                self._pull_feed(batch.source)

    def on_intents(self, batch: Intents) -> None:
        """Take an agent's proposals; those of another epoch are left, and asked for again."""
        if batch.epoch == self._epoch and self._proposals.accept(batch):
            self._advance()

    def on_reports(self, batch: Reports) -> None:
        """Take what venues reported, as the governor has journaled it; it also says which findings are durable."""
        if self._accept(batch):
            self._advance()

    def on_rulings(self, rulings: Rulings, reports: Reports | None = None) -> None:
        """Apply the governor's answer to the group that was judged last, and what was reported by then."""
        applied = self._apply(rulings)
        accepted = reports is not None and self._accept(reports)
        if applied or accepted:
            self._advance()

    def on_grant(self, grant: Grant) -> None:
        """Learn the governor's epoch; what was proposed or judged under an older one is taken back."""
        if grant.epoch <= self._epoch:
            return
        self._epoch = grant.epoch
        self._book.ledger.account[0].epoch = grant.epoch
        self._withdraw()
        self.on_tick(0)

    def on_switches(self, switches: Switches) -> None:
        """Learn what is switched off, for previews: the governor, whose order counts, is the one that refuses it."""
        if switches.epoch == self._epoch:
            self._postures = np.array(switches.postures, np.int64)

    def on_tick(self, now_ns: int) -> None:
        """Ask again for what has not come, tell again what was not answered."""
        self._resolve(SUPERVISOR).on_alive.remote(self.name, self.status())
        if self._epoch == 0:
            self._resolve(GOVERNOR).on_pull.remote(Pull(self.name, self._reported_ns, again=True))
            return
        for feed in self._settings.feeds:
            silent = self._asking.is_silent(feed, self._inbox.positions[feed])
            self._pull_feed(feed, again=silent or feed in self._unprimed)
        for agent in self._settings.agents:
            self._pull_agent(agent, again=self._asking.is_silent(agent, self._proposals.positions[agent]))
        if self._reported_ns < END and self._asking.is_silent(GOVERNOR, self._reported_ns):
            self._resolve(GOVERNOR).on_pull.remote(Pull(self.name, self._reported_ns, again=True))
        self._sent, self._sent_horizon = self._outbox[0][0] - 1 if self._outbox else self._found, START
        self._sent_done = START
        self._advance()

    # -- what it does -------------------------------------------------------------------------------------------------

    def _pull_feed(self, feed: str, *, again: bool = False) -> None:
        prime = feed in self._unprimed
        if not prime and self._inbox.waiting(feed) >= self._settings.batches_waiting_max:
            self._held_back.add(feed)
            return
        after = self._done_ns if prime else self._inbox.positions[feed]  # quotes as of the cut, whatever has come since
        if after < END or prime:
            self._resolve(feed).on_pull.remote(Pull(self.name, after, again=again, prime=prime))

    def _pull_agent(self, agent: str, *, again: bool = False) -> None:
        """Tell an agent up to where its proposals are settled; it keeps what comes after."""
        told = self._proposals.positions[agent]
        if told < END or again:
            self._resolve(agent).on_pull.remote(Pull(self.name, min(self._done_ns, told), again=again))

    def _accept(self, batch: Reports) -> bool:
        if batch.epoch != self._epoch:
            return False
        durable = min(batch.findings, self._found - 1) if self._group is not None else batch.findings
        while self._outbox and self._outbox[0][0] <= durable:
            self._outbox.popleft()  # a group that waits for its rulings stays, to be told again
        if not batch.after_ns <= self._reported_ns < batch.upto_ns:
            return False
        reports = unpacked(batch.reports, REPORT)
        fresh = reports[reports.time_ns > self._reported_ns]
        if len(fresh):
            self._reports = joined([self._reports, fresh], REPORT)
        self._orders += [command for command in batch.commands if command.time_ns > self._reported_ns]
        self._reported_ns = batch.upto_ns
        return True

    def _apply(self, rulings: Rulings) -> bool:
        group = self._group
        if rulings.epoch != self._epoch or group is None or int(group[0].time_ns) != rulings.time_ns:
            return False
        apply_rulings(self._book, group, rulings.rulings, rulings.first_orders)
        self._group = None
        self._groups += 1
        if self._groups % self._settings.snapshot_groups == 0:
            self._snapshot()
        return True

    def _prime(self, batch: Rows) -> None:
        """Set the quotes that stood at the cut, each feed its own; nothing moves before all have."""
        if batch.source in self._unprimed and batch.after_ns == self._done_ns:
            for row in range(len(batch.tape.time_ns)):
                feed = self._feeds[batch.tape.feed[row]]
                if feed.roles & Role.MATCH.value:
                    update_quote(self._book.quotes, feed.instrument, batch.tape, row)
            self._unprimed.remove(batch.source)
            self._advance()

    def _withdraw(self) -> None:
        """Take back what was not ruled on: it will be proposed and judged anew, under the new epoch."""
        if self._group is not None:
            withdraw_group(self._book, self._group)
            self._outbox.pop()
            self._found -= 1
            self._done_ns = int(self._group[0].time_ns) - 1
            self._group = None
        self._proposals.withdraw(self._done_ns)

    def _next_instant_ns(self) -> int:
        """Return the earliest row or report that waits."""
        report_ns = int(self._reports["time_ns"][0]) if len(self._reports) else END
        return min(self._inbox.next_ns(), report_ns)

    def _advance(self) -> None:
        """Move the book as far as everything is known, and judge what comes there."""
        if self._epoch == 0 or self._unprimed:
            return
        before = self._done_ns
        while self._group is None:
            limit = min(self._inbox.ready_ns, self._reported_ns, self._proposals.ready_ns)
            intent_ns = self._proposals.next_ns()
            ordered_ns = self._orders[0].time_ns if self._orders else END + 1
            due_ns = int(self._book.guard[0].due_ns)
            if 0 < due_ns <= limit:
                self._done_ns = max(self._done_ns, due_ns)
                self._judge(due_ns)
                break
            if due_ns:
                break
            target = min(limit, intent_ns, ordered_ns - 1)
            self._move(target)
            if self._book.guard[0].due_ns != 0 or self._done_ns < target:
                continue
            following = min(self._next_instant_ns(), ordered_ns)
            if following < END and self._done_ns >= following - 1 and self._roll(following):
                continue
            if ordered_ns <= min(intent_ns, END) and self._done_ns >= ordered_ns - 1:
                self._obey(self._orders.popleft())
                continue
            if intent_ns > limit or intent_ns == END:
                break
            self._judge(intent_ns)
        self._finish()
        self._tell()
        if self._done_ns != before:
            for feed in sorted(self._held_back):
                self._held_back.remove(feed)
                self._pull_feed(feed)
            for agent, taken in self._proposals.settled(self._done_ns).items():
                if taken and self._asking.is_due(agent, taken):
                    self._pull_agent(agent)

    def _move(self, limit: int) -> None:
        """Take rows and reports up to `limit`, rolling days on the way; up to an instant at which something closes."""
        if self._moving is None:
            if limit <= self._done_ns:
                return
            tape = self._inbox.release(limit)
            split = int(np.searchsorted(self._reports["time_ns"], limit, side="right"))
            reports, self._reports = self._reports[:split], self._reports[split:]
            for times in (tape.time_ns, reports["time_ns"]):
                self._last_ns = max(self._last_ns, int(times[-1])) if len(times) else self._last_ns
            self._moving = tape, reports, np.zeros(4, np.int64), limit
        tape, reports, at, limit = self._moving
        turn = move_book(self._book, self._feeds, tape, reports, self._samples, self._latches, at)
        while turn != -1 and (turn == TRIPS_FULL or self._book.guard[0].due_ns == 0):
            self._collect(at)
            if turn != TRIPS_FULL:
                self._roll(int(turn))
            turn = move_book(self._book, self._feeds, tape, reports, self._samples, self._latches, at)
        self._collect(at)
        self._done_ns = limit if turn < 0 else int(turn)
        self._moving = None if turn < 0 else self._moving

    def _collect(self, at: NDArray[np.int64]) -> None:
        """Turn what the kernel wrote into findings, a latch before the sample of its instant."""
        self._book.ledger.control[:] = 0
        found = self._told.fresh()
        if at[2] == at[3] == 0 and not found:
            return
        found += [Finding(int(row.time_ns), rules=int(row.rules)) for row in self._latches[: at[3]]]
        found += [
            Finding(int(row.time_ns), sample=(int(row.equity), int(row.low), int(row.cash), int(row.peak)))
            for row in self._samples[: at[2]]
        ]
        for finding in sorted(found, key=lambda item: item.time_ns):
            self._note(finding)
        at[2] = at[3] = 0

    def _note(self, finding: Finding) -> None:
        self._found += 1
        self._outbox.append((self._found, finding))

    def _roll(self, time_ns: int) -> bool:
        """Begin the UTC day of `time_ns` if it is a later one."""
        if not open_day(self._book, time_ns):
            return False
        budgets = tuple(int(desk.budget) for desk in self._book.desks)
        self._note(Finding(time_ns // DAY_NS * DAY_NS, budgets=budgets))
        return True

    def _snapshot(self) -> None:
        snapshot = snapshot_of(self._book, self._plan, self._found + 1)
        self._note(Finding(self._done_ns, snapshot=snapshot))

    def _finish(self) -> None:
        """Take a last snapshot once everything has been taken, as of the last instant that there was."""
        if self._done_ns == END and self._group is None and not self._complete:
            snapshot = snapshot_of(self._book, self._plan, self._found + 1)
            self._note(Finding(max(self._last_ns, 0), snapshot=snapshot))
            self._complete = True

    def _judge(self, time_ns: int) -> None:
        """Judge all intents of one instant and hand them to the governor."""
        group = self._proposals.take(time_ns)
        count = len(group) - 1
        if self._book.guard[0].due_ns != 0:
            group = joined([group[:-1], records(len(self._book.closing) + 1, INTENT)], INTENT)
            count = propose_closes(self._book, time_ns, group, count)
        judge_group_held(self._held, group, count)
        for finding in self._told.fresh(time_ns):
            self._note(finding)
        self._group = group[:count]
        self._note(Finding(time_ns, group=packed(group[:count])))

    def _obey(self, command: Command) -> None:
        """Do what a person ordered at its instant, and say what came of it."""
        found = obey(self._book, wish_of(self._plan, command))
        self._last_ns = max(self._last_ns, command.time_ns)
        outcome = Outcome(
            time_ns=command.time_ns, row=command.row, result=found.result, lifted=rule_names(found.lifted)
        )  # fmt: skip
        self._note(Finding(command.time_ns, record=outcome))
        for finding in self._told.fresh():
            self._note(finding)
        if found.latched:
            self._note(Finding(command.time_ns, rules=found.latched))

    def _horizon(self) -> int:
        """Return the time up to which no group will come that the governor has not been told of.

        Agents propose without regard to the book, so what comes next is known while a group still waits for its
        rulings; venues may go on to there at once, unless a snapshot is to be taken behind that group. Where the engine
        closes what is held, the next instant may bring a group, and any report.
        """
        if self._book.guard[0].flattens != 0:
            if self._group is not None:
                return int(self._group[0].time_ns)
            if self._book.ledger.account[0].open_positions > 0 or self._book.counts[LIVE_COUNT] > 0:
                following = min(self._next_instant_ns() - 1, self._inbox.ready_ns)
                return max(self._done_ns, min(following, self._proposals.next_ns() - 1, self._proposals.ready_ns))
        if self._group is not None and (self._groups + 1) % self._settings.snapshot_groups == 0:
            return int(self._group[0].time_ns)
        return max(self._done_ns, min(self._proposals.next_ns() - 1, self._proposals.ready_ns))

    def _tell(self) -> None:
        """Tell the governor what is new."""
        horizon = self._horizon()
        done = self._done_ns if self._book.guard[0].flattens else START
        if self._sent == self._found and horizon <= self._sent_horizon and done <= self._sent_done:
            return
        fresh = tuple(finding for number, finding in self._outbox if number > self._sent)
        self._resolve(GOVERNOR).on_verdicts.remote(
            Verdicts(
                self._epoch,
                self._found - len(fresh) + 1,
                fresh,
                horizon,
                self._complete,
                done_ns=done,
                reported_ns=self._reported_ns,
            )
        )
        self._sent, self._sent_horizon, self._sent_done = self._found, horizon, done

    # -- what others may read -----------------------------------------------------------------------------------------

    def settings(self) -> Settings:
        """Return what the run was started with: those who look on need its plan and its journal."""
        return self._settings

    def preview(self, proposal: Proposal) -> Preview | None:
        """Say what would be decided on a proposal now, and change nothing; None while no governor has been heard."""
        if self._epoch == 0 or self._unprimed:
            return None
        return preview_on(self._book, self._plan, proposal, self._done_ns, self._postures)

    def status(self) -> dict[str, Any]:
        """Tell how the account is."""
        return {
            "name": self.name,
            "epoch": self._epoch,
            "done_ns": self._done_ns,
            "market_ns": market_time(self._book, self._done_ns),
            **standing(self._book, self._plan),
            "routes_in": [*self._settings.feeds, *self._settings.agents, GOVERNOR],
            "routes_out": [GOVERNOR],
        }
