# Two commands do everything: `make run` and `make test`. The rest are their parts.
PYTHON ?= python3.11
BIN := .venv/bin
SEEDS ?= 1000
MUTATIONS ?= 100000
# What `make run` hands on to `trifecta run`, say ARGS="--desk forex".
ARGS ?=

.PHONY: setup training run test check lint types imports warm fast slow coverage bench sim soak tamper clean

setup: .setup-stamp

.setup-stamp: requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m research.warming
	touch $@

# What training needs beyond a runtime: torch, by itself, because the index decides whether it is the CPU build.
training: .training-stamp

.training-stamp: .setup-stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	touch $@

run: setup
	$(BIN)/trifecta run $(ARGS)

# Tests with a Ray wait for it a third of their time: coverage takes what they leave.
test: check
	$(MAKE) --output-sync=line -j 2 slow coverage

check: setup training lint types imports fast

lint:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types:
	$(BIN)/mypy

imports:
	$(BIN)/lint-imports

# Kernels of this version of the code, once, before workers would each compile the same.
warm:
	$(BIN)/python -m research.warming

fast: warm
	$(BIN)/pytest -n 2 --dist loadfile -m "not cluster and not slow and not browser"

# What has a Ray of its own takes both cores; the rest is shared out.
slow: warm
	$(BIN)/pytest -n 2 --dist worksteal -m "(slow or browser) and not cluster"
	$(BIN)/pytest -m "cluster"

# Tests of opinions, which hold no money: slow where kernels are plain Python, and nothing is measured by them.
OPINIONS := $(wildcard tests/policies/test_pattern*.py tests/policies/test_*regime.py tests/policies/test_calibration*.py \
	tests/policies/test_bandits.py tests/policies/test_con*.py tests/policies/test_chance.py tests/policies/test_demotion.py \
	tests/policies/signals/test_chain.py tests/policies/signals/test_outcomes.py tests/policies/test_scan_pace.py \
	tests/market/test_microstructure.py tests/market/test_structure.py tests/market/test_indicators.py \
	tests/envs/test_scenarios.py tests/policies/test_evaluating.py tests/policies/test_genome*.py)
OPINIONS := $(filter-out tests/policies/test_controls.py, $(OPINIONS))

# Nor by these, which ask the same code once more: with flaws in the tape, and for minutes on end.
AGAIN := --deselect tests/envs/test_coasting.py::test_limits_are_reached_while_coasting \
	-k "not test_a_feed_alone_and_among_others_decides_the_same or sound"

# Money code, by branch, with its kernels run as plain Python so that coverage sees them.
coverage:
	rm -f .coverage .coverage.*
	NUMBA_DISABLE_JIT=1 nice -n 19 $(BIN)/coverage run --rcfile=tests/money_coverage.toml -m pytest -p tests.plain_kernels \
		-n 2 --dist loadfile tests/market tests/policies tests/envs -m "not slow" $(addprefix --ignore=, $(OPINIONS)) $(AGAIN)
	$(BIN)/coverage combine --quiet --rcfile=tests/money_coverage.toml
	$(BIN)/coverage report --rcfile=tests/money_coverage.toml --fail-under=95

bench: setup training
	$(BIN)/python -m bench

sim: setup
	$(BIN)/python -m tests.simulation --seeds $(SEEDS)

# Everything that takes its time: more seeds, the whole crash-point matrix, and processes that are really killed.
soak: sim
	$(BIN)/python -m tests.orders --crashes 10000
	$(BIN)/python -m tests.orders.soak --kills 200
	$(BIN)/python -m tests.cluster.recovery --kills 100
	$(BIN)/python -m tests.adversarial --paths 10000 --seed 1

# Change a real journal at random, and look whether every change is found.
tamper: setup
	$(BIN)/python -m tests.journal.mutations --count $(MUTATIONS)

clean:
	rm -rf .venv .setup-stamp .training-stamp .kernels .trifecta .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
