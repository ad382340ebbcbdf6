"""Objectives: the best day, trading days, and the volume that is earned step by step and lost at once."""

import pytest

from policies.calendars import instant_of, moment_of, trading_days, utc_offset_ns
from policies.leverage import Basis, exposure_of
from policies.objectives import Shown, best_day, phase_of, within_best_day

HOUR_NS = 3_600 * 10**9


@pytest.mark.parametrize(
    ("days", "winning", "net", "met"),
    [
        ([5.0], 1.0, 1.0, (False, False)), ([5.0, 5.0], 0.5, 0.5, (True, True)),
        ([30.0, 25.0, -15.0, 6.0], 30 / 61, 30 / 46, (True, False)), ([5.0, -9.0], 1.0, None, (False, False)),
        ([-1.0, 0.0], None, None, (False, False)), ([], None, None, (False, False)),
    ],
)  # fmt: skip
def test_the_best_day_is_compared_with_winning_days_or_with_all(days, winning, net, met) -> None:
    found = best_day(days)
    assert (found.of_winning_days, found.of_net_total) == (winning, net)
    assert (within_best_day(found.of_winning_days, 0.5), within_best_day(found.of_net_total, 0.5)) == met


@pytest.mark.parametrize(
    ("shown", "phase"),
    [
        (Shown(19, 10, 0.05, 0.0), ("PROBE", 0.25)), (Shown(20, 4, 0.0, 0.0), ("BUILD", 0.5)),
        (Shown(20, 4, -0.001, 0.0), ("PROBE", 0.25)), (Shown(60, 10, 0.02, 0.0), ("NORMAL", 1.0)),
        (Shown(60, 10, 0.02, 0.04), ("PROTECT", 0.25)), (Shown(60, 10, 0.02, 0.06), ("PROTECT", 0.1)),
    ],
)  # fmt: skip
def test_volume_rises_when_all_is_met_and_falls_at_once(shown: Shown, phase: tuple[str, float]) -> None:
    assert phase_of(shown) == phase


def test_a_trading_day_is_a_local_day_on_which_something_was_opened() -> None:
    midnight = 1_736_809_200 * 10**9  # 2025-01-14 00:00 in Prague
    found = trading_days([midnight - 1, midnight, midnight + HOUR_NS], "Europe/Prague")
    assert [str(day) for day in found] == ["2025-01-13", "2025-01-14"]
    assert utc_offset_ns(midnight, "Europe/Prague") == HOUR_NS
    assert instant_of(moment_of(midnight)) == midnight


def test_exposure_has_three_bases() -> None:
    assert [exposure_of(-30, 7, 3_000_000, basis) for basis in Basis] == [10, 30, 7]
