"""`trifecta backtest`: the desks and rules of a live system in one process, at kernel speed."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.options import (
    Words,
    check_out,
    config_option,
    data_option,
    fee_ppm_of,
    home_option,
    json_option,
    news_option,
    open_console,
    params_given,
    sample_data,
    time_of,
)
from cli.outcome import print_json
from cli.seats import model_options, with_seats

if TYPE_CHECKING:
    from research.backtest import Backtest


@click.command(cls=Words)
@data_option
@home_option
@config_option
@news_option
@json_option
@click.option("--symbols", multiple=True, help="Bars of these symbols: --symbols AAPL MSFT. Else the desks' own data.")
@click.option("--timeframe", default=None, help="1m, 5m, 1h, 1d, ...  [default: the one with most bars]")
@click.option("--start", default=None, help="From this date or time on (UTC).")
@click.option("--end", default=None, help="Up to, not including, this date or time (UTC).")
@click.option("--desk", multiple=True, default=("all",), help="forex, arbitrage, binary or all.")
@click.option("--policy", default=None, help="Policy of the forex desk; see `trifecta policies`.")
@click.option("--param", multiple=True, metavar="NAME=NUMBER", help="A parameter of the policy; may be repeated.")
@click.option(
    "--params",
    "params_file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="Policy and parameters from a file that `trifecta tune` has written.",
)
@model_options
@click.option("--profile", default=None, help="Profiles, commas between: trifecta, ftmo_2step, or a file.")
@click.option("--fee", default=None, help="Fee per side, as a fraction of the notional: 0.001.")
@click.option("--cash", default=None, help="Cash at the start, in account currency.")
@click.option("--report/--no-report", "with_report", default=True, help="Write the HTML report.  [default: write]")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=None, help="Where the report goes.")
def backtest(as_json: bool, with_report: bool, out: Path | None, params_file: Path | None, **options: Any) -> None:
    """Backtest the desks, or one policy over bars of some symbols.

    Same kernel, rules and costs as a paper run. The textbook policy sma_cross fills at the next bar's open and pays
    --fee alone (no spread, no slippage), under the profile `research`, so that other engines can be held against it.
    """
    from research.asking import plan_for
    from research.backtest import run_backtest

    check_out(out or options["home"] / "reports" / "report.html" if with_report else None)
    request = request_of(options)
    planned = plan_for(request) if params_file is None else _planned_with(request, params_file)
    planned = with_seats(planned, {**options, "params": params_file}, request)
    finished = run_backtest(planned)
    report = _report(finished, request.home, out) if with_report else None
    if as_json:
        print_json(document(finished, report))
    else:
        _show(finished, report)


def request_of(options: dict[str, Any]) -> Any:
    """Return what the options ask for."""
    from research.asking import Request
    from research.planning import DESKS

    desks = tuple(options["desk"])
    return Request(
        data=options["data"] or sample_data(),
        home=options["home"],
        config=options["config"],
        profile=options["profile"],
        cash=options["cash"],
        symbols=tuple(options["symbols"]),
        timeframe=options["timeframe"],
        start_ns=time_of(options["start"], "--start"),
        end_ns=time_of(options["end"], "--end"),
        desks=DESKS if "all" in desks else desks,
        policy=options["policy"],
        params=params_given(options["param"]),
        fee_ppm=fee_ppm_of(options["fee"]),
        news=options["news"],
    )


def _planned_with(request: Any, path: Path) -> Any:
    """Return the plan of a request under the parameters of a file; ValueError when either also names others."""
    from research.asking import plan_for
    from research.params import ParamsError, chosen_on, load_params

    if request.policy is not None or request.params:
        raise ParamsError(
            f"--params {path}: it names policy and parameters; no --policy or --param is allowed beside it"
        )
    kept = load_params(path)
    planned = plan_for(request._replace(policy=kept.policy, params=dict(kept.params)))
    if not chosen_on(kept, planned.data, planned.tape):
        return planned
    told = (
        f"these parameters were chosen on this data, the best of {kept.sets:,} sets by {kept.metric}: "
        "the result is in-sample, not what to expect of other data"
    )
    return planned._replace(warnings=(*planned.warnings, told))


def document(finished: "Backtest", report: Path | None) -> dict[str, Any]:
    """Return the JSON document of a backtest (docs/json/backtest.schema.json)."""
    from msgspec import to_builtins

    from research.catalogue import show_time
    from research.digests import digests_of
    from research.summary import metrics_of

    result, planned = finished.result, finished.planned
    return {
        "command": "backtest",
        "bars": finished.events,
        "bars_per_second": finished.events_per_second,
        "kernel_seconds": finished.kernel_seconds,
        "symbols": [instrument.key for instrument in planned.plan.instruments],
        "profile": planned.plan.limits.profile,
        "currency": planned.plan.currency,
        "desks": to_builtins(result.desks),
        "trades": [
            to_builtins(trade) | {"entry_time": show_time(trade.entry_at_ns), "exit_time": show_time(trade.exit_at_ns)}
            for trade in result.trades
        ],
        "metrics": metrics_of(result),
        "decisions_digest": digests_of(result).decisions,
        "final_equity": float(result.final_equity),
        "max_drawdown": float(result.max_drawdown),
        "data": [{"path": path, "sha256": sha256, "rows": rows} for path, sha256, rows in planned.data],
        "warnings": list(planned.warnings),
        "report": str(report.resolve()) if report else None,
    }


def _facts(finished: "Backtest") -> Any:
    from market.tape import tape_hash
    from research.report import ReportFacts

    return ReportFacts(
        stage="BACKTEST",
        command="trifecta backtest",
        tape_hash=tape_hash(finished.planned.tape),
        data=finished.planned.data,
        events=finished.events,
        events_per_second=finished.events_per_second,
        wall_seconds=finished.kernel_seconds,
    )


def _report(finished: "Backtest", home: Path, out: Path | None) -> Path:
    from policies.plan import plan_hash
    from research.report import price_series, write_report

    plan, facts = finished.planned.plan, _facts(finished)
    path = out or home / "reports" / f"backtest-{plan_hash(plan)[:8]}-{facts.tape_hash[:8]}.html"
    return write_report(finished.result, price_series(plan, finished.planned.tape), facts, path)


def _show(finished: "Backtest", report: Path | None) -> None:
    from research.summary import summary_tables

    console = open_console()
    for warning in finished.planned.warnings:
        click.echo(f"warning: {warning}", err=True)
    for table in summary_tables(finished.result, _facts(finished), console.width):
        console.print(table)
    click.echo(f"{finished.events:,} events in {finished.kernel_seconds:.3f} s of kernel time")
    if report:
        click.echo(f"report: {report.resolve()}")
