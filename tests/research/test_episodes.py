"""An episode of a run, as a picture and as a page: what is drawn is what happened, and what does not fit is refused."""

import json
import math
import re

import numpy as np
import pytest

from envs.episode import Episode, EpisodeError, Fills, require_episode, result_of_episode
from research.backtest import Backtest
from research.drawing import Box, Words, svg_of, write_drawing
from research.episode_page import action_figure, write_episode
from research.episode_picture import headline_of, picture_of_episode, runs_of
from research.episodes import BUY, CLOSE, SELL, episode_of
from research.planning import Planned
from tests.builders import MINUTE, START_NS, a_plan, a_result, a_tape

EVIL = '<script>alert("1 & 2")</script>'


def an_episode(steps=600, **changes):
    """A walk; long for the second quarter of it and short for the third."""
    rng = np.random.default_rng(1)
    close = 1.1 + np.cumsum(rng.normal(0, 1e-4, steps))
    time_ns = START_NS + np.arange(steps) * MINUTE
    part = np.arange(steps) * 4 // steps
    position = np.select([part == 1, part == 2], [3, -2], 0)
    edges = np.flatnonzero(np.diff(position)) + 1
    equity = 10_000.0 + np.cumsum(np.concatenate([[0.0], position[:-1] * np.diff(close) * 1e4]))
    fills = Fills(
        time_ns[edges], close[edges], np.diff(position)[edges - 1], np.array([math.nan, 4.0, -2.5])[: len(edges)]
    )
    episode = Episode(
        environment="trifecta/Forex-v0", policy="a static policy", instrument="EURUSD@fx", data="a walk", seed=7,
        currency="USD", action_names=("hold", "long", "short"), time_ns=time_ns, close=close,
        action=np.select([position > 0, position < 0], [1, 2], 0), position=position, equity=equity,
        drawdown=np.maximum.accumulate(equity) - equity, reward=np.diff(np.log(equity), prepend=np.log(equity[0])),
        fills=fills,
    )  # fmt: skip
    return episode._replace(**changes)


@pytest.fixture(scope="module")
def run():
    plan, tape = a_plan(), a_tape(minutes=300, ticks=8_000)
    return Backtest(Planned(plan, tape, (("a tape", "0" * 64, 1),), ()), a_result(plan, tape), 1.0, len(tape.time_ns))


def test_an_episode_says_what_came_of_it():
    episode = an_episode()
    found = result_of_episode(episode)
    assert (found.steps, found.trades, found.gained, found.exposed) == (600, 2, 1, 0.5)
    assert found.profit == pytest.approx(episode.equity[-1] - 10_000.0)
    assert math.exp(found.reward_sum) == pytest.approx(found.end_equity / found.begin_equity)
    assert "2 closed trades here, 1 gained; in a position 50.0 % of 600 steps" in headline_of(episode)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"close": np.zeros(3)}, "close has shape (3,); (600,) as time_ns is allowed"),
        ({"equity": np.where(np.arange(600) == 5, np.nan, 1.0)}, "equity is not finite at step 5"),
        ({"time_ns": START_NS - np.arange(600)}, "time_ns goes back at step 1"),
        ({"action": np.full(600, 3)}, "action from 0 to 2 is allowed"),
        ({"fills": Fills(np.zeros(1, int), np.zeros(2), np.zeros(1, int), np.zeros(1))}, "columns of different"),
        ({"time_ns": np.zeros(1, np.int64)}, "1 steps; at least 2 are allowed"),
    ],
)
def test_an_episode_that_does_not_fit_itself_is_refused(changes, said):
    with pytest.raises(EpisodeError) as caught:
        require_episode(an_episode(**changes))
    assert said in str(caught.value)


def test_a_run_becomes_the_episode_of_each_of_its_instruments(run):
    for instrument in ("EURUSD@fx", "EURUSD@a", "EURUSD.60s@a"):
        episode = episode_of(run, instrument)
        reports = [one for one in run.result.reports if one.instrument == instrument]
        assert len(episode.fills.lots) == sum(one.report in ("FILL", "SETTLE") for one in reports)
        trades = [one for one in run.result.trades if one.instrument == instrument]
        assert math.fsum(episode.fills.gain[~np.isnan(episode.fills.gain)]) == pytest.approx(sum(t.pnl for t in trades))
        held = run.result.positions.get(instrument, {"lots": 0})["lots"]
        assert episode.fills.lots.sum() == held
        wanted = [one for one in run.result.decisions if any(leg.instrument == instrument for leg in one.legs)]
        assert bool(wanted) == bool(np.isin(episode.action, [BUY, SELL, CLOSE]).any())
        assert np.abs(episode.fills.price / episode.close.mean() - 1.0).max(initial=0.0) < 0.1
    with pytest.raises(EpisodeError, match=r"there is no instrument 'MOON' in this run; allowed are EURUSD@fx"):
        episode_of(run, "MOON")


def test_a_picture_shows_everything_and_lies_within_its_frame(tmp_path):
    drawing = picture_of_episode(an_episode())
    words = [shape.text for shape in drawing.shapes if isinstance(shape, Words)]
    for said in ("position (lots)", "below its peak (USD)", "sum of rewards", "hold", "long", "short", "+3", "-2"):
        assert said in words
    for shape in drawing.shapes:
        if isinstance(shape, Box):
            assert 0 <= shape.x <= shape.x + shape.width <= drawing.width
            assert 0 <= shape.y <= shape.y + shape.height <= drawing.height
    assert svg_of(picture_of_episode(an_episode())) == svg_of(drawing)
    write_drawing(drawing, tmp_path / "episode.png")
    assert (tmp_path / "episode.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("steps", [2, 4, 50_000])
def test_short_long_and_idle_episodes_are_drawn(steps, tmp_path):
    idle = an_episode(steps)
    flat = idle._replace(
        position=np.zeros(steps, np.int64), equity=np.full(steps, 5.0), drawdown=np.zeros(steps),
        reward=np.zeros(steps), close=np.ones(steps), action=np.zeros(steps, np.int64),
        fills=Fills(*(np.zeros(0, kind) for kind in (np.int64, float, np.int64, float))),
    )  # fmt: skip
    for one in (idle, flat):
        assert len(picture_of_episode(one).shapes) < 15_000
        assert write_episode(one, tmp_path / "page.html").stat().st_size < 8_000_000


def test_a_page_needs_nothing_else_is_the_same_again_and_takes_names_as_words(tmp_path):
    episode = an_episode(policy=EVIL, action_names=("hold", "long", f"short {EVIL}"))
    page = write_episode(episode, tmp_path / "deep" / "episode.html").read_text()
    assert page == write_episode(episode, tmp_path / "again.html").read_text()
    assert EVIL not in page
    assert "default-src 'none'" in page
    (data,) = re.findall(r'<script type="application/json" id="figures">(.*?)</script>', page, re.DOTALL)
    assert list(json.loads(data)) == ["price", "equity", "rewards", "actions"]
    assert "prefers-color-scheme: dark" in page


def test_the_actions_are_counted():
    figure = action_figure(an_episode())
    assert figure.summary == "Actions: hold 300, long 150, short 150."


def test_runs_cover_every_step_once():
    assert runs_of(np.array([0, 0, 2, 2, -1])) == [(0, 2, 0), (2, 4, 2), (4, 5, -1)]
