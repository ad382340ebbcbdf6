"""One verdict of risk in process, with every rule of every profile that can be on at once."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import msgspec

from actors.risk import RiskManager
from actors.settings import Settings
from actors.staging import Cast, has_stopped, open_session, stage_world
from actors.world import World
from bench.figure import Figure, percentile
from bench.tapes import MINUTE, SECOND, START_NS, bars_plan, bars_tape
from journal.store import MemoryJournal
from market.paper import OrderKind
from market.records import Record, copied, joined, records
from policies.assembly import book_of
from policies.bookkeeping import close_instant, place, reserve
from policies.held import hold, judge_held
from policies.intents import INTENT
from policies.plan import NewsEvent, Plan
from policies.risk import Book
from research.account_plan import rules_plan
from research.configuration import load_configuration
from research.news_file import NewsFile
from research.planning import limits_plan
from research.profiles import load_profile
from research.timed_plan import Markets
from venues.replay import save_tape

PROFILES = (
    "trifecta,ftmo_2step,ftmo_2step_verification,ftmo_2step_account_swing,ftmo_1step,the5ers_like,alpha_like,"
    "source_trailing_10,conservative_union,crypto,ftmo_2step_account_standard,trailing_intraday"
)
CALLS = 20_000
HORIZON = 10_000 * MINUTE
SYMBOLS = ("EURUSD", "GBPUSD", "AUDUSD", "NZDUSD")


def figures() -> Iterator[Figure]:
    """Yield the figures of the verdict."""
    yield from _verdicts("every profile", guarded_plan())
    yield from _verdicts("no account profile", bars_plan(SYMBOLS, "trend_reversion", {}))
    yield from _in_the_actor()


def guarded_plan() -> Plan:
    """Return a plan under all profiles."""
    plan, profile = bars_plan(SYMBOLS, "trend_reversion", {}), load_profile(PROFILES)
    markets = Markets(plan.instruments, load_configuration().hours, {}, hourly_news())
    rules = rules_plan(profile.accounts, plan.cash, START_NS, START_NS + HORIZON, markets)
    return msgspec.structs.replace(plan, limits=limits_plan(profile, 60 * MINUTE), rules=rules)


def hourly_news() -> NewsFile:
    """Return a calendar with a release an hour, on the half hour, for as long as the plan lasts and two days more."""
    start_s, end_s = START_NS // SECOND, (START_NS + HORIZON) // SECOND + 2 * 86_400
    return NewsFile(
        path="news.csv", sha256="", rows=1, from_s=start_s - 86_400, until_s=end_s, currencies=frozenset({"ALL"}),
        gaps_s=(), events=tuple(NewsEvent(at, at, "USD", "release") for at in range(start_s + 1800, end_s, 3600)),
    )  # fmt: skip


def busy_book(plan: Plan) -> Book:
    """Return a book with quotes of now, two positions of opposite sides, and two working orders."""
    book = book_of(plan)
    book.ledger.account[0].epoch = 1
    for quote in book.quotes:
        quote.bid = quote.bid_low = 110_000
        quote.ask = quote.ask_high = 110_008
        quote.time_ns = START_NS + SECOND
    for instrument, lots in ((0, 2), (1, -2)):
        position = book.ledger.positions[instrument]
        position.lots, position.cost = lots, lots * 110_004
        book.ledger.open_list[book.ledger.account[0].open_positions] = instrument
        book.ledger.account[0].open_positions += 1
        intent = an_intent(instrument, lots)
        reserve(book, intent, 1)
        place(book, 1 + instrument, instrument, lots, int(intent.stop))
    close_instant(book, START_NS + SECOND)
    return book


def an_intent(instrument: int, lots: int) -> Record:
    """Return an intent with a stop of fifty pips and an hour to live."""
    intent = records(1, INTENT)[0]
    intent.time_ns, intent.order_kind, intent.legs = START_NS + 2 * SECOND, OrderKind.MARKET, 1
    intent.instrument0, intent.instrument1, intent.lots0, intent.epoch = instrument, -1, lots, 1
    intent.stop, intent.hold_ns, intent.confidence = (109_500 if lots > 0 else 110_500), 60 * MINUTE, 0.8
    return intent


def _verdicts(name: str, plan: Plan) -> Iterator[Figure]:
    book, intents = busy_book(plan), [an_intent(k % 4, 1 + k % 3) for k in range(12)]
    held, group = hold(book), joined([copied(intent) for intent in intents], INTENT)
    refused = sum(judge_held(held, group, k) != 0 for k in range(len(group)))
    took = []
    for k in range(CALLS):
        place = k % len(group)
        begin = time.perf_counter_ns()
        judge_held(held, group, place)
        took.append(time.perf_counter_ns() - begin)
    note = f"{len(plan.rules.floors)} floors, {refused} of {len(intents)} refused, called from Python"
    yield Figure(f"verdict, {name}, p50", percentile(took, 0.5) / 1000, "us", note=note)
    yield Figure(f"verdict, {name}, p99", percentile(took, 0.99) / 1000, "us", 20.0, at_most=True)


class WatchedRisk(RiskManager):
    """The risk manager, with a clock at its judgement: from a group's intents to what the governor will be told."""

    took: ClassVar[list[int]] = []

    def _judge(self, time_ns: int) -> None:
        begin = time.perf_counter_ns()
        super()._judge(time_ns)
        self.took.append(time.perf_counter_ns() - begin)


def _in_the_actor() -> Iterator[Figure]:
    """Run the whole of a session in World, where no message waits in a queue, under every profile."""
    WatchedRisk.took.clear()
    plan, tape, world = guarded_plan(), bars_tape(len(SYMBOLS), 5_000), World(0)
    with tempfile.TemporaryDirectory(prefix="trifecta-bench-") as folder:
        settings = Settings(plan=plan, tape_folder=folder, tape_hash=save_tape(Path(folder), tape))
        journal = MemoryJournal()
        open_session(journal, settings, (), "")
        stage_world(world, settings, journal, Cast(risk=WatchedRisk))
        world.run(lambda: has_stopped(world))
    took = WatchedRisk.took[1:]  # the first loads its kernel
    note = f"{len(took):,} groups, every profile, the actor's own path without a queue"
    yield Figure("verdict in the risk manager, p50", percentile(took, 0.5) / 1000, "us", note=note)
    yield Figure("verdict in the risk manager, p99", percentile(took, 0.99) / 1000, "us")
    yield Figure("verdict in the risk manager, worst", max(took) / 1000, "us", 2_000.0, at_most=True)
