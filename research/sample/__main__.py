"""`python -m research.sample --data SHARED --out data --seed 7`: make the packaged sample again."""

import argparse
import sys
from pathlib import Path

from numpy.random import PCG64, Generator

from research.sample.building import build_sample, sources
from research.sample.manifest import write_manifest


def main(arguments: list[str] | None = None) -> int:
    """Build the sample; exit code 2 when a source file is missing."""
    parser = argparse.ArgumentParser(prog="python -m research.sample", description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="Directory of market data that the real bars come from."
    )
    parser.add_argument("--out", type=Path, default=Path("data"), help="Where the sample goes (default: data).")
    parser.add_argument("--seed", type=int, default=7, help="Seed of everything that is made (default: 7).")
    chosen = parser.parse_args(arguments)
    absent = [path for path in sources() if not (chosen.data / path).is_file()]
    if absent:
        sys.stderr.write(f"{chosen.data}: lacks {', '.join(absent)}\n")
        return 2
    made = build_sample(chosen.data, chosen.out, Generator(PCG64(chosen.seed)))
    write_manifest(chosen.out, made)
    for file in made:
        sys.stdout.write(
            f"{(chosen.out / file.path).stat().st_size:>9,}  {file.table.num_rows:>8,} rows  {file.path}\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
