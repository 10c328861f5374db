# RNN Lab. `make lab` opens the course, `make test` checks everything; `make help` lists the rest.

.DEFAULT_GOAL := help
.PHONY: help lab setup test lint types unit stored without-torch browser exercises notebooks bench

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PORT ?=
LAB_ARGS ?=
export PYTHONDONTWRITEBYTECODE ?=

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

setup: .venv/ready  ## create .venv and install everything into it

.venv/ready: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { \
		found=$$(python3 --version 2>&1 || true); \
		echo "RNN Lab needs Python 3.11 or newer, found: $${found:-no python3}. Install it from python.org or your system's packages, or say make PYTHON=/path/to/python3." >&2; \
		exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "RNN Lab needs Python 3.11 or newer, found: $$($(PYTHON) --version 2>&1). Say make PYTHON=/path/to/python3." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "$(PYTHON) has no venv module. On Debian or Ubuntu: sudo apt install python3-venv." >&2; exit 1; }
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || $(PYTHON) -m venv --clear .venv
	@echo "Installing packages into .venv: a few minutes, once."
	@$(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt -e '.[test]' 2>.venv/pip.log || { \
		if grep -qiE 'connection|name resolution|timed out|unreachable|proxy' .venv/pip.log; then \
			echo "Could not reach the package index: check the network, or point PIP_INDEX_URL or PIP_FIND_LINKS to one that you reach (details: .venv/pip.log)." >&2; \
		else \
			tail -5 .venv/pip.log >&2; echo "Could not install the packages (all of pip's words: .venv/pip.log)." >&2; \
		fi; exit 1; }
	@touch $@

lab: setup  ## open the course in JupyterLab; PORT=8890 and LAB_ARGS=... pass through
	@$(BIN)/rnnlab lab $(if $(PORT),--port $(PORT)) $(LAB_ARGS)

test: lint types unit stored without-torch browser  ## all checks

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

types: setup
	$(BIN)/mypy

# xdist hands out whole files: a notebook is one kernel
PYTEST := $(BIN)/pytest -q -n 2 --dist loadfile
NBVAL := --nbval-sanitize-with tests/nbval.cfg

unit: setup
	$(PYTEST) -m 'not browser' tests

stored: setup
	$(PYTEST) --nbval $(NBVAL) notebooks solutions
	$(PYTEST) --nbval-lax $(NBVAL) exercises

# a torch that cannot be imported, for the tests and for the kernels they start; what is long and
# never looks at torch runs once, in unit
NO_TORCH := PYTHONPATH=$(CURDIR)/tests/without_torch $(PYTEST)
ONCE := --ignore=tests/test_mutants.py --ignore=tests/test_questions.py
TORCH_LECTURES := $(wildcard notebooks/08_* notebooks/10_* notebooks/13_* notebooks/15_*)
without-torch: setup
	$(NO_TORCH) -m 'not torch and not browser' $(ONCE) tests
	$(NO_TORCH) --nbval $(NBVAL) $(filter-out $(TORCH_LECTURES),$(wildcard notebooks/*.ipynb)) solutions

# alone, for what it measures
browser: setup
	$(BIN)/pytest -q tests/browser

exercises: setup  ## rebuild exercises/ from solutions/
	$(BIN)/python -m rnnlab.notebook exercises

notebooks: setup  ## execute lectures and solutions in place
	$(BIN)/python -m rnnlab.notebook execute

bench: setup  ## measure the claims of speed
	@for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done
