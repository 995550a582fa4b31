# `make demo` and `make test` are the first two commands on a fresh machine; Python 3.11 is all they need.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
IMAGE ?= astrolabe:1.0.0
# More flags: `make demo ARGS="--scale 0.1"`, `make test ARGS="tests/graph -x"`.
ARGS ?=
# Of `make run-all`.
PORT ?= 8080
# Of `make run-redis`.
REDIS_PORT ?= 6379
# Of `make chaos`: one run a seed.
SEEDS ?= 1-50
# Of `make soak`.
MINUTES ?= 10
CLIENTS ?= 300
CHURN ?= 200

BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: help deps build run run-redis run-all demo test bench chaos soak lint fmt docs docker-build clean

help: ## show this
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

deps: $(INSTALLED) ## make .venv with everything that the lock names

$(INSTALLED): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

build: deps ## build the wheel into dist/
	rm -rf dist
	$(BIN)/pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist .
	@ls dist/*.whl

run: deps ## serve the cluster of your kubeconfig
	$(BIN)/astrolabe --in-cluster=false $(ARGS)

run-redis: deps ## the same, with the graph in a Redis that runs as long (its data: .redis/)
	@command -v redis-server >/dev/null || { echo "redis-server is needed, 7.0 or later"; exit 1; }
	@mkdir -p .redis
	@redis-server --port $(REDIS_PORT) --bind 127.0.0.1 --dir .redis --appendonly yes --save 900 1 --loglevel warning & \
	trap "kill $$! 2>/dev/null || true; wait $$! || true" EXIT; \
	for _ in {1..50}; do (: </dev/tcp/127.0.0.1/$(REDIS_PORT)) 2>/dev/null && break; sleep 0.1; done; \
	$(BIN)/astrolabe --in-cluster=false --enable-persistence --redis-addr 127.0.0.1:$(REDIS_PORT) $(ARGS)

demo: deps ## serve a simulated cluster on http://localhost:8080
	$(BIN)/astrolabe demo $(ARGS)

run-all: deps ## serve a simulated cluster and print its changes, until Ctrl-C
	@$(BIN)/astrolabe demo --port $(PORT) $(ARGS) & \
	trap "kill $$! 2>/dev/null || true; wait $$! || true" EXIT; \
	$(BIN)/astrolabe watch localhost:$(PORT) || true

test: deps ## run the tests
	$(BIN)/pytest $(ARGS)

bench: deps ## run the benchmarks in full size
	ASTROLABE_BENCH=full $(BIN)/pytest -m bench -s tests/benchmarks $(ARGS)

chaos: deps ## break three replicas and their Redis in many ways, by SEEDS=1-50
	ASTROLABE_CHAOS_SEEDS=$(SEEDS) ASTROLABE_CHAOS_FAULTS=8 $(BIN)/pytest -s tests/chaos $(ARGS)

soak: deps ## follow a cluster in motion with many clients for MINUTES=10
	$(BIN)/python -m tests.soak.soak --minutes $(MINUTES) --clients $(CLIENTS) --churn $(CHURN) $(ARGS)

lint: deps ## check style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: deps ## put the source into shape
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

docs: deps ## write again what README.md and deploy/ take from the code
	$(BIN)/python -m tests.support.documents

docker-build: ## build the image
	docker build --tag $(IMAGE) --build-arg REVISION=$$(git rev-parse HEAD) .

clean: ## remove .venv, dist and caches
	rm -rf .venv dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
