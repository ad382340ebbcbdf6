"""Recent things: bounded by two snapshots, and nothing that is asked for again is missing."""

import pytest

from actors.messages import END, START
from actors.recent import Recent
from actors.restoring import newest_session
from actors.writing import Writer
from journal.records import Decision
from market.records import copied
from policies.intents import Ruling
from tests.actors.bench import a_fill, a_journal, an_intent, at, settings_of


@pytest.fixture
def writer(tmp_path):
    return Writer(settings_of(tmp_path).plan, 1)


@pytest.fixture
def journal(tmp_path):
    return a_journal(settings_of(tmp_path))


def a_decision(writer, second) -> Decision:
    return writer.decision(an_intent(second, ruling=Ruling.NOT_AUTO)[0], 2)


def filled(journal, writer, seconds=range(1, 9)):
    """Return recent things, all of them in the journal, with cuts at 3 and 6."""
    epoch = journal.claim("me", 0)
    recent = Recent(journal, writer)
    for second in seconds:
        report, decision = a_fill(0, second, second), a_decision(writer, second)
        journal.append(epoch, [writer.report(report[0]), decision])
        recent.add_report(report[0])
        recent.add_ruling(decision)
        if second in (3, 6):
            recent.cut(at(second))
    return recent


def executions(recent, after_ns, upto_ns=END):
    return recent.reports(after_ns, upto_ns)["execution"].tolist()


def test_what_came_since_the_cut_before_the_newest_is_kept_and_no_more(journal, writer):
    recent = filled(journal, writer)
    assert recent.cut_ns == at(6)
    assert (recent._times, sorted(recent._ruled)) == ([at(second) for second in range(4, 9)],) * 2
    assert executions(recent, at(3)) == [4, 5, 6, 7, 8]
    assert executions(recent, at(4), at(6)) == [5, 6]
    assert recent.ruled(at(7)) == [a_decision(writer, 7)]


def test_what_was_let_go_of_is_read_from_the_journal_again(journal, writer):
    recent = filled(journal, writer)
    assert executions(recent, at(1), at(4)) == [2, 3, 4]
    assert executions(recent, START) == [1, 2, 3, 4, 5, 6, 7, 8]
    recent = filled(journal, writer, range(11, 12))
    assert recent.ruled(at(11)) == [a_decision(writer, 11)]


def test_a_ruling_that_was_let_go_of_is_read_from_the_journal_again(journal, writer):
    recent = filled(journal, writer)
    assert recent.ruled(at(2)) == [a_decision(writer, 2)]
    assert recent.ruled(at(8)) == [a_decision(writer, 8)]


def test_a_successor_holds_what_its_predecessor_had_journaled(journal, writer):
    recent = filled(journal, writer)
    again = Recent(journal, writer)
    again.load(newest_session(journal))
    assert again.reports(at(3), END).tobytes() == recent.reports(at(3), END).tobytes()
    assert again.ruled(at(5)) == recent.ruled(at(5))


def test_what_is_kept_does_not_change_with_the_callers_record(journal, writer):
    recent = Recent(journal, writer)
    report = copied(a_fill(0, 1, 7)[0])
    recent.add_report(report[0])
    report[0]["execution"] = 9
    assert executions(recent, START) == [7]
