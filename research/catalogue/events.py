"""Economic calendars as their publishers send them: JSON lists and XML documents of events."""

import re
from typing import Any, Final

import pyarrow as pa

from research.catalogue.entry import FileKind
from research.catalogue.stamps import stamps_of
from research.catalogue.tables import Table, UnreadableError

EVENT: Final = re.compile(r"<event>(.*?)</event>", re.DOTALL)
FIELD: Final = re.compile(r"<(\w+)>\s*(?:<!\[CDATA\[(.*?)\]\]>|([^<]*))\s*</\1>", re.DOTALL)
CLOCK: Final = re.compile(r"(\d{1,2}):(\d{2}) ?([ap]m)", re.IGNORECASE)


def is_calendar(document: Any) -> bool:
    """Tell a list of events (title, country or currency, date) from other JSON."""
    first = document[0] if isinstance(document, list) and document else None
    return (
        isinstance(first, dict) and {"title", "date"} <= first.keys() and bool({"country", "currency"} & first.keys())
    )


def read_events_json(document: list[dict[str, Any]]) -> Table:
    """Read a JSON calendar; events without a date are counted."""
    return _events("json", list(document[0]), [str(event.get("date") or "") for event in document])


def read_events_xml(data: bytes) -> Table:
    """Read the weekly or monthly XML of ForexFactory: dates month- or day-first, times as 11:50pm."""
    text = data.decode("utf-8", "replace")
    root = re.search(r"<(\w+)[\s>]", text)
    if root is None or not text.rstrip().endswith(f"</{root[1]}>"):
        raise UnreadableError("truncated XML: the root element is not closed")
    events = [{name: cdata or plain for name, cdata, plain in FIELD.findall(body)} for body in EVENT.findall(text)]
    if not events or "date" not in events[0]:
        raise UnreadableError("XML, but no calendar: no <event> with a <date>")
    dates = [event.get("date", "").split("-") for event in events]
    day_first = any(date[0] > "12" for date in dates if len(date) == 3)
    stamps = [
        f"{date[2]}-{date[1 if day_first else 0]}-{date[0 if day_first else 1]} {_clock(event.get('time', ''))}"
        if len(date) == 3
        else ""
        for date, event in zip(dates, events, strict=True)
    ]
    return _events("xml", list(events[0]), stamps)


def _events(format_: str, columns: list[str], texts: list[str]) -> Table:
    dated = [text for text in texts if text]
    try:
        stamps = stamps_of(pa.array(dated, pa.string()))
    except ValueError as error:
        raise UnreadableError(str(error)) from error
    return Table(format_, FileKind.CALENDAR, tuple(columns), len(texts), stamps, {})


def _clock(text: str) -> str:
    """Return 23:50 for 11:50pm; all-day and tentative events stand at midnight."""
    match = CLOCK.fullmatch(text.strip())
    if match is None:
        return "00:00"
    return f"{int(match[1]) % 12 + (12 if match[3].lower() == 'pm' else 0):02d}:{match[2]}"
