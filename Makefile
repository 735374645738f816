# Everything runs from .venv, made from the locked requirements; nothing else is asked of the machine than Python 3.11+.
PYTHON ?= python3
BIN := .venv/bin
RUN := .venv/.run
DEV := .venv/.dev
FUZZ := .venv/.fuzz
WEBTORRENT := tests/interop/webtorrent
SECONDS ?= 60
DATAGRAMS ?= 1000000

.PHONY: help demo up test check format interop fuzz flood browser-test compose-test k8s-test openapi-test days-test kills-test redis-test dashboards observability-test bench-krpc bench-storage bench-bus bench-sync bench-crypto bench-lookup bench-churn bench-guard settings-page clean

help:  ## Say what there is to make
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/\1\t\2/' | expand -t 20

$(RUN): requirements/run.txt pyproject.toml
	@test -d .venv || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): requirements/dev.txt $(RUN)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

demo: $(RUN)  ## Do the main job on a private DHT, and narrate it
	$(BIN)/scout demo

up: $(RUN)  ## Run everything in one process with a private swarm, until Ctrl-C
	$(BIN)/scout up --swarm 16

test: $(DEV)  ## Run the whole test suite
	$(BIN)/python -m pytest

check: $(DEV)  ## Lint, format, types, import floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

browser-test: $(DEV)  ## The pages in a real Chromium, around real processes; screenshots go to build/screenshots
	$(BIN)/python -m pytest tests/browser

compose-test: $(DEV)  ## Bring compose.yaml up on a Docker engine of its own, use it, kill it, scale it (root)
	$(BIN)/python -m pytest tests/compose -p no:randomly -o timeout=400

openapi-test: $(DEV)  ## Thousands of requests made from /openapi.json to a running stack, every answer checked
	$(BIN)/python -m pytest tests/openapi

k8s-test: $(DEV)  ## Render the Kubernetes manifests (kubectl) and hold them against schemas and conventions
	@kubectl version --client 2>/dev/null | grep -q 'Kustomize Version: v5' \
	  || { echo 'k8s-test: expected kubectl 1.27 or later (kustomize 5); install the Kubernetes client'; exit 1; }
	$(BIN)/python -m pytest tests/k8s

dashboards: $(DEV)  ## Write observability/dashboards/*.json from their source
	$(BIN)/python -m observability.panels

observability-test: $(DEV)  ## Watch a cluster in trouble with Prometheus: every rule, alert and panel
	$(BIN)/python -m pytest tests/observability

days-test: $(DEV)  ## Days of a cluster's life in steps in which no item lapses (`make test` takes a day at a time)
	$(BIN)/python -m pytest tests/days -m many_hours -o timeout=240

kills-test: $(DEV)  ## 500 messages of three members in bursts, while API and crypto processes are killed at random
	$(BIN)/python -m pytest tests/integration/cluster -m many_kills

redis-test: $(DEV)  ## The bus on Redis as found in clusters (redis-server, openssl): TLS, access lists, Sentinel, Cluster
	@command -v redis-server >/dev/null && command -v openssl >/dev/null || { echo "make redis-test: expected redis-server 7.0 or later and openssl; apt-get install redis-server openssl" >&2; exit 1; }
	$(BIN)/python -m pytest tests/integration/redis -m redis_server

interop: $(WEBTORRENT)/node_modules  ## Fetch webtorrent's DHT (node.js and npm) for the tests of interoperation

$(WEBTORRENT)/node_modules: $(WEBTORRENT)/package-lock.json
	npm ci --prefix $(WEBTORRENT) --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(FUZZ): requirements/fuzz.txt $(DEV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/fuzz.txt
	@touch $@

fuzz: $(FUZZ)  ## Fuzz the receiving function by coverage, for SECONDS=60
	@mkdir -p build/fuzz
	$(BIN)/python -m fuzz.receive_datagram build/fuzz fuzz/corpus -max_total_time=$(SECONDS) -max_len=2100 -artifact_prefix=build/fuzz-

flood: $(DEV)  ## DATAGRAMS=1000000 hostile datagrams at one node, with its memory watched
	$(BIN)/python -m fuzz.flood $(DATAGRAMS)

format: $(DEV)  ## Apply the formatter and the safe fixes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench-krpc: $(DEV)  ## Queries a second of one node, beside libtorrent in the same run
	$(BIN)/python -m bench.krpc

bench-storage: $(DEV)  ## Memory, rates and pauses of a node that stores 100,000 items
	$(BIN)/python -m bench.storage

bench-bus: $(DEV)  ## Bus requests a second, and their latency
	$(BIN)/python -m bench.bus

bench-sync: $(DEV)  ## Syncs and reads a second on a 16-node swarm, and their latency, in both formats
	$(BIN)/python -m bench.sync

bench-crypto: $(DEV)  ## Processor time of a record opened and sealed in the crypto service, in both formats
	$(BIN)/python -m bench.crypto

bench-lookup: $(DEV)  ## Nodes asked and time taken against the size of a simulated network; FULL=1 up to 30,000
	$(BIN)/python -m bench.lookup $(if $(FULL),--full)

bench-churn: $(DEV)  ## A day of churn in a simulated network: whether items that are kept survive it
	$(BIN)/python -m bench.churn

bench-guard: $(DEV)  ## What a flood of callers without a key costs a caller with one
	$(BIN)/python -m bench.guard

settings-page: $(DEV)  ## Write docs/settings.md anew, of what the services declare
	$(BIN)/python -m tests.support.settings_page

clean:  ## Remove .venv and all caches
	rm -rf .venv build bench/build .pytest_cache .mypy_cache .ruff_cache *.egg-info
