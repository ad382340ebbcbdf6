"""Reference: Pareto fronts with crowding, canonical genomes with hash and size, fitness with its penalties."""

import math
from typing import Any

import pytest

from research.evolving.objectives import Terms, nsga2_fronts, penalised_fitness
from research.genome import canonical, genome_hash, size_of
from tests.reference.cases import Case, cases, check


def fronts(inputs: dict[str, Any]) -> dict[str, Any]:
    found = nsga2_fronts([(score, complexity) for score, complexity in inputs["points_score_complexity"]])
    crowding = ["Infinity" if math.isinf(value) else value for value in found.crowding]
    return {"fronts": [list(front) for front in found.fronts], "crowding": crowding}


def canonical_genome(inputs: dict[str, Any]) -> dict[str, Any]:
    genome = inputs["genome"]
    size = size_of(genome)
    return {"canonical": canonical(genome), "sha256": genome_hash(genome), "nodes": size.nodes, "depth": size.depth}


def fitness(inputs: dict[str, Any]) -> dict[str, Any]:
    terms = Terms(lam=inputs["lam"], gap=inputs["gap_penalty"], trades_min=inputs["min_trades"])
    return {
        "fitness": penalised_fitness(
            inputs["oos_sharpe"], inputs["is_sharpe"], inputs["nodes"], inputs["trades"], terms
        )
    }


ADAPTERS = {"nsga2_fronts": fronts, "canonical_genome": canonical_genome, "penalised_fitness": fitness}


@pytest.mark.parametrize("case", cases("learning/genetic.json"))
def test_genetics_give_the_reference_value(case: Case) -> None:
    check(case, ADAPTERS)
