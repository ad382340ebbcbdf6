"""Looks at what other processes hold: ports that we want, and what runs of ours that were killed have left behind."""

import errno
import socket
from collections.abc import Iterable

import psutil

from actors.local import Leftover
from research.findings import Finding, good, warning


def look_at_port(port: int, use: str) -> list[Finding]:
    """Look whether a port of this machine is free."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as problem:
            if problem.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            text = f"taken by {_listener(port)}; {use} uses it"
            return [warning(f"port {port}", text, "end that process, or choose another port")]
    return [good(f"port {port}", f"free for {use}")]


def _listener(port: int) -> str:
    """Name the process that listens on a port, as far as this user may know."""
    try:
        found = psutil.net_connections("tcp")
    except (psutil.AccessDenied, PermissionError):
        return "another process"
    for connection in found:
        if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN:
            try:
                name = psutil.Process(connection.pid).name() if connection.pid else "unknown"
            except psutil.NoSuchProcess:
                break
            return f"process {connection.pid} ({name})"
    return "another process"


def look_at_leftovers(found: Iterable[Leftover]) -> list[Finding]:
    """Look at what runs whose driver was killed have left: Ray's processes, HAProxy, their folders."""
    findings = []
    for left in found:
        pids = " ".join(map(str, left.pids))
        text = f"{left.folder} of process {left.owner}, which is gone"
        held = f", and {len(left.pids)} processes that still use it: {pids}" if left.pids else ""
        remedy = (f"kill {pids}; " if left.pids else "") + f"rm -r {left.folder}"
        findings.append(warning("leftovers", text + held, remedy))
    return findings or [good("leftovers", "none")]
