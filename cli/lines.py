"""Records as people follow them: a line each."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from journal.store import Entry


def line_of(entry: "Entry") -> str:
    """Return a record as people follow it: place, market time, kind, and what matters of it."""
    record: Any = entry.record()
    when = _stamp(record.time_ns)
    match entry.kind:
        case "decision":
            legs = " ".join(f"{leg.lots:+d} {leg.instrument}" for leg in record.legs)
            text = f"{record.desk} {legs}  {record.ruling} {' '.join(record.rules)}"
        case "order":
            text = f"#{record.number} {record.lots:+d} {record.instrument} {record.order_kind} {record.reason}"
        case "report":
            what = f"{record.report} {record.lots:+d} {record.instrument}"
            text = f"#{record.number} {what} at {record.price} {record.reason}"
        case "sample":
            text = f"equity {record.equity / 1e6:,.2f}"
        case "session":
            text = f"session {record.number}, {record.stage}, plan {record.plan_hash[:12]}"
        case "claim":
            text = f"epoch {record.epoch} by {record.owner}"
        case "stop":
            text = f"session {record.number} {'complete' if record.complete else 'interrupted'}: {record.reason}"
        case _:
            text = _of_people_and_rules(entry.kind, record)
    return f"{entry.seq:>8}  {when}  {entry.kind:<9} {text.rstrip()}"


def _of_people_and_rules(kind: str, record: Any) -> str:
    """Return what matters of a record that people, limits or keepers of the journal have made; "" of any other."""
    match kind:
        case "switch":
            hard = " hard" if record.hard else ""
            return f"{record.scope}:{record.key} {record.mode}{hard} by {', '.join(record.who)}: {record.reason}"
        case "latch":
            return " ".join(record.rules)
        case "command":
            what = record.subject or f"{record.amount / 1e6:,.2f}"
            return f"{record.action.lower()} {what} by {', '.join(record.who)}: {record.reason}"
        case "outcome":
            lifted = f", lifted {' '.join(record.lifted)}" if record.lifted else ""
            return f"command {record.row}: {record.result.replace('_', ' ').lower()}{lifted}"
        case "alert":
            return (
                f"{record.percent} % of {record.floor} used: equity {record.equity / 1e6:,.2f}, "
                f"floor {record.line / 1e6:,.2f}"
            )
        case "breaker":
            end = "until a person ends it" if record.until_ns == 0 else f"until {_stamp(record.until_ns)}"
            return f"{record.breaker} of {record.scope}, {end}"
        case "new_head":
            return f"head begun again at {record.seq} by {record.who}: {record.reason}"
        case "checkpoint":
            return f"to {record.seq}, signed with key {record.key[:16]}"
    return ""


def _stamp(time_ns: int) -> str:
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(time_ns // 10**9, UTC):%Y-%m-%d %H:%M:%S}" if 0 < time_ns < 2**62 else "-"
