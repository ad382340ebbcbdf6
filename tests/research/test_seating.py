"""Seats: a challenger listens beside its desk, is refused whatever it asks for, and leaves no trace in the account."""

from pathlib import Path

import numpy as np
import pytest

from envs.rollout import open_engine, roll
from policies.intents import Rule, Ruling
from research.backtest import executing
from research.learning.artefact import ArtefactError, save_artefact
from research.learning.promotion import without_shadows
from research.learning.seating import seated, seats_of
from research.planning import Planned
from tests.builders import a_plan, a_tape
from tests.models import an_artefact


@pytest.fixture(scope="module")
def planned() -> Planned:
    return Planned(executing(a_plan()), a_tape(minutes=300, ticks=4_000), (), ())


def kept(folder: Path, policy: str, **params: float) -> str:
    return save_artefact(folder, an_artefact(policy, **params)).stem


def test_a_challenger_is_refused_and_the_account_does_not_know_of_it(planned: Planned, tmp_path: Path) -> None:
    name = kept(tmp_path, "network", hold_bars=20)
    beside = seated(planned, seats_of(tmp_path, (), (name[:8],)))
    alone, both = (roll(open_engine(one.plan), one.tape) for one in (planned, beside))
    listener = len(planned.plan.desks)
    own = both.decisions[both.decisions.desk == listener]
    assert len(own) > 20
    assert set(own.rules) == {Rule.SHADOW.value}
    assert set(own.ruling) == {Ruling.REFUSED}
    np.testing.assert_array_equal(both.decisions[both.decisions.desk != listener], alone.decisions)
    for log in ("orders", "reports", "trades", "samples", "latches", "account", "positions"):
        np.testing.assert_array_equal(getattr(both, log), getattr(alone, log))
    assert len(alone.orders) > 10


def test_without_its_challengers_a_plan_is_what_it_was(planned: Planned, tmp_path: Path) -> None:
    beside = seated(planned, seats_of(tmp_path, (), (kept(tmp_path, "network"), kept(tmp_path, "network_digital"))))
    assert len(beside.plan.desks) == len(planned.plan.desks) + 2
    plan, tape = without_shadows(beside.plan, beside.tape)
    assert plan == planned.plan
    for one, other in zip(tape, planned.tape, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_desk_decides_by_the_artefact_that_is_named(planned: Planned, tmp_path: Path) -> None:
    name = kept(tmp_path, "network_digital", claim=0.9)
    plan = seated(planned, seats_of(tmp_path, (name,))).plan
    assert [model.sha256 for model in plan.models] == [name]
    assert plan.desks[2].policy == "network_digital"
    assert dict(plan.desks[2].params)["claim"] == 0.9
    assert plan.desks[:2] == planned.plan.desks[:2]


def test_what_cannot_be_seated_is_one_line(planned: Planned, tmp_path: Path) -> None:
    one, other = kept(tmp_path, "network"), kept(tmp_path, "network", hold_bars=7)
    with pytest.raises(ArtefactError, match="two artefacts for the forex desk"):
        seats_of(tmp_path, (one, other))
    with pytest.raises(ArtefactError, match="its route can be watched by one desk only"):
        seated(planned, seats_of(tmp_path, (), (kept(tmp_path, "network_pair"),)))
    with pytest.raises(ArtefactError, match=r"0 artefacts in .* begin so; there are"):
        seats_of(tmp_path, ("00000000",))
