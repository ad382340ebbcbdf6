"""The start: `trifecta backtest` as a stranger's first command, with kernels compiled already."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.figure import Figure

HEAVY = ("torch", "ccxt", "litellm", "ray")
PROBE = """
import sys
from cli.main import main
try:
    main()
finally:
    print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)
"""


def figures() -> Iterator[Figure]:
    """Yield the time from a cold start to the result, and how many heavy packages it imported."""
    with tempfile.TemporaryDirectory(prefix="trifecta-bench-") as home:
        arguments = ["backtest", "--home", home, "--json"]
        _run(arguments)
        times, heavy = [], ""
        for _ in range(3):
            begin = time.perf_counter()
            heavy = _run(arguments)
            times.append(time.perf_counter() - begin)
    yield Figure("trifecta backtest, cold start to result", min(times), "s", 4.0, at_most=True, note="packaged sample")
    imported = json.loads(heavy.replace("'", '"'))
    yield Figure("heavy packages imported on that way", len(imported), "", 0, at_most=True, note=", ".join(HEAVY))


def _run(arguments: list[str]) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "TRIFECTA_DATA"}
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-c", PROBE.format(heavy=HEAVY), *arguments],
        cwd=Path(__file__).parents[1], env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stderr.strip().splitlines()[-1]
