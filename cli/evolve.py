"""`trifecta evolve`: breed strategies by genetic programming on Ray, choose one out of sample, and keep it."""

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
from cli.outcome import Exit, heed_wish_to_stop, print_json, say

if TYPE_CHECKING:
    from rich.table import Table

    from research.evolving.run import Evolution

LUCK = (
    "The winner is the best of many tries on the same data. What it made on the bars it was bred and chosen on is no "
    "expectation; the holdout is looked at once, and the deflated Sharpe ratio counts every genome ever tried here."
)
REQUEST = ("data", "config", "news", "symbols", "timeframe", "start", "end", "profile", "fee", "cash", "param")
"""Options that decide on the plan: kept with a run, so that it can be taken up again."""
BREEDING = ("seed", "population", "generations", "sides", "regime", "lam", "gap_penalty", "min_trades")


@click.command(cls=Words, epilog=LUCK)
@data_option
@home_option
@config_option
@news_option
@json_option
@click.option("--symbols", multiple=True, help="Bars of these symbols: --symbols EURUSD GBPUSD.")
@click.option("--timeframe", default=None, help="1m, 5m, 1h, 1d, ...  [default: the one with most bars]")
@click.option("--start", default=None, help="From this date or time on (UTC).")
@click.option("--end", default=None, help="Up to, not including, this date or time (UTC).")
@click.option("--profile", default=None, help="Profiles, commas between: trifecta, ftmo_2step, or a file.")
@click.option("--fee", default=None, help="Fee per side, as a fraction of the notional: 0.001.")
@click.option("--cash", default=None, help="Cash at the start, in account currency.")
@click.option("--param", multiple=True, metavar="NAME=NUMBER", help="A parameter of the policy `genome`; repeatable.")
@click.option("--population", type=click.IntRange(4, 2000), default=60, show_default=True, help="A multiple of 4.")
@click.option("--generations", type=click.IntRange(1, 1000), default=12, show_default=True, help="After the first.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Same seed, same result.")
@click.option("--sides", type=click.Choice(("long", "both")), default="both", show_default=True, help="What it trades.")
@click.option(
    "--regime", type=click.Choice(("ANY", "BULL", "BEAR", "SIDEWAYS")), default="ANY", show_default=True,
    help="Breed for the days of this regime alone, and tag what comes of it.",
)  # fmt: skip
@click.option("--lam", type=click.FloatRange(0.0, 10.0), default=0.01, show_default=True, help="Fitness per node.")
@click.option("--gap-penalty", type=click.FloatRange(0.0, 10.0), default=0.5, show_default=True,
              help="Fitness per unit by which the fitted part was better.")  # fmt: skip
@click.option("--min-trades", type=click.IntRange(1, 10**6), default=30, show_default=True, help="Fewer are not valid.")
@click.option(
    "--workers",
    type=click.IntRange(0, 256),
    default=None,
    help="Processes; 0: this one alone, without Ray.  [default: one per core]",
)
@click.option("--resume", is_flag=False, flag_value="", default=None, metavar="[ID]",
              help="Go on with a run that was ended, the newest without an ID.")  # fmt: skip
@click.option("--best", type=click.IntRange(1, 1000), default=10, show_default=True, help="How many to show.")
@click.option("--picture", type=click.Path(dir_okay=False, path_type=Path), default=None,
              help="The front as .svg, .png or .html.")  # fmt: skip
def evolve(as_json: bool, best: int, picture: Path | None, workers: int | None, **options: Any) -> int:
    """Breed strategies on bars: typed genetic programming, every genome scored by the rollout that a backtest is.

    The winner is kept as HOME/strategies/HASH.json; see `trifecta strategies`.
    """
    from research.drawing import require_kind, write_drawing
    from research.evolving.picture import picture_of
    from research.evolving.run import Evolver
    from research.home import Home
    from research.warming import ensure_warm

    if picture is not None:
        check_out(require_kind(picture))
    planned, settings = _asked(options)
    evolver = Evolver(planned, settings, Home(options["home"]))
    if not as_json:
        for warning in planned.warnings:
            say(f"warning: {warning}")
        parts = ", ".join(f"{name} {span.end - span.begin:,}" for name, span in evolver.market.spans.items())
        say(f"run {evolver.run.name}: bars {parts}")
    wished = heed_wish_to_stop()
    ensure_warm(say)  # or every worker would compile the same
    try:
        found = evolver.evolve(None if as_json else _tell, wished, workers)
    except KeyboardInterrupt:
        say(f"stopped; trifecta evolve --resume {evolver.run.name} goes on")
        raise
    if picture is not None:
        write_drawing(picture_of(found), picture)
    if as_json:
        print_json(document(found, best))
    else:
        _show(found, best, picture)
    return int(Exit.DONE if found.strategy else Exit.CHECK_FAILED)


