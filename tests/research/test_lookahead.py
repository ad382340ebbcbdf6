"""The checks of honest research: what is compared, where data is cut, and what a user's file may declare and do."""

import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from research.lookahead import LeakKind, SubjectError, as_columns, cut_times, examine, settle
from research.lookahead.columns import ShapeError, differing, shown
from research.lookahead.cutting import DAY_NS, MINUTE_NS, PERIODS, period_of
from research.lookahead.functions import Terms, study_of_file, study_of_function
from research.lookahead.tables import read_table
from tests.lookahead.markets import HALF_HOUR_NS, one_symbol

FRAMES = one_symbol()._replace(tables={})
SOME = FRAMES.times[[0, 1, 40, 90, 150, 151, 220, -2, -1]]


def found_in(function, cuts=SOME, **terms):
    return examine(study_of_function("it", function, FRAMES, Terms(**terms)), cuts)


def a_file(folder: Path, text: str, name: str = "mine.py") -> Path:
    path = folder / name
    path.write_text(textwrap.dedent(text))
    return path


def kinds(examination):
    return [leak.kind for leak in examination.leaks]


def test_a_leak_names_its_column_its_first_bar_and_both_values() -> None:
    (leak,) = found_in(lambda bars: {"fine": bars.close, "early": bars.close.shift(-2)}, FRAMES.times).leaks
    closes = FRAMES.values[:, 3]
    assert (leak.column, leak.kind, leak.row, leak.time_ns) == ("early", LeakKind.AHEAD, 0, FRAMES.times[0])
    assert (leak.then, leak.whole, leak.by, leak.cut_ns) == (None, closes[2], "cut", FRAMES.times[0])
    assert leak.rows == len(closes) - 2
    assert leak.text == "reads up to 2 bars ahead"


def test_rows_before_a_cut_are_all_compared_not_its_last_alone() -> None:
    one_bar_off = found_in(lambda bars: bars.close.where(np.arange(len(bars)) != 5, bars.close.max()), SOME[2:])
    assert [leak.row for leak in one_bar_off.leaks] == [5]


def test_a_leak_that_hides_from_cutting_is_found_by_another_future() -> None:
    def wary(bars):
        return bars.close.shift(-1) if len(bars) == len(FRAMES.times) else bars.close.shift(-1).ffill()

    def honest_on_less(bars):
        whole = len(bars) == len(FRAMES.times)
        return np.where(np.arange(len(bars)) == 3, bars.close.iloc[-1] if whole else FRAMES.values[-1, 3], bars.close)

    assert kinds(found_in(wary)) == [LeakKind.AHEAD]
    (leak,) = found_in(honest_on_less).leaks
    assert (leak.row, leak.kind) == (3, LeakKind.WHOLE)
    assert leak.by != "cut"


def test_what_cannot_be_computed_on_cut_data_is_found_unless_it_is_warming_up() -> None:
    def greedy(bars):
        if len(bars) < 100:
            raise IndexError("too few")
        return bars.close

    (leak,) = found_in(greedy).leaks
    assert (leak.kind, leak.row, leak.then) == (LeakKind.FAILS, 0, "IndexError: too few")
    assert found_in(greedy, warmup=99).leaks == ()


def test_a_future_that_is_refused_is_told_and_is_no_leak() -> None:
    def strict(bars):
        if bars.close.isna().any():
            raise ValueError("NaN in close")
        return bars.close

    examination = found_in(strict)
    assert (examination.leaks, examination.refused) == ((), ("missing: ValueError: NaN in close",))


def test_the_whole_must_be_computable() -> None:
    with pytest.raises(SubjectError, match="it: ZeroDivisionError"):
        found_in(lambda bars: 1 / 0)
    with pytest.raises(
        SubjectError, match=r"column 'signal' has 299 values; one per row of bars is allowed, that is 300"
    ):
        found_in(lambda bars: bars.close[1:])


def test_what_is_not_repeatable_is_reported_as_chance_alone() -> None:
    rng = np.random.default_rng(1)
    assert kinds(found_in(lambda bars: rng.normal(size=len(bars)))) == [LeakKind.CHANCE]


def test_a_column_without_any_value_is_named() -> None:
    assert found_in(lambda bars: {"none": np.full(len(bars), np.nan), "close": bars.close}).empty == ("none",)


def test_a_column_that_comes_and_goes_with_the_data_is_found() -> None:
    def dummies(bars):
        return pd.get_dummies(pd.cut(bars.close, [0, 1.1, FRAMES.values[:, 3].max() - 1e-9, 9]).astype(str))

    assert found_in(dummies).leaks


@pytest.mark.parametrize(
    ("result", "kind"),
    [([1, 2], "f"), ([True, False], "f"), (["a", None], "O"), ([None, 1.5], "f"), ([2**60, 2**60 + 1], "O"),
     (pd.Series(["x", "y"], dtype="category"), "O"), (pd.Series([1, None], dtype="Int64"), "f"),
     (pd.to_datetime(["2024-01-01", None]), "O")],
)  # fmt: skip
def test_columns_of_any_kind_are_compared(result, kind) -> None:
    column = as_columns(result, 2)["signal"]
    assert column.dtype.kind == kind
    assert not differing(column, column.copy(), 0.0, 0.0).any()
    assert differing(column, column[::-1].copy(), 0.0, 0.0).all()


