"""`trifecta topology`: a plan where nothing runs, the live registry where something does, and honest about a corpse."""

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from click.testing import CliRunner

from actors.address import Address, AddressError, connected, running, write_address
from actors.local import Process, this_process
from actors.settings import SUPERVISOR, Settings
from actors.staging import session_record
from actors.system import Cluster
from cli.topology import topology
from journal.store import SqliteJournal
from research.home import Home
from tests.builders import a_plan, a_tape
from tests.cli.schemas import schema
from tests.research.files import REPO
from tests.waiting import until
from venues.replay import save_tape

NAMES = {
    "supervisor", "governor", "risk", "gateway-fx", "gateway-a", "gateway-b", "feed-0", "agent-forex",
    "agent-arbitrage", "agent-binary",
}  # fmt: skip


def run(home, *words):
    env = {"TRIFECTA_DATA": None, "TRIFECTA_HOME": None}
    return CliRunner(env=env).invoke(topology, ["--home", str(home), *words], standalone_mode=False)


def ask(home):
    """Ask from a process of its own, as a user does."""
    words = ["topology", "--home", str(home), "--json"]
    done = subprocess.run(
        [sys.executable, "-c", "from cli.main import main; main()", *words],
        capture_output=True, text=True, check=False, cwd=REPO, timeout=120,
    )  # fmt: skip
    assert done.stderr == ""
    document = json.loads(done.stdout)
    schema("topology").validate(document)
    return done.returncode, document


def an_address(owner, gcs_address="127.0.0.1:1", token_path=""):
    return Address(gcs_address=gcs_address, owner=owner, started_s=time.time(), token_path=str(token_path))


# --- where nothing runs


@pytest.mark.slow
def test_where_nothing_runs_the_plan_of_the_configuration_is_shown(tmp_path):
    code, document = ask(tmp_path)
    assert (code, document["state"], document["system"]) == (0, "stopped", None)
    assert {actor["state"] for actor in document["actors"]} == {"PLANNED"}
    assert {actor["kind"] for actor in document["actors"]} == {
        "supervisor", "governor", "risk", "gateway", "feed", "agent"
    }  # fmt: skip
    assert document["unanswered_routes"] == []
    assert {finding["check"] for finding in document["findings"]} <= {"module"}


@pytest.mark.slow
def test_the_plan_follows_the_desks_that_are_asked_for(tmp_path):
    found = json.loads(run(tmp_path, "--json", "--desk", "forex").stdout)
    assert [actor["name"] for actor in found["actors"] if actor["kind"] == "agent"] == ["agent-forex"]


def test_people_see_a_table_of_actors_and_one_of_routes(tmp_path):
    result = run(tmp_path)
    assert result.return_value == 0
    assert f"{tmp_path}: nothing runs; this is what the configuration plans" in result.stdout
    assert [line.split()[:2] for line in result.stdout.splitlines() if "PLANNED" in line][:2] == [
        ["supervisor", "PLANNED"], ["governor", "PLANNED"],
    ]  # fmt: skip


@pytest.mark.slow
def test_a_system_that_was_killed_is_named_and_the_plan_shown(tmp_path):
    write_address(tmp_path / "cluster.json", an_address(Process(os.getpid(), 1.0)))
    code, document = ask(tmp_path)
    assert (code, document["state"], document["system"]["pid"]) == (0, "stale", os.getpid())
    assert {actor["state"] for actor in document["actors"]} == {"PLANNED"}
    (found,) = [finding for finding in document["findings"] if finding["check"] == "system"]
    assert (found["level"], "is stale" in found["text"]) == ("warning", True)


@pytest.mark.slow
def test_an_address_that_cannot_be_read_is_an_error_and_no_traceback(tmp_path):
    (tmp_path / "cluster.json").write_text("{")
    code, document = ask(tmp_path)
    assert (code, document["state"], document["system"]) == (1, "unreachable", None)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--desk", "equities"], "--desk equities: forex, arbitrage, binary or all is allowed"),
        (["--config", "nowhere.toml"], "nowhere.toml"),
    ],
)
def test_bad_input_is_one_line(tmp_path, words, said):
    result = run(tmp_path, *words)
    assert said in str(result.exception)


# --- where a system runs


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    home = Home(tmp_path_factory.mktemp("home"))
    settings = Settings(
        plan=a_plan(), journal_path=str(home.journal), tape_folder=str(home.tapes),
        tape_hash=save_tape(home.tapes, a_tape(minutes=120, ticks=2000)),
    )  # fmt: skip
    journal = SqliteJournal(home.journal)
    journal.append(journal.claim("session", 1), [session_record(settings, (), "")])
    journal.close()
    cluster = Cluster(address=home.cluster)
    try:
        cluster.start()
        starting = ask(home.path)
        cluster.launch(settings)
        yield home, cluster, starting
    finally:
        cluster.stop()
    assert not home.cluster.exists()


@pytest.mark.cluster
def test_a_system_whose_actors_are_not_there_yet_is_starting(system):
    _, _, (code, document) = system
    assert (code, document["state"], document["unanswered_routes"]) == (0, "starting", [])


