# The commands of this project, the same on a laptop and in CI. Each one first installs what is
# missing on the machine (tools/setup/README.md); if nothing is, that takes less than a second.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
READY := eval "$$($(PYTHON) -m tools.setup env)"

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: ## install what is missing, and nothing else
	@command -v $(PYTHON) >/dev/null || { apt-get update -qq && apt-get install -qq -y python3; } >&2
	@$(PYTHON) -m tools.setup setup

env: setup ## print the environment for a shell: eval "$(make -s env)"
	@$(PYTHON) -m tools.setup env

demo: setup ## two switches under load on http://127.0.0.1:8080, and what they lost
	@$(READY) && python -m evidence.demo

fresh-demo: setup ## the demo in a fresh Debian: 12 on Debian 13, otherwise 13; or FRESH=12
	@$(PYTHON) -m tools.setup.fresh_root --cache $(or $(FRESH),other) make demo

# What a minimal Debian lacks of the machines that tests make, and of the hand-written script.
lab:
	@type ip curl >/dev/null 2>&1 \
	    || { apt-get update -qq && apt-get install -qq -y --no-install-recommends iproute2 curl; } >&2

down-demo: setup ## remove the demo and its data
	@$(READY) && bluegreen down --yes --with-data --stack demo

cluster-demo: setup lab ## the same on a two-node Swarm on this machine; SWITCHES=30 NODES=3
	@$(READY) && python -m evidence.demo.cluster $(or $(SWITCHES),2) $(or $(NODES),2)

bench: setup lab ## what switches lose and how fast they are, against a hand-written script; 35 min
	@command -v wrk >/dev/null || apt-get install -qq -y wrk >/dev/null 2>&1 || true
	@$(READY) && python -m evidence.bench $(ARGS)

up: setup ## release what the config of stack dev says
	@$(READY) && pulumi stack select --create dev && pulumi up --yes --stack dev

preview: setup ## show what `make up` would do
	@$(READY) && pulumi stack select --create dev && pulumi preview --diff --stack dev

down: setup ## remove stack dev, but keep its data
	@$(READY) && bluegreen down --yes --stack dev

review: setup ## show what this branch would release, compared with BASE (origin/main)
	@$(READY) && python -m tools.ci review

runner: setup ## in a workflow: check PULUMI_BACKEND_URL, install the ssh key
	@.venv/bin/python -m tools.ci runner

promotions: setup ## in a workflow: take over the promotions that were made since this commit
	@git fetch --quiet origin main && .venv/bin/python -m tools.ci promotions

publish: ## push the commits of `bluegreen … --commit`, rebased on what others pushed
	@git pull --rebase --autostash --quiet -X theirs origin main && git push --quiet origin HEAD:main

lint: setup ## ruff, mypy --strict, the direction of imports, shellcheck, the workflows
	@command -v shellcheck >/dev/null || { apt-get update -qq && apt-get install -qq -y shellcheck; } >&2
	@$(READY) && ruff check . && ruff format --check . && mypy --strict . \
	    && lint-imports --no-logo --no-cache \
	    && find .ci evidence nginx tools \( -name '*.sh' -o -path .ci/run \) -exec shellcheck {} + \
	    && check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml \
	    && zizmor --offline --quiet .github

# GOGC: the tests run Pulumi hundreds of times, and Go's default garbage collection costs a sixth.
test: lint lab ## all tests: unit, program, end to end, Swarm
	@$(READY) && pytest tests/unit tests/program -q -n 2 \
	    && GOGC=400 pytest tests/cluster tests/e2e -q -n 3 --dist loadgroup

chaos: setup lab ## the whole fault matrix, about 40 min; writes out/chaos.json
	@$(READY) && python -m evidence.chaos

data-proof: setup ## every data mode with a writer running, 8 min; writes out/data.json
	@$(READY) && python -m evidence.proof

.PHONY: help setup env lab demo fresh-demo down-demo cluster-demo bench up preview down review runner promotions publish lint test chaos data-proof
