"""`trifecta serve` as a whole: real Ray, Serve and HAProxy on loopback; and nothing of it is left afterwards."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import httpx
import psutil
import pytest
from jsonschema import Draft202012Validator

from journal.store import SqliteJournal
from journal.verify import verify_journal
from tests.research.files import REPO
from tests.waiting import holds_within, until

pytestmark = pytest.mark.cluster

READY_S = 120.0
END_S = 10.0  # 5 s are promised to whoever presses Ctrl-C; the machine of a test may be busy
SPAN = ("--data", str(REPO / "data"), "--start", "2022-02-09", "--end", "2022-02-10")
PAGE = {"limit": 500}


def command(*arguments):
    code = "from cli.main import main; main()"
    return [sys.executable, "-c", code, "serve", *SPAN, *map(str, arguments)]


class Server:
    """`trifecta serve` in a process of its own, from its first line of JSON to the last trace of it."""

    def __init__(self, home: Path, *arguments: str):
        self.home = home
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "TRIFECTA_"))}
        with (home / "stderr").open("w") as stderr:
            self.process = subprocess.Popen(
                command("--home", home, "--port", 0, "--json", *arguments), cwd=REPO, text=True, stdout=subprocess.PIPE,
                stderr=stderr, env={**environment, "PYTHONPATH": str(REPO)},
            )  # fmt: skip
        self.document = self._read_document()
        self.url = self.document["url"]
        self.port = int(self.url.rpartition(":")[2])
        self.children = psutil.Process(self.process.pid).children(recursive=True)
        self.haproxy = [child for child in self.children if child.name() == "haproxy"]
        self.folder = Path(self.haproxy[0].cmdline()[3]).parents[2]

    def _read_document(self):
        lines = []
        watchdog = time.monotonic() + READY_S
        while time.monotonic() < watchdog:
            line = self.process.stdout.readline()
            lines.append(line)
            if line == "}\n":
                return json.loads("".join(lines))
            if line == "":
                break
        self.end(signal.SIGKILL)
        raise AssertionError(f"not ready: {(self.home / 'stderr').read_text()}")

    def call(self, method, path, **content):
        return httpx.request(method, self.url + path, timeout=20, **content)

    def wait_for(self, reached, seconds=120.0):
        until(lambda: reached(self.call("GET", "/healthz")), seconds, lambda: self.call("GET", "/healthz").text)

    def end(self, number, seconds=60.0):
        """Send a signal; return (exit code, seconds it took)."""
        begin = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(seconds)
        took = time.monotonic() - begin
        self.process.stdout.close()
        return code, took

    def traces(self, seconds=0.0):
        """Return what is left after at most `seconds`: processes, whether the port is taken, the folder's name."""
        holds_within(lambda: not any(self._found()), seconds)
        return self._found()

    def _found(self):
        alive = [child.name() for child in self.children if running(child)]
        return alive, listens(self.port), self.folder.exists()


def running(process):
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def head_of(home):
    with closing(SqliteJournal(home / "journal.db", read_only=True)) as journal:
        return journal.head


def every_decision(server):
    found, after, more = [], 0, True
    while more:
        page = server.call("GET", "/v1/decisions", params={"after": after, **PAGE}).json()
        found += page["decisions"]
        after, more = page["next"], page["more"]
    return found


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    """One whole session: what was ready, what every endpoint answered, and what was left after Ctrl-C."""
    home = tmp_path_factory.mktemp("day")
    shared = Path("/tmp/haproxy-serve").exists()
    server = Server(home)
    seen = {"server": server, "document": server.document, "sockets": sockets_of(server)}
    try:
        server.wait_for(lambda found: found.json().get("session_complete"))
        seen["health"] = server.call("GET", "/healthz")
        seen["positions"] = server.call("GET", "/v1/positions")
        seen["decisions"] = every_decision(server)
        before = head_of(home)
        seen["preview"] = server.call("POST", "/v1/decisions", json=a_proposal())
        seen["wrong"] = server.call("POST", "/v1/decisions", json=a_proposal(confidence=72))
        seen["unmoved"] = head_of(home) == before
        seen["pages"] = [server.call("GET", path).status_code for path in ("/docs", "/openapi.json", "/nothing")]
        seen["port_taken"] = refused(home.parent / "other", "--port", server.port)
        seen["home_taken"] = refused(home, "--port", 0)
        code, took = server.end(signal.SIGINT)
        seen["end"] = code, took
    finally:
        if server.process.poll() is None:
            server.end(signal.SIGKILL)
    seen["traces"] = server.traces()
    seen["elsewhere"] = Path("/tmp/haproxy-serve").exists() and not shared
    return seen


