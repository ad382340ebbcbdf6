"""The report: one file, equal bytes for equal input, nothing from outside read as markup, and the run's own numbers."""

import json
import re
from html.parser import HTMLParser

import msgspec
import numpy as np
import pytest

from research.report import JournalFacts, ReportFacts, price_series, write_report
from research.report.figures import packed, packed_times
from research.report.markup import amount, bound, percent, plural, scrolling, signed, span_text, table, text, utc
from research.report.thinning import extremes, gaps_of
from tests.builders import START_NS, a_plan, a_result, a_tape

EVIL = '<script>alert("1 & 2")</script>'
FACTS = ReportFacts(
    stage="PAPER", command=f"trifecta run {EVIL}", tape_hash="a" * 64, data=((f"fx/{EVIL}.parquet", "b" * 64, 7),),
    journal=JournalFacts(path=f"/home/{EVIL}/journal.db", records=12, head="c" * 64), events=1000, wall_seconds=2.5,
    events_per_second=400.0, started_utc=f"2024-01-08 {EVIL}",
)  # fmt: skip


@pytest.fixture(scope="module")
def run():
    plan, tape = a_plan(), a_tape()
    return plan, tape, a_result(plan, tape)


@pytest.fixture
def page(run, tmp_path):
    plan, tape, result = run
    return write_report(result, price_series(plan, tape), FACTS, tmp_path / "new" / "report.html").read_text()


def figures_of(page):
    (found,) = re.findall(r'<script type="application/json" id="figures">(.*?)</script>', page, re.DOTALL)
    return json.loads(found)


class Tags(HTMLParser):
    """Collects tags and checks that they are closed in order."""

    VOID = frozenset({"meta", "br"})
    LEFT_OPEN = frozenset({"td", "tr"})  # HTML ends them by itself

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.ids, self.sources = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.ids += [value for name, value in attrs if name == "id"]
        self.sources += [value for name, value in attrs if name in {"src", "href"}]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        while self.open[-1] in self.LEFT_OPEN - {tag}:
            self.open.pop()
        assert self.open.pop() == tag


def test_the_page_is_well_formed_and_refers_to_nothing_outside(page):
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert len(tags.ids) == len(set(tags.ids))
    assert all(source.startswith("#") for source in tags.sources)
    assert {source[1:] for source in tags.sources} <= set(tags.ids)
    assert "link" not in tags.seen
    assert "default-src 'none'" in page


def test_names_from_outside_are_text(page):
    outside = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)  # our own scripts aside
    assert "alert(" in outside
    assert EVIL not in page
    assert outside.count("<script") == 1  # the figures
    assert "&lt;script&gt;alert(&quot;1 &amp; 2&quot;)&lt;/script&gt;" in page


def test_names_in_figures_cannot_end_their_script(run, tmp_path):
    plan, tape, _ = run
    desks = (msgspec.structs.replace(plan.desks[0], name="for</script><b>&"), *plan.desks[1:])
    plan = msgspec.structs.replace(plan, desks=desks)
    result = a_result(plan, tape)
    page = write_report(result, price_series(plan, tape), FACTS, tmp_path / "report.html").read_text()
    assert "for</script>" not in page
    labels = figures_of(page)["outcomes"]["data"][0]["y"]
    assert labels[0].startswith("for&lt;/script&gt;&lt;b&gt;&amp; (")


def test_equal_input_gives_equal_bytes(run, tmp_path):
    plan, tape, result = run
    paths = [
        write_report(one, price_series(plan, tape), FACTS, tmp_path / f"{k}.html")
        for k, one in enumerate((result, a_result(a_plan(), a_tape())))
    ]
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_page_has_every_section_and_figure(page):
    assert re.findall(r'<section id="([^"]+)"', page) == [
        "account", "desks", "decisions", "fills", "thresholds-0", "probabilities-0", "trades", "terms",
    ]  # fmt: skip
    figures = figures_of(page)
    fills = [name for name in figures if name.startswith("fills-")]
    assert len(fills) == 7
    assert set(figures) - set(fills) == {
        "equity", "outcomes", "reasons", "thresholds-0-trades", "thresholds-0-gain", "probabilities-0",
    }  # fmt: skip
    assert all(figure["summary"] and figure["data"] for figure in figures.values())


def test_a_run_without_anything_still_has_a_report(tmp_path):
    plan, tape = a_plan(), a_tape(minutes=5, ticks=10)
    tape = type(tape)(*(column[:0] for column in tape))
    result = a_result(plan, tape)
    page = write_report(result, price_series(plan, tape), FACTS, tmp_path / "report.html").read_text()
    for words in (
        "No decision was made.", "Nothing was withheld or refused.", "Nothing was filled.", "No trade was closed.",
        "No contract was proposed.", "No dislocation led to an entry decision.",
    ):  # fmt: skip
        assert words in page


