"""News: which releases concern which instruments, and when. Never asked in a kernel.

A window reaches from some time before a release to some time behind it, both ends included. A release concerns an
instrument when one of the currencies that move it is the release's own. A firm that forbids to trade in a window
forbids to close as well, stops and targets included; our own rule is about what opens. A calendar that is too old is
no calendar.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from market.instruments import Instrument, Kind
from policies.plan import NewsEvent

EVERYONE: Final = "ALL"
"""The currency of a release that concerns every instrument."""
STALE: Final = "CALENDAR_STALE"
AGE_S_MAX: Final = 86_400
"""A calendar that is older says nothing about what is near."""
DOLLARS: Final = frozenset({"USDT", "USDC", "BUSD"})
"""Currencies of crypto markets that stand for the US dollar."""


class NewsRule(NamedTuple):
    """How far a window reaches, and whether what closes is forbidden in it as well."""

    before_s: int
    after_s: int
    closes: bool


FIRM: Final = NewsRule(120, 120, closes=True)
INTERNAL: Final = NewsRule(1800, 1800, closes=False)
"""What is asked for where no firm asks for anything else."""


def currencies_of(instrument: Instrument) -> tuple[str, ...]:
    """Return the currencies that move an instrument where nobody says: both of a pair, else that of its money."""
    names = (instrument.quote,) if instrument.kind in (Kind.EQUITY, Kind.INDEX) else (instrument.base, instrument.quote)
    return tuple(dict.fromkeys("USD" if name in DOLLARS else name for name in names))


def concerns(event: NewsEvent, currencies: Iterable[str]) -> bool:
    """Tell whether a release concerns what these currencies move."""
    return event.currency == EVERYONE or event.currency in currencies


def windows_of(
    events: Iterable[NewsEvent], currencies: Sequence[str], before_s: int, after_s: int
) -> tuple[tuple[int, int], ...]:
    """Return the windows (first second, last second) of the releases that concern some currencies, joined, in order."""
    found: list[tuple[int, int]] = []
    for begin, end in sorted(
        (event.from_s - before_s, event.until_s + after_s) for event in events if concerns(event, currencies)
    ):
        if found and begin <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((begin, end))
    return tuple(found)


def objections(
    rule: NewsRule, events: Iterable[NewsEvent], currencies: Sequence[str], now_s: int, *, opens: bool, age_s: int = 0
) -> tuple[str, ...]:
    """Return the titles of the releases for which nothing may be done now, or STALE; nothing where it may be.

    `age_s` is how long ago the calendar was known to be complete.
    """
    if opens and age_s > AGE_S_MAX:
        return (STALE,)
    if not opens and not rule.closes:
        return ()
    return tuple(
        event.title
        for event in events
        if concerns(event, currencies) and event.from_s - rule.before_s <= now_s <= event.until_s + rule.after_s
    )
