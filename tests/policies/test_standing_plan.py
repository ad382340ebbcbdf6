"""What a plan carries of a standing: rows that fit it, or a refusal that says which does not."""

import msgspec
import numpy as np
import pytest

from market.compiled import compiled
from policies.standing_plan import DeskStanding, StandingError, StandingPlan, rows_of_desk, standing_array
from policies.track_record import BUCKETS, evaluated, side_row
from tests.builders import a_plan


def a_standing(**rows):
    return StandingPlan(
        desks=tuple(DeskStanding(desk=desk.name, rows=rows.get(desk.name, ())) for desk in a_plan().desks)
    )


def test_a_plan_without_a_standing_lets_every_claim_be():
    for standing in (None, a_standing()):
        rows = standing_array(a_plan(), standing)
        assert rows.shape == (3, 14 * BUCKETS, 2)
        assert (rows == [1.0, 0.0]).all()


def test_rows_are_where_their_desk_looks_for_them():
    plan = a_plan()
    assert [rows_of_desk(plan, desk) for desk in range(3)] == [14, 3, 14 * BUCKETS]
    rows = standing_array(plan, a_standing(forex=((3, 0.5, 0.25),), binary=((83, 0.9, 0.1),)))
    assert rows[0, 3].tolist() == [0.5, 0.25]
    assert rows[2, 83].tolist() == [0.9, 0.1]
    assert np.count_nonzero(rows[:, :, 0] != 1.0) == 2


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ((14, 0.5, 0.2), "standing of forex: row 14: from 0 to 13 is allowed"),
        ((-1, 0.5, 0.2), "row -1"),
        ((0, 0.9, 0.2), "row 0: keep 0.9, add 0.2: fractions of at most 1 together are allowed"),
        ((0, float("nan"), 0.2), "keep nan"),
        ((0, 0.5, -0.1), "add -0.1"),
    ],
)
def test_a_row_that_does_not_fit_is_refused(row, said):
    with pytest.raises(StandingError) as caught:
        standing_array(a_plan(), a_standing(forex=(row,)))
    assert said in str(caught.value)


def test_the_standing_of_other_desks_is_refused():
    other = StandingPlan(desks=(DeskStanding(desk="metals"),))
    with pytest.raises(StandingError, match=r"standing of \['metals'\]: the desks \['forex', 'arbitrage', 'binary'\]"):
        standing_array(a_plan(), other)


def test_a_standing_survives_its_way_through_a_journal():
    standing = a_standing(forex=((3, 0.5, 0.25),))
    assert msgspec.json.decode(msgspec.json.encode(standing), type=StandingPlan) == standing


@compiled
def worth(rows, desk, instrument, lots, claim):
    return evaluated(claim, rows[desk, side_row(instrument, lots)])


def test_a_kernel_reads_the_row_of_its_desk():
    rows = standing_array(a_plan(), a_standing(forex=((3, 0.5, 0.25),)))
    assert worth(rows, 0, 1, -7, 0.7) == 0.5 * 0.7 + 0.25
    assert worth(rows, 0, 1, 7, 0.7) == worth(rows, 2, 1, -7, 0.7) == 0.7
