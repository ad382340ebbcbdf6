"""Before anything starts: whether the port is free, and where everything that HAProxy writes will lie."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from actors.system import Cluster
from serve.deploy import PORTS, PortError, claim_port, ingress_environment
from tests.research.files import REPO


@pytest.fixture
def taken():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder.getsockname()[1]


def test_a_port_in_use_names_its_owner_and_what_is_allowed(taken):
    with pytest.raises(PortError) as error:
        claim_port("127.0.0.1", taken)
    assert str(error.value).startswith(f"--port {taken}: 127.0.0.1:{taken} is in use by ")
    assert f"(process {os.getpid()}); choose another port, or 0 for any free one" in str(error.value)


def test_a_free_port_is_taken_as_it_is_and_zero_is_any_free_one(taken):
    free = claim_port("127.0.0.1", 0)
    assert free in PORTS
    assert free != taken
    assert claim_port("127.0.0.1", free) == free


def test_a_port_that_was_used_a_moment_ago_is_free():
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as every server does
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), server.accept()[0]:
            pass
    assert claim_port("127.0.0.1", port) == port


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host"])
def test_a_host_that_is_not_this_machine_is_one_line(host):
    with pytest.raises(PortError, match=f"--host {host}.*(not an address of this machine|choose another)"):
        claim_port(host, 0)


def test_a_port_in_use_ends_the_command_with_code_2_before_it_reads_or_writes_anything(taken, tmp_path):
    code = "from cli.main import main; main()"
    home = tmp_path / "home"
    found = subprocess.run(
        [sys.executable, "-c", code, "serve", "--home", str(home), "--port", str(taken)], capture_output=True,
        text=True, cwd=REPO, timeout=60, check=False,
    )  # fmt: skip
    assert (found.returncode, found.stdout, home.exists()) == (2, "", False)
    assert found.stderr.startswith(f"trifecta: --port {taken}: 127.0.0.1:{taken} is in use")
    assert found.stderr.count("\n") == 1


def test_all_of_haproxy_lies_in_the_folder_and_on_ports_of_its_own(tmp_path):
    environment = ingress_environment(tmp_path)
    paths = [value for value in environment.values() if value.startswith("/")]
    assert len(paths) == 6
    assert all(path.startswith(f"{tmp_path}/") for path in paths)
    ports = {environment[f"RAY_SERVE_HAPROXY_{name}_PORT"] for name in ("METRICS", "STATS")}
    assert len(ports) == 2
    assert not ports & {"9101", "8404"}


@pytest.mark.slow
def test_haproxy_s_sockets_fit_the_length_that_unix_allows():
    """Serve puts the node's id (56 characters) into the path, HAProxy binds beside it first: `.PID.tmp`."""
    cluster = Cluster()
    try:
        environment = ingress_environment(cluster.folder)
    finally:
        cluster.stop()
    for name in ("SOCKET", "METRICS_SOCKET"):
        path = Path(environment[f"RAY_SERVE_HAPROXY_{name}_PATH"])
        assert len(f"{path.parent}/{'0' * 56}/{path.name}.4194304.tmp") <= 107


def test_free_ports_lie_where_neither_the_system_nor_serve_hands_out_its_own():
    floor = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert PORTS.stop <= min(floor, 30_000)
