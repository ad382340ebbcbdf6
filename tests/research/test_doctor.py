"""The doctor's looks, one by one: what each finds in order, what it warns of, and what it says to do."""

import os
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from packaging.requirements import Requirement

from actors.address import Address, write_address
from actors.local import Leftover, Process, this_process
from actors.settings import Settings
from actors.staging import session_record
from journal.records import Stop
from journal.store import SqliteJournal
from research.doctor import Examination, examine
from research.doctor.clock import Moment, kernel_synchronised, look_at_clock, look_at_zones
from research.doctor.machine import (
    look_at_kernels,
    look_at_limits,
    look_at_memory,
    look_at_packages,
    look_at_processors,
    look_at_python,
)
from research.doctor.places import (
    look_at_configuration,
    look_at_data,
    look_at_disk,
    look_at_home,
    look_at_journal,
    look_at_system,
)
from research.doctor.processes import look_at_leftovers, look_at_port
from research.findings import NOTHING, Finding, Level, counts, error, good, warning
from research.home import Home
from tests.builders import a_plan
from tests.research.files import REPO, bars, write

GIB = 2**30
LOCK = """
aiohttp==3.14.5 \\
    --hash=sha256:00 \\
    # via ray
numpy==2.3.1 \\
    --hash=sha256:01
ray[default]==2.60.0 ; python_version >= "3.9" \\
    --hash=sha256:02
pywin32==306 ; sys_platform == "win32" \\
    --hash=sha256:03
"""


def levels(findings):
    return [(finding.check, str(finding.level)) for finding in findings]


def only(findings):
    (finding,) = findings
    return finding


# --- findings


def test_a_finding_that_is_not_in_order_must_have_a_remedy():
    assert good("disk", "roomy").remedy == NOTHING
    for make in (error, warning):
        assert make("disk", "full", "make room").remedy == "make room"
        for empty in ("", NOTHING):
            with pytest.raises(AssertionError):
                make("disk", "full", empty)


def test_findings_are_counted_by_level():
    found = [good("a", "b"), warning("a", "b", "c"), good("a", "b")]
    assert counts(found) == {"ok": 2, "warning": 1, "error": 0}


# --- the machine


@pytest.mark.parametrize(
    ("version", "level"), [((3, 11, 0), "ok"), ((3, 11, 9), "ok"), ((3, 10, 14), "error"), ((3, 12, 0), "error")]
)
def test_python_is_3_11(version, level):
    assert levels(look_at_python(version)) == [("python", level)]


def packages(tmp_path, installed, needed=("numpy>=2.2,<3", "ray==2.60.0")):
    (tmp_path / "requirements.lock").write_text(LOCK)
    return look_at_packages(tmp_path / "requirements.lock", installed.get, map(Requirement, needed))


def test_packages_as_locked_are_in_order_and_those_of_other_systems_are_not_missed(tmp_path):
    found = packages(tmp_path, {"aiohttp": "3.14.5", "numpy": "2.3.1", "ray": "2.60.0"})
    assert found == [good("packages", "3 packages as locked")]


def test_another_version_that_still_fits_is_a_warning_that_names_both(tmp_path):
    found = only(packages(tmp_path, {"numpy": "2.3.2", "ray": "2.60.0"}))
    assert found == warning(
        "packages", "2 of 3 not as locked: aiohttp missing (locked: 3.14.5), numpy 2.3.2 (locked: 2.3.1)", "make setup"
    )


def test_a_needed_package_that_is_missing_or_does_not_fit_is_an_error(tmp_path):
    found = packages(tmp_path, {"aiohttp": "3.14.5", "ray": "2.59.1"})
    assert found[:2] == [
        error("packages", "numpy is missing; numpy<3,>=2.2 is needed", "make setup"),
        error("packages", "ray is 2.59.1; ray==2.60.0 is needed", "make setup"),
    ]


def test_without_a_lock_the_packages_cannot_be_compared(tmp_path):
    assert levels(look_at_packages(tmp_path / "none", {}.get, ())) == [("packages", "warning")]


def test_kernels_must_be_writable_and_are_best_compiled(tmp_path):
    assert levels(look_at_kernels(tmp_path / "cache")) == [("kernels", "warning")]
    (tmp_path / "cache" / "engine").mkdir(parents=True)
    (tmp_path / "cache" / "engine" / "one.nbi").touch()
    assert only(look_at_kernels(tmp_path / "cache")) == good("kernels", f"1 compiled in {tmp_path / 'cache'}")
    (tmp_path / "file").touch()
    found = only(look_at_kernels(tmp_path / "file" / "cache"))
    assert (found.level, "NUMBA_CACHE_DIR" in found.remedy) == (Level.ERROR, True)


