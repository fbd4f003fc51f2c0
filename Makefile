# `make` takes a fresh clone to the finished comparison; `make help` lists the rest.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# make's own functions for paths break at a space in the folder's name.
export PATH := $(if $(filter /%,$(VENV)),,$(CURDIR)/)$(BIN):$(PATH)
export MLFLOW_DISABLE_TELEMETRY := true
unexport VIRTUAL_ENV PYTHONHOME
# The code of this checkout, also with the environment of another.
DIGITBENCH := PYTHONPATH=src $(BIN)/digitbench

.PHONY: all install test lint check experiments bench studies ui readme clean help
.DEFAULT_GOAL := all

all: install  ## set up where needed, run what changed, show the result
	@$(BIN)/dvc repro
	@$(DIGITBENCH) readme --print

install: $(VENV)/.installed  ## create the environment from requirements.lock

$(VENV)/.installed: requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null 2>&1 || \
		{ echo "digitbench needs Python 3.11 or newer, and '$(PYTHON)' is not on the path. Install it, or name another: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "digitbench needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) -V 2>&1). Name another: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "This Python lacks the venv module. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the locked packages into $(VENV) (some GB with GPU libraries; minutes, once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

test: install  ## unit and pipeline tests
	@$(BIN)/python -m pytest --numprocesses auto --dist loadfile

lint: install  ## style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

check: install  ## the committed results come from the committed code
	@.ci/check

experiments: install  ## what experiments changed, and the accuracy they reached
	@$(BIN)/dvc exp show --only-changed --drop 'Created|Executor|[^:]*/[^:]*$$|metrics/.*:(?!accuracy)|metrics$$|plots$$'

bench: install  ## measure training speed, about half an hour; writes benchmarks/results.*
	@$(BIN)/dvc repro --quiet preprocess
	@$(DIGITBENCH) bench

studies: install  ## reproduce the published studies and write studies/README.md
	@sed -n 's/^Training \(.* took .* minutes\)/The last time, training \1/p' studies/README.md
	@$(BIN)/dvc repro --all-pipelines --keep-going; status=$$?; \
		$(DIGITBENCH) studies && $(BIN)/dvc repro --quiet && exit $$status

ui: install  ## browse the recorded runs in MLflow
	@echo "MLflow: http://127.0.0.1:5000 (Ctrl-C ends it)"
	@MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false $(BIN)/mlflow ui --workers 1 \
		--backend-store-uri "$${MLFLOW_TRACKING_URI:-sqlite:///mlflow.db}"

readme: install  ## bring the numbers in README.md up to date with metrics/ and benchmarks/
	@$(DIGITBENCH) readme

clean:  ## remove caches; data, models, recorded runs and the environment stay
	rm -rf .mypy_cache .pytest_cache .ruff_cache dvc_plots
	find src tests benchmarks -name __pycache__ -type d -exec rm -rf {} +

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18
