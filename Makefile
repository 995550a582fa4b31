# `make demo` and `make test` are the first two commands on a fresh machine. Python 3.11 is all that the demo
# needs; Node 20 builds its viewer. The tests also need redis-server and Chromium.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
IMAGE ?= astrolabe:1.0.0
# More flags: `make demo ARGS="--scale 0.1"`, `make test ARGS="tests/graph -x"`.
ARGS ?=
# Tests at a time; those that measure time run alone.
JOBS ?= logical
# Of `make run-redis`.
REDIS_PORT ?= 6379
# Of `make chaos`, `make fuzz` and `make access`: one run a seed.
SEEDS ?= 1-50
# Of `make queries`.
QUERIES ?= 1000
# Of `make soak`, and the seed of `make hostile` and `make queries`.
MINUTES ?= 60
CLIENTS ?= 100
CHURN ?= 200
FAULTS ?= 6
SEED ?= 1
# Of `make incidents`.
INCIDENTS ?=

BIN := .venv/bin
COMPOSE := docker compose --file deploy/docker-compose.yml
# That of the environment, or of PYTHON: nothing that runs needs a pip beside it.
PIP = $$(test -x $(BIN)/pip && echo $(BIN)/pip || echo $(PYTHON) -m pip --python $(BIN)/python) --disable-pip-version-check
INSTALL = $(PIP) install --require-hashes
RUNTIME := .venv/.runtime
INSTALLED := .venv/.installed

# What the viewer and the data source of Grafana are made and tested with. Without them all else works, and
# `/` says what is missing.
NODE := $(shell node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null && echo yes)
CHROMIUM ?= $(firstword $(wildcard $(addprefix /usr/bin/,chromium chromium-browser google-chrome)))
export CHROMIUM
MODULES := static/node_modules/.everything
# What builds the viewer, a third of all.
BUILDERS := static/node_modules/.builders
# Used by both.
STREAM := static/packages/stream
VIEWER := $(if $(NODE),static/dist/index.html)
# Never in the way of a server, which runs without it.
TRY_VIEWER = @$(if $(NODE),$(MAKE) --no-print-directory viewer || echo "The viewer could not be built.")
PLUGIN := deploy/grafana/astrolabe-datasource
PLUGIN_MODULES := $(PLUGIN)/node_modules/.package-lock.json

.PHONY: help deps viewer plugin build run run-all run-persistent run-redis demo up down restart logs deploy undeploy test test-viewer test-units test-browser test-plugin test-cluster generators bench viewer-bench chaos fuzz access queries few-rights hostile incidents scores soak check test-pythons lint lint-python lint-viewer lint-plugin fmt accept-api docs docker-build docker-push clean

help: ## show this
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

deps: $(INSTALLED) ## create .venv with everything in the lock

# What serves.
$(RUNTIME): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	@echo "Installing the packages that Astrolabe runs on into .venv (110 MB, once, about 15 seconds) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $$($(PYTHON) -m pip --python $$(command -v $(PYTHON)) --version >/dev/null 2>&1 && echo --without-pip) .venv
	@sed '/^# Development/,$$d' requirements.lock > .venv/runtime.lock
	@$(INSTALL) --quiet --requirement .venv/runtime.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(INSTALLED): requirements.lock $(RUNTIME)
	@echo "Installing the packages that development needs into .venv (300 MB, once, about 30 seconds) ..."
	@$(INSTALL) --quiet --requirement requirements.lock
	@touch $@

$(MODULES): static/package.json static/package-lock.json $(STREAM)/package.json
	cd static && npm ci --no-audit --no-fund
	@touch $@ $(BUILDERS)

$(BUILDERS): static/package.json static/package-lock.json $(STREAM)/package.json
	@echo "Installing what builds the viewer into static/node_modules (70 MB, once, about 10 seconds) ..."
	cd static && npm ci --omit=dev --no-audit --no-fund
	@touch $@

