"""Kept rows: the file of commands keeps what was written, in order, and says when it is not what it was."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from journal.commands import CommandFile, CommandsError, meant_for
from journal.records import Command


def a_command(**changes):
    terms = {
        "time_ns": 5, "wall_ns": 5, "row": 0, "session": 1, "action": "DEPOSIT", "subject": "", "amount": 7,
        "who": ("ann",), "reason": "a test",
    } | changes  # fmt: skip
    return Command(**terms)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "commands.db"


def test_a_command_has_the_next_row_and_another_process_reads_it(path):
    file = CommandFile(path)
    assert [file.add(a_command(amount=k)).row for k in (3, 4)] == [1, 2]
    assert [row.amount for row in CommandFile(path, create=False).rows()] == [3, 4]


def test_a_reader_sees_what_comes_later(path):
    reader = CommandFile(path)
    assert reader.rows() == ()
    CommandFile(path).add(a_command())
    assert [row.row for row in reader.rows()] == [1]


def test_rows_are_for_one_session(path):
    rows = (a_command(row=1), a_command(row=2, session=2), a_command(row=3))
    assert [row.row for row in meant_for(rows, 1)] == [1, 3]
    assert meant_for(rows, 1, after=3) == []


def test_rows_are_never_changed_or_deleted(path):
    CommandFile(path).add(a_command())
    with closing(sqlite3.connect(path)) as db:
        for words in ("DELETE FROM commands", "UPDATE commands SET hash = ''"):
            with pytest.raises(sqlite3.IntegrityError, match="file of commands"):
                db.execute(words)


def test_a_row_that_was_forged_is_found(path):
    CommandFile(path).add(a_command())
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DROP TRIGGER commands_stand")
        db.execute("UPDATE commands SET body = replace(body, '7', '9')")
    with pytest.raises(CommandsError, match="row 1 of the commands does not follow"):
        CommandFile(path)


def test_a_file_that_is_gone_or_of_something_else_is_an_error(path, tmp_path):
    with pytest.raises(CommandsError, match="there is no file of commands here"):
        CommandFile(path, create=False)
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as db, db:
        db.execute("CREATE TABLE things (x)")
    with pytest.raises(CommandsError, match="not a file of commands"):
        CommandFile(other)
    file = CommandFile(path)
    file.close()
    with pytest.raises(CommandsError, match="closed"):
        file.add(a_command())
