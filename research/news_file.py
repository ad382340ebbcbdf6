"""A calendar of news as a user has it: a CSV file with the columns time, currency, impact and title.

Times are UTC, or say how far they are from it; a day alone is an event without a time, which lasts the whole day where
its currency is at home. The calendar is taken to be complete from the UTC day of its first row to the end of the UTC
day of its last one; a row of impact `none` may say so where nothing happens. One mistake is one line: file, line,
column, value and what is allowed.
"""

import csv
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Final

from msgspec import Struct

from policies.calendars import SECOND_NS, instant_of, reset_ns
from policies.news import EVERYONE
from policies.plan import NewsEvent
from research.configuration import ConfigurationError

COLUMNS: Final = ("time", "currency", "impact", "title")
IMPACTS: Final = ("high", "medium", "low", "holiday", "none")
TITLE_MAX: Final = 200
BYTES_MAX: Final = 100 * 1024 * 1024
GAP_DAYS_MAX: Final = 14
"""Days without any row: longer than the quietest weeks of a year, so a longer gap is a part that is missing."""
YEARS: Final = (1971, 2200)
DAY_S: Final = 86_400

HOMES: Final[Mapping[str, str]] = {
    "USD": "America/New_York", "EUR": "Europe/Berlin", "GBP": "Europe/London", "JPY": "Asia/Tokyo",
    "CHF": "Europe/Zurich", "AUD": "Australia/Sydney", "NZD": "Pacific/Auckland", "CAD": "America/Toronto",
    "CNY": "Asia/Shanghai",
}  # fmt: skip
"""Where a currency is at home; the day of any other one is that of the whole earth, fifty hours."""
EARTH: Final = ("Etc/GMT-14", "Etc/GMT+12")


class NewsFile(Struct, frozen=True, kw_only=True):
    """What a file holds: its hash and rows, its days, its currencies, and its events of high impact in order."""

    path: str
    sha256: str
    rows: int
    from_s: int
    until_s: int
    currencies: frozenset[str]
    gaps_s: tuple[tuple[int, int], ...]
    events: tuple[NewsEvent, ...]


def read_news(path: Path) -> NewsFile:
    """Read a calendar; ConfigurationError names file, line, column, value and what is allowed."""
    content = _content(path)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: not UTF-8 at byte {error.start}; a CSV file in UTF-8 is allowed") from None
    rows = list(_rows(path, text))
    if not rows:
        raise ConfigurationError(f"{path}: no row; at least one is allowed, of impact none where nothing happens")
    rows.sort(key=lambda row: (row[1].from_s, row[1].until_s))
    days = sorted({event.from_s // DAY_S for _, event in rows} | {event.until_s // DAY_S for _, event in rows})
    return NewsFile(
        path=str(path),
        sha256=hashlib.sha256(content).hexdigest(),
        rows=len(rows),
        from_s=days[0] * DAY_S,
        until_s=(days[-1] + 1) * DAY_S,
        currencies=frozenset(event.currency for _, event in rows),
        gaps_s=tuple(((one + 1) * DAY_S, other * DAY_S) for one, other in pairwise(days) if other - one > GAP_DAYS_MAX),
        events=tuple(dict.fromkeys(event for impact, event in rows if impact == "high")),
    )


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(BYTES_MAX + 1)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}; the path of a CSV file is allowed") from error
    if len(content) > BYTES_MAX:
        raise ConfigurationError(f"{path}: more than {BYTES_MAX // 1024**2} MB; a smaller file is allowed")
    return content


def _rows(path: Path, text: str) -> Iterator[tuple[str, NewsEvent]]:
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    try:
        header = next(reader, [])
        if tuple(name.strip().lower() for name in header) != COLUMNS:
            raise ConfigurationError(
                f"{path}: line 1: {','.join(header)!r}: the header {','.join(COLUMNS)} is allowed"
            )  # fmt: skip
        for cells in reader:
            if cells:
                yield _event(f"{path}: line {reader.line_num}", [cell.strip() for cell in cells])
    except csv.Error as error:
        raise ConfigurationError(f"{path}: line {reader.line_num}: {error}; a CSV file is allowed") from error


def _event(where: str, cells: Sequence[str]) -> tuple[str, NewsEvent]:
    if len(cells) != len(COLUMNS):
        raise ConfigurationError(f"{where}: {len(cells)} cells; {len(COLUMNS)} are allowed: {', '.join(COLUMNS)}")
    when, currency, impact, title = cells
    if currency != EVERYONE and not (len(currency) == 3 and currency.isascii() and currency.isalpha()
                                     and currency.isupper()):  # fmt: skip
        raise ConfigurationError(f"{where}: currency {currency!r}: a code as USD, or {EVERYONE}, is allowed")
    if impact.lower() not in IMPACTS:
        raise ConfigurationError(f"{where}: impact {impact!r}: {', '.join(IMPACTS)} is allowed")
    if not title or len(title) > TITLE_MAX or not title.isprintable():
        raise ConfigurationError(
            f"{where}: title {title[:40]!r}: printable text of 1 to {TITLE_MAX} letters is allowed"
        )
    return impact.lower(), NewsEvent(*_span(where, when, currency), currency, title)


def _span(where: str, text: str, currency: str) -> tuple[int, int]:
    """Return the first and the last second of an event."""
    try:
        if len(text) == len("2026-01-31"):
            return day_of(date.fromisoformat(text), currency)
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        if not YEARS[0] <= moment.year <= YEARS[1]:
            raise ValueError
    except (ValueError, OverflowError):
        raise ConfigurationError(
            f"{where}: time {text!r}: a time of UTC from {YEARS[0]} to {YEARS[1]} as 2026-01-30T13:30, or a day as "
            "2026-01-30 for an event without a time, is allowed"
        ) from None
    second = instant_of(moment.replace(microsecond=0)) // SECOND_NS
    return second, second


def day_of(day: date, currency: str) -> tuple[int, int]:
    """Return the first and the last second of a day where a currency is at home; ValueError far from today."""
    if not YEARS[0] <= day.year <= YEARS[1]:
        raise ValueError
    first, last = (HOMES[currency],) * 2 if currency in HOMES else EARTH
    return reset_ns(day, first) // SECOND_NS, reset_ns(day + timedelta(days=1), last) // SECOND_NS - 1
