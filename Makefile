# Everything the project does. Needs python 3.11 or newer and make; the rest goes into .venv.
# `make PYTHON=/path/to/python ...` chooses the interpreter.

UV_VERSION := 0.13.9
AIRFLOW := 3.3

VENV := .venv
RUN := $(VENV)/bin/python -m
UV := $(VENV)/bin/uv
UV_STAMP := $(VENV)/.uv-$(UV_VERSION)
INSTALL_STAMP := $(VENV)/.installed-$(AIRFLOW)
BROWSER_STAMP := $(VENV)/.browser-$(AIRFLOW)
CONSTRAINTS := constraints/airflow-$(AIRFLOW).txt
DOCS_VENV := .venv-docs
DOCS_STAMP := $(DOCS_VENV)/.installed
PYTHONS := $(or $(PYTHON),python3.13 python3.12 python3.11 python3)
# Those that kill parts of Airflow have targets of their own.
BENCHES := $(filter-out campaign_faults campaign_resumed waits_in_airflow,$(basename $(notdir $(sort $(wildcard bench/[a-z]*.py)))))
PYTEST := pytest -n 2 --dist worksteal

# A developer's own Airflow (its database, its connections, its bill) must not be reached from here.
unexport $(filter AIRFLOW_%,$(.VARIABLES))
export AIRFLOW_HOME := $(CURDIR)/.cache/airflow

# Company networks often re-sign TLS: trust what the system trusts. The second name is for older uv.
export UV_SYSTEM_CERTS := 1
export UV_NATIVE_TLS := 1
export UV_PYTHON_DOWNLOADS := never

.DEFAULT_GOAL := help
.PHONY: help install demo sandbox unit test evidence lint types layers coverage long worlds processes browser faults live campaigns waits mutants compat cluster bench constraints docs format build package clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

install: $(INSTALL_STAMP) ## Make or refresh .venv with the project and its tools

demo: install ## Run three of the example DAGs on a real Airflow against a local Directcall; KEEP=1 keeps it all until Ctrl-C
	$(RUN) tools.demo $(if $(KEEP),--keep)

sandbox: install ## Start a local Directcall on port 8025, or on PORT=...
	$(VENV)/bin/directcall-sandbox --port $(or $(PORT),8025)

unit: install ## The fast tests, without coverage: for the inner loop
	$(RUN) $(PYTEST) -m "not airflow and not browser and not long"

test: lint types layers unit docs demo ## What every change must pass, in under ten minutes

evidence: long coverage worlds processes browser faults live campaigns waits mutants compat cluster bench ## What takes long: whole Airflows, faults, mutants, other Airflows, figures

lint: install ## Style and common mistakes (ruff), plain prose in docstrings and comments
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(RUN) tools.prose

types: install ## Static types (mypy, strict)
	$(RUN) mypy

layers: install ## Imports point down the layers (import-linter); the sending operators stay flat
	$(VENV)/bin/lint-imports --cache-dir .cache/import-linter
	$(RUN) tools.operator_walk

coverage: install ## The fast tests again, traced, which doubles their time: branch coverage of at least 95 %
	rm -f .coverage .coverage.*
	$(RUN) coverage run -m $(PYTEST) -m "not airflow and not browser and not long" --durations 10
	$(RUN) coverage combine --quiet
	$(RUN) coverage report
	$(RUN) coverage json --quiet -o .cache/coverage.json
	$(RUN) tools.coverage_gate .cache/coverage.json

long: install ## A year of calls and deliveries in any order; untraced, they need no coverage
	$(RUN) $(PYTEST) -m long

worlds: install ## 20,000 generated worlds: quirks, lost answers, kills and Clears combined
	DIRECTCALL_WORLDS=20000 $(RUN) $(PYTEST) -m long tests/delivery/worlds

processes: install ## The tests that start whole Airflows, except for the faults; untraced, which would double their time
	$(RUN) pytest -n 2 --dist loadfile --no-loadscope-reorder -m "airflow and not browser and not faults and not live" --durations 10

