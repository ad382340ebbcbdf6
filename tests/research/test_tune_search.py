"""Searches and their folds: what is asked next follows from seed and scores, and no fold reaches into another."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.catalogue import policy_named
from research.grid import Axis, Grid, GridError
from research.search import Asked, asked_of, best_first, rungs_of, search_of
from research.search_folds import FoldsError, Shape, folds_of, lead_of, longest_hold
from tests.properties import PROPERTY

GRID = Grid((("a", 0.0), ("b", 0.0)), (Axis("a", tuple(range(12))), Axis("b", tuple(range(10)))))


def value(place, fold=0):
    """A hill with its top at a = 8, b = 3."""
    a, b = divmod(int(place), 10)
    return -((a - 8.0) ** 2) - (b - 3.0) ** 2 - 0.01 * fold


def course(asked, folds=3, of=value, grid=GRID):
    """Run a search to its end; return its rounds as (places, folds)."""
    search, rounds = search_of(asked, grid, folds), []
    try:
        found = next(search)
        while True:
            rounds.append((found.places.tolist(), found.folds))
            found = search.send(np.array([[of(place, fold) for fold in found.folds] for place in found.places]))
    except StopIteration:
        return rounds


def test_a_grid_is_all_sets_on_all_folds_at_once():
    assert course(Asked("grid", None, 0)) == [(list(range(120)), (0, 1, 2))]


def test_a_draw_follows_from_its_seed():
    ((places, _),) = course(Asked("random", 20, 5))
    assert len(set(places)) == 20
    assert places == sorted(places)
    assert course(Asked("random", 20, 5)) == [(places, (0, 1, 2))]
    assert course(Asked("random", 20, 6))[0][0] != places
    assert course(Asked("random", 10**6, 6)) == course(Asked("grid", None, 0))


def test_asha_runs_only_the_best_third_on_the_next_folds():
    rounds = course(Asked("asha", None, 0, 3), folds=5)
    assert [(len(places), folds) for places, folds in rounds] == [(120, (0,)), (40, (1, 2)), (14, (3, 4))]
    best = sorted(range(120), key=lambda place: (-value(place), place))
    assert set(rounds[1][0]) == set(best[:40])
    assert set(rounds[2][0]) <= set(rounds[1][0])


def test_asha_drops_what_is_undefined_first():
    rounds = course(Asked("asha", None, 0, 2), folds=2, of=lambda place, fold: np.nan if place % 2 else -place)
    assert rounds[1][0] == list(range(0, 120, 2))


RUNGS = [(1, 3, [1]), (4, 3, [1, 3, 4]), (9, 3, [1, 3, 9]), (5, 2, [1, 2, 4, 5])]


@pytest.mark.parametrize(("folds", "reduction", "rungs"), RUNGS)
def test_rungs_multiply_up_to_all_folds(folds, reduction, rungs):
    assert rungs_of(folds, reduction) == rungs


def test_optuna_scores_no_set_twice_and_finds_more_of_the_hill_than_chance():
    rounds = course(Asked("optuna", 60, 1))
    places = [place for found, _ in rounds for place in found]
    assert len(places) == len(set(places)) == 60
    assert [len(found) for found, _ in rounds] == [6] * 10
    assert course(Asked("optuna", 60, 1)) == rounds
    top = set(sorted(range(120), key=lambda place: -value(place))[:12])
    assert len(top & set(places)) > 9  # a draw of half of all gets 6


def test_optuna_ends_with_the_grid_and_bears_sets_without_a_value():
    small = Grid((("a", 0.0),), (Axis("a", (1.0, 2.0, 3.0)),))
    rounds = course(Asked("optuna", 100, 0), of=lambda place, fold: np.nan if place else 1.0, grid=small)
    assert sorted(place for found, _ in rounds for place in found) == [0, 1, 2]


def test_best_first_puts_undefined_last_and_equals_in_their_order():
    assert best_first(np.array([1.0, np.nan, 3.0, 1.0, np.nan, -2.0])).tolist() == [2, 0, 3, 5, 1, 4]


def test_places_and_steps_are_one_count():
    sets = GRID.sets_at([GRID.place_of((7, 4)), 119])
    assert sets.rows.tolist() == [[7.0, 4.0], [11.0, 9.0]]


BAD = [
    (("grid", 5, None, None), "--search grid: it takes every set"),
    (("random", None, None, None), "--search random: --sets N is needed"),
    (("optuna", 5, 5, None), "--random and --sets: both say how many"),
    (("optuna", 5, None, 3), "--reduction 3: it is for --search asha"),
]


@pytest.mark.parametrize(("words", "said"), BAD)
def test_options_that_do_not_go_together_are_refused(words, said):
    kind, sets, draw, reduction = words
    with pytest.raises(GridError, match=said):
        asked_of(kind, sets, draw, 0, reduction)


def test_what_is_not_said_follows_from_what_is():
    assert asked_of(None, None, None, 0, None).kind == "grid"
    assert asked_of(None, None, 7, 0, None) == Asked("random", 7, 0)
    assert asked_of("optuna", None, None, 0, None).sets == 100
    assert asked_of("asha", None, None, 0, 4) == Asked("asha", None, 0, 4)


def test_a_grid_with_a_set_that_falls_where_it_must_rise_is_refused():
    spec = policy_named("trend_reversion")
    base = tuple((bound.name, bound.default) for bound in spec.params)
    Grid(base, (Axis("adx_low", (10.0, 30.0)),)).check_rising(spec)
    with pytest.raises(GridError, match="--grid: adx_low up to 35, adx_high from 35: policy trend_reversion allows"):
        Grid(base, (Axis("adx_low", (10.0, 35.0)),)).check_rising(spec)


@PROPERTY
@given(
    st.integers(20, 500), st.integers(0, 60), st.integers(1, 6), st.integers(1, 3), st.integers(0, 9), st.integers(0, 9)
)
def test_folds_are_equally_long_in_order_and_apart(bars, lead, folds, holdout, purge, embargo):
    shape = Shape(folds, holdout, purge, embargo)
    try:
        found = folds_of(bars, lead, shape)
    except FoldsError:
        assert bars < lead + (folds + holdout - 1) * (purge + embargo) + 2 * (folds + holdout)
        return
    windows = found.windows
    assert (len(windows), found.searched) == (folds + holdout, folds)
    assert len({window.test_end - window.test_begin for window in windows}) == 1
    assert windows[0].test_begin >= lead
    assert windows[-1].test_end == bars
    for one, two in pairwise(windows):
        assert two.test_begin - one.test_end == purge + embargo
        assert two.train_end == two.test_begin - purge >= one.test_end


def test_bars_that_do_not_hold_the_folds_are_said():
    with pytest.raises(
        FoldsError, match="--folds 4 --holdout 1 --purge 10 --embargo 5: 100 bars are needed, 30 of them"
    ):
        folds_of(99, 30, Shape(4, 1, 10, 5))


def test_the_lead_and_the_purge_are_those_of_the_longest_set():
    spec = policy_named("trend_reversion")
    base = tuple((bound.name, bound.default) for bound in spec.params)
    grid = Grid(base, (Axis("slow", (60.0, 400.0)), Axis("hold_bars", (10.0, 500.0))))
    assert lead_of(spec, grid) >= 399
    assert longest_hold(grid) == 500
    assert longest_hold(GRID) == 0
