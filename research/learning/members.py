"""The members of a population as trials of Ray Tune; workers load this file, so that nothing else imports it."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import ray.tune
from ray.tune.schedulers import PopulationBasedTraining
from ray.tune.search import BasicVariantGenerator

from research.learning.fleet import TrainingError
from research.learning.parts import Source
from research.learning.population import (
    DEATHS_MAX,
    FACTORS,
    QUANTILE,
    RANGES,
    RESAMPLED,
    first_terms,
    read_step,
    take_step,
    within,
)
from research.learning.training import Job

VALUE: Final = "value"


def number_of(trial_id: str) -> int:
    """Return a member's number: trials are numbered behind a prefix of Tune's."""
    return int(trial_id.rsplit("_", 1)[-1])


class Member(ray.tune.Trainable):
    """One member; its state is the name of its last step. The terms are its configuration."""

    def setup(
        self, config: dict[str, Any], job: Job | None = None, sources: tuple[Source, ...] = (),
        observer: tuple[float, ...] = (),
    ) -> None:  # fmt: skip
        """Begin with nothing learnt."""
        assert job is not None
        self._job, self._observer, self._terms, self._name = job._replace(sources=sources), observer, config, ""

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Go on as another member, whose state follows."""
        self._terms, self._name = new_config, ""
        return True

    def step(self) -> dict[str, Any]:
        """Learn a chunk."""
        self._name = take_step(self._job, self._observer, self._name, number_of(self.trial_id), dict(self._terms))
        return {VALUE: read_step(self._job.folder, self._name).value, "name": self._name}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Keep the name of the last step."""
        (Path(checkpoint_dir) / "step.json").write_text(json.dumps(self._name))

    def load_checkpoint(self, checkpoint: Any) -> None:
        """Go on from a step, of this member or of the one that it is to follow."""
        self._name = json.loads((Path(checkpoint) / "step.json").read_text())


class InStep(PopulationBasedTraining):
    """Population based training whose chance follows from a seed and the chunk, and from nothing else."""

    def __init__(self, seed: int, **options: Any) -> None:
        super().__init__(**options)
        self._seed = seed

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Draw anew: Tune takes its chance from the generators of the whole process."""
        number = int(np.random.default_rng([self._seed, int(result["training_iteration"])]).integers(2**31))
        random.seed(number)
        np.random.seed(number)
        return str(super().on_trial_result(tune_controller, trial, result))


class Heard(ray.tune.Callback):
    """Tells how many steps are done, and ends the search once somebody wished it."""

    def __init__(self, watch: Callable[[int, float], None], wished: Callable[[], bool]) -> None:
        self._watch, self._wished = watch, wished
        self.names: dict[int, str] = {}
        self.done, self.best = 0, -np.inf

    def on_step_begin(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Ask."""
        if self._wished():
            raise KeyboardInterrupt

    def on_trial_result(self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **_: Any) -> None:
        """Tell."""
        self.done, self.best = self.done + 1, max(self.best, result[VALUE])
        self.names[number_of(trial.trial_id)] = result["name"]
        self._watch(self.done, self.best)


def tuned(
    job: Job, observer: tuple[float, ...], members: int, folder: str, watch: Callable[[int, float], None],
    wished: Callable[[], bool],
) -> dict[int, str]:  # fmt: skip
    """Let the members learn all chunks on the Ray that runs; return per member the name of its last step."""
    points = [first_terms(job.spec, job.seed, member) for member in range(members)]
    space = {name: ray.tune.loguniform(*RANGES[name]) for name in points[0]}
    heard = Heard(watch, wished)
    data: dict[str, Any] = {"job": job._replace(sources=()), "sources": job.sources, "observer": observer}
    tuner = ray.tune.Tuner(
        ray.tune.with_resources(ray.tune.with_parameters(Member, **data), {"cpu": 1}),
        param_space=space,
        tune_config=ray.tune.TuneConfig(
            num_samples=members, reuse_actors=True,
            search_alg=BasicVariantGenerator(points_to_evaluate=points, random_state=job.seed),
            scheduler=InStep(
                job.seed, time_attr="training_iteration", metric=VALUE, mode="max", perturbation_interval=1,
                hyperparam_mutations=space, quantile_fraction=QUANTILE, resample_probability=RESAMPLED,
                perturbation_factors=FACTORS, custom_explore_fn=within, synch=True, log_config=False,
            ),
        ),
        run_config=ray.tune.RunConfig(
            name="population", storage_path=folder, verbose=0, callbacks=[heard],
            stop={"training_iteration": job.spec.chunks},
            checkpoint_config=ray.tune.CheckpointConfig(checkpoint_frequency=1),  # all are kept: others go on from them
            failure_config=ray.tune.FailureConfig(max_failures=DEATHS_MAX),
        ),
    )  # fmt: skip
    results = tuner.fit()
    if wished():
        raise KeyboardInterrupt
    for error in results.errors:
        raise TrainingError(f"seed {job.seed}: {str(error).strip().splitlines()[-1]}") from error
    return heard.names
