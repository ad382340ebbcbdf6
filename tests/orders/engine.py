"""One engine as a process: keeper and gateway, until all orders are final. `python -m tests.orders.engine --help`.

Says `ready` when it has recovered and may trade, and `done` when it has come to its end.
"""

import argparse
import sys
import threading
import time

from tests.orders.processes import GatewayProcess, KeeperProcess, Local

TURN_S = 0.004
PAUSE = threading.Event()


def main() -> int:
    """Run until everything is done."""
    parser = argparse.ArgumentParser(prog="python -m tests.orders.engine")
    parser.add_argument("--journal", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--orders", type=int, default=100)
    asked = parser.parse_args()
    local = Local()
    local.actors["governor"] = keeper = KeeperProcess(
        "governor", local.resolver, asked.journal, asked.port, asked.seed, asked.orders
    )  # fmt: skip
    local.actors["gateway"] = gateway = GatewayProcess("gateway", local.resolver, asked.journal, asked.port)
    said = False
    while True:
        begin = time.monotonic()
        local.turn()
        working = gateway.working
        if working is not None and working.is_ready:
            if not said:
                said = True
                print("ready", flush=True)
            if keeper.workload.is_done and not working.unsettled:
                print("done", flush=True)
                return 0
        PAUSE.wait(max(TURN_S - (time.monotonic() - begin), 0))


if __name__ == "__main__":
    sys.exit(main())
