"""Watching again: what a governor that has just begun has to follow up on, from the journal of its session."""

from collections.abc import Container

from actors.messages import END
from actors.restoring import SessionLog, ordered
from actors.writing import Writer, rows_of
from journal.records import Decision, Report
from market.paper import ORDER, REPORT
from market.records import Records, records
from policies.intents import INTENT
from policies.legs import Watch, follow_up, open_watch, track, watch_order


def rewatch(
    log: SessionLog, writer: Writer, instruments: Records, decided: Container[int]
) -> tuple[Watch, list[Records]]:
    """Return the watch as of the journal's end, and every order of the session in its sequence.

    Orders whose number is not among the `decided` were called for by reports, and are watched themselves.
    """
    watch, scratch, orders = open_watch(len(instruments)), records(1, ORDER), []
    report_row, intent_row = rows_of(REPORT, 1)[0], rows_of(INTENT, 1)[0]
    executed = [decision for decision in [*log.decisions, *log.closures] if decision.orders]
    for record in sorted([*ordered(log, END), *executed], key=lambda record: record.time_ns):
        if isinstance(record, Decision):
            writer.intent_row(record, intent_row)
            track(watch, record.orders[0], intent_row)
        elif isinstance(record, Report):
            writer.report_row(record, report_row)
            follow_up(watch, report_row, instruments, scratch[0])
        else:
            orders.append(records(1, ORDER))
            writer.order_row(record, orders[-1][0])
            if record.number not in decided:
                watch_order(watch, record.number, orders[-1][0])
    return watch, orders
