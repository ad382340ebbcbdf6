"""Laws of risk: caps hold whatever is approved, filled and cancelled in whatever order; tighter is never looser."""

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from market.paper import Reason, ReportKind
from policies.bookkeeping import book_report, close_instant, open_day, place, reserve
from policies.gates import position_cap
from policies.intents import Rule
from policies.risk import LIVE_COUNT, Book, judge
from policies.valuing import notional_of
from tests.builders import MONEY, SECOND
from tests.market.floor import a_report
from tests.policies.books import CASH, NOW, TERMS, a_book, an_intent, hold
from tests.properties import FEW, PROPERTY

CAP = CASH // 4
PAIR, CONTRACT = 0, 2


class Step(NamedTuple):
    """What happens next: an intent is proposed, or one of the working orders is filled in part, or cancelled."""

    what: str
    lots: int
    which: int


LOTS = st.integers(-30, 30).filter(bool)
STEPS = st.lists(
    st.builds(Step, st.sampled_from(["propose", "propose", "fill", "cancel"]), LOTS, st.integers(0, 9)), max_size=30
)


def report(book: Book, k: int, lots: int, kind: ReportKind) -> None:
    """Report about working order k."""
    live = book.live[k]
    amount = -abs(lots) * MONEY if live.instrument == CONTRACT else 0
    terms = {"number": int(live.number), "instrument": int(live.instrument), "kind": kind, "amount": amount}
    book_report(book, a_report(lots, 100_000, **terms))


def take(book: Book, step: Step, instrument: int, number: int) -> None:
    """Let a step happen: an intent that risk approves becomes an order."""
    working = int(book.counts[LIVE_COUNT])
    if step.what == "propose":
        intent = an_intent(step.lots, instrument0=instrument)
        if judge(book, intent) == 0:
            reserve(book, intent, 1)
            place(book, number, instrument, step.lots)
    elif working:
        k = step.which % working
        left = int(book.live[k].lots)
        if step.what == "cancel":
            report(book, k, left, ReportKind.CANCEL)
        else:
            size = min(abs(step.lots), abs(left))
            report(book, k, size if left > 0 else -size, ReportKind.FILL)


def worst(book: Book, instrument: int) -> int:
    """Return what the position could be worth if all working orders of one side filled."""
    held = int(book.ledger.positions[instrument].lots)
    buys, sells = int(book.working_long[instrument]), int(book.working_short[instrument])
    if instrument == CONTRACT:
        return notional_of(book, instrument, held + buys + sells)
    return max(notional_of(book, instrument, held + buys), notional_of(book, instrument, held - sells))


@given(STEPS)
@PROPERTY
def test_no_order_of_approvals_fills_and_cancels_takes_a_position_past_its_cap(steps: list[Step]) -> None:
    book = a_book(trades_per_day_max=10**6, loss_streak_max=10**6)
    for number, step in enumerate(steps):
        take(book, step, PAIR, number)
        book.ledger.account[0].loss_streak = 0
        assert worst(book, PAIR) <= CAP


@given(STEPS)
@PROPERTY
def test_stakes_working_and_open_never_pass_their_cap_together(steps: list[Step]) -> None:
    book = a_book(trades_per_day_max=10**6, position_ppm_max=300)
    for number, step in enumerate(steps):
        take(book, step, CONTRACT, number)
        assert worst(book, CONTRACT) <= position_cap(CASH, 300)


@given(STEPS)
@PROPERTY
def test_when_every_order_has_ended_nothing_is_reserved(steps: list[Step]) -> None:
    book = a_book(trades_per_day_max=10**6, loss_streak_max=10**6)
    for number, step in enumerate(steps):
        take(book, step, PAIR, number)
        live = book.live[: book.counts[LIVE_COUNT]]
        assert book.working_long[PAIR] == live.lots[live.lots > 0].sum()
        assert book.working_short[PAIR] == -live.lots[live.lots < 0].sum()
    while book.counts[LIVE_COUNT]:
        report(book, 0, int(book.live[0].lots), ReportKind.REJECT)
    assert (book.working_long.sum(), book.working_short.sum()) == (0, 0)


@given(st.integers(0, 5), LOTS, st.integers(0, 12))
@PROPERTY
def test_a_day_never_holds_more_trades_than_it_may(most: int, lots: int, tries: int) -> None:
    book = a_book(trades_per_day_max=most)
    for number in range(tries):
        take(book, Step("propose", 1 if lots > 0 else -1, 0), PAIR, number)
    assert book.ledger.account[0].trades_today == min(most, tries)


def a_state(held: int, pending: int, account: dict[str, int], **limits: int) -> Book:
    """Return a book in the middle of a day."""
    book = a_book(**limits)
    hold(book, held)
    reserve(book, an_intent(pending), 1)
    for name, value in account.items():
        book.ledger.account[0][name] = value
    close_instant(book, NOW)
    return book


ACCOUNTS = st.fixed_dictionaries(
    {
        "trades_today": st.integers(0, 12), "loss_streak": st.integers(0, 6),
        "last_loss_ns": st.just(NOW - 40 * SECOND),
        "realised_today": st.integers(-6_000, 100).map(lambda money: money * MONEY),
    }
)  # fmt: skip
TIGHTER = st.fixed_dictionaries({name: st.floats(0.0, 1.0) for name in TERMS if name != "sample_ns"})


@given(LOTS, LOTS, LOTS, ACCOUNTS, TIGHTER)
@FEW
def test_a_tighter_limit_never_allows_what_a_looser_one_refuses(
    held: int, pending: int, lots: int, account: dict[str, int], tighter: dict[str, float]
) -> None:
    loose = judge(a_state(held, pending, account), an_intent(lots))
    limits = {name: int(TERMS[name] * share) for name, share in tighter.items()}
    tight = judge(a_state(held, pending, account, **limits), an_intent(lots))
    assert Rule(loose) & ~Rule(tight) == Rule(0)


MOVES = st.lists(st.tuples(LOTS, st.integers(99_000, 101_000), st.integers(0, 3)), max_size=15)


@given(MOVES)
@FEW
def test_once_set_a_latch_stays_until_the_day_rolls_and_the_drawdown_for_good(
    moves: list[tuple[int, int, int]],
) -> None:
    book = a_book(daily_loss_max=20 * MONEY, drawdown_max=50 * MONEY)
    blocks = 0
    for k, (lots, price, days) in enumerate(moves):
        if days == 3:
            open_day(book, (k + 1) * 86_400 * SECOND)
            blocks &= ~Rule.DAILY_LOSS
        book_report(book, a_report(lots, price, number=k, reason=Reason.EXIT))
        told = close_instant(book, k)
        now = int(book.ledger.account[0].blocks)
        assert now & blocks == blocks
        assert told == now & ~blocks
        blocks = now
