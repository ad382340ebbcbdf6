"""The address of a running system: `cluster.json` in its home, written when it starts and removed when it ends.

With it another process finds the system and joins it as a second driver: it looks actors up and asks them, and owns
nothing. A system that was killed leaves its address behind; the process that it names tells.
"""

import logging
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from actors.local import ENVIRONMENT, NAMESPACE, Process, forget_token, this_process

REACH_S: Final = 3.0


class AddressError(ValueError):
    """There is no system to join, or its address cannot be used; the message names the file and what to do."""


class Address(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a system runs and since when: its control store, its driver, its token's file, its actors' namespace."""

    gcs_address: str
    owner: Process
    started_s: float
    token_path: str
    namespace: str = NAMESPACE
    auth_mode: str = "token"


def own_address(gcs_address: str) -> Address:
    """Return the address of the system that this process has started."""
    return Address(
        gcs_address=gcs_address,
        owner=this_process(),
        started_s=time.time(),
        token_path=os.environ.get("RAY_AUTH_TOKEN_PATH", ""),
        auth_mode=os.environ.get("RAY_AUTH_MODE", "token"),
    )


def write_address(path: Path, address: Address) -> None:
    """Write an address whole or not at all, for this user alone."""
    draft = path.with_suffix(f".{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(address), indent=2))
    draft.replace(path)


def read_address(path: Path) -> Address | None:
    """Return the address in a file, None where there is none; AddressError when it is not one."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Address)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise AddressError(f"{path}: not the address of a system ({error}); delete it if nothing runs") from error


def running(path: Path) -> Address:
    """Return the address of a system that runs; AddressError says that none does, or that it was killed."""
    address = read_address(path)
    if address is None:
        raise AddressError(f"{path}: nothing runs in this home; `trifecta run` or `trifecta serve` starts a system")
    if not address.owner.alive:
        raise AddressError(
            f"{path}: stale, its process {address.owner.pid} is gone; the next `trifecta run` in this home replaces it"
        )
    return address


class Connection:
    """A look into a running system, as a second driver of its Ray."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace

    def ask(self, name: str, method: str = "status", *arguments: object, timeout_s: float = 5.0) -> Any:
        """Ask an actor and wait; LookupError when there is none of that name, TimeoutError when it is silent."""
        import ray

        try:
            handle = ray.get_actor(name, namespace=self._namespace)
        except ValueError:
            raise LookupError(f"there is no actor {name}") from None
        try:
            return ray.get(getattr(handle, method).remote(*arguments), timeout=timeout_s)
        except ray.exceptions.GetTimeoutError:
            raise TimeoutError(f"{name} has not answered {method} within {timeout_s:g} s") from None
        except ray.exceptions.RayActorError as error:
            raise LookupError(f"{name} is not alive: {str(error).splitlines()[0]}") from None

    def actors(self) -> list[dict[str, Any]]:
        """Return what Ray's control store knows of every named actor: name, state, pid, node, host, restarts."""
        from ray._private.state import actors as actor_table  # the public way needs the dashboard

        return [
            {
                "name": row["Name"],
                "state": row["State"],
                "pid": row["Pid"] or None,
                "node": row["Address"]["NodeID"] or None,
                "host": row["Address"]["IPAddress"] or None,
                "restarts": int(row["NumRestarts"]),
            }
            for row in actor_table().values()
            if row["Name"]
        ]


@contextmanager
def connected(address: Address) -> Iterator[Connection]:
    """Join a running system for the length of a block; AddressError when it does not let us in."""
    environment = {
        **ENVIRONMENT,
        "RAY_AUTH_MODE": address.auth_mode,
        "RAY_AUTH_TOKEN_PATH": address.token_path,
    }
    _reach(address.gcs_address)
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    import ray

    forget_token()
    try:
        try:
            with _silence():
                ray.init(
                    address=address.gcs_address,
                    namespace=address.namespace,
                    log_to_driver=False,
                    logging_level=logging.CRITICAL,
                )
        except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            reason = " ".join(str(error).split())[:200]
            raise AddressError(f"{address.gcs_address}: the system does not let us in ({reason})") from error
        yield Connection(address.namespace)
    finally:
        ray.shutdown()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _reach(gcs_address: str) -> None:
    """Hold that somebody listens there: Ray itself would try for minutes."""
    host, _, port = gcs_address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), REACH_S).close()
    except (OSError, ValueError, OverflowError) as error:
        raise AddressError(f"{gcs_address}: nobody answers there ({error})") from error


@contextmanager
def _silence() -> Iterator[None]:
    """Keep what Ray's own code writes to the error stream away from people: what went wrong is said in one line."""
    sys.stderr.flush()
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)
