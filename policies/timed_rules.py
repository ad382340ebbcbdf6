"""From the news and the weekends of a plan to the timetable of its instruments.

Nothing is opened that could still fill, or settle, within a window or over a weekend: an order takes its latency and,
where bars move the market, the bar that it fills at. What may not be held is closed so far ahead that a close which is
asked for at the first row of that time fills at the next one; `exit_ns` is left for a second try. In a window itself
nothing is closed: who may hold through the news need not trade in it.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from market.instruments import Kind
from market.money import INT64_MAX
from market.records import Records
from policies.intents import Rule
from policies.news import windows_of
from policies.plan import NewsPlan, Plan, WeekendPlan
from policies.timetable import FIRST_NS, Stretch, Timetable, no_timetable, open_timetable

SECOND_NS: Final = 10**9


def timetable_of(plan: Plan, instruments: Records) -> Timetable:
    """Return the timetable of a plan's instruments; ValueError where a rule would never let one of them trade."""
    rules = plan.rules
    if rules.news is None and not rules.weekends:
        return no_timetable()
    if not rules.profiles:
        raise ValueError("news, weekends: no profile is active, so nothing would ever ask for them")
    if not rules.flattens and (rules.weekends or (rules.news is not None and rules.news.closes)):
        raise ValueError("flattens = 0: nothing would close what may not be held; 1 is allowed")
    rows = []
    for number, row in enumerate(instruments):
        bar_ns, contract = int(instruments[row.underlying].bar_ns), row.kind == Kind.BINARY
        fills_ns = int(row.latency_ns) + bar_ns
        reach = _Reach(fills_ns + int(row.expiry_ns), 0 if contract else rules.exit_ns + fills_ns + bar_ns, fills_ns)
        stretches = [*_around_news(rules.news, number, reach)]
        for weekend in rules.weekends:
            if number in weekend.instruments:
                stretches += _over_weekends(weekend, reach, plan.instruments[number].key)
        rows.append(stretches)
    return open_timetable(rows)


class _Reach(NamedTuple):
    """How far what is opened reaches, how long before a time closing begins (0: it cannot), how long a fill takes."""

    opens_ns: int
    closes_ns: int
    fills_ns: int

    def refuses_from(self, time_ns: int, *, closes: bool) -> int:
        """Return from when on nothing is opened for what begins at a time, and what is held must be closed by."""
        return time_ns - self.opens_ns - (self.closes_ns if closes else 0)


def _around_news(news: NewsPlan | None, number: int, reach: _Reach) -> Iterator[Stretch]:
    if news is None:
        return
    closes, window_ns = news.closes != 0, news.window_s * SECOND_NS
    yield Stretch(FIRST_NS, news.from_s * SECOND_NS + window_ns, Rule.NO_NEWS.value)
    unknown_ns = reach.refuses_from(news.until_s * SECOND_NS - window_ns, closes=closes)
    yield Stretch(unknown_ns, INT64_MAX, Rule.NO_NEWS.value)
    for first_s, last_s in windows_of(news.events, news.currencies[number], news.window_s, news.window_s):
        begin, end = first_s * SECOND_NS, last_s * SECOND_NS + 1
        yield Stretch(reach.refuses_from(begin, closes=closes), end, Rule.NEWS.value)
        if closes and reach.closes_ns:
            yield Stretch(begin - reach.closes_ns, begin - reach.fills_ns, 0, Rule.NEWS.value)


def _over_weekends(weekend: WeekendPlan, reach: _Reach, key: str) -> Iterator[Stretch]:
    yield Stretch(FIRST_NS, weekend.from_s * SECOND_NS, Rule.NO_CALENDAR.value)
    yield Stretch(weekend.until_s * SECOND_NS, INT64_MAX, Rule.NO_CALENDAR.value)
    opened_ns = FIRST_NS
    for shuts_s, opens_s in weekend.rests_s:
        shuts, opens = shuts_s * SECOND_NS, opens_s * SECOND_NS
        refuses = reach.refuses_from(shuts, closes=True)
        if refuses <= opened_ns:
            raise ValueError(
                f"{key}: it must be closed {(shuts - refuses) / 1e9:g} s before a weekend, and would never be open; "
                "shorter bars, a smaller guard.exit_minutes, or a profile that may hold is allowed"
            )
        yield Stretch(refuses, opens, Rule.WEEKEND.value)
        if reach.closes_ns:
            yield Stretch(shuts - reach.closes_ns, opens, 0, Rule.WEEKEND.value)
        opened_ns = opens
