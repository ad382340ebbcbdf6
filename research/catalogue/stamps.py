"""Stamps: a column of times in whatever form -> int64 nanoseconds, and which clock they are on.

Text is brought to ISO-8601 by rewrite rules, then parsed at once. A row whose stamp cannot be read is counted, never
guessed. Stamps without a zone are taken as they stand.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from market.tape import Int64

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
NAT: Final = np.iinfo(np.int64).min
UTC_TEXT: Final = "UTC"
NAIVE_TEXT: Final = "no zone stated, taken as UTC"
DATE_TEXT: Final = "trading date (midnight label)"
UNITS: Final = ((10**11, 10**9), (10**14, 10**6), (10**17, 10**3), (2**63 - 1, 1))
"""Epoch numbers below the first are in the unit of the second (ns): seconds end in 5138, milliseconds too."""

REWRITES: Final = tuple(
    (re.compile(pattern), pattern, to)
    for pattern, to in (
        (r"^(\d{4})[./](\d{2})[./](\d{2})", r"\1-\2-\3"),  # MetaTrader 2015.01.02
        (r"^(\d{2})\.(\d{2})\.(\d{4})", r"\3-\2-\1"),  # Dukascopy 31.12.2019
        (r"^(\d{4})(\d{2})(\d{2})($|[ T;])", r"\1-\2-\3\4"),  # HistData 20210401 170000
        (r"^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})$", r"\1-\2-\3 \4:\5:\6"),
        (r"^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})$", r"\1-\2-\3 \4:\5"),
        (r"[ T;](\d{2})(\d{2})(\d{2})$", r" \1:\2:\3"),
        (r"[ T;](\d{2})(\d{2})(\d{2})(\d{3,9})$", r" \1:\2:\3.\4"),  # HistData 170000065
        (r"[ T;](\d{2})(\d{2})$", r" \1:\2"),
        (r"[ T](\d):", r" 0\1:"),
        (r",(\d+)$", r".\1"),
        (r" ?(GMT|UTC)$", "Z"),
        (r" (GMT|UTC)?([+-]\d{2}):?(\d{2})$", r"\2:\3"),  # Dukascopy GMT+0100
    )
)
ZONED: Final = r"(Z|[+-]\d{2}:?\d{2})$"
ISO: Final = (
    r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])([ T]([01]\d|2[0-3])(:[0-5]\d(:[0-5]\d(\.\d{1,9})?)?)?"
    r"(Z|[+-]\d{2}:?\d{2})?)?$"
)


class Stamps(NamedTuple):
    """Times in ns (`NAT` where unreadable), what the clock is called, and whether it is UTC."""

    time_ns: Int64
    zone: str
    is_utc: bool = True

    @property
    def readable(self) -> NDArray[np.bool_]:
        """Tell row by row whether there is a time."""
        return self.time_ns != NAT


def stamps_of(column: pa.Array | pa.ChunkedArray) -> Stamps:
    """Read an Arrow column of timestamps, dates, epoch numbers or text; ValueError when it holds no times."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    kind = column.type
    if pa.types.is_timestamp(kind):
        return Stamps(_ns(column), UTC_TEXT if kind.tz else NAIVE_TEXT)
    if pa.types.is_date(kind):
        return Stamps(_ns(column.cast(pa.timestamp("s"))), DATE_TEXT)
    if pa.types.is_dictionary(kind):
        return stamps_of(column.cast(kind.value_type))
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return _numbers(column)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _texts(column)
    raise ValueError(f"times of type {kind} are not known")


def _ns(column: pa.Array) -> Int64:
    whole = column.cast(pa.timestamp("ns", column.type.tz)).cast(pa.int64())
    return np.asarray(whole.fill_null(int(NAT)).to_numpy(zero_copy_only=False), np.int64)


