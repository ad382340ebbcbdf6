"""Pre-trade controls in judge: each objects on its side of its bound, remembers what left, and forgets what did not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.instruments import Kind
from market.ledger import open_ledger
from market.paper import OrderKind
from market.quotes import QUOTE
from market.records import records
from policies.bookkeeping import reserve
from policies.controls import OVERRIDABLE, control_bits, override_bits
from policies.intents import Rule
from policies.judgement import judge_group
from policies.remembered import BOUNDS, OVERRIDE, SENT_MAX, SIZES, TERMS, note_sent, observe, open_controls, take_back
from policies.risk import LIMITS, open_book
from tests.builders import HOUR, MINUTE, MONEY, SECOND
from tests.market.floor import a_table
from tests.policies.books import CASH, CONTRACT, EURUSD, NOW, USDJPY, an_intent, desks, group, hold
from tests.policies.books import TERMS as ACCOUNT_LIMITS

LOT = 1_100 * MONEY
BROAD = {
    "on": 1, "value_max": 10**9 * MONEY, "value_ppm_max": 10**8, "gross_ppm_max": 10**8, "messages_max": 20,
    "venue_messages_max": 50, "message_ns": SECOND, "executions_max": 30, "executions_ns": 10 * MINUTE, "same_max": 6,
    "same_ns": MINUTE, "duplicate_ns": SECOND, "drift_ns": MINUTE, "fat_finger_factor": 10, "jump_sigma": 10,
    "self_trade": 1, "locked": 1,
}  # fmt: skip
BOUND = {"collar_ppm": 5_000, "drift_ppm": 5_000, "lots_max": 1_000, "reference_ns_max": 2 * SECOND, "permitted": 1}


def a_book(bounds=None, overrides=(), **terms):
    """Return a book with controls, of an account that may do nearly everything else."""
    table = a_table(EURUSD, USDJPY, CONTRACT)
    table.desk = 0
    own, kinds, granted = records(1, TERMS), records(len(table), BOUNDS), records(len(overrides), OVERRIDE)
    for name, value in (BROAD | terms).items():
        own[0][name] = value
    for name, value in (BOUND | (bounds or {})).items():
        kinds[name] = value
    for row, (rules, begin_ns, end_ns) in zip(granted, overrides, strict=True):
        row.rules, row.from_ns, row.until_ns = rules, begin_ns, end_ns
    limits, quotes = records(1, LIMITS), records(len(table), QUOTE)
    for name, value in (ACCOUNT_LIMITS | {"position_ppm_max": 10**8, "trades_per_day_max": 10**6}).items():
        limits[0][name] = value
    quotes.bid, quotes.ask, quotes.time_ns = 100_000, 100_010, NOW
    controls = open_controls(own, kinds, granted, 1, 2)
    book = open_book(open_ledger(table, len(table), CASH), quotes, desks(1), limits, np.zeros(1, np.int64))
    return book._replace(controls=controls)


def intent_at(time_ns=NOW, *lots, **terms):
    quote = {
        "bid0": 100_000,
        "ask0": 100_010,
        "bid1": 100_000,
        "ask1": 100_010,
        "quote0_ns": time_ns,
        "quote1_ns": time_ns,
    }
    return an_intent(*(lots or (10,)), time_ns=time_ns, **(quote | terms))


def judged(book, *intents):
    """Judge intents of one instant, quotes as fresh as they; return their rules."""
    rows = group(*intents)
    book.quotes.time_ns = np.where(book.quotes.time_ns > 0, int(intents[0].time_ns), 0)
    judge_group(book, rows, len(intents))
    return [Rule(int(row.rules)) for row in rows[: len(intents)]]


def says(book, *lots, **terms):
    """Return what the controls say of one intent now, and change nothing."""
    ledger = book.ledger
    intent = intent_at(terms.pop("time_ns", NOW), *lots, **terms)
    return Rule(control_bits(book.controls, ledger, book.quotes, book.working_long, book.working_short, intent))


def test_an_ordinary_order_passes_every_control():
    assert says(a_book(), 10) == says(a_book(), -10) == says(a_book(), 5, -5) == Rule(0)


def test_without_controls_and_for_what_reduces_nothing_is_asked():
    assert says(a_book(on=0), 10**6, limit0=1) == Rule(0)
    assert says(a_book(), 10**6, reduce=1, limit0=1) == Rule(0)


@pytest.mark.parametrize(
    ("lots", "terms", "found"),
    [
        (10, {"limit0": 100_505}, Rule(0)),
        (10, {"limit0": 100_506}, Rule.PRICE_COLLAR),
        (-10, {"limit0": 100_506}, Rule.PRICE_COLLAR_PASSIVE),
        (10, {"limit0": 99_504}, Rule.PRICE_COLLAR_PASSIVE),
        (1_000, {}, Rule(0)),
        (1_001, {}, Rule.MAX_ORDER_VOLUME),
        (0, {}, Rule.INVALID_QTY),
    ],
)
def test_the_order_itself_is_held_to_collar_and_volume(lots, terms, found):
    assert says(a_book(), lots, **terms) == found


def test_a_reference_older_than_two_seconds_blocks_and_is_never_skipped():
    book = a_book()
    assert says(book, 10, time_ns=NOW + 2 * SECOND) == Rule(0)
    assert says(book, 10, time_ns=NOW + 2 * SECOND + 1) == Rule.NO_VALID_REFERENCE
    book.quotes.bid = book.quotes.ask = 0
    assert Rule.NO_VALID_REFERENCE in says(book, 10)


def test_the_value_of_an_order_is_that_of_its_limit_or_of_the_middle():
    middle = 100_005 * 10_000  # money: one lot of 1,000 units at 1.00005
    assert says(a_book(value_max=10 * middle), 10) == Rule(0)
    assert says(a_book(value_max=10 * middle - 1), 10) == Rule.MAX_ORDER_VALUE
    assert says(a_book(value_max=10 * middle), 10, limit0=100_006) == Rule.MAX_ORDER_VALUE
    assert says(a_book(value_ppm_max=10 * middle * 10**6 // CASH), 10, limit0=100_004) == Rule(0)
    assert says(a_book(value_ppm_max=10 * middle * 10**6 // CASH), 10, limit0=100_010) == Rule.MAX_ORDER_VALUE


def test_what_cannot_be_valued_is_worth_too_much():
    book = a_book()
    book.quotes[1].time_ns = 0
    assert Rule.MAX_ORDER_VALUE | Rule.GROSS_LIMIT in says(book, 5, -5)


def test_what_is_not_listed_is_denied_and_so_is_another_desks_instrument():
    assert says(a_book({"permitted": 0}), 10) == Rule.NOT_PERMITTED
    book = a_book()
    book.ledger.instruments.desk = 1
    assert says(book, 10) == Rule.NOT_PERMITTED


def test_a_locked_quote_is_refused_where_quotes_move_the_price():
    book = a_book()
    book.quotes.ask = book.quotes.bid
    assert says(book, 10) == Rule.LOCKED_QUOTE
    book.ledger.instruments.bar_ns = MINUTE
    assert says(book, 10) == Rule(0)


def test_the_same_intent_is_never_sent_twice():
    book = a_book()
    assert judged(book, intent_at(NOW, 10)) == [Rule(0)]
    assert Rule.DUPLICATE_INTENT in judged(book, intent_at(NOW, 11))[0]


def test_the_same_order_within_a_second_is_a_duplicate():
    book = a_book()
    judged(book, intent_at(NOW, 10))
    assert judged(book, intent_at(NOW + SECOND - 1, 10)) == [Rule.DUPLICATE_ORDER]
    assert judged(book, intent_at(NOW + SECOND - 1, 11)) == [Rule(0)]
    assert judged(book, intent_at(NOW + SECOND, 10)) == [Rule(0)]


def test_messages_of_a_desk_are_held_up_in_a_burst_and_reductions_are_not():
    book = a_book(messages_max=3)
    said = [judged(book, intent_at(NOW + k, 10 + k))[0] for k in range(4)]
    assert said == [Rule(0), Rule(0), Rule(0), Rule.MESSAGE_RATE]
    hold(book, 7)
    assert judged(book, intent_at(NOW + 5, 0, reduce=1)) == [Rule(0)]
    assert judged(book, intent_at(NOW + SECOND + 3, 20)) == [Rule(0)]


def test_a_pair_counts_as_two_messages_and_fits_whole_or_not_at_all():
    book = a_book(messages_max=3)
    assert judged(book, intent_at(NOW, 5, -5)) == [Rule(0)]
    assert judged(book, intent_at(NOW + 1, 6, -6)) == [Rule.MESSAGE_RATE]
    assert judged(book, intent_at(NOW + 2, 7)) == [Rule(0)]


def test_messages_to_one_venue_are_counted_whoever_sends_them():
    book = a_book(venue_messages_max=1)
    assert judged(book, intent_at(NOW, 10)) == [Rule(0)]
    assert judged(book, intent_at(NOW + 1, 11)) == [Rule.MESSAGE_RATE]


def test_a_desk_that_executes_too_often_stays_disabled():
    book = a_book(executions_max=3)
    for k in range(3):
        assert judged(book, intent_at(NOW + k * SECOND, 10 + k)) == [Rule(0)]
    assert judged(book, intent_at(NOW + 4 * SECOND, 20)) == [Rule.REPEATED_EXECUTION]
    assert judged(book, intent_at(NOW + HOUR, 30)) == [Rule.REPEATED_EXECUTION]


def test_the_same_order_again_and_again_disables_a_desk():
    book = a_book(same_max=2)
    for k in range(2):
        assert judged(book, intent_at(NOW + k * 2 * SECOND, 10)) == [Rule(0)]
    assert judged(book, intent_at(NOW + 6 * SECOND, 10)) == [Rule.REPEATED_EXECUTION]


def test_people_may_set_a_control_aside_until_their_override_runs_out():
    bits = override_bits(("REPEATED_EXECUTION",), ("ann", "bob"), NOW, NOW + HOUR)
    book = a_book(executions_max=1, overrides=[(bits, NOW, NOW + HOUR)])
    judged(book, intent_at(NOW, 10))
    book.controls.disabled[0] = 1
    assert judged(book, intent_at(NOW + HOUR - 1, 11)) == [Rule(0)]
    assert judged(book, intent_at(NOW + HOUR, 12)) == [Rule.REPEATED_EXECUTION]


@pytest.mark.parametrize(
    ("rules", "people", "span_ns", "what"),
    [
        (("HALTED",), ("ann", "bob"), HOUR, "override of HALTED: PRICE_COLLAR"),
        (("NO_VALID_REFERENCE",), ("ann", "bob"), HOUR, "override of NO_VALID_REFERENCE"),
        (("NONSENSE",), ("ann", "bob"), HOUR, "override of NONSENSE"),
        (("PRICE_COLLAR",), ("ann",), HOUR, "2 different people"),
        (("PRICE_COLLAR",), ("ann", "Ann "), HOUR, "2 different people"),
        (("PRICE_COLLAR",), ("ann", "bob"), HOUR + 1, "at most 60"),
        (("PRICE_COLLAR",), ("ann", "bob"), 0, "more than 0"),
    ],
)
def test_an_override_that_may_not_be_granted_is_refused(rules, people, span_ns, what):
    with pytest.raises(ValueError, match=what):
        override_bits(rules, people, NOW, NOW + span_ns)


def test_no_override_touches_prices_permissions_or_the_accounts_limits():
    for rule in (Rule.HALTED, Rule.NO_VALID_REFERENCE, Rule.NOT_PERMITTED, Rule.GROSS_LIMIT, Rule.POSITION_LIMIT):
        assert not rule & OVERRIDABLE


def test_everything_held_and_working_counts_at_full_size():
    value = 10 * 100_010 * 10_000
    book = a_book(gross_ppm_max=2 * value * 10**6 // CASH + 1)
    assert judged(book, intent_at(NOW, 10)) == [Rule(0)]
    assert judged(book, intent_at(NOW + 2 * SECOND, 10)) == [Rule(0)]
    assert judged(book, intent_at(NOW + 4 * SECOND, 1)) == [Rule.GROSS_LIMIT]


def test_two_intents_of_one_instant_cannot_together_pass_a_limit():
    """Two strategies that race: each alone would fit, and the second is told of the first."""
    value = 10 * 100_010 * 10_000
    book = a_book(gross_ppm_max=value * 10**6 // CASH + 1)
    said = judged(book, intent_at(NOW, 10, confidence=0.9), intent_at(NOW, 10, instrument0=0, confidence=0.1))
    assert said[0] == Rule(0)
    assert Rule.GROSS_LIMIT in said[1]


def test_an_order_that_could_meet_an_own_one_is_refused():
    book = a_book()
    judged(book, intent_at(NOW, 10))
    assert judged(book, intent_at(NOW + 2 * SECOND, -5)) == [Rule.SELF_TRADE]
    assert judged(book, intent_at(NOW + 4 * SECOND, 5)) == [Rule(0)]


def test_a_size_ten_times_the_median_is_taken_for_a_slip():
    book = a_book()
    for k, lots in enumerate((9, 10, 10, 11, 12)):
        assert judged(book, intent_at(NOW + 2 * k * SECOND, lots)) == [Rule(0)]
    assert Rule.FAT_FINGER not in says(book, 100, time_ns=NOW + 9 * SECOND)
    assert Rule.FAT_FINGER in says(book, 101, time_ns=NOW + 9 * SECOND)


def test_own_prices_may_not_drift_step_by_step():
    book = a_book({"drift_ppm": 1_000})
    book.controls.bounds.collar_ppm = 10**6
    assert judged(book, intent_at(NOW, 10, limit0=100_000)) == [Rule(0)]
    assert judged(book, intent_at(NOW + 2 * SECOND, 10, limit0=100_080)) == [Rule(0)]
    assert judged(book, intent_at(NOW + 4 * SECOND, 10, limit0=100_160)) == [Rule.PRICE_DRIFT]
    assert judged(book, intent_at(NOW + 2 * MINUTE, 10, limit0=100_160)) == [Rule(0)]


def calm(book, count=40, tick=1):
    for k in range(count):
        middle = 100_000 + (k % 2) * tick
        observe(book.controls, intent_at(NOW - (count - k) * SECOND, 1, bid0=middle, ask0=middle + 10))


def test_a_bad_tick_is_refused_and_a_new_level_is_learnt():
    book = a_book()
    calm(book)
    assert says(book, 10) == Rule(0)
    assert says(book, 10, bid0=100_900, ask0=100_910) == Rule.PRICE_JUMP
    assert says(book, 10, bid0=99_000, ask0=99_010) == Rule.PRICE_JUMP
    jumped = intent_at(NOW, 10, bid0=100_900, ask0=100_910)
    observe(book.controls, jumped)
    assert says(book, 10, time_ns=NOW + SECOND, bid0=100_900, ask0=100_910) == Rule(0)


def test_a_price_that_was_seldom_looked_at_is_not_judged_by_its_moves():
    book = a_book()
    calm(book, 20)
    assert says(book, 10, bid0=100_900, ask0=100_910) == Rule(0)


def memory(book):
    own = book.controls
    count = own.counts[0]
    sizes = [sorted(own.sizes[k, : own.counts[1 + k]].tolist()) for k in range(len(own.sizes))]
    counts = [rows[:, 0].tolist() for rows in (own.messages, own.venue_messages, own.executions)]
    return sorted(own.sent[:count].tolist()), sizes, counts


@given(st.lists(st.tuples(st.integers(1, 30), st.booleans()), min_size=1, max_size=8))
def test_what_is_taken_back_was_never_there(first):
    """Approve some intents of one instant, withhold some of them: only those that left are remembered."""
    book, other = a_book(duplicate_ns=0, same_max=100), a_book(duplicate_ns=0, same_max=100)
    rows = group(*(intent_at(NOW, size, instrument0=k % 2) for k, (size, _) in enumerate(first)))
    for k, (_, leaves) in enumerate(first):
        rows[k].rules = 0
        note_sent(book.controls, book.ledger.instruments, rows[k])
        if leaves:
            note_sent(other.controls, other.ledger.instruments, rows[k])
    for k, (_, leaves) in enumerate(first):
        if not leaves:
            take_back(book.controls, book.ledger.instruments, rows[k])
    assert memory(book) == memory(other)


def test_memory_is_bounded_and_keeps_the_newest():
    book = a_book(messages_max=10**4)
    for k in range(SENT_MAX + 10):
        note_sent(book.controls, book.ledger.instruments, intent_at(NOW + k, 1 + k % 7))
    sent = book.controls.sent[: book.controls.counts[0]]
    assert int(sent.time_ns[-1]) == NOW + SENT_MAX + 9
    assert np.all(np.diff(sent.time_ns) == 1)
    assert SIZES <= book.controls.counts[1] <= book.controls.sizes.shape[1]


def test_a_withheld_intent_gives_back_what_it_was_counted_as():
    book = a_book(executions_max=1)
    rows = group(intent_at(NOW, 10))
    judge_group(book, rows, 1)
    reserve(book, rows[0], -1)
    take_back(book.controls, book.ledger.instruments, rows[0])
    assert judged(book, intent_at(NOW + SECOND, 11)) == [Rule(0)]


def test_a_contract_is_worth_its_stake():
    assert CONTRACT.kind is Kind.BINARY
    stake = 10 * MONEY
    terms = {"instrument0": 2, "order_kind": OrderKind.BINARY}
    assert says(a_book(value_max=stake), 10, **terms) == Rule(0)
    assert says(a_book(value_max=stake - 1), 10, **terms) == Rule.MAX_ORDER_VALUE


def test_what_reduces_counts_as_messages_alone_and_a_leg_of_nothing_as_none():
    book = a_book()
    before = memory(book)
    closing = intent_at(NOW, 5, 0, reduce=1)
    note_sent(book.controls, book.ledger.instruments, closing)
    sent, sizes, counts = memory(book)
    assert (sent, sizes) == before[:2]
    assert counts == [[1], [1, 0], [0]]
    take_back(book.controls, book.ledger.instruments, closing)
    assert memory(book) == before


def test_controls_that_are_off_remember_nothing():
    book = a_book(on=0)
    before = memory(book)
    intent = intent_at(NOW, 5, rules=Rule.REPEATED_EXECUTION)
    note_sent(book.controls, book.ledger.instruments, intent)
    take_back(book.controls, book.ledger.instruments, intent)
    observe(book.controls, intent)
    assert memory(book) == before
    assert not book.controls.disabled.any()
    assert not book.controls.moves.any()


def test_a_price_that_is_none_teaches_nothing_and_jumps_nowhere():
    book = a_book()
    calm(book)
    before = book.controls.moves.copy()
    observe(book.controls, intent_at(NOW + SECOND, 5, bid0=0, ask0=0))
    assert np.array_equal(book.controls.moves, before)
    assert Rule.PRICE_JUMP not in says(book, 5, bid0=0, ask0=0)
