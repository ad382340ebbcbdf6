"""`trifecta account`: orders that are durable before they are acknowledged, and how the account stands."""

from pathlib import Path

import pytest

from actors.settings import Settings
from actors.staging import open_session, stage_world
from actors.world import World
from journal.commands import CommandFile
from journal.records import Breaker, Decision, Sample, Stop
from journal.store import MemoryJournal
from policies.plan import Plan
from research.home import Home
from research.ordering import account_standing
from tests.builders import MINUTE, MONEY, START_NS, a_plan, a_tape
from tests.cli.running import refused, schema, trifecta
from tests.policies.account_books import breached_rules
from tests.research.journals import write_journal
from venues.replay import save_tape


def said(*words, home, code=0, name="account_order"):
    ended = trifecta("account", *words, "--home", home, "--json")
    assert ended.code == code, ended
    schema(name).validate(ended.document)
    return ended.document


def ordered(*words, home, reason="a test"):
    return said(*words, "--who", "ann", "--reason", reason, home=home)


def status(home, code=0):
    return said("status", home=home, code=code, name="account_status")


@pytest.fixture(scope="session")
def interrupted(tmp_path_factory) -> tuple[Plan, MemoryJournal]:
    """Return a session under account rules that has lost much and has not come to its end."""
    folder = tmp_path_factory.mktemp("account-tapes")
    plan = a_plan(rules=breached_rules())
    tape = save_tape(folder, a_tape(60, 400, 1, start_ns=START_NS + 90 * MINUTE))
    settings = Settings(plan=plan, tape_folder=str(folder), tape_hash=tape, batch_rows=32, snapshot_groups=5)
    journal = MemoryJournal()
    open_session(journal, settings, (), "")
    world = World()
    stage_world(world, settings, journal)
    world.run(lambda: sum(entry.kind == Decision.__struct_config__.tag for entry in journal.entries()) > 22, 60_000)
    return plan, journal


@pytest.fixture
def begun(home: Path, interrupted) -> Path:
    """Return a home whose newest session is not at its end."""
    home.mkdir()
    write_journal(home / "journal.db", interrupted[1])
    return home


def ended(home: Path) -> None:
    from journal.store import SqliteJournal

    journal = SqliteJournal(home / "journal.db")
    journal.append(journal.claim("test", 1), [Stop(time_ns=1, number=1, complete=True, reason="end")])
    journal.close()


def test_a_deposit_is_durable_before_it_is_acknowledged(home):
    document = ordered("deposit", "250.000001", home=home)
    assert (document["row"], document["session"], document["amount"], document["engine"]) == (1, 1, 250_000_001, None)
    (row,) = CommandFile(home / "commands.db").rows()
    assert (row.action, row.amount, row.who, row.reason) == ("DEPOSIT", 250_000_001, ("ann",), "a test")
    assert row.wall_ns > 0
    (shown,) = status(home)["commands"]
    assert (shown["state"], shown["time_ns"]) == ("waiting", None)
    line = trifecta("account", "withdraw", "1", "--home", home, "--who", "ann", "--reason", "x").out
    assert (
        line == "account withdraw 1.000000: ordered as row 2 for session 1; the next run obeys it at its next instant\n"
    )


def test_a_session_that_is_over_takes_no_order_any_more(begun):
    assert ordered("deposit", "5", home=begun)["session"] == 1
    ended(begun)
    assert ordered("deposit", "5", home=begun)["session"] == 2
    assert [row["state"] for row in status(begun)["commands"]] == ["over", "waiting"]


@pytest.mark.parametrize("amount", ["0", "-5", "nan", "inf", "1e12", "0.0000001", "five"])
def test_an_amount_that_is_none_is_refused(home, amount):
    words = ("account", "deposit", "--home", home, "--who", "ann", "--reason", "x", "--", amount)
    assert refused(*words).startswith(f"amount {amount}: more than 0, at most 1e11")
    assert not (home / "commands.db").exists()


