"""Roles: who is champion and challenger, back and forth, in a record that a cut write does not spoil."""

from pathlib import Path

import pytest

from research.learning.roles import FILE, Entry, RoleError, Roles


def give(roles: Roles, action: str, champion: str, challenger: str = "", desk: str = "forex") -> None:
    roles.give(
        Entry(
            at="2026-01-01T00:00:00+00:00", desk=desk, action=action, champion=champion, challenger=challenger,
            reason="",
        )
    )  # fmt: skip


def test_the_newest_entry_of_a_desk_counts(tmp_path: Path) -> None:
    roles = Roles(tmp_path / "models")
    assert (roles.champion("forex"), roles.challenger("forex"), roles.entries()) == ("", "", ())
    give(roles, "champion", "a")
    give(roles, "challenger", "a", "b")
    give(roles, "champion", "x", desk="binary")
    assert (roles.champion("forex"), roles.challenger("forex"), roles.champion("binary")) == ("a", "b", "x")
    give(roles, "promote", "b")
    assert (roles.champion("forex"), roles.challenger("forex")) == ("b", "")
    assert [entry.action for entry in roles.entries()] == ["champion", "challenger", "champion", "promote"]


def test_a_rollback_goes_back_one_champion_each_time(tmp_path: Path) -> None:
    roles = Roles(tmp_path)
    for name in ("a", "b", "c"):
        give(roles, "champion", name)
    for expected in ("b", "a"):
        assert roles.before("forex") == expected
        give(roles, "rollback", expected)
    with pytest.raises(RoleError, match="forex: there was no champion before a; nothing to go back to"):
        roles.before("forex")
    give(roles, "promote", "d")
    assert roles.before("forex") == "a"


def test_a_challenger_is_no_change_of_champion(tmp_path: Path) -> None:
    roles = Roles(tmp_path)
    give(roles, "champion", "a")
    give(roles, "challenger", "a", "b")
    with pytest.raises(RoleError, match="nothing to go back to"):
        roles.before("forex")


def test_a_line_that_was_cut_short_never_counted_and_the_next_one_is_whole(tmp_path: Path) -> None:
    roles = Roles(tmp_path)
    give(roles, "champion", "a")
    path = tmp_path / FILE
    path.write_bytes(path.read_bytes() + b'{"at":"2026')
    assert roles.champion("forex") == "a"
    give(roles, "champion", "b")
    assert [entry.champion for entry in roles.entries()] == ["a", "b"]


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    roles = Roles(tmp_path)
    give(roles, "champion", "a")
    path = tmp_path / FILE
    path.write_bytes(b"broken\n" + path.read_bytes())
    with pytest.raises(RoleError, match=r"roles.jsonl, line 1: not an entry"):
        roles.entries()
