"""`trifecta evaluate`: hold a policy against what anybody could have done instead, out of sample, after costs."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from cli.options import (
    Words,
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
from cli.outcome import Exit, print_json, say

if TYPE_CHECKING:
    from research.judging.asking import Asked
    from research.judging.evaluating import Evaluation

SECOND_NS: Final = 10**9
HONEST: Final = (
    "Exit code 0 when it ran, whatever the verdict; with --require 1 unless every baseline is beaten. Name with "
    "--tried how many sets were tried on this data before: they count against the deflated Sharpe ratio."
)


@click.command(cls=Words, epilog=HONEST)
@data_option
@home_option
@config_option
@news_option
@json_option
@click.option("--desk", default=None, help="forex, arbitrage or binary.  [default: the policy's, else forex]")
@click.option("--symbols", multiple=True, help="Bars of these symbols: --symbols AAPL MSFT. Else the desk's own data.")
@click.option("--timeframe", default=None, help="1m, 5m, 1h, 1d, ...  [default: the one with most bars]")
@click.option("--start", default=None, help="From this date or time on (UTC).")
@click.option("--end", default=None, help="Up to, not including, this date or time (UTC).")
@click.option("--policy", default=None, help="Policy to judge; see `trifecta policies`.  [default: the desk's]")
@click.option(
    "--model", "models", multiple=True, metavar="HASH", help="Trained agents, the seeds of one training; five or more."
)
@click.option("--param", multiple=True, metavar="NAME=NUMBER", help="A parameter of the policy; may be repeated.")
@click.option(
    "--params",
    "params_file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="Policy and parameters from a file that `trifecta tune` has written.",
)
@click.option("--profile", default=None, help="Profiles, commas between: trifecta, ftmo_2step, or a file.")
@click.option("--fee", default=None, help="Fee per side, as a fraction of the notional: 0.001.")
@click.option("--cash", default=None, help="Cash at the start of every test, in account currency.")
@click.option("--train", type=click.IntRange(min=1), default=None, help="Instants of a train.  [default: 3 tests]")
@click.option("--test", type=click.IntRange(min=1), default=None, help="Instants of a test.  [default: 1/8 of all]")
@click.option(
    "--purge",
    type=click.FloatRange(min=0),
    default=None,
    help="Seconds between a train and its test.  [default: the longest that a policy may hold]",
)
@click.option("--seeds", type=click.IntRange(min=5), default=5, show_default=True, help="Random traders.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="First of the seeds.")
@click.option("--bootstraps", type=click.IntRange(99, 100_000), default=1999, show_default=True, help="Draws.")
@click.option("--block", type=click.IntRange(min=1), default=None, help="Mean block, in periods.  [default: n^(1/3)]")
@click.option("--alpha", type=click.FloatRange(0.0001, 0.5), default=0.05, show_default=True, help="p-value allowed.")
@click.option("--tried", type=click.IntRange(min=0), default=0, help="Sets tried on this data before: they count too.")
@click.option("--require", is_flag=True, help="End with exit code 1 unless every baseline is beaten.")
@click.option("--card/--no-card", "with_card", default=True, help="Write the model card.  [default: write]")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default=None, help="Where the card goes: a directory."
)
def evaluate(as_json: bool, require: bool, with_card: bool, out: Path | None, **options: Any) -> int:
    """Judge a policy out of sample against flat, buy and hold, random of equal turnover, and the best static policy.

    The tests of a walk-forward are traded with all costs. The difference per period to every baseline is held against
    luck by a paired block bootstrap, and Holm's correction over the baselines.
    """
    import time

    from research.judging.evaluating import Terms
    from research.judging.evaluating import evaluate as judge
    from research.model_card import card_of, save_card

    begin = time.perf_counter()
    asked = _asked(options)
    terms = Terms(
        options["seeds"], options["seed"], options["bootstraps"], options["block"], options["alpha"],
        options["tried"] + asked.tried,
    )  # fmt: skip
    if not as_json:
        for warning in asked.ground.planned.warnings:
            say(f"warning: {warning}")
    found = judge(asked.ground, [asked.candidate], terms, _quiet if as_json else say)
    cards = [card_of(found, verdict) for verdict in found.verdicts]
    files = [save_card(out or options["home"] / "cards", card) for card in cards] if with_card else []
    if as_json:
        kept = [{"markdown": str(text.resolve()), "json": str(data.resolve())} for text, data in files]
        print_json({"command": "evaluate", "cards": cards, "files": kept, "seconds": time.perf_counter() - begin})
    else:
        _show(found, cards, [path for pair in files for path in pair])
    beaten = all(verdict.beats_all for verdict in found.verdicts)
    return int(Exit.CHECK_FAILED if require and not beaten else Exit.DONE)


def _quiet(_: str) -> None:
    """Say nothing."""


def _asked(options: dict[str, Any]) -> "Asked":
    """Return what the options ask for; everything wrong with them is said here."""
    from research.asking import Request
    from research.home import Home
    from research.judging.asking import ask, ask_models
    from research.judging.ground import Sizes
    from research.learning.artefact import ArtefactError

    request = Request(
        data=options["data"] or sample_data(), home=options["home"], config=options["config"],
        profile=options["profile"], cash=options["cash"], symbols=tuple(options["symbols"]),
        timeframe=options["timeframe"], start_ns=time_of(options["start"], "--start"),
        end_ns=time_of(options["end"], "--end"), policy=options["policy"], params=params_given(options["param"]),
        fee_ppm=fee_ppm_of(options["fee"]), news=options["news"],
    )  # fmt: skip
    purge_ns = None if options["purge"] is None else int(options["purge"] * SECOND_NS)
    sizes = Sizes(options["train"], options["test"], purge_ns)
    if options["models"]:
        if options["policy"] or options["param"] or options["params_file"] or options["desk"]:
            raise ArtefactError("--model: it names desk, policy and parameters; none of them is allowed beside it")
        return ask_models(request, Home(options["home"]).models, tuple(options["models"]), sizes)
    return ask(request, options["desk"], options["params_file"], sizes)


def _show(found: "Evaluation", cards: list[dict[str, Any]], files: list[Path]) -> None:
    from research.judging.tables import against_table, runs_table

    console, ground = open_console(), found.ground
    click.echo(
        f"{len(ground.windows)} tests, {ground.periods:,} periods of {ground.period_ns // SECOND_NS:,} s, mean block "
        f"{found.block} periods, {found.terms.bootstraps:,} draws"
    )
    for verdict, card in zip(found.verdicts, cards, strict=True):
        console.print(runs_table(verdict, card["currency"]))
        console.print(against_table(verdict, found.terms.alpha))
        for line in (*card["sentences"], *card["left_out"]):
            click.echo(line)
        sure = card["deflated_sharpe"]
        told = f"undefined ({card['deflated_sharpe_reason']})" if sure is None else f"{sure:.4f}"
        click.echo(f"deflated Sharpe ratio {told} after {card['trials']} trials")
    for path in files:
        click.echo(f"card: {path.resolve()}")
