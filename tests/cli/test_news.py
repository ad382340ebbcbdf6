"""`trifecta backtest --news`: profiles that mind the time, from a calendar in a file to decisions and reports."""

import hashlib

import pytest

from policies.calendars import moment_of
from research.asking import Request, plan_for
from tests.cli.running import refused, trifecta
from tests.research.files import MINUTE, MONDAY

STANDARD = "ftmo_2step_account_standard"
HEADER = "time,currency,impact,title\n"


def at(minutes: int) -> str:
    return f"{moment_of(MONDAY + minutes * MINUTE):%Y-%m-%dT%H:%M}"


@pytest.fixture(scope="module")
def news(tmp_path_factory):
    path = tmp_path_factory.mktemp("news") / "news.csv"
    rows = [f"{at(0)},{currency},none,begin" for currency in ("USD", "EUR", "GBP", "JPY", "AUD")]
    rows += [f"{at(minute)},USD,high,release {minute}" for minute in range(60, 600, 60)]
    path.write_text(HEADER + "\n".join(rows) + "\n")
    return path


def test_a_standard_account_trades_around_the_news_of_a_file(market, home, news):
    words = ("backtest", "--data", market, "--home", home, "--json", "--no-report")
    ended = trifecta(*words, "--profile", STANDARD, "--news", news)
    assert (ended.code, ended.err) == (0, "")
    digest = hashlib.sha256(news.read_bytes()).hexdigest()
    assert ended.document["data"][-1] == {"path": "news.csv", "sha256": digest, "rows": 14}
    assert (
        ended.document["decisions_digest"] != trifecta(*words, "--profile", "ftmo_2step").document["decisions_digest"]
    )


def test_a_file_that_nobody_asks_for_is_said_to_be_heeded_by_nobody(market, home, news):
    words = ("backtest", "--data", market, "--home", home, "--json", "--no-report", "--profile", "ftmo_2step")
    ended = trifecta(*words, "--news", news)
    assert ended.document["warnings"] == [f"{news}: no active profile asks for news, so nothing heeds it"]
    assert ended.document["decisions_digest"] == trifecta(*words).document["decisions_digest"]


def test_a_configuration_may_name_the_calendar(market, tmp_path, news):
    config = tmp_path / "own.toml"
    config.write_text(f'[account]\nprofile = "{STANDARD}"\nnews = "{news}"\n')
    planned = plan_for(Request(data=market, home=tmp_path, config=config))
    assert planned.plan.rules.news is not None
    assert planned.plan.rules.news.source == f"news.csv#{planned.data[-1][1]}"
    assert len(planned.plan.rules.news.events) == 9


def test_what_is_missing_or_wrong_is_one_line(market, home, news, tmp_path):
    words = ("backtest", "--data", market, "--home", home, "--profile", STANDARD)
    assert refused(*words).startswith(f"profile {STANDARD}: objectives.news_minutes = 2: no calendar of news is given")
    assert refused(*words, "--news", tmp_path / "no.csv") == (
        f"{tmp_path / 'no.csv'}: No such file or directory; the path of a CSV file is allowed"
    )
    bad = tmp_path / "bad.csv"
    bad.write_text(HEADER + f"{at(5)},USD,huge,x\n")
    assert refused(*words, "--news", bad) == (
        f"{bad}: line 2: impact 'huge': high, medium, low, holiday, none is allowed"
    )
    bad.write_text(HEADER + f"{at(5 * 1440)},ALL,high,x\n")
    assert refused(*words, "--news", bad).startswith(f"{bad}: it covers ")
    assert refused("risk", "report", "--home", home, "--news", news) == "--news: only with --backtest is it allowed"