@pytest.mark.parametrize(
    ("free", "shared", "found"),
    [
        (8 * GIB, GIB, [("memory", "ok")]),
        (8 * GIB, None, [("memory", "ok")]),
        (GIB + GIB // 2, GIB, [("memory", "warning")]),
        (GIB // 2, GIB, [("memory", "error")]),
        (8 * GIB, 64 * 2**20, [("memory", "ok"), ("shared memory", "warning")]),
    ],
)
def test_memory_is_judged_by_what_a_run_takes(free, shared, found):
    assert levels(look_at_memory(free, shared)) == found


def test_processors_and_open_files_have_a_least():
    assert levels([*look_at_processors(1), *look_at_processors(2)]) == [("processors", "warning"), ("processors", "ok")]
    found = [*look_at_limits(1024), *look_at_limits(65536), *look_at_limits(-1)]
    assert [finding.text for finding in found[1:]] == ["at most 65,536", "no limit"]
    assert levels(found) == [("open files", "warning"), ("open files", "ok"), ("open files", "ok")]


# --- the clock


NOW = 1_800_000_000 * 10**9


@pytest.mark.parametrize(
    ("step_ms", "wall_ns", "synchronised", "found"),
    [
        (0, NOW, True, [("clock", "ok"), ("time service", "ok")]),
        (50, NOW, None, [("clock", "ok"), ("time service", "warning")]),
        (150, NOW, True, [("clock", "warning"), ("time service", "ok")]),
        (-3_600_000, NOW, False, [("clock", "warning"), ("time service", "warning")]),
        (0, 10**9, True, [("clock", "error"), ("time service", "ok")]),
    ],
)
def test_the_clock_is_held_against_the_monotonic_one_and_the_calendar(step_ms, wall_ns, synchronised, found):
    begin = Moment(wall_ns, 5 * 10**9)
    end = Moment(wall_ns + 2 * 10**9 + step_ms * 10**6, 7 * 10**9)
    assert levels(look_at_clock(begin, end, synchronised)) == found


def test_the_kernel_says_whether_it_is_synchronised_or_nothing():
    assert kernel_synchronised() in (True, False, None)


def test_an_unknown_time_zone_is_an_error():
    assert levels(look_at_zones()) == [("time zones", "ok")]
    assert only(look_at_zones(("Europe/London", "Mars/Olympus"))).text == "Mars/Olympus unknown"


# --- places


def test_the_packaged_configuration_is_in_order_and_a_wrong_key_is_named(tmp_path):
    assert only(look_at_configuration(None)) == good("configuration", "as packaged, profile trifecta")
    path = tmp_path / "own.toml"
    path.write_text("[account]\ncache = 5\n")
    found = only(look_at_configuration(path))
    assert (found.level, f"{path}: account.cache = 5 is unknown" in found.text) == (Level.ERROR, True)
    assert only(look_at_configuration(tmp_path / "none.toml")).level is Level.ERROR
    path.write_text('[account]\nprofile = "yolo"\n')
    assert "profile 'yolo' is unknown" in only(look_at_configuration(path)).text


def test_bad_data_files_are_warned_of_and_no_data_is_an_error(tmp_path):
    root = tmp_path / "data"
    assert only(look_at_data(root, None)).text == f"{root}: no such data directory"
    (root / "fx").mkdir(parents=True)
    assert only(look_at_data(root, None)).level is Level.ERROR
    (root / "fx" / "EURUSD_M1.parquet").write_bytes(b"PAR1 cut off")
    assert levels(look_at_data(root, None)) == [("data", "error"), ("data", "warning")]
    write(root, "fx/GBPUSD_M1.parquet", bars())
    whole, bad = look_at_data(root, None)
    assert whole == good("data", f"{root}: 1 files with 120 bars and quotes can be traded on")
    assert bad.text == "1 bad files are skipped: fx/EURUSD_M1.parquet"


def test_a_home_that_is_not_there_yet_is_fine_and_one_that_cannot_be_is_not(tmp_path):
    found = look_at_home(Home(tmp_path / "new" / "home"))
    assert levels(found) == [("home", "ok"), ("disk", "ok")]
    assert not (tmp_path / "new").exists()
    (tmp_path / "file").touch()
    assert only(look_at_home(Home(tmp_path / "file" / "home"))).level is Level.ERROR


def test_a_locked_home_names_who_has_it_and_an_old_lock_means_nothing(tmp_path):
    with Home(tmp_path) as home:
        assert f"process {os.getpid()} is at work here" in {f.check: f.text for f in look_at_home(home)}["lock"]
    (tmp_path / "lock").write_text(str(dead_process().pid))
    assert "lock" not in dict(levels(look_at_home(Home(tmp_path))))


@pytest.mark.parametrize(("free", "level"), [(GIB // 8, "error"), (GIB, "warning"), (5 * GIB, "ok")])
def test_disk_space_has_a_least(free, level):
    assert levels(look_at_disk(Path("/"), free)) == [("disk", level)]


def a_journal(path, *more):
    journal = SqliteJournal(path)
    epoch = journal.claim("test", 1)
    journal.append(epoch, [session_record(Settings(plan=a_plan()), (), ""), *more])
    journal.close()
    return path


def test_a_journal_that_is_not_there_yet_is_fine(tmp_path):
    assert levels(look_at_journal(tmp_path / "journal.db")) == [("journal", "ok")]


@pytest.mark.parametrize(
    ("stops", "level"), [((), "warning"), ((False,), "warning"), ((True,), "ok"), ((False, True), "ok")]
)
def test_a_sound_journal_tells_whether_its_newest_session_goes_on(tmp_path, stops, level):
    more = [Stop(time_ns=0, number=1, complete=complete, reason="end") for complete in stops]
    found = look_at_journal(a_journal(tmp_path / "journal.db", *more))
    assert levels(found) == [("journal", "ok"), ("session", level)]
    assert f"{2 + len(stops)} records" in found[0].text


def test_a_session_that_a_run_is_at_work_on_is_no_warning(tmp_path):
    found = look_at_journal(a_journal(tmp_path / "journal.db"), at_work=True)
    assert found[1] == good("session", "session 1 is at work")


@pytest.mark.parametrize("body", ["replace(body, 'PAPER', 'PAPRE')", "CAST(replace(body, 'PAPER', 'LIVE ') AS BLOB)"])
def test_a_tampered_journal_is_an_error_that_names_the_record(tmp_path, body):
    path = a_journal(tmp_path / "journal.db")
    with sqlite3.connect(path) as database:
        database.execute(f"UPDATE records SET body = {body} WHERE seq = 2")
    database.close()
    found = only(look_at_journal(path))
    assert (found.level, "record 2 is bad" in found.text) == (Level.ERROR, True)


@pytest.mark.parametrize("content", [b"", b"not a database at all, but long enough to look like one" * 20])
def test_a_file_that_is_no_journal_is_an_error(tmp_path, content):
    path = tmp_path / "journal.db"
    path.write_bytes(content)
    assert levels(look_at_journal(path)) == [("journal", "error")]


def test_a_journal_of_another_version_is_an_error(tmp_path):
    path = a_journal(tmp_path / "journal.db")
    with sqlite3.connect(path) as database:
        database.execute("UPDATE meta SET value = '7' WHERE name = 'version'")
    database.close()
    assert "journal version 7; this program reads version 2" in only(look_at_journal(path)).text


def dead_process():
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return Process(child.pid, 0.0)


def an_address(owner):
    return Address(gcs_address="127.0.0.1:1", owner=owner, started_s=0.0, token_path="")


def test_a_system_is_none_alive_or_stale(tmp_path):
    path = tmp_path / "cluster.json"
    assert only(look_at_system(path)).text == "nothing runs in this home"
    write_address(path, an_address(this_process()))
    assert only(look_at_system(path)) == good("system", f"process {os.getpid()} runs one at 127.0.0.1:1")
    write_address(path, an_address(dead_process()))
    assert only(look_at_system(path)).level is Level.WARNING
    path.write_text("{}")
    assert "not the address of a system" in only(look_at_system(path)).text


# --- processes


def test_a_port_in_use_names_who_has_it():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        found = only(look_at_port(port, "trifecta serve"))
        assert (found.level, found.check) == (Level.WARNING, f"port {port}")
        assert f"taken by process {os.getpid()}" in found.text
    assert only(look_at_port(port, "trifecta serve")) == good(f"port {port}", "free for trifecta serve")


def test_leftovers_say_what_to_end_and_what_to_delete():
    assert look_at_leftovers([]) == [good("leftovers", "none")]
    empty, held = look_at_leftovers([Leftover(Path("/t/tri-a"), 7, ()), Leftover(Path("/t/tri-b"), 8, (11, 12))])
    assert (empty.remedy, held.remedy) == ("rm -r /t/tri-a", "kill 11 12; rm -r /t/tri-b")
    assert held.text == "/t/tri-b of process 8, which is gone, and 2 processes that still use it: 11 12"


# --- all of it


def test_an_examination_looks_at_everything_and_changes_nothing(tmp_path):
    found = examine(Examination(tmp_path / "home", REPO / "data"))
    assert list(tmp_path.iterdir()) == []
    assert {finding.check for finding in found} >= {
        "python", "packages", "kernels", "processors", "memory", "open files", "time zones", "configuration", "data",
        "home", "disk", "journal", "system", "port 8000", "port 8265", "leftovers", "clock", "time service",
    }  # fmt: skip
    for finding in found:
        assert isinstance(finding, Finding)
        assert msgspec.structs.astuple(finding) == tuple(filter(None, msgspec.structs.astuple(finding)))
        assert (finding.remedy == NOTHING) == (finding.level is Level.OK)


def test_a_look_that_the_machine_does_not_allow_is_a_finding(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "lock").mkdir()  # a folder where a file should be
    found = {finding.check: finding for finding in examine(Examination(tmp_path / "home", REPO / "data"))}
    assert found["home"].level is Level.ERROR
    assert found["home"].text.startswith("cannot be looked at: ")