def test_a_long_run_lists_the_first_and_last_trades_and_says_so(run, tmp_path):
    plan, tape, result = run
    many = msgspec.structs.replace(result, trades=result.trades * (1200 // len(result.trades) + 1))
    page = write_report(many, price_series(plan, tape), FACTS, tmp_path / "report.html").read_text()
    (listed,) = re.findall(r'<table class="left7" id="trade-list">.*?</table>', page, re.DOTALL)
    numbers = [int(found) for found in re.findall(r"<tr><td>(\d+)", listed)]
    count = len(many.trades)
    assert numbers == [*range(1, 501), *range(count - 499, count + 1)]
    assert f"The first and the last 500 of {count:,} closed trades; the {count - 1000:,} between" in page


def test_a_packed_column_comes_back_to_the_last_digit():
    values = np.round(1.1 + np.cumsum(np.random.default_rng(1).normal(0, 1e-4, 500)), 5)
    times = START_NS + np.cumsum(np.random.default_rng(2).integers(1, 9, 500)) * 60_000_000_000
    assert unpacked(packed(values, 5)) == values.tolist()
    assert unpacked(packed_times(times)) == (times // 10**6).tolist()
    assert packed_times(times)["unit"] == 60_000
    assert unpacked(packed([], 2)) == []
    assert unpacked(packed([-3.25, -3.25, 0.0], 2)) == [-3.25, -3.25, 0.0]


def unpacked(column):
    """The page's own way back (page.js)."""
    total, found = 0, []
    for step in column["steps"]:
        total += step
        found.append(total * column["unit"] / column.get("over", 1))
    return found


def test_thinning_keeps_ends_order_and_every_extreme():
    rng = np.random.default_rng(3)
    high, low = rng.normal(0, 1, 50_000), rng.normal(0, 1, 50_000)
    kept = extremes([high, -low], 400)
    assert len(kept) <= 400
    assert (kept[0], kept[-1]) == (0, 49_999)
    assert (np.diff(kept) > 0).all()
    assert {int(high.argmax()), int(low.argmin())} <= set(kept.tolist())
    for begin in range(0, 50_000, 5000):  # what could be seen anywhere is there
        part = slice(begin, begin + 5000)
        inside = kept[(kept >= begin) & (kept < begin + 5000)]
        assert high[inside].max() == high[part].max()
        assert low[inside].min() == low[part].min()


@pytest.mark.parametrize("count", [0, 1, 2, 399, 400])
def test_few_points_are_all_kept(count):
    assert extremes([np.arange(count, dtype=float)], 400).tolist() == list(range(count))


def test_a_weekend_is_left_out_of_the_axis_and_a_night_of_seconds_is_not():
    minute = 60 * 10**9
    week = np.concatenate([np.arange(1000), 3900 + np.arange(1000)]) * minute
    assert gaps_of(week) == [(999 * minute, 3900 * minute)]
    assert gaps_of(np.arange(1000) * minute) == []
    assert gaps_of(np.array([0, 5, 100_000])) == []
    assert gaps_of(np.array([], np.int64)) == []


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (amount(-0.001), "0.00"), (amount(1234567.891), "1,234,567.89"), (signed(0.0), "+0.00"),
        (signed(-5.5), "-5.50"), (percent(None), "n/a"), (percent(0.12345), "12.35 %"), (bound(-1e9), "none"),
        (bound(0.0), "0"), (plural(1, "fill"), "1 fill"), (plural(2, "fill"), "2 fills"),
        (span_text(250_000_000), "0.25 s"), (span_text(90 * 10**9), "1 min 30 s"),
        (span_text(2 * 86_400 * 10**9 + 4 * 3_600 * 10**9 + 5 * 10**9), "2 d 4 h"),
        (utc(1_704_700_800_000_000_000), "2024-01-08 08:00:00"),
        (utc(1_704_700_800_250_000_000), "2024-01-08 08:00:00.250"), (text('<a b="c">'), "&lt;a b=&quot;c&quot;&gt;"),
    ],
)  # fmt: skip
def test_values_are_shown_for_people(shown, expected):
    assert shown == expected


def test_cells_headers_and_labels_are_escaped():
    assert table(("<h>",), [("<c>",)], id="<i>") == (
        '<table class="left1" id="&lt;i&gt;"><thead><tr><th scope="col">&lt;h&gt;</th></tr></thead><tbody>\n'
        "<tr><td>&lt;c&gt;\n</tbody></table>"
    )
    assert 'aria-label="&quot;&gt;"' in scrolling("", '">')
