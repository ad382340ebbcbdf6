"""`python -m tests.simulation`: more seeds than the suite runs, or one of them again.

python -m tests.simulation --seeds 1000      that many, over all scenarios
python -m tests.simulation kills 17          one scenario under one seed
"""

import argparse
import tempfile
import time
from pathlib import Path

from tests.simulation.scenarios import SCENARIOS, simulate
from tests.simulation.seeds import FIRST_SPARE, command_of, keep, seeds_of


def main() -> int:
    """Run what is asked for; return 1 when a seed failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("scenario", nargs="?", choices=sorted(SCENARIOS))
    parser.add_argument("seed", nargs="?", type=int)
    parser.add_argument("--seeds", type=int, default=1000)
    asked = parser.parse_args()
    if (asked.scenario is None) != (asked.seed is None):
        parser.error("a scenario needs a seed")
    begin, failed = time.perf_counter(), 0
    wanted = [(asked.scenario, asked.seed)] if asked.scenario else seeds_of(asked.seeds, FIRST_SPARE)
    with tempfile.TemporaryDirectory(prefix="sim-") as folder:
        for scenario, seed in wanted:
            try:
                simulate(scenario, seed, Path(folder))
            except Exception as error:  # whatever it was, the seed that showed it is kept
                failed += 1
                keep(scenario, seed)
                print(f"{scenario} {seed}: {type(error).__name__}: {error}\n  again: {command_of(scenario, seed)}")
                if asked.scenario:
                    raise
    print(f"{len(wanted)} seeds, {failed} failed, {time.perf_counter() - begin:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
