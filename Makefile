# `make` lists what there is. PYTHON= chooses the interpreter, ARGS= is handed to the program that is run.

SHELL := /bin/bash
.DEFAULT_GOAL := help
export PYTHON

BIN := .venv/bin
REPO ?= .
# Processes that tests run in: one for each core, at most four. 0: the one of pytest itself, for `-s` and `--pdb`.
WORKERS ?= logical

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: setup ## index a repository (REPO=path or URL, here: this one), ask it three questions, re-check the answers
	@scripts/demo.sh "$(REPO)"

.PHONY: setup
setup: ## .venv with loccit and its extras in it
	@scripts/environment.sh full

.PHONY: develop
develop: ## .venv with loccit and what tests and checks need
	@scripts/environment.sh dev

.PHONY: test
test: develop ## all tests (ARGS="tests/unit/sources -k fsmonitor")
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --maxprocesses 4 --dist worksteal $(ARGS)

.PHONY: check
check: lint types test ## format, lint, strict types, tests, documentation: what CI runs

.PHONY: lint
lint: develop
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

.PHONY: types
types: develop
	$(BIN)/basedpyright

.PHONY: format
format: develop ## format and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: docs
docs: develop ## write the generated pages and pictures of docs/ again
	$(BIN)/python scripts/reference_pages.py
	$(BIN)/python scripts/answer_format.py
	$(BIN)/python scripts/triage_format.py
	$(BIN)/python scripts/dataset_format.py
	$(BIN)/python scripts/policy_format.py
	$(BIN)/python scripts/eval_log_format.py
	$(BIN)/python scripts/readme_svg.py

.PHONY: bench
bench: develop ## the benchmarks (ARGS="NAME [--repos FOLDER] [--json]"; none: lists them)
	$(BIN)/python -m benchmarks $(ARGS)

.PHONY: lock
lock: ## requirements/*.txt again, from pyproject.toml, with the newest versions it allows
	@scripts/environment.sh lock

.PHONY: clean
clean: ## remove what the targets above made here; indexes of your own stay
	rm -rf .venv .tools .demo dist build .ruff_cache .hypothesis
	find . -name .git -prune -o -type d -name __pycache__ -prune -exec rm -rf {} +
