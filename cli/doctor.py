"""`trifecta doctor`: is this machine, this home and this data fit for a run, and what to do where it is not."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.options import home_option, journal_option, json_option, sample_data
from cli.outcome import Exit, print_json

if TYPE_CHECKING:
    from research.findings import Finding


@click.command()
@click.option(
    "--data", "data", envvar="TRIFECTA_DATA", show_envvar=True, default=None, type=click.Path(path_type=Path),
    help="Directory with market data.  [default: the packaged sample]",
)  # fmt: skip
@home_option
@journal_option
@click.option(
    "--config", "config", default=None, type=click.Path(path_type=Path),
    help="TOML file laid over the packaged configuration.",
)  # fmt: skip
@json_option
def doctor(data: Path | None, home: Path, journal: str | None, config: Path | None, as_json: bool) -> int:
    """Look at this machine, this home and this data, and change nothing. Exit 1 if anything found is an error.

    Every finding that is not in order says what to do about it.
    """
    from research.doctor import Examination, examine
    from research.findings import Level, counts

    asked = Examination(home, data or sample_data(), config, journal)
    findings = examine(asked)
    if as_json:
        print_json(document(asked, findings))
    else:
        _show(findings)
    return int(Exit.CHECK_FAILED if counts(findings)[Level.ERROR] else Exit.DONE)


def document(asked: Any, findings: "tuple[Finding, ...]") -> dict[str, Any]:
    """Return the JSON document of an examination (docs/json/doctor.schema.json)."""
    from msgspec import to_builtins

    from research.findings import Level, counts

    found = counts(findings)
    return {
        "command": "doctor",
        "home": str(asked.home),
        "data": str(asked.data),
        "ok": not found[Level.ERROR],
        "counts": found,
        "findings": to_builtins(findings),
    }


def _show(findings: "tuple[Finding, ...]") -> None:
    from research.findings import Level, counts

    width = max(len(finding.check) for finding in findings)
    colours = {Level.OK: "green", Level.WARNING: "yellow", Level.ERROR: "red"}
    for finding in findings:
        level = click.style(f"{finding.level:<7}", fg=colours[finding.level])
        click.echo(f"{level}  {finding.check:<{width}}  {finding.text}")
        if finding.level is not Level.OK:
            click.echo(f"{'':7}  {'':{width}}  -> {finding.remedy}")
    found = counts(findings)
    click.echo(f"{found[Level.OK]} ok, {found[Level.WARNING]} warnings, {found[Level.ERROR]} errors")