static/dist/index.html: $(BUILDERS) static/index.html static/docs.html static/graphiql.html static/guide.html static/vite.config.ts $(shell find static/src static/public static/rendering static/docs $(STREAM)/src -type f)
	@echo "Building the viewer and the guide into static/dist (about 5 seconds) ..."
	cd static && VITE_CONFIG_NATIVE_IGNORE_WARNING=true npm run --silent build -- --logLevel warn

viewer: static/dist/index.html ## build the viewer and the guide into static/dist, with Node 20 or newer

$(PLUGIN_MODULES): $(PLUGIN)/package.json $(PLUGIN)/package-lock.json $(STREAM)/package.json
	cd $(PLUGIN) && npm ci --no-audit --no-fund
	@touch $@

plugin: $(PLUGIN_MODULES) ## build the Grafana data source into its dist/, with Node 20 or newer
	cd $(PLUGIN) && npm run build

build: deps $(VIEWER) ## build the wheel into dist/
	rm -rf dist
	$(PIP) wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	@ls dist/*.whl

run: $(RUNTIME) ## serve the cluster of your kubeconfig
	$(TRY_VIEWER)
	$(BIN)/astrolabe --in-cluster=false $(ARGS)

run-redis: $(RUNTIME) ## the same, with the graph in a Redis that runs meanwhile (its data: .redis/)
	$(TRY_VIEWER)
	@command -v redis-server >/dev/null || { echo "redis-server is needed, 7.0 or later"; exit 1; }
	@mkdir -p .redis
	@redis-server --port $(REDIS_PORT) --bind 127.0.0.1 --dir .redis --appendonly yes --save 900 1 --loglevel warning & \
	trap "kill $$! 2>/dev/null || true; wait $$! || true" EXIT; \
	for _ in {1..50}; do (: </dev/tcp/127.0.0.1/$(REDIS_PORT)) 2>/dev/null && break; sleep 0.1; done; \
	$(BIN)/astrolabe --in-cluster=false --enable-persistence --redis-addr 127.0.0.1:$(REDIS_PORT) $(ARGS)

demo: $(RUNTIME) ## serve a simulated cluster on http://localhost:8080
	$(TRY_VIEWER)
	$(BIN)/astrolabe demo $(ARGS)

run-all: $(RUNTIME) ## serve all of the cluster of your kubeconfig, not only what Helm manages
	$(TRY_VIEWER)
	$(BIN)/astrolabe --in-cluster=false --label-selector= $(ARGS)

run-persistent: $(RUNTIME) ## serve the cluster of your kubeconfig, with the graph in your Redis, REDIS_ADDR=localhost:6379
	$(TRY_VIEWER)
	$(BIN)/astrolabe --in-cluster=false --enable-persistence $(ARGS)

up: ## start Astrolabe and a Redis in containers, for the cluster of your kubeconfig
	$(COMPOSE) up --detach

down: ## stop and remove these containers; the data of Redis stay
	$(COMPOSE) down

restart: ## restart Astrolabe in its container
	$(COMPOSE) restart astrolabe

logs: ## follow the log of Astrolabe in its container
	$(COMPOSE) logs --follow astrolabe

deploy: ## install Astrolabe in the cluster of your kubeconfig, or upgrade it
	kubectl apply -f deploy/deployment.yaml

undeploy: ## remove it, with its namespace and everything in it
	kubectl delete --ignore-not-found -f deploy/deployment.yaml

# What failed beside other tests, which share the cores with it, must pass by itself.
AGAIN = $(BIN)/pytest --last-failed --last-failed-no-failures none

# Where the tests are that mostly wait; four at a time need less than two cores.
WAITING := tests/chaos tests/soak

test: deps $(if $(NODE),$(MODULES)) $(VIEWER) ## run the tests; ARGS="tests/graph -x" runs only those of Python that it selects
ifdef ARGS
	$(BIN)/pytest $(ARGS)
else
	$(BIN)/pytest -n $(JOBS) -m "not alone and not waiting" || $(AGAIN) -m "not alone and not waiting"
	$(BIN)/pytest -n 4 -m waiting $(WAITING) || $(AGAIN) -m waiting $(WAITING)
	$(BIN)/pytest -m alone || $(AGAIN) -m alone
	$(MAKE) --jobs=2 --output-sync=target test-units test-plugin
	$(MAKE) test-browser
endif

test-plugin: deps $(if $(and $(NODE),$(CHROMIUM)),$(PLUGIN_MODULES)) ## run the tests of the Grafana data source, in Chromium
	$(if $(and $(NODE),$(CHROMIUM)),cd $(PLUGIN) && npm test,@echo "The data source is not tested: Node 20 or newer and CHROMIUM are needed.")

test-viewer: test-units test-browser ## run the tests of the viewer, also in Chromium

test-units: deps $(if $(NODE),$(MODULES)) $(VIEWER)
	$(if $(NODE),cd static && npm test,@echo "The viewer is not tested: Node 20 or newer is needed.")

test-browser: deps $(if $(NODE),$(MODULES)) $(VIEWER)
	$(if $(NODE),$(if $(CHROMIUM),cd static && npm run e2e,@echo "The viewer is not tested in a browser: CHROMIUM is not set."))

test-cluster: deps $(VIEWER) ## compare the graph with a disposable cluster, ASTROLABE_TEST_KUBECONFIG=...
	@test -n "$(ASTROLABE_TEST_KUBECONFIG)" || { echo "ASTROLABE_TEST_KUBECONFIG must name the kubeconfig of a cluster that may be written to"; exit 1; }
	@for program in kubectl helm; do command -v $$program >/dev/null || { echo "$$program is needed"; exit 1; }; done
	ASTROLABE_TEST_KUBECONFIG="$(ASTROLABE_TEST_KUBECONFIG)" $(BIN)/pytest tests/cluster $(ARGS)

generators: deps $(if $(NODE),$(MODULES)) ## generate clients from the OpenAPI document: Go, Java, TypeScript
	ASTROLABE_GENERATORS=yes $(BIN)/pytest tests/generators $(ARGS)

bench: deps $(VIEWER) ## run the benchmarks at full size
	ASTROLABE_BENCH=full $(BIN)/pytest -m bench -s tests/benchmarks tests/hostile $(ARGS)
	$(if $(and $(NODE),$(CHROMIUM)),cd static && ASTROLABE_BENCH=full npm run e2e -- --project=alone --no-deps performance)

viewer-bench: deps $(if $(NODE),$(MODULES)) $(VIEWER) ## measure the viewer in Chromium with up to 145,000 nodes
	cd static && ASTROLABE_VIEWER_BENCH=full npm run e2e -- --project=alone --no-deps performance

chaos: deps ## break three replicas and their Redis, and three clusters of one graph, in many ways, by SEEDS=1-50
	ASTROLABE_CHAOS_SEEDS=$(SEEDS) ASTROLABE_CHAOS_FAULTS=8 $(BIN)/pytest -s tests/chaos $(ARGS)

access: deps ## random roles and bindings by SEEDS=1-50: does any door tell what somebody may not list, or hide what they may?
	ASTROLABE_ACCESS_SEEDS=$(SEEDS) $(BIN)/pytest tests/access/test_random_roles.py tests/access/test_union_roles.py --timeout 2400 $(ARGS)

fuzz: deps ## serve the oddest manifests, and let custom kinds come and go, by SEEDS=1-50: is all else exact?
	ASTROLABE_FUZZ_SEEDS=$(SEEDS) $(BIN)/pytest tests/test_odd_manifests.py tests/test_custom_references.py $(ARGS)

queries: deps ## ask QUERIES=1000 random GraphQL queries, SEED=1: does each have REST's answer?
	ASTROLABE_QUERIES=$(QUERIES) ASTROLABE_SEED=$(SEED) $(BIN)/pytest tests/http/graphql/test_random_queries.py --timeout 900 $(ARGS)

few-rights: deps ## run with accounts that lack each right, and 40 sets of rights: is the rest served?
	ASTROLABE_ALL_RIGHTS=1 $(BIN)/pytest tests/access/test_few_rights.py $(ARGS)

hostile: deps ## attack a server in many ways, SEED=1: is anyone else affected?
	$(BIN)/python -m tests.hostile.siege --seed $(SEED) $(ARGS)
	$(BIN)/python -m tests.hostile.siege --seed $(SEED) --tls $(ARGS)
	$(BIN)/python -m tests.hostile.siege --seed $(SEED) --users $(ARGS)

incidents: deps ## score the causes that are named of recorded incidents, INCIDENTS=FOLDER
	@test -n "$(INCIDENTS)" || { echo "INCIDENTS must name a folder with recorded lists, discovery/ and expected.json"; exit 1; }
	$(BIN)/python -m tests.incidents.score "$(INCIDENTS)" $(ARGS)

scores: deps ## compare the statuses of custom resources with those of Argo CD's rules, case by case
	$(BIN)/python -m tests.kinds.custom.scores

soak: deps $(VIEWER) ## follow a failing, busy cluster with many clients for MINUTES=60: does memory stay flat?
	$(BIN)/python -m tests.soak.soak --minutes $(MINUTES) --clients $(CLIENTS) --churn $(CHURN) --faults $(FAULTS) --seed $(SEED) $(ARGS)

check: deps ## lint, and run the tests without network, clock or processes, in less than 30 seconds
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo >/dev/null || $(BIN)/lint-imports
	$(BIN)/pytest -q -n 2 tests/graph tests/kinds tests/test_timeslice.py tests/test_printable.py $(ARGS)

# Where pyenv or Debian has them; one that is not there is said to be missing.
PYTHONS ?= 3.11 3.12 3.13 3.14
test-pythons: ## run the tests in Python on each of PYTHONS="3.11 3.12 3.13 3.14" that is installed
	@for version in $(PYTHONS); do \
	    python=$$(python$$version -c 'import sys; print(sys.executable)' 2>/dev/null || ls -d $$HOME/.pyenv/versions/$$version.*/bin/python 2>/dev/null | tail -1) || true; \
	    test -n "$$python" || { echo "Python $$version: not installed"; continue; }; \
	    test -x .venv-$$version/bin/python || "$$python" -m venv .venv-$$version; \
	    .venv-$$version/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock; \
	    .venv-$$version/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .; \
	    echo "Python $$version:"; .venv-$$version/bin/pytest -q $(ARGS); \
	done

lint: lint-python $(if $(NODE),lint-viewer lint-plugin) ## check style, types and layers

lint-python: deps
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

lint-viewer: $(MODULES)
	cd static && npm run lint

lint-plugin: $(PLUGIN_MODULES)
	cd $(PLUGIN) && npm run lint

fmt: deps $(if $(NODE),$(MODULES)) ## format the source
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	$(if $(NODE),cd static && npm run fmt)

accept-api: deps ## accept the OpenAPI document as the new promise to clients (tests/contract), at each release
	$(BIN)/python -m tests.contract.promise

docs: deps ## update what the guide and deploy/ take from the code
	$(BIN)/python -m tests.support.documents

docker-build: ## build the image
	docker build --tag $(IMAGE) --build-arg REVISION=$$(git rev-parse HEAD) .

docker-push: docker-build ## build the image and push it to the registry in IMAGE
	docker push $(IMAGE)

clean: ## remove everything installed or built, and caches
	rm -rf .venv .venv-* dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	rm -rf static/dist static/node_modules static/test-results $(PLUGIN)/dist $(PLUGIN)/node_modules
