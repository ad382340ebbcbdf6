"""Statistics of validation: what they say of luck and of skill, against slow twins and scipy, and what they refuse."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from market.quality import DataQualityError
from research import validation as val


def noise(rows=400, columns=12, seed=3):
    return np.random.default_rng(seed).normal(0.0, 0.01, (rows, columns))


def skilled(rows=400, columns=12, edge=0.004):
    table = noise(rows, columns)
    table[:, 5] += edge
    return table


def draws(n, count=300, seed=1):
    return val.stationary_indices(n, 5.0, count, np.random.default_rng(seed))


def test_the_best_of_noise_is_overfitted_and_a_skilled_one_is_not():
    lucky, able = val.overfitting(noise()), val.overfitting(skilled())
    assert lucky.pbo > 0.3
    assert able.pbo == 0.0
    assert able.loss_probability == 0.0
    assert len(lucky.logits) == math.comb(16, 8)


def plain_overfitting(table, blocks):
    """Choose and rank split by split, straight from the paper."""
    rows = len(table) // blocks
    parts = np.split(table[len(table) - rows * blocks :], blocks)
    logits = []
    for chosen in combinations(range(blocks), blocks // 2):
        halves = [np.concatenate([parts[k] for k in range(blocks) if (k in chosen) == inside]) for inside in (1, 0)]
        inner, outer = (half.mean(axis=0) / half.std(axis=0, ddof=1) for half in halves)
        share = stats.rankdata(outer)[np.argmax(inner)] / (table.shape[1] + 1)
        logits.append(math.log(share / (1 - share)))
    return logits


@pytest.mark.parametrize(("rows", "columns", "blocks"), [(40, 2, 2), (61, 5, 6), (97, 7, 8)])
def test_overfitting_is_that_of_its_slow_twin(rows, columns, blocks):
    table = noise(rows, columns, seed=rows)
    found = val.overfitting(table, blocks)
    np.testing.assert_allclose(found.logits, plain_overfitting(table, blocks), rtol=1e-12)
    assert found.pbo == np.mean(np.array(plain_overfitting(table, blocks)) <= 0)
    fit = stats.linregress(found.chosen, found.achieved)
    np.testing.assert_allclose([found.slope, found.intercept], [fit.slope, fit.intercept], rtol=1e-9)


def test_sets_that_lie_still_have_a_ratio_of_0_and_share_their_rank():
    table = noise(64, 4)
    table[:, 1:] = 0.0
    table[:, 0] -= 0.05
    found = val.overfitting(table, 4)
    assert (found.achieved == 0.0).all()
    np.testing.assert_allclose(found.logits, math.log(0.6 / 0.4))  # ranks 2, 3 and 4 of 4, their mean 3 of 5
    assert (found.slope, found.intercept) == (None, None)


@pytest.mark.parametrize(
    ("table", "blocks", "said"),
    [
        (noise(), 5, "5 blocks; an even number from 2 to 20"),
        (noise(), 22, "22 blocks"),
        (noise(30), 16, r"shape \(30, 12\); two columns and 32 rows are needed"),
        (noise(columns=1), 4, "two columns"),
        (np.full((40, 3), math.nan), 4, "column 0 are not finite"),
        (np.full((40, 3), 0.01), 4, "column 0 grows by the same in every row"),
    ],
)
def test_what_cannot_be_cross_validated_is_refused(table, blocks, said):
    with pytest.raises(ValueError, match=said):
        val.overfitting(table, blocks)


def test_the_reality_check_tells_skill_from_the_best_of_noise():
    assert val.reality_check(noise(), draws(400)).p_value > 0.1
    assert val.reality_check(skilled(), draws(400)).p_value == 1 / 301
    assert val.superior_ability(noise(), draws(400)) > 0.1
    assert val.superior_ability(skilled(), draws(400)) == 1 / 301


def test_wild_sets_hide_a_good_one_from_the_reality_check_but_not_from_spa():
    table = skilled(edge=0.0025)
    wild = np.column_stack([table, np.random.default_rng(8).normal(-0.02, 0.2, (400, 30))])
    assert val.reality_check(wild, draws(400)).p_value > 0.2
    assert val.superior_ability(wild, draws(400)) < 0.05


def test_sets_that_lie_still_take_no_part_in_spa():
    table = skilled()
    table[:, :3] = 0.0
    assert val.superior_ability(table, draws(400)) == 1 / 301
    assert val.superior_ability(np.zeros((20, 2)), draws(20)) is None


def test_the_bootstrap_of_means_is_that_of_the_drawn_rows():
    table, indices = noise(50, 3), draws(50, 40)
    means = table[indices].mean(axis=1) - table.mean(axis=0)
    tries = math.sqrt(50) * means.max(axis=1)
    found = val.reality_check(table, indices)
    assert found.p_value_strict == np.mean(tries > found.statistic)
    assert found.statistic == pytest.approx(math.sqrt(50) * table.mean(axis=0).max())


def test_an_interval_of_a_mean_is_wider_where_neighbours_are_alike():
    rng = np.random.default_rng(3)
    alone = rng.normal(0.1, 1.0, 400)
    alike = np.repeat(rng.normal(0.1, 1.0, 40), 10)
    one, other = (
        np.diff(val.mean_interval(one, val.stationary_indices(400, 10.0, 500, np.random.default_rng(1))))[0]
        for one in (alone, alike)
    )
    assert one == pytest.approx(2 * 1.96 / 20, rel=0.2)
    assert other > 2 * one
    low, high = val.mean_interval(alone, draws(400))
    assert low < alone.mean() < high
    with pytest.raises(ValueError, match="allowed"):
        val.mean_interval(alone, draws(400), 1.0)


def test_trials_that_are_alike_count_for_fewer():
    table = noise(3000, 10)
    assert val.independent_trials(table) == pytest.approx(10, abs=0.3)
    assert val.independent_trials(np.repeat(table[:, :1], 10, axis=1)) == pytest.approx(1.0)
    half = table + noise(3000, 1, seed=9)
    rho = np.corrcoef(half.T)[np.triu_indices(10, 1)].mean()
    assert val.independent_trials(half) == pytest.approx(rho + (1 - rho) * 10)
    assert val.independent_trials(np.zeros((9, 4))) == 4.0
    assert val.independent_trials(table[:, :1]) == 1.0


def test_stationary_blocks_follow_each_other_and_have_the_length_asked_for():
    indices = val.stationary_indices(1000, 8.0, 200, np.random.default_rng(2))
    follows = (np.diff(indices, axis=1) % 1000) == 1
    assert follows.mean() == pytest.approx(7 / 8, abs=0.01)
    assert np.bincount(indices.ravel(), minlength=1000).min() > 100
    np.testing.assert_array_equal(indices, val.stationary_indices(1000, 8.0, 200, np.random.default_rng(2)))
    alone = val.stationary_indices(1000, 1.0, 50, np.random.default_rng(2))
    assert ((np.diff(alone, axis=1) % 1000) == 1).mean() < 0.01


@pytest.mark.parametrize("call", [
    lambda: val.stationary_indices(0, 2.0, 1, np.random.default_rng()),
    lambda: val.stationary_indices(9, 0.5, 1, np.random.default_rng()),
    lambda: val.reality_check(noise(20), draws(21)),
    lambda: val.reality_check(noise(20)[:, 0], draws(20)),
    lambda: val.reality_check(noise(20), draws(20) + 1),
    lambda: val.multiple_tests([0.5, 1.5]),
    lambda: val.multiple_tests([0.5], 1.0),
    lambda: val.wilson_interval(3, 2),
    lambda: val.compare_hit_rates([1, 0], [1]),
    lambda: val.compare_hit_rates([1, 2], [1, 0]),
    lambda: val.luck_threshold(3, -1.0),
    lambda: val.expected_max_z(0),
    lambda: val.walk_forward(10, 0, 1),
    lambda: val.walk_forward(10, 3, 1, -1),
    lambda: val.fold_bounds(3, 4),
    lambda: list(val.combinatorial_splits(10, 5, 5)),
    lambda: list(val.combinatorial_splits(10, 5, 2, -1)),
])  # fmt: skip
def test_impossible_arguments_are_refused(call):
    with pytest.raises(ValueError, match="allowed"):
        call()


def test_returns_that_are_not_finite_are_refused_by_place():
    bad = noise(20)
    bad[3, 2] = math.nan
    with pytest.raises(DataQualityError, match="column 2 are not finite"):
        val.reality_check(bad, draws(20))
    with pytest.raises(DataQualityError, match="return 3 is nan"):
        val.moments_of(bad[:, 2])


def test_moments_are_those_of_scipy():
    series = noise()[:, 0] ** 3
    found = val.moments_of(series)
    assert found.skew == pytest.approx(stats.skew(series))
    assert found.kurtosis == pytest.approx(stats.kurtosis(series, fisher=False))
    assert found.sharpe == pytest.approx(series.mean() / series.std(ddof=1))


@pytest.mark.parametrize("series", [[], [0.01], [0.01] * 50, np.zeros(9)])
def test_a_series_without_variance_has_no_moments(series):
    assert val.moments_of(series) is None


def test_a_record_as_long_as_asked_for_is_just_sure_enough():
    moments = val.SharpeMoments(0.08, 0, -0.4, 5.0)
    length = val.min_track_record(moments, 0.02, 0.95).value
    exact = moments._replace(observations=math.ceil(length))
    assert val.probabilistic_sharpe(exact, 0.02).value == pytest.approx(0.95, abs=1e-3)
    assert val.probabilistic_sharpe(exact, 0.02).value >= 0.95


def test_what_is_undefined_says_why():
    moments = val.SharpeMoments(0.1, 1, 0.0, 3.0)
    assert val.probabilistic_sharpe(moments) == (None, "insufficient_data")
    assert val.min_track_record(moments, 0.1) == (None, "not_above_benchmark")
    wild = val.SharpeMoments(1.2, 50, 3.0, 5.0)
    assert val.probabilistic_sharpe(wild) == (None, "moments_out_of_range")
    assert val.min_track_record(wild) == (None, "moments_out_of_range")


def test_more_trials_deflate_more():
    found = [val.deflated_sharpe(val.SharpeMoments(0.1, 500, 0.0, 3.0), n, 0.001).value for n in (1, 2, 10, 1000)]
    assert found == sorted(found, reverse=True)
    assert found[0] == val.probabilistic_sharpe(val.SharpeMoments(0.1, 500, 0.0, 3.0)).value


def test_the_most_of_many_normals_is_about_what_the_formula_says():
    most = np.random.default_rng(5).normal(size=(4000, 50)).max(axis=1).mean()
    assert val.expected_max_z(50) == pytest.approx(most, abs=0.04)


def test_where_nothing_moves_or_all_that_moves_loses_nothing_is_selected():
    assert val.select_and_deflate(np.zeros((9, 3))) is None
    assert val.select_and_deflate(np.zeros((9, 0))) is None
    lost = np.zeros((9, 2))
    lost[:, 1] = -0.01 * np.arange(9)
    assert val.select_and_deflate(lost) is None
    assert val.select_and_deflate(-lost).best == 1


@settings(max_examples=80, deadline=None)
@given(
    n=st.integers(12, 90), folds=st.integers(2, 6), horizon=st.integers(0, 5), embargo=st.integers(0, 4),
    data=st.data(),
)  # fmt: skip
def test_no_train_label_touches_a_test_label_and_every_row_is_tested(n, folds, horizon, embargo, data):
    tested = data.draw(st.integers(1, folds - 1))
    seen = np.zeros(n, int)
    for split in val.combinatorial_splits(n, folds, tested, horizon, embargo):
        seen[split.test] += 1
        far = np.abs(split.train[:, None] - split.test[None, :]).min(axis=1, initial=n)
        assert (far > horizon).all()
        after = [row for row in split.train if row - horizon - embargo in split.test]
        assert after == [] or embargo == 0
    assert (seen == math.comb(folds - 1, tested - 1)).all()
    assert (seen == val.path_count(folds, tested)).all()


@settings(max_examples=80, deadline=None)
@given(
    n=st.integers(0, 120), train=st.integers(1, 30), test=st.integers(1, 20), purge=st.integers(0, 9),
    anchored=st.booleans(),
)  # fmt: skip
def test_windows_go_forward_and_leave_the_purged_rows_out(n, train, test, purge, anchored):
    windows = val.walk_forward(n, train, test, purge, anchored)
    assert len(windows) == max((n - train - purge) // test, 0)
    for k, one in enumerate(windows):
        assert one.test_begin - one.train_end == purge
        assert (one.test_begin, one.test_end - one.test_begin) == (train + purge + k * test, test)
        assert one.train_begin == (0 if anchored else k * test)
        assert one.test_end <= n


def test_the_last_fold_takes_the_rest():
    assert val.fold_bounds(11, 4) == ((0, 2), (2, 4), (4, 6), (6, 11))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([(1, 0), (0, 1), (1, 1), (0, 0)]), min_size=1, max_size=80))
def test_rates_agree_with_scipy(pairs):
    one, other = zip(*pairs, strict=True)
    found = val.compare_hit_rates(one, other)
    tosses = found.adaptive_only + found.static_only
    wanted = stats.binomtest(found.adaptive_only, tosses).pvalue if tosses else 1.0
    assert found.mcnemar_p == pytest.approx(wanted)
    turned = val.compare_hit_rates(other, one)
    assert (turned.diff_pp, turned.mcnemar_p) == (-found.diff_pp, found.mcnemar_p)
    if len(pairs) > 1:
        gaps = np.subtract(one, other)
        half = stats.norm.ppf(0.975) * gaps.std(ddof=1) / math.sqrt(len(gaps)) * 100
        assert found.low_pp == pytest.approx(100 * gaps.mean() - half)
    interval = stats.binomtest(sum(one), len(one)).proportion_ci(method="wilson")
    assert val.wilson_interval(sum(one), len(one)) == pytest.approx((interval.low, interval.high))


def test_five_points_exactly_are_enough_and_one_pair_has_no_interval():
    adaptive, static = [1] * 11 + [0] * 9, [1] * 10 + [0] * 10
    assert val.compare_hit_rates(adaptive, static).passes_point
    assert not val.compare_hit_rates(adaptive, static).passes_with_interval
    single = val.compare_hit_rates([1], [0])
    assert (single.low_pp, single.high_pp, single.relative_pct, single.passes_with_interval) == (
        None,
        None,
        None,
        False,
    )
    assert val.compare_hit_rates([], []) is None
    assert val.wilson_interval(0, 0) is None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=15))
def test_adjusted_p_values_keep_the_order_and_agree_with_scipy(p):
    found = val.multiple_tests(p)
    np.testing.assert_allclose(found.bh_adjusted, stats.false_discovery_control(p), rtol=1e-9, atol=1e-300)
    assert all(one >= own for one, own in zip(found.holm_adjusted, p, strict=True))
    order = np.argsort(p)
    assert (np.diff(np.array(found.holm_adjusted)[order]) >= 0).all()
    assert sum(found.bonferroni_reject) <= sum(found.holm_reject) <= sum(found.bh_reject)
