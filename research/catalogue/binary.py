"""Binary history files: Dukascopy .bi5 (LZMA) and .bin, MetaTrader 4 .hst. Fixed records, decoded by numpy."""

import lzma
import re
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Final

import numpy as np

from market.tape import Int64
from research.catalogue.entry import NANOSECONDS, FileKind
from research.catalogue.names import METALS, pair_of
from research.catalogue.stamps import Stamps
from research.catalogue.tables import About, Table, UnreadableError
from research.catalogue.text import BROKER_ZONE

QUOTE_RECORD: Final = np.dtype(
    [("ms", ">u4"), ("ask", ">u4"), ("bid", ">u4"), ("ask_size", ">f4"), ("bid_size", ">f4")]
)
BAR_RECORD: Final = np.dtype(
    [("s", ">u4"), ("open", ">u4"), ("close", ">u4"), ("low", ">u4"), ("high", ">u4"), ("volume", ">f4")]
)
HST_HEADER_BYTES: Final = 148
HST_RECORDS: Final = {
    400: np.dtype([("time", "<i4"), *((name, "<f8") for name in ("open", "low", "high", "close", "volume"))]),
    401: np.dtype(
        [
            ("time", "<i8"),
            *((name, "<f8") for name in ("open", "high", "low", "close")),
            ("volume", "<i8"),
            ("spread", "<i4"),
            ("real_volume", "<i8"),
        ]
    ),
}
WHEN: Final = re.compile(r"(?P<symbol>[^/]+)/(?P<y>\d{4})(/(?P<m>\d{2}))?(/(?P<d>\d{2}))?/(?P<name>[^/]+)$")
HOUR: Final = re.compile(r"(\d{2})h_ticks\.(bi5|bin)")
BARS: Final = re.compile(r"(BID|ASK)_candles_(min|hour|day)_1\.(bi5|bin)")
BAR_STEPS: Final = {"min": 60 * NANOSECONDS, "hour": 3600 * NANOSECONDS, "day": 86_400 * NANOSECONDS}


def read_dukascopy(path: PurePosixPath, data: bytes) -> Table:
    """Decode an hour of quotes or a file of bars; the path must tell its time: SYMBOL/2019/01/04/00h_ticks.bi5.

    Months in the path count from 00. Prices are integers of a point: 0.001 for yen and metals, else 0.00001.
    """
    where = WHEN.search(str(path))
    name = path.name
    if where is None or not (HOUR.fullmatch(name) or BARS.fullmatch(name)):
        raise UnreadableError("its path tells no time; wanted SYMBOL/YYYY/MM/DD/00h_ticks.bi5 (months count from 00)")
    start_ns, symbol = _start_ns(where, name), pair_of(where["symbol"]) or where["symbol"].upper()
    point = 1000 if symbol.endswith("JPY") or symbol[:3] in METALS else 100_000
    body = _unpacked(data) if path.suffix == ".bi5" else data
    record = QUOTE_RECORD if HOUR.fullmatch(name) else BAR_RECORD
    if len(body) % record.itemsize:
        raise UnreadableError(f"truncated: {len(body)} bytes are no whole number of {record.itemsize}-byte records")
    rows = np.frombuffer(body, record)
    prices = ("bid", "ask") if record is QUOTE_RECORD else ("open", "high", "low", "close")
    values = {price: rows[price] / point for price in prices}
    values |= {
        field: rows[field].astype(np.float32) for field in record.names or () if field.endswith(("size", "volume"))
    }
    if record is QUOTE_RECORD:
        time_ns = start_ns + rows["ms"].astype(np.int64) * 10**6
        kind, step = FileKind.QUOTES, None
    else:
        time_ns = start_ns + rows["s"].astype(np.int64) * NANOSECONDS
        kind, step = FileKind.BARS, BAR_STEPS[name.split("_")[2]]
    about = About(symbol, "dukascopy", step)
    return Table(path.suffix[1:], kind, tuple(record.names or ()), len(rows), Stamps(time_ns, "UTC"), values, about)


def read_hst(data: bytes) -> Table:
    """Decode a MetaTrader 4 history file; its stamps are on the broker's clock, which the file does not name."""
    if len(data) < HST_HEADER_BYTES:
        raise UnreadableError("truncated: shorter than the header of an hst file")
    version, period = int(np.frombuffer(data, "<i4", 1)[0]), int(np.frombuffer(data, "<i4", 1, 80)[0])
    record = HST_RECORDS.get(version)
    if record is None:
        raise UnreadableError(f"hst version {version} is not known; wanted 400 or 401")
    symbol = data[68:80].split(b"\0")[0].decode("ascii", "replace")
    whole, rest = divmod(len(data) - HST_HEADER_BYTES, record.itemsize)
    if rest:
        raise UnreadableError(f"truncated: {rest} bytes after {whole} whole bars")
    rows = np.frombuffer(data, record, whole, HST_HEADER_BYTES)
    names = {"volume": "tick_volume"}
    values = {
        names.get(field, field): rows[field].astype(np.float64) for field in record.names or () if field != "time"
    }
    time_ns: Int64 = rows["time"].astype(np.int64) * NANOSECONDS
    about = About(pair_of(symbol) or symbol, None, period * 60 * NANOSECONDS)
    stamps = Stamps(time_ns, BROKER_ZONE, is_utc=False)
    return Table("hst", FileKind.BARS, tuple(record.names or ()), whole, stamps, values, about)


def _start_ns(where: re.Match[str], name: str) -> int:
    """Return the time that the records of a Dukascopy file count from."""
    hour = HOUR.fullmatch(name)
    try:
        start = datetime(
            int(where["y"]), int(where["m"] or 0) + 1, int(where["d"] or 1), int(hour[1]) if hour else 0, tzinfo=UTC
        )
    except ValueError as error:
        raise UnreadableError(f"its path tells no time: {error}") from error
    return int(start.timestamp()) * NANOSECONDS


def _unpacked(data: bytes) -> bytes:
    try:
        return lzma.decompress(data)
    except (lzma.LZMAError, EOFError) as error:
        raise UnreadableError(f"truncated or damaged LZMA: {error}") from error
