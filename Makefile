# The only entry point. Bare `make` prints the targets.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
UV := $(VENV)/bin/uv
# Each Python process that may not keep bytecode compiles 1,600 modules again: eight seconds of CPU before its first line.
unexport PYTHONDONTWRITEBYTECODE
PACKAGES := protos libs clients/python gateway sandbox services/auth services/invoices services/payments services/notifications deploy/local deploy/backup
PROTOS := $(shell find protos/whatsinvoice -name '*.proto')
.PHONY: help
help:  ## Print this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

DOCTOR := $(PYTHON) -I deploy/local/whatsinvoice_local/doctor.py
# Before make looks at the times of files: is Python new enough, and does .venv hold what its stamps say?
ifneq ($(filter-out help doctor browser compose-down,$(or $(MAKECMDGOALS),help)),)
FAULT := $(shell $(DOCTOR) --mend)
$(if $(FAULT),$(error $(FAULT)))
endif

# --- setting up -------------------------------------------------------------------------------------------------
.PHONY: setup lock proto clients
setup: $(VENV)/.installed protos/gen/.made clients/python/.made  ## Set up: .venv, hashed installs, generated code (every target does it on first use)

$(VENV)/.uv: requirements.lock
	@echo "setup: virtual environment"
	@$(PYTHON) -m venv $(VENV)
	@awk '/^[a-z]/ {on = /^uv==/} on' requirements.lock > $(VENV)/uv.lock.txt
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.lock.txt
	@touch $@

$(VENV)/.installed: $(VENV)/.uv requirements.lock $(addsuffix /pyproject.toml,$(PACKAGES))
	@echo "setup: installing the locked packages (a few minutes on first use)"
	@mkdir -p protos/gen/whatsinvoice clients/python/whatsinvoice_client
	@$(UV) pip sync --quiet --python $(PY) --require-hashes requirements.lock
	@$(UV) pip install --quiet --python $(PY) --no-deps --no-build-isolation $(addprefix -e ,$(PACKAGES))
	@touch $@

protos/gen/.made: $(PROTOS) protos/generate.py $(VENV)/.installed
	@$(PY) protos/generate.py
	@touch $@

proto: setup  ## Generate the Python code of protos/ into protos/gen
	@$(PY) protos/generate.py

NPM := PATH="$(CURDIR)/$(VENV)/bin:$$PATH" npm --loglevel=error --prefix clients/typescript

clients: setup clients/typescript/.made  ## Generate clients/python and clients/typescript from gateway/openapi.json

clients/python/.made: gateway/openapi.json clients/python/generator.yaml $(VENV)/.installed
	@$(VENV)/bin/openapi-python-client generate --path $< --config clients/python/generator.yaml --meta none \
		--output-path clients/python/whatsinvoice_client --overwrite --fail-on-warning > $(VENV)/client.log || { cat $(VENV)/client.log; exit 1; }
	@touch clients/python/whatsinvoice_client/py.typed $@

clients/typescript/.installed: clients/typescript/package-lock.json $(VENV)/.installed
	@echo "clients: installing the locked npm packages"
	@$(NPM) ci > $(VENV)/client.log || { cat $(VENV)/client.log; exit 1; }
	@touch $@

clients/typescript/.made: gateway/openapi.json clients/typescript/.installed $(filter-out %/schema.ts,$(wildcard clients/typescript/*.* clients/typescript/*/*.ts))
	@$(NPM) run --silent generate > $(VENV)/client.log 2>&1 || { cat $(VENV)/client.log; exit 1; }
	@$(NPM) run --silent build
	@touch $@

lock: setup  ## Resolve every version again: requirements.lock and clients/typescript/package-lock.json (hashes, no address)
	@$(UV) lock --quiet --upgrade
	@$(UV) export --quiet --all-packages --no-emit-workspace --no-header > requirements.lock
	@$(NPM) update

# --- the local stack --------------------------------------------------------------------------------------------
RUN := .run
LOCAL := $(PY) -m whatsinvoice_local --folder $(RUN)
.PHONY: up down reset doctor status logs demo migrate run console audit backup restore-drill certs kubectl
up: setup  ## Start the whole stack in the background, ready when it returns; running it again changes nothing
	@$(LOCAL) up

down: setup  ## Stop the stack, services draining
	@$(LOCAL) down

reset: setup  ## Stop the stack and remove its data and state in .run; says what it removed, keeps files that are not its own
	@$(LOCAL) reset

doctor:  ## Name what is wrong with Python, .venv, the disk, the ports or the stack, each with its repair
	@$(DOCTOR) --folder $(RUN)

