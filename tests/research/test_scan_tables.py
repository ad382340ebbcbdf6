"""The table of a scan: what stands beside a row, and how lengths of time and reasons read."""

import pytest
from rich.console import Console

from policies.scan_pace import scan_pace
from research.scan.liquidity import Liquidity
from research.scan.ranking import Cast, Seen
from research.scan.scanning import Request, Scan
from research.scan.tables import span, view_of, why_of
from tests.research.scanned import HOUR
from tests.research.test_scan_ranking import a_row

BOOK = Liquidity(
    "EURUSD", None, book="l2.parquet", book_ns=50 * HOUR, levels=20, spread_bps=0.25, microprice_bps=-0.03,
    imbalance_top=0.5, imbalance=-0.125, absent=("no trades",),
)  # fmt: skip


def shown(*rows, liquidity=(), width=200, top=20):
    request = Request((), ("1h",), None, 0)
    found = Scan(request, 1, rows, (), liquidity, scan_pace(0.5, 0))
    console = Console(width=width)
    with console.capture() as capture:
        console.print(view_of(found, top, width))
    return capture.get()


def line_of(text, word):
    return next(line for line in text.splitlines() if word in line).split()


def test_liquidity_of_the_same_time_stands_beside_a_row_and_what_is_absent_is_stated():
    text = shown(a_row(time_ns=50 * HOUR), liquidity=(BOOK,))
    assert line_of(text, "opportunity")[-5:] == ["0.25", "-0.12", "-0.030", "absent", "opportunity"]
    assert "no trades" in text


def test_liquidity_of_another_time_does_not():
    text = shown(a_row(time_ns=60 * HOUR, stale_after_ns=3 * HOUR), liquidity=(BOOK,))
    assert "spread bp" not in text.split("Liquidity")[0]
    assert line_of(text, "1970-01-03T02:00:00Z")[:4] == ["EURUSD", "1970-01-03T02:00:00Z", "20", "0.25"]


def test_without_any_liquidity_that_is_said_in_a_line():
    assert "liquidity: 1 of 1 instruments have no depth and no trades: absent" in shown(
        liquidity=(Liquidity("EURUSD", None),)
    )


def test_a_stopped_row_names_the_rule_and_an_old_one_its_age():
    assert "the score is too small" in shown(a_row(stopped="the score is too small"))
    assert "its newest bar is old" in shown(a_row(age_ns=101))


def test_reasons_name_votes_for_and_against_and_patterns():
    row = a_row(
        votes=(Cast("1h", "rsi", -0.5, 0.2), Cast("4h", "macd", 0.9, 0.5), Cast(None, "network", 0.5, 0.3)),
        patterns=(Seen("1h", "pin_bull", 1, 0.7, 0), Seen("1h", "range_up", 1, 0.4, 1)),
    )
    assert why_of(row) == (
        "for 4h macd +0.45, network +0.15; against rsi -0.10; saw pin bull 0.70 now, range up 0.40 1 bar ago"
    )
    assert why_of(a_row()) == "no votes"


@pytest.mark.parametrize(
    ("hours", "words"),
    [(0.0, "0s"), (0.25, "15m"), (1.5, "1h 30m"), (49.0, "2d 1h"), (9_000.0, "1y 10d"), (-2.0, "-2h")],
)
def test_a_length_of_time_reads_by_its_two_largest_units(hours, words):
    assert span(int(hours * HOUR)) == words
