"""Changes of standing on their way to the journal: each is journaled once, however often it is told."""

import msgspec
import pytest

from actors.demoting import Demotions
from actors.messages import Standings
from actors.writing import Writer
from market.records import packed, records
from policies.demotion import CHANGE, Standing, Why
from tests.research.forex import forex_plan

PLAN = forex_plan("confluence")
AGENT = "agent:forex"


def told(first, count, source=1):
    """Return a message with changes numbered from `first`; their number of outcomes is their own number."""
    rows = records(count, CHANGE)
    rows.source, rows.why = source, Why.OVERCLAIMS
    rows.before, rows.after = Standing.TRUSTED, Standing.DEMOTED
    for k, row in enumerate(rows):
        row.outcome, row.time_ns, row.value, row.limit = first + k, 100 + k, 15.5, 15.0
    return Standings(AGENT, first, packed(rows))


@pytest.fixture
def known():
    return Demotions([AGENT], Writer(PLAN, 1), ())


def numbers(found):
    return [one.number for one in found]


def test_a_change_is_taken_once(known):
    assert numbers(known.fresh(told(1, 3))) == [1, 2, 3]
    assert known.fresh(told(1, 3)) == []
    assert numbers(known.fresh(told(2, 4))) == [4, 5]
    assert known.taken(AGENT) == 5


def test_what_lies_behind_a_gap_is_left_until_the_gap_is_told(known):
    assert known.fresh(told(2, 2)) == []
    assert numbers(known.fresh(told(1, 3))) == [1, 2, 3]


def test_after_a_restart_what_the_journal_holds_is_not_taken_again(known):
    journaled = known.fresh(told(1, 2))
    again = Demotions([AGENT], Writer(PLAN, 1), journaled)
    assert numbers(again.fresh(told(1, 3))) == [3]


def test_the_record_names_desk_instrument_source_and_the_number(known):
    (found,) = known.fresh(told(1, 1, source=8 + 2))  # the second view's second group
    assert (found.desk, found.instrument, found.source) == ("forex", PLAN.instruments[1].key, "reversion")
    assert (found.before, found.after, found.why) == ("TRUSTED", "DEMOTED", "OVERCLAIMS")
    assert (found.value, found.limit) == (15.5, 15.0)
    assert msgspec.structs.asdict(found)["time_ns"] == 100
