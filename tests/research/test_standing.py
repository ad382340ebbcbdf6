"""Standing is a fold of the journal: every closed trade once, with the decision that opened it, and nothing else."""

from collections import Counter

import msgspec
import pytest

from actors.restoring import newest_session
from journal.records import Claim, Command, Outcome, Session
from journal.store import MemoryJournal
from market.payoff import edge_significance
from policies.commands import Result
from policies.standing_plan import standing_array
from research.result import result_of_session
from research.run_metrics import round_trips
from research.standing import standing_of
from research.standing_rows import standing_plan, standing_rows
from tests.builders import a_plan, a_tape
from tests.research.journals import a_session

TAPE = {"minutes": 120, "ticks": 3_000}


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    plan, tape = a_plan(), a_tape(**TAPE)
    settings, journal = a_session(tmp_path_factory.mktemp("tapes"), plan, tape)
    log = newest_session(journal)
    return journal, log, result_of_session(settings.plan, tape, log, [0] * len(plan.desks))


def copied(journal, records):
    """A journal with other records of the same session."""
    found = MemoryJournal()
    found.claim("test", 0)
    found.append(1, [record for record in records if not isinstance(record, Claim)])
    return found


def all_rows(rows):
    return (*rows.sides, *rows.routes, *rows.setups)


def test_every_closed_trade_counts_once_and_its_money_to_the_last_digit(session):
    journal, _, result = session
    rows = standing_rows(standing_of(journal))
    trips = Counter(trip.desk for trip in round_trips(result))
    settled = sum(trade.desk == "binary" for trade in result.trades)
    assert sum(row.outcomes for row in rows.sides) == trips["forex"] > 10
    assert sum(row.outcomes for row in rows.routes) == trips["arbitrage"] > 10
    assert sum(row.outcomes for row in rows.setups) == settled > 5
    assert rows.trades == trips["forex"] + trips["arbitrage"] + settled
    assert sum(row.net for row in all_rows(rows)) == pytest.approx(sum(trade.pnl for trade in result.trades), abs=1e-6)


def test_the_same_journal_gives_the_same_state(session):
    journal, _, _ = session
    assert standing_rows(standing_of(journal)) == standing_rows(standing_of(journal))


def test_a_beginning_of_the_journal_gives_the_state_of_then(session):
    journal, _, _ = session
    records = [entry.record() for entry in journal.entries()]
    counts = [standing_of(copied(journal, records[:end])).trades for end in (len(records) // 3, 2 * len(records) // 3)]
    assert 0 < counts[0] < counts[1] < standing_of(journal).trades


def test_every_trade_belongs_to_the_decision_that_opened_it(session):
    journal, log, _ = session
    rows = standing_rows(standing_of(journal))
    opened = [one for one in log.decisions if one.orders and not one.reduce]
    claims = {
        desk: {one.confidence for one in opened if one.desk == desk} for desk in ("forex", "binary", "arbitrage")
    }  # fmt: skip
    for row in (*rows.sides, *rows.setups):
        assert min(claims[row.desk]) <= row.claimed <= max(claims[row.desk])
        own = [one for one in opened if one.legs[0].instrument == row.instrument]
        sides = [one for one in own if (one.legs[0].lots < 0) == (row.side == "short")]
        assert row.outcomes <= len(sides)
    (route,) = rows.routes
    entries = [one for one in opened if one.desk == "arbitrage"]
    assert route.entries == route.complete + route.legged + route.missed == len(entries)
    unfilled = {report.number for report in log.reports if report.report == "CANCEL"}
    both = [one for one in entries if not unfilled & set(one.orders)]
    assert route.complete == len(both)


def test_sessions_follow_each_other_and_one_can_be_asked_for_alone(session):
    journal, _, _ = session
    records = [entry.record() for entry in journal.entries()]
    again = [
        msgspec.structs.replace(one, number=2) if isinstance(one, Session) else one for one in records
    ]  # fmt: skip
    twice = copied(journal, [*records, *again])
    single, double = standing_of(journal), standing_of(twice)
    assert (double.sessions, double.trades) == (2, 2 * single.trades)
    assert standing_of(twice, 2).trades == standing_of(twice, 1).trades == single.trades
    assert standing_of(twice, 3).trades == 0
    # a session that was continued is one: its Session record stands in the journal again
    (first,) = [one for one in records if isinstance(one, Session)]
    middle = len(records) // 2
    continued = copied(journal, [*records[:middle], first, *records[middle:]])
    assert standing_rows(standing_of(continued)).sides == standing_rows(single).sides


def test_lots_that_a_person_took_over_are_no_decision_s_result(session):
    journal, log, _ = session
    records = [entry.record() for entry in journal.entries()]
    whole = {(row.instrument, row.side): row.outcomes for row in standing_rows(standing_of(journal)).sides}
    first = next(one for one in log.reports if one.report == "FILL" and one.instrument == "EURUSD@fx")
    at = records.index(first)
    took = Command(
        time_ns=first.time_ns - 1, row=-1, session=1, action="ADJUST", subject="EURUSD@fx", amount=500, who=("ann",),
        reason="test", wall_ns=0, trades=((500, first.price, 0, 1, 1),),
    )  # fmt: skip
    done = Outcome(time_ns=first.time_ns - 1, row=-1, result=Result.DONE)
    changed = standing_rows(standing_of(copied(journal, [*records[:at], took, done, *records[at:]])))
    left = {(row.instrument, row.side): row.outcomes for row in changed.sides}
    assert left == {key: count for key, count in whole.items() if key[0] != "EURUSD@fx"}  # it was never flat again
    refused = msgspec.structs.replace(done, result=Result.NOT_LATCHED)
    same = standing_rows(standing_of(copied(journal, [*records[:at], took, refused, *records[at:]])))
    assert same.sides == standing_rows(standing_of(journal)).sides


def test_a_setup_is_held_against_break_even_by_the_exact_test(session):
    journal, _, _ = session
    for row in standing_rows(standing_of(journal)).setups:
        if row.wins + row.losses:
            test = edge_significance(row.wins + row.losses, row.wins, 0.85)
            assert (row.hit_rate, row.breakeven, row.p_value) == (test.hit_rate, test.breakeven, test.p_value)
        assert row.posterior == (1 + row.wins) / (2 + row.wins + row.losses)
        assert 0.0 < row.beats < 1.0


def test_a_plan_carries_what_was_learned_and_nothing_of_others(session):
    journal, _, _ = session
    standing, plan = standing_of(journal), a_plan()
    carried = standing_plan(standing, plan)
    array = standing_array(plan, carried)
    rows = standing_rows(standing)
    for row in rows.sides:
        at = 2 * plan.index_of(row.instrument) + (row.side == "short")
        assert array[0, at].tolist() == [row.keep, row.add]
    for row in rows.setups:
        at = (2 * plan.index_of(row.instrument) + (row.side == "short")) * 6 + int(row.hours[:2]) // 4
        assert array[2, at].tolist() == [row.keep, row.add]
    other = msgspec.structs.replace(plan.desks[0], policy="confluence")
    for desk in standing_plan(standing, msgspec.structs.replace(plan, desks=(other, *plan.desks[1:]))).desks[:1]:
        assert desk.rows == ()  # another policy has no record yet
    assert carried.head == journal.head[1]


def test_a_journal_without_a_trade_says_so():
    rows = standing_rows(standing_of(MemoryJournal()))
    assert (rows.trades, rows.sessions, rows.head, all_rows(rows)) == (0, 0, "", ())
