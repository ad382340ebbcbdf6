"""`python -m bench [part ...]`: print every figure with its limit; with --strict, exit 1 when a limit is missed."""

import argparse
import importlib
import os
import sys
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from bench.figure import Figure, shown

PARTS = (
    "kernels", "structure", "signals", "scan", "risk", "portfolio", "world", "journal", "startup", "mesh", "serving",
)  # fmt: skip
ASKED = ("calibration", "learning")
"""Parts that run only when they are named: they need market data, and time."""


def main() -> int:
    """Run the parts that are asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "parts",
        nargs="*",
        choices=[*PARTS, *ASKED, []],
        metavar="part",
        help=f"{', '.join(PARTS)}; all of these without one. Only when named: {', '.join(ASKED)}",
    )
    parser.add_argument("--strict", action="store_true", help="exit 1 when a limit is missed")
    arguments = parser.parse_args()
    found: list[Figure] = []
    console = Console(width=150)
    for part in arguments.parts or PARTS:
        new = list(importlib.import_module(f"bench.{part}").figures())
        console.print(_table(part, new))
        found += new
    missed = [figure.name for figure in found if not figure.met]
    load = os.getloadavg()[0]
    stamp = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    console.print(f"{stamp}, {os.cpu_count()} cores, load {load:.1f}; best of several rounds, interleaved")
    console.print(f"limits missed: {', '.join(missed) or 'none'}")
    return int(bool(missed) and arguments.strict)


def _table(part: str, figures: list[Figure]) -> Table:
    table = Table(title=part, title_justify="left")
    for header in ("figure", "value", "unit", "limit", "note"):
        table.add_column(header, justify="right" if header == "value" else "left")
    for figure in figures:
        style = None if figure.met else "red"
        table.add_row(figure.name, shown(figure.value), figure.unit, figure.verdict, figure.note, style=style)
    return table


if __name__ == "__main__":
    sys.exit(main())
