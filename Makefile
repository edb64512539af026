# Two commands do all set-up by themselves: make demo, make test.
#   make demo FACES=PATH   the demo on your own CelebA or folder of pictures
#   make studio            edit faces in the browser
#   make test-all          with the long trials
#   make gpu               what needs a GPU: its tests, and its times
#   make check             format, lint, types, layers

PYTHON ?= python3
VENV ?= .venv
FACES ?= drawn:6000
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Two workers of one thread: threads that share each operation wait for each other. Pages come first, for
# their files take longest, and no worker shall wait for the other at the end.
TEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder tests/studio tests

.PHONY: demo studio test test-all gpu check clean

demo: $(READY)
	$(BIN)/lik demo demo --faces "$(FACES)"

studio: $(READY)
	$(BIN)/lik studio

test: $(READY)
	$(TEST)

test-all: $(READY)
	$(TEST) -m ""

gpu: $(READY)
	benchmarks/gpu.sh $(BIN)/python

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Lik needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $(READY)

clean:
	rm -rf $(VENV) demo build dist