@pytest.mark.parametrize("result", [3.0, [1, 2, 3], {}, np.zeros((2, 2, 2)), {"a": [1]}])
def test_what_is_no_column_is_refused(result) -> None:
    with pytest.raises(ShapeError):
        as_columns(result, 2)


def test_values_are_equal_within_the_tolerance_of_their_size_or_their_columns() -> None:
    whole, known = np.array([1.0, 1e-9, np.nan, np.inf, 2.0]), np.array([1.0 + 1e-10, 3e-9, np.nan, np.inf, np.nan])
    assert differing(known, whole, 1e-9, 0.0).tolist() == [False, True, False, False, True]
    assert differing(known, whole, 1e-8, 1.0).tolist() == [False, False, False, False, True]
    assert differing(known, whole, 0.0, 1.0).tolist() == [True, True, False, False, True]
    assert differing(np.array(["1.0", None], object), np.array([1.0, np.nan]), 0.0, 0.0).tolist() == [False, False]
    assert [shown(whole, 3), shown(whole, 2), shown(None, 0)] == ["inf", None, None]


def test_a_sample_of_cuts_holds_the_ends_the_borders_of_periods_and_both_sides_of_gaps() -> None:
    minutes = 1_704_672_000 * 10**9 + np.concatenate([np.arange(1, 700), np.arange(1500, 1700)]) * MINUTE_NS
    chosen = set(cut_times(minutes, 2, 0).tolist())
    assert {minutes[0], minutes[-2], minutes[-1], minutes[698], minutes[699]} <= chosen
    hours = np.flatnonzero(np.diff(period_of(minutes, "1h")))
    assert set(minutes[hours].tolist()) | set(minutes[hours + 1].tolist()) <= chosen
    assert set(minutes[np.flatnonzero(np.diff(period_of(minutes, "5m"))) + 1].tolist()) <= chosen
    assert len(chosen) < len(minutes)
    assert np.array_equal(cut_times(minutes, None, 0), minutes)
    assert np.array_equal(cut_times(minutes, 600, 3), cut_times(minutes, 600, 3))
    assert len(cut_times(minutes, 600, 3)) == 600


def test_a_week_begins_on_monday() -> None:
    monday = 1_704_672_000 * 10**9
    assert period_of(np.array([monday, monday + 1]), "1w").tolist() == [2818, 2819]
    assert PERIODS["1w"] == 7 * DAY_NS


def test_a_window_needs_its_length_and_a_recursion_more_than_its_first_value() -> None:
    study = study_of_function(
        "it",
        lambda bars: {"window": bars.close.rolling(10).mean(), "recursion": bars.close.ewm(span=10).mean()},
        FRAMES,
    )
    window, recursion = settle(study)
    assert (window.first, window.declared, window.needed, window.settled, window.sound) == (9, 9, 9, True, True)
    assert (recursion.first, recursion.declared, recursion.sound) == (0, 0, False)
    assert recursion.needed > 20
    assert recursion.row is not None
    assert recursion.short != recursion.whole
    _, enough = settle(study._replace(warmup=recursion.needed))
    _, too_little = settle(study._replace(warmup=recursion.needed - 1))
    assert (enough.sound, too_little.sound) == (True, False)


def test_a_sum_since_the_beginning_is_sound_only_where_it_is_declared_so() -> None:
    def sums(bars):
        return bars.volume.cumsum()

    (undeclared,) = settle(study_of_function("it", sums, FRAMES))
    assert (undeclared.settled, undeclared.sound) == (False, False)
    (declared,) = settle(study_of_function("it", sums, FRAMES, Terms(anchored=("signal",))))
    assert (declared.declared, declared.sound) == (None, True)


def test_a_warm_up_beyond_the_data_cannot_be_vouched_for() -> None:
    (one,) = settle(study_of_function("it", lambda bars: bars.close, FRAMES, Terms(warmup=1_000)))
    assert (one.needed, one.sound) == (0, False)
    assert one.room < 300


def test_a_file_is_examined_by_its_function_and_its_declarations(tmp_path) -> None:
    path = a_file(tmp_path, """
        WARMUP, DECIDES_AT, ANCHORED = 4, "open", ["sum"]
        def signal(bars):
            return {"gap": bars.open - bars.close.shift(1), "own": bars.close, "sum": bars.open.cumsum()}
        def other(bars):
            return bars.close
    """)  # fmt: skip
    study = study_of_file(path, None, FRAMES)
    assert (study.warmup, study.anchored, study.name) == (4, {"sum"}, "mine.py:signal")
    assert [(leak.column, leak.kind) for leak in examine(study, SOME).leaks] == [("own", LeakKind.OPEN)]
    assert study_of_file(path, "other", FRAMES).name == "mine.py:other"