def has_been_heard(registry):
    """Tell whether every actor has spoken, and those that obey a governor since they know its epoch."""
    epochs = {row["name"]: row.get("epoch") for row in registry}
    heard = all(row["heard_s"] is not None for row in registry)
    return heard and {epochs[name] for name in ("governor", "risk", "agent-forex")} == {2}


@pytest.mark.cluster
def test_another_process_sees_every_actor_of_a_running_system(system):
    home, cluster, _ = system
    until(lambda: has_been_heard(cluster.ask(SUPERVISOR, "registry")))
    code, document = ask(home.path)
    assert (code, document["state"], document["system"]["pid"]) == (0, "running", os.getpid())
    actors = {actor["name"]: actor for actor in document["actors"]}
    assert set(actors) == NAMES
    assert {actor["state"] for actor in actors.values()} == {"ALIVE"}
    assert all(psutil.pid_exists(actor["pid"]) for actor in actors.values())
    assert len({actor["pid"] for actor in actors.values()}) == len(NAMES)
    assert {actors[name]["epoch"] for name in ("governor", "risk", "agent-forex")} == {2}
    assert actors["agent-forex"]["routes_in"] == ["feed-0", "governor"]
    assert all(actor["heard_s"] < 10 for name, actor in actors.items() if name != SUPERVISOR)
    assert document["unanswered_routes"] == []


@pytest.mark.cluster
def test_the_system_goes_on_when_the_one_who_looked_has_gone(system):
    home, cluster, _ = system
    before = cluster.ask("governor")["epoch"]
    ask(home.path)
    assert cluster.ask("governor")["epoch"] == before
    assert cluster.ask(SUPERVISOR, "failures") == []
    until(lambda: cluster.ask("governor")["complete"])


@pytest.mark.cluster
@pytest.mark.slow
def test_an_actor_that_hangs_leaves_the_routes_to_it_unanswered(system):
    home, cluster, _ = system
    pids = {actor["name"]: actor["pid"] for actor in ask(home.path)[1]["actors"]}
    heard = lambda: {row["name"]: row["heard_s"] for row in cluster.ask(SUPERVISOR, "registry")}  # noqa: E731
    os.kill(pids["gateway-fx"], signal.SIGSTOP)
    try:
        until(lambda: heard()["gateway-fx"] > 11)
        code, document = ask(home.path)
    finally:
        os.kill(pids["gateway-fx"], signal.SIGCONT)
    assert code == 1
    (route,) = document["unanswered_routes"]
    assert (route["source"], route["target"]) == ("governor", "gateway-fx")
    assert route["reason"].startswith("it was last heard of 1")
    assert [finding["check"] for finding in document["findings"] if finding["level"] == "error"] == ["route"]
    until(lambda: heard()["gateway-fx"] < 5)


@pytest.mark.cluster
def test_a_system_that_does_not_let_us_in_says_so(system, tmp_path):
    home, _, _ = system
    address = running(home.cluster)
    (tmp_path / "token").write_text("0" * 64)
    write_address(tmp_path / "cluster.json", an_address(this_process(), address.gcs_address, tmp_path / "token"))
    code, document = ask(tmp_path)
    assert (code, document["state"]) == (1, "unreachable")
    assert {actor["state"] for actor in document["actors"]} == {"PLANNED"}


@pytest.mark.cluster
def test_a_connection_asks_actors_by_name(system):
    home, _, _ = system
    code = (
        "import sys; from pathlib import Path; from actors.address import connected, running\n"
        "with connected(running(Path(sys.argv[1]))) as found:\n"
        "    print(found.ask('risk')['name'])\n"
        "    try:\n        found.ask('nobody')\n"
        "    except LookupError as error:\n        print(error)\n"
    )  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code, str(home.cluster)], capture_output=True, text=True, check=True, cwd=REPO
    )
    assert done.stdout.splitlines() == ["risk", "there is no actor nobody"]


@pytest.mark.slow
@pytest.mark.parametrize("gcs_address", ["127.0.0.1:1", "127.0.0.1", "127.0.0.1:99999", "nowhere.invalid:1"])
def test_where_nobody_answers_at_an_address_that_is_said_at_once(tmp_path, gcs_address):
    write_address(tmp_path / "cluster.json", an_address(this_process(), gcs_address))
    result = run(tmp_path, "--json")
    document = json.loads(result.stdout)
    assert (result.return_value, document["state"]) == (1, "unreachable")
    assert f"{gcs_address}: nobody answers there" in str(document["findings"])


@pytest.mark.cluster
def test_a_token_that_is_gone_is_said_and_no_traceback(system, tmp_path):
    address = running(system[0].cluster)
    write_address(tmp_path / "cluster.json", an_address(this_process(), address.gcs_address, tmp_path / "gone"))
    code, document = ask(tmp_path)
    assert (code, document["state"]) == (1, "unreachable")


def test_connecting_needs_an_address(tmp_path):
    with pytest.raises(AddressError), connected(running(tmp_path / "cluster.json")):
        pass
