"""Options that several commands share, and how their words become values."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    from rich.console import Console

F = TypeVar("F", bound=Callable[..., Any])
C = TypeVar("C", bound=click.Command)

FEE_MAX: Final = Decimal("0.5")

MANY = ("--symbols", "--desk")
"""Options that take several words after one another: `--symbols AAPL MSFT`."""


class Words(click.Command):
    """A command whose `--symbols A B` means `--symbols A --symbols B`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Spread the words of list options before click sees them."""
        spread: list[str] = []
        current: str | None = None
        for word, following in pairwise([*args, "-"]):
            if word in MANY:
                if not following.strip(", ") or following.startswith("-"):
                    raise click.UsageError(f"{word}: at least one word is needed behind it", ctx)
                current = word
            elif word.startswith("-"):
                current = None
                spread.append(word)
            elif current is not None:
                for part in filter(None, word.split(",")):
                    spread += [current, part.strip()]
            else:
                spread.append(word)
        return super().parse_args(ctx, spread)


def data_option(command: F) -> F:
    """Add --data: where market data is read from; the packaged sample when it is not given."""
    return click.option(
        "--data", "data", envvar="TRIFECTA_DATA", show_envvar=True, default=None,
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="Directory with market data.  [default: the packaged sample]",
    )(command)  # fmt: skip


def home_option(command: F) -> F:
    """Add --home: where everything is written."""
    return click.option(
        "--home", envvar="TRIFECTA_HOME", show_envvar=True, default="./.trifecta", show_default=True,
        type=click.Path(file_okay=False, path_type=Path), help="Where journals, reports and caches are kept.",
    )(command)  # fmt: skip


def journal_option(command: F) -> F:
    """Add --journal: where the journal is, when it is not in the home."""
    return click.option(
        "--journal", "journal", envvar="TRIFECTA_JOURNAL", show_envvar=True, default=None, metavar="PLACE",
        help="The journal: a file, or postgresql://user@host/database.  [default: journal.db in the home]",
    )(command)  # fmt: skip


def config_option(command: F) -> F:
    """Add --config: a file laid over the packaged configuration."""
    return click.option(
        "--config", "config", default=None, type=click.Path(dir_okay=False, path_type=Path),
        help="TOML or YAML file laid over the packaged configuration.",
    )(command)  # fmt: skip


def news_option(command: F) -> F:
    """Add --news: the calendar of news that some profiles ask for."""
    return click.option(
        "--news", "news", default=None, type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
        help="Calendar of news, CSV: time,currency,impact,title.  [default: account.news]",
    )(command)  # fmt: skip


def json_option(command: F) -> F:
    """Add --json."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, nothing else.")(
        command
    )


PIPE_WIDTH: Final = 160
"""Characters of a line of a table that goes to a file or a pipe, unless COLUMNS says otherwise."""


def open_console() -> "Console":
    """Return the console for tables on stdout."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = PIPE_WIDTH
    return console


def check_out(out: Path | None) -> None:
    """Find out before the work whether its result can be written; OSError names the file and why not."""
    if out is None:
        return
    existed = out.exists()
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("ab"):
        pass
    if not existed:
        out.unlink()


def sample_data() -> Path:
    """Return the directory of the packaged sample."""
    return Path(__file__).resolve().parents[1] / "data"


EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
YEARS: Final = (1678, 2261)
"""Years whose every instant fits 63 bits of nanoseconds."""


def time_of(text: str | None, option: str) -> int | None:
    """Return the ns of a date or time, UTC where it names no zone; ValueError says what is allowed."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        if not YEARS[0] <= moment.year <= YEARS[1]:
            raise ValueError
        return (moment - EPOCH) // timedelta(microseconds=1) * 1000
    except (ValueError, OverflowError):
        raise ValueError(
            f"{option} {text}: not a date or time from {YEARS[0]} to {YEARS[1]}; 2019-02-04 or 2019-02-04T12:30 "
            "is allowed"
        ) from None


def fee_ppm_of(fee: str | None) -> int | None:
    """Return a fee per side in parts per million; ValueError says what is allowed."""
    if fee is None:
        return None
    try:
        value = Decimal(fee)
        if not 0 <= value <= FEE_MAX:
            raise ValueError
    except (ValueError, ArithmeticError):
        raise ValueError(f"--fee {fee}: a fraction of the notional from 0 to {FEE_MAX} is allowed") from None
    if value * 1_000_000 % 1 != 0:
        raise ValueError(f"--fee {fee}: whole parts per million are allowed, 0.000001 and its multiples")
    return int(value * 1_000_000)


def params_given(words: tuple[str, ...]) -> dict[str, float]:
    """Return `--param name=value` words as a mapping; ValueError names the word."""
    found: dict[str, float] = {}
    for word in words:
        name, separator, value = word.partition("=")
        try:
            if not separator or not name or name in found:
                raise ValueError
            found[name] = float(value)
        except ValueError:
            raise ValueError(f"--param {word}: name=number is allowed, each name once") from None
    return found


METRICS: Final = ("final_equity", "net_profit", "sharpe", "max_drawdown", "profit_factor")
"""What sets of parameters are ranked by."""

_GRID = (
    click.option("--symbols", multiple=True, required=True, help="Bars of these symbols: --symbols AAPL MSFT."),
    click.option("--timeframe", default=None, help="1m, 5m, 1h, 1d, ...  [default: the one with most bars]"),
    click.option("--start", default=None, help="From this date or time on (UTC)."),
    click.option("--end", default=None, help="Up to, not including, this date or time (UTC)."),
    click.option("--policy", default=None, help="A policy of the forex desk; see `trifecta policies`."),
    click.option(
        "--grid", "grid", multiple=True, required=True, metavar="NAME=VALUES",
        help="Values of one parameter: NAME=a,b,c or NAME=low:high:step, both ends included; may be repeated.",
    ),
    click.option("--param", multiple=True, metavar="NAME=NUMBER", help="A parameter that stays; may be repeated."),
    click.option("--random", "draw", type=click.IntRange(min=1), default=None, help="Draw N sets of the grid."),
)  # fmt: skip


def grid_options(command: F) -> F:
    """Add the options of what tries many sets of one policy's parameters on bars of some symbols."""
    for option in reversed(_GRID):
        option(command)
    return command
