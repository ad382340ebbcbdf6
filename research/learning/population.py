"""A population: members learn side by side, and after every chunk the worst go on from the best, changed a little.

Ray Tune's population based training decides, in step: nobody goes on before all are judged on the validation part. Its
chance follows from the seed and the chunk. What a member makes of a chunk follows from the steps before it, its terms,
the seed and its number, and is kept under the hash of these. So a population that is asked for again finds what it has
done, decides the same, and goes on where it was stopped or killed.
"""

import hashlib
import logging
import os
import shutil
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from msgspec import Struct, structs

from actors.local import STORE_BYTES, LocalRay
from policies.plan import canonical
from research.learning.fleet import TrainingError, run_name
from research.learning.parts import Source, fitted_observer
from research.learning.spec import SpecError, TrainSpec
from research.learning.training import Job, Progress, finish, learn_chunk
from research.paper import revision

RANGES: Final = {
    "rate": (1e-5, 1e-2), "entropy": (1e-5, 5e-2), "horizon": (10.0, 1000.0), "trace": (5.0, 100.0),
    "epochs": (1.0, 12.0),
}  # fmt: skip
"""What may change, and how far: the learning rate, what exploring is worth, 1 / (1 - gamma), 1 / (1 - gae), epochs.

All are changed by a factor, so that a discount of 0.99 has as far to 0.9 as to 0.999.
"""
OF_DQN: Final = ("rate", "horizon")
FACTORS: Final = (0.8, 1.25)
RESAMPLED: Final = 0.25
"""Share of changes that draw anew within the range, instead of a factor."""
QUANTILE: Final = 0.25
"""Share of the members that give up, and share of those that are copied."""
MEMBERS: Final = (4, 64)
DEATHS_MAX: Final = 5
"""Times that a member's worker may die."""
FILE: Final = "population.json"
_TUNE: Final = {"TUNE_DISABLE_SIGINT_HANDLER": "1", "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1"}


class Link(Struct, frozen=True, kw_only=True):
    """One chunk of a line: which member learnt it, by which terms, and what it was worth on the validation part."""

    member: int
    terms: dict[str, float]
    value: float = 0.0


class Step(Struct, frozen=True, kw_only=True):
    """What a member has made of a chunk: the line that led to it, oldest first, and its network."""

    line: tuple[Link, ...]
    numbers: tuple[float, ...]

    @property
    def value(self) -> float:
        """What it is worth on the validation part."""
        return self.line[-1].value


class Population(Struct, frozen=True, kw_only=True):
    """A finished population: the line of every member, the chunks of the best one, and its artefact."""

    seed: int
    members: tuple[tuple[Link, ...], ...]
    best: tuple[Link, ...]
    artefact: str


class Bred(NamedTuple):
    """A finished training of a population: its run's name, the folder it was kept in, and how it went."""

    run: str
    folder: Path
    population: Population
    seconds: float


def check_members(members: int) -> None:
    """Refuse a population that is too small to have a best and a worst part, or too large."""
    if not MEMBERS[0] <= members <= MEMBERS[1]:
        raise SpecError(f"--population {members}: {MEMBERS[0]} to {MEMBERS[1]} is allowed")


def first_terms(spec: TrainSpec, seed: int, member: int) -> dict[str, float]:
    """Return the terms that a member begins with: the first those that were asked for, within the ranges."""
    names = OF_DQN if spec.algorithm == "dqn" else tuple(RANGES)
    if member == 0:
        asked = {
            "rate": spec.rate, "entropy": spec.entropy, "epochs": float(spec.epochs),
            "horizon": 1.0 / max(1.0 - spec.gamma, 1e-9), "trace": 1.0 / max(1.0 - spec.gae, 1e-9),
        }  # fmt: skip
        return within({name: asked[name] for name in names})
    rng = np.random.default_rng([seed, member])
    return {name: float(np.exp(rng.uniform(*np.log(RANGES[name])))) for name in names}


def within(terms: dict[str, float]) -> dict[str, float]:
    """Return terms held within their ranges."""
    return {name: min(max(value, RANGES[name][0]), RANGES[name][1]) for name, value in terms.items()}


def spec_with(spec: TrainSpec, terms: dict[str, float]) -> TrainSpec:
    """Return a spec under a member's terms."""
    changes: dict[str, Any] = {name: terms[name] for name in ("rate", "entropy") if name in terms}
    changes |= {"gamma": 1.0 - 1.0 / terms["horizon"]}
    if "trace" in terms:
        changes |= {"gae": 1.0 - 1.0 / terms["trace"], "epochs": round(terms["epochs"])}
    return structs.replace(spec, **changes)


