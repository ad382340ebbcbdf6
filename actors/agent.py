"""Agents: one per desk. An agent hears the market, asks its policy, sizes what it says, and tells risk.

It never sees the book, so it may run ahead of it, up to the end of the UTC day for which it has a mandate. All that it
holds follows from the market and the mandates: after a crash it starts from the beginning and keeps to itself what
risk has had already.
"""

from collections import deque
from typing import Any, Final

import numpy as np

from actors.messages import END, START, Candidates, Grant, Intents, Pull, Reports, Rows, Standings
from actors.rows import Asking, RowInbox
from actors.settings import GOVERNOR, RISK, SUPERVISOR, Resolver, Settings
from market.records import Records, joined, packed, records, unpacked
from market.tape import Role, Tape, empty_tape, slice_tape
from policies.assembly import agent_of
from policies.bookkeeping import DAY_NS
from policies.demotion import CHANGE
from policies.hearing import hear_rows
from policies.intents import INTENT, DeskKind
from policies.proposals import DAY_END, EPOCH, propose_pair
from policies.routes import CANDIDATE
from policies.signals.outcomes import WRITTEN

INTENTS_MAX: Final = 4096
CHANGES_MAX: Final = 256
"""Changes of standing that one message tells at most."""


class Agent:
    """One desk's agent; the policy is what differs between desks."""

    def __init__(self, name: str, settings: Settings, resolve: Resolver) -> None:
        self.name = name
        self._settings = settings
        self._resolve = resolve
        self._desk = settings.agents.index(name)
        self._pairs = settings.plan.desks[self._desk].kind == DeskKind.ARBITRAGE
        self._grants: dict[int, tuple[int, ...]] = {}
        self._epoch = 0
        self._heard = 0
        self._fills = 0
        self._blocked = True
        self._intents = records(INTENTS_MAX, INTENT)
        self._begin(START)

    def _begin(self, after_ns: int) -> None:
        """Start from the first row; what risk has had (up to `after_ns`) will be thought again, but not told."""
        self._kernel = agent_of(self._settings.plan)
        others = self._kernel.feeds.desk != self._desk
        self._kernel.feeds.roles[others] &= ~Role.VIEW.value  # another desk's bars are only prices here
        self._kernel.control[EPOCH] = self._epoch
        self._is_view = (self._kernel.feeds.roles & Role.VIEW.value) != 0
        self._inbox = RowInbox(self._settings.feeds)
        self._asking = Asking(self._settings.batches_ahead)
        self._held_back: set[str] = set()
        self._candidates: dict[str, list[Records]] = {feed: [] for feed in self._settings.feeds}
        self._waiting: Tape = empty_tape()
        self._released_ns = START
        self._done_ns = START
        self._told_ns = after_ns
        self._taken_ns = after_ns
        self._outbox: deque[Intents] = deque()
        self._sent = 0
        self._heard = 0
        self._changes = records(0, CHANGE)  # those that are not known to be durable, oldest first
        self._kept = 0

    # -- what it hears ------------------------------------------------------------------------------------------------

    def on_rows(self, batch: Rows) -> None:
        """Take market rows of the desk."""
        if not batch.primed and self._inbox.accept(batch):
            self._think()
            self._go_on(batch.source)

    def on_candidates(self, batch: Candidates) -> None:
        """Take what a scan saw."""
        position = self._inbox.positions[batch.source]
        if not batch.after_ns <= position < batch.upto_ns:
            return
        candidates = unpacked(batch.candidates, CANDIDATE)
        fresh = candidates[candidates.time_ns > position]
        if len(fresh):
            self._candidates[batch.source].append(fresh)
        self._inbox.positions[batch.source] = batch.upto_ns
        self._think()
        self._go_on(batch.source)

    def on_grant(self, grant: Grant) -> None:
        """Take the mandate of a day; one of a later epoch renews what has not been taken yet."""
        if grant.epoch < self._epoch:
            return
        if grant.epoch > self._epoch:
            self._epoch = grant.epoch
            self._kernel.control[EPOCH] = grant.epoch
            self._outbox = deque(_restamped(batch, grant.epoch) for batch in self._outbox)
            self._sent = 0
        if grant.budgets:
            self._grants[grant.day] = grant.budgets
        self._send()
        self._think()

    def on_reports(self, reports: Reports) -> None:
        """Hear what came of the desk's orders; the baseline policies have nothing to learn from it."""
        self._fills += len(reports.reports)

    def on_pull(self, pull: Pull) -> None:
        """Risk has taken everything up to `after_ns`: send what comes next."""
        if pull.after_ns < self._taken_ns:
            if pull.again:
                self._begin(pull.after_ns)
                self._ask()
            return
        self._taken_ns = pull.after_ns
        self._told_ns = max(self._told_ns, pull.after_ns)
        while self._outbox and self._outbox[0].upto_ns <= pull.after_ns:
            self._outbox.popleft()
            self._sent = max(0, self._sent - 1)
        if pull.again:
            self._sent = 0
        self._send()
        self._think()

    def on_kept(self, count: int) -> None:
        """So many changes of standing are durable: they need not be told again."""
        fresh = min(max(count - self._kept, 0), len(self._changes))
        self._changes = self._changes[fresh:].copy()
        self._kept += fresh

    def on_tick(self, now_ns: int) -> None:
        """Ask again for what has not come, tell again what is not known to be durable."""
        self._tell_changes()
        self._resolve(SUPERVISOR).on_alive.remote(self.name, self.status())
        self._ask()
        if self._blocked:
            self._resolve(GOVERNOR).on_pull.remote(Pull(self.name, self._done_ns, again=True))
        self._think()

    # -- what it does -------------------------------------------------------------------------------------------------

    def _ask(self) -> None:
        for feed in self._settings.feeds:
            self._pull(feed, again=self._asking.is_silent(feed, self._inbox.positions[feed]))

    def _go_on(self, feed: str) -> None:
        """Ask a feed for more, in good time."""
        if self._asking.is_due(feed):
            self._pull(feed)

    def _pull(self, feed: str, *, again: bool = False) -> None:
        after = self._inbox.positions[feed]
        waiting = self._inbox.waiting(feed) + sum(map(len, self._candidates[feed])) // self._settings.batch_rows
        if self._is_full() or waiting >= self._settings.batches_waiting_max:
            self._held_back.add(feed)
        elif after < END:
            self._held_back.discard(feed)
            self._resolve(feed).on_pull.remote(Pull(self.name, after, again=again))

    def _is_full(self) -> bool:
        return len(self._outbox) >= self._settings.batches_waiting_max

    def _think(self) -> None:
        """Go on as far as the market is known, the mandates reach, and the outbox has room."""
        before = self._done_ns
        while not self._is_full():
            done, found = self._pairs_until() if self._pairs else self._rows_until()
            if done <= self._done_ns:
                break
            after, self._done_ns = self._done_ns, done
            if done > self._told_ns:
                kept = packed(found[found["time_ns"] > self._told_ns])
                self._outbox.append(Intents(self.name, self._epoch, max(after, self._told_ns), done, kept))
                self._told_ns = done
        if self._done_ns != before:
            self._send()
            for feed in sorted(self._held_back):
                self._pull(feed)

    def _grant_for(self, time_ns: int) -> bool:
        """Put the mandate of a day into the kernel; False while there is none."""
        day = time_ns // DAY_NS
        self._blocked = day not in self._grants
        if self._blocked:
            return False
        self._kernel.control[DAY_END] = (day + 1) * DAY_NS
        self._kernel.budgets[:] = self._grants[day]
        return True

    def _rows_until(self) -> tuple[int, Records]:
        """Hear waiting rows; return (how far that went, the intents)."""
        if not len(self._waiting.time_ns) and self._released_ns < self._inbox.ready_ns:
            self._released_ns = self._inbox.ready_ns
            self._waiting = self._inbox.release(self._released_ns)
        if not len(self._waiting.time_ns):
            return self._released_ns, self._intents[:0]
        first = int(self._waiting.time_ns[0])
        if not self._grant_for(first):
            return first - 1, records(0, INTENT)
        rows = len(self._waiting.time_ns)
        row, count = hear_rows(self._kernel, self._waiting, 0, rows, self._intents, 0)
        self._collect_changes()
        self._heard += int((self._is_view[self._waiting.feed[:row]] & (self._waiting.flaws[:row] == 0)).sum())
        self._waiting = slice_tape(self._waiting, row, rows)
        done = int(self._waiting.time_ns[0]) - 1 if row < rows else self._released_ns
        return done, self._intents[:count].copy()

    def _pairs_until(self) -> tuple[int, Records]:
        """Weigh waiting candidates; return (how far that went, the intents)."""
        ready = self._inbox.ready_ns
        waiting = [piece for pieces in self._candidates.values() for piece in pieces]
        if not waiting:
            return ready, records(0, INTENT)
        found = joined(waiting, CANDIDATE)
        found = found[np.lexsort((found.route, found.time_ns))]
        count = done = 0
        for done in range(len(found)):
            time_ns = int(found[done].time_ns)
            if time_ns > ready or not self._grant_for(time_ns) or count == len(self._intents):
                break
            self._heard += 1
            count += bool(propose_pair(self._kernel, found[done], self._intents[count]))
        else:
            done = len(found)
        for pieces in self._candidates.values():
            pieces.clear()
        upto = ready
        if done < len(found):
            self._candidates[self._settings.feeds[0]].append(found[done:].copy())
            upto = min(ready, int(found[done].time_ns) - 1)
        return upto, self._intents[:count].copy()

    def _collect_changes(self) -> None:
        listener = self._kernel.chains.listener
        count = int(listener.control[WRITTEN])
        if count:
            self._changes = joined([self._changes, listener.changes[:count]], CHANGE)
            listener.control[WRITTEN] = 0
            self._tell_changes()

    def _tell_changes(self) -> None:
        """Tell the governor the oldest changes of standing that it may not have."""
        if len(self._changes):
            rows = packed(self._changes[:CHANGES_MAX])
            self._resolve(GOVERNOR).on_standings.remote(Standings(self.name, self._kept + 1, rows))

    def _send(self) -> None:
        while self._sent < min(len(self._outbox), self._settings.batches_ahead):
            self._resolve(RISK).on_intents.remote(self._outbox[self._sent])
            self._sent += 1

    def status(self) -> dict[str, Any]:
        """Tell how far the agent is."""
        return {
            "name": self.name,
            "epoch": self._epoch,
            "done_ns": self._done_ns,
            "candidates": self._heard,
            "fills": self._fills,
            "routes_in": [*self._settings.feeds, GOVERNOR],
            "routes_out": [RISK],
        }


def _restamped(batch: Intents, epoch: int) -> Intents:
    """Return a batch that has not been taken yet under a new governor's epoch."""
    intents = unpacked(batch.intents, INTENT)
    intents.epoch = epoch
    return Intents(batch.source, epoch, batch.after_ns, batch.upto_ns, packed(intents))
