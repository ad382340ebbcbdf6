"""A calendar of news: what is read of it, and the one line that says what is wrong with it."""

import hashlib

import pytest

from policies.plan import NewsEvent
from research.configuration import ConfigurationError
from research.news_file import read_news

HEADER = "time,currency,impact,title\n"
DAY_S = 86_400
JAN_30_S = 1_769_731_200  # 2026-01-30 00:00 UTC, a Friday


def a_file(tmp_path, text: str | bytes, header: str = HEADER):
    path = tmp_path / "news.csv"
    path.write_bytes(text if isinstance(text, bytes) else (header + text).encode())
    return path


def test_what_a_calendar_holds(tmp_path) -> None:
    path = a_file(
        tmp_path,
        '2026-02-02T15:00Z,EUR,medium,CPI\n\n2026-01-30T13:30,USD,High,"Payrolls, revised"\n'
        "2026-01-30T08:30-05:00,USD,high,Payrolls\n2026-01-31,GBP,none,quiet\n",
    )  # fmt: skip
    found = read_news(path)
    release_s = JAN_30_S + 13 * 3600 + 1800
    assert found.events == (
        NewsEvent(release_s, release_s, "USD", "Payrolls, revised"), NewsEvent(release_s, release_s, "USD", "Payrolls"),
    )  # fmt: skip
    assert (found.rows, found.currencies) == (4, frozenset({"EUR", "USD", "GBP"}))
    assert (found.from_s, found.until_s) == (JAN_30_S, JAN_30_S + 4 * DAY_S)
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found.gaps_s == ()


@pytest.mark.parametrize(
    ("currency", "first_hour", "hours"),
    [("USD", 5, 24), ("JPY", -9, 24), ("GBP", 0, 24), ("SEK", -14, 50), ("ALL", -14, 50)],
)
def test_an_event_without_a_time_lasts_its_day_at_home_or_everywhere(tmp_path, currency, first_hour, hours) -> None:
    (event,) = read_news(a_file(tmp_path, f"2026-01-30,{currency},high,tentative\n")).events
    assert event.from_s == JAN_30_S + first_hour * 3600
    assert event.until_s == event.from_s + hours * 3600 - 1


def test_a_day_on_which_the_clock_is_changed_has_its_own_hours(tmp_path) -> None:
    (event,) = read_news(a_file(tmp_path, "2026-03-08,USD,high,tentative\n")).events
    assert event.until_s - event.from_s + 1 == 23 * 3600


def test_a_part_that_is_missing_is_seen(tmp_path) -> None:
    text = "2026-01-01T10:00,USD,low,a\n2026-01-{:02d}T10:00,USD,low,b\n"
    assert read_news(a_file(tmp_path, text.format(15))).gaps_s == ()
    (gap,) = read_news(a_file(tmp_path, text.format(16))).gaps_s
    assert gap == (JAN_30_S - 28 * DAY_S, JAN_30_S - 14 * DAY_S)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no row; at least one is allowed"),
        ("2026-01-30T13:30,USD,high\n", "line 2: 3 cells; 4 are allowed: time, currency, impact, title"),
        ("2026-01-30T13:30,USD,low,a\n2026-01-30T13:30,usd,high,x\n",
         "line 3: currency 'usd': a code as USD, or ALL, is allowed"),
        ("2026-01-30T13:30,EURO,high,x\n", "line 2: currency 'EURO'"),
        ("2026-01-30T13:30,USD,hi,x\n", "line 2: impact 'hi': high, medium, low, holiday, none is allowed"),
        ("2026-01-30T13:30,USD,high,\n", "line 2: title '': printable text of 1 to 200 letters is allowed"),
        ("2026-01-30T25:30,USD,high,x\n", "line 2: time '2026-01-30T25:30': a time of UTC from 1971 to 2200"),
        ("2026-02-30,USD,high,x\n", "line 2: time '2026-02-30'"),
        ("1066-10-14,USD,high,x\n", "line 2: time '1066-10-14'"),
        ("9999-10-14T00:00,USD,high,x\n", "line 2: time '9999-10-14T00:00'"),
        ("soon,USD,high,x\n", "line 2: time 'soon'"),
        ('2026-01-30T13:30,USD,high,"x\n', "line 2: unexpected end of data; a CSV file is allowed"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_calendar_is_one_line(tmp_path, text, message) -> None:
    path = a_file(tmp_path, text)
    with pytest.raises(ConfigurationError) as refused:
        read_news(path)
    assert str(refused.value).startswith(f"{path}: {message}")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1: '': the header time,currency,impact,title is allowed"),
        (b"when,what\n", "line 1: 'when,what': the header"),
        (b"\xff\xfe\x00", "not UTF-8 at byte 0; a CSV file in UTF-8 is allowed"),
    ],
)
def test_what_is_no_calendar_at_all_is_one_line(tmp_path, content, message) -> None:
    path = a_file(tmp_path, content)
    with pytest.raises(ConfigurationError) as refused:
        read_news(path)
    assert str(refused.value).startswith(f"{path}: {message}")


def test_a_file_that_is_not_there_is_named(tmp_path) -> None:
    with pytest.raises(
        ConfigurationError, match=r"no.csv: No such file or directory; the path of a CSV file is allowed"
    ):
        read_news(tmp_path / "no.csv")
