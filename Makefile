# make lab        the course in JupyterLab            make test       everything that is checked, as on every change
# make setup      only the environment, in .venv      make notebooks  run every notebook and store what it shows
# make clean      undo the set-up
#
# PYTHON=python3.12 chooses the Python; LAB_ARGS="--ip=0.0.0.0 --port=8080" goes to JupyterLab.

.PHONY: help setup lab test lint unit learner solution notebooks clean
.NOTPARALLEL:

BIN := .venv/bin
NOTEBOOKS ?= notebooks
# Two workers of one thread each: fits two cores, and does not crowd a container that sees more cores than it may use.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest -q -n 2
NBVAL := $(PYTEST) -p no:python --nbval-lax --nbval-current-env --nbval-cell-timeout=300 --dist loadscope --durations=8 --durations-min=2

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile

setup:
	@PYTHON="$(PYTHON)" tools/setup.sh

lab: setup
	@tools/lab.sh $(LAB_ARGS)

# `make -k test` goes on after a failure and shows them all; it still ends in an error.
test: lint unit learner solution
	@echo "All checks passed."

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

unit: setup
	$(PYTEST) --dist worksteal tests

# A reader's notebooks as they are delivered: blanks stay blank, nothing may fail.
learner: setup
	SIMSWAP_MODE=learner $(NBVAL) $(NOTEBOOKS)

# The same with every blank filled in, each answer held to its own checks.
solution: setup
	SIMSWAP_MODE=solution $(NBVAL) $(NOTEBOOKS)

notebooks: setup
	$(BIN)/python tools/execute_notebooks.py $(filter %.ipynb,$(NOTEBOOKS))

clean:
	rm -rf .venv build *.egg-info .pytest_cache .ruff_cache
	find simswap_lib tests tools notebooks \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +
