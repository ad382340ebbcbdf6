"""Sanity of learning, small: told the next return an agent finds it; shown noise it finds nothing."""

import pytest

from research.learning.sanity import Sanity, leaked, noise, oracle_bound

pytestmark = pytest.mark.slow

SMALL = Sanity(frames=200_000, envs=16, bars=2_000)


def test_the_bound_of_the_oracle_solves_its_equation() -> None:
    assert oracle_bound() == pytest.approx(0.2760, abs=2e-3)


def test_what_is_leaked_is_found() -> None:
    told = leaked(SMALL)
    assert told.oracle > 0.0
    assert told.share >= 0.8  # `python -m bench learning` trains on, to 95 % and more


def test_noise_is_not_beaten() -> None:
    assert noise(SMALL._replace(frames=60_000, seed=2)).p_value > 0.05
