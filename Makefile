# make explore    a simulated camera explores the scene that ships with the package; ends with the report's path.
#                 ARGS="--input PATH --glimpses 8 --policy learned --model models/panorama --out DIR"
# make test       lint, types and tests
# make bench      latency, throughput and memory, as a table and JSON
# make clean      forget the set-up and everything built (not out/ and runs/, which hold results)
#
# Each sets up what it needs in .venv. RUNTIME=gpu uses onnxruntime-gpu; PYTHON=... names the interpreter.

SHELL := /bin/bash
VENV := .venv
RUNTIME ?= cpu
ARGS ?=
comma := ,

# With a sourced ROS the venv sees it; without, ROS comes as wheels. Changing over makes the venv anew.
ROS := $(or $(ROS_DISTRO),wheels)
EXTRAS := $(if $(ROS_DISTRO),,ros$(comma))$(RUNTIME)

# The wheels leave this behind in the environment; another interpreter must not see it.
unexport _ROS_WHEELS_BOOTSTRAP_COMPLETE
export PIP_DISABLE_PIP_VERSION_CHECK := 1

VENV_MADE := $(VENV)/.made-$(ROS)
RUN_READY := $(VENV)/.run-$(RUNTIME)
TEST_READY := $(VENV)/.test-$(RUNTIME)
CONSTRAINTS := $(VENV)/constraints.txt
INSTALLED := $(VENV)/.installed

SOURCES := $(shell find glimpse_ros launch config models resource -type f -not -path '*/__pycache__/*' 2>/dev/null)

.PHONY: explore test bench clean
.DELETE_ON_ERROR:

explore: $(INSTALLED)
	$(VENV)/bin/glimpse explore --out out/explore $(ARGS)

# One thread each: the networks of the tests are tiny, and torch's threads wait for one another for a third of the time.
test: $(TEST_READY) $(INSTALLED)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	OMP_NUM_THREADS=$(or $(OMP_NUM_THREADS),1) $(VENV)/bin/python -m pytest -m 'not slow' $(ARGS)

bench: $(INSTALLED)
	$(VENV)/bin/python -m glimpse_ros.bench $(ARGS)

clean:
	rm -rf $(VENV) build install log *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

# The user's own python3 first: a system ROS is built for that one.
$(VENV_MADE):
	@if [ -z "$(ROS_DISTRO)" ] && [ "$$(uname -sm)" != "Linux x86_64" ]; then \
	    echo "ROS 2 comes as wheels for Linux x86_64 only: on $$(uname -sm) install ROS 2 (Kilted, Jazzy or Humble)" \
	        "from your system's packages and source its setup.bash before make." >&2; exit 1; fi; \
	for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11 python3.10; do \
	    "$$python" -c 'import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 14))' \
	        2>/dev/null && found=$$python && break; done; \
	if [ -z "$$found" ]; then \
	    echo "Python 3.10 to 3.14 with venv is needed and none was found (Debian, Ubuntu: apt install python3-venv)." >&2; \
	    exit 1; fi; \
	echo "Setting up $(VENV) with $$($$found --version), ROS: $(ROS). Once only; it takes a few minutes."; \
	rm -rf $(VENV) && "$$found" -m venv $(if $(ROS_DISTRO),--system-site-packages) $(VENV)
	$(VENV)/bin/python -m pip install --quiet --upgrade pip 'setuptools>=70.1'
	@# A system ROS is compiled for its own numpy; a newer one in the venv would hide that and break the messages.
	@: > $(CONSTRAINTS)
	@$(if $(ROS_DISTRO),$(VENV)/bin/python -c 'import numpy; print("numpy==" + numpy.__version__)' > $(CONSTRAINTS) || true)
	@touch $@

$(RUN_READY): setup.py | $(VENV_MADE)
	$(call install,$(EXTRAS))

$(TEST_READY): setup.py | $(VENV_MADE)
	$(call install,$(EXTRAS)$(comma)test)
	@touch $(RUN_READY)

# Not editable: the venv is to be an ament prefix, with share/glimpse_ros and lib/glimpse_ros in it.
$(INSTALLED): setup.py setup.cfg package.xml $(SOURCES) | $(RUN_READY)
	@rm -rf build/lib build/bdist.* glimpse_ros.egg-info
	$(VENV)/bin/python -m pip install --quiet --no-deps --no-build-isolation .
	@touch $@

# onnxruntime and onnxruntime-gpu hold the same module, so the other one goes first. opencv-python wants the system's
# libGL; where that is missing (a bare container) the headless build serves as well.
define install
	@$(VENV)/bin/python -m pip uninstall --quiet --yes $(if $(filter gpu,$(RUNTIME)),onnxruntime,onnxruntime-gpu) 2>/dev/null; \
	rm -f $(VENV)/.run-* $(VENV)/.test-*
	$(VENV)/bin/python -m pip install --progress-bar off --no-compile --no-build-isolation -c $(CONSTRAINTS) '.[$(1)]'
	@$(VENV)/bin/python -c 'import cv2' 2>/dev/null || { \
	    $(VENV)/bin/python -m pip uninstall --quiet --yes opencv-python && \
	    $(VENV)/bin/python -m pip install --progress-bar off -c $(CONSTRAINTS) opencv-python-headless; }
	@touch $@
endef
