"""A batch of a sweep without Ray: what its rows are, whatever its size, and what it says when a set fails."""

import numpy as np
import pytest

from market.tape import Tape, owned
from research.grid import Axis, Sets, sets_of
from research.scores import Score, score_plan, with_params
from research.trial import Work
from tests.research.forex import forex_plan, tape

PLAN = forex_plan("sma_cross")
SETS = sets_of(PLAN.desks[0].params, [Axis("fast", (3.0, 5.0, 8.0)), Axis("slow", (20.0, 40.0))])


def scores(size):
    work = Work(PLAN, tape(), SETS, size)
    batches = [work.score_batch(number) for number in range(-(-len(SETS.rows) // size))]
    assert [batch["failed"] for batch in batches] == [-1] * len(batches)
    return [Score(**dict(zip(Score.__struct_fields__, row, strict=True))) for batch in batches for row in batch["rows"]]


@pytest.mark.parametrize("size", [1, 2, 4, 5, 6, 100])
def test_rows_are_the_scores_of_all_sets_in_their_order_whatever_the_batch(size):
    alone = [score_plan(with_params(PLAN, tuple(SETS.named(k).items())), tape()) for k in range(6)]
    assert len({score.final_equity for score in alone}) > 1
    assert scores(size) == alone


def test_a_read_only_tape_scores_as_a_writable_one():
    frozen = Tape(*(column.copy() for column in tape()))
    for column in frozen:
        column.flags.writeable = False
    assert Work(PLAN, owned(frozen), SETS, 2).score_batch(1) == Work(PLAN, tape(), SETS, 2).score_batch(1)


def test_a_set_that_fails_is_named_with_the_reason_and_the_batch_ends_there():
    rows = SETS.rows.copy()
    rows[3, SETS.names.index("fast")] = 0.0  # no command would let this through
    batch = Work(PLAN, tape(), Sets(SETS.names, rows), 6).score_batch(0)
    assert (batch["failed"], batch["rows"]) == (3, [])
    assert batch["why"].startswith("ValueError: ")
    assert "\n" not in batch["why"]


def test_sets_keep_their_values_to_the_bit():
    values = (0.1, 1 / 3, np.nextafter(1.0, 2.0).item())
    sets = sets_of((("a", 0.0), ("b", 7.0)), [Axis("a", values)])
    assert [sets.named(k)["a"] for k in range(3)] == list(values)
