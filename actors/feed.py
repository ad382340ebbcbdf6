"""Feeds: one `SymbolFeed` per symbol and venue, many of them in one `FeedShard`, which is a process.

Over recorded data a shard holds the rows of its feeds, checked and in order, and hands out stretches of them to whoever
pulls: agents get the rows of their desk, the arbitrage agent what the scan saw, risk every row that moves a price. It
never runs more than a few batches ahead of a receiver: backpressure instead of loss.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.messages import END, START, Candidates, Pull, Rows
from actors.settings import RISK, SUPERVISOR, Resolver, Settings
from market.records import Records, joined, packed
from market.tape import Role, Tape, newest_rows, select_feeds, select_rows, slice_tape
from policies.assembly import feeds_of, instruments_of, price_sources, scanner_of
from policies.intents import DeskKind
from policies.plan import FeedPlan, Plan
from policies.routes import CANDIDATE, Scanner, scan_rows
from venues.replay import load_tape


class SymbolFeed:
    """One feed's own state: how much it has heard, what of it was flawed, and when it last spoke."""

    __slots__ = ("flawed", "key", "last_ns", "rows")

    def __init__(self, key: str) -> None:
        self.key = key
        self.rows = 0
        self.flawed = 0
        self.last_ns = START

    def take(self, time_ns: NDArray[np.int64], flaws: NDArray[np.uint8]) -> None:
        """Count rows of this feed."""
        self.rows += len(time_ns)
        self.flawed += int(np.count_nonzero(flaws))
        if len(time_ns):
            self.last_ns = int(time_ns[-1])


class Subscription:
    """What one receiver is sent: its rows or candidates, where it is, and what is on its way."""

    def __init__(self, tape: Tape | None, candidates: NDArray[Any] | None) -> None:
        self.tape = tape
        self.candidates = candidates
        self.sent_ns = START
        self.under_way: list[int] = []

    @property
    def times(self) -> NDArray[np.int64]:
        """Times of what is to be sent."""
        if self.tape is not None:
            return self.tape.time_ns
        assert self.candidates is not None
        return np.asarray(self.candidates["time_ns"])


