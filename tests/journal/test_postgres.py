"""The PostgreSQL store where it is on its own: its locks, its server's ends, and what it refuses."""

import socket
import threading
from contextlib import closing, suppress
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import InternalError

from journal.postgres import PostgresJournal
from journal.store import Fenced, JournalError, JournalUnavailable, open_journal, shown
from journal.verify import verify_journal
from tests.journal.records import some_samples
from tests.postgres import OWNER, a_server
from tests.waiting import until


@pytest.fixture
def url(server):
    return server.url()


@pytest.fixture
def journal(url):
    made = PostgresJournal(url)
    made.claim("me", 0)
    made.append(1, some_samples(3))
    yield made
    made.close()


def records(journal):
    return [entry.record() for entry in journal.entries()][1:]


def schema_of(url):
    return url.rpartition("%3D")[2]


@pytest.fixture
def claimant(server, url):
    """Another session in the middle of its claim: it holds the lock and has not committed."""
    with psycopg.connect(f"host={server.folder} user={OWNER} dbname=postgres") as db:
        db.execute(f"SET search_path TO {schema_of(url)}")
        yield db


def take_the_lock(db):
    db.execute("SELECT value FROM meta WHERE name = 'version' FOR UPDATE")


# --- locks


def test_a_writer_that_waited_for_a_claim_is_fenced_by_it(server, url, journal, claimant):
    """The look at the newest epoch must not have the snapshot of before the wait."""
    take_the_lock(claimant)
    claimant.execute("INSERT INTO epochs VALUES (2, 'successor', 0)")
    found = []

    def write():
        try:
            journal.append(1, some_samples(2, first=3))
        except Fenced as error:
            found.append(str(error))

    writer = threading.Thread(target=write)
    writer.start()
    until(lambda: server.run("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"))
    claimant.commit()
    writer.join(30)
    assert found == ["epoch 1 is fenced: epoch 2 has been claimed"]
    assert records(journal) == some_samples(3)


def test_a_lock_that_nobody_lets_go_is_said(journal, claimant):
    take_the_lock(claimant)
    with journal._db.begin():
        journal._db.exec_driver_sql("SET lock_timeout = '50ms'")
    with pytest.raises(JournalUnavailable, match="lock timeout"):
        journal.append(1, some_samples(2, first=3))
    claimant.rollback()
    assert journal.append(1, some_samples(2, first=3)) == 6
    assert records(journal) == some_samples(5)


def test_of_two_writers_one_is_fenced_and_the_chain_is_whole(url):
    """Both write as fast as they can; the second claims while the first writes."""
    first, second = PostgresJournal(url), PostgresJournal(url)
    assert first.claim("first", 0) == 1
    acknowledged, begun = [], threading.Event()

    def write():
        with suppress(Fenced):
            while True:
                acknowledged.append(first.append(1, some_samples(5, first=len(acknowledged))))
                begun.set()

    writer = threading.Thread(target=write)
    writer.start()
    assert begun.wait(30)
    assert second.claim("second", 0) == 2
    seq = second.append(2, some_samples(5))
    writer.join(30)
    assert not writer.is_alive()
    found = verify_journal(second)
    assert (found.ok, found.records) == (True, seq)
    assert max(acknowledged) == seq - 6  # the last of the first, the claim, five of the second
    first.close()
    second.close()


# --- a connection that is lost


def cut_connections(server):
    server.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
               "AND application_name = '' AND backend_type = 'client backend'")  # fmt: skip


def test_a_writer_whose_connection_was_cut_says_so_and_goes_on_with_a_new_one(server, journal):
    cut_connections(server)
    with pytest.raises(JournalUnavailable, match="cannot be used now") as error:
        journal.append(1, some_samples(2, first=3))
    assert "\n" not in str(error.value)
    assert journal.head[0] == 4
    assert journal.append(1, some_samples(2, first=3)) == 6
    assert records(journal) == some_samples(5)
    assert verify_journal(journal).ok


class Between:
    """Stands between a client and the server, and cuts both off once a COMMIT has been answered, before it is heard."""

    def __init__(self, folder: Path, server: Path) -> None:
        self._server, self.armed = server, False
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(folder / ".s.PGSQL.5432"))
        self._listening.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(str(self._server / ".s.PGSQL.5432"))
                threading.Thread(target=self._serve, args=(client, server), daemon=True).start()

    def _serve(self, client: socket.socket, server: socket.socket) -> None:
        committing = threading.Event()

        def answers() -> None:
            with suppress(OSError):
                while data := server.recv(65536):
                    if committing.is_set() and b"COMMIT" in data:
                        break
                    client.sendall(data)
            for end in (client, server):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()

        threading.Thread(target=answers, daemon=True).start()
        with suppress(OSError):
            while data := client.recv(65536):
                if self.armed and b"COMMIT" in data:
                    self.armed = False
                    committing.set()
                server.sendall(data)

    def close(self) -> None:
        self._listening.close()


@pytest.mark.parametrize("more", [0, 4])
def test_a_commit_that_was_carried_out_unheard_is_recognised(server, url, scratch, more):
    between = Between(scratch, server.folder)
    journal = PostgresJournal(url.replace(str(server.folder), str(scratch)))
    journal.claim("me", 0)
    between.armed = True
    with pytest.raises(JournalUnavailable):
        journal.append(1, some_samples(3))
    with closing(PostgresJournal(url, read_only=True)) as reader:
        until(lambda: reader.head[0] == 4)  # it is there
    assert journal.append(1, some_samples(3 + more)) == 4 + more
    assert journal.append(1, some_samples(1, first=3 + more)) == 5 + more
    assert records(journal) == some_samples(4 + more)
    assert verify_journal(journal).ok
    journal.close()
    between.close()


