# make demo    three example systems in, golden records out; makes its own Python environment on the first call
# make test    every test, on SQLite and on PostgreSQL
# make test-systems  connectors against real systems, installed and started here (SYSTEMS="tryton" for fewer)
# make check   style and types: ruff, mypy strict; known faults of the pinned packages, where there is a network
# make audit   the last of these alone; fails where it cannot look
# make fuzz    hundreds of requests for each endpoint, drawn from the OpenAPI document (FUZZ=1000 for more)
# make laws    the laws of the hub on thousands of generated histories (LAWS=200 for fewer)
# make kills   hundreds of runs, and of readers of the feed, killed at random moments (KILLS=50 for fewer)
# make bench   accuracy and speed, as tables (BENCH="…" passes options on)

PY := .venv/bin/python
KEHU := .venv/bin/kehu
SIZE ?=
BENCH ?=
TEST ?=
SYSTEMS ?= tryton helpdesk bottlecrm
LAWS ?= 2000
FUZZ ?= 200
KILLS ?= 200

.PHONY: demo test test-systems check audit fuzz laws kills bench install install-dev clean
.DEFAULT_GOAL := demo

demo: install
	@$(KEHU) demo $(if $(SIZE),--size $(SIZE))

test: install-dev
	@$(PY) -m pytest -n 2 --ignore=tests/systems $(TEST)

test-systems: install-dev
	@.ci/systems $(SYSTEMS)
	@$(PY) -m pytest --timeout 1200 $(patsubst %,tests/systems/test_%.py,$(SYSTEMS))

check: install-dev
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@.ci/audit

audit: install-dev
	@AUDIT=strict .ci/audit

fuzz: install-dev
	@KEHU_FUZZ=$(FUZZ) $(PY) -m pytest -s tests/unit/api/test_schema.py

laws: install-dev
	@KEHU_LAWS=$(LAWS) $(PY) -m pytest -n 2 -s tests/laws

kills: install-dev
	@KEHU_KILLS=$(KILLS) $(PY) -m pytest -n 2 -s --timeout 3600 tests/crash/test_kills.py tests/crash/test_consumers.py

bench: install-dev
	@$(PY) -m benchmarks $(BENCH)

install:
	@.ci/install runtime

install-dev:
	@.ci/install dev

# The demo's folder and the caches; the environment and your own projects stay.
clean:
	rm -rf demo build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
