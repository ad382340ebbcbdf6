"""The governor: who is good enough, who is best, who may go without a person; what reduces is never ranked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.records import Record, Records
from policies.governor import automatic, eligible, outranks, rank, rule, score_of, swap
from policies.intents import DeskKind, Ruling
from tests.builders import MINUTE, MONEY
from tests.policies.books import an_intent, desks, group, ruled
from tests.properties import PROPERTY

FOREX, ARBITRAGE, BINARY = DeskKind


def rulings(rows: Records) -> dict[int, Ruling]:
    """Return the rulings by the instrument of the intent."""
    return {int(row.instrument0): Ruling(row.ruling) for row in rows}


def forex(instrument: int, confidence: float, **terms: float) -> Record:
    return an_intent(5, instrument0=instrument, confidence=confidence, **({"reward": 2.0} | terms))


def test_a_desk_ranks_by_what_it_trades() -> None:
    kinds = desks(3, kind=list(DeskKind))
    assert score_of(kinds[0], forex(0, 0.5)) == pytest.approx(0.6 * 0.5 + 0.4 * 2 / 3)
    assert score_of(kinds[1], an_intent(5, -5, gain=200, risk_score=25.0)) == 150.0
    assert score_of(kinds[2], an_intent(5, reward=0.125)) == 0.125
    assert {score_of(kind, an_intent(0, reduce=1, gain=9, reward=9.0)) for kind in kinds} == {0.0}


@pytest.mark.parametrize("top_n", [0, 1, 2, 3, 4])
def test_the_best_of_an_instant_are_executed_and_the_others_outranked(top_n: int) -> None:
    intents = [forex(k, confidence) for k, confidence in enumerate((0.7, 0.9, 0.8))]
    order = [1, 2, 0]
    expected = {k: Ruling.EXECUTE if order.index(k) < top_n else Ruling.OUTRANKED for k in range(3)}
    assert rulings(ruled(desks(1, top_n=top_n), *intents)) == expected


def test_equals_go_by_instrument() -> None:
    intents = [forex(k, 0.8) for k in (2, 0, 1)]
    assert rulings(ruled(desks(1), *intents)) == {0: Ruling.EXECUTE, 1: Ruling.OUTRANKED, 2: Ruling.OUTRANKED}


def test_each_desk_has_places_of_its_own() -> None:
    intents = [forex(0, 0.7, desk=1), forex(1, 0.9), forex(2, 0.8, desk=1), forex(3, 0.6)]
    rows = ruled(desks(2), *intents)
    assert rows.instrument0.tolist() == [1, 3, 2, 0]
    assert list(rulings(rows).values()) == [Ruling.EXECUTE, Ruling.OUTRANKED] * 2


def test_what_reduces_goes_first_takes_no_place_and_meets_no_bar() -> None:
    table = desks(1, confidence_min=0.99, auto_confidence=0.99)
    reducing = an_intent(-5, reduce=1, instrument0=9, confidence=0.0)
    rows = ruled(table, forex(0, 0.995), reducing, an_intent(-3, reduce=1, instrument0=4))
    assert rows.instrument0.tolist() == [4, 9, 0]
    assert set(rulings(rows).values()) == {Ruling.EXECUTE}
    assert ruled(desks(1, top_n=0), reducing)[0].ruling == Ruling.EXECUTE


def test_a_refused_intent_takes_no_place() -> None:
    refused = forex(0, 0.9, rules=1)
    assert rulings(ruled(desks(1), refused, forex(1, 0.6))) == {0: Ruling.REFUSED, 1: Ruling.EXECUTE}


def test_an_ineligible_intent_takes_no_place() -> None:
    table = desks(1, reward_min=1.5)
    intents = [forex(0, 0.95, reward=1.0), forex(1, 0.6)]
    assert rulings(ruled(table, *intents)) == {0: Ruling.NOT_ELIGIBLE, 1: Ruling.EXECUTE}


def test_display_only_is_said_only_of_what_would_have_been_executed() -> None:
    intents = [
        forex(0, 0.9), forex(1, 0.8), forex(2, 0.7, rules=4), forex(3, 0.95, reward=0.5), forex(4, 0.75),
    ]  # fmt: skip
    on = {"top_n": 2, "reward_min": 1.0, "auto_confidence": 0.85}
    executed = rulings(ruled(desks(1, **on), *intents))
    shown = rulings(ruled(desks(1, **on, auto_execute=0), *intents))
    assert list(executed.values()).count(Ruling.EXECUTE) == 1
    assert shown == {k: Ruling.DISPLAY_ONLY if r is Ruling.EXECUTE else r for k, r in executed.items()}
    assert set(executed.values()) == {
        Ruling.EXECUTE, Ruling.OUTRANKED, Ruling.REFUSED, Ruling.NOT_ELIGIBLE, Ruling.NOT_AUTO,
    }  # fmt: skip


def test_a_desk_that_is_off_shows_what_reduces_too() -> None:
    assert ruled(desks(1, auto_execute=0), an_intent(-5, reduce=1))[0].ruling == Ruling.DISPLAY_ONLY


@pytest.mark.parametrize(
    ("kind", "gate", "terms", "worse"),
    [
        (FOREX, {"confidence_min": 0.75}, {"confidence": 0.75}, {"confidence": 0.7499}),
        (FOREX, {"reward_min": 2.0}, {"reward": 2.0}, {"reward": 1.9999}),
        (ARBITRAGE, {"reward_min": 5.0}, {"reward": 5.0}, {"reward": 4.9999}),
        (ARBITRAGE, {"risk_score_max": 30.0}, {"risk_score": 30.0}, {"risk_score": 30.0001}),
        (BINARY, {"confidence_min": 0.6}, {"confidence": 0.6}, {"confidence": 0.5999}),
        (BINARY, {}, {"confidence": 0.56}, {"confidence": 0.55}),
        (BINARY, {"reward_min": 0.05}, {"confidence": 0.61}, {"confidence": 0.605}),
        (BINARY, {}, {}, {"hold_ns": MINUTE + 1}),
    ],
)
def test_a_trade_must_meet_what_its_desk_demands_of_any(
    kind: DeskKind, gate: dict[str, float], terms: dict[str, float], worse: dict[str, float]
) -> None:
    table = desks(1, kind=kind, **({"reward_min": 0.0} | gate))
    base = {"reward": 9.0, "gross": 0.8, "hold_ns": MINUTE}
    assert eligible(table[0], an_intent(5, **(base | terms)))
    assert not eligible(table[0], an_intent(5, **(base | terms | worse)))
    assert ruled(table, an_intent(5, **(base | terms | worse)))[0].ruling == Ruling.NOT_ELIGIBLE
    assert eligible(table[0], an_intent(5, **(base | worse), reduce=1))


@pytest.mark.parametrize(
    ("kind", "gate", "better", "bound"),
    [
        (FOREX, {"auto_confidence": 0.75}, {"confidence": 0.7501}, {"confidence": 0.75}),
        (FOREX, {"auto_reward": 2.0}, {"reward": 2.0001}, {"reward": 2.0}),
        (ARBITRAGE, {"auto_gross": 50.0}, {"gross": 50.01}, {"gross": 50.0}),
        (ARBITRAGE, {"auto_gain": 50.0}, {"gain": 50 * MONEY + 1}, {"gain": 50 * MONEY}),
        (ARBITRAGE, {"auto_risk_score": 30.0}, {"risk_score": 29.99}, {"risk_score": 30.0}),
    ],
)
def test_without_a_person_only_what_is_strictly_beyond_its_bounds_goes(
    kind: DeskKind, gate: dict[str, float], better: dict[str, float], bound: dict[str, float]
) -> None:
    table = desks(1, kind=kind, **gate)
    assert automatic(table[0], an_intent(5, **better))
    assert not automatic(table[0], an_intent(5, **bound))
    assert ruled(table, an_intent(5, **bound))[0].ruling == Ruling.NOT_AUTO
    assert automatic(table[0], an_intent(5, **bound, reduce=1))


def test_a_contract_that_is_eligible_needs_no_person() -> None:
    assert automatic(desks(1, kind=BINARY, auto_confidence=1.0)[0], an_intent(5, confidence=0.6))


def test_a_withheld_intent_keeps_its_place() -> None:
    table = desks(1, auto_reward=2.0)
    rows = ruled(table, forex(0, 0.9), forex(1, 0.6, reward=2.5))
    assert rulings(rows) == {0: Ruling.NOT_AUTO, 1: Ruling.OUTRANKED}


def test_only_the_intents_between_begin_and_end_are_moved_and_ruled() -> None:
    rows = group(*(forex(k, 0.5 + 0.1 * k) for k in range(4)))
    rank(desks(1), rows, 1, 3)
    rule(desks(1), rows, 1, 3)
    assert rows.instrument0[:4].tolist() == [0, 2, 1, 3]
    assert rows.ruling[:4].tolist() == [0, Ruling.EXECUTE, Ruling.OUTRANKED, 0]


def test_two_records_trade_places_whole() -> None:
    rows = group(forex(0, 0.5), forex(1, 0.6))
    before = [rows[0].tobytes(), rows[1].tobytes()]
    swap(rows, 0, 1)
    assert [rows[1].tobytes(), rows[0].tobytes()] == before


MANY = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 1), st.integers(0, 1)), max_size=20)


@given(MANY, st.integers(0, 4))
@PROPERTY
def test_rank_is_a_stable_sort_and_at_most_top_n_open(rows: list[tuple[int, int, int, int]], top_n: int) -> None:
    table = desks(3, top_n=top_n)
    intents = [
        forex(k, 0.5 + 0.1 * score, desk=desk, reduce=reduce, rules=refused)
        for k, (desk, score, reduce, refused) in enumerate(rows)
    ]
    done = ruled(table, *intents)
    order = sorted(range(len(rows)), key=lambda k: (rows[k][0], -rows[k][2], 0 if rows[k][2] else -rows[k][1], k))
    assert done.instrument0.tolist() == order
    for desk in range(3):
        own = done[done.desk == desk]
        opening = own[(own.reduce == 0) & (own.rules == 0)]
        assert opening.ruling.tolist() == [
            Ruling.EXECUTE if k < top_n else Ruling.OUTRANKED for k in range(len(opening))
        ]  # fmt: skip
    assert all(row.ruling == (Ruling.REFUSED if row.rules else Ruling.EXECUTE) for row in done[done.reduce == 1])


def test_one_goes_before_the_other_or_the_other_before_the_one() -> None:
    better, worse = forex(0, 0.9, score=0.9), forex(1, 0.8, score=0.8)
    closing = an_intent(-1, reduce=1, instrument0=7)
    assert outranks(better, worse)
    assert not outranks(worse, better)
    assert outranks(closing, better)
    assert not outranks(better, closing)
    assert not outranks(better, better)
