"""`python -m tests.adversarial --paths 10000 --seed 1`: play adversarial paths, print every breach rate as a table.

Exit 1 when our rules let one loss through that was not a single gap larger than the declared reserve.
"""

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.adversarial.contest import OURS, RIVALS, Tally, added, contest
from tests.adversarial.truth import firms

CHUNK = 250
"""Paths that a process plays at a time."""


def main() -> int:
    """Play and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.adversarial", description=__doc__)
    parser.add_argument("--paths", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes; the result is the same")
    arguments = parser.parse_args()
    tallies: dict[tuple[str, str], Tally] = {}
    chunks = [range(k, min(k + CHUNK, arguments.paths)) for k in range(0, arguments.paths, CHUNK)]
    with ProcessPoolExecutor(arguments.jobs) as pool:
        for chunk, found in zip(chunks, pool.map(partial(contest, seed=arguments.seed), chunks), strict=True):
            tallies = added(tallies, found)
            print(f"{chunk.stop:,} of {arguments.paths:,} paths", file=sys.stderr)
    print("\n".join(table(tallies)))
    return int(any(tally.breaches for (name, _), tally in tallies.items() if name == OURS))


def table(tallies: dict[tuple[str, str], Tally]) -> list[str]:
    """Return the rates as lines of a table, contender by contender."""
    lines = [
        "| guard | firm's rules | paths | trades per path | breaches | rate | single gaps beyond the reserve |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for name in (OURS, *RIVALS):
        for profile in firms():
            one = tallies.get((name, profile), Tally())
            if one.paths:
                counts = f"{one.paths:,} | {one.trades / one.paths:.1f} | {one.breaches:,}"
                rates = f"{one.breaches / one.paths:.2%} | {one.gaps:,}"
                lines.append(f"| {name} | {profile} | {counts} | {rates} |")
    return lines


if __name__ == "__main__":
    sys.exit(main())
