# Needs Python 3.11+ and make, nothing else. `make demo` shows the main job, `make test` proves it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO_DIR ?= $(HOME)/.local/state/workstation-demo

.PHONY: setup demo test test-real check bench abuse lock snapshots pictures clean
.DELETE_ON_ERROR:

setup: $(VENV)/ready

$(VENV)/ready: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "workstation needs Python 3.11 or later; this is " + sys.version.split()[0] + ". Call make with PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q workstation
	@touch $@

demo: setup
	$(BIN)/workstation demo --dir "$(DEMO_DIR)"

test: setup
	$(BIN)/python -m pytest -n 4 --dist loadscope -m "not real and not long" tests

test-real: setup
	tests/real/run $(BIN)/python

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) test

bench: setup
	$(BIN)/python -m bench

abuse: setup
	$(BIN)/python -m tests.abuse

lock: setup
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-package workstation -o requirements.txt requirements.in

snapshots: setup
	$(BIN)/python -m pytest -m "not real" tests/snapshots --snapshot-update

pictures: setup
	$(BIN)/python -m tests.pictures

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
