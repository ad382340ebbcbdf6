"""Options that several commands share, and how their words become values."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])
C = TypeVar("C", bound=click.Command)

MANY = ("--symbols", "--desk")
"""Options that take several words after one another: `--symbols AAPL MSFT`."""


class Words(click.Command):
    """A command whose `--symbols A B` means `--symbols A --symbols B`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Spread the words of list options before click sees them."""
        spread: list[str] = []
        current: str | None = None
        for word in args:
            if word in MANY:
                current = word
            elif word.startswith("-"):
                current = None
                spread.append(word)
            elif current is not None:
                for part in filter(None, word.split(",")):
                    spread += [current, part]
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


def config_option(command: F) -> F:
    """Add --config: a file laid over the packaged configuration."""
    return click.option(
        "--config", "config", default=None, type=click.Path(dir_okay=False, path_type=Path),
        help="TOML file laid over the packaged configuration.",
    )(command)  # fmt: skip


def json_option(command: F) -> F:
    """Add --json."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, nothing else.")(
        command
    )


def sample_data() -> Path:
    """Return the directory of the packaged sample."""
    return Path(__file__).resolve().parents[1] / "data"


def time_of(text: str | None, option: str) -> int | None:
    """Return a date or time (ISO 8601, UTC unless it names a zone) as ns; ValueError names the option."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{option} {text}: not a date or time; 2019-02-04 or 2019-02-04T12:30 is allowed") from None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()) * 10**9


def params_given(words: tuple[str, ...]) -> dict[str, float]:
    """Return `--param name=value` words as a mapping; ValueError names the word."""
    found: dict[str, float] = {}
    for word in words:
        name, separator, value = word.partition("=")
        try:
            if not separator or not name:
                raise ValueError
            found[name] = float(value)
        except ValueError:
            raise ValueError(f"--param {word}: name=number is allowed") from None
    return found
