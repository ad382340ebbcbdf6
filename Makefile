# Two commands do everything: `make run` and `make test`. The rest are their parts.
PYTHON ?= python3.11
BIN := .venv/bin
SEEDS ?= 1000

.PHONY: setup run test check lint types imports fast bench sim soak clean

setup: .setup-stamp

.setup-stamp: requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

check: setup lint types imports fast

lint:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types:
	$(BIN)/mypy

imports:
	$(BIN)/lint-imports

fast:
	$(BIN)/pytest -m "not cluster and not slow and not browser"

sim:
	$(BIN)/python -m tests.simulation --seeds $(SEEDS)
