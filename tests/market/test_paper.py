"""A fresh venue: nothing waits, nothing is held, nothing is due."""

from market.money import INT64_MAX
from market.paper import COUNT, END_NS, GUARDED, NEXT_DUE, REPORTS, paper_venue
from tests.builders import an_instrument
from tests.market.floor import a_table


def test_a_fresh_venue_is_empty_and_has_room_that_grows_with_its_instruments() -> None:
    table = a_table(an_instrument("EURUSD", "x"), an_instrument("GBPUSD", "y"))
    venue = paper_venue(table, 2, end_ns=77)
    assert [int(venue.control[slot]) for slot in (COUNT, NEXT_DUE, REPORTS, GUARDED, END_NS)] == [
        0,
        INT64_MAX,
        0,
        0,
        77,
    ]
    assert (len(venue.orders), len(venue.reports)) == (256 + 16, 1024 + 32)
    assert (venue.busy.tolist(), venue.executions.tolist(), len(venue.holdings)) == ([0, 0], [0, 0], 2)
    assert not venue.holdings.lots.any()
    assert paper_venue(table, 1).control[END_NS] == INT64_MAX
