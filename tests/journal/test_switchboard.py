"""The switchboard: durable before it is told, shared between processes, and blocked when it cannot be read."""

import os
import signal
import sqlite3
import subprocess
import sys
import timeit
from pathlib import Path

import msgspec
import pytest

from journal.records import Switch
from journal.switchboard import Switchboard, SwitchboardError, active_of
from tests.research.files import REPO
from tests.waiting import until


def a_switch(key="forex", mode="BLOCK_NEW", scope="desk", **changes):
    terms = {
        "time_ns": 5, "wall_ns": 5, "row": 0, "scope": scope, "key": key, "mode": mode, "hard": False,
        "who": ("ann",), "reason": "a test",
    } | changes  # fmt: skip
    return Switch(**terms)


def put(board, *switches):
    for switch in switches:
        board.change(lambda _, switch=switch: switch)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "switches.db"


def test_a_new_board_has_nothing_tripped(path):
    board = Switchboard(path)
    assert (board.current(), board.rows()) == ((), ())


def test_what_is_tripped_is_the_fold_of_the_rows(path):
    board = Switchboard(path)
    put(
        board,
        a_switch(),
        a_switch("x", scope="account"),
        a_switch(mode="FLATTEN_AND_BLOCK"),
        a_switch("x", "NONE", "account"),
    )
    assert [row.row for row in board.rows()] == [1, 2, 3, 4]
    assert board.current() == (a_switch(mode="FLATTEN_AND_BLOCK", row=3),)
    assert active_of((a_switch(mode="NONE", hard=True),)) != ()


def test_the_decision_to_change_sees_what_is_tripped_and_may_leave_it(path):
    board, seen = Switchboard(path), []
    put(board, a_switch())
    assert board.change(seen.append) is None
    assert seen == [(a_switch(row=1),)]
    assert len(board.rows()) == 1


def test_a_change_that_fails_changes_nothing(path):
    board = Switchboard(path)

    def fail(_):
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        board.change(fail)
    put(board, a_switch())
    assert len(board.rows()) == 1


def test_everybody_who_has_it_open_sees_a_change_at_once_and_after_a_restart(path):
    one, other = Switchboard(path), Switchboard(path)
    for key in ("a", "b", "c"):
        put(one, a_switch(key))
        assert other.current() == one.current() == Switchboard(path).current()
        assert other.current()[-1].key == key
    put(other, a_switch("b", "NONE"))
    assert [row.key for row in one.current()] == ["a", "c"]


def test_rows_are_never_changed_or_deleted(path):
    board = Switchboard(path)
    put(board, a_switch())
    with sqlite3.connect(path) as db, pytest.raises(sqlite3.IntegrityError, match="never deleted"):
        db.execute("DELETE FROM switches")
    with sqlite3.connect(path) as db, pytest.raises(sqlite3.IntegrityError, match="never changed"):
        db.execute("UPDATE switches SET hash = ''")
    assert len(board.current()) == 1


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE switches SET body = replace(CAST(body AS TEXT), 'BLOCK_NEW', 'NONE') WHERE row = 1",
        "DELETE FROM switches WHERE row = 1",
        "INSERT INTO switches VALUES (3, '{}', 'x')",
    ],
)
def test_rows_that_do_not_follow_are_not_believed(path, tampering):
    board = Switchboard(path)
    put(board, a_switch(), a_switch("other"))
    with sqlite3.connect(path) as db:
        db.executescript(f"DROP TRIGGER switches_stand; DROP TRIGGER switches_are_kept; {tampering};")
    for reader in (board.current, board.current, lambda: Switchboard(path)):
        with pytest.raises(SwitchboardError, match=r"row \d of the switches does not follow"):
            reader()


def test_a_row_that_is_chained_but_means_nothing_is_not_believed(path):
    from journal.chain import GENESIS, link

    Switchboard(path).close()
    with sqlite3.connect(path) as db:
        db.execute("INSERT INTO switches VALUES (1, ?, ?)", (b"{}", link(GENESIS, b"{}")))
    with pytest.raises(SwitchboardError, match="row 1 of the switches cannot be read"):
        Switchboard(path)


def test_a_file_that_is_gone_stops_being_believed(path):
    board = Switchboard(path)
    put(board, a_switch())
    path.rename(path.with_suffix(".away"))
    with pytest.raises(SwitchboardError, match="cannot be read"):
        board.current()
    with pytest.raises(SwitchboardError):
        board.change(lambda _: a_switch())


