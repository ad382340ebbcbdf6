"""The floors of the account's profiles in the report: curves over the equity, and the resets that move them."""

from datetime import datetime

import msgspec
import numpy as np
import pytest

from market.money import MONEY_UNIT
from policies.calendars import instant_of
from research.account_plan import rules_plan
from research.profiles import load_profile
from research.report import ReportFacts, write_report
from research.report.floors import floor_curves, floor_figure, floor_table, floor_words
from tests.builders import HOUR, START_NS, a_plan, a_result, a_tape

PROFILES = "ftmo_2step,ftmo_1step,source_trailing_10"


@pytest.fixture(scope="module")
def result():
    plan = a_plan()
    rules = rules_plan(load_profile(PROFILES).accounts, plan.cash, START_NS, START_NS + 6 * HOUR)
    plan = msgspec.structs.replace(plan, rules=rules)
    return a_result(plan, a_tape(360, 2000))


def unpacked(column):
    return np.cumsum(column["steps"]) * column["unit"] / column.get("over", 1)


def test_every_floor_is_a_curve_of_steps_beside_the_equity(result) -> None:
    found = floor_curves(result)
    figure = floor_figure(result, found)
    names = [trace["name"] for trace in figure.data]
    assert names == ["Worst-price low", "Equity", *(floor.name for floor in result.plan.rules.floors)]
    for k, trace in enumerate(figure.data[2:]):
        assert trace["line"]["shape"] == "hv"
        assert unpacked(trace["y"])[-1] == pytest.approx(found.floors[-1, k], abs=0.01)
    lines = {(trace["line"]["color"], trace["line"]["dash"]) for trace in figure.data[2:]}
    assert len(lines) == len(result.plan.rules.floors), "no two floors look alike"


def test_a_midnight_of_prague_is_a_line_that_says_what_begins() -> None:
    plan = a_plan()
    start_ns = START_NS - 3 * HOUR  # 19:00 UTC on Sunday: midnight in Prague is at 22:00
    rules = rules_plan(load_profile(PROFILES).accounts, plan.cash, start_ns, start_ns + 6 * HOUR)
    run = a_result(msgspec.structs.replace(plan, rules=rules), a_tape(360, 2000, start_ns=start_ns))
    figure = floor_figure(run, floor_curves(run))
    (marks,) = [trace for trace in figure.data if trace["name"] == "Reset"]
    midnight_ns = instant_of(datetime.fromisoformat("2020-09-13T22:00:00+00:00"))
    assert marks["text"] == ["2020-09-14 00:00 Europe/Prague: a day begins"]
    assert unpacked(marks["x"]).tolist() == [midnight_ns // 10**6]
    assert [shape["x0"] for shape in figure.layout["shapes"] if shape["line"]["dash"] == "dash"] == [
        midnight_ns // 10**6
    ]
    assert "Resets within the run: 1" in figure.summary
    assert "00:00 Europe/Prague (day)" in floor_words(run)


def test_the_table_says_where_each_floor_lay_and_how_near_the_equity_came(result) -> None:
    listed, found = floor_table(result, floor_curves(result)), floor_curves(result)
    assert listed.count("<tr>") == 1 + len(result.plan.rules.floors)
    assert "ftmo_1step total loss<td>trails the highest balance at a reset" in listed
    assert "<td>90,000.00<td>90,000.00<td>" in listed
    least = min(sample.low for sample in result.samples) / MONEY_UNIT - 90_000
    assert f"<td>{least:,.2f}<td>" in listed
    assert found.curve.low.min() == pytest.approx(least + 90_000)


def test_a_page_has_the_section_where_there_are_floors_alone(result, tmp_path) -> None:
    facts = ReportFacts(stage="BACKTEST", command="trifecta backtest", tape_hash="a" * 64)
    page = write_report(result, {}, facts, tmp_path / "with.html").read_text()
    assert '<section id="floors"' in page
    assert 'data-figure="floors"' in page
    bare = a_result(a_plan(), a_tape(30, 100))
    assert floor_curves(bare) is None
    assert 'id="floors"' not in write_report(bare, {}, facts, tmp_path / "without.html").read_text()


def test_without_a_sample_there_is_no_curve(result) -> None:
    assert floor_curves(msgspec.structs.replace(result, samples=())) is None