def sockets_of(server):
    """Return the addresses on which processes of the server listen at the API's port and at the replica's."""
    found = []
    for child in [
        *server.haproxy,
        *(child for child in server.children if "ServeReplica" in " ".join(child.cmdline())),
    ]:
        found += [
            one.laddr.ip
            for one in child.net_connections("tcp")
            if one.laddr.port in {server.port, *range(30000, 31001)}
        ]
    return found


def a_proposal(**changes):
    legs = [{"instrument": "GBPUSD@scenario", "lots": 1}]
    return {"desk": "forex", "legs": legs, "reward": 2.5, "confidence": 0.9} | changes


def refused(home, *arguments):
    """Return (exit code, lines on stderr, folders of Ray that appeared)."""
    before = set(Path("/tmp").glob("tri-*"))
    found = subprocess.run(
        command("--home", home, *arguments), capture_output=True, text=True, cwd=REPO, timeout=60,
        env={**os.environ, "PYTHONPATH": str(REPO)}, check=False,
    )  # fmt: skip
    return found.returncode, found.stderr.splitlines(), set(Path("/tmp").glob("tri-*")) - before


def test_the_document_says_where_the_api_is(day):
    schema = json.loads((REPO / "docs" / "json" / "serve.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(day["document"])
    assert (day["document"]["ingress"], day["document"]["resumed"]) == ("haproxy", False)
    assert day["document"]["pid"] == day["server"].process.pid


def test_everybody_is_at_work(day):
    found = day["health"].json()
    assert (day["health"].status_code, found["status"], found["unanswered"]) == (200, "ok", [])
    roles = {actor["role"] for actor in found["actors"]}
    assert roles == {"governor", "risk", "gateway", "feed", "agent"}


def test_the_decisions_are_those_of_the_journal(day):
    journal = SqliteJournal(day["server"].home / "journal.db", read_only=True)
    journaled = [(entry.seq, entry.hash) for entry in journal.entries() if entry.kind == "decision"]
    journal.close()
    assert [(one["sequence"], one["hash"]) for one in day["decisions"]] == journaled
    assert len(journaled) > 100


def test_positions_are_answered(day):
    found = day["positions"].json()
    assert (day["positions"].status_code, found["currency"], set(found["desks"])) == (
        200, "USD", {"forex", "arbitrage", "binary"},
    )  # fmt: skip


def test_a_preview_is_answered_and_journals_nothing(day):
    found = day["preview"].json()
    assert (day["preview"].status_code, found["preview"]) == (200, True)
    assert found["verdict"] == ("refused" if found["rules"] else "approved")
    assert day["unmoved"]


def test_a_percentage_in_place_of_a_fraction_is_refused_through_the_proxy_too(day):
    error = day["wrong"].json()["error"]
    assert (day["wrong"].status_code, error["field"]) == (422, "confidence")


def test_the_openapi_page_is_served_and_what_is_not_there_is_404(day):
    assert day["pages"] == [200, 200, 404]


def test_the_api_listens_on_loopback_alone(day):
    assert day["sockets"]
    assert set(day["sockets"]) == {"127.0.0.1"}


def test_a_port_in_use_is_one_line_and_nothing_starts(day):
    code, lines, folders = day["port_taken"]
    assert (code, len(lines), folders) == (2, 1, set())
    port, pid = day["server"].port, day["server"].haproxy[0].pid
    assert lines[0].startswith(f"trifecta: --port {port}: 127.0.0.1:{port} is in use by haproxy (process {pid})")
    assert not (day["server"].home.parent / "other").exists()


def test_a_second_one_on_the_same_home_is_refused(day):
    code, lines, folders = day["home_taken"]
    assert (code, folders) == (3, set())
    assert f"locked by process {day['server'].process.pid}" in lines[-1]


def test_ctrl_c_after_the_session_ends_it_in_time_and_leaves_nothing(day):
    code, took = day["end"]
    assert code == 0
    assert took < END_S
    assert day["traces"] == ([], False, False)
    assert not day["elsewhere"]


def test_a_polite_kill_in_the_middle_leaves_a_whole_journal_and_nothing_else(tmp_path):
    server = Server(tmp_path)
    code, took = server.end(signal.SIGTERM)
    assert (code, server.traces()) == (130, ([], False, False))
    assert took < END_S
    journal = SqliteJournal(tmp_path / "journal.db", read_only=True)
    assert verify_journal(journal).ok
    journal.close()


def test_haproxy_does_not_outlive_a_cluster_that_is_killed_at_once(tmp_path):
    server = Server(tmp_path)
    assert server.haproxy
    server.process.send_signal(signal.SIGSTOP)  # nobody may tidy up
    for child in server.children:
        if child not in server.haproxy and running(child):
            child.kill()
    server.end(signal.SIGKILL)
    alive, taken, _ = server.traces(seconds=5.0)
    for child in filter(running, server.children):
        child.kill()
    shutil.rmtree(server.folder)  # nobody was there to remove it
    assert (alive, taken) == ([], False)
