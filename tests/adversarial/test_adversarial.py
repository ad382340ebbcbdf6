"""A small, seeded slice of the contest: our rules let nothing through, and the paths are hard enough to tell."""

from tests.adversarial.__main__ import table
from tests.adversarial.contest import OURS, RIVALS, added, contest
from tests.adversarial.paths import a_path
from tests.adversarial.truth import CASH, Firm, firms

PATHS = 24


def test_no_loss_passes_a_floor_but_in_a_single_gap_beyond_the_reserve() -> None:
    tallies = contest(range(PATHS), 7)
    ours = [tally for (name, _), tally in tallies.items() if name == OURS]
    others = [tally for (name, _), tally in tallies.items() if name != OURS]
    assert sum(tally.breaches for tally in ours) == 0
    assert sum(tally.trades for tally in ours) > 5 * PATHS
    assert sum(tally.breaches for tally in others) > PATHS // 4
    assert len(table(tallies)) == 2 + len(firms()) * (1 + len(RIVALS))
    halves = added(contest(range(PATHS // 2), 7), contest(range(PATHS // 2, PATHS), 7))
    assert halves == tallies


def test_a_path_is_its_seed_and_holds_what_makes_it_hard() -> None:
    one, other = a_path(3), a_path(3)
    assert all((a == b).all() if hasattr(a, "all") else a == b for a, b in zip(one, other, strict=True))
    paths = [a_path(seed) for seed in range(30)]
    for what in ("seen", "running"):
        assert any(not getattr(path, what).all() for path in paths)
    assert any(path.flawed.any() for path in paths)
    assert any(wish is not None for path in paths for wish in path.by_hand)
    assert any((path.ask - path.bid).max() > 60 for path in paths)


def test_the_firm_finds_a_carried_loss_at_midnight() -> None:
    firm = Firm(5, 10)
    evening, midnight = 1_736_794_800 * 10**9, 1_736_809_200 * 10**9  # 2025-01-13 19:00Z and 23:00Z
    assert not firm.see(evening, CASH * 102 // 100, CASH * 965 // 1000)
    assert firm.see(midnight, CASH * 102 // 100, CASH * 98 // 100)
