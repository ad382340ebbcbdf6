"""A PostgreSQL server of the tests' own: a temporary folder, a socket, no TCP; skipped where there is none."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from tests.waiting import until

BINARIES: Final = Path("/usr/lib/postgresql")
OWNER: Final = "trifecta"
MISSING: Final = "no PostgreSQL server: no initdb on the path or below /usr/lib/postgresql"


def binaries() -> Path | None:
    """Return the folder of the newest server that is installed."""
    found = sorted(
        BINARIES.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]) if path.parts[-3].isdigit() else 0
    )
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


class Server:
    """One server; every `url()` is a schema of its own, empty, so that tests do not see each other."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder, self._programs = folder, programs
        self._user: dict[str, Any] = {}
        if os.geteuid() == 0:  # the server refuses to run as root
            self._user = {"user": "nobody", "group": "nogroup", "extra_groups": []}
            shutil.chown(folder, "nobody", "nogroup")
        self._schemas = count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._run("initdb", "--pgdata", str(folder / "data"), "--username", OWNER, "--auth", "trust", "--no-sync",
                  "--encoding", "UTF8", "--locale", "C")  # fmt: skip
        self.start()

    def _run(self, program: str, *words: str) -> None:
        done = subprocess.run(
            [str(self._programs / program), *words], cwd=self.folder, capture_output=True, check=False, **self._user
        )
        assert done.returncode == 0, done.stderr.decode()

    def start(self) -> None:
        """Start it; return when it answers."""
        words = ["-D", str(self.folder / "data"), "-k", str(self.folder), "-c", "listen_addresses=",
                 "-c", "max_connections=30", "-c", "shared_buffers=16MB"]  # fmt: skip
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._programs / "postgres"), *words], cwd=self.folder, stdout=log, stderr=log, **self._user
            )
        until(self._answers, tell=(self.folder / "log").read_text)

    def _answers(self) -> bool:
        try:
            self.run("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """Stop it at once, as a crash does: connections are cut, nothing is written any more."""
        if self._process is not None:
            self._process.send_signal(3)  # SIGQUIT: immediate shutdown
            self._process.wait(60)
            self._process = None

    def run(self, statement: str) -> list[Any]:
        """Run one statement as the owner; return its rows."""
        with psycopg.connect(f"host={self.folder} user={OWNER} dbname=postgres", autocommit=True) as db:
            cursor = db.execute(statement)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def url(self) -> str:
        """Return the URL of an empty schema of its own."""
        schema = f"journal_{next(self._schemas)}"
        self.run(f"CREATE SCHEMA {schema}")
        return f"postgresql://{OWNER}@/postgres?host={self.folder}&options=-csearch_path%3D{schema}"


@contextmanager
def a_server() -> Iterator[Server]:
    """Yield a running server; skip where none is installed, unless TRIFECTA_POSTGRES says that there is one."""
    programs = binaries()
    if programs is None:
        if os.environ.get("TRIFECTA_POSTGRES") == "1":
            pytest.fail(f"{MISSING}, though TRIFECTA_POSTGRES says that there is one")
        pytest.skip(MISSING)
    folder = Path(tempfile.mkdtemp(prefix="t-pg-"))  # short: a socket's path has little room
    server = None
    try:
        server = Server(folder, programs)
        yield server
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder)
