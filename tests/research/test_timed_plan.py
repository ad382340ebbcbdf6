"""Profiles that mind the time: their news and weekends for what a run trades, or one line that says what is missing."""

import msgspec
import pytest

from market.instruments import Kind
from policies.assembly import book_of
from policies.calendars import moment_of
from policies.plan import NewsEvent, RulesPlan
from research.account_plan import refuse_short_calendars, rules_plan
from research.configuration import ConfigurationError, load_configuration
from research.news_file import NewsFile
from research.profiles import load_profile
from research.timed_plan import Markets, timed_until
from tests.builders import MINUTE, MONEY, a_plan, an_instrument
from tests.research.test_profiles import CASH, DAY_NS, START_NS

STANDARD = "ftmo_2step_account_standard"
START_S, DAY_S = START_NS // 10**9, 86_400
RELEASE = NewsEvent(START_S + DAY_S, START_S + DAY_S, "USD", "payrolls")


def some_news(*events: NewsEvent, **changes) -> NewsFile:
    """Return a calendar of a fortnight around a run."""
    return NewsFile(**{
        "path": "somewhere/news.csv", "sha256": "ab", "rows": 3, "from_s": START_S - 7 * DAY_S,
        "until_s": START_S + 7 * DAY_S, "currencies": frozenset({"USD", "EUR", "GBP", "JPY", "AUD"}), "gaps_s": (),
        "events": events or (RELEASE,),
    } | changes)  # fmt: skip


def made(
    profile: str = STANDARD, news: NewsFile | None = None, days: int = 3, instruments=None, config=None
) -> RulesPlan:
    configuration = load_configuration(config)
    markets = Markets(instruments or a_plan().instruments, configuration.hours, configuration.instrument, news)
    return rules_plan(load_profile(profile).accounts, CASH, START_NS, START_NS + days * DAY_NS, markets)


def test_a_standard_account_gets_its_news_and_its_weekends() -> None:
    rules = made(news=some_news())
    assert rules.news is not None
    assert (rules.news.source, rules.news.window_s, rules.news.closes) == ("news.csv#ab", 120, 1)
    assert rules.news.currencies[:3] == (("EUR", "USD"), ("GBP", "USD"), ("USD", "JPY"))
    assert rules.news.events == (RELEASE,)
    assert (rules.flattens, rules.exit_ns) == (1, 15 * MINUTE)
    (weekend,) = rules.weekends
    assert weekend.instruments == tuple(range(7)), "a contract rests with what it is on"
    near = next(rest for rest in weekend.rests_s if rest[1] > START_S)
    assert [f"{moment_of(at * 10**9):%a %H:%M}" for at in near] == ["Fri 21:00", "Sun 21:00"]
    assert len(book_of(a_plan(rules=rules)).timetable.begins_ns) == 7


def test_each_kind_of_market_has_its_own_weekend() -> None:
    share = an_instrument("AAPL", "v", kind=Kind.EQUITY)
    rules = made("trailing_eod_lock", instruments=(*a_plan().instruments, share))
    assert rules.news is None
    assert [(weekend.opens, weekend.instruments[-1]) for weekend in rules.weekends] == [("17:00", 6), ("09:30", 7)]


def test_releases_of_other_currencies_and_other_times_stay_out_of_the_plan() -> None:
    old = msgspec.structs.replace(RELEASE, from_s=RELEASE.from_s - 90 * DAY_S, until_s=RELEASE.until_s - 90 * DAY_S)
    other, every = (msgspec.structs.replace(RELEASE, currency=name) for name in ("NOK", "ALL"))
    rules = made(news=some_news(old, other, every, RELEASE))
    assert rules.news is not None
    assert rules.news.events == (every, RELEASE)