@pytest.mark.parametrize(
    ("text", "said"),
    [("def signal(:", "SyntaxError"), ("import nothing_of_the_kind", "ModuleNotFoundError"),
     ("x = 1", "no function 'signal'"), ("def mine(bars): ...", "there are mine"),
     ("WARMUP = -1\ndef signal(bars): ...", "WARMUP = -1; a whole number of bars from 0 is allowed"),
     ("DECIDES_AT = 'noon'\ndef signal(bars): ...", "'open' or 'close' is allowed"),
     ("ANCHORED = 'x'\ndef signal(bars): ...", "a list of column names is allowed"),
     ("def signal(): ...", "it takes no parameter"),
     ("def signal(bars, news): ...", "it takes a table 'news'; given are none: --table news=FILE")],
)  # fmt: skip
def test_a_file_that_cannot_be_examined_is_refused_in_one_line(tmp_path, text, said) -> None:
    with pytest.raises(SubjectError) as refusal:
        study_of_file(a_file(tmp_path, text), None, FRAMES)
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_fit_that_a_file_keeps_between_calls_does_not_hide_its_leak(tmp_path) -> None:
    a_file(tmp_path, "FIT = {}", "kept.py")
    for home in ("FIT = {}", "from kept import FIT"):
        path = a_file(tmp_path, f"""
            {home}
            def signal(bars):
                mean = FIT.setdefault("mean", bars.close.mean())
                return bars.close - mean
        """)  # fmt: skip
        assert kinds(examine(study_of_file(path, None, FRAMES), SOME)) == [LeakKind.WHOLE]


def test_data_that_a_file_reads_by_itself_is_found_unless_it_is_vouched_for(tmp_path) -> None:
    numbers = tmp_path / "numbers.csv"
    numbers.write_text("x\n1\n")
    path = a_file(tmp_path, f"""
        import pandas as pd
        def signal(bars):
            return bars.close * pd.read_csv({str(numbers)!r}).x[0]
    """)  # fmt: skip
    (leak,) = examine(study_of_file(path, None, FRAMES), SOME).leaks
    assert (leak.kind, leak.column) == (LeakKind.UNSEEN, "*")
    assert f"reads {numbers} by itself" in leak.text
    assert examine(study_of_file(path, None, FRAMES, (str(numbers),)), SOME).leaks == ()


def test_a_table_is_cut_by_when_its_rows_were_known(tmp_path) -> None:
    known = pd.to_datetime(FRAMES.times[[200, 50]], utc=True)
    pd.DataFrame({"known_at": known, "value": [2.0, 1.0]}).to_csv(tmp_path / "told.csv", index=False)
    name, table = read_table(f"told={tmp_path / 'told.csv'}")
    assert (name, table.value.tolist()) == ("told", [1.0, 2.0])
    frames = FRAMES._replace(tables={name: table})

    def last(bars, told):
        return np.full(len(bars), told.value.iloc[-1] if len(told) else np.nan)

    def known_then(bars, told):
        places = np.searchsorted(told.known_at.to_numpy(), bars.index.to_numpy(), side="right") - 1
        return np.where(places >= 0, told.value.to_numpy()[places] if len(told) else np.nan, np.nan)

    assert kinds(examine(study_of_function("it", last, frames), SOME)) == [LeakKind.TABLE]
    assert examine(study_of_function("it", known_then, frames), SOME).leaks == ()


@pytest.mark.parametrize(
    ("word", "said"),
    [("told", "NAME=FILE is allowed"), ("told=x.xlsx", ".parquet, .csv, .feather are allowed"),
     ("told=none.csv", "FileNotFoundError"), ("told={}/bare.csv", "no column 'known_at'"),
     ("told={}/gaps.csv", "known_at of row 1 is missing"), ("told={}/words.csv", "known_at: ")],
)  # fmt: skip
def test_a_table_that_cannot_be_cut_is_refused(tmp_path, word, said) -> None:
    (tmp_path / "bare.csv").write_text("x\n1\n")
    (tmp_path / "gaps.csv").write_text("known_at,x\n2024-01-01,1\n,2\n")
    (tmp_path / "words.csv").write_text("known_at,x\nsoon,1\n")
    with pytest.raises(SubjectError) as refusal:
        read_table(word.format(tmp_path))
    assert said in str(refusal.value)


def test_a_bar_that_opens_shows_its_open_alone() -> None:
    seen = []
    study = study_of_function("it", lambda bars: seen.append(bars) or bars.open, FRAMES, Terms(opening=True))
    study.evaluate(study.cut(study.data, int(FRAMES.times[9])))
    last, before = seen[-1].iloc[-1], seen[-1].iloc[-2]
    assert set(last[["open", "high", "low", "close"]]) == {FRAMES.values[9, 0]}
    assert last.volume == 0
    assert before.tolist() == FRAMES.values[8].tolist()
    assert seen[-1].index[-1] == pd.Timestamp(int(FRAMES.times[9]), tz="UTC")
    assert study.bar_ns == HALF_HOUR_NS
