"""The log of trials and what is fed from it: a run goes on where it was left, and every set counts once."""

import numpy as np
import pytest

from research.grid import Axis
from research.home import HomeLockedError
from research.params import DataFile
from research.search import Asked, search_of
from research.search_folds import Shape
from research.trial_log import RunRecord, TrialLog, TrialLogError, batches_in, require_same, tried_on, unfinished
from research.trial_score import COLUMNS, daily_sharpe
from research.tune_feed import Feed

FOLDS = 3


def a_record(**changes):
    given = {
        "policy": "sma_cross", "basis_hash": "b", "tape_hash": "t", "kernels": "k",
        "data": (DataFile("x.parquet", "0" * 64, 9),), "base": (("fast", 1.0), ("slow", 9.0)),
        "axes": (Axis("fast", tuple(map(float, range(1, 9)))), Axis("slow", (20.0, 30.0, 40.0))),
        "asked": Asked("grid", None, 0),
        "shape": Shape(FOLDS, 1, 0, 0), "metric": "sharpe",
    }  # fmt: skip
    return RunRecord(**(given | changes))


def columns(place, fold):
    rng = np.random.default_rng([place, fold])
    row = rng.normal(0.0, 1.0, len(COLUMNS))
    row[-3:] = 20, rng.normal(0, 0.01), 0.01 + rng.random() * 0.01
    return row


def work(folder, record, *, batch=4, seed=0, batches=None):
    """Feed a run from its log, batches coming back in any order; leave after so many, or return all scores."""
    log = TrialLog(folder, record)
    try:
        feed = Feed(search_of(record.asked, record.grid, FOLDS), log, record.metric, FOLDS, batch)
        rng, held = np.random.default_rng(seed), []
        while not feed.finished and (batches is None or feed.done < batches):
            while (job := feed.take()) is not None:
                held.append(job)
            job = held.pop(int(rng.integers(len(held))))
            feed.bring(job, np.array([[columns(place, fold) for fold in job.folds] for place in job.places]))
        return feed, {place: {fold: row.tolist() for fold, row in rows.items()} for place, rows in log.scored.items()}
    finally:
        log.close()


SEARCHES = [Asked("grid", None, 0), Asked("random", 11, 2), Asked("asha", None, 0, 2), Asked("optuna", 16, 3)]


@pytest.mark.parametrize("asked", SEARCHES, ids=lambda asked: asked.kind)
@pytest.mark.parametrize("left_after", [1, 2, 3])
def test_a_run_that_was_left_ends_like_one_that_was_not_and_runs_nothing_twice(tmp_path, asked, left_after):
    record = a_record(asked=asked)
    whole, scores = work(tmp_path / "one", record, batch=50)
    _, some = work(tmp_path / "two", record, batch=3, seed=4, batches=left_after)
    kept = {path.name: path.stat().st_mtime_ns for path in batches_in(tmp_path / "two" / record.id)}
    second, rest = work(tmp_path / "two", record, batch=5, seed=8)
    assert (rest, list(second.order)) == (scores, list(whole.order))
    assert {name: (tmp_path / "two" / record.id / name).stat().st_mtime_ns for name in kept} == kept
    assert second.reused == sum(len(rows) for rows in some.values())
    done, again = work(tmp_path / "two", record)
    assert (done.done, done.finished, again) == (0, True, scores)


def test_a_draft_that_was_not_finished_counts_for_nothing(tmp_path):
    record = a_record()
    work(tmp_path, record, batches=2)
    folder = tmp_path / record.id
    (folder / "00002.draft").write_bytes(b"PAR1 half")
    feed, scores = work(tmp_path, record)
    assert feed.done == 4
    assert len(scores) == 24


def test_a_damaged_file_is_named(tmp_path):
    record = a_record()
    work(tmp_path, record, batches=1)
    path = tmp_path / record.id / "00000.parquet"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(TrialLogError, match=r"00000.parquet: damaged; remove it, and its batch is run again"):
        work(tmp_path, record)


def test_one_process_at_a_time_adds_to_a_run(tmp_path):
    log = TrialLog(tmp_path, a_record())
    with pytest.raises(HomeLockedError, match="locked by process"):
        TrialLog(tmp_path, a_record())
    log.close()


def test_every_set_counts_once_whatever_runs_scored_it(tmp_path):
    grid, draw = a_record(), a_record(asked=Asked("random", 5, 1))
    work(tmp_path, draw)
    assert tried_on(tmp_path, draw)[:3] == (5, 0, 0)
    work(tmp_path, grid)
    assert tried_on(tmp_path, grid)[:3] == (24, 0, 0)  # the five are among them
    wider = a_record(axes=(Axis("fast", (1.0, 50.0)), Axis("slow", (20.0,))))
    work(tmp_path, wider)
    assert tried_on(tmp_path, wider)[:3] == (25, 23, 0)
    found = tried_on(tmp_path, grid)
    _, scores = work(tmp_path, grid)
    ratios = daily_sharpe(np.array([[rows[fold] for fold in range(FOLDS)] for _, rows in sorted(scores.items())]))
    _, more = work(tmp_path, wider)
    extra = daily_sharpe(np.array([[more[1][fold] for fold in range(FOLDS)]]))
    assert found.variance == pytest.approx(np.var([*ratios, *extra], ddof=1), rel=1e-12)


@pytest.mark.parametrize(
    ("changes", "before"),
    [
        ({"policy": "confluence"}, 0),
        ({"data": (DataFile("y", "1" * 64, 9),)}, 0),
        ({"tape_hash": "u"}, 24),
        ({"metric": "net_profit"}, 0),
    ],
)
def test_runs_count_that_share_policy_and_data(tmp_path, changes, before):
    work(tmp_path, a_record(**changes))
    own = a_record()
    work(tmp_path, own)
    assert tried_on(tmp_path, own)[:2] == (24 + before, before)


def test_a_finished_run_has_looked_at_its_holdout(tmp_path):
    other = a_record(metric="net_profit")
    work(tmp_path, other)
    own = a_record()
    work(tmp_path, own)
    assert tried_on(tmp_path, own).looks == 0
    log = TrialLog(tmp_path, other)
    log.finish({"sets": 24})
    log.close()
    assert tried_on(tmp_path, own).looks == 1


def test_the_unfinished_run_is_found_and_a_name_finds_any(tmp_path):
    with pytest.raises(TrialLogError, match=r"--resume: no run is unfinished below .*; there are: none"):
        unfinished(tmp_path, "")
    one, two = a_record(), a_record(metric="net_profit", words={"symbols": ["A"]})
    for record in (one, two):
        work(tmp_path, record)
    log = TrialLog(tmp_path, one)
    log.finish({})
    log.close()
    assert unfinished(tmp_path, "") == two
    assert unfinished(tmp_path, one.id) == one
    with pytest.raises(TrialLogError, match=f"--resume nobody: there is no such run .*{one.id}"):
        unfinished(tmp_path, "nobody")


CHANGED = [
    ({"tape_hash": "u"}, "its data have"),
    ({"kernels": "l"}, "kernels have"),
    ({"base": (("fast", 2.0), ("slow", 9.0))}, "its configuration has"),
]


@pytest.mark.parametrize(("changes", "said"), CHANGED)
def test_a_run_that_would_not_be_the_same_any_more_is_refused(changes, said):
    require_same(a_record(), a_record(words={"data": "elsewhere"}))
    with pytest.raises(TrialLogError, match=f"{said} changed since"):
        require_same(a_record(), a_record(**changes))