def _asked(options: dict[str, Any]) -> Any:
    """Return plan and settings of what the options ask for, or of the run that they resume."""
    from research.asking import Request, plan_for
    from research.evolving.objectives import Terms
    from research.evolving.records import EvolveError, Folder
    from research.evolving.run import Settings
    from research.evolving.search import MULTIPLE, Breeding

    given = {name: options[name] for name in (*REQUEST, *BREEDING)}
    if options["resume"] is not None:
        kept = Folder(options["home"]).named(options["resume"] or None).request()
        given = kept["options"]
    if not given["symbols"]:
        raise EvolveError("--symbols: at least one is needed, or --resume")
    if given["population"] % MULTIPLE:
        raise EvolveError(f"--population {given['population']}: a multiple of {MULTIPLE} is allowed")
    request = Request(
        data=Path(given["data"] or sample_data()), home=options["home"], profile=given["profile"], cash=given["cash"],
        config=Path(given["config"]) if given["config"] else None, symbols=tuple(given["symbols"]),
        timeframe=given["timeframe"], start_ns=time_of(given["start"], "--start"),
        end_ns=time_of(given["end"], "--end"), policy="genome", params=params_given(tuple(given["param"])),
        fee_ppm=fee_ppm_of(given["fee"]), news=Path(given["news"]) if given["news"] else None,
    )  # fmt: skip
    planned = plan_for(request)
    if not len(planned.tape.time_ns):
        raise EvolveError("--start and --end: there are no bars between them")
    breeding = Breeding(given["seed"], given["population"], given["generations"], given["sides"], given["regime"])
    words = {name: str(value) if isinstance(value, Path) else value for name, value in given.items()}
    settings = Settings(breeding, Terms(given["lam"], given["gap_penalty"], given["min_trades"]), words)
    if options["resume"] is not None:
        _check_same(kept, planned)
    return planned, settings


def _check_same(kept: dict[str, Any], planned: Any) -> None:
    from policies.plan import plan_hash
    from research.backtest import executing
    from research.evolving.records import EvolveError, data_key

    if kept["plan_hash"] != plan_hash(executing(planned.plan)) or kept["data"] != data_key(planned.data):
        raise EvolveError("--resume: data, configuration or profile are not what this run began with; start a new one")


def _tell(generation: int, generations: int, tried: int, best: float | None) -> None:
    shown = "none is valid yet" if best is None else f"best fitness {best:.3f}"
    say(f"generation {generation} of {generations}: {tried:,} genomes tried, {shown}")


def document(found: "Evolution", best: int) -> dict[str, Any]:
    """Return the JSON document of a run (docs/json/evolve.schema.json)."""
    from msgspec import structs

    from research.genome_code import lines_of

    breeding = found.settings.breeding
    shown = sorted(
        found.candidates, key=lambda one: (one.fitness is None, -(one.fitness or 0.0), one.trial.tried.sha256)
    )
    return {
        "command": "evolve",
        "run": found.run,
        "symbols": [instrument.key for instrument in found.planned.plan.instruments],
        "profile": found.planned.plan.limits.profile,
        **breeding._asdict(),
        "terms": found.settings.terms._asdict(),
        "bars": {name: list(span) for name, span in found.market.spans.items()},
        "genomes": len(found.trials),
        "valid": found.valid,
        "tries": found.tries,
        "tries_of_other_runs": found.earlier,
        "candidates": [
            {
                "sha256": one.trial.tried.sha256,
                "front": one.front,
                "nodes": one.trial.tried.nodes,
                "rules": dict(lines_of(one.trial.tried.genome)),
                "fitness": one.trial.fitness,
                "fit": structs.asdict(one.trial.scored.fit),
                "test": structs.asdict(one.trial.scored.test),
                "choice": structs.asdict(one.choice),
                "choice_fitness": one.fitness,
            }
            for one in shown[:best]
        ],
        "winner": found.strategy.sha256 if found.strategy else None,
        "strategy_file": found.path,
        "holdout": structs.asdict(found.holdout) if found.holdout else None,
        "holdout_psr": found.holdout_psr,
        "holdout_burnt_by": sorted({look.run for look in found.burnt}),
        "deflated_sharpe": found.deflated,
        "seconds": found.seconds,
        "data": [{"path": name, "sha256": sha256, "rows": rows} for name, sha256, rows in found.planned.data],
        "warnings": [*found.planned.warnings, LUCK],
    }


