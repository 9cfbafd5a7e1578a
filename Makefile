# Everything runs in .venv. Each step of the set-up leaves a stamp beside what it made when it has succeeded, so a
# step that failed is done again and one that is done costs nothing.

PYTHON ?= python3
PORT ?= 8000
PYTEST_ARGS ?=
REPORT ?=
SOAK_SECONDS ?= 600

BIN := .venv/bin
STAMPS := .venv/.stamps
UV := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock"

CONSOLE := gql/console/.built
CONSOLE_SOURCES := $(wildcard console/*.* console/.npmrc console/with-node console/src/*)
NODE_TESTS := $(patsubst %,tests/node/node_modules/.installed,$(wildcard tests/node/package-lock.json))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo test integration browser soak check format bench clients schema lock upgrade clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

install: $(STAMPS)/project $(CONSOLE) ## set everything up in .venv (PYTHON=python3 makes it)

demo: install ## the gateway over four small servers with made-up contacts, at http://127.0.0.1:8000/graphql (PORT=8000)
	$(BIN)/contactgraph demo --port $(PORT)

test: install browser ## the tests (PYTEST_ARGS="-k words" for some); what needs Node clients: make integration
	$(BIN)/python -m pytest -m "not integration" $(PYTEST_ARGS)

integration: install $(NODE_TESTS) ## the tests with other people's programs: Node clients, composers, audits
	$(BIN)/python -m pytest -m integration $(PYTEST_ARGS)

# A browser for the tests of the console. Where none can be had, they skip and say so.
browser:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || [ -n "$(NO_BROWSER)" ] || { \
		[ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && echo "installing chromium for the tests of the console" && \
		apt-get update -qq >/dev/null 2>&1 && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null 2>&1; \
	} || echo "no chromium here, and it could not be installed: the tests in a browser are skipped"

soak: install ## ten minutes of load with faults coming and going (SOAK_SECONDS=600)
	CONTACTGRAPH_SOAK_SECONDS=$(SOAK_SECONDS) $(BIN)/python -m pytest -m soak

check: $(STAMPS)/project ## every static check: format, lint, types, the direction of imports
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(STAMPS)/project ## write the formatting and the fixes that are safe
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: install ## the ten worst requests, and the measurements in bench/ as pytest-benchmark's table (REPORT=docs/performance.md: the page's too)
	@mkdir -p .benchmarks
	$(BIN)/python -m bench.worst.run
	$(BIN)/python -m pytest bench --benchmark-only $(if $(REPORT),--benchmark-json=.benchmarks/figures.json)
	$(if $(REPORT),$(BIN)/python -m bench.micro .benchmarks/figures.json --report $(REPORT))

clients: $(STAMPS)/project ## ten thousand keep-alive clients on one worker: their answers, and its memory (REPORT=FILE)
	$(BIN)/python -m bench.whole_stack.many_clients $(if $(REPORT),--rounds 12 --report $(REPORT))

schema: $(STAMPS)/project ## write schema.graphql
	$(BIN)/contactgraph schema --out schema.graphql

lock: $(STAMPS)/locked ## write the lock files after a change of pyproject.toml, keeping versions that still fit
	$(UV) --output-file requirements.lock pyproject.toml
	$(UV) --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml

upgrade: $(STAMPS)/locked ## write the lock files with the newest versions that fit
	$(UV) --upgrade --output-file requirements.lock pyproject.toml
	$(UV) --upgrade --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml

clean: ## remove whatever was made here, .venv too
	rm -rf .venv gql/console console/node_modules tests/node/node_modules build *.egg-info \
		.mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks .import_linter_cache
	find gql resolvers providers tests -name __pycache__ -type d -prune -exec rm -rf {} +

# A virtual environment whose pip answers is taken as it is; a broken one (Debian's venv without ensurepip leaves
# one behind) is made anew.
$(STAMPS)/venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "contactgraph needs Python 3.11 or later; name one: make PYTHON=python3.12 install" >&2; exit 1; }
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/locked: $(STAMPS)/venv requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

# Without isolation and dependencies nothing is fetched that the lock file does not name.
$(STAMPS)/project: $(STAMPS)/locked pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(CONSOLE): $(STAMPS)/locked $(CONSOLE_SOURCES)
	cd console && ./with-node npm ci --no-audit --no-fund --loglevel=error && ./with-node npm run build -- --logLevel warn
	@touch $@

tests/node/node_modules/.installed: $(STAMPS)/locked tests/node/package.json tests/node/package-lock.json
	cd tests/node && ../../console/with-node npm ci --no-audit --no-fund --loglevel=error
	@touch $@
