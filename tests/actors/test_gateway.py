"""Gateways: what leaves, leaves once, in sequence, under the newest epoch; what was reported is reported again."""

import pytest

from actors.gateway import Gateway
from actors.messages import END, START, Pull
from actors.settings import GOVERNOR
from actors.staging import MemoryOpener
from actors.writing import Writer
from journal.records import Snapshot
from market.paper import COUNT, REPORT, ReportKind
from market.records import unpacked
from tests.actors.bench import (
    PAIR,
    Recorder,
    a_fill,
    a_journal,
    an_order,
    at,
    orders_of,
    settings_of,
    some_quotes,
)

QUOTES = some_quotes(*((second, 4, 110000 + second, 110005 + second) for second in range(0, 100, 2)))
"""Venue a's bid is 110000 plus the second, from 0 to 98, every two seconds."""


@pytest.fixture
def settings(tmp_path):
    return settings_of(tmp_path, QUOTES)


def a_gateway(settings, journal=None, name="gateway-a"):
    recorder = Recorder()
    return Gateway(name, settings, recorder, MemoryOpener(journal or a_journal(settings))), recorder


def told(recorder):
    """Return (after, upto, [(order, kind, lots, price)], calm, orders) of the one batch that was told."""
    (batch,) = recorder.take(GOVERNOR, "on_reports")
    found = [
        (int(row.number), ReportKind(row.kind).name, int(row.lots), int(row.price))
        for row in unpacked(batch.reports, REPORT)
    ]
    return batch.after_ns, batch.upto_ns, found, batch.calm_ns, batch.orders


def test_an_order_is_matched_when_it_arrives_and_its_report_is_told(settings):
    gateway, recorder = a_gateway(settings)
    gateway.on_orders(orders_of(0, at(20), an_order(0, 5.1)))
    assert told(recorder) == (START, at(20), [(0, "FILL", 5, 110009)], END, 1)


def test_an_order_that_has_not_arrived_keeps_the_gateway_calm_until_then(settings):
    gateway, recorder = a_gateway(settings)
    gateway.on_orders(orders_of(0, at(4), an_order(0, 5.5)))
    assert told(recorder) == (START, at(4), [], at(5.5) - 1, 1)
    gateway.on_orders(orders_of(1, at(5.25)))
    assert told(recorder) == (at(4), at(5.25), [], at(5.5) - 1, 1)


def test_orders_of_a_lower_epoch_do_not_leave(settings):
    gateway, recorder = a_gateway(settings)
    gateway.on_orders(orders_of(0, at(2), epoch=5))
    recorder.take()
    gateway.on_orders(orders_of(0, at(20), an_order(0, 5), epoch=4))
    assert (recorder.told, gateway.status()["orders"], gateway.status()["epoch"]) == ([], 0, 5)


def test_a_restored_gateway_knows_the_fence_from_the_journal(settings):
    journal = a_journal(settings)
    journal.claim("one", 0)
    journal.claim("its successor", 0)
    gateway, recorder = a_gateway(settings, journal)
    gateway.on_orders(orders_of(0, at(20), an_order(0, 5), epoch=2))
    assert (recorder.told, gateway.status()["orders"]) == ([], 0)
    gateway.on_orders(orders_of(0, at(20), an_order(0, 5), epoch=3))
    assert told(recorder)[2] == [(0, "FILL", 5, 110009)]


def test_an_order_that_is_told_twice_leaves_once(settings):
    gateway, recorder = a_gateway(settings)
    for _ in range(2):
        gateway.on_orders(orders_of(0, at(20), an_order(0, 5)))
    gateway.on_orders(orders_of(0, at(40), an_order(0, 5), an_order(3, 30)))
    told_last = recorder.take(GOVERNOR, "on_reports")[-1]
    assert [int(row.number) for row in unpacked(told_last.reports, REPORT)] == [3]
    assert gateway.status()["orders"] == 2


def test_a_gap_in_the_orders_is_asked_for_and_nothing_of_it_leaves(settings):
    gateway, recorder = a_gateway(settings)
    gateway.on_orders(orders_of(1, at(20), an_order(1, 5)))
    assert recorder.take() == [Pull("gateway-a", 0, again=True)]
    assert (gateway.status()["orders"], gateway.status()["done_ns"]) == (0, START)


def test_it_goes_as_far_as_is_promised_and_no_further(settings):
    gateway, recorder = a_gateway(settings)
    gateway.on_orders(orders_of(0, at(20), an_order(0, 25)))
    assert told(recorder)[1:3] == (at(20), [])
    gateway.on_orders(orders_of(1, at(10)))  # an old promise
    assert told(recorder)[:3] == (at(20), at(20), [])
    gateway.on_orders(orders_of(1, at(25)))
    assert told(recorder)[1:3] == (at(25), [(0, "FILL", 5, 110029)])


def test_an_order_that_comes_after_its_time_is_a_broken_promise(settings):
    gateway, _ = a_gateway(settings)
    gateway.on_orders(orders_of(0, at(20)))
    with pytest.raises(AssertionError, match="after its venue had passed its arrival"):
        gateway.on_orders(orders_of(0, at(30), an_order(0, 20)))


def test_reports_are_told_again_from_where_the_governor_has_them(settings):
    gateway, recorder = a_gateway(settings)
    gateway.on_orders(orders_of(0, at(60), an_order(0, 5), an_order(1, 15), an_order(2, 25)))
    recorder.take()
    gateway.on_pull(Pull(GOVERNOR, at(15)))
    assert told(recorder)[:3] == (at(15), at(60), [(2, "FILL", 5, 110029)])
    gateway.on_pull(Pull(GOVERNOR, START, again=True))
    assert [number for number, *_ in told(recorder)[2]] == [0, 1, 2]


