"""`trifecta parity` on real data: bars of four pairs and ticks of two brokers, through kernel, World and real Ray."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from cli.options import time_of
from policies.intents import DeskKind
from research.asking import Request, plan_for
from research.learning.artefact import save_artefact
from tests.cli.running import schema
from tests.models import an_artefact
from tests.research.files import DATA, REPO, needs_data

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

BARS, TICKS, PAIRS = 100_000, 200_000, 4
START, END = "2014-05-01", "2018-02-01"
"""Twelve days of ticks of two brokers; and, where the minute bars begin, a month of them."""


def parity(*words):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TRIFECTA_")}
    done = subprocess.run(
        [sys.executable, "-c", "from cli.main import main; main()", "parity", "--json", *map(str, words)],
        cwd=REPO, env=environment | {"PYTHONPATH": str(REPO)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    schema("parity").validate(document)
    return document


@needs_data
def test_real_data_is_decided_alike_by_kernel_world_and_ray(tmp_path):
    """The same span on Ray as in the kernel, no slice of it: a desk by a network, and a challenger that listens."""
    network = save_artefact(tmp_path / "models", an_artefact("network_digital", claim=0.8)).stem
    challenger = save_artefact(tmp_path / "models", an_artefact("network", hold_bars=30, rearm_bars=300)).stem
    span = {"start_ns": time_of(START, "--start"), "end_ns": time_of(END, "--end")}
    planned = plan_for(Request(data=DATA, home=tmp_path, **span))
    rows = np.bincount(planned.tape.feed, minlength=len(planned.plan.feeds))
    kinds = [planned.plan.desks[feed.desk].kind for feed in planned.plan.feeds]
    bars = [int(rows[k]) for k, kind in enumerate(kinds) if kind == DeskKind.FOREX]
    ticks = sum(int(rows[k]) for k, kind in enumerate(kinds) if kind == DeskKind.ARBITRAGE)
    assert (len(bars), sum(bars) >= BARS, ticks >= TICKS) == (PAIRS, True, True)
    document = parity("--data", DATA, "--home", tmp_path, "--start", START, "--end", END, "--model", network,
                      "--challenger", challenger)  # fmt: skip
    assert document["equal"]
    assert document["events"] == len(planned.tape.time_ns) + sum(bars)  # the challenger's feeds have them once more
    assert document["events"] >= BARS + TICKS
    assert document["kernel"] == document["world"] == document["ray"]
    assert document["kernel"]["counts"]["decisions"] > 1000