def test_the_widest_window_and_the_strictest_holding_of_all_profiles_count(tmp_path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(
        'name = "own"\n[objectives]\nnews_minutes = 30\n[guard]\nexit_minutes = 20\n'
    )  # fmt: skip
    rules = made(f"{STANDARD},{own}", news=some_news())
    assert rules.news is not None
    assert (rules.news.window_s, rules.news.closes, rules.exit_ns) == (1800, 1, 20 * MINUTE)


def test_a_profile_of_nothing_but_times_holds_an_account(tmp_path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('name = "own"\n[objectives]\nnews_minutes = 5\n')
    rules = made(str(own), news=some_news())
    assert (rules.profiles, rules.floors, rules.flattens, rules.exit_ns) == (("own",), (), 0, 0)
    assert book_of(a_plan(rules=rules)).guard[0].active == 1


def test_news_of_what_moves_a_symbol_may_be_configured(tmp_path) -> None:
    config = tmp_path / "own.toml"
    config.write_text('[instrument.EURUSD]\nnews_currencies = ["EUR"]\n')
    rules = made(news=some_news(), config=config)
    assert rules.news is not None
    assert (rules.news.currencies[0], rules.news.currencies[1]) == (("EUR",), ("GBP", "USD"))
    assert rules.news.currencies[6] == ("EUR",), "a contract is moved by what it is on"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"until_s": START_S + 2 * DAY_S}, r"news.csv: it covers .* to 2025-03-30 12:00 UTC, the run lasts from "),
        ({"from_s": START_S + 60}, r"news.csv: it covers 2025-03-28 12:01 UTC to "),
        ({"gaps_s": ((START_S - 9 * DAY_S, START_S + 60),)}, "news.csv: no row from .* to .*: a part is missing"),
        ({"currencies": frozenset({"USD", "EUR", "GBP", "AUD"})}, "no row of JPY, which moves USDJPY@fx; a row of"),
    ],
)  # fmt: skip
def test_a_calendar_that_does_not_cover_the_run_is_refused(changes, message) -> None:
    with pytest.raises(ConfigurationError, match=message):
        made(news=some_news(**changes))


def test_a_gap_before_the_run_and_a_row_of_all_currencies_are_enough() -> None:
    gap = (START_S - 30 * DAY_S, START_S - DAY_S)
    assert made(news=some_news(gaps_s=(gap,), currencies=frozenset({"ALL"}))).news is not None


def test_without_a_calendar_or_hours_the_rules_are_refused_by_name() -> None:
    with pytest.raises(
        ConfigurationError, match=f"profile {STANDARD}: objectives.news_minutes = 2: no calendar of new"
    ):
        made()
    with pytest.raises(ConfigurationError, match=r"trailing_eod_lock: objectives.weekend_hold = false: nothing"):
        rules_plan(load_profile("trailing_eod_lock").accounts, CASH, START_NS, START_NS + DAY_NS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('zone = "UTC"\nopens = "00:00"\ncloses = "00:00"\nweekdays = [0, 1, 2, 3, 4, 5, 6]\n',
         "hours.fx: it never closes"),
        ('zone = "Mars/Base"\n', "hours.fx: time zone 'Mars/Base'"),
        ('opens = "25:00"\n', "hours.fx: reset '25:00'"),
    ],
)  # fmt: skip
def test_hours_that_have_no_weekend_or_no_sense_are_refused(tmp_path, text, message) -> None:
    config = tmp_path / "own.toml"
    config.write_text("[hours.fx]\n" + text)
    with pytest.raises(ConfigurationError, match=message):
        made("trailing_eod_lock", config=config)


def test_a_holiday_lengthens_the_weekend(tmp_path) -> None:
    config = tmp_path / "own.toml"
    config.write_text('[hours.fx]\nholidays = ["2025-03-28"]\n[hours.fx.early]\n"2025-04-04" = "12:00"\n')
    (weekend,) = made("trailing_eod_lock", config=config).weekends
    shown = [[f"{moment_of(at * 10**9):%d %H:%M}" for at in rest] for rest in weekend.rests_s]
    assert ["27 21:00", "30 21:00"] in shown
    assert ["04 16:00", "06 21:00"] in shown


def test_a_run_beyond_what_minds_the_time_is_refused_before_it_begins() -> None:
    rules = made(news=some_news())
    named = dict(timed_until(rules))
    assert list(named) == ["calendar of news news.csv", "weekends of America/New_York 17:00 to 17:00"]
    refuse_short_calendars(rules, START_NS + 3 * DAY_NS)
    short = msgspec.structs.replace(rules, calendars=())
    with pytest.raises(ConfigurationError, match=r"calendar of news news.csv: it ends at 2025-04-04 12:00 UTC, before"):
        refuse_short_calendars(short, START_NS + 8 * DAY_NS)
    assert CASH == 100_000 * MONEY


def test_to_leave_before_news_that_nobody_minds_is_refused(tmp_path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('name = "own"\nextends = "ftmo_2step"\n[guard]\nexit_before_news = true\n')
    with pytest.raises(
        ConfigurationError, match=r"profile own: guard.exit_before_news = true: objectives.news_minutes"
    ):
        made(str(own))
