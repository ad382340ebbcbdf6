"""`trifecta journal` backup, restore, migrate, explain, export: what they print, and what they refuse in one line."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pandas as pd
import pytest

from actors.restoring import newest_session
from journal.records import Decision
from journal.store import SqliteJournal, open_journal
from tests.builders import a_plan, a_tape
from tests.cli.running import refused, schema, trifecta
from tests.postgres import a_server
from tests.research.journals import a_session, write_journal


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """A home with one finished session, read only."""
    home = tmp_path_factory.mktemp("session")
    _, journal = a_session(home / "tapes")
    write_journal(home / "journal.db", journal)
    return home


@pytest.fixture(scope="module")
def log(session):
    with closing(SqliteJournal(session / "journal.db", read_only=True)) as journal:
        return newest_session(journal)


@pytest.fixture
def own(session, tmp_path):
    """A copy of that home to change."""
    return shutil.copytree(session, tmp_path / "home")


def done(name, *words, code=0):
    """Run a command with --json; return its document, held against its schema."""
    ended = trifecta("journal", *words, "--json")
    assert (ended.code, ended.err) == (code, "")
    schema(f"journal_{name}").validate(ended.document)
    return ended.document


# --- backup and restore


def test_a_backup_goes_back_to_where_no_journal_is(session, tmp_path):
    copy = tmp_path / "copy.db"
    made = done("backup", "backup", copy, "--home", session)
    verified = done("verify", "verify", "--home", session)
    assert (made["records"], made["head"]) == (verified["records"], verified["head"])
    put = done("restore", "restore", copy, "--home", tmp_path / "new")
    assert (put["records"], put["head"], put["sha256"], put["sha256_checked"]) == (
        made["records"], made["head"], made["sha256"], True,
    )  # fmt: skip
    assert done("verify", "verify", tmp_path / "new" / "journal.db")["head"] == made["head"]
    assert "is not overwritten" in refused("journal", "restore", copy, "--home", tmp_path / "new")
    assert "is not overwritten" in refused("journal", "backup", copy, "--home", session)


def test_people_are_told_what_was_kept_and_whether_it_was_checked(session, tmp_path):
    copy = tmp_path / "copy.db"
    lines = trifecta("journal", "backup", copy, "--home", session).out.splitlines()
    assert [line.partition(":")[0] for line in lines] == [str(copy), f"{copy}.sha256"]
    Path(f"{copy}.sha256").unlink()
    ended = trifecta("journal", "restore", copy, "--journal", tmp_path / "new.db")
    assert (ended.code, ended.out.startswith(f"{tmp_path / 'new.db'}: ")) == (0, True)
    assert ended.err == f"warning: no {copy}.sha256: only the chain was verified\n"


def test_what_is_no_backup_is_refused(tmp_path):
    (tmp_path / "x").write_text("nothing")
    assert refused("journal", "restore", tmp_path / "none").endswith("none: there is no backup here")
    assert "not a readable journal" in refused("journal", "restore", tmp_path / "x", "--home", tmp_path / "home")
    assert "there is no journal here" in refused("journal", "backup", tmp_path / "copy", "--home", tmp_path / "home")


# --- migrate


def test_an_older_journal_is_migrated_and_a_newer_one_refused(own):
    file = own / "journal.db"
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("DROP INDEX records_begin")
        db.execute("UPDATE meta SET value = '1'")
    for words in (("run",), ("journal", "verify"), ("journal", "explain", "0"), ("journal", "tail")):
        if words != ("run",):
            assert refused(*words, "--home", own) == (
                f"{file}: journal version 1; this program reads version 2; "
                f"`trifecta journal migrate {file}` brings it there"
            )
    found = done("migrate", "migrate", "--home", own)
    assert (found["before"], found["after"], found["backup"]) == (1, 2, str(own / "journal-v1.db"))
    assert done("verify", "verify", "--home", own)["head"] == found["head"]
    assert done("migrate", "migrate", file)["backup"] is None
    assert trifecta("journal", "migrate", file).out == f"{file}: version 2 already; nothing to do\n"
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("UPDATE meta SET value = '9'")
    assert refused("journal", "migrate", file) == f"{file}: journal version 9; this program reads version 2"


# --- explain


def explained(session, name, *words):
    document = done("explain", "explain", name, "--home", session, *words)
    shown = trifecta("journal", "explain", name, "--home", session)
    assert (shown.code, shown.err) == (0, "")
    return document


def whats(document):
    return [step["what"] for step in document["steps"]]


def test_the_story_of_an_order_goes_from_the_mandate_to_the_position(session, log):
    order = next(one for one in log.orders if one.reason == "ENTRY" and "." in one.instrument)  # a contract: it settles
    document = explained(session, order.order_id)
    assert whats(document) == [
        "mandate", "quote", "view", "signal", "intent", "verdict", "ruling", "order",
        "report", "position", "report", "position",
    ]  # fmt: skip
    assert document == explained(session, str(order.number))
    decision = next(one for one in log.decisions if order.number in one.orders)
    facts = {step["what"]: step["facts"] for step in document["steps"]}
    assert facts["intent"]["intent_id"] == document["intent_id"] == decision.intent_id
    assert facts["view"]["votes"] == dict(zip(("trend", "reversion"), decision.votes, strict=True))
    assert sorted(facts["view"]["features"].values()) == sorted(decision.features)
    assert (facts["verdict"]["approved"], facts["ruling"]["ruling"]) == (True, "EXECUTE")
    assert facts["order"]["order_id"] == order.order_id
    assert facts["position"]["lots"] == 0
    times = [step["time_ns"] for step in document["steps"]]
    assert times == sorted(times)
    assert [step["seq"] for step in document["steps"][2:]] == sorted(step["seq"] for step in document["steps"][2:])


def test_a_leg_that_did_not_fill_names_the_unwind_and_the_unwind_its_cause(session, log):
    unwind = next(order for order in log.orders if order.reason == "UNWIND")
    document = explained(session, unwind.number)
    assert whats(document)[:3] == ["mandate", "cause", "order"]
    cause = document["steps"][1]["facts"]
    assert cause["report"] == "CANCEL"
    before = explained(session, cause["number"])
    assert whats(before)[-1] == "follow-up"
    assert before["steps"][-1]["facts"]["order_id"] == unwind.order_id
    assert document["intent_id"] is None
    assert "unwound" in document["steps"][2]["text"]


def test_an_intent_that_risk_refused_is_told_with_the_rule(session, log):
    decision = next(one for one in log.decisions if "COOLDOWN" in one.rules)
    document = explained(session, decision.intent_id)
    assert (document["order_ids"], document["outcome"]) == ([], "no order: REFUSED")
    verdict = next(step for step in document["steps"] if step["what"] == "verdict")
    assert (verdict["facts"]["approved"], verdict["facts"]["rules"]) == (False, list(decision.rules))
    assert "COOLDOWN: the pause after the newest loss had not passed" in verdict["text"]


def test_an_intent_that_the_governor_withheld_is_told_with_the_ruling(tmp_path):
    plan = a_plan()
    shown = msgspec.structs.replace(
        plan, desks=tuple(msgspec.structs.replace(desk, auto_execute=False) for desk in plan.desks)
    )
    _, journal = a_session(tmp_path / "tapes", shown, a_tape(minutes=60, ticks=300))
    write_journal(tmp_path / "journal.db", journal)
    decision = next(one for one in newest_session(journal).decisions if one.ruling == "DISPLAY_ONLY")
    document = explained(tmp_path, decision.intent_id)
    assert (document["numbers"], document["outcome"]) == ([], "no order: DISPLAY_ONLY")
    assert "it would have been executed, but the desk is display only" in document["steps"][-1]["text"]


def test_an_intent_tells_both_of_its_legs(session, log):
    decision = next(one for one in log.decisions if len(one.orders) == 2 and not one.reduce)
    document = explained(session, decision.intent_id)
    assert document["numbers"] == list(decision.orders)
    assert whats(document).count("order") == whats(document).count("quote") == 2


def test_every_order_of_a_session_can_be_explained(session, log):
    from journal.story import story_of
    from research.explaining import explain

    with closing(open_journal(session / "journal.db", read_only=True)) as journal:
        for order in log.orders[::17]:
            found = explain(story_of(journal, order.order_id))
            assert found.order_ids == (order.order_id,)
            fills = [step for step in found.steps if step.what == "position"]
            assert len(fills) == sum(
                report.number == order.number and report.report in ("FILL", "SETTLE") for report in log.reports
            )


def test_the_positions_of_a_story_are_those_of_the_fold(session, log):
    """The position after the last trade is where the session left it; what moves a stop afterwards trades nothing."""
    last = [report for report in log.reports if report.report in ("FILL", "SETTLE")][-1]
    document = explained(session, last.number)
    position = next(step for step in reversed(document["steps"]) if step["what"] == "position")
    kept = log.snapshots[-1].positions.get(last.instrument, {"lots": 0})
    assert position["facts"]["lots"] == kept["lots"]
    assert position["facts"]["cash"] == log.snapshots[-1].account["cash"]


@pytest.mark.parametrize("words", [("nobody",), ("999999",), ("0", "--session", "7")])
def test_an_unknown_order_is_one_line(session, words):
    line = refused("journal", "explain", *words, "--home", session)
    where = " in session 7" if len(words) > 1 else ""
    assert line == (
        f"{session / 'journal.db'}: there is no order '{words[0]}'{where}; a client order id, an order's number or an "
        "intent's id is allowed"
    )


# --- export


def test_parquet_holds_what_the_journal_holds(session, log, tmp_path):
    out = tmp_path / "tables"
    ended = trifecta("journal", "export", "--home", session, "--format", "parquet", "--out", out)
    assert (ended.code, ended.out) == (0, "")
    assert f"{out / 'orders.parquet'}: {len(log.orders):,} records" in ended.err.splitlines()
    decisions = pd.read_parquet(out / "decisions.parquet")
    assert decisions.intent_id.tolist() == [one.intent_id for one in log.decisions]
    assert decisions.confidence.tolist() == [one.confidence for one in log.decisions]
    fills = pd.read_parquet(out / "reports.parquet").query("report == 'FILL'")
    assert len(fills) == sum(report.report == "FILL" for report in log.reports)
    assert isinstance(log.decisions[0], Decision)


def test_parquet_needs_a_folder(session, tmp_path):
    assert "name a folder by --out" in refused("journal", "export", "--home", session, "--format", "parquet")
    (tmp_path / "file").write_text("")
    assert refused(
        "journal", "export", "--home", session, "--format", "parquet", "--out", tmp_path / "file"
    ).startswith(f"{tmp_path / 'file'}: ")


# --- the fold


def test_verify_holds_snapshots_against_the_fold(own, log):
    assert done("verify", "verify", "--home", own, "--fold")["fold"] == {
        "snapshots": len(log.snapshots), "problem": None,
    }  # fmt: skip
    assert done("verify", "verify", "--home", own)["fold"] is None
    with closing(sqlite3.connect(own / "journal.db")) as db, db:
        db.execute("DELETE FROM records WHERE seq = 9")
    assert done("verify", "verify", "--home", own, "--fold", code=1)["fold"] is None


def test_verify_finds_a_planted_snapshot_whose_chain_was_made_again(own):
    """Whoever writes the whole chain anew can hide a change from it; the fold still shows it."""
    from journal.chain import canonical, link
    from journal.records import Snapshot

    with closing(SqliteJournal(own / "journal.db", read_only=True)) as journal:
        entries = list(journal.entries())
    previous = "0" * 64
    with closing(sqlite3.connect(own / "journal.db")) as db, db:
        for entry in entries:
            record = entry.record()
            if isinstance(record, Snapshot):
                account = record.account | {"cash": record.account["cash"] + 1}
                record = msgspec.structs.replace(record, account=account)
            previous = link(previous, canonical(record))
            db.execute("UPDATE records SET body = ?, hash = ? WHERE seq = ?", (canonical(record), previous, entry.seq))
    document = done("verify", "verify", "--home", own, "--fold", code=1)
    assert (document["ok"], document["problem"], document["fold"]["snapshots"]) == (False, None, 0)
    assert "cash is" in document["fold"]["problem"]
    shown = trifecta("journal", "verify", "--home", own, "--fold")
    assert (shown.code, len(shown.out.splitlines())) == (1, 2)


# --- PostgreSQL


@pytest.fixture(scope="module")
def server():
    with a_server() as running:
        yield running


def test_every_word_works_on_a_database(session, server, tmp_path):
    url = server.url()
    copy = tmp_path / "copy.db"
    made = done("backup", "backup", copy, "--home", session)
    assert done("restore", "restore", copy, "--journal", url)["journal"] == url
    verified = done("verify", "verify", url, "--fold")
    assert (verified["path"], verified["head"], verified["fold"]["problem"]) == (url, made["head"], None)
    by_environment = trifecta("journal", "verify", "--json", env={"TRIFECTA_JOURNAL": url}).document
    assert by_environment == done("verify", "verify", url)
    assert (
        trifecta("journal", "tail", url, "-n", "3").out == trifecta("journal", "tail", "--home", session, "-n", "3").out
    )
    assert trifecta("journal", "export", url).out == trifecta("journal", "export", "--home", session).out
    ours, theirs = (done("explain", "explain", "5", *where) for where in (("--journal", url), ("--home", session)))
    assert {**ours, "journal": ""} == {**theirs, "journal": ""}
    assert done("migrate", "migrate", url)["backup"] is None
    replayed = trifecta("replay", url, "--tapes", session / "tapes", "--json")
    assert (replayed.code, replayed.document["identical"]) == (0, True)
    doctor = trifecta("doctor", "--journal", url, "--home", tmp_path, "--json").document
    assert next(found for found in doctor["findings"] if found["check"] == "journal")["level"] == "ok"


def test_a_database_that_is_not_there_is_one_line_without_its_password(tmp_path):
    url = f"postgresql://me:secret@/x?host={tmp_path}"
    for words in (("journal", "verify", url), ("journal", "explain", "0", "--journal", url), ("replay", url)):
        line = refused(*words)
        assert line.startswith(f"postgresql://me:***@/x?host={tmp_path}: the journal cannot be used now")
        assert "secret" not in line
    assert refused("journal", "verify", "mysql://x/y") == "mysql://x/y: a file or a postgresql:// URL is allowed"