def test_an_order_needs_a_reason_and_a_rule_that_a_person_may_lift(home):
    assert "--reason is missing" in refused("account", "deposit", "5", "--home", home, "--who", "ann")
    assert "--reason is missing" in refused("account", "deposit", "5", "--home", home, "--who", "ann", "--reason", " ")
    assert "--who is empty" in refused("account", "deposit", "5", "--home", home, "--who", " ", "--reason", "x")
    line = refused("account", "acknowledge", "daily-loss", "--home", home, "--who", "ann", "--reason", "x")
    assert line.startswith("daily-loss (it ends by itself with the UTC day): SAFE_MODE, ACCOUNT_DAILY_LOSS")
    assert not (home / "commands.db").exists()


def test_what_a_profile_says_is_final_is_refused_by_authority(begun):
    words = ("account", "acknowledge", "account_total_loss", "--home", begun, "--who", "ann", "--reason", "x")
    assert refused(*words, code=3).startswith("ACCOUNT_TOTAL_LOSS is final: floor PEAK lets nobody lift it")
    assert status(begun)["commands"] == []


def test_the_status_tells_floors_room_shares_alerts_and_latches(begun, interrupted):
    document = status(begun)["account"]
    assert (document["session"], document["complete"], document["flow"]) == (1, False, 0)
    assert [floor["name"] for floor in document["floors"]] == ["DAILY", "PEAK", "PERIOD_PEAK"]
    for floor in document["floors"]:
        assert floor["final"] is True
    records = [entry.record() for entry in interrupted[1].entries()]
    newest = [record for record in records if isinstance(record, Sample)][-1]
    assert document["as_of_ns"] >= newest.time_ns
    assert len(document["alerts"]) == sum(record.__struct_config__.tag == "alert" for record in records) > 0
    table = trifecta("account", "status", "--home", begun).out
    assert all(word in table for word in ("PERIOD_PEAK", "latched:", "% of", "not at its end"))


def test_a_home_without_a_session_and_one_that_cannot_be_read_say_so(home):
    assert status(home)["account"] is None
    assert "no session has begun here" in trifecta("account", "status", "--home", home).out
    home.mkdir()
    (home / "journal.db").write_bytes(b"no journal, though long enough to be taken for one" * 20)
    assert "journal.db" in status(home, code=1)["problem"]
    assert "cannot be said" in trifecta("account", "status", "--home", home).out


def test_a_file_of_commands_that_is_damaged_is_said(home):
    ordered("deposit", "5", home=home)
    (home / "commands.db").write_bytes(b"not a database, but long enough to be taken for one" * 20)
    for name in ("commands.db-wal", "commands.db-shm"):
        (home / name).unlink(missing_ok=True)
    assert "commands.db: the commands cannot be read" in status(home, code=1)["problem"]
    words = ("account", "deposit", "5", "--home", home, "--who", "ann", "--reason", "x")
    assert "commands.db" in refused(*words, code=1)


def test_resume_ends_a_breaker_that_waits_for_people(begun):
    from journal.store import SqliteJournal

    journal = SqliteJournal(begun / "journal.db")
    journal.append(
        journal.claim("test", 1), [Breaker(time_ns=START_NS, breaker="REPEATED", scope="desk:forex", until_ns=0)]
    )
    journal.close()
    assert trifecta("status", "--home", begun, "--json").document["breakers"] == ["desk:forex"]
    assert "resume --scope desk:forex ends it" in trifecta("status", "--home", begun).out.replace(
        "`trifecta ", ""
    ).replace("`", "")
    (breaker,) = status(begun)["account"]["breakers"]
    assert breaker["open"] is True

    def resume(*who):
        names = [word for name in who for word in ("--who", name)]
        words = ("resume", "--home", begun, "--scope", "desk:forex", "--reason", "looked at", *names, "--json")
        found = trifecta(*words)
        schema("resume").validate(found.document)
        return found.code, found.document["result"], found.document["breaker"]

    assert resume("ann") == (3, "REFUSED_APPROVALS", False)
    code, result, breaker = resume("ann", "bob")
    if result == "REFUSED_NOT_RECONCILED":  # an order of the interrupted run has no final report
        assert (code, breaker) == (3, False)
        return
    assert (code, result, breaker) == (0, "REARMED", True)
    assert [row.subject for row in CommandFile(begun / "commands.db").rows()] == ["desk:forex"]


def test_the_standing_of_an_account_is_money_in_whole_units(begun):
    account, commands, problem = account_standing(Home(begun))
    assert (problem, commands) == (None, [])
    assert account is not None
    assert abs(account.equity - 100_000 * MONEY) < 5_000 * MONEY