def _show(found: "Evolution", best: int, picture: Path | None) -> None:
    from research.evolving.run import GATE
    from research.genome_code import lines_of

    open_console().print(_table(found, best))
    earlier = f", {found.earlier:,} of them in other runs" if found.earlier else ""
    click.echo(
        f"{len(found.trials):,} genomes in {found.seconds:.1f} s, {found.valid:,} valid; "
        f"{found.tries:,} ever tried on this data{earlier}"
    )
    if picture is not None:
        click.echo(f"picture: {picture}")
    if found.strategy is None or found.winner is None:
        click.echo("no genome of the best fronts traded often enough where it is chosen: none is kept", err=True)
        if not found.valid:
            click.echo("more bars, a smaller --min-trades, or lots that an account can take: more --cash", err=True)
        return
    click.echo(f"\nwinner {found.strategy.sha256[:12]}")
    for word, rule in lines_of(found.strategy.genome):
        click.echo(f"  {word:<11} {rule}")
    if found.deflated is None:
        click.echo("deflated Sharpe ratio: undefined")
    else:
        more = "more than luck" if found.deflated >= GATE else "NOT more than the luck of so many tries"
        click.echo(f"deflated Sharpe ratio {found.deflated:.3f} after {found.tries:,} tries: {more} ({GATE} is asked)")
    click.echo(_holdout(found))
    click.echo(f"strategy: {found.path}")
    if not (found.strategy.out_of_sample or 0.0) > 0.0:
        click.echo("it made nothing out of sample: it is kept as evidence, and `auto` does not take it")
    click.echo(LUCK)


def _holdout(found: "Evolution") -> str:
    if found.holdout is None:
        runs = ", ".join(sorted({look.run for look in found.burnt}))
        return f"holdout: burnt, run {runs} has looked at these bars; later data gives a new one"
    sharpe = "undefined" if found.holdout.sharpe is None else f"{found.holdout.sharpe:.2f}"
    sure = "" if found.holdout_psr is None else f", above 0 with probability {found.holdout_psr:.3f}"
    return (
        f"holdout: Sharpe {sharpe}{sure}, {found.holdout.trades:,} trades, net profit {found.holdout.net_profit:,.2f} "
        f"in {found.holdout.days:,} days; it is burnt now"
    )


def _table(found: "Evolution", best: int) -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(
        title="The best fronts, best where it is chosen first", title_justify="left", box=SIMPLE_HEAD, pad_edge=False
    )
    for header in (
        "genome",
        "nodes",
        "fitness",
        "Sharpe\nfit",
        "Sharpe\ntest",
        "Sharpe\nchoice",
        "trades\nchoice",
        "profit\nchoice",
    ):
        table.add_column(header, justify="left" if header == "genome" else "right")
    table.add_column("buy when", overflow="fold")
    from research.genome_code import text_of

    shown = sorted(
        found.candidates, key=lambda one: (one.fitness is None, -(one.fitness or 0.0), one.trial.tried.sha256)
    )
    for one in shown[:best]:
        tried, scored = one.trial.tried, one.trial.scored
        table.add_row(
            tried.sha256[:12], str(one.front + 1), str(tried.nodes), _number(one.fitness), _number(scored.fit.sharpe),
            _number(scored.test.sharpe), _number(one.choice.sharpe), f"{one.choice.trades:,}",
            f"{one.choice.net_profit:,.2f}", text_of(tried.genome["entry"]),
        )  # fmt: skip
    return table


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.2f}"
