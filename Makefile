# Needs only Python 3.11 or newer and make; everything else goes into .venv.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: test demo lint types bench chaos docs pins clean

test: .venv/ready  ## the whole gate
	$(BIN)/python tools/gate all

demo:  ## a fresh project, real requests, and what went over the wire (ARGS=--check exits after them)
	$(PYTHON) tools/demo.py $(ARGS)

lint types docs: .venv/ready  ## one part of the gate
	$(BIN)/python tools/gate $@

bench: .venv/ready  ## Velox beside its peers
	$(BIN)/python benchmarks $(ARGS)

chaos: .venv/ready  ## servers killed, stopped and restarted under load; what clients lost
	$(BIN)/python -m benchmarks.chaos $(ARGS)
	$(BIN)/python -m benchmarks.chaos.jobs

pins: .venv/ready  ## write constraints.txt anew from what .venv has
	$(BIN)/python tools/pins.py

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) tools/environment.py '.[all]' && touch $@

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage* build dist docs/_build
