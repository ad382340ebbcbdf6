"""From profiles that mind the time to the news and the weekends of a plan, for what is traded while the run lasts.

A profile that forbids to trade around the news needs a calendar of it, one that forbids to hold over a weekend the
hours of its markets. What is missing, or does not reach over the whole run, is refused before it starts.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from market.instruments import Instrument, Kind
from policies.calendars import SECOND_NS, CalendarError, moment_of
from policies.news import EVERYONE, concerns, currencies_of
from policies.plan import NewsPlan, RulesPlan, WeekendPlan
from policies.sessions import Hours, calendar_of
from research.config_accounts import Guard, Objectives
from research.config_sections import AccountProfile, InstrumentOverride, MarketHours
from research.config_sections import Hours as HoursSection
from research.configuration import ConfigurationError
from research.news_file import HOMES, NewsFile

MARGIN_NS: Final = 21 * 86_400 * SECOND_NS
"""Weekends are known so far beyond the first and the last row: what falls due after it is judged as well."""


class Markets(NamedTuple):
    """What is traded, in the plan's order, the hours of its markets, and the news (None: no calendar was given)."""

    instruments: Sequence[Instrument]
    hours: HoursSection
    overrides: Mapping[str, InstrumentOverride]
    news: NewsFile | None = None


def timed_terms(
    accounts: Sequence[AccountProfile], markets: Markets | None, start_ns: int, end_ns: int
) -> dict[str, Any]:  # fmt: skip
    """Return the terms of a RulesPlan that mind the time; ConfigurationError where one would never be fed."""
    own = [(one.name, one.objectives) for one in accounts if one.objectives is not None]
    news = [(name, one) for name, one in own if one.news_minutes > 0]
    resting = [name for name, one in own if not one.weekend_hold]
    found: dict[str, Any] = {}
    early = [one.name for one in accounts if one.guard is not None and one.guard.exit_before_news]
    if early and not news:
        raise ConfigurationError(
            f"profile {early[0]}: guard.exit_before_news = true: objectives.news_minutes = 0, so it would never "
            "strike; false, or minutes around the news, is allowed"
        )
    if news:
        found["news"] = replace(_news_plan(news, markets, start_ns, end_ns), closes=int(bool(early)))
    if resting:
        found["weekends"] = _weekends(resting[0], markets, start_ns, end_ns)
    if may_close(found):
        minutes = max((one.guard or Guard()).exit_minutes for one in accounts)
        found["exit_ns"] = minutes * 60 * SECOND_NS
    return found


def may_close(timed: Mapping[str, Any]) -> bool:
    """Tell whether these terms ever ask for something to be closed."""
    return bool(timed.get("weekends")) or ("news" in timed and timed["news"].closes != 0)


def timed_until(rules: RulesPlan) -> Iterator[tuple[str, int]]:
    """Yield what minds the time by name, and the second of UTC from which on it says nothing."""
    if rules.news is not None:
        yield f"calendar of news {rules.news.source.partition('#')[0]}", rules.news.until_s
    for weekend in rules.weekends:
        yield f"weekends of {weekend.zone} {weekend.opens} to {weekend.closes}", weekend.until_s


def _news_plan(
    asked: Sequence[tuple[str, Objectives]], markets: Markets | None, start_ns: int, end_ns: int
) -> NewsPlan:  # fmt: skip
    name, widest = max(asked, key=lambda item: item[1].news_minutes)
    if markets is None or markets.news is None:
        raise ConfigurationError(
            f"profile {name}: objectives.news_minutes = {widest.news_minutes}: no calendar of news is given, so it "
            "would never strike; --news FILE, account.news, or a profile without it is allowed"
        )
    file = markets.news
    currencies = tuple(_currencies(instrument, markets.overrides) for instrument in markets.instruments)
    _refuse_uncovered(file, markets.instruments, currencies, start_ns, end_ns)
    every = frozenset(currency for own in currencies for currency in own)
    first_s, last_s = (start_ns - MARGIN_NS) // SECOND_NS, (end_ns + MARGIN_NS) // SECOND_NS
    return NewsPlan(
        source=f"{Path(file.path).name}#{file.sha256}",
        from_s=file.from_s,
        until_s=file.until_s,
        window_s=widest.news_minutes * 60,
        closes=0,
        currencies=currencies,
        events=tuple(
            event
            for event in file.events
            if concerns(event, every) and event.until_s >= first_s and event.from_s <= last_s
        ),
    )


