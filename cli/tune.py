"""`trifecta tune`: search a policy's parameters on folds, keep the best by hash, show what it did where none looked."""

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
from cli.outcome import Exit, heed_wish_to_stop, print_json, say

if TYPE_CHECKING:
    from research.tune import Study, Workers
    from research.tune_result import Tuned

HONEST: Final = (
    "Every fold is traded by a rollout of its own, and a set's score is the mean of its folds. The last folds are held "
    "out: no search sees them, and only the best set is run on them. Every set ever scored is kept in HOME/trials and "
    "counts against the deflated Sharpe ratio of later runs. The same question is the same run: what is finished of it "
    "is not run again."
)

ASKED: Final = (
    "data", "config", "news", "symbols", "timeframe", "start", "end", "policy", "grid", "param", "draw", "search",
    "sets", "seed", "reduction", "metric", "folds", "holdout", "purge", "embargo", "profile", "fee", "cash",
)  # fmt: skip
"""Options that are the question; the others say how it is worked on and shown."""
PATHS: Final = ("data", "config", "news")
NEEDED: Final = ("symbols", "grid")


class Resumable(Words):
    """A command that needs no question where it goes on with one."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Ask for the question's options only without --resume."""
        again = any(word.split("=")[0] == "--resume" for word in args)
        needed = [option for option in self.params if option.name in NEEDED]
        for option in needed:
            option.required = not again
        try:
            return super().parse_args(ctx, args)
        finally:
            for option in needed:
                option.required = True