class FeedShard:
    """The process that owns some feeds."""

    def __init__(self, name: str, settings: Settings, resolve: Resolver) -> None:
        self.name = name
        self._settings = settings
        self._resolve = resolve
        plan = settings.plan
        tape = load_tape(Path(settings.tape_folder), settings.tape_hash, check=False)
        mine = shard_mask(plan, settings.feed_shards, settings.feeds.index(name))
        self._tape = tape if mine.all() else select_feeds(tape, mine)
        self.feeds = [SymbolFeed(feed_key(feed)) for feed in plan.feeds]
        for k, feed in enumerate(self.feeds):
            rows = self._tape.feed == k
            feed.take(self._tape.time_ns[rows], self._tape.flaws[rows])
        table = feeds_of(plan)
        self._subscriptions = self._open(plan, table)

    def _open(self, plan: Plan, table: Records) -> dict[str, Subscription]:
        found: dict[str, Subscription] = {}  # agents first: what they propose has the longer way
        for k, agent in enumerate(self._settings.agents):
            if plan.desks[k].kind == DeskKind.ARBITRAGE:
                found[agent] = Subscription(None, self._scan(plan, k))
            else:
                found[agent] = Subscription(select_feeds(self._tape, desk_mask(plan, table, k)), None)
        found[RISK] = Subscription(self._tape, None)  # also rows that move no price roll days and bring samples
        return found

    def _scan(self, plan: Plan, desk: int) -> Records:
        """Watch the desk's routes over all rows of this shard."""
        scanner = scanner_of(plan, 4096)
        found: list[Records] = []
        row, end = 0, len(self._tape.time_ns)
        while row < end:
            row, count = scan_rows(scanner, self._tape, row, end)
            found.append(own_candidates(scanner, count, desk))
        return joined(found, CANDIDATE)

    def on_pull(self, pull: Pull) -> None:
        """Send a receiver what comes next, as far as it may be ahead."""
        subscription = self._subscriptions.get(pull.receiver)
        if subscription is None:
            return
        if pull.again:
            subscription.sent_ns, subscription.under_way = pull.after_ns, []
            if pull.prime:
                self._prime(pull.receiver, subscription, pull.after_ns)
        subscription.under_way = [upto for upto in subscription.under_way if upto > pull.after_ns]
        while len(subscription.under_way) < self._settings.batches_ahead and subscription.sent_ns < END:
            self._send(pull.receiver, subscription)

    def _send(self, receiver: str, subscription: Subscription) -> None:
        after = subscription.sent_ns
        times = subscription.times
        begin = int(np.searchsorted(times, after, side="right"))
        end = min(begin + self._settings.batch_rows, len(times))
        if end < len(times):
            end = int(np.searchsorted(times, times[end - 1], side="right"))
        upto = int(times[end - 1]) if end < len(times) else END
        handle = self._resolve(receiver)
        if subscription.tape is not None:
            handle.on_rows.remote(Rows(self.name, after, upto, slice_tape(subscription.tape, begin, end)))
        else:
            assert subscription.candidates is not None
            handle.on_candidates.remote(Candidates(self.name, after, upto, packed(subscription.candidates[begin:end])))
        subscription.sent_ns = upto
        subscription.under_way.append(upto)

    def _prime(self, receiver: str, subscription: Subscription, after_ns: int) -> None:
        """Send the newest sound row of every feed up to `after_ns`: the quotes that stand there."""
        if subscription.tape is None:
            return
        tape = subscription.tape
        end = int(np.searchsorted(tape.time_ns, after_ns, side="right"))
        keep = newest_rows(tape, end, len(self.feeds))
        rows = select_rows(tape, keep)
        self._resolve(receiver).on_rows.remote(Rows(self.name, after_ns, after_ns, rows, primed=True))

    def on_tick(self, now_ns: int) -> None:
        """Nothing waits here: receivers ask again for what they miss."""
        self._resolve(SUPERVISOR).on_alive.remote(self.name, self.status())

    def status(self) -> dict[str, Any]:
        """Tell how the feeds are."""
        return {
            "name": self.name,
            "feeds": {feed.key: {"rows": feed.rows, "flawed": feed.flawed} for feed in self.feeds if feed.rows},
            "routes_out": sorted(self._subscriptions),
        }


def feed_key(feed: FeedPlan) -> str:
    """Return a feed's name: its instrument, and the length of its bars, as one instrument may have both."""
    return f"{feed.instrument}/{feed.bar_ns // 10**9}s" if feed.bar_ns else feed.instrument


def own_candidates(scanner: Scanner, count: int, desk: int) -> Records:
    """Return copies of the scanner's newest candidates that belong to one desk."""
    found: Records = scanner.candidates[:count]
    return found[scanner.routes.desk[found.route] == desk]


def desk_mask(plan: Plan, table: Records, desk: int) -> NDArray[np.bool_]:
    """Tell which feeds a desk's agent hears: its views, and the prices that its sizing needs."""
    instruments = instruments_of(plan)
    wanted: set[int] = set()
    for feed in table:
        if feed.desk == desk and feed.roles & Role.VIEW:
            wanted |= price_sources(instruments, int(feed.trades))
    views = (table.desk == desk) & ((table.roles & Role.VIEW.value) != 0)
    prices = np.isin(table.instrument, sorted(wanted)) & ((table.roles & Role.MATCH.value) != 0)
    mask: NDArray[np.bool_] = views | prices
    return mask


def shard_mask(plan: Plan, shards: int, shard: int) -> NDArray[np.bool_]:
    """Tell which feeds a shard owns, by rendezvous hashing of desk and symbol: both ends of a route stay together."""

    def owner(key: str) -> int:
        weights = [hashlib.sha256(f"{key}|{k}".encode()).digest() for k in range(shards)]
        return weights.index(max(weights))

    names: Sequence[str] = [f"{feed.desk}|{feed.instrument.split('@')[0]}" for feed in plan.feeds]
    return np.array([owner(name) == shard for name in names], np.bool_)
