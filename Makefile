# `make` lists the targets. Works with GNU make on Linux and macOS; README.md has the same in plain
# lines for Windows. PYTHON=... chooses the interpreter that .venv/ is made with (3.11, 3.12 or 3.13).

.DEFAULT_GOAL := help
SHELL := /bin/sh

VENV := .venv
RUN := $(VENV)/bin/python
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
# A name on the PATH may be a stub that does not start: an interpreter counts if it runs.
PYTHON ?= $(firstword $(foreach name,python3.11 python3 python3.12 python3.13,$(shell $(name) -c '$(SUPPORTED)' 2>/dev/null && echo $(name))))
CODE := $(patsubst %/__init__.py,%,$(wildcard fersys/__init__.py train/__init__.py model_card/__init__.py hub/__init__.py app/__init__.py tests/__init__.py))

# No library calls out on its own.
export GRADIO_ANALYTICS_ENABLED := False
export HF_HUB_DISABLE_TELEMETRY := 1
export ORT_DISABLE_TELEMETRY := 1

# Data and media beside the checkout are used if they are there; otherwise training asks the hub.
ifneq ($(wildcard ../shared/fer2013),)
FERSYS_DATA ?= $(abspath ../shared/fer2013)
export FERSYS_DATA
endif
ifneq ($(wildcard ../shared/media),)
FERSYS_MEDIA ?= $(abspath ../shared/media)
export FERSYS_MEDIA
endif

.PHONY: help demo share test data train evaluate card compare bench spoof-bench threats-bench sbom hub-local lint format lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## */@/' | awk -F@ '{ printf "  make %-13s %s\n", $$1, $$2 }'

demo: $(VENV)/.app-installed ## install what serving needs, start the app on http://127.0.0.1:7860
	$(RUN) -m app

share: $(VENV)/.app-installed ## the same with a public link, which sends pictures through Gradio's servers; fails if there is none
	$(RUN) -m app --share

# Pages in a browser are tested first and by themselves: beside other work they are slow in ways that no visitor's are. Of
# the rest a file stays in one process, with the servers that it starts; `make test PARALLEL=` takes one process for all.
PARALLEL := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test: lint ## install everything, then ruff, mypy --strict and all tests
	$(RUN) -m pytest tests/test_browser_*.py
	$(RUN) -m pytest $(PARALLEL) --ignore-glob='*/test_browser_*'

data: $(VENV)/.dev-installed ## load FER2013, print its counts and its twins
	$(RUN) -m train data

train: $(VENV)/.dev-installed ## train the shipped CNN into runs/fersys-cnn/ (hours), or go on training it
	$(RUN) -m train fit --recipe best --name fersys-cnn

evaluate: $(VENV)/.dev-installed ## measure the shipped models again and compare with what they publish
	$(RUN) -m train evaluate

card: $(VENV)/.dev-installed ## write the model cards
	$(RUN) -m model_card

compare: $(VENV)/.dev-installed ## put all models side by side: reports/README.md and the README's table
	$(RUN) -m train compare

# The fer package wants an older numpy: FER_PYTHON=.../bin/python names an environment of its own that has it.
bench: $(VENV)/.dev-installed ## time an answer beside DeepFace and fer, print ratios (FER_PYTHON=... for fer)
	$(RUN) -m train bench $(if $(FER_PYTHON),--fer-python $(FER_PYTHON))

# 150 attacks a kind take about an hour and a half of two cores; COUNT=10 a quarter of an hour.
spoof-bench: $(VENV)/.app-installed ## attack the emoji challenge with photos, films and puppets: reports/spoof.md
	$(RUN) -m app.captcha spoof-bench --count $(or $(COUNT),150)

threats-bench: $(VENV)/.dev-installed ## the CAPTCHA's threats: the counted ones in full, then times and memory (reports/threats.md)
	FERSYS_THREATS=full $(RUN) -m pytest -q $(PARALLEL) tests/test_threats_*.py
	$(RUN) -m app.captcha threats-bench

sbom: $(VENV)/.app-installed ## the bill of materials of what serving consists of: dist/sbom.json (CycloneDX)
	$(RUN) -m app.captcha sbom

hub-local: $(VENV)/.dev-installed ## a hub of your own on http://127.0.0.1:7870, to push to and pull from without an account
	$(RUN) -m hub local --folder runs/hub-local --port 7870

lint: $(VENV)/.dev-installed ## ruff format, ruff check and mypy --strict, changing nothing
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m mypy --strict $(CODE)

format: $(VENV)/.dev-installed ## format the code and repair what ruff can repair
	$(RUN) -m ruff format .
	$(RUN) -m ruff check --fix .

LOCK := $(RUN) -m uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-emit-index-url --no-annotate --custom-compile-command "make lock"

lock: $(VENV)/.dev-installed ## choose exact versions anew, within the ranges of requirements*.txt
	$(LOCK) requirements-dev.txt -o requirements-dev.lock
	$(LOCK) --constraint requirements-dev.lock requirements-app.txt -o requirements-app.lock

clean: ## remove caches and build leftovers; runs/ and .venv/ stay
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name '*.egg-info' -not -path './$(VENV)/*' -prune -exec rm -rf {} +
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

# The stamps say which lock was installed. The full set holds the serving set, so it makes both.

$(VENV)/.created:
	@$(if $(PYTHON),,echo "error: Python 3.11, 3.12 or 3.13 is needed and none was found. Name one: make PYTHON=/path/to/python3.11"; exit 1)
	@$(PYTHON) -c '$(SUPPORTED)' || { echo "error: expected Python 3.11, 3.12 or 3.13. Received: $$($(PYTHON) --version 2>&1)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.app-installed: requirements-app.lock pyproject.toml $(VENV)/.created
	@echo "Installing what serving needs (about 800 MB on disk, the first time only) …"
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements-app.lock
	$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(VENV)/.dev-installed: requirements-dev.lock requirements-app.lock pyproject.toml $(VENV)/.created
	@echo "Installing everything (about 3.5 GB on disk with TensorFlow, the first time only) …"
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements-dev.lock
	$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@ $(VENV)/.app-installed
