# Everything a contributor runs. `make` alone lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/agentschedule-operator
UV_VERSION := 0.13.9
UV := $(or $(shell command -v uv 2>/dev/null),$(CACHE)/uv-$(UV_VERSION)/bin/uv)
COMPILE := pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --python-version 3.11
PYTHON := .venv/bin/python
PYTEST := .venv/bin/pytest
QUICK := $(PYTEST) -q --numprocesses auto
INTEGRATION := $(PYTEST) -q tests/integration --dist loadfile --numprocesses 3
CHAOS := $(PYTEST) -q tests/chaos --dist worksteal --numprocesses
CLUSTER := PYTHONPATH=hack $(PYTHON) -m localcluster
IMAGES := PYTHONPATH=hack $(PYTHON) -m images
DEMO := PYTHONPATH=hack $(PYTHON) -m demo
BENCH := PYTHONPATH=$(CURDIR)/operator:$(CURDIR)/hack:$(CURDIR) $(PYTHON) -m tests.bench
NAMESPACE := agentschedule-system
RELEASE := agentschedule-operator
CHART := charts/agentschedule-operator

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

## Try it

demo: install ## Make a cluster, install the operator, run the examples and watch them
	@$(DEMO)

demo-down: venv ## Remove the examples and the operator again
	@$(DEMO) down

## Environment

$(CACHE)/uv-$(UV_VERSION)/bin/uv:
	@echo "uv is not installed: putting version $(UV_VERSION) into $(CACHE)"
	@python3 -m venv $(CACHE)/uv-$(UV_VERSION) || { echo "Python 3.11 or newer with its venv module is needed (Debian: apt-get install python3-venv)"; exit 1; }
	@$(CACHE)/uv-$(UV_VERSION)/bin/pip --quiet --disable-pip-version-check install uv==$(UV_VERSION)

venv: .venv/installed ## Make the Python environment (.venv) from the locked requirements

.venv/installed: requirements-dev.txt pyproject.toml | $(UV)
	@echo "making the Python environment in .venv"
	@$(UV) venv --quiet --allow-existing .venv
	@VIRTUAL_ENV=.venv $(UV) pip sync --quiet --require-hashes requirements-dev.txt
	@VIRTUAL_ENV=.venv $(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

lock: | $(UV) ## Renew the locked requirements
	@$(UV) $(COMPILE) pyproject.toml -o requirements.txt
	@$(UV) $(COMPILE) pyproject.toml --group dev -o requirements-dev.txt

## Cluster, image, installation

cluster: venv ## Have a cluster: KUBECONFIG's, else kind's, else a local one built from source
	@$(CLUSTER) up

cluster-status: venv ## Tell how the cluster is
	@$(CLUSTER) status

cluster-down: venv ## Remove the cluster without a trace
	@$(CLUSTER) down

image: venv ## Build the operator's image
	@$(IMAGES) build

install: cluster ## Build the image and install the operator into the cluster with Helm
	@archive=$$($(IMAGES) build); name=$$($(IMAGES) name "$$archive"); $(CLUSTER) load-image "$$archive"; \
	helm=$$($(CLUSTER) tool helm | tail -1); \
	[ "$$(cat .cluster/choice)" = named ] && short="" || short="--set settings.min_interval=1"; \
	"$$helm" upgrade --install $(RELEASE) $(CHART) --kubeconfig "$$($(CLUSTER) kubeconfig)" \
	  --namespace $(NAMESPACE) --create-namespace --take-ownership --force-conflicts \
	  --set image.repository="$${name%:*}" --set-string image.tag="$${name##*:}" \
	  $$short --wait --timeout 120s >/dev/null; \
	echo "installed $$name as Helm release $(RELEASE) in namespace $(NAMESPACE)"

## Generated files

crds: venv ## Write the CRDs from the models (crds/ and the chart's copy)
	@$(PYTHON) -m agentschedule.api.crd

manifests: crds ## Write manifests/install.yaml from the chart
	@$(IMAGES) manifest

docs: venv ## Write the comparison in docs/semantics.md from its cases
	@$(PYTHON) -m tests.unit.semantics.page

## Checks

lint: venv ## Check style, types, layers and generated files
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@$(PYTHON) -m agentschedule.api.crd --check
	@$(IMAGES) manifest --check

format: venv ## Bring the code into shape
	@.venv/bin/ruff check --fix .
	@.venv/bin/ruff format .

test: lint ## Run all checks: lint, unit, simulation, integration, e2e, faults in their short form
	@$(QUICK) tests/unit tests/simulation
	@$(MAKE) --no-print-directory install
	@$(INTEGRATION)
	@$(PYTEST) tests/e2e
	@$(CHAOS) 2

test-unit: venv ## Run the unit tests
	@$(QUICK) tests/unit

test-simulation: venv ## Run the simulation: the engine on a fake cluster with a virtual clock
	@$(QUICK) tests/simulation

test-deep: venv ## Tell random stories in the simulation for as long as asked (MINUTES=10)
	@HYPOTHESIS_PROFILE=deep PYTHONPATH=operator $(PYTHON) -m tests.simulation $(or $(MINUTES),10)

test-integration: cluster ## Run the integration tests: this checkout's operator against a real API server
	@$(INTEGRATION)

test-e2e: install ## Run the end-to-end tests: the installed chart, real containers
	@$(PYTEST) tests/e2e

test-chaos-short: venv ## The same in a short form, some minutes
	@$(CHAOS) 2

test-chaos: venv ## Do to operator and API server what can befall them, in full length (about 20 minutes)
	@AGENTSCHEDULE_CHAOS=full $(CHAOS) 2
	@$(PYTHON) -m tests.chaos.page

test-cluster: venv ## Test the local cluster itself, in a second instance of it
	@AGENTSCHEDULE_TEST_CLUSTER=1 $(PYTEST) tests/cluster

test-bench: venv ## Test the scratch control plane, and that the bench can take its measures
	@$(PYTEST) tests/controlplane tests/bench

## Performance

bench: venv ## Measure beside a plain client and CronJob, more than an hour (ROUNDS=3 SIZE=1000 ONLY=burst,single,…)
	@$(BENCH) --rounds $(or $(ROUNDS),3) --size $(or $(SIZE),1000) --only "$(ONLY)"

bench-docs: venv ## Put what was measured into docs/performance.md
	@$(BENCH).page

clean: ## Remove what was made in this checkout (not the cluster: make cluster-down)
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .bench build dist

.PHONY: help demo demo-down venv lock cluster cluster-status cluster-down image install crds manifests docs lint format \
  test test-unit test-simulation test-deep test-integration test-e2e test-chaos test-cluster test-bench test-chaos test-chaos-short bench bench-docs clean
