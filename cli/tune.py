"""`trifecta tune`: many sets of a policy's parameters over the same bars, and the best of them kept by hash."""

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.options import (
    METRICS,
    Words,
    config_option,
    data_option,
    fee_ppm_of,
    grid_options,
    home_option,
    json_option,
    news_option,
    params_given,
    sample_data,
    time_of,
)
from cli.outcome import Exit, heed_wish_to_stop, print_json, say

if TYPE_CHECKING:
    from rich.table import Table

    from research.tune import Sweep


WIDE = 200
"""Characters of a line that goes to a file or a pipe: no number is cut."""

HINDSIGHT = (
    "The best of many results on the same data is chosen with hindsight: it is not what to expect of other data, and "
    "the more sets, the less so. Hold it against a span that it has not seen: trifecta backtest --params FILE --start."
)


@click.command(cls=Words, epilog=HINDSIGHT)
@data_option
@home_option
@config_option
@news_option
@json_option
@grid_options
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of --random.")
@click.option(
    "--metric",
    type=click.Choice(METRICS),
    default="sharpe",
    show_default=True,
    help="What to rank by: the most, of max_drawdown the least; undefined ranks last.",
)
@click.option("--profile", default=None, help="Profiles, commas between: trifecta, ftmo_2step, or a file.")
@click.option("--fee", default=None, help="Fee per side, as a fraction of the notional: 0.001.")
@click.option("--cash", default=None, help="Cash at the start, in account currency.")
@click.option("--batch", type=click.IntRange(1, 100_000), default=None, help="Sets per trial.  [default: 200]")
@click.option("--trials", type=click.IntRange(1, 10_000), default=None, help="Or: split the sets into N trials.")
@click.option("--best", type=click.IntRange(1, 1000), default=10, show_default=True, help="How many to show.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=None, help="All sets as CSV.")
def tune(as_json: bool, out: Path | None, best: int, **options: Any) -> int:
    """Sweep a policy's parameters over bars, as a backtest of each set, on a local Ray of its own.

    The best set is kept as HOME/params/HASH.json; `trifecta backtest --params` takes it.
    """
    from research.home import Home
    from research.params import save_params
    from research.tune import best_params, run_sweep
    from research.warming import ensure_warm

    planned, sets, batch = _asked(options)
    if not as_json:
        for warning in planned.warnings:
            click.echo(f"warning: {warning}", err=True)
        click.echo(f"{len(sets.rows):,} sets of {len(planned.tape.time_ns):,} events each", err=True)
    wished = heed_wish_to_stop()
    ensure_warm(say)  # or every worker would compile the same
    sweep = run_sweep(planned, sets, options["metric"], batch, _watch(as_json), wished)
    path = save_params(Home(options["home"]).params, best_params(sweep, sweep.best)) if sweep.best is not None else None
    if out is not None:
        _write_csv(out, sweep)
    if as_json:
        print_json(document(sweep, best, path))
    else:
        _show(sweep, best, path, out)
    return int(Exit.DONE if path else Exit.CHECK_FAILED)


def _asked(options: dict[str, Any]) -> Any:
    """Return plan, sets and batch of what the options ask for; everything wrong with them is said here."""
    from policies.catalogue import policy_named
    from policies.intents import DeskKind
    from research.asking import Request, configuration_for, plan_for
    from research.grid import GridError, axis_of, check_axes, sets_of
    from research.tune import BATCH

    if options["batch"] and options["trials"]:
        raise GridError("--batch and --trials: one of the two is allowed")
    axes, fixed = [axis_of(word) for word in options["grid"]], params_given(options["param"])
    request = Request(
        data=options["data"] or sample_data(), home=options["home"], config=options["config"],
        profile=options["profile"], cash=options["cash"], symbols=tuple(options["symbols"]),
        timeframe=options["timeframe"], start_ns=time_of(options["start"], "--start"),
        end_ns=time_of(options["end"], "--end"), policy=options["policy"], params=fixed,
        fee_ppm=fee_ppm_of(options["fee"]), news=options["news"],
    )  # fmt: skip
    spec = policy_named(request.policy or configuration_for(request).desks.forex.policy)
    if spec.desk is not DeskKind.FOREX:
        raise GridError(f"--policy {spec.name}: it is of the {spec.desk.name.lower()} desk; one of forex is allowed")
    check_axes(spec, axes, fixed)
    planned = plan_for(request)
    if not len(planned.tape.time_ns):
        raise GridError("--start and --end: there are no bars between them")
    sets = sets_of(planned.plan.desks[0].params, axes, options["draw"], options["seed"])
    batch = -(-len(sets.rows) // options["trials"]) if options["trials"] else options["batch"] or BATCH
    return planned, sets, batch


def _watch(as_json: bool) -> Any:
    def tell(done: int, trials: int) -> None:
        if not as_json:
            click.echo(f"{done} of {trials} trials", err=True)

    return tell


def document(sweep: "Sweep", best: int, path: Path | None) -> dict[str, Any]:
    """Return the JSON document of a sweep (docs/json/tune.schema.json)."""
    from research.tune import score_fields

    planned = sweep.planned
    return {
        "command": "tune",
        "policy": planned.plan.desks[0].policy,
        "symbols": [instrument.key for instrument in planned.plan.instruments],
        "profile": planned.plan.limits.profile,
        "currency": planned.plan.currency,
        "metric": sweep.metric,
        "events": len(planned.tape.time_ns),
        "sets": len(sweep.scores),
        "undefined": sweep.undefined,
        "median": sweep.median,
        "best": [
            {"rank": place + 1, "set": number, "params": sweep.sets.named(number), **score_fields(sweep.scores[number])}
            for place, number in enumerate(sweep.ranking[:best])
        ],
        "params_file": {"path": str(path), "sha256": path.stem} if path else None,
        "trials": sweep.trials,
        "batch": sweep.batch,
        "seconds": sweep.seconds,
        "data": [{"path": name, "sha256": sha256, "rows": rows} for name, sha256, rows in planned.data],
        "warnings": [*planned.warnings, HINDSIGHT],
    }


def _write_csv(path: Path, sweep: "Sweep") -> None:
    from research.tune import score_fields

    path.parent.mkdir(parents=True, exist_ok=True)
    fields = list(score_fields(sweep.scores[0]))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["rank", "set", *sweep.sets.names, *fields])
        for place, number in enumerate(sweep.ranking):
            values = ["" if value is None else value for value in score_fields(sweep.scores[number]).values()]
            writer.writerow([place + 1, number, *sweep.sets.named(number).values(), *values])


def _show(sweep: "Sweep", best: int, path: Path | None, out: Path | None) -> None:
    from rich.console import Console

    console = Console()
    (console if console.is_terminal else Console(width=WIDE)).print(_table(sweep, best))
    tried = f"{len(sweep.scores):,} sets tried in {sweep.seconds:.1f} s ({sweep.trials} trials of up to {sweep.batch})"
    middle = "" if sweep.median is None else f"; median {sweep.metric} {sweep.median:,.4g}"
    none = f"; undefined for {sweep.undefined:,}" if sweep.undefined else ""
    click.echo(tried + middle + none)
    if out is not None:
        click.echo(f"all sets: {out}")
    click.echo(
        f"best: {path}" if path else f"{sweep.metric} is undefined for every set: none is kept", err=path is None
    )
    click.echo(HINDSIGHT)


def _table(sweep: "Sweep", best: int) -> "Table":
    """Return the best sets; of the parameters, those that were swept."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from research.tune import score_fields

    rows = sweep.sets.rows
    swept = [name for k, name in enumerate(sweep.sets.names) if len(rows) == 1 or (rows[:, k] != rows[0, k]).any()]
    table = Table(title=f"Best by {sweep.metric}", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for header in ("", *swept, *score_fields(sweep.scores[0])):
        table.add_column(header.replace("_", "\n"), justify="right", overflow="fold")
    for place, number in enumerate(sweep.ranking[:best]):
        named, fields = sweep.sets.named(number), score_fields(sweep.scores[number])
        values = ["n/a" if value is None else f"{value:,.2f}" for name, value in fields.items() if name != "trades"]
        table.add_row(str(place + 1), *(f"{named[name]:g}" for name in swept), *values, f"{fields['trades']:,}")
    return table