browser: $(BROWSER_STAMP) ## The pages in a real browser (Debian: chromium); screenshots go into .cache/screenshots
	$(RUN) pytest -m browser --durations 10

faults: install ## Once-only sending from real task processes under each fault, a few sends each
	$(RUN) pytest -m faults --durations 10

live: install ## Campaigns under kills, and alerts, on whole Airflows
	$(RUN) pytest -m live --durations 10

campaigns: install ## Campaigns of 10,500 on a whole Airflow: killed, stopped, cleared, fed back; no trace of a contact left
	$(RUN) bench.campaign_faults
	$(RUN) bench.campaign_resumed

waits: install ## A thousand sensors in a real triggerer: polls, CPU, memory; killed, doubled, through an outage
	$(RUN) bench.waits_in_airflow

mutants: install ## Mistakes planted in delivery/ that its tests must find
	$(RUN) tools.mutants

bench: $(BROWSER_STAMP) ## Measure, and print each figure as a ratio
	@for name in $(BENCHES); do echo "== $$name"; $(RUN) "bench.$$name" || exit 1; done

compat: install ## Sensors, watchers, alerts and others, sending under faults, and the page, on the other Airflows, each in an environment of its own
	$(RUN) tools.compat

cluster: install ## A campaign over two Celery workers, PostgreSQL and Redis (Debian: postgresql, redis-server), one of them killed
	$(RUN) tools.cluster

docs: $(DOCS_STAMP) ## Build the documentation site into build/site; any warning or broken link is an error
	NO_MKDOCS_2_WARNING=1 $(DOCS_VENV)/bin/python -m mkdocs build --quiet --strict

constraints: $(UV_STAMP) ## Renew all files in constraints/
	$(RUN) tools.constraints

format: install ## Let ruff format and repair the code
	$(RUN) ruff check --fix
	$(RUN) ruff format

build: $(UV_STAMP) ## Build the source distribution and the wheel into dist/
	rm -rf dist
	$(UV) build --quiet --build-constraints $(CONSTRAINTS) --out-dir dist

package: install ## Build the wheel, install it in clean environments, ask Airflow for the provider
	$(RUN) tools.check_package

clean: ## Remove what the other targets made
	rm -rf $(VENV) $(DOCS_VENV) .cache .demo dist build mutants .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis htmlcov .coverage*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALL_STAMP): $(UV_STAMP) pyproject.toml $(CONSTRAINTS) airflow_provider_directcall/__init__.py
	$(UV) pip install --quiet --python $(VENV)/bin/python --constraints $(CONSTRAINTS) \
	    --build-constraints $(CONSTRAINTS) --editable . --group dev
	@touch $@

$(BROWSER_STAMP): $(INSTALL_STAMP)
	$(UV) pip install --quiet --python $(VENV)/bin/python --constraints $(CONSTRAINTS) --group browser
	@touch $@

$(DOCS_STAMP): $(UV_STAMP) pyproject.toml constraints/docs.txt
	$(UV) venv --quiet --clear --python $(VENV)/bin/python $(DOCS_VENV)
	$(UV) pip install --quiet --python $(DOCS_VENV)/bin/python --constraints constraints/docs.txt --group docs
	@touch $@

$(UV_STAMP):
	@found=; for python in $(PYTHONS); do \
	    if "$$python" -c "import sys; sys.exit(sys.version_info < (3, 11))" >/dev/null 2>&1; then \
	        found=$$python; break; \
	    fi; \
	done; \
	if [ -z "$$found" ]; then \
	    echo "error: no Python 3.11 or newer among: $(PYTHONS) (choose one: make PYTHON=/path/to/python)" >&2; exit 1; \
	fi; \
	if ! "$$found" -c "import ensurepip, venv" >/dev/null 2>&1; then \
	    echo "error: $$found cannot make environments; install its venv module (on Debian: python3-venv)" >&2; exit 1; \
	fi; \
	echo "Making $(VENV) with $$("$$found" --version)"; \
	"$$found" -m venv $(VENV)
	$(RUN) pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@
