"""`trifecta train`: agents of a desk by reinforcement learning, many seeds at once, each judged out of sample."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from cli.options import Words, config_option, data_option, home_option, json_option, open_console, sample_data, time_of
from cli.outcome import Exit, heed_wish_to_stop, print_json, say

if TYPE_CHECKING:
    from research.learning.artefact import Artefact
    from research.learning.fleet import Trained
    from research.learning.training import Progress

TENSORBOARD = "tensorboard --logdir {folder}"
SEEDS = 5
POPULATION = 8


@click.command(cls=Words)
@data_option
@home_option
@config_option
@json_option
@click.option("--desk", required=True, help="forex, arbitrage or binary.")
@click.option("--symbols", multiple=True, help="Of forex: train on bars of these: --symbols EURUSD GBPUSD.")
@click.option("--timeframe", default=None, help="1m, 5m, 1h, 1d, ...  [default: the configured one]")
@click.option("--start", default=None, help="From this date or time on (UTC).")
@click.option("--end", default=None, help="Up to, not including, this date or time (UTC).")
@click.option("--profile", default=None, help="Profiles, commas between: trifecta, ftmo_2step, or a file.")
@click.option("--algorithm", default="maskable_ppo", show_default=True, help="ppo, maskable_ppo or dqn.")
@click.option("--steps", type=int, default=200_000, show_default=True, help="Decisions that a seed learns from.")
@click.option("--chunks", type=int, default=5, show_default=True, help="Judged and kept so many times on the way.")
@click.option("--seeds", type=click.IntRange(1, 1000), default=None, help="How many, from --seed on.  [default: 5]")
@click.option(
    "--search",
    type=click.Choice(["pbt"]),
    default=None,
    help="pbt: one seed's population that changes rate, entropy, gamma, gae and epochs as it learns.",
)
@click.option("--population", type=int, default=None, help="Members of a population.  [default: 8]")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1001), default=0, show_default=True, help="The first seed.")
@click.option("--envs", type=int, default=32, show_default=True, help="Markets at once.")
@click.option("--net", default="64,64", show_default=True, help="Units of the hidden layers.")
@click.option("--rate", type=float, default=3e-4, show_default=True, help="Learning rate.")
@click.option("--gamma", type=float, default=0.99, show_default=True, help="Discount per decision.")
@click.option("--entropy", type=float, default=0.005, show_default=True, help="What exploring is worth (PPO).")
@click.option("--reward", default="log_return", show_default=True, help="log_return, differential_sharpe or drawdown.")
@click.option("--purge", type=int, default=300, show_default=True, help="Rows left out before each later part.")
@click.option(
    "--episode", "episode_rows", type=int, default=2000, show_default=True, help="Rows of an episode; 0: all."
)
def train(
    as_json: bool, seeds: int | None, seed: int, search: str | None, population: int | None, **options: Any
) -> int:  # fmt: skip
    """Train agents on the first part of the data, choose on the second, judge once on the third.

    Every seed becomes an artefact HOME/models/HASH.json that `--model HASH` of backtest, run, serve and parity takes. A
    training that is stopped or killed goes on from its last chunk when the same one is asked for again.

    With --search pbt the members of a population learn side by side; after every chunk those that are worth least on
    the second part go on from those that are worth most, their terms changed a little. The best becomes the artefact.
    """
    from research.home import Home
    from research.learning.artefact import load_artefact
    from research.learning.fleet import run_fleet
    from research.learning.installed import require_torch
    from research.warming import ensure_warm

    require_torch()
    spec, sources = _asked(options)
    _check_search(search, seeds, population)
    home = Home(options["home"])
    wished = heed_wish_to_stop()
    ensure_warm(say)
    if search:
        from cli.populations import train_population

        return train_population(spec, sources, (seed, population or POPULATION), home, wished, as_json)
    seeds = seeds or SEEDS
    say(f"{len(sources)} markets, {seeds} seeds of {spec.steps:,} decisions each ({spec.algorithm})")
    try:
        trained = run_fleet(spec, sources, range(seed, seed + seeds), home.path, _watch(seeds, as_json), wished)
    except KeyboardInterrupt:
        say(f"stopped; whole chunks are kept in {home.path}: the same command goes on from them")
        raise
    artefacts = [load_artefact(home.models / f"{one.artefact}.json") for one in trained.seeds]
    if as_json:
        print_json(document(trained, artefacts))
    else:
        _show(trained, artefacts)
    return int(Exit.DONE)


def _check_search(search: str | None, seeds: int | None, population: int | None) -> None:
    """Refuse options that belong to the other way of training."""
    from research.learning.spec import SpecError

    if search and seeds is not None:
        raise SpecError("--seeds with --search pbt: a population is of one seed; --seed says which")
    if not search and population is not None:
        raise SpecError("--population without --search pbt: only a population has members")
    if search:
        from research.learning.population import check_members

        check_members(population or POPULATION)


def _asked(options: dict[str, Any]) -> Any:
    """Return spec and sources of what the options ask for; everything wrong with them is said here."""
    from research.asking import Request
    from research.learning.parts import parts_of, sources_of
    from research.learning.spec import SpecError, TrainSpec

    words = options["net"].split(",")
    if not all(word.strip().isdigit() for word in words):
        raise SpecError(f"--net {options['net']}: whole numbers with commas between, say 64,64, are allowed")
    names = (
        "desk", "algorithm", "steps", "chunks", "envs", "rate", "gamma", "entropy", "reward", "purge", "episode_rows",
    )  # fmt: skip
    spec = TrainSpec(**{name: options[name] for name in names}, net=tuple(map(int, words)))
    if options["symbols"] and spec.desk != "forex":
        raise SpecError(f"--symbols with --desk {spec.desk}: only the forex desk trades bars of any symbol")
    request = Request(
        data=options["data"] or sample_data(), home=options["home"], config=options["config"],
        profile=options["profile"], symbols=tuple(options["symbols"]), timeframe=options["timeframe"],
        start_ns=time_of(options["start"], "--start"), end_ns=time_of(options["end"], "--end"),
    )  # fmt: skip
    sources = sources_of(request, spec.desk)
    for source in sources:
        parts_of(source, spec)
    return spec, sources


def _watch(seeds: int, as_json: bool) -> Any:
    def tell(stands: "Sequence[Progress]") -> None:
        if as_json:
            return
        done = sum(bool(one.artefact) for one in stands)
        each = " ".join(f"{one.seed}:{one.chunks}" for one in stands)
        values = [one.values[-1] for one in stands if one.values]
        best = f"; best validation so far {max(values):+.4%}" if values else ""
        click.echo(f"{done} of {seeds} seeds done; chunks {each}{best}", err=True)

    return tell


def document(trained: "Trained", artefacts: "list[tuple[str, Artefact]]") -> dict[str, Any]:
    """Return the JSON document of a training (docs/json/train.schema.json)."""
    from msgspec import to_builtins

    return {
        "command": "train",
        "run": trained.run,
        "folder": str(trained.folder),
        "seconds": trained.seconds,
        "seeds": [
            {
                "seed": artefact.seed, "artefact": sha256, "chunk": artefact.chunk, "values": list(one.values),
                "validation": to_builtins(artefact.validation), "test": to_builtins(artefact.test),
            }
            for one, (sha256, artefact) in zip(trained.seeds, artefacts, strict=True)
        ],
    }  # fmt: skip


def _show(trained: "Trained", artefacts: "list[tuple[str, Artefact]]") -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title="Seeds, each judged once on the test part", title_justify="left", box=SIMPLE_HEAD)
    for header in ("seed", "artefact", "chunk", "market", "validation", "test", "max drawdown", "trades"):
        table.add_column(header, justify="left" if header in ("artefact", "market") else "right")
    for sha256, artefact in artefacts:
        for validation, test in zip(artefact.validation, artefact.test, strict=True):
            table.add_row(
                str(artefact.seed), sha256[:12], str(artefact.chunk + 1), test.market,
                f"{validation.score.net_profit:+,.2f}", f"{test.score.net_profit:+,.2f}",
                f"{test.score.max_drawdown:,.2f}", f"{test.score.trades:,}",
            )  # fmt: skip
    open_console().print(table)
    profits = sorted(sum(span.score.net_profit for span in artefact.test) for _, artefact in artefacts)
    middle = profits[len(profits) // 2] if len(profits) % 2 else sum(profits[len(profits) // 2 - 1 :][:2]) / 2
    click.echo(f"test profit: median {middle:+,.2f}, worst {profits[0]:+,.2f} of {len(profits)} seeds")
    click.echo(f"kept in {trained.folder}; curves: " + TENSORBOARD.format(folder=trained.folder))
    click.echo("Whether that is any good: trifecta evaluate --model HASH")
