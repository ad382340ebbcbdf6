"""`python -m tests.orders`: the crash-point matrix.

python -m tests.orders --crashes 10000           go round all cells until so many crashes were injected
python -m tests.orders mid-cancel delay 17       one cell under one seed, with what the venue and the journal say
"""

import argparse

from tests.orders.crashes import Boundary
from tests.orders.matrix import RULES_OF_IDS, run_matrix, table_of
from tests.orders.scenario import Run, crash_of, plan_of
from venues.simulated.faults import Fault


def main() -> int:
    """Run what is asked for; return 1 when something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.orders")
    parser.add_argument("boundary", nargs="?", choices=[boundary.value for boundary in Boundary])
    parser.add_argument("fault", nargs="?", choices=[fault.value for fault in Fault])
    parser.add_argument("seed", nargs="?", type=int)
    parser.add_argument("--crashes", type=int, default=10_000)
    parser.add_argument("--first-seed", type=int, default=0)
    asked = parser.parse_args()
    if asked.boundary is None:
        matrix = run_matrix(asked.crashes, asked.first_seed, print)
        print(table_of(matrix))
        return int(any(cell.found for cell in matrix.values()))
    if asked.seed is None:
        parser.error("a cell needs a fault and a seed")
    boundary, fault, seed = Boundary(asked.boundary), Fault(asked.fault), asked.seed
    run = Run(seed, crash_of(boundary, seed), plan_of(fault), RULES_OF_IDS[seed % len(RULES_OF_IDS)])
    found = run.run()
    for order in run.venue.exchange.orders:
        print(f"at the venue: {order}")
    for order in run.world.actor("governor").orders.values():
        print(f"in the journal: {order}")
    print(f"{run.crash.injected} crashes, {dict(found)}", *found.words, sep="\n")
    return int(bool(found))


if __name__ == "__main__":
    raise SystemExit(main())
