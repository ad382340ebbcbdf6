"""`trifecta walkforward`: choose parameters on the past, trade them on what came after, and say whether it is luck."""

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from cli.options import (
    METRICS,
    Words,
    check_out,
    config_option,
    data_option,
    fee_ppm_of,
    grid_options,
    home_option,
    json_option,
    news_option,
    open_console,
    params_given,
    sample_data,
    time_of,
)
from cli.outcome import Exit, print_json, say

if TYPE_CHECKING:
    from research.verdict import Verdict
    from research.walkforward import WalkForward

COSTS: Final = "0,1,2,3"
TOLD_EVERY: Final = 10
"""Parts of the work after which progress is told."""

HONEST: Final = (
    "The verdict is no (exit code 1) when any check fails or cannot be made. It knows of the sets of this call alone: "
    "name those that were tried on this data before with --tried."
)


@click.command(cls=Words, epilog=HONEST)
@data_option
@home_option
@config_option
@news_option
@json_option
@grid_options
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of --random and bootstraps.")
@click.option("--metric", type=click.Choice(METRICS), default="sharpe", show_default=True, help="What to choose by.")
@click.option("--train", type=click.IntRange(min=1), default=None, help="Bars to choose on.  [default: 3 tests]")
@click.option("--test", type=click.IntRange(min=1), default=None, help="Bars to trade on.  [default: 1/8 of all]")
@click.option(
    "--purge",
    type=click.IntRange(min=0),
    default=None,
    help="Bars between a train and its test.  [default: the longest that a position may be held, where that is known]",
)
@click.option(
    "--embargo",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Bars after a test that no later train of the cross-validation may use.",
)
@click.option("--anchored", is_flag=True, help="Let every train begin with the first bar.")
@click.option("--tried", type=click.IntRange(min=0), default=0, help="Sets tried on this data before: they count too.")
@click.option("--costs", default=COSTS, show_default=True, help="Multiples of the costs to trade the tests at.")
@click.option("--trades-min", type=click.IntRange(min=1), default=100, show_default=True, help="Trades demanded.")
@click.option(
    "--dsr-min", type=click.FloatRange(0, 1), default=0.95, show_default=True, help="Deflated Sharpe demanded."
)
@click.option("--pbo-max", type=click.FloatRange(0, 1), default=0.2, show_default=True, help="Overfitting allowed.")
@click.option("--p-max", type=click.FloatRange(0, 1), default=0.05, show_default=True, help="p-value allowed.")
@click.option("--profile", default=None, help="Profiles, commas between: trifecta, ftmo_2step, or a file.")
@click.option("--fee", default=None, help="Fee per side, as a fraction of the notional: 0.001.")
@click.option("--cash", default=None, help="Cash at the start of every rollout, in account currency.")
@click.option("--report/--no-report", "with_report", default=True, help="Write the verdict page.  [default: write]")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=None, help="Where the page goes.")
def walkforward(as_json: bool, with_report: bool, out: Path | None, **options: Any) -> int:
    """Walk a policy's parameters forward over bars, and give a verdict that can say no.

    On every train the best set of the grid is chosen, and traded on the test after it. All tests together are held
    against the number of sets that were tried, against luck, and against higher costs.
    """
    import time

    from research.verdict import Demands, verdict_of
    from research.walkforward import run_walk_forward
    from research.walkforward_document import document_of

    check_out(out or options["home"] / "reports" / "report.html" if with_report else None)
    planned, sets, shape, costs = _asked(options)
    for warning in planned.warnings:
        if not as_json:
            say(f"warning: {warning}")
    begin = time.perf_counter()
    walk = run_walk_forward(planned, sets, options["metric"], shape, costs, None if as_json else _watch())
    demands = Demands(options["trades_min"], options["dsr_min"], options["pbo_max"], options["p_max"])
    verdict = verdict_of(walk, demands, options["tried"], options["seed"])
    seconds = time.perf_counter() - begin
    page = _report(walk, verdict, seconds, out or _place(options["home"], walk)) if with_report else None
    if as_json:
        print_json(document_of(walk, verdict, str(page.resolve()) if page else None, seconds))
    else:
        _show(walk, verdict, page)
    return int(Exit.DONE if verdict.passed else Exit.CHECK_FAILED)


def _asked(options: dict[str, Any]) -> Any:
    """Return plan, sets, shape and costs of what the options ask for; everything wrong with them is said here."""
    from policies.catalogue import policy_named
    from policies.intents import DeskKind
    from research.asking import Request, configuration_for, plan_for
    from research.grid import GridError, axis_of, check_axes, sets_of
    from research.walkforward import bars_of, longest_hold, shape_of

    costs = costs_of(options["costs"])
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
    purge = longest_hold(sets) if options["purge"] is None else options["purge"]
    bars = len(bars_of(planned.tape))
    return (
        planned,
        sets,
        shape_of(bars, options["train"], options["test"], (purge, options["embargo"]), options["anchored"]),
        costs,
    )


def costs_of(words: str) -> tuple[Decimal, ...]:
    """Return multiples of the costs, rising, 1 and 2 always among them; ValueError says what is allowed."""
    try:
        found = {Decimal(word) for word in words.split(",")}
        if not all(multiple.is_finite() and 0 <= multiple <= 100 for multiple in found):
            raise InvalidOperation
    except InvalidOperation:
        raise ValueError(f"--costs {words}: numbers from 0 to 100, commas between, are allowed") from None
    return tuple(sorted(found | {Decimal(1), Decimal(2)}))


def _watch() -> Any:
    heard = {"told": 0}

    def tell(done: int, planned: int) -> None:
        part = done * TOLD_EVERY // max(planned, 1)
        if part > heard["told"] and planned > TOLD_EVERY:
            heard["told"] = part
            say(f"{done:,} of {planned:,} rollouts")

    return tell


def _place(home: Path, walk: "WalkForward") -> Path:
    from market.tape import tape_hash
    from policies.plan import plan_hash

    planned = walk.planned
    return home / "reports" / f"walkforward-{plan_hash(planned.plan)[:8]}-{tape_hash(planned.tape)[:8]}.html"


def _report(walk: "WalkForward", verdict: "Verdict", seconds: float, path: Path) -> Path:
    from research.report import WalkFacts, write_verdict

    return write_verdict(walk, verdict, WalkFacts("trifecta walkforward", seconds), path)


def _show(walk: "WalkForward", verdict: "Verdict", page: Path | None) -> None:
    from research.walkforward_tables import check_table, fold_table

    console = open_console()
    console.print(fold_table(walk))
    console.print(check_table(verdict))
    click.echo(f"verdict: {'yes' if verdict.passed else 'NO'}")
    if page:
        click.echo(f"page: {page.resolve()}")
