# Set-up and checks. Needs make and Python 3.11 or newer, nothing else: the first run makes .venv.

VENV ?= .venv
WITHIN_dev := base test # what is installed along
WITHIN_test := base
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
PARALLEL ?= --numprocesses=auto --dist=loadscope --no-loadscope-reorder
PYTHONS := $(or $(PYTHON),python3.13 python3.12 python3.11 python3 python)
COMPILE = $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --annotation-style line --quiet \
	--custom-compile-command "make requirements" $(if $(UPGRADE),--upgrade)

unexport PYTHONDONTWRITEBYTECODE # tests start hundreds of processes, each of which would compile all of the project

.PHONY: help demo test lint format types contracts migrations wheel coverage requirements clean

help: ## Say what there is to do
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/base.stamp ## Run the example shop with worker and model server; ONCE=1 checks its traces and exits
	@$(BIN)/python -m project.demo $(if $(ONCE),--once)

test: $(VENV)/test.stamp ## Run the tests; ARGS="-k name" picks some, LLMTRACE_REQUIRE_SERVICES=1 fails without a service
	$(BIN)/python -m pytest $(PARALLEL) $(ARGS)

lint: $(VENV)/dev.stamp ## Check style and formatting
	$(BIN)/ruff check
	$(BIN)/ruff format --check

format: $(VENV)/dev.stamp ## Mend style and formatting where that is safe
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

types: $(VENV)/test.stamp ## Check types
	$(BIN)/mypy

contracts: $(VENV)/test.stamp ## Check who imports whom
	$(BIN)/lint-imports

migrations: $(VENV)/test.stamp ## Check that no migration is missing
	$(BIN)/python -m django makemigrations --check --dry-run --settings project.settings --pythonpath .

wheel: $(VENV)/test.stamp ## Build the wheel and use it in an empty environment
	.ci/wheel $(BIN)/python

coverage: $(VENV)/dev.stamp ## Run the tests and say what they leave out
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(PARALLEL) $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

requirements: $(VENV)/dev.stamp ## Compile requirements/ from pyproject.toml; UPGRADE=1 takes the newest releases
	$(COMPILE) --extra dev --output-file requirements/dev.txt
	$(COMPILE) --extra test --constraint requirements/dev.txt --output-file requirements/test.txt
	$(COMPILE) --extra demo --constraint requirements/dev.txt --output-file requirements/base.txt

clean: ## Remove what the other commands made
	rm -rf $(VENV) build dist var .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/%.stamp: requirements/%.txt pyproject.toml | $(BIN)/python
	@echo "Installing requirements/$*.txt"
	@$(PIP) --no-compile --no-deps --requirement requirements/$*.txt # which names all of them
	@$(PIP) --no-deps --editable .
	@$(BIN)/python -m compileall -q -j 0 $(VENV)/lib || true # on all cores; templates of code do not compile
	@touch $(patsubst %,$(VENV)/%.stamp,$(WITHIN_$*)) $@

$(BIN)/python:
	@for python in $(PYTHONS); do \
		if $$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			echo "Making $(VENV) with $$($$python --version)"; \
			$$python -m venv $(VENV) && exec $(PIP) --upgrade pip; `# Python's own may be years old, and slow` \
			exit 1; \
		fi; \
	done; \
	echo "No Python 3.11 or newer with venv among: $(PYTHONS)." >&2; \
	echo "Install one (Debian: apt install python3 python3-venv) or say where it is: make PYTHON=/path/to/python3" >&2; \
	exit 1
