# Everything a contributor runs. `make` alone lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/agentschedule-operator
UV_VERSION := 0.13.9
UV := $(or $(shell command -v uv 2>/dev/null),$(CACHE)/uv-$(UV_VERSION)/bin/uv)
PYTHON := .venv/bin/python

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(CACHE)/uv-$(UV_VERSION)/bin/uv:
	@echo "uv is not installed: putting version $(UV_VERSION) into $(@D)"
	@python3 -m venv $(CACHE)/uv-$(UV_VERSION)
	@$(CACHE)/uv-$(UV_VERSION)/bin/pip --quiet --disable-pip-version-check install uv==$(UV_VERSION)

venv: .venv/installed ## Make the Python environment (.venv) from the locked requirements

.venv/installed: requirements-dev.txt pyproject.toml | $(UV)
	@$(UV) venv --quiet --allow-existing .venv
	@VIRTUAL_ENV=.venv $(UV) pip sync --quiet --require-hashes requirements-dev.txt
	@VIRTUAL_ENV=.venv $(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

lock: | $(UV) ## Renew the locked requirements
	@$(UV) pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --python-version 3.11 pyproject.toml -o requirements.txt
	@$(UV) pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --python-version 3.11 pyproject.toml --group dev -o requirements-dev.txt

.PHONY: help venv lock

crds: .venv/installed ## Write the CRDs from the models (crds/ and the chart's copy)
	@$(PYTHON) -m agentschedule.api.crd

lint: .venv/installed ## Check style, types, layers and generated files
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-logo 2>/dev/null || .venv/bin/lint-imports
	@$(PYTHON) -m agentschedule.api.crd --check

.PHONY: crds lint
