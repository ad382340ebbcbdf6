"""The mesh: actors on a Ray of their own; event in to order out beside a bare chain, events per second, memory.

An event is one market row. Timed is the way from the feed that has it to the gateway that has the order it led to:
through agent, risk, and the governor, which makes decision and order durable first. The bare chain is as many actors
that hand the same event on and do nothing else. Mesh and chain take turns, event by event, on one machine with one
monotonic clock, so both meet the same load and the same cold caches.
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from actors.feed import FeedShard, Subscription
from actors.gateway import Gateway
from actors.messages import Orders, Pull, Rows
from actors.settings import GOVERNOR, RISK, Settings
from actors.staging import Cast, session_record
from actors.system import Cluster
from bench.figure import Figure, percentile
from bench.tapes import START_NS, bars_plan, packaged_run
from bench.waiting import wait_for
from journal.store import SqliteJournal
from market.paper import ORDER
from market.records import unpacked
from market.tape import Tape, bar_tape, slice_tape
from policies.plan import Plan
from venues.replay import save_tape

STEP_NS = 50_000_000
"""Market time between two events: less than a venue's latency, as ticks are, so that none waits for another venue."""
WARM = 100
"""Events before anything is counted: every actor loads its kernels."""
EVERY = 5
"""Every so many events one leads to an order; the others only move the market on."""
EVENTS = 900
"""Events of a round; figures are those of the best round, as everywhere here."""
ROUNDS = 3
PACE_S = 0.01
LINKS = 5


class PacedFeed(FeedShard):
    """A feed that hands out a row when it is told to, and remembers when that was."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._limit_ns = 0
        self.stamps: list[tuple[int, int]] = []

    def on_pull(self, pull: Pull) -> None:
        """Remember where a receiver is; rows come when they are released."""
        subscription = self._subscriptions[pull.receiver]
        if pull.again:
            subscription.sent_ns = pull.after_ns
        self._serve(pull.receiver, subscription)

    def release(self, time_ns: int) -> None:
        """Hand out the rows up to a time."""
        self._limit_ns = time_ns
        self.stamps.append((time_ns, time.monotonic_ns()))
        for receiver, subscription in self._subscriptions.items():
            self._serve(receiver, subscription)

    def _serve(self, receiver: str, subscription: Subscription) -> None:
        while subscription.sent_ns < self._limit_ns:
            self._send(receiver, subscription)
        subscription.under_way.clear()

    def stamped(self) -> list[tuple[int, int]]:
        """Return (market time, monotonic ns) of every release."""
        return self.stamps


class TimedGateway(Gateway):
    """A gateway that remembers when it got which order."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.stamps: list[tuple[int, int]] = []

    def on_orders(self, batch: Orders) -> None:
        """Stamp what is new."""
        now, had = time.monotonic_ns(), self._orders
        super().on_orders(batch)
        for order in unpacked(batch.orders, ORDER)[had - batch.first :] if self._orders > had else ():
            latency_ns = int(self._instruments[order.instrument].latency_ns)
            self.stamps.append((int(order.arrive_ns) - latency_ns, now))

    def stamped(self) -> list[tuple[int, int]]:
        """Return (market time of the decision, monotonic ns) of every order."""
        return self.stamps


class Link:
    """One of a chain of actors: it passes an event on, the first and the last with a stamp."""

    def __init__(self, following: Any) -> None:
        self._following = following
        self.stamps: list[tuple[int, int]] = []

    def ready(self) -> bool:
        """Say that it is there."""
        return True

    def pass_on(self, event: Rows, *, first: bool = False) -> None:
        """Hand the event to the next one."""
        if first or self._following is None:
            self.stamps.append((event.upto_ns, time.monotonic_ns()))
        if self._following is not None:
            self._following.pass_on.remote(event)

    def stamped(self) -> list[tuple[int, int]]:
        """Return (market time, monotonic ns)."""
        return self.stamps


def figures() -> Iterator[Figure]:
    """Yield latency beside the chain's, throughput, memory and start-up per actor."""
    with tempfile.TemporaryDirectory(prefix="trifecta-bench-") as folder:
        cluster = Cluster()
        try:
            cluster.start()
            yield from _latency(cluster, Path(folder))
            cluster.dismiss()
            yield from _throughput(cluster, Path(folder))
        finally:
            cluster.stop()


def _settings(folder: Path, name: str, plan: Plan, tape: Tape, **options: int) -> Settings:
    """Return the settings of a new session with a journal of its own."""
    settings = Settings(
        plan=plan, journal_path=str(folder / f"{name}.db"), tape_folder=str(folder),
        tape_hash=save_tape(folder, tape), **options,
    )  # fmt: skip
    journal = SqliteJournal(Path(settings.journal_path))
    journal.append(journal.claim("session", 1), [session_record(settings, (), "")])
    journal.close()
    return settings


