# Needs Python 3.11+, make and git; everything else goes into .venv.
# `make` alone lists what can be made; ARGS reaches the program behind a target: make demo ARGS=--once
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
PACKAGE := tg_fetcher_dagster
HOME_OF_DAGSTER := $(CURDIR)/.dagster_home
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help install demo dev test coverage test-busy test-system check bench load chaos clean

help: ## what can be made
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

install: $(INSTALLED) ## .venv with the project, the sandbox and all they need

$(INSTALLED): pyproject.toml sandbox/pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or later is needed: make PYTHON=python3.12 install")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e sandbox -e '.[dev]'
	touch $@

demo: install ## a Telegram of its own, a command, files and events, until Ctrl-C (ARGS=--once checks and ends)
	@exec $(BIN)/tg-fetcher demo $(ARGS)

# Dagster's own level `info` tells two lines a sensor every five seconds for ever; the UI shows the ticks.
dev: install .env $(HOME_OF_DAGSTER)/.set-up ## Dagster's UI and daemon over .env, on http://127.0.0.1:3000
	$(BIN)/tg-fetcher ledger migrate
	@echo "Dagster's UI will be on http://127.0.0.1:3000 (ARGS='--port PORT' for another one) until Ctrl-C"
	RUN_SENSORS=true DAGSTER_HOME=$(HOME_OF_DAGSTER) VIRTUAL_ENV=$(CURDIR)/.venv exec $(BIN)/tg-fetcher logged $(BIN)/dg dev --log-level warning $(ARGS)

.env:
	cp .env.example .env
	chmod 600 .env

# The pool's limit is set once: without an explicit limit the first backfill of a fresh instance runs more
# than one at a time, and what an operator has changed since stays. `tg-fetcher fetch --direct` may have made
# the folder before.
$(HOME_OF_DAGSTER)/.set-up: | $(INSTALLED)
	mkdir -p $(HOME_OF_DAGSTER)
	ln -sf $(CURDIR)/dagster.yaml $(HOME_OF_DAGSTER)/dagster.yaml
	DAGSTER_HOME=$(HOME_OF_DAGSTER) $(BIN)/dagster instance concurrency set telegram 1
	touch $@

# The flow's tests wait for a daemon most of their time: another file's tests run meanwhile. A file stays
# together, since its tests share a daemon.
SIDE_BY_SIDE := -n 2 --dist loadfile --no-loadscope-reorder

test: install ## every test that needs wheels only (ARGS=path runs some)
	$(BIN)/pytest -m "not system" $(if $(ARGS),$(ARGS),$(SIDE_BY_SIDE))

coverage: install ## the same, with what they have run of the code: a third longer
	$(BIN)/pytest -m "not system" $(SIDE_BY_SIDE) --cov --cov-report=term

test-busy: install ## the same beside two processes that spin: what fails here alone depends on a clock
	@$(BIN)/python -m tg_fetcher_dagster_tests.busy $(MAKE) test

test-system: install ## the tests over Debian's programs; a skip is a failure
	$(BIN)/pytest -m system -p tg_fetcher_dagster_tests.no_skips $(ARGS)
	$(if $(ARGS),,$(BIN)/pytest -m ledger --ledger=postgres $(SIDE_BY_SIDE) -p tg_fetcher_dagster_tests.no_skips)

check: install ## lint, format, types, layers, definitions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m deploy.dashboards --check
	env -i PATH="$(CURDIR)/$(BIN):/usr/local/bin:/usr/bin:/bin" VIRTUAL_ENV="$(CURDIR)/.venv" HOME="$$HOME" LANG=C.UTF-8 $(BIN)/dg check defs

bench: install ## the figures of docs/benchmarks.md, measured here
	$(BIN)/python -m bench $(ARGS)

load: install ## 10,000 commands at once, through Redis and the reconciler (ARGS="--ledger=postgres")
	$(BIN)/python -m tg_fetcher_dagster_tests.load $(ARGS)

chaos: install ## 1,000 commands while all is killed, frozen and restarted at random, some 20 min (ARGS=--short)
	$(BIN)/python -m tg_fetcher_dagster_tests.chaos $(ARGS)

clean: ## what was built; never data, sessions or .env
	rm -rf .venv .demo .dagster_home .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache \
		.coverage .coverage.* htmlcov build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
