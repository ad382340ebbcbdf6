"""Raw payloads, as a venue sent them: counted, and their span read off the stamps of the first and last lines."""

import json
import re
from typing import Any, Final

import numpy as np
import pyarrow as pa

from research.catalogue.entry import NANOSECONDS, FileKind
from research.catalogue.events import is_calendar, read_events_json
from research.catalogue.stamps import Stamps, stamps_of
from research.catalogue.tables import Table, UnreadableError

LOCAL_STAMP: Final = re.compile(rb"(\d{19}|\d{16}|\d{13}|\d{10}) ?[\[{]")
CAPTURE_STAMP: Final = re.compile(rb"(?:\S+ (?:<->|<-|->) )?(\d{10})\.(\d{1,9})(?::|$)")
NAMED_STAMP: Final = re.compile(rb'"(?:time|date|timestamp|ts)": ?"?(\d{4}-\d\d-\d\d[T ][0-9:.+Z-]+|\d{10,19})')
EDGE_LINES: Final = 20
"""Lines looked at from each end for a stamp; a line of configuration may stand before or behind the records."""

LISTS: Final = ("data", "history", "result", "candles")
TRADE_COLUMNS: Final = ("timestamp", "id", "type", "side", "price", "amount", "cost")


def read_raw(data: bytes) -> Table:
    """Read JSON, JSON lines or a log of stamped payloads; a JSON calendar or list of trades is decoded."""
    if data.lstrip()[:1] in (b"{", b"[", b'"'):
        try:
            document = json.loads(data)
        except ValueError as error:
            if b"\n" not in data.strip():
                raise UnreadableError(f"broken JSON: {error}") from error
            return _lines(data, "jsonl")
        if is_calendar(document):
            return read_events_json(document)
        if _is_trades(document):
            return _trades(document)
        rows = _records(document)
        return _raw("json", rows, _named_span([data[:400], data[-400:]] if rows > 1 else []))
    return _lines(data, "log")


def _lines(data: bytes, format_: str) -> Table:
    """Count lines; check that the first and the last are whole."""
    rows = data.count(b"\n") + (not data.endswith(b"\n"))
    first = data[: 1 << 20].split(b"\n", EDGE_LINES)[:EDGE_LINES]
    last = [line for line in data[-(1 << 20) :].rsplit(b"\n", EDGE_LINES)[1:] if line]
    if format_ == "jsonl":
        for number, line in ((1, first[0]), (rows, (last or first)[-1])):
            if len(line) < 1 << 20 and not _is_json(line):
                raise UnreadableError(f"broken JSON in line {number}")
        return _raw(format_, rows, _named_span([first[0][:400], (last or first)[-1][-400:]]))
    local = [_local(line) for line in (*first, *last)]
    if any(local):
        return _raw("log", rows, _span(local))
    capture = [_capture(line) for line in (*first, *last)]
    if any(capture):
        return _raw("capture", rows, _span(capture))
    raise UnreadableError("text that is neither JSON nor lines with a stamp")


def _raw(format_: str, rows: int, stamps: Stamps) -> Table:
    return Table(format_, FileKind.RAW, (), rows, stamps, {})


def _local(line: bytes) -> int | None:
    match = LOCAL_STAMP.match(line)
    return int(match[1]) * 10 ** (19 - len(match[1])) if match else None


def _capture(line: bytes) -> int | None:
    match = CAPTURE_STAMP.match(line)
    return int(match[1]) * NANOSECONDS + int(match[2].ljust(9, b"0")) if match else None


def _span(found: list[int | None]) -> Stamps:
    times = [time_ns for time_ns in found if time_ns is not None]
    return Stamps(np.array([min(times), max(times)], np.int64), "UTC (local receive time)")


def _named_span(edges: list[bytes]) -> Stamps:
    """Read the stamps that the first and last record carry under a name like `time`."""
    texts = [match[1].decode() for edge in edges if (match := NAMED_STAMP.search(edge))]
    try:
        stamps = stamps_of(pa.array(texts, pa.string())) if texts and len(texts) == len(edges) else None
    except ValueError:
        stamps = None
    if stamps is None or not stamps.readable.all():
        return Stamps(np.zeros(0, np.int64), "as the venue sends it")
    return stamps._replace(time_ns=np.sort(stamps.time_ns))


def _records(document: Any) -> int:
    """Count the elements of a list, or of the list that a reply carries under a usual name; else one document."""
    if isinstance(document, dict):
        document = next((document[name] for name in LISTS if isinstance(document.get(name), list)), None)
    return len(document) if isinstance(document, list) and document else 1


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _is_trades(document: Any) -> bool:
    """Tell freqtrade's list of trades: [ms, id, type, side, price, amount, cost]."""
    first = document[0] if isinstance(document, list) and document else None
    return (
        isinstance(first, list)
        and len(first) == len(TRADE_COLUMNS)
        and isinstance(first[0], int)
        and first[3] in {"buy", "sell"}
    )


def _trades(document: list[list[Any]]) -> Table:
    stamps = stamps_of(pa.array([row[0] for row in document], pa.int64()))
    values = {"price": np.array([row[4] for row in document]), "qty": np.array([row[5] for row in document])}
    return Table("json", FileKind.TRADES, TRADE_COLUMNS, len(document), stamps, values)
