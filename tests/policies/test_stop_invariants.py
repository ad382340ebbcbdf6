"""Stops: each thing that must be true of one has a name when it is not, on both sides of the market alike."""

import pytest

from market.stop_invariants import StopChange, StopFlaw, stop_flaws

LONG = StopChange(3, 1000, 1040, 980, 1002, 680, 2, 1, 3, True)


def mirrored(change: StopChange) -> StopChange:
    """Return the same change for a short position, prices mirrored about 1000."""
    prices = {name: 2000 - getattr(change, name) for name in ("mark", "liquidation")}
    stops = {name: 2000 - getattr(change, name) if getattr(change, name) else 0 for name in ("old", "new")}
    return change._replace(lots=-change.lots, **prices, **stops)


@pytest.mark.parametrize(
    ("changes", "flaws"),
    [
        ({}, StopFlaw(0)),
        ({"old": 0, "new": 744}, StopFlaw(0)),  # a fifth of the way from liquidation to entry is kept
        ({"old": 0, "new": 743}, StopFlaw.STOP_TOO_CLOSE_TO_LIQUIDATION),
        ({"new": 0}, StopFlaw.MISSING_STOP),
        ({"stop_lots": 2}, StopFlaw.STOP_QTY_MISMATCH),
        ({"reduce_only": False}, StopFlaw.STOP_NOT_REDUCE_ONLY),
        ({"new": 979}, StopFlaw.STOP_WIDENED),
        ({"new": 1038}, StopFlaw(0)),
        ({"new": 1039}, StopFlaw.STOP_TOO_TIGHT),
        ({"new": 1040}, StopFlaw.STOP_THROUGH_MARKET | StopFlaw.STOP_TOO_TIGHT),
        ({"new": 1003, "tick": 2}, StopFlaw.STOP_OFF_TICK),
    ],
)
def test_a_stop_that_is_not_as_it_must_be_has_a_name(changes: dict[str, int], flaws: StopFlaw) -> None:
    change = LONG._replace(**changes)
    assert StopFlaw(stop_flaws(change)) == flaws
    assert StopFlaw(stop_flaws(mirrored(change))) == flaws


def test_without_a_liquidation_price_there_is_none_to_stay_away_from() -> None:
    assert stop_flaws(LONG._replace(old=0, new=1, liquidation=0)) == 0
