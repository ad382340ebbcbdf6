"""Watching again: what a governor that has just begun has to follow up on, from the journal of its session."""

from actors.messages import END
from actors.restoring import SessionLog, ordered
from actors.writing import Writer, rows_of
from journal.order_records import Report
from journal.records import Decision
from market.paper import ORDER, REPORT
from market.records import Records, records
from policies.intents import INTENT
from policies.legs import Watch, follow_up, open_watch, track, watch_order


def rewatch(log: SessionLog, writer: Writer, instruments: Records) -> tuple[Watch, list[Records], int]:
    """Return the watch as of the journal's end, every order of the session in its sequence, and the next number.

    Orders that no decision has were called for by reports, and are watched themselves.
    """
    watch, scratch, orders = open_watch(len(instruments)), records(1, ORDER), []
    report_row, intent_row = rows_of(REPORT, 1)[0], rows_of(INTENT, 1)[0]
    executed = [decision for decision in [*log.decisions, *log.closures] if decision.orders]
    decided = {number for decision in executed for number in decision.orders}
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
    last = max([*decided, *(int(row[0].number) for row in orders)], default=-1)
    return watch, orders, last + 1
