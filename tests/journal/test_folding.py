"""Snapshots are what the records before them fold to; a planted wrong one is found, whatever it is wrong in."""

import msgspec
import pytest

from actors.folding import FoldCheck, check_session, check_snapshots
from actors.restoring import newest_session
from journal.order_records import Report
from tests.journal.test_restoring import ran  # noqa: F401 - a fixture

ACCOUNT = ("cash", "realised", "fees", "open_positions", "open_groups", "fills", "initial", "floating", "equity",
           "equity_low")  # fmt: skip


@pytest.fixture
def log(ran):  # noqa: F811
    return newest_session(ran[1])


def planted(log, place, **fields):
    """Return the log with one snapshot falsified."""
    snapshots = list(log.snapshots)
    snapshots[place] = msgspec.structs.replace(snapshots[place], **fields)
    return msgspec.structs.replace(log, snapshots=snapshots)


def test_every_snapshot_of_a_run_is_what_the_records_fold_to(ran, log):  # noqa: F811
    assert check_snapshots(ran[1]) == FoldCheck(snapshots=len(log.snapshots))
    assert len(log.snapshots) >= 5


@pytest.mark.parametrize("field", ACCOUNT)
@pytest.mark.parametrize("place", [0, 3, -1])
@pytest.mark.parametrize("change", [1, -1])
def test_a_wrong_account_is_found(ran, log, field, place, change):  # noqa: F811
    account = log.snapshots[place].account
    found = check_session(ran[0], planted(log, place, account=account | {field: account[field] + change}))
    assert found.snapshots == place % len(log.snapshots)
    assert found.problem.startswith(f"the snapshot at {log.snapshots[place].time_ns} is wrong: ")


def test_a_peak_that_the_samples_around_it_do_not_allow_is_found(ran, log):  # noqa: F811
    place = next(k for k, one in enumerate(log.snapshots) if any(s.time_ns > one.time_ns for s in log.samples))
    account, time_ns = log.snapshots[place].account, log.snapshots[place].time_ns
    later = next(sample.peak for sample in log.samples if sample.time_ns > time_ns)
    for peak in (account["equity"] - 1, later + 1):
        found = check_session(ran[0], planted(log, place, account=account | {"peak": peak}))
        assert found.problem.startswith(f"the snapshot at {time_ns} is wrong: peak is {peak}, equity and samples")


def held(log):
    """Return the place of a snapshot that holds a position, and the position."""
    snapshots = enumerate(log.snapshots)
    return next((k, key, row) for k, one in snapshots for key, row in one.positions.items() if row["lots"])


@pytest.mark.parametrize("field", ["lots", "cost", "fees", "opened_ns"])
def test_a_wrong_position_is_found_and_named(ran, log, field):  # noqa: F811
    place, key, row = held(log)
    positions = log.snapshots[place].positions | {key: row | {field: row[field] + 1}}
    found = check_session(ran[0], planted(log, place, positions=positions))
    stated = f"{key} {field} is {row[field] + 1}, the fold from the start gives {row[field]}"
    assert (found.snapshots, found.problem) == (
        place, f"the snapshot at {log.snapshots[place].time_ns} is wrong: {stated}",
    )  # fmt: skip


def test_a_position_that_is_missing_or_made_up_is_found(ran, log):  # noqa: F811
    place, key, row = held(log)
    positions = {name: other for name, other in log.snapshots[place].positions.items() if name != key}
    found = check_session(ran[0], planted(log, place, positions=positions))
    assert f"{key} cost is nothing" in found.problem
    flat = next(name for name in (one.key for one in ran[0].instruments) if name not in log.snapshots[place].positions)
    made_up = log.snapshots[place].positions | {flat: row}
    assert f"{flat} cost is {row['cost']}" in check_session(ran[0], planted(log, place, positions=made_up)).problem


def test_a_wrong_group_is_found(ran, log):  # noqa: F811
    place, _, _ = held(log)
    groups = list(log.snapshots[place].groups)
    k = next(k for k, group in enumerate(groups) if group["positions"])
    groups[k] = groups[k] | {"pnl": groups[k]["pnl"] + 1}
    found = check_session(ran[0], planted(log, place, groups=tuple(groups)))
    assert f"group {k} pnl is" in found.problem


def test_a_report_that_is_missing_is_found_at_the_next_snapshot(ran, log):  # noqa: F811
    fill = next(report for report in log.reports if isinstance(report, Report) and report.report == "FILL")
    without = msgspec.structs.replace(log, reports=[report for report in log.reports if report is not fill])
    found = check_session(ran[0], without)
    first = next(k for k, snapshot in enumerate(log.snapshots) if snapshot.time_ns >= fill.time_ns)
    assert found.snapshots == first
    assert "the fold from the start gives" in found.problem
