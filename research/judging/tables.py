"""Tables of an evaluation for the terminal: every run, losing ones included, and every comparison."""

from rich.box import SIMPLE_HEAD
from rich.table import Table

from research.judging.evaluating import Verdict
from research.judging.runs import Run
from research.model_card import basis_points
from research.report.markup import signed


def runs_table(verdict: Verdict, currency: str) -> Table:
    """Return a row per contender and seed: what it came to over all tests, after costs."""
    table = Table(title=verdict.candidate.name, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("who")
    for header in (
        "seed",
        f"profit ({currency})",
        "fees",
        "bp/period",
        "opened",
        "closed",
        "hours held",
        "max drawdown",
    ):
        table.add_column(header, justify="right")
    for name, runs in [("candidate", verdict.runs), *((one.name, one.runs) for one in verdict.against)]:
        for run in runs:
            table.add_row(name, *_cells(run))
    return table


def _cells(run: Run) -> tuple[str, ...]:
    held = "n/a" if run.hold_hours is None else f"{run.hold_hours:,.2f}"
    fall = "n/a" if run.max_drawdown is None else f"{run.max_drawdown:.2%}"
    profit, mean = signed(run.net_profit), basis_points(run.mean)
    return str(run.seed), profit, f"{run.fees:,.2f}", mean, f"{run.opened:,}", f"{run.trades:,}", held, fall


def against_table(verdict: Verdict, alpha: float) -> Table:
    """Return a row per baseline: the difference per period, its interval, p, and the answer."""
    table = Table(title="Against", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("baseline")
    for header in ("bp/period more", "95 % interval", "p", "p worst seed", "p Holm"):
        table.add_column(header, justify="right")
    table.add_column(f"beaten at {alpha:g}")
    for one in verdict.against:
        low, high = (basis_points(value) for value in (one.comparison.low, one.comparison.high))
        numbers = [f"{value:.4f}" for value in (one.comparison.p_value, one.worst.p_value, one.holm)]
        more = basis_points(one.comparison.mean_difference)
        table.add_row(one.name, more, f"{low} to {high}", *numbers, "yes" if one.beaten else "NO")
    return table
