"""The loader itself: what it counts as equal, and that nothing slips through."""

import pytest

from tests.reference.cases import Case, Prose, check


def expecting(expected: object, got: object, **tolerance: float) -> None:
    case = Case("x", "f", {}, {"value": expected}, tolerance.get("rtol", 0.0), tolerance.get("atol", 0.0))
    check(case, {"f": lambda _: {"value": got}})


@pytest.mark.parametrize(
    ("expected", "got"),
    [("2", "2.00"), (None, None), (1, 1.0), (True, True), ("BUY", "BUY"), ([1, [2]], (1, [2])), ("Infinity", "inf")],
)
def test_equal_values_pass(expected: object, got: object) -> None:
    expecting(expected, got)


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        ("2", "2.01"), (None, 0), (0, None), (None, float("nan")), (1.0, float("nan")), (True, 1), (1, True),
        ("BUY", "SELL"), ([1], [1, 2]), ([1], 1), ({"a": 1}, {}), (1, "1"), ("0.3", 0.1 + 0.2), ({"a": 1}, None),
    ],
)  # fmt: skip
def test_different_values_fail(expected: object, got: object) -> None:
    with pytest.raises(AssertionError):
        expecting(expected, got)


def test_numbers_have_the_tolerance_of_their_case() -> None:
    expecting(100.0, 100.9, rtol=0.01)
    expecting(0.0, 0.5, atol=0.5)
    with pytest.raises(AssertionError):
        expecting(100.0, 101.1, rtol=0.01)


def test_notes_and_prose_are_not_values() -> None:
    expecting({"note": "a", "comment": "b", "value": 1}, {"value": 1})
    expecting("an explanation", Prose())


def test_a_function_without_adapter_fails() -> None:
    with pytest.raises(pytest.fail.Exception, match="no adapter for fn 'g'"):
        check(Case("x", "g", {}, {}, 0.0, 0.0), {"f": lambda _: {}})
