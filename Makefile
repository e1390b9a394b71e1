# Every target sets itself up: a second run finds the stamp and starts at once.
#
#   make run                     start steelyard on http://127.0.0.1:8080
#   make run PORT=9000 STEELYARD_HOME=/srv/steelyard ARGS=--large
#   make test                    lint, types, layers, every test
#   PYTHON=python3.12 make setup another interpreter (3.11 or later)

SHELL := /bin/sh
VENV ?= .venv
ARGS ?=
# Modules begin in the order of tests/conftest.py, which puts long ones in front.
PYTEST_ARGS ?= -n auto --dist loadfile --no-loadscope-reorder
STAMP := $(VENV)/.installed
RUN := $(VENV)/bin/python

.DEFAULT_GOAL := help
.PHONY: help setup fmt check foreign readied-tests test test-native docs native bench bench-peers bench-prices bench-vendors bench-weigh bench-local run clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: $(STAMP) ## install into .venv what the lock file names

# Packages come by hash from requirements.lock, our own code is linked in beside them. (pip refuses
# hashes for an editable package, so these are two steps.)
$(STAMP): requirements.lock pyproject.toml
	@python=$$(PYTHON="$(PYTHON)" sh .ci/find-python) || exit 1; \
	if [ ! -x $(RUN) ]; then \
	  "$$python" -m venv $(VENV) || { \
	    echo "error: $$python cannot make a virtual environment; install its venv package" >&2; exit 1; }; \
	fi
	@echo "Installing packages into $(VENV) (once; takes a minute or two) ..."
	@$(RUN) -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes \
	  -r requirements.lock
	@$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@$(RUN) -m compileall -q -j 0 $(VENV)/lib src >/dev/null || true
	@touch $@

fmt: $(STAMP) ## format the code
	$(RUN) -m ruff check --fix-only --quiet .
	$(RUN) -m ruff format .

check: $(STAMP) ## lint, format, types, layers
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy --strict
	$(VENV)/bin/lint-imports

# Clients and programs of others, outside of our own packages: 3.5 GB in .work, once.
foreign: $(STAMP) ## install the clients and programs that tests drive
	@echo "Installing the clients and programs that tests drive (once; takes some minutes) ..."
	@$(RUN) tests/foreign_installs.py

# Each process that runs tests reads all of them: what pytest makes of the sources is kept once, also
# where nothing else may write bytecode. What cannot be read is told by the run itself.
readied-tests: $(STAMP)
	@env -u PYTHONDONTWRITEBYTECODE $(RUN) -m pytest --collect-only -qq >/dev/null 2>&1 || true

# The checks keep one core busy, the installs mostly wait for a line and a disk.
test: $(STAMP) ## check, then every test
	@$(MAKE) --no-print-directory -j 3 check foreign readied-tests
	STEELYARD_NATIVE=off $(RUN) -m pytest $(PYTEST_ARGS)

test-native: native ## the tests that start workers, once more over the compiled request path
	$(RUN) -m pytest $(PYTEST_ARGS) tests/integration/test_gateway_*.py \
	  tests/integration/test_control_gateway.py tests/integration/test_kill.py

docs: $(STAMP) ## write the generated part of docs/reference
	@cd tests && ../$(RUN) -m arch.reference

native: $(STAMP) ## compile the request path: half the CPU per call; needs a C compiler
	@$(RUN) tools/native.py

bench: native ## measure the data plane against nginx
	@sh bench/setup.sh
	$(RUN) -m bench.data_plane

bench-peers: native ## measure other gateways alike
	@sh bench/setup.sh peers
	$(RUN) -m bench.peers

bench-prices: native ## check prices against another book, time pricing and what-if (6 GB of disk)
	$(RUN) -m bench.prices

bench-vendors: native ## what translation and pictures cost
	@sh bench/setup.sh
	$(RUN) -m bench.vendors

bench-weigh: native ## weighing: false proofs, calls saved, authenticity, hidden limits, drift, overhead
	$(RUN) -m bench.weigh

bench-local: $(STAMP) ## weigh the local models on shipped tasks for real (about an hour)
	$(RUN) -m bench.local_models

run: $(STAMP) ## start steelyard (PORT, STEELYARD_HOME, ARGS)
	@exec $(RUN) -m steelyard serve $(if $(PORT),--port $(PORT)) $(ARGS)

clean: ## remove the environment and all caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
