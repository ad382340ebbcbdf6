"""What all commands share: how their words are read."""

import click
import pytest

from cli.main import COMMANDS
from cli.main import trifecta as group
from tests.cli.running import refused, trifecta

NEEDED = {
    "replay": "Missing argument 'JOURNAL'",
    "tune": "Missing option '--symbols'",
    "walkforward": "Missing option '--symbols'",
    "journal": "",
    "explain": "Missing argument 'DECISION_ID'",
    "data": "",
    "account": "",
    "risk": "",
    "check": "",
    "strategies": "",
    "train": "Missing option '--desk'",
    "models": "",
    "resume": "scope",
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_without_a_word_is_read(name):
    command = group.get_command(click.Context(group), name)
    if name in NEEDED:
        with pytest.raises(click.UsageError) as refusal:
            command.make_context(name, [])
        assert NEEDED[name] in refusal.value.format_message()
    else:
        assert command.make_context(name, []).info_name == name


def test_a_bare_command_does_its_job(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ended = trifecta("topology")
    assert (ended.code, ended.err) == (0, "")
    assert ".trifecta: nothing runs" in ended.out


def test_a_list_option_without_its_word_is_refused():
    for words in (("--symbols",), ("--symbols", "--json"), ("--symbols", ",")):
        assert "--symbols: at least one word is needed behind it" in refused("backtest", *words)
