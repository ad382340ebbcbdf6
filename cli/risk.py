"""`trifecta risk`: the risk of what an account holds."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from cli.options import (
    Words,
    config_option,
    data_option,
    home_option,
    json_option,
    news_option,
    open_console,
    time_of,
)
from cli.outcome import print_json

if TYPE_CHECKING:
    from research.risk_report import Terms

PERIODS: Final[Mapping[str, int]] = {
    "sample": 0, "5m": 300 * 10**9, "1h": 3_600 * 10**9, "4h": 14_400 * 10**9, "1d": 86_400 * 10**9,
}  # fmt: skip
MOVES: Final = [name for name, period_ns in PERIODS.items() if period_ns]
CLUSTER_CAP: Final = "0.2"
"""Of equity, gross: chosen here, as large as the crypto profile's cap on all exposure."""


@click.group()
def risk() -> None:
    """Report the risk of what an account holds."""


@risk.command(cls=Words)
@click.argument("journal", required=False, type=click.Path(dir_okay=False, path_type=Path))
@home_option
@json_option
@click.option("--backtest", "of_backtest", is_flag=True, help="Of a backtest with the options below, not a journal.")
@click.option("--at", default=None, help="As of this date or time (UTC).  [default: the newest sample of equity]")
@click.option("--confidence", type=float, default=0.95, show_default=True, help="Of VaR and ES.")
@click.option(
    "--period", type=click.Choice(list(PERIODS)), default="sample", show_default=True, help="Of equity returns."
)
@click.option("--moves", type=click.Choice(MOVES), default="5m", show_default=True, help="Period of price returns.")
@click.option("--threshold", type=float, default=0.7, show_default=True, help="Correlation that joins a cluster.")
@click.option("--cluster-cap", default=CLUSTER_CAP, show_default=True, help="Gross of a cluster, fraction of equity.")
@click.option(
    "--scenarios", type=click.Path(dir_okay=False, path_type=Path), default=None,
    help="A file like config/stress.toml, in its place.",
)  # fmt: skip
@click.option("--balance", multiple=True, metavar="VENUE=AMOUNT", help="Held at a venue that a scenario may fail.")
@click.option(
    "--tapes", type=click.Path(file_okay=False, path_type=Path), default=None,
    help="Recorded data by hash.  [default: tapes beside the journal]",
)  # fmt: skip
@data_option
@config_option
@news_option
@click.option("--symbols", multiple=True, help="Of a backtest: see trifecta backtest.")
@click.option("--timeframe", default=None, help="Of a backtest.")
@click.option("--start", default=None, help="Of a backtest.")
@click.option("--end", default=None, help="Of a backtest.")
@click.option("--desk", multiple=True, default=("all",), help="Of a backtest.")
@click.option("--policy", default=None, help="Of a backtest.")
@click.option("--param", multiple=True, metavar="NAME=NUMBER", help="Of a backtest.")
@click.option("--profile", default=None, help="Of a backtest.")
@click.option("--fee", default=None, help="Of a backtest.")
@click.option("--cash", default=None, help="Of a backtest.")
def report(journal: Path | None, as_json: bool, of_backtest: bool, tapes: Path | None, **options: Any) -> None:
    """Report VaR and ES of equity by every method, shares of positions, correlation clusters, and stress results.

    Of the newest session of JOURNAL (default: the home's), or with --backtest of a backtest. What is undefined is null
    with a reason, never 0.
    """
    from cli.backtest import request_of
    from research.risk_document import document_of
    from research.risk_report import risk_report
    from research.risk_sources import source_of_backtest, source_of_journal
    from research.risk_tables import notes_of, risk_tables
    from research.scenarios import load_scenarios

    terms, scenarios = terms_of(options), load_scenarios(options["scenarios"])
    if of_backtest:
        if journal is not None:
            raise ValueError(f"{journal} --backtest: a journal or a backtest is allowed, not both")
        source = source_of_backtest(request_of(options))
    else:
        _refuse_backtest_words(options)
        path = journal or options["home"] / "journal.db"
        beside = path.resolve().parent / "tapes"
        source = source_of_journal(path, tapes or (beside if beside.is_dir() else options["home"] / "tapes"))
    found = risk_report(source, terms, scenarios)
    if as_json:
        print_json(document_of(found, terms.confidence))
        return
    console = open_console()
    for table in risk_tables(found, terms.confidence):
        console.print(table)
    for note in notes_of(found):
        click.echo(note)


def terms_of(options: Mapping[str, Any]) -> "Terms":
    """Return what is asked for; ValueError names the option and what is allowed."""
    from research.risk_report import Terms

    if not 0.5 <= options["confidence"] < 1.0:
        raise ValueError(f"--confidence {options['confidence']}: from 0.5 to less than 1 is allowed, as 0.95")
    if not -1.0 <= options["threshold"] <= 1.0:
        raise ValueError(f"--threshold {options['threshold']}: from -1 to 1 is allowed, as 0.7")
    return Terms(
        confidence=options["confidence"],
        period_ns=PERIODS[options["period"]],
        moves_ns=PERIODS[options["moves"]],
        at_ns=time_of(options["at"], "--at"),
        threshold=options["threshold"],
        cluster_cap=_decimal("--cluster-cap", options["cluster_cap"], Decimal(1000)),
        balances=dict(map(_balance, options["balance"])),
    )


def _decimal(option: str, text: str, most: Decimal) -> Decimal:
    try:
        value = Decimal(text)
        if not 0 <= value <= most:
            raise ValueError
    except (ValueError, ArithmeticError):
        raise ValueError(f"{option} {text}: a number from 0 to {most} is allowed") from None
    return value


def _balance(word: str) -> tuple[str, int]:
    from market.money import money_of

    venue, separator, amount = word.partition("=")
    if not separator or not venue:
        raise ValueError(f"--balance {word}: VENUE=AMOUNT is allowed")
    return venue, money_of(_decimal("--balance", amount, Decimal("1e12")), "--balance")


def _refuse_backtest_words(options: Mapping[str, Any]) -> None:
    """Refuse words that only a backtest heeds: nothing that was asked for is passed over in silence."""
    names = ("symbols", "timeframe", "start", "end", "policy", "param", "profile", "fee", "cash", "config", "news")
    given = next((name for name in names if options[name]), "desk" if options["desk"] != ("all",) else None)
    if given is not None:
        raise ValueError(f"--{given}: only with --backtest is it allowed")
