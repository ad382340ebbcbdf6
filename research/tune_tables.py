"""Tables of a search: of the best sets and of the folds for the terminal, of all sets as Parquet or CSV."""

from pathlib import Path
from statistics import fmean
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from rich.box import SIMPLE_HEAD
from rich.table import Table

from research.trial_score import COLUMNS, SCORED
from research.tune_result import Tuned

KINDS: Final = (".parquet", ".csv")


def require_table(path: Path) -> Path:
    """Return a file's path if a table can be written to it; ValueError names what is allowed."""
    if path.suffix.lower() not in KINDS:
        raise ValueError(f"--out {path}: a file name that ends in {' or '.join(KINDS)} is allowed")
    return path


def write_table(found: Tuned, path: Path) -> None:
    """Write a row per set, best first: rank, set, parameters, mean of the metric, and every score of every fold."""
    sets = found.study.grid.sets_at(found.places)
    columns = {
        "rank": pa.array(np.arange(1, len(found.places) + 1)),
        "set": pa.array(found.places),
        **{name: pa.array(sets.rows[:, k]) for k, name in enumerate(sets.names)},
        f"mean_{found.study.metric}": pa.array(found.means, from_pandas=True),
    }
    for fold in range(found.columns.shape[1]):
        for name in SCORED:
            values = found.columns[:, fold, COLUMNS.index(name)]
            columns[f"fold{fold}_{name}"] = pa.array(values, from_pandas=True)
    table = pa.table(columns)
    if path.suffix.lower() == ".csv":
        pyarrow.csv.write_csv(table, path)
    else:
        pq.write_table(table, path)


def best_table(found: Tuned, best: int) -> Table:
    """Return the best sets: the parameters that were searched, the mean, the metric on every fold, all trades."""
    metric = found.study.metric.replace("_", " ")
    names = [axis.name for axis in found.study.grid.axes]
    table = Table(title=f"Best by mean {metric} over folds", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    folds = [f"fold {fold}" for fold in range(found.columns.shape[1])]
    for header in ("", "set", *names, "mean", *folds, "trades"):
        table.add_column(header.replace("_", "\n"), justify="right", overflow="fold")
    metrics, trades = (found.columns[:, :, COLUMNS.index(name)] for name in (found.study.metric, "trades"))
    for position in range(min(best, len(found.places))):
        place = int(found.places[position])
        named = found.study.grid.sets_at([place]).named(0)
        values = [_number(value) for value in (found.means[position], *metrics[position])]
        traded = f"{int(np.nansum(trades[position])):,}"
        table.add_row(str(position + 1), str(place), *(f"{named[name]:g}" for name in names), *values, traded)
    return table


def search_line(found: Tuned) -> str:
    """Return how many sets were scored, how fast, and what the one in the middle came to."""
    searched, metric = found.searched, found.study.metric
    parts = [f"{len(found.places):,} sets scored in {searched.seconds:.1f} s ({searched.batches} trials)"]
    if searched.reused:
        parts.append(f"{searched.reused:,} scores were there already")
    if found.stopped:
        parts.append(f"{found.stopped:,} sets stopped before the last fold")
    if found.median is not None:
        parts.append(f"median {metric} {found.median:,.4g}")
    if found.undefined > found.stopped:
        parts.append(f"undefined for {found.undefined - found.stopped:,}")
    return "; ".join(parts)


def judgement_lines(found: Tuned) -> list[str]:
    """Return what the best is worth, a line each: luck, walk forward, holdout."""
    lines = []
    tried = f"{found.tried.sets:,} sets tried on this data with this policy"
    tried += f", {found.tried.before:,} of them by other runs" if found.tried.before else ""
    sure = "undefined" if found.dsr.value is None else f"{found.dsr.value:.3f}"
    reason = f" ({found.dsr.reason})" if found.dsr.reason else ""
    lines.append(f"deflated Sharpe ratio of the best on the folds of the search: {sure}{reason}; {tried}")
    if found.steps is not None:
        known = [step.value for step in found.steps if step.value is not None]
        mean = _shown(fmean(known) if known else None)
        lines.append(
            f"walk forward, every fold by the best of the folds before it: mean {found.study.metric} {mean} over "
            f"{len(known)} of {len(found.steps)} folds"
        )
    if found.holdout is not None:
        psr = "undefined" if found.psr.value is None else f"{found.psr.value:.3f}"
        column = found.holdout.columns[:, COLUMNS.index("net_profit")]
        profit = f"profit {column.sum():,.2f} {found.study.planned.plan.currency}"
        lines.append(
            f"holdout, of the best alone: {found.study.metric} {_shown(found.holdout.mean)}, {profit}, "
            f"probabilistic Sharpe ratio {psr}"
        )
    return lines


def _shown(value: float | None) -> str:
    return "undefined" if value is None else f"{value:,.4g}"


def _number(value: float) -> str:
    return "n/a" if np.isnan(value) else f"{value:,.2f}"
