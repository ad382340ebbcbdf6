"""`trifecta reconcile`: breaks are named with what to do, and a difference is taken over by somebody for a reason."""

import pytest

from journal.store import SqliteJournal
from journal.verify import verify_file
from tests.cli.running import refused, schema, trifecta
from tests.orders.crashes import Boundary, Crash
from tests.orders.scenario import Run, plan_of
from tests.research.journals import write_journal
from venues.simulated.faults import Fault


def traded(path, *, by_hand):
    """Write the journal of a run; with `by_hand`, of one in which somebody traded past us in the end."""
    run = Run(1, Crash(Boundary.MID_CANCEL, 1, 0), plan_of(Fault.NONE))
    assert not run.run()
    if by_hand:
        run.venue.exchange.trade_by_hand("EURUSD@sim", 3, 10_000, run.now_ns())
        gateway = run.world.actor("gateway")
        run.world.run(lambda: bool(gateway.working.reconciler.breaks) and not gateway._untaken, 30_000)
    return write_journal(path, run.journal)


def reconciled(path, *words):
    ended = trifecta("reconcile", path, "--json", *words)
    schema("reconcile").validate(ended.document)
    assert ended.code == (0 if ended.document["clean"] else 1)
    return ended.document


def test_a_clean_journal_is_clean(tmp_path):
    document = reconciled(traded(tmp_path / "j.db", by_hand=False))
    assert (document["clean"], document["accepted"]) == (True, None)
    (venue,) = document["venues"]
    assert (venue["venue"], venue["orders"], venue["unsettled"], venue["breaks"]) == ("sim", 6, 0, [])


def test_a_trade_by_hand_is_named_and_taken_over(tmp_path):
    path = traded(tmp_path / "j.db", by_hand=True)
    document = reconciled(path)
    (found,) = document["venues"][0]["breaks"]
    assert (found["kind"], found["instrument"], found["theirs"] - found["ours"]) == ("POSITION_BREAK", "EURUSD@sim", 3)
    shown = trifecta("reconcile", path)
    assert (shown.code, "EURUSD@sim takes no new risk" in shown.out, "--accept" in shown.out) == (1, True, True)
    after = reconciled(path, "--accept", "EURUSD@sim", "--who", "ann", "--reason", "closed a hedge at the terminal")
    assert (after["accepted"]["lots"], after["accepted"]["who"], after["clean"]) == (3, "ann", True)
    assert after["venues"][0]["adjustments"] == {"EURUSD@sim": 3}
    assert verify_file(path).ok
    assert "no POSITION_BREAK" in refused("reconcile", path, "--accept", "EURUSD@sim", "--who", "a", "--reason", "b")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--accept", "GBPUSD@sim", "--who", "ann", "--reason", "x"), "there is no POSITION_BREAK of that instrument"),
        (("--accept", "EURUSD@sim", "--reason", "x"), "--who and --reason are needed"),
        (("--accept", "EURUSD@sim", "--who", "ann"), "--who and --reason are needed"),
    ],
)
def test_what_cannot_be_taken_over_changes_nothing(tmp_path, words, said):
    path = traded(tmp_path / "j.db", by_hand=True)
    before = verify_file(path).records
    assert said in refused("reconcile", path, *words)
    assert verify_file(path).records == before


def test_without_a_journal_or_a_live_venue_it_says_so(tmp_path):
    assert "there is no journal here" in refused("reconcile", "--home", tmp_path)
    SqliteJournal(tmp_path / "journal.db").close()
    ended = trifecta("reconcile", "--home", tmp_path)
    assert (ended.code, "nothing to reconcile" in ended.out) == (0, True)
