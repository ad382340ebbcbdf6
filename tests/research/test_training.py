"""Training one seed: the same artefact again, killed or not; and what an artefact refuses."""

import hashlib
from pathlib import Path

import msgspec
import numpy as np
import pytest

pytest.importorskip("torch")

from market.tape import PRICE_COLUMNS
from policies.plan import canonical
from research.learning.artefact import ArtefactError, find_artefact, load_artefact, save_artefact
from research.learning.parts import Source, fitted_observer, parts_of
from research.learning.spec import SpecError
from research.learning.training import Progress, progress_of, train_seed
from tests.research.trainings import a_job, a_source, a_spec


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return the folder of a finished training, and how it went."""
    folder = tmp_path_factory.mktemp("trained")
    return folder, train_seed(a_job(folder))


class KilledError(Exception):
    """Stands for a kill between two chunks."""


def killed_after(chunks: int):
    def tell(progress: Progress) -> None:
        if progress.chunks == chunks and not progress.artefact:
            raise KilledError

    return tell


def test_the_same_training_comes_to_the_same_artefact(trained, tmp_path: Path) -> None:
    folder, progress = trained
    again = train_seed(a_job(tmp_path))
    assert again == progress
    other = train_seed(a_job(tmp_path, seed=2))
    assert other.artefact != progress.artefact
    assert (tmp_path / "models" / f"{again.artefact}.json").read_bytes() == (
        folder / "models" / f"{progress.artefact}.json"
    ).read_bytes()


@pytest.mark.parametrize("chunks", [1, 2, 3])
def test_a_training_that_was_killed_comes_to_the_same_artefact(trained, tmp_path: Path, chunks: int) -> None:
    job = a_job(tmp_path)
    with pytest.raises(KilledError):
        train_seed(job, killed_after(chunks))
    assert progress_of(job.folder, job.seed).chunks == chunks
    assert train_seed(job) == trained[1]
    assert train_seed(job) == trained[1]  # what is done is not done again


@pytest.mark.slow
def test_dqn_goes_on_with_what_it_remembers(tmp_path: Path) -> None:
    spec = a_spec(algorithm="dqn", steps=480, batch=16)
    whole = train_seed(a_job(tmp_path / "a", spec))
    job = a_job(tmp_path / "b", spec)
    with pytest.raises(KilledError):
        train_seed(job, killed_after(1))
    assert train_seed(job) == whole


def changed_from(row: int) -> Source:
    """Return the market with other prices from a row on."""
    source, columns = a_source(), {}
    for name in PRICE_COLUMNS:
        column = getattr(source.tape, name).copy()
        column[row:] += 500 * (1 + np.arange(len(column) - row) % 3)
        columns[name] = column
    return source._replace(tape=source.tape._replace(**columns))


def test_the_test_part_is_not_touched_before_the_end(trained, tmp_path: Path) -> None:
    parts, purge = parts_of(a_source(), a_spec()), a_spec().purge
    other = train_seed(a_job(tmp_path / "a", source=changed_from(parts.test.first - purge)))
    progress = trained[1]
    assert (other.numbers, other.values, other.best) == (progress.numbers, progress.values, progress.best)
    seen = train_seed(a_job(tmp_path / "b", source=changed_from(parts.validation.first)))
    assert seen.values != progress.values  # what is changed here does count


def test_the_best_chunk_on_the_validation_part_is_kept(trained) -> None:
    folder, progress = trained
    _, artefact = load_artefact(folder / "models" / f"{progress.artefact}.json")
    assert progress.best == progress.values.index(max(progress.values)) == artefact.chunk
    assert artefact.numbers == progress.numbers
    assert len(progress.values) == a_spec().chunks
    assert artefact.validation[0].last_ns < artefact.test[0].first_ns


def test_parts_follow_each_other_with_a_purge_between() -> None:
    source, spec = a_source(), a_spec()
    train, validation, test = parts_of(source, spec)
    assert train.first == 0
    assert (validation.first - train.last, test.first - validation.last) == (spec.purge, spec.purge)
    assert test.last == len(source.tape.time_ns)
    with pytest.raises(SpecError, match="made1: the validation part has 0 rows after a purge of 900"):
        parts_of(source, a_spec(purge=900))


def test_an_observer_is_fitted_to_the_training_part_alone() -> None:
    source, spec = a_source(), a_spec()
    end = parts_of(source, spec).train.last
    close = source.tape.close.copy()
    close[end:] += 300
    changed = source._replace(tape=source.tape._replace(close=close))
    assert fitted_observer((source,), spec) == fitted_observer((changed,), spec)


def test_an_artefact_refuses_bytes_that_are_not_its_own(trained, tmp_path: Path) -> None:
    folder, progress = trained
    path = tmp_path / f"{progress.artefact}.json"
    content = (folder / "models" / path.name).read_bytes()
    path.write_bytes(content.replace(b'"seed":1', b'"seed":2'))
    with pytest.raises(ArtefactError, match="its name says another: changed or renamed"):
        load_artefact(path)
    with pytest.raises(ArtefactError, match="cannot be read"):
        load_artefact(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"version": 2}, "version 2; this program reads version 1"),
        ({"numbers": (1.0, 2.0)}, "not a network of 7 inputs and 5 actions"),
        ({"observer": (0.0,)}, "its observer does not fit its features"),
        ({"desk": "binary"}, "not a network of 7 inputs and 3 actions"),
        ({"policy": "oracle"}, "oracle"),
    ],
)
def test_an_artefact_that_does_not_fit_is_refused(trained, tmp_path: Path, changes, said: str) -> None:
    folder, progress = trained
    _, artefact = load_artefact(folder / "models" / f"{progress.artefact}.json")
    path = save_artefact(tmp_path, msgspec.structs.replace(artefact, **changes))
    with pytest.raises(ValueError, match=said):
        load_artefact(path)


def test_what_is_no_artefact_is_refused_in_a_line(tmp_path: Path) -> None:
    for content in (b"{}", b"[1]", b"no json"):
        path = tmp_path / f"{hashlib.sha256(content).hexdigest()}.json"
        path.write_bytes(content)
        with pytest.raises(ArtefactError, match="not a trained agent"):
            load_artefact(path)


def test_an_artefact_is_found_by_the_beginning_of_its_hash(trained) -> None:
    folder, progress = trained
    models = folder / "models"
    assert find_artefact(models, progress.artefact[:6]).stem == progress.artefact
    with pytest.raises(ArtefactError, match=f"0 artefacts in .* begin so; there are {progress.artefact[:12]}"):
        find_artefact(models, "0123456789")
    with pytest.raises(ArtefactError, match="at least four digits"):
        find_artefact(models, "zz")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"desk": "bonds"}, "--desk bonds: forex, arbitrage, binary is allowed"),
        ({"algorithm": "a2c"}, "--algorithm a2c: ppo, maskable_ppo, dqn is allowed"),
        ({"rate": float("nan")}, "rate = nan: 1e-08 to 1 is allowed"),
        ({"steps": 0}, r"steps = 0: 1 to 1e\+10 is allowed"),
        ({"net": ()}, "1 to 4 layers of 1 to 256 units are allowed"),
        ({"net": (257,)}, "--net 257: 1 to 4 layers of 1 to 256 units are allowed"),
        ({"train": 0.8, "validation": 0.2}, "both above 0, together below 1"),
        ({"features": ("rsi:14",)}, "the first one must be an atr:n"),
    ],
)
def test_a_training_that_cannot_be_is_refused(changes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        a_spec(**changes)


def test_a_spec_is_named_by_all_that_it_says() -> None:
    assert a_spec().named() == a_spec().named() != a_spec(gamma=0.98).named()
    assert a_spec().named() == hashlib.sha256(canonical(a_spec())).hexdigest()
