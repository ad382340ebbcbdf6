"""A handle shows kernels the very book that it was made of."""

from market.records import copied, records
from policies.held import hold, judge_group_held, judge_held
from policies.intents import INTENT, Rule
from policies.judgement import judge_group
from policies.risk import judge
from tests.policies.books import a_book, an_intent


def test_a_handle_judges_as_the_book_does_and_sees_what_changes_in_it() -> None:
    book = a_book()
    held, intent = hold(book), copied(an_intent(5))
    assert judge_held(held, intent, 0) == judge(book, intent[0]) == 0
    book.ledger.account[0].blocks = Rule.DAILY_LOSS.value
    assert judge_held(held, intent, 0) == judge(book, intent[0]) == Rule.DAILY_LOSS


def test_a_group_is_judged_and_reserved_alike() -> None:
    groups = []
    for judged in (
        lambda book, group: judge_group(book, group, 2),
        lambda book, group: judge_group_held(hold(book), group, 2),
    ):
        book, group = a_book(), records(3, INTENT)
        group[0], group[1] = an_intent(5), an_intent(-3)
        judged(book, group)
        groups.append((group.tobytes(), book.working_long.tolist(), book.working_short.tolist()))
    assert groups[0] == groups[1]
    assert sum(groups[0][1]) > 0
