"""The study of votes: it sees nothing of later bars, and finds a planted edge, no edge where there is none."""

import math
from xml.etree import ElementTree as ET

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from market.quality import DataQualityError
from policies.bandits import Learner
from policies.calibration_report import reliability_of
from research.votes.picture import reliability_svg
from research.votes.sources import (
    MINUTE_NS,
    SERIES,
    SOURCES,
    Bars,
    Decisions,
    decisions_of,
    files_of,
    merged,
    read_bars,
    votes_of,
)
from research.votes.study import (
    DAY_NS,
    bootstrap_interval,
    claims_of,
    difference_of,
    grouped_names,
    learned_scores,
    learning_rule,
    run_study,
    static_scores,
)
from tests.market.bars import made_bars
from tests.research.files import DATA, needs

HOURLY = "fx/h1/GBPUSD_H1_2012_2022_mt5.parquet"
HORIZON = 8


def part_of(bars: Bars, count: int) -> Bars:
    return Bars(bars.symbol, bars.bar_ns, *(column[:count] for column in bars[2:]))


def made(count: int, edge: float) -> tuple[Decisions, np.ndarray]:
    """Return decisions of one symbol and votes of three groups; the last is right more often by `edge`."""
    rng = np.random.default_rng(6)
    stamps = np.arange(count, dtype=np.int64) * 3_600 * 10**9
    move = rng.choice([-1.0, 1.0], count)
    votes = rng.choice([-1.0, 1.0], (count, 3))
    votes[:, 2] = np.where(rng.random(count) < 0.5 + edge, move, -move)
    nothing = np.zeros(count, np.int64)
    return Decisions(nothing, stamps, stamps + 3_600 * 10**9, nothing, move, np.zeros(count), votes), votes


@needs(HOURLY)
@pytest.mark.parametrize("cut", [1500, 1999])
def test_votes_and_decisions_on_real_bars_know_nothing_of_later_ones(cut: int) -> None:
    bars = part_of(read_bars(DATA / HOURLY, 60 * MINUTE_NS), 2400)
    votes, regime = votes_of(bars, HORIZON)
    early, now = votes_of(part_of(bars, cut), HORIZON)
    assert early.tobytes() == votes[:cut].tobytes()
    assert now.tobytes() == regime[:cut].tobytes()
    assert np.isfinite(votes[2000]).all()
    assert (np.nan_to_num(np.abs(votes)) <= 1.0).all()
    whole, some = decisions_of(bars, 0, HORIZON), decisions_of(part_of(bars, cut), 0, HORIZON)
    for one, other in zip(whole, some, strict=True):
        assert other.tobytes() == one[: len(other)].tobytes()


def test_decisions_of_many_symbols_are_in_the_order_they_were_made() -> None:
    one, _ = made(20, 0.0)
    other = one._replace(symbol=one.symbol + 1, time_ns=one.time_ns + 1)
    both = merged([other, one])
    assert (np.diff(both.time_ns) >= 0).all()
    assert both.symbol.tolist() == [0, 1] * 20


@pytest.mark.parametrize("learner", [Learner.GREEDY, Learner.THOMPSON, Learner.SLIDING])
def test_a_planted_edge_is_found_and_counted_in_points(learner: Learner) -> None:
    decisions, votes = made(3000, 0.2)
    learned = learned_scores(decisions, votes, learning_rule(learner))
    found = difference_of("x", decisions, static_scores(votes), learned, 600)
    assert found.learned == pytest.approx(0.7, abs=0.05)
    assert found.points == pytest.approx(100.0 * (found.learned - found.static), abs=1e-9)
    assert 0.0 < found.low < found.points < found.high


def test_without_an_edge_none_is_found() -> None:
    decisions, votes = made(3000, 0.0)
    learned = learned_scores(decisions, votes, learning_rule(Learner.THOMPSON))
    found = difference_of("x", decisions, static_scores(votes), learned, 600)
    assert found.low < 0.0 < found.high


def test_an_interval_is_wider_when_outcomes_of_a_block_are_alike() -> None:
    rng = np.random.default_rng(8)
    days = np.repeat(np.arange(400), 5)
    apart, alike = rng.choice([-1.0, 1.0], 2000), np.repeat(rng.choice([-1.0, 1.0], 400), 5)
    widths = [high - low for low, high in (bootstrap_interval(gains, days) for gains in (apart, alike))]
    assert widths[1] > 1.5 * widths[0]


def test_claims_are_of_what_has_a_side_and_the_first_only_teach() -> None:
    decisions, _ = made(600, 0.0)
    strength = np.where(np.arange(600) % 3 == 0, math.nan, np.where(np.arange(600) % 3 == 1, 0.0, 0.5))
    claims = claims_of(decisions, strength, 300)
    assert len(claims.hit) == 200
    assert claims.by_method["raw"].tolist() == [0.75] * 200
    assert claims.tested.sum() == 100
    assert claims.reports()["isotonic"].ece < claims.reports()["raw"].ece


def test_the_whole_study_runs_over_files(tmp_path) -> None:
    for number, symbol in enumerate(("AAAUSD", "BBBUSD")):
        bars = made_bars(1500, number)
        columns = {"open": bars.open, "high": bars.high, "low": bars.low, "close": bars.close}
        stamps = np.arange(1500) * 60 * MINUTE_NS
        target = tmp_path / "fx" / "h1" / f"{symbol}_H1_2020_2021_mt5.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"ts": pa.array(stamps, pa.timestamp("ns", "UTC")), **columns}), target)
    study = run_study(tmp_path, SERIES[0])
    assert study.symbols == ("AAAUSD", "BBBUSD")
    assert [one.learner for one in study.differences] == [learner.name.lower() for learner in Learner]
    assert set(study.reports) == {"confluence", "forex desk"}
    assert sorted(grouped_names(study.groups).replace("; ", " + ").split(" + ")) == sorted(SOURCES)


def test_data_that_is_not_there_or_no_data_is_refused_by_name(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match="TRIFECTA_DATA"):
        files_of(tmp_path, SERIES[0])
    stamps, price = pa.array([0, DAY_NS], pa.timestamp("ns", "UTC")), [1.0, 1.0]
    table = pa.table({"ts": stamps, "open": price, "high": price, "low": [1.0, 0.0], "close": price})
    pq.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(DataQualityError, match=r"x\.parquet: prices"):
        read_bars(tmp_path / "x.parquet", MINUTE_NS)
    pq.write_table(table.set_column(0, "ts", stamps.take(pa.array([1, 0]))), tmp_path / "y.parquet")
    with pytest.raises(DataQualityError, match=r"y\.parquet: times must rise"):
        read_bars(tmp_path / "y.parquet", MINUTE_NS)


def test_the_picture_is_well_formed_and_names_what_it_shows() -> None:
    rng = np.random.default_rng(1)
    claims = rng.uniform(0.5, 1.0, 500)
    report = reliability_of(claims, (rng.random(500) < 0.5).astype(float), 20)
    text = reliability_svg("a < b", {"desk": {"raw": report, "beta buckets": report, "isotonic": report}})
    words = [element.text for element in ET.fromstring(text).iter("{http://www.w3.org/2000/svg}text")]
    assert "a < b" in words
    assert f"raw: ECE {report.ece:.3f}, Brier {report.brier:.4f}" in words
