"""The counter: how long the decision API takes to answer, behind HAProxy and behind Ray's own proxy."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx

from bench.figure import Figure, percentile
from bench.waiting import wait_for

ASKED: Final = 400
WARM: Final = 50
PREVIEW: Final = {
    "desk": "forex",
    "legs": [{"instrument": "GBPUSD@scenario", "lots": 1}],
    "stop": "1.30000",
    "target": "1.40000",
    "confidence": 0.8,
}
QUESTIONS: Final = (
    ("/openapi.json", "no actor", None),
    ("/v1/decisions?limit=10", "journal", None),
    ("/v1/positions", "one actor", None),
    ("/healthz", "three actors", None),
    ("preview", "one actor, a judgement", PREVIEW),
)
OWN_PROXY: Final = {"RAY_SERVE_ENABLE_HA_PROXY": "0", "RAY_SERVE_THROUGHPUT_OPTIMIZED": "0"}


def figures() -> Iterator[Figure]:
    """Yield p50 and p99 per question and ingress, and the ratio of the two ingresses over all questions."""
    through = {"HAProxy": _asked({}), "Ray's proxy": _asked(OWN_PROXY)}
    for name, measured in through.items():
        for (path, what, _), times in zip(QUESTIONS, measured, strict=True):
            for fraction in (0.5, 0.99):
                yield Figure(f"{path}, {name}, p{100 * fraction:.0f}", percentile(times, fraction), "ms", note=what)
    sums = [sum(percentile(times, 0.5) for times in measured) for measured in through.values()]
    yield Figure("HAProxy to Ray's proxy, p50 of all", sums[0] / sums[1], "ratio", 1.0, at_most=True)


def _asked(environment: dict[str, str]) -> list[list[float]]:
    """Serve the packaged sample to its end, ask every question in turn, and return milliseconds per question."""
    with tempfile.TemporaryDirectory(prefix="trifecta-bench-") as home:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-c", "from cli.main import main; main()",
             "serve", "--home", home, "--port", "0", "--json"],
            cwd=Path(__file__).parents[1], env=os.environ | environment, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        try:
            with httpx.Client(base_url=_url(process)) as client:
                # What is measured is the counter, not a busy machine.
                wait_for(lambda: client.get("/healthz").json()["session_complete"], "the end of the session")
                found: list[list[float]] = [[] for _ in QUESTIONS]
                for _ in range(WARM + ASKED):
                    for (path, _, body), times in zip(QUESTIONS, found, strict=True):
                        begin = time.perf_counter()
                        answer = client.get(path) if body is None else client.post("/v1/decisions", json=body)
                        times.append(1e3 * (time.perf_counter() - begin))
                        answer.raise_for_status()
                return [times[WARM:] for times in found]
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)


def _url(process: "subprocess.Popen[str]") -> str:
    """Return the address from the document that the command prints once it answers."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("}"):
            return str(json.loads("".join(lines))["url"])
    raise RuntimeError("trifecta serve ended before it answered")
