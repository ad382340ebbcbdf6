"""The entry point: `trifecta COMMAND`. Commands are imported when they are asked for, so that a start stays fast."""

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Final, NoReturn

import click

COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "run": ("cli.run:run", "Trade three desks on paper over recorded data, on Ray."),
    "backtest": ("cli.backtest:backtest", "Run the same desks and rules in one process, at kernel speed."),
    "kill": ("cli.kill:kill", "Trip a kill switch, or stop everything at once."),
    "resume": ("cli.kill:resume", "Lift a kill switch: with people, a reason and clean books."),
    "status": ("cli.kill:status", "Show what is switched off, and whether the books are clean."),
    "account": ("cli.account:account", "Order something of the account, or show its floors, latches and alerts."),
    "parity": ("cli.parity:parity", "Show that kernel, World and Ray decide the same."),
    "replay": ("cli.replay:replay", "Decide every decision of a journal again, and compare bit by bit."),
    "journal": ("cli.journal:journal", "Verify, export, follow, explain, back up or migrate a journal."),
    "explain": ("cli.explain:explain", "Say why a decision is what it is: votes, weights, what stopped it."),
    "reconcile": ("cli.reconcile:reconcile", "Show what differs between a venue's account and ours, and resolve it."),
    "risk": ("cli.risk:risk", "Report the risk of what an account holds: VaR, ES, clusters, stress."),
    "standing": ("cli.standing:standing", "Show what the desks have learned from their own trades."),
    "data": ("cli.data:data", "Show what market data there is, and check it."),
    "scan": ("cli.scan:scan", "Scan all instruments and timeframes for opportunities, and rank them."),
    "policies": ("cli.policies:policies", "List the policies with their parameters."),
    "check": ("cli.check:check", "Look for knowledge of the future, and for what depends on where data begins."),
    "episode": ("cli.episode:episode", "Draw what the desks do with one instrument, as a picture and a page."),
    "tune": ("cli.tune:tune", "Sweep a policy's parameters with Ray Tune."),
    "train": ("cli.train:train", "Train a desk's agent by reinforcement learning, many seeds at once."),
    "models": ("cli.models:models", "List trained agents; name champions and challengers, promote, roll back."),
    "evolve": ("cli.evolve:evolve", "Breed strategies by genetic programming on Ray, and keep the best."),
    "strategies": ("cli.strategies:strategies", "Show, export, import, retire and choose bred strategies."),
    "walkforward": ("cli.walkforward:walkforward", "Choose on the past, trade what came after, and judge it."),
    "serve": ("cli.serve:serve", "Serve the decision API over a running paper session."),
    "topology": ("cli.topology:topology", "Show the actors of a running system and how they are connected."),
    "doctor": ("cli.doctor:doctor", "Check this machine, this home and this data, with a remedy per finding."),
}


class Lazy(click.Group):
    """A group whose commands are modules, each imported on its first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="trifecta")
def trifecta() -> None:
    """Trifecta: three desks, one risk manager, one governor, one kernel, one journal."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line; what the user can mend ends in one line on stderr, and in an exit code that means it."""
    code = _run(arguments)
    if arguments is None and "ray" in sys.modules:
        # Ray's native threads may hold an interpreter for many seconds. Nothing is lost: commands have stopped their
        # cluster and closed their files when they return.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _run(arguments: Sequence[str] | None) -> int:
    from cli.outcome import fail, is_expected

    try:
        code = trifecta.main(arguments, prog_name="trifecta", standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        return 130
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        where = context.command_path if (context := getattr(error, "ctx", None)) else "trifecta"
        click.echo(f"{where}: {' '.join(error.format_message().split())}; see {where} --help", err=True)
        return error.exit_code
    except Exception as error:
        if not is_expected(error):
            raise
        return fail(error)
    return code if isinstance(code, int) else 0