def test_what_was_acknowledged_is_there_after_the_server_crashed():
    with a_server() as own:
        url = own.url()
        journal = PostgresJournal(url)
        journal.claim("me", 0)
        journal.append(1, some_samples(50))
        own.stop()
        with pytest.raises(JournalUnavailable):
            journal.append(1, some_samples(5, first=50))
        with pytest.raises(JournalUnavailable):  # nobody is there to connect to
            journal.append(1, some_samples(5, first=50))
        with pytest.raises(JournalUnavailable, match="cannot be used now"):
            PostgresJournal(url)
        own.start()
        assert journal.append(1, some_samples(5, first=50)) == 56
        assert records(journal) == some_samples(55)
        assert verify_journal(journal).ok
        journal.close()


# --- readers


def test_a_reader_cannot_write(url, journal):
    with closing(PostgresJournal(url, read_only=True)) as reader:
        with pytest.raises(InternalError, match="read-only transaction"):
            reader.claim("reader", 0)
        assert reader.head == journal.head


def test_a_walk_is_of_one_instant_and_stops_nobody(journal):
    walk = journal.entries()
    next(walk)
    journal.append(1, some_samples(5, first=3))
    assert len(list(walk)) == 3
    assert len(list(journal.entries())) == 9


# --- what is refused


def test_a_reader_of_nothing_is_told_so_and_makes_nothing(server, url):
    with pytest.raises(JournalError) as error:
        open_journal(url, read_only=True)
    assert str(error.value) == f"{url}: there is no journal here"
    assert server.run(f"SELECT 1 FROM pg_tables WHERE schemaname = '{schema_of(url)}'") == []


def test_a_database_of_somebody_else_is_refused_and_left_alone(server, url):
    server.run(f"CREATE TABLE {schema_of(url)}.theirs (x int)")
    with pytest.raises(JournalError, match="this database is not a journal"):
        open_journal(url)
    assert server.run(f"SELECT tablename FROM pg_tables WHERE schemaname = '{schema_of(url)}'") == [("theirs",)]


@pytest.mark.parametrize(("version", "said"), [("9", "9"), ("x", "x"), (None, "unknown")])
def test_another_version_is_refused_in_one_line(server, url, journal, version, said):
    change = (
        f"UPDATE {schema_of(url)}.meta SET value = '{version}'" if version else f"DELETE FROM {schema_of(url)}.meta"
    )
    server.run(change)
    for read_only in (True, False):
        with pytest.raises(JournalError) as error:
            open_journal(url, read_only=read_only)
        assert str(error.value) == f"{url}: journal version {said}; this program reads version 2"


def test_a_server_that_confirms_before_it_has_written_is_refused(server, url):
    server.run("ALTER SYSTEM SET fsync = off")
    server.run("SELECT pg_reload_conf()")
    until(lambda: server.run("SHOW fsync") == [("off",)])
    try:
        with pytest.raises(JournalError, match="fsync off"):
            open_journal(url)
    finally:
        server.run("ALTER SYSTEM RESET fsync")
        server.run("SELECT pg_reload_conf()")
        until(lambda: server.run("SHOW fsync") == [("on",)])


def test_a_database_that_confirms_early_is_told_to_wait(server, url):
    server.run("ALTER DATABASE postgres SET synchronous_commit = off")
    try:
        with closing(PostgresJournal(url)) as journal, journal._engine.connect() as db:
            assert db.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
    finally:
        server.run("ALTER DATABASE postgres RESET synchronous_commit")


def test_what_is_no_url_is_refused():
    with pytest.raises(JournalError, match="postgresql://user@host/database is allowed"):
        open_journal("postgresql://host:port/x")


def test_what_the_server_does_not_allow_is_one_line(server, url):
    for wrong in (f"{url}&colour=red", url.replace("journal_", "nowhere_")):
        with pytest.raises(JournalError) as error:
            open_journal(wrong)
        assert str(error.value).startswith(f"{wrong}: ")
        assert "\n" not in str(error.value)


def test_a_url_of_another_kind_is_refused():
    with pytest.raises(JournalError) as error:
        open_journal("mysql://me:secret@host/x")
    assert str(error.value) == "mysql://me:***@host/x: a file or a postgresql:// URL is allowed"


@pytest.mark.parametrize(
    ("place", "seen"),
    [
        ("postgresql://a:b@h/d", "postgresql://a:***@h/d"),
        ("postgresql://a:b@c:d@h/d?x=1&password=zz", "postgresql://a:***@h/d?x=1&password=***"),
        ("postgresql://a@h/d", "postgresql://a@h/d"),
        ("postgresql:///d?password=p&host=h", "postgresql:///d?password=***&host=h"),
        ("folder/journal.db", "folder/journal.db"),
    ],
)
def test_a_password_is_never_shown(place, seen):
    assert shown(place) == seen


def test_an_unreachable_server_is_named_without_its_password():
    with pytest.raises(JournalUnavailable) as error:
        open_journal("postgresql://me:secret@127.0.0.1:1/x")
    assert "secret" not in str(error.value)
    assert str(error.value).startswith("postgresql://me:***@127.0.0.1:1/x: the journal cannot be used now")
