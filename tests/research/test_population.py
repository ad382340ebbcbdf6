"""A population of agents: lines of terms that lead to the best one, the same however often it is stopped."""

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")

from research.learning.artefact import load_artefact
from research.learning.parts import fitted_observer
from research.learning.population import (
    FILE,
    RANGES,
    first_terms,
    read_step,
    run_population,
    spec_with,
    take_step,
    within,
)
from research.learning.spec import SpecError
from tests.research.trainings import a_job, a_source, a_spec


def test_the_first_member_begins_as_asked_and_all_within_the_ranges() -> None:
    spec = a_spec()
    mine = spec_with(spec, first_terms(spec, 3, 0))
    assert (mine.rate, mine.entropy, mine.epochs) == (spec.rate, spec.entropy, spec.epochs)
    assert (mine.gamma, mine.gae) == pytest.approx((spec.gamma, spec.gae), abs=1e-12)
    drawn = [first_terms(spec, 3, member) for member in range(1, 9)]
    assert drawn == [first_terms(spec, 3, member) for member in range(1, 9)]
    assert len({one["rate"] for one in drawn}) == 8
    for one in drawn:
        assert one == within(one)
        assert all(low <= one[name] <= high for name, (low, high) in RANGES.items())
        assert 0.9 <= spec_with(spec, one).gamma <= 0.999


def test_terms_never_leave_their_ranges() -> None:
    far = {name: high * 2.0 for name, (_, high) in RANGES.items()}
    assert within(far) == {name: high for name, (_, high) in RANGES.items()}


def test_dqn_changes_what_it_has() -> None:
    assert set(first_terms(a_spec(algorithm="dqn"), 1, 3)) == {"rate", "horizon"}


def test_a_step_follows_from_its_line_and_is_done_once(tmp_path: Path) -> None:
    job, other = a_job(tmp_path / "a"), a_job(tmp_path / "b")
    observer = fitted_observer(job.sources, job.spec)
    terms = first_terms(job.spec, 1, 2)
    first = take_step(job, observer, "", 2, terms)
    second = take_step(job, observer, first, 0, first_terms(job.spec, 1, 0))
    step = read_step(job.folder, second)
    assert [link.member for link in step.line] == [2, 0]
    assert step.line[:1] == read_step(job.folder, first).line
    when = (job.folder / "steps" / first / "step.json").stat().st_mtime_ns
    assert take_step(job, observer, "", 2, terms) == first
    assert (job.folder / "steps" / first / "step.json").stat().st_mtime_ns == when
    assert take_step(other, observer, "", 2, terms) == first
    assert read_step(other.folder, first) == read_step(job.folder, first)
    assert take_step(job, observer, "", 3, terms) != first


def test_too_few_members_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="--population 3: 4 to 64 is allowed"):
        run_population(a_spec(), (a_source(),), (1, 3), tmp_path)


@pytest.mark.cluster
@pytest.mark.slow
def test_a_population_that_was_stopped_comes_to_the_same_artefact(tmp_path: Path) -> None:
    spec, sources = a_spec(), (a_source(),)
    whole = run_population(spec, sources, (1, 4), tmp_path / "a")
    population = whole.population
    assert [len(line) for line in population.members] == [3] * 4
    assert any(link.member != k for k, line in enumerate(population.members) for link in line)  # somebody was followed
    assert population.best[-1].value >= max(line[-1].value for line in population.members)
    sha256, artefact = load_artefact(tmp_path / "a" / "models" / f"{population.artefact}.json")
    assert artefact.spec == spec_with(spec, population.best[-1].terms)
    told: list[int] = []

    def wished() -> bool:
        return bool(told) and told[-1] >= 6

    with pytest.raises(KeyboardInterrupt):
        run_population(spec, sources, (1, 4), tmp_path / "b", lambda done, _: told.append(done), wished)
    again = run_population(spec, sources, (1, 4), tmp_path / "b")
    assert again.population == population
    assert again.run == whole.run
    assert not (again.folder / "steps").exists()
    assert json.loads((again.folder / FILE).read_bytes())["artefact"] == sha256
