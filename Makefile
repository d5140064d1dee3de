# Rejoinder's two commands are `make serve` and `make test`; `make help` lists the rest.
# Every target sets up what it needs on a machine with Python 3.11+, make and a network.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PORT   ?= 8000
# How many test processes: one more than there are cores, since tests of the browser mostly wait.
JOBS   ?= $(shell echo $$(( $$(nproc 2>/dev/null || sysctl -n hw.ncpu) + 1 )))

.DEFAULT_GOAL := help
.PHONY: help runtime setup serve build publish demo test unit check lint types browser format lock clean \
        words tour bench-build bench-page bench-publish bench-queue \
        bench-submit bench-house

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# `make serve` needs requirements.lock only; tests, lint and benchmarks need requirements-dev.lock, which
# includes it. A stamp is newer than its lock and the project file, or the environment is updated.
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Rejoinder needs Python 3.11 or newer; run: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "Could not make a virtual environment; on Debian run: apt-get install python3-venv"; exit 1; }

$(VENV)/.runtime: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing what runs into $(VENV) (once; about 200 MB) ..."
	@$(INSTALL) --no-compile --require-hashes -r requirements.lock
	@$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.stamp: requirements-dev.lock pyproject.toml | $(BIN)/python
	@echo "Installing the locked dependencies of the tests into $(VENV) (once; about 540 MB) ..."
	@$(INSTALL) --require-hashes -r requirements-dev.lock
	@$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.runtime

runtime: $(VENV)/.runtime ## install what `make serve` needs

setup: $(VENV)/.stamp ## install what tests, lint and benchmarks need too

serve: runtime ## build the site and run everything on http://127.0.0.1:8000 (PORT=... moves it)
	@exec $(BIN)/rejoinder serve --port $(PORT)

build: runtime ## build the static site into output/
	@$(BIN)/rejoinder build

publish: runtime ## follow the service and keep the built pages up to date
	@$(BIN)/rejoinder publish

demo: runtime ## fill discussions and queue with sample replies (`rejoinder demo --remove` undoes it)
	@$(BIN)/rejoinder demo

lint: setup
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: setup
	@$(BIN)/mypy

browser: setup
	@$(BIN)/python -m tests.browser

check: lint types browser ## lint, format, types and every test: what CI runs
	@# Quick builds fork, and only where no other thread runs: not in the wake of other tests.
	@$(BIN)/pytest -n $(JOBS) tests/quick
	@$(BIN)/pytest -n $(JOBS) --dist loadgroup --ignore tests/quick

test: check ## the same as check

unit: setup ## the tests that need no browser, no running service and no build
	@$(BIN)/pytest -q -n $(JOBS) @tests/unit.txt

format: setup ## let ruff put the code into shape
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

words: setup ## bring the catalogs of every language up to date with the sources
	@$(BIN)/python -m tests.languages.catalogs

tour: setup browser ## take the pictures of README and docs/tour from the running product (3 minutes)
	@$(BIN)/python -m docs.tour.screenshots

bench-build: setup ## full and warm builds against stock Pelican and Hugo (QUICK=1 for a short run)
	@QUICK=$(QUICK) $(BIN)/python -m benchmarks.build

bench-house: setup browser ## size and structure of the code, tests' time, size of an installation (QUICK=1: the code only)
	@QUICK=$(QUICK) $(BIN)/python -m benchmarks.house

bench-page: setup browser ## weight of a page; Lighthouse, axe and the Nu checker (QUICK=1 for a short run)
	@QUICK=$(QUICK) $(BIN)/python -m benchmarks.page

bench-publish: setup ## approval to page on disk, against a full build (QUICK=1 for a short run)
	@QUICK=$(QUICK) $(BIN)/python -m benchmarks.publish

bench-queue: setup ## pages, searches and bulk actions of the queue with a million replies (QUICK=1 for a short run)
	@QUICK=$(QUICK) $(BIN)/python -m benchmarks.queue

bench-submit: setup ## replies per second against Isso in the same run (QUICK=1 for a short run)
	@QUICK=$(QUICK) $(BIN)/python -m benchmarks.submit

lock: ## renew the lock files from pyproject.toml (needs uv)
	uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --extra install pyproject.toml -o requirements.lock
	uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --extra dev --extra install pyproject.toml -o requirements-dev.lock

clean: ## remove the environment and what was built; replies (var/) stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
