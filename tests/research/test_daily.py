"""Daily returns: which day an instant is of, the end of the account, ruin, and days that stretches share."""

from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pytest

from research.daily import Daily, daily_returns, day_of, joined_days
from research.run_metrics import closing_day
from tests.builders import a_plan

DAY = 86_400 * 10**9


def at(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


def rolled(plan, times, equities, end=None):
    samples = np.zeros(len(times), [("time_ns", np.int64), ("equity", np.int64)])
    samples["time_ns"], samples["equity"] = times, equities
    account = np.array([(equities[-1] if end is None else end,)], [("equity", np.int64)])
    return SimpleNamespace(samples=samples, account=account)


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        ("2024-01-05T12:00", "2024-01-05"), ("2024-01-06T00:00", "2024-01-05"), ("2024-01-06T09:00", "2024-01-08"),
        ("2024-01-07T22:00", "2024-01-08"), ("2024-01-08T00:00", "2024-01-08"), ("2024-01-08T09:00", "2024-01-08"),
        ("2024-01-09T00:00", "2024-01-08"),
    ],
)  # fmt: skip
def test_midnight_ends_a_day_and_a_weekend_is_part_of_monday(instant, day):
    assert int(day_of(np.array([at(instant)]), False)[0]) == at(day) // DAY
    assert int(day_of(np.array([at(instant)]), True)[0]) == closing_day(at(instant))


def test_returns_are_from_close_to_close_and_the_account_s_end_is_the_last():
    plan = a_plan()
    cash = plan.cash
    days = [at(f"2024-01-0{day}T{hour}:00") for day in (8, 9) for hour in (10, 20)]
    found = daily_returns(plan, rolled(plan, days, [cash, 2 * cash, 5 * cash, 3 * cash], 4 * cash))
    assert found.days.tolist() == [at("2024-01-08") // DAY, at("2024-01-09") // DAY]
    np.testing.assert_allclose(found.returns, [1.0, 1.0])


def test_days_before_the_first_instant_do_not_count():
    plan = a_plan()
    days = [at(f"2024-01-{day:02}T10:00") for day in (8, 9, 10)]
    found = daily_returns(plan, rolled(plan, days, [plan.cash, plan.cash, 2 * plan.cash]), days[2])
    np.testing.assert_allclose(found.returns, [1.0])
    assert len(daily_returns(plan, rolled(plan, days, [plan.cash] * 3), days[2] + 1).days) == 0


def test_a_ruined_account_loses_all_and_stays_at_nothing():
    plan = a_plan()
    days = [at(f"2024-01-{day:02}T10:00") for day in (8, 9, 10, 11)]
    found = daily_returns(plan, rolled(plan, days, [2 * plan.cash, -5, plan.cash, plan.cash]))
    np.testing.assert_allclose(found.returns, [1.0, -1.0, 0.0, 0.0])


def test_a_day_that_two_stretches_share_has_the_compound_of_both():
    one = Daily(np.array([3, 4]), np.array([0.1, 0.5]))
    other = Daily(np.array([4, 7]), np.array([1.0, -0.2]))
    found = joined_days([one, other])
    assert found.days.tolist() == [3, 4, 7]
    np.testing.assert_allclose(found.returns, [0.1, 2.0, -0.2])
    assert len(joined_days([]).days) == 0