def test_a_tick_asks_for_the_orders_it_has_not_got(settings):
    gateway, recorder = a_gateway(settings)
    gateway.on_orders(orders_of(0, at(20), an_order(0, 5)))
    recorder.take()
    gateway.on_tick(0)
    assert recorder.take(GOVERNOR) == [Pull("gateway-a", 1, again=True)]


def test_a_gateway_that_has_gone_on_since_the_last_tick_asks_for_nothing(settings):
    gateway, recorder = a_gateway(settings)
    gateway.on_tick(0)
    for second, asks in ((20, 0), (20, 1), (30, 0)):
        gateway.on_orders(orders_of(0, at(second)))
        recorder.take()
        gateway.on_tick(0)
        assert recorder.take(GOVERNOR) == [Pull("gateway-a", 0, again=True)] * asks


def test_a_protected_position_is_watched_row_by_row(settings):
    gateway, recorder = a_gateway(settings)
    gateway.on_orders(orders_of(0, at(7), an_order(0, 5, target=110030)))
    _, upto, found, calm, _ = told(recorder)
    assert (upto, found, calm) == (at(7), [(0, "FILL", 5, 110009)], at(8) - 1)
    gateway.on_orders(orders_of(1, END))
    assert told(recorder)[1:] == (END, [(0, "FILL", -5, 110030)], END, 1)


# --- restoring


def journaled(settings, journal, cut_s, orders, reports):
    """Put orders, reports and a snapshot at the cut into a journal, as a governor would."""
    writer = Writer(settings.plan, 1)
    epoch = journal.claim("governor", 0)
    records = [writer.order(row[0], f"intent-{int(row['number'][0])}", 0, epoch, at(time)) for row, time in orders]
    records += [writer.report(row[0]) for row in reports]
    records.append(Snapshot(time_ns=at(cut_s), account={}, positions={}, groups=(), findings=1))
    journal.append(epoch, records)


def test_a_restored_gateway_holds_what_its_venue_held_at_the_cut(settings):
    journal = a_journal(settings)
    filled, waiting, later = an_order(0, 5, target=110040), an_order(1, 30.5, target=110040), an_order(2, 70)
    elsewhere = an_order(3, 20.1, instrument=PAIR)
    journaled(
        settings,
        journal,
        30,
        [(filled, 4.9), (elsewhere, 20), (waiting, 30), (later, 69)],
        [a_fill(0, 5, price=110009)],
    )
    gateway, recorder = a_gateway(settings, journal)
    assert gateway.status() | {"routes_in": 0, "routes_out": 0} == {
        "name": "gateway-a", "epoch": 2, "done_ns": at(30), "orders": 2, "live": 1, "routes_in": 0, "routes_out": 0,
    }  # fmt: skip
    gateway.on_orders(orders_of(2, at(60), epoch=2))
    assert told(recorder)[:3] == (at(30), at(60), [(1, "FILL", 5, 110035), (1, "FILL", -10, 110040)])
    gateway.on_orders(orders_of(2, END, later, epoch=2))
    (batch,) = recorder.take(GOVERNOR, "on_reports")
    assert [(int(row.number), int(row.execution)) for row in unpacked(batch.reports, REPORT)] == [(2, 3)]


def test_a_restored_order_that_waits_for_a_sound_quote_is_filled_behind_the_cut(settings):
    """It reduces, it arrived before the cut, and nothing was reported: it can only be waiting."""
    opened, closing = an_order(0, 5), an_order(1, 29, lots=-5, reduce=1)
    journal = a_journal(settings)
    journaled(settings, journal, 30, [(opened, 4), (closing, 28)], [a_fill(0, 5, price=110009)])
    gateway, recorder = a_gateway(settings, journal)
    gateway.on_orders(orders_of(2, at(60), epoch=2))
    (batch,) = recorder.take(GOVERNOR, "on_reports")
    (found,) = unpacked(batch.reports, REPORT)
    assert (int(found.number), int(found.lots), int(found.time_ns)) == (1, -5, at(32))


def test_a_restored_gateway_reports_what_one_that_lived_reports(settings):
    lived, heard = a_gateway(settings)
    first, second = an_order(0, 5, stop=109990, target=110022), an_order(1, 30.5)
    lived.on_orders(orders_of(0, at(10), first))
    fill = unpacked(heard.take(GOVERNOR)[0].reports, REPORT)
    journal = a_journal(settings)
    journaled(settings, journal, 10, [(first, 4)], [fill])
    restored, told_again = a_gateway(settings, journal)
    for gateway in (lived, restored):
        gateway.on_orders(orders_of(1, END, second, epoch=2))
    one, other = heard.take(GOVERNOR)[-1], told_again.take(GOVERNOR)[-1]
    assert (one.reports == other.reports).all()
    assert len(one.reports) == 2
    assert int(lived.venue.control[COUNT]) == int(restored.venue.control[COUNT]) == 0


def test_reports_up_to_the_cut_are_let_go_of_once_they_are_durable(settings):
    gateway, recorder = a_gateway(settings)
    for first, second in enumerate((5, 15, 25)):
        gateway.on_orders(orders_of(first, at(second + 1), an_order(first, second)))
    recorder.take()
    batch = orders_of(3, at(30))
    gateway.on_orders(type(batch)(batch.epoch, 3, batch.orders, at(30), at(15)))
    recorder.take()
    assert [int(piece.number[0]) for piece in gateway._kept] == [2]
    gateway.on_pull(Pull(GOVERNOR, at(15)))
    assert [number for number, *_ in told(recorder)[2]] == [2]
