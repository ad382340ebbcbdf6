"""Commands in World: obeyed at one instant through kills of everybody, decided again the same by the kernel."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from actors.folding import check_snapshots
from actors.obeying import wish_of
from actors.restoring import newest_session
from actors.settings import GOVERNOR, RISK, Settings
from actors.staging import has_stopped, open_session, stage_world
from actors.world import Faults, World
from envs.rollout import open_engine, roll
from journal.commands import CommandFile
from journal.records import Alert, Command, Decision, Outcome
from journal.store import MemoryJournal
from policies.commands import Action
from research.digests import first_difference
from research.replay import replay_session
from research.result import result_of_rollout, result_of_session
from tests.builders import MINUTE, MONEY, START_NS, a_plan, a_tape
from tests.policies.account_books import breached_rules
from venues.replay import load_tape, save_tape

STEPS_MAX = 60_000
FAULTS = Faults(repeat=0.05, delay=0.1, kills_per_s=4.0, kills_max=10, torn=0.5, linger=0.4)
LOSSES = Faults(repeat=0.2, loss=0.2, delay=0.3, kills_per_s=0.5, kills_max=6, torn=0.5)


class Run(Struct):
    """A session in World with a file of commands."""

    world: World
    journal: MemoryJournal
    file: CommandFile
    settings: Settings

    def until(self, condition):
        self.world.run(condition, STEPS_MAX)

    def order(self, action, amount=0, subject="", **changes):
        terms = {
            "time_ns": 1, "row": 0, "session": 1, "action": action.value, "subject": subject, "amount": amount,
            "who": ("ann",), "reason": "a test", "wall_ns": 1,
        }  # fmt: skip
        return self.file.add(Command(**terms | changes))

    def of(self, kind):
        return [record for record in (entry.record() for entry in self.journal.entries()) if isinstance(record, kind)]

    def ended(self):
        self.until(lambda: has_stopped(self.world))
        return self

    def after(self, decisions):
        self.until(lambda: len(self.of(Decision)) >= decisions)
        return self


@cache
def a_market(folder):
    return save_tape(folder, a_tape(60, 400, 1, start_ns=START_NS + 90 * MINUTE))


@pytest.fixture
def begin(tmp_path_factory, tmp_path):
    def make(seed: int = 1, faults: Faults | None = None, **plan: Any) -> Run:
        folder = tmp_path_factory.getbasetemp() / "command-tapes"
        settings = Settings(
            plan=a_plan(**plan), tape_folder=str(folder), tape_hash=a_market(folder), batch_rows=32,
            snapshot_groups=5, commands_path=str(tmp_path / "commands.db"),
        )  # fmt: skip
        file, journal = CommandFile(Path(settings.commands_path)), MemoryJournal()
        open_session(journal, settings, (), "")
        world = World(seed, faults)
        stage_world(world, settings, journal)
        return Run(world, journal, file, settings)

    return make


def decided_again(run):
    """Hold the session against the kernel, which obeys the same commands at the same instants."""
    plan, log = run.settings.plan, newest_session(run.journal)
    tape = load_tape(Path(run.settings.tape_folder), run.settings.tape_hash)
    wishes = [wish_of(plan, command) for command in log.commands]
    kernel = result_of_rollout(plan, tape, roll(open_engine(plan), tape, wishes=wishes))
    return first_difference(kernel, result_of_session(plan, tape, log, [0] * 3))


def test_a_deposit_moves_the_account_and_is_no_profit(begin):
    run = begin().after(10)
    run.order(Action.DEPOSIT, 50_000 * MONEY)
    run.ended()
    (command,), (outcome,) = run.of(Command), run.of(Outcome)
    assert (outcome.result, outcome.time_ns, command.amount) == ("DONE", command.time_ns, 50_000 * MONEY)
    account = run.world.actor(RISK)._book.ledger.account[0]
    assert account.initial == 150_000 * MONEY
    assert account.cash == 150_000 * MONEY + account.realised
    assert decided_again(run) is None
    assert check_snapshots(run.journal).problem is None


@pytest.mark.parametrize("faults", [FAULTS, LOSSES], ids=["kills", "losses"])
@pytest.mark.parametrize("seed", range(3))
def test_commands_are_obeyed_once_at_one_instant_whoever_is_killed(begin, seed, faults):
    run = begin(seed, faults, rules=breached_rules())
    for count, (action, amount) in enumerate(
        [(Action.DEPOSIT, 9_000 * MONEY), (Action.WITHDRAW, 4_000 * MONEY), (Action.WITHDRAW, 10**6 * MONEY)]
    ):
        run.after(5 + 12 * count).order(action, amount)
    run.ended()
    assert [outcome.result for outcome in run.of(Outcome)] == ["DONE", "DONE", "REFUSED_AMOUNT"]
    assert [command.row for command in run.of(Command)] == [1, 2, 3]
    assert decided_again(run) is None
    assert check_snapshots(run.journal).problem is None
    (again,) = [replay_session("", newest_session(run.journal), Path(run.settings.tape_folder), None)]
    assert (again.first_difference, again.identical, again.decisions) == (None, again.decisions, len(run.of(Decision)))


@pytest.mark.parametrize("seed", range(4))
def test_no_alert_is_lost_or_doubled_by_a_restart(begin, seed):
    calm = begin(rules=breached_rules()).ended().of(Alert)
    assert len(calm) > 5
    assert begin(seed, FAULTS, rules=breached_rules()).ended().of(Alert) == calm


def test_a_governor_that_starts_again_takes_no_command_twice(begin):
    run = begin().after(10)
    run.order(Action.DEPOSIT, 5)
    run.until(lambda: len(run.of(Command)) == 1)
    run.world.kill(GOVERNOR)
    run.world.kill(RISK)
    run.ended()
    assert len(run.of(Outcome)) == len(run.of(Command)) == 1
    assert decided_again(run) is None


def test_a_command_for_another_account_is_left(begin):
    run = begin().after(10)
    run.order(Action.DEPOSIT, 5, session=2)
    run.order(Action.DEPOSIT, 5, session=0)
    run.ended()
    assert run.of(Command) == []


def test_a_row_that_nobody_here_has_written_is_left_and_shown(begin):
    run = begin().after(10)
    run.order(Action.ENABLE, subject="desk:nobody")
    run.until(lambda: run.world.actor(GOVERNOR)._commands.problem != "")
    assert "row 1 is left" in run.world.actor(GOVERNOR).status()["commands"]
    run.ended()
    assert run.of(Command) == []


def test_a_file_that_is_gone_is_shown_and_the_account_goes_on(begin):
    run = begin()
    run.file.close()
    for path in Path(run.settings.commands_path).parent.glob("commands.db*"):
        path.unlink()
    run.until(lambda: run.world.actor(GOVERNOR) is not None and run.world.actor(GOVERNOR)._commands.problem != "")
    assert "there is no file of commands here" in run.world.actor(GOVERNOR).status()["commands"]
    run.ended()