@click.command(cls=Resumable, epilog=HONEST)
@data_option
@home_option
@config_option
@news_option
@json_option
@grid_options
@click.option(
    "--search",
    type=click.Choice(["grid", "random", "optuna", "asha"]),
    default=None,
    help="All sets; a draw; a Parzen estimator that learns; or only the best of each fold go on to the next.  "
    "[default: grid, random with --random]",
)
@click.option("--sets", type=click.IntRange(min=1), default=None, help="Sets at most.  [default: optuna 100, asha all]")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the draw and of optuna.")
@click.option("--reduction", type=click.IntRange(2, 100), default=None, help="asha: one in N goes on.  [default: 3]")
@click.option(
    "--metric",
    type=click.Choice(METRICS),
    default="sharpe",
    show_default=True,
    help="What to rank by: the most, of max_drawdown the least; undefined ranks last.",
)
@click.option("--folds", type=click.IntRange(1, 50), default=4, show_default=True, help="Folds to search on.")
@click.option("--holdout", type=click.IntRange(1, 20), default=1, show_default=True, help="Folds that none sees.")
@click.option(
    "--purge",
    type=click.IntRange(min=0),
    default=None,
    help="Bars left out before a fold.  [default: the longest that a position may be held, where that is known]",
)
@click.option("--embargo", type=click.IntRange(min=0), default=0, show_default=True, help="Bars left out after a fold.")
@click.option("--profile", default=None, help="Profiles, commas between: trifecta, ftmo_2step, or a file.")
@click.option("--fee", default=None, help="Fee per side, as a fraction of the notional: 0.001.")
@click.option("--cash", default=None, help="Cash at the start of every fold, in account currency.")
@click.option("--batch", type=click.IntRange(1, 100_000), default=None, help="Sets per trial.  [default: 200]")
@click.option("--trials", type=click.IntRange(1, 10_000), default=None, help="Or: split the sets into N trials.")
@click.option("--workers", type=click.IntRange(1, 256), default=None, help="Processes.  [default: one per core]")
@click.option("--best", type=click.IntRange(1, 1000), default=10, show_default=True, help="How many to show.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=None, help="All sets: .parquet, .csv.")
@click.option(
    "--picture",
    "pictures",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Scores by parameter and the best so far: .html, .png or .svg; may be repeated.",
)
@click.option(
    "--resume",
    is_flag=False,
    flag_value="",
    default=None,
    metavar="[RUN]",
    help="Go on with a run that was stopped or killed: by its name, or the newest unfinished one.",
)
def tune(as_json: bool, out: Path | None, pictures: tuple[Path, ...], best: int, **options: Any) -> int:
    """Search a policy's parameters on folds of bars, on a local Ray of its own.

    The best set is kept as HOME/params/HASH.json; `trifecta backtest --params` takes it.
    """
    from research.home import Home
    from research.params import save_params
    from research.tune_document import document_of
    from research.tune_result import best_params, tuned

    _check_files(out, pictures)
    study, workers = _asked(options)
    home = Home(options["home"])
    found = tuned(_search(study, home, workers, as_json), trials_in(home))
    path = save_params(home.params, best_params(found)) if found.best is not None else None
    _keep(found, home, path)
    _write(found, out, pictures)
    if as_json:
        print_json(document_of(found, best, path, workers.batch))
    else:
        _show(found, best, path, [*([out] if out else []), *pictures])
    return int(Exit.DONE if path else Exit.CHECK_FAILED)


def trials_in(home: Any) -> Path:
    """Return where a home keeps every set that was ever scored, a folder per run."""
    return Path(home.path / "trials")


def _check_files(out: Path | None, pictures: tuple[Path, ...]) -> None:
    from research.drawing import require_kind
    from research.tune_tables import require_table

    check_out(require_table(out) if out else None)
    for picture in pictures:
        check_out(require_kind(picture))


def _asked(options: dict[str, Any]) -> tuple["Study", "Workers"]:
    """Return what to search and how; everything wrong with it is said here."""
    from research.grid import GridError
    from research.search import sets_at_most
    from research.tune import BATCH, Workers

    if options["batch"] and options["trials"]:
        raise GridError("--batch and --trials: one of the two is allowed")
    study = _study(options) if options["resume"] is None else _resumed(options)
    sets = sets_at_most(study.asked, study.grid)
    batch = -(-sets // options["trials"]) if options["trials"] else options["batch"] or BATCH
    return study, Workers(batch, options["workers"] or 0)


def _resumed(options: dict[str, Any]) -> "Study":
    """Return the study of a run to go on with; TrialLogError when it would not be the same any more."""
    from research.home import Home
    from research.trial_log import require_same, unfinished

    given = [f"--{name}" for name in NEEDED if options[name]]
    if given:
        raise ValueError(f"--resume and {given[0]}: a run goes on as it was asked for, nothing of that is allowed anew")
    record = unfinished(trials_in(Home(options["home"])), options["resume"])
    study = _study({**options, **record.words})
    require_same(record, study.record)
    return study


def _study(options: dict[str, Any]) -> "Study":
    from policies.catalogue import policy_named
    from policies.intents import DeskKind
    from research.asking import Request, configuration_for, plan_for
    from research.grid import Grid, GridError, axis_of, check_axes
    from research.search import asked_of
    from research.search_folds import Shape, longest_hold
    from research.tune import study_of

    data, config, news = (Path(options[name]) if options[name] else None for name in PATHS)
    words = {name: options[name] for name in ASKED}
    words |= {name: str(path.resolve()) for name, path in zip(PATHS, (data, config, news), strict=True) if path}
    search = asked_of(options["search"], options["sets"], options["draw"], options["seed"], options["reduction"])
    axes, fixed = tuple(axis_of(word) for word in options["grid"]), params_given(tuple(options["param"]))
    request = Request(
        data=data or sample_data(), home=options["home"], config=config,
        profile=options["profile"], cash=options["cash"], symbols=tuple(options["symbols"]),
        timeframe=options["timeframe"], start_ns=time_of(options["start"], "--start"),
        end_ns=time_of(options["end"], "--end"), policy=options["policy"], params=fixed,
        fee_ppm=fee_ppm_of(options["fee"]), news=news,
    )  # fmt: skip
    spec = policy_named(request.policy or configuration_for(request).desks.forex.policy)
    if spec.desk is not DeskKind.FOREX:
        raise GridError(f"--policy {spec.name}: it is of the {spec.desk.name.lower()} desk; one of forex is allowed")
    check_axes(spec, axes, fixed)
    planned = plan_for(request)
    if not len(planned.tape.time_ns):
        raise GridError("--start and --end: there are no bars between them")
    grid = Grid(planned.plan.desks[0].params, axes)
    purge = longest_hold(grid) if options["purge"] is None else options["purge"]
    shape = Shape(options["folds"], options["holdout"], purge, options["embargo"])
    return study_of(planned, grid, search, shape, options["metric"], words)


def _search(study: "Study", home: Any, workers: "Workers", as_json: bool) -> Any:
    """Run the search; who stops it is told how to go on."""
    from research.search import sets_at_most
    from research.tune import run_search
    from research.warming import ensure_warm

    if not as_json:
        for warning in study.planned.warnings:
            say(f"warning: {warning}")
        window, sets = study.folds.windows[0], sets_at_most(study.asked, study.grid)
        say(
            f"run {study.record.id}: up to {sets:,} sets on {study.folds.searched} folds of "
            f"{window.test_end - window.test_begin:,} bars, {study.folds.holdout} held out"
        )
    wished = heed_wish_to_stop()
    ensure_warm(say)  # or every worker would compile the same
    try:
        return run_search(study, trials_in(home), workers, None if as_json else _tell, wished)
    except KeyboardInterrupt:
        say(f"stopped; what is finished is kept: trifecta tune --resume {study.record.id} --home {home.path}")
        raise


def _tell(done: int, planned: int) -> None:
    say(f"{done} of {planned} trials")


def _keep(found: "Tuned", home: Any, path: Path | None) -> None:
    """Mark the run as finished."""
    from research.trial_log import TrialLog
    from research.tune_document import summary_of

    log = TrialLog(trials_in(home), found.study.record)
    try:
        log.finish(summary_of(found, path.stem if path else None))
    finally:
        log.close()


def _write(found: "Tuned", out: Path | None, pictures: tuple[Path, ...]) -> None:
    from research.drawing import write_drawing
    from research.tune_picture import picture_of
    from research.tune_tables import write_table

    if out is not None:
        write_table(found, out)
    for picture in pictures:
        write_drawing(picture_of(found), picture)


def _show(found: "Tuned", best: int, path: Path | None, files: list[Path]) -> None:
    from research.tune_document import warnings_of
    from research.tune_tables import best_table, judgement_lines, search_line

    open_console().print(best_table(found, best))
    click.echo(search_line(found))
    for line in judgement_lines(found):
        click.echo(line)
    for file in files:
        click.echo(f"written: {file}")
    metric = found.study.metric
    click.echo(f"best: {path}" if path else f"{metric} is undefined for every set: none is kept", err=path is None)
    for warning in warnings_of(found)[len(found.study.planned.warnings) :]:
        click.echo(warning)
