# `make` takes a fresh clone to the finished comparison; `make help` lists the rest.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# As a target; a space in it would make two.
BLANK := $(subst ,, )
STAMP := $(subst $(BLANK),\ ,$(VENV))/.installed
# make's own functions for paths break at a space in the folder's name.
export PATH := $(if $(filter /%,$(VENV)),,$(CURDIR)/)$(BIN):$(PATH)
export MLFLOW_DISABLE_TELEMETRY := true
# What a session asks of every Python: the environment has its own modules, and is no debugger.
unexport VIRTUAL_ENV PYTHONHOME PYTHONPATH PYTHONINSPECT PYTHONOPTIMIZE PYTHONWARNINGS
# A user's pip.conf says where packages come from; which, and where they go, is said here.
export PIP_USER := 0
export PIP_REQUIRE_HASHES := 0
export PIP_CONSTRAINT := /dev/null
PIP := "$(BIN)/python" -m pip install --quiet --disable-pip-version-check \
	--target= --only-binary=:none: --no-binary=:none:
IN_PLACE := $(PIP) --no-deps --no-build-isolation --editable .
# The code of this checkout, also with the environment of another.
DIGITBENCH := PYTHONPATH=src "$(BIN)/digitbench"

.PHONY: all install test lint check experiments bench torture studies ui readme clean help
.DEFAULT_GOAL := all

all: install  ## set up where needed, run what changed, show the result
	@"$(BIN)/dvc" repro
	@$(DIGITBENCH) readme --print

install: $(STAMP)  ## create the environment from requirements.lock
	@$(RUNS) || { echo "$(VENV) has lost its Python, maybe to an upgrade:"; rm -f "$(VENV)/.installed"; $(MAKE) --no-print-directory install; }
	@"$(BIN)/python" -c "$$AT_HOME" 2>/dev/null || { \
		echo "$(VENV) was made in another folder: tying its commands to this one ..."; \
		"$(BIN)/python" -m venv --without-pip "$(VENV)" && "$(BIN)/python" -c "$$TIE" && $(IN_PLACE) && { $(REMARK); }; }

# Commands of an environment name the folder that they were made in.
define AT_HOME
import digitbench, pathlib, sys
sys.exit(sys.executable not in pathlib.Path(sys.executable).with_name("digitbench").read_text())
endef
define TIE
import importlib.metadata, pathlib, sys
from distlib.scripts import ScriptMaker
maker = ScriptMaker(None, str(pathlib.Path(sys.executable).parent))
maker.clobber, maker.variants = True, {""}
commands = importlib.metadata.entry_points(group="console_scripts")
maker.make_multiple(f"{command.name} = {command.value}" for command in commands)
endef
export AT_HOME TIE

# What is not ASCII, or is `#`, which lies between `"` and `$$`.
REMARK := ! pwd | LC_ALL=C grep -q '[^ -"$$-~]' || \
	echo "In a folder with such a name DVC can't run experiments with --temp or in a queue; all else works."
RUNS := "$(BIN)/python" -c '' 2>/dev/null
FIT := Python 3.11 to 3.14
$(STAMP): requirements.lock pyproject.toml
	@command -v "$(PYTHON)" >/dev/null 2>&1 || \
		{ echo "digitbench needs $(FIT), and '$(PYTHON)' is not on the path. Install it, or name another: make PYTHON=python3.12"; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' || \
		{ echo "digitbench needs $(FIT); '$(PYTHON)' is $$("$(PYTHON)" -V 2>&1). Name another: make PYTHON=python3.12"; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "This Python lacks the venv module. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@$(RUNS) || { rm -f "$(BIN)"/python*; "$(PYTHON)" -m venv "$(VENV)"; }
	@echo "Installing the locked packages into $(VENV) (some GB with GPU libraries; minutes, once) ..."
	@$(PIP) --require-hashes -r requirements.lock
	@$(IN_PLACE)
	@$(REMARK)
	@touch "$@"

test: install  ## unit and pipeline tests
	@"$(BIN)/python" -m pytest --numprocesses auto --dist loadgroup --no-loadscope-reorder --durations 15

lint: install  ## style and types
	@"$(BIN)/ruff" check .
	@"$(BIN)/ruff" format --check .
	@"$(BIN)/mypy"

check: install  ## the committed results come from the committed code
	@.ci/check

experiments: install  ## what experiments changed, and the accuracy they reached
	@"$(BIN)/dvc" exp show --only-changed --drop 'Created|Executor|[^:]*/[^:]*$$|metrics/.*:(?!accuracy)|metrics$$|plots$$'

bench: install  ## measure speed and growth, about an hour, or SECTIONS="seeds cluster"; writes benchmarks/results.*
	@"$(BIN)/dvc" repro --quiet preprocess
	@$(DIGITBENCH) bench $(SECTIONS)

torture: install  ## break the small pipeline on purpose: ROUNDS=300 SEED=17; ONLY=12 repeats one
	@"$(BIN)/python" torture --rounds $(or $(ROUNDS),300) --seed $(or $(SEED),17) $(addprefix --only ,$(ONLY)); \
		status=$$?; test -n "$(ONLY)" || "$(BIN)/python" -m pytest tests/bad_input \
		--hypothesis-profile=torture && exit $$status

studies: install  ## reproduce the published studies and write studies/README.md
	@sed -n 's/^Training \(.* took .* minutes\)/The last time, training \1/p' studies/README.md
	@"$(BIN)/dvc" repro --all-pipelines --keep-going; status=$$?; \
		$(DIGITBENCH) studies && "$(BIN)/dvc" repro --quiet && exit $$status

ui: install  ## browse the recorded runs in MLflow
	@$(DIGITBENCH) ui

readme: install  ## bring the numbers in README.md up to date with metrics/ and benchmarks/
	@$(DIGITBENCH) readme

clean:  ## remove caches; data, models, recorded runs and the environment stay
	rm -rf .mypy_cache .pytest_cache .ruff_cache dvc_plots
	find src tests benchmarks torture -name __pycache__ -type d -exec rm -rf {} +

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18
