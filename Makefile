# Every verb of this repository. `make` alone lists them.
# Needs GNU make, Python 3.11 or newer with venv, and git; the network only for `setup`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
CATALOGS := $(wildcard src/detente/locale/*/LC_MESSAGES/*.po)
ARGS ?=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test test-desk swarm defects lint bench trends-check vectors fuzz mutants fmt words clean

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.catalogs ## make .venv with everything in it, and .venv/bin/detente

# The two build tools go in first, at the versions of constraints.txt, so that nothing is built
# with whatever happens to be newest that day.
$(VENV)/.installed: pyproject.toml constraints.txt tools/build_hook.py
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
	  echo "error: there is no $(PYTHON) on this machine" >&2; \
	  echo "hint: install Python 3.11 or newer, or name it: make setup PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "error: $(PYTHON) is `$(PYTHON) -V 2>&1`; Détente needs Python 3.11 or newer" >&2; \
	  echo "hint: name a newer one: make setup PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "error: $(PYTHON) comes without venv" >&2; \
	  echo "hint: install it (on Debian: apt-get install python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -c constraints.txt hatchling babel
	$(PIP) install -c constraints.txt --no-build-isolation -e '.[dev,trends]'
	@touch $@

$(VENV)/.catalogs: $(VENV)/.installed $(CATALOGS)
	$(BIN)/python tools/catalogs.py compile
	@touch $@

demo: setup ## two parties, a line, a cut link, one transcript (ARGS="--exit --json")
	$(BIN)/detente demo $(ARGS)

test: lint ## everything that must hold: lint, then every test with branch coverage
	$(BIN)/python -m pytest --hypothesis-profile=ci --cov --cov-report=term $(ARGS)

test-desk: setup ## the desk in a browser, with a picture of each page in each language in build/screens
	DETENTE_SCREENS=build/screens $(BIN)/python -m pytest tests/desk $(ARGS)

swarm: setup ## 500 seeds of the simulator, every promise attacked (ARGS="--from 0")
	$(BIN)/detente drill swarm --seeds 500 $(ARGS)

lint: setup ## style, types, import direction, house rules, catalogs
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/tidy.py
	$(BIN)/python tools/catalogs.py check

bench: setup ## the measures of bench/, as ratios to a floor (ARGS="name …")
	$(BIN)/python -m bench $(ARGS)

trends-check: setup ## what trends promises, row by row (ARGS="--short --json")
	$(BIN)/python -m bench.trends_check $(ARGS)

vectors: setup ## make vectors/ anew; no difference may show in git
	$(BIN)/python tools/make_vectors.py $(ARGS)

fuzz: setup ## throw bytes at every decoder, a minute each (ARGS="name … --seconds 600 --keep")
	PYTHONPATH=src:tests nice -n 19 $(BIN)/python -m fuzz $(ARGS)

mutants: setup ## plant small faults in core and name those no test notices (ARGS="module …")
	nice -n 19 $(BIN)/python tools/mutants.py $(ARGS)

defects: setup ## look for seeds that find each planted defect, and write docs/defects.md
	PYTHONPATH=src:tests $(BIN)/python tests/sim/find_defects.py $(ARGS)

fmt: setup ## format the code and mend what ruff can mend
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

words: setup ## bring the catalogs up to date with the source, then translate what is new
	$(BIN)/python tools/catalogs.py update

clean: ## remove what make has made
	rm -rf $(VENV) mutants dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	rm -f .coverage src/detente/locale/*/LC_MESSAGES/*.mo