def test_a_file_that_was_replaced_stops_being_believed(path, tmp_path):
    board = Switchboard(path)
    put(board, a_switch())
    Switchboard(tmp_path / "other.db").close()
    (tmp_path / "other.db").replace(path)
    with pytest.raises(SwitchboardError, match="was replaced"):
        board.current()


def test_a_file_that_is_damaged_on_the_disk_is_noticed_although_it_was_read_before(path):
    board = Switchboard(path)
    put(board, a_switch())
    board.close()
    board = Switchboard(path)
    assert len(board.current()) == 1
    with path.open("r+b") as file:
        file.seek(0)
        file.write(b"\xff" * os.path.getsize(path))
    with pytest.raises(SwitchboardError):
        board.current()


@pytest.mark.parametrize("content", [b"not a database, but long enough to be taken for one " * 4])
def test_a_file_that_is_no_switchboard_is_refused(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(SwitchboardError, match="cannot be read"):
        Switchboard(path)


def test_another_database_is_refused(path):
    path.parent.mkdir()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE records (seq INTEGER)")
    with pytest.raises(SwitchboardError, match="not a switchboard"):
        Switchboard(path)


def test_a_closed_board_is_not_believed(path):
    board = Switchboard(path)
    board.close()
    with pytest.raises(SwitchboardError, match="closed"):
        board.current()


def test_a_board_that_somebody_holds_is_read_but_not_changed(path):
    board = Switchboard(path, lock_wait_s=0.05)
    put(board, a_switch())
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    assert len(board.current()) == 1
    with pytest.raises(SwitchboardError, match="locked"):
        put(board, a_switch("other"))
    holder.execute("ROLLBACK")
    put(board, a_switch("other"))
    assert len(board.current()) == 2


READER = """
import sys
from pathlib import Path
from journal.switchboard import Switchboard
board = Switchboard(Path(sys.argv[1]))
board._open().execute("BEGIN")
board._open().execute("SELECT count(*) FROM switches").fetchone()
print("reading", flush=True)
sys.stdin.read()
"""


def test_a_reader_that_is_stopped_in_the_middle_does_not_hold_up_a_trip(path):
    Switchboard(path).close()
    with subprocess.Popen(
        [sys.executable, "-c", READER, str(path)], cwd=REPO, stdout=subprocess.PIPE, stdin=subprocess.PIPE
    ) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == b"reading\n"
        reader.send_signal(signal.SIGSTOP)
        try:
            board = Switchboard(path, lock_wait_s=0.5)
            put(board, a_switch())
            assert len(Switchboard(path).current()) == 1
        finally:
            reader.kill()


WRITER = """
import os, sys
from pathlib import Path
from journal.records import Switch
from journal.switchboard import Switchboard
board = Switchboard(Path(sys.argv[1]))
for key in range(100_000):
    row = board.change(lambda _: Switch(time_ns=1, wall_ns=1, row=0, scope="desk", key=str(key), mode="BLOCK_NEW",
                                        hard=False, who=("w",), reason="r"))
    print(row.row, flush=True)
"""


def test_what_was_acknowledged_survives_a_kill(path):
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], cwd=REPO, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            lines = [writer.stdout.readline() for _ in range(5)]
            writer.send_signal(signal.SIGKILL)
            told = int((lines + writer.stdout.read().splitlines())[-1])
        board = Switchboard(path)
        assert told <= len(board.rows()) <= told + 1
        board.close()


def test_asking_what_is_tripped_takes_microseconds(path):
    board = Switchboard(path)
    put(board, *(a_switch(str(key)) for key in range(20)))
    best = min(timeit.repeat(board.current, number=200, repeat=5)) / 200
    assert best < 200e-6, f"{best * 1e6:.1f} us"


def test_a_row_says_who_and_why(path):
    board = Switchboard(path)
    made = board.change(lambda _: a_switch(who=("ann", "bob"), reason="drill", row=77))
    assert made == msgspec.structs.replace(a_switch(who=("ann", "bob"), reason="drill"), row=1)


def test_waiting_is_for_conditions(path):
    """A change by another process is seen without opening the file again."""
    board = Switchboard(path)
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], cwd=REPO, stdout=subprocess.DEVNULL) as writer:
        try:
            until(lambda: len(board.current()) >= 3)
        finally:
            writer.kill()