def _turns(events: int) -> Tape:
    """Return bars whose close turns now and then: a fast average crosses a slow one where it does."""
    turns = np.arange(events, dtype=np.int64) // EVERY % 2
    close = 110_000 + np.cumsum(1 - 2 * turns)
    time_ns = START_NS + STEP_NS * np.arange(1, events + 1, dtype=np.int64)
    bid = [close, close, close, close]
    return bar_tape(0, time_ns, bid, bid)


def _latency(cluster: Cluster, folder: Path) -> Iterator[Figure]:
    plan = bars_plan(["EURUSD"], "sma_cross", {"fast": 1, "slow": 2, "lots": 10}, spread_ticks=0)
    tape = _turns(WARM + ROUNDS * EVENTS + 1)
    settings = _settings(folder, "latency", plan, tape, batch_rows=1, batches_ahead=32)
    cluster.launch(settings, Cast(feed=PacedFeed, gateway=TimedGateway))
    first, last = _chain()
    feed, gateway = cluster.handle(settings.feeds[0]), settings.gateways[0]
    for event in range(WARM + ROUNDS * EVENTS):
        if event == WARM:
            wait_for(lambda: len(cluster.ask(gateway, "stamped")) >= WARM // EVERY - 2, "the first orders")
        time_ns = int(tape.time_ns[event])
        feed.release.remote(time_ns)
        time.sleep(PACE_S)
        first.pass_on.remote(Rows("feed", time_ns - 1, time_ns, slice_tape(tape, event, event + 1)), first=True)
        time.sleep(PACE_S)
    mesh = _rounds(cluster.ask(settings.feeds[0], "stamped"), cluster.ask(gateway, "stamped"))
    bare = _rounds(_get(first.stamped.remote()), _get(last.stamped.remote()))
    yield from _compared(mesh, bare)


def _compared(mesh: list[list[float]], bare: list[list[float]]) -> Iterator[Figure]:
    for fraction, name in ((0.5, "p50"), (0.99, "p99")):
        one, other = (min(percentile(times, fraction) for times in rounds) for rounds in (mesh, bare))
        note = f"best of {ROUNDS} rounds, {len(mesh[0])} orders of {EVENTS} events each"
        yield Figure(f"event in to order out, {name}", one, "ms", note=note)
        yield Figure(f"a bare chain of {LINKS} actors, {name}", other, "ms", note=f"best of {ROUNDS} rounds")
        yield Figure(f"ratio of {name}", one / other, "x", 1.5, at_most=True)


def _rounds(begins: list[tuple[int, int]], ends: list[tuple[int, int]]) -> list[list[float]]:
    """Return, round by round, the milliseconds between what has the same name on both sides."""
    ended = dict(ends)
    starts = range(WARM, WARM + ROUNDS * EVENTS, EVENTS)
    return [
        [(ended[name] - stamp) / 1e6 for name, stamp in begins[start : start + EVENTS] if name in ended]
        for start in starts
    ]


def _chain() -> tuple[Any, Any]:
    """Start a chain; return its first and last actor."""
    import ray

    links: list[Any] = [None]
    for _ in range(LINKS):
        links.append(ray.remote(Link).options(num_cpus=0, enable_task_events=False).remote(links[-1]))
    _get([link.ready.remote() for link in links[1:]])
    return links[-1], links[1]


def _get(what: Any) -> Any:
    import ray

    return ray.get(what, timeout=60)


def _throughput(cluster: Cluster, folder: Path) -> Iterator[Figure]:
    plan, tape = packaged_run()
    settings = _settings(folder, "throughput", plan, tape)
    begin = time.perf_counter()
    cluster.launch(settings)
    launched = time.perf_counter() - begin
    wait_for(lambda: cluster.ask(RISK)["done_ns"] >= tape.time_ns[0], "the first row")
    gone = int(np.searchsorted(tape.time_ns, cluster.ask(RISK)["done_ns"], side="right"))
    begin = time.perf_counter()
    wait_for(lambda: cluster.ask(GOVERNOR)["complete"], "the end of the run")
    rate = (len(tape.time_ns) - gone) / (time.perf_counter() - begin)
    decisions = cluster.ask(GOVERNOR)["decisions"]
    note = f"what `trifecta run` trades: {len(tape.time_ns):,} events, {decisions:,} decisions journaled"
    yield Figure("events through the mesh", rate, "events/s", 20_000, note=note)
    memory = [cluster.ask(name, "process")["memory"] / 2**20 for name in cluster.names]
    yield Figure("memory per actor, its own alone", sum(memory) / len(memory), "MiB", note=f"at most {max(memory):.0f}")
    yield Figure("start-up per actor", launched / len(cluster.names), "s", note=f"{len(cluster.names)} at once")