def take_step(job: Job, observer: tuple[float, ...], before: str, member: int, terms: dict[str, float]) -> str:
    """Let a member learn its next chunk from a step (its name, "" for none) on; return the name of what it came to.

    What was done before is not done again.
    """
    line = read_step(job.folder, before).line if before else ()
    # what a step is worth follows from the rest, so that it is no part of its name
    asked = [*(structs.replace(link, value=0.0) for link in line), Link(member=member, terms=terms)]
    name = hashlib.sha256(canonical(asked)).hexdigest()[:16]
    own = step_folder(job.folder, name)
    if (own / "step.json").exists():
        return name
    draft = own.with_name(f"{name}.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    mine = job._replace(spec=spec_with(job.spec, terms), seed=job.seed * 1_000 + member)
    value, numbers = learn_chunk(mine, observer, len(line), step_folder(job.folder, before) if before else None, draft)
    step = Step(line=(*line, Link(member=member, terms=terms, value=value)), numbers=numbers)
    (draft / "step.json").write_bytes(canonical(step))
    shutil.rmtree(own, ignore_errors=True)
    draft.rename(own)
    return name


def step_folder(folder: Path, name: str) -> Path:
    """Return where a step is kept."""
    return folder / "steps" / name


def read_step(folder: Path, name: str) -> Step:
    """Return a step."""
    return msgspec.json.decode((step_folder(folder, name) / "step.json").read_bytes(), type=Step)


def run_population(
    spec: TrainSpec, sources: tuple[Source, ...], asked: tuple[int, int], home: Path,
    watch: Callable[[int, float], None] = lambda *_: None, wished: Callable[[], bool] = lambda: False,
) -> Bred:  # fmt: skip
    """Train a population (`asked`: its seed, its members); `watch` hears how many steps are done and the best value.

    KeyboardInterrupt once somebody `wished`; TrainingError where a member could not go on.
    """
    seed, members = asked
    check_members(members)
    run, begin = f"{run_name(spec, sources)}-pbt{members}", time.perf_counter()
    folder = home / "training" / run / f"seed-{seed}"
    job = Job(spec, sources, seed, folder, home / "models", revision())
    if not (folder / FILE).exists():
        names = _evolve(job, members, watch, wished)
        _finish(job, names)
    population = msgspec.json.decode((folder / FILE).read_bytes(), type=Population)
    return Bred(run, folder, population, time.perf_counter() - begin)


def _evolve(
    job: Job, members: int, watch: Callable[[int, float], None], wished: Callable[[], bool]
) -> dict[int, str]:  # fmt: skip
    """Let Ray Tune work; return per member the name of its last step."""
    size = sum(sum(column.nbytes for column in source.tape) for source in job.sources)
    observer = fitted_observer(job.sources, job.spec)
    ray = LocalRay(cpus=min(os.cpu_count() or 1, members), store_bytes=STORE_BYTES + 2 * size)
    try:
        ray.start(_TUNE)
        from research.learning.members import tuned

        logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # what goes wrong is said by us, in one line
        with redirect_stdout(StringIO()):  # Ray tells of dead workers there, at length
            return tuned(job, observer, members, str(ray.folder / "tune"), watch, wished)
    finally:
        ray.stop()


def _finish(job: Job, names: dict[int, str]) -> None:
    """Make the best step an artefact, and say what the population was; what it learnt by is needed no more."""
    lines = {member: read_step(job.folder, name) for member, name in sorted(names.items())}
    done: dict[str, Step] = {}
    for path in sorted((job.folder / "steps").glob("*/step.json")):
        done[path.parent.name] = msgspec.json.decode(path.read_bytes(), type=Step)
    if len(lines) < 1 or any(len(step.line) != job.spec.chunks for step in lines.values()):
        raise TrainingError(f"seed {job.seed}: Ray Tune ended before the population did")
    # the first of equally good ones: of the earliest chunk, of the lowest member
    best = min(done.values(), key=lambda step: (-step.value, len(step.line), step.line[-1].member))
    values = tuple(link.value for link in best.line)
    progress = Progress(
        seed=job.seed, chunks=len(values), values=values, best=len(values) - 1, numbers=best.numbers
    )  # fmt: skip
    mine = job._replace(spec=spec_with(job.spec, best.line[-1].terms))
    artefact = finish(mine, fitted_observer(job.sources, job.spec), progress)
    population = Population(
        seed=job.seed, members=tuple(step.line for step in lines.values()), best=best.line, artefact=artefact
    )  # fmt: skip
    draft = job.folder / f"{FILE}.draft"
    draft.write_bytes(canonical(population))
    draft.replace(job.folder / FILE)
    shutil.rmtree(job.folder / "steps")