status: setup  ## Each part of the stack: process, port, readiness, memory
	@$(LOCAL) status

logs: setup  ## The end of the logs, or of one: make logs S=payments
	@$(LOCAL) logs $(S)

demo: setup  ## Play one invoice from chat message to receipt, through public interfaces only
	@$(LOCAL) demo

migrate: setup  ## Bring every schema up to date, or one: make migrate S=invoices; the stack's, or at INVOICES_MIGRATION_URL and so on
	@$(LOCAL) migrate $(S)

run: setup  ## Run a command of a service, or of backup, against the stack: make run S=payments C="webhooks list"; without C: its help
	@$(LOCAL) run $(S) -- $(or $(C),--help)

console: setup  ## SQL in a service's database: make console S=invoices SQL="select number, status from invoices.invoices limit 5"; a Python prompt without SQL; read-only without WRITE=1
	@$(LOCAL) console $(S) $(if $(WRITE),--write) $(if $(SQL),--sql "$$SQL")

audit: setup  ## Whether the stack's books hold, row by row, and agree with the provider's list: make audit A=--offline
	@$(LOCAL) audit -- $(A)

backup: setup  ## Save the stack that is up into a second bucket, encrypted (deploy/backup says what else it can do)
	@$(LOCAL) backup

restore-drill: setup  ## Restore the newest backup into an empty place, start the services on it, compare: figures in .run/restore-drill.json; or of N invoices: make restore-drill FILL=1000000
	@$(LOCAL) drill $(B) $(if $(FILL),--fill $(FILL))

certs: setup  ## Certificates for mutual TLS between local services, in .run/certs; again renews what ends soon
	@$(PY) deploy/make_certs.py

kubectl: $(VENV)/bin/kubectl  ## Fetch the locked kubectl, which renders deploy/kubernetes for its tests

$(VENV)/bin/kubectl: $(VENV)/.installed deploy/kubernetes/kubectl.lock
	@echo "setup: kubectl"
	@$(PY) deploy/kubernetes/fetch_kubectl.py

# --- checks -----------------------------------------------------------------------------------------------------
SOURCES := protos/generate.py libs gateway sandbox services deploy tests
.PHONY: unit test proofs fuzz lint format openapi dashboards rules browser promtool redis soak faults waf test-waf mutants bench
WORKERS := 3
PYTEST := $(VENV)/bin/pytest -q -n $(WORKERS) --dist loadscope --no-loadscope-reorder --durations=40
# More workers than cores: a test waits for servers more than it computes. What fails beside the others is tried once more
# alone, since neighbours disturb what measures time: `alone` fails when it fails again.
alone = || { [ $$? = 1 ] && echo "tests: what failed, once more, alone" && $(VENV)/bin/pytest -q --last-failed $(1); }

unit: setup  ## The pure rules: no server, no stack
	@$(VENV)/bin/pytest -q -n 2 tests/unit

test: lint $(VENV)/bin/kubectl clients  ## Format, lint, types, import rules, then unit, integration, browser and end-to-end tests
	@$(PYTEST) tests/unit tests/integration tests/e2e $(call alone,tests/unit tests/integration tests/e2e)

proofs: setup $(VENV)/bin/kubectl  ## What is long by nature: mutated payloads, all orders, kills, fuzz, alert rules, image content; with FULL=1 at full counts
	@$(PYTEST) tests/proofs $(call alone,tests/proofs)

fuzz: setup  ## Schemathesis against a stack of its own, 5,000 cases or more: make fuzz SEED=1 for the same ones again
	@PYTHONPATH=tests $(PY) -m proofs.fuzz $(if $(SEED),--seed $(SEED))

# vulture reads the tests for what they use, and calls fields that a library reads unused variables.
lint: setup  ## Format, lint, types, import rules and dead code alone
	@echo "lint: format";       $(VENV)/bin/ruff format --quiet --check $(SOURCES)
	@echo "lint: rules";        $(VENV)/bin/ruff check --quiet $(SOURCES)
	@echo "lint: types";        $(VENV)/bin/mypy --no-error-summary $(SOURCES)
	@echo "lint: import rules"; $(VENV)/bin/lint-imports --no-logo > $(VENV)/import-rules.log || { cat $(VENV)/import-rules.log; exit 1; }
	@echo "lint: dead code";    { $(VENV)/bin/vulture || [ $$? = 3 ]; } | { ! grep -v -e "unused variable" -e "^tests/"; }

format: setup  ## Format the code and mend what ruff can
	@$(VENV)/bin/ruff check --quiet --fix $(SOURCES) || true
	@$(VENV)/bin/ruff format --quiet $(SOURCES)

