"""From the news and the weekends of a plan to stretches: how far ahead nothing is opened, and what is closed when."""

import msgspec
import pytest

from policies.assembly import book_of, instruments_of
from policies.floors import Mode
from policies.intents import Rule
from policies.plan import NewsEvent, Plan, RulesPlan
from policies.timed_rules import timetable_of
from policies.timetable import Timetable, closes_at, refuses_at
from tests.builders import MINUTE, SECOND, START_NS, a_plan
from tests.policies.account_books import a_floor, a_weekend, some_news, some_rules, timed_rules

START_S = START_NS // SECOND
AT_S = START_S + 3600
RELEASE = NewsEvent(AT_S, AT_S, "USD", "payrolls")
BARS, QUOTES, CONTRACT = 0, 4, 6
LATENCY = {BARS: 50_000_000, QUOTES: 100_000_000, CONTRACT: 100_000_000}
BAR = {BARS: MINUTE, QUOTES: 0, CONTRACT: 0}
WINDOW_NS = (AT_S - 120) * SECOND, (AT_S + 120) * SECOND


def timed(**rules: object) -> Timetable:
    plan = a_plan(rules=some_rules(a_floor(Mode.STATIC), **({"flattens": 1} | rules)))
    return timetable_of(plan, instruments_of(plan))


def edges(table: Timetable, number: int, bit: Rule, closing: bool = False) -> list[int]:
    """Return the instants at which a bit begins or ends."""
    look = closes_at if closing else refuses_at
    begins = [int(at) for at in table.begins_ns[number] if at < 2**62]
    held = [bool(look(table, number, at) & bit) for at in begins]
    return [at for at, here, before in zip(begins, held, [False, *held], strict=False) if here != before]


@pytest.mark.parametrize("number", [BARS, QUOTES, CONTRACT])
def test_nothing_is_opened_that_could_fill_or_settle_within_a_window(number) -> None:
    reach = LATENCY[number] + BAR[number] + (MINUTE if number == CONTRACT else 0)
    found = edges(timed(news=some_news(RELEASE)), number, Rule.NEWS)
    assert found == [WINDOW_NS[0] - reach, WINDOW_NS[1] + 1]


def test_where_nothing_may_be_held_into_the_news_it_is_closed_before_the_window_and_not_in_it() -> None:
    table = timed(news=some_news(RELEASE, closes=1), exit_ns=5 * MINUTE)
    for number in (BARS, QUOTES):
        fills = LATENCY[number] + BAR[number]
        lead = 5 * MINUTE + fills + BAR[number]
        assert edges(table, number, Rule.NEWS, closing=True) == [WINDOW_NS[0] - lead, WINDOW_NS[0] - fills]
        assert edges(table, number, Rule.NEWS) == [WINDOW_NS[0] - lead - fills, WINDOW_NS[1] + 1]


def test_contracts_are_not_opened_and_never_called_to_close() -> None:
    rest = (AT_S, AT_S + 600)
    table = timed(news=some_news(RELEASE, closes=1), weekends=(a_weekend(rest),))
    assert edges(table, CONTRACT, Rule.NEWS | Rule.WEEKEND, closing=True) == []
    assert edges(table, CONTRACT, Rule.WEEKEND) == [AT_S * SECOND - LATENCY[CONTRACT] - MINUTE, rest[1] * SECOND]


def test_beyond_the_calendar_of_news_nothing_is_opened() -> None:
    news = some_news(from_s=START_S, until_s=AT_S)
    table = timed(news=news)
    known = edges(table, BARS, Rule.NO_NEWS)[1:]
    assert known == [(START_S + 120) * SECOND, (AT_S - 120) * SECOND - LATENCY[BARS] - MINUTE]
    assert refuses_at(table, BARS, 0) & Rule.NO_NEWS
    assert refuses_at(table, BARS, 2**61) & Rule.NO_NEWS


def test_a_weekend_is_left_before_the_close_and_lasts_until_the_next_opening() -> None:
    rest = (AT_S, AT_S + 600)
    table = timed(weekends=(a_weekend(rest, instruments=(BARS,)),), exit_ns=MINUTE)
    fills = LATENCY[BARS] + MINUTE
    lead = MINUTE + fills + MINUTE
    assert edges(table, BARS, Rule.WEEKEND, closing=True) == [AT_S * SECOND - lead, rest[1] * SECOND]
    assert edges(table, BARS, Rule.WEEKEND) == [AT_S * SECOND - lead - fills, rest[1] * SECOND]
    assert edges(table, QUOTES, Rule.WEEKEND) == []


def test_beyond_the_weekends_that_are_known_nothing_is_opened() -> None:
    table = timed(weekends=(a_weekend(from_s=START_S, until_s=AT_S),))
    assert edges(table, QUOTES, Rule.NO_CALENDAR)[1:] == [START_S * SECOND, AT_S * SECOND]


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (RulesPlan(news=some_news()), "no profile is active, so nothing would ever ask for them"),
        (some_rules(a_floor(Mode.STATIC), weekends=(a_weekend(),)), "flattens = 0: nothing would close"),
        (some_rules(a_floor(Mode.STATIC), news=some_news(closes=1)), "flattens = 0: nothing would close"),
        (
            some_rules(
                a_floor(Mode.STATIC), flattens=1,
                weekends=(a_weekend((AT_S, AT_S + 600), (AT_S + 700, AT_S + 800)),),
            ),
            r"EURUSD@fx: it must be closed 180.1 s before a weekend, and would never be open",
        ),
    ],
)  # fmt: skip
def test_a_rule_that_could_not_be_kept_is_refused_at_the_start(rules, message) -> None:
    with pytest.raises(ValueError, match=message):
        book_of(a_plan(rules=rules))


def test_a_plan_without_such_rules_has_no_timetable_and_says_nothing_of_it() -> None:
    plan: Plan = a_plan()
    assert len(book_of(plan).timetable.begins_ns) == 0
    assert b"news" not in msgspec.json.encode(plan)
    assert len(book_of(a_plan(rules=timed_rules())).timetable.begins_ns) == len(plan.instruments)
