"""Tables of a walk-forward for the terminal."""

from rich.box import SIMPLE_HEAD
from rich.table import Table

from research.catalogue import show_time
from research.report.checks import NAMES, check_value, check_wanted, swept
from research.report.markup import amount, signed
from research.tune import shown
from research.verdict import Verdict
from research.walkforward import WalkForward


def fold_table(walk: WalkForward) -> Table:
    """Return a row per fold: when it was tested, what was chosen, and the metric on both sides."""
    metric = walk.metric.replace("_", " ")
    table = Table(title="Folds", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("#", justify="right")
    for header in ("test from", "chosen"):
        table.add_column(header)
    for header in (f"{metric} in", f"{metric} out", f"profit out ({walk.planned.plan.currency})", "trades out"):
        table.add_column(header, justify="right")
    for number, fold in enumerate(walk.folds, 1):
        begin = show_time(int(walk.bar_times[fold.window.test_begin]))
        if fold.chosen is None or fold.in_sample is None or fold.out_of_sample is None:
            table.add_row(str(number), begin, "none", *["n/a"] * 4)
            continue
        values = [getattr(one, walk.metric) for one in (fold.in_sample, fold.out_of_sample)]
        table.add_row(
            str(number), begin, shown(swept(walk, fold.chosen)),
            *("n/a" if value is None else amount(value) for value in values),
            signed(fold.out_of_sample.net_profit), f"{fold.out_of_sample.trades:,}",
        )  # fmt: skip
    return table


def check_table(verdict: Verdict) -> Table:
    """Return a row per check."""
    table = Table(title="Checks", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for header in ("check", "found", "demanded", "result"):
        table.add_column(header, justify="left" if header in ("check", "result") else "right")
    for check in verdict.checks:
        result = "passed" if check.passed else "FAILED"
        table.add_row(
            NAMES[check.name][0], check_value(check.name, check.value, check.reason), check_wanted(check), result
        )
    return table
