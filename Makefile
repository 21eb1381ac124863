# Two commands are enough: `make run` and `make test`. Each sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Arguments of nko, e.g. make run ARGS="--source ~/lessons --data ~/nko-data"
ARGS ?=
# Extras that the tests want: `make test EXTRAS=test,train` also tests training (installs torch).
EXTRAS ?= test

.PHONY: help run ui explore tune test check bench clean

help:
	@echo "make run      the whole pipeline over the sample channel (ARGS=... goes to nko run)"
	@echo "make ui       Dagster's web UI on the same data"
	@echo "make explore  pages for people: lessons, search, review, words, live"
	@echo "make tune     a tiny model tuned on the same data, and measured (ARGS=... goes to nko tune)"
	@echo "make test     format, lint, types and tests"
	@echo "make bench    benchmarks, as ratios against named alternatives"

$(VENV)/run: pyproject.toml
	@echo "Installing into $(VENV) (once, about a minute) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/$(EXTRAS): pyproject.toml
	@echo "Installing with [$(EXTRAS)] into $(VENV) (once, about two minutes) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[$(EXTRAS)]"
	@touch $@ $(VENV)/run

run: $(VENV)/run
	@$(BIN)/nko run $(ARGS)

ui: $(VENV)/run
	@$(BIN)/nko ui $(ARGS)

explore: $(VENV)/run
	@$(BIN)/nko explore $(ARGS)

# The extra takes minutes to install; the data root of both commands is NKO_DATA.
tune:
	@$(MAKE) --no-print-directory EXTRAS=train $(VENV)/train
	@$(BIN)/nko run
	@$(BIN)/nko tune --tuner open $(ARGS)

# The tests make thousands of small databases: in memory, where it has room for them.
test: check
	@roomy=$$(df -k /dev/shm 2>/dev/null | awk 'NR == 2 && $$4 > 4000000 { print "/dev/shm" }'); \
	folder=$$(mktemp -d "$${roomy:-$${TMPDIR:-/tmp}}/nko-test-XXXXXX"); \
	trap 'rm -rf "$$folder"' EXIT; \
	TMPDIR="$$folder" $(BIN)/python -m pytest -n 3 --dist loadfile

check: $(VENV)/$(EXTRAS)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

bench: $(VENV)/$(EXTRAS)
	@$(BIN)/nko bench

clean:
	rm -rf $(VENV) data