def _numbers(column: pa.Array) -> Stamps:
    """Read epoch numbers in the unit that their size tells, or whole numbers that spell a date."""
    if pa.types.is_integer(column.type):
        digits = pc.cast(column, pa.string())
        if _spells_a_date(digits):
            return _texts(digits)
    values = np.asarray(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), np.float64)
    seen = values[np.isfinite(values)]
    if len(seen) == 0 or np.median(seen) <= 0:
        raise ValueError("its time column holds no epoch times")
    unit = next(unit for limit, unit in UNITS if np.median(seen) < limit)
    if pa.types.is_integer(column.type):
        whole = np.asarray(column.fill_null(0).to_numpy(zero_copy_only=False), np.int64)
        return Stamps(np.where(np.isfinite(values), whole * unit, NAT), "UTC (epoch)")
    whole_part = np.floor(np.where(np.isfinite(values), values, 0.0))
    rest = np.rint((np.nan_to_num(values) - whole_part) * unit).astype(np.int64)
    time_ns = whole_part.astype(np.int64) * unit + rest
    return Stamps(np.where(np.isfinite(values), time_ns, NAT), "UTC (epoch)")


def _spells_a_date(digits: pa.Array) -> bool:
    first = next((text for text in digits[:100].to_pylist() if text), "")
    return re.fullmatch(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(\d{4}|\d{6})?", first) is not None


def _texts(column: pa.Array) -> Stamps:
    """Rewrite text to ISO-8601 and parse it; numbers in text are epoch times."""
    text = pc.utf8_trim_whitespace(column)
    sample = [value for value in [*text[:100].to_pylist(), *text[-100:].to_pylist()] if value]
    if not sample:
        raise ValueError("its time column is empty")
    if re.fullmatch(r"\d{9,10}(\.\d+)?|\d{13}|\d{16}|\d{19}", sample[0]):
        numbers = pc.if_else(pc.match_substring_regex(text, r"^\d+(\.\d+)?$"), text, None)
        return _numbers(pc.cast(numbers, pa.float64() if "." in sample[0] else pa.int64()))
    shown = sample[0]
    if any("/" in value[:3] for value in sample):
        text = _slashed(text)
        sample = [value for value in text[:100].to_pylist() if value]
    for pattern, source, to in REWRITES:
        if any(pattern.search(value) for value in sample):
            text = pc.replace_substring_regex(text, source, to)
            sample = [pattern.sub(to, value) for value in sample]
    time_ns, zoned = _parse(text)
    if not np.any(time_ns != NAT):
        raise ValueError(f"its times are not understood, e.g. {shown!r}")
    if zoned:
        return Stamps(time_ns, UTC_TEXT)
    return Stamps(time_ns, DATE_TEXT if all(len(value) == 10 for value in sample) else NAIVE_TEXT)


def _slashed(text: pa.Array) -> pa.Array:
    """Turn 31/12/2019 or 12/31/2019 to ISO; ValueError where no day above 12 tells which is meant."""
    parts = pc.extract_regex(text, r"^(?P<a>\d{2})/(?P<b>\d{2})/(?P<y>\d{4})")
    first, second = (pc.max(pc.struct_field(parts, name)).as_py() or "" for name in "ab")
    if first > "12" and second > "12":
        raise ValueError("its dates mix day/month/year and month/day/year")
    if first <= "12" and second <= "12":
        raise ValueError("its dates could be day/month or month/day; write YYYY-MM-DD")
    to = r"\3-\2-\1" if first > "12" else r"\3-\1-\2"
    return pc.replace_substring_regex(text, r"^(\d{2})/(\d{2})/(\d{4})", to)


def _parse(text: pa.Array) -> tuple[Int64, bool]:
    """Parse ISO-8601 text; return times and whether any carried a zone."""
    iso = pc.match_substring_regex(text, ISO)
    zoned = pc.and_(iso, pc.match_substring_regex(text, ZONED))
    out = np.full(len(text), NAT, np.int64)
    for mask, zone in ((zoned, "UTC"), (pc.and_not(iso, zoned), None)):
        chosen = np.asarray(mask.fill_null(False).to_numpy(zero_copy_only=False), np.bool_)
        if not chosen.any():
            continue
        part = text.filter(mask)
        try:
            out[chosen] = _ns(pc.cast(part, pa.timestamp("ns", zone)))
        except pa.ArrowInvalid:  # the 31st of February: row by row, the good ones count
            out[chosen] = [_one(value) for value in part.to_pylist()]
    return out, bool(pc.any(zoned).as_py())


def _one(text: str) -> int:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return int(NAT)
    return int((when.replace(tzinfo=when.tzinfo or UTC) - EPOCH) / timedelta(microseconds=1)) * 1000
