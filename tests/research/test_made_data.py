"""Made markets as files: what the loader reads of them is the tape that was drawn, to the tick and the nanosecond."""

from decimal import Decimal

import numpy as np
import pytest

from envs.scenario_terms import ScenarioError
from envs.scenarios import SCENARIOS, make_market, terms_of
from market.tape import Flaw, tape_hash
from research.catalogue import build
from research.loader import load_bars, load_quotes
from research.made_data import make_data, terms_given

EVER = 2**62


@pytest.mark.parametrize("name", [name for name in SCENARIOS if name != "dislocations"])
def test_bars_come_back_as_they_were_drawn(name, tmp_path):
    made = make_data(name, 5, "EURUSD", ["steps=400"], tmp_path)
    (entry,) = build(tmp_path).entries
    assert (entry.symbol, entry.path, entry.rows) == ("EURUSD", *made.files[0])
    bars = load_bars(tmp_path, entry, Decimal("0.00001"), 0, EVER)
    tape = make_market(name, np.random.default_rng(5), steps=400).tape
    assert made.tape_hash == tape_hash(tape)
    kept = (tape.flaws & Flaw.DUPLICATE) == 0  # a bar that is there already is left out, and reported
    assert np.array_equal(bars.close_ns, tape.time_ns[kept])
    assert bars.ask is not None
    for read, drawn in zip((*bars.bid, *bars.ask), tape[2:10], strict=True):
        assert np.array_equal(read, drawn[kept])
    assert np.array_equal(bars.flaws, tape.flaws[kept])
    assert bars.report.duplicate == np.count_nonzero(~kept)


def test_quotes_of_both_venues_come_back_as_they_were_drawn(tmp_path):
    made = make_data("dislocations", 5, "GBPUSD", ["steps=200", "noise_ticks=1,2"], tmp_path)
    tape = make_market("dislocations", np.random.default_rng(5), steps=200, noise_ticks=(1.0, 2.0)).tape
    entries = {entry.path: entry for entry in build(tmp_path).entries}
    assert [entries[path].venue for path, _ in made.files] == ["venue_a", "venue_b"]
    for feed, (path, rows) in enumerate(made.files):
        quotes = load_quotes(tmp_path, entries[path], Decimal("0.00001"), 0, EVER)
        own = tape.feed == feed
        assert rows == np.count_nonzero(own) > 100
        for read, drawn in zip(quotes[:3], (tape.time_ns, tape.close, tape.ask_close), strict=True):
            assert np.array_equal(read, drawn[own])


def test_the_same_seed_makes_the_same_files(tmp_path):
    made = [make_data("jumps", 3, "EURUSD", [], tmp_path / name) for name in ("a", "b")]
    assert made[0] == made[1]
    path = made[0].files[0][0]
    assert (tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes()


def test_words_become_terms_of_their_kind():
    assert terms_given(terms_of("regimes"), ["steps=7", "stay=0.9,0.8", "drifts_bp=1,2"]) == {
        "steps": 7, "stay": (0.9, 0.8), "drifts_bp": (1.0, 2.0),
    }  # fmt: skip
    assert terms_given(terms_of("walk"), ["tail_df=4", "volatility_bp=2"]) == {"tail_df": 4.0, "volatility_bp": 2.0}


@pytest.mark.parametrize(
    ("symbol", "word", "said"),
    [
        ("euro", "steps=5", "--symbol euro: a pair of currencies in capitals"),
        ("EURUSD", "steps", "--set steps: term=number is allowed"),
        ("EURUSD", "steps=1.5", "--set steps=1.5: '1.5' is no number; whole where the term is whole"),
        ("EURUSD", "moon=1", "there is no term 'moon'"),
        ("EURUSD", "volatility_bp=1,2", "volatility_bp = (1.0, 2.0): a number from 0 to 1,000"),
        ("EURUSD", "step_ns=61000000000", "bars of 60000000000 (M1), 300000000000 (M5)"),
    ],
)
def test_what_makes_no_data_is_refused(symbol, word, said, tmp_path):
    with pytest.raises(ScenarioError) as caught:
        make_data("walk", 1, symbol, [word], tmp_path)
    assert said in str(caught.value)
    assert not list(tmp_path.iterdir())