def _currencies(instrument: Instrument, overrides: Mapping[str, InstrumentOverride]) -> tuple[str, ...]:
    symbol = (instrument.underlying or instrument.key).partition("@")[0]
    own = overrides.get(symbol)
    return currencies_of(instrument) if own is None or own.news_currencies is None else own.news_currencies


def _refuse_uncovered(
    file: NewsFile, instruments: Sequence[Instrument], currencies: Sequence[tuple[str, ...]], start_ns: int, end_ns: int
) -> None:
    """Refuse a calendar that does not reach over the run, has a part missing, or never names what is traded."""
    span = f"{_shown(start_ns + 1)} to {_shown(end_ns)}"
    if file.from_s * SECOND_NS > start_ns + 1 or file.until_s * SECOND_NS <= end_ns:
        raise ConfigurationError(
            f"{file.path}: it covers {_shown(file.from_s * SECOND_NS)} to {_shown(file.until_s * SECOND_NS)}, the run "
            f"lasts from {span}; a calendar of the whole run, or --start and --end within it, is allowed"
        )
    for begin_s, end_s in file.gaps_s:
        if begin_s * SECOND_NS <= end_ns and end_s * SECOND_NS > start_ns:
            raise ConfigurationError(
                f"{file.path}: no row from {_shown(begin_s * SECOND_NS)} to {_shown(end_s * SECOND_NS)}: a part is "
                "missing; rows of impact none are allowed where nothing happens"
            )
    for instrument, own in zip(instruments, currencies, strict=True):
        money = own if instrument.kind is Kind.FX else [currency for currency in own if currency in HOMES]
        unknown = [currency for currency in money if currency not in file.currencies]
        if unknown and EVERYONE not in file.currencies:
            raise ConfigurationError(
                f"{file.path}: no row of {unknown[0]}, which moves {instrument.key}; a row of impact none, or "
                f"instrument.{instrument.symbol}.news_currencies without it, is allowed"
            )


def _weekends(
    profile: str, markets: Markets | None, start_ns: int, end_ns: int
) -> tuple[WeekendPlan, ...]:  # fmt: skip
    if markets is None:
        raise ConfigurationError(
            f"profile {profile}: objectives.weekend_hold = false: nothing is said of the hours of markets, so it would "
            "never strike; a plan that was made for its data is allowed"
        )
    kinds: dict[Kind, list[int]] = {}
    keys = {instrument.key: instrument for instrument in markets.instruments}
    for number, instrument in enumerate(markets.instruments):
        kind = keys[instrument.underlying].kind if instrument.underlying else instrument.kind
        kinds.setdefault(kind, []).append(number)
    return tuple(
        _weekend(f"hours.{kind.name.lower()}", getattr(markets.hours, kind.name.lower()), numbers, start_ns, end_ns)
        for kind, numbers in kinds.items()
    )


def _weekend(where: str, own: MarketHours, numbers: Sequence[int], start_ns: int, end_ns: int) -> WeekendPlan:
    """Return what lies between the weeks of a market, as far as the run needs it."""
    hours = Hours(own.zone, own.opens, own.closes, own.weekdays, frozenset(own.holidays), tuple(own.early.items()))
    try:
        weeks = calendar_of(hours, start_ns - MARGIN_NS, end_ns + MARGIN_NS).weeks
    except (CalendarError, ValueError) as error:
        raise ConfigurationError(f"{where}: {error}") from error
    shuts, opens = (weeks.closes[:-1] // SECOND_NS).tolist(), (weeks.opens[1:] // SECOND_NS).tolist()
    if any(shut >= open_ for shut, open_ in zip(shuts, opens, strict=True)):
        raise ConfigurationError(
            f"{where}: it never closes, so objectives.weekend_hold = false would never strike; hours with a weekend, "
            "or a profile that may hold, is allowed"
        )
    return WeekendPlan(
        zone=own.zone,
        opens=own.opens,
        closes=own.closes,
        instruments=tuple(numbers),
        from_s=int(weeks.opens[0]) // SECOND_NS,
        until_s=int(weeks.opens[-1]) // SECOND_NS,
        rests_s=tuple(zip(shuts, opens, strict=True)),
    )


def _shown(time_ns: int) -> str:
    return f"{moment_of(time_ns):%Y-%m-%d %H:%M} UTC"