openapi: $(VENV)/.installed protos/gen/.made  ## Write gateway/openapi.json again after a wanted change of the public contract
	@$(PY) gateway/write_openapi.py

dashboards: setup  ## Write deploy/grafana/dashboards again after a change of generate.py
	@$(PY) deploy/grafana/generate.py

rules: setup  ## Write again: the Prometheus operator's rules and routes, and the rules of Redis' users
	@$(PY) deploy/kubernetes/components/monitoring/generate.py
	@$(PY) deploy/kubernetes/state/redis/base/generate.py

browser:  ## Install Debian's Chromium for the browser tests (needs root)
	@command -v chromium > /dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium > /dev/null; }

unpacked = mkdir -p $(VENV)/debian && cd $(VENV)/debian \
  && { apt-get download -qq $(1) || { apt-get update -qq && apt-get download -qq $(1); }; } \
  && for deb in *.deb; do dpkg -x "$$deb" . && rm "$$deb"; done

promtool: $(VENV)/.installed  ## Fetch Debian's Prometheus, promtool and amtool into .venv, for the tests of deploy/prometheus
	@[ -x $(VENV)/debian/usr/bin/amtool ] || { $(call unpacked,prometheus prometheus-alertmanager); }

redis: $(VENV)/.installed  ## Fetch Debian's Redis 7 into .venv, for the tests of Sentinels and clusters with TLS
	@[ -x $(VENV)/debian/usr/bin/redis-server ] || { $(call unpacked,redis-server redis-tools liblzf1 libjemalloc2); }

waf: $(VENV)/.installed  ## Fetch Debian's nginx, ModSecurity and the OWASP core rule set into .venv
	@[ -x $(VENV)/debian/usr/sbin/nginx ] || { $(call unpacked,nginx libnginx-mod-http-modsecurity libnginx-mod-http-ndk \
	  libmodsecurity3 modsecurity-crs libcurl3-gnutls libfuzzy2 libgeoip1 liblmdb0 liblua5.3-0 libmaxminddb0 libyajl2); }

soak: setup  ## 2,000 payments under every fault at once, then our books beside the provider's: a table, and .run/soak.json
	@PYTHONPATH=tests $(PY) -m proofs.soak $(if $(N),--payments $(N)) $(if $(SEED),--seed $(SEED))

faults: setup  ## What takes minutes: a rolling restart under load, alerts on a real stack, a master of Redis killed amid 500 invoices
	@$(VENV)/bin/pytest -q -m faults tests/proofs

test-waf: clients waf  ## The end-to-end tests with every call through the web application firewall
	@THROUGH_WAF=1 $(VENV)/bin/pytest -q tests/proofs/waf tests/e2e

mutants: setup  ## Change the code in 1,000 places, one at a time, and see a test fail: make mutants SEED=2 COUNT=1000 ONLY=queue AGAIN=1; resumes
	@PYTHONPATH=tests $(PY) -m proofs.mutants $(if $(SEED),--seed $(SEED)) $(if $(COUNT),--count $(COUNT)) \
		$(if $(ONLY),--only $(ONLY)) $(if $(JOBS),--workers $(JOBS)) $(if $(AGAIN),--again)

bench: setup  ## Our GET and POST beside a bare program, start and memory: a table, and .run/bench.json; TRACING=1: what traces cost; SIZES=1: what an invoice leaves behind
	@$(PY) tests/proofs/bench/$(if $(SIZES),sizes.py,bench.py) $(if $(TRACING),--tracing)

# --- in containers ----------------------------------------------------------------------------------------------
COMPOSE := docker compose --profile sandbox -f docker-compose.yaml $(if $(filter seaweedfs,$(S3)),-f deploy/compose.seaweedfs.yaml)
.PHONY: secrets compose-up compose-down containers test-containers
secrets: setup  ## Generate what is missing of the secrets that compose mounts, in .run/secrets
	@$(PY) deploy/make_secrets.py

compose-up: secrets  ## The whole system in containers, healthy when it returns; S3=seaweedfs in the place of MinIO
	@$(COMPOSE) up --detach --wait

compose-down:  ## Stop the containers and delete their data
	@$(COMPOSE) --profile backup down --volumes

containers: secrets  ## Build every image, bring all of it up, smoke-test it over TLS, and take it down (needs Docker)
	@CONTAINERS=1 $(VENV)/bin/pytest -q tests/proofs/containers

test-containers: clients  ## The tests on Postgres 15, Redis 7 and S3 in containers (needs Docker)
	@TEST_BACKING=containers $(PYTEST) tests/unit tests/integration tests/e2e
