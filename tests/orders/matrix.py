"""The crash-point matrix: every boundary times every fault, as many crashes as are asked for, one table."""

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from actors.world import WorldStuckError
from tests.orders.crashes import Boundary
from tests.orders.oracle import KINDS
from tests.orders.scenario import Run, crash_of, plan_of
from venues.messages import IdRule
from venues.simulated.faults import Fault

RULES_OF_IDS = (IdRule.EVER, IdRule.EVER, IdRule.NEVER)
"""Every third round goes to a venue that would take an order twice."""


class Cell(NamedTuple):
    """What one boundary with one fault brought."""

    crashes: int
    found: Counter


Matrix = dict[tuple[Boundary, Fault], Cell]


def run_matrix(crashes: int, first_seed: int, tell: Callable[[str], None] = lambda _: None) -> Matrix:
    """Go round all cells, a seed a round, until so many crashes were injected; `tell` gets every finding in words."""
    matrix: Matrix = {(boundary, fault): Cell(0, Counter()) for boundary in Boundary for fault in Fault}
    seed = first_seed
    while sum(cell.crashes for cell in matrix.values()) < crashes:
        for (boundary, fault), cell in matrix.items():
            run = Run(seed, crash_of(boundary, seed), plan_of(fault), RULES_OF_IDS[seed % len(RULES_OF_IDS)])
            try:
                found = run.run()
            except WorldStuckError as error:
                found = Counter({"lost": 1})
                words = [f"lost: {error}"]
            else:
                words = found.words
            for line in words:
                tell(f"seed {seed}, {boundary.value}, {fault.value}: {line}")
            matrix[boundary, fault] = Cell(cell.crashes + run.crash.injected, cell.found + found)
        seed += 1
    return matrix


def table_of(matrix: Matrix) -> str:
    """Return the matrix as text: crashes per cell, with what was found behind them, and the sums."""
    width = max(len(fault.value) for fault in Fault)
    heads = [boundary.value for boundary in Boundary]
    lines = [" " * width + "  " + "  ".join(heads)]
    for fault in Fault:
        cells = [_shown(matrix[boundary, fault]).rjust(len(boundary.value)) for boundary in Boundary]
        lines.append(fault.value.ljust(width) + "  " + "  ".join(cells))
    found = sum((cell.found for cell in matrix.values()), Counter())
    total = sum(cell.crashes for cell in matrix.values())
    kinds = ", ".join(f"{found[kind]} {kind}" for kind in KINDS)
    lines.append(f"{total} crashes injected: {kinds}")
    return "\n".join(lines)


def _shown(cell: Cell) -> str:
    return f"{cell.crashes} !{sum(cell.found.values())}" if cell.found else str(cell.crashes)
